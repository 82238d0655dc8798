//! Filing: items of others are put, moved, taken out and refused, whatever happens in between.

mod again;
mod collections;
pub(crate) mod files;
mod interrupted;

use lazycat::filing::Settings;
use lazycat::message::filing::FileRequest;
use serde_json::{Value, json};

use self::files::{Files, body, item, seconds, withdrawal};

const MAY: &str = "c/2024/05/i.json";
const JUNE: &str = "c/2024/06/i.json";

#[test]
fn an_item_is_recorded_then_put_then_marked_then_published() {
    let files = Files::new();
    let report = files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m"));
    assert_eq!((report.made, report.events), (1, vec![seconds(1)]));
    let mut operations = files.faults.operations();
    operations.retain(|operation| !operation.starts_with("get"));
    assert_eq!(operations, ["put checkpoint", "put item", "put if", "put mark", "put mark", "publish"]);
    assert_eq!(files.marked(), ["c", "c/2024/05"]);
    files.settle();
    assert_eq!(
        files.keys(),
        ["c/2024/05/catalog.json", MAY, "c/2024/catalog.json", "c/collection.json", "catalog.json"]
    );
    assert_eq!(files.links("catalog.json", "child"), ["./c/collection.json"]);
    assert_eq!(files.links("c/2024/05/catalog.json", "item"), ["./i.json"]);
    let collection = files.json("c/collection.json");
    assert_eq!(collection["extent"]["spatial"]["bbox"], json!([[1, 2, 1, 2]]));
    assert_eq!(collection["summaries"]["platform"], json!(["p"]));
    assert_eq!(files.links("c/collection.json", "child"), ["./2024/catalog.json"]);
    let stored = files.json(MAY);
    assert_eq!((&stored["stac_version"], &stored["properties"]["platform"]), (&json!("1.0.0"), &json!("p")));
}

#[test]
fn every_shape_of_message_is_filed() {
    let mut files = Files::new();
    files.documents.0.insert("s3://mine/x.json".to_owned(), item("from-s3", "2024-05-01").to_string());
    let event = json!({"Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-03-01T12:00:00.123Z",
        "s3": {"bucket": {"name": "mine"}, "object": {"key": "x.json", "sequencer": "1"}}
    }]});
    let features =
        json!({"type": "FeatureCollection", "features": [item("f1", "2024-05-01"), item("f2", "2024-05-02")]});
    let envelope = json!({"Type": "Notification", "Message": item("sns", "2024-05-01").to_string(),
        "Timestamp": "2026-03-01T12:00:05.500Z"});
    let bodies = [item("bare", "2024-05-01"), event, features, envelope].map(|body| body.to_string());
    let report = files.take(&bodies);
    assert_eq!((report.made, report.refused.as_slice()), (5, [].as_slice()), "{:?}", report.troubles);
    for id in ["bare", "from-s3", "f1", "f2", "sns"] {
        assert_eq!(files.json(&format!("c/2024/05/{id}.json"))["id"], id);
    }
}

#[test]
fn bad_input_ends_in_a_dead_letter_with_its_reason_and_its_neighbours_are_filed() {
    let files = Files::under("{collection}/{properties.platform}");
    let changed = |change: fn(&mut Value)| {
        let mut item = item("i", "2024-05-01");
        change(&mut item);
        item.to_string()
    };
    for (body, reason, told) in [
        ("no JSON".to_owned(), "message", "no JSON object"),
        ("{}".to_owned(), "message", "none of"),
        (r#"{"type": "File"}"#.to_owned(), "message", "neither path nor document"),
        (FileRequest::of_document("{").encode(), "document", "no STAC document"),
        (FileRequest::of_file("/etc/passwd").encode(), "forbidden-source", "may be read"),
        (r#"{"href": "s3://yours/x.json"}"#.to_owned(), "forbidden-source", "may be read"),
        (changed(|item| item["stac_version"] = "0.9.0".into()), "item", "/stac_version"),
        (changed(|item| item["properties"]["datetime"] = Value::Null), "item", "/properties/datetime"),
        (changed(|item| item["properties"]["platform"] = Value::Null), "place", "properties.platform is missing"),
        (changed(|item| item["properties"]["platform"] = 1.5.into()), "place", "is 1.5"),
        (changed(|item| item["properties"]["platform"] = "x".repeat(10_000).into()), "place", "10000 bytes"),
        (changed(|item| item["collection"] = Value::Null), "collection", "collection is missing"),
        (changed(|item| item["collection"] = "CBERS4".into()), "place", "the folder of a satellite"),
    ] {
        let mut report = files.take(&[body.clone(), item("good", "2024-05-01").to_string()]);
        assert_eq!(report.acknowledged, [true, true]);
        let refusal = report.refused.remove(0);
        assert_eq!(refusal.reason, reason, "{body}: {}", refusal.detail);
        assert!(refusal.detail.contains(told), "{body}: {}", refusal.detail);
        let letters = files.memory.scenes.letters().snapshot();
        let letter = letters.last().unwrap();
        assert_eq!((letter.body.as_str(), letter.reason.as_str()), (body.as_str(), reason));
    }
    assert!(files.keys().iter().all(|key| key.starts_with("c/")), "{:?}", files.keys());
    let inpe = Files { settings: Settings::new(lazycat::grid::INPE.clone()), ..Files::new() };
    assert_eq!(inpe.refusal(&item("i", "2024-05-01").to_string()).0, "layout");
}

#[test]
fn values_that_could_lead_out_of_the_catalog_stay_in_it() {
    let files = Files::under("{collection}/{properties.platform}");
    for value in ["../../x", "..", "/etc", ".lazycat", "a\\b", "catalog"] {
        let mut item = item(value, "2024-05-01");
        item["properties"]["platform"] = value.into();
        files.must_take(&item.to_string());
    }
    let items: Vec<String> = files.keys().into_iter().filter(|key| key.matches('/').count() == 2).collect();
    assert_eq!(
        items,
        [
            "c/%2E.%2F..%2Fx/%2E.%2F..%2Fx.json",
            "c/%2E./%2E..json",
            "c/%2Elazycat/%2Elazycat.json",
            "c/%2Fetc/%2Fetc.json",
            "c/a%5Cb/a%5Cb.json",
            "c/catalog/%63atalog.json",
        ]
    );
    files.settle();
    assert_eq!(files.links("c/%2E./catalog.json", "item"), ["./%252E..json"]);
    assert_eq!(files.json("c/%2E.%2F..%2Fx/catalog.json")["title"], "c ../../x");
}

#[test]
fn without_a_layout_nothing_is_filed_anywhere() {
    let settings = Settings::new(lazycat::grid::INPE.clone());
    let files = Files { settings, ..Files::new() };
    assert_eq!(files.take(&[withdrawal("i", 1)]).refused[0].reason, "layout");
    assert_eq!(files.keys(), [""; 0]);
}
