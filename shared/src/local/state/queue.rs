//! The queues.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use super::{State, count, each, time};
use crate::message::{DeadLetter, LevelMessage};
use crate::ports::{Delivery, PortResult, PutBackLetters, ReceiveMessages, SendLevels, SendMessages, WatchQueues};

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueName {
    /// Messages about scenes.
    Scenes,
    /// Levels to rebuild.
    Levels,
    /// Messages about items that others have made.
    Items,
}

impl QueueName {
    /// All queues.
    pub const ALL: [Self; 3] = [Self::Scenes, Self::Levels, Self::Items];

    /// The number in the state file. Never to be changed.
    pub(super) fn number(self) -> i64 {
        match self {
            Self::Scenes => 1,
            Self::Levels => 2,
            Self::Items => 3,
        }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scenes => "scenes",
            Self::Levels => "levels",
            Self::Items => "items",
        })
    }
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Those that a receive would give.
    pub visible: u64,
    /// Those that somebody has received and not acknowledged, and whose visibility time-out has not passed.
    pub in_flight: u64,
    /// Those that were released with a delay that has not passed.
    pub delayed: u64,
}

/// One queue. Clones share it.
///
/// Visible messages are received in the order in which they were sent; one that was received before keeps its place.
/// The count of receives is written before a message is given out, so it also counts receivers that die of it; and a
/// message that has been received often is given out alone, so that others do not die with it again and again.
#[derive(Debug, Clone)]
pub struct Queue {
    state: State,
    name: QueueName,
}

/// Sends levels to the queue of levels. Clones share it.
#[derive(Debug, Clone)]
pub struct LevelSender(Queue);

impl State {
    /// The queue of this name.
    #[must_use]
    pub fn queue(&self, name: QueueName) -> Queue {
        Queue { state: self.clone(), name }
    }

    /// What sends levels to [`QueueName::Levels`].
    #[must_use]
    pub fn level_sender(&self) -> LevelSender {
        LevelSender(self.queue(QueueName::Levels))
    }
}

/// After how many receives a message is given out alone.
const IN_COMPANY: i64 = 3;

impl Queue {
    /// Which queue this is.
    #[must_use]
    pub fn name(&self) -> QueueName {
        self.name
    }

    /// Whether there is no message at all, be it visible, delayed or in flight.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn is_empty(&self) -> PortResult<bool> {
        self.state.read_one("looking for messages", |connection| {
            connection
                .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM messages WHERE queue = ?1)")?
                .query_row([self.name.number()], |row| row.get(0))
        })
    }

    /// How many messages there are.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn depth(&self) -> PortResult<Depth> {
        let now = self.state.now();
        self.state.read("counting messages", |connection| {
            // Apart from the rest, because the index alone answers it: there may be a million.
            let visible: u64 = connection
                .prepare_cached("SELECT count(*) FROM messages WHERE queue = ?1 AND visible_at = 0")?
                .query_row([self.name.number()], |row| count(row, 0))?;
            connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE visible_at <= ?2),
                            count(*) FILTER (WHERE visible_at > ?2 AND holder IS NOT NULL),
                            count(*) FILTER (WHERE visible_at > ?2 AND holder IS NULL)
                     FROM messages WHERE queue = ?1 AND visible_at > 0",
                )?
                .query_row((self.name.number(), now), |row| {
                    Ok(Depth { visible: visible + count(row, 0)?, in_flight: count(row, 1)?, delayed: count(row, 2)? })
                })
        })
    }

    /// When the oldest message was sent; none when there is none.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn oldest(&self) -> PortResult<Option<DateTime<Utc>>> {
        self.state.read_one("looking for the oldest message", |connection| {
            connection
                .prepare_cached("SELECT min(sent) FROM messages WHERE queue = ?1")?
                .query_row([self.name.number()], |row| Ok(row.get::<_, Option<i64>>(0)?.map(time)))
        })
    }

    /// Receives up to `most` of the messages that have been received so often, at least, before.
    ///
    /// # Errors
    ///
    /// When the state file cannot be written.
    pub fn receive_worn(&self, most: usize, receives: u32) -> PortResult<Vec<Delivery>> {
        self.take(most, receives)
    }

    fn send_all<'a>(&self, bodies: impl ExactSizeIterator<Item = &'a str>) -> Vec<PortResult<()>> {
        let now = self.state.now();
        self.send_as_of(bodies.map(|body| (body, now)))
    }

    /// Sends bodies, each as if at that time.
    fn send_as_of<'a>(&self, bodies: impl ExactSizeIterator<Item = (&'a str, i64)>) -> Vec<PortResult<()>> {
        let entries = bodies.len();
        if entries == 0 {
            return Vec::new();
        }
        let result = self.state.write("sending messages", |connection| {
            let last: i64 = connection
                .prepare_cached("UPDATE last_message SET id = id + ?1 RETURNING id")?
                .query_row([entries as i64], |row| row.get(0))?;
            let mut statement = connection.prepare_cached(
                "INSERT INTO messages (id, queue, visible_at, receives, sent, body) VALUES (?1, ?2, 0, 0, ?3, ?4)",
            )?;
            for (id, (body, sent)) in (last + 1 - entries as i64..).zip(bodies) {
                statement.execute((id, self.name.number(), sent, body))?;
            }
            Ok(())
        });
        each(entries, result)
    }

    /// Whether a receive would find anything. Asked first, because a reader waits for nobody.
    fn has_visible(&self) -> PortResult<bool> {
        let now = self.state.now();
        self.state.read_one("looking for messages", |connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND visible_at <= ?2)")?
                .query_row((self.name.number(), now), |row| row.get(0))
        })
    }

    /// Receives messages that have been received so often at least.
    fn take(&self, most: usize, at_least: u32) -> PortResult<Vec<Delivery>> {
        let now = self.state.now();
        let until = now.saturating_add(micros(self.state.shared.options.visibility)).max(1);
        let holder = self.state.shared.holder_id;
        self.state.write("receiving messages", |connection| {
            connection
                .prepare_cached(
                    "UPDATE messages SET visible_at = 0, holder = NULL
                     WHERE queue = ?1 AND visible_at > 0 AND visible_at <= ?2",
                )?
                .execute((self.name.number(), now))?;
            let deliveries = connection
                .prepare_cached(
                    "SELECT id, receives + 1, sent, body FROM messages
                     WHERE queue = ?1 AND visible_at = 0 AND receives >= ?3 ORDER BY id LIMIT ?2",
                )?
                .query_map((self.name.number(), i64::try_from(most).unwrap_or(i64::MAX), at_least), |row| {
                    let id: i64 = row.get(0)?;
                    let receives: i64 = row.get(1)?;
                    let delivery = Delivery {
                        id: id.to_string(),
                        body: row.get(3)?,
                        receives: u32::try_from(receives).unwrap_or(u32::MAX),
                        sent: Some(time(row.get(2)?)),
                        receipt: Receipt { id, receives }.write(),
                    };
                    Ok((id, delivery))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let mut statement = connection.prepare_cached(
                "UPDATE messages SET visible_at = ?2, receives = receives + 1, holder = ?3 WHERE id = ?1",
            )?;
            let in_company =
                deliveries.iter().take_while(|(_, delivery)| i64::from(delivery.receives) <= IN_COMPANY).count();
            let mut received = Vec::with_capacity(deliveries.len());
            for (id, delivery) in deliveries.into_iter().take(in_company.max(1)) {
                statement.execute((id, until, holder))?;
                received.push(delivery);
            }
            Ok(received)
        })
    }
}

impl WatchQueues for State {
    async fn are_drained(&self) -> PortResult<bool> {
        self.read_one("looking for messages", |connection| {
            connection.prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM messages)")?.query_row([], |row| row.get(0))
        })
    }
}

impl SendMessages for Queue {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        self.send_all(bodies.iter().map(String::as_str))
    }
}

impl PutBackLetters for Queue {
    /// The reason and the number of attempts are not kept.
    async fn put_back(&self, letters: &[DeadLetter]) -> Vec<PortResult<()>> {
        self.send_as_of(letters.iter().map(|letter| (letter.body.as_str(), letter.first.timestamp_micros())))
    }
}

impl SendLevels for LevelSender {
    async fn send(&self, levels: &[LevelMessage]) -> Vec<PortResult<()>> {
        let bodies: Vec<String> = levels.iter().map(LevelMessage::encode).collect();
        self.0.send_all(bodies.iter().map(String::as_str))
    }
}

impl ReceiveMessages for Queue {
    async fn receive(&self, most: usize) -> PortResult<Vec<Delivery>> {
        if self.has_visible()? || (self.state.clear_up_sometimes()? && self.has_visible()?) {
            self.take(most, 0)
        } else {
            Ok(Vec::new())
        }
    }

    async fn acknowledge(&self, receipts: &[String]) -> PortResult<()> {
        self.state.write("acknowledging messages", |connection| {
            let mut statement =
                connection.prepare_cached("DELETE FROM messages WHERE id = ?1 AND receives = ?2 AND queue = ?3")?;
            for receipt in receipts.iter().filter_map(|receipt| Receipt::read(receipt)) {
                statement.execute((receipt.id, receipt.receives, self.name.number()))?;
            }
            Ok(())
        })
    }

    async fn release(&self, receipts: &[String], seconds: u32) -> PortResult<()> {
        let at = match seconds {
            0 => 0,
            _ => self.state.now().saturating_add(micros(Duration::from_secs(seconds.into()))),
        };
        self.state.write("releasing messages", |connection| {
            let mut statement = connection.prepare_cached(
                "UPDATE messages SET visible_at = ?4, holder = NULL WHERE id = ?1 AND receives = ?2 AND queue = ?3",
            )?;
            for receipt in receipts.iter().filter_map(|receipt| Receipt::read(receipt)) {
                statement.execute((receipt.id, receipt.receives, self.name.number(), at))?;
            }
            Ok(())
        })
    }
}

/// Names one delivery: which message, received for which time. A later delivery counts one more, so an older receipt
/// fits nothing.
struct Receipt {
    id: i64,
    receives: i64,
}

impl Receipt {
    fn write(&self) -> String {
        format!("{}.{}", self.id, self.receives)
    }

    /// None for what this queue has not given out.
    fn read(text: &str) -> Option<Self> {
        let (id, receives) = text.split_once('.')?;
        Some(Self { id: id.parse().ok()?, receives: receives.parse().ok()? })
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Makes the messages of these holders visible and forgets the holders. How many messages there were.
pub(super) fn give_back(connection: &Connection, holders: &[i64]) -> rusqlite::Result<usize> {
    let mut released = 0;
    for holder in holders {
        for queue in QueueName::ALL {
            // The messages in flight are few, and the index finds them.
            released += connection.execute(
                "UPDATE messages SET visible_at = 0, holder = NULL
                 WHERE queue = ?1 AND visible_at > 0 AND holder = ?2",
                (queue.number(), holder),
            )?;
        }
        connection.execute("DELETE FROM holders WHERE id = ?1", [holder])?;
    }
    Ok(released)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    /// Whoever dies of a message dies with what was received beside it. That must not be counted until it, too, looks
    /// guilty.
    #[test]
    fn a_message_that_was_received_often_is_given_out_alone_and_others_in_company() {
        let folder = tempfile::tempdir().unwrap();
        let bodies = ["before", "guilty", "after"].map(str::to_owned);
        let open = || crate::local::open(folder.path()).unwrap().state.queue(QueueName::Scenes);
        assert!(block_on(open().send(&bodies)).iter().all(Result::is_ok));
        // Each receiver takes what is there, concludes nothing, and is gone.
        for received in 1..=3 {
            let taken = block_on(open().receive(10)).unwrap();
            assert_eq!(taken.iter().map(|delivery| delivery.receives).collect::<Vec<_>>(), [received; 3]);
        }
        // From now on one at a time: who does not die concludes.
        let queue = open();
        let first = block_on(queue.receive(10)).unwrap();
        assert_eq!((first.len(), first[0].body.as_str(), first[0].receives), (1, "before", 4));
        block_on(queue.acknowledge(&[first[0].receipt.clone()])).unwrap();
        drop(queue);
        for received in 4..=12 {
            let taken = block_on(open().receive(10)).unwrap();
            assert_eq!((taken.len(), taken[0].body.as_str(), taken[0].receives), (1, "guilty", received));
        }
        let queue = open();
        let guilty = block_on(queue.receive(10)).unwrap();
        let other = block_on(queue.receive(10)).unwrap();
        assert_eq!((guilty[0].receives, other.len(), other[0].receives), (13, 1, 4), "it was never received beside it");
    }
}
