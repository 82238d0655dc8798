//! One document on its way into the catalog.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::record::Record;
use crate::conclusion::Trouble;
use crate::layout::Placed;
use crate::level::Level;
use crate::stac::StoredItem;
use crate::stac::foreign::{self, Seen};

/// One item or collection of one message, or a withdrawal.
pub(super) struct Task {
    /// Which message it came with.
    pub(super) delivery: usize,
    /// What people know it by.
    pub(super) subject: String,
    /// Its collection and its id.
    pub(super) name: (Option<String>, String),
    /// The name of its record.
    pub(super) record: String,
    /// When its event happened.
    pub(super) time: DateTime<Utc>,
    /// The same, as records have it.
    pub(super) version: i64,
    /// Where it came from, as far as that is known.
    pub(super) source: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) force: bool,
    pub(super) given: bool,
    /// Levels that are to be marked beside its own: that of its collection, when its document was written.
    pub(super) also: BTreeSet<Level>,
    pub(super) state: State,
}

/// How far a task has come.
pub(super) enum State {
    /// The item is to be filed.
    Put(Box<Put>),
    /// The item is to be taken out.
    Withdraw,
    /// The collection is to be as it is here.
    Give(Box<foreign::Collection>),
    /// The record says what is to be done; what is not done yet of that is `put`, until it is published.
    Claimed { claim: Claim, put: Option<Box<Put>> },
    /// The document of the collection is written; its level is to be marked.
    Given(Level),
    /// A newer document has been filed elsewhere; nothing is to stand here, whose level is to be marked.
    Cleared(Level),
    /// Another message has done it, or something newer.
    Unchanged,
    /// There is nothing to do or to count: a document that is not filed, or a collection that says so already.
    Ignored,
    /// Something went wrong.
    Failed(Trouble),
}

/// An item to file.
pub(super) struct Put {
    pub(super) placed: Placed,
    pub(super) item: StoredItem,
    pub(super) digest: String,
    /// What it tells of its collection, until that knows.
    pub(super) seen: Option<Seen>,
}

/// A record that was written.
#[derive(Clone)]
pub(super) struct Claim {
    pub(super) record: Record,
    /// As it was written.
    pub(super) text: String,
}

impl Task {
    pub(super) fn fail(&mut self, trouble: Trouble) {
        self.state = State::Failed(trouble);
    }

    /// The levels that it has changed, or left.
    pub(super) fn levels(&self) -> BTreeSet<Level> {
        match &self.state {
            State::Claimed { claim, .. } => {
                let mut levels = super::levels_of(claim.record.key.iter().chain(&claim.record.left));
                levels.extend(self.also.iter().cloned());
                levels
            }
            State::Given(level) | State::Cleared(level) => BTreeSet::from([level.clone()]),
            _ => BTreeSet::new(),
        }
    }
}
