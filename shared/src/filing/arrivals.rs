//! Messages, and the documents that they bring or name.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::Settings;
use super::record;
use super::stored;
use super::task::{Put, State, Task};
use crate::conclusion::Trouble;
use crate::layout::{Layout, PlaceError};
use crate::message::filing::FileRequest;
use crate::message::{complaint, listed};
use crate::ports::{Delivery, PortResult, ReadSource, SourceObject, answers};
use crate::search::change::Version;
use crate::search::decode::{self, What};
use crate::search::document::{self, Part};
use crate::search::item;
use crate::search::ports::FetchDocuments;
use crate::search::source::Source;
use crate::stac::foreign::{Collection, Seen};

/// One thing that a message tells.
pub(super) struct Arrival {
    delivery: usize,
    /// What people know it by.
    subject: String,
    time: DateTime<Utc>,
    message_id: Option<String>,
    force: bool,
    given: bool,
    /// Where it is, or was read.
    place: Place,
    what: Told,
}

/// Where a document stands.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    File(String),
    At(Source),
    /// In the message.
    Here,
}

enum Told {
    Text(String),
    /// It is still to be read.
    Reference,
    Withdrawn {
        collection: String,
        id: String,
    },
    Ignored,
    Failed(Trouble),
}

impl Place {
    /// What a document came from, as the records have it.
    fn source(&self, text: &str) -> Option<String> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::At(source) => Some(source.to_string()),
            Self::Here => item::own_address(text).map(|source| source.to_string()),
        }
    }

    /// The address that relative ones lead from.
    fn address(&self) -> Option<String> {
        match self {
            Self::File(path) => Some(format!("file://{}", path.split('/').map(encoded).collect::<Vec<_>>().join("/"))),
            Self::At(source) => Some(source.to_string()),
            Self::Here => None,
        }
    }
}

/// A segment of a path in an address.
fn encoded(segment: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const ODD: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');
    utf8_percent_encode(segment, ODD).to_string()
}

/// Decodes all messages.
pub(super) fn read(deliveries: &[Delivery], now: DateTime<Utc>) -> Vec<Arrival> {
    let mut arrivals = Vec::with_capacity(deliveries.len());
    for (at, delivery) in deliveries.iter().enumerate() {
        let failed = |detail: String| Arrival {
            delivery: at,
            subject: format!("message {}", delivery.id),
            time: now,
            message_id: None,
            force: false,
            given: false,
            place: Place::Here,
            what: Told::Failed(Trouble::permanent("message", detail)),
        };
        match FileRequest::decode(&delivery.body) {
            Ok(Some(request)) => arrivals.push(requested(at, delivery, request, now)),
            Ok(None) => match decode::decode(&delivery.body) {
                Ok(events) => {
                    arrivals.extend(events.into_iter().map(|event| told(at, delivery, event, now)));
                }
                Err(error) => arrivals.push(failed(error.to_string())),
            },
            Err(error) => arrivals.push(failed(format!("the request cannot be read: {}", complaint(&error)))),
        }
    }
    arrivals
}

fn requested(at: usize, delivery: &Delivery, request: FileRequest, now: DateTime<Utc>) -> Arrival {
    let subject = request.subject();
    let FileRequest { path, document, message_id, force, given, time, .. } = request;
    let what = match (&path, document) {
        (_, Some(text)) => Told::Text(text),
        (Some(_), None) => Told::Reference,
        (None, None) => Told::Failed(Trouble::permanent("message", "the request has neither path nor document")),
    };
    Arrival {
        delivery: at,
        subject,
        time: time.or(delivery.sent).unwrap_or(now),
        message_id,
        force,
        given,
        place: path.map_or(Place::Here, Place::File),
        what,
    }
}

fn told(at: usize, delivery: &Delivery, event: decode::Event, now: DateTime<Utc>) -> Arrival {
    let mut subject = format!("message {}", delivery.id);
    if !event.at.is_empty() {
        subject.push_str(&format!(" {}", event.at));
    }
    let (place, what) = match event.what {
        What::Document(text) => (Place::Here, Told::Text(text)),
        What::Written(source) if source.may_be_loaded() => (Place::At(source), Told::Reference),
        // What goes from where it was taken stays in the catalog, as with a folder: it is withdrawn by name.
        What::Written(source) | What::Removed(source) => (Place::At(source), Told::Ignored),
        What::Withdrawn { collection, id } => (Place::Here, Told::Withdrawn { collection, id }),
    };
    if let Place::At(source) = &place {
        subject = source.to_string();
    }
    Arrival {
        delivery: at,
        subject,
        time: event.time.or(delivery.sent).unwrap_or(now),
        message_id: None,
        force: false,
        given: false,
        place,
        what,
    }
}

/// Reads what is only named, each document once.
pub(super) async fn fetch<F: ReadSource, D: FetchDocuments>(
    files: &F,
    documents: &D,
    settings: &Settings,
    arrivals: &mut [Arrival],
) {
    let mut wanted: BTreeMap<Place, Vec<usize>> = BTreeMap::new();
    for (at, arrival) in arrivals.iter_mut().enumerate() {
        if !matches!(arrival.what, Told::Reference) {
            continue;
        }
        let is_allowed = match &arrival.place {
            Place::File(_) => settings.files,
            Place::At(source) => source.is_allowed(&settings.allowed),
            Place::Here => true,
        };
        if is_allowed {
            wanted.entry(arrival.place.clone()).or_default().push(at);
        } else {
            let detail = "it is in no bucket and on no host that may be read";
            arrival.what = Told::Failed(Trouble::permanent("forbidden-source", detail));
        }
    }
    let (mut paths, mut sources) = (Vec::new(), Vec::new());
    let (mut of_paths, mut of_sources) = (Vec::new(), Vec::new());
    for (place, waiting) in wanted {
        match place {
            Place::File(path) => {
                paths.push(SourceObject { bucket: String::new(), key: String::new(), file: Some(path) });
                of_paths.push(waiting);
            }
            Place::At(source) => {
                sources.push(source);
                of_sources.push(waiting);
            }
            Place::Here => {}
        }
    }
    let limit = settings.longest_document;
    if !paths.is_empty() {
        let read = answers(files.read(&paths, limit).await, paths.len(), "reading files");
        of_paths.into_iter().zip(read).for_each(|(waiting, result)| came(arrivals, &waiting, result, true));
    }
    if !sources.is_empty() {
        let read = answers(documents.fetch(&sources, limit).await, sources.len(), "reading documents");
        of_sources.into_iter().zip(read).for_each(|(waiting, result)| came(arrivals, &waiting, result, false));
    }
}

fn came(arrivals: &mut [Arrival], waiting: &[usize], result: PortResult<Vec<u8>>, is_file: bool) {
    let result = match result {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| Trouble::permanent("document", "it is not UTF-8")),
        Err(error) => Err(Trouble::reading(&error, is_file)),
    };
    for at in waiting {
        arrivals[*at].what = match &result {
            Ok(text) => Told::Text(text.clone()),
            Err(trouble) => Told::Failed(trouble.clone()),
        };
    }
}

/// One task for every item and collection; what cannot be read is one failed task.
pub(super) fn tasks(arrivals: Vec<Arrival>, settings: &Settings) -> Vec<Task> {
    let mut tasks = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        let task = |name: (Option<String>, String), state| Task {
            delivery: arrival.delivery,
            subject: arrival.subject.clone(),
            record: record::of_item(name.0.as_deref(), &name.1),
            name,
            time: arrival.time,
            version: Version::from(arrival.time).0,
            source: None,
            message_id: arrival.message_id.clone(),
            force: arrival.force,
            given: arrival.given,
            also: BTreeSet::new(),
            state,
        };
        let nameless = |state| task((None, String::new()), state);
        let Some(layout) = settings.grid.layout() else {
            let detail = "the catalog has no layout for items that others have made: name one, with --layout";
            tasks.push(nameless(State::Failed(Trouble::permanent("layout", detail))));
            continue;
        };
        match &arrival.what {
            Told::Failed(trouble) => tasks.push(nameless(State::Failed(trouble.clone()))),
            Told::Ignored | Told::Reference => tasks.push(nameless(State::Ignored)),
            Told::Withdrawn { collection, id } => {
                let collection = Some(collection.clone()).filter(|_| layout.collection_depth().is_some());
                tasks.push(task((collection, id.clone()), State::Withdraw));
            }
            Told::Text(text) => match document::parts(text) {
                Err(fault) => {
                    let trouble = Trouble::permanent("document", fault.to_string());
                    tasks.push(nameless(State::Failed(trouble)));
                }
                Ok(parts) if parts.is_empty() => tasks.push(nameless(State::Ignored)),
                Ok(parts) => {
                    tasks.extend(parts.into_iter().map(|part| of_part(part, &arrival, settings, layout, &task)))
                }
            },
        }
    }
    tasks
}

fn of_part(
    part: Part<'_>,
    arrival: &Arrival,
    settings: &Settings,
    layout: &Layout,
    task: &impl Fn((Option<String>, String), State) -> Task,
) -> Task {
    match part {
        Part::Collection { id, text } => {
            let state = match (layout.collection_level(&id), Collection::read(stored::compact(text).as_bytes(), &id)) {
                (Err(error), _) => State::Failed(of_place(&error)),
                (_, None) => State::Failed(Trouble::permanent("document", "/links: it is no list")),
                (_, Some(collection)) => State::Give(Box::new(collection)),
            };
            let record = record::of_collection(&id);
            let mut task = task((None, id.into_owned()), state);
            task.subject = format!("{} collection {}", task.subject, task.name.1);
            Task { record, source: arrival.place.source(text), ..task }
        }
        Part::Item { at, text } => {
            let put = put(text, arrival, settings, layout);
            let name = match &put {
                Ok(put) => (put.placed.collection.clone(), put.placed.id.clone()),
                Err(_) => (None, String::new()),
            };
            let state = match put {
                Ok(put) => State::Put(Box::new(put)),
                Err(trouble) => State::Failed(trouble),
            };
            let mut task = task(name, state);
            if !at.is_empty() {
                task.subject = format!("{} {at}", task.subject);
            }
            Task { source: arrival.place.source(text), ..task }
        }
    }
}

fn put(text: &str, arrival: &Arrival, settings: &Settings, layout: &Layout) -> Result<Put, Trouble> {
    let item = item::check_to_file(text).map_err(|faults| Trouble::permanent("item", listed(&faults)))?;
    let placed = layout.place(text).map_err(|error| of_place(&error))?;
    let address = arrival.place.address();
    let stored = stored::stored(&settings.grid, text, &item, &placed, address.as_deref())
        .map_err(|error| Trouble::permanent("item", complaint(&error)))?;
    let seen = placed.collection.is_some().then(|| Seen::of(item.bbox, item.interval, item.properties));
    Ok(Put { digest: record::digest(stored.bytes()), placed, item: stored, seen })
}

fn of_place(error: &PlaceError) -> Trouble {
    Trouble::permanent(error.reason(), error.to_string())
}
