//! The embedded search index: how fast it takes items, and how fast the API answers from it.
//!
//! A catalog of 100,000 items (LAZYCAT_BENCH_ITEMS), 40 a row, is written as files on tmpfs (LAZYCAT_BENCH_TMPFS, default
//! /dev/shm) and followed, as `lazycat index rebuild` does; as many come in messages, decoded and checked, in batches. Then
//! /search is asked through the API's own routes, with the documents read and rendered, for random places and times; at
//! last at a steady rate, alone, and while two loaders load all items again. Prints tables.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
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
use lazycat_fixtures::record_figure;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each kind of search is asked.
const SEARCHES: usize = 2_000;

/// How often is searched at a steady rate, for how long while nothing else goes on, and how many items are reprocessed
/// meanwhile.
const EVERY: Duration = Duration::from_millis(20);
const ALONE: Duration = Duration::from_secs(5);
const REPROCESSED: usize = 50_000;

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
    let seconds = parse(&items);
    let parsing = count as f64 / seconds;
    println!("| parsed as JSON, nothing else | {seconds:.2} | {parsing:.0} |");
    let rate = |what: &str, took: Duration| {
        let rate = count as f64 / took.as_secs_f64();
        println!("| {what} | {:.2} | {rate:.0} |", took.as_secs_f64());
        let beside = ("parsing them as JSON, one thread", rate / parsing);
        record_figure("embedded index", what, rate, "items/s", Some(beside));
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
    load(&messages, &items, 1);
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
    let mut empty = Vec::with_capacity(SEARCHES);
    for _ in 0..SEARCHES {
        empty.push(ask(&api, "/search?limit=1&ids=none").0);
    }
    let nothing = middle(&mut empty);
    for (name, asked) in kinds {
        let mut times = Vec::with_capacity(SEARCHES);
        let mut found = 0;
        for _ in 0..SEARCHES {
            let (took, body) = ask(&api, &format!("/search?{}", asked(&mut random)));
            times.push(took);
            let page: Value = serde_json::from_slice(&body).unwrap();
            found += page["features"].as_array().unwrap().len();
        }
        times.sort_unstable();
        let mean = found as f64 / SEARCHES as f64;
        println!("| {name} | {:.2} | {:.2} | {:.2} | {mean:.1} |", at(&times, 50), at(&times, 95), at(&times, 100));
        let beside = ("a search for an id that is not there", at(&times, 50) / nothing);
        record_figure("embedded index", &format!("/search, {name}, median"), at(&times, 50), "ms", Some(beside));
    }

    // Over the index that loaders write.
    drop(api);
    let api = router(Searcher::new(&other, Limits::default()), Settings::default());
    block_on(rebuild(&local::open(&other).unwrap().directory, &messages, |_| {})).unwrap();
    let asked = || format!("/search?{}&{}", bbox(&mut random, 2.0..10.0), months(&mut random, 1..24));
    let searches: Vec<String> = std::iter::repeat_with(asked).take(SEARCHES).collect();
    let changed = |(key, text): &(String, String)| {
        (key.clone(), text.replacen("\"properties\":{", "\"properties\":{\"lazycat:reprocessed\":true,", 1))
    };
    let items: Vec<(String, String)> = items.iter().take(REPROCESSED).map(changed).collect();
    let started = Instant::now();
    let alone = steadily(&api, &searches, || started.elapsed() > ALONE);
    let done = AtomicBool::new(false);
    let (beside, seconds) = std::thread::scope(|scope| {
        let loading = scope.spawn(|| {
            let started = Instant::now();
            load(&messages, &items, 2);
            done.store(true, Ordering::Relaxed);
            started.elapsed().as_secs_f64()
        });
        (steadily(&api, &searches, || done.load(Ordering::Relaxed)), loading.join().unwrap())
    });
    let per_second = 1.0 / EVERY.as_secs_f64();
    println!("\n| {per_second:.0} searches/s, bbox and datetime | median ms | 99 % ms | worst ms |\n|---|---|---|---|");
    let reprocessing = format!("while two loaders reprocess {:.0} items/s", items.len() as f64 / seconds);
    for (name, times) in [("alone", &alone), (&reprocessing, &beside)] {
        println!("| {name} | {:.2} | {:.2} | {:.2} |", at(times, 50), at(times, 99), at(times, 100));
    }
    for (name, part) in [("median", 50), ("99th percentile", 99)] {
        let (value, ratio) = (at(&beside, part), at(&beside, part) / at(&alone, part));
        let case = format!("/search, {name}, while two loaders reprocess");
        record_figure("embedded index", &case, value, "ms", Some(("alone", ratio)));
    }
}

/// Parses all items, for nothing; gives the seconds.
fn parse(items: &[(String, String)]) -> f64 {
    let started = Instant::now();
    for (_, text) in items {
        std::hint::black_box(serde_json::from_str::<Value>(text).unwrap());
    }
    started.elapsed().as_secs_f64()
}

/// Asks the API; gives how long that took, and its answer.
fn ask(api: &Router, uri: &str) -> (Duration, axum::body::Bytes) {
    let request = Request::get(uri).header("host", "127.0.0.1").body(Body::empty()).unwrap();
    let started = Instant::now();
    let body = block_on(async {
        let response = api.clone().oneshot(request).await.unwrap();
        assert!(response.status().is_success(), "{uri}");
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
    });
    (started.elapsed(), body)
}

/// Searches at a steady rate until it is enough. Gives how long each took, from when it was due, ascending: one that comes
/// late is counted as late.
fn steadily(api: &Router, searches: &[String], enough: impl Fn() -> bool) -> Vec<Duration> {
    let begun = Instant::now();
    let mut times = Vec::new();
    for (number, uri) in (0..).zip(searches.iter().cycle()) {
        if enough() {
            break;
        }
        let due = begun + EVERY * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        ask(api, uri);
        times.push(due.elapsed());
    }
    times.sort_unstable();
    times
}

/// The time of this part of ascending ones, of 100, in milliseconds.
fn at(times: &[Duration], part: usize) -> f64 {
    times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3
}

fn middle(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    at(times, 50)
}

/// Checks and applies all items, as two loaders do who take batches of messages from one queue.
fn load(index: &Index, items: &[(String, String)], version: i64) {
    let batches = Mutex::new(items.chunks(BATCH));
    let loader = || {
        loop {
            let Some(batch) = batches.lock().unwrap().next() else { return };
            let changes: Vec<Change<'_>> = batch
                .iter()
                .map(|(key, text)| {
                    let action = Action::PutItem(item::check(text).unwrap());
                    Change { version: Version(version), source: Some(key), action }
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
