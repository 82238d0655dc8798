//! The queues.

use aws_sdk_sqs::Client;

use crate::message::LevelMessage;
use crate::ports::{Delivery, PortError, PortResult, ReceiveMessages, SendLevels, SendMessages};

/// One standard queue. Clones share the client.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: Client,
    url: String,
}
impl Queue {
    /// The queue of this URL.
    #[must_use]
    pub fn new(sqs: Client, url: impl Into<String>) -> Self {
        Self { sqs, url: url.into() }
    }
    fn none<T>(&self) -> PortResult<T> {
        let _ = &self.sqs;
        Err(PortError::Unavailable { what: self.url.clone(), source: "not yet".into() })
    }
}
impl SendMessages for Queue {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        bodies.iter().map(|_| self.none()).collect()
    }
}
impl ReceiveMessages for Queue {
    async fn receive(&self, _: usize) -> PortResult<Vec<Delivery>> {
        self.none()
    }
    async fn acknowledge(&self, _: &[String]) -> PortResult<()> {
        self.none()
    }
    async fn release(&self, _: &[String], _: u32) -> PortResult<()> {
        self.none()
    }
}
/// Sends levels to the update queue. Clones share the client.
#[derive(Debug, Clone)]
pub struct LevelQueue(Queue);
impl LevelQueue {
    /// The queue of this URL.
    #[must_use]
    pub fn new(sqs: Client, url: impl Into<String>) -> Self {
        Self(Queue::new(sqs, url))
    }
}
impl SendLevels for LevelQueue {
    async fn send(&self, levels: &[LevelMessage]) -> Vec<PortResult<()>> {
        levels.iter().map(|_| self.0.none()).collect()
    }
}
