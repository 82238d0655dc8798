//! Several loaders at once, searches beside them, and the use case over all of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use lazycat::aws;
use lazycat::pgstac::Settings;
use lazycat::ports::{Delivery, PortResult};
use lazycat::search::change::{Applied, Change};
use lazycat::search::load::{self, load};
use lazycat::search::ports::{FetchDocuments, IndexItems as _};
use lazycat::search::source::Source;
use serde_json::json;

use crate::world::{World, at, index, item, put, put_collection};

const LOADERS: usize = 4;
const BATCHES: usize = 6;
const ITEMS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_loaders_at_once_lose_nothing_and_no_search_fails() {
    let world = World::new().await;
    for collection in ["d", "e", "f"] {
        put_collection(&world.client, collection).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let searches = {
        let (client, done) = (world.database.connect().await, Arc::clone(&done));
        tokio::spawn(async move {
            let asked = json!({"bbox": [0, 0, 2, 2], "datetime": "2019-01-01T00:00:00Z/..", "limit": 50}).to_string();
            let mut searches = 0;
            while !done.load(Ordering::Relaxed) {
                client.query_one("SELECT search($1::text::jsonb)::text", &[&asked]).await.unwrap();
                searches += 1;
            }
            searches
        })
    };
    let start = at("2020-01-01T00:00:00Z");
    let loaders: Vec<_> = (0..LOADERS)
        .map(|loader| {
            let index = index(&world.database, Settings::default());
            tokio::spawn(async move {
                for batch in 0..BATCHES {
                    let texts: Vec<String> = (0..ITEMS)
                        .map(|number| {
                            // Every loader has every collection and month; a third of the items all of them have.
                            let collection = ["c", "d", "e", "f"][number % 4];
                            let is_shared = number % 3 == 0;
                            let owner = if is_shared { LOADERS } else { loader };
                            let month = TimeDelta::days(30 * i64::try_from((batch + number) % 12).unwrap());
                            item(collection, &format!("{owner}-{batch}-{number}"), start + month).to_string()
                        })
                        .collect();
                    let changes: Vec<Change<'_>> = texts.iter().map(|text| put(text, 1)).collect();
                    for result in index.apply(&changes).await {
                        assert_eq!(result.unwrap(), Applied::Written);
                    }
                }
            })
        })
        .collect();
    for loader in loaders {
        loader.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    assert!(searches.await.unwrap() > 0);
    let shared = ITEMS.div_ceil(3);
    let expected = BATCHES * (shared + LOADERS * (ITEMS - shared));
    let ids = world.ids().await;
    assert_eq!(ids.len(), expected);
    let distinct: BTreeMap<&String, ()> = ids.iter().map(|id| (id, ())).collect();
    assert_eq!(distinct.len(), expected, "some are there twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_loaders_of_one_item_the_newest_message_stays() {
    let world = World::new().await;
    let loaders: Vec<_> = (0..8_i64)
        .map(|loader| {
            let index = index(&world.database, Settings::default());
            tokio::spawn(async move {
                for round in 0..5_i64 {
                    let version = (loader * 7 + round * 3) % 40;
                    let day = at("2020-01-15T00:00:00Z") + TimeDelta::days(31 * (version % 5));
                    let mut newer = item("c", "a", day);
                    newer["properties"]["version"] = version.into();
                    index.apply(&[put(&newer.to_string(), version)]).await.remove(0).unwrap();
                }
            })
        })
        .collect();
    for loader in loaders {
        loader.await.unwrap();
    }
    let newest = (0..8).flat_map(|loader| (0..5).map(move |round| (loader * 7 + round * 3) % 40)).max().unwrap();
    let row = world.client.query("SELECT (content->'properties'->>'version')::bigint FROM items", &[]).await.unwrap();
    let versions: Vec<i64> = row.iter().map(|row| row.get(0)).collect();
    assert_eq!(versions, [newest]);
}

#[tokio::test]
async fn a_deadlock_with_somebody_else_is_tried_again() {
    let world = World::new().await;
    let (first, second) = (item("c", "a", at("2020-01-01T00:00:00Z")), item("c", "b", at("2020-02-01T00:00:00Z")));
    let (first, second) = (first.to_string(), second.to_string());
    world.index.apply(&[put(&first, 1), put(&second, 1)]).await;
    let mut other = world.database.connect().await;
    // Whoever finds the deadlock is its victim; this one never looks.
    other.batch_execute("SET deadlock_timeout = '1h'").await.unwrap();
    let transaction = other.transaction().await.unwrap();
    transaction.batch_execute("SELECT FROM items WHERE id = 'b' FOR UPDATE").await.unwrap();
    let changes = [put(&first, 2), put(&second, 2)];
    let loading = world.index.apply(&changes);
    let waits = async {
        // The loader holds `a` when it waits for `b`.
        let waiting =
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'lazycat' AND wait_event_type = 'Lock'";
        while !world.client.query_one(waiting, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::task::yield_now().await;
        }
        let taken = transaction.batch_execute("SELECT FROM items WHERE id = 'a' FOR UPDATE").await;
        transaction.commit().await.unwrap();
        taken
    };
    let (results, taken) = tokio::join!(loading, waits);
    taken.unwrap();
    for result in results {
        assert_eq!(result.unwrap(), Applied::Written);
    }
}

struct NoDocuments;

impl FetchDocuments for NoDocuments {
    async fn fetch(&self, _: &[Source], _: u64) -> Vec<PortResult<Vec<u8>>> {
        Vec::new()
    }
}

#[tokio::test]
async fn what_the_database_refuses_goes_to_the_dead_letters_and_the_others_are_done() {
    let world = World::new().await;
    let letters = lazycat::memory::Memory::new(1).scenes.letters();
    let ports = load::Ports { documents: &NoDocuments, index: &world.index, letters: &letters, clock: &aws::World };
    let delivery = |id: &str, body: String| Delivery {
        id: id.to_owned(),
        body,
        receives: 1,
        sent: Some(at("2026-01-01T00:00:00Z")),
        receipt: String::new(),
    };
    let mut bad = item("c", "bad", at("2020-01-01T00:00:00Z"));
    bad["properties"]["title"] = "\0".into();
    let deliveries = [
        delivery("1", item("c", "good", at("2020-01-01T00:00:00Z")).to_string()),
        delivery("2", bad.to_string()),
        delivery("3", item("unknown", "x", at("2020-01-01T00:00:00Z")).to_string()),
    ];
    let report = load(&ports, &load::Settings::default(), &deliveries).await;
    assert_eq!((report.acknowledged, report.written), (vec![true; 3], 1));
    let reasons: Vec<&str> = report.refused.iter().map(|refused| refused.reason.as_str()).collect();
    assert_eq!(reasons, ["database", "unknown-collection"]);
    assert_eq!(letters.snapshot().len(), 2);
    assert_eq!(world.ids().await, ["good"]);
}
