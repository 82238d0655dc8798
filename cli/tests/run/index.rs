//! The search index beside a catalog: made with it, left behind, damaged, built anew.

use std::fs;

use crate::sound::must_be_in_step;
use crate::world::{FAILURE, SOME_REFUSED, SUCCESS, World, lazycat, mux};

fn rebuild(world: &World) -> crate::world::Ran {
    lazycat(&["index", "rebuild", "--catalog", world.catalog.to_str().unwrap()])
}

fn index(world: &World) -> std::path::PathBuf {
    world.catalog.join(".lazycat/index.sqlite")
}

#[test]
fn a_run_makes_an_index_when_it_is_asked_to_also_of_a_catalog_that_is_older_than_it() {
    let world = World::without_index();
    world.add(&mux(1));
    world.run(&[]).must_have_made(1);
    assert!(!index(&world).exists(), "nobody has asked for one");
    world.add(&mux(2));
    world.run(&["--index"]).must_have_made(1);
    must_be_in_step(&world.catalog, 2);
}

#[test]
fn an_index_that_is_there_is_kept_in_step_by_whatever_changes_the_catalog() {
    let world = World::without_index();
    world.add(&mux(1));
    world.run(&["--index"]).must_have_made(1);
    world.add(&mux(2));
    world.run(&[]).must_have_made(1);
    must_be_in_step(&world.catalog, 2);
    world.withdraw(&[&mux(2).id()]).must_exit(SUCCESS);
    must_be_in_step(&world.catalog, 1);
}

#[test]
fn an_index_that_was_left_behind_is_filled_by_the_next_run_that_keeps_it() {
    let world = World::with(&[mux(1)]);
    world.add(&mux(2));
    world.run(&["--no-index"]).must_have_made(1);
    world.add(&mux(3));
    world.run(&[]).must_have_made(1);
    must_be_in_step(&world.catalog, 3);
}

#[test]
fn a_run_without_an_index_makes_none() {
    let world = World::without_index();
    world.add(&mux(1));
    world.run(&["--no-index"]).must_have_made(1);
    assert!(!index(&world).exists());
}

#[test]
fn a_damaged_index_stops_a_run_with_what_to_do_and_a_rebuild_replaces_it() {
    let world = World::with(&[mux(1), mux(2)]);
    fs::write(index(&world), vec![b'x'; 64 * 1024]).unwrap();
    world.run(&[]).must_fail(FAILURE, &["index.sqlite", "lazycat index rebuild"]);
    let done = rebuild(&world);
    done.must_exit(SUCCESS);
    assert!(done.stdout.starts_with("2 items and 1 collections"), "{}", done.told());
    must_be_in_step(&world.catalog, 2);
    world.run(&[]).must_have_found_all_done(2);
}

/// SQLite takes so short a file for an empty one.
#[test]
fn an_index_that_was_cut_off_at_its_start_is_made_anew() {
    let world = World::with(&[mux(1), mux(2)]);
    fs::write(index(&world), b"x").unwrap();
    world.run(&[]).must_have_found_all_done(2);
    must_be_in_step(&world.catalog, 2);
}

#[test]
fn a_rebuild_tells_which_documents_cannot_be_searched_for_and_why() {
    let world = World::with(&[mux(1)]);
    fs::write(world.catalog.join("CBERS4/MUX/057/121/bad.json"), r#"{"type":"Feature","id":7}"#).unwrap();
    let done = rebuild(&world);
    done.must_exit(SOME_REFUSED);
    assert!(done.stdout.contains("1 refused") && done.stdout.contains("bad.json: /id: it is 7"), "{}", done.told());
}

#[test]
fn a_rebuild_needs_a_catalog() {
    let nowhere = lazycat(&["index", "rebuild", "--catalog", "/nonexistent/catalog"]);
    nowhere.must_fail(FAILURE, &["/nonexistent/catalog does not exist"]);
    lazycat(&["index", "rebuild"]).must_fail(crate::world::WRONG_USAGE, &["--catalog"]);
}
