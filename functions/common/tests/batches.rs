//! Batches of SQS over the real use cases: what comes back is exactly what failed, also when ports panic.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Mutex;

use aws_lambda_events::event::sqs::SqsEvent;
use chrono::{DateTime, Utc};
use futures::executor::block_on;
use lazycat::generate::{self, generate};
use lazycat::grid;
use lazycat::level::Mark;
use lazycat::memory::{Memory, Time};
use lazycat::ports::{Chance, Clock, Delivery, MarkLevels, PortResult, ReadSource, SourceObject};
use lazycat::stac::Buckets;
use lazycat_fixtures::{Date, SceneSpec, Size};
use lazycat_function::batch::{self, EventError, Worked};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Randomness and time of the memory.
struct World<'a>(&'a Memory);

impl Chance for World<'_> {
    fn bits(&self) -> u64 {
        self.0.dice.bits()
    }
}

impl Clock for World<'_> {
    fn now(&self) -> DateTime<Utc> {
        Time::now(&self.0.time)
    }

    async fn pause(&self, milliseconds: u64) {
        self.0.time.pause(milliseconds).await;
    }
}

/// A source that panics over some keys, after other work of the batch has begun.
struct Poisoned<'a> {
    memory: &'a Memory,
    keys: Vec<String>,
}

impl ReadSource for Poisoned<'_> {
    async fn read(&self, objects: &[SourceObject], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        let read = self.memory.sources.read(objects, limit).await;
        assert!(!objects.iter().any(|object| self.keys.contains(&object.key)), "as if reading panicked");
        read
    }
}

/// A table that panics the first time, when the items are already put.
struct PanicsOnce<'a> {
    memory: &'a Memory,
    panicked: Mutex<bool>,
}

impl MarkLevels for PanicsOnce<'_> {
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        let first = !std::mem::replace(&mut *self.panicked.lock().unwrap_or_else(|held| held.into_inner()), true);
        assert!(!first, "as if marking panicked");
        self.memory.marks.mark(marks).await
    }
}

fn scene(row: u32) -> SceneSpec {
    SceneSpec::cbers4_mux(57, row, Date::new(2017, 6, 1)).with_size(Size::Compact)
}

/// The body of a scene's quicklook event, whose XML is put into the source.
fn announced(memory: &Memory, scene: &SceneSpec) -> String {
    memory.sources.insert(scene.bucket(), scene.source_key(), scene.xml());
    json!({ "Records": [{
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": { "bucket": { "name": scene.bucket() }, "object": { "key": scene.quicklook_key() } },
    }]})
    .to_string()
}

/// Bodies as an SQS event; the ids are their places.
fn event(bodies: &[String]) -> SqsEvent {
    let record = |(at, body): (usize, &String)| {
        json!({
            "messageId": at.to_string(),
            "receiptHandle": format!("receipt {at}"),
            "body": body,
            "attributes": { "ApproximateReceiveCount": "2", "SentTimestamp": "1700000000123" },
            "eventSource": "aws:sqs",
        })
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

async fn work<S: ReadSource + Sync, M: MarkLevels + Sync>(
    memory: &Memory,
    source: &S,
    marks: &M,
    deliveries: &[Delivery],
) -> Worked<generate::Report> {
    let settings = generate::Settings { grid: grid::INPE.clone(), buckets: Buckets::default(), attempts: 5 };
    let letters = memory.scenes.letters();
    let world = World(memory);
    let ports = generate::Ports {
        source,
        items: &memory.objects,
        marks,
        topic: &memory.topic,
        letters: &letters,
        world: &world,
    };
    batch::work(deliveries, async |deliveries| generate(&ports, &settings, deliveries).await).await
}

#[test]
fn a_record_that_panics_fails_alone_and_its_neighbours_are_made() {
    let memory = Memory::new(1);
    let scenes: Vec<SceneSpec> = (100..110).map(scene).collect();
    let bodies: Vec<String> = scenes.iter().map(|scene| announced(&memory, scene)).collect();
    let poisoned = Poisoned { memory: &memory, keys: vec![scenes[3].source_key(), scenes[7].source_key()] };
    let worked = block_on(work(&memory, &poisoned, &memory.marks, &batch::deliveries(event(&bodies)).unwrap()));
    assert_eq!(worked.returned, ["3", "7"]);
    assert_eq!((worked.panicked, worked.sum(|report| report.made)), (2, 8));
    let made = memory.topic.snapshot().len();
    assert_eq!(made, 8, "each of the others is published once");
    assert!(memory.scenes.letters().snapshot().is_empty(), "a panic comes back: SQS itself buries it in the end");
}

#[test]
fn a_record_that_panics_and_has_no_neighbours_is_not_tried_twice() {
    let memory = Memory::new(2);
    let body = announced(&memory, &scene(100));
    let poisoned = Poisoned { memory: &memory, keys: vec![scene(100).source_key()] };
    let worked = block_on(work(&memory, &poisoned, &memory.marks, &batch::deliveries(event(&[body])).unwrap()));
    assert_eq!((worked.returned.as_slice(), worked.panicked), (&["0".to_owned()][..], 1));
    assert_eq!(memory.requests.count("read source"), 1);
}

#[test]
fn a_batch_that_panics_after_its_puts_is_done_again_to_the_end() {
    let memory = Memory::new(3);
    let bodies: Vec<String> = (100..105).map(|row| announced(&memory, &scene(row))).collect();
    let marks = PanicsOnce { memory: &memory, panicked: Mutex::new(false) };
    let worked = block_on(work(&memory, &memory.sources, &marks, &batch::deliveries(event(&bodies)).unwrap()));
    assert_eq!((worked.returned.len(), worked.panicked), (0, 0));
    assert_eq!(memory.topic.snapshot().len(), 5);
    assert_eq!(memory.requests.count("put mark"), 5);
}

#[test]
fn the_response_names_exactly_the_records_that_come_back() {
    let memory = Memory::new(4);
    let mut bodies: Vec<String> = (100..103).map(|row| announced(&memory, &scene(row))).collect();
    bodies.push("no JSON".to_owned());
    // Its XML may come yet: it comes back.
    bodies.push(announced(&memory, &scene(103)));
    memory.sources.remove(scene(103).bucket(), &scene(103).source_key());
    let worked = block_on(work(&memory, &memory.sources, &memory.marks, &batch::deliveries(event(&bodies)).unwrap()));
    let response = serde_json::to_value(worked.response()).unwrap();
    assert_eq!(response, json!({ "batchItemFailures": [{ "itemIdentifier": "4" }] }));
    assert_eq!(memory.scenes.letters().snapshot().len(), 1);
}

/// A report that acknowledges fewer records than it was given.
struct Short;

impl batch::Report for Short {
    fn acknowledged(&self) -> &[bool] {
        &[true]
    }

    fn refused(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        std::iter::empty()
    }

    fn troubles(&self) -> &[String] {
        &[]
    }
}

#[test]
fn a_record_that_the_report_forgets_comes_back() {
    let deliveries = batch::deliveries(event(&["a".to_owned(), "b".to_owned()])).unwrap();
    let worked = block_on(batch::work(&deliveries, async |_| Short));
    assert_eq!(worked.returned, ["1"]);
}

#[test]
fn a_delivery_is_what_the_record_says() {
    let [delivery] = batch::deliveries(event(&["{}".to_owned()])).unwrap().try_into().unwrap();
    assert_eq!(
        delivery,
        Delivery {
            id: "0".to_owned(),
            body: "{}".to_owned(),
            receives: 2,
            sent: DateTime::from_timestamp_millis(1_700_000_000_123),
            receipt: "receipt 0".to_owned(),
        }
    );
}

#[test]
fn an_event_without_records_or_with_a_record_without_an_id_fails_as_a_whole() {
    let decoded = |event: Value| batch::deliveries(serde_json::from_value(event).unwrap());
    assert_eq!(decoded(json!({ "Records": [] })), Err(EventError::Empty));
    let nameless = json!({ "Records": [{ "messageId": "a", "body": "" }, { "body": "" }] });
    assert_eq!(decoded(nameless), Err(EventError::Nameless { at: 1 }));
}

proptest! {
    #[test]
    fn whichever_records_panic_only_they_come_back(poison in proptest::collection::vec(any::<bool>(), 1..8)) {
        let memory = Memory::new(5);
        let scenes: Vec<SceneSpec> = (100..).take(poison.len()).map(scene).collect();
        let bodies: Vec<String> = scenes.iter().map(|scene| announced(&memory, scene)).collect();
        let keys = scenes.iter().zip(&poison).filter(|(_, poison)| **poison).map(|(scene, _)| scene.source_key());
        let poisoned = Poisoned { memory: &memory, keys: keys.collect() };
        let deliveries = batch::deliveries(event(&bodies)).unwrap();
        let worked = block_on(work(&memory, &poisoned, &memory.marks, &deliveries));
        let expected: Vec<String> = (0..poison.len()).filter(|at| poison[*at]).map(|at| at.to_string()).collect();
        prop_assert_eq!(&worked.returned, &expected);
        prop_assert_eq!(worked.sum(|report| report.made), poison.len() - expected.len());
    }
}
