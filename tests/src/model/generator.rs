//! generate-stac-item: PUT the items of a batch, then mark their rows, then publish, then acknowledge.

use super::configuration::{Protocol, SourceMessage};
use super::fault::{Fault, Reason};
use super::state::{Batch, BatchStep, Item, Mark, Set, State};
use super::trace::{Words, plural};
use super::{Action, Process};

impl Protocol {
    /// What generators may do now.
    pub(super) fn generator_actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (generator, batch) in state.generators.iter().enumerate().take(self.generators) {
            let Some(batch) = batch else {
                let waiting: Set = self.messages().filter(|message| state.source[*message].queued).collect();
                let batches = waiting.parts().filter(|part| part.len() <= self.batch);
                actions.extend(batches.map(|batch| Action::Receive { generator, batch }));
                // Another idle generator would do the same.
                break;
            };
            actions.push(Action::Generate { generator, refused: Set::EMPTY });
            if state.refusals > 0 && matches!(batch.step, BatchStep::Put | BatchStep::Publish) {
                let entries = match batch.step {
                    BatchStep::Put => self.next_put(batch).map(Set::of).unwrap_or_default(),
                    _ => batch.sound,
                };
                let refused = entries.iter().map(Set::of);
                actions.extend(refused.map(|refused| Action::Generate { generator, refused }));
            }
            let process = Process::Generator(generator);
            self.crash_actions(state, process, batch.step == BatchStep::Put, actions);
        }
    }

    /// Receives a batch, reads the metadata it names and, for a message with an id, the stored item.
    pub(super) fn receive(&self, state: &mut State, generator: usize, records: Set, words: &mut Words) {
        let skipped: Set = records.iter().filter(|message| self.is_done_by_another(state, *message)).collect();
        let excused: Set = records.iter().filter(|message| self.is_excused(state, *message)).collect();
        words.say(|| {
            let mut said = format!("{} receives {}", self.generator(generator), self.messages_named(records));
            if !skipped.is_empty() {
                said += &format!("; lets go of {}, whose item another message has put", self.messages_named(skipped));
            }
            if !excused.is_empty() {
                said += &format!("; holds {} for done", self.messages_named(excused));
            }
            said
        });
        if self.fault == Some(Fault::SkipMark(Reason::FirstReceive))
            || self.fault == Some(Fault::SkipPublish(Reason::FirstReceive))
        {
            records.iter().for_each(|message| state.source[message].received = true);
        }
        let step = self.order()[0];
        let mut batch = Batch { step, records, skipped, half: false, tried: Set::EMPTY, sound: Set::EMPTY, excused };
        self.go_on_from(&mut batch, 0);
        state.generators[generator] = Some(batch);
    }

    /// The order of the steps. It is the protocol.
    fn order(&self) -> [BatchStep; 4] {
        use BatchStep::{Acknowledge, Mark, Publish, Put};
        match self.fault {
            Some(Fault::MarkBeforePut) => [Mark, Put, Publish, Acknowledge],
            Some(Fault::AcknowledgeSourceFirst) => [Acknowledge, Put, Mark, Publish],
            _ => [Put, Mark, Publish, Acknowledge],
        }
    }

    /// Does the next step of a batch.
    pub(super) fn generate(&self, state: &mut State, generator: usize, refused: Set, words: &mut Words) {
        let Some(mut batch) = state.generators[generator] else { return };
        let who = self.generator(generator);
        state.refusals -= refused.len() as u8;
        match batch.step {
            BatchStep::Put => {
                let Some(message) = self.next_put(&batch) else { return };
                let first_half = self.id_apart && !batch.half && refused.is_empty();
                batch.half = first_half;
                if first_half {
                    self.put_half(state, message, true);
                    words.say(|| format!("{who} begins: it {}", self.put_named(message)));
                } else {
                    batch.tried = batch.tried.and(Set::of(message));
                    let outcome = if refused.is_empty() { "" } else { "; it fails" };
                    words.say(|| format!("{who} {}{outcome}", self.put_named(message)));
                }
                if !first_half && refused.is_empty() {
                    batch.sound = batch.sound.and(Set::of(message));
                    if self.id_apart { self.put_half(state, message, false) } else { self.put_item(state, message) }
                }
            }
            BatchStep::Mark => {
                for row in self.to_mark(&batch).iter().map(|message| self.row_of(message)).collect::<Set>().iter() {
                    self.mark(state, row);
                    words.say(|| format!("{who} marks {}", self.level(row)));
                }
            }
            BatchStep::Publish => {
                let entries = self.to_publish(&batch).without(refused);
                batch.sound = batch.sound.without(refused);
                let scenes = entries.iter().map(|message| self.scene_of(message)).collect();
                state.unpublished = state.unpublished.without(scenes);
                words.say(|| format!("{who} publishes {}", self.messages_named(entries)));
                if !refused.is_empty() {
                    words.say(|| format!("... but Failed[] names {}", self.messages_named(refused)));
                }
            }
            BatchStep::Acknowledge => {
                let early = self.fault == Some(Fault::AcknowledgeSourceFirst);
                let done = if early { batch.records } else { batch.sound.and(batch.skipped) };
                done.iter().for_each(|message| state.source[message].queued = false);
                words.say(|| match done.is_empty() {
                    true => format!("{who} acknowledges nothing"),
                    false => format!("{who} acknowledges {}", self.messages_named(done)),
                });
            }
        }
        let at = self.order().iter().position(|step| *step == batch.step).unwrap_or(0);
        let at = if batch.step == BatchStep::Put { at } else { at + 1 };
        state.generators[generator] = self.go_on_from(&mut batch, at).then_some(batch);
    }

    /// Moves on to the first step, from this one of the order on, that has something to do; false when none has.
    fn go_on_from(&self, batch: &mut Batch, at: usize) -> bool {
        let something = |batch: &Batch, step| match step {
            BatchStep::Put => self.next_put(batch).is_some(),
            BatchStep::Mark => !self.to_mark(batch).is_empty(),
            BatchStep::Publish => !self.to_publish(batch).is_empty(),
            BatchStep::Acknowledge => true,
        };
        let next = self.order().into_iter().skip(at).find(|step| something(batch, *step));
        if let Some(step) = next {
            batch.step = step;
        }
        next.is_some()
    }

    /// The record whose put is next.
    pub(super) fn next_put(&self, batch: &Batch) -> Option<usize> {
        batch.records.without(batch.skipped).without(batch.tried).first()
    }

    /// The records whose rows are marked: those whose put succeeded.
    fn to_mark(&self, batch: &Batch) -> Set {
        match self.fault {
            Some(Fault::MarkBeforePut) => batch.records.without(batch.skipped),
            Some(Fault::SkipMark(_)) => batch.sound.without(batch.excused),
            _ => batch.sound,
        }
    }

    /// The records whose items are published: those whose put succeeded.
    fn to_publish(&self, batch: &Batch) -> Set {
        match self.fault {
            Some(Fault::SkipPublish(_)) => batch.sound.without(batch.excused),
            _ => batch.sound,
        }
    }

    /// The skip rule: the stored item is what this message would write, and an earlier message has put it, which
    /// therefore marks and publishes it. "Earlier" by the order of the ids; any order is safe, since the first of those
    /// who put these bytes can then not rely on one that relies on it.
    fn is_done_by_another(&self, state: &State, message: usize) -> bool {
        let wanted = self.sent(message);
        let Item { content, id } = state.items[wanted.scene];
        let another = match self.fault {
            Some(Fault::SkipForAnyOther) => id != wanted.id,
            _ => id < wanted.id,
        };
        wanted.id != 0 && id != 0 && another && content == wanted.content
    }

    /// Whether a fault holds this record for done.
    fn is_excused(&self, state: &State, message: usize) -> bool {
        let Some(Fault::SkipMark(reason) | Fault::SkipPublish(reason)) = self.fault else { return false };
        let wanted = self.sent(message);
        let equal = state.items[wanted.scene].content == wanted.content;
        match reason {
            Reason::EqualBytes => equal,
            Reason::FirstReceive => equal && !state.source[message].received,
            Reason::Linked => wanted.content != 0 && state.catalogs[self.row_of(message)].links().has(wanted.scene),
        }
    }

    /// Carries out the PUT or DELETE that a message asks for.
    pub(super) fn put_item(&self, state: &mut State, message: usize) {
        let wanted = self.sent(message);
        if state.items[wanted.scene].content != wanted.content {
            state.unpublished = state.unpublished.and(Set::of(wanted.scene));
        }
        state.items[wanted.scene] = Item { content: wanted.content, id: wanted.id };
    }

    /// Carries out one half of a put, where an id and its bytes are not written at once: the id first.
    fn put_half(&self, state: &mut State, message: usize, first: bool) {
        let SourceMessage { scene, id, .. } = self.sent(message);
        if first == (self.fault == Some(Fault::BytesBeforeId)) {
            let id = state.items[scene].id;
            self.put_item(state, message);
            state.items[scene].id = id;
        } else {
            state.items[scene].id = id;
        }
    }

    /// Puts a mark with a fresh token, over the one that stands.
    pub(super) fn mark(&self, state: &mut State, level: usize) {
        let standing = state.marks[level];
        if self.fault == Some(Fault::MarkOnlyIfNone) && standing.is_some() {
            return;
        }
        let remembered = |serial: u8| {
            let pages = state.movers.iter().flatten().flat_map(|page| page.marks);
            state.marks.into_iter().chain(pages).flatten().any(|mark| mark.serial == serial)
        };
        let serial = (1..).find(|serial| !remembered(*serial)).unwrap_or(u8::MAX);
        let token = match self.fault {
            Some(Fault::CounterToken) => standing.map_or(1, |mark| mark.token + 1),
            Some(Fault::TimestampToken) => 1,
            _ => serial,
        };
        state.marks[level] = Some(Mark { token, serial });
    }

    fn generator(&self, generator: usize) -> String {
        plural("generator", generator, self.generators)
    }

    /// What a source message does to its item.
    pub(super) fn put_named(&self, message: usize) -> String {
        let wanted = self.sent(message);
        match (wanted.content, wanted.id) {
            (0, _) => format!("deletes the item of {}", self.scene(wanted.scene)),
            (_, 0) => format!("puts the item of {}", self.scene(wanted.scene)),
            (_, id) => format!("puts the item of {} with the id {id}", self.scene(wanted.scene)),
        }
    }
}
