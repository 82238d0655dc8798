//! The ports of one process of a simulation. Each request waits for its turn; the entries of a batch wait one by one.

use std::future::pending;

use chrono::{DateTime, Utc};
use lazycat::level::{Level, Mark, Token};
use lazycat::message::{DeadLetter, ItemMessage, LevelMessage};
use lazycat::ports::{
    BuryLetters, Chance, Clock, Delivery, ETag, Expected, ItemPut, MarkLevels, MarkPage, Object, Page, PageToken,
    PortResult, PublishItems, ReadCatalog, ReadItems, ReadMarks, ReadSource, RemoveMarks, SendLevels, SourceObject,
    StoredItem, WriteCatalog, WriteItems,
};

use super::monitor::Process;
use super::turns::{Request, Verdict};
use super::world::{QueueName, World, unavailable};

/// Everything that a process of the protocol may ask for.
pub trait Ports:
    ReadSource
    + ReadItems
    + WriteItems
    + ReadCatalog
    + WriteCatalog
    + MarkLevels
    + ReadMarks
    + RemoveMarks
    + SendLevels
    + PublishItems
    + BuryLetters
    + Chance
    + Clock
    + Send
    + Sync
{
    /// Receives messages of the queue that the process works on.
    fn receive(&self, most: usize) -> impl Future<Output = PortResult<Vec<Delivery>>> + Send;

    /// Acknowledges deliveries, one by one.
    fn acknowledge(&self, receipts: &[String]) -> impl Future<Output = Vec<PortResult<()>>> + Send;

    /// Makes deliveries visible at once, one by one.
    fn release(&self, receipts: &[String]) -> impl Future<Output = Vec<PortResult<()>>> + Send;

    /// Sends a dead letter back to its queue.
    fn send_back(&self, letter: &DeadLetter) -> impl Future<Output = PortResult<()>> + Send;

    /// Deletes a dead letter.
    fn delete_letter(&self, letter: &DeadLetter) -> impl Future<Output = PortResult<()>> + Send;
}

/// The ports of one process.
#[derive(Clone)]
pub struct Gate {
    /// The world.
    pub world: World,
    /// Who asks.
    pub process: Process,
    /// The queue that the process works on, and whose dead letters it knows.
    pub queue: QueueName,
}

impl Gate {
    /// One request: `effect` is all that it does to the world.
    pub(super) async fn call<T: Send>(
        &self,
        operation: &'static str,
        subject: &str,
        writes: bool,
        effect: impl FnOnce(&World, Process) -> PortResult<T> + Send + 'static,
    ) -> PortResult<T> {
        let request = Request { operation, subject: subject.to_owned(), writes, of_batch: false };
        match self.world.turns.turn(self.process, request).await {
            Verdict::Do => effect(&self.world, self.process),
            Verdict::Refuse | Verdict::Throttle | Verdict::CutShort => Err(unavailable(operation, subject)),
            Verdict::LoseAnswer => effect(&self.world, self.process).and_then(|_| Err(unavailable(operation, subject))),
            Verdict::DoLater => self.leave_behind(operation, subject, effect).await,
        }
    }

    /// One request of many entries, each of which is done or not by itself.
    pub(super) async fn batch<E: Clone + Send + Sync + 'static, T: Send>(
        &self,
        operation: &'static str,
        entries: &[E],
        subject: impl Fn(&E) -> String + Send + Sync,
        writes: bool,
        effect: impl Fn(&World, Process, &E) -> PortResult<T> + Send + Sync + Clone + 'static,
    ) -> Vec<PortResult<T>> {
        let mut results = Vec::with_capacity(entries.len());
        for entry in entries {
            let subject = subject(entry);
            let request = Request { operation, subject: subject.clone(), writes, of_batch: true };
            let verdict = self.world.turns.turn(self.process, request).await;
            results.push(match verdict {
                Verdict::Do => effect(&self.world, self.process, entry),
                Verdict::Refuse => Err(unavailable(operation, &subject)),
                Verdict::LoseAnswer => {
                    effect(&self.world, self.process, entry).and_then(|_| Err(unavailable(operation, &subject)))
                }
                Verdict::Throttle => {
                    while results.len() < entries.len() {
                        results.push(Err(unavailable(operation, "that was throttled")));
                    }
                    return results;
                }
                Verdict::CutShort => return results,
                Verdict::DoLater => {
                    let (effect, entry) = (effect.clone(), entry.clone());
                    let effect = move |world: &World, process| effect(world, process, &entry);
                    self.leave_behind(operation, &subject, effect).await
                }
            });
        }
        results
    }

    /// The process dies here, its request under way.
    async fn leave_behind<T, U>(
        &self,
        operation: &str,
        subject: &str,
        effect: impl FnOnce(&World, Process) -> PortResult<T> + Send + 'static,
    ) -> U {
        let (world, process) = (self.world.clone(), self.process);
        self.world.turns.postpone(format!("{operation} {subject}"), subject.to_owned(), move || {
            let _ = effect(&world, process);
        });
        pending().await
    }
}

impl ReadSource for Gate {
    async fn read(&self, objects: &[SourceObject], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        let subject = |object: &SourceObject| object.key.clone();
        self.batch("read source", objects, subject, false, move |world, by, object| {
            world.read_source(by, object, limit)
        })
        .await
    }
}

impl ReadItems for Gate {
    async fn stored(&self, keys: &[String]) -> Vec<PortResult<Option<StoredItem>>> {
        self.batch("get item", keys, Clone::clone, false, World::stored).await
    }
}

impl WriteItems for Gate {
    async fn put(&self, items: &[ItemPut]) -> Vec<PortResult<()>> {
        self.batch("put item", items, |put| put.key.clone(), true, World::put_item).await
    }

    async fn delete(&self, keys: &[String]) -> Vec<PortResult<()>> {
        self.batch("delete item", keys, Clone::clone, true, World::delete_item).await
    }
}

impl ReadCatalog for Gate {
    async fn get(&self, key: &str) -> PortResult<Option<Object>> {
        let subject = key.to_owned();
        self.call("get", key, false, move |world, by| world.get(by, &subject)).await
    }

    async fn exists(&self, key: &str) -> PortResult<bool> {
        let subject = key.to_owned();
        self.call("head", key, false, move |world, by| world.exists(by, &subject)).await
    }

    async fn list(&self, level: &Level, from: Option<&PageToken>) -> PortResult<Page> {
        let (subject, from) = (level.clone(), from.cloned());
        self.call("list", level.wire(), false, move |world, by| world.list(by, &subject, from.as_ref())).await
    }
}

impl WriteCatalog for Gate {
    async fn put_if(&self, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        let (subject, bytes, expected) = (key.to_owned(), bytes.to_vec(), expected.clone());
        self.call("put if", key, true, move |world, by| world.put_if(by, &subject, &bytes, &expected)).await
    }
}

impl MarkLevels for Gate {
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        self.batch("put mark", marks, |mark| mark.level.wire().to_owned(), true, World::mark).await
    }
}

impl ReadMarks for Gate {
    async fn scan(&self, from: Option<&PageToken>) -> PortResult<MarkPage> {
        let from = from.cloned();
        self.call("scan marks", "", false, move |world, by| world.scan(by, from.as_ref())).await
    }
}

impl RemoveMarks for Gate {
    async fn remove(&self, marks: &[(Level, Token)]) -> Vec<PortResult<bool>> {
        self.batch("remove mark", marks, |(level, _)| level.wire().to_owned(), true, World::remove_mark).await
    }
}

impl SendLevels for Gate {
    async fn send(&self, levels: &[LevelMessage]) -> Vec<PortResult<()>> {
        self.batch("send level", levels, |message| message.level.wire().to_owned(), true, World::send_level).await
    }
}

impl PublishItems for Gate {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        self.batch("publish", messages, |message| message.key.clone(), true, World::publish).await
    }
}

impl BuryLetters for Gate {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        let (queue, buried) = (self.queue, letter.clone());
        self.call("bury", &letter.id, true, move |world, by| world.bury(by, queue, &buried)).await
    }
}

impl Chance for Gate {
    fn bits(&self) -> u64 {
        self.world.memory.dice.bits()
    }
}

impl Clock for Gate {
    fn now(&self) -> DateTime<Utc> {
        self.world.memory.time.now()
    }

    /// No time passes, and none need: whoever schedules lets others go first or not.
    async fn pause(&self, _milliseconds: u64) {}
}

impl Ports for Gate {
    async fn receive(&self, most: usize) -> PortResult<Vec<Delivery>> {
        let queue = self.queue;
        self.call("receive", "", true, move |world, by| world.receive(by, queue, most)).await
    }

    async fn acknowledge(&self, receipts: &[String]) -> Vec<PortResult<()>> {
        let queue = self.queue;
        let effect = move |world: &World, _, receipt: &String| world.acknowledge(queue, receipt);
        self.batch("acknowledge", receipts, Clone::clone, true, effect).await
    }

    async fn release(&self, receipts: &[String]) -> Vec<PortResult<()>> {
        let queue = self.queue;
        let effect = move |world: &World, _, receipt: &String| world.release(queue, receipt);
        self.batch("release", receipts, Clone::clone, true, effect).await
    }

    async fn send_back(&self, letter: &DeadLetter) -> PortResult<()> {
        let (queue, body) = (self.queue, letter.body.clone());
        self.call("send back", &letter.id, true, move |world, _| world.send_back(queue, &body)).await
    }

    async fn delete_letter(&self, letter: &DeadLetter) -> PortResult<()> {
        let (queue, letter) = (self.queue, letter.clone());
        self.call("delete letter", &letter.id.clone(), true, move |world, _| world.delete_letter(queue, &letter)).await
    }
}
