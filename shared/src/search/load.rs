//! load-stac-items: messages about items in, a search index that agrees with them.
//!
//! For a batch of messages: decode; fetch what is only referenced; check every item; put the changes in order, the
//! newest of each item alone; apply them; only then acknowledge, each message by itself. A message is done when each of
//! its records is: written, removed, or superseded by something newer. What cannot be loaded fails alone, and its
//! message goes to the dead letters with the reason.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::change::{Action, Applied, Change, Version, newest_first_come_last};
use super::decode::{self, Event, What};
use super::document::{self, Part};
use super::item;
use super::ports::{FetchDocuments, IndexError, IndexItems};
use super::source::{Allowed, Source};
use crate::conclusion::{Conclusion, Failure, Failures, Trouble, conclude};
use crate::message::listed;
use crate::ports::{BuryLetters, Clock, Delivery, PortError, answers};

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, F, I, L, C> {
    /// Where documents are read that messages refer to.
    pub documents: &'a F,
    /// The index.
    pub index: &'a I,
    /// Where messages go that cannot be worked on.
    pub letters: &'a L,
    /// The time, for what is written down, and for messages that do not say when they were sent.
    pub clock: &'a C,
}

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What may be read. A message that refers to anything else is refused, without a request.
    pub allowed: Allowed,
    /// The longest document that is read, in bytes.
    pub longest_document: u64,
    /// How often a message is received before a passing trouble, too, sends it to the dead letters, with its reason.
    pub attempts: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allowed: Allowed::default(), longest_document: 16 * 1024 * 1024, attempts: 5 }
    }
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For each message, whether it is done with and may be acknowledged; the others come back.
    pub acknowledged: Vec<bool>,
    /// How many items and collections were written.
    pub written: usize,
    /// How many items were taken out, or were not there.
    pub removed: usize,
    /// How many changes were older than what the index or the same batch holds, or than the object they refer to.
    pub superseded: usize,
    /// How many records tell of objects that are neither items nor collections.
    pub ignored: usize,
    /// The records that went to the dead letters.
    pub refused: Vec<Refusal>,
    /// Why the messages that are not acknowledged come back.
    pub troubles: Vec<String>,
}

/// A record that is not loaded, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Which: the message and the place in it, and the item or the address when that is known.
    pub record: String,
    /// A short, stable word.
    pub reason: String,
    /// One sentence.
    pub detail: String,
}

impl From<Failure> for Refusal {
    fn from(Failure { subject, trouble }: Failure) -> Self {
        Self { record: subject, reason: trouble.reason, detail: trouble.detail }
    }
}

/// A record of a message on its way, and the text behind it.
struct Record {
    delivery: usize,
    /// What names it in a report.
    name: String,
    version: Version,
    sequencer: Option<String>,
    /// The address that it was read from.
    source: Option<Source>,
    what: Loaded,
}

/// What a record has come to.
enum Loaded {
    /// A document that is here.
    Text(String),
    /// A document that is still to be read.
    Reference,
    Removed,
    Withdrawn {
        collection: String,
        id: String,
    },
    /// There is nothing more to do.
    Done,
}

/// Works on a batch of messages about items.
pub async fn load<F, I, L, C>(ports: &Ports<'_, F, I, L, C>, settings: &Settings, deliveries: &[Delivery]) -> Report
where
    F: FetchDocuments + Sync,
    I: IndexItems + Sync,
    L: BuryLetters + Sync,
    C: Clock + Sync,
{
    let mut report = Report::default();
    let mut failures = Failures::default();
    let mut records = read(deliveries, ports.clock.now(), &mut failures);
    fetch(ports.documents, settings, &mut records, &mut report, &mut failures).await;
    apply(ports.index, &records, &mut report, &mut failures).await;
    let ended = conclude(ports.letters, ports.clock, settings.attempts, deliveries, failures).await;
    let Conclusion { acknowledged, refused, troubles } = ended;
    Report { acknowledged, refused: refused.into_iter().map(Refusal::from).collect(), troubles, ..report }
}

/// Decodes all messages.
fn read(deliveries: &[Delivery], now: DateTime<Utc>, failures: &mut Failures) -> Vec<Record> {
    let mut records = Vec::with_capacity(deliveries.len());
    for (at, delivery) in deliveries.iter().enumerate() {
        match decode::decode(&delivery.body) {
            Ok(events) => records.extend(events.into_iter().map(|event| record(at, delivery, event, now))),
            Err(error) => {
                let trouble = Trouble::permanent("message", error.to_string());
                failures.add(at, format!("message {}", delivery.id), trouble);
            }
        }
    }
    records
}

fn record(delivery: usize, from: &Delivery, event: Event, now: DateTime<Utc>) -> Record {
    let mut name = format!("message {}", from.id);
    if !event.at.is_empty() {
        name.push_str(&format!(" {}", event.at));
    }
    let (source, what) = match event.what {
        What::Document(text) => (None, Loaded::Text(text)),
        What::Written(source) => (Some(source), Loaded::Reference),
        What::Removed(source) => (Some(source), Loaded::Removed),
        What::Withdrawn { collection, id } => (None, Loaded::Withdrawn { collection, id }),
    };
    if let Some(source) = &source {
        name.push_str(&format!(" {source}"));
    }
    let version = event.time.or(from.sent).unwrap_or(now).into();
    Record { delivery, name, version, sequencer: event.sequencer, source, what }
}

/// Reads what is only referenced, each document once. One that is gone has been superseded: its removal is told by
/// another message.
async fn fetch<F: FetchDocuments>(
    documents: &F,
    settings: &Settings,
    records: &mut [Record],
    report: &mut Report,
    failures: &mut Failures,
) {
    let mut wanted: BTreeMap<Source, Vec<usize>> = BTreeMap::new();
    for (at, record) in records.iter_mut().enumerate() {
        let Some(source) = &record.source else { continue };
        if !source.may_be_loaded() {
            record.what = Loaded::Done;
            report.ignored += 1;
        } else if !source.is_allowed(&settings.allowed) {
            let detail = "it is in no bucket and on no host that this loader may read";
            record.what = Loaded::Done;
            failures.add(record.delivery, &record.name, Trouble::permanent("forbidden-source", detail));
        } else if matches!(record.what, Loaded::Reference) {
            wanted.entry(source.clone()).or_default().push(at);
        }
    }
    if wanted.is_empty() {
        return;
    }
    let (sources, waiting): (Vec<Source>, Vec<Vec<usize>>) = wanted.into_iter().unzip();
    let fetched = answers(documents.fetch(&sources, settings.longest_document).await, sources.len(), "reading");
    for (waiting, result) in waiting.into_iter().zip(fetched) {
        let result = result.map(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()));
        for at in waiting {
            let record = &mut records[at];
            let trouble = match &result {
                Ok(Ok(text)) => {
                    record.what = Loaded::Text(text.clone());
                    continue;
                }
                Ok(Err(detail)) => Trouble::permanent("document", detail.clone()),
                Err(PortError::NotFound { .. }) => {
                    record.what = Loaded::Done;
                    report.superseded += 1;
                    continue;
                }
                Err(error @ PortError::TooLarge { .. }) => Trouble::permanent("too-large", error.to_string()),
                Err(error @ PortError::NotAFile { .. }) => Trouble::permanent("document", error.to_string()),
                Err(error) => Trouble::passing(error),
            };
            record.what = Loaded::Done;
            failures.add(record.delivery, &record.name, trouble);
        }
    }
}

/// Checks all items, and applies the newest change of each.
async fn apply<I: IndexItems>(index: &I, records: &[Record], report: &mut Report, failures: &mut Failures) {
    let mut actions = Vec::with_capacity(records.len());
    for (at, record) in records.iter().enumerate() {
        let mut refuse = |(name, trouble): (String, Trouble)| failures.add(record.delivery, name, trouble);
        match &record.what {
            Loaded::Done | Loaded::Reference => {}
            Loaded::Removed => actions.push((at, record.name.clone(), Action::RemoveSource)),
            Loaded::Withdrawn { collection, id } => {
                let name = format!("{} {collection}/{id}", record.name);
                actions.push((at, name, Action::RemoveItem { collection, id }));
            }
            Loaded::Text(text) => match document::parts(text) {
                Ok(parts) if parts.is_empty() => report.ignored += 1,
                Ok(parts) => {
                    let taken = parts.into_iter().map(|part| action(part, &record.name));
                    let (taken, refused): (Vec<_>, Vec<_>) = taken.partition(Result::is_ok);
                    actions.extend(taken.into_iter().flatten().map(|(name, action)| (at, name, action)));
                    refused.into_iter().filter_map(Result::err).for_each(refuse);
                }
                Err(fault) => refuse((record.name.clone(), Trouble::permanent("document", fault.to_string()))),
            },
        }
    }
    let mut addresses: Vec<Option<String>> = Vec::with_capacity(actions.len());
    for (number, (at, _, action)) in actions.iter().enumerate() {
        // All parts of a document have its address.
        let is_of_the_same = number > 0 && actions[number - 1].0 == *at;
        addresses.push(if is_of_the_same { addresses[number - 1].clone() } else { address(&records[*at], action) });
    }
    let mut changes = Vec::with_capacity(actions.len());
    let mut names = Vec::with_capacity(actions.len());
    for ((at, name, action), address) in actions.into_iter().zip(&addresses) {
        let record = &records[at];
        let change = Change { version: record.version, source: address.as_deref(), action };
        changes.push((change, record.sequencer.clone()));
        names.push((record.delivery, name));
    }
    let (order, needless) = newest_first_come_last(&changes);
    report.superseded += needless.len();
    let mut slots: Vec<Option<Change<'_>>> = changes.into_iter().map(|(change, _)| Some(change)).collect();
    let ordered: Vec<Change<'_>> = order.iter().filter_map(|at| slots[*at].take()).collect();
    if ordered.is_empty() {
        return;
    }
    let mut results = index.apply(&ordered).await.into_iter();
    for at in &order {
        let (delivery, name) = &names[*at];
        let trouble = match results.next() {
            Some(Ok(Applied::Written)) => {
                report.written += 1;
                continue;
            }
            Some(Ok(Applied::Removed)) => {
                report.removed += 1;
                continue;
            }
            Some(Ok(Applied::Superseded)) => {
                report.superseded += 1;
                continue;
            }
            Some(Err(IndexError::Refused { reason, detail })) => Trouble::permanent(reason, detail),
            Some(Err(IndexError::Port(error))) => Trouble::passing(&error),
            None => Trouble::passing(&"the index has not answered for this record"),
        };
        failures.add(*delivery, name, trouble);
    }
}

/// The address of a record's document: where it was read, or what the document says itself.
fn address(record: &Record, action: &Action<'_>) -> Option<String> {
    match (&record.source, &record.what, action) {
        (Some(source), ..) => Some(source.to_string()),
        // All of the document.
        (None, Loaded::Text(text), Action::PutItem(item)) if item.text.len() == text.len() => {
            item.own_address().map(|source| source.to_string())
        }
        (None, Loaded::Text(text), _) => item::own_address(text).map(|source| source.to_string()),
        (None, ..) => None,
    }
}

/// What a part of a document asks for.
fn action<'a>(part: Part<'a>, record: &str) -> Result<(String, Action<'a>), (String, Trouble)> {
    match part {
        Part::Collection { id, text } => {
            let name = format!("{record} collection {id}");
            Ok((name, Action::PutCollection { id, text }))
        }
        Part::Item { at, text } => {
            let name = if at.is_empty() { record.to_owned() } else { format!("{record} {at}") };
            match item::check(text) {
                Ok(item) => Ok((format!("{name} {}/{}", item.collection, item.id), Action::PutItem(item))),
                Err(faults) => Err((name, Trouble::permanent("item", listed(&faults)))),
            }
        }
    }
}
