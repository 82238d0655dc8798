//! Dead letters: messages that cannot be worked on, with the reason.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{QueueName, State, count, time};
use crate::message::DeadLetter;
use crate::ports::{BuryLetters, HeldLetter, HoldLetters, PortResult};
use crate::status::Reason;

/// How many letters are read at a time.
const A_PAGE: usize = 500;

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

/// Goes through the dead letters of one queue, oldest first. Nobody is kept from seeing them meanwhile.
#[derive(Debug)]
pub struct LetterReader {
    letters: DeadLetters,
    /// The number of the last letter that was seen.
    after: AtomicI64,
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
    /// How many letters there are of each reason, and since when.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn reasons(&self) -> PortResult<Vec<Reason>> {
        self.state.read_one("counting dead letters", |connection| {
            connection
                .prepare_cached(
                    "SELECT reason, count(*), min(last), max(last) FROM letters WHERE queue = ?1
                     GROUP BY reason ORDER BY reason",
                )?
                .query_map([self.queue.number()], |row| {
                    let (reason, count) = (row.get(0)?, count(row, 1)?);
                    Ok(Reason { reason, count, oldest: time(row.get(2)?), newest: time(row.get(3)?) })
                })?
                .collect()
        })
    }

    /// All letters, page by page, in the order in which they came. A page that was given may be removed meanwhile. After an
    /// error there is nothing more.
    pub fn pages(&self) -> impl Iterator<Item = PortResult<Vec<KeptLetter>>> {
        let mut after = Some(0);
        std::iter::from_fn(move || match self.page(after?, A_PAGE) {
            Ok(page) => {
                after = Some(page.last()?.number);
                Some(Ok(page))
            }
            Err(error) => {
                after = None;
                Some(Err(error))
            }
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

    /// A reader that has seen none of them yet.
    #[must_use]
    pub fn reader(&self) -> LetterReader {
        LetterReader { letters: self.clone(), after: AtomicI64::new(0) }
    }

    /// Removes letters, as they were read: one that was refused again in the meantime stays.
    ///
    /// # Errors
    ///
    /// When the state file cannot be written.
    pub fn remove(&self, letters: &[KeptLetter]) -> PortResult<()> {
        self.remove_seen(&letters.iter().map(Seen::of).collect::<Vec<_>>())
    }

    fn remove_seen(&self, letters: &[Seen]) -> PortResult<()> {
        self.state.write("removing dead letters", |connection| {
            let mut statement = connection
                .prepare_cached("DELETE FROM letters WHERE id = ?1 AND queue = ?2 AND attempts = ?3 AND last = ?4")?;
            for Seen { number, attempts, last } in letters {
                statement.execute((number, self.queue.number(), attempts, last))?;
            }
            Ok(())
        })
    }
}

impl HoldLetters for LetterReader {
    async fn hold(&self, most: usize) -> PortResult<Vec<HeldLetter>> {
        let page = self.letters.page(self.after.load(Ordering::Relaxed), most)?;
        if let Some(last) = page.last() {
            self.after.store(last.number, Ordering::Relaxed);
        }
        let held = page.into_iter().map(|kept| HeldLetter {
            id: kept.number.to_string(),
            hold: Seen::of(&kept).write(),
            letter: kept.letter,
        });
        Ok(held.collect())
    }

    async fn remove(&self, holds: &[String]) -> PortResult<()> {
        self.letters.remove_seen(&holds.iter().filter_map(|hold| Seen::read(hold)).collect::<Vec<_>>())
    }

    /// There is nothing to let go of.
    async fn let_go(&self, _holds: &[String]) -> PortResult<()> {
        Ok(())
    }
}

/// A letter as it was seen. One that is refused again has more attempts, and another last time.
struct Seen {
    number: i64,
    attempts: u32,
    last: i64,
}

impl Seen {
    fn of(kept: &KeptLetter) -> Self {
        Self { number: kept.number, attempts: kept.letter.attempts, last: kept.letter.last.timestamp_micros() }
    }

    fn write(&self) -> String {
        format!("{}.{}.{}", self.number, self.attempts, self.last)
    }

    /// None for what no reader has given out.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let (number, attempts, last) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { number: number.parse().ok()?, attempts: attempts.parse().ok()?, last: last.parse().ok()? })
    }
}
