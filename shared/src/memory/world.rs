//! The rest of the world: scene metadata, topics, time, randomness, and the record of what was asked.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};

use super::{lock, yield_now};
use crate::message::ItemMessage;
use crate::ports::{
    Chance, Clock, ListSource, ListedObject, PortError, PortResult, PublishItems, ReadSource, SourceObject, SourcePage,
};

/// Bucket and key.
type Address = (String, String);

/// Scene metadata by bucket and key; where the file of an object is plays no part. Clones share it.
#[derive(Debug, Clone)]
pub struct Sources {
    shared: Arc<Mutex<SourcesShared>>,
    requests: Requests,
}

#[derive(Debug)]
struct SourcesShared {
    objects: BTreeMap<Address, (Vec<u8>, DateTime<Utc>)>,
    keys_a_page: usize,
}

impl Sources {
    pub(super) fn new(requests: Requests) -> Self {
        let shared = SourcesShared { objects: BTreeMap::new(), keys_a_page: 1_000 };
        Self { shared: Arc::new(Mutex::new(shared)), requests }
    }

    /// From now on a page of a listing holds this many keys, at least one.
    pub fn set_keys_a_page(&self, keys: usize) {
        lock(&self.shared).keys_a_page = keys.max(1);
    }

    /// Puts an object there, as if long ago.
    pub fn insert(&self, bucket: impl Into<String>, key: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.insert_at(bucket, key, bytes, DateTime::UNIX_EPOCH);
    }

    /// Puts an object there, as if at that time.
    pub fn insert_at(
        &self,
        bucket: impl Into<String>,
        key: impl Into<String>,
        bytes: impl Into<Vec<u8>>,
        modified: DateTime<Utc>,
    ) {
        lock(&self.shared).objects.insert((bucket.into(), key.into()), (bytes.into(), modified));
    }

    /// Takes an object away.
    pub fn remove(&self, bucket: &str, key: &str) {
        lock(&self.shared).objects.remove(&(bucket.to_owned(), key.to_owned()));
    }
}

impl ListSource for Sources {
    /// A bucket exists when it holds an object.
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> PortResult<SourcePage> {
        yield_now().await;
        self.requests.add("list source");
        let page = lock(&self.shared).page(bucket, prefix, after);
        yield_now().await;
        page
    }
}

impl SourcesShared {
    fn page(&self, bucket: &str, prefix: &str, after: Option<&str>) -> PortResult<SourcePage> {
        let address = |key: &str| (bucket.to_owned(), key.to_owned());
        if self.objects.range(address("")..).next().is_none_or(|((found, _), _)| found != bucket) {
            return Err(PortError::NotFound { what: format!("the bucket {bucket}") });
        }
        let start = match after.filter(|after| *after >= prefix) {
            Some(after) => Bound::Excluded(address(after)),
            None => Bound::Included(address(prefix)),
        };
        let mut found = self
            .objects
            .range((start, Bound::Unbounded))
            .take_while(|((in_bucket, key), _)| in_bucket == bucket && key.starts_with(prefix))
            .map(|((_, key), (_, modified))| ListedObject { key: key.clone(), modified: *modified, file: None });
        let objects: Vec<ListedObject> = found.by_ref().take(self.keys_a_page).collect();
        Ok(SourcePage { objects, more: found.next().is_some() })
    }
}

impl ReadSource for Sources {
    async fn read(&self, objects: &[SourceObject], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        let mut results = Vec::with_capacity(objects.len());
        for SourceObject { bucket, key, .. } in objects {
            yield_now().await;
            self.requests.add("read source");
            let what = format!("{bucket}/{key}");
            let found = lock(&self.shared).objects.get(&(bucket.clone(), key.clone())).map(|(bytes, _)| bytes.clone());
            results.push(match found {
                None => Err(PortError::NotFound { what }),
                Some(bytes) if bytes.len() as u64 > limit => {
                    Err(PortError::TooLarge { what, size: bytes.len() as u64, limit })
                }
                Some(bytes) => Ok(bytes),
            });
        }
        yield_now().await;
        results
    }
}

/// The item topics: keeps what was published. Clones share it.
#[derive(Debug, Clone)]
pub struct Topic {
    published: Arc<Mutex<Vec<ItemMessage>>>,
    requests: Requests,
}

impl Topic {
    pub(super) fn new(requests: Requests) -> Self {
        Self { published: Arc::default(), requests }
    }

    /// All messages, in the order in which they came.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ItemMessage> {
        lock(&self.published).clone()
    }
}

impl PublishItems for Topic {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            yield_now().await;
            self.requests.add("publish");
            lock(&self.published).push(message.clone());
            results.push(Ok(()));
        }
        yield_now().await;
        results
    }
}

/// A clock that the test moves. Clones share it.
#[derive(Debug, Clone)]
pub struct Time {
    milliseconds: Arc<AtomicI64>,
}

impl Default for Time {
    /// The first second of 2026.
    fn default() -> Self {
        Self { milliseconds: Arc::new(AtomicI64::new(1_767_225_600_000)) }
    }
}

impl Time {
    /// Moves the clock forward.
    pub fn advance(&self, milliseconds: u32) {
        self.milliseconds.fetch_add(milliseconds.into(), Ordering::SeqCst);
    }

    pub(super) fn milliseconds(&self) -> i64 {
        self.milliseconds.load(Ordering::SeqCst)
    }

    pub(super) fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
    }
}

impl Clock for Time {
    fn now(&self) -> DateTime<Utc> {
        Self::at(self.milliseconds())
    }

    /// Lets others run once. The time stands: who waits must not move the clock for all.
    async fn pause(&self, _milliseconds: u64) {
        yield_now().await;
    }
}

/// Random values that a seed determines (SplitMix64). Clones take from the same sequence.
#[derive(Debug, Clone)]
pub struct Dice {
    state: Arc<AtomicU64>,
}

impl Dice {
    /// The sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(AtomicU64::new(seed)) }
    }

    /// One of the numbers below `bound`; 0 when there is none.
    #[must_use]
    pub fn below(&self, bound: usize) -> usize {
        let value = u128::from(self.bits()) * bound as u128;
        usize::try_from(value >> 64).unwrap_or(0)
    }
}

impl Chance for Dice {
    fn bits(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.state.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// How often what was asked. Clones share the record.
///
/// Objects, marks and publications count one for each entry, queues one for each call: `get`, `head`, `list`,
/// `list flat`, `inspect`,
/// `put if`, `get item`, `put item`, `delete item`, `read source`, `list source`, `get checkpoint`,
/// `put checkpoint`, `delete checkpoint`, `put mark`, `scan marks`, `remove mark`, `publish`,
/// `bury`, `hold letters`, `remove letters`, `let go of letters`; `send scenes`, `receive scenes`, `acknowledge scenes`, `release scenes`, and the same for `levels`.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    counts: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl Requests {
    /// How often `operation` was asked for.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        lock(&self.counts).get(operation).copied().unwrap_or(0)
    }

    /// All counts.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        lock(&self.counts).clone()
    }

    /// Starts again at nothing.
    pub fn clear(&self) {
        lock(&self.counts).clear();
    }

    pub(super) fn add(&self, operation: &str) {
        let mut counts = lock(&self.counts);
        match counts.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                counts.insert(operation.to_owned(), 1);
            }
        }
    }

    pub(super) fn add_for(&self, operation: &str, queue: &str) {
        self.add(&format!("{operation} {queue}"));
    }
}
