//! The promises that every index keeps.

use std::any::Any;

use lazycat::opensearch::OpenSearch;
use lazycat_tests::conformance::Runtime;
use lazycat_tests::conformance::indexes::Findings;
use lazycat_tests::opensearch::{Corner, Engine};
use serde_json::{Value, json};

/// What searches find, without the member that is our own.
struct Searches(Corner);

impl Searches {
    fn one(&self, index: &str, query: &Value) -> Option<Value> {
        let found = self.0.ask("POST", &format!("/{index}/_search"), &json!({"query": query}));
        let mut document = found["hits"]["hits"].get(0)?["_source"].clone();
        document.as_object_mut()?.remove("lazycat:source");
        Some(document)
    }
}

impl Findings for Searches {
    async fn item(&self, collection: &str, id: &str) -> Option<Value> {
        let query = json!({"bool": {"filter": [{"term": {"id": id}}, {"term": {"collection": collection}}]}});
        self.one(&format!("{}*", self.0.settings.items), &query)
    }

    async fn collection(&self, id: &str) -> Option<Value> {
        let mut document = self.one(&self.0.settings.collections, &json!({"term": {"id": id}}))?;
        document.as_object_mut()?.remove("bbox_shape");
        Some(document)
    }

    async fn count(&self) -> usize {
        self.0.ids().len()
    }
}

fn world() -> (Runtime, OpenSearch, Searches, Box<dyn Any>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let corner = Engine::shared().corner();
    (Runtime::Tokio(runtime), corner.index(), Searches(corner), Box::new(()))
}

lazycat_tests::index_conformance!(world());
