//! `lazycat audit`: what is wrong is told, and repaired where that is asked for; a run that goes on is no drift.

use std::collections::BTreeMap;
use std::fs;

use lazycat_fixtures::SceneSpec;

use crate::sound::must_be_sound;
use crate::world::{DRIFT, FAILURE, PLAIN, Ran, SUCCESS, WRONG_USAGE, World, day, item_key, lazycat, mux};

const ROW: &str = "CBERS4/MUX/057/121/catalog.json";

/// How many findings there are of each class.
fn drift(ran: &Ran) -> BTreeMap<String, u64> {
    let summary = ran.summary();
    let drift = summary["drift"].as_object().unwrap_or_else(|| panic!("no drift: {}", ran.told()));
    drift.iter().map(|(class, group)| (class.clone(), group["count"].as_u64().unwrap())).collect()
}

fn expected(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    counts.iter().map(|(class, count)| ((*class).to_owned(), *count)).collect()
}

fn must_be_clean(world: &World) {
    let ran = world.audit(&["--content", "full"]);
    ran.must_exit(SUCCESS);
    assert_eq!(drift(&ran), BTreeMap::new(), "{}", ran.told());
}

#[test]
fn a_catalog_that_a_run_has_made_has_no_drift() {
    let world = World::with(&[
        mux(0),
        mux(1),
        SceneSpec::amazonia1_wfi(36, 18, day(0)),
        SceneSpec::cbers4a_wpm(209, 139, day(0)),
    ]);
    let ran = world.audit(&["--content", "full"]);
    ran.must_exit(SUCCESS);
    let looked = &ran.summary()["looked"];
    assert_eq!(
        (looked["items"].as_u64(), looked["scenes"].as_u64(), looked["compared"].as_u64()),
        (Some(4), Some(4), Some(4)),
        "{}",
        ran.told()
    );
    let plain = world.audit_of(None, &[PLAIN]);
    plain.must_exit(SUCCESS);
    assert!(plain.stdout.contains("No drift."), "{}", plain.told());
}

/// A source that is laid out as the public bucket, and a catalog with an address and buckets of its own.
#[test]
fn the_options_of_the_last_run_hold_for_an_audit() {
    let world = World::new();
    for scene in [mux(0), mux(1)] {
        world.write(&scene.source_key(), scene.xml().as_bytes());
        world.write(&scene.quicklook_key(), b"a picture");
    }
    let options =
        ["--public-url", "https://example.com/stac/", "--cog-bucket", "mine", "--metadata-bucket", "pictures"];
    world.run(&options).must_have_made(2);
    must_be_clean(&world);
    fs::remove_file(world.catalog.join(item_key(&mux(0)))).unwrap();
    world.audit(&["--repair"]).must_exit(DRIFT);
    must_be_clean(&world);
    assert!(world.read(&item_key(&mux(0))).contains("s3://mine/"), "made again as it was");
}

#[test]
fn what_is_wrong_is_told_and_repaired_through_the_queues() {
    let world = World::with(&[mux(0), mux(1), mux(2)]);
    fs::remove_file(world.catalog.join(item_key(&mux(0)))).unwrap();
    world.edit(&item_key(&mux(1)), |item| item["properties"]["gsd"] = 1.into());
    world.edit("CBERS4/catalog.json", |document| document["title"] = "Another".into());
    fs::write(world.catalog.join("CBERS4/notes.txt"), "").unwrap();
    let found = expected(&[
        ("document-stale", 1),
        ("index-differs", 1),
        ("index-extra", 1),
        ("item-differs", 1),
        ("link-without-object", 1),
        ("source-without-item", 1),
        ("stray", 1),
    ]);
    for options in [&["--content", "full"][..], &["--content", "full", "--repair", "--dry-run"]] {
        let ran = world.audit(options);
        ran.must_exit(DRIFT);
        assert_eq!(drift(&ran), found, "{}", ran.told());
        let repairs = &ran.summary()["repairs"];
        assert_eq!((&repairs["scenes"], &repairs["told"]), (&2.into(), &2.into()), "{}", ran.told());
        assert!(!world.catalog.join(item_key(&mux(0))).exists());
    }
    let plain = world.audit(&["--content", "full", PLAIN]);
    plain.must_exit(DRIFT);
    for said in ["source-without-item", &item_key(&mux(0)), "CBERS4/notes.txt", "--repair", "--seed", "7 found."] {
        assert!(plain.stdout.contains(said), "{said:?} is not said: {}", plain.told());
    }
    let ran = world.audit(&["--content", "full", "--repair"]);
    ran.must_exit(DRIFT);
    assert_eq!(ran.summary()["repaired"]["made"], 2, "{}", ran.told());
    must_be_sound(&world.catalog, 3);
    let ran = world.audit(&["--content", "full"]);
    ran.must_exit(DRIFT);
    assert_eq!(drift(&ran), expected(&[("stray", 1)]), "{}", ran.told());
    fs::remove_file(world.catalog.join("CBERS4/notes.txt")).unwrap();
    must_be_clean(&world);
}

/// The index reads what it lacks itself; for that no source is needed, and no item is made.
#[test]
fn an_index_that_is_behind_is_told_and_brought_into_step() {
    let world = World::with(&[mux(0), mux(1), mux(2)]);
    let index = world.catalog.join(".lazycat/index.sqlite");
    let before = fs::read(&index).unwrap();
    for number in 3..6 {
        world.add(&mux(number));
    }
    world.run(&[]).must_have_made(3);
    // As from a backup.
    for file in ["index.sqlite-wal", "index.sqlite-shm"] {
        let _ = fs::remove_file(world.catalog.join(".lazycat").join(file));
    }
    fs::write(&index, before).unwrap();
    let missing = expected(&[("index-missing", 3)]);
    let ran = world.audit_of(None, &[]);
    ran.must_exit(DRIFT);
    assert_eq!(drift(&ran), missing, "{}", ran.told());
    assert_eq!((&ran.summary()["searched"], &ran.summary()["looked"]["indexed"]), (&true.into(), &6.into()));
    let plain = world.audit_of(None, &["--prefix", "CBERS4/MUX/057", PLAIN]);
    for said in ["index-missing", "looked for in the search index", "the search index told of 3 items", "--repair"] {
        assert!(plain.stdout.contains(said), "{said:?} is not said: {}", plain.told());
    }
    let ran = world.audit_of(None, &["--repair"]);
    ran.must_exit(DRIFT);
    assert_eq!((&ran.summary()["repairs"]["told"], &ran.summary()["repaired"]["made"]), (&3.into(), &0.into()));
    must_be_sound(&world.catalog, 6);
    must_be_clean(&world);
}

#[test]
fn an_index_that_was_left_behind_is_not_compared() {
    let world = World::with(&[mux(0)]);
    world.run(&["--no-index"]);
    world.edit(&item_key(&mux(0)), |item| item["properties"]["gsd"] = 1.into());
    let ran = world.audit(&["--content", "full"]);
    ran.must_exit(DRIFT);
    assert_eq!(drift(&ran), expected(&[("item-differs", 1)]), "{}", ran.told());
    assert_eq!(ran.summary()["searched"], false);
}

#[test]
fn items_without_source_are_withdrawn_only_when_they_are_few() {
    let world = World::with(&[mux(0), mux(1), mux(2)]);
    fs::remove_file(world.source.join(mux(1).file_name())).unwrap();
    let ran = world.audit(&["--repair", "--prune"]);
    ran.must_exit(DRIFT);
    assert_eq!(ran.summary()["spared"]["items"], 1, "{}", ran.told());
    assert!(world.catalog.join(item_key(&mux(1))).exists());
    let plain = world.audit(&["--repair", "--prune", PLAIN]);
    assert!(plain.stdout.contains("0.3333"), "the share is not told: {}", plain.told());
    let ran = world.audit(&["--repair", "--prune", "--prune-share", "0.4"]);
    ran.must_exit(DRIFT);
    assert_eq!(ran.summary()["repaired"]["withdrawn"], 1, "{}", ran.told());
    must_be_sound(&world.catalog, 2);
    must_be_clean(&world);
}

#[test]
fn an_audit_while_a_run_works_tells_no_drift() {
    let world = World::with(&[mux(0)]);
    for number in 1..2_000 {
        world.add(&SceneSpec::cbers4_mux(57, 121 + (number % 7) as u32, day(number)));
    }
    let mut running = world.start(&["--tick", "0.2"]);
    let mut audits = 0;
    while running.child.try_wait().unwrap().is_none() {
        let ran = world.audit(&[]);
        assert_eq!(drift(&ran), BTreeMap::new(), "{}", ran.told());
        ran.must_exit(SUCCESS);
        audits += 1;
    }
    running.end().must_exit(SUCCESS);
    assert!(audits > 0, "the run has ended before an audit could look");
    must_be_clean(&world);
}

#[test]
fn two_repairs_at_once_do_no_harm() {
    let world = World::with(&[mux(0), mux(1)]);
    fs::remove_file(world.catalog.join(item_key(&mux(0)))).unwrap();
    fs::remove_file(world.catalog.join(ROW)).unwrap();
    std::thread::scope(|scope| {
        let audits = [(); 2].map(|()| scope.spawn(|| world.audit(&["--repair"])));
        for audit in audits {
            let code = audit.join().unwrap().status.code();
            assert!([Some(SUCCESS), Some(DRIFT)].contains(&code), "{code:?}");
        }
    });
    // What both found under way is found again.
    world.audit(&["--repair"]);
    must_be_clean(&world);
    must_be_sound(&world.catalog, 2);
}

#[test]
fn a_level_is_audited_alone() {
    let other = SceneSpec::cbers4_mux(57, 122, day(0));
    let world = World::with(&[mux(0), other.clone()]);
    for scene in [&mux(0), &other] {
        fs::remove_file(world.catalog.join(item_key(scene))).unwrap();
    }
    let ran = world.audit(&["--prefix", "CBERS4/MUX/057/122/"]);
    ran.must_exit(DRIFT);
    let found = expected(&[("index-extra", 1), ("link-without-object", 1), ("source-without-item", 1)]);
    assert_eq!(drift(&ran), found, "{}", ran.told());
    world.audit(&["--prefix", "CBERS4/MUX/058"]).must_fail(FAILURE, &["CBERS4/MUX/058", "CBERS4/MUX/057/121"]);
    world.audit(&["--prefix", "LANDSAT8"]).must_fail(WRONG_USAGE, &["--prefix", "LANDSAT8"]);
}

#[test]
fn what_cannot_be_audited_is_told() {
    let world = World::with(&[mux(0)]);
    let empty = world.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    lazycat(&["audit", "--catalog", empty.to_str().unwrap()]).must_fail(FAILURE, &["holds no catalog", "lazycat run"]);
    lazycat(&["audit", "--catalog", "/nowhere/at/all"]).must_fail(FAILURE, &["/nowhere/at/all does not exist"]);
    let nowhere = world.folder.path().join("nowhere");
    world.audit_of(Some(&nowhere), &[]).must_fail(FAILURE, &["SOURCE", "nowhere"]);
    world.audit(&["--dry-run"]).must_fail(WRONG_USAGE, &["--repair"]);
    world.audit_of(None, &["--repair", "--prune"]).must_fail(WRONG_USAGE, &["SOURCE"]);
    world.audit(&["--prune-share", "2"]).must_fail(WRONG_USAGE, &["0 to 1"]);
    world.audit(&["--grace", "-1"]).must_exit(WRONG_USAGE);
}
