//! update-single-catalog of the levels above the rows: no link dangles, nothing is written in vain, and what is new
//! is told to the level above.

use lazycat_tests::bench::{Bench, delivery, level_body, run};
use lazycat_tests::faults::Fault;
use serde_json::json;

use crate::{ROW, announced, item_key, scene};

const CAMERA: &str = "CBERS4/MUX";
const COLLECTION: &str = "CBERS4/MUX/collection.json";

/// A catalog that links nothing, for a child that only has to be there.
fn some_catalog() -> String {
    json!({"type": "Catalog", "links": [], "lazycat:revision": 1}).to_string()
}

/// A bench where the camera has these paths, each with its catalog.
fn with_paths(paths: &[&str]) -> Bench {
    let bench = Bench::new();
    for path in paths {
        bench.memory.objects.insert(format!("{CAMERA}/{path}/catalog.json"), some_catalog());
    }
    bench
}

#[test]
fn a_new_branch_climbs_one_level_a_tick_and_everything_else_takes_one() {
    let bench = Bench::new();
    let _ = bench.take(&[announced(&bench, &scene(121, 18))]);
    for level in [ROW, "CBERS4/MUX/057", CAMERA, "CBERS4", "/"] {
        assert_eq!(bench.tick_and_update(), [level]);
    }
    assert!(bench.memory.quiet());
    // A scene more of the same row.
    let _ = bench.take(&[announced(&bench, &scene(121, 19))]);
    assert_eq!(bench.tick_and_update(), [ROW]);
    assert!(bench.memory.quiet());
    // A new row of a path that is there.
    let _ = bench.take(&[announced(&bench, &scene(122, 18))]);
    assert_eq!(bench.tick_and_update(), ["CBERS4/MUX/057/122"]);
    assert_eq!(bench.tick_and_update(), ["CBERS4/MUX/057"]);
    assert!(bench.memory.quiet());
    assert_eq!(bench.hrefs("CBERS4/MUX/057/catalog.json", "child"), ["./121/catalog.json", "./122/catalog.json"]);
    let key = item_key(&scene(121, 19));
    assert!(bench.hrefs(&format!("{ROW}/catalog.json"), "item").iter().any(|href| key.ends_with(&href[2..])));
}

#[test]
fn every_document_of_a_settled_catalog_is_reached_from_the_root_and_every_link_leads_to_one() {
    let bench = Bench::new();
    let scenes = [scene(121, 18), scene(121, 19), scene(122, 18)];
    let _ = bench.take(&scenes.clone().map(|scene| announced(&bench, &scene)));
    bench.settle();
    let mut reached = vec!["catalog.json".to_owned()];
    let mut at = 0;
    while at < reached.len() {
        let key = reached[at].clone();
        let folder = key.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        if key.ends_with("catalog.json") || key.ends_with("collection.json") {
            let links = [bench.hrefs(&key, "child"), bench.hrefs(&key, "item")].concat();
            reached.extend(links.iter().map(|href| format!("{folder}{}", &href[2..])));
        }
        at += 1;
    }
    reached.sort();
    assert_eq!(reached, bench.memory.objects.snapshot().into_keys().collect::<Vec<_>>());
}

#[test]
fn a_parent_is_not_written_when_nothing_but_its_revision_would_change() {
    let bench = with_paths(&["056", "057"]);
    assert_eq!(bench.rebuild(CAMERA).unwrap().written.unwrap().number(), 1);
    let before = bench.memory.objects.snapshot();
    for _ in 0..3 {
        assert_eq!(bench.rebuild(CAMERA).unwrap().written, None);
    }
    assert_eq!(bench.memory.objects.snapshot(), before);
    bench.memory.objects.insert(format!("{CAMERA}/058/catalog.json"), some_catalog());
    assert_eq!(bench.rebuild(CAMERA).unwrap().written.unwrap().number(), 2);
}

#[test]
fn after_a_skipped_write_too_the_level_above_is_looked_at_and_marked() {
    let bench = with_paths(&["057"]);
    bench.rebuild(CAMERA).unwrap();
    let _ = bench.tick();
    assert!(bench.marked().is_empty());
    let rebuilt = bench.rebuild(CAMERA).unwrap();
    assert_eq!((rebuilt.written, rebuilt.parent_marked), (None, true));
    assert_eq!(bench.marked(), ["CBERS4"]);
}

#[test]
fn an_absent_parent_is_written_also_when_it_has_no_children() {
    for (level, key) in [(CAMERA, COLLECTION), ("CBERS4/MUX/057", "CBERS4/MUX/057/catalog.json"), ("/", "catalog.json")]
    {
        let bench = Bench::new();
        assert_eq!(bench.rebuild(level).unwrap().written.unwrap().number(), 1);
        assert!(bench.hrefs(key, "child").is_empty());
        assert_eq!(bench.rebuild(level).unwrap().written, None);
    }
}

#[test]
fn a_parent_edited_by_hand_is_written_anew() {
    let bench = with_paths(&["057"]);
    bench.rebuild(CAMERA).unwrap();
    let mut edited = bench.document(COLLECTION);
    edited["title"] = "by hand".into();
    bench.memory.objects.insert(COLLECTION, edited.to_string());
    assert_eq!(bench.rebuild(CAMERA).unwrap().written.unwrap().number(), 2);
    assert_eq!(bench.document(COLLECTION)["title"], "CBERS-4 MUX");
}

#[test]
fn new_children_are_looked_for_and_linked_ones_are_not() {
    let bench = with_paths(&["055", "057"]);
    bench.rebuild(CAMERA).unwrap();
    assert_eq!(bench.faults.subjects("head"), ["CBERS4/MUX/055/catalog.json", "CBERS4/MUX/057/catalog.json"]);
    bench.faults.forget();
    bench.memory.objects.insert(format!("{CAMERA}/056/catalog.json"), some_catalog());
    bench.rebuild(CAMERA).unwrap();
    assert_eq!(bench.faults.subjects("head"), ["CBERS4/MUX/056/catalog.json"]);
    let expected = ["./055/catalog.json", "./056/catalog.json", "./057/catalog.json"];
    assert_eq!(bench.hrefs(COLLECTION, "child"), expected);
}

#[test]
fn the_document_that_is_looked_for_is_the_childs_own() {
    let bench = Bench::new();
    // A collection's folder that holds another document is not that collection.
    bench.memory.objects.insert("CBERS4/MUX/catalog.json", some_catalog());
    bench.memory.objects.insert("CBERS4/AWFI/collection.json", some_catalog());
    bench.rebuild("CBERS4").unwrap();
    assert_eq!(bench.hrefs("CBERS4/catalog.json", "child"), ["./AWFI/collection.json"]);
}

#[test]
fn a_child_without_a_catalog_is_not_linked_until_it_has_one() {
    let bench = with_paths(&["057"]);
    bench.memory.objects.insert(format!("{CAMERA}/058/121/an-item.json"), "{}");
    for _ in 0..2 {
        bench.rebuild(CAMERA).unwrap();
        assert_eq!(bench.hrefs(COLLECTION, "child"), ["./057/catalog.json"]);
    }
    // It appears between the listing and the look: either is right, a dangling link is not.
    let objects = bench.memory.objects.clone();
    bench.faults.before("head", 1, move || objects.insert(format!("{CAMERA}/058/catalog.json"), some_catalog()));
    bench.rebuild(CAMERA).unwrap();
    assert_eq!(bench.hrefs(COLLECTION, "child"), ["./057/catalog.json", "./058/catalog.json"]);
}

#[test]
fn a_look_that_fails_fails_the_rebuild_in_place_of_leaving_the_child_out() {
    let bench = with_paths(&["056", "057"]);
    bench.faults.of("head", "056", Fault::Unavailable);
    assert!(bench.rebuild(CAMERA).is_err());
    assert!(!bench.has(COLLECTION));
}

#[test]
fn folders_of_no_level_of_the_grid_are_passed_over() {
    let bench = with_paths(&["057", "58", "abc", "0577"]);
    bench.memory.objects.insert("LANDSAT8/catalog.json", some_catalog());
    bench.memory.objects.insert("CBERS4/catalog.json", some_catalog());
    bench.rebuild(CAMERA).unwrap();
    bench.rebuild("/").unwrap();
    assert_eq!(bench.faults.subjects("head"), ["CBERS4/MUX/057/catalog.json", "CBERS4/catalog.json"]);
    assert_eq!(bench.hrefs(COLLECTION, "child"), ["./057/catalog.json"]);
    assert_eq!(bench.hrefs("catalog.json", "child"), ["./CBERS4/catalog.json"]);
}

#[test]
fn after_an_unreadable_parent_every_child_is_looked_for_and_none_taken_over() {
    let bench = with_paths(&["056", "057"]);
    bench.rebuild(CAMERA).unwrap();
    bench.faults.forget();
    let mut edited = bench.document(COLLECTION);
    edited["lazycat:revision"] = "1".into();
    edited["links"].as_array_mut().unwrap().push(json!({"rel": "child", "href": "./099/catalog.json"}));
    bench.memory.objects.insert(COLLECTION, edited.to_string());
    let rebuilt = bench.rebuild(CAMERA).unwrap();
    assert!(rebuilt.unreadable && rebuilt.written.unwrap().number() > 1);
    assert_eq!(bench.faults.subjects("head").len(), 2);
    assert_eq!(bench.hrefs(COLLECTION, "child"), ["./056/catalog.json", "./057/catalog.json"]);
}

#[test]
fn a_conflict_of_a_parent_reads_all_of_it_anew() {
    let bench = with_paths(&["057"]);
    let (rival, objects) = (bench.clone(), bench.memory.objects.clone());
    bench.faults.before("put if", 1, move || {
        rival.rebuild(CAMERA).unwrap();
        objects.insert(format!("{CAMERA}/058/catalog.json"), some_catalog());
    });
    let rebuilt = bench.rebuild(CAMERA).unwrap();
    assert_eq!((rebuilt.conflicts, rebuilt.written.unwrap().number()), (1, 2));
    assert_eq!(bench.hrefs(COLLECTION, "child").len(), 2);
}

#[test]
fn a_conflict_with_a_rival_who_wrote_the_same_ends_without_a_write() {
    let bench = with_paths(&["057"]);
    let rival = bench.clone();
    bench.faults.before("put if", 1, move || {
        rival.rebuild(CAMERA).unwrap();
    });
    let rebuilt = bench.rebuild(CAMERA).unwrap();
    assert_eq!((rebuilt.conflicts, rebuilt.written), (1, None));
    assert_eq!(bench.revision(COLLECTION), 1);
}

#[test]
fn the_root_has_no_level_above() {
    let bench = Bench::new();
    bench.memory.objects.insert("CBERS4/catalog.json", some_catalog());
    let report = run(bench.update(&[delivery("m", &level_body("/"), 1)]));
    assert_eq!((report.acknowledged, report.rebuilt[0].1.parent_marked), (vec![true], false));
    assert_eq!(bench.faults.operations(), ["get", "list", "head", "put if"]);
}

#[test]
fn children_are_listed_page_by_page_to_the_end() {
    let paths: Vec<String> = (0..45).map(|path| format!("{path:03}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    for keys_a_page in [1, 2, 20, 45, 1000] {
        let bench = with_paths(&paths);
        bench.memory.objects.set_keys_a_page(keys_a_page);
        bench.rebuild(CAMERA).unwrap();
        let expected: Vec<String> = paths.iter().map(|path| format!("./{path}/catalog.json")).collect();
        assert_eq!(bench.hrefs(COLLECTION, "child"), expected, "{keys_a_page} a page");
    }
}

#[test]
fn each_level_is_read_before_it_is_listed_and_its_parent_only_after_it_is_written() {
    let bench = Bench::new();
    let _ = bench.take(&[announced(&bench, &scene(121, 18))]);
    bench.faults.forget();
    bench.settle();
    let asked: Vec<(&str, String)> = bench
        .faults
        .asked()
        .into_iter()
        .filter(|(operation, _)| ["get", "list", "put if"].contains(operation))
        .collect();
    let expected: Vec<(&str, String)> = [
        ("CBERS4/MUX/057/121/catalog.json", ROW),
        ("CBERS4/MUX/057/catalog.json", "CBERS4/MUX/057"),
        (COLLECTION, CAMERA),
        ("CBERS4/catalog.json", "CBERS4"),
        ("catalog.json", "/"),
    ]
    .windows(2)
    .flat_map(|pair| {
        let ((key, level), (parent, _)) = (pair[0], pair[1]);
        [("get", key.to_owned()), ("list", level.to_owned()), ("put if", key.to_owned()), ("get", parent.to_owned())]
    })
    .chain([("get", "catalog.json".into()), ("list", "/".into()), ("put if", "catalog.json".into())])
    .collect();
    assert_eq!(asked, expected);
}
