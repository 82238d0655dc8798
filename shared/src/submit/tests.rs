#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use futures::executor::block_on;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::json;

use super::*;
use crate::layout::Layout;
use crate::ports::PortResult;
use crate::search::source::Allowed;
use crate::validation::extensions::Extensions;
use crate::validation::schema::Schemas;

const EXTENSION: &str = "https://a.example/trees/v1.0.0/schema.json";

static RULES: LazyLock<Rules> = LazyLock::new(rules);

fn rules() -> Rules {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"properties": {"properties": {"trees:count": {"type": "integer", "minimum": 1}}}}
    });
    let extensions = Extensions::compile(BTreeMap::from([(EXTENSION.to_owned(), schema)])).unwrap();
    Rules::new(Schemas::compile().unwrap(), extensions)
}

fn item() -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": "a/b", "collection": "c", "bbox": [0, 0, 2, 1],
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]},
        "properties": {"datetime": "2017-06-18T13:30:00Z", "gsd": 10},
        "links": [{"rel": "license", "href": "https://a.example/licence"}, {"rel": "self", "href": "https://a.example/i.json"}],
        "assets": {"a/b": {"href": "https://a.example/x.tif", "roles": ["data"]}}
    })
}

/// A place by the id alone; none for an item of the year 1066.
fn places(document: &Document<'_>) -> Result<Place, Vec<Fault>> {
    let item = &document.value;
    if item.pointer("/properties/datetime").is_some_and(|time| time == "1066-10-14T09:00:00Z") {
        return Err(vec![Fault::new("/properties/datetime", "too early")]);
    }
    let id = item.get("id").and_then(Value::as_str).ok_or_else(|| vec![Fault::new("/id", "it has none")])?;
    Ok(Place {
        key: format!("c/{}.json", id.replace('/', "%2F")),
        collection_key: Some("c/collection.json".to_owned()),
    })
}

struct Known(PortResult<bool>);

impl KnowCollections for Known {
    async fn knows(&self, key: &str) -> PortResult<bool> {
        assert_eq!(key, "c/collection.json");
        match &self.0 {
            Ok(known) => Ok(*known),
            Err(error) => Err(down(&error.to_string())),
        }
    }
}

fn down(why: &str) -> PortError {
    PortError::Unavailable { what: "the port".to_owned(), source: why.into() }
}

#[derive(Default)]
struct Queue {
    bodies: Mutex<Vec<String>>,
    is_down: bool,
}

impl SendMessages for Queue {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        if self.is_down {
            return vec![Err(down("the queue is down"))];
        }
        self.bodies.lock().unwrap().extend(bodies.iter().cloned());
        bodies.iter().map(|_| Ok(())).collect()
    }
}

fn examined(rules: &Rules, text: &str) -> Result<Submission, Refused> {
    block_on(examine(rules, &places, &Known(Ok(true)), text.as_bytes()))
}

fn faults_of(rules: &Rules, text: &str) -> Vec<Fault> {
    match examined(rules, text) {
        Err(Refused::Faulty(faults)) => faults.all,
        Ok(_) => Vec::new(),
        Err(other) => panic!("{other}"),
    }
}

fn faults(change: impl FnOnce(&mut Value)) -> Vec<Fault> {
    let mut item = item();
    change(&mut item);
    faults_of(&RULES, &item.to_string())
}

#[test]
fn a_sound_item_is_taken_as_it_was_sent() {
    let queue = Queue::default();
    let text = serde_json::to_string_pretty(&item()).unwrap().replace("\"gsd\": 10", "\"gsd\": 10.00000000000000022");
    let send = || block_on(submit(&RULES, &places, &Known(Ok(true)), &queue, text.as_bytes())).unwrap();
    let taken = send();
    assert_eq!(
        (taken.id.as_str(), taken.collection.as_deref(), taken.place.key.as_str()),
        ("a/b", Some("c"), "c/a%2Fb.json")
    );
    assert_eq!(taken.warnings, vec![]);
    assert_eq!(send(), taken);
    let bodies = queue.bodies.lock().unwrap();
    assert_eq!(bodies.len(), 2);
    assert!(bodies[0] == bodies[1] && bodies[0].contains("10.00000000000000022") && !bodies[0].contains('\n'));
    let unchanged: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(unchanged["links"], item()["links"]);
}

#[test]
fn what_is_taken_can_be_sent_and_says_the_same() {
    let mut item = item();
    item["properties"]["title"] = "\u{fffe} \u{ffff} \u{1} \u{7f} \u{10ffff} \" \\ ü".into();
    let taken = examined(&RULES, &item.to_string()).unwrap();
    let is_sendable = |character| matches!(character, ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(taken.text.chars().all(is_sendable), "{}", taken.text);
    assert_eq!(serde_json::from_str::<Value>(&taken.text).unwrap(), item);
}

#[test]
fn an_item_of_either_version_is_taken_and_one_that_is_in_no_collection() {
    for version in ["1.0.0", "1.1.0"] {
        assert_eq!(faults(|item| item["stac_version"] = version.into()), vec![], "{version}");
    }
    let alone = faults(|item| {
        item.as_object_mut().unwrap().remove("collection");
    });
    assert_eq!(alone, vec![]);
}

#[test]
fn each_kind_of_fault_is_told_with_its_place_and_nothing_beside_it() {
    type Change = fn(&mut Value);
    fn remove(item: &mut Value, name: &str) {
        item.as_object_mut().unwrap().remove(name);
    }
    let cases: &[(Change, &str, &str)] = &[
        (|item| item["type"] = "Catalog".into(), "/type", "expected \"Feature\""),
        (|item| item["type"] = "FeatureCollection".into(), "/type", "one by one"),
        (|item| remove(item, "type"), "/type", "found no field"),
        (|item| item["stac_version"] = "0.9.0".into(), "/stac_version", "found \"0.9.0\", expected \"1.0.0\" or"),
        (|item| remove(item, "stac_version"), "/stac_version", "found nothing"),
        (|item| remove(item, "id"), "/id", "found no field"),
        (|item| item["id"] = "".into(), "/id", "not empty"),
        (|item| item["id"] = 7.into(), "/id", "found 7"),
        (|item| item["id"] = "x".repeat(10_000).into(), "/id", "it is 10000 bytes long"),
        (|item| item["id"] = "a\u{0}".into(), "/id", "control character"),
        (|item| item["collection"] = "c\n".into(), "/collection", "control character"),
        (|item| remove(item, "links"), "/links", "found no field"),
        (|item| remove(item, "assets"), "/assets", "found no field"),
        (|item| remove(item, "bbox"), "/bbox", "found no field"),
        (|item| remove(item, "geometry"), "/geometry", "found no field"),
        (|item| remove(item, "properties"), "/properties", "found no field"),
        (|item| item["geometry"] = Value::Null, "/bbox", "since the geometry is null"),
        (|item| item["geometry"]["coordinates"][0][4] = json!([0, 0.5]), "/geometry/coordinates/0", "open"),
        (|item| item["geometry"]["coordinates"][0][1][0] = 200.into(), "/geometry/coordinates/0/1", "longitude 200"),
        (|item| item["geometry"]["coordinates"][0][1][0] = "2".into(), "/geometry/coordinates/0/1/0", "a number"),
        (|item| item["geometry"] = json!({"type": "Circle", "coordinates": [0, 0]}), "/geometry/type", "Circle"),
        (|item| item["geometry"] = json!({"type": "Point"}), "/geometry/coordinates", "found no field"),
        (|item| item["bbox"] = json!([0, 0, 3, 1]), "/bbox", "expected [0, 0, 2, 1]"),
        (|item| item["bbox"] = json!([0, 0, 2, 91]), "/bbox", "latitude 91"),
        (|item| item["bbox"] = json!([0, 0, 2]), "/bbox", "4 or 6 numbers"),
        (|item| remove(&mut item["properties"], "datetime"), "/properties/datetime", "found no field"),
        (|item| item["properties"]["datetime"] = "yesterday".into(), "/properties/datetime", "yesterday"),
        (|item| item["properties"]["datetime"] = "2017-02-30T00:00:00Z".into(), "/properties/datetime", "2017-02-30"),
        (|item| item["properties"]["datetime"] = "2017-06-18T13:30:00".into(), "/properties/datetime", "a time like"),
        (|item| item["properties"]["datetime"] = "1066-10-14T09:00:00Z".into(), "/properties/datetime", "too early"),
        (
            |item| {
                item["properties"]["start_datetime"] = "2017-01-02T00:00:00Z".into();
                item["properties"]["end_datetime"] = "2017-01-01T00:00:00Z".into();
            },
            "/properties/start_datetime",
            "not after end_datetime",
        ),
        (
            |item| item["properties"]["end_datetime"] = "2017-01-01T00:00:00Z".into(),
            "/properties/start_datetime",
            "beside the other",
        ),
        (|item| item["properties"]["gsd"] = (-5).into(), "/properties/gsd", "greater than 0"),
        (|item| item["properties"]["instruments"] = "MUX".into(), "/properties/instruments", "an array"),
        (|item| item["properties"]["license"] = "no licence".into(), "/properties/license", "no licence"),
        (|item| item["assets"]["a/b"]["href"] = "./x.tif".into(), "/assets/a~1b/href", "absolute address"),
        (|item| remove(&mut item["assets"]["a/b"], "href"), "/assets/a~1b/href", "found no field"),
        (|item| item["links"][0]["href"] = "javascript:alert(1)".into(), "/links/0/href", "absolute address"),
        (|item| item["links"][1]["href"] = "./i.json".into(), "/links/1/href", "self link"),
        (|item| item["links"] = json!([{"rel": "license"}]), "/links/0/href", "found no field"),
        (|item| item["stac_extensions"] = json!(["trees"]), "/stac_extensions/0", "absolute address"),
        (
            |item| {
                item["stac_extensions"] = json!([EXTENSION]);
                item["properties"]["trees:count"] = 0.into();
            },
            "/properties/trees:count",
            "less than the minimum of 1",
        ),
    ];
    for (at, (change, pointer, says)) in cases.iter().enumerate() {
        let told = faults(change);
        let is_it = told.len() == 1 && told[0].pointer == *pointer && told[0].detail.contains(says);
        assert!(is_it, "case {at}, {pointer} {says:?}: {told:?}");
        assert!(told[0].detail.len() < 400, "{told:?}");
    }
}

#[test]
fn every_fault_of_an_item_is_told_at_once() {
    let told = faults(|item| {
        item["stac_version"] = "2".into();
        item["id"] = 5.into();
        item["geometry"]["coordinates"][0][1] = json!([0, 95]);
        item["properties"] = json!({"datetime": null, "gsd": 0});
        item["assets"]["a/b"]["href"] = "file:///etc/passwd".into();
    });
    let mut pointers: Vec<&str> = told.iter().map(|fault| fault.pointer.as_str()).collect();
    pointers.sort_unstable();
    let expected = [
        "/assets/a~1b/href",
        "/geometry/coordinates/0/1",
        "/id",
        "/properties/end_datetime",
        "/properties/gsd",
        "/properties/start_datetime",
        "/stac_version",
    ];
    assert_eq!(pointers, expected, "{told:?}");
}

#[test]
fn an_item_of_no_place_is_taken_with_a_warning() {
    let mut item = item();
    item["geometry"] = Value::Null;
    item.as_object_mut().unwrap().remove("bbox");
    let taken = examined(&RULES, &item.to_string()).unwrap();
    assert_eq!(taken.warnings.iter().map(|warning| warning.pointer.as_str()).collect::<Vec<_>>(), ["/geometry"]);
}

#[test]
fn a_field_that_stands_twice_is_a_fault() {
    let text = item().to_string().replace("\"collection\":\"c\"", "\"collection\":\"d\",\"collection\":\"c\"");
    let told = faults_of(&RULES, &text);
    assert_eq!(told, [Fault::new("/collection", "found this field twice, expected it once")]);
}

#[test]
fn an_extension_that_nothing_is_known_of_is_told_or_refused() {
    let mut item = item();
    item["stac_extensions"] = json!([EXTENSION, "https://b.example/schema.json"]);
    let taken = examined(&RULES, &item.to_string()).unwrap();
    assert_eq!(taken.warnings.len(), 1);
    assert!(taken.warnings[0].pointer == "/stac_extensions/1" && taken.warnings[0].detail.contains("was not checked"));
    let strict = Rules { unknown: Unknown::Refused, ..rules() };
    let told = faults_of(&strict, &item.to_string());
    assert!(told.len() == 1 && told[0].pointer == "/stac_extensions/1", "{told:?}");
    let many: Vec<String> = (0..1_000).map(|number| format!("https://b.example/{number}.json")).collect();
    item["stac_extensions"] = many.into();
    assert_eq!(faults_of(&RULES, &item.to_string())[0].pointer, "/stac_extensions");
}

#[test]
fn addresses_are_held_against_the_lists() {
    let mut strict = rules();
    strict.hrefs.places = Some(Allowed { buckets: vec!["mine".into()], hosts: vec![] });
    let told = faults_of(&strict, &item().to_string());
    assert!(told.len() == 1 && told[0].pointer == "/assets/a~1b/href", "{told:?}");
}

#[test]
fn an_item_over_the_antimeridian_is_taken() {
    let square = |x: f64| json!([[[x, 0.0], [x + 1.0, 0.0], [x + 1.0, 2.0], [x, 2.0], [x, 0.0]]]);
    let told = faults(|item| {
        item["geometry"] = json!({"type": "MultiPolygon", "coordinates": [square(179.0), square(-180.0)]});
        item["bbox"] = json!([179, 0, -179, 2]);
    });
    assert_eq!(told, vec![]);
}

#[test]
fn a_collection_that_is_not_known_is_told_beside_everything_else() {
    let mut item = item();
    item["properties"]["gsd"] = 0.into();
    let refused = block_on(examine(&RULES, &places, &Known(Ok(false)), item.to_string().as_bytes())).unwrap_err();
    let Refused::Faulty(faults) = refused else { panic!("{refused}") };
    let pointers: Vec<&str> = faults.told().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/properties/gsd", "/collection"]);
    assert!(faults.told()[1].detail.contains("found \"c\", but the catalog has no such collection"));
}

#[test]
fn what_cannot_be_asked_or_sent_now_is_no_fault_of_the_item() {
    let text = item().to_string();
    let queue = Queue { is_down: true, ..Queue::default() };
    let known = Known(Ok(true));
    let refused = block_on(submit(&RULES, &places, &known, &queue, text.as_bytes())).unwrap_err();
    assert!(matches!(&refused, Refused::Unavailable(error) if error.to_string().contains("the port")), "{refused}");
    let unknown = Known(Err(down("the catalog is down")));
    let queue = Queue::default();
    let refused = block_on(submit(&RULES, &places, &unknown, &queue, text.as_bytes())).unwrap_err();
    assert!(matches!(refused, Refused::Unavailable(_)) && queue.bodies.lock().unwrap().is_empty());
}

#[test]
fn nothing_faulty_reaches_the_queue() {
    let queue = Queue::default();
    for bytes in [&b"hello"[..], b"{}", b"[]", b"7", b"", b"{\"type\": \"Feature\"}"] {
        assert!(block_on(submit(&RULES, &places, &Known(Ok(true)), &queue, bytes)).is_err());
    }
    assert!(queue.bodies.lock().unwrap().is_empty());
}

#[test]
fn what_is_no_json_too_long_or_no_object_is_told_apart() {
    assert!(matches!(examined(&RULES, "hello"), Err(Refused::NoJson(_))));
    let long = format!("\"{}\"", "x".repeat(RULES.longest));
    assert!(matches!(examined(&RULES, &long), Err(Refused::TooLong { longest }) if longest == RULES.longest));
    let told = faults_of(&RULES, "[1, 2]");
    assert!(told.len() == 1 && told[0].pointer.is_empty() && told[0].detail.contains("found [1,2], expected an item"));
}

#[test]
fn of_very_many_faults_the_first_are_told_and_all_are_counted() {
    let told = faults(|item| {
        let assets: serde_json::Map<String, Value> =
            (0..300).map(|number| (number.to_string(), json!({"href": "x"}))).collect();
        item["assets"] = assets.into();
    });
    let faults = Faults { all: told };
    assert_eq!((faults.count(), faults.told().len()), (300, FAULTS_TOLD));
}

/// Pointers to every value of a document.
fn every_place(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let mut visit = |name: &str, value: &Value| {
        let mut place = at.to_owned();
        document::step(&mut place, name);
        every_place(value, &place, found);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| visit(name, member)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(number, element)| visit(&number.to_string(), element));
        }
        _ => {}
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("2017-06-18T13:30:00Z")),
        Just(json!("file:///x")),
        Just(json!({"rel": "collection", "href": "x"})),
        Just(json!([[0, 0], [1, 0], [1, 1], [0, 0]])),
        Just(json!([EXTENSION])),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What holds for whatever is sent: an answer, with places that are there, or could be.
fn check_places(text: &str, document: &Value) {
    let told = faults_of(&RULES, text);
    for fault in &told {
        let above = fault.pointer.rsplit_once('/').map_or("", |(above, _)| above);
        let is_there = document.pointer(&fault.pointer).is_some() || document.pointer(above).is_some();
        assert!(is_there, "{fault} is nowhere in {text}");
        assert!(fault.detail.len() < 2_000, "{fault}");
    }
}

proptest! {
    #[test]
    fn any_json_has_an_answer_whose_places_are_in_it(value in any_json()) {
        check_places(&value.to_string(), &value);
    }

    #[test]
    fn an_item_with_anything_anywhere_has_an_answer_whose_places_are_in_it(
        changes in prop::collection::vec((any::<Index>(), prop::option::of(any_json())), 1..4),
    ) {
        let mut item = item();
        for (index, change) in changes {
            let mut found = Vec::new();
            every_place(&item, "", &mut found);
            let place = index.get(&found).clone();
            let Some((above, name)) = place.rsplit_once('/') else { continue };
            match (item.pointer_mut(above).unwrap(), change) {
                (Value::Object(members), None) => {
                    members.remove(&name.replace("~1", "/").replace("~0", "~"));
                }
                (Value::Array(elements), None) => {
                    elements.remove(name.parse().unwrap());
                }
                (_, Some(value)) => *item.pointer_mut(&place).unwrap() = value,
                _ => {}
            }
        }
        check_places(&item.to_string(), &item);
    }
}

#[test]
fn a_collection_that_is_unknown_is_told_also_of_an_item_that_has_no_place() {
    let layout = Layout::parse("{collection}/{year}").unwrap();
    let mut item = item();
    item["properties"]["datetime"] = "yesterday".into();
    let refused = block_on(examine(&RULES, &layout, &Known(Ok(false)), item.to_string().as_bytes()));
    let Err(Refused::Faulty(faults)) = refused else { panic!("{refused:?}") };
    let pointers: Vec<&str> = faults.told().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/properties/datetime", "/collection"]);
}
