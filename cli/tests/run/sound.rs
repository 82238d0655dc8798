//! Whether a catalog is sound: everything in it is linked once, and every link leads to something.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use crate::world::lazycat;

/// The catalog's documents, by key: everything but `.lazycat`.
pub fn documents(catalog: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut documents = BTreeMap::new();
    for key in keys(catalog) {
        let bytes = fs::read(catalog.join(&key)).unwrap_or_else(|error| panic!("{key}: {error}"));
        documents.insert(key, bytes);
    }
    documents
}

/// The catalog's documents without their revisions.
pub fn documents_but_revisions(catalog: &Path) -> BTreeMap<String, String> {
    let mut documents = documents(catalog).into_iter().map(|(key, bytes)| (key, String::from_utf8(bytes).unwrap()));
    documents.by_ref().map(|(key, text)| (key, without_revision(&text))).collect()
}

/// When each file of the catalog was written.
pub fn times(catalog: &Path) -> BTreeMap<String, SystemTime> {
    let time = |key: &String| fs::metadata(catalog.join(key)).unwrap().modified().unwrap();
    keys(catalog).into_iter().map(|key| (key.clone(), time(&key))).collect()
}

/// The keys of the files in the catalog, `.lazycat` left out.
fn keys(catalog: &Path) -> Vec<String> {
    let mut keys = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(catalog.join(&folder)) else { continue };
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if name == ".lazycat" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(format!("{folder}{name}/"));
            } else {
                keys.push(format!("{folder}{name}"));
            }
        }
    }
    keys.sort_unstable();
    keys
}

fn without_revision(text: &str) -> String {
    let Some((before, after)) = text.split_once("\"lazycat:revision\":") else { return text.to_owned() };
    let after = after.trim_start_matches(|character: char| character.is_ascii_digit() || character == ' ');
    format!("{before}{after}")
}

/// Asserts that the two catalogs differ in nothing but revisions.
pub fn must_be_the_same_but_for_revisions(one: &Path, other: &Path) {
    let (one, other) = (documents_but_revisions(one), documents_but_revisions(other));
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    for key in keys {
        assert_eq!(one.get(key), other.get(key), "{key}");
    }
}

/// Asserts that a catalog is sound and holds so many items: each document is linked exactly once from where it
/// belongs, no link dangles, nothing else is there, and `lazycat validate` agrees.
pub fn must_be_sound(catalog: &Path, items: usize) {
    assert_eq!(items_of(catalog), items, "items linked");
    let validated = lazycat(&["validate", catalog.to_str().unwrap()]);
    assert!(validated.status.success(), "{}", validated.told());
}

/// As [`must_be_sound`], but without `lazycat validate`, which refuses files that a hand has put there. How many
/// items there are.
pub fn items_of(catalog: &Path) -> usize {
    let documents = documents(catalog);
    let parsed: BTreeMap<&str, Value> = documents
        .iter()
        .filter(|(key, _)| key.ends_with(".json"))
        .map(|(key, bytes)| {
            let document = serde_json::from_slice(bytes);
            (key.as_str(), document.unwrap_or_else(|error| panic!("{key} is no JSON: {error}")))
        })
        .collect();
    // Who links whom, below themselves.
    let mut linked: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, document) in &parsed {
        for link in document["links"].as_array().unwrap_or(&Vec::new()) {
            let (rel, href) = (link["rel"].as_str().unwrap(), link["href"].as_str().unwrap());
            if href.contains("://") {
                continue;
            }
            let target = resolved(key, href);
            assert!(parsed.contains_key(target.as_str()), "{key} links {rel} {href}, which is not there");
            if matches!(rel, "child" | "item") {
                linked.entry(target).or_default().push(key);
            }
        }
    }
    let mut items = 0;
    for key in parsed.keys().copied().filter(|key| *key != "catalog.json") {
        let parent = parent_of(key);
        if key.split('/').count() == 5 && !key.ends_with("/catalog.json") {
            items += 1;
        } else if !key.ends_with("/catalog.json") && !key.ends_with("/collection.json") {
            continue;
        }
        let by = linked.get(key).cloned().unwrap_or_default();
        // What is no level of the grid may stand there, but nothing links it.
        let is_of_the_grid =
            parsed.contains_key(parent.as_str()) && (key.starts_with("CBERS4") || key.starts_with("AMAZONIA1"));
        if is_of_the_grid {
            assert_eq!(by, [parent], "{key} must be linked once, by its parent");
        } else {
            assert!(by.is_empty(), "{key} is none of the grid, but {by:?} link it");
        }
    }
    for state in ["tmp", "holders"] {
        let left: Vec<_> =
            fs::read_dir(catalog.join(".lazycat").join(state)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
    items
}

/// The document that must link this one.
fn parent_of(key: &str) -> String {
    let folders: Vec<&str> = key.split('/').collect();
    let is_level = matches!(folders.last(), Some(&"catalog.json" | &"collection.json"));
    let depth = folders.len() - 1 - usize::from(is_level);
    let document = if depth == 2 { "collection.json" } else { "catalog.json" };
    let mut parent = folders[..depth].join("/");
    if depth > 0 {
        parent.push('/');
    }
    parent + document
}

/// What a relative reference in a document leads to.
fn resolved(from: &str, href: &str) -> String {
    let mut folders: Vec<&str> = from.split('/').collect();
    folders.pop();
    for segment in href.split('/') {
        match segment {
            "." => {}
            ".." => assert!(folders.pop().is_some(), "{from} links {href}, out of the catalog"),
            other => folders.push(other),
        }
    }
    folders.join("/").replace("%20", " ")
}
