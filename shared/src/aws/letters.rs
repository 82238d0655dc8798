//! The dead letters of a queue, as messages of another queue.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use chrono::{DateTime, SecondsFormat, Utc};

use super::batch::is_sendable;
use super::failure::{failed, unavailable};
use super::queue::{MOST_BYTES, Queue};
use crate::message::DeadLetter;
use crate::ports::{BuryLetters, Delivery, PortResult};

const REASON: &str = "reason";
const ATTEMPTS: &str = "attempts";
const FIRST: &str = "first";
const LAST: &str = "last";
const ID: &str = "id";
const DETAIL: &str = "detail";

/// The type of an attribute of a message.
const STRING: &str = "String";
const NUMBER: &str = "Number";

/// A dead-letter queue. Clones share the client.
///
/// A letter is a message of the unchanged body and the attributes `reason`, `attempts`, `first`, `last`, `id` and
/// `detail`. A message without `reason` was moved by SQS: whoever worked on it timed out or crashed.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    sqs: Client,
    url: String,
    queue: Queue,
}

/// A dead letter as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedLetter {
    /// The letter. One that SQS moved has an empty reason and detail, its own message's id, and for `last` the time at
    /// which it was sent: nothing else is known.
    pub letter: DeadLetter,
    /// How it was delivered this time. It is taken from the dead letters by acknowledging its receipt to
    /// [`DeadLetterQueue::queue`].
    pub delivery: Delivery,
}

impl DeadLetterQueue {
    /// The dead-letter queue of this URL.
    #[must_use]
    pub fn new(sqs: Client, url: impl Into<String>) -> Self {
        let url = url.into();
        Self { queue: Queue::new(sqs.clone(), &*url), sqs, url }
    }

    /// The same queue, to acknowledge and to release letters.
    #[must_use]
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Up to `most` visible letters, at most ten. They are invisible until they are acknowledged, are released, or the
    /// queue's visibility time-out has passed.
    ///
    /// # Errors
    ///
    /// When the queue cannot be read.
    pub async fn receive(&self, most: usize) -> PortResult<Vec<ReceivedLetter>> {
        let messages = self.queue.messages(most).await?;
        messages.iter().map(|message| Ok(read(message, self.queue.delivery(message)?))).collect()
    }
}

impl BuryLetters for DeadLetterQueue {
    /// The detail is cut to what fits beside the body; where not even the rest does, that is left out from the end of
    /// the list above. The body is never changed.
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        let place = format!("the dead-letter queue {}", self.url);
        let mut request = self.sqs.send_message().queue_url(&self.url).message_body(&letter.body);
        for (name, kind, value) in attributes(letter) {
            match MessageAttributeValue::builder().data_type(kind).string_value(value).build() {
                Ok(value) => request = request.message_attributes(name, value),
                Err(error) => return Err(unavailable(format!("sending to {place}"), &error)),
            }
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed("sending to", &place, error)),
        }
    }
}

/// What is said about a letter: names, types and values, as far as they fit beside its body.
fn attributes(letter: &DeadLetter) -> Vec<(&'static str, &'static str, String)> {
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
        let Some(room) = left.checked_sub(name.len() + kind.len()) else {
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
            attributes.push((name, kind, value));
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

fn read(message: &Message, delivery: Delivery) -> ReceivedLetter {
    let attribute = |name: &str| {
        let value = message.message_attributes().and_then(|attributes| attributes.get(name));
        value.and_then(MessageAttributeValue::string_value)
    };
    let text = |name| attribute(name).unwrap_or_default().to_owned();
    let time = |name| {
        let time = attribute(name).and_then(|time| DateTime::parse_from_rfc3339(time).ok());
        time.map(|time| time.with_timezone(&Utc)).or(delivery.sent).unwrap_or_default()
    };
    let letter = DeadLetter {
        id: attribute(ID).unwrap_or(&delivery.id).to_owned(),
        body: delivery.body.clone(),
        reason: text(REASON),
        detail: text(DETAIL),
        first: time(FIRST),
        last: time(LAST),
        attempts: attribute(ATTEMPTS).and_then(|attempts| attempts.parse().ok()).unwrap_or(delivery.receives),
    };
    ReceivedLetter { letter, delivery }
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
        let attributes = attributes(letter);
        letter.body.len()
            + attributes.iter().map(|(name, kind, value)| name.len() + kind.len() + value.len()).sum::<usize>()
    }

    fn names(letter: &DeadLetter) -> Vec<&'static str> {
        attributes(letter).into_iter().map(|(name, _, _)| name).collect()
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
            assert_eq!(names(&letter).contains(&REASON), room >= "reasonStringxml".len(), "{room}");
        }
    }

    #[test]
    fn what_a_message_may_not_hold_does_not_keep_a_letter_from_being_sent() {
        let mut letter = letter(1, "a\0b\u{1b}c");
        letter.reason = String::new();
        let attributes = attributes(&letter);
        assert!(attributes.iter().all(|(name, _, value)| *name != REASON && !value.is_empty()));
        assert_eq!(attributes.last().unwrap().2, "a?b?c");
    }
}
