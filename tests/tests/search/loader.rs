//! What the loader makes of messages.

use std::sync::atomic::Ordering;

use futures::executor::block_on;
use lazycat::search::ports::SearchItems as _;
use lazycat::search::query::Query;
use serde_json::{Value, json};

use crate::world::{BUCKET, Down, World, envelope, event, item, message, withdrawal};

#[test]
fn every_shape_of_message_reaches_the_index() {
    let world = World::new();
    world.keep("s3://a-bucket/a/by event.json", &item("c", "by-event", ""));
    world.keep("s3://a-bucket/by-bridge.json", &item("c", "by-bridge", ""));
    world.keep("https://good.example/by-href.json", &item("c", "by-href", ""));
    world.keep("s3://a-bucket/one.json", &item("c", "one-of-two", ""));
    world.keep("s3://a-bucket/two.json", &item("c", "two-of-two", ""));
    let several = |keys: [&str; 2]| {
        let mut body: Value = serde_json::from_str(&event("ObjectCreated:Put", keys[0], 0)).unwrap();
        let other: Value = serde_json::from_str(&event("ObjectCreated:Put", keys[1], 0)).unwrap();
        body["Records"].as_array_mut().unwrap().push(other["Records"][0].clone());
        body.to_string()
    };
    let features = json!({"type": "FeatureCollection", "features": [item("c", "f1", ""), item("d", "f2", "")]});
    let bridge = json!({"detail-type": "Object Created", "source": "aws.s3", "time": "2026-01-01T00:00:00Z",
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": "by-bridge.json"}}});
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET});
    let report = world.load(&[
        message(item("c", "raw", ""), 0),
        message(envelope(&item("c", "in-envelope", "").to_string(), 0), 0),
        message(&features, 0),
        message(json!({"type": "Collection", "id": "c", "title": "C"}), 0),
        message(event("ObjectCreated:Put", "a/by+event.json", 0), 0),
        message(envelope(&several(["one.json", "two.json"]), 0), 0),
        message(&bridge, 0),
        message(json!({"href": "https://good.example/by-href.json"}), 0),
        message(envelope(&test.to_string(), 0), 0),
        message(event("ObjectCreated:Put", "a/catalog.json", 0), 0),
    ]);
    assert_eq!((report.refused, report.troubles), (vec![], vec![]));
    assert_eq!((report.acknowledged, report.written, report.ignored), (vec![true; 10], 10, 1));
    let ids: Vec<String> = world.titles().into_keys().collect();
    assert_eq!(ids, ["by-bridge", "by-event", "by-href", "f1", "f2", "in-envelope", "one-of-two", "raw", "two-of-two"]);
    let collection = block_on(world.searcher().collection("c")).unwrap().unwrap();
    assert!(collection.text.get().contains("\"title\":\"C\""));
}

#[test]
fn a_bad_item_fails_alone_with_its_reason() {
    let world = World::new();
    let mut open = item("c", "open", "");
    open["geometry"]["coordinates"][0][4] = json!([0.5, 0]);
    open["properties"]["datetime"] = Value::Null;
    let features = json!({"type": "FeatureCollection", "features": [item("c", "good", ""), open]});
    let report = world.load(&[message(&features, 1), message(item("c", "other", ""), 2), message("hello", 3)]);
    assert_eq!((report.acknowledged, report.written), (vec![true; 3], 2));
    assert_eq!(world.titles().into_keys().collect::<Vec<_>>(), ["good", "other"]);
    let reasons: Vec<(&str, &str)> =
        report.refused.iter().map(|refused| (refused.record.as_str(), refused.reason.as_str())).collect();
    assert_eq!(reasons, [("message m1 /features/1", "item"), ("message m3", "message")]);
    let detail = &report.refused[0].detail;
    assert!(
        detail.starts_with("/geometry/coordinates/0: the ring is open") && detail.contains("/properties/datetime: "),
        "{detail}"
    );
    let letters = world.letters.0.lock().unwrap();
    assert_eq!((letters[0].body.as_str(), letters[0].reason.as_str()), (features.to_string().as_str(), "item"));
    assert!(letters[0].detail.contains("/features/1"), "{}", letters[0].detail);
}

#[test]
fn what_is_not_allowed_is_refused_without_a_request() {
    let world = World::new();
    let other_bucket = event("ObjectCreated:Put", "a.json", 0).replace(BUCKET, "another-bucket");
    let report = world.load(&[
        message(other_bucket, 1),
        message(json!({"href": "https://evil.example/a.json"}), 2),
        message(json!({"href": "https://good.example.evil.example/a.json"}), 3),
        message(json!({"href": "https://good.example@evil.example/a.json"}), 4),
    ]);
    let reasons: Vec<&str> = report.refused.iter().map(|refused| refused.reason.as_str()).collect();
    assert_eq!(reasons, ["forbidden-source", "forbidden-source", "forbidden-source", "message"]);
    assert_eq!((report.acknowledged, world.letters.0.lock().unwrap().len()), (vec![true; 4], 4));
    assert!(world.documents.asked.lock().unwrap().is_empty());
}

#[test]
fn a_document_that_is_too_large_is_refused_and_one_that_cannot_be_read_now_comes_back() {
    let world = World::new();
    world.keep("s3://a-bucket/large.json", &item("c", "large", &"x".repeat(100_000)));
    let report = world.load(&[message(event("ObjectCreated:Put", "large.json", 0), 0)]);
    assert_eq!(report.refused[0].reason, "too-large");
    world.documents.is_down.store(true, Ordering::Relaxed);
    let mut delivery = message(event("ObjectCreated:Put", "a.json", 0), 0);
    let report = world.load(std::slice::from_ref(&delivery));
    assert_eq!((report.acknowledged, report.refused, report.troubles.len()), (vec![false], vec![], 1));
    // Not for ever: with the last attempt it goes to the dead letters, with its reason.
    delivery.receives = world.settings.attempts;
    assert_eq!(world.load(&[delivery]).refused[0].reason, "unavailable");
}

#[test]
fn all_items_of_one_document_are_kept_until_a_newer_one_leaves_some_out() {
    let world = World::new();
    let list = |ids: &[&str]| {
        let features: Vec<_> = ids.iter().map(|id| item("c", id, "")).collect();
        json!({"type": "FeatureCollection", "features": features})
    };
    world.keep("s3://a-bucket/list.json", &list(&["a", "b", "c"]));
    assert_eq!(world.load(&[message(event("ObjectCreated:Put", "list.json", 1), 1)]).written, 3);
    let there = |id: &str| world.title(id).is_some();
    assert_eq!([there("a"), there("b"), there("c")], [true; 3]);
    world.keep("s3://a-bucket/list.json", &list(&["a", "c"]));
    assert_eq!(world.load(&[message(event("ObjectCreated:Put", "list.json", 2), 2)]).written, 2);
    assert_eq!([there("a"), there("b"), there("c")], [true, false, true]);
}

#[test]
fn an_item_that_moved_is_found_whichever_of_its_two_messages_comes_first() {
    let moved = item("c", "a", "moved");
    for late in [true, false] {
        let world = World::new();
        world.keep("s3://a-bucket/old.json", &item("c", "a", "old"));
        world.keep("s3://a-bucket/new.json", &moved);
        world.load(&[message(event("ObjectCreated:Put", "old.json", 1), 1)]);
        let mut messages = [
            message(event("ObjectCreated:Put", "new.json", 2), 2),
            message(event("ObjectRemoved:Delete", "old.json", 3), 3),
        ];
        if late {
            messages.reverse();
        }
        for one in messages {
            assert_eq!(world.load(&[one]).acknowledged, [true]);
        }
        assert_eq!(world.title("a").as_deref(), Some("moved"), "{late}");
    }
}

#[test]
fn while_the_index_is_down_messages_come_back() {
    let world = World::new();
    let report = world.load_into(&Down, &[message(item("c", "a", ""), 0), message("hello", 1)]);
    assert_eq!((report.acknowledged, report.written), (vec![false, true], 0));
    assert_eq!(world.letters.0.lock().unwrap().len(), 1);
}

#[test]
fn the_newest_wins_within_a_batch_and_across_batches() {
    let world = World::new();
    let put = |title: &str, seconds| message(envelope(&item("c", "a", title).to_string(), seconds), 0);
    let report = world.load(&[put("second", 2), put("third", 3), put("first", 1)]);
    assert_eq!((report.written, report.superseded, world.title("a").unwrap().as_str()), (1, 2, "third"));
    let report = world.load(&[put("late", 2)]);
    assert_eq!((report.superseded, world.title("a").unwrap().as_str()), (1, "third"));
    let report = world.load(&[put("third", 3)]);
    assert_eq!((report.written, report.acknowledged), (1, vec![true]));
    world.load(&[put("fourth", 4)]);
    assert_eq!(world.title("a").unwrap(), "fourth");
}

#[test]
fn what_was_withdrawn_is_not_brought_back_by_an_older_message() {
    let world = World::new();
    let put = |seconds| message(envelope(&item("c", "a", "").to_string(), seconds), 0);
    let withdraw = |seconds| message(envelope(&withdrawal("c", "a", seconds - 60), seconds), 0);
    world.load(&[put(1)]);
    // The event is older than the put, its publication is not.
    let report = world.load(&[withdraw(5)]);
    assert_eq!((report.removed, world.title("a")), (1, None));
    assert_eq!(world.load(&[put(4)]).superseded, 1);
    assert_eq!(world.title("a"), None);
    world.load(&[put(6)]);
    assert!(world.title("a").is_some());
    assert_eq!(world.load(&[withdraw(5)]).superseded, 1);
    assert!(world.title("a").is_some());
    // Before the item was ever seen.
    let early = message(envelope(&withdrawal("c", "b", 9), 9), 0);
    let late = message(envelope(&item("c", "b", "").to_string(), 8), 0);
    world.load(&[early]);
    world.load(&[late]);
    assert_eq!(world.title("b"), None);
}

#[test]
fn a_removed_object_takes_its_item_along_also_when_its_reader_is_late() {
    let world = World::new();
    let key = "s3://a-bucket/a b.json";
    world.keep(key, &item("c", "a", ""));
    let created = |seconds| message(event("ObjectCreated:Put", "a+b.json", seconds), 0);
    let removed = |seconds| message(event("ObjectRemoved:Delete", "a+b.json", seconds), 0);
    world.load(&[created(1)]);
    assert!(world.title("a").is_some());
    let report = world.load(&[removed(2)]);
    assert_eq!((report.removed, world.title("a")), (1, None));
    // A loader has read the object before it was removed, and writes only now.
    assert_eq!(world.load(&[created(1)]).superseded, 1);
    assert_eq!(world.title("a"), None);
    // The object is gone when it is read: its removal is on its way.
    world.documents.kept.lock().unwrap().clear();
    let report = world.load(&[created(3)]);
    assert_eq!((report.superseded, report.acknowledged), (1, vec![true]));
    // An item that came in a message knows its address as well.
    let mut own = item("c", "own", "");
    own["links"] = json!([{"rel": "self", "href": "https://a-bucket.s3.us-east-1.amazonaws.com/own.json"}]);
    world.load(&[message(envelope(&own.to_string(), 4), 0)]);
    assert!(world.title("own").is_some());
    world.load(&[message(event("ObjectRemoved:Delete", "own.json", 5), 0)]);
    assert_eq!(world.title("own"), None);
}

#[test]
fn ids_with_quotes_and_slashes_are_ids_like_others() {
    let world = World::new();
    for id in ["it's", "a/b", "\"q\"", "'; DROP TABLE items; --", "../../x", "%2e%2e", "ü"] {
        for collection in ["c", "o'c/\"d\""] {
            let report = world.load(&[message(item(collection, id, "x"), 1)]);
            assert_eq!(report.written, 1, "{id}");
            let found = block_on(world.searcher().item(collection, id)).unwrap().unwrap();
            assert_eq!((found.id.as_str(), found.collection.as_str()), (id, collection));
            let query =
                Query { ids: vec![id.to_owned()], collections: vec![collection.to_owned()], ..Query::default() };
            assert_eq!(world.search(&query).items.len(), 1, "{id}");
            world.load(&[message(withdrawal(collection, id, 2), 2)]);
            assert!(block_on(world.searcher().item(collection, id)).unwrap().is_none(), "{id}");
        }
    }
}
