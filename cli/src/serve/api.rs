//! The STAC API over the search index of the served directory.

use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use futures::executor::block_on;
use lazycat::index::{Limits, Searcher};
use lazycat::ports::PortError;
use lazycat::search::ports::{Found, FoundCollection, FoundItem, SearchError, SearchItems};
use lazycat::search::query::Query;
use lazycat_api::{Base, Settings};
use serde_json::Value;
use tokio::sync::Semaphore;

/// How many searches run at once; others wait. Files are read by threads of the same pool, and must not wait for all
/// of them.
const AT_ONCE: usize = 16;

/// The routes of the API over the index of `dir`, which need not be there yet.
pub(super) fn router(dir: &Path, public_url: Option<String>) -> io::Result<Router> {
    let dir = dir.canonicalize()?;
    let index =
        OffThread { searcher: Searcher::new(&dir, Limits::default()), slots: Arc::new(Semaphore::new(AT_ONCE)) };
    Ok(lazycat_api::router(index, settings(&dir, public_url)))
}

/// The API presents itself as the root catalog does.
fn settings(dir: &Path, public_url: Option<String>) -> Settings {
    let mut settings = Settings { catalog: Some(String::new()), ..Settings::default() };
    if let Some(url) = public_url {
        settings.base = Base::At(url);
    }
    let root = std::fs::read(dir.join("catalog.json")).ok();
    let root: Value = root.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let texts = [("id", &mut settings.id), ("title", &mut settings.title), ("description", &mut settings.description)];
    for (name, text) in texts {
        if let Some(found) = root[name].as_str().filter(|found| !found.is_empty()) {
            found.clone_into(text);
        }
    }
    settings
}

/// An index whose calls block, off the asynchronous threads.
#[derive(Debug, Clone)]
struct OffThread {
    searcher: Searcher,
    slots: Arc<Semaphore>,
}

impl OffThread {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Searcher) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let stopped = |error: &dyn std::fmt::Display| {
            let source = error.to_string().into();
            SearchError::Port(PortError::Unavailable { what: "the search".to_owned(), source })
        };
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|error| stopped(&error))?;
        let searcher = self.searcher.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            work(&searcher)
        });
        done.await.map_err(|error| stopped(&error))?
    }
}

impl SearchItems for OffThread {
    async fn ready(&self) -> Result<(), SearchError> {
        self.run(|searcher| block_on(searcher.ready())).await
    }

    async fn search(&self, query: &Query) -> Result<Found, SearchError> {
        let query = query.clone();
        self.run(move |searcher| block_on(searcher.search(&query))).await
    }

    async fn item(&self, collection: &str, id: &str) -> Result<Option<FoundItem>, SearchError> {
        let (collection, id) = (collection.to_owned(), id.to_owned());
        self.run(move |searcher| block_on(searcher.item(&collection, &id))).await
    }

    async fn collections(&self, after: Option<&str>, most: usize) -> Result<Vec<FoundCollection>, SearchError> {
        let after = after.map(str::to_owned);
        self.run(move |searcher| block_on(searcher.collections(after.as_deref(), most))).await
    }

    async fn collection(&self, id: &str) -> Result<Option<FoundCollection>, SearchError> {
        let id = id.to_owned();
        self.run(move |searcher| block_on(searcher.collection(&id))).await
    }

    async fn properties(&self, collection: Option<&str>) -> Result<Vec<(String, &'static str)>, SearchError> {
        let collection = collection.map(str::to_owned);
        self.run(move |searcher| block_on(searcher.properties(collection.as_deref()))).await
    }
}
