//! What a search index that is fed by messages tells an audit.

use lazycat::audit::{Held, InspectIndex, ItemName};
use lazycat::search::addresses::Addresses;
use lazycat::search::change::{Action, Applied, Change, Version};
use lazycat::search::item;
use lazycat::search::ports::IndexItems;
use serde_json::{Value, json};

/// The bucket of the catalog, and the address at which readers find it.
const BUCKET: &str = "catalog";
const PUBLIC: &str = "https://stac.example.com/cbers/";

/// The addresses of the catalog that is audited.
#[must_use]
pub fn addresses() -> Addresses {
    Addresses::new(BUCKET, PUBLIC)
}

/// One test for each promise. The expression makes, each time, what runs futures, an empty index, what looks into it for
/// the catalog of [`addresses`], and whatever must live as long.
#[macro_export]
macro_rules! inspection_conformance {
    ($world:expr) => {
        $crate::inspection_conformance! { @ $world;
            what_came_from_the_catalog_is_listed_in_the_order_of_keys,
            a_listing_goes_on_behind_any_key_and_stays_below_its_prefix,
            a_listing_of_many_pages_gives_every_item_once,
            what_was_removed_is_not_listed_and_not_held,
            an_index_without_anything_lists_nothing,
            what_came_from_elsewhere_is_held_all_the_same,
            an_item_is_the_same_as_its_document_but_for_links_and_another_is_not,
        }
    };
    (@ $world:expr; $($law:ident,)*) => { $(
        #[test]
        fn $law() {
            let (runtime, index, inspector, _keep) = $world;
            runtime.run($crate::conformance::inspections::$law(&index, &inspector));
        }
    )* };
}

fn name(collection: &str, row: &str, id: &str) -> ItemName {
    ItemName { key: format!("{collection}/{row}/{id}.json"), collection: collection.to_owned(), id: id.to_owned() }
}

fn document(name: &ItemName) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": name.id, "collection": name.collection,
        "geometry": {"type": "Polygon", "coordinates": [[
            [-54.123456789012, -12.5], [-53, -12.5], [-53, -11.987654321098], [-54.123456789012, -12.5]
        ]]},
        "bbox": [-54.123456789012, -12.5, -53, -11.987654321098],
        "properties": {"datetime": "2020-05-17T13:04:05.678Z", "gsd": 20.0, "title": "ü \" \\", "odd": [null, {"a": []}]},
        "links": [{"rel": "root", "href": "../../catalog.json"}],
        "assets": {"red": {"href": "https://example.com/r.tif", "type": "image/tiff", "bands": [{"name": "B3"}]}}
    })
}

async fn apply(index: &impl IndexItems, changes: &[Change<'_>]) {
    for result in index.apply(changes).await {
        assert_ne!(result.unwrap_or_else(|error| panic!("{error}")), Applied::Superseded);
    }
}

async fn with_collections(index: &impl IndexItems) {
    for id in ["A", "B"] {
        let text = json!({
            "type": "Collection", "stac_version": "1.1.0", "id": id, "description": "x", "license": "other",
            "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2000-01-01T00:00:00Z", null]]}},
            "item_assets": {"red": {"type": "image/tiff", "title": "Red"}}, "links": []
        })
        .to_string();
        let action = Action::PutCollection { id: id.into(), text: &text };
        apply(index, &[Change { version: Version(1), source: None, action }]).await;
    }
}

/// Puts items from the addresses that `address` gives their keys.
async fn load(index: &impl IndexItems, names: &[ItemName], address: impl Fn(&str) -> Option<String>) {
    let texts: Vec<(String, Option<String>)> =
        names.iter().map(|name| (document(name).to_string(), address(&name.key))).collect();
    let changes: Vec<Change<'_>> = texts
        .iter()
        .enumerate()
        .map(|(at, (text, source))| {
            let item = item::check(text).unwrap_or_else(|faults| panic!("{faults:?}"));
            let version = Version(1_000 + i64::try_from(at).unwrap_or_default());
            Change { version, source: source.as_deref(), action: Action::PutItem(item) }
        })
        .collect();
    for changes in changes.chunks(500) {
        apply(index, changes).await;
    }
}

fn in_bucket(key: &str) -> Option<String> {
    Some(format!("s3://{BUCKET}/{key}"))
}

fn in_public(key: &str) -> Option<String> {
    Some(format!("{PUBLIC}{key}"))
}

async fn listed(inspector: &impl InspectIndex, prefix: &str, after: Option<&str>) -> Vec<ItemName> {
    let (mut names, mut after) = (Vec::new(), after.map(str::to_owned));
    loop {
        let page = inspector.indexed(prefix, after.as_deref()).await.unwrap_or_else(|error| panic!("{error}"));
        assert!(!page.items.is_empty() || !page.more, "a page with more has an item");
        after = page.items.last().map(|item| item.name.key.clone());
        names.extend(page.items.into_iter().map(|item| item.name));
        if !page.more {
            return names;
        }
    }
}

async fn holds(inspector: &impl InspectIndex, name: &ItemName) -> bool {
    let held = inspector.holds(std::slice::from_ref(name)).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(held.len(), 1);
    held[0]
}

async fn compare(inspector: &impl InspectIndex, name: &ItemName, document: &Value) -> Held {
    let bytes = document.to_string().into_bytes();
    inspector.compare(name, &bytes).await.unwrap_or_else(|error| panic!("{error}"))
}

/// By either address of the catalog, of all collections, by the bytes of keys; with the version of each.
pub async fn what_came_from_the_catalog_is_listed_in_the_order_of_keys(
    index: &impl IndexItems,
    inspector: &impl InspectIndex,
) {
    with_collections(index).await;
    let mut names = [
        name("B", "1", "a"),
        name("A", "10", "b"),
        name("A", "1", "Z"),
        name("A", "1", "a_b"),
        name("A", "1-x", "a.b"),
    ];
    load(index, &names[..2], in_public).await;
    load(index, &names[2..], in_bucket).await;
    names.sort();
    assert_eq!(listed(inspector, "", None).await, names);
    let page = inspector.indexed("B/", None).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(page.items[0].version.map(|version| version.timestamp_millis()), Some(1_000));
}

/// The key need not be one that is there.
pub async fn a_listing_goes_on_behind_any_key_and_stays_below_its_prefix(
    index: &impl IndexItems,
    inspector: &impl InspectIndex,
) {
    with_collections(index).await;
    let names = [name("A", "1", "a"), name("A", "1", "b"), name("A", "10", "c"), name("A", "2", "d")];
    load(index, &names, in_bucket).await;
    assert_eq!(listed(inspector, "A/1/", None).await, names[..2]);
    assert_eq!(listed(inspector, "A/1", None).await, names[..3]);
    assert_eq!(listed(inspector, "A/", Some("A/1/a.json")).await, names[1..]);
    assert_eq!(listed(inspector, "A/", Some("A/1/zz")).await, names[2..]);
    assert_eq!(listed(inspector, "A/2/", Some("A/1/a.json")).await, names[3..]);
    assert_eq!(listed(inspector, "A/3/", None).await, []);
}

/// However many there are, from whichever address.
pub async fn a_listing_of_many_pages_gives_every_item_once(index: &impl IndexItems, inspector: &impl InspectIndex) {
    with_collections(index).await;
    let mut names: Vec<ItemName> = (0..2_300).map(|number| name("A", "1", &format!("i{number:05}"))).collect();
    let (some, rest) = names.split_at(1_150);
    load(index, some, in_public).await;
    load(index, rest, in_bucket).await;
    names.sort();
    let found = listed(inspector, "A/", None).await;
    assert_eq!((found.len(), found == names), (names.len(), true));
}

/// By its id or by its source.
pub async fn what_was_removed_is_not_listed_and_not_held(index: &impl IndexItems, inspector: &impl InspectIndex) {
    with_collections(index).await;
    let names = [name("A", "1", "a"), name("A", "1", "b"), name("A", "1", "c")];
    load(index, &names, in_bucket).await;
    let source = in_bucket(&names[1].key);
    let removals = [
        Change { version: Version(5_000), source: None, action: Action::RemoveItem { collection: "A", id: "a" } },
        Change { version: Version(5_000), source: source.as_deref(), action: Action::RemoveSource },
    ];
    apply(index, &removals).await;
    assert_eq!(listed(inspector, "", None).await, names[2..]);
    for (name, is_held) in names.iter().zip([false, false, true]) {
        assert_eq!(holds(inspector, name).await, is_held, "{name:?}");
    }
    assert_eq!(compare(inspector, &names[0], &document(&names[0])).await, Held::Nothing);
}

/// Not even a collection.
pub async fn an_index_without_anything_lists_nothing(index: &impl IndexItems, inspector: &impl InspectIndex) {
    assert!(index.apply(&[]).await.is_empty());
    assert_eq!(listed(inspector, "", None).await, []);
    assert!(!holds(inspector, &name("A", "1", "a")).await);
    assert_eq!(inspector.holds(&[]).await.unwrap_or_else(|error| panic!("{error}")).len(), 0);
}

/// It is none of the catalog's, but there.
pub async fn what_came_from_elsewhere_is_held_all_the_same(index: &impl IndexItems, inspector: &impl InspectIndex) {
    with_collections(index).await;
    let names = [name("A", "1", "a"), name("A", "1", "b"), name("A", "1", "c")];
    load(index, &names[..1], |key| Some(format!("s3://{BUCKET}-of-others/{key}"))).await;
    load(index, &names[1..2], |key| Some(format!("https://stac.example.com/other/{key}"))).await;
    load(index, &names[2..], |_| None).await;
    assert_eq!(listed(inspector, "", None).await, []);
    for name in &names {
        assert!(holds(inspector, name).await, "{name:?}");
        assert_eq!(compare(inspector, name, &document(name)).await, Held::Same, "{name:?}");
    }
}

/// Whatever forms an index keeps items in.
pub async fn an_item_is_the_same_as_its_document_but_for_links_and_another_is_not(
    index: &impl IndexItems,
    inspector: &impl InspectIndex,
) {
    with_collections(index).await;
    let name = name("A", "1", "a");
    load(index, std::slice::from_ref(&name), in_bucket).await;
    let mut as_it_is = document(&name);
    as_it_is["links"] = json!([]);
    assert_eq!(compare(inspector, &name, &as_it_is).await, Held::Same);
    for (pointer, value) in [
        ("/properties/gsd", json!(20.5)),
        ("/properties/title", json!("u")),
        ("/geometry/coordinates/0/1/0", json!(-53.001)),
        ("/assets/red/href", json!("https://example.com/other.tif")),
        ("/assets/red/title", json!("Red")),
    ] {
        let mut other = document(&name);
        match other.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => other["assets"]["red"]["title"] = value,
        }
        assert_eq!(compare(inspector, &name, &other).await, Held::Different, "{pointer}");
    }
}
