//! What the port promises, of the adapter over a real engine.

use lazycat::search::change::Applied::{Removed, Superseded, Written};
use lazycat_tests::opensearch::Engine;
use serde_json::json;

use crate::world::{apply, collection, item, put, remove, remove_source, titled};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_found_at_once() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let changes = [put(&item("c", "a"), 1), put(&item("d", "a"), 1), put(&item("c", "b"), 2)];
    assert_eq!(apply(&index, &changes).await, [Ok(Written), Ok(Written), Ok(Written)]);
    assert_eq!(corner.ids(), ["a|c", "a|d", "b|c"]);
    assert_eq!(corner.documents()[2].1, item("c", "b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_wins_in_whatever_order_changes_come() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    assert_eq!(apply(&index, &[put(&titled("c", "a", "second"), 2)]).await, [Ok(Written)]);
    assert_eq!(apply(&index, &[put(&titled("c", "a", "first"), 1)]).await, [Ok(Superseded)]);
    assert_eq!(corner.documents()[0].1["properties"]["title"], "second");
    // A repeat, and another change of the same millisecond.
    assert_eq!(apply(&index, &[put(&titled("c", "a", "second"), 2)]).await, [Ok(Written)]);
    let both =
        [put(&titled("c", "a", "third"), 3), put(&titled("c", "a", "fourth"), 3), put(&titled("c", "a", "x"), 2)];
    assert_eq!(apply(&index, &both).await, [Ok(Written), Ok(Written), Ok(Superseded)]);
    assert_eq!(corner.documents()[0].1["properties"]["title"], "fourth");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_item_is_not_brought_back_by_anything_older() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let changes = [put(&item("c", "a"), 5), remove("c", "a", 7), put(&item("c", "a"), 6)];
    assert_eq!(apply(&index, &changes).await, [Ok(Written), Ok(Removed), Ok(Superseded)]);
    assert!(corner.ids().is_empty());
    assert_eq!(apply(&index, &[remove("c", "a", 6), remove("c", "a", 7)]).await, [Ok(Superseded), Ok(Removed)]);
    assert_eq!(apply(&index, &[put(&item("c", "a"), 7)]).await, [Ok(Written)]);
    assert_eq!(apply(&index, &[remove("c", "a", 6)]).await, [Ok(Superseded)]);
    assert_eq!(corner.ids(), ["a|c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_remembered_longer_than_the_engine_does() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    assert_eq!(apply(&index, &[put(&item("c", "a"), 5)]).await, [Ok(Written)]);
    // The engine forgets the versions of what was deleted after this long.
    let all = format!("/{}*/_settings", corner.settings.items);
    assert_eq!(corner.ask("PUT", &all, &json!({"index": {"gc_deletes": "0s"}}))["acknowledged"], true);
    assert_eq!(apply(&index, &[remove("c", "a", 7)]).await, [Ok(Removed)]);
    corner.ask("POST", &format!("/{}*/_flush?force=true", corner.settings.items), &json!({}));
    // Also by another loader, which has seen nothing of it.
    assert_eq!(apply(&corner.index(), &[put(&item("c", "a"), 6)]).await, [Ok(Superseded)]);
    assert!(corner.ids().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_there_can_be_removed_and_stays_away() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let changes = [remove("c", "a", 7), remove_source("s3://b/never.json", 7)];
    assert_eq!(apply(&index, &changes).await, [Ok(Removed), Ok(Removed)]);
    assert_eq!(apply(&index, &[put(&item("c", "a"), 6)]).await, [Ok(Superseded)]);
    let from = put(&item("c", "b"), 6).from("s3://b/never.json");
    assert_eq!(apply(&index, &[from]).await, [Ok(Superseded)]);
    assert!(corner.ids().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_source_go_all_items_that_came_from_it_and_nothing_newer() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let source = "s3://b/a \"b\"/ü.json";
    let changes = [
        put(&item("c", "a"), 5).from(source),
        put(&item("d", "b"), 5).from(source),
        put(&item("c", "other"), 5).from("s3://b/other.json"),
        put(&item("c", "newer"), 9).from(source),
    ];
    assert_eq!(apply(&index, &changes).await, vec![Ok(Written); 4]);
    assert_eq!(apply(&index, &[remove_source(source, 7)]).await, [Ok(Superseded)]);
    assert_eq!(corner.ids(), ["newer|c", "other|c"]);
    // Not from the source, and not without naming it.
    let older = [put(&item("c", "a"), 6).from(source), put(&item("d", "b"), 6)];
    assert_eq!(apply(&index, &older).await, [Ok(Superseded), Ok(Superseded)]);
    assert_eq!(apply(&index, &[remove_source(source, 6)]).await, [Ok(Superseded)]);
    assert_eq!(apply(&index, &[put(&item("c", "a"), 8).from(source)]).await, [Ok(Written)]);
    assert_eq!(corner.ids(), ["a|c", "newer|c", "other|c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_of_more_items_than_a_search_gives_at_once_goes_whole() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let items: Vec<_> =
        (0..2_300).map(|n| put(&item("c", &format!("i{n}")), 5).from("https://x.example/all")).collect();
    assert!(apply(&index, &items).await.iter().all(|told| *told == Ok(Written)));
    assert_eq!(apply(&index, &[remove_source("https://x.example/all", 5)]).await, [Ok(Removed)]);
    assert!(corner.ids().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_item_is_refused_alone_with_its_reason() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let mut early = item("c", "early");
    early["properties"]["datetime"] = "1959-06-18T13:04:05Z".into();
    let mut long = item("c", "long");
    long["properties"]["comment"] = "x".repeat(40_000).into();
    let mut clash = item("c", "clash");
    clash["properties"]["eo:cloud_cover"] = json!({"low": 7});
    let mut cloudy = item("c", "cloudy");
    cloudy["properties"]["eo:cloud_cover"] = 7.into();
    let changes = [
        put(&item("c", "good"), 1),
        put(&early, 1),
        put(&long, 1),
        put(&cloudy, 1),
        put(&item("c", &"i".repeat(600)), 1),
    ];
    let told = apply(&index, &changes).await;
    assert_eq!((&told[0], &told[3]), (&Ok(Written), &Ok(Written)));
    let clashes = apply(&index, &[put(&clash, 1), put(&item("c", "good too"), 1)]).await;
    assert_eq!(clashes[1], Ok(Written));
    for (told, says) in [
        (&told[1], "before the epoch in 1970"),
        (&told[2], "immense term"),
        (&told[4], "601 bytes long together"),
        (&clashes[0], "eo:cloud_cover"),
    ] {
        assert!(told.as_ref().is_err_and(|error| !error.starts_with("port") && error.contains(says)), "{told:?}");
    }
    assert_eq!(corner.ids(), ["cloudy|c", "good|c", "good too|c"]);
}

/// Both apply every version of every item, one from the first to the last and the other the other way round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_loaders_at_once_end_with_the_newest_of_each() {
    const LAST: i64 = 6;
    let corner = Engine::shared().corner();
    let name = |id: i64| format!("i{id:02}");
    let change = |id: i64, version: i64| {
        let puts = (id + version) % 2 == 0;
        if puts { put(&titled("c", &name(id), &version.to_string()), version) } else { remove("c", &name(id), version) }
    };
    let work = async |from_the_first: bool| {
        let index = corner.index();
        for round in 1..=LAST {
            let version = |id: i64| if from_the_first == (id % 3 == 0) { round } else { LAST + 1 - round };
            let changes: Vec<_> = (0..40).map(|id| change(id, version(id))).collect();
            for told in apply(&index, &changes).await {
                assert!(told.is_ok(), "{told:?}");
            }
        }
    };
    tokio::join!(work(true), work(false));
    let expected: Vec<String> = (0..40).filter(|id| (id + LAST) % 2 == 0).map(|id| format!("{}|c", name(id))).collect();
    assert_eq!(corner.ids(), expected);
    assert!(corner.documents().iter().all(|(_, item)| item["properties"]["title"] == LAST.to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_written_and_the_newest_stays() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let document = |title: &str| {
        json!({"type": "Collection", "stac_version": "1.1.0", "id": "c/1", "title": title, "description": "d",
            "license": "other", "links": [],
            "extent": {"spatial": {"bbox": [[-10, -20, 30, 40]]}, "temporal": {"interval": [["2017-01-01T00:00:00Z", null]]}}})
    };
    let changes = [collection(&document("new"), 5), collection(&document("old"), 4)];
    assert_eq!(apply(&index, &changes).await, [Ok(Written), Ok(Superseded)]);
    let found = corner.ask("GET", &format!("/{}/_doc/c%2F1", corner.settings.collections), &json!({}));
    assert_eq!((&found["_source"]["title"], &found["_version"]), (&json!("new"), &json!(5)));
    assert_eq!(found["_source"]["bbox_shape"]["coordinates"][0][2], json!([30.0, 40.0]));
}
