//! Statements that are sent together, so that all of them cost one round trip.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures::future::{MaybeDone, maybe_done};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row};

/// A parameter and its type, so that a statement needs no round trip to be prepared, nor a pooler in between to know it.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A statement with its parameters.
pub(super) struct Statement<'a> {
    sql: &'static str,
    parameters: Vec<Parameter<'a>>,
}

impl<'a> Statement<'a> {
    pub(super) fn new<const N: usize>(sql: &'static str, parameters: [Parameter<'a>; N]) -> Self {
        Self { sql, parameters: parameters.into() }
    }

    pub(super) fn bare(sql: &'static str) -> Self {
        Self { sql, parameters: Vec::new() }
    }
}

/// Sends statements and waits for all their answers; gives their rows.
///
/// The database takes them one after the other, whatever becomes of those before. Within a transaction the first failure
/// makes all others fail, and the end of the transaction roll it back: so it is that failure which is given.
pub(super) async fn send(client: &Client, statements: &[Statement<'_>]) -> Result<Vec<Vec<Row>>, Error> {
    let mut answers: Vec<Pin<Box<MaybeDone<_>>>> = statements
        .iter()
        .map(|statement| Box::pin(maybe_done(client.query_typed(statement.sql, &statement.parameters))))
        .collect();
    // A statement is sent when its future is polled first, which happens here in their order.
    poll_fn(|context| {
        let waiting = answers.iter_mut().filter_map(|answer| answer.as_mut().poll(context).is_pending().then_some(()));
        if waiting.count() == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.iter_mut().filter_map(|answer| answer.as_mut().take_output()).collect()
}
