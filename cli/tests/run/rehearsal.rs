//! A change of the form of all documents, rehearsed: a catalog in an older form is made again while readers go on
//! reading. At no moment is a document invalid, or a link to nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use lazycat_fixtures::SceneSpec;
use serde_json::Value;

use crate::sound::{documents_but_revisions, must_be_sound};
use crate::world::{SUCCESS, World, day, lazycat};

/// What documents said of their version once.
const OLDER: &str = "1.0.0";

fn scenes() -> Vec<SceneSpec> {
    let mux = (0..160).map(|number| SceneSpec::cbers4_mux(57 + number % 3, 121 + number % 2, day(number as usize)));
    mux.chain((0..40).map(|number| SceneSpec::amazonia1_wfi(36, 18, day(number)))).collect()
}

/// The paths of all documents.
fn all_documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with(".lazycat") {
            found.extend(all_documents(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found
}

/// What titles began with once.
const OLDER_TITLE: &str = "An older ";

/// Makes all documents what an older program would have written: of another version, otherwise described, and with other
/// titles, which links repeat.
fn make_older(catalog: &Path) {
    for path in all_documents(catalog) {
        let mut document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        document["stac_version"] = OLDER.into();
        match document["type"].as_str() {
            Some("Feature") => {
                document["properties"]["description"] = "an older item".into();
                retitle(&mut document["properties"]);
            }
            _ => {
                document["description"] = "an older catalog".into();
                retitle(&mut document);
            }
        }
        document["links"].as_array_mut().unwrap().iter_mut().for_each(retitle);
        fs::write(&path, document.to_string()).unwrap();
    }
}

fn retitle(titled: &mut Value) {
    if let Some(title) = titled["title"].as_str() {
        titled["title"] = format!("{OLDER_TITLE}{title}").into();
    }
}

/// Has all documents validated. A link's title repeats that of another document, and one of the two is made anew first:
/// that is the only fault there may be.
fn must_be_valid_but_for_titles(catalog: &Path) {
    let ran = lazycat(&["validate", catalog.to_str().unwrap(), "--json", "--max-faults", "100000"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.told()));
    for fault in report["faults"].as_array().unwrap() {
        assert!(fault["pointer"].as_str().unwrap().ends_with("/title"), "{fault}");
    }
}

/// Reads a document and all below it, as a client does that follows links. How many documents there were.
fn read_all(catalog: &Path) -> usize {
    let mut left = vec![catalog.join("catalog.json")];
    let mut read = 0;
    while let Some(path) = left.pop() {
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("a link to nothing: {}: {error}", path.display()));
        let document: Value =
            serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let version = document["stac_version"].as_str().unwrap_or_default();
        assert!([OLDER, "1.1.0"].contains(&version), "{}: {version}", path.display());
        for field in ["type", "id", "links"] {
            assert!(!document[field].is_null(), "{} has no {field}", path.display());
        }
        for link in document["links"].as_array().unwrap() {
            if link["rel"] == "child" || link["rel"] == "item" {
                left.push(path.parent().unwrap().join(link["href"].as_str().unwrap()));
            }
        }
        read += 1;
    }
    read
}

/// Ends the readers, also when the test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn a_catalog_in_an_older_form_is_made_again_while_readers_go_on_reading() {
    let scenes = scenes();
    let world = World::with(&scenes);
    let newest = documents_but_revisions(&world.catalog);
    make_older(&world.catalog);
    lazycat(&["validate", world.catalog.to_str().unwrap()]).must_exit(SUCCESS);
    let count = read_all(&world.catalog);
    assert!(count > scenes.len(), "{count}");
    let (done, readings) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // At least once more after the end.
                let mut is_last = false;
                while !is_last {
                    is_last = done.load(Ordering::Acquire);
                    assert_eq!(read_all(&world.catalog), count);
                    readings.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let validators = scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                must_be_valid_but_for_titles(&world.catalog);
            }
        });
        let ending = Ending(&done);
        let source = world.source.to_str().unwrap();
        // Interrupted, it goes on.
        let mut running = world.start_on("reprocess", &[source]);
        let log = world.catalog.join(".lazycat/items.ndjson");
        let made = || fs::read_to_string(&log).is_ok_and(|log| log.contains("internal"));
        running.wait_until("it has begun", made);
        running.kill();
        let ran = world.on("reprocess", &[source]);
        drop(ending);
        ran.must_exit(SUCCESS);
        validators.join().unwrap();
    });
    assert!(readings.into_inner() >= 4);
    assert_eq!(documents_but_revisions(&world.catalog), newest, "every document is in the newest form");
    must_be_sound(&world.catalog, scenes.len());
}
