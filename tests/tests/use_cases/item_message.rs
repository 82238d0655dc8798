//! Items leaving the catalog: what stands in the message, and whom a filter lets it through to.

use std::collections::BTreeSet;

use lazycat::message::item::Attribute;
use lazycat::message::{Audience, ItemEvent, ItemMessage};
use lazycat::scene::geometry::footprint;
use lazycat_fixtures::{SceneSpec, demo_set};
use lazycat_tests::bench::Bench;
use proptest::prelude::*;
use serde_json::{Value, json};
use stac::{Bbox, Item};

use crate::{item_key, quicklook_record, scene, supply};

/// The address of the catalog's root folder.
const BASE: &str = "https://example.com/stac/";

/// What a scene publishes that is made of this very file.
fn message(scene: &SceneSpec) -> (Bench, ItemMessage) {
    let bench = Bench::new();
    supply(&bench, scene);
    let mut record = quicklook_record(scene);
    record.source.key = scene.source_key();
    let report = bench.take(&[record.encode()]);
    assert_eq!(report.made, 1, "{}: {:?}", scene.file_name(), report.refused);
    let message = bench.memory.topic.snapshot().pop().unwrap();
    (bench, message)
}

#[test]
fn the_body_is_the_stored_item_with_absolute_links_itself_first() {
    let scene = scene(121, 18);
    let (bench, message) = message(&scene);
    let mut body: Value = serde_json::from_str(&message.body(BASE)).unwrap();
    let links: Vec<[String; 4]> = body["links"]
        .as_array()
        .unwrap()
        .iter()
        .map(|link| ["rel", "href", "type", "title"].map(|field| link[field].as_str().unwrap().to_owned()))
        .collect();
    let (json, geojson) = ("application/json", "application/geo+json");
    let item = format!("{BASE}{}", item_key(&scene));
    let expected = [
        ["self", item.as_str(), geojson, "CBERS-4 MUX 057/121 2017-06-18 L2"],
        ["root", "https://example.com/stac/catalog.json", json, "CBERS/AMAZONIA on AWS"],
        ["parent", "https://example.com/stac/CBERS4/MUX/057/121/catalog.json", json, "CBERS-4 MUX 057/121"],
        ["collection", "https://example.com/stac/CBERS4/MUX/collection.json", json, "CBERS-4 MUX"],
    ];
    assert_eq!(links, expected.map(|link| link.map(str::to_owned)));
    for (key, asset) in body["assets"].as_object().unwrap() {
        assert!(asset["href"].as_str().unwrap().starts_with("https://"), "{key}");
    }
    // All else is as it is stored.
    let stored = bench.document(&item_key(&scene));
    body["links"] = stored["links"].clone();
    assert_eq!(body, stored);
}

#[test]
fn a_withdrawal_names_the_item_its_collection_and_the_time() {
    let bench = Bench::new();
    let mut record = quicklook_record(&scene(121, 18));
    record.removed = true;
    record.time = chrono::DateTime::from_timestamp(1_600_000_000, 0);
    let _ = bench.take(&[record.encode()]);
    let message = bench.memory.topic.snapshot().pop().unwrap();
    let body: Value = serde_json::from_str(&message.body(BASE)).unwrap();
    let expected = json!({
        "type": "Withdrawn", "collection": "CBERS4-MUX", "id": scene(121, 18).id(), "time": "2020-09-13T12:26:40Z",
    });
    assert_eq!(body, expected);
    let attributes = message.attributes(BASE);
    let named: Vec<(&str, &str)> =
        attributes.iter().map(|attribute| (attribute.name, attribute.value.as_str())).collect();
    let item = format!("{BASE}{}", item_key(&scene(121, 18)));
    assert_eq!(named, [("event", "withdrawn"), ("links.self.href", item.as_str())]);
}

#[test]
fn a_message_has_at_most_ten_attributes_each_of_its_kind_and_once() {
    for scene in demo_set() {
        let (_, message) = message(&scene);
        let attributes = message.attributes(BASE);
        assert!(attributes.len() <= 10);
        let names: BTreeSet<(&str, &str)> =
            attributes.iter().map(|attribute| (attribute.name, attribute.kind)).collect();
        let expected = [
            ("bbox.ll_lat", "Number"),
            ("bbox.ll_lon", "Number"),
            ("bbox.ur_lat", "Number"),
            ("bbox.ur_lon", "Number"),
            ("links.self.href", "String"),
            ("properties.datetime", "String"),
        ];
        assert_eq!((names, attributes.len()), (expected.into(), expected.len()), "{}", scene.id());
        for attribute in attributes.iter().filter(|attribute| attribute.kind == "Number") {
            let plain = |digit: char| digit.is_ascii_digit() || digit == '-' || digit == '.';
            assert!(attribute.value.chars().all(plain), "{}: {}", scene.id(), attribute.value);
            let decimals = attribute.value.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            assert!(decimals <= 5, "{}: {}", scene.id(), attribute.value);
        }
    }
}

/// Whether a filter policy of SNS lets a message with these attributes through: every name must have an attribute
/// that meets one of the conditions. Of the conditions only equal texts and comparisons of numbers are known here.
fn lets_through(policy: &Value, attributes: &[Attribute]) -> bool {
    policy.as_object().unwrap().iter().all(|(name, conditions)| {
        let attribute = attributes.iter().find(|attribute| attribute.name == name);
        attribute
            .is_some_and(|attribute| conditions.as_array().unwrap().iter().any(|condition| meets(condition, attribute)))
    })
}

fn meets(condition: &Value, attribute: &Attribute) -> bool {
    if let Some(text) = condition.as_str() {
        return attribute.kind == "String" && attribute.value == text;
    }
    let comparisons = condition["numeric"].as_array().unwrap();
    let number: f64 = attribute.value.parse().unwrap();
    attribute.kind == "Number"
        && comparisons.chunks(2).all(|comparison| {
            let bound = comparison[1].as_f64().unwrap();
            match comparison[0].as_str().unwrap() {
                "<" => number < bound,
                "<=" => number <= bound,
                "=" => number == bound,
                ">=" => number >= bound,
                ">" => number > bound,
                other => panic!("{other} is no comparison"),
            }
        })
}

/// The filter of a subscriber who wants the scenes that may show one point.
fn filter_of([lon, lat]: [f64; 2]) -> Value {
    json!({
        "bbox.ll_lon": [{"numeric": ["<=", lon]}],
        "bbox.ur_lon": [{"numeric": [">=", lon]}],
        "bbox.ll_lat": [{"numeric": ["<=", lat]}],
        "bbox.ur_lat": [{"numeric": [">=", lat]}],
    })
}

const RIO: [f64; 2] = [-43.1729, -22.9068];

/// Whether a point lies in a polygon: whether a ray from it crosses the border an odd number of times.
fn holds(ring: &[Value], [lon, lat]: [f64; 2]) -> bool {
    let at = |corner: &Value| [corner[0].as_f64().unwrap(), corner[1].as_f64().unwrap()];
    let crossings = ring.windows(2).filter(|edge| {
        let ([x1, y1], [x2, y2]) = (at(&edge[0]), at(&edge[1]));
        (y1 > lat) != (y2 > lat) && lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1
    });
    crossings.count() % 2 == 1
}

#[test]
fn the_filter_for_rio_de_janeiro_lets_its_scenes_through_and_stops_others() {
    let policy: Value = serde_json::from_str(
        r#"{"bbox.ll_lon":[{"numeric":["<=",-43.1729]}],"bbox.ur_lon":[{"numeric":[">=",-43.1729]}],
            "bbox.ll_lat":[{"numeric":["<=",-22.9068]}],"bbox.ur_lat":[{"numeric":[">=",-22.9068]}]}"#,
    )
    .unwrap();
    assert_eq!(policy, filter_of(RIO));
    let (mut through, mut shown, mut stopped) = (0, 0, 0);
    for scene in demo_set() {
        let (_, message) = message(&scene);
        let ItemEvent::Put(item) = &message.event else { panic!("an item was put") };
        let item: Value = serde_json::from_slice(item.bytes()).unwrap();
        let passes = lets_through(&policy, &message.attributes(BASE));
        let polygons = item["geometry"]["coordinates"].as_array().unwrap();
        let shows = polygons.iter().any(|polygon| holds(polygon[0].as_array().unwrap(), RIO));
        assert!(passes || !shows, "{} shows Rio and is filtered out", scene.id());
        let bounds: Vec<f64> =
            item["bbox"].as_array().unwrap().iter().map(|degrees| degrees.as_f64().unwrap()).collect();
        if bounds[0] <= bounds[2] {
            let inside = bounds[0] <= RIO[0] && RIO[0] <= bounds[2] && bounds[1] <= RIO[1] && RIO[1] <= bounds[3];
            assert_eq!(passes, inside, "{}", scene.id());
        }
        through += usize::from(passes);
        shown += usize::from(shows);
        stopped += usize::from(!passes);
    }
    assert!(shown > 10 && through >= shown && stopped > 200, "{through} through, {shown} shown, {stopped} stopped");
}

#[test]
fn the_filter_does_not_let_withdrawals_through_since_they_have_no_place() {
    let event = ItemEvent::Withdrawn { collection: "c".into(), id: "i".into(), time: chrono::DateTime::UNIX_EPOCH };
    let message = ItemMessage { key: "k.json".into(), audience: Audience::Public, event };
    assert!(!lets_through(&filter_of(RIO), &message.attributes(BASE)));
    assert!(lets_through(&json!({"event": ["withdrawn"]}), &message.attributes(BASE)));
}

/// The attributes of an item with this bounding box.
fn attributes_of(bbox: [f64; 4]) -> Vec<Attribute> {
    let mut item = Item::new("i");
    item.bbox = Some(Bbox::TwoDimensional(bbox));
    let event = ItemEvent::Put(Box::new((&item).into()));
    ItemMessage { key: "i.json".into(), audience: Audience::Public, event }.attributes(BASE)
}

/// To so many decimals.
fn to(decimals: i32, number: f64) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}

/// The same meridian within [-180, 180).
fn wrapped(lon: f64) -> f64 {
    (lon + 180.0).rem_euclid(360.0) - 180.0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_point_in_a_box_is_ever_filtered_out(
        west in -180.0_f64..180.0, width in 0.0_f64..40.0, south in -85.0_f64..80.0, height in 0.0_f64..5.0,
        east_share in 0.0_f64..=1.0, north_share in 0.0_f64..=1.0, decimals in 4_i32..9,
    ) {
        // East of 180 the box goes on at -180.
        let east = west + width;
        let bbox = [west, south, if east > 180.0 { east - 360.0 } else { east }, south + height];
        let bbox = bbox.map(|degrees| to(decimals, degrees));
        let lon = west + width * east_share;
        let lon = if lon > 180.0 { lon - 360.0 } else { lon };
        // A point on the border may lie outside once the border is rounded.
        let lat = (south + height * north_share).clamp(bbox[1], bbox[3]);
        let lon = if bbox[0] <= bbox[2] { lon.clamp(bbox[0], bbox[2]) } else { lon };
        let attributes = attributes_of(bbox);
        // As exactly as SNS compares, and more exactly.
        for point in [[lon, lat], [to(5, lon), to(5, lat)]] {
            prop_assert!(lets_through(&filter_of(point), &attributes), "{:?} in {:?}: {:?}", point, bbox, attributes);
        }
    }

    #[test]
    fn no_point_in_a_footprint_is_ever_filtered_out(
        lon in -180.0_f64..180.0, lat in -80.0_f64..80.0, half in 0.1_f64..12.0,
        skews in proptest::array::uniform8(-0.3_f64..0.3), weights in proptest::array::uniform4(0.01_f64..1.0),
    ) {
        let corner = |at: usize, east: f64, north: f64| {
            [lon + half * (east + skews[2 * at]), lat + half.min(8.0) * (north + skews[2 * at + 1])]
        };
        let corners = [corner(0, -1.0, -1.0), corner(1, 1.0, -1.0), corner(2, 1.0, 1.0), corner(3, -1.0, 1.0)];
        let corners = corners.map(|[lon, lat]| [to(6, lon), to(6, lat)]);
        // As INPE writes them: each within the usual range.
        let written = corners.map(|[lon, lat]| [to(6, wrapped(lon)), lat]);
        let bbox = footprint(written).unwrap().bbox;
        prop_assert_eq!(bbox[0] > bbox[2], corners.iter().any(|corner| corner[0].abs() > 180.0), "{:?}", bbox);
        let sum: f64 = weights.iter().sum();
        let mean = |axis: usize| corners.iter().zip(weights).map(|(corner, weight)| corner[axis] * weight / sum).sum();
        let inner: [f64; 2] = [wrapped(mean(0)), mean(1)];
        for point in [inner, written[0], written[1], written[2], written[3]] {
            let policy = filter_of(point);
            prop_assert!(lets_through(&policy, &attributes_of(bbox)), "{:?} in {:?}", point, bbox);
        }
    }
}
