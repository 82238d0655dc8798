//! Each defence taken out is noticed: the simulation finds the update that is then lost.
//!
//! `cargo test --package lazycat-tests --test convergence -- --nocapture defence` prints how many runs each way of
//! searching takes.

use std::collections::BTreeSet;

use lazycat_tests::simulation::monitor::{CONVERGED, I1, I2, I3, I4, I5, I6, I8};
use lazycat_tests::simulation::{Kind, Outcome, Profile, Seed, Variant, scopes};

/// How many seeds of a kind are tried at most.
const SEEDS: u64 = 100;

/// How many schedules of a scope are tried at most.
const SCHEDULES: usize = 3_000;

const PROFILES: [Profile; 4] = [Profile::Race, Profile::OneRow, Profile::Any, Profile::OneScene];

/// A defence taken out, what is then broken, the loss first, and the small scope in which it shows.
type Loss = (Variant, &'static [&'static str], &'static str);

const GENERATORS: &[Loss] = &[
    (Variant::MarkBeforePut, &[CONVERGED, I1], "two-updaters"),
    (Variant::AcknowledgeSourceFirst, &[CONVERGED, I1, I8], "death"),
    (Variant::SkipMarkOnEqualBytes, &[CONVERGED, I1], "death"),
    (Variant::SkipPublishOnEqualBytes, &[I8], "death"),
    (Variant::SkipMarkWhenLinked, &[CONVERGED, I1], "back-again"),
    (Variant::SkipMarkOnFirstReceive, &[CONVERGED, I1], "dead-letters"),
    (Variant::SkipOnAnyOtherId, &[CONVERGED, I1, I8], "two-ids"),
    (Variant::IgnoreFailedPut, &[CONVERGED], "answers"),
    (Variant::IgnoreFailedMark, &[CONVERGED, I1], "answers"),
    (Variant::IgnoreFailedPublish, &[I8], "answers"),
    (Variant::RedriveDeletesFirst, &[CONVERGED, I1], "dead-letters"),
];

const MARKS: &[Loss] = &[
    (Variant::MarkOnlyIfNone, &[CONVERGED, I1], "two-updaters"),
    (Variant::CounterToken, &[CONVERGED, I1, I4], "two-movers"),
    (Variant::TimestampToken, &[CONVERGED, I1, I4], "two-updaters"),
    (Variant::DeleteMarkBlindly, &[CONVERGED, I1, I4], "two-updaters"),
    (Variant::DeleteMarkFirst, &[CONVERGED, I1, I4], "death"),
    (Variant::IgnoreFailedSend, &[CONVERGED, I1, I4], "answers"),
    (Variant::FifoQueue, &[CONVERGED, I1], "two-updaters"),
];

const UPDATERS: &[Loss] = &[
    (Variant::BlindPut, &[CONVERGED, I1, I2, I3], "back-again"),
    (Variant::ReadAfterList, &[CONVERGED, I1, I2], "back-again"),
    (Variant::KeepListing, &[CONVERGED, I1, I2], "back-again"),
    (Variant::NoRevision, &[CONVERGED, I1, I2], "late-write"),
    (Variant::RestartRevision, &[CONVERGED, I1, I3], "late-write-and-damage"),
    (Variant::SkipUnchangedRow, &[CONVERGED, I1], "late-write"),
    (Variant::SkipAbsentEmptyRow, &[I1, CONVERGED], "late-write-of-a-new-row"),
    (Variant::DeleteEmptyCatalog, &[I1, CONVERGED, I3, I6], "late-write-of-a-new-row"),
    (Variant::LinkWithoutHead, &[I6], "early-parent"),
    (Variant::TellParentIfCreated, &[CONVERGED, I1, I5], "death-of-a-branch"),
    (Variant::NoLookAfterSkip, &[CONVERGED, I1, I5], "death-of-a-branch"),
    (Variant::AcknowledgeBeforeLook, &[CONVERGED, I1, I5], "death-of-a-branch"),
];

/// Searches in each way until the loss is met; how many runs that took.
struct Search {
    loss: &'static str,
    runs: usize,
    broken: BTreeSet<&'static str>,
}

impl Search {
    /// Takes a run into account; whether it shows the loss.
    fn sees(&mut self, outcome: &Outcome) -> bool {
        self.runs += 1;
        self.broken.extend(outcome.violations.iter().map(|violation| violation.invariant));
        outcome.breaks(self.loss)
    }

    /// In words.
    fn told(&self, met: bool) -> String {
        if met { self.runs.to_string() } else { format!("none of {}", self.runs) }
    }
}

fn are_noticed(losses: &[Loss]) {
    let mut unnoticed = Vec::new();
    for (variant, breaks, scope) in losses {
        let search = || Search { loss: breaks[0], runs: 0, broken: BTreeSet::new() };
        let mut explored = search();
        let exploration = scopes::of(scope).explore(Some(*variant), SCHEDULES, |outcome| explored.sees(outcome));
        let mut told =
            format!("{variant:?} loses after {} schedules of {scope}", explored.told(exploration.broken.is_some()));
        let mut met = exploration.broken.is_some();
        if let Some((seed, _)) = &exploration.broken {
            assert!(seed.run(Some(*variant), false).breaks(breaks[0]), "{seed} does not repeat the run");
            told += &format!(" ({seed})");
        }
        let mut broken = explored.broken;
        for kind in [Kind::Uniform, Kind::Priorities] {
            let mut drawn = search();
            let seeds = (0..SEEDS).zip(PROFILES.into_iter().cycle());
            let found = seeds.map(|(number, profile)| Seed::Drawn(kind, profile, number).run(Some(*variant), false));
            let found = found.into_iter().any(|outcome| drawn.sees(&outcome));
            told += &format!(", {} seeds {kind:?}", drawn.told(found));
            met |= found;
            broken.extend(drawn.broken);
        }
        println!("{told}; broken: {broken:?}");
        let missed: Vec<_> = breaks.iter().filter(|name| !broken.contains(*name)).collect();
        if !met || !missed.is_empty() {
            unnoticed.push(format!("{told}; {missed:?} are not broken"));
        }
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

#[test]
fn every_defence_of_the_generator_is_missed_when_it_is_taken_out() {
    are_noticed(GENERATORS);
}

#[test]
fn every_defence_of_marks_and_movers_is_missed_when_it_is_taken_out() {
    are_noticed(MARKS);
}

#[test]
fn every_defence_of_the_updater_is_missed_when_it_is_taken_out() {
    are_noticed(UPDATERS);
}

#[test]
fn no_variant_is_forgotten() {
    let listed: BTreeSet<Variant> =
        [GENERATORS, MARKS, UPDATERS].concat().iter().map(|(variant, ..)| *variant).collect();
    assert_eq!(listed, Variant::ALL.into());
}
