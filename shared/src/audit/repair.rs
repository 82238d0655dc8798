//! Putting right what an audit has found, by the same marks and messages that keep a catalog up to date. No catalog is
//! written here.

use crate::level::{Level, Mark};
use crate::message::SceneRecord;
use crate::ports::{Chance, Clock, MarkLevels, PortResult, SendMessages, answers};

use super::insist;

/// How many marks or messages are sent at once.
pub(super) const AT_ONCE: usize = 100;

/// What is done about findings.
pub trait Mend {
    /// Has the levels rebuilt; they are distinct.
    fn mark(&self, levels: &[Level]) -> impl Future<Output = PortResult<()>> + Send;

    /// Has the scenes' items made, or withdrawn.
    fn send(&self, records: &[SceneRecord]) -> impl Future<Output = PortResult<()>> + Send;
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
}

/// Marks levels, and sends messages about scenes.
#[derive(Debug)]
pub struct Repair<'a, M, Q, R> {
    /// The table of dirty levels.
    pub marks: &'a M,
    /// The queue of messages about scenes.
    pub queue: &'a Q,
    /// Randomness and time.
    pub world: &'a R,
}

impl<M, Q, R> Mend for Repair<'_, M, Q, R>
where
    M: MarkLevels + Sync,
    Q: SendMessages + Sync,
    R: Chance + Clock + Sync,
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
}
