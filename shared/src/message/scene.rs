//! Messages about scenes: S3 events, bare or in an SNS envelope.

use chrono::{DateTime, Utc};

use crate::ports::SourceObject;

/// One record of a message: something happened to a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneRecord {
    /// The object that the event names: the scene's quicklook or its XML.
    pub source: SourceObject,
    /// The object was removed: the scene is to be withdrawn.
    pub removed: bool,
    /// The item goes to the internal topic.
    pub reprocess: bool,
    /// Never skipped as unchanged.
    pub force: bool,
    /// The key of the scene's quicklook, when the event names the XML.
    pub quicklook: Option<String>,
    /// The id of the message; it survives redelivery and redrive.
    pub message_id: Option<String>,
    /// When the event happened.
    pub time: Option<DateTime<Utc>>,
}

/// Why a message was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MessageError(pub String);
