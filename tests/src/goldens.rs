//! Golden files: what a pure function gives, kept beside the code, so that a change of it shows.
//!
//! A golden file is JSON, pretty-printed, in the order of the document itself. With the environment variable
//! `LAZYCAT_BLESS` set to `1` the files are written anew in place of being compared.

// A difference ends the test.
#![allow(clippy::panic, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// How to write golden files anew: part of every message about a difference.
const AGAIN: &str = "if this is meant, write the golden files anew with `LAZYCAT_BLESS=1 cargo test -p lazycat-tests \
                     --test golden` and read the difference in version control";

/// The most differences that are told of one document.
const MOST_DIFFERENCES: usize = 20;

/// A folder of the crate `fixtures`.
#[must_use]
pub fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(folder)
}

/// Compares documents, by the names of their golden files, with the folder that holds these and nothing else.
///
/// # Panics
///
/// When a document differs from its golden file, has none, or a file has no document.
pub fn compare(folder: &Path, documents: &BTreeMap<String, Vec<u8>>) {
    if std::env::var("LAZYCAT_BLESS").is_ok_and(|value| value == "1") {
        bless(folder, documents);
    }
    let mut complaints = Vec::new();
    for (name, bytes) in documents {
        let Ok(golden) = fs::read_to_string(folder.join(name)) else {
            complaints.push(format!("{name}: there is no golden file"));
            continue;
        };
        let found = parse(name, bytes);
        let expected = parse(name, golden.as_bytes());
        let mut different = Vec::new();
        differences("", &expected, &found, &mut different);
        if different.is_empty() && golden != pretty(&found) {
            different.push("the values are equal, but their order or their notation is not".to_owned());
        }
        different.truncate(MOST_DIFFERENCES);
        complaints.extend(different.into_iter().map(|difference| format!("{name}: {difference}")));
    }
    for name in names(folder).difference(&documents.keys().cloned().collect()) {
        complaints.push(format!("{name}: nothing makes this golden file any more"));
    }
    assert!(complaints.is_empty(), "\n{}\n{AGAIN}\n", complaints.join("\n"));
}

/// The text of a golden file.
///
/// # Panics
///
/// Never: a value that was read can be written.
#[must_use]
pub fn pretty(document: &Value) -> String {
    let text = serde_json::to_string_pretty(document).expect("a value can be written");
    format!("{text}\n")
}

fn parse(name: &str, bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{name} is not JSON: {error}"))
}

/// Where two values differ, as JSON pointers (RFC 6901) with both sides.
fn differences(at: &str, expected: &Value, found: &Value, into: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            for (key, value) in expected {
                match found.get(key) {
                    Some(other) => differences(&format!("{at}/{key}"), value, other, into),
                    None => into.push(format!("{at}/{key} is missing, expected {value}")),
                }
            }
            for (key, value) in found.iter().filter(|(key, _)| !expected.contains_key(*key)) {
                into.push(format!("{at}/{key} is {value}, expected nothing"));
            }
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            for (number, (expected, found)) in expected.iter().zip(found).enumerate() {
                differences(&format!("{at}/{number}"), expected, found, into);
            }
        }
        _ if expected == found => {}
        _ => into.push(format!("{at} is {found}, expected {expected}")),
    }
}

/// The names of all files below a folder, as paths in it.
fn names(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        let Ok(entries) = fs::read_dir(&current) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                names.insert(name.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    names
}

fn bless(folder: &Path, documents: &BTreeMap<String, Vec<u8>>) {
    for stale in names(folder).difference(&documents.keys().cloned().collect()) {
        fs::remove_file(folder.join(stale)).expect("a stale golden file can be removed");
    }
    for (name, bytes) in documents {
        let path = folder.join(name);
        let parent = path.parent().expect("a golden file stands in a folder");
        fs::create_dir_all(parent).expect("the folder can be made");
        fs::write(&path, pretty(&parse(name, bytes))).expect("a golden file can be written");
    }
}
