//! Wire formats: what stands in queues and topics.
//!
//! [`scene`]: S3 events about scenes, bare or in an SNS envelope. [`filing`]: requests to file the items of others. [`LevelMessage`]: a dirty level on its way to the
//! updater. [`ItemMessage`]: an item leaving the catalog. [`DeadLetter`]: a message that cannot be worked on.

pub mod filing;
pub mod item;
pub mod scene;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::item::{Audience, ItemEvent, ItemMessage};
pub use self::scene::{MessageError, SceneRecord};

use crate::level::{Level, LevelError};

/// How much of what is wrong with one thing is told.
const MOST_LISTED: usize = 8;

/// A message of the update queue: this level is to be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelMessage {
    /// The level to rebuild.
    pub level: Level,
    /// When the earliest event that it stands for happened. For metrics only.
    pub since: DateTime<Utc>,
}

/// [`LevelMessage`] as JSON.
#[derive(Serialize, Deserialize)]
struct LevelBody<'a> {
    level: std::borrow::Cow<'a, str>,
    since: DateTime<Utc>,
}

/// Why a message of the update queue was refused.
#[derive(Debug, thiserror::Error)]
pub enum LevelMessageError {
    /// Not the JSON object that the mover sends.
    #[error("the message is no {{\"level\", \"since\"}} object: {}", complaint(.0))]
    Json(#[from] serde_json::Error),
    /// The level key is none.
    #[error(transparent)]
    Level(#[from] LevelError),
}

/// The same JSON without space between its parts, so that it is one line: many write it for people to read, and a message
/// has bounds.
#[cfg(any(feature = "generators", feature = "validation"))]
pub(crate) fn compact(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            let kept = in_text || !matches!(character, ' ' | '\n' | '\r' | '\t');
            match character {
                '"' if !escaped => in_text = !in_text,
                _ => {}
            }
            escaped = in_text && !escaped && *character == '\\';
            kept
        })
        .collect()
}

/// What is wrong with JSON, in a sentence that can be read: a text in a wrong place may be as long as its document, and is
/// told by its beginning. What was expected, and where, stands behind it.
pub(crate) fn complaint(error: &serde_json::Error) -> String {
    const BEGINNING: usize = 160;
    const END: usize = 120;
    let text = error.to_string();
    let begins = text.char_indices().nth(BEGINNING).map(|(at, _)| at);
    let ends = text.char_indices().nth_back(END).map(|(at, _)| at);
    match (begins, ends) {
        (Some(begins), Some(ends)) if begins < ends => format!("{}…{}", &text[..begins], &text[ends..]),
        _ => text,
    }
}

/// The first of what is wrong, and how many more there are: as much as a person reads, in one line.
pub(crate) fn listed(wrong: &[impl fmt::Display]) -> String {
    let mut told: Vec<String> = wrong.iter().take(MOST_LISTED).map(ToString::to_string).collect();
    if wrong.len() > MOST_LISTED {
        told.push(format!("and {} more", wrong.len() - MOST_LISTED));
    }
    told.join("; ")
}

impl LevelMessage {
    /// The body: `{"level": "CBERS4/MUX/057/121", "since": "2017-06-18T14:00:00Z"}`.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::json!({ "level": self.level.wire(), "since": self.since }).to_string()
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// When it is not what [`LevelMessage::encode`] writes.
    pub fn decode(body: &str) -> Result<Self, LevelMessageError> {
        let body: LevelBody<'_> = serde_json::from_str(body)?;
        Ok(Self { level: Level::from_wire(&body.level)?, since: body.since })
    }
}

/// The message attribute that says when a message that was put back from the dead letters was sent first. Beside it stand
/// `redriven-reason`, `redriven-attempts`, `redriven-last`, `redriven-id` and `redriven-detail`, for people.
pub const REDRIVEN_FIRST: &str = "redriven-first";

/// A message that cannot be worked on, as it is sent to the dead letters of its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's id of the message it was.
    pub id: String,
    /// The unchanged body.
    pub body: String,
    /// A short, stable word for the kind of failure, such as `xml` or `unknown-bucket`: dead letters are counted and
    /// put back by it.
    pub reason: String,
    /// One sentence: which object, which field, what was found, what was expected.
    pub detail: String,
    /// When the message was sent first.
    pub first: DateTime<Utc>,
    /// When it was tried last.
    pub last: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_that_is_wrong_the_first_is_told_and_how_much_more_there_is() {
        assert_eq!(listed(&["a", "b"]), "a; b");
        assert_eq!(listed(&["a"; MOST_LISTED]), "a; a; a; a; a; a; a; a");
        assert_eq!(listed(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), "1; 2; 3; 4; 5; 6; 7; 8; and 2 more");
    }
}
