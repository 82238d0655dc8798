//! The dead letters of a queue.

use aws_sdk_sqs::Client;

use crate::message::DeadLetter;
use crate::ports::{BuryLetters, PortError, PortResult};

/// A dead-letter queue. Clones share the client.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    sqs: Client,
    url: String,
}
impl DeadLetterQueue {
    /// The dead-letter queue of this URL.
    #[must_use]
    pub fn new(sqs: Client, url: impl Into<String>) -> Self {
        Self { sqs, url: url.into() }
    }
}
impl BuryLetters for DeadLetterQueue {
    async fn bury(&self, _: &DeadLetter) -> PortResult<()> {
        let _ = &self.sqs;
        Err(PortError::Unavailable { what: self.url.clone(), source: "not yet".into() })
    }
}
