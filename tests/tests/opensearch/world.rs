//! Changes, and a runtime to apply them in.

use std::borrow::Cow;

use lazycat::opensearch::OpenSearch;
use lazycat::search::change::{Action, Applied, Change, Version};
use lazycat::search::item;
use lazycat::search::ports::{IndexError, IndexItems as _};
use serde_json::{Value, json};

/// What a change becomes: a word, or the reason of a refusal.
pub(crate) type Told = Result<Applied, String>;

/// A change that owns its texts.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    version: i64,
    source: Option<String>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Item(String),
    Collection(String, String),
    Remove(String, String),
    RemoveSource,
}

pub(crate) fn item(collection: &str, id: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]},
        "bbox": [0, 0, 2, 1], "properties": {"datetime": "2017-06-18T13:04:05.678Z"}, "links": [], "assets": {}
    })
}

pub(crate) fn titled(collection: &str, id: &str, title: &str) -> Value {
    let mut item = item(collection, id);
    item["properties"]["title"] = title.into();
    item
}

pub(crate) fn put(item: &Value, version: i64) -> Owned {
    Owned { version, source: None, what: What::Item(item.to_string()) }
}

pub(crate) fn put_text(text: impl Into<String>, version: i64) -> Owned {
    Owned { version, source: None, what: What::Item(text.into()) }
}

pub(crate) fn collection(document: &Value, version: i64) -> Owned {
    let id = document["id"].as_str().unwrap().to_owned();
    Owned { version, source: None, what: What::Collection(id, document.to_string()) }
}

pub(crate) fn remove(collection: &str, id: &str, version: i64) -> Owned {
    Owned { version, source: None, what: What::Remove(collection.into(), id.into()) }
}

pub(crate) fn remove_source(source: &str, version: i64) -> Owned {
    Owned { version, source: Some(source.into()), what: What::RemoveSource }
}

impl Owned {
    pub(crate) fn from(self, source: &str) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    fn change(&self) -> Change<'_> {
        let action = match &self.what {
            What::Item(text) => Action::PutItem(item::check(text).unwrap()),
            What::Collection(id, text) => Action::PutCollection { id: Cow::Borrowed(id), text },
            What::Remove(collection, id) => Action::RemoveItem { collection, id },
            What::RemoveSource => Action::RemoveSource,
        };
        Change { version: Version(self.version), source: self.source.as_deref(), action }
    }
}

/// Applies changes by one call.
pub(crate) async fn apply(index: &OpenSearch, changes: &[Owned]) -> Vec<Told> {
    let changes: Vec<Change<'_>> = changes.iter().map(Owned::change).collect();
    let told = |result: Result<Applied, IndexError>| {
        result.map_err(|error| match error {
            IndexError::Refused { reason, detail } => format!("{reason}: {detail}"),
            IndexError::Port(error) => format!("port: {error}"),
        })
    };
    index.apply(&changes).await.into_iter().map(told).collect()
}
