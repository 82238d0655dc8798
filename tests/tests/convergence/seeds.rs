//! Scenarios and schedules drawn by lot.

use std::collections::BTreeMap;
use std::env;

use lazycat_tests::simulation::monitor::CONVERGED;
use lazycat_tests::simulation::{Kind, Profile, Seed, Variant};

/// What goes wrong; each of it must be met.
const TROUBLES: [&str; 10] = [
    "conflict",
    "death",
    "death with a request under way",
    "duplicate",
    "late request",
    "lost answer",
    "redrive",
    "refusal",
    "short answer",
    "throttling",
];

/// Runs seeds of a kind; what was met, and how often.
fn converge(kind: Kind, profile: Profile, seeds: u64) -> BTreeMap<&'static str, usize> {
    let (mut steps, mut met) = (0, BTreeMap::new());
    for number in 0..seeds {
        let seed = Seed::Drawn(kind, profile, number);
        let outcome = seed.run(None, false);
        assert!(outcome.violations.is_empty(), "{}", seed.story(None));
        steps += outcome.steps;
        for (name, count) in outcome.met {
            *met.entry(name).or_default() += count;
        }
    }
    println!("{kind:?}, {profile:?}: {seeds} seeds, {steps} steps, met {met:?}");
    met
}

/// Runs seeds where anything may go wrong, and sees to it that all of it does.
fn converge_whatever_goes_wrong(kind: Kind, seeds: u64) {
    let met = converge(kind, Profile::Any, seeds);
    for trouble in TROUBLES {
        assert!(met.get(trouble).is_some_and(|count| *count > 0), "no {trouble} was met");
    }
}

#[test]
fn whatever_goes_wrong_the_catalog_converges_under_uniform_schedules() {
    converge_whatever_goes_wrong(Kind::Uniform, 300);
}

#[test]
fn whatever_goes_wrong_the_catalog_converges_under_schedules_by_priority() {
    converge_whatever_goes_wrong(Kind::Priorities, 300);
}

#[test]
fn whatever_goes_wrong_at_one_row_the_catalog_converges() {
    for profile in [Profile::OneRow, Profile::Race, Profile::OneScene] {
        for kind in [Kind::Uniform, Kind::Priorities] {
            let _ = converge(kind, profile, 200);
        }
    }
}

#[test]
fn where_nothing_goes_wrong_requests_are_as_few_as_the_protocol_says_in_any_order() {
    for kind in [Kind::Uniform, Kind::Priorities] {
        let met = converge(kind, Profile::Calm, 150);
        let troubles = met.into_iter().filter(|(name, count)| *count > 0 && *name != "conflict");
        assert_eq!(troubles.collect::<Vec<_>>(), []);
    }
}

#[test]
fn a_run_is_repeated_by_its_seed() {
    for number in 0..10 {
        let seed = Seed::Drawn(Kind::Priorities, Profile::Any, number);
        assert_eq!(seed.run(None, true).trace, seed.run(None, true).trace, "{seed}");
    }
}

#[test]
fn a_failure_is_told_with_the_line_that_repeats_it_and_with_its_steps() {
    let seed: Seed = "uniform:one-row:9".parse().unwrap();
    let story = seed.story(Some(Variant::AcknowledgeSourceFirst));
    assert!(story.starts_with("SIMULATION_SEED=uniform:one-row:9 cargo test "), "{story}");
    for told in [CONVERGED, "after step", "smallest scenario", "Generator(0): acknowledge"] {
        assert!(story.contains(told), "{told:?} is not told: {story}");
    }
}

/// The seed that is asked for; or some under which a defence would be missed.
#[test]
fn the_seed_that_is_asked_for_converges() {
    let seeds = match env::var("SIMULATION_SEED") {
        Ok(seed) => vec![seed],
        Err(_) => [
            "priorities:race:36",
            "uniform:one-row:9",
            "explore:late-write:13.1,29.1",
            "explore:two-ids:5.2,6.1,10.1,16.1",
            "explore:two-movers:10.1,12.2,18.2,21.2",
        ]
        .map(str::to_owned)
        .into(),
    };
    for seed in seeds {
        let seed: Seed = seed.parse().unwrap();
        println!("{}", seed.story(None));
        assert_eq!(seed.run(None, false).violations, [], "{seed}");
    }
}
