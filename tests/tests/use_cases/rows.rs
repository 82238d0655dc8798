//! update-single-catalog of a row: the catalog is read before the listing and written only over what was read.

use chrono::DateTime;
use lazycat::ports::{Expected, WriteCatalog as _};
use lazycat::update::UpdateError;
use lazycat_tests::bench::{Bench, TRIES, delivery, level_body, run};
use lazycat_tests::faults::Fault;
use serde_json::{Value, json};

use crate::ROW;

/// The catalog of the row.
const CATALOG: &str = "CBERS4/MUX/057/121/catalog.json";
/// The catalog of its path.
const PARENT: &str = "CBERS4/MUX/057/catalog.json";

/// A bench where these items stand in the row.
fn with_items(names: &[&str]) -> Bench {
    let bench = Bench::new();
    for name in names {
        bench.memory.objects.insert(format!("{ROW}/{name}"), "{}");
    }
    bench
}

#[test]
fn an_absent_catalog_is_followed_by_revision_one_and_each_rebuild_adds_one() {
    let bench = with_items(&["a.json"]);
    for revision in 1..6 {
        let rebuilt = bench.rebuild(ROW).unwrap();
        assert_eq!((rebuilt.written.unwrap().number(), bench.revision(CATALOG)), (revision, revision));
        assert_eq!((rebuilt.entries, rebuilt.conflicts, rebuilt.unreadable), (1, 0, false));
    }
}

#[test]
fn a_row_is_written_although_nothing_but_its_revision_changes() {
    let bench = with_items(&["a.json"]);
    let before = bench.rebuild(ROW).map(|_| bench.document(CATALOG)).unwrap();
    assert!(bench.rebuild(ROW).unwrap().written.is_some());
    let mut after = bench.document(CATALOG);
    assert_ne!(before, after);
    after["lazycat:revision"] = before["lazycat:revision"].clone();
    assert_eq!(before, after);
}

#[test]
fn an_absent_empty_row_gets_an_empty_catalog() {
    let bench = Bench::new();
    assert_eq!(bench.rebuild(ROW).unwrap().written.unwrap().number(), 1);
    assert!(bench.hrefs(CATALOG, "item").is_empty());
}

#[test]
fn items_are_linked_by_date_and_what_is_none_is_not_linked() {
    let bench = with_items(&[
        "CBERS_4_MUX_20190330_057_121_L2.json",
        "CBERS_4_MUX_20170618_057_121_L2.json",
        "CBERS_4_MUX_20170618_057_121_L2B.json",
        "foreign.json",
        "collection.json",
        "notes.txt",
        "folder/inside.json",
    ]);
    bench.rebuild(ROW).unwrap();
    bench.rebuild(ROW).unwrap();
    let expected = [
        "./CBERS_4_MUX_20170618_057_121_L2.json",
        "./CBERS_4_MUX_20170618_057_121_L2B.json",
        "./CBERS_4_MUX_20190330_057_121_L2.json",
        "./foreign.json",
    ];
    assert_eq!(bench.hrefs(CATALOG, "item"), expected);
    assert!(bench.hrefs(CATALOG, "child").is_empty());
}

#[test]
fn an_unreadable_catalog_is_followed_by_an_unforeseen_revision_and_nothing_of_it_is_kept() {
    let link = json!({"rel": "item", "href": "./gone.json", "type": "application/geo+json", "title": "gone"});
    let without_revision = json!({"type": "Catalog", "links": [link]}).to_string();
    let with_text = json!({"type": "Catalog", "links": [link], "lazycat:revision": "7"}).to_string();
    let mut seen = Vec::new();
    for text in ["", "not JSON", "{}", "[]", &without_revision, &with_text, "{\"links\":[],\"lazycat:revision\":7"] {
        let bench = Bench::seeded(seen.len() as u64 + 1);
        bench.memory.objects.insert(format!("{ROW}/a.json"), "{}");
        bench.memory.objects.insert(CATALOG, text);
        let rebuilt = bench.rebuild(ROW).unwrap();
        let revision = rebuilt.written.unwrap().number();
        assert!(rebuilt.unreadable, "{text}");
        assert!(revision > 1 && revision < 1 << 48, "{revision}");
        assert!(!seen.contains(&revision), "{revision} came twice");
        seen.push(revision);
        assert_eq!(bench.hrefs(CATALOG, "item"), ["./a.json"], "{text}");
        // From there the chain goes on.
        assert_eq!(bench.rebuild(ROW).unwrap().written.unwrap().number(), revision + 1);
    }
    assert!(seen.iter().any(|revision| *revision > 1 << 32), "{seen:?} are not of 48 bits");
}

#[test]
fn an_unreadable_catalog_too_is_replaced_only_while_it_stays_as_it_was_read() {
    let bench = with_items(&["a.json"]);
    bench.memory.objects.insert(CATALOG, "not JSON");
    let objects = bench.memory.objects.clone();
    bench.faults.before("put if", 1, move || objects.insert(CATALOG, "nor is this"));
    let rebuilt = bench.rebuild(ROW).unwrap();
    assert_eq!((rebuilt.conflicts, rebuilt.unreadable), (1, true));
}

#[test]
fn a_catalog_edited_by_hand_is_written_anew_and_its_chain_goes_on() {
    let bench = with_items(&["a.json"]);
    bench.rebuild(ROW).unwrap();
    let original = bench.document(CATALOG);
    let mut edited = original.clone();
    edited["title"] = "by hand".into();
    edited["links"] = json!([]);
    edited["lazycat:revision"] = 40.into();
    bench.memory.objects.insert(CATALOG, edited.to_string());
    assert_eq!(bench.rebuild(ROW).unwrap().written.unwrap().number(), 41);
    let mut after = bench.document(CATALOG);
    after["lazycat:revision"] = 1.into();
    assert_eq!(after, original);
}

/// Writes the row's catalog as another updater does between this one's reads and its write: one revision on.
fn rival(bench: &Bench) -> impl FnOnce() + Send + 'static {
    let bench = bench.clone();
    move || {
        bench.rebuild(ROW).unwrap();
    }
}

#[test]
fn after_a_conflict_catalog_and_listing_are_read_anew_in_this_order() {
    let bench = with_items(&["a.json"]);
    bench.rebuild(ROW).unwrap();
    bench.faults.forget();
    let (objects, write) = (bench.memory.objects.clone(), rival(&bench));
    bench.faults.before("put if", 1, move || {
        write();
        objects.insert(format!("{ROW}/b.json"), "{}");
    });
    let rebuilt = bench.rebuild(ROW).unwrap();
    assert_eq!((rebuilt.conflicts, rebuilt.written.unwrap().number()), (1, 3));
    assert_eq!(bench.hrefs(CATALOG, "item"), ["./a.json", "./b.json"]);
    let own_and_rivals = ["get", "list", "put if"];
    let expected = [&own_and_rivals[..], &own_and_rivals[..], &["get"], &own_and_rivals[..], &["get"]];
    let operations: Vec<&str> =
        bench.faults.operations().into_iter().filter(|operation| *operation != "put mark").collect();
    assert_eq!(operations, expected.concat());
}

#[test]
fn a_catalog_that_appears_or_goes_before_the_write_is_a_conflict_too() {
    let bench = with_items(&["a.json"]);
    bench.faults.before("put if", 1, rival(&bench));
    let rebuilt = bench.rebuild(ROW).unwrap();
    assert_eq!((rebuilt.conflicts, rebuilt.written.unwrap().number()), (1, 2));

    let objects = bench.memory.objects.clone();
    bench.faults.before("put if", 1, move || objects.remove(CATALOG));
    let rebuilt = bench.rebuild(ROW).unwrap();
    assert_eq!((rebuilt.conflicts, rebuilt.written.unwrap().number()), (1, 1));
}

#[test]
fn a_write_is_tried_a_bounded_number_of_times_and_then_its_message_comes_back() {
    let bench = with_items(&["a.json"]);
    // Somebody who writes before each of this updater's writes.
    let objects = bench.memory.objects.clone();
    for nth in 1..=u64::from(TRIES) {
        let objects = objects.clone();
        let catalog = json!({"links": [], "lazycat:revision": nth * 10}).to_string();
        bench.faults.before("put if", nth, move || objects.insert(CATALOG, catalog));
    }
    let report = run(bench.update(&[delivery("m", &level_body(ROW), 1)]));
    assert_eq!((report.acknowledged, report.rebuilt.len()), (vec![false], 0));
    assert_eq!(bench.faults.subjects("put if").len(), TRIES as usize);
    assert_eq!(bench.revision(CATALOG), u64::from(TRIES) * 10, "nobody's write was overwritten");
    // The next attempt succeeds.
    let report = run(bench.update(&[delivery("m", &level_body(ROW), 2)]));
    assert_eq!((report.acknowledged, bench.revision(CATALOG)), (vec![true], u64::from(TRIES) * 10 + 1));
}

#[test]
fn an_updater_that_always_loses_says_so() {
    let bench = with_items(&["a.json"]);
    for nth in 1..=u64::from(TRIES) {
        let objects = bench.memory.objects.clone();
        bench.faults.before("put if", nth, move || objects.insert(CATALOG, format!("{nth}")));
    }
    let error = bench.rebuild(ROW).unwrap_err();
    assert!(matches!(error, UpdateError::Contended { tries: TRIES, .. }), "{error}");
}

#[test]
fn a_write_whose_answer_is_lost_is_followed_by_the_next_revision() {
    let bench = with_items(&["a.json"]);
    bench.faults.of("put if", CATALOG, Fault::Lost);
    assert_eq!(run(bench.update(&[delivery("m", &level_body(ROW), 1)])).acknowledged, [false]);
    assert_eq!(bench.revision(CATALOG), 1);
    bench.faults.clear();
    assert_eq!(run(bench.update(&[delivery("m", &level_body(ROW), 2)])).acknowledged, [true]);
    assert_eq!(bench.revision(CATALOG), 2);
}

#[test]
fn a_late_write_over_a_newer_catalog_is_refused() {
    let bench = with_items(&["a.json"]);
    bench.rebuild(ROW).unwrap();
    let old = bench.memory.objects.snapshot()[CATALOG].bytes.clone();
    // The one before it was absent; the one after it is not.
    assert!(run(bench.memory.objects.put_if(CATALOG, &old, &Expected::Absent)).is_err());
    assert_eq!(bench.revision(CATALOG), 1);
}

#[test]
fn listings_of_any_page_size_give_the_same_catalog() {
    let names: Vec<String> = (0..23).map(|number| format!("item-{number:02}.json")).collect();
    for keys_a_page in [1, 2, 7, 23, 24, 25, 1000] {
        let bench = with_items(&names.iter().map(String::as_str).collect::<Vec<_>>());
        bench.memory.objects.set_keys_a_page(keys_a_page);
        for _ in 0..2 {
            bench.rebuild(ROW).unwrap();
            let expected: Vec<String> = names.iter().map(|name| format!("./{name}")).collect();
            assert_eq!(bench.hrefs(CATALOG, "item"), expected, "{keys_a_page} a page");
        }
    }
}

#[test]
fn a_row_of_more_than_a_thousand_items_is_listed_to_its_end() {
    let names: Vec<String> = (0..1_001).map(|number| format!("item-{number:04}.json")).collect();
    let bench = with_items(&names.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(bench.rebuild(ROW).unwrap().entries, 1_001);
    assert_eq!(bench.memory.requests.count("list"), 2);
    assert_eq!(bench.hrefs(CATALOG, "item").len(), 1_001);
}

#[test]
fn a_page_that_cannot_be_read_fails_the_rebuild_and_leaves_the_catalog() {
    let bench = with_items(&["a.json", "b.json"]);
    bench.rebuild(ROW).unwrap();
    bench.memory.objects.insert(format!("{ROW}/c.json"), "{}");
    bench.memory.objects.set_keys_a_page(2);
    let faults = bench.faults.clone();
    bench.faults.before("list", 2, move || faults.of("list", ROW, Fault::Unavailable));
    assert!(bench.rebuild(ROW).is_err());
    assert_eq!((bench.revision(CATALOG), bench.hrefs(CATALOG, "item").len()), (1, 2));
}

#[test]
fn the_parent_is_marked_when_it_is_absent_unreadable_or_does_not_link_the_row() {
    let parent = |revision: Value, href: &str| {
        json!({"links": [{"rel": "child", "href": href}], "lazycat:revision": revision}).to_string()
    };
    let linking = parent(3.into(), "./121/catalog.json");
    for (text, marks) in [
        (None, true),
        (Some(linking.clone()), false),
        (Some("not JSON".to_owned()), true),
        (Some(parent(Value::Null, "./121/catalog.json")), true),
        (Some(parent(3.into(), "./122/catalog.json")), true),
        (Some(parent(3.into(), "../121/catalog.json")), true),
    ] {
        let bench = with_items(&["a.json"]);
        if let Some(text) = &text {
            bench.memory.objects.insert(PARENT, text.as_str());
        }
        for _ in 0..2 {
            let rebuilt = bench.rebuild(ROW).unwrap();
            assert_eq!(rebuilt.parent_marked, marks, "{text:?}");
            let expected: &[&str] = if marks { &["CBERS4/MUX/057"] } else { &[] };
            assert_eq!(bench.marked(), expected, "{text:?}");
        }
        // Only looked at, never written.
        let stands = bench.memory.objects.snapshot().get(PARENT).map(|object| object.bytes.clone());
        assert_eq!(stands, text.map(String::into_bytes));
    }
}

#[test]
fn the_parents_mark_overwrites_and_carries_the_time_of_the_message() {
    let bench = with_items(&["a.json"]);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let _ = run(bench.update(&[delivery("m", &level_body(ROW), 1)]));
        let marks = bench.memory.marks.snapshot();
        assert_eq!((marks.len(), marks[0].since), (1, DateTime::UNIX_EPOCH));
        assert!(!tokens.contains(&marks[0].token));
        tokens.push(marks[0].token.clone());
    }
}

#[test]
fn a_message_is_done_with_only_after_the_parent_was_looked_at_and_marked() {
    for (operation, subject) in [("get", PARENT), ("put mark", "CBERS4/MUX/057")] {
        let bench = with_items(&["a.json"]);
        bench.faults.of(operation, subject, Fault::Unavailable);
        let report = run(bench.update(&[delivery("m", &level_body(ROW), 1)]));
        assert_eq!((report.acknowledged, bench.revision(CATALOG)), (vec![false], 1), "{operation}");
        bench.faults.clear();
        let report = run(bench.update(&[delivery("m", &level_body(ROW), 2)]));
        assert_eq!((report.acknowledged, bench.marked()), (vec![true], vec!["CBERS4/MUX/057".to_owned()]));
    }
}

#[test]
fn a_level_that_stands_twice_in_a_batch_is_rebuilt_once() {
    let bench = with_items(&["a.json"]);
    let bodies = [ROW, "CBERS4/MUX/057/122", ROW, ROW];
    let batch = bodies.map(|level| delivery("m", &level_body(level), 1));
    let report = run(bench.update(&batch));
    assert_eq!((report.acknowledged, report.rebuilt.len()), (vec![true; 4], 2));
    assert_eq!(bench.revision(CATALOG), 1);
    // When it fails, it fails for all of them.
    bench.faults.of("list", ROW, Fault::Unavailable);
    assert_eq!(run(bench.update(&batch)).acknowledged, [false, true, false, false]);
}

#[test]
fn a_level_that_fails_does_not_fail_its_neighbours() {
    let bench = with_items(&["a.json"]);
    let batch = ["CBERS4/MUX/057/120", ROW, "CBERS4/MUX/057/122"].map(|level| delivery("m", &level_body(level), 1));
    bench.faults.of("put if", ROW, Fault::Unavailable);
    let report = run(bench.update(&batch));
    assert_eq!((report.acknowledged, report.rebuilt.len()), (vec![true, false, true], 2));
    assert!(report.troubles[0].contains(ROW), "{}", report.troubles[0]);
}
