//! rebuild-index: a search index filled from the catalog, whatever it held before.
//!
//! The catalog is walked level by level; every item and collection in it is handed to the index, which makes itself
//! equal to what stands there. What the index holds and the walk has not met is then compared with the catalog in the
//! same way, and goes when it is gone there. Searches and other writers go on meanwhile: whatever changes during the walk
//! is told to the index by whoever changes it.

use std::future::Future;

use crate::level::Level;
use crate::ports::{PortResult, ReadCatalog};

/// How many documents are handed over at once.
const AT_ONCE: usize = 4_000;

/// A search index that can follow the catalog beside it: it reads the documents itself, so that it always takes the
/// latest.
pub trait FollowCatalog {
    /// Begins a walk; gives its number, which is greater than those before.
    fn begin(&self) -> impl Future<Output = PortResult<i64>> + Send;

    /// Makes the index equal to what stands under these keys now: an item or collection is put, anything else, or
    /// nothing, is removed. The documents have been met by walk `walk`.
    fn follow(&self, keys: &[String], walk: i64) -> impl Future<Output = PortResult<Followed>> + Send;

    /// Up to `most` keys of documents that walk `walk` has not met.
    fn not_met(&self, walk: i64, most: usize) -> impl Future<Output = PortResult<Vec<String>>> + Send;

    /// The walk has ended: the index is complete.
    fn end(&self, walk: i64) -> impl Future<Output = PortResult<()>> + Send;
}

/// What became of some documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// How many items are in the index as they are in the catalog.
    pub items: u64,
    /// How many collections.
    pub collections: u64,
    /// How many of both the index did not hold before, or held otherwise.
    pub changed: u64,
    /// How many were in the index and are not in the catalog.
    pub removed: u64,
    /// Documents that cannot be found by a search, each with its faults.
    pub refused: Vec<String>,
}

impl Followed {
    pub(crate) fn add(&mut self, other: Self) {
        self.items += other.items;
        self.collections += other.collections;
        self.changed += other.changed;
        self.removed += other.removed;
        self.refused.extend(other.refused);
    }
}

/// Fills the index. `progress` is told after each step what has been done so far.
///
/// # Errors
///
/// When the catalog cannot be listed or the index cannot be written. It can be run again.
pub async fn rebuild<C, I>(catalog: &C, index: &I, mut progress: impl FnMut(&Followed)) -> PortResult<Followed>
where
    C: ReadCatalog,
    I: FollowCatalog,
{
    let walk = index.begin().await?;
    let mut done = Followed::default();
    let mut keys = Vec::with_capacity(AT_ONCE);
    let mut open = vec![Level::root()];
    while let Some(level) = open.pop() {
        let mut from = None;
        loop {
            let page = catalog.list(&level, from.as_ref()).await?;
            // A folder that no level can be named after holds nothing of the catalog.
            open.extend(page.folders.iter().rev().filter_map(|name| level.child(name).ok()));
            for name in page.objects.iter().filter(|name| may_hold_an_item(name)) {
                keys.push(level.object_key(name));
                if keys.len() == AT_ONCE {
                    done.add(index.follow(&keys, walk).await?);
                    keys.clear();
                    progress(&done);
                }
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
    }
    done.add(index.follow(&keys, walk).await?);
    progress(&done);
    loop {
        let left = index.not_met(walk, AT_ONCE).await?;
        if left.is_empty() {
            break;
        }
        done.add(index.follow(&left, walk).await?);
        progress(&done);
    }
    index.end(walk).await?;
    Ok(done)
}

fn may_hold_an_item(name: &str) -> bool {
    name.ends_with(".json") && name != "catalog.json" || name.ends_with(".geojson")
}
