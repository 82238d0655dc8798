//! Promises about listings.

use lazycat::level::Level;
use lazycat::ports::{Expected, InspectCatalog, Inspected, Page, PageToken, ReadCatalog, WriteCatalog, WriteItems};

use super::{all, done, item, level, strings};

async fn put<S: WriteItems>(store: &S, keys: &[&str]) {
    let puts: Vec<_> = keys.iter().map(|key| item(key, key, None)).collect();
    all(store.put(&puts).await);
}

/// All pages together.
async fn list<S: ReadCatalog>(store: &S, level: &Level) -> Page {
    let mut whole = Page::default();
    let mut from: Option<PageToken> = None;
    loop {
        let page = done(store.list(level, from.as_ref()).await);
        whole.objects.extend(page.objects);
        whole.folders.extend(page.folders);
        from = page.next;
        if from.is_none() {
            return whole;
        }
    }
}

/// Missing, or the name of an object.
pub async fn a_level_without_objects_lists_nothing<S: ReadCatalog + WriteItems>(store: &S) {
    assert_eq!(list(store, &Level::root()).await, Page::default());
    put(store, &["a/b.json"]).await;
    for key in ["b", "a/b", "a/c/d", "a/b.json", "a/b.json/c"] {
        assert_eq!(list(store, &level(key)).await, Page::default(), "{key}");
    }
}

/// Neither the levels beside it whose names start like its own, nor what is deeper than one folder.
pub async fn a_listing_ends_at_the_borders_of_its_level<S: ReadCatalog + WriteItems>(store: &S) {
    put(
        store,
        &[
            "a/b.json",
            "a/b-1/x.json",
            "a/b/1.json",
            "a/b/2/3.json",
            "a/b/2/4/5.json",
            "a/b0/x.json",
            "a/bc/x.json",
            "a/bc/b/x.json",
            "aa/b/x.json",
            "b/y.json",
        ],
    )
    .await;
    let found = list(store, &level("a/b")).await;
    assert_eq!(found.objects, ["1.json"]);
    assert_eq!(found.folders, ["2"]);
    let found = list(store, &level("a")).await;
    assert_eq!(found.objects, ["b.json"]);
    assert_eq!(found.folders, ["b-1", "b", "b0", "bc"]);
}

/// A folder once, however much is in it.
pub async fn the_root_lists_what_stands_at_the_top<S: ReadCatalog + WriteItems>(store: &S) {
    put(store, &["catalog.json", "A/1.json", "A/2.json", "A/B/3.json", "C/4.json"]).await;
    let found = list(store, &Level::root()).await;
    assert_eq!(found.objects, ["catalog.json"]);
    assert_eq!(found.folders, ["A", "C"]);
}

/// Capitals before small letters, and letters with accents behind both. Folders are in the order of their keys, which
/// have a slash behind the name.
pub async fn names_are_ascending_by_their_bytes<S: ReadCatalog + WriteItems>(store: &S) {
    let sorted = ["-", "10", "2", "A", "B.json", "Z", "_", "a", "a b", "a-", "a.json", "a1", "z", "~", "é", "日本"];
    let mut shuffled = sorted.to_vec();
    shuffled.rotate_left(5);
    shuffled.swap(1, 9);
    let objects: Vec<String> = shuffled.iter().map(|name| format!("o/{name}")).collect();
    let folders: Vec<String> = shuffled.iter().map(|name| format!("f/{name}/x.json")).collect();
    for keys in [objects, folders] {
        put(store, &keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
    assert_eq!(list(store, &level("o")).await.objects, sorted);
    let mut sorted = sorted;
    sorted.sort_by_key(|name| format!("{name}/"));
    assert_eq!(list(store, &level("f")).await.folders, sorted);
}

/// Its folder may stay or go; who asks for its catalog learns which.
pub async fn a_deleted_object_is_not_listed<S: ReadCatalog + WriteItems>(store: &S) {
    put(store, &["a/1.json", "a/2.json", "a/3.json"]).await;
    all(store.delete(&strings(&["a/2.json"])).await);
    assert_eq!(list(store, &level("a")).await.objects, ["1.json", "3.json"]);
}

/// Whatever comes and goes between two pages.
pub async fn what_stands_throughout_is_in_exactly_one_page<S: ReadCatalog + WriteItems>(store: &S) {
    let standing: Vec<String> = (0..20).map(|number| format!("m{number:02}.json")).collect();
    let folders: Vec<String> = (0..5).map(|number| format!("m{number:02}")).collect();
    for name in &standing {
        put(store, &[&format!("a/{name}")]).await;
    }
    for name in &folders {
        put(store, &[&format!("a/{name}/x.json"), &format!("a/{name}/y.json")]).await;
    }
    let (mut objects, mut seen_folders) = (Vec::new(), Vec::new());
    let mut from: Option<PageToken> = None;
    for round in 0.. {
        let page = done(store.list(&level("a"), from.as_ref()).await);
        objects.extend(page.objects);
        seen_folders.extend(page.folders);
        from = page.next;
        if from.is_none() {
            break;
        }
        // Before, after and in the midst; what came in the round before goes; and all that stand are overwritten.
        let come: Vec<String> = ["a", "m", "z"].iter().map(|at| format!("a/{at}{round:03}+.json")).collect();
        put(store, &come.iter().map(String::as_str).collect::<Vec<_>>()).await;
        if round % 2 == 1 {
            all(store.delete(&come).await);
        }
        let again = format!("a/m{:02}.json", round % 20);
        put(store, &[&again]).await;
    }
    objects.retain(|name| standing.contains(name));
    assert_eq!(objects, standing);
    assert_eq!(seen_folders, folders);
}

/// Keys through all levels: what stands in `a-b/` comes before what stands in `a/`.
const KEYS: [&str; 8] = [
    "a-b/catalog.json",
    "a.json",
    "a/b-1/x.json",
    "a/b.json",
    "a/b/1.json",
    "a/b/2/3 ä.json",
    "a/b0/x.json",
    "catalog.json",
];

async fn keys<S: InspectCatalog>(store: &S, prefix: &str, after: Option<&str>) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    loop {
        let page = done(store.keys(prefix, keys.last().map(String::as_str).or(after)).await);
        assert!(!page.more || !page.keys.is_empty(), "a page with more behind it is empty");
        keys.extend(page.keys);
        if !page.more {
            return keys;
        }
    }
}

/// Whatever a page holds.
pub async fn a_flat_listing_gives_every_key_of_its_prefix_once_and_in_order<S: InspectCatalog + WriteItems>(store: &S) {
    assert_eq!(keys(store, "", None).await, [""; 0]);
    put(store, &KEYS).await;
    for prefix in ["", "a", "a/", "a/b/", "a/b/2/", "catalog.json", "b/"] {
        let expected: Vec<&str> = KEYS.into_iter().filter(|key| key.starts_with(prefix)).collect();
        assert_eq!(keys(store, prefix, None).await, expected, "{prefix}");
    }
}

/// Also one that is not there.
pub async fn a_flat_listing_goes_on_behind_any_key<S: InspectCatalog + WriteItems>(store: &S) {
    put(store, &KEYS).await;
    for after in KEYS.into_iter().chain(["a/b", "a/b/", "a/b/3", "a-", "0", "z"]) {
        let expected: Vec<&str> = KEYS.into_iter().filter(|key| *key > after).collect();
        assert_eq!(keys(store, "", Some(after)).await, expected, "behind {after}");
    }
}

/// Whatever its kind; where the store tells media types, with that of its kind.
pub async fn an_object_is_inspected_as_it_was_written<S: InspectCatalog + WriteCatalog + WriteItems>(store: &S) {
    assert_eq!(done(store.inspect("a/catalog.json").await), None);
    put(store, &["a/item.json"]).await;
    done(store.put_if("a/catalog.json", b"{}", &Expected::Absent).await);
    let inspected =
        [("a/item.json", "a/item.json", "application/geo+json"), ("a/catalog.json", "{}", "application/json")];
    for (key, content, kind) in inspected {
        let Some(Inspected { bytes, content_type }) = done(store.inspect(key).await) else {
            panic!("there is no {key}")
        };
        assert_eq!(bytes, content.as_bytes());
        assert!(content_type.is_none_or(|content_type| content_type == kind), "{key}");
    }
}
