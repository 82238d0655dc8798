//! An index of a test's own, items for it, and ports that do as they are told.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use lazycat::index::{Index, Limits, Searcher};
use lazycat::message::DeadLetter;
use lazycat::ports::{BuryLetters, Clock, Delivery, PortError, PortResult};
use lazycat::search::change::{Applied, Change};
use lazycat::search::load::{self, Report, Settings, load};
use lazycat::search::ports::{FetchDocuments, Found, IndexError, IndexItems, SearchItems as _};
use lazycat::search::query::Query;
use lazycat::search::rebuild::FollowCatalog as _;
use lazycat::search::source::{Allowed, Source};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const BUCKET: &str = "a-bucket";

/// The start of all times in these tests.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_600_000_000 + seconds)
}

pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A sound item over a square of a degree.
pub(crate) fn item(collection: &str, id: &str, title: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
        "bbox": [0, 0, 1, 1],
        "properties": {"datetime": text(at(0)), "title": title},
        "links": [], "assets": {}
    })
}

/// An event of S3 about one object.
pub(crate) fn event(name: &str, key: &str, seconds: i64) -> String {
    json!({"Records": [{
        "eventSource": "aws:s3", "eventName": name, "eventTime": text(at(seconds)),
        "s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}
    }]})
    .to_string()
}

/// What SNS makes of a message.
pub(crate) fn envelope(message: &str, seconds: i64) -> String {
    json!({"Type": "Notification", "Message": message, "Timestamp": text(at(seconds))}).to_string()
}

pub(crate) fn withdrawal(collection: &str, id: &str, seconds: i64) -> String {
    json!({"type": "Withdrawn", "collection": collection, "id": id, "time": text(at(seconds))}).to_string()
}

/// A message, sent so many seconds after the start.
pub(crate) fn message(body: impl ToString, seconds: i64) -> Delivery {
    Delivery {
        id: format!("m{seconds}"),
        body: body.to_string(),
        receives: 1,
        sent: Some(at(seconds)),
        receipt: "r".to_owned(),
    }
}

/// Documents behind addresses, and what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub(crate) kept: Mutex<BTreeMap<String, String>>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) is_down: AtomicBool,
}

impl FetchDocuments for Documents {
    async fn fetch(&self, sources: &[Source], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        let fetch = |source: &Source| {
            self.asked.lock().unwrap().push(source.to_string());
            if self.is_down.load(Ordering::Relaxed) {
                return Err(PortError::Unavailable { what: "reading".into(), source: "it is down".into() });
            }
            match self.kept.lock().unwrap().get(&source.to_string()) {
                None => Err(PortError::NotFound { what: source.to_string() }),
                Some(text) if text.len() as u64 > limit => {
                    Err(PortError::TooLarge { what: source.to_string(), size: text.len() as u64, limit })
                }
                Some(text) => Ok(text.clone().into_bytes()),
            }
        };
        sources.iter().map(fetch).collect()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Letters(pub(crate) Mutex<Vec<DeadLetter>>);

impl BuryLetters for Letters {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        self.0.lock().unwrap().push(letter.clone());
        Ok(())
    }
}

struct Now;

impl Clock for Now {
    fn now(&self) -> DateTime<Utc> {
        at(1_000_000)
    }

    async fn pause(&self, _: u64) {}
}

/// An index that is down.
pub(crate) struct Down;

impl IndexItems for Down {
    async fn apply(&self, changes: &[Change<'_>]) -> Vec<Result<Applied, IndexError>> {
        let down = || PortError::Unavailable { what: "the index".into(), source: "it is down".into() };
        changes.iter().map(|_| Err(down().into())).collect()
    }
}

/// An empty index, complete, and what a loader needs beside it.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) index: Index,
    pub(crate) documents: Documents,
    pub(crate) letters: Letters,
    pub(crate) settings: Settings,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::open(folder.path()).unwrap();
        let walk = block_on(index.begin()).unwrap();
        block_on(index.end(walk)).unwrap();
        let allowed = Allowed { buckets: vec![BUCKET.to_owned()], hosts: vec!["good.example".to_owned()] };
        let settings = Settings { allowed, longest_document: 64 * 1024, ..Settings::default() };
        Self { folder, index, documents: Documents::default(), letters: Letters::default(), settings }
    }

    pub(crate) fn load(&self, deliveries: &[Delivery]) -> Report {
        self.load_into(&self.index, deliveries)
    }

    pub(crate) fn load_into(&self, index: &(impl IndexItems + Sync), deliveries: &[Delivery]) -> Report {
        let ports = load::Ports { documents: &self.documents, index, letters: &self.letters, clock: &Now };
        block_on(load(&ports, &self.settings, deliveries))
    }

    pub(crate) fn keep(&self, address: &str, document: &Value) {
        self.documents.kept.lock().unwrap().insert(address.to_owned(), document.to_string());
    }

    pub(crate) fn searcher(&self) -> Searcher {
        Searcher::new(self.folder.path(), Limits::default())
    }

    pub(crate) fn search(&self, query: &Query) -> Found {
        block_on(self.searcher().search(query)).unwrap()
    }

    /// The titles of all items, by id.
    pub(crate) fn titles(&self) -> BTreeMap<String, String> {
        let found = self.search(&Query { limit: 10_000, ..Query::default() });
        let title = |text: &str| {
            let item: Value = serde_json::from_str(text).unwrap();
            item["properties"]["title"].as_str().unwrap_or_default().to_owned()
        };
        found.items.iter().map(|item| (item.id.clone(), title(item.text.get()))).collect()
    }

    pub(crate) fn title(&self, id: &str) -> Option<String> {
        self.titles().remove(id)
    }
}
