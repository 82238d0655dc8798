//! Items and collections by their ids, and what can be filtered by.

use lazycat::search::ports::SearchItems;
use serde_json::Value;

use super::contents::{collection, items};

/// An item is what was put, found by its collection and id, and by nothing else.
pub async fn an_item_is_found_by_its_ids_as_it_was_put(index: &impl SearchItems) {
    for put in items() {
        let (collection, id) = (put["collection"].as_str().unwrap_or_default(), put["id"].as_str().unwrap_or_default());
        let found = index.item(collection, id).await.unwrap_or_else(|error| panic!("{id}: {error}"));
        let found = found.unwrap_or_else(|| panic!("{id} is not found"));
        assert_eq!((found.collection.as_str(), found.id.as_str()), (collection, id));
        let text: Value = serde_json::from_str(found.text.get()).unwrap_or_default();
        for member in ["type", "stac_version", "id", "collection", "links", "assets"] {
            assert_eq!(text[member], put[member], "{id}: {member}");
        }
        // Nulls need not be kept, but for the one that STAC wants.
        for (name, value) in put["properties"].as_object().into_iter().flatten() {
            assert_eq!(text["properties"][name.as_str()], *value, "{id}: {name}");
        }
        assert!(text["properties"].get("datetime").is_some(), "{id}");
    }
    for (collection, id) in [("alpha", "b1"), ("none", "a1"), ("alpha", ""), ("", "a1"), ("ALPHA", "a1")] {
        let found = index.item(collection, id).await.unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!(found.is_none(), "{collection}/{id}");
    }
}

/// Collections are listed by id, in the order of bytes, from any place on.
pub async fn collections_are_found_by_id_and_in_order(index: &impl SearchItems) {
    for (after, most, expected) in [
        (None, 100, &["Zeta", "alpha", "beta"][..]),
        (None, 2, &["Zeta", "alpha"]),
        (Some("Zeta"), 100, &["alpha", "beta"]),
        (Some("a"), 1, &["alpha"]),
        (Some("beta"), 100, &[]),
    ] {
        let found = index.collections(after, most).await.unwrap_or_else(|error| panic!("{error}"));
        let ids: Vec<&str> = found.iter().map(|collection| collection.id.as_str()).collect();
        assert_eq!(ids, expected, "after {after:?}");
    }
    let found = index.collection("alpha").await.unwrap_or_else(|error| panic!("{error}"));
    let found = found.unwrap_or_else(|| panic!("there is a collection alpha"));
    let text: Value = serde_json::from_str(found.text.get()).unwrap_or_default();
    assert_eq!(text, collection("alpha"));
    assert!(index.collection("gamma").await.unwrap_or_else(|error| panic!("{error}")).is_none());
}

/// What can be filtered by, of one collection or all.
pub async fn properties_are_told_with_their_types(index: &impl SearchItems) {
    let all = index.properties(None).await.unwrap_or_else(|error| panic!("{error}"));
    for expected in
        [("gsd", "number"), ("is_day", "boolean"), ("instruments", "array"), ("deep", "object"), ("title", "string")]
    {
        assert!(all.contains(&(expected.0.to_owned(), expected.1)), "{expected:?}: {all:?}");
    }
    assert!(all.is_sorted(), "{all:?}");
    let some = index.properties(Some("beta")).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(some.iter().any(|(name, _)| name == "gsd") && !some.iter().any(|(name, _)| name == "is_day"), "{some:?}");
    assert!(index.properties(Some("none")).await.unwrap_or_else(|error| panic!("{error}")).is_empty());
}
