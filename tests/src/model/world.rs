//! What the world does: the source sends, processes die, their writes are carried out late, messages move to the dead
//! letters and back, somebody damages a catalog.

use super::configuration::Protocol;
use super::fault::Fault;
use super::state::{Catalog, Late, State};
use super::trace::{Words, plural};
use super::updater::put_of;
use super::{Action, Process};

impl Protocol {
    /// What the world may do now.
    pub(super) fn world_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for message in self.messages() {
            let place = state.source[message];
            if !place.sent && self.may_be_told(state, message) {
                actions.push(Action::Tell(message));
            }
            if state.burials > 0 && place.queued && !place.dead && !self.is_held(state, message) {
                actions.push(Action::Bury(message));
            }
            if place.dead && state.redrive.is_none() {
                actions.push(Action::Redrive(message));
            }
        }
        if state.redrive.is_some() {
            actions.push(Action::EndRedrive);
            self.crash_actions(state, Process::Redrive, false, actions);
        }
        if matches!(state.late, Late::Catalog(_) | Late::Item(_)) {
            actions.push(Action::LateWrite);
        }
        if state.damages > 0 {
            let there = self.levels().filter(|level| matches!(state.catalogs[*level], Catalog::Written { .. }));
            actions.extend(there.map(Action::Damage));
        }
    }

    /// Only what has been acknowledged is withdrawn or added again: all earlier messages of the scene are done with,
    /// and nobody works on them any more.
    fn may_be_told(&self, state: &State, message: usize) -> bool {
        let mut earlier = (0..message).filter(|earlier| self.scene_of(*earlier) == self.scene_of(message));
        earlier.all(|earlier| {
            let place = state.source[earlier];
            let forgotten = !self.is_held(state, earlier) && state.late != Late::Item(earlier);
            place.sent && !place.queued && !place.dead && forgotten
        })
    }

    fn is_held(&self, state: &State, message: usize) -> bool {
        state.generators.iter().flatten().any(|batch| batch.records.has(message))
    }

    /// The source sends a message.
    pub(super) fn tell(&self, state: &mut State, message: usize, words: &mut Words) {
        state.source[message].sent = true;
        state.source[message].queued = true;
        words.say(|| format!("the source sends {}", self.message_named(message)));
    }

    /// A process may die; when it was about to write, also with its write under way.
    pub(super) fn crash_actions(&self, state: &State, process: Process, writes: bool, actions: &mut Vec<Action>) {
        if state.crashes == 0 {
            return;
        }
        actions.push(Action::Crash { process, write_under_way: false });
        if writes && self.late_write && state.late == Late::None {
            actions.push(Action::Crash { process, write_under_way: true });
        }
    }

    /// A process forgets everything. What it had received and not acknowledged is in the queue still.
    pub(super) fn crash(&self, state: &mut State, process: Process, write_under_way: bool, words: &mut Words) {
        state.crashes -= 1;
        let who = match process {
            Process::Generator(generator) => {
                if let (true, Some(batch)) = (write_under_way, state.generators[generator]) {
                    state.late = self.next_put(&batch).map_or(Late::None, Late::Item);
                }
                state.generators[generator] = None;
                plural("generator", generator, self.generators)
            }
            Process::Mover(mover) => {
                state.movers[mover] = None;
                plural("mover", mover, self.movers)
            }
            Process::Updater(updater) => {
                if let (true, Some(update)) = (write_under_way, &state.updaters[updater]) {
                    state.late = Late::Catalog(put_of(update));
                }
                state.updaters[updater] = None;
                plural("updater", updater, self.updaters)
            }
            Process::Redrive => {
                state.redrive = None;
                "the redrive".to_owned()
            }
        };
        words.say(|| match state.late {
            Late::Item(message) if write_under_way => {
                format!("{who} dies while its request is under way that {}", self.put_named(message))
            }
            Late::Catalog(put) if write_under_way => {
                let links = self.members_named(put.level, put.links);
                format!("{who} dies while its PUT is under way of a catalog that links {links}")
            }
            _ => format!("{who} dies"),
        });
    }

    /// The write of a dead process is carried out, if its condition still holds.
    pub(super) fn late_write(&self, state: &mut State, words: &mut Words) {
        let landed = match state.late {
            Late::Catalog(put) => self.put_catalog(state, &put),
            Late::Item(message) => {
                self.put_item(state, message);
                true
            }
            Late::None | Late::Landed | Late::Refused => false,
        };
        state.late = if landed { Late::Landed } else { Late::Refused };
        let outcome = if landed { "is carried out" } else { "is refused" };
        words.say(|| format!("the write of the dead process {outcome}"));
    }

    /// SQS moves a message to the dead letters, or a function sends it there, with its reason, and acknowledges it.
    pub(super) fn bury(&self, state: &mut State, message: usize, words: &mut Words) {
        state.burials -= 1;
        state.source[message].queued = false;
        state.source[message].dead = true;
        words.say(|| format!("{} moves to the dead letters", self.message_named(message)));
    }

    /// The first step of a redrive: it sends. To the queue it is a new message, received for the first time.
    pub(super) fn redrive(&self, state: &mut State, message: usize, words: &mut Words) {
        state.redrive = Some(message);
        self.redrive_step(state, message, self.fault != Some(Fault::RedriveDeletesFirst), words);
    }

    /// The second step of a redrive: it deletes.
    pub(super) fn end_redrive(&self, state: &mut State, words: &mut Words) {
        let Some(message) = state.redrive.take() else { return };
        self.redrive_step(state, message, self.fault == Some(Fault::RedriveDeletesFirst), words);
    }

    fn redrive_step(&self, state: &mut State, message: usize, sends: bool, words: &mut Words) {
        let place = &mut state.source[message];
        if sends {
            place.queued = true;
            place.received = false;
        } else {
            place.dead = false;
        }
        let does = if sends { "sends" } else { "deletes" };
        words.say(|| format!("a redrive {does} the dead letter of {}", self.message_named(message)));
    }

    /// Somebody damages a catalog by hand; the audit marks the level.
    pub(super) fn damage(&self, state: &mut State, level: usize, words: &mut Words) {
        state.damages -= 1;
        state.catalogs[level] = Catalog::Unreadable;
        self.mark(state, level);
        words.say(|| format!("somebody damages the catalog of {}; the audit marks it", self.level(level)));
    }
}
