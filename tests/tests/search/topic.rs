//! The index as a subscriber of the embedded topic: it ends up with what is in the files, whoever told it when.

use std::fs;
use std::path::Path;

use futures::executor::block_on;
use lazycat::index::{Index, Limits, Searcher, Topic};
use lazycat::local::{self, Local};
use lazycat::message::{Audience, ItemEvent, ItemMessage};
use lazycat::ports::{ItemPut, PublishItems as _, WriteItems as _};
use lazycat::search::ports::SearchItems as _;
use lazycat::search::query::Query;
use lazycat::search::rebuild::{Followed, rebuild};
use serde_json::Value;
use tempfile::TempDir;

use crate::world::{at, item};

const KEY: &str = "CBERS4/MUX/057/121/a.json";

struct Catalog {
    folder: TempDir,
    local: Local,
    index: Index,
}

impl Catalog {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let local = local::open(folder.path()).unwrap();
        let index = Index::open(folder.path()).unwrap();
        let catalog = Self { folder, local, index };
        catalog.rebuild();
        catalog
    }

    fn put(&self, document: &Value) {
        let put = ItemPut { key: KEY.to_owned(), bytes: document.to_string().into_bytes(), message_id: None };
        block_on(self.local.directory.put(&[put])).remove(0).unwrap();
    }

    fn tell(&self, document: &Value) {
        let item: stac::Item = serde_json::from_value(document.clone()).unwrap();
        self.publish(ItemEvent::Put(Box::new((&item).into())));
    }

    fn publish(&self, event: ItemEvent) {
        let message = ItemMessage { key: KEY.to_owned(), audience: Audience::Public, event };
        block_on(Topic::new(&self.local.log, Some(&self.index)).publish(&[message])).remove(0).unwrap();
    }

    fn rebuild(&self) -> Followed {
        block_on(rebuild(&self.local.directory, &self.index, |_| {})).unwrap()
    }

    fn search(&self) -> Vec<(String, String)> {
        let searcher = Searcher::new(self.folder.path(), Limits::default());
        let found = block_on(searcher.search(&Query::default())).unwrap();
        found.items.into_iter().map(|item| (item.collection, item.id)).collect()
    }
}

fn write(base: &Path, key: &str, text: &str) {
    fs::create_dir_all(base.join(key).parent().unwrap()).unwrap();
    fs::write(base.join(key), text).unwrap();
}

#[test]
fn what_is_published_is_found_and_what_is_withdrawn_is_not() {
    let catalog = Catalog::new();
    let document = item("c", "a", "");
    catalog.put(&document);
    assert_eq!(catalog.search(), []);
    catalog.tell(&document);
    assert_eq!(catalog.search(), [("c".to_owned(), "a".to_owned())]);
    block_on(catalog.local.directory.delete(&[KEY.to_owned()])).remove(0).unwrap();
    catalog.publish(ItemEvent::Withdrawn { collection: "c".into(), id: "a".into(), time: at(0) });
    assert_eq!(catalog.search(), []);
    // A message that comes late, or again, tells nothing new.
    catalog.tell(&document);
    assert_eq!(catalog.search(), []);
    assert_eq!(catalog.rebuild(), Followed::default());
}

#[test]
fn an_item_that_changes_its_id_leaves_nothing_behind() {
    let catalog = Catalog::new();
    for id in ["a", "b"] {
        catalog.put(&item("c", id, ""));
        catalog.tell(&item("c", id, ""));
        assert_eq!(catalog.search(), [("c".to_owned(), id.to_owned())]);
    }
}

/// The publisher that comes last may have written first: what counts is the file.
#[test]
fn writers_that_race_leave_the_index_with_what_is_in_the_file() {
    for round in 0..40 {
        let catalog = Catalog::new();
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let catalog = &catalog;
                scope.spawn(move || {
                    for step in 0..4 {
                        let document = item("c", &format!("w{writer}-{step}"), "");
                        catalog.put(&document);
                        // In some rounds the others get in between.
                        if (round + writer) % 2 == 0 {
                            std::thread::yield_now();
                        }
                        catalog.tell(&document);
                    }
                });
            }
        });
        let stored: Value = serde_json::from_slice(&fs::read(catalog.folder.path().join(KEY)).unwrap()).unwrap();
        assert_eq!(catalog.search(), [("c".to_owned(), stored["id"].as_str().unwrap().to_owned())]);
        assert_eq!(catalog.rebuild(), Followed { items: 1, ..Followed::default() });
    }
}

#[test]
fn a_rebuild_finds_what_was_never_told_and_forgets_what_is_gone() {
    let catalog = Catalog::new();
    let base = catalog.folder.path();
    catalog.put(&item("c", "told", ""));
    catalog.tell(&item("c", "told", ""));
    fs::remove_file(base.join(KEY)).unwrap();
    write(base, "x/y/one.json", &item("c", "one", "").to_string());
    write(base, "two.geojson", &item("d", "two", "").to_string());
    write(base, "x/collection.json", r#"{"type":"Collection","id":"c"}"#);
    write(base, "x/catalog.json", r#"{"type":"Catalog","id":"x"}"#);
    write(base, "x/bad.json", r#"{"type":"Feature","id":"bad"}"#);
    write(base, "x/none.json", "hello");
    write(base, "x/readme.md", "hello");
    write(base, ".hidden/three.json", &item("c", "three", "").to_string());
    let done = catalog.rebuild();
    assert_eq!((done.items, done.collections, done.changed, done.removed), (2, 1, 3, 1), "{done:?}");
    assert_eq!(done.refused.len(), 2);
    assert!(done.refused[0].starts_with("x/bad.json: /collection: it is missing"), "{done:?}");
    assert!(done.refused[1].starts_with("x/none.json: it is no STAC document"), "{done:?}");
    assert_eq!(catalog.search(), [("d".to_owned(), "two".to_owned()), ("c".to_owned(), "one".to_owned())]);
    let searcher = Searcher::new(base, Limits::default());
    assert_eq!(block_on(searcher.collections(None, 10)).unwrap().len(), 1);
    let again = catalog.rebuild();
    assert_eq!((again.items, again.changed, again.removed), (2, 0, 0));
}
