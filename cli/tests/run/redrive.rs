//! `lazycat redrive`: dead letters are listed, shown, put back and worked on, dropped.

use std::fs;

use lazycat::local;
use lazycat::message::DeadLetter;
use lazycat::ports::BuryLetters as _;
use serde_json::Value;

use crate::sound::{documents, must_be_sound};
use crate::world::{FAILURE, PLAIN, Ran, SOME_REFUSED, SUCCESS, WRONG_USAGE, World, mux};

/// A world of two good scenes, and of two that are no XML.
fn with_letters() -> World {
    let world = World::new();
    for number in 0..2 {
        world.add(&mux(number));
        world.write(&mux(number + 2).file_name(), b"<x");
    }
    world.run(&[]).must_exit(SOME_REFUSED);
    world
}

fn groups(ran: &Ran) -> Vec<Value> {
    let queues = ran.must_exit(SUCCESS).summary()["queues"].clone();
    queues.as_array().unwrap().iter().flat_map(|queue| queue["groups"].as_array().unwrap().clone()).collect()
}

/// How many letters the queue of scenes has, of any reason.
fn letters(world: &World) -> u64 {
    groups(&world.on("redrive", &[])).iter().map(|group| group["count"].as_u64().unwrap()).sum()
}

fn done(ran: &Ran, queue: usize, count: &str) -> u64 {
    ran.summary()["queues"][queue][count].as_u64().unwrap_or_else(|| panic!("no {count}: {}", ran.told()))
}

#[test]
fn letters_are_listed_by_reason_and_shown_whole() {
    let world = with_letters();
    let before = documents(&world.catalog);
    let groups = groups(&world.on("redrive", &[]));
    assert_eq!(groups.len(), 1);
    assert_eq!((groups[0]["reason"].as_str(), groups[0]["count"].as_u64()), (Some("not-xml"), Some(2)));
    assert_eq!(groups[0]["collections"]["CBERS4-MUX"], 2);
    let id = groups[0]["example"]["id"].as_str().unwrap();
    let letter = world.on("redrive", &["--show", id]);
    let letter = letter.must_exit(SUCCESS).summary();
    assert_eq!(
        (&letter["reason"], &letter["attempts"], &letter["queue"]),
        (&"not-xml".into(), &1.into(), &"scenes".into())
    );
    assert!(letter["first"].is_string() && letter["last"].is_string(), "{letter}");
    assert!(letter["detail"].as_str().unwrap().contains("not well-formed"), "{letter}");
    assert!(letter["body"].as_str().unwrap().contains("ObjectCreated"), "{letter}");
    let told = world.on("redrive", &[PLAIN]);
    assert!(told.must_exit(SUCCESS).stdout.starts_with("2 of scenes, reason not-xml, refused "), "{}", told.told());
    let told = world.on("redrive", &[PLAIN, "--show", id]);
    assert!(told.must_exit(SUCCESS).stdout.contains("reason    not-xml\n"), "{}", told.told());
    assert_eq!((letters(&world), documents(&world.catalog)), (2, before));
}

#[test]
fn once_the_reason_is_cleared_letters_are_put_back_and_made() {
    let world = with_letters();
    world.add(&mux(2));
    let ran = world.on("redrive", &["--reason", "not-xml"]);
    // The other is refused again, and is a letter again.
    ran.must_exit(SOME_REFUSED);
    assert_eq!((done(&ran, 0, "done"), ran.count("made"), ran.count("refused")), (2, 1, 1), "{}", ran.told());
    must_be_sound(&world.catalog, 3);
    assert_eq!(letters(&world), 1);
    world.add(&mux(3));
    let ran = world.on("redrive", &["--all"]);
    ran.must_exit(SUCCESS);
    assert_eq!((done(&ran, 0, "done"), ran.count("made")), (1, 1), "{}", ran.told());
    must_be_sound(&world.catalog, 4);
    assert_eq!(letters(&world), 0);
    let told = world.on("redrive", &[PLAIN]);
    assert_eq!(told.must_exit(SUCCESS).stdout, "no dead letters\n");
}

#[test]
fn only_those_that_are_meant_are_put_back() {
    let world = with_letters();
    for other in [
        &["--reason", "name"][..],
        &["--collection", "CBERS4-AWFI"],
        &["--prefix", "CBERS4/MUX/058"],
        &["--older-than", "1d"],
        &["--all", "--queue", "levels"],
    ] {
        let ran = world.on("redrive", other);
        ran.must_exit(SUCCESS);
        assert_eq!(done(&ran, 0, "done"), 0, "{other:?}: {}", ran.told());
        assert_eq!(letters(&world), 2, "{other:?}");
    }
    for meant in [&["--collection", "CBERS4-MUX"][..], &["--prefix", "CBERS4/MUX/057"], &["--newer-than", "1d"]] {
        let ran = world.on("redrive", meant);
        ran.must_exit(SOME_REFUSED);
        assert_eq!((done(&ran, 0, "done"), letters(&world)), (2, 2), "{meant:?}: {}", ran.told());
    }
}

#[test]
fn a_dry_run_tells_and_does_nothing_and_a_discard_drops() {
    let world = with_letters();
    for action in [&[][..], &["--discard"]] {
        let dry: Vec<&str> = ["--dry-run", "--all"].into_iter().chain(action.iter().copied()).collect();
        let ran = world.on("redrive", &dry);
        assert_eq!((groups(&ran).len(), &ran.summary()["dry_run"], letters(&world)), (1, &true.into(), 2));
    }
    let told = world.on("redrive", &[PLAIN, "--dry-run", "--all"]);
    assert!(told.must_exit(SUCCESS).stdout.starts_with("would be put back: 2 of scenes"), "{}", told.told());
    let ran = world.on("redrive", &["--discard", "--reason", "not-xml"]);
    ran.must_exit(SUCCESS);
    assert_eq!((done(&ran, 0, "done"), letters(&world)), (2, 0), "{}", ran.told());
    assert!(ran.summary().get("made").is_none(), "nothing was to be worked on: {}", ran.told());
    must_be_sound(&world.catalog, 2);
}

#[test]
fn what_is_no_message_of_ours_stays_unless_it_is_asked_for() {
    let world = with_letters();
    let kept = local::open(&world.catalog).unwrap().state.dead_letters(local::QueueName::Levels);
    let time = chrono::DateTime::UNIX_EPOCH;
    let [id, body, reason, detail] = ["7", "hello", "message", "it is no JSON"].map(str::to_owned);
    let letter = DeadLetter { id, body, reason, detail, first: time, last: time, attempts: 1 };
    futures::executor::block_on(kept.bury(&letter)).unwrap();
    let ran = world.on("redrive", &["--all", "--queue", "levels"]);
    ran.must_exit(SUCCESS);
    let ids = ran.summary()["queues"][0]["foreign_ids"].clone();
    assert_eq!((done(&ran, 0, "done"), done(&ran, 0, "foreign")), (0, 1), "{}", ran.told());
    let id = ids[0].as_str().unwrap();
    let told = world.on("redrive", &[PLAIN]);
    assert!(told.stdout.contains("1 are no messages of lazycat"), "{}", told.told());
    // It is refused again, as a level that could not be rebuilt.
    let ran = world.on("redrive", &["--id", id]);
    ran.must_exit(FAILURE);
    assert_eq!((done(&ran, 1, "done"), ran.count("stale"), letters(&world)), (1, 1, 3), "{}", ran.told());
}

#[test]
fn an_id_that_is_none_and_options_that_contradict_each_other_are_told() {
    let world = with_letters();
    world.on("redrive", &["--show", "777"]).must_fail(FAILURE, &["777", "`lazycat redrive` lists them"]);
    world.on("redrive", &["--id", "777"]).must_fail(FAILURE, &["777"]);
    for wrong in [
        &["--discard"][..],
        &["--dry-run"],
        &["--show", "1", "--all"],
        &["--id", "1", "--all"],
        &["--all", "--older-than", "yesterday"],
        &["--all", "--queue", "images"],
    ] {
        world.on("redrive", wrong).must_fail(WRONG_USAGE, &["error: "]);
    }
    assert_eq!(letters(&world), 2);
}

#[test]
fn a_directory_without_catalog_is_told_and_none_is_made() {
    let world = World::new();
    for subcommand in ["redrive", "status"] {
        world.on(subcommand, &[]).must_fail(FAILURE, &["does not exist"]);
    }
    fs::create_dir(&world.catalog).unwrap();
    for subcommand in ["redrive", "status"] {
        world.on(subcommand, &[]).must_fail(FAILURE, &["holds no catalog"]);
    }
    assert_eq!(fs::read_dir(&world.catalog).unwrap().count(), 0);
}
