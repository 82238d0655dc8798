//! The ports: what the use cases need of the world, one small trait a capability.
//!
//! A use case's signature names the traits it needs, and so states its permissions. Reads are apart from writes.
//! Calls take batches where the services do; the entries of a batch succeed or fail each by itself. Futures are
//! `Send`. An adapter may block the calling thread (the embedded ones do): who polls decides on which thread.
//!
//! Every adapter keeps the promises written here and no others; the conformance suite in `tests/` checks them.

use std::future::Future;

use chrono::{DateTime, Utc};

use crate::level::{Level, Mark, Token};
use crate::message::{DeadLetter, ItemMessage, LevelMessage};

/// Why a port failed: conditions that a caller acts on.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// The object, queue or table does not exist.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// A conditional write found another state than the one it was made for. Somebody else wrote first.
    #[error("{what} was changed by somebody else")]
    Precondition {
        /// What was to be written.
        what: String,
    },
    /// The object is larger than the caller takes.
    #[error("{what} is {size} bytes long, expected at most {limit}")]
    TooLarge {
        /// What was asked for.
        what: String,
        /// Its size in bytes.
        size: u64,
        /// The bound in bytes.
        limit: u64,
    },
    /// What stands there holds no bytes that could be read: a pipe, a folder, a link that leads nowhere. It stays so
    /// until somebody changes it.
    #[error("{what} is {found}, expected a regular file")]
    NotAFile {
        /// What was asked for.
        what: String,
        /// What it is.
        found: &'static str,
    },
    /// Permission denied.
    #[error("no permission for {what}: {source}")]
    Denied {
        /// What was asked for.
        what: String,
        /// What the service said.
        source: BoxError,
    },
    /// Anything else: throttled, timed out, disk full. A later attempt may succeed.
    #[error("{what}: {source}")]
    Unavailable {
        /// What was being done.
        what: String,
        /// What the service said.
        source: BoxError,
    },
}

/// An error of whatever stands behind a port.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a port answers.
pub type PortResult<T> = Result<T, PortError>;

/// One answer for each of `entries`: where a port has answered fewer than it was asked, the others have failed. An
/// entry without an answer must never count as done.
pub(crate) fn answers<T>(results: Vec<PortResult<T>>, entries: usize, what: &str) -> Vec<PortResult<T>> {
    let missing = entries.saturating_sub(results.len());
    let failed =
        || Err(PortError::Unavailable { what: what.to_owned(), source: "there was no answer for this entry".into() });
    results.into_iter().chain(std::iter::repeat_with(failed).take(missing)).collect()
}

/// The identity of an object's content. Equal content has an equal tag; nothing else follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(pub String);

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The content.
    pub bytes: Vec<u8>,
    /// The tag of that content.
    pub etag: ETag,
}

/// An item as it stands in the catalog, and which message put it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredItem {
    /// The item's bytes.
    pub bytes: Vec<u8>,
    /// The id of the reprocess message whose put this was; none for a message without id.
    pub message_id: Option<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Names of the objects directly in the level, without the level's prefix, ascending by their bytes.
    pub objects: Vec<String>,
    /// Names of the folders directly below the level, without slash; ascending as with their slash, as S3 gives them:
    /// `a-b` before `a`.
    pub folders: Vec<String>,
    /// Where the next page starts; none when this is the last.
    pub next: Option<PageToken>,
}

/// Where a listing or a scan goes on. Opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(pub String);

/// What a conditional write expects to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// No object of that key (`If-None-Match: *`).
    Absent,
    /// An object whose content has this tag (`If-Match`).
    Tag(ETag),
}

/// A scene's metadata in its source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceObject {
    /// The bucket.
    pub bucket: String,
    /// The key, in the layout of the public bucket.
    pub key: String,
    /// Where the bytes are when the source is a folder: the path of the file.
    pub file: Option<String>,
}

/// Reads scene metadata.
pub trait ReadSource {
    /// Reads each object whole, in order, unless it is longer than `limit` bytes.
    ///
    /// Errors: [`PortError::NotFound`], [`PortError::TooLarge`] (nothing beyond the limit is read),
    /// [`PortError::NotAFile`] (only of an object that says where its file is), [`PortError::Denied`],
    /// [`PortError::Unavailable`].
    fn read(&self, objects: &[SourceObject], limit: u64) -> impl Future<Output = Vec<PortResult<Vec<u8>>>> + Send;
}

/// One object of a listing of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The whole key.
    pub key: String,
    /// When it was last written, as the source tells.
    pub modified: DateTime<Utc>,
    /// Where the bytes are when the source is a folder: the path of the file. To be given back in
    /// [`SourceObject::file`], because the file may stand anywhere.
    pub file: Option<String>,
}

/// One page of a listing of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourcePage {
    /// The objects, ascending by the bytes of their keys.
    pub objects: Vec<ListedObject>,
    /// Whether there are more behind the last of them. A page with more has at least one object.
    pub more: bool,
}

/// Lists scene metadata, and whatever else stands in its buckets.
pub trait ListSource {
    /// One page of the objects of `bucket` whose keys start with `prefix` and come behind the key `after`. A key is all
    /// that is needed to go on, also days later and after `after` itself is gone.
    ///
    /// Errors: [`PortError::NotFound`] when there is no such bucket, [`PortError::Denied`],
    /// [`PortError::Unavailable`].
    fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = PortResult<SourcePage>> + Send;
}

/// Keeps how far a long job has come: one small document of text for each name.
///
/// Writes are conditional, so that of two runs that took up the same document one learns of the other. A document that
/// already stands as it should counts as written: the answer to an earlier attempt may have been lost.
pub trait KeepCheckpoints {
    /// The document of this name; none when there is none.
    fn checkpoint(&self, name: &str) -> impl Future<Output = PortResult<Option<String>>> + Send;

    /// Writes `document` where `expected` stands, or where nothing stands when that is none.
    ///
    /// Errors: [`PortError::Precondition`] when something else stands there.
    fn keep(&self, name: &str, document: &str, expected: Option<&str>) -> impl Future<Output = PortResult<()>> + Send;

    /// Deletes the document where `expected` stands. Where nothing stands that is done already.
    ///
    /// Errors: [`PortError::Precondition`] when something else stands there.
    fn forget(&self, name: &str, expected: &str) -> impl Future<Output = PortResult<()>> + Send;
}

/// Reads items back.
pub trait ReadItems {
    /// The stored items of these keys, in order; none where there is no object.
    fn stored(&self, keys: &[String]) -> impl Future<Output = Vec<PortResult<Option<StoredItem>>>> + Send;
}

/// One item to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPut {
    /// The key in the catalog.
    pub key: String,
    /// The item.
    pub bytes: Vec<u8>,
    /// The id of the message this put is done for, kept beside the object, outside its bytes.
    pub message_id: Option<String>,
}

/// Writes items. Writes are whole or not at all: a reader sees the old bytes or the new ones.
pub trait WriteItems {
    /// Writes each item, in order of the slice, whatever stands there. Where bytes and message id are not written at
    /// once, the id is written first.
    fn put(&self, items: &[ItemPut]) -> impl Future<Output = Vec<PortResult<()>>> + Send;

    /// Deletes each object. Deleting what is not there succeeds.
    fn delete(&self, keys: &[String]) -> impl Future<Output = Vec<PortResult<()>>> + Send;
}

/// Reads the catalog: documents and listings. A read that starts after a write has ended sees that write.
pub trait ReadCatalog {
    /// The object of this key; none when there is none.
    fn get(&self, key: &str) -> impl Future<Output = PortResult<Option<Object>>> + Send;

    /// Whether there is an object of this key.
    fn exists(&self, key: &str) -> impl Future<Output = PortResult<bool>> + Send;

    /// One page of what stands directly in `level`. An object that is there from before the first page is asked for
    /// until after the last is in exactly one of them.
    fn list(&self, level: &Level, from: Option<&PageToken>) -> impl Future<Output = PortResult<Page>> + Send;
}

/// One page of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// The keys, ascending by their bytes.
    pub keys: Vec<String>,
    /// When each of them was last written, in the same order; empty where the store does not tell of itself.
    pub written: Vec<DateTime<Utc>>,
    /// Whether there are more behind the last of them. A page with more has at least one key.
    pub more: bool,
}

/// An object as a reader gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The content.
    pub bytes: Vec<u8>,
    /// The media type that it is served as; none where the store knows of none, as a directory.
    pub content_type: Option<String>,
}

/// Looks at the whole catalog, whatever stands in it.
pub trait InspectCatalog {
    /// One page of the keys that start with `prefix` and come behind the key `after`, through all levels. Keys that no
    /// object of a catalog can have are left out, such as those with a segment that starts with a dot. An object that is
    /// there from before the first page is asked for until after the last is in exactly one of them.
    fn keys(&self, prefix: &str, after: Option<&str>) -> impl Future<Output = PortResult<KeyPage>> + Send;

    /// The object of this key; none when there is none.
    fn inspect(&self, key: &str) -> impl Future<Output = PortResult<Option<Inspected>>> + Send;
}

/// Looks at the queues.
pub trait WatchQueues {
    /// Whether no message about a scene or a level waits or is being worked on, as far as the queues can tell.
    fn are_drained(&self) -> impl Future<Output = PortResult<bool>> + Send;
}

/// Writes catalog documents, only where nobody else has.
pub trait WriteCatalog {
    /// Writes the object when what stands there is what was expected; gives the new tag.
    ///
    /// Errors: [`PortError::Precondition`] when it is not (answers 404, 409 and 412 of S3).
    fn put_if(&self, key: &str, bytes: &[u8], expected: &Expected) -> impl Future<Output = PortResult<ETag>> + Send;
}

/// Marks levels as dirty.
pub trait MarkLevels {
    /// Puts each mark, overwriting the token of a mark that stands there; the `since` of a mark that stands is kept. It
    /// may be a little later than that of a mark put over it: only metrics read it, and comparing would cost a second
    /// request. The levels of `marks` are distinct.
    fn mark(&self, marks: &[Mark]) -> impl Future<Output = Vec<PortResult<()>>> + Send;
}

/// One page of marks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MarkPage {
    /// The marks.
    pub marks: Vec<Mark>,
    /// Where the next page starts; none when this is the last.
    pub next: Option<PageToken>,
}

/// Reads marks.
pub trait ReadMarks {
    /// One page of marks. A mark that stands through the whole scan is in one of its pages.
    fn scan(&self, from: Option<&PageToken>) -> impl Future<Output = PortResult<MarkPage>> + Send;
}

/// Removes marks: what a mover may do.
pub trait RemoveMarks {
    /// Removes each mark on condition that its token is still this one; false when it is not, or no mark stands.
    fn remove(&self, marks: &[(Level, Token)]) -> impl Future<Output = Vec<PortResult<bool>>> + Send;
}

/// Sends levels to the update queue.
pub trait SendLevels {
    /// Sends a batch; each entry is accepted or not.
    fn send(&self, levels: &[LevelMessage]) -> impl Future<Output = Vec<PortResult<()>>> + Send;
}

/// Publishes items and withdrawals to the item topics.
pub trait PublishItems {
    /// Publishes a batch; each entry is accepted or not.
    fn publish(&self, messages: &[ItemMessage]) -> impl Future<Output = Vec<PortResult<()>>> + Send;
}

/// Keeps messages that cannot be worked on, with the reason.
pub trait BuryLetters {
    /// Sends a message's unchanged body to the dead letters of its queue.
    fn bury(&self, letter: &DeadLetter) -> impl Future<Output = PortResult<()>> + Send;
}

/// A dead letter that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldLetter {
    /// What the dead letters know it by. No other letter has the same, in either queue.
    pub id: String,
    /// The letter. One without reason was moved by the queue itself: whoever worked on it timed out or crashed.
    pub letter: DeadLetter,
    /// What lets go of this letter, or removes it as it was seen.
    pub hold: String,
}

/// Looks at dead letters, and takes them out.
///
/// To look is to hold: who holds a letter may be the only one to see it, until he lets go of it, or is gone for some
/// minutes. So what was only looked at is to be let go of.
pub trait HoldLetters {
    /// Up to `most` letters that this reader does not hold. One that it has let go of may come again, or not. Empty when
    /// there are no others, or others hold them.
    fn hold(&self, most: usize) -> impl Future<Output = PortResult<Vec<HeldLetter>>> + Send;

    /// Removes letters as they were seen: one that has been added to since then stays. Removing twice is no error.
    fn remove(&self, holds: &[String]) -> impl Future<Output = PortResult<()>> + Send;

    /// Lets others see letters again.
    fn let_go(&self, holds: &[String]) -> impl Future<Output = PortResult<()>> + Send;
}

/// Puts dead letters back into the queue that they came from.
pub trait PutBackLetters {
    /// Sends each letter's unchanged body, to be received at once and as if for the first time; each is accepted or
    /// not. Its delivery tells as `sent` when the letter was sent first.
    fn put_back(&self, letters: &[DeadLetter]) -> impl Future<Output = Vec<PortResult<()>>> + Send;
}

/// A message as a queue delivered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The queue's id of the message.
    pub id: String,
    /// The body.
    pub body: String,
    /// How often it was received, this time included. Approximate.
    pub receives: u32,
    /// When it was sent first, as far as the queue knows.
    pub sent: Option<DateTime<Utc>>,
    /// What acknowledges this very delivery.
    pub receipt: String,
}

/// Sends to a queue.
pub trait SendMessages {
    /// Sends each body; each is accepted or not.
    fn send(&self, bodies: &[String]) -> impl Future<Output = Vec<PortResult<()>>> + Send;
}

/// Receives from a queue. A message that was received is invisible until its visibility time-out has passed, it is
/// released, or its receiver is gone.
pub trait ReceiveMessages {
    /// Up to `most` visible messages, oldest first as far as the queue can tell. Empty when there are none.
    fn receive(&self, most: usize) -> impl Future<Output = PortResult<Vec<Delivery>>> + Send;

    /// Deletes messages by the receipts of their latest delivery. An older receipt deletes nothing and is no error.
    fn acknowledge(&self, receipts: &[String]) -> impl Future<Output = PortResult<()>> + Send;

    /// Makes messages visible again after `seconds`, by the receipts of their latest delivery.
    fn release(&self, receipts: &[String], seconds: u32) -> impl Future<Output = PortResult<()>> + Send;
}

/// Randomness: tokens, first revisions, jitter.
pub trait Chance {
    /// 64 random bits.
    fn bits(&self) -> u64;

    /// A token for a mark.
    fn token(&self) -> Token {
        Token(format!("{:016x}{:016x}", self.bits(), self.bits()))
    }
}

/// The time, for what is written down (never for a decision), and waiting.
pub trait Clock {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// Ends after about `milliseconds`.
    fn pause(&self, milliseconds: u64) -> impl Future<Output = ()> + Send;
}
