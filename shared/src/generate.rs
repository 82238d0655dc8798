//! generate-stac-item: scene metadata in, items out.
//!
//! For a batch of messages: read the XML, make the item, put it; after all puts of the batch mark the rows; then
//! publish; only then are the messages acknowledged, each by itself. The order is the protocol: a mark before its put
//! could be used up by a rebuild that does not see the item yet.

mod plan;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::conclusion::{Conclusion, Failure, Failures, Trouble, conclude};
use crate::grid::Grid;
use crate::level::{Level, Mark};
use crate::message::{Audience, ItemMessage};
use crate::ports::{
    BuryLetters, Chance, Clock, Delivery, ItemPut, MarkLevels, PortError, PublishItems, ReadItems, ReadSource,
    WriteItems, answers,
};
use crate::stac::Buckets;

use self::plan::{State, Task};

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, S, I, M, T, L, R> {
    /// Where scene metadata is read.
    pub source: &'a S,
    /// Where items are written.
    pub items: &'a I,
    /// Where rows are marked.
    pub marks: &'a M,
    /// Where items are published.
    pub topic: &'a T,
    /// Where messages go that cannot be worked on.
    pub letters: &'a L,
    /// Randomness and time.
    pub world: &'a R,
}

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folders of the catalog.
    pub grid: Grid,
    /// The buckets that scenes are taken from.
    pub buckets: Buckets,
    /// How often a message is received before a passing trouble, too, sends it to the dead letters, with its reason.
    pub attempts: u32,
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For each message, whether it is done with and may be acknowledged; the others come back.
    pub acknowledged: Vec<bool>,
    /// How many items were written.
    pub made: usize,
    /// How many scenes were skipped because their stored item is the same, and complete.
    pub unchanged: usize,
    /// How many items were taken out.
    pub withdrawn: usize,
    /// When the events of the items that were written or taken out happened. For metrics only.
    pub events: Vec<DateTime<Utc>>,
    /// The scenes that went to the dead letters.
    pub refused: Vec<Refusal>,
    /// Why the messages that are not acknowledged come back.
    pub troubles: Vec<String>,
}

impl Report {
    /// The same, with what became of the messages.
    pub(crate) fn ended(self, conclusion: Conclusion) -> Self {
        let Conclusion { acknowledged, refused, troubles } = conclusion;
        Self { acknowledged, refused: refused.into_iter().map(Refusal::from).collect(), troubles, ..self }
    }
}

/// A scene that is not made, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// The key of its metadata, or what else tells it.
    pub scene: String,
    /// A short, stable word.
    pub reason: String,
    /// One sentence.
    pub detail: String,
}

impl From<Failure> for Refusal {
    fn from(Failure { subject, trouble }: Failure) -> Self {
        Self { scene: subject, reason: trouble.reason, detail: trouble.detail }
    }
}

/// Works on a batch of messages about scenes.
pub async fn generate<S, I, M, T, L, R>(
    ports: &Ports<'_, S, I, M, T, L, R>,
    settings: &Settings,
    deliveries: &[Delivery],
) -> Report
where
    S: ReadSource + Sync,
    I: ReadItems + WriteItems + Sync,
    M: MarkLevels + Sync,
    T: PublishItems + Sync,
    L: BuryLetters + Sync,
    R: Chance + Clock + Sync,
{
    let mut tasks = plan::plan(deliveries, settings, ports.world.now());
    plan::read_and_make(ports.source, settings, &mut tasks).await;
    skip_what_is_complete(ports.items, &mut tasks).await;
    write(ports.items, &mut tasks).await;
    // I1: only now, when every put of the batch has ended, so that no rebuild uses a mark up before its put.
    mark(ports.marks, ports.world, &mut tasks).await;
    // I8: before the message is acknowledged, which until then owes it.
    publish(ports.topic, &mut tasks).await;
    // I1, I8: at last.
    let (report, failures) = tally(tasks);
    report.ended(conclude(ports.letters, ports.world, settings.attempts, deliveries, failures).await)
}

/// Makes the item of one scene, and does nothing else with it: our own generator, as any other is asked.
#[cfg(feature = "generators")]
pub(crate) async fn make_one<S: ReadSource>(
    source: &S,
    settings: &Settings,
    record: crate::message::SceneRecord,
) -> Result<crate::stac::StoredItem, crate::generator::ports::GeneratorError> {
    let now = record.time.unwrap_or_default();
    let mut tasks = [plan::task(0, record, settings, now)];
    plan::read_and_make(source, settings, &mut tasks).await;
    let [task] = tasks;
    let Trouble { permanent, reason, detail } = match task.state {
        State::Put(item) => return Ok(*item),
        State::Failed(trouble) => trouble,
        _ => Trouble::passing(&"the scene was left unfinished"),
    };
    Err(crate::generator::ports::GeneratorError { permanent, reason, detail })
}

/// Lets go of those scenes that an earlier message has made, or will, with the same bytes.
///
/// Equal bytes alone are no reason: an earlier attempt of this very message may have died between its put and its
/// mark or publish. Nor is the id of any other message: two messages could each be acknowledged because of the other's
/// put, and both die before their marks. So ids are ordered, and a message skips only on a lesser one: of the messages
/// that have put these bytes, the one with the least id has not skipped, and is either done or still owed. Which order
/// it is does not matter; one that grows with time lets later messages skip. A stored item without an id is never
/// relied on. And where an earlier task of the batch is about to write or delete the item, what is stored now says
/// nothing.
async fn skip_what_is_complete<I: ReadItems>(items: &I, tasks: &mut [Task]) {
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    let mut candidates = Vec::new();
    for (at, task) in tasks.iter().enumerate() {
        let puts = matches!(task.state, State::Put(_));
        let first = (puts || matches!(task.state, State::Withdraw { .. })) && touched.insert(&task.key);
        if puts && first && task.message_id.is_some() && !task.force {
            candidates.push(at);
        }
    }
    if candidates.is_empty() {
        return;
    }
    let keys = keys_of(tasks, &candidates);
    for (at, stored) in candidates.into_iter().zip(items.stored(&keys).await) {
        let task = &mut tasks[at];
        match (stored, &task.state) {
            (Err(error), _) => task.fail(Trouble::passing(&error)),
            (Ok(Some(stored)), State::Put(item))
                // I1, I8: the message of the lesser id owes the mark and the publish, or has done them.
                if stored.bytes == item.bytes && stored.message_id.is_some() && stored.message_id < task.message_id =>
            {
                task.state = State::Unchanged;
            }
            _ => {}
        }
    }
}

/// Puts and deletes. Tasks on one key run one after the other, in the order of their messages.
async fn write<I: WriteItems>(items: &I, tasks: &mut [Task]) {
    let mut waves: Vec<Vec<usize>> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for at in positions(tasks, |task| matches!(task.state, State::Put(_) | State::Withdraw { .. })) {
        let wave = seen.entry(tasks[at].key.clone()).and_modify(|wave| *wave += 1).or_insert(0);
        if waves.len() <= *wave {
            waves.push(Vec::new());
        }
        waves[*wave].push(at);
    }
    for wave in waves {
        let mut puts = Vec::with_capacity(wave.len());
        let mut objects = Vec::with_capacity(wave.len());
        let mut deletes = Vec::new();
        for at in wave {
            let task = &mut tasks[at];
            match task.take_bytes() {
                Some(bytes) => {
                    puts.push(at);
                    objects.push(ItemPut { key: task.key.clone(), bytes, message_id: task.message_id.clone() });
                }
                None => deletes.push(at),
            }
        }
        if !puts.is_empty() {
            let results = items.put(&objects).await;
            for ((at, result), object) in puts.into_iter().zip(results).zip(objects) {
                tasks[at].written(result, object.bytes);
            }
        }
        if !deletes.is_empty() {
            let keys = keys_of(tasks, &deletes);
            for (at, result) in deletes.into_iter().zip(items.delete(&keys).await) {
                tasks[at].written(result, Vec::new());
            }
        }
    }
}

/// Marks the row of every task that wrote.
async fn mark<M: MarkLevels, R: Chance>(marks: &M, chance: &R, tasks: &mut [Task]) {
    let wrote = |task: &Task| matches!(task.state, State::Written(_));
    let rows = tasks.iter().filter(|task| wrote(task)).map(|task| (task.level.clone(), task.time)).collect();
    for (row, error) in mark_levels(marks, chance, rows).await {
        // I1: nobody else owes the row.
        for task in tasks.iter_mut().filter(|task| wrote(task) && task.level == row) {
            task.fail(Trouble::passing(&error));
        }
    }
}

/// Marks levels, each once and since the earliest of its events, with a fresh token over whatever mark stands there. Gives
/// those that are not marked, and why.
pub(crate) async fn mark_levels<M: MarkLevels, R: Chance>(
    marks: &M,
    chance: &R,
    changed: Vec<(Level, DateTime<Utc>)>,
) -> Vec<(Level, PortError)> {
    let mut levels: BTreeMap<Level, DateTime<Utc>> = BTreeMap::new();
    for (level, time) in changed {
        levels.entry(level).and_modify(|since| *since = (*since).min(time)).or_insert(time);
    }
    if levels.is_empty() {
        return Vec::new();
    }
    // I4: a token that no mark had before, so that no mover takes this mark for the one it has read.
    let fresh: Vec<Mark> =
        levels.into_iter().map(|(level, since)| Mark { level, token: chance.token(), since }).collect();
    let results = answers(marks.mark(&fresh).await, fresh.len(), "marking");
    fresh.into_iter().zip(results).filter_map(|(mark, result)| Some((mark.level, result.err()?))).collect()
}

/// Publishes what was written and marked.
async fn publish<T: PublishItems>(topic: &T, tasks: &mut [Task]) {
    let mut published = Vec::new();
    let mut messages = Vec::new();
    for (at, task) in tasks.iter_mut().enumerate() {
        if let Some(event) = task.take_event() {
            let audience = if task.reprocess { Audience::Internal } else { Audience::Public };
            published.push(at);
            messages.push(ItemMessage { key: task.key.clone(), audience, event });
        }
    }
    if messages.is_empty() {
        return;
    }
    let answers = answers(topic.publish(&messages).await, messages.len(), "publishing");
    for (at, result) in published.into_iter().zip(answers) {
        // I8: an entry that was not accepted, or not answered, is owed.
        if let Err(error) = result {
            tasks[at].fail(Trouble::passing(&error));
        }
    }
}

/// Counts what is done, and gives what is not.
fn tally(tasks: Vec<Task>) -> (Report, Failures) {
    let mut report = Report::default();
    let mut failures = Failures::default();
    for task in tasks {
        match task.state {
            State::Made => {
                tracing::info!(scene = task.subject, item = task.key, "the item was made");
                report.made += 1;
                report.events.push(task.time);
            }
            State::Withdrawn => {
                tracing::info!(scene = task.subject, item = task.key, "the item was withdrawn");
                report.withdrawn += 1;
                report.events.push(task.time);
            }
            State::Unchanged => report.unchanged += 1,
            State::Failed(trouble) => failures.add(task.delivery, task.subject, trouble),
            // Every task has gone through all steps by now.
            State::Read { .. } | State::Put(_) | State::Withdraw { .. } | State::Written(_) => {
                failures.add(task.delivery, task.subject, Trouble::unfinished());
            }
        }
    }
    (report, failures)
}

fn positions(tasks: &[Task], wanted: impl Fn(&Task) -> bool) -> Vec<usize> {
    tasks.iter().enumerate().filter(|(_, task)| wanted(task)).map(|(at, _)| at).collect()
}

fn keys_of(tasks: &[Task], positions: &[usize]) -> Vec<String> {
    positions.iter().map(|at| tasks[*at].key.clone()).collect()
}
