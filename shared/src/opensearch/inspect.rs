//! The index as an audit sees it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::mappings::SOURCE;
use super::{OpenSearch, names};
use crate::audit::{Held, IndexPage, Indexed, InspectIndex, ItemName};
use crate::ports::PortResult;
use crate::search::addresses::{self, Addresses, Range};
use crate::search::compare::is_same_item;
use crate::search::item;

/// How many items a page holds.
const ITEMS_A_PAGE: usize = 1_000;

/// An index in OpenSearch, for an audit. Needs `_search`, `_mget` and `HEAD` on the indices of items.
#[derive(Debug)]
pub struct Inspector {
    engine: OpenSearch,
    addresses: Addresses,
}

#[derive(Deserialize)]
struct Found {
    hits: Hits,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_version")]
    version: i64,
    /// The address it came from, the id of its collection, its own.
    sort: (String, String, String),
}

impl Inspector {
    /// What this index holds of the catalog at these addresses.
    #[must_use]
    pub fn new(engine: OpenSearch, addresses: Addresses) -> Self {
        Self { engine, addresses }
    }

    async fn list(&self, range: Range<'_>) -> PortResult<IndexPage> {
        let prefix = names::segment(&self.engine.settings.items);
        let path = format!("/{prefix}*/_search?ignore_unavailable=true&allow_no_indices=true");
        let ascending = |field: &str| json!({field: {"order": "asc", "unmapped_type": "keyword"}});
        let query = json!({
            "size": ITEMS_A_PAGE, "version": true, "_source": false, "track_total_hits": false,
            "query": {"range": {(SOURCE): {"gt": range.from, "lt": range.to}}},
            "sort": [ascending(SOURCE), ascending("collection"), ascending("id")]
        });
        let found: Found =
            self.engine.expect(Method::POST, &path, Some(&query)).await?.read("listing what came from a catalog")?;
        let items = found.hits.hits.into_iter().map(|hit| {
            let (source, collection, id) = hit.sort;
            let key = source.strip_prefix(range.root).unwrap_or(&source).to_owned();
            Indexed { name: ItemName { key, collection, id }, version: DateTime::from_timestamp_millis(hit.version) }
        });
        Ok(addresses::page(items.collect(), ITEMS_A_PAGE))
    }

    /// The documents of items of one collection, by their ids; none of an id that no document can have.
    async fn documents(
        &self,
        collection: &str,
        items: &[&ItemName],
        with_text: bool,
    ) -> PortResult<BTreeMap<String, Value>> {
        let Ok(alias) = names::alias(&self.engine.settings.items, collection) else { return Ok(BTreeMap::new()) };
        if !self.engine.is_alias(&alias).await? {
            return Ok(BTreeMap::new());
        }
        let ids: BTreeSet<String> =
            items.iter().filter_map(|name| names::document(collection, &name.id).ok()).collect();
        let known = self.engine.look(&alias, ids, with_text).await?;
        Ok(known.into_iter().map(|(id, known)| (id, known.source.unwrap_or_default())).collect())
    }
}

impl InspectIndex for Inspector {
    const READS_CATALOG: bool = false;

    async fn indexed(&self, prefix: &str, after: Option<&str>) -> PortResult<IndexPage> {
        let mut pages = Vec::new();
        for range in self.addresses.ranges(prefix, after) {
            pages.push(self.list(range).await?);
        }
        Ok(addresses::merged(pages))
    }

    async fn holds(&self, items: &[ItemName]) -> PortResult<Vec<bool>> {
        let mut by_collection: BTreeMap<&str, Vec<&ItemName>> = BTreeMap::new();
        for name in items {
            by_collection.entry(&name.collection).or_default().push(name);
        }
        let mut found = BTreeSet::new();
        for (collection, items) in by_collection {
            found.extend(self.documents(collection, &items, false).await?.into_keys());
        }
        let is_found =
            |name: &ItemName| names::document(&name.collection, &name.id).is_ok_and(|id| found.contains(&id));
        Ok(items.iter().map(is_found).collect())
    }

    fn refuses(&self, bytes: &[u8]) -> Option<String> {
        item::why_refused(bytes)
    }

    async fn compare(&self, item: &ItemName, bytes: &[u8]) -> PortResult<Held> {
        let found = self.documents(&item.collection, &[item], true).await?.into_values().next();
        let Some(found) = found else { return Ok(Held::Nothing) };
        let is_same = serde_json::from_slice::<Value>(bytes).is_ok_and(|item| is_same_item(&item, &found));
        Ok(if is_same { Held::Same } else { Held::Different })
    }
}
