//! The loader of pgstac as `make bench-loaders` runs it, which starts the database and compares (tests/postgres/bench.py).
//!
//! In the environment: `LAZYCAT_BENCH_DATABASE`, how to connect; `LAZYCAT_BENCH_ITEMS`, a file with an item a line;
//! `LAZYCAT_BENCH_SERVER`, the pid of the server. Prints a line of JSON for each measurement.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

const ROUNDS: usize = 7;
const LOADERS: usize = 4;
const BUCKET: &str = "bench";

#[tokio::main]
async fn main() {
    let items = fs::read_to_string(std::env::var("LAZYCAT_BENCH_ITEMS").unwrap()).unwrap();
    let items: Vec<Value> = items.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let items = Arc::new(items);
    let documents = documents(Arc::clone(&items)).await;

    let loader = Loader::new(documents.clone());
    let (mut seconds, mut client, mut server) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let batch = messages(&items[..1_000], &format!("m{round}"));
        let before = (Instant::now(), cpu_of_this(), cpu_of_server());
        assert_eq!(loader.load(&batch).await.written, 1_000);
        seconds.push(before.0.elapsed().as_secs_f64());
        client.push(cpu_of_this() - before.1);
        server.push(cpu_of_server() - before.2);
    }
    told("1,000 items in messages", &mut seconds, &mut client, &mut server);

    let (mut seconds, mut client, mut server) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let batch = events(500, round);
        let before = (Instant::now(), cpu_of_this(), cpu_of_server());
        assert_eq!(loader.load(&batch).await.written, 500);
        seconds.push(before.0.elapsed().as_secs_f64());
        client.push(cpu_of_this() - before.1);
        server.push(cpu_of_server() - before.2);
    }
    told("500 items by S3 events", &mut seconds, &mut client, &mut server);
    many(&items, &documents).await;
}

/// Four loaders at once, four collections, in months, with a search every 50 ms.
async fn many(items: &Arc<Vec<Value>>, documents: &Documents) {
    let done = Arc::new(AtomicBool::new(false));
    let searches = tokio::spawn(search(Arc::clone(&done)));
    let before = (Instant::now(), cpu_of_server());
    let loaders: Vec<_> = (0..LOADERS)
        .map(|loader| {
            let (items, documents) = (Arc::clone(items), documents.clone());
            tokio::spawn(async move {
                let own = Loader::new(documents);
                let mut written = 0;
                for batch in 0..4 {
                    let some = &items[1_000 + batch * 250..][..250];
                    written += own.load(&messages(some, &format!("many-{loader}-{batch}"))).await.written;
                }
                written
            })
        })
        .collect();
    let mut written = 0;
    for loader in loaders {
        written += loader.await.unwrap();
    }
    let seconds = before.0.elapsed().as_secs_f64();
    done.store(true, Ordering::Relaxed);
    let (found, failed) = searches.await.unwrap();
    println!(
        "{}",
        json!({"what": "4 loaders at once", "items": written, "lost": LOADERS * 1_000 - written, "seconds": seconds,
               "server": cpu_of_server() - before.1, "searches": found, "failed": failed})
    );
}

async fn search(done: Arc<AtomicBool>) -> (usize, usize) {
    let address = std::env::var("LAZYCAT_BENCH_DATABASE").unwrap();
    let (client, connection) = tokio_postgres::connect(&address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("SET search_path TO pgstac, public").await.unwrap();
    let asked = json!({"bbox": [-60, -20, -40, 0], "limit": 10}).to_string();
    let (mut found, mut failed) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        match client.query("SELECT search($1::text::jsonb)::text", &[&asked]).await {
            Ok(_) => found += 1,
            Err(_) => failed += 1,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (found, failed)
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

fn told(what: &str, seconds: &mut [f64], client: &mut [f64], server: &mut [f64]) {
    let median = |numbers: &mut [f64]| {
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    };
    println!(
        "{}",
        json!({"what": what, "seconds": median(seconds), "client": median(client), "server": median(server)})
    );
}

/// Items under ids of their own, as SNS brings them.
fn messages(items: &[Value], prefix: &str) -> Vec<Delivery> {
    let message = |(at, item): (usize, &Value)| {
        let mut item = item.clone();
        item["id"] = format!("{prefix}-{at}").into();
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

/// Documents in a bucket that answers at once: `/bench/{round}/{number}.json`.
async fn documents(items: Arc<Vec<Value>>) -> Documents {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let texts: Arc<HashMap<usize, String>> =
        Arc::new(items.iter().enumerate().map(|(at, item)| (at, item.to_string())).collect());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&texts)));
        }
    });
    let config = SdkConfig::builder()
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "bench")))
        .endpoint_url(format!("http://{address}"))
        .build();
    let clients = Clients::new(&config, TimeOuts::within(Duration::from_secs(180)));
    Documents::new(clients.s3, Duration::from_secs(20)).unwrap()
}

async fn serve(stream: TcpStream, texts: Arc<HashMap<usize, String>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut key = String::new();
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if key.is_empty() {
                key = line.split(' ').nth(1).unwrap_or_default().to_owned();
            }
            if line == "\r\n" {
                break;
            }
        }
        let name = key.split(['?', '.']).next().unwrap_or_default();
        let (rest, number) = name.rsplit_once('/').unwrap_or_default();
        let text = &texts[&number.parse().unwrap()];
        // Each is another item.
        let mut item: Value = serde_json::from_str(text).unwrap();
        item["id"] = format!("{rest}-{number}").into();
        let body = item.to_string();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn cpu_of_this() -> f64 {
    cpu(&fs::read_to_string("/proc/self/stat").unwrap(), false)
}

/// The server, its processes, and those that have ended.
fn cpu_of_server() -> f64 {
    let server = std::env::var("LAZYCAT_BENCH_SERVER").unwrap();
    let own = fs::read_to_string(format!("/proc/{server}/stat")).unwrap();
    let children = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        (fields(&stat).get(1) == Some(&server.as_str())).then(|| cpu(&stat, false))
    });
    cpu(&own, true) + children.sum::<f64>()
}

/// The fields of a process's stat behind its name.
fn fields(stat: &str) -> Vec<&str> {
    stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default()
}

/// Seconds; a tick is a hundredth.
fn cpu(stat: &str, with_children: bool) -> f64 {
    let until = if with_children { 15 } else { 13 };
    fields(stat)[11..until].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}
