//! move-catalog-level-keys: scan a page of marks, send it, delete the marks whose message the queue accepted.

use super::configuration::Protocol;
use super::fault::Fault;
use super::state::{Page, QUEUE, Set, State};
use super::trace::{Words, plural};
use super::{Action, Process};

impl Protocol {
    /// What movers may do now. The timer may start one at any time, also while another works.
    pub(super) fn mover_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (mover, page) in state.movers.iter().enumerate().take(self.movers) {
            let Some(page) = page else {
                if state.marks.iter().any(Option::is_some) {
                    actions.push(Action::Move { mover, refused: Set::EMPTY });
                }
                // Another idle mover would do the same.
                break;
            };
            let sends = page.unsent && (page.to_delete.is_empty() || !self.deletes_first());
            if !sends {
                actions.push(Action::Move { mover, refused: Set::EMPTY });
            } else if free_places(state).count() >= levels(page).len() {
                actions.push(Action::Move { mover, refused: Set::EMPTY });
                if state.refusals > 0 {
                    let refused = levels(page).iter().map(Set::of);
                    actions.extend(refused.map(|refused| Action::Move { mover, refused }));
                }
            }
            self.crash_actions(state, Process::Mover(mover), false, actions);
        }
    }

    fn deletes_first(&self) -> bool {
        self.fault == Some(Fault::DeleteMarkFirst)
    }

    /// Does a mover's next step: scan, send, or delete one mark.
    pub(super) fn move_marks(&self, state: &mut State, mover: usize, refused: Set, words: &mut Words) {
        let who = plural("mover", mover, self.movers);
        state.refusals -= refused.len() as u8;
        let Some(mut page) = state.movers[mover] else {
            let page = Page { marks: state.marks, unsent: true, accepted: Set::EMPTY, to_delete: Set::EMPTY };
            let to_delete = if self.deletes_first() { levels(&page) } else { Set::EMPTY };
            words.say(|| format!("{who} scans the marks: {}", self.levels_named(levels(&page))));
            state.movers[mover] = Some(Page { to_delete, ..page });
            return;
        };
        if let (false, Some(level)) = (page.unsent && !self.deletes_first(), page.to_delete.first()) {
            let deleted = self.delete_mark(state, &page, level);
            words.say(|| match deleted {
                true => format!("{who} deletes the mark of {}", self.level(level)),
                false => format!("{who} leaves the mark of {}: it is another one than it read", self.level(level)),
            });
            page.to_delete = page.to_delete.without(Set::of(level));
        } else {
            page.accepted = levels(&page).without(refused);
            page.accepted.iter().for_each(|level| self.send_level(state, level));
            words.say(|| format!("{who} sends {} to the update queue", self.levels_named(levels(&page))));
            if !refused.is_empty() {
                words.say(|| format!("... but Failed[] names {}", self.levels_named(refused)));
            }
            page.unsent = false;
            page.to_delete = match self.fault {
                Some(Fault::IgnoreFailed) => levels(&page),
                Some(Fault::DeleteMarkFirst) => Set::EMPTY,
                _ => page.accepted,
            };
        }
        // What is done with is forgotten.
        if !page.unsent {
            for level in (0..page.marks.len()).filter(|level| !page.to_delete.has(*level)) {
                page.marks[level] = None;
            }
        }
        state.movers[mover] = (page.unsent || !page.to_delete.is_empty()).then_some(page);
    }

    /// Deletes a mark on condition that its token is still the one that was read; whether it was.
    fn delete_mark(&self, state: &mut State, page: &Page, level: usize) -> bool {
        let (Some(read), Some(standing)) = (page.marks[level], state.marks[level]) else { return false };
        if read.token != standing.token && self.fault != Some(Fault::DeleteMarkBlindly) {
            return false;
        }
        // I4: a mark is deleted only by a mover whose message for that very token the queue accepted.
        let own = !page.unsent && page.accepted.has(level) && read.serial == standing.serial;
        state.broken_token |= !own;
        state.marks[level] = None;
        true
    }

    /// Puts a level message into the update queue.
    fn send_level(&self, state: &mut State, level: usize) {
        if self.fault == Some(Fault::FifoQueue) {
            if state.sent_lately.has(level) {
                return;
            }
            state.sent_lately = state.sent_lately.and(Set::of(level));
        }
        let free = free_places(state).next();
        if let Some(place) = free {
            state.queue[place] = Some(level);
        }
    }
}

/// The levels of a page.
fn levels(page: &Page) -> Set {
    (0..page.marks.len()).filter(|level| page.marks[*level].is_some()).collect()
}

/// The places of the update queue where there is no message and whose last one nobody remembers.
fn free_places(state: &State) -> impl Iterator<Item = usize> {
    let remembered = |place| state.updaters.iter().flatten().any(|update| update.message == place);
    (0..QUEUE).filter(move |place| state.queue[*place].is_none() && !remembered(*place))
}
