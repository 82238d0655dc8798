//! The dead letters of a queue, as messages of another queue.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use chrono::{DateTime, SecondsFormat, Utc};

use super::batch::is_sendable;
use super::failure::{failed, unavailable};
use super::queue::{self, MOST_BYTES, Queue};
use crate::message::{DeadLetter, REDRIVEN_FIRST};
use crate::ports::{BuryLetters, Delivery, HeldLetter, HoldLetters, PortResult, ReceiveMessages as _};

const REASON: &str = "reason";
const ATTEMPTS: &str = "attempts";
const FIRST: &str = "first";
const LAST: &str = "last";
const ID: &str = "id";
const DETAIL: &str = "detail";

/// What stands before the names of these attributes at a message that was put back; [`REDRIVEN_FIRST`] is one.
const REDRIVEN: &str = "redriven-";

/// The type of an attribute of a message.
const STRING: &str = "String";
const NUMBER: &str = "Number";

/// For how long letters are held, in seconds: a hundred thousand are looked through in that time.
const HELD_FOR: i32 = 900;

/// For how many seconds a look that finds nothing waits. Only one that waits asks all servers of the queue.
const WAIT: u8 = 1;

/// A dead-letter queue. Clones share the client.
///
/// A letter is a message of the unchanged body and the attributes `reason`, `attempts`, `first`, `last`, `id` and
/// `detail`. A message without `reason` was moved by SQS: whoever worked on it timed out or crashed. Of such a one only
/// its own id is known and when it was sent, and `attempts` counts also how often it was looked at.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    sqs: Client,
    url: String,
    queue: Queue,
}

/// A message attribute: its name, its type and its value.
pub(super) struct Attribute {
    name: String,
    kind: &'static str,
    value: String,
}

impl Attribute {
    /// Bytes, as SQS counts them.
    pub(super) fn size(&self) -> usize {
        self.name.len() + self.kind.len() + self.value.len()
    }
}

impl DeadLetterQueue {
    /// The dead-letter queue of this URL.
    #[must_use]
    pub fn new(sqs: Client, url: impl Into<String>) -> Self {
        let url = url.into();
        Self { queue: Queue::new(sqs.clone(), &*url).with_wait(WAIT), sqs, url }
    }
}

impl HoldLetters for DeadLetterQueue {
    /// At most ten, whatever is asked for. They are invisible to all others for a quarter of an hour.
    async fn hold(&self, most: usize) -> PortResult<Vec<HeldLetter>> {
        let messages = self.queue.messages(most, Some(HELD_FOR)).await?;
        let held = messages.iter().map(|message| {
            let delivery = self.queue.delivery(message)?;
            let letter = read(message, &delivery);
            Ok(HeldLetter { id: delivery.id, letter, hold: delivery.receipt })
        });
        held.collect()
    }

    async fn remove(&self, holds: &[String]) -> PortResult<()> {
        self.queue.acknowledge(holds).await
    }

    async fn let_go(&self, holds: &[String]) -> PortResult<()> {
        self.queue.release(holds, 0).await
    }
}

impl BuryLetters for DeadLetterQueue {
    /// The detail is cut to what fits beside the body; where not even the rest does, that is left out from the end of
    /// the list above. The body is never changed.
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        let place = format!("the dead-letter queue {}", self.url);
        let attributes =
            encoded(&attributes(letter, "")).map_err(|error| unavailable(format!("sending to {place}"), &error))?;
        let request = self.sqs.send_message().queue_url(&self.url).message_body(&letter.body);
        match request.set_message_attributes(attributes).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("sending to", &place, error)),
        }
    }
}

/// What is said about a letter that is put back.
pub(super) fn history(letter: &DeadLetter) -> Vec<Attribute> {
    attributes(letter, REDRIVEN)
}

/// When a message that was put back was sent first.
pub(super) fn first_sent(message: &Message) -> Option<DateTime<Utc>> {
    let value = message.message_attributes()?.get(REDRIVEN_FIRST)?.string_value()?;
    Some(DateTime::parse_from_rfc3339(value).ok()?.with_timezone(&Utc))
}

/// Attributes as a request takes them; none where there are none.
pub(super) fn encoded(attributes: &[Attribute]) -> Result<Option<HashMap<String, MessageAttributeValue>>, BuildError> {
    let encoded = attributes.iter().map(|Attribute { name, kind, value }| {
        Ok((name.clone(), MessageAttributeValue::builder().data_type(*kind).string_value(value).build()?))
    });
    let encoded = encoded.collect::<Result<HashMap<_, _>, BuildError>>()?;
    Ok(Some(encoded).filter(|encoded| !encoded.is_empty()))
}

/// What is said about a letter, as far as it fits beside its body, the names behind a prefix.
fn attributes(letter: &DeadLetter, prefix: &str) -> Vec<Attribute> {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    let mut left = MOST_BYTES.saturating_sub(letter.body.len());
    let mut attributes = Vec::with_capacity(6);
    for (name, kind, value) in [
        (REASON, STRING, sendable(&letter.reason)),
        (ATTEMPTS, NUMBER, letter.attempts.to_string()),
        (FIRST, STRING, time(letter.first)),
        (LAST, STRING, time(letter.last)),
        (ID, STRING, sendable(&letter.id)),
        (DETAIL, STRING, sendable(&letter.detail)),
    ] {
        let Some(room) = left.checked_sub(prefix.len() + name.len() + kind.len()) else {
            break;
        };
        let value = match name {
            DETAIL => cut(value, room),
            _ if value.len() > room => break,
            _ => value,
        };
        // An empty value is refused.
        if !value.is_empty() {
            left = room - value.len();
            attributes.push(Attribute { name: format!("{prefix}{name}"), kind, value });
        }
    }
    attributes
}

/// The text with a question mark for each character that a message may not hold.
fn sendable(text: &str) -> String {
    text.chars().map(|character| if is_sendable(character) { character } else { '?' }).collect()
}

/// The beginning of a text, in at most so many bytes.
fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

fn read(message: &Message, delivery: &Delivery) -> DeadLetter {
    let attribute = |name: &str| {
        let value = message.message_attributes().and_then(|attributes| attributes.get(name));
        value.and_then(MessageAttributeValue::string_value)
    };
    let text = |name| attribute(name).unwrap_or_default().to_owned();
    let time = |name| {
        let time = attribute(name).and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        time.map(|time| time.with_timezone(&Utc))
    };
    DeadLetter {
        id: attribute(ID).unwrap_or(&delivery.id).to_owned(),
        body: delivery.body.clone(),
        reason: text(REASON),
        detail: text(DETAIL),
        first: time(FIRST).or(delivery.sent).unwrap_or_default(),
        last: time(LAST).or_else(|| queue::sent(message)).unwrap_or_default(),
        attempts: attribute(ATTEMPTS).and_then(|attempts| attempts.parse().ok()).unwrap_or(delivery.receives),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn letter(body: usize, detail: &str) -> DeadLetter {
        DeadLetter {
            id: "an id".to_owned(),
            body: "b".repeat(body),
            reason: "xml".to_owned(),
            detail: detail.to_owned(),
            first: DateTime::UNIX_EPOCH,
            last: DateTime::UNIX_EPOCH,
            attempts: 3,
        }
    }

    fn size(letter: &DeadLetter) -> usize {
        letter.body.len() + attributes(letter, "").iter().map(Attribute::size).sum::<usize>()
    }

    fn names(letter: &DeadLetter) -> Vec<String> {
        attributes(letter, "").into_iter().map(|attribute| attribute.name).collect()
    }

    #[test]
    fn a_detail_is_cut_between_characters_so_that_the_message_fits() {
        let long = "é".repeat(MOST_BYTES);
        for body in [10, 1_000, 900_001, 900_002] {
            let letter = letter(body, &long);
            assert!((MOST_BYTES - 1..=MOST_BYTES).contains(&size(&letter)), "{}", size(&letter));
            assert_eq!(names(&letter), [REASON, ATTEMPTS, FIRST, LAST, ID, DETAIL]);
        }
    }

    #[test]
    fn beside_the_longest_bodies_stands_what_fits_the_reason_first() {
        for room in 0..200 {
            let letter = letter(MOST_BYTES - room, "detail");
            assert!(size(&letter) <= MOST_BYTES);
            assert_eq!(names(&letter).contains(&REASON.to_owned()), room >= "reasonStringxml".len(), "{room}");
        }
    }

    #[test]
    fn what_a_message_may_not_hold_does_not_keep_a_letter_from_being_sent() {
        let mut letter = letter(1, "a\0b\u{1b}c");
        letter.reason = String::new();
        let attributes = attributes(&letter, "");
        assert!(attributes.iter().all(|attribute| attribute.name != REASON && !attribute.value.is_empty()));
        assert_eq!(attributes.last().unwrap().value, "a?b?c");
    }
}
