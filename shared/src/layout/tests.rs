//! Tests of layouts.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::segment::{decode, encode, file_of, id_of, is_encoded};
use super::*;

fn item() -> Value {
    json!({
        "type": "Feature", "id": "an-id", "collection": "a-collection",
        "properties": {
            "datetime": "2024-12-31T23:30:00-01:00", "platform": "sat-1", "grid:code": "MGRS-32TQM", "orbit": 7,
            "is_day": true, "gsd": 10.5, "parts": [1], "a.b": "dotted", "nothing": null, "empty": "", "deep": {"er": "x"}
        }
    })
}

fn placed(template: &str, item: &Value) -> Result<Placed, PlaceError> {
    Layout::parse(template).unwrap().place(&item.to_string())
}

fn key(template: &str) -> String {
    placed(template, &item()).unwrap().key
}

#[test]
fn an_item_is_filed_by_what_it_says() {
    assert_eq!(key("{collection}"), "a-collection/an-id.json");
    assert_eq!(key("{collection}/{year}/{month}/{day}"), "a-collection/2025/01/01/an-id.json", "in UTC");
    assert_eq!(key("{collection}/{properties.grid:code}"), "a-collection/MGRS-32TQM/an-id.json");
    assert_eq!(key("{collection}/{properties.orbit}/{properties.is_day}"), "a-collection/7/true/an-id.json");
    assert_eq!(key("{collection}/{properties.a.b}"), "a-collection/dotted/an-id.json");
    assert_eq!(key("{collection}/{properties.deep.er}"), "a-collection/x/an-id.json");
    assert_eq!(key("data/{collection}/S-{properties.platform}_{year}"), "data/a-collection/S-sat-1_2025/an-id.json");
    let placed = placed("{collection}/{year}", &item()).unwrap();
    assert_eq!((placed.level.key(), placed.id.as_str()), ("a-collection/2025", "an-id"));
    assert_eq!(placed.collection.as_deref(), Some("a-collection"));
}

#[test]
fn where_there_is_no_datetime_the_start_counts() {
    let mut item = item();
    item["properties"]["datetime"] = Value::Null;
    item["properties"]["start_datetime"] = "2020-02-03T00:00:00Z".into();
    assert_eq!(placed("{collection}/{year}-{month}", &item).unwrap().level.key(), "a-collection/2020-02");
}

#[test]
fn templates_that_are_no_layout_say_why() {
    let long = "a".repeat(LONGEST_TEMPLATE + 1);
    let deep = ["a"; MOST_TIERS + 1].join("/");
    for (template, told) in [
        ("", "it is empty"),
        (long.as_str(), "513 bytes"),
        (deep.as_str(), "9 segments"),
        ("/{collection}", "an empty segment"),
        ("{collection}/", "an empty segment"),
        ("{collection}//{year}", "an empty segment"),
        ("{collection", "not closed"),
        ("collection}", "not opened"),
        ("{a{b}}", "within braces"),
        ("{}", "{} is unknown"),
        ("{platform}", "{platform} is unknown"),
        ("{properties.}", "is unknown"),
        ("{id}", "names the item's file"),
        ("{collection}/{collection}", "once"),
        ("x-{collection}", "alone"),
        ("{year}/{collection}", "below another field"),
        ("CBERS4/{year}", "the folder of a satellite"),
        ("..", "starts with a dot"),
        (".lazycat/{year}", "starts with a dot"),
        ("a b", "holds ' '"),
        ("a%2F", "holds '%'"),
        ("ä", "holds 'ä'"),
    ] {
        let error = Layout::parse(template).unwrap_err();
        assert!(error.reason.contains(told), "{template}: {error}");
        assert!(error.to_string().len() < 400, "{error}");
    }
}

#[test]
fn items_without_a_place_say_why() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str, &str); 12] = [
        ("{collection}/{properties.none}", |_| (), "properties.none is missing", "place"),
        ("{collection}/{properties.nothing}", |_| (), "properties.nothing is missing or null", "place"),
        ("{collection}/{properties.empty}", |_| (), "an empty text", "place"),
        ("{collection}/{properties.gsd}", |_| (), "is 10.5, expected a text, a whole number", "place"),
        ("{collection}/{properties.parts}", |_| (), "is [1], expected", "place"),
        ("{collection}/{properties.deep}", |_| (), "expected a text", "place"),
        ("{collection}", |item| item["collection"] = Value::Null, "collection is missing", "collection"),
        ("{year}", |_| (), "takes items without", "collection"),
        ("{collection}", |item| item["collection"] = "CBERS4".into(), "the folder of a satellite", "place"),
        ("{collection}", |item| item["id"] = "x".repeat(10_000).into(), "10005 bytes, expected at most 255", "place"),
        ("{collection}", |item| item["collection"] = "x".repeat(10_000).into(), "10000 bytes", "place"),
        ("{collection}/{year}", |item| item["properties"]["datetime"] = "soon".into(), "expected a time", "place"),
    ];
    for (template, change, told, reason) in cases {
        let mut item = item();
        change(&mut item);
        let error = placed(template, &item).unwrap_err();
        assert!(error.to_string().contains(told), "{template}: {error}");
        assert_eq!(error.reason(), reason);
        assert!(error.to_string().len() < 400, "{error}");
    }
    let layout = Layout::parse("{collection}").unwrap();
    for text in ["", "hello", "[]", "7", "{\"id\":"] {
        assert_eq!(layout.place(text).unwrap_err().reason(), "item", "{text:?}");
    }
}

#[test]
fn values_that_could_lead_elsewhere_are_encoded() {
    for (value, expected) in [
        ("..", "%2E."),
        (".", "%2E"),
        (".lazycat", "%2Elazycat"),
        ("../../etc", "%2E.%2F..%2Fetc"),
        ("a/b", "a%2Fb"),
        ("a\\b", "a%5Cb"),
        ("a b", "a%20b"),
        ("a%2Fb", "a%252Fb"),
        ("ä", "%C3%A4"),
        ("a\n\0", "a%0A%00"),
        ("CON:", "CON%3A"),
        ("plain-_.~", "plain-_.~"),
    ] {
        assert_eq!(encode(value), expected);
        assert_eq!(decode(expected), value);
        assert!(is_encoded(expected));
    }
    for odd in ["", "a b", ".a", "%2e", "a%", "%41", "%FF"] {
        assert!(!is_encoded(odd), "{odd:?}");
    }
}

#[test]
fn no_item_has_the_file_of_a_document() {
    assert_eq!(file_of("catalog"), "%63atalog.json");
    assert_eq!(file_of("collection"), "%63ollection.json");
    assert_eq!(file_of("%63atalog"), "%2563atalog.json");
    for id in ["catalog", "collection", "a/b", "x"] {
        assert_eq!(id_of(&file_of(id)), id);
    }
}

#[test]
fn a_level_is_of_the_layout_as_far_as_its_key_tells() {
    let layout = Layout::parse("data/{collection}/{year}/S-{properties.a}").unwrap();
    let check = |key: &str| layout.check(&Level::parse(key).unwrap()).is_ok();
    for key in ["", "data", "data/a%20b", "data/a/2024", "data/a/2024/S-x"] {
        assert!(check(key), "{key}");
    }
    for key in ["other", "data/a b", "data/a/24", "data/a/2024/x", "data/a/2024/S-x/deeper"] {
        assert!(!check(key), "{key}");
    }
    assert_eq!(layout.collection_level("a b").unwrap().key(), "data/a%20b");
    assert!(Layout::parse("{year}").unwrap().collection_level("a").is_err());
}

/// What anybody may write into an item.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[./%\\\\a-c]{1,6}", "(catalog|collection|%63atalog)(\\.json)?", "\\PC{200,300}",]
}

proptest! {
    #[test]
    fn different_values_have_different_segments(one in value(), other in value()) {
        prop_assert_eq!(encode(&one) == encode(&other), one == other);
        prop_assert_eq!(file_of(&one) == file_of(&other), one == other);
        prop_assert_eq!(id_of(&file_of(&one)).into_owned(), one);
    }

    #[test]
    fn whatever_an_item_says_it_stays_in_the_catalog(id in value(), collection in value(), of in value()) {
        let item = json!({"id": id, "collection": collection, "properties": {"of": of}});
        let layout = Layout::parse("{collection}/x{properties.of}/{properties.of}").unwrap();
        if let Ok(placed) = layout.place(&item.to_string()) {
            prop_assert_eq!(crate::level::check_key(&placed.key, 1_024), Ok(()));
            prop_assert!(placed.key.split('/').all(|segment| segment.len() <= LONGEST_SEGMENT));
            prop_assert_eq!(placed.level.depth(), 3);
            prop_assert_eq!(layout.check(&placed.level), Ok(()));
            let file = placed.key.rsplit('/').next().unwrap();
            prop_assert!(file != "catalog.json" && file != "collection.json");
            let level = layout.collection_level(&collection).unwrap();
            prop_assert_eq!(level.key(), encode(&collection));
        }
    }

    #[test]
    fn items_have_one_key_only_when_collection_and_id_are_the_same(
        ids in ("[a-b./%]{1,3}", "[a-b./%]{1,3}"), collections in ("[a-b./%]{1,3}", "[a-b./%]{1,3}"),
    ) {
        let layout = Layout::parse("{collection}").unwrap();
        let key = |id: &str, collection: &str| {
            layout.place(&json!({"id": id, "collection": collection}).to_string()).unwrap().key
        };
        let are_same = ids.0 == ids.1 && collections.0 == collections.1;
        prop_assert_eq!(key(&ids.0, &collections.0) == key(&ids.1, &collections.1), are_same);
    }

    #[test]
    fn any_template_is_a_layout_or_says_why(template in "[{}/a-c.%\\PC]{0,40}", id in any::<String>()) {
        if let Ok(layout) = Layout::parse(&template) {
            prop_assert!(layout.depth() >= 1);
            let _ = layout.place(&json!({"id": id, "collection": "c", "properties": {}}).to_string());
        }
    }
}
