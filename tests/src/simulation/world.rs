//! The world of a simulation: the services in memory, each request one effect that is done at once, watched.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lazycat::level::{Level, Mark, Token};
use lazycat::memory::{Letters, Memory, Queue};
use lazycat::message::{DeadLetter, ItemMessage, LevelMessage};
use lazycat::ports::{
    BuryLetters as _, Delivery, ETag, Expected, ItemPut, MarkLevels as _, MarkPage, Object, Page, PageToken, PortError,
    PortResult, PublishItems as _, ReadCatalog as _, ReadItems as _, ReadMarks as _, ReadSource as _,
    ReceiveMessages as _, RemoveMarks as _, SendLevels as _, SendMessages as _, SourceObject, StoredItem,
    WriteCatalog as _, WriteItems as _,
};

use super::monitor::{Monitor, Process};
use super::requests::Ledger;
use super::turns::Turns;
use crate::bench::run;

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueName {
    /// Messages about scenes.
    Scenes,
    /// Levels to rebuild.
    Levels,
}

/// One world. Clones share everything.
#[derive(Clone)]
pub struct World {
    /// What there is.
    pub memory: Memory,
    /// Whose turn it is.
    pub turns: Turns,
    monitor: Arc<Mutex<Monitor>>,
    ledger: Arc<Mutex<Ledger>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of a request that was made to fail.
#[must_use]
pub fn unavailable(operation: &str, subject: &str) -> PortError {
    PortError::Unavailable { what: format!("{operation} {subject}"), source: "made to fail".into() }
}

/// The one answer of a batch of one.
fn only<T>(mut results: Vec<PortResult<T>>) -> PortResult<T> {
    results.pop().unwrap_or_else(|| Err(unavailable("a batch of one", "that was not answered")))
}

impl World {
    /// An empty world of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { memory: Memory::new(seed), turns: Turns::default(), monitor: Arc::default(), ledger: Arc::default() }
    }

    /// What watches it.
    pub fn monitor(&self) -> MutexGuard<'_, Monitor> {
        lock(&self.monitor)
    }

    /// What was asked, and by whom.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// A queue.
    #[must_use]
    pub fn queue(&self, name: QueueName) -> &Queue {
        match name {
            QueueName::Scenes => &self.memory.scenes,
            QueueName::Levels => &self.memory.levels,
        }
    }

    /// The dead letters of a queue.
    #[must_use]
    pub fn letters(&self, name: QueueName) -> Letters {
        self.queue(name).letters()
    }

    /// Takes up a change of the objects that was made by hand.
    pub fn edited_by_hand(&self) {
        self.monitor().objects_changed(self.memory.objects.snapshot(), None);
    }

    pub(super) fn written(&self, by: Process) {
        self.monitor().objects_changed(self.memory.objects.snapshot(), Some(by));
    }

    fn asked(&self, by: Process, operation: &'static str, subject: &str) {
        self.ledger().asked(by, operation, subject);
    }

    pub(super) fn read_source(&self, by: Process, object: &SourceObject, limit: u64) -> PortResult<Vec<u8>> {
        self.asked(by, "read source", &object.key);
        only(run(self.memory.sources.read(std::slice::from_ref(object), limit)))
    }

    pub(super) fn stored(&self, by: Process, key: &String) -> PortResult<Option<StoredItem>> {
        self.asked(by, "get item", key);
        only(run(self.memory.objects.stored(std::slice::from_ref(key))))
    }

    pub(super) fn put_item(&self, by: Process, put: &ItemPut) -> PortResult<()> {
        self.asked(by, "put item", &put.key);
        let result = only(run(self.memory.objects.put(std::slice::from_ref(put))));
        self.written(by);
        result
    }

    pub(super) fn delete_item(&self, by: Process, key: &String) -> PortResult<()> {
        self.asked(by, "delete item", key);
        let result = only(run(self.memory.objects.delete(std::slice::from_ref(key))));
        self.written(by);
        result
    }

    pub(super) fn get(&self, by: Process, key: &str) -> PortResult<Option<Object>> {
        self.asked(by, "get", key);
        run(self.memory.objects.get(key))
    }

    pub(super) fn exists(&self, by: Process, key: &str) -> PortResult<bool> {
        self.asked(by, "head", key);
        run(self.memory.objects.exists(key))
    }

    pub(super) fn list(&self, by: Process, level: &Level, from: Option<&PageToken>) -> PortResult<Page> {
        self.asked(by, "list", level.wire());
        if from.is_none() {
            self.asked(by, "listing", level.wire());
            self.monitor().listing_began(by, level);
        }
        run(self.memory.objects.list(level, from))
    }

    pub(super) fn put_if(&self, by: Process, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        self.asked(by, "put if", key);
        let result = run(self.memory.objects.put_if(key, bytes, expected));
        match &result {
            Ok(_) => self.written(by),
            Err(_) => self.ledger().conflict(by),
        }
        result
    }

    pub(super) fn mark(&self, by: Process, mark: &Mark) -> PortResult<()> {
        self.asked(by, "put mark", mark.level.wire());
        self.monitor().marked(&mark.level);
        only(run(self.memory.marks.mark(std::slice::from_ref(mark))))
    }

    pub(super) fn scan(&self, by: Process, from: Option<&PageToken>) -> PortResult<MarkPage> {
        self.asked(by, "scan marks", "");
        let page = run(self.memory.marks.scan(from))?;
        for mark in &page.marks {
            self.monitor().scanned(by, &mark.level);
        }
        Ok(page)
    }

    pub(super) fn remove_mark(&self, by: Process, (level, token): &(Level, Token)) -> PortResult<bool> {
        self.asked(by, "remove mark", level.wire());
        let removed = only(run(self.memory.marks.remove(&[(level.clone(), token.clone())])))?;
        if removed {
            self.monitor().mark_deleted(by, level);
        }
        Ok(removed)
    }

    pub(super) fn send_level(&self, by: Process, message: &LevelMessage) -> PortResult<()> {
        self.asked(by, "send level", message.level.wire());
        self.monitor().accepted(by, &message.level);
        only(run(self.memory.levels.level_sender().send(std::slice::from_ref(message))))
    }

    pub(super) fn publish(&self, by: Process, message: &ItemMessage) -> PortResult<()> {
        self.asked(by, "publish", &message.key);
        self.monitor().published(message);
        only(run(self.memory.topic.publish(std::slice::from_ref(message))))
    }

    pub(super) fn bury(&self, by: Process, queue: QueueName, letter: &DeadLetter) -> PortResult<()> {
        self.asked(by, "bury", &letter.id);
        run(self.letters(queue).bury(letter))
    }

    pub(super) fn receive(&self, by: Process, queue: QueueName, most: usize) -> PortResult<Vec<Delivery>> {
        let deliveries = run(self.queue(queue).receive(most))?;
        for delivery in &deliveries {
            self.ledger().received(by, queue, &delivery.body);
        }
        Ok(deliveries)
    }

    pub(super) fn acknowledge(&self, queue: QueueName, receipt: &String) -> PortResult<()> {
        run(self.queue(queue).acknowledge(std::slice::from_ref(receipt)))
    }

    pub(super) fn release(&self, queue: QueueName, receipt: &String) -> PortResult<()> {
        run(self.queue(queue).release(std::slice::from_ref(receipt), 0))
    }

    pub(super) fn send_back(&self, queue: QueueName, body: &str) -> PortResult<()> {
        only(run(self.queue(queue).send(&[body.to_owned()])))
    }

    pub(super) fn delete_letter(&self, queue: QueueName, letter: &DeadLetter) -> PortResult<()> {
        let _ = self.letters(queue).remove(letter);
        Ok(())
    }
}
