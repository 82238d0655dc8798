//! Tests of finding scenes.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use super::entries::Entries;
use super::*;

fn touch(root: &Path, path: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

fn all(source: &Path) -> (Vec<Found>, Vec<Refusal>) {
    let (mut found, mut troubles) = (Vec::new(), Vec::new());
    let mut give = |scene| {
        found.push(scene);
        true
    };
    scan(source, &mut give, &mut |trouble| troubles.push(trouble)).unwrap();
    (found, troubles)
}

#[test]
fn scenes_are_counted_once_however_many_files_they_have() {
    let source = tempfile::tempdir().unwrap();
    for file in ["L2_BAND5", "L2_BAND6", "L4_LEFT_BAND6", "L4_RIGHT_BAND6"] {
        touch(source.path(), &format!("a/CBERS_4_MUX_20170618_057_121_{file}.xml"));
    }
    touch(source.path(), "b/notes.xml");
    let mut scenes = 0;
    count(source.path(), &mut |more| scenes += more).unwrap();
    assert_eq!(scenes, 3);
}

fn keys(source: &Path) -> Vec<String> {
    all(source).0.into_iter().map(|found| found.key).collect()
}

#[test]
fn a_flat_folder_is_given_in_the_order_of_item_keys_and_each_scene_once() {
    let source = tempfile::tempdir().unwrap();
    for file in [
        "CBERS_4_MUX_20170601_057_122_L2_BAND6.xml",
        "CBERS_4_MUX_20170618_057_121_L2_BAND7.xml",
        "CBERS_4_MUX_20170618_057_121_L2_BAND6.xml",
        "CBERS_4_MUX_20170618_057_121_L2_BAND5.xml",
        "CBERS_4_MUX_20170518_057_121_L2_BAND8.xml",
        "AMAZONIA_1_WFI_20220811_036_018_L4_RIGHT_BAND2.xml",
        "AMAZONIA_1_WFI_20220811_036_018_L4_LEFT_BAND2.xml",
        "notes.xml",
        "image.tif",
        ".hidden.xml",
    ] {
        touch(source.path(), file);
    }
    assert_eq!(
        keys(source.path()),
        [
            "AMAZONIA1/WFI/036/018/AMAZONIA_1_WFI_20220811_036_018_L4/AMAZONIA_1_WFI_20220811_036_018_L4_LEFT_BAND2.xml",
            "CBERS4/MUX/057/121/CBERS_4_MUX_20170518_057_121_L2/CBERS_4_MUX_20170518_057_121_L2_BAND8.xml",
            "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml",
            "CBERS4/MUX/057/122/CBERS_4_MUX_20170601_057_122_L2/CBERS_4_MUX_20170601_057_122_L2_BAND6.xml",
            "notes.xml",
        ]
    );
}

#[test]
fn a_folder_laid_out_as_the_bucket_keeps_its_keys_also_wrong_ones() {
    let source = tempfile::tempdir().unwrap();
    let right = "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml";
    let wrong = "CBERS4/MUX/057/999/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml";
    touch(source.path(), right);
    touch(source.path(), wrong);
    touch(source.path(), "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121.png");
    let (found, _) = all(source.path());
    assert_eq!(found.iter().map(|found| found.key.as_str()).collect::<Vec<_>>(), [right, wrong]);
    assert!(found[0].quicklook.as_ref().unwrap().ends_with("_057_121.png"));
    assert_eq!(found[1].quicklook, None);
}

#[test]
fn links_are_followed_but_not_round_and_round() {
    let source = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    touch(elsewhere.path(), "CBERS_4_MUX_20170618_057_121_L2_BAND6.xml");
    fs::create_dir(source.path().join("a")).unwrap();
    std::os::unix::fs::symlink(source.path(), source.path().join("a/loop")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), source.path().join("b")).unwrap();
    std::os::unix::fs::symlink("nowhere", source.path().join("gone.xml")).unwrap();
    std::os::unix::fs::symlink("self.xml", source.path().join("self.xml")).unwrap();
    assert_eq!(keys(source.path()).len(), 3);
}

/// What a walk of a watch gives, as keys.
fn walked(watch: &mut Watch, source: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut give = |scene: Found| {
        found.push(scene.key.rsplit_once('/').unwrap().1.to_owned());
        true
    };
    watch.walk(source, &mut give, &mut |_| {}).unwrap();
    found
}

const ONE: &str = "CBERS_4_MUX_20170618_057_121_L2_BAND6.xml";
const TWO: &str = "CBERS_4_MUX_20170619_057_121_L2_BAND6.xml";

#[test]
fn a_watch_gives_a_file_once_when_it_looks_the_same_in_two_walks() {
    let source = tempfile::tempdir().unwrap();
    let mut watch = Watch::new();
    touch(source.path(), &format!("a/{ONE}"));
    assert_eq!(walked(&mut watch, source.path()), [""; 0], "it may still be being written");
    assert!(watch.is_waiting());
    fs::write(source.path().join("a").join(ONE), "more").unwrap();
    assert_eq!(walked(&mut watch, source.path()), [""; 0], "it is still being written");
    assert_eq!(walked(&mut watch, source.path()), [ONE]);
    assert_eq!(walked(&mut watch, source.path()), [""; 0]);
    assert!(!watch.is_waiting());
    fs::write(source.path().join("a").join(ONE), "changed").unwrap();
    assert_eq!(walked(&mut watch, source.path()), [""; 0]);
    assert_eq!(walked(&mut watch, source.path()), [ONE]);
}

/// The times of what is moved in, or copied with its times, are older than the watch; those of a disk whose clock is
/// ahead are later than now.
#[test]
fn a_watch_gives_what_comes_with_any_time() {
    let source = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir_in(source.path().parent().unwrap()).unwrap();
    touch(elsewhere.path(), &format!("b/{ONE}"));
    let mut watch = Watch::new();
    for _ in 0..2 {
        assert_eq!(walked(&mut watch, source.path()), [""; 0]);
    }
    fs::rename(elsewhere.path().join("b"), source.path().join("b")).unwrap();
    touch(source.path(), TWO);
    let ahead = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    fs::File::options().write(true).open(source.path().join(TWO)).unwrap().set_modified(ahead).unwrap();
    assert_eq!(walked(&mut watch, source.path()), [""; 0]);
    assert_eq!(walked(&mut watch, source.path()), [TWO, ONE]);
}

/// A file that takes the place of another one, of the same size, is another file.
#[test]
fn a_watch_gives_a_file_that_was_renamed_over_another() {
    let source = tempfile::tempdir().unwrap();
    touch(source.path(), ONE);
    let mut watch = Watch::new();
    assert_eq!([walked(&mut watch, source.path()), walked(&mut watch, source.path())].concat(), [ONE]);
    touch(source.path(), ".new");
    fs::rename(source.path().join(".new"), source.path().join(ONE)).unwrap();
    assert_eq!([walked(&mut watch, source.path()), walked(&mut watch, source.path())].concat(), [ONE]);
}

#[test]
fn a_watch_takes_a_link_when_its_target_comes_and_forgets_what_is_gone() {
    let source = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join("target"), source.path().join(ONE)).unwrap();
    let mut watch = Watch::new();
    let twice = |watch: &mut Watch| [walked(watch, source.path()), walked(watch, source.path())].concat();
    assert_eq!(twice(&mut watch), [ONE], "what is wrong with it is told when it is read");
    assert_eq!(twice(&mut watch), [""; 0]);
    fs::write(elsewhere.path().join("target"), "").unwrap();
    assert_eq!(twice(&mut watch), [ONE]);
    fs::remove_file(source.path().join(ONE)).unwrap();
    assert_eq!(twice(&mut watch), [""; 0]);
    assert_eq!(watch.remembered(), 0);
}

#[test]
fn a_lesser_file_that_comes_later_changes_nothing_and_a_better_one_does() {
    let given = |files: &[(&str, bool)]| {
        let mut entries = Entries::default();
        for (file, is_new) in files {
            entries.push(&format!("CBERS_4_MUX_20170618_057_121_L2_{file}.xml"), *is_new).unwrap();
        }
        entries.sort();
        let mut found = Vec::new();
        let mut give = |scene: Found| {
            found.push(scene.file);
            true
        };
        let trouble = &mut |_| {};
        let mut walk = Walk::new(Path::new("/source"), &mut give, trouble);
        assert!(walk.files(Path::new("/source"), &entries));
        found
    };
    assert_eq!(given(&[("BAND6", false), ("BAND5", true), ("BAND7", true)]), Vec::<String>::new());
    let best = ["/source/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml"];
    assert_eq!(given(&[("BAND6", true), ("BAND5", false)]), best);
    assert_eq!(given(&[("BAND6", true), ("BAND5", true)]), best);
}

#[test]
fn folders_that_link_to_each_other_are_entered_once_each() {
    let source = tempfile::tempdir().unwrap();
    let folders: Vec<String> = (0..12).map(|number| format!("f{number}")).collect();
    for folder in &folders {
        fs::create_dir(source.path().join(folder)).unwrap();
        for other in &folders {
            std::os::unix::fs::symlink(source.path().join(other), source.path().join(folder).join(other)).unwrap();
        }
    }
    touch(source.path(), "f7/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml");
    assert_eq!(keys(source.path()).len(), 1);
}

#[test]
fn a_folder_too_deep_to_be_walked_is_told() {
    let source = tempfile::tempdir().unwrap();
    touch(source.path(), &format!("{}x.xml", "d/".repeat(DEEPEST + 1)));
    let (found, troubles) = all(source.path());
    assert_eq!(found, []);
    assert_eq!(troubles.len(), 1);
    assert!(troubles[0].detail.contains("folders deep"), "{troubles:?}");
}
