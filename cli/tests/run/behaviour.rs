//! What a run does, and what it leaves alone.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Duration;

use lazycat_fixtures::{Camera, LonLat, Optics, SceneSpec, demo_set, variations};
use serde_json::Value;

use crate::edit;
use crate::sound::{documents, documents_but_revisions, must_be_sound, must_be_the_same_but_for_revisions, times};
use crate::world::{PLAIN, SOME_REFUSED, SUCCESS, World, day, item_key, mux, write};

const ROW: &str = "CBERS4/MUX/057/121/catalog.json";

/// One scene of each camera, and a second in one row.
fn one_of_each() -> Vec<SceneSpec> {
    let each = Camera::ALL.into_iter().map(|camera| SceneSpec::new(camera, 57, 121, day(0)));
    each.chain([mux(1)]).collect()
}

/// Makes a change to a catalog's source, runs, and asserts which documents were written: those, and no other.
fn must_write(world: &World, made: u64, expected: &[&str]) {
    let (before, old) = (documents(&world.catalog), times(&world.catalog));
    let ran = world.run(&[]);
    ran.must_have_made(made);
    let (after, new) = (documents(&world.catalog), times(&world.catalog));
    let written: BTreeSet<&str> =
        new.iter().filter(|(key, time)| old.get(*key) != Some(time)).map(|(key, _)| key.as_str()).collect();
    assert_eq!(written, BTreeSet::from_iter(expected.iter().copied()), "{}", ran.told());
    assert!(before.keys().all(|key| after.contains_key(key)), "something is gone: {}", ran.told());
    for (key, bytes) in after.iter().filter(|(key, _)| !written.contains(key.as_str())) {
        assert_eq!(before.get(key), Some(bytes), "{key}");
    }
    let levels = expected.iter().filter(|key| key.ends_with("catalog.json") || key.ends_with("collection.json"));
    assert_eq!(ran.count("rebuilt"), levels.count() as u64, "{}", ran.told());
}

#[test]
fn a_second_run_changes_nothing() {
    let scenes = one_of_each();
    let world = World::with(&scenes);
    must_be_sound(&world.catalog, scenes.len());
    let before = (documents(&world.catalog), times(&world.catalog));
    for _ in 0..2 {
        world.run(&[]).must_have_found_all_done(scenes.len() as u64);
        assert_eq!((documents(&world.catalog), times(&world.catalog)), before);
    }
}

#[test]
fn all_that_real_metadata_vary_in_is_made() {
    let mut scenes = demo_set();
    for variation in variations() {
        scenes.extend(variation.scenes);
    }
    let ids: BTreeSet<String> = scenes.iter().map(SceneSpec::id).collect();
    let world = World::new();
    for scene in &scenes {
        world.add(scene);
    }
    world.run(&[]).must_have_made(ids.len() as u64);
    must_be_sound(&world.catalog, ids.len());
}

#[test]
fn one_more_scene_in_a_row_rebuilds_that_row_and_nothing_else() {
    let world = World::with(&one_of_each());
    let revision = world.revision(ROW);
    world.add(&mux(7));
    must_write(&world, 1, &[ROW, &item_key(&mux(7))]);
    assert_eq!(world.revision(ROW), revision + 1);
    must_be_sound(&world.catalog, 10);
}

#[test]
fn a_new_row_rebuilds_itself_and_its_path() {
    let world = World::with(&one_of_each());
    let path = "CBERS4/MUX/057/catalog.json";
    let revision = world.revision(path);
    let scene = SceneSpec::cbers4_mux(57, 122, day(0));
    world.add(&scene);
    must_write(&world, 1, &["CBERS4/MUX/057/122/catalog.json", path, &item_key(&scene)]);
    assert_eq!(world.revision(path), revision + 1);
    must_be_sound(&world.catalog, 10);
}

#[test]
fn a_new_satellite_climbs_to_the_root() {
    let world = World::with(&[mux(0), mux(1)]);
    let scene = SceneSpec::amazonia1_wfi(36, 18, day(0));
    world.add(&scene);
    let levels = [
        "AMAZONIA1/WFI/036/018/catalog.json",
        "AMAZONIA1/WFI/036/catalog.json",
        "AMAZONIA1/WFI/collection.json",
        "AMAZONIA1/catalog.json",
        "catalog.json",
        &item_key(&scene),
    ];
    must_write(&world, 1, &levels);
    must_be_sound(&world.catalog, 3);
}

#[test]
fn changed_metadata_change_their_item_and_touch_their_row() {
    let world = World::with(&one_of_each());
    let xml = edit::with(&mux(1).xml(), "image/sunPosition/elevation", "12.5");
    world.write(&mux(1).file_name(), xml.as_bytes());
    must_write(&world, 1, &[ROW, &item_key(&mux(1))]);
    assert_eq!(world.json(&item_key(&mux(1)))["properties"]["view:sun_elevation"], 12.5);
    must_be_sound(&world.catalog, 9);
}

#[test]
fn metadata_that_turn_bad_leave_the_item_that_was_made_of_them() {
    let world = World::with(&one_of_each());
    let before = documents(&world.catalog);
    world.write(&mux(1).file_name(), b"");
    let ran = world.run(&[]);
    ran.must_exit(SOME_REFUSED);
    assert_eq!((ran.count("made"), ran.count("unchanged"), ran.count("refused")), (0, 8, 1), "{}", ran.told());
    assert_eq!(documents(&world.catalog), before);
}

#[test]
fn force_writes_every_item_again_and_every_row_once() {
    let scenes = one_of_each();
    let world = World::with(&scenes);
    let (before, old) = (documents_but_revisions(&world.catalog), times(&world.catalog));
    let (row, root) = (world.revision(ROW), world.revision("catalog.json"));
    let ran = world.run(&["--force"]);
    ran.must_have_made(scenes.len() as u64);
    assert_eq!((ran.count("unchanged"), ran.count("rebuilt")), (0, 8), "{}", ran.told());
    assert_eq!(documents_but_revisions(&world.catalog), before);
    let new = times(&world.catalog);
    for scene in &scenes {
        assert!(new[&item_key(scene)] > old[&item_key(scene)], "{}", item_key(scene));
    }
    assert_eq!((world.revision(ROW), world.revision("catalog.json")), (row + 1, root));
    must_be_sound(&world.catalog, scenes.len());
}

#[test]
fn of_several_bands_the_cameras_own_is_taken_and_any_other_where_it_is_missing() {
    let world = World::new();
    let named = |scene: &SceneSpec| {
        let item = world.json(&item_key(scene));
        let href = item["assets"]["metadata"]["href"].as_str().unwrap().to_owned();
        href.rsplit_once('/').unwrap().1.to_owned()
    };
    for band in [5, 6, 7, 8] {
        world.add(&mux(0).with_band(band));
    }
    for band in [8, 7] {
        world.add(&mux(1).with_band(band));
    }
    let pan = SceneSpec::cbers4_pan10m(57, 121, day(0));
    for band in [2, 3] {
        world.add(&pan.clone().with_band(band));
    }
    let awfi = SceneSpec::cbers4_awfi(57, 121, day(0));
    for (optics, band) in [(Optics::Right, 14), (Optics::Left, 14), (Optics::Left, 13), (Optics::Single, 15)] {
        world.add(&awfi.clone().with_optics(optics).with_band(band));
    }
    world.run(&[]).must_have_made(4);
    must_be_sound(&world.catalog, 4);
    assert!(named(&mux(0)).ends_with("_BAND6.xml"), "{}", named(&mux(0)));
    assert!(named(&mux(1)).ends_with("_BAND7.xml"), "{}", named(&mux(1)));
    assert!(named(&pan).ends_with("_BAND3.xml"), "{}", named(&pan));
    assert!(named(&awfi).ends_with("_LEFT_BAND14.xml"), "{}", named(&awfi));
    // The better file comes later.
    world.add(&mux(1));
    world.run(&[]).must_have_made(1);
    assert!(named(&mux(1)).ends_with("_BAND6.xml"), "{}", named(&mux(1)));
}

#[test]
fn it_does_not_matter_how_the_source_is_laid_out() {
    let scenes: Vec<SceneSpec> = demo_set().into_iter().step_by(5).collect();
    let flat = World::with(&scenes);
    let (bucket, mixed) = (World::new(), World::new());
    for (at, scene) in scenes.iter().enumerate() {
        write(&bucket.source.join(scene.source_key()), scene.xml().as_bytes());
        let folder = ["", "incoming", "CBERS4", "a/b/c/d/e/f", "CBERS4/MUX/somewhere"][at % 5];
        write(&mixed.source.join(folder).join(scene.file_name()), scene.xml().as_bytes());
    }
    for world in [&bucket, &mixed] {
        world.run(&["--workers", "1"]).must_have_made(scenes.len() as u64);
        must_be_sound(&world.catalog, scenes.len());
        must_be_the_same_but_for_revisions(&world.catalog, &flat.catalog);
    }
}

#[test]
fn a_quicklook_beside_the_metadata_gives_the_thumbnail_its_ending() {
    let world = World::new();
    for (number, ending) in [(0, "jpg"), (1, "png")] {
        let key = mux(number).quicklook_key();
        write(&world.source.join(mux(number).source_key()), mux(number).xml().as_bytes());
        write(&world.source.join(key).with_extension(ending), b"");
    }
    world.run(&[]).must_have_made(2);
    for (number, ending) in [(0, ".jpg"), (1, ".png")] {
        let item = world.json(&item_key(&mux(number)));
        let href = item["assets"]["thumbnail"]["href"].as_str().unwrap();
        assert!(href.ends_with(ending), "{href}");
    }
}

#[test]
fn the_public_address_stands_in_the_root_alone() {
    let world = World::with(&one_of_each());
    let before = documents(&world.catalog);
    for address in ["https://example.com/stac", "http://localhost:8080/a%20b/"] {
        let other = World::new();
        for scene in one_of_each() {
            other.add(&scene);
        }
        other.run(&["--public-url", address]).must_have_made(9);
        must_be_sound(&other.catalog, 9);
        let root = other.json("catalog.json");
        let links: Vec<&Value> =
            root["links"].as_array().unwrap().iter().filter(|link| link["rel"] == "self").collect();
        assert_eq!(links.len(), 1, "{root}");
        assert_eq!(links[0]["href"], format!("{}/catalog.json", address.trim_end_matches('/')));
        let mut after = documents(&other.catalog);
        after.insert("catalog.json".to_owned(), before["catalog.json"].clone());
        // Revisions may differ by how the levels were caught.
        assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
        for scene in one_of_each() {
            assert_eq!(after[&item_key(&scene)], before[&item_key(&scene)], "{}", item_key(&scene));
        }
    }
}

#[test]
fn other_buckets_are_named_by_all_items() {
    let world = World::new();
    for scene in one_of_each() {
        world.add(&scene);
    }
    world.run(&["--cog-bucket", "my-images", "--metadata-bucket", "my-quicklooks"]).must_have_made(9);
    must_be_sound(&world.catalog, 9);
    for scene in one_of_each() {
        let item = world.read(&item_key(&scene));
        assert!(item.contains("https://my-images.s3.amazonaws.com/") && item.contains("s3://my-images/"), "{item}");
        assert!(item.contains("https://my-quicklooks.s3.amazonaws.com/"), "{item}");
        assert!(!item.contains("-pds"), "{item}");
    }
    // Other buckets are other items: with the public ones all of them are written again.
    world.run(&[]).must_have_made(9);
    must_be_the_same_but_for_revisions(&world.catalog, &World::with(&one_of_each()).catalog);
}

#[test]
fn however_many_work_the_catalog_is_the_same() {
    let one = World::new();
    let many = World::new();
    for scene in demo_set() {
        one.add(&scene);
        many.add(&scene);
    }
    // Some have a file for each optic.
    let scenes = demo_set().iter().map(SceneSpec::id).collect::<BTreeSet<_>>().len();
    one.run(&["--workers", "1", "--tick", "86400"]).must_have_made(scenes as u64);
    many.run(&["--workers", "16", "--tick", "0"]).must_have_made(scenes as u64);
    must_be_sound(&one.catalog, scenes);
    must_be_sound(&many.catalog, scenes);
    must_be_the_same_but_for_revisions(&one.catalog, &many.catalog);
}

#[test]
fn the_summary_in_json_is_one_line_of_these_fields() {
    let world = World::new();
    world.add(&mux(0));
    world.write("notes.xml", b"");
    let ran = world.run(&[]);
    ran.must_exit(SOME_REFUSED);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.told());
    let summary = ran.summary();
    let fields: Vec<&str> = summary.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "made",
        "unchanged",
        "withdrawn",
        "refused",
        "reasons",
        "refusals",
        "rebuilt",
        "stale",
        "stale_levels",
        "conflicts",
        "troubles",
        "seconds",
    ];
    assert_eq!(fields, expected);
    assert_eq!(summary["reasons"], serde_json::json!({"name": 1}));
    let refusal = summary["refusals"][0].as_object().unwrap();
    assert_eq!(refusal.keys().collect::<Vec<_>>(), ["scene", "reason", "detail"]);
}

#[test]
fn without_a_terminal_lines_are_printed_and_nothing_is_drawn() {
    let world = World::new();
    world.add(&mux(0));
    world.write("notes.xml", b"");
    let ran = world.run(&[PLAIN]);
    ran.must_exit(SOME_REFUSED);
    assert!(!ran.stderr.contains(['\r', '\u{1b}']) && !ran.stdout.contains(['\r', '\u{1b}']), "{}", ran.told());
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(
        lines[0].starts_with("2 scenes in ") && lines[0].contains("1 made, 0 unchanged, 1 refused"),
        "{}",
        ran.told()
    );
    assert!(lines[1].starts_with("refused (name): ") && lines[1].ends_with("source/notes.xml"), "{}", ran.told());
    assert!(lines[3].ends_with("catalog/catalog.json"), "{}", ran.told());
    assert!(ran.stderr.lines().all(|line| line.contains(" scenes")), "{}", ran.told());
}

#[test]
fn a_dead_letter_is_kept_until_a_run_has_made_its_scene() {
    let world = World::new();
    world.add(&mux(0));
    let bad = world.write(&mux(1).file_name(), b"");
    for _ in 0..2 {
        let ran = world.run(&[]);
        ran.must_exit(SOME_REFUSED);
        assert_eq!(ran.count("refused"), 1, "{}", ran.told());
    }
    world.add(&mux(1));
    world.run(&[]).must_have_made(1);
    must_be_sound(&world.catalog, 2);
    // A file that is gone is refused no more.
    world.write(&mux(2).file_name(), b"");
    world.run(&[]).must_exit(SOME_REFUSED);
    fs::remove_file(bad.with_file_name(mux(2).file_name())).unwrap();
    world.run(&[]).must_exit(SUCCESS);
}

#[test]
fn a_footprint_that_ends_at_the_antimeridian_is_one_ring_of_five_positions() {
    let world = World::new();
    for (number, center, western, eastern) in
        [(0, -179.5, "180.000000", "-179.000000"), (1, 179.5, "179.000000", "-180.000000")]
    {
        let scene = mux(number).with_center(LonLat { longitude: center, latitude: -10.0 });
        let mut xml = scene.xml();
        for (corner, longitude) in [("UL", western), ("LL", western), ("UR", eastern), ("LR", eastern)] {
            xml = edit::with(&xml, &format!("image/imageData/{corner}/longitude"), longitude);
        }
        world.write(&scene.file_name(), xml.as_bytes());
    }
    world.run(&[]).must_have_made(2);
    must_be_sound(&world.catalog, 2);
    for number in [0, 1] {
        let item = world.json(&item_key(&mux(number)));
        let polygons = item["geometry"]["coordinates"].as_array().unwrap();
        assert_eq!((polygons.len(), polygons[0][0].as_array().unwrap().len()), (1, 5), "{item}");
        let bbox: Vec<f64> = item["bbox"].as_array().unwrap().iter().map(|degrees| degrees.as_f64().unwrap()).collect();
        assert!(bbox[0] < bbox[2], "{bbox:?}");
    }
}

/// A file that is there is taken; so is one that comes, one that is changed, and a folder that is moved in with files
/// older than the watch.
#[test]
fn a_watch_takes_what_comes() {
    let world = World::new();
    world.add(&mux(0));
    let outside = world.folder.path().join("outside");
    let moved = SceneSpec::cbers4a_mux(200, 138, day(0));
    write(&outside.join("deeper").join(moved.file_name()), moved.xml().as_bytes());
    write(&world.source.join("broken.xml"), b"");
    let mut running = world.start(&["--watch", "--tick", "0.02"]);
    let linked = |scene: &SceneSpec| {
        let row = fs::read_to_string(world.catalog.join(scene.row_key()).join("catalog.json"));
        row.is_ok_and(|row| row.contains(&scene.id()))
    };
    running.wait_until("the scene that was there is linked", || linked(&mux(0)));
    world.add(&mux(1));
    fs::rename(&outside, world.source.join("inside")).unwrap();
    running.wait_until("the scenes that came are linked", || linked(&mux(1)) && linked(&moved));
    let xml = edit::with(&mux(0).xml(), "image/sunPosition/elevation", "12.5");
    world.write(&mux(0).file_name(), xml.as_bytes());
    let elevation = || world.json(&item_key(&mux(0)))["properties"]["view:sun_elevation"].clone();
    running.wait_until("the item is changed", || elevation() == 12.5);
    let output = running.output.clone();
    running.wait_until("the refusal is told", || output.stderr().contains("1 refused"));
    assert!(running.kill(), "a watch does not end by itself");
    assert!(!output.stderr().contains("2 refused"), "told again and again: {output}");
    // What it was about when it ended is done by the next run.
    let ran = world.run(&[]);
    ran.must_exit(SOME_REFUSED);
    must_be_sound(&world.catalog, 3);
}

/// Each walk of a watch meets what cannot be looked at again.
#[test]
fn a_watch_tells_each_trouble_once() {
    use std::os::unix::ffi::OsStrExt as _;
    let world = World::new();
    world.add(&mux(0));
    fs::create_dir(world.source.join(std::ffi::OsStr::from_bytes(b"d\xe9p\xf4t"))).unwrap();
    let mut running = world.start(&["--watch", "--tick", "0.02"]);
    let output = running.output.clone();
    running.wait_until("the folder is refused", || output.stderr().contains("1 refused"));
    // Two walks later: the second scene is taken by a walk that begins after it was written.
    for number in [1, 2] {
        world.add(&mux(number));
        let row = world.catalog.join(ROW);
        running.wait_until("the next scene is linked", || {
            fs::read_to_string(&row).is_ok_and(|row| row.contains(&mux(number).id()))
        });
        thread::sleep(Duration::from_millis(250));
    }
    assert!(!output.stderr().contains("2 refused"), "{output}");
    running.kill();
}
