//! Promises about listings.

use lazycat::level::Level;
use lazycat::ports::{Page, PageToken, ReadCatalog, WriteItems};

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
