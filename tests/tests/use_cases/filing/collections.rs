//! Collections: made from items, given, named by an operator, damaged; and catalogs without any.

use serde_json::json;

use super::files::{Files, body, collection, item, request, seconds, withdrawal};

#[test]
fn a_collection_that_was_given_says_what_it_said_and_the_one_named_by_an_operator_is_over_it() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    assert_eq!(files.json("c/collection.json")["lazycat:from_items"], true);
    files.must_take(&body(&collection("Found"), "/c", 2, "m2"));
    files.settle();
    let document = files.json("c/collection.json");
    assert_eq!(
        (&document["title"], &document["odd"], &document["stac_version"]),
        (&json!("Found"), &json!({"n": 1.0}), &json!("1.0.0"))
    );
    assert_eq!(files.links("c/collection.json", "child"), ["./2024/catalog.json"]);
    assert_eq!(files.links("c/collection.json", "license"), ["l"]);
    assert_eq!(document.get("lazycat:from_items"), None);
    // Items do not change it.
    let mut far = item("far", "2030-05-01");
    far["bbox"] = json!([50, 50, 50, 50]);
    files.must_take(&far.to_string());
    files.settle();
    assert_eq!(files.json("c/collection.json")["extent"], collection("")["extent"]);
    let mut named = request(&collection("Named"), "/n", 3, "m3");
    named.given = true;
    files.must_take(&named.encode());
    files.must_take(&body(&collection("Found later"), "/c", 4, "m4"));
    files.settle();
    assert_eq!(files.json("c/collection.json")["title"], "Named");
    let mut again = named.clone();
    (again.time, again.message_id) = (Some(seconds(5)), Some("m5".into()));
    let revision = files.json("c/collection.json")["lazycat:revision"].clone();
    files.must_take(&again.encode());
    files.settle();
    assert_eq!(files.json("c/collection.json")["lazycat:revision"], revision, "it says the same");
}

#[test]
fn a_collection_that_a_hand_has_damaged_is_made_anew_with_a_revision_that_never_was() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    files.memory.objects.insert("c/collection.json", "hello");
    files.must_take(&body(&item("j", "2024-05-01"), "/b", 2, "m2"));
    files.settle();
    let document = files.json("c/collection.json");
    assert!(document["lazycat:revision"].as_u64().unwrap() > 1_000, "{document}");
    assert_eq!(files.links("c/collection.json", "child"), ["./2024/catalog.json"]);
}

#[test]
fn a_layout_without_collections_takes_items_without_and_has_catalogs_alone() {
    let files = Files::under("{year}");
    let mut without = item("i", "2024-05-01");
    without.as_object_mut().unwrap().remove("collection");
    files.must_take(&without.to_string());
    files.settle();
    assert_eq!(files.keys(), ["2024/catalog.json", "2024/i.json", "catalog.json"]);
    assert_eq!(files.refusal(&item("i", "2024-05-01").to_string()).0, "collection");
    assert_eq!(files.refusal(&collection("c").to_string()).0, "collection");
    assert_eq!(files.must_take(&withdrawal("i", i64::from(u32::MAX))).withdrawn, 1);
}
