//! Which collections items are taken for.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use crate::ports::{PortResult, ReadCatalog};

/// How many collections are remembered.
const REMEMBERED: usize = 10_000;

/// Knows collections.
pub trait KnowCollections {
    /// Whether items may be taken for the collection whose document has this key.
    fn knows(&self, key: &str) -> impl Future<Output = PortResult<bool>> + Send;
}

/// Takes items for any collection.
#[derive(Debug, Clone, Copy)]
pub struct AnyCollection;

impl KnowCollections for AnyCollection {
    async fn knows(&self, _: &str) -> PortResult<bool> {
        Ok(true)
    }
}

/// Takes items for collections that have a document in the catalog.
#[derive(Debug)]
pub struct InCatalog<C> {
    catalog: C,
    /// Those that were there: the document of a level is never deleted, so they need not be asked for again.
    there: Mutex<HashSet<String>>,
}

impl<C> InCatalog<C> {
    /// The collections of this catalog.
    #[must_use]
    pub fn new(catalog: C) -> Self {
        Self { catalog, there: Mutex::default() }
    }
}

impl<C: ReadCatalog + Sync> KnowCollections for InCatalog<C> {
    async fn knows(&self, key: &str) -> PortResult<bool> {
        if self.there.lock().unwrap_or_else(PoisonError::into_inner).contains(key) {
            return Ok(true);
        }
        let exists = self.catalog.exists(key).await?;
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        if exists && there.len() < REMEMBERED {
            there.insert(key.to_owned());
        }
        Ok(exists)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::executor::block_on;

    use super::*;
    use crate::level::Level;
    use crate::ports::{Object, Page, PageToken, PortError};

    #[derive(Default)]
    struct Catalog {
        asked: AtomicUsize,
    }

    impl ReadCatalog for Catalog {
        async fn get(&self, _: &str) -> PortResult<Option<Object>> {
            unreachable!("the document is not read")
        }

        async fn exists(&self, key: &str) -> PortResult<bool> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match key {
                "down/collection.json" => {
                    Err(PortError::Unavailable { what: "the catalog".into(), source: "it is down".into() })
                }
                key => Ok(key == "c/collection.json"),
            }
        }

        async fn list(&self, _: &Level, _: Option<&PageToken>) -> PortResult<Page> {
            unreachable!("nothing is listed")
        }
    }

    #[test]
    fn one_that_is_there_is_asked_for_once_and_one_that_is_not_each_time() {
        let known = InCatalog::new(Catalog::default());
        for (collection, is_known, asked) in [("c", true, 1), ("c", true, 1), ("d", false, 2), ("d", false, 3)] {
            let key = format!("{collection}/collection.json");
            assert_eq!(block_on(known.knows(&key)).unwrap(), is_known, "{collection}");
            assert_eq!(known.catalog.asked.load(Ordering::Relaxed), asked, "{collection}");
        }
        assert!(block_on(known.knows("down/collection.json")).is_err());
    }
}
