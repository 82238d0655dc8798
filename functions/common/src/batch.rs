//! A batch of an SQS queue: in as deliveries, out as the records that failed.
//!
//! SQS deletes what the response does not name. So a record is left out of it only when the use case has acknowledged
//! it: whatever else happens to a record, also a panic, it is named and comes back, alone.

use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use chrono::DateTime;
use futures::FutureExt as _;
use lazycat::generate::{self, Refusal};
use lazycat::message::REDRIVEN_FIRST;
use lazycat::ports::Delivery;
use lazycat::update;

/// The attribute of a record that says how often it was received.
const RECEIVES: &str = "ApproximateReceiveCount";

/// The attribute of a record that says when it was sent, in milliseconds since 1970.
const SENT: &str = "SentTimestamp";

/// Why an event is no batch. The whole invocation fails, so that its messages, if there are any, come back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// SQS never sends this.
    #[error("the event has no records; this function works on batches of an SQS queue")]
    Empty,
    /// A record that fails could not be named.
    #[error("Records[{at}] has no messageId")]
    Nameless {
        /// Its place in the event.
        at: usize,
    },
}

/// What a use case tells of a batch.
pub trait Report {
    /// For each message, whether it may be deleted.
    fn acknowledged(&self) -> &[bool];
    /// What went to the dead letters: what it is about, a word for the reason, and a sentence.
    fn refused(&self) -> impl Iterator<Item = (&str, &str, &str)>;
    /// Why the others come back.
    fn troubles(&self) -> &[String];
}

impl Report for generate::Report {
    fn acknowledged(&self) -> &[bool] {
        &self.acknowledged
    }

    fn refused(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.refused.iter().map(told)
    }

    fn troubles(&self) -> &[String] {
        &self.troubles
    }
}

impl Report for update::Report {
    fn acknowledged(&self) -> &[bool] {
        &self.acknowledged
    }

    fn refused(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.refused.iter().map(told)
    }

    fn troubles(&self) -> &[String] {
        &self.troubles
    }
}

#[cfg(feature = "search")]
impl Report for lazycat::search::load::Report {
    fn acknowledged(&self) -> &[bool] {
        &self.acknowledged
    }

    fn refused(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.refused.iter().map(|refused| (&*refused.record, &*refused.reason, &*refused.detail))
    }

    fn troubles(&self) -> &[String] {
        &self.troubles
    }
}

#[cfg(feature = "generators")]
impl Report for lazycat::generator::from_request::Report {
    fn acknowledged(&self) -> &[bool] {
        &self.acknowledged
    }

    fn refused(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.refused.iter().map(told)
    }

    fn troubles(&self) -> &[String] {
        &self.troubles
    }
}

fn told(refused: &Refusal) -> (&str, &str, &str) {
    (&refused.scene, &refused.reason, &refused.detail)
}

/// What became of a batch.
#[derive(Debug)]
pub struct Worked<R> {
    /// What the use case told: once, or where the batch panicked, for each record that did not.
    pub reports: Vec<R>,
    /// The ids of the messages that come back.
    pub returned: Vec<String>,
    /// How many records panicked.
    pub panicked: usize,
}

/// The records of an event.
///
/// A record without a body is one with an empty body: the use case refuses it, with a reason.
///
/// # Errors
///
/// [`EventError`].
pub fn deliveries(event: SqsEvent) -> Result<Vec<Delivery>, EventError> {
    if event.records.is_empty() {
        return Err(EventError::Empty);
    }
    event.records.into_iter().enumerate().map(|(at, record)| delivery(at, record)).collect()
}

fn delivery(at: usize, record: SqsMessage) -> Result<Delivery, EventError> {
    let attribute = |name| record.attributes.get(name);
    let receives = attribute(RECEIVES).and_then(|count| count.parse().ok()).unwrap_or(1);
    let sent = attribute(SENT).and_then(|sent| sent.parse().ok()).and_then(DateTime::from_timestamp_millis);
    // A message that was put back was sent before.
    let first = record.message_attributes.get(REDRIVEN_FIRST).and_then(|first| first.string_value.as_deref());
    let first = first.and_then(|first| DateTime::parse_from_rfc3339(first).ok()).map(|first| first.to_utc());
    Ok(Delivery {
        id: record.message_id.filter(|id| !id.is_empty()).ok_or(EventError::Nameless { at })?,
        body: record.body.unwrap_or_default(),
        receives,
        sent: first.or(sent),
        receipt: record.receipt_handle.unwrap_or_default(),
    })
}

/// Works on a batch. When that panics, each record is worked on alone, so that only those fail that panic by
/// themselves; all use cases may be done again, also from the middle. What was refused and what comes back is logged.
pub async fn work<R: Report>(deliveries: &[Delivery], work: impl AsyncFn(&[Delivery]) -> R) -> Worked<R> {
    let mut worked = Worked { reports: Vec::new(), returned: Vec::new(), panicked: 0 };
    match contained(&work, deliveries).await {
        Some(report) => worked.take(deliveries, report),
        // There is no other record that could be the one.
        None if deliveries.len() == 1 => worked.take_panic(&deliveries[0]),
        None => {
            tracing::error!(records = deliveries.len(), "the batch panicked; each record is worked on alone");
            for delivery in deliveries {
                let alone = std::slice::from_ref(delivery);
                match contained(&work, alone).await {
                    Some(report) => worked.take(alone, report),
                    None => worked.take_panic(delivery),
                }
            }
        }
    }
    worked
}

/// What `work` gives; none when it panics.
async fn contained<R>(work: &impl AsyncFn(&[Delivery]) -> R, deliveries: &[Delivery]) -> Option<R> {
    // Nothing that the use case has touched is looked at again: it is dropped with its future. That is boxed, for it
    // holds those of all its requests, and the compiler does not go deeper than so far.
    AssertUnwindSafe(Box::pin(work(deliveries))).catch_unwind().await.ok()
}

impl<R: Report> Worked<R> {
    fn take(&mut self, deliveries: &[Delivery], report: R) {
        for (subject, reason, detail) in report.refused() {
            tracing::warn!(subject, reason, detail, "refused: it is with the dead letters");
        }
        for trouble in report.troubles() {
            tracing::warn!(trouble, "a record comes back");
        }
        let mut acknowledged = report.acknowledged().iter();
        for delivery in deliveries {
            if acknowledged.next() != Some(&true) {
                self.returned.push(delivery.id.clone());
            }
        }
        self.reports.push(report);
    }

    fn take_panic(&mut self, delivery: &Delivery) {
        tracing::error!(message = delivery.id, "the record panicked; it comes back");
        self.returned.push(delivery.id.clone());
        self.panicked += 1;
    }

    /// What SQS is answered: exactly the records that come back.
    #[must_use]
    pub fn response(&self) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        for id in &self.returned {
            response.add_failure(id);
        }
        response
    }

    /// The sum of a number over all reports.
    pub fn sum(&self, number: impl Fn(&R) -> usize) -> usize {
        self.reports.iter().map(number).sum()
    }
}
