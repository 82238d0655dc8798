//! Small scopes, of which all schedules within bounds are run.

use super::actors::Working;
use super::bad::Variant;
use super::run::{Outcome, run};
use super::scenario::{Damage, Event, Operation, Scenario, Troubles};
use super::schedule::Explorer;
use super::seeds::Seed;

/// The seed of a scope's world.
pub const SEED: u64 = 7;

/// A scenario, and the bounds within which its schedules are tried.
pub struct Scope {
    /// Its name.
    pub name: &'static str,
    /// What happens.
    pub scenario: Scenario,
    /// How often somebody may be interrupted.
    pub preemptions: usize,
    /// How often something may go wrong.
    pub troubles: usize,
}

/// What came of all the schedules of a scope.
pub struct Exploration {
    /// How many schedules were run.
    pub schedules: usize,
    /// Whether these were all.
    pub complete: bool,
    /// How many steps they took together.
    pub steps: usize,
    /// The first schedule that broke something, and what.
    pub broken: Option<(Seed, Outcome)>,
}

const EVENT: Event = Event { of_quicklook: false, enveloped: false, reprocess: None, force: false };

const fn add(scene: usize) -> Operation {
    Operation::Announce(scene, 0, EVENT)
}

/// A scene that is new by a message with an id.
const fn with_id(id: u8) -> Operation {
    Operation::Announce(0, 0, Event { reprocess: Some(id), ..EVENT })
}

/// Its metadata is announced again, by another message.
const fn again(id: u8) -> Operation {
    Operation::Repeat(0, Event { reprocess: Some(id), ..EVENT })
}

/// One batch of one message each, two updaters.
fn scenario(before: usize, operations: &[Operation]) -> Scenario {
    let working = Working { batch: 1, attempts: 2, tries: 4, releases: true };
    Scenario { before, updaters: 2, working, ..Scenario::plain(operations.to_vec()) }
}

/// All scopes.
#[must_use]
pub fn all() -> Vec<Scope> {
    let mut scopes = calm();
    scopes.extend(troubled());
    scopes
}

/// Where nothing goes wrong but the order.
fn calm() -> Vec<Scope> {
    let scope = |name, preemptions, scenario| Scope { name, scenario, preemptions, troubles: 0 };
    let withdraw = Operation::Withdraw(0);
    let damage = Operation::Damage(0, 0, Damage::Text);
    vec![
        scope("two-updaters", 2, scenario(1, &[add(0), add(1), add(2)])),
        scope("two-movers", 2, Scenario { movers: 2, ..scenario(1, &[add(0), add(1), add(2)]) }),
        scope("withdraw", 2, scenario(2, &[add(0), add(1), withdraw, Operation::Mark(0, 0)])),
        scope("back-again", 1, scenario(1, &[add(0), withdraw, add(0)])),
        scope(
            "batch",
            1,
            Scenario {
                generators: 2,
                movers: 2,
                working: Working { batch: 2, ..scenario(0, &[]).working },
                ..scenario(1, &[add(0), add(1), add(2)])
            },
        ),
        scope("new-branch", 1, scenario(0, &[add(0), add(3)])),
        scope("early-parent", 1, scenario(0, &[add(0), Operation::Mark(0, 1)])),
        scope("damage", 1, scenario(1, &[add(0), damage, Operation::Damage(0, 1, Damage::Half), add(1)])),
    ]
}

/// Where a few things go wrong.
fn troubled() -> Vec<Scope> {
    let scope = |name, preemptions, troubles: Troubles, scenario| Scope {
        name,
        scenario: Scenario { troubles, ..scenario },
        preemptions,
        troubles: troubles.most,
    };
    let withdraw = Operation::Withdraw(0);
    let late = Troubles { late: true, most: 1, ..Troubles::default() };
    let deaths = Troubles { deaths: true, ..late };
    let answers = Troubles {
        refusals: true,
        lost_answers: true,
        short_answers: true,
        duplicates: true,
        most: 1,
        ..Troubles::default()
    };
    let letters = Troubles { refusals: true, deaths: true, most: 2, ..Troubles::default() };
    let one_attempt = Working { attempts: 1, ..scenario(0, &[]).working };
    vec![
        scope("death", 0, deaths, scenario(1, &[add(0), add(1)])),
        scope("death-of-a-branch", 0, deaths, scenario(0, &[add(0)])),
        scope("answers", 0, answers, scenario(1, &[add(0), add(1)])),
        scope("answers-of-a-branch", 0, answers, scenario(0, &[add(0)])),
        scope("late-write", 0, late, scenario(2, &[add(0), withdraw, add(0), withdraw])),
        scope("late-write-of-a-new-row", 0, late, scenario(1, &[add(3), add(0), withdraw])),
        scope(
            "late-write-and-damage",
            0,
            Troubles { expiries: 1, ..late },
            scenario(1, &[withdraw, add(0), withdraw, Operation::Damage(0, 0, Damage::Text)]),
        ),
        scope(
            "two-ids",
            1,
            Troubles { deaths: true, most: 2, expiries: 1, ..Troubles::default() },
            // What follows is left to the end: the generators alone are enough to explore.
            Scenario { generators: 2, movers: 0, updaters: 0, ..scenario(1, &[add(1), with_id(3), again(2)]) },
        ),
        scope("dead-letters", 0, letters, Scenario { working: one_attempt, ..scenario(1, &[add(0), add(1)]) }),
    ]
}

/// The scope of a name.
///
/// # Panics
///
/// When there is none.
#[must_use]
#[allow(clippy::panic)]
pub fn of(name: &str) -> Scope {
    all().into_iter().find(|scope| scope.name == name).unwrap_or_else(|| panic!("there is no scope {name:?}"))
}

impl Scope {
    /// Runs all schedules, at most so many, until one breaks what `breaks` says.
    #[must_use]
    pub fn explore(
        &self,
        variant: Option<Variant>,
        most: usize,
        mut breaks: impl FnMut(&Outcome) -> bool,
    ) -> Exploration {
        let mut exploration = Exploration { schedules: 0, complete: false, steps: 0, broken: None };
        let mut next = Some(Explorer::new(self.preemptions, self.troubles));
        while let Some(mut explorer) = next {
            if exploration.schedules == most {
                return exploration;
            }
            let outcome = run(&self.scenario, SEED, &mut explorer, variant, false);
            exploration.schedules += 1;
            exploration.steps += outcome.steps;
            if breaks(&outcome) {
                exploration.broken = Some((Seed::Explored(self.name.to_owned(), explorer.picks()), outcome));
                return exploration;
            }
            next = explorer.next();
        }
        exploration.complete = true;
        exploration
    }
}
