//! A world that items are filed in.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use lazycat::filing::{Ports, Settings, file};
use lazycat::generate::Report;
use lazycat::grid::Grid;
use lazycat::layout::Layout;
use lazycat::memory::{Checkpoints, Letters, Marks, Memory, Objects, Sources, Topic};
use lazycat::message::filing::FileRequest;
use lazycat::mover::{self, move_marks};
use lazycat::ports::{Delivery, PortError, PortResult, ReceiveMessages as _};
use lazycat::search::ports::FetchDocuments;
use lazycat::search::source::{Allowed, Source};
use lazycat::stac::catalog::Site;
use lazycat::update::{self, update};
use lazycat_tests::bench::{ATTEMPTS, Bench, Surroundings, TRIES, deliveries, run};
use lazycat_tests::faults::{Faults, Faulty};
use serde_json::{Value, json};

/// Documents that messages refer to.
#[derive(Clone, Default)]
pub(crate) struct Documents(pub(crate) BTreeMap<String, String>);

impl FetchDocuments for Documents {
    async fn fetch(&self, sources: &[Source], _limit: u64) -> Vec<PortResult<Vec<u8>>> {
        let read = |source: &Source| match self.0.get(&source.to_string()) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => Err(PortError::NotFound { what: source.to_string() }),
        };
        sources.iter().map(read).collect()
    }
}

/// A world that items are filed in.
pub(crate) struct Files {
    pub(crate) bench: Bench,
    pub(crate) memory: Memory,
    pub(crate) faults: Faults,
    pub(crate) objects: Faulty<Objects>,
    pub(crate) records: Faulty<Checkpoints>,
    pub(crate) marks: Faulty<Marks>,
    pub(crate) topic: Faulty<Topic>,
    pub(crate) letters: Faulty<Letters>,
    pub(crate) sources: Faulty<Sources>,
    pub(crate) documents: Documents,
    pub(crate) settings: Settings,
}

impl Files {
    pub(crate) fn new() -> Self {
        Self::under("{collection}/{year}/{month}")
    }

    pub(crate) fn under(template: &str) -> Self {
        let grid = Grid::with_layout(Layout::parse(template).unwrap(), Some("Filed"));
        let allowed = Allowed { buckets: vec!["mine".to_owned()], hosts: Vec::new() };
        let settings = Settings { allowed, attempts: ATTEMPTS, tries: TRIES, ..Settings::new(grid) };
        Self::of(Memory::new(1), Documents::default(), settings)
    }

    /// The same world without its faults, for another worker.
    pub(crate) fn over(files: &Self) -> Self {
        Self::of(files.memory.clone(), files.documents.clone(), files.settings.clone())
    }

    fn of(memory: Memory, documents: Documents, settings: Settings) -> Self {
        let faults = Faults::default();
        Self {
            bench: Bench::over(&memory),
            objects: Faulty::new(memory.objects.clone(), &faults),
            records: Faulty::new(memory.checkpoints.clone(), &faults),
            marks: Faulty::new(memory.marks.clone(), &faults),
            topic: Faulty::new(memory.topic.clone(), &faults),
            letters: Faulty::new(memory.scenes.letters(), &faults),
            sources: Faulty::new(memory.sources.clone(), &faults),
            documents,
            settings,
            memory,
            faults,
        }
    }

    pub(crate) fn world(&self) -> &Surroundings {
        self.bench.surroundings()
    }

    pub(crate) async fn file(&self, deliveries: &[Delivery]) -> Report {
        let ports = Ports {
            files: &self.sources,
            documents: &self.documents,
            items: &self.objects,
            catalog: &self.objects,
            records: &self.records,
            marks: &self.marks,
            topic: &self.topic,
            letters: &self.letters,
            world: self.world(),
        };
        file(&ports, &self.settings, deliveries).await
    }

    pub(crate) fn take(&self, bodies: &[String]) -> Report {
        run(self.file(&deliveries(bodies)))
    }

    /// Files one document, which must go well.
    pub(crate) fn must_take(&self, body: &str) -> Report {
        let report = self.take(&[body.to_owned()]);
        assert_eq!((&report.acknowledged[..], &report.refused[..]), (&[true][..], &[][..]), "{:?}", report.troubles);
        report
    }

    /// Why one document is refused.
    pub(crate) fn refusal(&self, body: &str) -> (String, String) {
        let mut report = self.take(&[body.to_owned()]);
        assert_eq!((report.acknowledged.len(), report.refused.len()), (1, 1), "{report:?}");
        assert!(report.acknowledged[0]);
        let refusal = report.refused.remove(0);
        (refusal.reason, refusal.detail)
    }

    /// Moves marks and rebuilds levels until nothing is left to do.
    pub(crate) fn settle(&self) {
        let settings = update::Settings {
            grid: self.settings.grid.clone(),
            site: Site::default(),
            tries: TRIES,
            attempts: ATTEMPTS,
        };
        let ports = update::Ports {
            catalog: &self.memory.objects,
            marks: &self.memory.marks,
            letters: &self.memory.levels.letters(),
            world: self.world(),
        };
        for _ in 0..100 {
            let queue = self.memory.levels.level_sender();
            run(move_marks(&mover::Ports { marks: &self.memory.marks, queue: &queue })).unwrap();
            let received = run(self.memory.levels.receive(10)).unwrap();
            let report = run(update(&ports, &settings, &received));
            assert!(report.acknowledged.iter().all(|done| *done), "{report:?}");
            let receipts: Vec<String> = received.iter().map(|delivery| delivery.receipt.clone()).collect();
            run(self.memory.levels.acknowledge(&receipts)).unwrap();
            if self.memory.marks.is_empty() && self.memory.levels.is_empty() {
                return;
            }
        }
        panic!("the levels come to no end");
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.memory.objects.snapshot().into_keys().collect()
    }

    pub(crate) fn json(&self, key: &str) -> Value {
        let objects = self.memory.objects.snapshot();
        let object = objects.get(key).unwrap_or_else(|| panic!("{key} is not there: {:?}", self.keys()));
        serde_json::from_slice(&object.bytes).unwrap()
    }

    pub(crate) fn links(&self, key: &str, rel: &str) -> Vec<String> {
        let document = self.json(key);
        let links = document["links"].as_array().unwrap().iter().filter(|link| link["rel"] == rel);
        links.map(|link| link["href"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn marked(&self) -> Vec<String> {
        let mut marked: Vec<String> =
            self.memory.marks.snapshot().iter().map(|mark| mark.level.wire().to_owned()).collect();
        marked.sort_unstable();
        marked
    }
}

pub(crate) fn item(id: &str, date: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.0.0", "id": id, "collection": "c",
        "geometry": {"type": "Point", "coordinates": [1, 2]}, "bbox": [1, 2, 1, 2],
        "properties": {"datetime": format!("{date}T00:00:00Z"), "platform": "p"}, "links": [], "assets": {}
    })
}

pub(crate) fn collection(title: &str) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.0.0", "id": "c", "title": title, "description": "d", "license": "MIT",
        "extent": {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[null, null]]}},
        "odd": {"n": 1.0}, "links": [{"rel": "license", "href": "l"}, {"rel": "child", "href": "./x/catalog.json"}]
    })
}

pub(crate) fn seconds(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

/// A request to file a document that stands in a file, as an import sends it.
pub(crate) fn request(document: &Value, path: &str, at: i64, id: &str) -> FileRequest {
    let mut request = FileRequest::of_document(document.to_string());
    request.path = Some(path.to_owned());
    request.time = Some(seconds(at));
    request.message_id = Some(id.to_owned());
    request
}

pub(crate) fn body(document: &Value, path: &str, at: i64, id: &str) -> String {
    request(document, path, at, id).encode()
}

pub(crate) fn withdrawal(id: &str, at: i64) -> String {
    json!({"type": "Withdrawn", "collection": "c", "id": id, "time": seconds(at)}).to_string()
}
