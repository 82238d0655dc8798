//! Filing that ends at any point where it waits, whose ports fail, or that somebody else overtakes.

use std::collections::BTreeMap;

use lazycat::ports::Delivery;
use lazycat_tests::bench::{cut, deliveries, run};
use lazycat_tests::faults::Fault;
use serde_json::Value;

use super::files::{Files, body, collection, item, withdrawal};
use super::{JUNE, MAY};

/// What is done in a batch that has all of it: a new item, one that moves, one that is withdrawn, a collection.
fn batch() -> Vec<Delivery> {
    let mut other = item("d", "2024-05-01");
    other["collection"] = "d".into();
    deliveries(&[
        body(&item("new", "2024-05-01"), "/new", 10, "m2"),
        body(&item("i", "2024-06-01"), "/a", 10, "m2"),
        withdrawal("gone", 10),
        body(&collection("Given"), "/c", 10, "m2"),
        body(&other, "/d", 10, "m2"),
    ])
}

/// A world with two items, one of which will move and the other be withdrawn.
fn before() -> Files {
    let files = Files::new();
    for id in ["i", "gone"] {
        files.must_take(&body(&item(id, "2024-05-01"), "/a", 1, "m1"));
    }
    files.settle();
    files
}

/// Everything but revisions, which depend on how often something was written.
fn outcome(files: &Files) -> BTreeMap<String, Value> {
    let documents = files.keys().into_iter().map(|key| {
        let mut document = files.json(&key);
        document.as_object_mut().unwrap().remove("lazycat:revision");
        (key, document)
    });
    documents.collect()
}

#[test]
fn filing_that_ends_in_the_middle_is_brought_to_its_end_by_its_messages() {
    let uninterrupted = before();
    assert!(run(uninterrupted.file(&batch())).acknowledged.iter().all(|done| *done));
    uninterrupted.settle();
    let mut waits = 0;
    for polls in 0..10_000 {
        let files = before();
        let told = files.memory.topic.snapshot().len();
        let ended = cut(files.file(&batch()), polls).is_some();
        if files.memory.topic.snapshot().len() > told {
            assert!(!files.marked().is_empty(), "published before the marks, after {polls} polls");
        }
        // Whatever stands is used up by rebuilds before the messages come again.
        if polls % 2 == 0 {
            files.settle();
        }
        let report = run(files.file(&batch()));
        assert!(report.acknowledged.iter().all(|done| *done), "after {polls} polls: {report:?}");
        files.settle();
        assert_eq!(outcome(&files), outcome(&uninterrupted), "after {polls} polls");
        let heard = |files: &Files| -> Vec<String> {
            let mut keys: Vec<String> = files.memory.topic.snapshot().into_iter().map(|message| message.key).collect();
            keys.sort_unstable();
            keys.dedup();
            keys
        };
        assert_eq!(heard(&files), heard(&uninterrupted), "after {polls} polls");
        let unsettled = |record: &String| record.contains("\"left\"");
        assert!(!files.memory.checkpoints.snapshot().values().any(unsettled), "after {polls} polls");
        waits = polls;
        if ended {
            break;
        }
    }
    assert!(waits > 30, "{waits} waits are too few for the test to mean anything");
}

#[test]
fn whatever_fails_comes_back_and_nothing_is_marked_or_published_before_it_is_written() {
    for fault in [Fault::Unavailable, Fault::Lost] {
        for operation in
            ["get checkpoint", "put checkpoint", "put item", "delete item", "get", "put if", "put mark", "publish"]
        {
            let files = before();
            files.faults.of(operation, "", fault);
            let report = run(files.file(&batch()));
            assert!(report.acknowledged.iter().any(|done| !*done), "{operation} {fault:?}: {report:?}");
            files.faults.clear();
            let again = run(files.file(&batch()));
            assert!(again.acknowledged.iter().all(|done| *done), "{operation} {fault:?}: {again:?}");
            files.settle();
            assert!(files.keys().contains(&JUNE.to_owned()) && !files.keys().contains(&MAY.to_owned()));
            assert!(!files.keys().contains(&"c/2024/05/gone.json".to_owned()), "{operation} {fault:?}");
            assert_eq!(files.links("catalog.json", "child"), ["./c/collection.json", "./d/collection.json"]);
        }
    }
}

#[test]
fn of_two_who_file_one_item_at_once_the_newer_has_the_last_word() {
    let files = before();
    let newer = [body(&item("i", "2024-07-01"), "/a", 20, "m3")];
    // The newer message is worked on between the older one's record and its put.
    let inner = Files::over(&files);
    files.faults.before("put item", 1, move || {
        assert!(inner.take(&newer).acknowledged[0]);
    });
    let older = deliveries(&[body(&item("i", "2024-06-01"), "/a", 10, "m2")]);
    let report = run(files.file(&older));
    assert_eq!(report.acknowledged, [false], "it learns of the newer one: {report:?}");
    assert_eq!(run(files.file(&older)).acknowledged, [true]);
    files.settle();
    let items: Vec<String> = files.keys().into_iter().filter(|key| key.ends_with("/i.json")).collect();
    assert_eq!(items, ["c/2024/07/i.json"]);
    for month in ["05", "06"] {
        let links = files.links(&format!("c/2024/{month}/catalog.json"), "item");
        assert!(!links.contains(&"./i.json".to_owned()), "{month}: {links:?}");
    }
}
