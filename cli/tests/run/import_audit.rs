//! The index of imported items, damaged and audited.

use std::fs;

use serde_json::json;

use super::{LAYOUT, item, must_be_sound};
use crate::world::{DRIFT, PLAIN, SUCCESS, World};

/// Some items, imported; and the index as it was before the last ones came.
fn behind() -> World {
    let world = World::new();
    for id in ["a", "b", "c"] {
        world.add_item(&format!("{id}.json"), &item(id, "2024-05-01"));
    }
    world.import(LAYOUT).must_have_made(3);
    let index = world.catalog.join(".lazycat/index.sqlite");
    let before = fs::read(&index).unwrap();
    let mut changed = item("b", "2024-05-01");
    changed["properties"]["platform"] = "landsat-8".into();
    world.add_item("b.json", &changed);
    world.add_item("c.json", &item("c", "2023-01-01"));
    world.add_item("d d.json", &item("d d", "2024-05-02"));
    world.import(&[]).must_have_made(3);
    world.withdraw(&["landsat/a"]).must_exit(SUCCESS);
    // As from a backup.
    for file in ["index.sqlite-wal", "index.sqlite-shm"] {
        let _ = fs::remove_file(world.catalog.join(".lazycat").join(file));
    }
    fs::write(&index, before).unwrap();
    world
}

#[test]
fn an_index_of_items_of_others_that_is_behind_is_told_and_brought_into_step() {
    let world = behind();
    let ran = world.audit_of(None, &["--content", "full"]);
    ran.must_exit(DRIFT);
    let keys = |class: &str| -> Vec<String> {
        let examples = ran.summary()["drift"][class]["examples"].as_array().cloned().unwrap_or_default();
        examples.iter().map(|example| example["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys("index-extra"), ["landsat/2024/05/a.json"], "{}", ran.told());
    assert_eq!(keys("index-differs"), ["landsat/2024/05/b.json"], "{}", ran.told());
    assert_eq!(keys("index-stale"), ["landsat/2023/01/c.json"], "{}", ran.told());
    assert_eq!(keys("index-missing"), ["landsat/2024/05/d%20d.json"], "{}", ran.told());
    let plain = world.audit_of(None, &["--content", "full", "--repair", "--dry-run", PLAIN]);
    assert!(plain.stdout.contains("the search index told of 4 items"), "{}", plain.told());
    world.audit_of(None, &["--content", "full", "--repair"]).must_exit(DRIFT);
    world.audit_of(None, &["--content", "full"]).must_exit(SUCCESS);
    must_be_sound(&world.catalog, 3);
}

#[test]
fn an_item_without_place_is_filed_and_told_as_what_no_index_takes() {
    let world = World::new();
    world.add_item("a.json", &item("a", "2024-05-01"));
    let mut placeless = item("p", "2024-05-01");
    placeless["geometry"] = json!(null);
    placeless.as_object_mut().unwrap().remove("bbox");
    world.add_item("p.json", &placeless);
    world.import(LAYOUT).must_have_made(2);
    let ran = world.audit_of(None, &[]);
    ran.must_exit(SUCCESS);
    let told = &ran.summary()["accepted"]["unindexable"];
    assert_eq!((&told["count"], &told["examples"][0]["key"]), (&json!(1), &json!("landsat/2024/05/p.json")));
    let plain = world.audit_of(None, &[PLAIN]);
    plain.must_exit(SUCCESS);
    assert!(plain.stdout.contains("unindexable, which is no drift"), "{}", plain.told());
}
