//! Promises about single objects: items and catalog documents.

use futures::future::join_all;
use lazycat::ports::{
    ETag, Expected, PortError, PortResult, ReadCatalog, ReadItems, StoredItem, WriteCatalog, WriteItems,
};

use super::{all, done, item, strings};

const KEY: &str = "CBERS4/MUX/catalog.json";

async fn write<S: WriteCatalog>(store: &S, key: &str, bytes: &str, expected: &Expected) -> ETag {
    done(store.put_if(key, bytes.as_bytes(), expected).await)
}

async fn read<S: ReadCatalog>(store: &S, key: &str) -> Option<Vec<u8>> {
    done(store.get(key).await).map(|object| object.bytes)
}

async fn stored<S: ReadItems>(store: &S, key: &str) -> Option<StoredItem> {
    all(store.stored(&strings(&[key])).await).remove(0)
}

fn assert_refused<T: std::fmt::Debug>(result: PortResult<T>) {
    assert!(matches!(result, Err(PortError::Precondition { .. })), "{result:?}");
}

/// Absent, then there.
pub async fn an_object_is_absent_until_it_is_written<S: ReadCatalog + WriteCatalog>(store: &S) {
    assert_eq!(read(store, KEY).await, None);
    assert!(!done(store.exists(KEY).await));
    write(store, KEY, "one", &Expected::Absent).await;
    assert_eq!(read(store, KEY).await.as_deref(), Some(&b"one"[..]));
    assert!(done(store.exists(KEY).await));
    for other in ["CBERS4/MUX", "CBERS4", "CBERS4/MUX/catalog.jso", "CBERS4/MUX/catalog.json/below"] {
        assert_eq!(read(store, other).await, None, "{other}");
        assert!(!done(store.exists(other).await), "{other}");
    }
}

/// Content is bytes, not text, and may be long or empty.
pub async fn any_bytes_come_back_as_they_were_written<S: ReadCatalog + WriteCatalog + WriteItems>(store: &S) {
    let long: Vec<u8> = (0..1_000_003_u32).map(|number| number.to_le_bytes()[0] ^ 0xa5).collect();
    for (number, bytes) in [&b""[..], b"\0\xff\r\n", &long].into_iter().enumerate() {
        let (document, item_key) = (format!("a/{number}.json"), format!("a/item-{number} é%20+.json"));
        done(store.put_if(&document, bytes, &Expected::Absent).await);
        assert!(read(store, &document).await.as_deref() == Some(bytes));
        let mut put = item(&item_key, "", None);
        put.bytes = bytes.to_vec();
        all(store.put(&[put]).await);
        assert!(read(store, &item_key).await.as_deref() == Some(bytes));
    }
}

/// The tag is that of the content, however it came there and wherever it stands.
pub async fn equal_content_has_an_equal_tag<S: ReadCatalog + WriteCatalog + WriteItems>(store: &S) {
    let written = write(store, KEY, "one", &Expected::Absent).await;
    let other = write(store, "other.json", "two", &Expected::Absent).await;
    all(store.put(&[item("item.json", "one", Some("m"))]).await);
    for key in [KEY, "item.json"] {
        let read = done(store.get(key).await).map(|object| object.etag);
        assert_eq!(read, Some(written.clone()));
    }
    assert_ne!(written, other);
}

/// Compare and swap.
pub async fn a_conditional_write_needs_the_tag_that_was_read<S: ReadCatalog + WriteCatalog>(store: &S) {
    let one = write(store, KEY, "one", &Expected::Absent).await;
    let two = write(store, KEY, "two", &Expected::Tag(one.clone())).await;
    assert_refused(store.put_if(KEY, b"three", &Expected::Tag(one)).await);
    assert_eq!(read(store, KEY).await.as_deref(), Some(&b"two"[..]));
    write(store, KEY, "three", &Expected::Tag(two)).await;
    assert_eq!(read(store, KEY).await.as_deref(), Some(&b"three"[..]));
}

/// Also when what stands there is the same.
pub async fn a_write_that_expects_nothing_fails_where_something_stands<S: ReadCatalog + WriteCatalog>(store: &S) {
    write(store, KEY, "one", &Expected::Absent).await;
    for bytes in ["one", "two"] {
        assert_refused(store.put_if(KEY, bytes.as_bytes(), &Expected::Absent).await);
    }
    assert_eq!(read(store, KEY).await.as_deref(), Some(&b"one"[..]));
}

/// An object that was deleted, or that never was.
pub async fn a_write_that_expects_a_tag_fails_where_nothing_stands<S: ReadCatalog + WriteCatalog + WriteItems>(
    store: &S,
) {
    let tag = write(store, KEY, "one", &Expected::Absent).await;
    all(store.delete(&strings(&[KEY])).await);
    for key in [KEY, "never.json"] {
        assert_refused(store.put_if(key, b"two", &Expected::Tag(tag.clone())).await);
        assert_eq!(read(store, key).await, None);
    }
    write(store, KEY, "two", &Expected::Absent).await;
}

/// A, B, A: the tag of the first A fits the second. Who must notice puts a revision into the content.
pub async fn content_that_comes_back_brings_its_tag_back<S: ReadCatalog + WriteCatalog>(store: &S) {
    let first = write(store, KEY, "A", &Expected::Absent).await;
    let between = write(store, KEY, "AB", &Expected::Tag(first.clone())).await;
    let second = write(store, KEY, "A", &Expected::Tag(between)).await;
    assert_eq!(first, second);
    write(store, KEY, "C", &Expected::Tag(first)).await;
}

/// Also when they are under way at the same time.
pub async fn of_many_writes_that_expect_the_same_one_is_made<S: ReadCatalog + WriteCatalog>(store: &S) {
    let mut expected = Expected::Absent;
    for round in 0..3 {
        let bodies: Vec<String> = (0..5).map(|writer| format!("{round} by {writer}")).collect();
        let writes = bodies.iter().map(|body| store.put_if(KEY, body.as_bytes(), &expected));
        let results = join_all(writes).await;
        let made: Vec<_> = (0..results.len()).filter(|index| results[*index].is_ok()).collect();
        assert_eq!(made.len(), 1, "{results:?}");
        assert_eq!(read(store, KEY).await.as_deref(), Some(bodies[made[0]].as_bytes()));
        for result in results {
            match result {
                Ok(tag) => expected = Expected::Tag(tag),
                refused => assert_refused(refused),
            }
        }
    }
}

/// Unconditional, and in folders that are not there yet.
pub async fn an_item_is_written_whatever_stands_there<S: ReadItems + WriteItems>(store: &S) {
    let keys = ["a/b/c/d/one.json", "two.json"];
    for content in ["first", "second, which is longer", "third"] {
        let puts: Vec<_> = keys.iter().map(|key| item(key, content, None)).collect();
        all(store.put(&puts).await);
        for key in keys {
            let found = stored(store, key).await.map(|item| item.bytes);
            assert_eq!(found.as_deref(), Some(content.as_bytes()));
        }
    }
}

/// None for a key without object, also in the middle.
pub async fn a_read_of_items_answers_for_each_key_in_order<S: ReadItems + WriteItems>(store: &S) {
    let puts = [item("a/1.json", "1", Some("x")), item("a/3.json", "3", None), item("b/4.json", "4", Some("y"))];
    all(store.put(&puts).await);
    let keys = strings(&["b/4.json", "a/3.json", "a/2.json", "a/1.json", "a", "b/4.json"]);
    let found = all(store.stored(&keys).await);
    let found: Vec<_> =
        found.iter().map(|item| item.as_ref().map(|item| (&item.bytes[..], item.message_id.as_deref()))).collect();
    assert_eq!(
        found,
        [
            Some((&b"4"[..], Some("y"))),
            Some((b"3", None)),
            None,
            Some((b"1", Some("x"))),
            None,
            Some((b"4", Some("y"))),
        ]
    );
    assert!(store.stored(&[]).await.is_empty());
    assert!(store.put(&[]).await.is_empty());
    assert!(store.delete(&[]).await.is_empty());
}

/// In order of the slice.
pub async fn of_one_key_twice_in_a_batch_the_last_stays<S: ReadItems + WriteItems>(store: &S) {
    for ids in [[Some("m1"), Some("m2")], [Some("m3"), None], [None, Some("m4")]] {
        let puts = [item("a.json", "one", ids[0]), item("b.json", "between", Some("m")), item("a.json", "two", ids[1])];
        all(store.put(&puts).await);
        let found = stored(store, "a.json").await;
        let expected = StoredItem { bytes: b"two".to_vec(), message_id: ids[1].map(str::to_owned) };
        assert_eq!(found, Some(expected));
    }
}

/// Also when the bytes are the same.
pub async fn the_message_id_of_the_last_put_is_kept<S: ReadItems + WriteItems>(store: &S) {
    for (content, id) in [("one", "m1"), ("one", "m2"), ("two", "m1"), ("two", "é/\"")] {
        all(store.put(&[item("a/a.json", content, Some(id))]).await);
        let found = stored(store, "a/a.json").await;
        assert_eq!(found.and_then(|item| item.message_id).as_deref(), Some(id));
    }
}

/// Otherwise a later message would take the put for another's.
pub async fn a_put_without_message_id_clears_it<S: ReadItems + WriteItems>(store: &S) {
    all(store.put(&[item("a/a.json", "one", Some("m1"))]).await);
    all(store.put(&[item("a/a.json", "one", None)]).await);
    let found = stored(store, "a/a.json").await;
    assert_eq!(found.map(|item| item.message_id), Some(None));
}

/// What is put at its key later is new.
pub async fn a_deleted_item_is_gone_with_its_message_id<S: ReadItems + WriteItems>(store: &S) {
    let puts = [item("a/1.json", "one", Some("m1")), item("a/2.json", "two", Some("m1"))];
    all(store.put(&puts).await);
    all(store.delete(&strings(&["a/1.json"])).await);
    assert_eq!(stored(store, "a/1.json").await, None);
    assert!(stored(store, "a/2.json").await.is_some());
    all(store.put(&[item("a/1.json", "one", None)]).await);
    let found = stored(store, "a/1.json").await;
    assert_eq!(found.map(|item| item.message_id), Some(None));
}

/// Whether the object, its folder or the whole level is missing.
pub async fn deleting_what_is_not_there_succeeds<S: WriteItems + ReadItems>(store: &S) {
    all(store.put(&[item("a/1.json", "one", None)]).await);
    let keys = strings(&["a/0.json", "a/1.json", "a/1.json", "b/c/d.json"]);
    all(store.delete(&keys).await);
    assert_eq!(stored(store, "a/1.json").await, None);
}

/// One set of objects behind both ports.
pub async fn items_are_objects_of_the_catalog<S: ReadCatalog + WriteCatalog + ReadItems + WriteItems>(store: &S) {
    all(store.put(&[item(KEY, "one", Some("m1"))]).await);
    let object = done(store.get(KEY).await);
    let object = object.unwrap_or_else(|| panic!("{KEY} is missing"));
    assert_eq!(object.bytes, b"one");
    assert!(done(store.exists(KEY).await));
    write(store, KEY, "two", &Expected::Tag(object.etag)).await;
    let found = stored(store, KEY).await.map(|item| item.bytes);
    assert_eq!(found.as_deref(), Some(&b"two"[..]));
}

/// The other entries of its batch succeed.
pub async fn a_key_that_could_leave_the_catalog_fails_alone<S: ReadCatalog + WriteCatalog + ReadItems + WriteItems>(
    store: &S,
) {
    for bad in ["../up.json", "/top.json", "a/../b.json", "a//b.json", ".hidden", "a/.b", "", "a\0b", "a/"] {
        let puts = [item("a/1.json", "1", None), item(bad, "2", Some("m")), item("a/3.json", "3", None)];
        let keys = strings(&["a/1.json", bad, "a/3.json"]);
        let expected = [true, false, true];
        let ok = |results: Vec<bool>| assert_eq!(results, expected, "{bad:?}");
        ok(store.put(&puts).await.iter().map(Result::is_ok).collect());
        ok(store.stored(&keys).await.iter().map(Result::is_ok).collect());
        ok(store.delete(&keys).await.iter().map(Result::is_ok).collect());
        assert!(store.get(bad).await.is_err(), "{bad:?}");
        assert!(store.exists(bad).await.is_err(), "{bad:?}");
        assert!(store.put_if(bad, b"x", &Expected::Absent).await.is_err(), "{bad:?}");
    }
}
