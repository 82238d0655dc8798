//! audit-catalog over a search index as well: what is missing, too much, stale or wrong there is found, and repaired by
//! the same messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use lazycat::audit::{Class, Content, Held, IndexPage, Indexed, InspectIndex, ItemName, Settings};
use lazycat::message::{Audience, ItemEvent};
use lazycat::ports::{PortError, PortResult, SendMessages as _};
use lazycat::scene::SceneId;
use lazycat::search::item::why_refused;
use lazycat_fixtures::SceneSpec;
use lazycat_tests::bench::{BUCKET, Bench, level_of, run};

use super::audit::{all, audited_with, drift, edit, expected, three, work_off};
use super::{announced, item_key, scene};

/// The items of an index, each with when it was last changed, as far as that is known, and its bytes.
type Items = BTreeMap<ItemName, (Option<DateTime<Utc>>, Vec<u8>)>;

/// An index of loaders that are fed by the item topic, or by hand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    items: Arc<Mutex<Items>>,
    items_a_page: usize,
    pages: Arc<AtomicUsize>,
    fails: bool,
}

impl Index {
    /// One that holds what the catalog does.
    pub(crate) fn of(bench: &Bench) -> Self {
        let index = Self::of_nothing();
        let is_item = |key: &String| !key.ends_with("catalog.json") && !key.ends_with("collection.json");
        for key in bench.memory.objects.snapshot().into_keys().filter(is_item) {
            index.put(bench, &key);
        }
        index
    }

    fn put(&self, bench: &Bench, key: &str) {
        let bytes = &bench.memory.objects.snapshot()[key].bytes;
        self.put_of(ItemName::read(key, bytes).unwrap(), bytes);
    }

    /// As a loader does: an item has one document.
    pub(crate) fn put_of(&self, name: ItemName, bytes: &[u8]) {
        self.forget(&name.collection, &name.id);
        self.items.lock().unwrap().insert(name, (None, bytes.to_vec()));
    }

    pub(crate) fn remove(&self, key: &str) {
        self.items.lock().unwrap().retain(|name, _| name.key != key);
    }

    fn forget(&self, collection: &str, id: &str) {
        self.items.lock().unwrap().retain(|name, _| (name.collection.as_str(), name.id.as_str()) != (collection, id));
    }

    pub(crate) fn of_nothing() -> Self {
        Self { items_a_page: 2, ..Self::default() }
    }

    /// How many pages were asked for since this was last asked.
    pub(crate) fn pages(&self) -> usize {
        self.pages.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.items.lock().unwrap().keys().map(|name| name.key.clone()).collect()
    }

    pub(crate) fn date(&self, key: &str, version: DateTime<Utc>) {
        let mut items = self.items.lock().unwrap();
        items.iter_mut().find(|(name, _)| name.key == key).unwrap().1.0 = Some(version);
    }

    /// Loads what was published from this message on.
    pub(crate) fn load(&self, bench: &Bench, from: usize) {
        for message in &bench.memory.topic.snapshot()[from..] {
            match &message.event {
                ItemEvent::Put(item) => {
                    self.put_of(ItemName::read(&message.key, item.bytes()).unwrap(), item.bytes());
                }
                ItemEvent::Withdrawn { collection, id, .. } => self.forget(collection, id),
            }
        }
    }
}

fn name(key: &str) -> ItemName {
    let file = key.rsplit_once('/').unwrap().1;
    ItemName::from(&SceneId::parse(file.strip_suffix(".json").unwrap()).unwrap())
}

impl InspectIndex for Index {
    const READS_CATALOG: bool = false;

    async fn indexed(&self, prefix: &str, after: Option<&str>) -> PortResult<IndexPage> {
        if self.fails {
            let source = "no answer".into();
            return Err(PortError::Unavailable { what: "listing the index".to_owned(), source });
        }
        self.pages.fetch_add(1, Ordering::Relaxed);
        let items = self.items.lock().unwrap();
        let behind = |name: &ItemName| after.is_none_or(|after| name.key.as_str() > after);
        let listed = items.iter().filter(|(name, _)| name.key.starts_with(prefix) && behind(name));
        let mut items: Vec<Indexed> =
            listed.map(|(name, (version, _))| Indexed { name: name.clone(), version: *version }).collect();
        let more = items.len() > self.items_a_page;
        items.truncate(self.items_a_page);
        Ok(IndexPage { items, more })
    }

    async fn holds(&self, items: &[ItemName]) -> PortResult<Vec<bool>> {
        let held = self.items.lock().unwrap();
        Ok(items
            .iter()
            .map(|name| held.keys().any(|held| (&held.collection, &held.id) == (&name.collection, &name.id)))
            .collect())
    }

    fn refuses(&self, bytes: &[u8]) -> Option<String> {
        why_refused(bytes)
    }

    async fn compare(&self, item: &ItemName, bytes: &[u8]) -> PortResult<Held> {
        Ok(match self.items.lock().unwrap().get(item) {
            None => Held::Nothing,
            Some((_, held)) if held == bytes => Held::Same,
            Some(_) => Held::Different,
        })
    }
}

type Damage = fn(&Bench, &Index, &[SceneSpec; 3]);

/// What was done, by whom, and what is to be found.
type Case<'a> = (&'a str, Damage, Vec<(Class, &'a str)>);

#[test]
fn an_index_in_step_has_no_drift_and_costs_its_listing() {
    let (bench, _) = three();
    let index = Index::of(&bench);
    bench.memory.requests.clear();
    let settings = Settings { content: Content::Sample { items: 0, seed: 1 }, ..all() };
    let report = audited_with(&bench, &settings, false, Some(&index)).unwrap();
    assert_eq!((drift(&report), report.is_pending()), (BTreeMap::new(), 0));
    assert_eq!((report.looked.indexed, report.looked.compared_with_index), (3, 0));
    let asked = bench.memory.requests.snapshot();
    assert_eq!(asked.get("inspect"), Some(&6), "no item is read");
    let report = audited_with(&bench, &all(), false, Some(&index)).unwrap();
    assert_eq!((report.drifted(), report.looked.compared_with_index), (0, 3));
}

#[test]
fn every_class_of_drift_is_found_and_repaired_through_the_queues() {
    let [first, second, third] = [scene(121, 1), scene(121, 2), scene(122, 1)].map(|scene| item_key(&scene));
    let gone = item_key(&scene(123, 7));
    let cases: [Case<'_>; 5] = [
        (
            "the index has lost an item",
            |_, index, scenes| index.remove(&item_key(&scenes[0])),
            vec![(Class::IndexMissing, &first)],
        ),
        (
            "the index has lost all",
            |_, index, _| index.items.lock().unwrap().clear(),
            vec![(Class::IndexMissing, &first), (Class::IndexMissing, &second), (Class::IndexMissing, &third)],
        ),
        (
            "the index holds other content",
            |_, index, scenes| index.put_of(name(&item_key(&scenes[1])), b"{}"),
            vec![(Class::IndexDiffers, &second)],
        ),
        (
            "the index holds what is not there any more, first and last",
            |_, index, _| index.put_of(name(&item_key(&scene(123, 7))), b"{}"),
            vec![(Class::IndexExtra, &gone)],
        ),
        (
            "an item is edited behind everybody's back",
            |bench, _, scenes| edit(bench, &item_key(&scenes[2]), |item| item["properties"]["gsd"] = 1.into()),
            vec![(Class::ItemDiffers, &third), (Class::IndexDiffers, &third)],
        ),
    ];
    for (what, damage, found) in cases {
        let (bench, scenes) = three();
        let index = Index::of(&bench);
        damage(&bench, &index, &scenes);
        let settings = Settings { prune: Some(0.5), ..all() };
        for items_a_page in [1, 2, 100] {
            let index = Index { items_a_page, ..index.clone() };
            let report = audited_with(&bench, &settings, false, Some(&index)).unwrap();
            assert_eq!(drift(&report), expected(&found), "{what}, {items_a_page} a page");
        }
        let before = bench.memory.topic.snapshot().len();
        audited_with(&bench, &settings, true, Some(&index)).unwrap();
        work_off(&bench);
        let published = &bench.memory.topic.snapshot()[before..];
        assert!(!published.is_empty(), "{what}");
        // What stands in the catalog already is only for those who load it.
        let is_internal = |message: &lazycat::message::ItemMessage| message.audience == Audience::Internal;
        assert!(published.iter().all(is_internal), "{what}");
        index.load(&bench, before);
        let after = audited_with(&bench, &settings, false, Some(&index)).unwrap();
        assert_eq!(drift(&after), BTreeMap::new(), "{what}");
    }
}

#[test]
fn an_item_of_before_the_last_write_is_stale_whatever_the_sample() {
    let (bench, scenes) = three();
    let index = Index::of(&bench);
    let key = item_key(&scenes[1]);
    let written: DateTime<Utc> = "2026-03-01T12:00:00Z".parse().unwrap();
    bench.memory.objects.set_written(&key, written);
    let settings = Settings { content: Content::Sample { items: 0, seed: 1 }, ..all() };
    let drift_at = |version: DateTime<Utc>| {
        index.date(&key, version);
        drift(&audited_with(&bench, &settings, false, Some(&index)).unwrap())
    };
    assert_eq!(drift_at(written - TimeDelta::hours(1)), BTreeMap::new(), "it is the same all the same");
    index.put_of(name(&key), b"{\"older\": true}");
    assert_eq!(drift_at(written - TimeDelta::hours(1)), expected(&[(Class::IndexStale, &key)]));
    assert_eq!(drift_at(written - TimeDelta::seconds(1)), BTreeMap::new(), "clocks differ");
    assert_eq!(drift_at(written + TimeDelta::hours(1)), BTreeMap::new(), "and nothing is known without a comparison");
}

#[test]
fn an_extra_item_is_left_where_withdrawals_are_not_asked_for_or_too_many() {
    let (bench, _) = three();
    let index = Index::of(&bench);
    index.put_of(name(&item_key(&scene(120, 7))), b"{}");
    for (prune, forgotten, spared) in [(None, 0, false), (Some(0.3), 0, true), (Some(0.34), 1, false)] {
        let report = audited_with(&bench, &Settings { prune, ..all() }, true, Some(&index)).unwrap();
        assert_eq!(report.count(Class::IndexExtra), 1);
        assert_eq!((report.repairs.forgotten, report.spared.is_some()), (forgotten, spared), "{prune:?}");
    }
    work_off(&bench);
}

/// A scene whose item was lost from the catalog is made again; nobody withdraws it meanwhile.
#[test]
fn an_item_that_only_the_index_has_and_that_the_source_gives_is_made_and_not_withdrawn() {
    let (bench, scenes) = three();
    let index = Index::of(&bench);
    bench.memory.objects.remove(&item_key(&scenes[0]));
    let settings = Settings { prune: Some(1.0), ..all() };
    let report = audited_with(&bench, &settings, true, Some(&index)).unwrap();
    assert_eq!((report.count(Class::IndexExtra), report.count(Class::SourceWithoutItem)), (1, 1));
    assert_eq!((report.repairs.scenes, report.repairs.withdrawals, report.repairs.forgotten), (1, 0, 0));
    work_off(&bench);
    assert!(bench.has(&item_key(&scenes[0])));
}

#[test]
fn without_a_source_the_index_is_told_of_what_stands_in_the_catalog() {
    let (bench, scenes) = three();
    let index = Index::of(&bench);
    index.remove(&item_key(&scenes[0]));
    index.put_of(name(&item_key(&scene(120, 7))), b"{}");
    let settings = Settings { sources: vec![], prune: Some(1.0), ..all() };
    let before = bench.memory.topic.snapshot().len();
    let report = audited_with(&bench, &settings, true, Some(&index)).unwrap();
    assert_eq!((report.count(Class::IndexMissing), report.count(Class::IndexExtra)), (1, 1));
    assert_eq!((report.repairs.scenes, report.repairs.told, report.repairs.forgotten), (0, 1, 1));
    assert!(bench.memory.quiet());
    index.load(&bench, before);
    assert_eq!(index.keys(), Index::of(&bench).keys());
    assert_eq!(all().sources, [BUCKET]);
}

#[test]
fn an_index_of_some_collections_is_not_asked_for_others() {
    let (bench, scenes) = three();
    let index = Index::of(&bench);
    index.remove(&item_key(&scenes[0]));
    index.put_of(name(&item_key(&scene(120, 7))), b"{}");
    let audited = |collection: &str| {
        let settings = Settings { indexed: BTreeSet::from([collection.to_owned()]), ..all() };
        audited_with(&bench, &settings, false, Some(&index)).unwrap()
    };
    let report = audited("CBERS4-AWFI");
    assert_eq!((report.drifted(), report.looked.indexed), (0, 0));
    assert_eq!(audited("CBERS4-MUX").drifted(), 2);
}

#[test]
fn a_level_is_compared_with_what_the_index_has_below_it() {
    let (bench, scenes) = three();
    let index = Index::of(&bench);
    index.remove(&item_key(&scenes[0]));
    index.remove(&item_key(&scenes[2]));
    let settings = Settings { top: level_of("CBERS4/MUX/057/122"), ..all() };
    let report = audited_with(&bench, &settings, false, Some(&index)).unwrap();
    assert_eq!(drift(&report), expected(&[(Class::IndexMissing, &item_key(&scenes[2]))]));
}

#[test]
fn an_item_that_came_from_elsewhere_is_held_all_the_same() {
    let (bench, scenes) = three();
    let index = Index::of(&bench);
    let key = item_key(&scenes[0]);
    index.remove(&key);
    // Not listed, as its address is none of the catalog's.
    index.put_of(ItemName { key: "elsewhere".to_owned(), ..name(&key) }, b"{}");
    let settings = Settings { top: level_of("CBERS4"), ..all() };
    assert_eq!(drift(&audited_with(&bench, &settings, false, Some(&index)).unwrap()), BTreeMap::new());
}

#[test]
fn while_a_message_waits_what_the_index_lacks_is_pending() {
    let (bench, scenes) = three();
    let index = Index::of(&bench);
    index.remove(&item_key(&scenes[0]));
    let body = announced(&bench, &scenes[0]);
    assert!(run(bench.memory.scenes.send(&[body])).iter().all(Result::is_ok));
    let report = audited_with(&bench, &all(), true, Some(&index)).unwrap();
    assert_eq!((report.drifted(), report.is_pending()), (0, 1));
}

#[test]
fn an_index_that_does_not_answer_fails_the_audit() {
    let (bench, _) = three();
    let index = Index { fails: true, ..Index::of(&bench) };
    let error = audited_with(&bench, &all(), true, Some(&index)).unwrap_err().to_string();
    assert!(error.contains("listing the index"), "{error}");
    assert!(bench.memory.quiet());
}
