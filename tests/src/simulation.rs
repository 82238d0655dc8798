//! The real use cases over services in memory, under schedules that a seed decides.
//!
//! A run is a [`Scenario`] (who works, what the source does, what may go wrong) under a [`Schedule`] (who goes next, and
//! what does go wrong). After every step the invariants are checked, under their names; in the end faults stop, the
//! timer ticks until all is quiet, and the catalog must equal a plain reference.
//!
//! # Layout
//!
//! * [`scenes`]: the scenes, and the items that the pure function makes of them.
//! * [`scenario`]: what happens; [`source`]: what the source and the operator do, and what should therefore be there.
//! * [`schedule`]: uniform, by priorities, exhaustive.
//! * [`turns`]: how a process waits for its turn; [`gate`]: the ports of a process; [`actors`]: the processes.
//! * [`world`]: the services; [`monitor`]: the invariants; [`requests`]: how often may be asked; [`mod@reference`].
//! * [`mod@run`]: puts all of it together.
//! * [`bad`]: each defence taken out, to see that the simulation would notice.
//! * [`scopes`]: small scopes, of which all schedules are run.
//! * [`seeds`]: runs by their seeds, and how a failure is told.

pub mod actors;
pub mod bad;
pub mod gate;
pub mod monitor;
pub mod reference;
pub mod requests;
pub mod run;
pub mod scenario;
pub mod scenes;
pub mod schedule;
pub mod scopes;
pub mod seeds;
pub mod source;
pub mod turns;
pub mod world;

pub use self::bad::Variant;
pub use self::run::{Outcome, run};
pub use self::scenario::{Profile, Scenario};
pub use self::schedule::Schedule;
pub use self::seeds::{Kind, Seed};
