//! Bad tokens, and bad movers.

use lazycat::level::{Level, Mark, Token};
use lazycat::message::LevelMessage;
use lazycat::ports::{Clock as _, MarkLevels, MarkPage, PageToken, PortResult, ReadMarks, RemoveMarks, SendLevels};

use super::{Bad, Variant, all_good};
use crate::simulation::monitor::Process;
use crate::simulation::world::{QueueName, World};

/// The token of the mark that stands at a level.
fn standing(world: &World, level: &Level) -> Option<Token> {
    world.memory.marks.snapshot().into_iter().find(|mark| mark.level == *level).map(|mark| mark.token)
}

fn only_if_none(world: &World, by: Process, mark: &Mark) -> PortResult<()> {
    if standing(world, &mark.level).is_some() { Ok(()) } else { world.mark(by, mark) }
}

fn counted(world: &World, by: Process, mark: &Mark) -> PortResult<()> {
    let number = standing(world, &mark.level).and_then(|token| token.0.parse::<u64>().ok()).unwrap_or(0);
    world.mark(by, &Mark { token: Token((number + 1).to_string()), ..mark.clone() })
}

fn blindly(world: &World, by: Process, (level, _): &(Level, Token)) -> PortResult<bool> {
    match standing(world, level) {
        Some(token) => world.remove_mark(by, &(level.clone(), token)),
        None => Ok(false),
    }
}

fn name(mark: &Mark) -> String {
    mark.level.wire().to_owned()
}

impl Bad {
    /// Whether this variant puts a mark at all.
    fn marks(&self, mark: &Mark) -> bool {
        let memory = self.memory();
        let mut written = memory.written.iter().filter(|(level, _)| level.parent().as_ref() == Some(&mark.level));
        match (self.gate.queue, self.variant) {
            (QueueName::Scenes, Variant::MarkBeforePut) => false,
            (
                QueueName::Scenes,
                Variant::SkipMarkOnEqualBytes | Variant::SkipMarkOnFirstReceive | Variant::SkipMarkWhenLinked,
            ) => memory.fresh_rows.contains(&mark.level),
            (QueueName::Levels, Variant::TellParentIfCreated) => written.any(|(_, created)| *created),
            (QueueName::Levels, Variant::NoLookAfterSkip) => written.next().is_some(),
            _ => true,
        }
    }
}

impl MarkLevels for Bad {
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        let these: Vec<Mark> = marks.iter().filter(|mark| self.marks(mark)).cloned().collect();
        if these.len() < marks.len() {
            // What is left out counts as done; what is not is lost if it fails, which is what such a program would not
            // do: so it fails as a whole.
            let results = self.gate.mark(&these).await;
            if results.len() == these.len() && results.iter().all(Result::is_ok) {
                return all_good(results, marks.len());
            }
            return Vec::new();
        }
        match self.variant {
            Variant::MarkOnlyIfNone => self.gate.batch("put mark", marks, name, true, only_if_none).await,
            Variant::CounterToken => self.gate.batch("put mark", marks, name, true, counted).await,
            Variant::IgnoreFailedMark => all_good(self.gate.mark(marks).await, marks.len()),
            _ => self.gate.mark(marks).await,
        }
    }
}

impl ReadMarks for Bad {
    async fn scan(&self, from: Option<&PageToken>) -> PortResult<MarkPage> {
        let page = self.gate.scan(from).await?;
        self.memory().scanned = page.marks.iter().map(|mark| (mark.level.clone(), mark.token.clone())).collect();
        Ok(page)
    }
}

impl RemoveMarks for Bad {
    async fn remove(&self, marks: &[(Level, Token)]) -> Vec<PortResult<bool>> {
        match self.variant {
            Variant::DeleteMarkFirst => marks.iter().map(|_| Ok(true)).collect(),
            Variant::DeleteMarkBlindly => {
                let name = |(level, _): &(Level, Token)| level.wire().to_owned();
                self.gate.batch("remove mark", marks, name, true, blindly).await
            }
            _ => self.gate.remove(marks).await,
        }
    }
}

impl SendLevels for Bad {
    async fn send(&self, levels: &[LevelMessage]) -> Vec<PortResult<()>> {
        match self.variant {
            Variant::DeleteMarkFirst => {
                let scanned = std::mem::take(&mut self.memory().scanned);
                let _ = self.gate.remove(&scanned).await;
                self.gate.send(levels).await
            }
            Variant::IgnoreFailedSend => all_good(self.gate.send(levels).await, levels.len()),
            Variant::FifoQueue => {
                let (sent, now) = (self.shared.sent.clone(), self.now());
                let name = |message: &LevelMessage| message.level.wire().to_owned();
                let send = move |world: &World, by, message: &LevelMessage| {
                    let mut sent = sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    let before = sent.insert(message.level.clone(), now);
                    if before == Some(now) { Ok(()) } else { world.send_level(by, message) }
                };
                self.gate.batch("send level", levels, name, true, send).await
            }
            _ => self.gate.send(levels).await,
        }
    }
}
