//! Messages on the item topics: an item that is new or changed, or one that was withdrawn.

use chrono::{DateTime, Utc};

/// Who may see a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody who has subscribed: the topic of new items.
    Public,
    /// The loaders only: the topic of reprocessed items, so that a reprocess does not flood the subscribers.
    Internal,
}

/// What happened to an item.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemEvent {
    /// It was written. The item is in its stored form, with relative links.
    Put(Box<stac::Item>),
    /// It was taken out of the catalog.
    Withdrawn {
        /// The id of its collection.
        collection: String,
        /// Its id.
        id: String,
        /// When the event that withdrew it happened.
        time: DateTime<Utc>,
    },
}

/// An item leaving the catalog. A hint: a subscriber that must be exact re-reads the item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemMessage {
    /// The key of the item in the catalog.
    pub key: String,
    /// Who may see it.
    pub audience: Audience,
    /// What happened.
    pub event: ItemEvent,
}
