//! A connection for searches: read-only, to a database whose pgstac is one that is known.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::failure::failed;
use super::target::Locate;
use super::version::has_many_base_items;
use super::{session, statements};
use crate::ports::PortResult;

/// A connection. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) client: Client,
    is_newer: bool,
    place: String,
    task: JoinHandle<()>,
}

impl Reader {
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Which database this is.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Whether its pgstac is 0.10 or later, by what its functions are called with.
    pub(super) fn is_newer(&self) -> bool {
        self.is_newer
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects. A statement may take `time_out`.
pub(super) async fn connect(database: &impl Locate, time_out: Duration) -> PortResult<Reader> {
    let (client, task, place) = session::dial(database).await?;
    let mut reader = Reader { client, is_newer: true, place, task };
    let time_out = format!("{}ms", time_out.as_millis());
    let behaved = reader.client.query_typed(statements::BEHAVE_AS_READER, &[(&time_out, Type::TEXT)]).await;
    behaved.map_err(|error| failed("preparing a session of", &reader.place, &error))?;
    let version = session::version(&reader.client, &reader.place).await?;
    reader.is_newer = has_many_base_items(&version, &reader.place)?;
    Ok(reader)
}
