//! redrive: dead letters are looked at, put back into the queue that they came from, or dropped.
//!
//! A letter is removed only after its queue has accepted its message: until then the letter is what owes the work (I1).
//! Whoever dies in between leaves both, and a message too many is harmless.
//!
//! To look at the letters of a queue may mean to hold them ([`HoldLetters`]), in no order, and some twice. So a sweep goes
//! on until a look gives nothing new, holds what it leaves, and lets go of that at the end.

mod selection;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::message::DeadLetter;
use crate::ports::{HeldLetter, HoldLetters, PortError, PortResult, PutBackLetters, answers};

pub use self::selection::{Kind, MOVED, Selection, Subject, reason};

/// How many letters are asked for at once.
const AT_ONCE: usize = 100;

/// How many letters one sweep looks at: it remembers each, and holds most. SQS lets no more be held, either.
pub const MOST_LETTERS: usize = 100_000;

/// How many troubles, and letters that are no messages of ours, are told.
const MOST_TOLD: usize = 20;

/// What the use case needs of the world, for the letters of one queue.
#[derive(Debug)]
pub struct Ports<'a, L, Q> {
    /// The dead letters. A reader that has seen none of them yet.
    pub letters: &'a L,
    /// The queue that they came from.
    pub queue: &'a Q,
}

/// What becomes of the letters that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// They go back into their queue. Not those that are no messages of ours, unless they are asked for by id.
    PutBack,
    /// They are dropped.
    Discard,
}

/// The letters of one queue, by reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Whose dead letters these are.
    pub queue: Kind,
    /// How many were looked at, meant or not.
    pub seen: u64,
    /// Those that are meant, by reason.
    pub groups: Vec<Group>,
    /// Whether all were looked at that nobody else holds; if not, there are more than [`MOST_LETTERS`].
    pub complete: bool,
}

/// Letters of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The reason, [`MOVED`] for those without.
    pub reason: String,
    /// How many there are.
    pub count: u64,
    /// How many of them are no messages of this queue: they are put back by id only.
    pub foreign: u64,
    /// How many of each collection.
    pub collections: BTreeMap<String, u64>,
    /// When the first of them was refused last.
    pub oldest: DateTime<Utc>,
    /// When the latest of them was.
    pub newest: DateTime<Utc>,
    /// The latest of them.
    pub example: Example,
}

/// One letter of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What the dead letters know it by.
    pub id: String,
    /// What it is about: the key of a scene or a level; none when it is no message of this queue.
    pub subject: Option<String>,
    /// One sentence.
    pub detail: String,
}

/// What became of the letters of one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whose dead letters these are.
    pub queue: Kind,
    /// How many were put back, or dropped.
    pub done: u64,
    /// How many were not meant.
    pub left: u64,
    /// How many were meant and are no messages of ours, so that they stay.
    pub foreign: u64,
    /// The first of those, by id.
    pub foreign_ids: Vec<String>,
    /// How many stay because a letter of the same body was just put back. They may be what became of that one.
    pub again: u64,
    /// How many stay because their queue did not accept them.
    pub failed: u64,
    /// What went wrong, the first of it. Nothing is lost.
    pub troubles: Vec<String>,
    /// Whether all were looked at that nobody else holds; if not, do the same again.
    pub complete: bool,
}

/// Lists the letters that are meant, by reason. `seen` is told how many have been looked at.
///
/// # Errors
///
/// When the letters cannot be read.
pub async fn list<L: HoldLetters + Sync>(
    letters: &L,
    queue: Kind,
    selection: &Selection,
    seen: impl Fn(u64) + Send + Sync,
) -> PortResult<Listing> {
    let mut sweep = Sweep::new(letters);
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    let ended = loop {
        let batch = match sweep.next().await {
            Ok(Some(batch)) => batch,
            ended => break ended,
        };
        for held in batch {
            let subject = queue.subject(&held.letter.body);
            if selection.means(&held, subject.as_ref()) {
                let reason = reason(&held.letter).to_owned();
                groups.entry(reason).or_insert_with_key(|reason| Group::new(reason, &held)).add(held, subject);
            }
        }
        seen(sweep.seen());
    };
    let (seen, complete) = (sweep.seen(), sweep.complete);
    let let_go = sweep.end().await;
    ended?;
    let_go?;
    Ok(Listing { queue, seen, groups: groups.into_values().collect(), complete })
}

/// The letter of this id, whole; none when there is none that nobody else holds.
///
/// # Errors
///
/// When the letters cannot be read.
pub async fn find<L: HoldLetters + Sync>(letters: &L, id: &str) -> PortResult<Option<DeadLetter>> {
    let mut sweep = Sweep::new(letters);
    let found = loop {
        match sweep.next().await {
            Ok(Some(batch)) => {
                if let Some(held) = batch.into_iter().find(|held| held.id == id) {
                    break Ok(Some(held.letter));
                }
            }
            Ok(None) => break Ok(None),
            Err(error) => break Err(error),
        }
    };
    let let_go = sweep.end().await;
    let found = found?;
    let_go?;
    Ok(found)
}

/// Puts the letters that are meant back into their queue, or drops them. `done` is told how many have been looked at, and
/// how many are done.
///
/// # Errors
///
/// When the letters cannot be read. What was done stays done, and nothing is lost.
pub async fn redrive<L, Q>(
    ports: &Ports<'_, L, Q>,
    queue: Kind,
    selection: &Selection,
    action: Action,
    done: impl Fn(u64, u64) + Send + Sync,
) -> PortResult<Report>
where
    L: HoldLetters + Sync,
    Q: PutBackLetters + Sync,
{
    let mut sweep = Sweep::new(ports.letters);
    let mut report = Report {
        queue,
        done: 0,
        left: 0,
        foreign: 0,
        foreign_ids: Vec::new(),
        again: 0,
        failed: 0,
        troubles: Vec::new(),
        complete: false,
    };
    // A letter that is refused again while the others are put back must not be put back again and again.
    let mut bodies = HashSet::new();
    let ended = loop {
        let batch = match sweep.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        };
        let mut meant = Vec::with_capacity(batch.len());
        for held in batch {
            let subject = queue.subject(&held.letter.body);
            if !selection.means(&held, subject.as_ref()) {
                report.left += 1;
            } else if action == Action::PutBack && subject.is_none() && selection.ids.is_empty() {
                report.foreign += 1;
                if report.foreign_ids.len() < MOST_TOLD {
                    report.foreign_ids.push(held.id);
                }
            } else if action == Action::PutBack && !bodies.insert(xxh3_64(held.letter.body.as_bytes())) {
                report.again += 1;
            } else {
                meant.push(held);
            }
        }
        let wanted = meant.len();
        let accepted = match action {
            Action::PutBack => put_back(ports.queue, meant, &mut report).await,
            Action::Discard => meant.into_iter().map(|held| held.hold).collect(),
        };
        // I1: only now that the queue owes what they owe.
        if !accepted.is_empty()
            && let Err(error) = ports.letters.remove(&accepted).await
        {
            break Err(error);
        }
        sweep.removed(&accepted);
        report.done += accepted.len() as u64;
        done(sweep.seen(), report.done);
        let is_all = !selection.ids.is_empty() && report.done >= selection.ids.len() as u64;
        if is_all || (wanted > 0 && accepted.is_empty()) {
            break Ok(());
        }
    };
    report.complete = sweep.complete;
    // What is not let go of is free again after a while.
    if let Err(error) = sweep.end().await {
        report.trouble(&error);
    }
    ended.map(|()| report)
}

/// Sends letters to their queue; gives the holds of those that it has accepted.
async fn put_back<Q: PutBackLetters>(queue: &Q, meant: Vec<HeldLetter>, report: &mut Report) -> Vec<String> {
    if meant.is_empty() {
        return Vec::new();
    }
    let (holds, letters): (Vec<String>, Vec<DeadLetter>) =
        meant.into_iter().map(|held| (held.hold, held.letter)).unzip();
    let results = answers(queue.put_back(&letters).await, letters.len(), "putting back");
    let mut accepted = Vec::with_capacity(holds.len());
    for (hold, result) in holds.into_iter().zip(results) {
        match result {
            Ok(()) => accepted.push(hold),
            Err(error) => {
                report.failed += 1;
                report.trouble(&error);
            }
        }
    }
    accepted
}

impl Report {
    fn trouble(&mut self, error: &PortError) {
        if self.troubles.len() < MOST_TOLD {
            self.troubles.push(error.to_string());
        }
    }
}

impl Group {
    fn new(reason: &str, held: &HeldLetter) -> Self {
        Self {
            reason: reason.to_owned(),
            count: 0,
            foreign: 0,
            collections: BTreeMap::new(),
            oldest: held.letter.last,
            newest: held.letter.last,
            example: Example { id: String::new(), subject: None, detail: String::new() },
        }
    }

    fn add(&mut self, held: HeldLetter, subject: Option<Subject>) {
        self.count += 1;
        self.oldest = self.oldest.min(held.letter.last);
        match &subject {
            Some(subject) => {
                for collection in subject.collections().collect::<HashSet<_>>() {
                    *self.collections.entry(collection).or_default() += 1;
                }
            }
            None => self.foreign += 1,
        }
        if self.count == 1 || held.letter.last > self.newest {
            self.newest = held.letter.last;
            let subject = subject.map(|subject| subject.name().to_owned());
            self.example = Example { id: held.id, subject, detail: held.letter.detail };
        }
    }
}

/// One way through the letters of a queue: each once, as far as the queue gives them.
struct Sweep<'a, L> {
    letters: &'a L,
    /// The ids of those that were seen, hashed.
    ids: HashSet<u64>,
    /// What is to be let go of.
    holds: Vec<String>,
    /// Where those of the last batch begin.
    batch: usize,
    complete: bool,
}

impl<'a, L: HoldLetters> Sweep<'a, L> {
    fn new(letters: &'a L) -> Self {
        Self { letters, ids: HashSet::new(), holds: Vec::new(), batch: 0, complete: false }
    }

    fn seen(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Letters that were not seen before; none when there are no others.
    async fn next(&mut self) -> PortResult<Option<Vec<HeldLetter>>> {
        if self.ids.len() >= MOST_LETTERS {
            return Ok(None);
        }
        let mut batch = self.letters.hold(AT_ONCE).await?;
        self.batch = self.holds.len();
        self.holds.extend(batch.iter().map(|held| held.hold.clone()));
        batch.retain(|held| self.ids.insert(xxh3_64(held.id.as_bytes())));
        if batch.is_empty() {
            self.complete = true;
            return Ok(None);
        }
        Ok(Some(batch))
    }

    /// These letters of the last batch are held no more.
    fn removed(&mut self, holds: &[String]) {
        let gone: HashSet<&String> = holds.iter().collect();
        let last = self.holds.split_off(self.batch);
        self.holds.extend(last.into_iter().filter(|hold| !gone.contains(hold)));
    }

    /// Lets go of what is still held.
    async fn end(self) -> PortResult<()> {
        match self.holds.is_empty() {
            true => Ok(()),
            false => self.letters.let_go(&self.holds).await,
        }
    }
}
