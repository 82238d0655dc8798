//! Catalog directories that hands or accidents have changed.

use std::fs;

use lazycat_fixtures::SceneSpec;
use serde_json::{Value, json};

use crate::sound::{documents_but_revisions, items_of, must_be_sound};
use crate::world::{FAILURE, SUCCESS, World, day, lazycat, mux, write};

const ROW: &str = "CBERS4/MUX/057/121/catalog.json";
const PATH: &str = "CBERS4/MUX/057/catalog.json";
const CAMERA: &str = "CBERS4/MUX/collection.json";
const SATELLITE: &str = "CBERS4/catalog.json";
const ROOT: &str = "catalog.json";
const DOCUMENTS: [&str; 5] = [ROW, PATH, CAMERA, SATELLITE, ROOT];

/// A scene whose run touches the level of this document, and none above it unless that is owed.
fn touching(document: &str) -> SceneSpec {
    match document {
        ROW => mux(50),
        PATH => SceneSpec::cbers4_mux(57, 122, day(50)),
        CAMERA => SceneSpec::cbers4_mux(58, 121, day(50)),
        SATELLITE => SceneSpec::cbers4_pan5m(57, 121, day(50)),
        _ => SceneSpec::cbers4a_wpm(209, 139, day(50)),
    }
}

fn scenes() -> Vec<SceneSpec> {
    vec![mux(0), mux(1), SceneSpec::cbers4_mux(56, 121, day(0)), SceneSpec::amazonia1_wfi(36, 18, day(0))]
}

/// The documents, but for revisions, of a catalog that nobody has disturbed.
fn undisturbed(touched: &SceneSpec) -> std::collections::BTreeMap<String, String> {
    let mut all = scenes();
    all.push(touched.clone());
    documents_but_revisions(&World::with(&all).catalog)
}

/// What a hand or an accident does to a document.
type Spoil = Box<dyn Fn(&World, &str)>;

/// Spoils each document in this way; the next run that touches its level must repair it. Gives the revisions before
/// and after.
fn must_repair(spoil: impl Fn(&World, &str)) -> Vec<(u64, u64)> {
    must_repair_in(&DOCUMENTS, spoil)
}

/// The same for these documents.
fn must_repair_in(documents: &[&str], spoil: impl Fn(&World, &str)) -> Vec<(u64, u64)> {
    let mut revisions = Vec::new();
    for document in documents {
        let world = World::with(&scenes());
        let before = world.revision(document);
        spoil(&world, document);
        let touched = touching(document);
        world.add(&touched);
        world.run(&[]).must_have_made(1);
        must_be_sound(&world.catalog, 5);
        assert_eq!(documents_but_revisions(&world.catalog), undisturbed(&touched), "{document}");
        revisions.push((before, world.revision(document)));
        world.run(&[]).must_have_found_all_done(5);
    }
    revisions
}

#[test]
fn a_catalog_with_another_title_gets_its_own_back() {
    let revisions = must_repair(|world, document| world.edit(document, |json| json["title"] = json!("Mine")));
    let [below @ .., (root, after)] = revisions.as_slice() else { panic!("no document was spoilt") };
    assert!(below.iter().all(|(before, after)| *after == before + 1), "{revisions:?}");
    // The root's title is looked at before anything else, so it may be rebuilt before there is what it will link, too.
    assert!((root + 1..=root + 2).contains(after), "{revisions:?}");
}

#[test]
fn a_catalog_without_links_gets_all_of_them_back() {
    must_repair(|world, document| world.edit(document, |json| json["links"] = json!([])));
}

#[test]
fn a_catalog_that_links_what_is_not_there_links_it_no_more() {
    must_repair(|world, document| {
        world.edit(document, |json| {
            let links = json["links"].as_array_mut().unwrap();
            for (rel, href) in [
                ("item", "./gone.json"),
                ("child", "./CBERS9/catalog.json"),
                ("child", "./999/catalog.json"),
                ("child", "./LANDSAT/catalog.json"),
                ("child", "../../../etc/catalog.json"),
            ] {
                links.push(json!({"rel": rel, "href": href}));
            }
        });
    });
}

#[test]
fn a_catalog_that_is_unreadable_is_written_anew_with_an_unforeseen_revision() {
    let edited = |change: fn(&mut Value)| move |world: &World, document: &str| world.edit(document, change);
    let written = |text: &'static str| {
        move |world: &World, document: &str| fs::write(world.catalog.join(document), text).unwrap()
    };
    let spoils: [Spoil; 10] = [
        Box::new(edited(|json| {
            json.as_object_mut().unwrap().remove("lazycat:revision");
        })),
        Box::new(edited(|json| json["lazycat:revision"] = json!("3"))),
        Box::new(edited(|json| json["lazycat:revision"] = json!(-3))),
        Box::new(edited(|json| json["lazycat:revision"] = json!(0))),
        Box::new(edited(|json| json["lazycat:revision"] = json!(3.5))),
        Box::new(edited(|json| json["lazycat:revision"] = json!(u64::MAX))),
        Box::new(edited(|json| json["links"] = json!("none"))),
        Box::new(written("")),
        Box::new(written("{\"type\":\"Catalog\",")),
        Box::new(written("\u{0}\u{1}not JSON at all")),
    ];
    let mut small = 0;
    // Each way in one document, each document in two ways.
    for (at, spoil) in spoils.into_iter().enumerate() {
        let revisions = must_repair_in(&DOCUMENTS[at % 5..][..1], spoil);
        assert!(revisions.iter().all(|(_, after)| (2..1 << 48).contains(after)), "{revisions:?}");
        small += revisions.iter().filter(|(_, after)| *after < 1 << 20).count();
    }
    // By chance, one in 2^28 is that small.
    assert!(small < 2, "{small} of the revisions look counted, not random");
}

#[test]
fn a_revision_near_the_greatest_is_counted_on_and_one_beyond_it_begins_anew() {
    let greatest = (1_u64 << 53) - 1;
    for (document, revision, is_counted_on) in
        [(ROW, greatest - 2, true), (PATH, greatest - 1, true), (ROW, greatest, false), (ROOT, greatest + 1, false)]
    {
        let spoil = |world: &World, key: &str| world.edit(key, |json| json["lazycat:revision"] = json!(revision));
        let (_, after) = must_repair_in(&[document], spoil)[0];
        assert_eq!(after == revision + 1, is_counted_on, "{revision} {after}");
        assert!((2..=greatest).contains(&after), "{revision} {after}");
    }
}

#[test]
fn a_catalog_that_is_gone_is_made_anew_when_its_level_is_touched() {
    let revisions = must_repair(|world, document| fs::remove_file(world.catalog.join(document)).unwrap());
    assert!(revisions.iter().all(|(_, after)| *after == 1), "{revisions:?}");
}

#[test]
fn an_item_that_a_hand_has_changed_or_removed_is_made_anew_by_the_next_run() {
    let world = World::with(&scenes());
    let before = documents_but_revisions(&world.catalog);
    let item = |scene: &SceneSpec| format!("{}/{}.json", scene.row_key(), scene.id());
    world.edit(&item(&mux(0)), |json| json["properties"]["platform"] = json!("mine"));
    fs::remove_file(world.catalog.join(item(&mux(1)))).unwrap();
    fs::remove_dir_all(world.catalog.join("AMAZONIA1")).unwrap();
    let ran = world.run(&[]);
    ran.must_have_made(3);
    assert_eq!(ran.count("unchanged"), 1, "{}", ran.told());
    must_be_sound(&world.catalog, 4);
    assert_eq!(documents_but_revisions(&world.catalog), before);
}

#[test]
fn foreign_files_stay_and_only_json_in_a_row_is_linked() {
    let world = World::with(&scenes());
    let foreign = [
        "README.txt",
        "index.html",
        "stray.json",
        "docs/catalog.json",
        "docs/guide.txt",
        "CBERS4/README.txt",
        "CBERS4/stray.json",
        "CBERS4/MUX/057/stray.json",
        "CBERS4/MUX/057/docs/catalog.json",
        "CBERS4/MUX/057/12/catalog.json",
        "CBERS4/MUX/057/121/README.txt",
        "CBERS4/MUX/057/121/docs/catalog.json",
        "CBERS4/MUX/057/121/foo bar.json",
        "CBERS4/MUX/057/121/.hidden.json",
        "CBERS4/MUX/058/121/notes.txt",
    ];
    for key in foreign {
        write(&world.catalog.join(key), b"{\"links\":[]}");
    }
    for document in [ROW, PATH, CAMERA, SATELLITE, ROOT] {
        world.add(&touching(document));
    }
    world.run(&[]).must_have_made(5);
    for key in foreign {
        assert_eq!(world.read(key), "{\"links\":[]}", "{key}");
    }
    // Foreign documents that count as such: those in the row and below it.
    let row = world.json(ROW);
    let links = row["links"].as_array().unwrap();
    let linked: Vec<_> = links.iter().filter(|link| link["rel"] == "item").collect();
    assert_eq!(linked.len(), 4, "{row}");
    assert_eq!(
        linked.iter().filter(|link| link["href"] == "./foo%20bar.json" && link["title"] == "foo bar").count(),
        1,
        "{row}"
    );
    let whole = documents_but_revisions(&world.catalog);
    for (key, document) in whole.iter().filter(|(key, _)| !foreign.contains(&key.as_str())) {
        for name in ["stray", "docs", "README", "hidden", "/12/"] {
            assert!(!document.contains(name), "{key} names {name}: {document}");
        }
    }
    assert_eq!(items_of(&world.catalog), 10, "9 items and the stray one");
}

#[test]
fn a_catalog_that_is_a_file_is_told_and_left_alone() {
    let world = World::new();
    world.add(&mux(0));
    fs::write(&world.catalog, "precious").unwrap();
    world.run(&[]).must_fail(FAILURE, &["catalog", "is not a directory"]);
    assert_eq!(fs::read_to_string(&world.catalog).unwrap(), "precious");
    let below = world.catalog.join("below");
    lazycat(&["run", world.source.to_str().unwrap(), "--catalog", below.to_str().unwrap()])
        .must_fail(FAILURE, &["catalog/below", "is not a directory"]);
}

#[test]
fn a_catalog_whose_parents_do_not_exist_is_made_with_them() {
    let mut world = World::new();
    world.add(&mux(0));
    world.catalog = world.folder.path().join("a/b c/ü/catalog");
    world.run(&[]).must_have_made(1);
    must_be_sound(&world.catalog, 1);
}

#[test]
fn a_catalog_within_its_source_and_a_source_within_its_catalog_are_kept_apart() {
    let mut world = World::new();
    world.add(&mux(0));
    world.catalog = world.source.join("catalog");
    world.run(&[]).must_have_made(1);
    world.run(&[]).must_have_found_all_done(1);
    must_be_sound(&world.catalog, 1);

    let mut world = World::new();
    world.source = world.catalog.join("source");
    world.add(&mux(0));
    world.run(&[]).must_have_made(1);
    world.run(&[]).must_have_found_all_done(1);
    assert_eq!(items_of(&world.catalog), 1);
}

#[test]
fn state_that_is_none_is_told_and_left_alone() {
    for text in ["text".repeat(4_000), "SQLite format 3\u{0}".to_owned() + &"damaged".repeat(1_000)] {
        let world = World::with(&[mux(0)]);
        for file in ["state.sqlite-wal", "state.sqlite-shm"] {
            let _ = fs::remove_file(world.catalog.join(".lazycat").join(file));
        }
        let state = world.catalog.join(".lazycat/state.sqlite");
        fs::write(&state, &text).unwrap();
        world.add(&mux(1));
        world.run(&[]).must_fail(FAILURE, &["state.sqlite is no usable state file", "move it away"]);
        assert_eq!(fs::read_to_string(&state).unwrap(), text);
        // Doing what it says helps.
        fs::remove_file(&state).unwrap();
        world.run(&[]).must_exit(SUCCESS);
        must_be_sound(&world.catalog, 2);
    }
    let world = World::new();
    write(&world.catalog.join(".lazycat"), b"a file");
    world.run(&[]).must_fail(FAILURE, &["catalog"]);
}

/// A hand may clear the way, so both are tried for a while; the summary tells what is in the way of which scene and of
/// which level, everything else is made, and when the way is free the next run makes the rest.
#[test]
fn what_stands_in_the_way_of_a_catalog_or_an_item_is_told_and_everything_else_is_made() {
    let world = World::new();
    let (blocked, in_the_row, free) =
        (mux(0), SceneSpec::cbers4a_wpm(209, 139, day(0)), SceneSpec::amazonia1_wfi(36, 18, day(0)));
    for scene in [&blocked, &in_the_row, &free] {
        world.add(scene);
    }
    write(&world.catalog.join("CBERS4"), b"a file");
    write(&world.catalog.join("CBERS4A/WPM/209/139/catalog.json/a file"), b"in a folder");
    fs::create_dir_all(world.catalog.join("AMAZONIA1/catalog.json")).unwrap();
    let ran = world.run(&[]);
    // Not some scenes but levels: readers do not find what is there.
    ran.must_fail(FAILURE, &["2 could not be rebuilt", "Clear what is in their way", "run again"]);
    let (made, refused, stale) = (ran.count("made"), ran.count("refused"), ran.count("stale"));
    assert_eq!((made, refused, stale), (2, 1, 2), "{}", ran.told());
    let refused = &ran.refused()[0];
    assert_eq!(refused.reason, "unavailable", "{refused:?}");
    assert!(refused.scene.ends_with(&blocked.file_name()) && refused.detail.contains("directory"), "{refused:?}");
    let summary = ran.summary();
    let stale: Vec<_> = summary["stale_levels"].as_array().unwrap().iter().collect();
    for level in ["CBERS4A/WPM/209/139", "AMAZONIA1"] {
        let told = stale.iter().find(|told| told["level"] == level);
        let told = told.unwrap_or_else(|| panic!("{level} is not told: {}", ran.told()));
        assert_eq!(told["reason"], "unavailable", "{told}");
        assert!(told["detail"].as_str().unwrap().contains("catalog.json"), "{told}");
    }
    fs::remove_file(world.catalog.join("CBERS4")).unwrap();
    fs::remove_dir_all(world.catalog.join("CBERS4A/WPM/209/139/catalog.json")).unwrap();
    fs::remove_dir_all(world.catalog.join("AMAZONIA1/catalog.json")).unwrap();
    // Made because the dead letter was sent back, and perhaps once more because the file was found.
    let ran = world.run(&[]);
    ran.must_exit(SUCCESS);
    assert!(ran.count("made") >= 1, "{}", ran.told());
    must_be_sound(&world.catalog, 3);
    world.run(&[]).must_have_found_all_done(3);
}

/// An item that was written but could not be published is owed: the next run must not skip it as unchanged.
#[test]
fn what_could_not_be_published_is_published_by_the_next_run() {
    let world = World::with(&[mux(0)]);
    let log = world.catalog.join(".lazycat/items.ndjson");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    world.add(&mux(1));
    let ran = world.run(&[]);
    assert_ne!(ran.told(), "");
    fs::remove_dir(&log).unwrap();
    world.run(&[]).must_exit(SUCCESS);
    let lines = fs::read_to_string(&log).unwrap();
    assert!(lines.contains(&mux(1).id()), "{lines}");
    must_be_sound(&world.catalog, 2);
}

#[test]
fn the_root_takes_its_address_when_it_is_told_later() {
    let world = World::with(&[mux(0)]);
    let ran = world.run(&["--public-url", "https://example.com/stac"]);
    ran.must_exit(SUCCESS);
    assert_eq!((ran.count("made"), ran.count("rebuilt")), (0, 1), "{}", ran.told());
    let root = fs::read_to_string(world.catalog.join("catalog.json")).unwrap();
    assert!(root.contains(r#""href":"https://example.com/stac/catalog.json","rel":"self""#), "{root}");
    world.run(&["--public-url", "https://example.com/stac"]).must_have_found_all_done(1);
}
