//! Many requests at a time, and many entries in a request.

use futures::stream::{self, StreamExt as _};

use super::failure::failed_entry;
use crate::ports::{PortError, PortResult};

/// How many requests of one call are under way at a time.
const AT_ONCE: usize = 16;

/// The most entries that a batch request of SQS or SNS takes.
pub(super) const MOST_ENTRIES: usize = 10;

/// The results of all futures, in their order; a bounded number of them runs at a time.
pub(super) async fn bounded<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    at_once(AT_ONCE, futures).await
}

/// The results of all futures, in their order; `most` of them run at a time.
pub(super) async fn at_once<F: Future>(most: usize, futures: Vec<F>) -> Vec<F::Output> {
    stream::iter(futures).buffered(most).collect().await
}

/// Cuts entries into batches: ranges of their positions. A batch has at most [`MOST_ENTRIES`] entries and at most
/// `limit` bytes; an entry that is longer alone is a batch of its own.
pub(super) fn batches(sizes: &[usize], limit: usize) -> Vec<std::ops::Range<usize>> {
    let mut batches = Vec::with_capacity(sizes.len().div_ceil(MOST_ENTRIES));
    let (mut start, mut bytes) = (0, 0);
    for (at, size) in sizes.iter().enumerate() {
        if at > start && (at - start == MOST_ENTRIES || bytes + size > limit) {
            batches.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < sizes.len() {
        batches.push(start..sizes.len());
    }
    batches
}

/// The answer for each entry of a batch request: its position is its id.
pub(super) struct Answers {
    what: String,
    entries: Vec<Option<PortResult<()>>>,
}

impl Answers {
    /// None of `entries` is answered yet.
    pub(super) fn new(what: String, entries: usize) -> Self {
        Self { what, entries: (0..entries).map(|_| None).collect() }
    }

    /// The entry was accepted.
    pub(super) fn accepted(&mut self, id: &str) {
        self.answered(id, Ok(()));
    }

    /// The entry was not.
    pub(super) fn failed(&mut self, id: &str, code: &str, message: Option<&str>, senders_fault: bool) {
        self.answered(id, Err(failed_entry(&self.what, code, message, senders_fault)));
    }

    fn answered(&mut self, id: &str, result: PortResult<()>) {
        if let Some(entry) = id.parse().ok().and_then(|at: usize| self.entries.get_mut(at)) {
            *entry = Some(result);
        }
    }

    /// One answer for each entry. An entry that was not answered must never count as done.
    pub(super) fn into_results(self) -> Vec<PortResult<()>> {
        let what = self.what;
        let missing =
            || Err(PortError::Unavailable { what: what.clone(), source: "there was no answer for this entry".into() });
        self.entries.into_iter().map(|entry| entry.unwrap_or_else(missing)).collect()
    }
}

/// The same failure for each entry of a request that failed as a whole.
pub(super) fn all_failed(entries: usize, error: &PortError) -> Vec<PortResult<()>> {
    (0..entries).map(|_| Err(again(error))).collect()
}

/// The same failure once more. What the service said becomes text.
fn again(error: &PortError) -> PortError {
    match error {
        PortError::NotFound { what } => PortError::NotFound { what: what.clone() },
        PortError::Precondition { what } => PortError::Precondition { what: what.clone() },
        PortError::TooLarge { what, size, limit } => {
            PortError::TooLarge { what: what.clone(), size: *size, limit: *limit }
        }
        PortError::NotAFile { what, found } => PortError::NotAFile { what: what.clone(), found },
        PortError::Denied { what, source } => {
            PortError::Denied { what: what.clone(), source: source.to_string().into() }
        }
        PortError::Unavailable { what, source } => {
            PortError::Unavailable { what: what.clone(), source: source.to_string().into() }
        }
    }
}

/// Whether queues and topics take this text: not empty, and only characters that XML 1.0 allows.
pub(super) fn check_text(what: &str, text: &str) -> PortResult<()> {
    let reason = if text.is_empty() {
        "it is empty"
    } else if !text.chars().all(is_sendable) {
        "it holds a character that a message may not hold"
    } else {
        return Ok(());
    };
    Err(PortError::Denied { what: what.to_owned(), source: reason.into() })
}

/// Whether a message may hold this character.
pub(super) fn is_sendable(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_ten_entries_and_no_more_bytes_than_the_limit() {
        assert!(batches(&[], 100).is_empty());
        assert_eq!(batches(&[1; 25], 100), [0..10, 10..20, 20..25]);
        assert_eq!(batches(&[60, 40, 1, 99, 1], 100), [0..2, 2..4, 4..5]);
        assert_eq!(batches(&[200, 200, 1], 100), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn an_entry_that_is_not_answered_has_failed() {
        let mut answers = Answers::new("sending".to_owned(), 3);
        answers.accepted("1");
        answers.accepted("7");
        answers.accepted("x");
        answers.failed("2", "InternalError", None, false);
        let done: Vec<bool> = answers.into_results().iter().map(Result::is_ok).collect();
        assert_eq!(done, [false, true, false]);
    }

    #[test]
    fn a_text_that_no_message_may_hold_is_told_before_it_is_sent() {
        for bad in ["", "a\0b", "\u{1b}", "\u{ffff}"] {
            assert!(check_text("a body", bad).is_err(), "{bad:?}");
        }
        assert!(check_text("a body", "a\n\té日本😀").is_ok());
    }
}
