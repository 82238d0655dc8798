//! What must hold in every state, and what must be reached.

use stateright::Property;

use super::configuration::Protocol;
use super::state::{Catalog, Late, SCENES, State};

/// A stale level: an unacknowledged source message, a mark, a queued or in-flight message, a dead letter, or an owed
/// child.
pub const OWED: &str = "I1 owed";
/// The GET of revision r happens before the LIST behind revision r+1: what stood there when the LIST began is what is
/// overwritten.
pub const READ_ORDER: &str = "I2 read order";
/// Revisions of a catalog grow by exactly 1, except after an unreadable one; the object never disappears.
pub const CHAIN: &str = "I3 chain";
/// A mark is deleted only by a mover whose message for that very token the queue accepted.
pub const TOKEN: &str = "I4 token";
/// A catalog exists: its parent links it, or the parent is owed.
pub const REACHABLE: &str = "I5 reachable";
/// A parent links a level: that level's catalog exists.
pub const NO_DANGLING: &str = "I6 no dangling";
/// An item whose bytes changed since its last publish: an unacknowledged or dead-lettered message for it.
pub const PUBLISHED: &str = "I8 published";
/// When there is no mark, no message and nothing in flight, every catalog equals its listing, every item is what the
/// source said last, and all of it is published.
pub const CONVERGED: &str = "quiet: converged";

/// All invariants.
pub const INVARIANTS: [&str; 8] = [OWED, READ_ORDER, CHAIN, TOKEN, REACHABLE, NO_DANGLING, PUBLISHED, CONVERGED];

/// The invariants, and that a run through them comes to a good end: after everything that the world has in store.
pub(super) fn properties(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let mut properties = vec![
        Property::always(OWED, |protocol: &Protocol, state: &State| {
            protocol.levels().all(|level| !protocol.is_stale(state, level) || protocol.is_owed(state, level))
        }),
        Property::always(READ_ORDER, |_, state: &State| !state.broken_read_order),
        Property::always(CHAIN, |_, state: &State| !state.broken_chain),
        Property::always(TOKEN, |_, state: &State| !state.broken_token),
        Property::always(REACHABLE, |protocol: &Protocol, state: &State| {
            protocol.levels().all(|level| match protocol.parent(level) {
                Some(parent) if state.catalogs[level].exists() => {
                    state.catalogs[parent].links().has(level) || protocol.is_owed(state, parent)
                }
                _ => true,
            })
        }),
        Property::always(NO_DANGLING, |protocol: &Protocol, state: &State| {
            let parents = protocol.levels().filter(|level| !protocol.holds_items(*level));
            parents.flat_map(|level| state.catalogs[level].links().iter()).all(|child| state.catalogs[child].exists())
        }),
        Property::always(PUBLISHED, |protocol: &Protocol, state: &State| {
            state
                .unpublished
                .iter()
                .all(|scene| protocol.is_announced(state, |message| protocol.scene_of(message) == scene))
        }),
        Property::always(CONVERGED, |protocol: &Protocol, state: &State| {
            !protocol.is_quiet(state) || protocol.is_converged(state)
        }),
        Property::sometimes("all is done, quiet and converged", |protocol: &Protocol, state: &State| {
            protocol.is_done(state)
        }),
    ];
    if (0..SCENES).all(|scene| protocol.wanted(&protocol.all_sent(), scene) != 0) {
        let both = Property::sometimes("... with two items", |protocol: &Protocol, state: &State| {
            protocol.is_done(state) && state.items.iter().all(|item| item.content != 0)
        });
        properties.push(both);
    }
    if protocol.crashes > 0 {
        let crash = Property::sometimes("... after a crash", |protocol: &Protocol, state: &State| {
            protocol.is_done(state) && state.crashes == 0
        });
        properties.push(crash);
    }
    if protocol.updaters > 1 {
        let conflict = Property::sometimes("... after a conflict", |protocol: &Protocol, state: &State| {
            protocol.is_done(state) && state.conflict
        });
        properties.push(conflict);
    }
    if protocol.late_write {
        let landed =
            Property::sometimes("... after a late write was carried out", |protocol: &Protocol, state: &State| {
                protocol.is_done(state) && state.late == Late::Landed
            });
        properties.push(landed);
        let refused =
            Property::sometimes("... after a late write was refused", |protocol: &Protocol, state: &State| {
                protocol.is_done(state) && state.late == Late::Refused
            });
        properties.push(refused);
    }
    properties
}

impl Protocol {
    /// Whether the catalog of a level is not what a rebuild would make of it now, leaving the revision aside.
    fn is_stale(&self, state: &State, level: usize) -> bool {
        let listing = match self.holds_items(level) {
            true => self.items_in(state, level),
            false => self.children_in(state, level),
        };
        state.catalogs[level] == Catalog::Unreadable || state.catalogs[level].links() != listing
    }

    /// Whether something will bring the level up to date.
    fn is_owed(&self, state: &State, level: usize) -> bool {
        state.marks[level].is_some()
            || state.queue.contains(&Some(level))
            || self.holds_items(level) && self.is_announced(state, |message| self.row_of(message) == level)
            || self.children(level).any(|child| self.is_owed(state, child))
    }

    /// Whether there is an unacknowledged or dead-lettered source message of this kind.
    fn is_announced(&self, state: &State, of_this_kind: impl Fn(usize) -> bool) -> bool {
        self.messages().any(|message| {
            let place = state.source[message];
            (place.queued || place.dead) && of_this_kind(message)
        })
    }

    /// No mark, no message, nothing in flight.
    fn is_quiet(&self, state: &State) -> bool {
        state.marks.iter().all(Option::is_none)
            && state.queue.iter().all(Option::is_none)
            && !self.is_announced(state, |_| true)
            && state.generators.iter().all(Option::is_none)
            && state.movers.iter().all(Option::is_none)
            && state.updaters.iter().all(Option::is_none)
            && state.redrive.is_none()
            && !matches!(state.late, Late::Catalog(_) | Late::Item(_))
    }

    fn is_converged(&self, state: &State) -> bool {
        state.unpublished.is_empty()
            && self.levels().all(|level| !self.is_stale(state, level))
            && (0..SCENES).all(|scene| state.items[scene].content == self.wanted(state, scene))
    }

    /// Quiet, converged, and the source has said all it has to say.
    fn is_done(&self, state: &State) -> bool {
        self.messages().all(|message| state.source[message].sent) && self.is_quiet(state) && self.is_converged(state)
    }

    /// The content that the source asked for last; at first, what stood there.
    fn wanted(&self, state: &State, scene: usize) -> u8 {
        let told = self.messages().filter(|message| self.scene_of(*message) == scene && state.source[*message].sent);
        match told.last() {
            Some(message) => self.sent(message).content,
            None => self.start().items[scene].content,
        }
    }

    /// A state in which the source has said all it has to say.
    fn all_sent(&self) -> State {
        let mut state = self.start();
        state.source.iter_mut().for_each(|place| place.sent = true);
        state
    }
}
