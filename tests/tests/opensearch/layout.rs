//! What is special to OpenSearch: names, collections, sizes.

use lazycat::search::change::Applied::Written;
use lazycat::search::ports::UnknownCollection;
use lazycat_tests::opensearch::Engine;
use serde_json::{Value, json};

use crate::world::{apply, collection, item, put, put_text, remove};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_ids_are_made_of_they_name_their_documents() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let odd = [
        ("CBERS4-MUX", "it's \"a/b\""),
        ("São José/ü", "../../_all"),
        ("a*b?c", "x|y|z"),
        ("%2e%2e%2f_search", "%00?&=+#"),
        ("..", "_doc"),
        ("-x_", "{\"index\":{}}"),
        ("雪", "\u{1f6f0}"),
    ];
    let changes: Vec<_> = odd.iter().map(|(collection, id)| put(&item(collection, id), 1)).collect();
    assert_eq!(apply(&index, &changes).await, vec![Ok(Written); odd.len()]);
    let mut expected: Vec<String> = odd.iter().map(|(collection, id)| format!("{id}|{collection}")).collect();
    let mut found = corner.ids();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    let changes: Vec<_> = odd.iter().map(|(collection, id)| remove(collection, id, 2)).collect();
    assert!(apply(&index, &changes).await.iter().all(Result::is_ok));
    assert!(corner.ids().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_collections_never_share_an_index() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let told = apply(&index, &[put(&item("ab", "i"), 1), put(&item("A/b", "i"), 1), put(&item("Ab", "i"), 1)]).await;
    assert_eq!(told[0], Ok(Written));
    // One of the two that have the alias "Ab" has come first, and also for a loader that starts now.
    let clash = told.iter().position(Result::is_err).unwrap();
    assert!(told[clash].as_ref().unwrap_err().starts_with("collection: the collection "), "{told:?}");
    assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 2);
    let lost = ["ab", "A/b", "Ab"][clash];
    assert!(apply(&corner.index(), &[put(&item(lost, "j"), 1)]).await[0].is_err());
    for (name, says) in [("*", "no character"), (&*"c".repeat(300), "300 bytes")] {
        let told = apply(&index, &[put(&item(name, "i"), 1)]).await.remove(0);
        assert!(told.as_ref().is_err_and(|error| error.contains(says)), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_the_server_has_made_is_used_unless_it_holds_another_collection() {
    let corner = Engine::shared().corner();
    let (items, index) = (&corner.settings.items, corner.index());
    for (name, alias) in [("one", "One"), ("two", "ab")] {
        let body = json!({"aliases": {format!("{items}{alias}"): {"is_write_index": true}},
            "mappings": {"properties": {"id": {"type": "keyword"}, "collection": {"type": "keyword"}}}});
        assert_eq!(corner.ask("PUT", &format!("/{items}{name}_by-the-server"), &body)["acknowledged"], true);
    }
    let there = json!({"id": "x", "collection": "a b"});
    corner.ask("PUT", &format!("/{items}two_by-the-server/_doc/x?refresh=true"), &there);
    let told = apply(&index, &[put(&item("One", "i"), 1), put(&item("ab", "i"), 1)]).await;
    assert_eq!(told[0], Ok(Written));
    assert!(told[1].as_ref().is_err_and(|error| error.contains("\"a b\"")), "{told:?}");
    let found = corner.ask("GET", &format!("/{items}one_by-the-server/_doc/i%7COne"), &Value::Null);
    assert_eq!(found["found"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_an_unknown_collection_get_one_or_are_refused_as_the_settings_say() {
    let mut corner = Engine::shared().corner();
    assert_eq!(apply(&corner.index(), &[put(&item("c", "i"), 1)]).await, [Ok(Written)]);
    let path = format!("/{}/_doc/c", corner.settings.collections);
    assert_eq!(corner.ask("GET", &path, &Value::Null)["_source"]["type"], "Collection");
    // Any document of it is newer.
    let document = json!({"type": "Collection", "id": "c", "title": "C", "description": "", "license": "other"});
    assert_eq!(apply(&corner.index(), &[collection(&document, 1)]).await, [Ok(Written)]);
    assert_eq!(corner.ask("GET", &path, &Value::Null)["_source"], document);

    corner.settings.unknown_collection = UnknownCollection::Refuse;
    let index = corner.index();
    let mut other = document.clone();
    other["id"] = "e".into();
    let told = apply(
        &index,
        &[put(&item("c", "j"), 1), put(&item("d", "j"), 1), collection(&other, 1), put(&item("e", "j"), 1)],
    )
    .await;
    assert!(told[1].as_ref().is_err_and(|error| error.starts_with("unknown-collection: ")), "{told:?}");
    assert_eq!((&told[0], &told[2], &told[3]), (&Ok(Written), &Ok(Written), &Ok(Written)));
    assert_eq!(apply(&index, &[put(&item("c", "k"), 1)]).await, [Ok(Written)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_ten_megabytes_is_loaded_and_one_that_no_request_can_hold_is_refused_alone() {
    let corner = Engine::shared().corner();
    let index = corner.index();
    let large = |id: &str, bytes: usize| {
        let mut item = item("c", id);
        item["assets"]["a"] = json!({"href": "a.tif", "description": "x".repeat(bytes)});
        put(&item, 1)
    };
    let changes = [
        put(&item("c", "before"), 1),
        large("ten", 10_000_000),
        large("twelve", 12_000_000),
        put(&item("c", "zafter"), 1),
    ];
    let told = apply(&index, &changes).await;
    assert!(told[2].as_ref().is_err_and(|error| error.starts_with("too-large: ")), "{:?}", told[2]);
    assert_eq!((&told[0], &told[1], &told[3]), (&Ok(Written), &Ok(Written), &Ok(Written)));
    assert_eq!(corner.ids(), ["before|c", "ten|c", "zafter|c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_over_many_lines_keeps_every_number_as_it_was_written() {
    let corner = Engine::shared().corner();
    let mut document = item("c", "a");
    document["properties"]["odd"] = json!("line\nbreak \u{2028} \\ \"");
    document["properties"]["number"] = json!(0.1);
    let text = serde_json::to_string_pretty(&document).unwrap().replace('\n', "\r\n");
    assert_eq!(apply(&corner.index(), &[put_text(format!("\n{text}\n"), 1)]).await, [Ok(Written)]);
    assert_eq!(corner.documents()[0].1, document);
}

#[tokio::test(flavor = "multi_thread")]
async fn loaders_that_start_at_once_make_every_index_once() {
    let corner = Engine::shared().corner();
    let loaders: Vec<_> = (0..6).map(|_| corner.index()).collect();
    let changes: Vec<_> = (0..4).map(|n| put(&item(&format!("c{n}"), "i"), 1)).collect();
    let all = futures::future::join_all(loaders.iter().map(|index| apply(index, &changes))).await;
    for told in all {
        assert_eq!(told, vec![Ok(Written); 4]);
    }
    let aliases = corner.ask("GET", &format!("/_alias/{}*", corner.settings.items), &Value::Null);
    assert_eq!(aliases.as_object().unwrap().len(), 4, "{aliases}");
}
