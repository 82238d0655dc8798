//! `lazycat import`: items of others are filed, kept up to date, moved, refused.

#[path = "import_audit.rs"]
mod audited;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use lazycat::embedded;
use lazycat::layout::segment;
use serde_json::{Value, json};

use crate::kills::Random;
use crate::sound::{documents, must_be_in_step, must_be_the_same_but_for_revisions};
use crate::world::{
    DRIFT, FAILURE, PLAIN, Ran, Running, SOME_REFUSED, SUCCESS, WRONG_USAGE, World, item_key, lazycat, mux, write,
};

const LAYOUT: &[&str] = &["--layout", "{collection}/{year}/{month}"];

impl World {
    /// Imports the source into the catalog, to its end.
    fn import(&self, options: &[&str]) -> Ran {
        self.start_import(&self.source, options).end()
    }

    fn start_import(&self, source: &Path, options: &[&str]) -> Running {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lazycat"));
        command.arg("import").arg(source).arg("--catalog").arg(&self.catalog);
        if !options.contains(&"--watch") && !options.contains(&PLAIN) {
            command.arg("--json");
        }
        command.arg("--index").args(options.iter().filter(|option| **option != PLAIN));
        Running::start(command, &self.next_output())
    }

    /// Writes an item into the source.
    fn add_item(&self, file: &str, item: &Value) {
        self.write(file, item.to_string().as_bytes());
    }

    /// Asserts that an audit finds nothing.
    fn must_be_audited_clean(&self) {
        self.audit_of(None, &[]).must_exit(SUCCESS);
    }
}

/// Asserts that `lazycat validate` finds nothing, and that so many items are in the catalog and in its search index.
fn must_be_sound(catalog: &Path, items: usize) {
    lazycat(&["validate", catalog.to_str().unwrap()]).must_exit(SUCCESS);
    must_be_in_step(catalog, items);
}

/// An item of the collection `landsat`.
fn item(id: &str, date: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.0.0", "stac_extensions": [], "id": id, "collection": "landsat",
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]},
        "bbox": [0, 0, 2, 1],
        "properties": {"datetime": format!("{date}T10:00:00Z"), "platform": "landsat-9", "odd:number": 1.0},
        "links": [{"rel": "root", "href": "../catalog.json"}, {"rel": "license", "href": "https://example.com/l"}],
        "assets": {"B1": {"href": "./B1.TIF", "type": "image/tiff"}}
    })
}

/// A collection that somebody else has written.
fn collection(title: &str) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.0.0", "id": "landsat", "title": title, "description": "Landsat.",
        "license": "proprietary", "odd": {"number": 1.0},
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2013-01-01T00:00:00Z", null]]}},
        "links": [{"rel": "item", "href": "./a.json"}, {"rel": "about", "href": "https://example.com/a"}]
    })
}

/// A source of items in all shapes that files have; how many items there are.
fn all_shapes(world: &World) -> usize {
    world.add_item("deep/a.json", &item("a", "2024-05-01"));
    world.add_item("deep/b.geojson", &item("b/with a slash", "2024-05-02"));
    world.add_item("catalog.json", &json!({"type": "Catalog", "id": "x", "links": []}));
    let features = json!({"type": "FeatureCollection", "features": [item("c", "2024-06-01"), item("d", "2023-05-01")]});
    world.add_item("search.json", &features);
    let lines = ["e", "f"].map(|id| item(id, "2024-05-03").to_string());
    world.write("lines.ndjson", (lines.join("\n\n") + "\n").as_bytes());
    6
}

const A: &str = "landsat/2024/05/a.json";

#[test]
fn items_of_all_shapes_are_filed_and_a_second_import_finds_all_done() {
    let world = World::new();
    let items = all_shapes(&world);
    let ran = world.import(LAYOUT);
    ran.must_have_made(items as u64);
    must_be_sound(&world.catalog, items);
    world.must_be_audited_clean();
    let stored = world.read(A);
    assert!(stored.contains("\"odd:number\":1.0") && stored.contains("\"stac_version\":\"1.0.0\""), "{stored}");
    let stored = world.json(A);
    let href = stored["assets"]["B1"]["href"].as_str().unwrap();
    assert_eq!(href, format!("file://{}/deep/B1.TIF", world.source.display()));
    assert_eq!(world.json("landsat/2024/05/b%2Fwith%20a%20slash.json")["id"], "b/with a slash");
    let made = world.json("landsat/collection.json");
    assert_eq!(made["extent"]["temporal"]["interval"], json!([["2023-05-01T10:00:00Z", "2024-06-01T10:00:00Z"]]));
    assert_eq!(made["summaries"]["platform"], json!(["landsat-9"]));
    let before = documents(&world.catalog);
    // The layout need not be said again.
    world.import(&[]).must_have_found_all_done(items as u64);
    assert_eq!(documents(&world.catalog), before);
    let status = world.on("status", &[]).must_exit(SUCCESS).summary();
    assert_eq!((&status["items"]["count"], &status["items"]["filed"]["landsat"]), (&json!(items), &json!(items)));
}

#[test]
fn a_corrected_date_moves_an_item_and_a_changed_one_is_filed_anew() {
    let world = World::new();
    world.add_item("a.json", &item("a", "2024-05-01"));
    world.add_item("b.json", &item("b", "2024-05-01"));
    world.import(LAYOUT).must_have_made(2);
    world.add_item("a.json", &item("a", "2020-01-01"));
    let mut changed = item("b", "2024-05-01");
    changed["properties"]["platform"] = "landsat-8".into();
    world.add_item("b.json", &changed);
    world.import(&[]).must_have_made(2);
    assert!(!world.catalog.join(A).exists());
    assert_eq!(world.json("landsat/2020/01/a.json")["id"], "a");
    assert_eq!(world.json("landsat/2024/05/b.json")["properties"]["platform"], "landsat-8");
    assert_eq!(world.json("landsat/collection.json")["summaries"]["platform"], json!(["landsat-8", "landsat-9"]));
    must_be_sound(&world.catalog, 2);
    world.must_be_audited_clean();
}

#[test]
fn a_collection_is_taken_as_it_is_and_the_one_that_is_named_is_over_the_one_that_is_found() {
    let world = World::new();
    world.add_item("a.json", &item("a", "2024-05-01"));
    world.add_item("collection.json", &collection("Found"));
    world.import(LAYOUT).must_have_made(1);
    let kept = world.read("landsat/collection.json");
    assert!(kept.contains("\"odd\":{\"number\":1.0}") && kept.contains("\"title\":\"Found\""), "{kept}");
    assert!(kept.contains("https://example.com/a") && !kept.contains("./a.json"), "{kept}");
    must_be_sound(&world.catalog, 1);
    let named = write(&world.folder.path().join("named.json"), collection("Named").to_string().as_bytes());
    for _ in 0..2 {
        world.import(&["--collection", named.to_str().unwrap()]).must_exit(SUCCESS);
        assert_eq!(world.json("landsat/collection.json")["title"], "Named");
    }
    world.import(&[]).must_exit(SUCCESS);
    assert_eq!(world.json("landsat/collection.json")["title"], "Named");
    must_be_sound(&world.catalog, 1);
    world.must_be_audited_clean();
}

#[test]
fn two_items_of_one_id_from_two_sources_are_refused_by_name_until_forced() {
    let world = World::new();
    world.add_item("a.json", &item("a", "2024-05-01"));
    world.import(LAYOUT).must_have_made(1);
    let other = world.folder.path().join("other");
    let mut changed = item("a", "2024-05-01");
    changed["properties"]["platform"] = "other".into();
    write(&other.join("x.json"), changed.to_string().as_bytes());
    let ran = world.start_import(&other, &[]).end();
    ran.must_exit(SOME_REFUSED);
    let refused = &ran.refused()[0];
    assert_eq!(refused.reason, "twice");
    assert!(refused.detail.contains("source/a.json") && refused.detail.contains("other/x.json"), "{refused:?}");
    assert_eq!(world.json(A)["properties"]["platform"], "landsat-9");
    // A folder that is imported again and again leaves one letter.
    world.start_import(&other, &[]).end().must_exit(SOME_REFUSED);
    assert_eq!(
        world.on("redrive", &["--queue", "items"]).must_exit(SUCCESS).summary()["queues"][0]["groups"][0]["count"],
        1
    );
    world.start_import(&other, &["--force"]).end().must_have_made(1);
    assert_eq!(world.json(A)["properties"]["platform"], "other");
    // What was moved is of the same source.
    fs::rename(other.join("x.json"), other.join("y.json")).unwrap();
    world.start_import(&other, &[]).end().must_exit(SUCCESS);
    must_be_sound(&world.catalog, 1);
}

#[test]
fn bad_files_are_told_each_with_its_reason_and_all_others_are_filed() {
    let world = World::new();
    world.add_item("good.json", &item("good", "2024-05-01"));
    world.write("broken.json", b"{\"type\": \"Feature\"");
    world.write("other.json", b"{\"name\": \"x\"}");
    world.write("latin.json", b"{\"type\": \"Feature\", \"id\": \"\xe4\"}");
    world.write("lines.ndjson", b"hello\n");
    let mut long = item("x", "2024-05-01");
    long["id"] = "x".repeat(10_000).into();
    world.add_item("long.json", &long);
    let mut wide = item("wide", "2024-05-01");
    wide["properties"]["wide"] = "w".repeat(10 * 1024 * 1024).into();
    world.add_item("wide.json", &wide);
    symlink("nowhere", world.source.join("link.json")).unwrap();
    symlink(&world.source, world.source.join("round")).unwrap();
    let made = Command::new("mkfifo").arg(world.source.join("pipe.json")).status();
    assert!(made.unwrap().success());
    let ran = world.import(LAYOUT);
    ran.must_exit(SOME_REFUSED);
    let mut refused: Vec<(String, String)> = ran
        .refused()
        .into_iter()
        .map(|refused| (refused.scene.rsplit('/').next().unwrap().to_owned(), refused.reason))
        .collect();
    refused.sort_unstable();
    let expected = [
        ("broken.json", "document"),
        ("latin.json", "document"),
        ("lines.ndjson:1", "document"),
        ("link.json", "not-a-file"),
        ("long.json", "item"),
        ("other.json", "document"),
    ];
    // A pipe is no file by its name alone; it may be passed over or told, but never read.
    refused.retain(|(file, _)| file != "pipe.json");
    assert_eq!(refused, expected.map(|(file, reason)| (file.to_owned(), reason.to_owned())), "{}", ran.told());
    assert_eq!(ran.count("made"), 2);
    must_be_sound(&world.catalog, 2);
}

#[test]
fn templates_sources_and_catalogs_that_cannot_be_are_told_and_nothing_is_written() {
    let world = World::new();
    world.add_item("a.json", &item("a", "2024-05-01"));
    for (template, said) in
        [("{platform}", "{platform} is unknown"), ("../{year}", "starts with a dot"), ("{id}", "names")]
    {
        let ran = world.import(&["--layout", template]);
        ran.must_fail(WRONG_USAGE, &[said]);
    }
    assert!(!world.catalog.exists());
    world.import(&[]).must_fail(FAILURE, &["no layout yet", "--layout"]);
    let ran = world.import(&["--layout", "{collection}/{properties.none}"]);
    ran.must_exit(SOME_REFUSED);
    assert!(ran.refused()[0].detail.contains("properties.none is missing"), "{}", ran.told());
    // Nothing is filed yet, so another layout may be chosen; afterwards no more.
    world.import(LAYOUT).must_have_made(1);
    world.import(&["--layout", "{collection}"]).must_fail(FAILURE, &["{collection}/{year}/{month}", "another"]);
    let own = world.catalog.clone();
    world.start_import(&own, &[]).end().must_fail(FAILURE, &["the catalog directory itself"]);
    world.start_import(Path::new("/nowhere/at/all"), &[]).end().must_fail(FAILURE, &["/nowhere/at/all"]);
    must_be_sound(&world.catalog, 1);
}

#[test]
fn the_catalog_may_stand_in_the_source_and_is_not_imported_into_itself() {
    let mut world = World::new();
    world.catalog = world.source.join("out");
    world.add_item("a.json", &item("a", "2024-05-01"));
    world.import(LAYOUT).must_have_made(1);
    world.import(&[]).must_have_found_all_done(1);
    must_be_sound(&world.catalog, 1);
}

#[test]
fn an_item_is_withdrawn_by_its_name_or_its_key_and_the_next_import_files_it_again() {
    let world = World::new();
    let items = all_shapes(&world);
    world.import(LAYOUT).must_exit(SUCCESS);
    let dry = world.withdraw(&["--dry-run", "landsat/a", "landsat/never"]).must_exit(SUCCESS).summary();
    assert_eq!((&dry["items"], &dry["absent"]), (&json!(["landsat/a"]), &json!(["landsat/never"])));
    let ran = world.withdraw(&["landsat/a", "landsat/2024/05/b%2Fwith%20a%20slash.json", "landsat/never"]);
    ran.must_exit(SUCCESS);
    let summary = ran.summary();
    assert_eq!(summary["items"], json!(["landsat/a", "landsat/b/with a slash"]), "{}", ran.told());
    assert_eq!(summary["absent"], json!(["landsat/never"]));
    must_be_sound(&world.catalog, items - 2);
    world.must_be_audited_clean();
    world.import(&[]).must_have_made(2);
    must_be_sound(&world.catalog, items);
}

#[test]
fn scenes_and_items_of_others_stand_in_one_catalog() {
    let world = World::new();
    let scenes = [mux(0), mux(1)];
    for scene in &scenes {
        world.add(scene);
    }
    let others = world.folder.path().join("others");
    write(&others.join("a.json"), item("a", "2024-05-01").to_string().as_bytes());
    world.start_import(&others, &[LAYOUT, &["--title", "Both"]].concat()).end().must_have_made(1);
    world.run(&[]).must_have_made(2);
    must_be_sound(&world.catalog, 3);
    assert_eq!(world.json("catalog.json")["title"], "Both");
    world.audit(&["--content", "full"]).must_exit(SUCCESS);
    world.start_import(&others, &["--title", "Another"]).end().must_exit(SUCCESS);
    assert_eq!(world.json("catalog.json")["title"], "Another");
    // An item of others that somebody removes is told by the level that links it.
    fs::remove_file(world.catalog.join(A)).unwrap();
    world.audit_of(None, &["--prefix", "landsat"]).must_exit(DRIFT);
    world.start_import(&others, &[]).end().must_have_made(1);
    assert!(world.catalog.join(A).exists());
}

#[test]
fn a_watch_files_what_comes() {
    let world = World::new();
    let mut running = world.start_import(&world.source, &[LAYOUT, &["--watch", "--tick", "0.05"]].concat());
    world.add_item("a.json", &item("a", "2024-05-01"));
    running.wait_until("the item is linked", || {
        let row = fs::read_to_string(world.catalog.join("landsat/2024/05/catalog.json")).unwrap_or_default();
        row.contains("./a.json")
    });
    world.add_item("a.json", &item("a", "2021-05-01"));
    running.wait_until("the item has moved", || {
        world.catalog.join("landsat/2021/05/a.json").exists() && !world.catalog.join(A).exists()
    });
    running.kill();
    world.import(&[]).must_exit(SUCCESS);
    must_be_sound(&world.catalog, 1);
}

/// Some hundred items, a third of which move in the second version.
fn many(world: &World, version: usize) -> usize {
    const ITEMS: usize = 400;
    for number in 0..ITEMS {
        let month = if version > 0 && number % 3 == 0 { 12 } else { number % 11 + 1 };
        let item = item(&format!("item-{number}"), &format!("2024-{month:02}-01"));
        world.add_item(&format!("{}/{number}.json", number % 7), &item);
    }
    ITEMS
}

#[test]
fn an_import_that_is_killed_again_and_again_ends_with_the_catalog_of_an_undisturbed_one() {
    let mut random = Random::new();
    let undisturbed = World::new();
    let items = many(&undisturbed, 1);
    let took = std::time::Instant::now();
    undisturbed.import(LAYOUT).must_have_made(items as u64);
    let took = took.elapsed();
    let mut world = World::new();
    world.source.clone_from(&undisturbed.source);
    many(&world, 0);
    for round in 0..12 {
        if round == 5 {
            many(&world, 1);
        }
        let running = world.start_import(&world.source, &[LAYOUT, &["--tick", "0.01"]].concat());
        thread::sleep(random.part_of(took / 2).max(Duration::from_millis(1)));
        running.kill();
    }
    world.import(&[]).must_exit(SUCCESS);
    must_be_the_same_but_for_revisions(&world.catalog, &undisturbed.catalog);
    world.import(&[]).must_have_found_all_done(items as u64);
    must_be_sound(&world.catalog, items);
    world.must_be_audited_clean();
}

#[test]
fn the_first_import_may_come_while_a_watch_of_scenes_goes_on() {
    let world = World::with(&[mux(0)]);
    let mut watch = world.start(&["--watch", "--tick", "0.05"]);
    world.add(&mux(1));
    let second = world.catalog.join(item_key(&mux(1)));
    watch.wait_until("the second scene is made", || second.exists());
    let others = world.folder.path().join("others");
    for number in 0..50 {
        let item = item(&format!("item-{number}"), "2024-05-01");
        write(&others.join(format!("{number}.json")), item.to_string().as_bytes());
    }
    world.start_import(&others, LAYOUT).end().must_exit(SUCCESS);
    watch.wait_until("the items are linked", || {
        let root = fs::read_to_string(world.catalog.join("catalog.json")).unwrap_or_default();
        let row = fs::read_to_string(world.catalog.join("landsat/2024/05/catalog.json")).unwrap_or_default();
        root.contains("landsat/collection.json") && row.matches("\"item\"").count() == 50
    });
    watch.kill();
    assert_eq!(world.json("catalog.json")["title"], "CBERS/AMAZONIA on AWS", "it is what it was called");
    world.run(&[]).must_exit(SUCCESS);
    must_be_sound(&world.catalog, 52);
    let letters = world.on("redrive", &[]).must_exit(SUCCESS).summary()["queues"].to_string();
    assert!(!letters.contains("reason"), "{letters}");
}

/// What a server does with an item that it was sent.
#[test]
fn a_document_that_was_submitted_is_filed_when_the_queue_is_worked_off() {
    let world = World::new();
    world.add_item("a.json", &item("a", "2024-05-01"));
    world.import(LAYOUT).must_have_made(1);
    let local = lazycat::local::open(&world.catalog).unwrap();
    embedded::submit(&local, &item("sent", "2024-05-02").to_string()).unwrap();
    embedded::submit(&local, "hello").unwrap();
    let summary = embedded::work_off(&local, &embedded::Progress::default()).unwrap();
    assert_eq!((summary.made, summary.refused), (1, 1), "{summary:?}");
    assert_eq!(summary.refusals[0].reason, "document");
    drop(local);
    assert_eq!(world.json("landsat/2024/05/sent.json")["id"], "sent");
    must_be_sound(&world.catalog, 2);
    // An operator drops the letter; nothing else is with them.
    world.on("redrive", &["--queue", "items", "--all", "--discard"]).must_exit(SUCCESS);
    world.must_be_audited_clean();
}

#[test]
fn its_help_has_examples() {
    let ran = lazycat(&["import", "--help"]);
    ran.must_exit(SUCCESS);
    assert!(ran.stdout.contains("Examples:") && ran.stdout.contains("--layout"), "{}", ran.stdout);
}

/// The folder of the sources of the crate `stac`, which brings items along that nobody here has made: the examples of the
/// specification, and items of satellites.
fn others() -> PathBuf {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "stac").expect("the crate stac");
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// What is to survive of an item: all but links and the addresses of assets.
fn comparable(mut item: Value) -> Value {
    item.as_object_mut().unwrap().remove("links");
    for asset in item["assets"].as_object_mut().into_iter().flatten() {
        asset.1.as_object_mut().unwrap().remove("href");
    }
    item
}

#[test]
fn items_that_nobody_here_has_made_are_filed_value_for_value_or_refused_with_their_fault() {
    let world = World::new();
    let (mut items, mut refused) = (Vec::new(), 0);
    for folder in ["examples", "examples/extensions-collection/proj-example", "data"] {
        for file in fs::read_dir(others().join(folder)).unwrap() {
            let file = file.unwrap().path();
            let Ok(document) = serde_json::from_slice::<Value>(&fs::read(&file).unwrap_or_default()) else { continue };
            let found = match document["type"].as_str() {
                Some("Feature") => vec![document],
                Some("FeatureCollection") => document["features"].as_array().unwrap().clone(),
                _ => continue,
            };
            let name = format!("{folder}/{}", file.file_name().unwrap().to_str().unwrap());
            fs::create_dir_all(world.source.join(folder)).unwrap();
            fs::copy(&file, world.source.join(name)).unwrap();
            let is_invalid = file.to_str().unwrap().contains("invalid");
            refused += usize::from(is_invalid);
            items.extend(found.into_iter().filter(|item| !is_invalid && item["collection"].is_string()));
        }
    }
    assert!(items.len() >= 5 && refused >= 2, "{} items, {refused} bad ones", items.len());
    let ran = world.import(&["--layout", "{collection}/{year}"]);
    ran.must_exit(SOME_REFUSED);
    let told = ran.refused();
    for refused in &told {
        let is_known = matches!(refused.reason.as_str(), "item" | "collection" | "twice");
        assert!(is_known && refused.detail.len() > 10, "{refused:?}");
    }
    let mut compared = 0;
    for item in items {
        let (collection, id) = (item["collection"].as_str().unwrap(), item["id"].as_str().unwrap());
        let is_told = told.iter().any(|refused| refused.detail.contains(id));
        let folder = world.catalog.join(segment::encode(collection));
        let filed = fs::read_dir(&folder).into_iter().flatten().find_map(|year| {
            let path = year.ok()?.path().join(segment::file_of(id));
            serde_json::from_slice::<Value>(&fs::read(path).ok()?).ok()
        });
        // Of two that differ under one id, the first is filed and the second told.
        match filed {
            Some(filed) if comparable(filed.clone()) == comparable(item.clone()) => compared += 1,
            Some(_) => assert!(is_told, "{id} was changed: {}", ran.told()),
            None => panic!("{id} was not filed: {}", ran.told()),
        }
    }
    assert!(compared >= 5, "{compared}: {}", ran.told());
    // What is left is a fault of an item itself: its box is not that of its geometry.
    let told = lazycat(&["validate", world.catalog.to_str().unwrap()]).stdout;
    let mut faults = told.lines().filter(|line| line.contains(".json: "));
    assert!(faults.all(|fault| fault.contains("proj-example.json: /bbox: ")), "{told}");
    world.must_be_audited_clean();
}
