//! Scenarios and schedules drawn by lot.

use std::env;

use lazycat_tests::simulation::{Kind, Profile, Seed};

/// Runs seeds of a kind; how many steps they took, and how often something went wrong.
fn converge(kind: Kind, profile: Profile, seeds: u64) {
    let (mut steps, mut troubles) = (0, 0);
    for number in 0..seeds {
        let seed = Seed::Drawn(kind, profile, number);
        let outcome = seed.run(None, false);
        assert!(outcome.violations.is_empty(), "{}", seed.story(None));
        steps += outcome.steps;
        troubles += outcome.troubles;
    }
    println!("{kind:?}, {profile:?}: {seeds} seeds, {steps} steps, {troubles} troubles");
    assert_eq!(troubles > 0, profile != Profile::Calm, "a run without troubles tells little");
}

#[test]
fn whatever_goes_wrong_the_catalog_converges_under_uniform_schedules() {
    converge(Kind::Uniform, Profile::Any, 300);
}

#[test]
fn whatever_goes_wrong_the_catalog_converges_under_schedules_by_priority() {
    converge(Kind::Priorities, Profile::Any, 300);
}

#[test]
fn whatever_goes_wrong_at_one_row_the_catalog_converges() {
    for profile in [Profile::OneRow, Profile::Race, Profile::OneScene] {
        converge(Kind::Uniform, profile, 200);
        converge(Kind::Priorities, profile, 200);
    }
}

#[test]
fn where_nothing_goes_wrong_requests_are_as_few_as_the_protocol_says_in_any_order() {
    converge(Kind::Uniform, Profile::Calm, 150);
    converge(Kind::Priorities, Profile::Calm, 150);
}

#[test]
fn a_run_is_repeated_by_its_seed() {
    for number in 0..10 {
        let seed = Seed::Drawn(Kind::Priorities, Profile::Any, number);
        assert_eq!(seed.run(None, true).trace, seed.run(None, true).trace, "{seed}");
    }
}

/// The seed that is asked for; or those that have once found something.
#[test]
fn the_seed_that_is_asked_for_converges() {
    let seeds = match env::var("SIMULATION_SEED") {
        Ok(seed) => vec![seed],
        Err(_) => ["priorities:any:1"].map(str::to_owned).into(),
    };
    for seed in seeds {
        let seed: Seed = seed.parse().unwrap();
        println!("{}", seed.story(None));
        assert_eq!(seed.run(None, false).violations, [], "{seed}");
    }
}
