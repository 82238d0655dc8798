//! Schedules: who goes next, and what goes wrong.

use std::collections::{BTreeMap, BTreeSet};

use lazycat::memory::Dice;
use lazycat::ports::Chance as _;

use super::turns::Verdict;
use super::world::QueueName;

/// Who may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// A generate-stac-item.
    Generator(usize),
    /// A move-catalog-level-keys.
    Mover(usize),
    /// An update-single-catalog.
    Updater(usize),
    /// A redrive of one letter.
    Redrive,
    /// The source, and the hand of an operator.
    Operator,
    /// The time.
    Time,
    /// What is under way of processes that are dead.
    Network,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Begins: receives, or scans.
    Start,
    /// Goes on with what it waits for.
    Step(Verdict),
    /// Dies before it has asked.
    Die,
    /// Does the next operation.
    Operate,
    /// All time-outs pass.
    Expire,
    /// One of the requests under way is done.
    Land(usize),
    /// A message of the queue is there once more.
    Duplicate(QueueName),
}

/// One thing that may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
}

impl Choice {
    /// Whether something goes wrong with it.
    #[must_use]
    pub fn is_trouble(&self) -> bool {
        match self.action {
            Action::Step(verdict) => verdict != Verdict::Do,
            Action::Die | Action::Duplicate(_) => true,
            Action::Start | Action::Operate | Action::Expire | Action::Land(_) => false,
        }
    }
}

/// Decides.
pub trait Schedule {
    /// One of these; there is at least one.
    fn choose(&mut self, choices: &[Choice]) -> usize;
}

/// Anything with equal chances; trouble once in a while.
pub struct Uniform {
    dice: Dice,
    /// Trouble comes once in so many steps.
    rarity: usize,
}

impl Uniform {
    /// The schedule of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        Self { rarity: [8, 20, 50][dice.below(3)], dice }
    }
}

/// The positions of the choices that are of this kind.
fn positions(choices: &[Choice], wanted: impl Fn(&Choice) -> bool) -> Vec<usize> {
    choices.iter().enumerate().filter(|(_, choice)| wanted(choice)).map(|(at, _)| at).collect()
}

impl Schedule for Uniform {
    fn choose(&mut self, choices: &[Choice]) -> usize {
        let troubles = positions(choices, Choice::is_trouble);
        let plain = positions(choices, |choice| !choice.is_trouble());
        let of = if plain.is_empty() || !troubles.is_empty() && self.dice.below(self.rarity) == 0 {
            &troubles
        } else {
            &plain
        };
        of[self.dice.below(of.len())]
    }
}

/// Whoever has the highest priority goes on until it cannot. At a few points, drawn beforehand, the one that would go
/// falls behind all others: so a race that needs d such points is met with a chance that does not shrink with the number
/// of ways to interleave the rest.
pub struct Priorities {
    dice: Dice,
    priorities: BTreeMap<Actor, u64>,
    lowest: u64,
    changes: BTreeSet<usize>,
    troubles: BTreeSet<usize>,
    step: usize,
}

impl Priorities {
    /// The schedule of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let steps = [40, 120, 400][dice.below(3)];
        let points = |most: usize| (0..dice.below(most + 1)).map(|_| dice.below(steps)).collect();
        let (changes, troubles) = (points(6), points(5));
        Self { dice, priorities: BTreeMap::new(), lowest: u64::from(u32::MAX), changes, troubles, step: 0 }
    }
}

impl Schedule for Priorities {
    fn choose(&mut self, choices: &[Choice]) -> usize {
        self.step += 1;
        for choice in choices {
            let fresh = u64::from(u32::MAX) + (self.dice.bits() >> 8);
            self.priorities.entry(choice.actor).or_insert(fresh);
        }
        let priority = |priorities: &BTreeMap<Actor, u64>, choice: &Choice| priorities[&choice.actor];
        let first = |priorities: &BTreeMap<Actor, u64>, of: Vec<usize>| {
            of.into_iter().max_by_key(|at| priority(priorities, &choices[*at]))
        };
        let plain = positions(choices, |choice| !choice.is_trouble());
        let mut next = first(&self.priorities, plain.clone()).unwrap_or(0);
        if self.changes.remove(&self.step) {
            self.lowest -= 1;
            self.priorities.insert(choices[next].actor, self.lowest);
            next = first(&self.priorities, plain).unwrap_or(0);
        }
        let actor = choices[next].actor;
        let troubles = positions(choices, |choice| choice.is_trouble() && (choice.actor == actor));
        // A point at which nothing can go wrong waits for the next step.
        if self.troubles.first().is_some_and(|at| *at <= self.step) && !troubles.is_empty() {
            self.troubles.pop_first();
            next = troubles[self.dice.below(troubles.len())];
        }
        next
    }
}

/// Whoever goes, goes on until it has ended; in the order in which they are offered. Nothing goes wrong.
#[derive(Default)]
pub struct InOrder;

impl Schedule for InOrder {
    fn choose(&mut self, choices: &[Choice]) -> usize {
        choices.iter().position(|choice| !choice.is_trouble()).unwrap_or(0)
    }
}

/// All schedules, depth first, with at most so many preemptions (somebody goes although the one before could have
/// gone on) and so much trouble.
#[derive(Debug, Clone)]
pub struct Explorer {
    preemptions: usize,
    troubles: usize,
    /// The picks that are given; then always the first.
    given: Vec<usize>,
    /// What was picked, and of how many.
    picked: Vec<(usize, usize)>,
    last: Option<Actor>,
    preempted: usize,
    troubled: usize,
}

impl Explorer {
    /// The first schedule: nobody is interrupted.
    #[must_use]
    pub fn new(preemptions: usize, troubles: usize) -> Self {
        let (given, picked) = (Vec::new(), Vec::new());
        Self { preemptions, troubles, given, picked, last: None, preempted: 0, troubled: 0 }
    }

    /// The schedule with these picks; all others are the first.
    #[must_use]
    pub fn at(preemptions: usize, troubles: usize, picks: &[(usize, usize)]) -> Self {
        let length = picks.iter().map(|(at, _)| at + 1).max().unwrap_or(0);
        let mut given = vec![0; length];
        for (at, pick) in picks {
            given[*at] = *pick;
        }
        Self { given, ..Self::new(preemptions, troubles) }
    }

    /// The picks that were not the first, and where.
    #[must_use]
    pub fn picks(&self) -> Vec<(usize, usize)> {
        let picks = self.picked.iter().enumerate().map(|(at, (pick, _))| (at, *pick));
        picks.filter(|(_, pick)| *pick > 0).collect()
    }

    /// The next schedule; none when all were seen.
    #[must_use]
    pub fn next(mut self) -> Option<Self> {
        while let Some((pick, of)) = self.picked.pop() {
            if pick + 1 < of {
                let mut given: Vec<usize> = self.picked.iter().map(|(pick, _)| *pick).collect();
                given.push(pick + 1);
                return Some(Self { given, ..Self::new(self.preemptions, self.troubles) });
            }
        }
        None
    }
}

impl Schedule for Explorer {
    fn choose(&mut self, choices: &[Choice]) -> usize {
        let last = self.last;
        let goes_on = |choice: &Choice| Some(choice.actor) == last;
        let can_go_on = choices.iter().any(|choice| goes_on(choice) && !choice.is_trouble());
        let preempts = |choice: &Choice| can_go_on && !goes_on(choice);
        let mut open = positions(choices, |choice| {
            (!preempts(choice) || self.preempted < self.preemptions)
                && (!choice.is_trouble() || self.troubled < self.troubles)
        });
        if open.is_empty() {
            open = positions(choices, |_| true);
        }
        // First of all, to go on.
        open.sort_by_key(|at| (choices[*at].is_trouble(), preempts(&choices[*at])));
        let pick = self.given.get(self.picked.len()).copied().unwrap_or(0).min(open.len() - 1);
        self.picked.push((pick, open.len()));
        let chosen = &choices[open[pick]];
        self.preempted += usize::from(preempts(chosen));
        self.troubled += usize::from(chosen.is_trouble());
        self.last = Some(chosen.actor);
        open[pick]
    }
}
