//! `lazycat withdraw`: scenes are taken out, levels follow, subscribers are told.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use lazycat_fixtures::SceneSpec;
use serde_json::Value;

use crate::sound::{documents, documents_but_revisions, must_be_sound, must_be_the_same_but_for_revisions};
use crate::world::{FAILURE, PLAIN, Ran, SUCCESS, WRONG_USAGE, World, day, item_key, lazycat, mux};

const ROW: &str = "CBERS4/MUX/057/121/catalog.json";

/// The lines of the item log about these events, in order: which event, and of which item.
fn published(world: &World, event: &str) -> Vec<String> {
    let log = fs::read_to_string(world.catalog.join(".lazycat/items.ndjson")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["event"] == event).map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

fn ids(ran: &Ran, list: &str) -> Vec<String> {
    let summary = ran.summary();
    let list = summary[list].as_array().unwrap_or_else(|| panic!("no {list}: {}", ran.told()));
    list.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_withdrawn_scene_is_gone_from_its_row_and_subscribers_are_told() {
    let other = SceneSpec::amazonia1_wfi(36, 18, day(0));
    let world = World::with(&[mux(0), mux(1), mux(2), other.clone()]);
    let (before, revision) = (documents(&world.catalog), world.revision(ROW));
    let ran = world.withdraw(&[&mux(1).id(), &item_key(&mux(0))]);
    ran.must_exit(SUCCESS);
    assert_eq!(ids(&ran, "items"), [mux(1).id(), mux(0).id()], "{}", ran.told());
    assert_eq!((ran.count("withdrawn"), ran.count("rebuilt"), ran.count("refused")), (2, 1, 0), "{}", ran.told());
    must_be_sound(&world.catalog, 2);
    assert_eq!(world.revision(ROW), revision + 1);
    let mut told = published(&world, "withdrawn");
    told.sort_unstable();
    assert_eq!(told, [mux(0).id(), mux(1).id()]);
    // Nothing else is touched.
    let mut after = documents(&world.catalog);
    for key in [ROW, &item_key(&mux(0)), &item_key(&mux(1))] {
        after.insert(key.to_owned(), before[key].clone());
    }
    assert_eq!(after, before);
    must_be_the_same_but_for_revisions(&world.catalog, &World::with(&[mux(2), other]).catalog);
}

#[test]
fn an_emptied_level_keeps_an_empty_valid_catalog() {
    let world = World::with(&[mux(0)]);
    let ran = world.withdraw(&[&mux(0).id()]);
    ran.must_exit(SUCCESS);
    must_be_sound(&world.catalog, 0);
    let links = world.json(ROW)["links"].clone();
    assert!(links.as_array().unwrap().iter().all(|link| link["rel"] != "item"), "{links}");
    // Its place is taken again as if nothing had been.
    world.run(&[]).must_have_made(1);
    must_be_sound(&world.catalog, 1);
    must_be_the_same_but_for_revisions(&world.catalog, &World::with(&[mux(0)]).catalog);
}

#[test]
fn withdrawing_twice_and_before_adding_does_no_harm() {
    let world = World::with(&[mux(0), mux(1)]);
    world.withdraw(&[&mux(0).id()]).must_exit(SUCCESS);
    let before = documents_but_revisions(&world.catalog);
    let ran = world.withdraw(&[&mux(0).id(), &mux(0).id()]);
    ran.must_exit(SUCCESS);
    assert_eq!((ids(&ran, "items").len(), ids(&ran, "absent")), (0, vec![mux(0).id()]), "{}", ran.told());
    // Of a row that never was: it is not made for this.
    let stranger = SceneSpec::cbers4a_wpm(209, 139, day(0));
    let ran = world.withdraw(&[&stranger.id()]);
    ran.must_exit(SUCCESS);
    assert_eq!((ran.count("withdrawn"), ids(&ran, "absent")), (0, vec![stranger.id()]), "{}", ran.told());
    assert_eq!(documents_but_revisions(&world.catalog), before);
    must_be_sound(&world.catalog, 1);
    world.add(&stranger);
    fs::remove_file(world.source.join(mux(0).file_name())).unwrap();
    world.run(&[]).must_have_made(1);
    must_be_sound(&world.catalog, 2);
}

/// The source says what the catalog holds.
#[test]
fn a_scene_whose_metadata_still_stand_in_the_source_is_made_again_by_the_next_run() {
    let world = World::with(&[mux(0), mux(1)]);
    let file = world.source.join(mux(0).file_name());
    world.withdraw(&[&mux(0).id()]).must_exit(SUCCESS);
    world.run(&[]).must_have_made(1);
    must_be_sound(&world.catalog, 2);
    fs::remove_file(&file).unwrap();
    // A file that is gone from the source takes no item with it.
    world.run(&[]).must_have_found_all_done(1);
    must_be_sound(&world.catalog, 2);
    world.withdraw(&[file.to_str().unwrap()]).must_exit(SUCCESS);
    world.run(&[]).must_have_found_all_done(1);
    must_be_sound(&world.catalog, 1);
}

#[test]
fn a_dry_run_tells_and_does_nothing() {
    let world = World::with(&[mux(0)]);
    let before = documents(&world.catalog);
    let ran = world.withdraw(&["--dry-run", &mux(0).id(), &mux(1).id()]);
    ran.must_exit(SUCCESS);
    assert_eq!((ids(&ran, "items"), ids(&ran, "absent")), (vec![mux(0).id()], vec![mux(1).id()]), "{}", ran.told());
    let ran = world.withdraw(&[PLAIN, "--dry-run", &mux(0).id(), &mux(1).id()]);
    let expected = format!("would be withdrawn: {}\nnot in the catalog: {}\n", mux(0).id(), mux(1).id());
    assert_eq!(ran.must_exit(SUCCESS).stdout, expected);
    assert_eq!(documents(&world.catalog), before);
    assert_eq!(published(&world, "withdrawn"), [""; 0]);
}

#[test]
fn scenes_are_taken_from_standard_input_and_told_line_by_line() {
    let world = World::with(&[mux(0), mux(1), mux(2)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_lazycat"))
        .args(["withdraw", "--catalog", world.catalog.to_str().unwrap(), "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    write!(child.stdin.take().unwrap(), "{}\n\n  {}\r\n", mux(0).id(), item_key(&mux(2))).unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    let lines: Vec<&str> = stdout.lines().collect();
    let withdrawn = [0, 2].map(|number| format!("withdrawn: {}", mux(number).id()));
    assert_eq!(lines[..2], withdrawn, "{stdout}");
    assert!(lines[2].starts_with("2 withdrawn in ") && lines[2].ends_with("; 1 levels rebuilt"), "{stdout}");
    assert!(lines[3].contains("makes them again"), "{stdout}");
    must_be_sound(&world.catalog, 1);
}

#[test]
fn one_wrong_name_and_nothing_is_done() {
    let world = World::with(&[mux(0)]);
    let before = documents(&world.catalog);
    world.withdraw(&[&mux(0).id(), "notes.txt"]).must_fail(WRONG_USAGE, &["notes.txt: ", "Nothing was done"]);
    let elsewhere = format!("CBERS4/MUX/057/122/{}.json", mux(0).id());
    world.withdraw(&[&elsewhere]).must_fail(WRONG_USAGE, &["its item stands at CBERS4/MUX/057/121/"]);
    assert_eq!(documents(&world.catalog), before);
}

#[test]
fn a_directory_without_catalog_is_told_and_none_is_made() {
    let world = World::new();
    for dry in [&[][..], &["--dry-run"]] {
        let arguments: Vec<&str> = dry.iter().copied().chain([]).collect();
        let id = mux(0).id();
        let all: Vec<&str> = arguments.into_iter().chain([id.as_str()]).collect();
        world.withdraw(&all).must_fail(FAILURE, &["does not exist"]);
    }
    assert!(!world.catalog.exists());
    fs::create_dir(&world.catalog).unwrap();
    world.withdraw(&[&mux(0).id()]).must_fail(FAILURE, &["holds no catalog"]);
    assert_eq!(fs::read_dir(&world.catalog).unwrap().count(), 0);
}

/// What a killed run has left names its own buckets, and the root its own address; a withdrawal is told neither.
#[test]
fn a_withdrawal_goes_by_the_options_of_the_last_run() {
    let options =
        ["--public-url", "https://example.com/", "--cog-bucket", "my-images", "--metadata-bucket", "my-quicklooks"];
    let world = World::new();
    world.add(&mux(0));
    world.run(&options).must_have_made(1);
    for number in 1..400 {
        world.add(&mux(number));
    }
    // Killed while it works, so that messages are left.
    let mut running = world.start(&options);
    let log = world.catalog.join(".lazycat/items.ndjson");
    running.wait_until("it has begun", || fs::read_to_string(&log).is_ok_and(|log| log.lines().count() > 20));
    running.kill();
    // A new satellite makes the root be rebuilt.
    let ran = world.withdraw(&[&mux(0).id()]);
    ran.must_exit(SUCCESS);
    assert_eq!(ran.count("refused"), 0, "{}", ran.told());
    let root = world.read("catalog.json");
    assert!(root.contains("https://example.com/catalog.json"), "{root}");
    for (key, document) in documents_but_revisions(&world.catalog) {
        assert!(!document.contains("cbers-pds"), "{key} names the public bucket");
    }
    fs::remove_file(world.source.join(mux(0).file_name())).unwrap();
    world.run(&options).must_exit(SUCCESS);
    must_be_sound(&world.catalog, 399);
}

/// As a run, it may be killed at any instant; the next process, whichever it is, does what it has left.
#[test]
fn a_withdrawal_that_is_killed_is_finished_by_the_next_process() {
    let mut random = crate::kills::Random::new();
    let scenes: Vec<SceneSpec> = (0..120).map(mux).collect();
    let world = World::with(&scenes);
    let (left, taken) = scenes.split_at(20);
    let names: Vec<String> = taken.iter().map(SceneSpec::id).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for _ in 0..12 {
        let running = world.start_withdrawal(&names);
        thread::sleep(random.part_of(std::time::Duration::from_millis(60)));
        running.kill();
    }
    world.withdraw(&names).must_exit(SUCCESS);
    must_be_sound(&world.catalog, left.len());
    must_be_the_same_but_for_revisions(&world.catalog, &World::with(left).catalog);
    let told: std::collections::BTreeSet<String> = published(&world, "withdrawn").into_iter().collect();
    assert_eq!(told, names.iter().map(|name| (*name).to_owned()).collect());
}

/// An item that cannot be deleted is told, and the withdrawal stays owed.
#[test]
fn a_scene_that_cannot_be_taken_out_is_told() {
    let world = World::with(&[mux(0), mux(1)]);
    let item = world.catalog.join(item_key(&mux(0)));
    // A folder cannot be deleted as a file can, not even by root. It counts as no item.
    fs::remove_file(&item).unwrap();
    fs::create_dir(&item).unwrap();
    let ran = world.withdraw(&[&mux(0).id()]);
    assert_ne!(ran.status.code(), Some(SUCCESS), "{}", ran.told());
    assert_eq!(ran.refused()[0].reason, "unavailable", "{}", ran.told());
    fs::remove_dir(&item).unwrap();
    world.withdraw(&[&mux(0).id()]).must_exit(SUCCESS);
    must_be_sound(&world.catalog, 1);
    let valid = lazycat(&["validate", world.catalog.to_str().unwrap()]);
    valid.must_exit(SUCCESS);
}
