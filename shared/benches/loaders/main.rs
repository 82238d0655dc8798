//! The loader of pgstac as `make bench-loaders` runs it, which starts the database and compares (tests/postgres/bench.py).
//!
//! In the environment: `LAZYCAT_BENCH_ITEMS`, a file with an item a line; `LAZYCAT_BENCH_DATABASE`, how to connect;
//! `LAZYCAT_BENCH_SERVER`, the pid of the server. Prints a line of JSON for each measurement. With the argument `bucket`
//! it serves the items as S3 does until its input ends, for other loaders, and prints the port.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod bucket;
mod cpu;
mod searches;

use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use lazycat::aws::{Clients, Documents, TimeOuts, World};
use lazycat::memory::Memory;
use lazycat::pgstac::{Pgstac, Settings, Target};
use lazycat::ports::Delivery;
use lazycat::search::load::{self, Ports, Report, load};
use lazycat::search::source::Allowed;
use serde_json::{Value, json};

use self::searches::Searches;

const ROUNDS: usize = 9;
const LOADERS: usize = 4;
const BUCKET: &str = "bench";

/// How often is searched while four loaders are measured.
const OFTEN: Duration = Duration::from_millis(50);

/// How often is searched while searches are measured, and for how long while nothing else goes on.
const STEADILY: Duration = Duration::from_millis(200);
const ALONE: Duration = Duration::from_secs(10);

/// How often each loader loads all its items again while searches are measured.
const REPROCESSES: usize = 5;

#[tokio::main]
async fn main() {
    let items = fs::read_to_string(std::env::var("LAZYCAT_BENCH_ITEMS").unwrap()).unwrap();
    let items: Vec<Value> = items.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let port = bucket::serve(&items).await;
    if std::env::args().any(|argument| argument == "bucket") {
        println!("{port}");
        let wait = || std::io::stdin().read_to_end(&mut Vec::new());
        tokio::task::spawn_blocking(wait).await.unwrap().unwrap();
        return;
    }
    let items = Arc::new(items);
    let documents = documents(port);

    let loader = Loader::new(documents.clone());
    measure("messages", &loader, |round| messages(&items[..1_000], &format!("m{round}"))).await;
    measure("events", &loader, |round| events(500, round)).await;
    many(&items, &documents).await;
    reprocess(&items, &documents).await;
}

/// Loads a batch a round. The first connects, and makes partitions.
async fn measure(what: &str, loader: &Loader, batch: impl Fn(usize) -> Vec<Delivery>) {
    let first = batch(0);
    assert_eq!(loader.load(&first).await.written, first.len());
    let batches: Vec<Vec<Delivery>> = (1..=ROUNDS).map(batch).collect();
    let before = (cpu::of_this(), cpu::of_server());
    let mut seconds = Vec::with_capacity(ROUNDS);
    for batch in &batches {
        let started = Instant::now();
        assert_eq!(loader.load(batch).await.written, batch.len());
        seconds.push(started.elapsed().as_secs_f64());
    }
    let mean = |before: f64, after: f64| (after - before) / ROUNDS as f64;
    let (client, server) = (mean(before.0, cpu::of_this()), mean(before.1, cpu::of_server()));
    seconds.sort_by(f64::total_cmp);
    let middle = seconds[ROUNDS / 2];
    println!(
        "{}",
        json!({"what": what, "items": first.len(), "seconds": middle, "longest": seconds[ROUNDS - 1], "client": client,
               "server": server})
    );
}

/// Four loaders at once, four collections, in months, with a search every 50 ms.
async fn many(items: &Arc<Vec<Value>>, documents: &Documents) {
    let searches = Searches::start(OFTEN).await;
    let before = (Instant::now(), cpu::of_server());
    let written = at_once(items, documents, |loader, batch| format!("many-{loader}-{batch}")).await;
    let (seconds, server) = (before.0.elapsed().as_secs_f64(), cpu::of_server() - before.1);
    let searched = searches.end().await;
    println!(
        "{}",
        json!({"what": "many", "items": written, "lost": LOADERS * 1_000 - written, "seconds": seconds, "server": server,
               "searches": searched.times.len(), "failed": searched.failed})
    );
}

/// Searches alone, and while four loaders load all that they have loaded once more.
async fn reprocess(items: &Arc<Vec<Value>>, documents: &Documents) {
    let searches = Searches::start(STEADILY).await;
    tokio::time::sleep(ALONE).await;
    let mut alone = searches.end().await;
    let searches = Searches::start(STEADILY).await;
    let started = Instant::now();
    let mut written = 0;
    for _ in 0..REPROCESSES {
        written += at_once(items, documents, |loader, batch| format!("many-{loader}-{batch}")).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut beside = searches.end().await;
    println!(
        "{}",
        json!({"what": "reprocess", "items": written, "lost": REPROCESSES * LOADERS * 1_000 - written, "seconds": seconds,
               "alone": [alone.at(50), alone.at(99)], "beside": [beside.at(50), beside.at(99)],
               "searches": beside.times.len(), "failed": alone.failed + beside.failed})
    );
}

/// Loads four batches by each of four loaders, under these names. Gives how many items were written.
async fn at_once(items: &Arc<Vec<Value>>, documents: &Documents, name: fn(usize, usize) -> String) -> usize {
    let loaders: Vec<_> = (0..LOADERS)
        .map(|loader| {
            let own = Loader::new(documents.clone());
            let batches: Vec<Vec<Delivery>> =
                (0..4).map(|batch| messages(&items[1_000 + batch * 250..][..250], &name(loader, batch))).collect();
            tokio::spawn(async move {
                let mut written = 0;
                for batch in batches {
                    written += own.load(&batch).await.written;
                }
                written
            })
        })
        .collect();
    let mut written = 0;
    for loader in loaders {
        written += loader.await.unwrap();
    }
    written
}

struct Loader {
    documents: Documents,
    index: Pgstac,
    settings: load::Settings,
}

impl Loader {
    fn new(documents: Documents) -> Self {
        let target: Target = std::env::var("LAZYCAT_BENCH_DATABASE").unwrap().parse().unwrap();
        let allowed = Allowed { buckets: vec![BUCKET.to_owned()], hosts: Vec::new() };
        let settings = load::Settings { allowed, ..load::Settings::default() };
        Self { documents, index: Pgstac::new(target, Settings::default()), settings }
    }

    async fn load(&self, batch: &[Delivery]) -> Report {
        let letters = Memory::new(1).scenes.letters();
        let ports = Ports { documents: &self.documents, index: &self.index, letters: &letters, clock: &World };
        load(&ports, &self.settings, batch).await
    }
}

/// Items under ids and addresses of their own, as SNS brings them.
fn messages(items: &[Value], prefix: &str) -> Vec<Delivery> {
    let message = |(at, item): (usize, &Value)| {
        let mut item = item.clone();
        let id = format!("{prefix}-{at}");
        for link in item["links"].as_array_mut().unwrap().iter_mut().filter(|link| link["rel"] == "self") {
            link["href"] = format!("https://data.example.com/{id}.json").into();
        }
        item["id"] = id.into();
        let body =
            json!({"Type": "Notification", "Message": item.to_string(), "Timestamp": "2026-01-01T00:00:00.000Z"});
        delivery(at, body.to_string())
    };
    items.iter().enumerate().map(message).collect()
}

fn events(number: usize, round: usize) -> Vec<Delivery> {
    let event = |at: usize| {
        let body = json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "2026-01-01T00:00:00.000Z",
            "s3": {"bucket": {"name": BUCKET}, "object": {"key": format!("r{round}/{at}.json"), "sequencer": "00"}}}]});
        delivery(at, body.to_string())
    };
    (0..number).map(event).collect()
}

fn delivery(at: usize, body: String) -> Delivery {
    Delivery { id: at.to_string(), body, receives: 1, sent: None, receipt: String::new() }
}

/// The documents of the bucket.
fn documents(port: u16) -> Documents {
    let config = SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "bench")))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .build();
    let clients = Clients::new(&config, TimeOuts::within(Duration::from_secs(180)));
    Documents::new(clients.s3, Duration::from_secs(20)).unwrap()
}
