//! Objects as in S3: a flat map of keys, listed by prefix and delimiter in the order of their bytes.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::{Requests, lock, yield_now};
use crate::level::{Level, check_key};
use crate::ports::{
    ETag, Expected, InspectCatalog, Inspected, ItemPut, KeyPage, Object, Page, PageToken, PortError, PortResult,
    ReadCatalog, ReadItems, StoredItem, WriteCatalog, WriteItems,
};
use crate::stac::link::{GEOJSON, JSON};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 1024;

/// The objects of a catalog. Clones share them.
#[derive(Debug, Clone)]
pub struct Objects {
    shared: Arc<Mutex<Shared>>,
    requests: Requests,
}

#[derive(Debug)]
struct Shared {
    objects: BTreeMap<String, StoredItem>,
    /// What objects are served as; no others are told.
    content_types: BTreeMap<String, String>,
    /// When objects were last written; told when there is one.
    written: BTreeMap<String, DateTime<Utc>>,
    keys_a_page: usize,
}

impl Objects {
    pub(super) fn new(requests: Requests) -> Self {
        let shared = Shared {
            objects: BTreeMap::new(),
            content_types: BTreeMap::new(),
            written: BTreeMap::new(),
            keys_a_page: 1_000,
        };
        Self { shared: Arc::new(Mutex::new(shared)), requests }
    }

    /// From now on listings tell when objects were last written: this one then, the others, as far as nothing else is
    /// said of them, in 1970.
    pub fn set_written(&self, key: &str, time: DateTime<Utc>) {
        lock(&self.shared).written.insert(key.to_owned(), time);
    }

    /// From now on a page of a listing holds this many objects and folders, at least one.
    pub fn set_keys_a_page(&self, keys: usize) {
        lock(&self.shared).keys_a_page = keys.max(1);
    }

    /// Puts an object there, as a hand does that edits the bucket: at once, without message id, not recorded.
    pub fn insert(&self, key: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let object = StoredItem { bytes: bytes.into(), message_id: None };
        lock(&self.shared).objects.insert(key.into(), object);
    }

    /// Sets what an object is served as, as a hand does that copies it over itself.
    pub fn set_content_type(&self, key: &str, content_type: &str) {
        lock(&self.shared).content_types.insert(key.to_owned(), content_type.to_owned());
    }

    /// Takes an object away, as a hand does that edits the bucket.
    pub fn remove(&self, key: &str) {
        lock(&self.shared).objects.remove(key);
    }

    /// All objects as they stand.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, StoredItem> {
        lock(&self.shared).objects.clone()
    }
}

impl ReadItems for Objects {
    async fn stored(&self, keys: &[String]) -> Vec<PortResult<Option<StoredItem>>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            yield_now().await;
            self.requests.add("get item");
            results.push(check(key).map(|()| lock(&self.shared).objects.get(key).cloned()));
        }
        yield_now().await;
        results
    }
}

impl WriteItems for Objects {
    async fn put(&self, items: &[ItemPut]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            yield_now().await;
            self.requests.add("put item");
            let stored = StoredItem { bytes: item.bytes.clone(), message_id: item.message_id.clone() };
            results.push(check(&item.key).map(|()| {
                let mut shared = lock(&self.shared);
                shared.content_types.insert(item.key.clone(), GEOJSON.to_owned());
                shared.objects.insert(item.key.clone(), stored);
            }));
        }
        yield_now().await;
        results
    }

    async fn delete(&self, keys: &[String]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            yield_now().await;
            self.requests.add("delete item");
            results.push(check(key).map(|()| {
                lock(&self.shared).objects.remove(key);
            }));
        }
        yield_now().await;
        results
    }
}

impl ReadCatalog for Objects {
    async fn get(&self, key: &str) -> PortResult<Option<Object>> {
        yield_now().await;
        self.requests.add("get");
        check(key)?;
        let found = lock(&self.shared)
            .objects
            .get(key)
            .map(|object| Object { bytes: object.bytes.clone(), etag: etag(&object.bytes) });
        yield_now().await;
        Ok(found)
    }

    async fn exists(&self, key: &str) -> PortResult<bool> {
        yield_now().await;
        self.requests.add("head");
        check(key)?;
        let found = lock(&self.shared).objects.contains_key(key);
        yield_now().await;
        Ok(found)
    }

    async fn list(&self, level: &Level, from: Option<&PageToken>) -> PortResult<Page> {
        yield_now().await;
        self.requests.add("list");
        let page = lock(&self.shared).page(&level.prefix(), from.map(|token| token.0.as_str()));
        yield_now().await;
        Ok(page)
    }
}

impl InspectCatalog for Objects {
    async fn keys(&self, prefix: &str, after: Option<&str>) -> PortResult<KeyPage> {
        yield_now().await;
        self.requests.add("list flat");
        let page = {
            let shared = lock(&self.shared);
            let start = match after.filter(|after| *after >= prefix) {
                Some(after) => Bound::Excluded(after),
                None => Bound::Included(prefix),
            };
            let mut keys = shared
                .objects
                .range::<str, _>((start, Bound::Unbounded))
                .map(|(key, _)| key)
                .take_while(|key| key.starts_with(prefix))
                .filter(|key| check_key(key, LONGEST_KEY).is_ok());
            let page: Vec<String> = keys.by_ref().take(shared.keys_a_page).cloned().collect();
            let more = keys.next().is_some();
            let written = |key: &String| shared.written.get(key).copied().unwrap_or(DateTime::UNIX_EPOCH);
            let written = if shared.written.is_empty() { vec![] } else { page.iter().map(written).collect() };
            KeyPage { keys: page, written, more }
        };
        yield_now().await;
        Ok(page)
    }

    async fn inspect(&self, key: &str) -> PortResult<Option<Inspected>> {
        yield_now().await;
        self.requests.add("inspect");
        check(key)?;
        let found = {
            let shared = lock(&self.shared);
            shared.objects.get(key).map(|object| Inspected {
                bytes: object.bytes.clone(),
                content_type: shared.content_types.get(key).cloned(),
            })
        };
        yield_now().await;
        Ok(found)
    }
}

impl WriteCatalog for Objects {
    async fn put_if(&self, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        yield_now().await;
        self.requests.add("put if");
        check(key)?;
        let written = lock(&self.shared).put_if(key, bytes, expected);
        yield_now().await;
        written
    }
}

impl Shared {
    fn put_if(&mut self, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        let found = self.objects.get(key).map(|object| etag(&object.bytes));
        let as_expected = match expected {
            Expected::Absent => found.is_none(),
            Expected::Tag(tag) => found.as_ref() == Some(tag),
        };
        if !as_expected {
            return Err(PortError::Precondition { what: key.to_owned() });
        }
        let object = StoredItem { bytes: bytes.to_vec(), message_id: None };
        self.content_types.insert(key.to_owned(), JSON.to_owned());
        self.objects.insert(key.to_owned(), object);
        Ok(etag(bytes))
    }

    /// A page of the listing with this prefix and the delimiter `/`, after the entry `from`: an object's name, or a
    /// folder's with its slash.
    fn page(&self, prefix: &str, from: Option<&str>) -> Page {
        let mut page = Page::default();
        let mut last = None;
        let mut start = from.map_or_else(|| Bound::Included(prefix.to_owned()), |entry| after(prefix, entry));
        loop {
            let next =
                self.objects.range((start, Bound::Unbounded)).next().and_then(|(key, _)| key.strip_prefix(prefix));
            let Some(rest) = next else {
                page.next = None;
                return page;
            };
            if page.objects.len() + page.folders.len() == self.keys_a_page {
                page.next = last.map(PageToken);
                return page;
            }
            let entry = match rest.split_once('/') {
                Some((folder, _)) => {
                    page.folders.push(folder.to_owned());
                    format!("{folder}/")
                }
                None => {
                    page.objects.push(rest.to_owned());
                    rest.to_owned()
                }
            };
            start = after(prefix, &entry);
            last = Some(entry);
        }
    }
}

/// Where the keys after an entry start. After a folder that is behind all that is in it.
fn after(prefix: &str, entry: &str) -> Bound<String> {
    match entry.strip_suffix('/') {
        // The byte after the slash.
        Some(folder) => Bound::Included(format!("{prefix}{folder}0")),
        None => Bound::Excluded(format!("{prefix}{entry}")),
    }
}

fn etag(bytes: &[u8]) -> ETag {
    // Not the tag that another adapter gives for the same content: nobody may count on its form.
    ETag(format!("\"{:032x}-m\"", xxh3_128_with_seed(bytes, 1)))
}

fn check(key: &str) -> PortResult<()> {
    check_key(key, LONGEST_KEY)
        .map_err(|reason| PortError::Denied { what: format!("the key {key:?}"), source: reason.into() })
}
