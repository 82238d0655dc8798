//! Loaders beside each other: whatever their order, the newest stays; and whoever is the first to open an index, it is made.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use lazycat::index::Index;
use proptest::prelude::*;
use serde_json::Value;

use crate::world::{World, envelope, item, message, withdrawal};

/// One message: which item, when, and whether it is taken out.
#[derive(Debug, Clone)]
struct Step {
    id: usize,
    second: i64,
    is_withdrawn: bool,
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    // No two at one time: which of them is the newer would be open.
    let step = (0..4_usize, any::<bool>());
    prop::collection::vec(step, 1..most)
        .prop_map(|steps| {
            let numbered = steps.into_iter().zip(1..);
            numbered.map(|((id, is_withdrawn), second)| Step { id, second, is_withdrawn }).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn body(step: &Step) -> String {
    let id = format!("i{}", step.id);
    let body: String = match step.is_withdrawn {
        true => withdrawal("c", &id, step.second),
        false => Value::to_string(&item("c", &id, &step.second.to_string())),
    };
    envelope(&body, step.second)
}

/// The title of each item that the newest message has left.
fn newest(steps: &[Step]) -> BTreeMap<String, String> {
    let mut last: BTreeMap<usize, &Step> = BTreeMap::new();
    for step in steps {
        let known = last.entry(step.id).or_insert(step);
        if known.second < step.second {
            *known = step;
        }
    }
    let left = last.into_values().filter(|step| !step.is_withdrawn);
    left.map(|step| (format!("i{}", step.id), step.second.to_string())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn in_any_order_and_any_batches_with_repeats_the_newest_stays(
        steps in steps(24), sizes in prop::collection::vec(1..6_usize, 24), again in prop::collection::vec(any::<prop::sample::Index>(), 0..8)
    ) {
        let world = World::new();
        let mut left: Vec<_> = steps.iter().chain(again.iter().map(|at| at.get(&steps))).map(body).map(|body| message(body, 0)).collect();
        for size in sizes {
            let batch: Vec<_> = left.drain(..size.min(left.len())).collect();
            let report = world.load(&batch);
            prop_assert!(report.acknowledged.iter().all(|done| *done));
        }
        world.load(&left);
        prop_assert_eq!(world.titles(), newest(&steps));
    }

    #[test]
    fn two_loaders_at_once_leave_the_newest(steps in steps(40)) {
        let world = World::new();
        let bodies: Vec<_> = steps.iter().map(|step| message(body(step), 0)).collect();
        let (one, other) = bodies.split_at(bodies.len() / 2);
        std::thread::scope(|scope| {
            for half in [one, other] {
                let world = &world;
                scope.spawn(move || half.chunks(3).for_each(|batch| drop(world.load(batch))));
            }
        });
        prop_assert_eq!(world.titles(), newest(&steps));
    }
}

#[test]
fn who_opens_a_new_index_at_once_with_others_finds_it_made() {
    for _ in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let start = Barrier::new(6);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    start.wait();
                    assert!(!Index::open(folder.path()).unwrap().is_complete().unwrap());
                });
            }
        });
    }
}
