//! Reprocessing: who hears of it, and when a scene may be skipped.

use lazycat::generate::Report;
use lazycat::message::{Audience, SceneRecord};
use lazycat::ports::{ItemPut, WriteItems as _};
use lazycat_fixtures::SceneSpec;
use lazycat_tests::bench::{Bench, cut, deliveries, run};
use lazycat_tests::faults::Fault;

use crate::{ROW, announced, item_key, quicklook_record, reprocess_record, scene, supply};

/// Takes one record.
fn take(bench: &Bench, record: &SceneRecord) -> Report {
    bench.take(&[record.encode()])
}

/// A bench where the scene's item stands, whole, put by the reprocess message of this id, or by one without id; and
/// where nothing is marked.
fn after(message_id: Option<&str>) -> (Bench, SceneSpec) {
    let (bench, scene) = (Bench::new(), scene(121, 18));
    supply(&bench, &scene);
    let record = match message_id {
        Some(id) => reprocess_record(&scene, id),
        None => quicklook_record(&scene),
    };
    assert_eq!(take(&bench, &record).made, 1);
    bench.settle();
    bench.faults.forget();
    (bench, scene)
}

#[test]
fn a_scene_that_another_message_has_made_with_equal_bytes_is_skipped() {
    let (bench, scene) = after(Some("first"));
    let report = take(&bench, &reprocess_record(&scene, "second"));
    assert_eq!(report, Report { acknowledged: vec![true], unchanged: 1, ..Report::default() });
    assert_eq!(bench.faults.operations(), ["read source", "get item"]);
    assert!(bench.marked().is_empty());
}

/// All of it is done again.
fn assert_made_again(bench: &Bench, report: &Report, why: &str) {
    assert_eq!((&report.acknowledged, report.made, report.unchanged), (&vec![true], 1, 0), "{why}");
    let operations: Vec<&str> =
        bench.faults.operations().into_iter().filter(|operation| *operation != "get item").collect();
    assert_eq!(operations, ["read source", "put item", "put mark", "publish"], "{why}");
    assert_eq!(bench.marked(), [ROW], "{why}");
}

#[test]
fn a_scene_whose_stored_item_is_this_messages_own_is_never_skipped() {
    let (bench, scene) = after(Some("same"));
    let report = take(&bench, &reprocess_record(&scene, "same"));
    assert_made_again(&bench, &report, "it may have died before its mark");
}

#[test]
fn a_scene_whose_stored_item_names_no_message_is_never_skipped() {
    let (bench, scene) = after(None);
    let report = take(&bench, &reprocess_record(&scene, "first"));
    assert_made_again(&bench, &report, "the message that put it may still be under way");
    // Now it names one.
    bench.settle();
    assert_eq!(take(&bench, &reprocess_record(&scene, "second")).unchanged, 1);
}

#[test]
fn a_forced_scene_is_never_skipped() {
    let (bench, scene) = after(Some("first"));
    let mut record = reprocess_record(&scene, "second");
    record.force = true;
    let report = take(&bench, &record);
    assert_made_again(&bench, &report, "force");
    assert!(bench.faults.subjects("get item").is_empty(), "there is no need to look");
}

#[test]
fn a_scene_whose_stored_bytes_differ_is_never_skipped() {
    let (bench, scene) = after(Some("first"));
    let other = ItemPut { key: item_key(&scene), bytes: b"{}".to_vec(), message_id: Some("first".into()) };
    let _ = run(bench.memory.objects.put(&[other]));
    let report = take(&bench, &reprocess_record(&scene, "second"));
    assert_made_again(&bench, &report, "other bytes");
}

#[test]
fn a_message_without_id_is_never_skipped() {
    for stored_by in [None, Some("first")] {
        let (bench, scene) = after(stored_by);
        let report = take(&bench, &quicklook_record(&scene));
        assert_made_again(&bench, &report, "equal bytes excuse nothing");
        assert!(bench.faults.subjects("get item").is_empty());
        let mut reprocess = reprocess_record(&scene, "");
        reprocess.message_id = None;
        bench.faults.forget();
        let report = take(&bench, &reprocess);
        assert_made_again(&bench, &report, "a reprocess message without id");
    }
}

#[test]
fn a_put_writes_down_whose_it_is() {
    let (bench, scene) = after(Some("first"));
    let stored = |bench: &Bench| bench.memory.objects.snapshot()[&item_key(&scene)].message_id.clone();
    assert_eq!(stored(&bench).as_deref(), Some("first"));
    let _ = take(&bench, &quicklook_record(&scene));
    assert_eq!(stored(&bench), None);
}

#[test]
fn a_stored_item_that_cannot_be_read_is_no_reason_to_skip_but_to_come_back() {
    let (bench, scene) = after(Some("first"));
    bench.faults.of("get item", "", Fault::Unavailable);
    let report = take(&bench, &reprocess_record(&scene, "second"));
    assert_eq!((report.acknowledged, report.unchanged), (vec![false], 0));
    assert_eq!(bench.faults.operations(), ["read source", "get item"]);
}

#[test]
fn an_attempt_that_died_anywhere_is_made_good_by_its_next() {
    let body = |bench: &Bench| {
        let scene = scene(121, 18);
        supply(bench, &scene);
        reprocess_record(&scene, "id").encode()
    };
    let mut done = false;
    let mut polls = 0;
    while !done {
        let bench = Bench::new();
        let batch = deliveries(&[body(&bench)]);
        done = cut(bench.generate(&batch), polls).is_some();
        let published = bench.memory.topic.snapshot().len();
        let report = run(bench.generate(&batch));
        assert_eq!((report.acknowledged, report.made), (vec![true], 1), "cut after {polls} polls");
        assert_eq!(bench.marked(), [ROW], "cut after {polls} polls");
        assert_eq!(bench.memory.topic.snapshot().len(), published + 1, "cut after {polls} polls");
        polls += 1;
    }
    assert!(polls > 5);
}

#[test]
fn a_scene_that_an_earlier_message_of_the_batch_touches_is_not_skipped() {
    // What stands in the catalog is not what will stand there when its turn has come.
    let (bench, scene) = after(Some("first"));
    let mut withdrawal = quicklook_record(&scene);
    withdrawal.removed = true;
    let report = bench.take(&[withdrawal.encode(), reprocess_record(&scene, "second").encode()]);
    assert_eq!((report.acknowledged, report.withdrawn, report.made), (vec![true, true], 1, 1));
    assert!(bench.has(&item_key(&scene)), "it was withdrawn first and then made");

    let (bench, scene) = after(Some("first"));
    let mut with_png = quicklook_record(&scene);
    with_png.source.key = scene.quicklook_key().replace(".jpg", ".png");
    let _ = bench.take(&[with_png.encode(), reprocess_record(&scene, "second").encode()]);
    assert_eq!(bench.document(&item_key(&scene))["assets"]["thumbnail"]["type"], "image/jpeg");
}

#[test]
fn a_scene_may_be_skipped_before_a_later_message_of_the_batch_withdraws_it() {
    let (bench, scene) = after(Some("first"));
    let mut withdrawal = quicklook_record(&scene);
    withdrawal.removed = true;
    let report = bench.take(&[reprocess_record(&scene, "second").encode(), withdrawal.encode()]);
    assert_eq!((report.acknowledged, report.unchanged, report.withdrawn), (vec![true, true], 1, 1));
    assert!(!bench.has(&item_key(&scene)));
}

#[test]
fn reprocessed_items_go_to_the_internal_topic_and_new_ones_to_the_public() {
    let bench = Bench::new();
    let mut forced = reprocess_record(&scene(122, 18), "b");
    forced.force = true;
    let mut with_id = quicklook_record(&scene(123, 18));
    with_id.message_id = Some("c".into());
    for row in 120..124 {
        supply(&bench, &scene(row, 18));
    }
    let bodies = [
        quicklook_record(&scene(120, 18)).encode(),
        reprocess_record(&scene(121, 18), "a").encode(),
        forced.encode(),
        with_id.encode(),
    ];
    let _ = bench.take(&bodies);
    let audiences: Vec<Audience> = bench.memory.topic.snapshot().iter().map(|message| message.audience).collect();
    assert_eq!(audiences, [Audience::Public, Audience::Internal, Audience::Internal, Audience::Public]);
}

#[test]
fn a_skipped_scene_does_not_keep_its_neighbours_from_being_made() {
    let (bench, skipped) = after(Some("first"));
    let bodies = [reprocess_record(&skipped, "second").encode(), announced(&bench, &scene(122, 18))];
    let report = bench.take(&bodies);
    assert_eq!((report.acknowledged, report.unchanged, report.made), (vec![true, true], 1, 1));
    assert_eq!(bench.marked(), ["CBERS4/MUX/057/122"]);
}
