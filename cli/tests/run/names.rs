//! Names and places of files: what is no scene's, what is hard to read, what leads round in circles.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::{Duration, Instant};

use lazycat::local::{self, QueueName};
use lazycat_fixtures::SceneSpec;

use crate::cases::Cases;
use crate::sound::{must_be_sound, must_be_the_same_but_for_revisions};
use crate::world::{FAILURE, PLAIN, Ran, Refused, SOME_REFUSED, World, mux, write};

/// The one refusal of a scene whose path ends so.
fn refusal(ran: &Ran, ending: &str) -> Refused {
    let mut refused = ran.refused();
    refused.retain(|refused| refused.scene.ends_with(ending));
    assert_eq!(refused.len(), 1, "{ending}: {}", ran.told());
    refused.remove(0)
}

#[test]
fn a_file_that_is_named_after_no_scene_is_refused_for_its_name() {
    let mut cases = Cases::default();
    for (name, reason, said) in [
        ("notes.xml", "name", "satellite number"),
        ("CBERS.xml", "name", "satellite number"),
        ("CBERS_4_MUX.xml", "name", "a date after the camera"),
        ("CBERS_4_MUX_20170618_057_121_L2.xml", "name", "BAND and a number"),
        ("CBERS_4_MUX_20170618_057_121_L2_BAND.xml", "unknown-band", "MUX"),
        ("CBERS_4_MUX_20170618_057_121_L2_BAND06.xml", "unknown-band", "06"),
        ("CBERS_4_MUX_20170618_057_121_L2_BAND1.xml", "unknown-band", "MUX"),
        ("CBERS_4_MUX_20170618_057_121_L2_BAND999999999999.xml", "unknown-band", "MUX"),
        ("CBERS_4_MUX_20170618_057_121_L2_BAND6_2.xml", "name", "BAND and a number"),
        ("CBERS_4_MUX_20170618_057_121_L2_MIDDLE_BAND6.xml", "name", "BAND and a number"),
        ("CBERS_4_MUX_20170618_057_121_L2_BAND6 (1).xml", "unknown-band", "6 (1)"),
        ("CBERS_4_MUX_20170618_057_121_2_BAND6.xml", "name", "a level such as L2"),
        ("CBERS_4_MUX_20170618_057_121_LLLLLL_BAND6.xml", "name", "a level such as L2"),
        ("CBERS_4_MUX_20170230_057_121_L2_BAND6.xml", "name", "a date YYYYMMDD"),
        ("CBERS_4_MUX_2017061_057_121_L2_BAND6.xml", "name", "a date YYYYMMDD"),
        ("CBERS_4_MUX_20170618_57_121_L2_BAND6.xml", "name", "a path of three digits"),
        ("CBERS_4_MUX_20170618_057_12a_L2_BAND6.xml", "name", "a row of three digits"),
        ("CBERS_4_HRC_20170618_057_121_L2_BAND6.xml", "unknown-camera", "HRC"),
        ("CBERS_5_MUX_20170618_057_121_L2_BAND6.xml", "unknown-satellite", "CBERS 5"),
        ("cbers_4_mux_20170618_057_121_l2_band6.xml", "unknown-satellite", "cbers 4"),
        ("a name with spaces.xml", "name", "a name with spaces.xml"),
        ("100%.xml", "name", "100%.xml"),
        ("%2e%2e%2fup.xml", "name", "%2e%2e%2fup.xml"),
        ("a+b.xml", "name", "a+b.xml"),
        ("ünï.xml", "name", "ünï.xml"),
        ("quote\".xml", "name", "quote"),
        ("two\nlines.xml", "key", "control character"),
        ("tab\t.xml", "key", "control character"),
        ("back\\slash.xml", "key", "backslash"),
        ("\u{1b}[31mred.xml", "key", "control character"),
    ] {
        let said = [said, "expected"];
        cases.add(name, mux(0).xml(), reason, if reason.starts_with("unknown") { &said[..1] } else { &said });
    }
    let long = format!("{}.xml", "x".repeat(251));
    cases.add(&long, mux(0).xml(), "name", &["xxx", "expected"]);
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn a_summary_for_people_obeys_no_file_name() {
    let world = World::new();
    world.write("\u{1b}[31mred\nrefused (none): all is well.xml", b"");
    let ran = world.run(&[PLAIN]);
    ran.must_exit(SOME_REFUSED);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.told());
    assert!(ran.stdout.contains("red\\nrefused (none): all is well.xml"), "{}", ran.told());
    assert!(!ran.stdout.lines().any(|line| line.starts_with("refused (none)")), "{}", ran.told());
}

#[test]
fn names_that_are_not_utf_8_are_told_and_hinder_nothing_else() {
    let world = World::new();
    world.add(&mux(0));
    fs::write(world.source.join(OsStr::from_bytes(b"caf\xe9.xml")), mux(1).xml()).unwrap();
    fs::write(world.source.join(OsStr::from_bytes(b"caf\xe9.tif")), "").unwrap();
    let folder = world.source.join(OsStr::from_bytes(b"d\xe9p\xf4t"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join(mux(2).file_name()), mux(2).xml()).unwrap();
    let ran = world.run(&[]);
    ran.must_exit(SOME_REFUSED);
    assert_eq!((ran.count("made"), ran.count("refused")), (1, 2), "{}", ran.told());
    assert!(refusal(&ran, ".xml").detail.contains("not UTF-8"), "{}", ran.told());
    assert!(refusal(&ran, "t").detail.contains("folder's name is not UTF-8"), "{}", ran.told());
    must_be_sound(&world.catalog, 1);
}

#[test]
fn a_file_whose_folders_name_another_scene_is_refused() {
    let mut cases = Cases::default();
    for folder in [
        "CBERS4/MUX/057/999/{id}",
        "CBERS4/MUX/999/121/{id}",
        "CBERS4/AWFI/057/121/{id}",
        "CBERS4A/MUX/057/121/{id}",
        "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L4",
        "anywhere/CBERS_4_MUX_20170618_057_121_L4",
        "CBERS4/MUX/057/121/extra",
    ] {
        let scene = cases.mux();
        let key = format!("{}/{}", folder.replace("{id}", &scene.id()), scene.file_name());
        cases.add(&key, scene.xml(), "key", &["its folder should be", &scene.scene_key()]);
    }
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn a_file_of_a_gigabyte_is_refused_without_being_read() {
    let world = World::new();
    world.add(&mux(0));
    let file = File::create(world.source.join(mux(1).file_name())).unwrap();
    file.set_len(1 << 30).unwrap();
    // A watch goes on, so that the most memory it ever had can be asked for when it is done.
    let started = Instant::now();
    let mut running = world.start(&["--watch", "--tick", "0.05"]);
    let output = running.output.clone();
    running.wait_until("the file is refused", || output.stderr().contains("1 refused"));
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!((1_000..200_000).contains(&kilobytes), "{peak}");
    running.kill();

    let ran = world.run(&[]);
    ran.must_exit(SOME_REFUSED);
    let refused = refusal(&ran, &mux(1).file_name());
    assert_eq!(refused.reason, "too-large");
    assert!(refused.detail.contains("1073741824") && refused.detail.contains("1048576"), "{refused:?}");
    must_be_sound(&world.catalog, 1);
}

#[test]
fn a_file_of_many_small_elements_takes_time_in_proportion_to_its_length() {
    let mut cases = Cases::default();
    let padding = "<a/>".repeat(250_000);
    cases.change("missing-element", &["prdf/image/path"], |xml| {
        xml.replacen("<image>", &format!("<image>{padding}"), 1).replacen("<path>57</path>", "", 1)
    });
    let attributes: String = (0..80_000).map(|number| format!(" a{number}=\"\"")).collect();
    cases.change("missing-element", &["prdf/image/path"], |xml| {
        xml.replacen("<image>", &format!("<image{attributes}>"), 1).replacen("<path>57</path>", "", 1)
    });
    cases.change("missing-element", &["prdf/image/path"], |xml| {
        xml.replacen("<prdf", &format!("<prdf{}", &attributes[..60_000]), 1).replacen("<path>57</path>", "", 1)
    });
    cases.must_be_refused_and_all_others_made();
}

#[test]
fn folders_that_lead_in_circles_are_walked_once() {
    let world = World::new();
    for scene in [mux(0), mux(1)] {
        world.write(&format!("a/b/{}", scene.file_name()), scene.xml().as_bytes());
    }
    symlink(&world.source, world.source.join("a/b/up")).unwrap();
    symlink("..", world.source.join("a/b/up2")).unwrap();
    symlink("round", world.source.join("a/round")).unwrap();
    symlink("there", world.source.join("here")).unwrap();
    symlink("here", world.source.join("there")).unwrap();
    let ran = world.run(&[]);
    ran.must_have_made(2);
    must_be_sound(&world.catalog, 2);
}

#[test]
fn a_folder_called_like_xml_is_a_folder() {
    let world = World::new();
    world.write(&format!("x.xml/{}", mux(0).file_name()), mux(0).xml().as_bytes());
    fs::create_dir(world.source.join(mux(1).file_name())).unwrap();
    world.run(&[]).must_have_made(1);
    must_be_sound(&world.catalog, 1);
}

#[test]
fn scenes_behind_links_are_made_like_others() {
    let world = World::new();
    let elsewhere = world.folder.path().join("elsewhere");
    write(&elsewhere.join("file"), mux(0).xml().as_bytes());
    write(&elsewhere.join("folder").join(mux(1).file_name()), mux(1).xml().as_bytes());
    symlink(elsewhere.join("file"), world.source.join(mux(0).file_name())).unwrap();
    symlink(elsewhere.join("folder"), world.source.join("linked")).unwrap();
    world.run(&[]).must_have_made(2);
    must_be_the_same_but_for_revisions(&world.catalog, &World::with(&[mux(0), mux(1)]).catalog);
}

/// None of these can be read, no end of a pipe is waited for, and none becomes readable by itself: each is refused at
/// the first attempt.
#[test]
fn what_cannot_be_read_is_refused_at_once() {
    let world = World::new();
    let scenes: Vec<SceneSpec> = (0..6).map(mux).collect();
    world.add(&scenes[0]);
    let path = |at: usize| world.source.join(scenes[at].file_name());
    assert!(Command::new("mkfifo").arg(path(1)).status().unwrap().success());
    let _socket = UnixListener::bind(path(2)).unwrap();
    symlink("nowhere.xml", path(3)).unwrap();
    symlink(scenes[4].file_name(), path(4)).unwrap();
    world.add(&scenes[5]);
    world.write("locked/scene.xml", b"");
    for locked in [path(5), world.source.join("locked")] {
        fs::set_permissions(locked, Permissions::from_mode(0o000)).unwrap();
    }
    let ran = world.run_as_nobody(&[]);
    ran.must_exit(SOME_REFUSED);
    assert_eq!((ran.count("made"), ran.count("refused")), (1, 6), "{}", ran.told());
    for (name, reason, said) in [
        (scenes[1].file_name(), "not-a-file", "is a pipe, expected a regular file"),
        (scenes[2].file_name(), "not-a-file", "is a socket, expected a regular file"),
        (scenes[3].file_name(), "not-a-file", "is a link that leads nowhere, expected a regular file"),
        (scenes[4].file_name(), "not-a-file", "is a link that leads nowhere, expected a regular file"),
        (scenes[5].file_name(), "no-permission", "Permission denied"),
        ("locked".to_owned(), "folder", "Permission denied"),
    ] {
        let refused = refusal(&ran, &name);
        assert_eq!(refused.reason, reason, "{refused:?}");
        assert!(refused.detail.contains(said), "{refused:?}");
    }
    must_be_sound(&world.catalog, 1);
    let letters = local::open(&world.catalog).unwrap().state.dead_letters(QueueName::Scenes).page(0, 10).unwrap();
    let attempts: Vec<u32> = letters.iter().map(|kept| kept.letter.attempts).collect();
    assert_eq!(attempts, [1; 5], "{letters:?}");

    // What has become readable meanwhile is made by the next run, and the old dead letters are gone.
    for now in [path(1), path(2), path(3), path(4)] {
        fs::remove_file(now).unwrap();
    }
    fs::set_permissions(path(5), Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(world.source.join("locked"), Permissions::from_mode(0o755)).unwrap();
    fs::remove_dir_all(world.source.join("locked")).unwrap();
    for scene in &scenes[1..5] {
        world.add(scene);
    }
    world.run_as_nobody(&[]).must_have_made(5);
    must_be_sound(&world.catalog, 6);
}

#[test]
fn a_source_or_catalog_without_rights_is_told_at_once() {
    let world = World::new();
    world.add(&mux(0));
    fs::set_permissions(&world.source, Permissions::from_mode(0o000)).unwrap();
    world.run_as_nobody(&[]).must_fail(FAILURE, &["the source", "Permission denied"]);
    fs::set_permissions(&world.source, Permissions::from_mode(0o755)).unwrap();
    fs::remove_dir_all(&world.catalog).unwrap();
    fs::create_dir(&world.catalog).unwrap();
    fs::set_permissions(&world.catalog, Permissions::from_mode(0o555)).unwrap();
    world.run_as_nobody(&[]).must_fail(FAILURE, &["no permission to write", "catalog"]);
}
