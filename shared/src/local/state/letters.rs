//! Dead letters: messages that cannot be worked on, with the reason.

use std::collections::BTreeMap;

use super::{QueueName, State, count, time};
use crate::message::DeadLetter;
use crate::ports::{BuryLetters, PortResult};

/// The dead letters of one queue. Clones share them.
///
/// The same body is kept once, however often it is refused: with its first and its last time, all its attempts, and
/// the newest reason.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    state: State,
    queue: QueueName,
}

/// A dead letter and the number under which it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLetter {
    /// The number. Later letters have higher ones.
    pub number: i64,
    /// The letter.
    pub letter: DeadLetter,
}

impl State {
    /// The dead letters of this queue.
    #[must_use]
    pub fn dead_letters(&self, queue: QueueName) -> DeadLetters {
        DeadLetters { state: self.clone(), queue }
    }
}

impl BuryLetters for DeadLetters {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        self.state.write("keeping a dead letter", |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO letters (queue, message, reason, detail, first, last, attempts, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                     ON CONFLICT (queue, body) DO UPDATE SET
                        message = excluded.message, reason = excluded.reason, detail = excluded.detail,
                        first = min(first, excluded.first), last = max(last, excluded.last),
                        attempts = attempts + excluded.attempts",
                )?
                .execute((
                    self.queue.number(),
                    &letter.id,
                    &letter.reason,
                    &letter.detail,
                    letter.first.timestamp_micros(),
                    letter.last.timestamp_micros(),
                    letter.attempts,
                    &letter.body,
                ))
                .map(|_| ())
        })
    }
}

impl DeadLetters {
    /// How many letters there are of each reason.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn reasons(&self) -> PortResult<BTreeMap<String, u64>> {
        self.state.read_one("counting dead letters", |connection| {
            connection
                .prepare_cached("SELECT reason, count(*) FROM letters WHERE queue = ?1 GROUP BY reason")?
                .query_map([self.queue.number()], |row| Ok((row.get(0)?, count(row, 1)?)))?
                .collect()
        })
    }

    /// Up to `most` letters with numbers above `after`, ascending. Start with 0; go on with the last number.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn page(&self, after: i64, most: usize) -> PortResult<Vec<KeptLetter>> {
        self.state.read_one("reading dead letters", |connection| {
            connection
                .prepare_cached(
                    "SELECT id, message, reason, detail, first, last, attempts, body FROM letters
                     WHERE queue = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                )?
                .query_map((self.queue.number(), after, i64::try_from(most).unwrap_or(i64::MAX)), |row| {
                    Ok(KeptLetter {
                        number: row.get(0)?,
                        letter: DeadLetter {
                            id: row.get(1)?,
                            reason: row.get(2)?,
                            detail: row.get(3)?,
                            first: time(row.get(4)?),
                            last: time(row.get(5)?),
                            attempts: u32::try_from(row.get::<_, i64>(6)?).unwrap_or(u32::MAX),
                            body: row.get(7)?,
                        },
                    })
                })?
                .collect()
        })
    }

    /// Removes letters, as they were read: one that was refused again in the meantime stays.
    ///
    /// # Errors
    ///
    /// When the state file cannot be written.
    pub fn remove(&self, letters: &[KeptLetter]) -> PortResult<()> {
        self.state.write("removing dead letters", |connection| {
            let mut statement = connection
                .prepare_cached("DELETE FROM letters WHERE id = ?1 AND queue = ?2 AND attempts = ?3 AND last = ?4")?;
            for KeptLetter { number, letter } in letters {
                statement.execute((number, self.queue.number(), letter.attempts, letter.last.timestamp_micros()))?;
            }
            Ok(())
        })
    }
}
