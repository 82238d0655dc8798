//! What a scene and a level cost: how often each service is asked.

use std::collections::BTreeMap;

use lazycat_tests::bench::Bench;

use crate::{ROW, announced, quicklook_record, reprocess_record, scene, supply};

/// Everything that was asked for, and how often.
fn asked(bench: &Bench) -> BTreeMap<String, u64> {
    let asked = bench.memory.requests.snapshot();
    bench.memory.requests.clear();
    asked
}

fn counts<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(operation, count)| (operation.to_owned(), count)).collect()
}

#[test]
fn a_scene_costs_one_get_one_put_one_mark_and_one_publish() {
    let bench = Bench::new();
    let _ = bench.take(&[announced(&bench, &scene(121, 18))]);
    assert_eq!(asked(&bench), counts([("read source", 1), ("put item", 1), ("put mark", 1), ("publish", 1)]));
}

#[test]
fn scenes_of_one_row_in_a_batch_share_their_mark() {
    let bench = Bench::new();
    let bodies: Vec<String> = (11..21).map(|day| announced(&bench, &scene(121, day))).collect();
    let _ = bench.take(&bodies);
    assert_eq!(asked(&bench), counts([("read source", 10), ("put item", 10), ("put mark", 1), ("publish", 10)]));
}

#[test]
fn a_reprocessed_scene_costs_one_look_more_and_a_skipped_one_two_reads() {
    let bench = Bench::new();
    supply(&bench, &scene(121, 18));
    let _ = bench.take(&[reprocess_record(&scene(121, 18), "first").encode()]);
    let first = [("read source", 1), ("get item", 1), ("put item", 1), ("put mark", 1), ("publish", 1)];
    assert_eq!(asked(&bench), counts(first));
    let _ = bench.take(&[reprocess_record(&scene(121, 18), "second").encode()]);
    assert_eq!(asked(&bench), counts([("read source", 1), ("get item", 1)]));
}

#[test]
fn a_withdrawal_costs_one_delete_one_mark_and_one_publish() {
    let bench = Bench::new();
    let mut record = quicklook_record(&scene(121, 18));
    record.removed = true;
    let _ = bench.take(&[record.encode()]);
    assert_eq!(asked(&bench), counts([("delete item", 1), ("put mark", 1), ("publish", 1)]));
}

#[test]
fn a_batch_of_nothing_costs_nothing() {
    let bench = Bench::new();
    let _ = bench.take(&[]);
    assert_eq!(asked(&bench), counts([]));
}

#[test]
fn a_row_costs_two_gets_a_list_a_page_one_put_and_a_mark_while_it_is_new() {
    let bench = Bench::new();
    for number in 0..2_500 {
        bench.memory.objects.insert(format!("{ROW}/item-{number:04}.json"), "{}");
    }
    bench.rebuild(ROW).unwrap();
    assert_eq!(asked(&bench), counts([("get", 2), ("list", 3), ("put if", 1), ("put mark", 1)]));
    bench.settle();
    let _ = asked(&bench);
    bench.rebuild(ROW).unwrap();
    assert_eq!(asked(&bench), counts([("get", 2), ("list", 3), ("put if", 1)]));
}

#[test]
fn a_parent_costs_two_gets_a_list_a_look_for_each_new_child_and_a_put_when_it_changes() {
    let bench = Bench::new();
    for path in 0..30 {
        bench.memory.objects.insert(format!("CBERS4/MUX/{path:03}/catalog.json"), "{}");
    }
    bench.rebuild("CBERS4/MUX").unwrap();
    assert_eq!(asked(&bench), counts([("get", 2), ("list", 1), ("head", 30), ("put if", 1), ("put mark", 1)]));
    bench.settle();
    let _ = asked(&bench);
    bench.rebuild("CBERS4/MUX").unwrap();
    assert_eq!(asked(&bench), counts([("get", 2), ("list", 1)]));
    bench.memory.objects.insert("CBERS4/MUX/030/catalog.json", "{}");
    bench.rebuild("CBERS4/MUX").unwrap();
    assert_eq!(asked(&bench), counts([("get", 2), ("list", 1), ("head", 1), ("put if", 1)]));
}

#[test]
fn the_root_costs_one_get() {
    let bench = Bench::new();
    bench.rebuild("/").unwrap();
    assert_eq!(asked(&bench), counts([("get", 1), ("list", 1), ("put if", 1)]));
}

#[test]
fn a_mark_costs_a_message_and_a_deletion_and_a_page_of_them_one_scan() {
    let bench = Bench::new();
    let bodies: Vec<String> = (100..125).map(|row| announced(&bench, &scene(row, 18))).collect();
    let _ = bench.take(&bodies);
    bench.memory.marks.set_marks_a_page(10);
    let _ = asked(&bench);
    bench.tick().unwrap();
    assert_eq!(asked(&bench), counts([("scan marks", 3), ("send levels", 25), ("remove mark", 25)]));
}

#[test]
fn however_many_scenes_touch_a_row_it_is_rebuilt_once_a_tick() {
    let bench = Bench::new();
    for day in 1..29 {
        let _ = bench.take(&[announced(&bench, &scene(121, day))]);
    }
    let _ = asked(&bench);
    assert_eq!(bench.tick_and_update(), [ROW]);
    assert_eq!(bench.memory.requests.count("put if"), 1);
    assert_eq!(bench.hrefs(&format!("{ROW}/catalog.json"), "item").len(), 28);
}
