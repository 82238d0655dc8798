//! audit-catalog: what is wrong is found and named, what is being worked on is not; repairs go through the queues.

use std::collections::{BTreeMap, BTreeSet};

use lazycat::audit::{
    AuditError, Class, Content, Fed, InspectIndex, Leave, NoIndex, Ports, Progress, Repair, Report, Retell, Settings,
    audit,
};
use lazycat::grid::INPE;
use lazycat::level::{Level, Mark, Token};
use lazycat::message::{Audience, ItemEvent};
use lazycat::ports::{MarkLevels as _, PortError, SendMessages as _};
use lazycat::stac::Buckets;
use lazycat::stac::catalog::Site;
use lazycat_fixtures::SceneSpec;
use lazycat_tests::bench::{BUCKET, Bench, level_of, run};
use lazycat_tests::faults::{Fault, Faulty};

use super::{ROW, announced, item_key, scene};

/// All of a catalog, and of all items the content.
pub(crate) fn all() -> Settings {
    Settings {
        grid: INPE.clone(),
        site: Site::default(),
        buckets: Buckets::default(),
        sources: vec![BUCKET.to_owned()],
        scenes: true,
        top: Level::root(),
        content: Content::Full,
        grace: 1_000,
        prune: None,
        indexed: BTreeSet::new(),
    }
}

/// A catalog of these scenes, whole and quiet.
pub(crate) fn made_of(scenes: &[SceneSpec]) -> Bench {
    let bench = Bench::new();
    let bodies: Vec<String> = scenes.iter().map(|scene| announced(&bench, scene)).collect();
    bench.send_and_take(&bodies);
    bench.settle();
    assert!(bench.memory.quiet());
    bench
}

/// Two scenes in row 121, one in row 122.
pub(crate) fn three() -> (Bench, [SceneSpec; 3]) {
    let scenes = [scene(121, 1), scene(121, 2), scene(122, 1)];
    (made_of(&scenes), scenes)
}

pub(crate) fn audited(bench: &Bench, settings: &Settings, repair: bool) -> Result<Report, AuditError> {
    audited_with(bench, settings, repair, None::<&NoIndex>)
}

/// The same with a search index, whose loader's queue is that of scenes.
pub(crate) fn audited_with<I: InspectIndex + Sync>(
    bench: &Bench,
    settings: &Settings,
    repair: bool,
    index: Option<&I>,
) -> Result<Report, AuditError> {
    let memory = &bench.memory;
    let catalog = Faulty::new(memory.objects.clone(), &bench.faults);
    let source = Faulty::new(memory.sources.clone(), &bench.faults);
    let marks = Faulty::new(memory.marks.clone(), &bench.faults);
    let queues = Faulty::new(memory.clone(), &bench.faults);
    let queue = Faulty::new(memory.scenes.clone(), &bench.faults);
    let topic = Faulty::new(memory.topic.clone(), &bench.faults);
    let index = index.map(|index| Fed { index, queues: &queues });
    let ports =
        Ports { catalog: &catalog, source: &source, marks: &marks, queues: &queues, clock: &memory.time, index };
    let world = bench.surroundings();
    let progress = Progress::default();
    if repair {
        let index = Retell { catalog: &catalog, topic: &topic, clock: &memory.time };
        run(audit(&ports, settings, &Repair { marks: &marks, queue: &queue, world, index }, &progress))
    } else {
        run(audit(&ports, settings, &Leave, &progress))
    }
}

/// The drift: of each class the keys, as far as they are told.
pub(crate) fn drift(report: &Report) -> BTreeMap<Class, Vec<String>> {
    let keys = |group: &lazycat::audit::Group| {
        let mut keys: Vec<String> = group.examples.iter().map(|example| example.key.clone()).collect();
        assert_eq!(keys.len() as u64, group.count.min(lazycat::audit::EXAMPLES_KEPT as u64));
        keys.sort();
        keys
    };
    report.drift.iter().map(|(class, group)| (*class, keys(group))).collect()
}

pub(crate) fn expected(found: &[(Class, &str)]) -> BTreeMap<Class, Vec<String>> {
    let mut expected: BTreeMap<Class, Vec<String>> = BTreeMap::new();
    for (class, key) in found {
        expected.entry(*class).or_default().push((*key).to_owned());
    }
    expected
}

/// Works on what the repair has sent and marked, until nothing is left to do.
pub(crate) fn work_off(bench: &Bench) {
    bench.send_and_take(&[]);
    bench.settle();
}

pub(crate) fn edit(bench: &Bench, key: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let mut document = bench.document(key);
    change(&mut document);
    bench.memory.objects.insert(key, serde_json::to_vec(&document).unwrap());
}

#[test]
fn a_sound_catalog_has_no_drift_and_costs_one_listing_and_one_read_a_level() {
    let (bench, _) = three();
    bench.memory.requests.clear();
    let settings = Settings { content: Content::Sample { items: 0, seed: 1 }, ..all() };
    let report = audited(&bench, &settings, true).unwrap();
    assert_eq!((drift(&report), report.is_pending()), (BTreeMap::new(), 0));
    assert_eq!(
        (report.looked.objects, report.looked.levels, report.looked.items, report.looked.scenes),
        (9, 6, 3, 3),
        "root, satellite, camera, path, two rows and three items"
    );
    let asked = bench.memory.requests.snapshot();
    let asked: Vec<(&str, u64)> = asked.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(asked, [("inspect", 6), ("list flat", 1), ("list source", 1)]);
}

#[test]
fn pages_of_any_size_give_the_same_report() {
    let (bench, scenes) = three();
    bench.memory.objects.remove(&item_key(&scenes[1]));
    bench.memory.objects.insert("CBERS4-old/notes.txt", "");
    let whole = audited(&bench, &all(), false).unwrap();
    for (keys, source) in [(1, 1), (2, 3), (7, 2)] {
        bench.memory.objects.set_keys_a_page(keys);
        bench.memory.sources.set_keys_a_page(source);
        assert_eq!(audited(&bench, &all(), false).unwrap(), whole, "{keys} and {source} a page");
    }
    assert!(whole.drifted() > 0);
}

type Damage = fn(&Bench, &[SceneSpec; 3]);

/// What was done, by whom, and what is to be found.
type Case<'a> = (&'a str, Damage, Vec<(Class, &'a str)>);

/// Each is found and named, repaired through the queues, and then gone.
#[test]
fn every_class_of_drift_is_found_and_repaired() {
    const DOCUMENT: &str = "CBERS4/MUX/057/121/catalog.json";
    const PATH: &str = "CBERS4/MUX/057/catalog.json";
    let scenes = [scene(121, 1), scene(121, 2), scene(122, 1)];
    let [first, second, third] = &scenes;
    let [first, second, third] = [first, second, third].map(item_key);
    let cases: [Case<'_>; 12] = [
        (
            "an item is removed",
            |bench, scenes| bench.memory.objects.remove(&item_key(&scenes[0])),
            vec![(Class::SourceWithoutItem, &first), (Class::LinkWithoutObject, &first)],
        ),
        (
            "a row's document is that of before its last item",
            |bench, _| edit(bench, DOCUMENT, |row| _ = row["links"].as_array_mut().unwrap().pop()),
            vec![(Class::NotLinked, &second)],
        ),
        (
            "a row's document is removed",
            |bench, _| bench.memory.objects.remove(DOCUMENT),
            vec![(Class::DocumentMissing, DOCUMENT), (Class::LinkWithoutObject, DOCUMENT)],
        ),
        (
            "a parent's document is removed",
            |bench, _| bench.memory.objects.remove(PATH),
            vec![(Class::DocumentMissing, PATH), (Class::LinkWithoutObject, PATH)],
        ),
        (
            "a parent does not link a level",
            |bench, _| edit(bench, PATH, |path| _ = path["links"].as_array_mut().unwrap().pop()),
            vec![(Class::NotLinked, "CBERS4/MUX/057/122/catalog.json")],
        ),
        (
            "a row is removed with all that is in it",
            |bench, scenes| {
                bench.memory.objects.remove(&item_key(&scenes[2]));
                bench.memory.objects.remove("CBERS4/MUX/057/122/catalog.json");
            },
            vec![(Class::SourceWithoutItem, &third), (Class::LinkWithoutObject, "CBERS4/MUX/057/122/catalog.json")],
        ),
        (
            "a document is cut off",
            |bench, _| bench.memory.objects.insert(DOCUMENT, "{\"type\":\"Catalog\","),
            vec![(Class::DocumentMalformed, DOCUMENT)],
        ),
        (
            "a document has lost its revision",
            |bench, _| edit(bench, PATH, |path| _ = path.as_object_mut().unwrap().remove("lazycat:revision")),
            vec![(Class::DocumentMalformed, PATH)],
        ),
        (
            "a document has another text",
            |bench, _| edit(bench, "CBERS4/MUX/collection.json", |camera| camera["title"] = "Another".into()),
            vec![(Class::DocumentStale, "CBERS4/MUX/collection.json")],
        ),
        (
            "an item is edited",
            |bench, scenes| edit(bench, &item_key(&scenes[2]), |item| item["properties"]["gsd"] = 1.into()),
            vec![(Class::ItemDiffers, &third)],
        ),
        (
            "an item is served as text",
            |bench, scenes| bench.memory.objects.set_content_type(&item_key(&scenes[0]), "text/plain"),
            vec![(Class::ContentType, &first)],
        ),
        (
            "a row's document is served as text",
            |bench, _| bench.memory.objects.set_content_type(DOCUMENT, "text/plain"),
            vec![(Class::ContentType, DOCUMENT)],
        ),
    ];
    for (what, damage, found) in cases {
        let bench = made_of(&scenes);
        damage(&bench, &scenes);
        let before = bench.memory.objects.snapshot();
        let report = audited(&bench, &all(), false).unwrap();
        assert_eq!(drift(&report), expected(&found), "{what}");
        assert!(report.repairs.levels + report.repairs.scenes > 0, "{what}: {:?}", report.repairs);
        assert!(bench.memory.quiet() && bench.memory.objects.snapshot() == before, "{what}: only told");
        assert_eq!(audited(&bench, &all(), true).unwrap(), report, "{what}");
        assert_eq!(bench.memory.objects.snapshot(), before, "{what}: an audit writes no catalog itself");
        work_off(&bench);
        let after = audited(&bench, &all(), false).unwrap();
        assert_eq!(drift(&after), BTreeMap::new(), "{what}");
    }
}

/// Without a source that a scene's item could be made from again, there is nothing to compare it with.
#[test]
fn what_belongs_nowhere_is_told_and_never_removed() {
    let (bench, _) = three();
    for key in ["index.html", "docs/catalog.json", "CBERS4/MUX/catalog.json", "CBERS4/MUX/057/121/notes.txt"] {
        bench.memory.objects.insert(key, "{}");
    }
    let settings = Settings { prune: Some(1.0), ..all() };
    let report = audited(&bench, &settings, true).unwrap();
    let strays = ["CBERS4/MUX/057/121/notes.txt", "CBERS4/MUX/catalog.json", "docs/catalog.json", "index.html"];
    assert_eq!(drift(&report), expected(&strays.map(|key| (Class::Stray, key))));
    assert!(bench.memory.quiet());
}

/// A rebuild links it, so its row is not stale once it has been rebuilt; but it stays told.
#[test]
fn a_json_file_in_a_row_is_a_stray_that_the_row_is_to_link() {
    let (bench, _) = three();
    bench.memory.objects.insert("CBERS4/MUX/057/121/other.json", "{}");
    let stray = (Class::Stray, "CBERS4/MUX/057/121/other.json");
    let report = audited(&bench, &all(), true).unwrap();
    assert_eq!(drift(&report), expected(&[stray, (Class::NotLinked, stray.1)]));
    work_off(&bench);
    assert_eq!(drift(&audited(&bench, &all(), true).unwrap()), expected(&[stray]));
}

#[test]
fn a_level_that_is_marked_and_the_one_above_it_are_pending() {
    let (bench, _) = three();
    for key in ["CBERS4/MUX/057/121/catalog.json", "CBERS4/MUX/057/catalog.json", "CBERS4/catalog.json"] {
        bench.memory.objects.insert(key, "cut off");
    }
    let mark = Mark { level: level_of(ROW), token: Token("1".to_owned()), since: chrono::DateTime::UNIX_EPOCH };
    assert!(run(bench.memory.marks.mark(&[mark])).iter().all(Result::is_ok));
    let report = audited(&bench, &all(), true).unwrap();
    assert_eq!(drift(&report), expected(&[(Class::DocumentMalformed, "CBERS4/catalog.json")]));
    assert_eq!(report.pending[&Class::DocumentMalformed].count, 2);
    assert_eq!(report.repairs.levels, 1, "what is owed is not marked again");
}

#[test]
fn while_a_message_waits_nothing_is_drift() {
    let (bench, scenes) = three();
    bench.memory.objects.remove(&item_key(&scenes[0]));
    let body = announced(&bench, &scenes[0]);
    assert!(run(bench.memory.scenes.send(&[body])).iter().all(Result::is_ok));
    let report = audited(&bench, &all(), true).unwrap();
    assert_eq!((report.drifted(), report.is_pending()), (0, 2));
    work_off(&bench);
    let report = audited(&bench, &all(), true).unwrap();
    assert_eq!((report.drifted(), report.is_pending()), (0, 0));
}

/// At whatever point of the audit it happens, and although nothing is owed before or after.
#[test]
fn a_scene_that_comes_and_is_done_while_the_audit_goes_on_is_no_drift() {
    for at in 1..20 {
        let (bench, _) = three();
        let new = scene(123, 5);
        let meanwhile = bench.clone();
        // Before its faults are asked again: the event works on a bench without any.
        bench.faults.before("inspect", at, move || {
            let body = announced(&meanwhile, &new);
            meanwhile.send_and_take(&[body]);
            meanwhile.settle();
        });
        let report = audited(&bench, &all(), true).unwrap();
        assert_eq!((drift(&report), report.is_pending()), (BTreeMap::new(), 0), "before read {at}");
    }
}

#[test]
fn items_without_source_are_withdrawn_only_when_asked_and_when_they_are_few() {
    let (bench, scenes) = three();
    bench.memory.sources.remove(BUCKET, &scenes[1].source_key());
    let without_source = expected(&[(Class::ItemWithoutSource, &item_key(&scenes[1]))]);
    for (prune, spared, withdrawals) in [(None, false, 0), (Some(0.3), true, 0), (Some(0.34), false, 1)] {
        let report = audited(&bench, &Settings { prune, ..all() }, true).unwrap();
        assert_eq!(drift(&report), without_source);
        assert_eq!((report.spared.is_some(), report.repairs.withdrawals), (spared, withdrawals), "{prune:?}");
        if let Some(spared) = report.spared {
            assert_eq!((spared.items, spared.share, spared.allowed), (1, 1.0 / 3.0, 0.3));
        }
        assert_eq!(bench.memory.scenes.bodies().len() as u64, withdrawals);
    }
    work_off(&bench);
    assert!(!bench.has(&item_key(&scenes[1])));
    assert_eq!(drift(&audited(&bench, &all(), false).unwrap()), BTreeMap::new());
}

/// A new item is for everybody; one that is made again is for those who load it.
#[test]
fn a_missing_item_is_published_to_all_and_a_wrong_one_internally() {
    let (bench, scenes) = three();
    bench.memory.objects.remove(&item_key(&scenes[0]));
    edit(&bench, &item_key(&scenes[2]), |item| item["properties"]["gsd"] = 1.into());
    let before = bench.memory.topic.snapshot().len();
    audited(&bench, &all(), true).unwrap();
    work_off(&bench);
    let mut published: Vec<(String, bool)> = bench.memory.topic.snapshot()[before..]
        .iter()
        .map(|message| {
            assert!(matches!(message.event, ItemEvent::Put(_)));
            (message.key.clone(), message.audience == Audience::Public)
        })
        .collect();
    published.sort();
    assert_eq!(published, [(item_key(&scenes[0]), true), (item_key(&scenes[2]), false)]);
}

#[test]
fn a_level_is_audited_with_all_below_it_and_nothing_else() {
    let (bench, scenes) = three();
    bench.memory.objects.remove(&item_key(&scenes[0]));
    bench.memory.objects.remove(&item_key(&scenes[2]));
    let only = |top: &str| audited(&bench, &Settings { top: level_of(top), ..all() }, false);
    let report = only("CBERS4/MUX/057/122").unwrap();
    let key = item_key(&scenes[2]);
    let found = [(Class::SourceWithoutItem, key.as_str()), (Class::LinkWithoutObject, key.as_str())];
    assert_eq!(drift(&report), expected(&found));
    assert_eq!((report.looked.levels, report.looked.scenes), (1, 1));
    assert_eq!(only("CBERS4/MUX/057").unwrap().drifted(), 4);
    let nothing = only("CBERS4/MUX/058");
    assert!(matches!(nothing, Err(AuditError::Nothing { .. })), "{nothing:?}");
}

#[test]
fn a_page_that_fails_is_asked_for_again_and_then_the_audit_fails_with_one_error() {
    let (bench, _) = three();
    for operation in ["list flat", "list source", "inspect", "look at queues"] {
        // A damage, so that all of them are asked.
        bench.memory.objects.insert("CBERS4/catalog.json", "cut off");
        let clear = bench.faults.clone();
        bench.faults.of(operation, "", Fault::Unavailable);
        bench.faults.before(operation, 3, move || clear.clear());
        assert_eq!(audited(&bench, &all(), false).unwrap().drifted(), 1, "{operation}");
        bench.faults.of(operation, "", Fault::Unavailable);
        let failed = audited(&bench, &all(), false);
        assert!(matches!(failed, Err(AuditError::Port(PortError::Unavailable { .. }))), "{operation}: {failed:?}");
        bench.faults.clear();
        bench.faults.of(operation, "", Fault::Denied);
        let denied = audited(&bench, &all(), false);
        assert!(matches!(denied, Err(AuditError::Port(PortError::Denied { .. }))), "{operation}: {denied:?}");
        bench.faults.clear();
    }
}

#[test]
fn a_bucket_that_is_not_there_fails_the_audit_and_prunes_nothing() {
    let (bench, _) = three();
    let settings = Settings { sources: vec!["nobodys".to_owned()], prune: Some(1.0), ..all() };
    let failed = audited(&bench, &settings, true);
    assert!(matches!(failed, Err(AuditError::Port(PortError::NotFound { .. }))), "{failed:?}");
    assert!(bench.memory.quiet());
}

#[test]
fn two_repairs_at_once_do_no_harm() {
    let (bench, scenes) = three();
    bench.memory.objects.remove(&item_key(&scenes[0]));
    bench.memory.objects.remove("CBERS4/catalog.json");
    let meanwhile = bench.clone();
    bench.faults.before("look at queues", 1, move || {
        // A bench of the same memory, but without this event.
        let other = Bench::over(&meanwhile.memory);
        assert!(audited(&other, &all(), true).unwrap().drifted() > 0);
    });
    assert!(audited(&bench, &all(), true).unwrap().is_pending() > 0, "the other's repairs are under way");
    work_off(&bench);
    assert_eq!(drift(&audited(&bench, &all(), false).unwrap()), BTreeMap::new());
}

#[test]
fn a_seed_chooses_the_sample_and_the_same_one_each_time() {
    let scenes: Vec<SceneSpec> = (1..=12).map(|day| scene(121, day)).collect();
    let bench = made_of(&scenes);
    let compared = |seed| {
        bench.faults.forget();
        let settings = Settings { content: Content::Sample { items: 4, seed }, ..all() };
        let report = audited(&bench, &settings, false).unwrap();
        assert_eq!((report.looked.compared, report.drifted()), (4, 0));
        let mut read: Vec<String> =
            bench.faults.asked().into_iter().filter(|(name, _)| *name == "read source").map(|(_, key)| key).collect();
        read.sort();
        read
    };
    let of_seven = compared(7);
    assert_eq!((of_seven.len(), compared(7)), (4, of_seven.clone()));
    assert!((8..20).any(|seed| compared(seed) != of_seven), "every seed chooses the same");
}
