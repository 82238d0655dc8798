//! The use case: from a message to an item on the topic, or to a dead letter with a reason.

use futures::executor::block_on;
use lazycat::generate;
use lazycat::generator::ports::RunGenerators as _;
use lazycat::generator::scenes::{NAME, WithScenes};
use lazycat::grid;
use lazycat::memory::Memory;
use lazycat::process::Generators;
use lazycat::search::decode::{What, decode};
use lazycat::stac::Buckets;
use lazycat_fixtures::{Date, SceneSpec, Size};
use serde_json::{Value, json};

use crate::world::{World, configured, fixture, generators, job, misbehaving};

fn request(what: Value) -> String {
    json!({"generator": "bad", "input": what, "collection_id": "c"}).to_string()
}

fn python() -> Generators {
    generators(json!({"generators": {"point": {"command": ["python3", fixture("point.py")]}}}))
}

fn point(id: &str) -> Value {
    json!({"generator": "point", "collection_id": "points",
           "input": {"id": id, "lon": -50, "lat": -10, "datetime": "2020-05-17T13:04:05Z"}})
}

#[test]
fn an_item_is_made_put_into_its_collection_and_published_also_out_of_an_envelope() {
    let world = World::default();
    let envelope = json!({"Type": "Notification", "Message": point("b").to_string()}).to_string();
    let report = world.work(&python(), &[point("a").to_string(), envelope], 1);
    assert_eq!((report.acknowledged, report.made, report.kept), (vec![true, true], 2, 0));
    let published = world.published.lock().unwrap();
    let items: Vec<Value> = published.iter().map(|message| serde_json::from_str(&message.body).unwrap()).collect();
    let told: Vec<_> = items.iter().map(|item| (item["id"].clone(), item["collection"].clone())).collect();
    assert_eq!(told, [("a".into(), "points".into()), ("b".into(), "points".into())]);
    // The loaders take what is published.
    let events = decode(&published[0].body).unwrap();
    assert!(matches!(&events[..], [event] if matches!(&event.what, What::Document(_))));
}

#[test]
fn bad_requests_are_buried_with_their_reasons_and_the_good_ones_are_done() {
    let world = World::default();
    let bodies = [
        "no JSON at all".to_owned(),
        request(json!({"do": "good"})),
        request(json!({"do": "no-item"})),
        request(json!({"do": "garbage"})),
        json!({"generator": "unheard-of", "input": {}}).to_string(),
        json!({"package_name": "stactools-x", "group_name": "x", "create_item_args": []}).to_string(),
        request(json!({"do": "error", "retry": false})),
    ];
    let report = world.work(&misbehaving(60, json!({})), &bodies, 1);
    assert_eq!(report.acknowledged, [true; 7]);
    assert_eq!((report.made, world.published.lock().unwrap().len()), (1, 1));
    assert_eq!(world.reasons(), ["message", "item", "garbage", "unknown-generator", "not-allowed", "not-found"]);
    let letters = world.letters.lock().unwrap();
    assert!(
        letters.iter().zip(bodies.iter().filter(|body| !body.contains("good"))).all(|(one, body)| one.body == *body)
    );
    assert!(
        letters[0].detail.contains("message message-0: the message is \"no JSON at all\""),
        "{}",
        letters[0].detail
    );
    assert!(letters[1].detail.contains("/stac_version: it is missing"), "{}", letters[1].detail);
    assert_eq!(report.refused.len(), letters.len());
}

#[test]
fn what_may_pass_comes_back_until_it_was_tried_often_enough() {
    let generators = misbehaving(60, json!({}));
    let bodies = [request(json!({"do": "exit", "code": 1}))];
    for (receives, acknowledged) in [(1, false), (2, false), (3, true)] {
        let world = World::default();
        let report = world.work(&generators, &bodies, receives);
        assert_eq!(report.acknowledged, [acknowledged], "{receives}");
        assert_eq!(report.troubles.len(), usize::from(!acknowledged));
        assert_eq!(world.reasons().len(), usize::from(acknowledged));
        let mut told = report.troubles;
        told.extend(world.letters.lock().unwrap().iter().map(|letter| letter.detail.clone()));
        assert!(told.iter().all(|told| told.contains("exit code 1") && told.contains("no such band")));
    }
}

#[test]
fn an_item_that_is_too_long_is_kept_first_and_its_address_is_published() {
    let world = World::default();
    let wide = |bytes: usize| request(json!({"do": "wide", "bytes": bytes}));
    let generators = misbehaving(60, json!({}));
    // 10,000 bytes are the longest.
    assert_eq!(world.work(&generators, &[wide(9_000)], 1).kept, 0);
    world.published.lock().unwrap().clear();
    let report = world.work(&generators, &[wide(10_000)], 1);
    assert_eq!((report.made, report.kept), (1, 1));
    let kept = world.kept.lock().unwrap();
    let published = world.published.lock().unwrap();
    assert_eq!(published[0].body, json!({"href": format!("s3://kept/{}", kept[0].key())}).to_string());
    assert!(published[0].attributes.iter().any(|attribute| attribute.name == "collection" && attribute.value == "c"));
}

#[test]
fn nothing_is_acknowledged_that_was_not_done_to_its_end() {
    let generators = generators(json!({"generators": {
        "point": {"command": ["python3", fixture("point.py")]}, "bad": {"command": ["python3", fixture("misbehaves.py")]},
    }}));
    for (fails, body, trouble) in [
        (vec!["publish"], point("a").to_string(), "publish: out of order"),
        (vec!["keep"], request(json!({"do": "wide", "bytes": 20_000})), "keep: out of order"),
        (vec!["bury"], "no JSON".to_owned(), "the dead letters take no message"),
        (vec!["publish", "bury"], point("a").to_string(), "out of order"),
    ] {
        let world = World::default();
        *world.fails.lock().unwrap() = fails;
        let report = world.work(&generators, &[body], 1);
        assert_eq!(report.acknowledged, [false]);
        assert!(report.troubles[0].contains(trouble), "{:?}", report.troubles);
        assert!(world.published.lock().unwrap().is_empty() && world.letters.lock().unwrap().is_empty());
    }
}

#[test]
fn our_own_generator_is_asked_as_any_other() {
    let memory = Memory::new(1);
    let scene = SceneSpec::cbers4_mux(57, 121, Date::new(2017, 6, 18)).with_size(Size::Compact);
    memory.sources.insert(scene.bucket(), scene.source_key(), scene.xml());
    let settings = generate::Settings { grid: grid::INPE.clone(), buckets: Buckets::default(), attempts: 3 };
    let others = Generators::new(
        &configured(json!({"generators": {"point": {"command": ["python3", fixture("point.py")]}}})),
        crate::world::PATIENCE,
    )
    .unwrap();
    let generators = WithScenes { source: memory.sources.clone(), settings, others };
    let ask = |key: String| json!({"generator": NAME, "input": {"bucket": scene.bucket(), "key": key}}).to_string();
    let world = World::default();
    let bodies =
        [ask(scene.source_key()), point("a").to_string(), ask(scene.quicklook_key()), ask("CBERS4/x.xml".to_owned())];
    let report = world.work(&generators, &bodies, 1);
    assert_eq!((report.acknowledged, report.made), (vec![true; 4], 3));
    assert_eq!(world.reasons().len(), 1);
    let published = world.published.lock().unwrap();
    let item: Value = serde_json::from_str(&published[0].body).unwrap();
    assert_eq!((item["id"].as_str(), item["collection"].as_str()), (Some(scene.id().as_str()), Some("CBERS4-MUX")));
    assert!(item["links"].as_array().unwrap().iter().all(|link| link["href"].as_str().unwrap().contains("://")));
    let wrong = block_on(generators.run(&[job("1", NAME, json!({"scene": 1}))])).pop().unwrap().unwrap_err();
    assert!(
        wrong.permanent && wrong.reason == "arguments" && wrong.detail.contains("unknown field `scene`"),
        "{wrong}"
    );
}
