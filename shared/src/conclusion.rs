//! The end of a batch: what becomes of each of its messages.
//!
//! A message stands for one record or many. When nothing went wrong with any of them it is acknowledged. A trouble that
//! may pass sends it back to the queue, with all of its records: to do one twice does no harm. When no attempt is left,
//! or none would help, it goes to the dead letters with its reason.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::message::{DeadLetter, listed};
use crate::ports::{BuryLetters, Clock, Delivery, PortError};

/// The reason of a trouble that may pass, and has befallen a port: what stands behind it may be written and not yet marked
/// or published, so letters of this reason are sent back before any other.
pub(crate) const UNAVAILABLE: &str = "unavailable";

/// What went wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// No later attempt mends it.
    pub(crate) permanent: bool,
    /// A short, stable word: dead letters are counted and put back by it.
    pub(crate) reason: String,
    /// One sentence.
    pub(crate) detail: String,
}

impl Trouble {
    /// A port that fails does not mean the record: a later attempt may do it, however it failed.
    pub(crate) fn passing(error: &impl fmt::Display) -> Self {
        Self { permanent: false, reason: UNAVAILABLE.to_owned(), detail: error.to_string() }
    }

    /// One that stays so until the record or the configuration is another.
    pub(crate) fn permanent(reason: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { permanent: true, reason: reason.into(), detail: detail.into() }
    }

    /// A record that has not gone through all steps. It is not done.
    pub(crate) fn unfinished() -> Self {
        Self::passing(&"the task was left unfinished")
    }

    /// A source that cannot be read. One that is not there may come yet: the quicklook's event can run ahead of the XML,
    /// and a file may just be being replaced. What is there and is no file, or is one that may not be read, stays so
    /// until somebody changes it; a folder is then looked at anew, while a service may only have been slow to learn of a
    /// right.
    pub(crate) fn reading(error: &PortError, in_a_folder: bool) -> Self {
        let (permanent, reason) = match error {
            PortError::NotFound { .. } => (false, "not-found"),
            PortError::NotAFile { .. } => (true, "not-a-file"),
            PortError::TooLarge { .. } => (true, "too-large"),
            PortError::Denied { .. } => (in_a_folder, "no-permission"),
            // Told apart from a trouble with writing: nothing has been written yet.
            PortError::Precondition { .. } | PortError::Unavailable { .. } => (false, "unreadable"),
        };
        Self { permanent, reason: reason.to_owned(), detail: error.to_string() }
    }
}

/// A record that is not done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What people know the record by.
    pub(crate) subject: String,
    pub(crate) trouble: Trouble,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.trouble.detail)
    }
}

/// The failures of a batch, by message, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Failures(BTreeMap<usize, Vec<Failure>>);

impl Failures {
    /// Notes what went wrong with a record of the message at this place of the batch.
    pub(crate) fn add(&mut self, delivery: usize, subject: impl Into<String>, trouble: Trouble) {
        self.0.entry(delivery).or_default().push(Failure { subject: subject.into(), trouble });
    }
}

/// What became of the messages of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Conclusion {
    /// For each message, whether it is done with and may be acknowledged; the others come back.
    pub(crate) acknowledged: Vec<bool>,
    /// The records that went to the dead letters.
    pub(crate) refused: Vec<Failure>,
    /// Why the messages that are not acknowledged come back.
    pub(crate) troubles: Vec<String>,
}

/// Decides for each message: done, back to the queue, or to the dead letters. A trouble that may pass sends it there once
/// it was received `attempts` times.
pub(crate) async fn conclude<L: BuryLetters, C: Clock>(
    letters: &L,
    clock: &C,
    attempts: u32,
    deliveries: &[Delivery],
    failures: Failures,
) -> Conclusion {
    let mut conclusion = Conclusion { acknowledged: vec![true; deliveries.len()], ..Conclusion::default() };
    for (at, failures) in failures.0 {
        let delivery = &deliveries[at];
        let passing = failures.iter().find(|failure| !failure.trouble.permanent);
        if let (Some(failure), true) = (passing, delivery.receives < attempts) {
            conclusion.acknowledged[at] = false;
            conclusion.troubles.push(failure.to_string());
            continue;
        }
        // What is owed must not wait for a hand: a port that has failed decides when the letter is tried again, and
        // otherwise a trouble that may pass.
        let owed = failures.iter().find(|failure| failure.trouble.reason == UNAVAILABLE);
        let reason = &owed.or(passing).unwrap_or(&failures[0]).trouble.reason;
        match bury(letters, delivery, reason, listed(&failures), clock.now()).await {
            Ok(()) => conclusion.refused.extend(failures),
            Err(trouble) => {
                conclusion.acknowledged[at] = false;
                conclusion.troubles.push(trouble);
            }
        }
    }
    conclusion
}

/// Sends a message to the dead letters. I1, I8: it may be acknowledged only when they hold it.
///
/// # Errors
///
/// Why it comes back.
pub(crate) async fn bury<L: BuryLetters>(
    letters: &L,
    delivery: &Delivery,
    reason: &str,
    detail: String,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let buried = letters.bury(&letter(delivery, reason, detail, now)).await;
    buried.map_err(|error| format!("the dead letters take no message: {error}"))
}

/// The dead letter of a message.
pub(crate) fn letter(delivery: &Delivery, reason: &str, detail: String, now: DateTime<Utc>) -> DeadLetter {
    DeadLetter {
        id: delivery.id.clone(),
        body: delivery.body.clone(),
        reason: reason.to_owned(),
        detail,
        first: delivery.sent.unwrap_or(now),
        last: now,
        attempts: delivery.receives,
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::memory::Memory;
    use crate::ports::PortResult;

    const ATTEMPTS: u32 = 3;

    fn delivery(receives: u32) -> Delivery {
        let (id, body) = ("m".to_owned(), "the body".to_owned());
        Delivery { id, body, receives, sent: None, receipt: "r".to_owned() }
    }

    /// What becomes of a batch, and the letters that are there then.
    fn concluded(deliveries: &[Delivery], failures: &[(usize, &str, Trouble)]) -> (Conclusion, Vec<DeadLetter>) {
        let mut noted = Failures::default();
        for (at, subject, trouble) in failures {
            noted.add(*at, *subject, trouble.clone());
        }
        let memory = Memory::new(1);
        let letters = memory.scenes.letters();
        let conclusion = block_on(conclude(&letters, &memory.time, ATTEMPTS, deliveries, noted));
        (conclusion, letters.snapshot())
    }

    fn subjects(failures: &[Failure]) -> Vec<&str> {
        failures.iter().map(|failure| failure.subject.as_str()).collect()
    }

    fn wrong() -> Trouble {
        Trouble::permanent("xml", "it is wrong")
    }

    fn busy() -> Trouble {
        Trouble::passing(&"it is busy")
    }

    #[test]
    fn a_message_without_a_failure_is_acknowledged() {
        let (conclusion, letters) = concluded(&[delivery(1), delivery(9)], &[]);
        assert_eq!(conclusion, Conclusion { acknowledged: vec![true, true], ..Conclusion::default() });
        assert_eq!(letters, []);
    }

    #[test]
    fn what_may_pass_comes_back_whole_and_says_why_and_its_neighbours_do_not() {
        let failures = [(1, "a", wrong()), (1, "b", busy()), (1, "c", busy())];
        let (conclusion, letters) = concluded(&[delivery(1), delivery(ATTEMPTS - 1), delivery(1)], &failures);
        assert_eq!(conclusion.acknowledged, [true, false, true]);
        assert_eq!((conclusion.troubles, conclusion.refused), (vec!["b: it is busy".to_owned()], vec![]));
        assert_eq!(letters, []);
    }

    #[test]
    fn what_cannot_pass_is_kept_at_its_first_attempt_with_its_first_reason_and_every_detail() {
        let odd = Trouble::permanent("key", "it is odd");
        let sent = DateTime::UNIX_EPOCH;
        let (conclusion, letters) =
            concluded(&[Delivery { sent: Some(sent), ..delivery(1) }], &[(0, "a", wrong()), (0, "b", odd)]);
        assert_eq!((conclusion.acknowledged, conclusion.troubles), (vec![true], vec![]));
        assert_eq!(subjects(&conclusion.refused), ["a", "b"]);
        assert_eq!(letters.len(), 1);
        let letter = &letters[0];
        assert_eq!((letter.id.as_str(), letter.body.as_str(), letter.attempts), ("m", "the body", 1));
        assert_eq!((letter.reason.as_str(), letter.detail.as_str()), ("xml", "a: it is wrong; b: it is odd"));
        assert_eq!((letter.first, letter.last), (sent, Memory::new(1).time.now()));
    }

    #[test]
    fn a_letter_has_the_reason_of_a_trouble_that_may_pass_whatever_else_is_wrong() {
        for failures in [[(0, "a", wrong()), (0, "b", busy())], [(0, "b", busy()), (0, "a", wrong())]] {
            let (conclusion, letters) = concluded(&[delivery(ATTEMPTS)], &failures);
            assert_eq!((conclusion.acknowledged, conclusion.refused.len()), (vec![true], 2));
            assert_eq!((letters.len(), letters[0].reason.as_str()), (1, UNAVAILABLE));
            assert_eq!(letters[0].first, letters[0].last, "it is not known when it was sent");
        }
    }

    #[test]
    fn a_port_that_has_failed_gives_the_reason_over_what_is_not_there_yet() {
        let missing = Trouble::reading(&PortError::NotFound { what: "x".to_owned() }, false);
        let (_, letters) = concluded(&[delivery(ATTEMPTS)], &[(0, "a", missing.clone()), (0, "b", busy())]);
        assert_eq!(letters[0].reason, UNAVAILABLE);
        let (_, letters) = concluded(&[delivery(ATTEMPTS)], &[(0, "a", wrong()), (0, "b", missing)]);
        assert_eq!(letters[0].reason, "not-found");
    }

    #[test]
    fn a_letter_of_many_failures_tells_the_first_and_how_many_more_there_are_and_all_are_refused() {
        let many: Vec<_> = (0..10).map(|_| (0, "s", wrong())).collect();
        let (conclusion, letters) = concluded(&[delivery(1)], &many);
        assert_eq!(conclusion.refused.len(), 10);
        assert_eq!(letters[0].detail, format!("{}and 2 more", "s: it is wrong; ".repeat(8)));
    }

    #[test]
    fn a_message_that_the_dead_letters_do_not_take_comes_back() {
        struct Full;
        impl BuryLetters for Full {
            async fn bury(&self, _letter: &DeadLetter) -> PortResult<()> {
                Err(PortError::Unavailable { what: "bury".to_owned(), source: "full".into() })
            }
        }
        let mut failures = Failures::default();
        failures.add(0, "a", wrong());
        let time = Memory::new(1).time;
        let conclusion = block_on(conclude(&Full, &time, ATTEMPTS, &[delivery(1), delivery(1)], failures));
        assert_eq!((conclusion.acknowledged, conclusion.refused), (vec![false, true], vec![]));
        assert_eq!(conclusion.troubles, ["the dead letters take no message: bury: full"]);
    }

    #[test]
    fn what_cannot_be_read_may_come_yet_unless_only_a_hand_can_mend_it() {
        let what = || "x".to_owned();
        for (error, in_a_folder, from_a_service, reason) in [
            (PortError::NotFound { what: what() }, false, false, "not-found"),
            (PortError::NotAFile { what: what(), found: "a pipe" }, true, true, "not-a-file"),
            (PortError::TooLarge { what: what(), size: 2, limit: 1 }, true, true, "too-large"),
            (PortError::Denied { what: what(), source: "no".into() }, true, false, "no-permission"),
            (PortError::Unavailable { what: what(), source: "no".into() }, false, false, "unreadable"),
        ] {
            for (folder, permanent) in [(true, in_a_folder), (false, from_a_service)] {
                let trouble = Trouble::reading(&error, folder);
                assert_eq!(trouble, Trouble { permanent, reason: reason.to_owned(), detail: error.to_string() });
            }
        }
    }
}
