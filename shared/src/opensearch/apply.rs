//! The port of the loaders: changes in, an index that agrees with them.
//!
//! A put and a removal may meet, of two loaders, at any point. A removal is first remembered; then the document is
//! deleted, where its collection has an index. A put first looks for a remembered removal that is newer; then it writes the
//! document; then it looks again, and takes the document back when a removal has come. Either this second look sees the
//! removal, or the removal's deletion comes after the put's write: so the newer of them has the last word. Where a loader
//! dies between the steps, its message comes again, and the first look takes back what was left.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

use super::OpenSearch;
use super::bulk::{Document, Outcome, What, Write};
use super::client::unavailable;
use super::collections::refused;
use super::names;
use crate::ports::PortError;
use crate::search::change::{Action, Applied, Change, Version};
use crate::search::ports::{IndexError, IndexItems};

/// What became of a change.
pub(super) type Applying = Result<Applied, IndexError>;

/// A document that is put or removed on behalf of one change.
struct Entry<'a> {
    /// The place of the change.
    at: usize,
    index: String,
    id: String,
    version: u64,
    /// The removals that would forbid it.
    guards: Vec<String>,
    /// None for a removal.
    document: Option<Document<'a>>,
}

impl IndexItems for OpenSearch {
    async fn apply(&self, changes: &[Change<'_>]) -> Vec<Applying> {
        if let Err(error) = self.ready().await {
            return changes.iter().map(|_| Err(copy(&error).into())).collect();
        }
        let mut results: Vec<Option<Applying>> = changes.iter().map(|_| None).collect();
        for wave in waves(changes) {
            self.apply_wave(changes, &wave, &mut results).await;
        }
        let silent = || Err(unavailable("applying a change", "nothing became of it".to_owned()).into());
        results.into_iter().map(|result| result.unwrap_or_else(silent)).collect()
    }
}

impl OpenSearch {
    /// Applies changes of which no two are about the same thing.
    async fn apply_wave(&self, changes: &[Change<'_>], wave: &[usize], results: &mut [Option<Applying>]) {
        let aliases = self.aliases_of(changes, wave).await;
        let mut puts = Vec::new();
        let mut removals = Vec::new();
        let mut sources = Vec::new();
        for at in wave {
            let change = &changes[*at];
            match self.entry(*at, change, &aliases) {
                Some(Ok(entry)) if entry.document.is_some() => puts.push(entry),
                Some(Ok(entry)) => removals.push((entry, change)),
                Some(Err(result)) => results[*at] = Some(result),
                None => sources.push(*at),
            }
        }
        self.put(puts, results).await;
        self.remove(removals, results).await;
        if !sources.is_empty() {
            self.remove_sources(changes, &sources, results).await;
        }
    }

    /// The alias of every collection that is written to.
    async fn aliases_of<'a>(
        &self,
        changes: &'a [Change<'_>],
        wave: &[usize],
    ) -> BTreeMap<&'a str, Result<String, IndexError>> {
        let mut wanted: BTreeMap<&str, bool> = BTreeMap::new();
        for at in wave {
            match &changes[*at].action {
                Action::PutItem(item) => *wanted.entry(&item.collection).or_default() |= false,
                Action::PutCollection { id, .. } => *wanted.entry(id).or_default() |= true,
                Action::RemoveItem { .. } | Action::RemoveSource => {}
            }
        }
        let mut aliases = BTreeMap::new();
        for (collection, comes) in wanted {
            aliases.insert(collection, self.alias_of(collection, comes).await);
        }
        aliases
    }

    /// What a change does to a document; none where it is about a source, and at once its result where there is nothing
    /// to do.
    fn entry<'a>(
        &self,
        at: usize,
        change: &'a Change<'_>,
        aliases: &BTreeMap<&str, Result<String, IndexError>>,
    ) -> Option<Result<Entry<'a>, Applying>> {
        let version = version_of(change.version);
        let source = change.source.map(names::removed_source);
        let alias_of = |collection: &str| match aliases.get(collection) {
            Some(Ok(alias)) => Ok(alias.clone()),
            Some(Err(IndexError::Refused { reason, detail })) => Err(refused(reason, detail.clone())),
            Some(Err(IndexError::Port(error))) => Err(copy(error).into()),
            None => Err(unavailable("applying a change", "its collection has no index".to_owned()).into()),
        };
        let entry = match &change.action {
            Action::PutItem(item) => names::document(&item.collection, &item.id)
                .map_err(|detail| refused("id", detail))
                .and_then(|id| Ok((id, alias_of(&item.collection)?)))
                .map_err(Err)
                .map(|(id, index)| {
                    let guards = source.into_iter().chain([names::removed_item(&item.collection, &item.id)]).collect();
                    let document = Document { source: change.source, ..Document::of(item.text) };
                    Entry { at, index, id, version, guards, document: Some(document) }
                }),
            Action::PutCollection { id, text } => alias_of(id)
                .and_then(|_| names::collection(id).map_err(|detail| refused("id", detail)))
                .map_err(Err)
                .map(|id| {
                    let document = Document { more: shape_of(text), ..Document::of(text) };
                    let index = self.settings.collections.clone();
                    Entry { at, index, id, version, guards: source.into_iter().collect(), document: Some(document) }
                }),
            Action::RemoveItem { collection, id } => {
                let names = (names::alias(&self.settings.items, collection), names::document(collection, id));
                match names {
                    (Ok(index), Ok(document)) => {
                        let guards = vec![names::removed_item(collection, id)];
                        Ok(Entry { at, index, id: document, version, guards, document: None })
                    }
                    // No item of such a name was ever taken.
                    _ => Err(Ok(Applied::Removed)),
                }
            }
            Action::RemoveSource if change.source.is_none() => Err(Ok(Applied::Removed)),
            Action::RemoveSource => return None,
        };
        Some(entry)
    }

    async fn put(&self, entries: Vec<Entry<'_>>, results: &mut [Option<Applying>]) {
        if entries.is_empty() {
            return;
        }
        let newer = match self.newer_removals(&entries).await {
            Ok(newer) => newer,
            Err(error) => return fail(&entries, &error, results),
        };
        let (stale, entries): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| newer.contains(&entry.at));
        self.take_back(&stale, results).await;
        let (entries, documents): (Vec<_>, Vec<_>) =
            entries.into_iter().filter_map(|mut entry| entry.document.take().map(|document| (entry, document))).unzip();
        let writes: Vec<Write<'_>> = entries
            .iter()
            .zip(documents)
            .map(|(entry, document)| entry.write(What::Put { version: entry.version, document }))
            .collect();
        let mut written = Vec::new();
        for (entry, outcome) in entries.iter().zip(self.write(&writes, true).await) {
            results[entry.at] = Some(match outcome {
                Outcome::Done => {
                    written.push(entry);
                    Ok(Applied::Written)
                }
                Outcome::Conflict => Ok(Applied::Superseded),
                Outcome::Refused { reason, detail } => Err(refused(reason, detail)),
                other => {
                    if matches!(other, Outcome::NoIndex) {
                        self.forget_all();
                    }
                    Err(other.into_error("writing").into())
                }
            });
        }
        drop(writes);
        match self.newer_removals(written.iter().copied()).await {
            Ok(newer) => {
                let stale: Vec<&Entry<'_>> = written.into_iter().filter(|entry| newer.contains(&entry.at)).collect();
                self.take_back(stale, results).await;
            }
            Err(error) => fail(written, &error, results),
        }
    }

    /// The entries that a removal of a greater version forbids.
    async fn newer_removals<'e, 'd: 'e>(
        &self,
        entries: impl IntoIterator<Item = &'e Entry<'d>> + Clone,
    ) -> Result<HashSet<usize>, PortError> {
        let guards: BTreeSet<String> = entries.clone().into_iter().flat_map(|entry| entry.guards.clone()).collect();
        let known = self.look(&self.settings.memory, guards, false).await?;
        let is_newer = |entry: &Entry<'_>, guard| {
            known.get(guard).is_some_and(|known| known.version.cast_unsigned() > entry.version)
        };
        Ok(entries
            .into_iter()
            .filter(|entry| entry.guards.iter().any(|guard| is_newer(entry, guard)))
            .map(|entry| entry.at)
            .collect())
    }

    /// Takes what was put back, and nothing newer.
    async fn take_back<'e, 'd: 'e>(
        &self,
        entries: impl IntoIterator<Item = &'e Entry<'d>>,
        results: &mut [Option<Applying>],
    ) {
        let entries: Vec<&Entry<'_>> = entries.into_iter().collect();
        let writes: Vec<Write<'_>> =
            entries.iter().map(|entry| entry.write(What::Delete { version: entry.version })).collect();
        for (entry, outcome) in entries.iter().zip(self.write(&writes, true).await) {
            results[entry.at] = Some(match outcome {
                Outcome::Done | Outcome::Conflict | Outcome::NoIndex => Ok(Applied::Superseded),
                other => Err(other.into_error("taking back").into()),
            });
        }
    }

    async fn remove(&self, removals: Vec<(Entry<'_>, &Change<'_>)>, results: &mut [Option<Applying>]) {
        if removals.is_empty() {
            return;
        }
        let notes: Vec<(String, u64, Value)> =
            removals.iter().map(|(entry, change)| (entry.guards.concat(), entry.version, noted(change))).collect();
        let mut superseded = HashSet::new();
        let mut left = Vec::new();
        for ((entry, change), outcome) in removals.iter().zip(self.remember(&notes).await) {
            let Action::RemoveItem { collection, .. } = &change.action else { continue };
            match outcome {
                Outcome::Done => left.push((entry, *collection)),
                Outcome::Conflict => {
                    superseded.insert(entry.at);
                    left.push((entry, *collection));
                }
                other => results[entry.at] = Some(Err(other.into_error("noting a removal").into())),
            }
        }
        let mut there: BTreeMap<&str, bool> = BTreeMap::new();
        for (entry, collection) in &left {
            if there.contains_key(collection) {
                continue;
            }
            match self.has_items(collection, &entry.index).await {
                Ok(has) => drop(there.insert(collection, has)),
                Err(error) => return fail(left.iter().map(|(entry, _)| *entry), &error, results),
            }
        }
        let (left, nowhere): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|(_, collection)| there.get(collection).is_some_and(|has| *has));
        for (entry, _) in nowhere {
            let superseded = superseded.contains(&entry.at);
            results[entry.at] = Some(Ok(if superseded { Applied::Superseded } else { Applied::Removed }));
        }
        let writes: Vec<Write<'_>> =
            left.iter().map(|(entry, _)| entry.write(What::Delete { version: entry.version })).collect();
        for ((entry, _), outcome) in left.iter().zip(self.write(&writes, true).await) {
            results[entry.at] = Some(match outcome {
                Outcome::Done | Outcome::NoIndex if !superseded.contains(&entry.at) => Ok(Applied::Removed),
                Outcome::Done | Outcome::NoIndex | Outcome::Conflict => Ok(Applied::Superseded),
                other => Err(other.into_error("removing").into()),
            });
        }
    }

    /// Remembers removals: under which id, of which version, and for people, of what.
    pub(super) async fn remember(&self, notes: &[(String, u64, Value)]) -> Vec<Outcome> {
        let texts: Vec<String> = notes.iter().map(|(_, _, note)| note.to_string()).collect();
        let writes: Vec<Write<'_>> = notes
            .iter()
            .zip(&texts)
            .map(|((id, version, _), text)| Write {
                index: &self.settings.memory,
                by_alias: false,
                id,
                what: What::Put { version: *version, document: Document::of(text) },
            })
            .collect();
        self.write(&writes, false).await
    }
}

impl Entry<'_> {
    fn write<'a>(&'a self, what: What<'a>) -> Write<'a> {
        Write { index: &self.index, by_alias: true, id: &self.id, what }
    }
}

/// What is kept of a removal, for people to read.
fn noted(change: &Change<'_>) -> Value {
    match &change.action {
        Action::RemoveItem { collection, id } => json!({"collection": collection, "item": id}),
        _ => json!({"source": change.source}),
    }
}

/// The version of a document. The engine takes none below 0.
pub(super) fn version_of(Version(version): Version) -> u64 {
    u64::try_from(version).unwrap_or(0)
}

/// A failure of all, told of each.
pub(super) fn copy(error: &PortError) -> PortError {
    PortError::Unavailable { what: "the index".to_owned(), source: error.to_string().into() }
}

fn fail<'e, 'd: 'e>(
    entries: impl IntoIterator<Item = &'e Entry<'d>>,
    error: &PortError,
    results: &mut [Option<Applying>],
) {
    for entry in entries {
        results[entry.at] = Some(Err(copy(error).into()));
    }
}

/// The member by which the server finds a collection: its first box as a polygon. Empty where there is no box.
fn shape_of(text: &str) -> String {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return String::new() };
    if document.get("bbox_shape").is_some() {
        return String::new();
    }
    let bbox = &document["extent"]["spatial"]["bbox"][0];
    let numbers: Option<Vec<f64>> = bbox.as_array().and_then(|bbox| bbox.iter().map(Value::as_f64).collect());
    let [west, south, east, north] = match numbers.as_deref() {
        Some([west, south, east, north] | [west, south, _, east, north, _]) => [west, south, east, north],
        _ => return String::new(),
    };
    let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
    format!(",\"bbox_shape\":{}", json!({"type": "Polygon", "coordinates": [ring]}))
}

/// The changes in order, cut so that within each part the order does not matter: no two changes of a part are about the
/// same document, none is about a source that another one comes from, and none is older than the one before it.
fn waves(changes: &[Change<'_>]) -> Vec<Vec<usize>> {
    let mut waves: Vec<Vec<usize>> = Vec::new();
    let (mut items, mut collections) = (HashSet::new(), HashSet::new());
    let (mut put_from, mut removed_from) = (HashSet::new(), HashSet::new());
    let mut latest = Version(i64::MIN);
    for (at, change) in changes.iter().enumerate() {
        let source = change.source;
        let goes_on = change.version >= latest
            && match &change.action {
                Action::PutItem(item) => !items.contains(&(&*item.collection, &*item.id)),
                Action::RemoveItem { collection, id } => !items.contains(&(*collection, *id)),
                Action::PutCollection { id, .. } => !collections.contains(&**id),
                Action::RemoveSource => source.is_none_or(|source| !put_from.contains(source)),
            }
            && source.is_none_or(|source| !removed_from.contains(source));
        if !goes_on {
            items.clear();
            collections.clear();
            put_from.clear();
            removed_from.clear();
        }
        match waves.last_mut() {
            Some(wave) if goes_on => wave.push(at),
            _ => waves.push(vec![at]),
        }
        latest = change.version;
        match &change.action {
            Action::PutItem(item) => {
                items.insert((&*item.collection, &*item.id));
                put_from.extend(source);
            }
            Action::RemoveItem { collection, id } => {
                items.insert((*collection, *id));
            }
            Action::PutCollection { id, .. } => {
                collections.insert(&**id);
                put_from.extend(source);
            }
            Action::RemoveSource => removed_from.extend(source),
        }
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remove(id: &str, version: i64) -> Change<'_> {
        Change { version: Version(version), source: None, action: Action::RemoveItem { collection: "c", id } }
    }

    fn collection<'a>(id: &'a str, version: i64, source: Option<&'a str>) -> Change<'a> {
        let action = Action::PutCollection { id: id.into(), text: "{}" };
        Change { version: Version(version), source, action }
    }

    fn remove_source(source: &str, version: i64) -> Change<'_> {
        Change { version: Version(version), source: Some(source), action: Action::RemoveSource }
    }

    #[test]
    fn changes_of_different_things_go_together() {
        let changes = [remove("a", 1), collection("a", 1, Some("s")), remove("b", 2), remove_source("t", 2)];
        assert_eq!(waves(&changes), [[0, 1, 2, 3]]);
    }

    #[test]
    fn changes_of_one_thing_come_one_after_the_other() {
        assert_eq!(waves(&[remove("a", 1), remove("b", 1), remove("a", 2)]), [vec![0, 1], vec![2]]);
        assert_eq!(waves(&[collection("a", 1, None), collection("a", 1, None)]), [[0], [1]]);
        let source = Some("s");
        assert_eq!(waves(&[collection("a", 1, source), remove_source("s", 1)]), [[0], [1]]);
        assert_eq!(waves(&[remove_source("s", 1), collection("a", 1, source), remove("a", 1)]), [vec![0], vec![1, 2]]);
        assert_eq!(waves(&[remove("a", 2), remove("b", 1)]), [[0], [1]]);
    }

    #[test]
    fn the_shape_of_a_collection_is_its_first_box() {
        let text = |bbox: Value| json!({"extent": {"spatial": {"bbox": bbox}}}).to_string();
        let shape =
            r#","bbox_shape":{"type":"Polygon","coordinates":[[[0.0,1.0],[2.0,1.0],[2.0,3.0],[0.0,3.0],[0.0,1.0]]]}"#;
        assert_eq!(shape_of(&text(json!([[0, 1, 2, 3], [9, 9, 9, 9]]))), shape);
        assert_eq!(shape_of(&text(json!([[0, 1, -5, 2, 3, 5]]))), shape);
        for none in [json!([]), json!([["a", 1, 2, 3]]), json!(7), json!([[0, 1]])] {
            assert_eq!(shape_of(&text(none)), "");
        }
    }
}
