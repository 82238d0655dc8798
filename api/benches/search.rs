//! The embedded search index: how fast it takes items, and how fast the API answers from it.
//!
//! A catalog of 100,000 items (LAZYCAT_BENCH_ITEMS), 40 a row, is written as files on tmpfs (LAZYCAT_BENCH_TMPFS, default
//! /dev/shm) and followed, as `lazycat index
//! rebuild` does; as many come in messages, decoded and checked, in batches. Then /search is asked through the API's own
//! routes, with the documents read and rendered, for random places and times. Prints tables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::Request;
use futures::executor::block_on;
use lazycat::index::{Index, Limits, Searcher};
use lazycat::local;
use lazycat::search::change::{Action, Change, Version};
use lazycat::search::item;
use lazycat::search::ports::IndexItems as _;
use lazycat::search::rebuild::rebuild;
use lazycat_api::{Settings, router};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each kind of search is asked.
const SEARCHES: usize = 2_000;

/// How many items come in one batch of messages.
const BATCH: usize = 500;

fn main() {
    let count: usize = std::env::var("LAZYCAT_BENCH_ITEMS").map_or(100_000, |count| count.parse().expect("a number"));
    let tmpfs = std::env::var_os("LAZYCAT_BENCH_TMPFS").map_or_else(|| "/dev/shm".into(), std::path::PathBuf::from);
    let folder = tempfile::tempdir_in(tmpfs).unwrap();
    let catalog = folder.path().join("catalog");
    let mut random = StdRng::seed_from_u64(1);
    let items: Vec<(String, String)> = (0..count).map(|number| made(number, &mut random)).collect();
    write(&catalog, &items);

    println!("| {count} items of {} bytes | seconds | items/s |", items[0].1.len());
    println!("|---|---|---|");
    let local = local::open(&catalog).unwrap();
    let index = Index::open(&catalog).unwrap();
    let rate = |what: &str, took: Duration| {
        println!("| {what} | {:.2} | {:.0} |", took.as_secs_f64(), count as f64 / took.as_secs_f64());
    };
    let started = Instant::now();
    let done = block_on(rebuild(&local.directory, &index, |_| {})).unwrap();
    rate("index rebuild, from files", started.elapsed());
    assert_eq!((done.items, done.refused.len()), (count as u64, 0));
    let started = Instant::now();
    block_on(rebuild(&local.directory, &index, |_| {})).unwrap();
    rate("the same again, nothing changed", started.elapsed());
    let other = folder.path().join("messages");
    fs::create_dir(&other).unwrap();
    let messages = Index::open(&other).unwrap();
    let started = Instant::now();
    load(&messages, &items);
    rate("in batches of messages, two loaders at once", started.elapsed());

    let api = router(
        Searcher::new(&catalog, Limits::default()),
        Settings { catalog: Some(String::new()), ..Settings::default() },
    );
    println!("\n| /search over {count} items, 10 a page | median ms | 95 % ms | worst ms | items found, mean |");
    println!("|---|---|---|---|---|");
    type Asked = fn(&mut StdRng) -> String;
    let kinds: [(&str, Asked); 6] = [
        ("bbox of 2 to 10 degrees and datetime of 1 to 24 months", |random| {
            format!("{}&{}", bbox(random, 2.0..10.0), months(random, 1..24))
        }),
        ("bbox of 30 to 90 degrees and datetime of 1 to 24 months", |random| {
            format!("{}&{}", bbox(random, 30.0..90.0), months(random, 1..24))
        }),
        ("bbox of 2 to 10 degrees", |random| bbox(random, 2.0..10.0)),
        ("datetime of 1 to 24 months", |random| months(random, 1..24)),
        ("one collection and a filter on gsd and sun elevation", |_| {
            "collections=CBERS4-MUX&filter=gsd%3C30%20AND%20%22view:sun_elevation%22%3E60".to_owned()
        }),
        ("nothing: the newest of all", |_| String::new()),
    ];
    for (name, asked) in kinds {
        let mut times = Vec::with_capacity(SEARCHES);
        let mut found = 0;
        for _ in 0..SEARCHES {
            let uri = format!("/search?{}", asked(&mut random));
            let request = Request::get(&uri).header("host", "127.0.0.1").body(Body::empty()).unwrap();
            let started = Instant::now();
            let body = block_on(async {
                let response = api.clone().oneshot(request).await.unwrap();
                assert!(response.status().is_success(), "{uri}");
                axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
            });
            times.push(started.elapsed());
            let page: Value = serde_json::from_slice(&body).unwrap();
            found += page["features"].as_array().unwrap().len();
        }
        times.sort_unstable();
        let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
        let mean = found as f64 / SEARCHES as f64;
        println!("| {name} | {:.2} | {:.2} | {:.2} | {mean:.1} |", at(50), at(95), at(100));
    }
}

/// Checks and applies all items, as two loaders do who take batches of messages from one queue.
fn load(index: &Index, items: &[(String, String)]) {
    let batches = Mutex::new(items.chunks(BATCH));
    let loader = || {
        loop {
            let Some(batch) = batches.lock().unwrap().next() else { return };
            let changes: Vec<Change<'_>> = batch
                .iter()
                .map(|(key, text)| {
                    let action = Action::PutItem(item::check(text).unwrap());
                    Change { version: Version(1), source: Some(key), action }
                })
                .collect();
            assert!(block_on(index.apply(&changes)).iter().all(Result::is_ok));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(loader);
        scope.spawn(loader);
    });
}

/// Key and text of an item.
fn made(number: usize, random: &mut StdRng) -> (String, String) {
    let row = number / 40;
    let (west, south) = (random.random_range(-75.0..-35.0), random.random_range(-33.0..5.0));
    let day = random.random_range(0..3_650);
    let time = chrono::DateTime::from_timestamp(1_420_070_400 + day * 86_400 + random.random_range(0..86_400), 0);
    let time = time.unwrap().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let template = include_str!("../../fixtures/items/CBERS_4_MUX_20170618_057_121_L2.json");
    let mut item: Value = serde_json::from_str(template).unwrap();
    let id = format!("CBERS_4_MUX_{number:08}_L2");
    item["id"] = id.clone().into();
    item["bbox"] = json!([west, south, west + 1.2, south + 1.1]);
    item["geometry"] = json!({"type": "MultiPolygon", "coordinates": [[[
        [west, south], [west + 1.0, south + 0.2], [west + 1.2, south + 1.1], [west + 0.2, south + 0.9], [west, south]
    ]]]});
    for name in ["datetime", "start_datetime", "end_datetime"] {
        item["properties"][name] = time.clone().into();
    }
    item["properties"]["view:sun_elevation"] = random.random_range(20.0..80.0).into();
    (format!("CBERS4/MUX/{:03}/{:03}/{id}.json", row / 200, row % 200), item.to_string())
}

fn write(catalog: &Path, items: &[(String, String)]) {
    for (key, text) in items {
        let path = catalog.join(key);
        if !path.parent().unwrap().is_dir() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
        }
        fs::write(path, text).unwrap();
    }
    let collection = include_str!("../../fixtures/catalogs/CBERS4/MUX/collection.json");
    fs::write(catalog.join("CBERS4/MUX/collection.json"), collection).unwrap();
}

fn bbox(random: &mut StdRng, size: std::ops::Range<f64>) -> String {
    let (width, height) = (random.random_range(size.clone()), random.random_range(size));
    let (west, south) = (random.random_range(-80.0..-35.0), random.random_range(-40.0..5.0));
    format!("bbox={west:.4},{south:.4},{:.4},{:.4}", west + width, (south + height).min(90.0))
}

fn months(random: &mut StdRng, months: std::ops::Range<i64>) -> String {
    let from = 1_420_070_400 + random.random_range(0..3_650) * 86_400;
    let to = from + random.random_range(months) * 30 * 86_400;
    let text = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap().format("%Y-%m-%dT%H:%M:%SZ");
    format!("datetime={}/{}", text(from), text(to))
}
