//! What an audit asks of a search index.

use std::future::Future;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::ports::PortResult;
use crate::scene::SceneId;
use crate::stac::catalog::ITEM_ENDING;

/// An item of the catalog, by all its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemName {
    /// Its key in the catalog.
    pub key: String,
    /// The id of its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
}

impl ItemName {
    /// The names of the item in these bytes, which stand under `key`; none when they are no item with an id and a
    /// collection.
    #[must_use]
    pub fn read(key: &str, bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Item {
            id: String,
            collection: String,
        }
        let Item { id, collection } = serde_json::from_slice(bytes).ok()?;
        Some(Self { key: key.to_owned(), collection, id })
    }

    /// The scene whose item stands under this key; none for an item of others.
    pub(super) fn scene_at(key: &str) -> Option<SceneId> {
        let (_, file) = key.rsplit_once('/')?;
        let scene = SceneId::parse(file.strip_suffix(ITEM_ENDING)?).ok()?;
        (Self::from(&scene).key == key).then_some(scene)
    }
}

impl From<&SceneId> for ItemName {
    fn from(scene: &SceneId) -> Self {
        let id = scene.to_string();
        Self { key: format!("{}/{id}.json", scene.row_key()), collection: scene.collection_id(), id }
    }
}

/// An item as a search index lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// Its names; the key is that of the document in the catalog that it came from.
    pub name: ItemName,
    /// When the change happened that it was last written for, where the index knows.
    pub version: Option<DateTime<Utc>>,
}

/// One page of what an index holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexPage {
    /// The items, ascending by the bytes of their keys.
    pub items: Vec<Indexed>,
    /// Whether there are more behind the last of them. A page with more has at least one item.
    pub more: bool,
}

/// An item of the catalog, and what the index holds of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The same.
    Same,
    /// Something else.
    Different,
    /// Nothing.
    Nothing,
}

/// Looks into a search index.
pub trait InspectIndex {
    /// Whether the index reads documents of the catalog itself when it is told of them, and never is ahead of or behind them
    /// for long. Another learns by messages, and an item is taken out of it only where that is asked for.
    const READS_CATALOG: bool;

    /// One page of the items that came from documents of this catalog whose keys start with `prefix` and come behind the
    /// key `after`. Each item that the index holds from before the first page is asked for until after the last is in
    /// exactly one of them. Items that came from elsewhere are none of the catalog's, and in none.
    fn indexed(&self, prefix: &str, after: Option<&str>) -> impl Future<Output = PortResult<IndexPage>> + Send;

    /// Whether the index holds each item, wherever that came from. In order.
    fn holds(&self, items: &[ItemName]) -> impl Future<Output = PortResult<Vec<bool>>> + Send;

    /// Why no index takes the item in these bytes; none where one does.
    fn refuses(&self, bytes: &[u8]) -> Option<String>;

    /// Compares an item of the catalog, of this name and these bytes, with what the index holds. What cannot be the same
    /// is not compared: links, as a message makes them absolute.
    fn compare(&self, item: &ItemName, bytes: &[u8]) -> impl Future<Output = PortResult<Held>> + Send;
}

/// No index is audited.
#[derive(Debug, Clone, Copy)]
pub enum NoIndex {}

impl InspectIndex for NoIndex {
    const READS_CATALOG: bool = false;

    async fn indexed(&self, _prefix: &str, _after: Option<&str>) -> PortResult<IndexPage> {
        match *self {}
    }

    async fn holds(&self, _items: &[ItemName]) -> PortResult<Vec<bool>> {
        match *self {}
    }

    fn refuses(&self, _bytes: &[u8]) -> Option<String> {
        match *self {}
    }

    async fn compare(&self, _item: &ItemName, _bytes: &[u8]) -> PortResult<Held> {
        match *self {}
    }
}
