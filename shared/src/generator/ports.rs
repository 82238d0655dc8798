//! What the use case of generators needs of the world.

use std::fmt;
use std::future::Future;

use super::made::{Made, MadeMessage};
use super::request::Task;
use crate::ports::PortResult;

/// One item that a generator is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// What tells this job from all others that are worked on: letters, digits and hyphens.
    pub id: String,
    /// What is asked for.
    pub task: Task,
    /// The collection that the item will be put into, where the request says so.
    pub collection: Option<String>,
}

/// Why a generator gives no item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratorError {
    /// Whether it would fail the same way again.
    pub permanent: bool,
    /// A short, stable word.
    pub reason: String,
    /// What happened, and where there is any, the end of what it wrote to its stderr.
    pub detail: String,
}

impl GeneratorError {
    /// One that stays so until the request or the configuration is another.
    pub fn permanent(reason: &str, detail: impl Into<String>) -> Self {
        Self { permanent: true, reason: reason.to_owned(), detail: detail.into() }
    }

    /// One that a later attempt may not meet.
    pub fn passing(reason: &str, detail: impl Into<String>) -> Self {
        Self { permanent: false, reason: reason.to_owned(), detail: detail.into() }
    }
}

impl fmt::Display for GeneratorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

impl std::error::Error for GeneratorError {}

/// Runs generators.
pub trait RunGenerators {
    /// What each job gave, in order: a text that is meant to be an item, unchecked and of any length that the generator
    /// is allowed. Jobs fail each by itself. Each ends within its generator's time-out, and nothing that it has started
    /// runs on, unless it went out of its way to.
    fn run(&self, jobs: &[Job]) -> impl Future<Output = Vec<Result<String, GeneratorError>>> + Send;
}

/// Publishes items that generators have made.
pub trait PublishMade {
    /// The most bytes that a message may have, its attributes included.
    fn longest(&self) -> usize;

    /// Publishes a batch; each entry is accepted or not.
    fn publish(&self, messages: &[MadeMessage]) -> impl Future<Output = Vec<PortResult<()>>> + Send;
}

/// Keeps items that are too long for a message.
pub trait KeepMade {
    /// Keeps an item; gives the address where whoever gets the message reads it. The same item has the same address, and
    /// another version of it another: a message never leads to an item that it was not sent for.
    fn keep(&self, item: &Made) -> impl Future<Output = PortResult<String>> + Send;
}
