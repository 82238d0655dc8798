//! What a search index promises the loaders.

use std::collections::BTreeMap;
use std::future::Future;

use lazycat::search::change::{Action, Applied, Change, Version};
use lazycat::search::item;
use lazycat::search::ports::{IndexError, IndexItems};
use serde_json::{Value, json};

/// What can be found in an index.
pub trait Findings {
    /// An item as a search gives it.
    fn item(&self, collection: &str, id: &str) -> impl Future<Output = Option<Value>>;

    /// A collection.
    fn collection(&self, id: &str) -> impl Future<Output = Option<Value>>;

    /// How many items there are.
    fn count(&self) -> impl Future<Output = usize>;
}

/// One test for each promise. The expression makes, each time, what runs futures, an empty index, what looks into it, and
/// whatever must live as long.
#[macro_export]
macro_rules! index_conformance {
    ($world:expr) => {
        $crate::index_conformance! { @ $world;
            an_item_is_found_as_it_was_put,
            an_empty_batch_is_no_error,
            every_change_is_answered_for_in_order,
            a_newer_item_takes_the_place_of_an_older_one_and_not_the_other_way_round,
            a_repeat_is_harmless,
            a_removed_item_is_not_brought_back_by_an_older_message,
            a_removal_may_come_before_its_item,
            an_older_removal_leaves_a_newer_item,
            a_removed_source_takes_its_items_along,
            a_document_that_was_read_before_its_removal_is_superseded,
            the_changes_of_a_batch_count_one_after_the_other,
            an_item_that_moves_to_another_month_is_there_once,
            ids_with_quotes_and_slashes_are_ids_like_others,
            items_of_one_id_in_two_collections_are_two,
            a_collection_is_found_as_it_was_put_and_the_newest_stays,
            in_any_order_the_newest_stays,
        }
    };
    (@ $world:expr; $($law:ident,)*) => { $(
        #[test]
        fn $law() {
            let (runtime, index, findings, _keep) = $world;
            runtime.run($crate::conformance::indexes::$law(&index, &findings));
        }
    )* };
}

const DAY: &str = "2020-05-17T13:04:05.678Z";

fn item(collection: &str, id: &str, title: &str, datetime: &str) -> String {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1.5, 0], [1.5, 1], [0, 1], [0, 0]]]},
        "bbox": [0, 0, 1.5, 1],
        "properties": {"datetime": datetime, "title": title, "eo:cloud_cover": 12.5, "odd ' \" \\": {"a": [1, 2.5], "b": true}},
        "links": [{"rel": "root", "href": "../catalog.json"}],
        "assets": {"thumbnail": {"href": "a.jpg", "roles": ["thumbnail"]}, "red": {"href": "r.tif", "type": "image/tiff"}}
    })
    .to_string()
}

fn collection(id: &str, title: &str) -> String {
    json!({
        "type": "Collection", "stac_version": "1.1.0", "id": id, "title": title, "description": "x", "license": "other",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2000-01-01T00:00:00Z", null]]}},
        "item_assets": {"red": {"type": "image/tiff", "title": "Red"}}, "links": []
    })
    .to_string()
}

fn change<'a>(version: i64, source: Option<&'a str>, action: Action<'a>) -> Change<'a> {
    Change { version: Version(version), source, action }
}

fn put<'a>(text: &'a str, version: i64, source: Option<&'a str>) -> Change<'a> {
    let item = item::check(text).unwrap_or_else(|faults| panic!("{faults:?}"));
    change(version, source, Action::PutItem(item))
}

fn remove<'a>(collection: &'a str, id: &'a str, version: i64) -> Change<'a> {
    change(version, None, Action::RemoveItem { collection, id })
}

#[track_caller]
fn done(results: Vec<Result<Applied, IndexError>>) -> Vec<Applied> {
    results.into_iter().map(|result| result.unwrap_or_else(|error| panic!("{error}"))).collect()
}

async fn apply(index: &impl IndexItems, changes: &[Change<'_>]) -> Vec<Applied> {
    done(index.apply(changes).await)
}

async fn with_collection(index: &impl IndexItems, id: &str) {
    let text = collection(id, "C");
    let put = change(1, None, Action::PutCollection { id: id.into(), text: &text });
    assert_eq!(apply(index, &[put]).await, [Applied::Written]);
}

async fn title(findings: &impl Findings, id: &str) -> Option<String> {
    let item = findings.item("c", id).await?;
    Some(item["properties"]["title"].as_str().unwrap_or_default().to_owned())
}

/// An item that was put is found with all that it holds.
pub async fn an_item_is_found_as_it_was_put(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    let text = item("c", "a", "A", DAY);
    assert_eq!(apply(index, &[put(&text, 5, None)]).await, [Applied::Written]);
    let put: Value = serde_json::from_str(&text).unwrap_or_default();
    let found = findings.item("c", "a").await.unwrap_or_default();
    for member in ["type", "stac_version", "id", "collection", "geometry", "bbox", "properties", "links", "assets"] {
        // 0 and 0.0 are the same number, but not to serde_json.
        assert_eq!(as_floats(&found[member]), as_floats(&put[member]), "{member}");
    }
    assert_eq!(findings.count().await, 1);
}

fn as_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(as_floats).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), as_floats(value))).collect())
        }
        other => other.clone(),
    }
}

/// Nothing to do is done.
pub async fn an_empty_batch_is_no_error(index: &impl IndexItems, findings: &impl Findings) {
    assert_eq!(apply(index, &[]).await, []);
    assert_eq!(findings.count().await, 0);
}

/// Each change has its own result, at its place.
pub async fn every_change_is_answered_for_in_order(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    let (a, b, older) = (item("c", "a", "A", DAY), item("c", "b", "B", DAY), item("c", "a", "older", DAY));
    let changes = [put(&a, 5, None), put(&older, 4, None), put(&b, 6, None), remove("c", "gone", 7)];
    let expected = [Applied::Written, Applied::Superseded, Applied::Written, Applied::Removed];
    assert_eq!(apply(index, &changes).await, expected);
    assert_eq!(title(findings, "a").await.as_deref(), Some("A"));
    assert_eq!(findings.count().await, 2);
}

/// The newest is what is found, whichever came last.
pub async fn a_newer_item_takes_the_place_of_an_older_one_and_not_the_other_way_round(
    index: &impl IndexItems,
    findings: &impl Findings,
) {
    with_collection(index, "c").await;
    for (name, version, result) in [
        ("second", 2, Applied::Written),
        ("first", 1, Applied::Superseded),
        ("third", 3, Applied::Written),
        ("second", 2, Applied::Superseded),
    ] {
        assert_eq!(apply(index, &[put(&item("c", "a", name, DAY), version, None)]).await, [result], "{name}");
    }
    assert_eq!(title(findings, "a").await.as_deref(), Some("third"));
    assert_eq!(findings.count().await, 1);
}

/// The same twice is as once.
pub async fn a_repeat_is_harmless(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    let (a, b) = (item("c", "a", "A", DAY), item("c", "b", "B", DAY));
    let changes = [put(&a, 1, Some("s3://b/a")), put(&b, 1, None), remove("c", "b", 2)];
    let first = apply(index, &changes).await;
    assert_eq!(first, [Applied::Written, Applied::Written, Applied::Removed]);
    apply(index, &changes).await;
    assert_eq!((findings.count().await, title(findings, "a").await.as_deref()), (1, Some("A")));
}

/// A removal is remembered.
pub async fn a_removed_item_is_not_brought_back_by_an_older_message(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    let text = item("c", "a", "A", DAY);
    apply(index, &[put(&text, 1, None)]).await;
    assert_eq!(apply(index, &[remove("c", "a", 5)]).await, [Applied::Removed]);
    assert_eq!(findings.item("c", "a").await, None);
    assert_eq!(apply(index, &[put(&text, 4, None)]).await, [Applied::Superseded]);
    assert_eq!(findings.count().await, 0);
    assert_eq!(apply(index, &[put(&text, 6, None)]).await, [Applied::Written]);
    assert_eq!(findings.count().await, 1);
}

/// Messages come in any order.
pub async fn a_removal_may_come_before_its_item(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    assert_eq!(apply(index, &[remove("c", "a", 5)]).await, [Applied::Removed]);
    assert_eq!(apply(index, &[put(&item("c", "a", "A", DAY), 4, None)]).await, [Applied::Superseded]);
    assert_eq!(findings.count().await, 0);
}

/// A removal that is older than what stands there changes nothing.
pub async fn an_older_removal_leaves_a_newer_item(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    apply(index, &[put(&item("c", "a", "A", DAY), 5, None)]).await;
    assert_eq!(apply(index, &[remove("c", "a", 4)]).await, [Applied::Superseded]);
    assert_eq!(findings.count().await, 1);
}

/// What came from an object goes with it.
pub async fn a_removed_source_takes_its_items_along(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    let (a, b) = (item("c", "a", "A", DAY), item("c", "b", "B", DAY));
    apply(index, &[put(&a, 1, Some("s3://b/a's.json")), put(&b, 1, Some("s3://b/b.json"))]).await;
    let removed = |version| change(version, Some("s3://b/a's.json"), Action::RemoveSource);
    assert_eq!(apply(index, &[removed(5)]).await, [Applied::Removed]);
    assert_eq!((title(findings, "a").await, findings.count().await), (None, 1));
    assert_eq!(apply(index, &[removed(4)]).await, [Applied::Superseded]);
    // It is written anew.
    assert_eq!(apply(index, &[put(&a, 6, Some("s3://b/a's.json"))]).await, [Applied::Written]);
    assert_eq!(apply(index, &[removed(5)]).await, [Applied::Superseded]);
    assert_eq!(findings.count().await, 2);
}

/// A loader that was slow brings nothing back.
pub async fn a_document_that_was_read_before_its_removal_is_superseded(
    index: &impl IndexItems,
    findings: &impl Findings,
) {
    with_collection(index, "c").await;
    apply(index, &[change(5, Some("s3://b/a.json"), Action::RemoveSource)]).await;
    let text = item("c", "a", "A", DAY);
    assert_eq!(apply(index, &[put(&text, 4, Some("s3://b/a.json"))]).await, [Applied::Superseded]);
    assert_eq!(findings.count().await, 0);
}

/// A batch is its changes in their order.
pub async fn the_changes_of_a_batch_count_one_after_the_other(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    let (first, last) = (item("c", "a", "first", DAY), item("c", "a", "last", DAY));
    let source = Some("s3://b/a.json");
    let changes = [put(&first, 1, source), change(2, source, Action::RemoveSource), put(&last, 3, source)];
    assert_eq!(apply(index, &changes).await, [Applied::Written, Applied::Removed, Applied::Written]);
    assert_eq!(title(findings, "a").await.as_deref(), Some("last"));
    let changes = [put(&first, 4, source), change(5, source, Action::RemoveSource), put(&last, 4, source)];
    assert_eq!(apply(index, &changes).await, [Applied::Written, Applied::Removed, Applied::Superseded]);
    assert_eq!(findings.count().await, 0);
}

/// An item is where its time is, and nowhere else.
pub async fn an_item_that_moves_to_another_month_is_there_once(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    for (version, day) in [(1, DAY), (2, "2021-01-01T00:00:00Z"), (3, "1999-12-31T23:59:59.999999Z")] {
        assert_eq!(apply(index, &[put(&item("c", "a", day, day), version, None)]).await, [Applied::Written]);
        assert_eq!((findings.count().await, title(findings, "a").await.as_deref()), (1, Some(day)));
    }
}

/// No text of an id means anything.
pub async fn ids_with_quotes_and_slashes_are_ids_like_others(index: &impl IndexItems, findings: &impl Findings) {
    for collection in ["c", "o'c/\"d\"", "'; DROP TABLE items; --"] {
        with_collection(index, collection).await;
        let ids = ["it's", "a/b", "\"q\"", "'); DELETE FROM items; --", "../../x", "%2e%2e", "ü", "$1", "a\\b", "{}"];
        let texts: Vec<String> = ids.iter().map(|id| item(collection, id, id, DAY)).collect();
        let changes: Vec<Change<'_>> = texts.iter().map(|text| put(text, 1, Some("s3://b/'$1\".json"))).collect();
        // Each came in a document of its own.
        let sources: Vec<String> = ids.iter().map(|id| format!("s3://b/{collection}/{id}.json")).collect();
        let changes: Vec<Change<'_>> = changes
            .into_iter()
            .zip(&sources)
            .map(|(change, source)| Change { source: Some(source), ..change })
            .collect();
        assert_eq!(apply(index, &changes).await, vec![Applied::Written; ids.len()]);
        for id in ids {
            let found = findings.item(collection, id).await.unwrap_or_default();
            assert_eq!((&found["id"], &found["properties"]["title"]), (&json!(id), &json!(id)));
            assert_eq!(apply(index, &[remove(collection, id, 2)]).await, [Applied::Removed]);
        }
        assert_eq!(findings.count().await, 0);
    }
}

/// An id is one of its collection.
pub async fn items_of_one_id_in_two_collections_are_two(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    with_collection(index, "d").await;
    let (in_c, in_d) = (item("c", "a", "in c", DAY), item("d", "a", "in d", DAY));
    assert_eq!(apply(index, &[put(&in_c, 9, None), put(&in_d, 1, None)]).await, [Applied::Written; 2]);
    assert_eq!(findings.count().await, 2);
    apply(index, &[remove("c", "a", 10)]).await;
    assert_eq!(findings.item("d", "a").await.unwrap_or_default()["properties"]["title"], "in d");
}

/// Collections are kept in the same way.
pub async fn a_collection_is_found_as_it_was_put_and_the_newest_stays(
    index: &impl IndexItems,
    findings: &impl Findings,
) {
    for (name, version, result) in
        [("second", 2, Applied::Written), ("first", 1, Applied::Superseded), ("third", 3, Applied::Written)]
    {
        let text = collection("o'c", name);
        let put = change(version, Some("s3://b/c.json"), Action::PutCollection { id: "o'c".into(), text: &text });
        assert_eq!(apply(index, &[put]).await, [result], "{name}");
    }
    let found = findings.collection("o'c").await.unwrap_or_default();
    assert_eq!(
        (&found["title"], &found["extent"]["temporal"]),
        (&json!("third"), &json!({"interval": [["2000-01-01T00:00:00Z", null]]}))
    );
}

/// Whatever comes, in whatever order and cut into whatever batches: what is left is what the newest message of each item
/// says.
pub async fn in_any_order_the_newest_stays(index: &impl IndexItems, findings: &impl Findings) {
    with_collection(index, "c").await;
    for seed in 1..6_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |most: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % most
        };
        // Which item, whether it is removed, and of which version: no two of one.
        let mut steps: Vec<(String, bool, i64)> =
            (0..40).map(|version| (format!("{seed}-{}", below(6)), below(3) == 0, version + 1)).collect();
        let mut newest: BTreeMap<String, (bool, i64)> = BTreeMap::new();
        for (id, is_removed, version) in &steps {
            newest.insert(id.clone(), (*is_removed, *version));
        }
        for at in (1..steps.len()).rev() {
            steps.swap(at, below(at as u64 + 1) as usize);
        }
        let texts: Vec<String> =
            steps.iter().map(|(id, _, version)| item("c", id, &version.to_string(), DAY)).collect();
        let changes: Vec<Change<'_>> = steps
            .iter()
            .zip(&texts)
            .map(|((id, is_removed, version), text)| match is_removed {
                true => remove("c", id, *version),
                false => put(text, *version, None),
            })
            .collect();
        let mut left = changes.as_slice();
        while !left.is_empty() {
            let (batch, rest) = left.split_at((below(9) as usize + 1).min(left.len()));
            apply(index, batch).await;
            left = rest;
        }
        for (id, (is_removed, version)) in newest {
            let expected = (!is_removed).then(|| version.to_string());
            assert_eq!(title(findings, &id).await, expected, "{id} with seed {seed}");
        }
    }
}
