//! Before the first write: templates, the indices that all share, and an index for each collection.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::OpenSearch;
use super::bulk::{Document, Outcome, What, Write};
use super::client::{Answer, Cause, Content, pause, unavailable};
use super::mappings::{self, SOURCE};
use super::names;
use crate::ports::PortResult;
use crate::search::ports::{IndexError, UnknownCollection};

/// What an engine is that the adapter was tried with: major versions.
const KNOWN: [&str; 2] = ["2", "3"];

/// Errors of the engine that say: it is there already.
const THERE_ALREADY: [&str; 2] = ["resource_already_exists_exception", "index_already_exists_exception"];

/// Errors of the engine that say: no collection of this id can have an index.
const BAD_NAME: [&str; 3] = ["invalid_alias_name_exception", "invalid_index_name_exception", "invalid_name_exception"];

#[derive(Deserialize)]
struct About {
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    distribution: String,
    number: String,
}

/// What `_mget` finds.
#[derive(Deserialize)]
struct Documents {
    docs: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_version")]
    version: Option<i64>,
    #[serde(rename = "_source")]
    source: Option<Value>,
    #[serde(default)]
    found: bool,
    error: Option<Cause>,
}

/// What is said of a document whose index has no shard that answers yet.
const NOT_YET_THERE: &str = "no_shard_available_action_exception";

/// A document that is there.
pub(super) struct Known {
    pub(super) version: i64,
    pub(super) source: Option<Value>,
}

impl OpenSearch {
    /// Sees to it that the engine is one that is known, and has what all collections share. Asks only until it has.
    pub(super) async fn ready(&self) -> PortResult<()> {
        self.ready.get_or_try_init(|| self.prepare()).await.copied()
    }

    async fn prepare(&self) -> PortResult<()> {
        let about: About = self.expect(Method::GET, "/", None).await?.read("asking for its version")?;
        let Version { distribution, number } = about.version;
        if distribution != "opensearch" || !KNOWN.contains(&number.split('.').next().unwrap_or_default()) {
            let found = if distribution.is_empty() { "an unnamed engine" } else { distribution.as_str() };
            return Err(unavailable(
                "asking for its version",
                format!("it is {found} {number}, expected opensearch {}", KNOWN.join(" or ")),
            ));
        }
        let (collections, items) = (&self.settings.collections, &self.settings.items);
        self.put_template(&format!("template_{collections}"), &mappings::collections(collections)).await?;
        self.put_template(&format!("template_{items}"), &mappings::items(items)).await?;
        if !self.is_alias(collections).await? {
            let index = json!({"aliases": {collections: {}}});
            self.create(&format!("{collections}-000001"), &index).await?;
        }
        self.create(&self.settings.memory, &mappings::memory()).await
    }

    /// Puts a template where there is none. One that is there may be the server's, with an operator's own mappings.
    async fn put_template(&self, name: &str, template: &Value) -> PortResult<()> {
        let path = format!("/_index_template/{}", names::segment(name));
        if self.retried(Method::HEAD, &path, None).await?.is_success() {
            return Ok(());
        }
        self.expect(Method::PUT, &path, Some(template)).await.map(drop)
    }

    /// Creates an index of this plain name, unless it is there.
    async fn create(&self, index: &str, body: &Value) -> PortResult<()> {
        let answer = self.retried(Method::PUT, &format!("/{}", names::segment(index)), Some(body)).await?;
        if answer.is_success() || THERE_ALREADY.contains(&answer.kind().as_str()) {
            return Ok(());
        }
        Err(answer.failure(&format!("making the index {index}")))
    }

    /// Whether there is an index behind the alias of a collection's items. The engine makes one, of the alias's name, for
    /// the deletion of a document with a version, whatever else it is told; so nothing is deleted where there is none.
    pub(super) async fn has_items(&self, collection: &str, alias: &str) -> PortResult<bool> {
        if self.known().contains(collection) { Ok(true) } else { self.is_alias(alias).await }
    }

    pub(super) async fn is_alias(&self, alias: &str) -> PortResult<bool> {
        let path = format!("/_alias/{}", names::segment(alias));
        let answer = self.retried(Method::HEAD, &path, None).await?;
        match answer.status {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(answer.failure(&format!("looking for the alias {alias}"))),
        }
    }

    /// The alias of a collection's items, with an index behind it.
    ///
    /// `comes` says that the collection's document is being written anyway.
    pub(super) async fn alias_of(&self, collection: &str, comes: bool) -> Result<String, IndexError> {
        let alias = names::alias(&self.settings.items, collection).map_err(|detail| refused("collection", detail))?;
        names::collection(collection).map_err(|detail| refused("collection", detail))?;
        if self.known().contains(collection) {
            return Ok(alias);
        }
        if !comes {
            self.see_to_document(collection).await?;
        }
        let is_there = self.is_alias(&alias).await?;
        self.claim(collection, &alias, is_there).await?;
        if is_there {
            // The server has made it, whose template need not know our member.
            let path = format!("/{}/_mapping", names::segment(&alias));
            let mapping = json!({"properties": {(SOURCE): {"type": "keyword"}}});
            self.expect(Method::PUT, &path, Some(&mapping)).await?;
        } else {
            self.create_items(collection, &alias).await?;
        }
        self.known().insert(collection.to_owned());
        Ok(alias)
    }

    /// Forgets which collections have their index: one of them is gone.
    pub(super) fn forget_all(&self) {
        self.known().clear();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, std::collections::HashSet<String>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Notes down, for good, whose items are behind an alias. Ids that differ only by what an alias may not contain
    /// have the same one, and the items of two collections must not get into one index.
    async fn claim(&self, collection: &str, alias: &str, is_there: bool) -> Result<(), IndexError> {
        let owner = names::owner(alias);
        let clash = |other: &str| {
            let detail = format!(
                "the collection {collection:?} would have the alias {alias} of the collection {other:?}, which differs \
                 only by what an alias may not contain"
            );
            Err(refused("collection", detail))
        };
        let known = self.look(&self.settings.memory, [owner.clone()].into(), true).await?;
        let of = |known: &BTreeMap<String, Known>| {
            known.get(&owner).and_then(|known| known.source.as_ref()?["collection"].as_str().map(str::to_owned))
        };
        match of(&known) {
            Some(other) if other == collection => return Ok(()),
            Some(other) => return clash(&other),
            None => {}
        }
        if is_there && let Some(other) = self.other_collection_behind(alias, collection).await? {
            return clash(&other);
        }
        let text = json!({"alias": alias, "collection": collection}).to_string();
        let what = What::Create { document: Document::of(&text) };
        let write = Write { index: &self.settings.memory, by_alias: false, id: &owner, what };
        match self.write(&[write], false).await.pop() {
            Some(Outcome::Done) => Ok(()),
            Some(Outcome::Conflict) => {
                match of(&self.look(&self.settings.memory, [owner.clone()].into(), true).await?) {
                    Some(other) if other != collection => clash(&other),
                    _ => Ok(()),
                }
            }
            Some(other) => Err(other.into_error("noting an alias").into()),
            None => Err(unavailable("noting an alias", "there was no answer".to_owned()).into()),
        }
    }

    /// Another collection that has items behind an alias.
    async fn other_collection_behind(&self, alias: &str, collection: &str) -> PortResult<Option<String>> {
        let path = format!("/{}/_search", names::segment(alias));
        let query = json!({
            "size": 1, "_source": ["collection"],
            "query": {"bool": {"must_not": {"term": {"collection": collection}}}}
        });
        let found: Value = self.expect(Method::POST, &path, Some(&query)).await?.read("looking behind an alias")?;
        Ok(found["hits"]["hits"][0]["_source"]["collection"].as_str().map(str::to_owned))
    }

    async fn create_items(&self, collection: &str, alias: &str) -> Result<(), IndexError> {
        let index = names::index(&self.settings.items, collection);
        let body = json!({
            "aliases": {alias: {"is_write_index": true}},
            "mappings": {"properties": {(SOURCE): {"type": "keyword"}}}
        });
        let answer = self.retried(Method::PUT, &format!("/{}", names::segment(&index)), Some(&body)).await?;
        let kind = answer.kind();
        if answer.is_success() || THERE_ALREADY.contains(&kind.as_str()) {
            return Ok(());
        }
        if BAD_NAME.contains(&kind.as_str()) {
            return Err(refused(
                "collection",
                format!("OpenSearch makes no index for {collection:?}: {}", answer.reason()),
            ));
        }
        // The server may have been faster: an alias has one index to write to.
        if self.is_alias(alias).await? {
            return Ok(());
        }
        Err(answer.failure(&format!("making the index of {collection:?}")).into())
    }

    /// Sees to it that there is a document of the collection, or that items without one are refused.
    async fn see_to_document(&self, collection: &str) -> Result<(), IndexError> {
        match self.settings.unknown_collection {
            UnknownCollection::Refuse => {
                let known = self.look(&self.settings.collections, [collection.to_owned()].into(), false).await?;
                if known.contains_key(collection) {
                    return Ok(());
                }
                let detail = format!("there is no collection {collection:?} in the index; load its document first");
                Err(refused("unknown-collection", detail))
            }
            UnknownCollection::Make => {
                let text = json!({
                    "type": "Collection", "stac_version": "1.1.0", "id": collection, "description": collection,
                    "license": "other", "links": [],
                    "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[null, null]]}}
                })
                .to_string();
                // Any document of the collection is newer.
                let what = What::Put { version: 0, document: Document::of(&text) };
                let write = Write { index: &self.settings.collections, by_alias: true, id: collection, what };
                match self.write(&[write], true).await.pop() {
                    Some(Outcome::Done | Outcome::Conflict) => Ok(()),
                    Some(Outcome::Refused { reason, detail }) => Err(refused(reason, detail)),
                    Some(other) => Err(other.into_error("making a collection").into()),
                    None => Err(unavailable("making a collection", "there was no answer".to_owned()).into()),
                }
            }
        }
    }

    /// The documents of these ids that are there.
    pub(super) async fn look(
        &self,
        index: &str,
        ids: BTreeSet<String>,
        with_text: bool,
    ) -> PortResult<BTreeMap<String, Known>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let path = format!(
            "/{}/_mget?_source={with_text}&filter_path=docs._id,docs._version,docs._source,docs.found,docs.error",
            names::segment(index)
        );
        let asked = json!({"ids": ids});
        let mut attempt = 1;
        loop {
            let documents: Documents =
                self.expect(Method::POST, &path, Some(&asked)).await?.read("looking up documents")?;
            let error = match known(documents) {
                Ok(known) => return Ok(known),
                Err(error) => error,
            };
            // An index that somebody else has just made is about to be there.
            if error.kind != NOT_YET_THERE || attempt >= self.settings.attempts {
                return Err(unavailable("looking up documents", error.to_string()));
            }
            tokio::time::sleep(pause(self.settings.backoff, attempt)).await;
            attempt += 1;
        }
    }

    /// A request that must succeed; tried again while the engine is overloaded or away.
    pub(super) async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> PortResult<Answer> {
        let doing = format!("{method} {}", path.split('?').next().unwrap_or_default());
        let answer = self.retried(method, path, body).await?;
        if answer.is_success() { Ok(answer) } else { Err(answer.failure(&doing)) }
    }

    /// A request, tried again while the engine is overloaded or away.
    pub(super) async fn retried(&self, method: Method, path: &str, body: Option<&Value>) -> PortResult<Answer> {
        let mut attempt = 1;
        loop {
            let asked = match body {
                Some(body) => self.http.send(method.clone(), path, Content::json(body)).await,
                None => self.http.ask(method.clone(), path).await,
            };
            let passing = asked.as_ref().map_or(true, Answer::may_pass);
            if !passing || attempt >= self.settings.attempts {
                return asked;
            }
            tokio::time::sleep(pause(self.settings.backoff, attempt)).await;
            attempt += 1;
        }
    }
}

/// The documents that are there, or why one could not be looked up.
fn known(documents: Documents) -> Result<BTreeMap<String, Known>, Cause> {
    let mut known = BTreeMap::new();
    for found in documents.docs {
        if let Some(error) = found.error {
            return Err(error);
        }
        if found.found {
            known.insert(found.id, Known { version: found.version.unwrap_or(0), source: found.source });
        }
    }
    Ok(known)
}

pub(super) fn refused(reason: &str, detail: String) -> IndexError {
    IndexError::Refused { reason: reason.to_owned(), detail }
}
