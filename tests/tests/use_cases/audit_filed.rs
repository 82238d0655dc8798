//! audit-catalog over items of others: what a search index has of them that it should not, or lacks, or has otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use chrono::TimeDelta;
use lazycat::audit::{Class, Content, ItemName, Report, Retell, Settings, TellIndex as _};
use lazycat::memory::{Objects, Topic};
use lazycat::message::{Audience, ItemEvent, ItemMessage};
use lazycat::ports::{PortResult, PublishItems};
use lazycat_tests::bench::{level_of, run};
use serde_json::{Value, json};

use super::audit::{all, audited_with, drift, expected};
use super::audit_index::Index;
use super::filing::files::{Files, body, item, withdrawal};

const FIRST: &str = "c/2024/05/a%2Fb.json";
const SECOND: &str = "c/2024/05/second.json";
const THIRD: &str = "d/2024/06/third.json";

/// Two items of one collection and one of another, filed and linked, and an index that holds them.
fn three() -> (Files, Index) {
    let files = Files::new();
    let other = |id, date| {
        let mut other = item(id, date);
        other["collection"] = "d".into();
        other
    };
    for document in [item("a/b", "2024-05-01"), item("second", "2024-05-02"), other("third", "2024-06-01")] {
        files.must_take(&body(&document, &format!("/{}", document["id"]), 1, "m"));
    }
    files.settle();
    let index = Index::of(&files.bench);
    assert_eq!(index.keys(), [FIRST, SECOND, THIRD]);
    (files, index)
}

fn settings(files: &Files) -> Settings {
    Settings { grid: files.settings.grid.clone(), sources: vec![], prune: Some(0.5), ..all() }
}

fn audited(files: &Files, index: &Index, settings: &Settings, repair: bool) -> Report {
    audited_with(&files.bench, settings, repair, Some(index)).unwrap()
}

/// Files one more document, of `c`, that the index has not heard of.
fn file(files: &Files, id: &str, change: impl FnOnce(&mut Value)) {
    let mut document = item(id, "2024-05-03");
    change(&mut document);
    files.must_take(&body(&document, &format!("/{id}"), 2, "n"));
    files.settle();
}

type Damage = fn(&Files, &Index);

/// What was done, and what is to be found.
type Case<'a> = (&'a str, Damage, Vec<(Class, &'a str)>);

#[test]
fn an_index_in_step_has_no_drift_and_no_item_is_read_for_it() {
    let (files, index) = three();
    files.memory.requests.clear();
    let quick = Settings { content: Content::Sample { items: 0, seed: 1 }, ..settings(&files) };
    let report = audited(&files, &index, &quick, false);
    assert_eq!((drift(&report), report.is_pending(), report.accepted.len()), (BTreeMap::new(), 0, 0));
    assert_eq!((report.looked.items, report.looked.indexed, report.looked.compared_with_index), (3, 3, 0));
    let levels = report.looked.levels;
    assert_eq!(files.memory.requests.snapshot().get("inspect"), Some(&levels), "only documents of levels are read");
    let report = audited(&files, &index, &settings(&files), false);
    assert_eq!((report.drifted(), report.looked.compared_with_index), (0, 3));
}

#[test]
fn what_is_wrong_in_an_index_is_found_and_mended_by_messages_for_loaders() {
    let cases: [Case<'_>; 6] = [
        ("the index has lost an item", |_, index| index.remove(FIRST), vec![(Class::IndexMissing, FIRST)]),
        (
            "a loader of one collection was never told",
            |_, index| [FIRST, SECOND].iter().for_each(|key| index.remove(key)),
            vec![(Class::IndexMissing, FIRST), (Class::IndexMissing, SECOND)],
        ),
        (
            "the index holds other content",
            |_, index| index.put_of(name(THIRD, "d", "third"), b"{}"),
            vec![(Class::IndexDiffers, THIRD)],
        ),
        (
            "an item was withdrawn, and the index was not told",
            |files, _| {
                files.must_take(&withdrawal("second", 9));
                files.settle();
            },
            vec![(Class::IndexExtra, SECOND)],
        ),
        (
            "the index is behind",
            |files, index| {
                index.put_of(name(SECOND, "c", "second"), b"{}");
                let written = "2026-03-01T12:00:00Z".parse().unwrap();
                files.memory.objects.set_written(SECOND, written);
                index.date(SECOND, written - TimeDelta::hours(1));
            },
            vec![(Class::IndexStale, SECOND)],
        ),
        (
            "an item has moved, and the index was not told",
            |files, _| {
                files.must_take(&body(&item("second", "2025-01-02"), "/\"second\"", 9, "o"));
                files.settle();
            },
            vec![(Class::IndexStale, "c/2025/01/second.json")],
        ),
    ];
    for (what, damage, found) in cases {
        let (files, index) = three();
        damage(&files, &index);
        let settings = settings(&files);
        assert_eq!(drift(&audited(&files, &index, &settings, false)), expected(&found), "{what}");
        let before = files.memory.topic.snapshot().len();
        let report = audited(&files, &index, &settings, true);
        let is_extra = found[0].0 == Class::IndexExtra;
        let told = if is_extra { (0, 1) } else { (found.len() as u64, 0) };
        assert_eq!((report.repairs.told, report.repairs.forgotten), told, "{what}");
        let published = &files.memory.topic.snapshot()[before..];
        assert_eq!(published.len(), found.len(), "{what}");
        assert!(published.iter().all(|message| message.audience == Audience::Internal), "{what}");
        index.load(&files.bench, before);
        let after = audited(&files, &index, &settings, false);
        assert_eq!(drift(&after), BTreeMap::new(), "{what}");
        assert_eq!(Index::of(&files.bench).keys(), index.keys(), "{what}");
        assert!(files.memory.quiet(), "{what}");
    }
}

#[test]
fn what_only_the_index_has_is_left_where_that_is_not_asked_for_or_too_much() {
    let (files, index) = three();
    files.must_take(&withdrawal("second", 9));
    files.settle();
    for (prune, forgotten, spared) in [(None, 0, false), (Some(0.4), 0, true), (Some(0.5), 1, false)] {
        let before = files.memory.topic.snapshot().len();
        let report = audited(&files, &index, &Settings { prune, ..settings(&files) }, true);
        assert_eq!(report.count(Class::IndexExtra), 1);
        assert_eq!((report.repairs.forgotten, report.spared.is_some()), (forgotten, spared), "{prune:?}");
        assert_eq!(files.memory.topic.snapshot().len() - before, forgotten as usize, "{prune:?}");
    }
}

#[test]
fn what_no_index_takes_is_told_and_is_no_drift() {
    let (files, index) = three();
    file(&files, "nowhere", |item| item["geometry"] = Value::Null);
    let report = audited(&files, &index, &settings(&files), true);
    assert_eq!((drift(&report), report.repairs.told), (BTreeMap::new(), 0));
    let group = &report.accepted[&Class::Unindexable];
    assert_eq!(group.count, 1);
    let [example] = &group.examples[..] else { panic!("{group:?}") };
    assert!(example.key == "c/2024/05/nowhere.json" && example.detail.contains("/geometry"), "{example:?}");
}

#[test]
fn items_of_no_collection_are_for_no_index() {
    let files = Files::under("{year}");
    let mut document = item("i", "2024-05-01");
    document.as_object_mut().unwrap().remove("collection");
    files.must_take(&body(&document, "/i", 1, "m"));
    files.settle();
    let report = audited(&files, &Index::of_nothing(), &settings(&files), true);
    assert_eq!((report.drifted(), report.accepted[&Class::Unindexable].count), (0, 1));
    let report = audited_with(&files.bench, &settings(&files), false, None::<&Index>).unwrap();
    assert!(report.accepted.is_empty(), "nobody asks");
}

#[test]
fn a_file_that_is_no_json_any_more_is_malformed() {
    let (files, index) = three();
    index.remove(SECOND);
    files.memory.objects.insert(SECOND, b"{".to_vec());
    let report = audited(&files, &index, &settings(&files), true);
    assert_eq!(drift(&report), expected(&[(Class::DocumentMalformed, SECOND)]));
    assert_eq!(report.repairs.told, 0);
}

#[test]
fn an_index_of_some_collections_is_asked_for_those() {
    let (files, index) = three();
    for key in [FIRST, SECOND, THIRD] {
        index.remove(key);
    }
    let of = |collection: &str| {
        let indexed = BTreeSet::from([collection.to_owned()]);
        drift(&audited(&files, &index, &Settings { indexed, ..settings(&files) }, false))
    };
    assert_eq!(of("d"), expected(&[(Class::IndexMissing, THIRD)]));
    assert_eq!(of("e"), BTreeMap::new());
    let top = level_of("c/2024");
    let below = drift(&audited(&files, &index, &Settings { top, ..settings(&files) }, false));
    assert_eq!(below, expected(&[(Class::IndexMissing, FIRST), (Class::IndexMissing, SECOND)]));
}

/// Beside the audits of each camera: every catalog is looked at, and of items only those of others.
#[test]
fn without_scenes_only_items_of_others_are_compared_and_the_index_is_not_listed_whole() {
    let (files, index) = three();
    let scene = |number: usize| format!("CBERS_4_MUX_20170618_057_{number:03}_L2");
    for number in 1..100 {
        let id = scene(number);
        let key = format!("CBERS4/MUX/057/{number:03}/{id}.json");
        index.put_of(ItemName { key, collection: "CBERS4-MUX".to_owned(), id }, b"{}");
    }
    index.remove(FIRST);
    let without = Settings { scenes: false, ..settings(&files) };
    let report = audited(&files, &index, &without, false);
    assert_eq!(drift(&report), expected(&[(Class::IndexMissing, FIRST)]));
    assert_eq!((report.looked.indexed, report.looked.scenes), (3, 0));
    let pages = index.pages();
    assert!(pages < 10, "{pages} pages for 99 scenes at 2 a page");
    assert_eq!(audited(&files, &index, &settings(&files), false).count(Class::IndexExtra), 99);
}

/// A topic; after the first message somebody writes the item anew, and says so before.
struct Busy<'a> {
    topic: &'a Topic,
    objects: &'a Objects,
    next: Mutex<Option<Vec<u8>>>,
}

impl PublishItems for Busy<'_> {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        if let Some(bytes) = self.next.lock().unwrap().take() {
            self.objects.insert(SECOND, bytes);
        }
        self.topic.publish(messages).await
    }
}

#[test]
fn an_item_that_is_written_anew_while_it_is_told_of_is_told_of_again() {
    let (files, _) = three();
    let mut newer = files.json(SECOND);
    newer["properties"]["platform"] = "newer".into();
    let topic = &files.memory.topic;
    let busy =
        Busy { topic, objects: &files.memory.objects, next: Mutex::new(Some(serde_json::to_vec(&newer).unwrap())) };
    let retell = Retell { catalog: &files.memory.objects, topic: &busy, clock: &files.memory.time };
    let names = [name(FIRST, "c", "a/b"), name(SECOND, "c", "second"), name("c/2024/05/gone.json", "c", "gone")];
    let before = topic.snapshot().len();
    run(retell.tell(&names)).unwrap();
    let told: Vec<(String, Option<Value>)> = topic.snapshot()[before..].iter().map(platform).collect();
    let of = |key: &str, platform: Option<Value>| (key.to_owned(), platform);
    assert_eq!(
        told,
        [
            of(FIRST, Some(json!("p"))),
            of(SECOND, Some(json!("p"))),
            of("c/2024/05/gone.json", None),
            of(SECOND, Some(json!("newer"))),
        ]
    );
}

fn platform(message: &ItemMessage) -> (String, Option<Value>) {
    let platform = match &message.event {
        ItemEvent::Put(item) => {
            let item: Value = serde_json::from_slice(item.bytes()).unwrap();
            Some(item["properties"]["platform"].clone())
        }
        ItemEvent::Withdrawn { .. } => None,
    };
    (message.key.clone(), platform)
}

fn name(key: &str, collection: &str, id: &str) -> ItemName {
    ItemName { key: key.to_owned(), collection: collection.to_owned(), id: id.to_owned() }
}
