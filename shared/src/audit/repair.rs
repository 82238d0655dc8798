//! Putting right what an audit has found, by the same marks and messages that keep a catalog up to date. No catalog is
//! written here.

use std::collections::BTreeSet;

use crate::level::{Level, Mark};
use crate::message::SceneRecord;
use crate::ports::{Chance, Clock, MarkLevels, PortResult, SendMessages, answers};

use super::finding::{Remedy, Repairs};
use super::ports::ItemName;
use super::retell::TellIndex;
use super::{MOST_REPAIRS, insist};

/// How many marks or messages are sent at once.
pub(super) const AT_ONCE: usize = 100;

/// What is done about findings.
pub trait Mend {
    /// Has the levels rebuilt; they are distinct.
    fn mark(&self, levels: &[Level]) -> impl Future<Output = PortResult<()>> + Send;

    /// Has the scenes' items made, or withdrawn.
    fn send(&self, records: &[SceneRecord]) -> impl Future<Output = PortResult<()>> + Send;

    /// Has the search index learn of these items as they stand now, those among them that are gone as gone.
    fn tell(&self, items: &[ItemName]) -> impl Future<Output = PortResult<()>> + Send;
}

/// What is to be done when an audit has gone through everything, no more than [`MOST_REPAIRS`] of each kind.
#[derive(Debug, Default)]
pub(super) struct Mending {
    levels: BTreeSet<Level>,
    records: Vec<SceneRecord>,
    told: BTreeSet<ItemName>,
    forgotten: Vec<ItemName>,
    left: u64,
}

impl Mending {
    /// Notes a remedy; one that withdraws, or that only a hand can do, is not noted here.
    pub(super) fn gather(&mut self, remedy: Remedy) {
        let is_full = |count: usize| count >= MOST_REPAIRS;
        match remedy {
            Remedy::Mark(level) if !is_full(self.levels.len()) || self.levels.contains(&level) => {
                self.levels.insert(level);
            }
            Remedy::Send(record) if !is_full(self.records.len()) => self.records.push(*record),
            Remedy::Tell(name) if !is_full(self.told.len()) => _ = self.told.insert(name),
            Remedy::Mark(_) | Remedy::Send(_) | Remedy::Tell(_) => self.left += 1,
            Remedy::Withdraw(_) | Remedy::Forget(_) | Remedy::Hand => {}
        }
    }

    /// Notes withdrawals.
    pub(super) fn withdraw(&mut self, records: impl Iterator<Item = SceneRecord>) {
        self.records.extend(records);
    }

    /// Notes items that the index is to forget.
    pub(super) fn forget(&mut self, names: Vec<ItemName>) {
        self.forgotten = names;
    }

    /// How much it is.
    pub(super) fn repairs(&self) -> Repairs {
        let scenes = self.records.iter().filter(|record| !record.removed).count() as u64;
        Repairs {
            levels: self.levels.len() as u64,
            scenes,
            withdrawals: self.records.len() as u64 - scenes,
            told: self.told.len() as u64,
            forgotten: self.forgotten.len() as u64,
            left: self.left,
        }
    }

    /// Has all of it done.
    pub(super) async fn send(&self, mend: &impl Mend) -> PortResult<()> {
        mend.mark(&self.levels.iter().cloned().collect::<Vec<_>>()).await?;
        mend.send(&self.records).await?;
        // First what is gone: an item that only has another place now is told of again.
        mend.tell(&self.forgotten).await?;
        mend.tell(&self.told.iter().cloned().collect::<Vec<_>>()).await
    }
}

/// Nothing: an audit that only reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leave;

impl Mend for Leave {
    async fn mark(&self, _levels: &[Level]) -> PortResult<()> {
        Ok(())
    }

    async fn send(&self, _records: &[SceneRecord]) -> PortResult<()> {
        Ok(())
    }

    async fn tell(&self, _items: &[ItemName]) -> PortResult<()> {
        Ok(())
    }
}

/// Marks levels, sends messages about scenes, of which an index learns by what is published then, and tells the index of
/// what is no scene's.
#[derive(Debug)]
pub struct Repair<'a, M, Q, R, T> {
    /// The table of dirty levels.
    pub marks: &'a M,
    /// The queue of messages about scenes.
    pub queue: &'a Q,
    /// Randomness and time.
    pub world: &'a R,
    /// What tells the search index.
    pub index: T,
}

impl<M, Q, R, T> Mend for Repair<'_, M, Q, R, T>
where
    M: MarkLevels + Sync,
    Q: SendMessages + Sync,
    R: Chance + Clock + Sync,
    T: TellIndex + Sync,
{
    async fn mark(&self, levels: &[Level]) -> PortResult<()> {
        let since = self.world.now();
        // I4: fresh tokens.
        let marks: Vec<Mark> =
            levels.iter().map(|level| Mark { level: level.clone(), token: self.world.token(), since }).collect();
        for marks in marks.chunks(AT_ONCE) {
            // All again where one has failed: a level that is marked twice is rebuilt once.
            let mark = async || {
                let marked = answers(self.marks.mark(marks).await, marks.len(), "marking levels");
                marked.into_iter().collect::<PortResult<()>>()
            };
            insist(self.world, mark).await?;
        }
        Ok(())
    }

    async fn send(&self, records: &[SceneRecord]) -> PortResult<()> {
        let now = self.world.now();
        for records in records.chunks(AT_ONCE) {
            let encoded = records.iter().map(|record| SceneRecord { time: Some(now), ..record.clone() }.encode());
            let bodies: Vec<String> = encoded.collect();
            // Duplicates are harmless.
            let send = async || {
                let sent = answers(self.queue.send(&bodies).await, bodies.len(), "sending messages about scenes");
                sent.into_iter().collect::<PortResult<()>>()
            };
            insist(self.world, send).await?;
        }
        Ok(())
    }

    async fn tell(&self, items: &[ItemName]) -> PortResult<()> {
        self.index.tell(items).await
    }
}
