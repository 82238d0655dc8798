//! file-stac-item: items that others have made are filed in the catalog under its layout.
//!
//! For a batch of messages: decode; fetch what is only referenced; check every item and place it. Then, for each item:
//! write its record over the one that was read, put the item, clear the places where it was before. After all puts of the
//! batch mark the levels, publish, and only then acknowledge, each message by itself.
//!
//! ```text
//! messages -> decode -> fetch -> check -> place -> record -> put -> clear -> mark -> publish -> acknowledge
//!                                                    decide: unchanged, superseded, of another source
//! ```
//!
//! The record is what makes it safe to skip, to move and to withdraw (`record`). What filing costs beside a put is a read
//! and a conditional write of a small document.
//!
//! Layout: `arrivals` reads messages, `task` is one document on its way, `record` decides, `stored` writes items anew,
//! `claim` keeps records, `collections` writes the documents of collections.

mod arrivals;
mod claim;
mod collections;
mod record;
mod stored;
mod task;

use std::collections::{BTreeMap, BTreeSet};

use crate::conclusion::{Failures, Trouble, conclude};
use crate::generate::{Report, mark_levels};
use crate::grid::Grid;
use crate::level::Level;
use crate::message::{Audience, ItemEvent, ItemMessage};
use crate::ports::{
    BuryLetters, Chance, Clock, Delivery, ItemPut, KeepCheckpoints, MarkLevels, PortResult, PublishItems, ReadCatalog,
    ReadItems, ReadSource, WriteCatalog, WriteItems, answers,
};
use crate::search::ports::FetchDocuments;
use crate::search::source::Allowed;
use crate::stac::catalog::Site;

use self::task::{State, Task};

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, F, D, I, C, K, M, T, L, R> {
    /// Where files are read that requests name.
    pub files: &'a F,
    /// Where documents are read that other messages refer to.
    pub documents: &'a D,
    /// Where items are written.
    pub items: &'a I,
    /// Where the documents of collections are written.
    pub catalog: &'a C,
    /// Where it is remembered what is filed where.
    pub records: &'a K,
    /// Where levels are marked.
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
    /// The folders of the catalog, with a layout.
    pub grid: Grid,
    /// What its documents tell about it.
    pub site: Site,
    /// Which buckets and hosts may be read. A message that refers to anything else is refused, without a request.
    pub allowed: Allowed,
    /// Whether files of this machine may be read that a request names.
    pub files: bool,
    /// The longest document that is read, in bytes.
    pub longest_document: u64,
    /// How often a conditional write is tried anew when somebody else has written first.
    pub tries: u32,
    /// How often a message is received before a passing trouble, too, sends it to the dead letters, with its reason.
    pub attempts: u32,
}

impl Settings {
    /// The defaults for a catalog of these folders.
    #[must_use]
    pub fn new(grid: Grid) -> Self {
        Self {
            grid,
            site: Site::default(),
            allowed: Allowed::default(),
            files: false,
            longest_document: 64 * 1024 * 1024,
            tries: 20,
            attempts: 5,
        }
    }
}

/// Works on a batch of messages about items.
pub async fn file<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    deliveries: &[Delivery],
) -> Report
where
    F: ReadSource + Sync,
    D: FetchDocuments + Sync,
    I: ReadItems + WriteItems + Sync,
    C: ReadCatalog + WriteCatalog + Sync,
    K: KeepCheckpoints + Sync,
    M: MarkLevels + Sync,
    T: PublishItems + Sync,
    L: BuryLetters + Sync,
    R: Chance + Clock + Sync,
{
    let mut arrivals = arrivals::read(deliveries, ports.world.now());
    arrivals::fetch(ports.files, ports.documents, settings, &mut arrivals).await;
    let mut tasks = arrivals::tasks(arrivals, settings);
    // What an operator gives of a collection, before any is made from items.
    collections::give(ports, settings, &mut tasks).await;
    for wave in waves(&tasks) {
        write(ports, settings, &mut tasks, &wave).await;
    }
    collections::widen(ports, settings, &mut tasks).await;
    // I1: only now, when every put of the batch has ended, so that no rebuild uses a mark up before its put.
    mark(ports.marks, ports.world, &mut tasks).await;
    // I8: before the message is acknowledged, which until then owes it.
    publish(ports.topic, &mut tasks).await;
    // Only now is a former place forgotten: its level is marked.
    claim::settle(ports.records, &mut tasks).await;
    // I1, I8: at last.
    let (report, failures) = tally(tasks);
    report.ended(conclude(ports.letters, ports.world, settings.attempts, deliveries, failures).await)
}

/// The key under which an item is filed; none when it is not.
///
/// # Errors
///
/// When the records cannot be read.
pub async fn filed_at<K: KeepCheckpoints>(
    records: &K,
    collection: Option<&str>,
    id: &str,
) -> PortResult<Option<String>> {
    Ok(claim::read(records, &record::of_item(collection, id)).await?.and_then(|(record, _)| record.key))
}

/// Which tasks are worked on together: those about one item one after the other, the oldest first.
fn waves(tasks: &[Task]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> =
        (0..tasks.len()).filter(|at| matches!(tasks[*at].state, State::Put(_) | State::Withdraw)).collect();
    order.sort_by_key(|at| tasks[*at].version);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut waves: Vec<Vec<usize>> = Vec::new();
    for at in order {
        let wave = seen.entry(&tasks[at].record).and_modify(|wave| *wave += 1).or_insert(0);
        if waves.len() <= *wave {
            waves.push(Vec::new());
        }
        waves[*wave].push(at);
    }
    waves
}

/// Writes the records of a wave, and what they say.
async fn write<F, D, I, C, K, M, T, L, R>(
    ports: &Ports<'_, F, D, I, C, K, M, T, L, R>,
    settings: &Settings,
    tasks: &mut [Task],
    wave: &[usize],
) where
    F: ReadSource + Sync,
    I: ReadItems + WriteItems + Sync,
    C: ReadCatalog + Sync,
    K: KeepCheckpoints + Sync,
    R: Chance + Clock + Sync,
{
    // The record before the item, so that who comes later knows of this put, whether it has ended or not.
    claim::claim(ports, settings, tasks, wave).await;
    let mut puts = Vec::new();
    let mut objects = Vec::new();
    let mut clears = Vec::new();
    let mut keys = Vec::new();
    for at in wave {
        let task = &mut tasks[*at];
        let message_id = task.message_id.clone();
        if let State::Claimed { claim, put } = &mut task.state {
            if let Some(put) = put {
                puts.push(*at);
                let bytes = std::mem::take(&mut put.item.bytes);
                objects.push(ItemPut { key: put.placed.key.clone(), bytes, message_id });
            }
            for key in &claim.record.left {
                clears.push(*at);
                keys.push(key.clone());
            }
        }
    }
    if !puts.is_empty() {
        let results = answers(ports.items.put(&objects).await, objects.len(), "writing items");
        for ((at, result), object) in puts.into_iter().zip(results).zip(objects) {
            let task = &mut tasks[at];
            match (result, &mut task.state) {
                (Ok(()), State::Claimed { put: Some(put), .. }) => put.item.bytes = object.bytes,
                (Ok(()), _) => {}
                (Err(error), _) => task.fail(Trouble::passing(&error)),
            }
        }
    }
    if !keys.is_empty() {
        let results = answers(ports.items.delete(&keys).await, keys.len(), "clearing former places");
        for (at, result) in clears.into_iter().zip(results) {
            if let Err(error) = result {
                tasks[at].fail(Trouble::passing(&error));
            }
        }
    }
    claim::verify(ports.records, tasks, wave).await;
}

/// Marks the levels that any task has changed.
async fn mark<M: MarkLevels, R: Chance>(marks: &M, chance: &R, tasks: &mut [Task]) {
    let of_task = |task: &Task| task.levels().into_iter().map(|level| (level, task.time)).collect::<Vec<_>>();
    let changed = tasks.iter().flat_map(of_task).collect();
    for (level, error) in mark_levels(marks, chance, changed).await {
        // I1: nobody else owes the level.
        for task in tasks.iter_mut().filter(|task| task.levels().contains(&level)) {
            task.fail(Trouble::passing(&error));
        }
    }
}

/// Publishes what was written and marked.
async fn publish<T: PublishItems>(topic: &T, tasks: &mut [Task]) {
    let mut published = Vec::new();
    let mut messages = Vec::new();
    for (at, task) in tasks.iter_mut().enumerate() {
        let State::Claimed { claim, put } = &mut task.state else { continue };
        let (keys, event) = match put.take() {
            Some(put) => (vec![put.placed.key], ItemEvent::Put(Box::new(put.item))),
            None => {
                let (collection, id) = task.name.clone();
                let event = ItemEvent::Withdrawn { collection: collection.unwrap_or_default(), id, time: task.time };
                (claim.record.left.clone(), event)
            }
        };
        for key in keys {
            published.push(at);
            messages.push(ItemMessage { key, audience: Audience::Public, event: event.clone() });
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
            State::Claimed { claim, .. } => {
                tracing::info!(item = task.name.1, key = claim.record.key, "the item was filed or withdrawn");
                report.events.push(task.time);
                match claim.record.key {
                    Some(_) => report.made += 1,
                    None => report.withdrawn += 1,
                }
            }
            State::Given(level) => tracing::info!(%level, "the collection was given"),
            State::Unchanged | State::Cleared(_) => report.unchanged += 1,
            State::Ignored => {}
            State::Failed(trouble) => failures.add(task.delivery, task.subject, trouble),
            // Every task has gone through all steps by now.
            State::Put(_) | State::Withdraw | State::Give(_) => {
                failures.add(task.delivery, task.subject, Trouble::unfinished());
            }
        }
    }
    (report, failures)
}

/// The levels of keys, each once.
fn levels_of<'a>(keys: impl Iterator<Item = &'a String>) -> BTreeSet<Level> {
    keys.filter_map(|key| Level::parse(key.rsplit_once('/').map_or("", |(folder, _)| folder)).ok()).collect()
}
