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
pub fn keys(catalog: &Path) -> Vec<String> {
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
/// belongs, no link dangles, nothing else is there, `lazycat validate` agrees, and the search index, where there is one,
/// holds all of it.
pub fn must_be_sound(catalog: &Path, items: usize) {
    assert_eq!(items_of(catalog), items, "items linked");
    let validated = lazycat(&["validate", catalog.to_str().unwrap()]);
    assert!(validated.status.success(), "{}", validated.told());
    if catalog.join(".lazycat/index.sqlite").exists() {
        must_be_in_step(catalog, items);
    }
}

/// Asserts that the search index holds so many items, those of the catalog and no others, as they are there: to build it
/// anew changes nothing.
pub fn must_be_in_step(catalog: &Path, items: usize) {
    let rebuilt = lazycat(&["index", "rebuild", "--catalog", catalog.to_str().unwrap()]);
    assert!(rebuilt.status.success(), "{}", rebuilt.told());
    let number = |word: &str| {
        let (before, _) = rebuilt.stdout.split_once(word).unwrap_or_else(|| panic!("{}", rebuilt.told()));
        let digits = before.rsplit_once(' ').map_or(before, |(_, digits)| digits);
        digits.replace(',', "").parse::<usize>().unwrap_or_else(|_| panic!("{}", rebuilt.told()))
    };
    assert_eq!(
        (number(" items"), number(" changed"), number(" removed"), number(" refused")),
        (items, 0, 0, 0),
        "items, changed, removed, refused: {}",
        rebuilt.told()
    );
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
        let by = linked.get(key).cloned().unwrap_or_default();
        match kind(key) {
            Kind::Foreign => assert!(by.is_empty(), "{key} is none of the catalog's, but {by:?} link it"),
            Kind::Level | Kind::Item => {
                assert_eq!(by, [parent_of(key)], "{key} must be linked once, by its parent");
            }
        }
        items += usize::from(kind(key) == Kind::Item);
    }
    for state in ["tmp", "holders"] {
        let left: Vec<_> =
            fs::read_dir(catalog.join(".lazycat").join(state)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
    items
}

#[derive(PartialEq)]
enum Kind {
    Level,
    Item,
    /// What a hand has put there.
    Foreign,
}

/// What a document is, by its key.
fn kind(key: &str) -> Kind {
    let folders: Vec<&str> = key.split('/').collect();
    let (file, folders) = folders.split_last().unwrap();
    let number = |folder: &&str| folder.len() == 3 && folder.bytes().all(|byte| byte.is_ascii_digit());
    let is_of_the_grid = folders.first().is_none_or(|first| ["AMAZONIA1", "CBERS4", "CBERS4A"].contains(first))
        && folders.iter().skip(2).all(number)
        && folders.len() <= 4;
    let document = if folders.len() == 2 { "collection.json" } else { "catalog.json" };
    match (is_of_the_grid, *file == document, folders.len()) {
        (true, true, _) => Kind::Level,
        (true, false, 4) if !file.starts_with('.') => Kind::Item,
        _ => Kind::Foreign,
    }
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
