//! The update protocol, explored exhaustively: safe as it is, and every defence is needed. See `lazycat_tests::model`.
//!
//! `cargo test -p lazycat-tests --test model -- --nocapture` prints how many states were visited, and for each defence
//! the shortest way to lose without it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::time::Instant;

use lazycat_tests::model::{Action, Protocol, State, invariants, losses, trace, worlds};
use stateright::{Checker, Expectation, HasDiscoveries, Model, Path};

/// Visits every state of a world: the invariants hold in each, and the good end is reached in every way it should be.
fn is_safe(world: &Protocol) {
    let began = Instant::now();
    let checker = world.clone().checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let discoveries = checker.discoveries();
    for property in checker.model().properties() {
        match (property.expectation, discoveries.get(property.name)) {
            (Expectation::Sometimes, None) => panic!("{}: never reached: {}", world.name, property.name),
            (Expectation::Sometimes, Some(_)) | (_, None) => {}
            (_, Some(path)) => {
                panic!("{}: {} is broken:\n{}", world.name, property.name, trace::tell(world, path.clone()))
            }
        }
    }
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    println!("{states:>8} states, {steps:>8} steps, {:>4.1} s: {}", began.elapsed().as_secs_f32(), world.name);
}

#[test]
fn two_scenes_of_a_row_are_both_linked() {
    is_safe(&worlds::TWO_SCENES_OF_A_ROW);
}

#[test]
fn a_batch_fails_record_by_record() {
    is_safe(&worlds::BATCH);
}

#[test]
fn two_movers_do_not_harm_each_other() {
    is_safe(&worlds::TWO_MOVERS);
}

#[test]
fn a_withdrawn_scene_is_unlinked() {
    is_safe(&worlds::WITHDRAWAL);
}

#[test]
fn a_scene_that_comes_back_is_linked_again() {
    is_safe(&worlds::BACK_AGAIN);
}

#[test]
fn a_new_branch_is_linked_from_above() {
    is_safe(&worlds::NEW_BRANCH);
}

#[test]
fn a_new_branch_climbs_level_by_level() {
    is_safe(&worlds::TALL_BRANCH);
}

#[test]
fn two_rows_are_both_linked_from_their_path() {
    is_safe(&worlds::FORK);
}

#[test]
fn a_reprocess_message_relies_on_an_earlier_one_only() {
    is_safe(&worlds::REPROCESS);
}

#[test]
fn in_a_directory_the_id_is_written_first() {
    is_safe(&worlds::DIRECTORY);
}

#[test]
fn dead_letters_come_back() {
    is_safe(&worlds::DEAD_LETTERS);
}

#[test]
fn a_damaged_catalog_is_mended() {
    is_safe(&worlds::DAMAGE);
}

#[test]
fn a_damaged_catalog_of_a_branch_is_mended() {
    is_safe(&worlds::DAMAGED_BRANCH);
}

/// The shortest way to break a property. The checker gives one of the violations it met before it looked up; so it is
/// asked again, no deeper, until there is none.
fn shortest(model: &Protocol, property: &'static str) -> Option<Path<State, Action>> {
    let finish = || HasDiscoveries::AllOf(BTreeSet::from([property]));
    let mut found: Option<Path<State, Action>> = None;
    loop {
        let search = model.clone().checker().finish_when(finish());
        let search = match &found {
            None => search,
            // A path of n states has n - 1 steps; states at the bound are not looked at any more.
            Some(path) => search.target_max_depth(path.clone().into_states().len()),
        };
        match search.spawn_bfs().join().discovery(property) {
            Some(shorter) => found = Some(shorter),
            None => return found,
        }
    }
}

#[test]
fn without_any_one_of_its_defences_the_protocol_loses() {
    let mut not_lost = Vec::new();
    for loss in losses::all() {
        let model = Protocol { fault: Some(loss.fault), ..loss.world.clone() };
        for (number, property) in loss.breaks.iter().enumerate() {
            let Some(path) = shortest(&model, property) else {
                not_lost.push(format!("{:?} does not break {property:?}", loss.fault));
                continue;
            };
            let steps = path.clone().into_actions().len();
            println!("{:?} breaks {property:?} in {steps} steps", loss.fault);
            if number == 0 {
                println!("{}", trace::tell(&model, path));
            }
        }
    }
    assert!(not_lost.is_empty(), "{}", not_lost.join("\n"));
}

/// So that it is the missing defence that loses, and nothing else.
#[test]
fn the_worlds_in_which_a_defence_is_missed_are_safe_with_it() {
    for loss in losses::all() {
        let world = Protocol { symmetry: true, ..loss.world };
        let checker = world.clone().checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        for invariant in invariants::INVARIANTS {
            if let Some(path) = checker.discovery(invariant) {
                panic!("{:?}: {invariant} is broken:\n{}", loss.fault, trace::tell(&world, path));
            }
        }
    }
}
