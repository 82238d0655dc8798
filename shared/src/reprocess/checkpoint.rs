//! How far a job has come, and where that is written down.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Counts, Job, ReprocessError};
use crate::ports::{KeepCheckpoints, PortError};

/// The longest name of a job.
const LONGEST_NAME: usize = 64;

/// How far a job has come. Everything up to the key `after` is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) job: Job,
    pub(super) message_id: String,
    pub(super) started: DateTime<Utc>,
    pub(super) after: Option<String>,
    pub(super) counts: Counts,
}

impl Checkpoint {
    pub(super) fn new(job: Job, message_id: String, started: DateTime<Utc>) -> Self {
        Self { job, message_id, started, after: None, counts: Counts::default() }
    }
}

/// A checkpoint as it stands in its place. Whoever finds another one there has been overtaken.
pub(super) struct Kept<'a, C> {
    port: &'a C,
    name: String,
    /// What stands there, to the letter.
    document: String,
    pub(super) checkpoint: Checkpoint,
}

impl<'a, C: KeepCheckpoints> Kept<'a, C> {
    /// The checkpoint of this name, when there is one.
    pub(super) async fn read(port: &'a C, name: &str) -> Result<Option<Self>, ReprocessError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if !(1..=LONGEST_NAME).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(ReprocessError::Name { name: name.chars().take(120).collect() });
        }
        let Some(document) = port.checkpoint(name).await? else { return Ok(None) };
        let checkpoint = serde_json::from_str(&document)
            .map_err(|source| ReprocessError::Checkpoint { name: name.to_owned(), source })?;
        Ok(Some(Self { port, name: name.to_owned(), document, checkpoint }))
    }

    /// Writes the first checkpoint of a job.
    pub(super) async fn start(port: &'a C, name: &str, checkpoint: Checkpoint) -> Result<Self, ReprocessError> {
        let document = encode(name, &checkpoint)?;
        port.keep(name, &document, None).await.map_err(|error| overtaken(name, error))?;
        Ok(Self { port, name: name.to_owned(), document, checkpoint })
    }

    /// Writes down that everything up to `after` is sent.
    pub(super) async fn advance(&mut self, after: &str, counts: Counts) -> Result<(), ReprocessError> {
        if self.checkpoint.after.as_deref() == Some(after) {
            return Ok(());
        }
        let checkpoint = Checkpoint { after: Some(after.to_owned()), counts, ..self.checkpoint.clone() };
        let document = encode(&self.name, &checkpoint)?;
        let kept = self.port.keep(&self.name, &document, Some(&self.document)).await;
        kept.map_err(|error| overtaken(&self.name, error))?;
        (self.document, self.checkpoint) = (document, checkpoint);
        Ok(())
    }

    /// The job has ended.
    pub(super) async fn forget(&self) -> Result<(), ReprocessError> {
        self.port.forget(&self.name, &self.document).await.map_err(|error| overtaken(&self.name, error))
    }
}

fn encode(name: &str, checkpoint: &Checkpoint) -> Result<String, ReprocessError> {
    serde_json::to_string(checkpoint).map_err(|source| ReprocessError::Checkpoint { name: name.to_owned(), source })
}

fn overtaken(name: &str, error: PortError) -> ReprocessError {
    match error {
        PortError::Precondition { .. } => ReprocessError::Overtaken { name: name.to_owned() },
        error => error.into(),
    }
}
