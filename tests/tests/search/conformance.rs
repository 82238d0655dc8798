//! The embedded index keeps what every index promises.

use std::any::Any;

use futures::executor::block_on;
use lazycat::index::{Index, Limits, Searcher};
use lazycat::search::ports::SearchItems as _;
use lazycat::search::query::Query;
use lazycat::search::rebuild::FollowCatalog as _;
use lazycat_tests::conformance::Runtime;
use lazycat_tests::conformance::indexes::Findings;
use serde_json::Value;

struct Searches(Searcher);

impl Findings for Searches {
    async fn item(&self, collection: &str, id: &str) -> Option<Value> {
        let found = self.0.item(collection, id).await.unwrap();
        found.map(|item| serde_json::from_str(item.text.get()).unwrap())
    }

    async fn collection(&self, id: &str) -> Option<Value> {
        let found = self.0.collection(id).await.unwrap();
        found.map(|collection| serde_json::from_str(collection.text.get()).unwrap())
    }

    async fn count(&self) -> usize {
        self.0.search(&Query { limit: 10_000, ..Query::default() }).await.unwrap().items.len()
    }
}

fn world() -> (Runtime, Index, Searches, Box<dyn Any>) {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).unwrap();
    // Nothing can be searched before the catalog was walked once.
    let walk = block_on(index.begin()).unwrap();
    block_on(index.end(walk)).unwrap();
    let searches = Searches(Searcher::new(folder.path(), Limits::default()));
    (Runtime::Thread, index, searches, Box::new(folder))
}

lazycat_tests::index_conformance!(world());

mod searches {
    use std::any::Any;

    use futures::executor::block_on;
    use lazycat::index::{Index, Limits, Searcher};
    use lazycat::search::rebuild::FollowCatalog as _;
    use lazycat_tests::conformance::{Runtime, searches};

    fn world() -> (Runtime, Searcher, Box<dyn Any>) {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path()).unwrap();
        let walk = block_on(index.begin()).unwrap();
        block_on(index.end(walk)).unwrap();
        block_on(searches::fill(&index));
        (Runtime::Thread, Searcher::new(folder.path(), Limits::default()), Box::new(folder))
    }

    lazycat_tests::search_conformance!(world());
}
