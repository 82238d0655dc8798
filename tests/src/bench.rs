//! The use cases on a bench: over the adapters in memory, with faults around every one of them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use chrono::{DateTime, Utc};
use lazycat::generate::{self, generate};
use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::memory::{Dice, Letters, LevelSender, Marks, Memory, Objects, Sources, Time, Topic};
use lazycat::message::{LevelMessage, SceneRecord};
use lazycat::mover::{self, move_marks};
use lazycat::ports::{Chance, Clock, Delivery, PortResult, ReceiveMessages, SendMessages, SourceObject};
use lazycat::stac::Buckets;
use lazycat::stac::catalog::Site;
use lazycat::update::{self, Rebuilt, UpdateError, rebuild, update};
pub use lazycat_fixtures::record_figure;
use serde_json::Value;

use crate::faults::{Faults, Faulty};

/// The bucket of CBERS.
pub const BUCKET: &str = "cbers-pds";

/// How often a message is received on a bench before it is given up.
pub const ATTEMPTS: u32 = 3;

/// How often an update on a bench tries a write.
pub const TRIES: u32 = 4;

/// Randomness and time.
#[derive(Debug, Clone)]
pub struct Surroundings {
    dice: Dice,
    time: Time,
}

impl Chance for Surroundings {
    fn bits(&self) -> u64 {
        self.dice.bits()
    }
}

impl Clock for Surroundings {
    fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }

    async fn pause(&self, milliseconds: u64) {
        self.time.pause(milliseconds).await;
    }
}

/// One world and its faults. Clones share both.
#[derive(Clone)]
pub struct Bench {
    /// What there is.
    pub memory: Memory,
    /// What goes wrong, and what was asked.
    pub faults: Faults,
    source: Faulty<Sources>,
    objects: Faulty<Objects>,
    marks: Faulty<Marks>,
    topic: Faulty<Topic>,
    scene_letters: Faulty<Letters>,
    level_letters: Faulty<Letters>,
    sender: Faulty<LevelSender>,
    surroundings: Surroundings,
}

impl Bench {
    /// An empty world.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(1)
    }

    /// An empty world of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::over(&Memory::new(seed))
    }

    /// A world that is there already, without faults.
    #[must_use]
    pub fn over(memory: &Memory) -> Self {
        let memory = memory.clone();
        let faults = Faults::default();
        Self {
            source: Faulty::new(memory.sources.clone(), &faults),
            objects: Faulty::new(memory.objects.clone(), &faults),
            marks: Faulty::new(memory.marks.clone(), &faults),
            topic: Faulty::new(memory.topic.clone(), &faults),
            scene_letters: Faulty::new(memory.scenes.letters(), &faults),
            level_letters: Faulty::new(memory.levels.letters(), &faults),
            sender: Faulty::new(memory.levels.level_sender(), &faults),
            surroundings: Surroundings { dice: memory.dice.clone(), time: memory.time.clone() },
            memory,
            faults,
        }
    }

    /// Randomness and time.
    #[must_use]
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Works on messages about scenes.
    pub async fn generate(&self, deliveries: &[Delivery]) -> generate::Report {
        let ports = generate::Ports {
            source: &self.source,
            items: &self.objects,
            marks: &self.marks,
            topic: &self.topic,
            letters: &self.scene_letters,
            world: &self.surroundings,
        };
        let settings = generate::Settings { grid: INPE.clone(), buckets: Buckets::default(), attempts: ATTEMPTS };
        generate(&ports, &settings, deliveries).await
    }

    /// Works on messages about scenes that are received for the first time.
    #[must_use]
    pub fn take(&self, bodies: &[String]) -> generate::Report {
        run(self.generate(&deliveries(bodies)))
    }

    /// Moves the marks.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub fn tick(&self) -> PortResult<mover::Report> {
        run(move_marks(&mover::Ports { marks: &self.marks, queue: &self.sender }))
    }

    /// Works on messages about levels.
    pub async fn update(&self, deliveries: &[Delivery]) -> update::Report {
        update(&self.update_ports(), &update_settings(), deliveries).await
    }

    /// Rebuilds one level.
    ///
    /// # Errors
    ///
    /// Those of [`rebuild`].
    pub fn rebuild(&self, level: &str) -> Result<Rebuilt, UpdateError> {
        run(rebuild(&self.update_ports(), &update_settings(), &level_of(level), self.surroundings.now()))
    }

    fn update_ports(&self) -> update::Ports<'_, Faulty<Objects>, Faulty<Marks>, Faulty<Letters>, Surroundings> {
        update::Ports {
            catalog: &self.objects,
            marks: &self.marks,
            letters: &self.level_letters,
            world: &self.surroundings,
        }
    }

    /// One tick of the timer: moves the marks, then rebuilds all that is in the update queue. Gives the levels that
    /// were rebuilt.
    ///
    /// # Panics
    ///
    /// When a port fails: nothing should on a bench without faults.
    #[must_use]
    #[allow(clippy::expect_used)]
    pub fn tick_and_update(&self) -> Vec<String> {
        self.tick().expect("the marks can be read");
        let mut rebuilt = Vec::new();
        while !self.memory.levels.is_empty() {
            let received = run(self.memory.levels.receive(10)).expect("the queue can be read");
            let report = run(self.update(&received));
            rebuilt.extend(report.rebuilt.iter().map(|(level, _)| level.wire().to_owned()));
            run(self.acknowledge_levels(&received, &report.acknowledged));
        }
        rebuilt.sort();
        rebuilt
    }

    /// Acknowledges those deliveries of levels that are done with; the others are visible at once.
    async fn acknowledge_levels(&self, received: &[Delivery], done: &[bool]) {
        for (delivery, done) in received.iter().zip(done) {
            let receipt = std::slice::from_ref(&delivery.receipt);
            let queue = &self.memory.levels;
            let _ = if *done { queue.acknowledge(receipt).await } else { queue.release(receipt, 0).await };
        }
    }

    /// Ticks until nothing is left to do.
    ///
    /// # Panics
    ///
    /// When there is still something to do after many ticks.
    pub fn settle(&self) {
        for _ in 0..20 {
            if self.memory.marks.is_empty() && self.memory.levels.is_empty() {
                return;
            }
            let _ = self.tick_and_update();
        }
        assert!(self.memory.quiet(), "after twenty ticks there is still something to do");
    }

    /// Sends messages about scenes and works on all that are in the queue, once each; those that are not done with
    /// stay.
    pub fn send_and_take(&self, bodies: &[String]) {
        run(async {
            let _ = self.memory.scenes.send(bodies).await;
            loop {
                let received = self.memory.scenes.receive(10).await.unwrap_or_default();
                if received.is_empty() {
                    return;
                }
                let report = self.generate(&received).await;
                let done = received.iter().zip(&report.acknowledged).filter(|(_, done)| **done);
                let receipts: Vec<String> = done.map(|(delivery, _)| delivery.receipt.clone()).collect();
                let _ = self.memory.scenes.acknowledge(&receipts).await;
            }
        });
    }

    /// A document of the catalog.
    ///
    /// # Panics
    ///
    /// When there is none of this key, or it is not JSON.
    #[must_use]
    #[allow(clippy::panic)]
    pub fn document(&self, key: &str) -> Value {
        let objects = self.memory.objects.snapshot();
        let object = objects.get(key).unwrap_or_else(|| panic!("there is no {key}"));
        serde_json::from_slice(&object.bytes).unwrap_or_else(|error| panic!("{key}: {error}"))
    }

    /// The addresses of a document's links of one relation.
    #[must_use]
    pub fn hrefs(&self, key: &str, rel: &str) -> Vec<String> {
        let document = self.document(key);
        let links = document["links"].as_array().into_iter().flatten();
        links
            .filter(|link| link["rel"] == rel)
            .map(|link| link["href"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// The revision of a document.
    #[must_use]
    pub fn revision(&self, key: &str) -> u64 {
        self.document(key)["lazycat:revision"].as_u64().unwrap_or(0)
    }

    /// The levels that are marked, on the wire's terms.
    #[must_use]
    pub fn marked(&self) -> Vec<String> {
        self.memory.marks.snapshot().iter().map(|mark| mark.level.wire().to_owned()).collect()
    }

    /// Whether there is an object of this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.memory.objects.snapshot().contains_key(key)
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

fn update_settings() -> update::Settings {
    update::Settings { grid: INPE.clone(), site: Site::default(), tries: TRIES, attempts: ATTEMPTS }
}

/// A level by its key on the wire.
///
/// # Panics
///
/// When it is none.
#[must_use]
#[allow(clippy::expect_used)]
pub fn level_of(key: &str) -> Level {
    Level::from_wire(key).expect("a level key")
}

/// Messages as a queue delivers them for the first time, `m0`, `m1` and so on.
#[must_use]
pub fn deliveries(bodies: &[String]) -> Vec<Delivery> {
    let delivery = |(number, body): (usize, &String)| delivery(&format!("m{number}"), body, 1);
    bodies.iter().enumerate().map(delivery).collect()
}

/// A message as a queue delivers it for the `receives`th time. It was sent in the last second of 2025.
#[must_use]
pub fn delivery(id: &str, body: &str, receives: u32) -> Delivery {
    Delivery {
        id: id.to_owned(),
        body: body.to_owned(),
        receives,
        sent: DateTime::from_timestamp(1_767_225_599, 0),
        receipt: format!("{id}/{receives}"),
    }
}

/// A message of the update queue.
#[must_use]
pub fn level_body(level: &str) -> String {
    LevelMessage { level: level_of(level), since: DateTime::UNIX_EPOCH }.encode()
}

/// What S3 tells when an object of the bucket of CBERS was written: no message id, and no time.
#[must_use]
pub fn record(key: &str) -> SceneRecord {
    SceneRecord {
        source: SourceObject { bucket: BUCKET.to_owned(), key: key.to_owned(), file: None },
        removed: false,
        reprocess: false,
        force: false,
        quicklook: None,
        message_id: None,
        time: None,
    }
}

/// Polls a future to its end. Nothing in memory waits for anything outside, so there is no need to sleep; and unlike
/// most executors this one may run within another.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

/// Polls a future that many times, then drops it; what it gave if it was done by then.
pub fn cut<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..polls {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
    }
    None
}
