//! What happens in a simulation: who works, what the source and the operator do, and what may go wrong.

use lazycat::memory::Dice;

use super::actors::Working;
use super::scenes::{self, SceneNumber, VERSIONS, Version};

/// How a scene is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// By its quicklook, not its metadata.
    pub of_quicklook: bool,
    /// Inside an envelope of the topic.
    pub enveloped: bool,
    /// As a reprocess, with the id of this number.
    pub reprocess: Option<u8>,
    /// Never to be skipped.
    pub force: bool,
}

/// How a document is made unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It is cut in the middle.
    Half,
    /// It is no JSON at all.
    Text,
    /// It has no revision.
    NoRevision,
}

/// What the source or the operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The metadata is new, or another than before, and announced. It waits until all that concerns the scene is done
    /// with: an item is put whatever stands there, so that which of two versions wins would be anybody's guess.
    Announce(SceneNumber, Version, Event),
    /// What stands in the source is announced again. At any time.
    Repeat(SceneNumber, Event),
    /// The metadata is removed, and that is announced. It waits as [`Operation::Announce`] does.
    Withdraw(SceneNumber),
    /// The metadata cannot be read: it is gone for now, or it is damaged.
    Break(SceneNumber, bool),
    /// The metadata is as it should be again.
    Repair(SceneNumber),
    /// A hand makes the document of a level unreadable, and the audit marks it: the level so many above the row of the
    /// scene.
    Damage(SceneNumber, usize, Damage),
    /// The audit marks a level for no reason.
    Mark(SceneNumber, usize),
}

/// What may go wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Requests are refused, also single entries of a batch, and whole batches.
    pub refusals: bool,
    /// Requests are done and not answered.
    pub lost_answers: bool,
    /// Answers are shorter than the batch.
    pub short_answers: bool,
    /// Processes die.
    pub deaths: bool,
    /// What a process asked for before it died is done later.
    pub late: bool,
    /// A message is there twice.
    pub duplicates: bool,
    /// How often anything of this may happen in all.
    pub most: usize,
    /// How often all time-outs pass while processes are busy.
    pub expiries: usize,
}

/// A world to be, and all that happens in it but the order.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What the source and the operator do, in order.
    pub operations: Vec<Operation>,
    /// How many of these are done, and their consequences worked off, before anything goes wrong.
    pub before: usize,
    /// How many generators there may be at once.
    pub generators: usize,
    /// How many movers.
    pub movers: usize,
    /// How many updaters.
    pub updaters: usize,
    /// How they work.
    pub working: Working,
    /// How many keys a page of a listing holds.
    pub keys_a_page: usize,
    /// How many marks a page of a scan holds.
    pub marks_a_page: usize,
    /// How often a message may be received before the queue itself moves it to the dead letters, without a reason.
    pub most_receives: Option<u32>,
    /// What may go wrong.
    pub troubles: Troubles,
}

/// What is drawn by lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Anything.
    Any,
    /// Nothing goes wrong but the order.
    Calm,
    /// One row, some updaters, few operations: where races are.
    OneRow,
    /// One row, a few messages one by one, several of a kind, and at most one late write: little but order.
    Race,
    /// One scene, made again and again by messages with ids, and processes that die.
    OneScene,
}

impl Scenario {
    /// One row, one process of a kind, nothing goes wrong.
    #[must_use]
    pub fn plain(operations: Vec<Operation>) -> Self {
        Self {
            operations,
            before: 0,
            generators: 1,
            movers: 1,
            updaters: 1,
            working: Working { batch: 1, attempts: 3, tries: 4, releases: true },
            keys_a_page: 1_000,
            marks_a_page: 100,
            most_receives: None,
            troubles: Troubles::default(),
        }
    }

    /// The scenario of a seed. Each leaves out some kinds of operations and troubles, so that others come close.
    #[must_use]
    pub fn drawn(seed: u64, profile: Profile) -> Self {
        match profile {
            Profile::OneScene => return Self::one_scene(seed),
            Profile::Race => return Self::race(seed),
            Profile::Any | Profile::Calm | Profile::OneRow => {}
        }
        let dice = Dice::new(seed);
        let chance = |of: usize| dice.below(of) == 0;
        let scenes = match profile {
            Profile::OneRow => 1 + dice.below(3),
            _ => 1 + dice.below(scenes::all().len()),
        };
        let most = if profile == Profile::OneRow { 4 } else { 9 };
        let kinds = Kinds {
            changes: !chance(3),
            withdrawals: !chance(3),
            repeats: !chance(3),
            breaks: profile == Profile::Any && chance(3),
            damages: chance(2),
        };
        let count = 1 + dice.below(most);
        let operations: Vec<Operation> =
            (0..count).map(|at| operation(&dice, if at == 0 { 0 } else { dice.below(scenes) }, kinds)).collect();
        let calm = profile == Profile::Calm;
        let trouble = || !calm && dice.below(2) == 0;
        Self {
            before: if chance(2) { dice.below(count) } else { 0 },
            operations,
            generators: 1 + dice.below(3),
            movers: 1 + dice.below(2),
            updaters: 1 + dice.below(3),
            working: Working {
                batch: [1, 2, 5][dice.below(3)],
                attempts: [2, 3, 10][dice.below(3)],
                tries: [2, 4][dice.below(2)],
                releases: calm || !chance(3),
            },
            keys_a_page: [1, 2, 1_000][dice.below(3)],
            marks_a_page: [1, 2, 100][dice.below(3)],
            most_receives: chance(3).then_some(2),
            troubles: Troubles {
                refusals: trouble(),
                lost_answers: trouble(),
                short_answers: trouble(),
                deaths: trouble(),
                late: trouble(),
                duplicates: trouble(),
                most: if calm { 0 } else { 1 + dice.below(8) },
                expiries: if calm { 0 } else { dice.below(4) },
            },
        }
    }

    fn race(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let event = Event { of_quicklook: false, enveloped: false, reprocess: None, force: false };
        let mut operations = vec![Operation::Announce(0, 0, event)];
        operations.extend((0..2 + dice.below(3)).map(|_| match dice.below(5) {
            0 | 1 => Operation::Withdraw(dice.below(2)),
            2 => Operation::Mark(0, 0),
            _ => Operation::Announce(dice.below(3), 0, event),
        }));
        let late = dice.below(2) == 0;
        Self {
            before: 1 + dice.below(2),
            generators: 1 + dice.below(2),
            movers: 1 + dice.below(2),
            updaters: 2,
            troubles: Troubles {
                late,
                deaths: late,
                most: dice.below(2),
                expiries: dice.below(2),
                ..Troubles::default()
            },
            ..Self::plain(operations)
        }
    }

    fn one_scene(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let id = || u8::try_from(dice.below(4)).unwrap_or(0);
        let event =
            || Event { of_quicklook: false, enveloped: false, reprocess: Some(id()), force: dice.below(8) == 0 };
        let repeats = 1 + dice.below(2);
        let mut operations = vec![Operation::Announce(0, 0, event())];
        operations.extend((0..repeats).map(|_| Operation::Repeat(0, event())));
        let working = Working { batch: 1, attempts: 10, tries: 4, releases: true };
        let troubles = Troubles {
            deaths: true,
            late: dice.below(2) == 0,
            most: 1 + dice.below(3),
            expiries: dice.below(3),
            ..Troubles::default()
        };
        Self { generators: 2 + dice.below(2), working, troubles, ..Self::plain(operations) }
    }

    /// Scenarios that are a little smaller.
    #[must_use]
    pub fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        for at in 0..self.operations.len() {
            let mut less = self.clone();
            less.operations.remove(at);
            less.before = less.before.min(less.operations.len());
            smaller.push(less);
        }
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut less = self.clone();
            change(&mut less);
            smaller.push(less);
        };
        if self.before > 0 {
            with(&|less| less.before = 0);
        }
        if self.generators > 1 {
            with(&|less| less.generators -= 1);
        }
        if self.movers > 1 {
            with(&|less| less.movers -= 1);
        }
        if self.updaters > 1 {
            with(&|less| less.updaters -= 1);
        }
        if self.working.batch > 1 {
            with(&|less| less.working.batch = 1);
        }
        if self.keys_a_page < 1_000 {
            with(&|less| less.keys_a_page = 1_000);
        }
        if self.marks_a_page < 100 {
            with(&|less| less.marks_a_page = 100);
        }
        if self.most_receives.is_some() {
            with(&|less| less.most_receives = None);
        }
        if self.troubles.most > 0 {
            with(&|less| less.troubles.most -= 1);
        }
        if self.troubles.expiries > 0 {
            with(&|less| less.troubles.expiries -= 1);
        }
        smaller
    }
}

/// The kinds of operations that a scenario has, apart from new scenes.
#[derive(Clone, Copy)]
struct Kinds {
    changes: bool,
    withdrawals: bool,
    repeats: bool,
    breaks: bool,
    damages: bool,
}

fn operation(dice: &Dice, scene: SceneNumber, kinds: Kinds) -> Operation {
    let chance = |of: usize| dice.below(of) == 0;
    let event = Event {
        of_quicklook: chance(2),
        enveloped: chance(3),
        reprocess: chance(2).then(|| u8::try_from(dice.below(6)).unwrap_or(0)),
        force: chance(6),
    };
    let version = if kinds.changes { dice.below(VERSIONS) } else { 0 };
    match dice.below(12) {
        0..=1 if kinds.withdrawals => Operation::Withdraw(scene),
        2..=4 if kinds.repeats => Operation::Repeat(scene, event),
        5 if kinds.breaks => Operation::Break(scene, chance(2)),
        6 if kinds.breaks => Operation::Repair(scene),
        7 if kinds.damages => {
            let damage = [Damage::Half, Damage::Text, Damage::NoRevision][dice.below(3)];
            Operation::Damage(scene, [0, 0, 1, 2, 3, 4][dice.below(6)], damage)
        }
        8 if kinds.damages => Operation::Mark(scene, dice.below(5)),
        _ => Operation::Announce(scene, version, event),
    }
}
