//! Runs by their seeds: a seed in words repeats a run, and a run that fails is told as a story, as short as it gets.

use std::fmt;
use std::str::FromStr;

use super::bad::Variant;
use super::run::{Outcome, run};
use super::scenario::{Profile, Scenario};
use super::schedule::{Explorer, Priorities, Schedule, Uniform};
use super::scopes;

/// How many further seeds are tried for a scenario that was made smaller.
const SEEDS_OF_A_SMALLER_ONE: u64 = 30;

/// The kind of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Each next step has the same chance.
    Uniform,
    /// By priorities with a few points of change.
    Priorities,
}

/// What decides a run: `priorities:one-row:17`, or for one of all schedules of a small scope
/// `explore:NAME:4.1,17.2`, the places where the choice was not the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seed {
    /// Scenario and schedule are drawn.
    Drawn(Kind, Profile, u64),
    /// One schedule of a small scope.
    Explored(String, Vec<(usize, usize)>),
}

/// A text that is no seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSeed(String);

impl fmt::Display for NoSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no seed, expected priorities:any:17, uniform:calm:3 or explore:NAME:4.1,17.2", self.0)
    }
}

impl std::error::Error for NoSeed {}

const KINDS: [(&str, Kind); 2] = [("uniform", Kind::Uniform), ("priorities", Kind::Priorities)];

const PROFILES: [(&str, Profile); 5] = [
    ("any", Profile::Any),
    ("calm", Profile::Calm),
    ("one-row", Profile::OneRow),
    ("race", Profile::Race),
    ("one-scene", Profile::OneScene),
];

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drawn(kind, profile, seed) => {
                let kind = KINDS.iter().find(|(_, value)| value == kind).map_or("", |(name, _)| name);
                let profile = PROFILES.iter().find(|(_, value)| value == profile).map_or("", |(name, _)| name);
                write!(f, "{kind}:{profile}:{seed}")
            }
            Self::Explored(name, picks) => {
                let picks: Vec<String> = picks.iter().map(|(at, pick)| format!("{at}.{pick}")).collect();
                write!(f, "explore:{name}:{}", picks.join(","))
            }
        }
    }
}

impl FromStr for Seed {
    type Err = NoSeed;

    fn from_str(text: &str) -> Result<Self, NoSeed> {
        let parse = || {
            let (kind, rest) = text.split_once(':')?;
            let (middle, last) = rest.split_once(':')?;
            if kind == "explore" {
                let picks = last.split(',').filter(|pick| !pick.is_empty()).map(|pick| {
                    let (at, pick) = pick.split_once('.')?;
                    Some((at.parse().ok()?, pick.parse().ok()?))
                });
                return Some(Self::Explored(middle.to_owned(), picks.collect::<Option<_>>()?));
            }
            let kind = KINDS.iter().find(|(name, _)| *name == kind)?.1;
            let profile = PROFILES.iter().find(|(name, _)| *name == middle)?.1;
            Some(Self::Drawn(kind, profile, last.parse().ok()?))
        };
        parse().ok_or_else(|| NoSeed(text.to_owned()))
    }
}

fn schedule(kind: Kind, seed: u64) -> Box<dyn Schedule> {
    // Not the lots that the scenario was drawn by.
    let seed = seed ^ 0x5eed_5eed_5eed_5eed;
    match kind {
        Kind::Uniform => Box::new(Uniform::new(seed)),
        Kind::Priorities => Box::new(Priorities::new(seed)),
    }
}

impl Seed {
    /// Runs it.
    ///
    /// # Panics
    ///
    /// When it names a scope that there is not.
    #[must_use]
    pub fn run(&self, variant: Option<Variant>, traced: bool) -> Outcome {
        match self {
            Self::Drawn(kind, profile, seed) => {
                run(&Scenario::drawn(*seed, *profile), *seed, &mut *schedule(*kind, *seed), variant, traced)
            }
            Self::Explored(name, picks) => {
                let scope = scopes::of(name);
                let mut explorer = Explorer::at(scope.preemptions, scope.troubles, picks);
                run(&scope.scenario, scopes::SEED, &mut explorer, variant, traced)
            }
        }
    }

    /// Tells how a run of the use cases went wrong: the line that repeats it, what is broken, and the steps, of a smaller
    /// scenario that breaks the same if there is one.
    #[must_use]
    pub fn story(&self, variant: Option<Variant>) -> String {
        let outcome = self.run(variant, true);
        let mut story = format!(
            "SIMULATION_SEED={self} cargo test --package lazycat-tests --test convergence -- --nocapture the_seed\n"
        );
        let Some(first) = outcome.violations.first() else { return story + "nothing is broken" };
        for violation in &outcome.violations {
            story += &format!("{} after step {}: {}\n", violation.invariant, violation.step, violation.detail);
        }
        let (mut steps, mut scenario) = (outcome.trace.clone(), None);
        if let Self::Drawn(kind, profile, seed) = self {
            let (smallest, trace) = shrunk(*kind, Scenario::drawn(*seed, *profile), *seed, first.invariant, variant);
            (steps, scenario) = (trace, Some(smallest));
        }
        if let Some(scenario) = scenario {
            story += &format!("the smallest scenario found that breaks it: {scenario:#?}\n");
        }
        story + &steps.join("\n")
    }
}

/// The smallest scenario found that breaks an invariant, and the steps of its run.
fn shrunk(
    kind: Kind,
    scenario: Scenario,
    seed: u64,
    invariant: &str,
    variant: Option<Variant>,
) -> (Scenario, Vec<String>) {
    let breaks = |scenario: &Scenario| {
        (seed..=seed + SEEDS_OF_A_SMALLER_ONE).find_map(|seed| {
            let outcome = run(scenario, seed, &mut *schedule(kind, seed), variant, true);
            outcome.breaks(invariant).then_some(outcome.trace)
        })
    };
    let (mut smallest, mut trace) = (scenario, Vec::new());
    if let Some(found) = breaks(&smallest) {
        trace = found;
    }
    'smaller: loop {
        for smaller in smallest.smaller() {
            if let Some(found) = breaks(&smaller) {
                (smallest, trace) = (smaller, found);
                continue 'smaller;
            }
        }
        return (smallest, trace);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_read_as_it_is_told() {
        for text in [
            "uniform:any:1",
            "uniform:calm:1",
            "priorities:race:2",
            "uniform:one-scene:3",
            "priorities:one-row:18446744073709551615",
            "explore:two-updaters:4.1,17.2",
        ] {
            assert_eq!(text.parse::<Seed>().unwrap().to_string(), text);
        }
        for text in ["", "1", "uniform:1", "uniform:any:x", "lottery:any:1", "explore:x:1"] {
            assert!(text.parse::<Seed>().is_err(), "{text}");
        }
    }
}
