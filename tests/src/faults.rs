//! Ports that fail where a test says so, and that write down what was asked of them, in order.
//!
//! [`Faulty`] wraps any adapter. The entries of a batch are passed on one by one, so each can fail by itself; an
//! operation is known by the name that [`lazycat::memory::Requests`] gives it, an entry by its key, level or body.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lazycat::level::{Level, Mark, Token};
use lazycat::memory::yield_now;
use lazycat::message::{DeadLetter, ItemMessage, LevelMessage};
use lazycat::ports::{
    BuryLetters, ETag, Expected, HeldLetter, HoldLetters, InspectCatalog, Inspected, ItemPut, KeepCheckpoints, KeyPage,
    ListSource, MarkLevels, MarkPage, Object, Page, PageToken, PortError, PortResult, PublishItems, PutBackLetters,
    ReadCatalog, ReadItems, ReadMarks, ReadSource, RemoveMarks, SendLevels, SendMessages, SourceObject, SourcePage,
    StoredItem, WatchQueues, WriteCatalog, WriteItems,
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done, and the service says that it was not available.
    Unavailable,
    /// Nothing is done, and the service says that it may not be.
    Denied,
    /// It is done, but the answer is lost: the caller is told that the service was not available.
    Lost,
}

/// Something that happens just before an operation: another writer, a hand that edits the bucket.
type Event = Box<dyn FnOnce() + Send>;

/// Faults and events that wait for their operation, and the record of what was asked. Clones share all of it.
#[derive(Clone, Default)]
pub struct Faults {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    asked: Vec<(&'static str, String)>,
    faults: Vec<(&'static str, String, Fault)>,
    events: Vec<(&'static str, u64, Event)>,
}

impl Faults {
    /// From now on each `operation` on something whose name holds `subject` goes wrong.
    pub fn of(&self, operation: &'static str, subject: &str, fault: Fault) {
        self.lock().faults.push((operation, subject.to_owned(), fault));
    }

    /// From now on nothing goes wrong.
    pub fn clear(&self) {
        self.lock().faults.clear();
    }

    /// Lets `event` happen just before the `nth` `operation` from now on, the next one being the first.
    pub fn before(&self, operation: &'static str, nth: u64, event: impl FnOnce() + Send + 'static) {
        self.lock().events.push((operation, nth, Box::new(event)));
    }

    /// What was asked, in order: operations and what each was on.
    #[must_use]
    pub fn asked(&self) -> Vec<(&'static str, String)> {
        self.lock().asked.clone()
    }

    /// The operations that were asked for, in order.
    #[must_use]
    pub fn operations(&self) -> Vec<&'static str> {
        self.lock().asked.iter().map(|(operation, _)| *operation).collect()
    }

    /// What an operation was asked for on, in order.
    #[must_use]
    pub fn subjects(&self, operation: &str) -> Vec<String> {
        let shared = self.lock();
        shared.asked.iter().filter(|(name, _)| *name == operation).map(|(_, subject)| subject.clone()).collect()
    }

    /// Forgets what was asked.
    pub fn forget(&self) {
        self.lock().asked.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an operation, lets happen what was to happen before it, and tells what goes wrong with it.
    fn ask(&self, operation: &'static str, subject: &str) -> Option<Fault> {
        let mut shared = self.lock();
        shared.asked.push((operation, subject.to_owned()));
        let mut due = Vec::new();
        for at in (0..shared.events.len()).rev() {
            let (name, left, _) = &mut shared.events[at];
            if *name != operation {
                continue;
            }
            *left = left.saturating_sub(1);
            if *left == 0 {
                due.push(shared.events.remove(at).2);
            }
        }
        // An event may ask the ports itself, or make this very operation go wrong.
        drop(shared);
        for event in due {
            event();
        }
        let shared = self.lock();
        let fault = shared.faults.iter().find(|(name, of, _)| *name == operation && subject.contains(of.as_str()));
        fault.map(|(_, _, fault)| *fault)
    }

    /// Does `work`, unless this is to go wrong.
    async fn around<T>(
        &self,
        operation: &'static str,
        subject: &str,
        work: impl Future<Output = PortResult<T>>,
    ) -> PortResult<T> {
        yield_now().await;
        match self.ask(operation, subject) {
            None => work.await,
            Some(Fault::Lost) => match work.await {
                Ok(_) => Err(unavailable(operation, subject)),
                Err(error) => Err(error),
            },
            Some(Fault::Unavailable) => Err(unavailable(operation, subject)),
            Some(Fault::Denied) => {
                Err(PortError::Denied { what: format!("{operation} {subject}"), source: "made to fail".into() })
            }
        }
    }
}

fn unavailable(operation: &str, subject: &str) -> PortError {
    PortError::Unavailable { what: format!("{operation} {subject}"), source: "made to fail".into() }
}

/// The one result of a batch of one.
fn only<T>(mut results: Vec<PortResult<T>>) -> PortResult<T> {
    results.pop().unwrap_or_else(|| Err(unavailable("a batch of one", "that was not answered")))
}

/// An adapter with faults around it.
#[derive(Clone)]
pub struct Faulty<P> {
    inner: P,
    faults: Faults,
}

impl<P> Faulty<P> {
    /// Wraps an adapter.
    #[must_use]
    pub fn new(inner: P, faults: &Faults) -> Self {
        Self { inner, faults: faults.clone() }
    }
}

impl<P: ReadSource + Sync> ReadSource for Faulty<P> {
    async fn read(&self, objects: &[SourceObject], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        let mut results = Vec::with_capacity(objects.len());
        for object in objects {
            let work = async { only(self.inner.read(std::slice::from_ref(object), limit).await) };
            results.push(self.faults.around("read source", &object.key, work).await);
        }
        results
    }
}

impl<P: ListSource + Sync> ListSource for Faulty<P> {
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> PortResult<SourcePage> {
        self.faults.around("list source", after.unwrap_or_default(), self.inner.list(bucket, prefix, after)).await
    }
}

impl<P: KeepCheckpoints + Sync> KeepCheckpoints for Faulty<P> {
    async fn checkpoint(&self, name: &str) -> PortResult<Option<String>> {
        self.faults.around("get checkpoint", name, self.inner.checkpoint(name)).await
    }

    async fn keep(&self, name: &str, document: &str, expected: Option<&str>) -> PortResult<()> {
        self.faults.around("put checkpoint", name, self.inner.keep(name, document, expected)).await
    }

    async fn forget(&self, name: &str, expected: &str) -> PortResult<()> {
        self.faults.around("delete checkpoint", name, self.inner.forget(name, expected)).await
    }
}

impl<P: SendMessages + Sync> SendMessages for Faulty<P> {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(bodies.len());
        for body in bodies {
            let work = async { only(self.inner.send(std::slice::from_ref(body)).await) };
            results.push(self.faults.around("send scene", body, work).await);
        }
        results
    }
}

impl<P: ReadItems + Sync> ReadItems for Faulty<P> {
    async fn stored(&self, keys: &[String]) -> Vec<PortResult<Option<StoredItem>>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            let work = async { only(self.inner.stored(std::slice::from_ref(key)).await) };
            results.push(self.faults.around("get item", key, work).await);
        }
        results
    }
}

impl<P: WriteItems + Sync> WriteItems for Faulty<P> {
    async fn put(&self, items: &[ItemPut]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            let work = async { only(self.inner.put(std::slice::from_ref(item)).await) };
            results.push(self.faults.around("put item", &item.key, work).await);
        }
        results
    }

    async fn delete(&self, keys: &[String]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            let work = async { only(self.inner.delete(std::slice::from_ref(key)).await) };
            results.push(self.faults.around("delete item", key, work).await);
        }
        results
    }
}

impl<P: ReadCatalog + Sync> ReadCatalog for Faulty<P> {
    async fn get(&self, key: &str) -> PortResult<Option<Object>> {
        self.faults.around("get", key, self.inner.get(key)).await
    }

    async fn exists(&self, key: &str) -> PortResult<bool> {
        self.faults.around("head", key, self.inner.exists(key)).await
    }

    async fn list(&self, level: &Level, from: Option<&PageToken>) -> PortResult<Page> {
        self.faults.around("list", level.wire(), self.inner.list(level, from)).await
    }
}

impl<P: InspectCatalog + Sync> InspectCatalog for Faulty<P> {
    async fn keys(&self, prefix: &str, after: Option<&str>) -> PortResult<KeyPage> {
        self.faults.around("list flat", after.unwrap_or_default(), self.inner.keys(prefix, after)).await
    }

    async fn inspect(&self, key: &str) -> PortResult<Option<Inspected>> {
        self.faults.around("inspect", key, self.inner.inspect(key)).await
    }
}

impl<P: WatchQueues + Sync> WatchQueues for Faulty<P> {
    async fn are_drained(&self) -> PortResult<bool> {
        self.faults.around("look at queues", "", self.inner.are_drained()).await
    }
}

impl<P: WriteCatalog + Sync> WriteCatalog for Faulty<P> {
    async fn put_if(&self, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        self.faults.around("put if", key, self.inner.put_if(key, bytes, expected)).await
    }
}

impl<P: MarkLevels + Sync> MarkLevels for Faulty<P> {
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(marks.len());
        for mark in marks {
            let work = async { only(self.inner.mark(std::slice::from_ref(mark)).await) };
            results.push(self.faults.around("put mark", mark.level.wire(), work).await);
        }
        results
    }
}

impl<P: ReadMarks + Sync> ReadMarks for Faulty<P> {
    async fn scan(&self, from: Option<&PageToken>) -> PortResult<MarkPage> {
        self.faults.around("scan marks", from.map_or("", |from| &from.0), self.inner.scan(from)).await
    }
}

impl<P: RemoveMarks + Sync> RemoveMarks for Faulty<P> {
    async fn remove(&self, marks: &[(Level, Token)]) -> Vec<PortResult<bool>> {
        let mut results = Vec::with_capacity(marks.len());
        for mark in marks {
            let work = async { only(self.inner.remove(std::slice::from_ref(mark)).await) };
            results.push(self.faults.around("remove mark", mark.0.wire(), work).await);
        }
        results
    }
}

impl<P: SendLevels + Sync> SendLevels for Faulty<P> {
    async fn send(&self, levels: &[LevelMessage]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(levels.len());
        for message in levels {
            let work = async { only(self.inner.send(std::slice::from_ref(message)).await) };
            results.push(self.faults.around("send", message.level.wire(), work).await);
        }
        results
    }
}

impl<P: PublishItems + Sync> PublishItems for Faulty<P> {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            let work = async { only(self.inner.publish(std::slice::from_ref(message)).await) };
            results.push(self.faults.around("publish", &message.key, work).await);
        }
        results
    }
}

impl<P: BuryLetters + Sync> BuryLetters for Faulty<P> {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        self.faults.around("bury", &letter.body, self.inner.bury(letter)).await
    }
}

impl<P: HoldLetters + Sync> HoldLetters for Faulty<P> {
    async fn hold(&self, most: usize) -> PortResult<Vec<HeldLetter>> {
        self.faults.around("hold letters", "", self.inner.hold(most)).await
    }

    async fn remove(&self, holds: &[String]) -> PortResult<()> {
        self.faults.around("remove letters", &holds.join(" "), self.inner.remove(holds)).await
    }

    async fn let_go(&self, holds: &[String]) -> PortResult<()> {
        self.faults.around("let go of letters", &holds.join(" "), self.inner.let_go(holds)).await
    }
}

impl<P: PutBackLetters + Sync> PutBackLetters for Faulty<P> {
    async fn put_back(&self, letters: &[DeadLetter]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(letters.len());
        for letter in letters {
            let work = async { only(self.inner.put_back(std::slice::from_ref(letter)).await) };
            results.push(self.faults.around("put back", &letter.body, work).await);
        }
        results
    }
}
