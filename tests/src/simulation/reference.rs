//! The plain reference: what the catalog should be, from the items alone.

use std::collections::{BTreeMap, BTreeSet};

use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::ports::StoredItem;
use lazycat::stac::Revision;

use super::monitor::{build, level_of_document, revision_of};

/// How what stands there differs from the reference: `items` are what the source asked for, by key; `rows` are all rows
/// that anything was ever said about. The revisions are taken as they stand.
#[must_use]
pub fn differences(
    objects: &BTreeMap<String, StoredItem>,
    items: &BTreeMap<String, Vec<u8>>,
    rows: &BTreeSet<Level>,
) -> Vec<String> {
    let mut wanted = items.clone();
    for (level, names) in folders(items, rows) {
        let key = INPE.document_key(&level);
        let revision = objects.get(&key).and_then(|object| revision_of(&object.bytes)).unwrap_or(Revision::FIRST);
        if let Some(bytes) = build(&level, names.into_iter().collect(), revision) {
            wanted.insert(key, bytes);
        }
    }
    let mut differences = Vec::new();
    for key in wanted.keys().chain(objects.keys().filter(|key| !wanted.contains_key(*key))) {
        let what = if level_of_document(key).is_some() { "document" } else { "item" };
        match (wanted.get(key), objects.get(key)) {
            (Some(_), None) => differences.push(format!("the {what} {key} is not there")),
            (None, Some(_)) => differences.push(format!("the {what} {key} should not be there")),
            (Some(wanted), Some(found)) if *wanted != found.bytes => differences.push(format!(
                "the {what} {key} is {}, expected {}",
                String::from_utf8_lossy(&found.bytes),
                String::from_utf8_lossy(wanted)
            )),
            _ => {}
        }
    }
    differences
}

/// Every folder from the root down to the rows, and the names of what stands in it: as a walk over a directory gives.
fn folders(items: &BTreeMap<String, Vec<u8>>, rows: &BTreeSet<Level>) -> BTreeMap<Level, BTreeSet<String>> {
    let mut folders: BTreeMap<Level, BTreeSet<String>> = BTreeMap::new();
    for row in rows {
        let mut level = row.clone();
        folders.entry(level.clone()).or_default();
        while let (Some(parent), Some(name)) = (level.parent(), level.name().map(str::to_owned)) {
            folders.entry(parent.clone()).or_default().insert(name);
            level = parent;
        }
    }
    for key in items.keys() {
        if let Some((folder, file)) = key.rsplit_once('/')
            && let Ok(row) = Level::parse(folder)
        {
            folders.entry(row).or_default().insert(file.to_owned());
        }
    }
    folders
}
