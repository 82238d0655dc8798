//! Filing: items of others are put, moved, taken out and refused, whatever happens in between.

pub(crate) mod files;

use std::collections::BTreeMap;

use lazycat::filing::{self, Settings, filed_at};
use lazycat::message::ItemEvent;
use lazycat::message::filing::FileRequest;
use lazycat::ports::Delivery;
use lazycat_tests::bench::{Bench, cut, deliveries, run};
use lazycat_tests::faults::{Fault, Faults, Faulty};
use serde_json::{Value, json};

use self::files::{Files, body, item, request, seconds, withdrawal};

const MAY: &str = "c/2024/05/i.json";
const JUNE: &str = "c/2024/06/i.json";

#[test]
fn an_item_is_recorded_then_put_then_marked_then_published() {
    let files = Files::new();
    let report = files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m"));
    assert_eq!((report.made, report.events), (1, vec![seconds(1)]));
    let mut operations = files.faults.operations();
    operations.retain(|operation| !operation.starts_with("get"));
    assert_eq!(operations, ["put checkpoint", "put item", "put if", "put mark", "put mark", "publish"]);
    assert_eq!(files.marked(), ["c", "c/2024/05"]);
    files.settle();
    assert_eq!(
        files.keys(),
        ["c/2024/05/catalog.json", MAY, "c/2024/catalog.json", "c/collection.json", "catalog.json"]
    );
    assert_eq!(files.links("catalog.json", "child"), ["./c/collection.json"]);
    assert_eq!(files.links("c/2024/05/catalog.json", "item"), ["./i.json"]);
    let collection = files.json("c/collection.json");
    assert_eq!(collection["extent"]["spatial"]["bbox"], json!([[1, 2, 1, 2]]));
    assert_eq!(collection["summaries"]["platform"], json!(["p"]));
    assert_eq!(files.links("c/collection.json", "child"), ["./2024/catalog.json"]);
    let stored = files.json(MAY);
    assert_eq!((&stored["stac_version"], &stored["properties"]["platform"]), (&json!("1.0.0"), &json!("p")));
}

#[test]
fn every_shape_of_message_is_filed() {
    let mut files = Files::new();
    files.documents.0.insert("s3://mine/x.json".to_owned(), item("from-s3", "2024-05-01").to_string());
    let event = json!({"Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-03-01T12:00:00.123Z",
        "s3": {"bucket": {"name": "mine"}, "object": {"key": "x.json", "sequencer": "1"}}
    }]});
    let features =
        json!({"type": "FeatureCollection", "features": [item("f1", "2024-05-01"), item("f2", "2024-05-02")]});
    let envelope = json!({"Type": "Notification", "Message": item("sns", "2024-05-01").to_string(),
        "Timestamp": "2026-03-01T12:00:05.500Z"});
    let bodies = [item("bare", "2024-05-01"), event, features, envelope].map(|body| body.to_string());
    let report = files.take(&bodies);
    assert_eq!((report.made, report.refused.as_slice()), (5, [].as_slice()), "{:?}", report.troubles);
    for id in ["bare", "from-s3", "f1", "f2", "sns"] {
        assert_eq!(files.json(&format!("c/2024/05/{id}.json"))["id"], id);
    }
}

#[test]
fn bad_input_ends_in_a_dead_letter_with_its_reason_and_its_neighbours_are_filed() {
    let files = Files::under("{collection}/{properties.platform}");
    let changed = |change: fn(&mut Value)| {
        let mut item = item("i", "2024-05-01");
        change(&mut item);
        item.to_string()
    };
    for (body, reason, told) in [
        ("no JSON".to_owned(), "message", "no JSON object"),
        ("{}".to_owned(), "message", "none of"),
        (r#"{"type": "File"}"#.to_owned(), "message", "neither path nor document"),
        (FileRequest::of_document("{").encode(), "document", "no STAC document"),
        (FileRequest::of_file("/etc/passwd").encode(), "forbidden-source", "may be read"),
        (r#"{"href": "s3://yours/x.json"}"#.to_owned(), "forbidden-source", "may be read"),
        (changed(|item| item["stac_version"] = "0.9.0".into()), "item", "/stac_version"),
        (changed(|item| item["properties"]["datetime"] = Value::Null), "item", "/properties/datetime"),
        (changed(|item| item["properties"]["platform"] = Value::Null), "place", "properties.platform is missing"),
        (changed(|item| item["properties"]["platform"] = 1.5.into()), "place", "is 1.5"),
        (changed(|item| item["properties"]["platform"] = "x".repeat(10_000).into()), "place", "10000 bytes"),
        (changed(|item| item["collection"] = Value::Null), "collection", "collection is missing"),
        (changed(|item| item["collection"] = "CBERS4".into()), "place", "the folder of a satellite"),
    ] {
        let mut report = files.take(&[body.clone(), item("good", "2024-05-01").to_string()]);
        assert_eq!(report.acknowledged, [true, true]);
        let refusal = report.refused.remove(0);
        assert_eq!(refusal.reason, reason, "{body}: {}", refusal.detail);
        assert!(refusal.detail.contains(told), "{body}: {}", refusal.detail);
        let letters = files.memory.scenes.letters().snapshot();
        let letter = letters.last().unwrap();
        assert_eq!((letter.body.as_str(), letter.reason.as_str()), (body.as_str(), reason));
    }
    assert!(files.keys().iter().all(|key| key.starts_with("c/")), "{:?}", files.keys());
    let inpe = Files { settings: Settings::new(lazycat::grid::INPE.clone()), ..Files::new() };
    assert_eq!(inpe.refusal(&item("i", "2024-05-01").to_string()).0, "layout");
}

#[test]
fn values_that_could_lead_out_of_the_catalog_stay_in_it() {
    let files = Files::under("{collection}/{properties.platform}");
    for value in ["../../x", "..", "/etc", ".lazycat", "a\\b", "catalog"] {
        let mut item = item(value, "2024-05-01");
        item["properties"]["platform"] = value.into();
        files.must_take(&item.to_string());
    }
    let items: Vec<String> = files.keys().into_iter().filter(|key| key.matches('/').count() == 2).collect();
    assert_eq!(
        items,
        [
            "c/%2E.%2F..%2Fx/%2E.%2F..%2Fx.json",
            "c/%2E./%2E..json",
            "c/%2Elazycat/%2Elazycat.json",
            "c/%2Fetc/%2Fetc.json",
            "c/a%5Cb/a%5Cb.json",
            "c/catalog/%63atalog.json",
        ]
    );
    files.settle();
    assert_eq!(files.links("c/%2E./catalog.json", "item"), ["./%252E..json"]);
    assert_eq!(files.json("c/%2E.%2F..%2Fx/catalog.json")["title"], "c ../../x");
}

#[test]
fn an_item_whose_date_was_corrected_leaves_its_old_place() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    files.must_take(&body(&item("i", "2024-06-01"), "/a", 2, "m2"));
    assert_eq!(files.marked(), ["c", "c/2024/05", "c/2024/06"]);
    files.settle();
    assert!(!files.keys().contains(&MAY.to_owned()) && files.keys().contains(&JUNE.to_owned()));
    assert_eq!(files.links("c/2024/05/catalog.json", "item"), [""; 0]);
    assert_eq!(files.links("c/2024/06/catalog.json", "item"), ["./i.json"]);
    // An earlier message that comes late changes nothing.
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    assert!(!files.keys().contains(&MAY.to_owned()) && files.keys().contains(&JUNE.to_owned()));
}

#[test]
fn what_another_message_has_filed_is_skipped_and_what_a_hand_has_changed_is_not() {
    let files = Files::new();
    let one = item("i", "2024-05-01");
    files.must_take(&body(&one, "/a", 1, "m1"));
    files.settle();
    let report = files.must_take(&body(&one, "/a", 2, "m2"));
    assert_eq!((report.unchanged, report.made, files.marked().len()), (1, 0, 0));
    // Its own message, once more: the earlier attempt may have died behind its put.
    assert_eq!(files.must_take(&body(&one, "/a", 1, "m1")).made, 1);
    files.settle();
    files.memory.objects.remove(MAY);
    assert_eq!(files.must_take(&body(&one, "/a", 3, "m3")).made, 1);
    assert!(files.keys().contains(&MAY.to_owned()));
    let mut forced = request(&one, "/a", 4, "m4");
    forced.force = true;
    assert_eq!(files.must_take(&forced.encode()).made, 1);
}

#[test]
fn a_second_source_of_one_id_is_refused_by_name_unless_it_says_the_same_is_forced_or_the_first_is_gone() {
    let mut files = Files::new();
    files.settings.files = true;
    files.memory.sources.insert("", "/a", "still there");
    let (one, mut other) = (item("i", "2024-05-01"), item("i", "2024-05-01"));
    other["properties"]["platform"] = "q".into();
    files.must_take(&body(&one, "/a", 1, "m1"));
    assert_eq!(files.must_take(&body(&one, "/b", 2, "m2")).unchanged, 1);
    // The sources of a test know no files, so that the first one's is as good as gone.
    assert_eq!(files.must_take(&body(&other, "/b", 3, "m3")).made, 1);
    files.settings.files = false;
    let (reason, detail) = files.refusal(&body(&one, "/a", 4, "m4"));
    assert_eq!(reason, "twice");
    assert!(detail.contains("/a") && detail.contains("/b") && detail.contains("--force"), "{detail}");
    assert_eq!(files.json(MAY)["properties"]["platform"], "q");
    let mut forced = request(&one, "/a", 5, "m5");
    forced.force = true;
    assert_eq!(files.must_take(&forced.encode()).made, 1);
    assert_eq!(files.json(MAY)["properties"]["platform"], "p");
}

#[test]
fn a_withdrawn_item_is_gone_subscribers_are_told_and_older_messages_do_not_bring_it_back() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    assert_eq!(files.must_take(&withdrawal("i", 3)).withdrawn, 1);
    assert_eq!(files.marked(), ["c/2024/05"]);
    let published = files.memory.topic.snapshot().pop().unwrap();
    assert_eq!(published.key, MAY);
    assert_eq!(published.event, ItemEvent::Withdrawn { collection: "c".into(), id: "i".into(), time: seconds(3) });
    files.settle();
    assert!(!files.keys().contains(&MAY.to_owned()));
    assert_eq!(files.links("c/2024/05/catalog.json", "item"), [""; 0]);
    assert_eq!(files.must_take(&withdrawal("i", 4)).withdrawn, 0, "twice does no harm");
    assert_eq!(files.must_take(&withdrawal("never", 4)).withdrawn, 0);
    assert_eq!(files.must_take(&body(&item("i", "2024-05-01"), "/a", 2, "m2")).made, 0, "it is older");
    assert_eq!(files.must_take(&body(&item("i", "2024-05-01"), "/b", 5, "m5")).made, 1, "and nobody's");
    assert_eq!(run(filed_at(&files.memory.checkpoints, Some("c"), "i")).unwrap().as_deref(), Some(MAY));
}

fn collection(title: &str) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.0.0", "id": "c", "title": title, "description": "d", "license": "MIT",
        "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[null, null]]}},
        "odd": {"n": 1.0}, "links": [{"rel": "license", "href": "l"}, {"rel": "child", "href": "./x/catalog.json"}]
    })
}

#[test]
fn a_collection_that_was_given_says_what_it_said_and_the_one_named_by_an_operator_is_over_it() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    assert_eq!(files.json("c/collection.json")["lazycat:from_items"], true);
    files.must_take(&body(&collection("Found"), "/c", 2, "m2"));
    files.settle();
    let document = files.json("c/collection.json");
    assert_eq!(
        (&document["title"], &document["odd"], &document["stac_version"]),
        (&json!("Found"), &json!({"n": 1.0}), &json!("1.0.0"))
    );
    assert_eq!(files.links("c/collection.json", "child"), ["./2024/catalog.json"]);
    assert_eq!(files.links("c/collection.json", "license"), ["l"]);
    assert_eq!(document.get("lazycat:from_items"), None);
    // Items do not change it.
    let mut far = item("far", "2030-05-01");
    far["bbox"] = json!([50, 50, 50, 50]);
    files.must_take(&far.to_string());
    files.settle();
    assert_eq!(files.json("c/collection.json")["extent"], collection("")["extent"]);
    let mut named = request(&collection("Named"), "/n", 3, "m3");
    named.given = true;
    files.must_take(&named.encode());
    files.must_take(&body(&collection("Found later"), "/c", 4, "m4"));
    files.settle();
    assert_eq!(files.json("c/collection.json")["title"], "Named");
    let mut again = named.clone();
    (again.time, again.message_id) = (Some(seconds(5)), Some("m5".into()));
    let revision = files.json("c/collection.json")["lazycat:revision"].clone();
    files.must_take(&again.encode());
    files.settle();
    assert_eq!(files.json("c/collection.json")["lazycat:revision"], revision, "it says the same");
}

#[test]
fn a_collection_that_a_hand_has_damaged_is_made_anew_with_a_revision_that_never_was() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    files.memory.objects.insert("c/collection.json", "hello");
    files.must_take(&body(&item("j", "2024-05-01"), "/b", 2, "m2"));
    files.settle();
    let document = files.json("c/collection.json");
    assert!(document["lazycat:revision"].as_u64().unwrap() > 1_000, "{document}");
    assert_eq!(files.links("c/collection.json", "child"), ["./2024/catalog.json"]);
}

#[test]
fn a_layout_without_collections_takes_items_without_and_has_catalogs_alone() {
    let files = Files::under("{year}");
    let mut without = item("i", "2024-05-01");
    without.as_object_mut().unwrap().remove("collection");
    files.must_take(&without.to_string());
    files.settle();
    assert_eq!(files.keys(), ["2024/catalog.json", "2024/i.json", "catalog.json"]);
    assert_eq!(files.refusal(&item("i", "2024-05-01").to_string()).0, "collection");
    assert_eq!(files.refusal(&collection("c").to_string()).0, "collection");
    assert_eq!(files.must_take(&withdrawal("i", i64::from(u32::MAX))).withdrawn, 1);
}

#[test]
fn an_older_message_that_comes_late_makes_no_level_that_never_was() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-06-01"), "/a", 2, "m2"));
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    assert!(!files.keys().iter().any(|key| key.starts_with("c/2024/05")), "{:?}", files.keys());
    assert_eq!(files.links("c/2024/catalog.json", "child"), ["./06/catalog.json"]);
}

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

impl Files {
    /// The same world without its faults, for another worker.
    fn over(files: &Self) -> Self {
        let faults = Faults::default();
        let memory = files.memory.clone();
        Self {
            bench: Bench::over(&memory),
            objects: Faulty::new(memory.objects.clone(), &faults),
            records: Faulty::new(memory.checkpoints.clone(), &faults),
            marks: Faulty::new(memory.marks.clone(), &faults),
            topic: Faulty::new(memory.topic.clone(), &faults),
            letters: Faulty::new(memory.scenes.letters(), &faults),
            sources: Faulty::new(memory.sources.clone(), &faults),
            documents: files.documents.clone(),
            settings: files.settings.clone(),
            memory,
            faults,
        }
    }
}

#[test]
fn without_a_layout_nothing_is_filed_anywhere() {
    let settings = filing::Settings::new(lazycat::grid::INPE.clone());
    let files = Files { settings, ..Files::new() };
    assert_eq!(files.take(&[withdrawal("i", 1)]).refused[0].reason, "layout");
    assert_eq!(files.keys(), [""; 0]);
}
