//! `lazycat reprocess`: items are made again, all or some; what is interrupted goes on.

use std::fs;

use serde_json::Value;

use crate::sound::{documents, must_be_sound};
use crate::world::{FAILURE, PLAIN, Ran, SOME_REFUSED, SUCCESS, WRONG_USAGE, World, item_key, mux};
use lazycat_fixtures::SceneSpec;

fn reprocess(world: &World, arguments: &[&str]) -> Ran {
    let source = world.source.to_str().unwrap();
    world.on("reprocess", &[&[source], arguments].concat())
}

fn scenes(ran: &Ran, count: &str) -> u64 {
    ran.summary()["scenes"][count].as_u64().unwrap_or_else(|| panic!("no {count}: {}", ran.told()))
}

/// Whom the log has told of items: the audience of each line.
fn audiences(world: &World) -> Vec<String> {
    let log = fs::read_to_string(world.catalog.join(".lazycat/items.ndjson")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| line["audience"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn items_in_another_form_are_made_again_and_only_loaders_are_told() {
    let other = SceneSpec::amazonia1_wfi(36, 18, crate::world::day(0));
    let world = World::with(&[mux(0), mux(1), other.clone()]);
    let before = documents(&world.catalog);
    world.edit(&item_key(&mux(0)), |item| item["properties"]["title"] = "as it was once".into());
    world.edit(&item_key(&other), |item| item["properties"]["title"] = "as it was once".into());
    let ran = reprocess(&world, &[]);
    ran.must_exit(SUCCESS);
    assert_eq!((scenes(&ran, "sent"), ran.count("made"), ran.count("unchanged")), (3, 2, 1), "{}", ran.told());
    let items = |documents: &std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
        let is_item = |key: &str| !key.ends_with("catalog.json") && !key.ends_with("collection.json");
        documents.iter().filter(|(key, _)| is_item(key)).map(|(key, text)| (key.clone(), text.clone())).collect()
    };
    assert_eq!(items(&documents(&world.catalog)), items(&before));
    assert_eq!(audiences(&world), ["public", "public", "public", "internal", "internal"]);
    must_be_sound(&world.catalog, 3);
}

#[test]
fn a_part_is_made_again_by_prefix_and_by_date_and_all_of_it_by_force() {
    let other = SceneSpec::cbers4_mux(58, 121, crate::world::day(0));
    let world = World::with(&[mux(0), mux(1), other]);
    let ran = reprocess(&world, &["--prefix", "CBERS4/MUX/057"]);
    ran.must_exit(SUCCESS);
    assert_eq!((scenes(&ran, "sent"), ran.count("unchanged")), (2, 2), "{}", ran.told());
    let ran = reprocess(&world, &["--prefix", "CBERS4/MUX/057", "--force"]);
    ran.must_exit(SUCCESS);
    assert_eq!((scenes(&ran, "sent"), ran.count("made")), (2, 2), "{}", ran.told());
    let ran = reprocess(&world, &["--since", "2999-01-01"]);
    ran.must_exit(SUCCESS);
    assert_eq!((scenes(&ran, "sent"), scenes(&ran, "older")), (0, 3), "{}", ran.told());
    must_be_sound(&world.catalog, 3);
}

#[test]
fn a_dry_run_tells_how_many_and_does_nothing() {
    let world = World::with(&[mux(0), mux(1)]);
    let before = documents(&world.catalog);
    let ran = reprocess(&world, &["--dry-run", "--force"]);
    ran.must_exit(SUCCESS);
    assert_eq!((scenes(&ran, "sent"), &ran.summary()["dry_run"]), (2, &true.into()), "{}", ran.told());
    let told = reprocess(&world, &[PLAIN, "--dry-run"]);
    assert_eq!(told.must_exit(SUCCESS).stdout, "2 scenes would be made again\n");
    assert_eq!(documents(&world.catalog), before);
}

#[test]
fn a_prefix_that_matches_nothing_and_a_source_that_is_none_are_told() {
    let world = World::with(&[mux(0)]);
    for dry in [&[][..], &["--dry-run"]] {
        let wrong = [&["--prefix", "CBERS4/MUX/75"][..], dry].concat();
        reprocess(&world, &wrong).must_fail(FAILURE, &["\"CBERS4/MUX/75\"", "CBERS4/MUX/057/121/"]);
    }
    world.on("reprocess", &["/nowhere/at/all"]).must_fail(FAILURE, &["/nowhere/at/all is not a directory"]);
    world.on("reprocess", &[]).must_fail(WRONG_USAGE, &["SOURCE"]);
    reprocess(&world, &["--since", "yesterday"]).must_fail(WRONG_USAGE, &["2026-11-21"]);
    let empty = World::new();
    reprocess(&empty, &[]).must_fail(FAILURE, &["does not exist"]);
    must_be_sound(&world.catalog, 1);
}

#[test]
fn scenes_that_are_refused_are_told_and_the_others_made() {
    let world = World::with(&[mux(0), mux(1)]);
    world.write(&mux(1).file_name(), b"<x");
    let ran = reprocess(&world, &["--force"]);
    ran.must_exit(SOME_REFUSED);
    assert_eq!((ran.count("made"), ran.refused()[0].reason.as_str()), (1, "not-xml"), "{}", ran.told());
    must_be_sound(&world.catalog, 2);
}

/// Killed at any instant, it goes on where it was, and every item is made by then.
#[test]
fn a_reprocess_that_is_killed_goes_on_with_the_same_command() {
    let mut random = crate::kills::Random::new();
    let all: Vec<SceneSpec> = (0..300).map(mux).collect();
    let world = World::with(&all);
    for scene in &all {
        world.edit(&item_key(scene), |item| item["properties"]["title"] = "as it was once".into());
    }
    let source = world.source.to_str().unwrap();
    for _ in 0..8 {
        let running = world.start_on("reprocess", &[source, "--force"]);
        std::thread::sleep(random.part_of(std::time::Duration::from_millis(150)));
        running.kill();
    }
    // Another question while it is under way is refused, and nothing is changed by it.
    reprocess(&world, &["--force"]).must_exit(SUCCESS);
    for scene in &all {
        assert!(!world.read(&item_key(scene)).contains("as it was once"), "{}", scene.id());
    }
    must_be_sound(&world.catalog, all.len());
}
