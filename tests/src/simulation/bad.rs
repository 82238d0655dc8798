//! Known ways to lose an update: the use cases as they are, over ports that take one defence out.
//!
//! [`Bad`] stands between a use case and its [`Gate`]. Where the defence is the order of two requests, it asks for the
//! later one too early, and answers for it when its turn comes without asking.

mod catalog;
mod items;
mod marks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use lazycat::level::{Level, Token};
use lazycat::message::DeadLetter;
use lazycat::ports::{BuryLetters, Chance, Clock, Delivery, ETag, Page, PortResult, ReadSource, SourceObject};

use super::gate::{Gate, Ports};
use super::world::QueueName;

/// One defence taken out. Everything else is done as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// Generator: the mark is put before the items.
    MarkBeforePut,
    /// Generator: the source message is acknowledged first.
    AcknowledgeSourceFirst,
    /// Generator: no mark, because the stored bytes are equal.
    SkipMarkOnEqualBytes,
    /// Generator: no publish, because the stored bytes are equal.
    SkipPublishOnEqualBytes,
    /// Generator: no mark, because the row's catalog links the item.
    SkipMarkWhenLinked,
    /// Generator: no mark, because the bytes are equal and the message is received for the first time.
    SkipMarkOnFirstReceive,
    /// Generator: a message is skipped when the stored bytes are equal and carry the id of any other message.
    SkipOnAnyOtherId,
    /// Generator: an item that was refused counts as written.
    IgnoreFailedPut,
    /// Generator: a mark that was refused counts as put.
    IgnoreFailedMark,
    /// Generator: a publish that was refused counts as done.
    IgnoreFailedPublish,
    /// Marks: a mark is put only if none stands.
    MarkOnlyIfNone,
    /// Marks: a counter in place of the random token: one more than that of the mark that stands, else 1.
    CounterToken,
    /// Marks: the time in place of the random token.
    TimestampToken,
    /// Mover: the mark is deleted whatever its token.
    DeleteMarkBlindly,
    /// Mover: marks are deleted before their messages are sent.
    DeleteMarkFirst,
    /// Mover: marks are deleted also when `Failed[]` names their entry.
    IgnoreFailedSend,
    /// Queue: FIFO, which drops a message when one of the same level was sent a short while ago.
    FifoQueue,
    /// Updater: the PUT has no condition.
    BlindPut,
    /// Updater: the catalog is read, for its tag and revision, only after the LIST.
    ReadAfterList,
    /// Updater: after a conflict the catalog is read anew, but the old listing is written.
    KeepListing,
    /// Updater: the tag does not depend on the revision.
    NoRevision,
    /// Updater: the successor of an unreadable catalog has revision 1.
    RestartRevision,
    /// Updater: also a row is not written when nothing but the revision would change.
    SkipUnchangedRow,
    /// Updater: nothing is written for a row without catalog and without items.
    SkipAbsentEmptyRow,
    /// Updater: the catalog of a row is deleted when its listing is empty.
    DeleteEmptyCatalog,
    /// Updater: children are linked without a HEAD.
    LinkWithoutHead,
    /// Updater: the parent is marked only if this updater created the catalog.
    TellParentIfCreated,
    /// Updater: the parent is not marked when the write was skipped.
    NoLookAfterSkip,
    /// Updater: the message is acknowledged before the parent is looked at.
    AcknowledgeBeforeLook,
    /// Redrive: the dead letter is deleted before it is sent.
    RedriveDeletesFirst,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::MarkBeforePut,
        Self::AcknowledgeSourceFirst,
        Self::SkipMarkOnEqualBytes,
        Self::SkipPublishOnEqualBytes,
        Self::SkipMarkWhenLinked,
        Self::SkipMarkOnFirstReceive,
        Self::SkipOnAnyOtherId,
        Self::IgnoreFailedPut,
        Self::IgnoreFailedMark,
        Self::IgnoreFailedPublish,
        Self::MarkOnlyIfNone,
        Self::CounterToken,
        Self::TimestampToken,
        Self::DeleteMarkBlindly,
        Self::DeleteMarkFirst,
        Self::IgnoreFailedSend,
        Self::FifoQueue,
        Self::BlindPut,
        Self::ReadAfterList,
        Self::KeepListing,
        Self::NoRevision,
        Self::RestartRevision,
        Self::SkipUnchangedRow,
        Self::SkipAbsentEmptyRow,
        Self::DeleteEmptyCatalog,
        Self::LinkWithoutHead,
        Self::TellParentIfCreated,
        Self::NoLookAfterSkip,
        Self::AcknowledgeBeforeLook,
        Self::RedriveDeletesFirst,
    ];
}

/// What the processes of a bad world share.
#[derive(Clone, Default)]
pub struct Shared {
    /// When each level was sent last.
    sent: Arc<Mutex<BTreeMap<Level, DateTime<Utc>>>>,
}

/// What a process remembers between its requests.
#[derive(Default)]
struct Memory {
    deliveries: Vec<Delivery>,
    /// Rows whose mark is needed.
    fresh_rows: BTreeSet<Level>,
    /// Items whose publish is needed.
    fresh_keys: BTreeSet<String>,
    /// The marks that the last scan has shown.
    scanned: Vec<(Level, Token)>,
    /// Levels whose document was written, and whether it was created.
    written: BTreeMap<Level, bool>,
    /// The document of each level after its listing: its tag and revision.
    after_list: BTreeMap<Level, Option<(ETag, Option<u64>)>>,
    /// Pages of listings, in order, and where they start.
    pages: Vec<(Level, Option<String>, Page)>,
}

/// The ports of one process, with one defence taken out.
pub struct Bad {
    gate: Gate,
    variant: Variant,
    shared: Shared,
    memory: Mutex<Memory>,
}

impl Bad {
    /// Takes a defence out.
    #[must_use]
    pub fn new(gate: Gate, variant: Variant, shared: &Shared) -> Self {
        Self { gate, variant, shared: shared.clone(), memory: Mutex::default() }
    }

    fn is(&self, variant: Variant) -> bool {
        self.variant == variant
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each answer, good or bad, as if it were good.
fn all_good(results: Vec<PortResult<()>>, entries: usize) -> Vec<PortResult<()>> {
    drop(results);
    (0..entries).map(|_| Ok(())).collect()
}

impl ReadSource for Bad {
    async fn read(&self, objects: &[SourceObject], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        self.gate.read(objects, limit).await
    }
}

impl BuryLetters for Bad {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        self.gate.bury(letter).await
    }
}

impl Chance for Bad {
    fn bits(&self) -> u64 {
        self.gate.bits()
    }

    fn token(&self) -> Token {
        if self.is(Variant::TimestampToken) { Token(self.now().to_rfc3339()) } else { self.gate.token() }
    }
}

impl Clock for Bad {
    fn now(&self) -> DateTime<Utc> {
        self.gate.now()
    }

    async fn pause(&self, milliseconds: u64) {
        self.gate.pause(milliseconds).await;
    }
}

impl Ports for Bad {
    async fn receive(&self, most: usize) -> PortResult<Vec<Delivery>> {
        let deliveries = self.gate.receive(most).await?;
        self.memory().deliveries.clone_from(&deliveries);
        if self.is(Variant::AcknowledgeSourceFirst) && self.gate.queue == QueueName::Scenes {
            let receipts: Vec<String> = deliveries.iter().map(|delivery| delivery.receipt.clone()).collect();
            let _ = self.gate.acknowledge(&receipts).await;
        }
        Ok(deliveries)
    }

    async fn acknowledge(&self, receipts: &[String]) -> Vec<PortResult<()>> {
        self.gate.acknowledge(receipts).await
    }

    async fn release(&self, receipts: &[String]) -> Vec<PortResult<()>> {
        self.gate.release(receipts).await
    }

    async fn send_back(&self, letter: &DeadLetter) -> PortResult<()> {
        if self.is(Variant::RedriveDeletesFirst) {
            self.gate.delete_letter(letter).await?;
        }
        self.gate.send_back(letter).await
    }

    async fn delete_letter(&self, letter: &DeadLetter) -> PortResult<()> {
        if self.is(Variant::RedriveDeletesFirst) {
            return Ok(());
        }
        self.gate.delete_letter(letter).await
    }
}
