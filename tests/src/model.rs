//! The update protocol as a model that is explored exhaustively.
//!
//! The model holds everything that outlives a process (items, marks, queues, catalogs) and everything that a process
//! remembers between two calls. One step is one call to a service, or the death of a process. The checker tries every
//! order of all steps, within the bounds of a [`Protocol`] value, and looks at every state it meets: the invariants
//! must hold in each. A second set of runs takes out one defence at a time ([`Fault`]) and must find the update that
//! is then lost.
//!
//! # Layout
//!
//! Read in this order:
//!
//! * [`state`]: what there is.
//! * [`generator`], [`mover`], [`updater`]: the three functions, step by step. The words beside each step are those of
//!   the traces.
//! * [`world`]: what the world does: late writes, dead letters and their redrive, damage.
//! * [`invariants`]: what must hold.
//! * [`fault`]: the defences, and how each is taken out.
//! * [`configuration`]: what bounds a world; [`worlds`]: those that are explored; [`losses`]: those in which a defence is
//!   missed.
//! * [`trace`]: a run in words.
//!
//! # What is left out, and why
//!
//! * Receiving a message and the reads that follow at once are one step: a message that was received and for which
//!   nothing was read yet is no different from one still in the queue.
//! * There is no visibility time-out. A message that is not acknowledged may be received at any time, also while
//!   another process works on it: duplicates, time-outs and crashes are all of this form.
//! * A call that fails as a whole, and a process that then gives up, is a crash too. Entries of a batch that fail each by
//!   itself are modelled.
//! * A bounded number of tries after a conflict is not counted: to give up is to forget, as in a crash.
//! * The bytes of an item are a number ("content"), those of a catalog its revision and links. Equal bytes have equal
//!   tags, and nothing else is known of a tag.
//! * A random token is one that nobody remembers. A random revision is one that was never there.
//! * Items are put blindly, so the content of a scene whose metadata is replaced, or that is withdrawn, while an older
//!   message about it is still worked on is anybody's guess: the audit's matter, and not in the model.

pub mod configuration;
pub mod fault;
pub mod generator;
pub mod invariants;
pub mod losses;
pub mod mover;
pub mod state;
mod symmetry;
pub mod trace;
pub mod updater;
pub mod world;
pub mod worlds;

use stateright::{Model, Property};

pub use self::configuration::{Protocol, SourceMessage, Tree};
pub use self::fault::{Fault, Reason};
pub use self::state::{Set, State};
pub use self::trace::Words;

/// One step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The source sends the message of this number.
    Tell(usize),
    /// A generator receives a batch of source messages and reads what they name.
    Receive {
        /// Which generator.
        generator: usize,
        /// The messages.
        batch: Set,
    },
    /// A generator does its next step.
    Generate {
        /// Which generator.
        generator: usize,
        /// The entries of this call that the service refuses.
        refused: Set,
    },
    /// A mover does its next step.
    Move {
        /// Which mover.
        mover: usize,
        /// The entries of this call that the queue refuses.
        refused: Set,
    },
    /// An updater receives the level message in this place of the queue and reads the catalog.
    Start {
        /// Which updater.
        updater: usize,
        /// The place of the message.
        message: usize,
    },
    /// An updater does its next step.
    Update(usize),
    /// A process dies; what it remembered is gone, and its messages are received anew.
    Crash {
        /// Who.
        process: Process,
        /// Its write had been sent and may still be carried out.
        write_under_way: bool,
    },
    /// The write of a dead process is carried out.
    LateWrite,
    /// A source message moves to the dead letters.
    Bury(usize),
    /// A redrive takes up this dead letter and does its first step.
    Redrive(usize),
    /// The redrive does its second step.
    EndRedrive,
    /// Somebody damages the catalog of this level by hand, and the audit marks it.
    Damage(usize),
}

/// Who may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// A generate-stac-item.
    Generator(usize),
    /// A move-catalog-level-keys.
    Mover(usize),
    /// An update-single-catalog.
    Updater(usize),
    /// `lazycat redrive`.
    Redrive,
}

impl Protocol {
    /// Does a step. The words tell it.
    pub fn apply(&self, state: &mut State, action: Action, words: &mut Words) {
        match action {
            Action::Tell(message) => self.tell(state, message, words),
            Action::Receive { generator, batch } => self.receive(state, generator, batch, words),
            Action::Generate { generator, refused } => self.generate(state, generator, refused, words),
            Action::Move { mover, refused } => self.move_marks(state, mover, refused, words),
            Action::Start { updater, message } => self.start_update(state, updater, message, words),
            Action::Update(updater) => self.update(state, updater, words),
            Action::Crash { process, write_under_way } => self.crash(state, process, write_under_way, words),
            Action::LateWrite => self.late_write(state, words),
            Action::Bury(message) => self.bury(state, message, words),
            Action::Redrive(message) => self.redrive(state, message, words),
            Action::EndRedrive => self.end_redrive(state, words),
            Action::Damage(level) => self.damage(state, level, words),
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.start()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.generator_actions(state, actions);
        self.mover_actions(state, actions);
        self.updater_actions(state, actions);
        self.world_actions(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = *state;
        self.apply(&mut next, action, &mut Words::none());
        if self.symmetry {
            next.canonical();
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariants::properties(self)
    }
}
