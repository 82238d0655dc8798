//! The door: single items, as somebody sends them, checked at once and put into the queue that all items go through.
//!
//! An item is checked while its sender waits, so he learns at once of every fault, each with its place; what is taken is
//! in a queue, and nothing else has been written. So to send an item twice is to send it once: the queue's worker files
//! it under its id.
//!
//! Layout:
//! - [`mod@document`]: JSON, read strictly and within bounds
//! - [`check`], [`href`]: the rules
//! - [`known`]: which collections items are taken for; `place`: where a layout files them
//! - [`rate`]: how many requests are taken in a time
//! - here: [`examine`] and [`submit`], the use case, and the ports it needs

pub mod check;
pub mod document;
pub mod href;
pub mod known;
mod place;
pub mod rate;

use serde::Serialize;
use serde_json::Value;

pub use self::check::{Rules, Unknown};
use self::document::{Document, Unreadable};
use self::known::KnowCollections;
use crate::message::compact;
use crate::ports::{PortError, SendMessages};
pub use crate::search::item::Fault;

/// How many faults are told; all are counted.
const FAULTS_TOLD: usize = 50;

/// Where an item will stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The key of the item in the catalog.
    pub key: String,
    /// The key of the document of its collection, where it has one.
    #[serde(skip)]
    pub collection_key: Option<String>,
}

/// Decides where items stand: pure.
pub trait PlaceItems {
    /// The place of an item, whatever else is wrong with it.
    ///
    /// # Errors
    ///
    /// Every fault that keeps it from having one.
    fn place(&self, item: &Document<'_>) -> Result<Place, Vec<Fault>>;

    /// The key of the document of the item's collection, also where the item itself has no place; none where that cannot be
    /// told, or there is none.
    fn collection_key(&self, item: &Document<'_>) -> Option<String> {
        self.place(item).ok()?.collection_key
    }
}

impl<F: Fn(&Document<'_>) -> Result<Place, Vec<Fault>>> PlaceItems for F {
    fn place(&self, item: &Document<'_>) -> Result<Place, Vec<Fault>> {
        self(item)
    }
}

/// Faults in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    all: Vec<Fault>,
}

impl From<Vec<Fault>> for Faults {
    fn from(all: Vec<Fault>) -> Self {
        Self { all }
    }
}

impl Faults {
    /// The first of them, as many as are told.
    #[must_use]
    pub fn told(&self) -> &[Fault] {
        &self.all[..self.all.len().min(FAULTS_TOLD)]
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    fn push(&mut self, fault: Fault) {
        self.all.push(fault);
    }

    fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.all.extend(faults);
    }
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What is wrong.
    pub faults: Faults,
    /// What could not be checked.
    pub warnings: Vec<Fault>,
}

/// An item that obeys the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Its id.
    pub id: String,
    /// The id of its collection, where it has one.
    pub collection: Option<String>,
    /// Where it will stand.
    pub place: Place,
    /// What could not be checked.
    pub warnings: Vec<Fault>,
    /// The item as it was sent, in one line.
    pub text: String,
}

/// Why an item is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is longer than it may be.
    #[error("it is longer than {longest} bytes")]
    TooLong {
        /// The most bytes it may have.
        longest: usize,
    },
    /// It is no JSON: one sentence with the place.
    #[error("{0}")]
    NoJson(String),
    /// It is JSON and has faults.
    #[error("it has {} faults", .0.count())]
    Faulty(Faults),
    /// Whether it may be taken cannot be told now, or the queue does not take it.
    #[error(transparent)]
    Unavailable(PortError),
}

impl From<Unreadable> for Refused {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::TooLong { longest } => Self::TooLong { longest },
            Unreadable::NoJson(detail) => Self::NoJson(detail),
            Unreadable::Unbounded(fault) => Self::Faulty(Faults { all: vec![fault] }),
        }
    }
}

/// Holds what was sent against the rules, and writes nothing.
///
/// # Errors
///
/// Why it would not be taken: every fault of the item.
pub async fn examine(
    rules: &Rules,
    places: &impl PlaceItems,
    collections: &impl KnowCollections,
    bytes: &[u8],
) -> Result<Submission, Refused> {
    let document = document::read(bytes, rules.longest)?;
    let Findings { mut faults, warnings } = rules.check(&document);
    let is_object = document.value.is_object();
    let place = if is_object { places.place(&document) } else { Err(Vec::new()) };
    let collection = if is_object { places.collection_key(&document) } else { None };
    if let Some(key) = collection
        && !collections.knows(&key).await.map_err(Refused::Unavailable)?
    {
        let detail = "the catalog has no such collection; its collection.json comes first".to_owned();
        faults.push(Fault::new("/collection", found_collection(&document.value, &detail)));
    }
    let place = place.map_err(|found| faults.add_new(found)).ok();
    match (place, text_at(&document, "id")) {
        (Some(place), Some(id)) if faults.count() == 0 => Ok(Submission {
            id,
            collection: text_at(&document, "collection"),
            place,
            warnings,
            text: sendable(&compact(document.text)),
        }),
        _ => Err(Refused::Faulty(faults)),
    }
}

/// Takes an item that obeys the rules into the queue.
///
/// # Errors
///
/// Why it is not taken. Then nothing was written, or, when the queue did not answer, the item may be in it all the same:
/// to send it again does no harm.
pub async fn submit(
    rules: &Rules,
    places: &impl PlaceItems,
    collections: &impl KnowCollections,
    queue: &impl SendMessages,
    bytes: &[u8],
) -> Result<Submission, Refused> {
    let submission = examine(rules, places, collections, bytes).await?;
    let sent = queue.send(std::slice::from_ref(&submission.text)).await;
    match crate::ports::answers(sent, 1, "sending to the queue of items").into_iter().next() {
        Some(Err(error)) => Err(Refused::Unavailable(error)),
        _ => Ok(submission),
    }
}

/// The same JSON without the two characters that no message of SQS may hold: they can only stand in texts, where they can
/// be escaped.
fn sendable(json: &str) -> String {
    json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
}

fn text_at(document: &Document<'_>, name: &str) -> Option<String> {
    document.value.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn found_collection(item: &Value, detail: &str) -> String {
    format!("found {}, but {detail}", crate::validation::quote::quote(item.get("collection")))
}

#[cfg(test)]
mod tests;
