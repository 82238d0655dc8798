//! What the model of costs says is asked for, beside what the use cases ask for.

use std::collections::BTreeMap;

use lazycat::cost::{Work, Workload};
use lazycat_fixtures::SceneSpec;
use lazycat_tests::bench::Bench;

use crate::{ROW, announced, reprocess_record, scene, supply};

/// The rows of a pass along path 57.
const ROWS: std::ops::Range<u32> = 100..130;

/// How many messages a batch holds.
const BATCH: usize = 10;

/// What was asked for, and how often.
fn asked(bench: &Bench) -> BTreeMap<String, u64> {
    let mut asked = bench.memory.requests.snapshot();
    bench.memory.requests.clear();
    // The queues in memory give some of what is visible, so that their requests are not those of SQS.
    asked.retain(|operation, _| !["scenes", "levels"].iter().any(|queue| operation.ends_with(queue)));
    asked
}

/// What the model says.
fn told(work: &Work) -> BTreeMap<String, u64> {
    let requests = work.requests();
    let counts = [
        ("read source", requests.read_source),
        ("get item", requests.get_item),
        ("put item", requests.put_item),
        ("publish", requests.publish),
        ("put mark", requests.put_mark),
        ("scan marks", requests.scan_marks),
        ("remove mark", requests.remove_mark),
        ("get", requests.get),
        ("list", requests.list),
        ("head", requests.head),
        ("put if", requests.put_if),
    ];
    let whole = |count: f64| {
        assert_eq!(count.fract(), 0.0, "{requests:?}");
        count as u64
    };
    counts.into_iter().filter(|(_, count)| *count > 0.0).map(|(name, count)| (name.to_owned(), whole(count))).collect()
}

/// Takes scenes in batches; what a batch is followed by.
fn take(bench: &Bench, scenes: &[SceneSpec], after_each: impl Fn()) {
    for batch in scenes.chunks(BATCH) {
        let bodies: Vec<String> = batch.iter().map(|scene| announced(bench, scene)).collect();
        assert!(bench.take(&bodies).acknowledged.iter().all(|done| *done));
        after_each();
    }
}

/// Ticks until nothing is left to do; how often.
fn settle(bench: &Bench) -> u32 {
    let mut ticks = 0;
    while !bench.memory.marks.is_empty() {
        let _ = bench.tick_and_update();
        ticks += 1;
    }
    ticks
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.memory.marks.set_marks_a_page(1_000);
    bench
}

/// A catalog with one scene of each row.
fn filled() -> Bench {
    let bench = bench();
    take(&bench, &pass(1), || {});
    let _ = settle(&bench);
    bench.memory.requests.clear();
    bench
}

/// The scenes of one day: one of each row.
fn pass(day: u8) -> Vec<SceneSpec> {
    ROWS.map(|row| scene(row, day)).collect()
}

#[test]
fn a_pass_over_rows_that_are_there_asks_for_what_the_model_says() {
    let bench = filled();
    take(&bench, &pass(2), || drop(bench.tick_and_update()));
    let each = ROWS.len() as f64;
    let work = Work {
        scenes: each,
        marks: each,
        rebuilds: each,
        pages: each,
        ticks: each / 10.0,
        lazy: true,
        ..Work::default()
    };
    assert_eq!(asked(&bench), told(&work));
}

#[test]
fn scenes_of_one_row_within_a_tick_share_what_the_model_says_they_share() {
    let bench = filled();
    let scenes: Vec<SceneSpec> = (100..103).flat_map(|row| (2..12).map(move |day| scene(row, day))).collect();
    take(&bench, &scenes, || {});
    assert_eq!(settle(&bench), 1);
    let work = Work { scenes: 30.0, marks: 3.0, rebuilds: 3.0, pages: 3.0, ticks: 1.0, lazy: true, ..Work::default() };
    assert_eq!(asked(&bench), told(&work));
}

#[test]
fn a_new_catalog_asks_for_what_the_model_says_up_to_its_root() {
    let bench = bench();
    take(&bench, &pass(1), || {});
    let ticks = settle(&bench);
    assert_eq!(ticks, 5, "a level a tick");
    let rows = ROWS.len() as f64;
    // Path, camera, satellite and root; each level but the root is found by its parent, whom it has marked.
    let (levels, new_levels) = (rows + 4.0, rows + 3.0);
    let work = Work {
        scenes: rows,
        marks: rows + new_levels,
        rebuilds: levels,
        roots: 1.0,
        pages: levels,
        new_levels,
        ticks: f64::from(ticks),
        lazy: true,
        ..Work::default()
    };
    assert_eq!(asked(&bench), told(&work));
}

#[test]
fn a_reprocess_asks_for_what_the_model_says() {
    let bench = filled();
    let mut number = 0;
    for batch in pass(1).chunks(BATCH) {
        let body = |scene: &SceneSpec| {
            number += 1;
            supply(&bench, scene);
            reprocess_record(scene, &format!("message {number:03}")).encode()
        };
        let bodies: Vec<String> = batch.iter().map(body).collect();
        assert_eq!(bench.take(&bodies).made, BATCH);
    }
    assert_eq!(settle(&bench), 1);
    let each = ROWS.len() as f64;
    let work = Work {
        scenes: each,
        looked_up: each,
        marks: each,
        rebuilds: each,
        pages: each,
        ticks: 1.0,
        lazy: true,
        ..Work::default()
    };
    assert_eq!(asked(&bench), told(&work));
}

#[test]
fn rebuilding_a_row_after_each_of_its_scenes_asks_for_what_the_model_calls_eager() {
    let bench = filled();
    for day in 2..12 {
        let _ = bench.take(&[announced(&bench, &scene(121, day))]);
        bench.rebuild(ROW).unwrap();
    }
    let mut found = asked(&bench);
    assert_eq!(found.remove("put mark"), Some(10), "it would go without them");
    let work = Work { scenes: 10.0, rebuilds: 10.0, pages: 10.0, lazy: false, ..Work::default() };
    assert_eq!(found, told(&work));
}

#[test]
fn a_row_is_listed_in_as_many_pages_as_the_model_says() {
    for items in [999, 1_000, 2_500] {
        let bench = filled();
        for item in 1..items {
            bench.memory.objects.insert(format!("{ROW}/{item:05}.json"), b"{}");
        }
        bench.rebuild(ROW).unwrap();
        let workload = Workload { scenes_per_day: 1, scenes: 1, scenes_per_row: items, tick: 1.0, concurrency: 10 };
        assert_eq!(asked(&bench)["list"] as f64, workload.pages_a_row(), "{items} items");
    }
}
