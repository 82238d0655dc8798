//! update-single-catalog: GET the catalog, only then LIST, PUT over what was read, look at the parent, acknowledge.

use super::configuration::Protocol;
use super::fault::Fault;
use super::state::{Catalog, CatalogPut, QUEUE, Set, State, Update, UpdateStep};
use super::trace::{Words, plural};
use super::{Action, Process};

/// The place of a message that was acknowledged before its time.
const GONE: usize = QUEUE;

/// The random revision after an unreadable catalog.
const UNFORESEEN: u8 = 100;

impl Protocol {
    /// What updaters may do now.
    pub(super) fn updater_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (updater, update) in state.updaters.iter().enumerate().take(self.updaters) {
            let Some(update) = update else {
                for message in 0..QUEUE {
                    let Some(level) = state.queue[message] else { continue };
                    let busy = state.updaters.iter().flatten().any(|update| update.level == level);
                    if !(busy && self.fault == Some(Fault::OneAtATime)) {
                        actions.push(Action::Start { updater, message });
                    }
                }
                // Another idle updater would do the same.
                break;
            };
            actions.push(Action::Update(updater));
            let writes = update.step == UpdateStep::Put && self.writes(&put_of(update));
            self.crash_actions(state, Process::Updater(updater), writes, actions);
        }
    }

    /// Receives a message of the update queue and does step 1.
    pub(super) fn start_update(&self, state: &mut State, updater: usize, message: usize, words: &mut Words) {
        let Some(level) = state.queue[message] else { return };
        let mut update = Update {
            message,
            level,
            step: UpdateStep::List,
            read: Catalog::Absent,
            found: Set::EMPTY,
            stood: Catalog::Absent,
        };
        let who = plural("updater", updater, self.updaters);
        words.say(|| format!("{who} receives the message of {}", self.level(level)));
        if self.fault != Some(Fault::ReadAfterList) {
            self.get(state, &mut update, &who, words);
        }
        state.updaters[updater] = Some(update);
    }

    /// Does an updater's next step.
    pub(super) fn update(&self, state: &mut State, updater: usize, words: &mut Words) {
        let Some(mut update) = state.updaters[updater] else { return };
        let who = plural("updater", updater, self.updaters);
        let level = update.level;
        match update.step {
            UpdateStep::Get => self.get(state, &mut update, &who, words),
            UpdateStep::List => {
                update.stood = state.catalogs[level];
                update.found = self.list(state, &update);
                words.say(|| format!("{who} lists {}, the first page", self.level(level)));
                update.step = UpdateStep::ListOn;
            }
            UpdateStep::ListOn => {
                update.found = self.list_on(state, &update);
                words.say(|| {
                    let found = self.members_named(level, update.found);
                    format!("{who} lists {}, the second page: the listing is {found}", self.level(level))
                });
                let reads_now = self.fault == Some(Fault::ReadAfterList);
                update.step = if reads_now { UpdateStep::Get } else { UpdateStep::Put };
            }
            UpdateStep::Put => self.put(state, &mut update, &who, words),
            UpdateStep::LookUp => {
                let Some(parent) = self.parent(level) else { return };
                let links = state.catalogs[parent].links().has(level);
                words.say(|| {
                    let answer = if links { "links" } else { "does not link" };
                    format!("{who} looks at {}, which {answer} {}", self.level(parent), self.level(level))
                });
                update.step = if links { UpdateStep::Acknowledge } else { UpdateStep::MarkParent };
            }
            UpdateStep::MarkParent => {
                let Some(parent) = self.parent(level) else { return };
                self.mark(state, parent);
                words.say(|| format!("{who} marks {}", self.level(parent)));
                update.step = UpdateStep::Acknowledge;
            }
            UpdateStep::Acknowledge => {
                state.queue[update.message] = None;
                words.say(|| format!("{who} acknowledges the message of {}", self.level(level)));
                let looks_now = self.fault == Some(Fault::AcknowledgeBeforeLook) && self.parent(level).is_some();
                update = Update { message: GONE, step: UpdateStep::LookUp, ..update };
                state.updaters[updater] = looks_now.then_some(update);
                return;
            }
        }
        let finished = update.message == GONE && update.step == UpdateStep::Acknowledge;
        state.updaters[updater] = (!finished).then_some(update);
    }

    /// Step 1.
    fn get(&self, state: &State, update: &mut Update, who: &str, words: &mut Words) {
        update.read = state.catalogs[update.level];
        words.say(|| format!("{who} reads {}", update.read.named(|links| self.members_named(update.level, links))));
        let listed = matches!(self.fault, Some(Fault::ReadAfterList))
            || self.fault == Some(Fault::KeepListing) && update.step == UpdateStep::Get;
        update.step = if listed { UpdateStep::Put } else { UpdateStep::List };
    }

    /// Step 2, first half: the first page of a row; the prefixes of any other level.
    fn list(&self, state: &State, update: &Update) -> Set {
        match self.holds_items(update.level) {
            true => self.items_in(state, update.level).iter().filter(|scene| *scene == 0).collect(),
            false => self.prefixes_in(state, update.level),
        }
    }

    /// Step 2, second half: the second page of a row. Of any other level: the children that are linked already (a
    /// catalog is never deleted) and of the new prefixes those whose catalog a HEAD finds.
    fn list_on(&self, state: &State, update: &Update) -> Set {
        if self.holds_items(update.level) {
            let page: Set = self.items_in(state, update.level).iter().filter(|scene| *scene != 0).collect();
            return update.found.and(page);
        }
        if self.fault == Some(Fault::LinkWithoutHead) {
            return update.found;
        }
        let linked = update.read.links();
        let found = self.children_in(state, update.level);
        update.found.iter().filter(|child| linked.has(*child) || found.has(*child)).collect()
    }

    /// Steps 3 and 4.
    fn put(&self, state: &mut State, update: &mut Update, who: &str, words: &mut Words) {
        let put = put_of(update);
        let level = put.level;
        if !self.writes(&put) {
            words.say(|| format!("{who} writes nothing: nothing but the revision would change"));
            let look = self.fault != Some(Fault::NoLookAfterSkip) && self.look_is_needed(&put);
            update.step = self.after_put(level, look);
        } else if self.put_catalog(state, &put) {
            words.say(|| {
                let written = state.catalogs[level].named(|links| self.members_named(level, links));
                format!("{who} puts {written}")
            });
            update.step = self.after_put(level, self.look_is_needed(&put));
        } else {
            words.say(|| format!("{who} puts its catalog: refused, somebody else has written; it starts again"));
            state.conflict = true;
            *update = Update { step: UpdateStep::Get, read: Catalog::Absent, ..*update };
            if self.fault != Some(Fault::KeepListing) {
                *update = Update { found: Set::EMPTY, stood: Catalog::Absent, ..*update };
            }
            return;
        }
        *update = Update { read: Catalog::Absent, found: Set::EMPTY, stood: Catalog::Absent, ..*update };
    }

    /// A row always writes. Any other level may leave a present catalog in which nothing but the revision would change.
    fn writes(&self, put: &CatalogPut) -> bool {
        let unchanged = matches!(put.read, Catalog::Written { links, .. } if links == put.links);
        let is_row = self.holds_items(put.level);
        match self.fault {
            Some(Fault::SkipAbsentEmptyRow) if is_row => put.read.exists() || !put.links.is_empty(),
            Some(Fault::SkipUnchangedRow) => !unchanged,
            _ => is_row || !unchanged,
        }
    }

    /// Carries out a conditional PUT; whether the condition held.
    pub(super) fn put_catalog(&self, state: &mut State, put: &CatalogPut) -> bool {
        let blind = matches!(self.fault, Some(Fault::BlindPut | Fault::OneAtATime));
        let standing = state.catalogs[put.level];
        if !blind && !self.same_tag(standing, put.read) {
            return false;
        }
        let revision = match put.read {
            Catalog::Absent => 1,
            Catalog::Unreadable if self.fault == Some(Fault::RestartRevision) => 1,
            Catalog::Unreadable => UNFORESEEN,
            Catalog::Written { revision, .. } => revision + 1,
        };
        let document = match (self.fault, put.links.is_empty()) {
            (Some(Fault::DeleteEmptyCatalog), true) => Catalog::Absent,
            _ => Catalog::Written { revision, links: put.links },
        };
        // I2: what stood there when the LIST began is what is overwritten.
        state.broken_read_order |= put.stood != standing;
        // I3: revisions grow by one, except after an unreadable one, and no object disappears.
        state.broken_chain |= match (standing, document) {
            (Catalog::Absent, Catalog::Absent) => false,
            (_, Catalog::Absent | Catalog::Unreadable) => true,
            (Catalog::Absent, Catalog::Written { revision, .. }) => revision != 1,
            (Catalog::Unreadable, _) => false,
            (Catalog::Written { revision: old, .. }, Catalog::Written { revision, .. }) => revision != old + 1,
        };
        state.catalogs[put.level] = document;
        true
    }

    /// Whether two catalogs have the same bytes, and so the same tag.
    fn same_tag(&self, one: Catalog, other: Catalog) -> bool {
        match (self.fault, one, other) {
            (Some(Fault::NoRevision), Catalog::Written { links: one, .. }, Catalog::Written { links: other, .. }) => {
                one == other
            }
            _ => one == other,
        }
    }

    /// Whether step 5 is done: always.
    fn look_is_needed(&self, put: &CatalogPut) -> bool {
        self.fault != Some(Fault::TellParentIfCreated) || put.read == Catalog::Absent
    }

    /// Step 5 is left out for the root only.
    fn after_put(&self, level: usize, look: bool) -> UpdateStep {
        let early = self.fault == Some(Fault::AcknowledgeBeforeLook);
        if self.parent(level).is_some() && look && !early { UpdateStep::LookUp } else { UpdateStep::Acknowledge }
    }
}

/// The PUT of an updater that has come to it.
pub(super) fn put_of(update: &Update) -> CatalogPut {
    CatalogPut { level: update.level, read: update.read, links: update.found, stood: update.stood }
}
