//! Removing whatever came from a source. Which documents that are, only a search tells.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::OpenSearch;
use super::apply::{Applying, copy, version_of};
use super::bulk::{Outcome, What, Write};
use super::mappings::SOURCE;
use super::names;
use crate::ports::PortResult;
use crate::search::change::{Applied, Change};

/// How many documents a search gives at a time.
const PAGE: usize = 1000;

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
    #[serde(rename = "_id")]
    document: String,
    #[serde(rename = "_version")]
    version: u64,
    #[serde(default)]
    fields: BTreeMap<String, Vec<String>>,
    /// Its id and that of its collection.
    sort: (String, String),
}

impl Hit {
    fn source(&self) -> Option<&str> {
        self.fields.get(SOURCE)?.first().map(String::as_str)
    }
}

impl OpenSearch {
    /// Remembers that these sources are gone, and removes the items that came from them, each unless it has a greater
    /// version than its source's removal.
    pub(super) async fn remove_sources(
        &self,
        changes: &[Change<'_>],
        wave: &[usize],
        results: &mut [Option<Applying>],
    ) {
        let mut gone: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
        let notes: Vec<(String, u64, Value)> = wave
            .iter()
            .map(|at| {
                let source = changes[*at].source.unwrap_or_default();
                (names::removed_source(source), version_of(changes[*at].version), json!({"source": source}))
            })
            .collect();
        for (at, outcome) in wave.iter().zip(self.remember(&notes).await) {
            match outcome {
                Outcome::Done => {
                    let source = changes[*at].source.unwrap_or_default();
                    gone.insert(source, (*at, version_of(changes[*at].version)));
                    results[*at] = Some(Ok(Applied::Removed));
                }
                // A newer removal was there, and has seen to the items.
                Outcome::Conflict => results[*at] = Some(Ok(Applied::Superseded)),
                other => results[*at] = Some(Err(other.into_error("noting a removal").into())),
            }
        }
        if gone.is_empty() {
            return;
        }
        if let Err(error) = self.remove_found(&gone, results).await {
            for (at, _) in gone.values() {
                results[*at] = Some(Err(copy(&error).into()));
            }
        }
    }

    async fn remove_found(
        &self,
        gone: &BTreeMap<&str, (usize, u64)>,
        results: &mut [Option<Applying>],
    ) -> PortResult<()> {
        let items = format!("/{}*", names::segment(&self.settings.items));
        // What was written before the removal was noted is to be found; what comes later sees the note.
        self.expect(Method::POST, &format!("{items}/_refresh"), None).await?;
        let sources: Vec<&str> = gone.keys().copied().collect();
        let mut after: Option<(String, String)> = None;
        loop {
            let mut query = json!({
                "size": PAGE, "version": true, "_source": false, "docvalue_fields": [SOURCE], "track_total_hits": false,
                "query": {"terms": {(SOURCE): sources}},
                "sort": [
                    {"id": {"order": "asc", "unmapped_type": "keyword"}},
                    {"collection": {"order": "asc", "unmapped_type": "keyword"}}
                ]
            });
            if let Some(after) = &after {
                query["search_after"] = json!(after);
            }
            let path = format!("{items}/_search");
            let found: Found =
                self.expect(Method::POST, &path, Some(&query)).await?.read("looking for what came from a source")?;
            self.remove_hits(&found.hits.hits, gone, results).await?;
            if found.hits.hits.len() < PAGE {
                return Ok(());
            }
            after = found.hits.hits.into_iter().last().map(|hit| hit.sort);
        }
    }

    async fn remove_hits(
        &self,
        hits: &[Hit],
        gone: &BTreeMap<&str, (usize, u64)>,
        results: &mut [Option<Applying>],
    ) -> PortResult<()> {
        let mut doomed = Vec::with_capacity(hits.len());
        for hit in hits {
            let Some((at, version)) = hit.source().and_then(|source| gone.get(source)) else { continue };
            if hit.version > *version {
                results[*at] = Some(Ok(Applied::Superseded));
            } else {
                doomed.push((hit, *at, *version));
            }
        }
        // Each item is remembered as well: an older message about it need not name the source.
        let notes: Vec<(String, u64, Value)> = doomed
            .iter()
            .map(|(hit, _, version)| {
                let (id, collection) = &hit.sort;
                (names::removed_item(collection, id), *version, json!({"collection": collection, "item": id}))
            })
            .collect();
        for outcome in self.remember(&notes).await {
            if !matches!(outcome, Outcome::Done | Outcome::Conflict) {
                return Err(outcome.into_error("noting a removal"));
            }
        }
        let alias = |hit: &Hit| names::alias(&self.settings.items, &hit.sort.1).unwrap_or_default();
        let aliases: Vec<String> = doomed.iter().map(|(hit, ..)| alias(hit)).collect();
        let writes: Vec<Write<'_>> = doomed
            .iter()
            .zip(&aliases)
            .map(|((hit, _, version), alias)| Write {
                index: alias,
                by_alias: true,
                id: &hit.document,
                what: What::Delete { version: *version },
            })
            .collect();
        for ((_, at, _), outcome) in doomed.iter().zip(self.write(&writes, true).await) {
            match outcome {
                Outcome::Done | Outcome::NoIndex => {}
                Outcome::Conflict => results[*at] = Some(Ok(Applied::Superseded)),
                other => return Err(other.into_error("removing")),
            }
        }
        Ok(())
    }
}
