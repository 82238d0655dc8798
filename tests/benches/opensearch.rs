//! The loader over a real OpenSearch, beside a plain `_bulk` of the same documents and opensearch-py's `helpers.bulk`. Prints
//! a table.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use lazycat::message::DeadLetter;
use lazycat::opensearch::OpenSearch;
use lazycat::ports::{BuryLetters, Clock, Delivery, PortResult};
use lazycat::search::load::{Ports, Settings, load};
use lazycat::search::ports::FetchDocuments;
use lazycat::search::source::Source;
use lazycat_fixtures::record_figure;
use lazycat_tests::opensearch::{Corner, Engine};
use serde_json::{Value, json};

/// How many messages SQS gives a function at once, as the template has it.
const BATCH: usize = 500;

/// How many items each measurement writes.
const ITEMS: usize = 20_000;

/// Ports that are not asked here.
struct Nothing;

impl FetchDocuments for Nothing {
    async fn fetch(&self, sources: &[Source], _: u64) -> Vec<PortResult<Vec<u8>>> {
        assert!(sources.is_empty());
        Vec::new()
    }
}

impl BuryLetters for Nothing {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        panic!("{}", letter.detail);
    }
}

impl Clock for Nothing {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    async fn pause(&self, _: u64) {}
}

/// An item of about 2.4 KB, as this catalog has them.
fn item(number: usize) -> Value {
    let (west, south) = (-60.0 + (number % 200) as f64 / 10.0, -30.0 + (number / 200 % 300) as f64 / 10.0);
    let corner = |x: f64, y: f64| json!([west + x, south + y]);
    let day = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::minutes(25_000_000 + number as i64);
    let asset = |name: &str| {
        json!({"href": format!("https://cbers-pds.example/CBERS4/MUX/057/{number}/{name}.tif"), "roles": ["data"],
            "type": "image/tiff; application=geotiff; profile=cloud-optimized", "title": format!("Band {name}"),
            "eo:bands": [{"name": name, "common_name": "red", "center_wavelength": 0.655}]})
    };
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": format!("CBERS_4_MUX_{number:08}"), "collection": "CBERS4-MUX",
        "stac_extensions": ["https://stac-extensions.github.io/eo/v1.1.0/schema.json"],
        "bbox": [west, south, west + 1.2, south + 1.1],
        "geometry": {"type": "Polygon",
            "coordinates": [[corner(0.0, 0.1), corner(1.1, 0.0), corner(1.2, 1.0), corner(0.1, 1.1), corner(0.0, 0.1)]]},
        "properties": {"datetime": day.to_rfc3339(), "platform": "cbers-4", "instruments": ["MUX"], "gsd": 20.0,
            "eo:cloud_cover": number % 100, "view:off_nadir": 0.01, "view:sun_azimuth": 47.9, "view:sun_elevation": 53.1,
            "cbers:path": number / 200 % 300, "cbers:row": number % 200},
        "links": [{"rel": "self", "href": format!("https://catalog.example/CBERS4/MUX/{number}.json")},
            {"rel": "parent", "href": "https://catalog.example/CBERS4/MUX/057/122/catalog.json"},
            {"rel": "collection", "href": "https://catalog.example/CBERS4/MUX/collection.json"}],
        "assets": {"B5": asset("B5"), "B6": asset("B6"), "B7": asset("B7"), "B8": asset("B8")}
    })
}

fn messages(items: &[Value]) -> Vec<Vec<Delivery>> {
    let message = |item: &Value| Delivery {
        id: item["id"].as_str().unwrap().to_owned(),
        body: json!({"Type": "Notification", "Message": item.to_string(), "Timestamp": "2026-03-01T12:00:05.500Z"})
            .to_string(),
        receives: 1,
        sent: None,
        receipt: String::new(),
    };
    items.chunks(BATCH).map(|batch| batch.iter().map(message).collect()).collect()
}

/// Loads batches, one after the other; gives the seconds of each.
async fn load_all(index: &OpenSearch, batches: &[Vec<Delivery>]) -> Vec<f64> {
    let ports = Ports { documents: &Nothing, index, letters: &Nothing, clock: &Nothing };
    let mut seconds = Vec::new();
    for batch in batches {
        let start = Instant::now();
        let report = load(&ports, &Settings::default(), batch).await;
        assert_eq!(report.written, batch.len(), "{report:?}");
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds
}

/// The same documents by the engine's own means: an index as the loader's, and requests as large.
fn plain(corner: &Corner, items: &[Value], refresh: bool) -> Duration {
    let alias = format!("{}CBERS4-MUX", corner.settings.items);
    let bodies: Vec<String> = items
        .chunks(BATCH)
        .map(|batch| {
            batch.iter().fold(String::new(), |mut body, item| {
                let _ = writeln!(body, "{}\n{item}", json!({"index": {"_index": alias, "_id": item["id"]}}));
                body
            })
        })
        .collect();
    let start = Instant::now();
    for body in &bodies {
        let told = corner.send("POST", &format!("/_bulk?refresh={refresh}&filter_path=errors"), body);
        assert_eq!(told["errors"], false, "{told}");
    }
    start.elapsed()
}

/// The same documents by opensearch-py.
fn python(corner: &Corner, items: &[Value], refresh: bool) -> f64 {
    let alias = format!("{}CBERS4-MUX", corner.settings.items);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    items.iter().for_each(|item| writeln!(file, "{item}").unwrap());
    let port = corner.endpoint().rsplit(':').next().unwrap().to_owned();
    let refresh = if refresh { "true" } else { "false" };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = Command::new(root.join("../target/opensearch/api/bin/python"))
        .arg("-B")
        .arg(root.join("opensearch/bulk.py"))
        .args([&port, &alias])
        .arg(file.path())
        .args([&BATCH.to_string(), refresh])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    said.trim().parse().unwrap()
}

/// One way and how long it took.
struct Way<'a> {
    name: &'a str,
    seconds: f64,
}

impl Way<'_> {
    fn rate(&self) -> f64 {
        ITEMS as f64 / self.seconds
    }

    /// Prints it, and records it beside another.
    fn tell(&self, batches: Option<&mut Vec<f64>>, beside: Option<&Way<'_>>) {
        let longest = batches.map_or_else(String::new, |batches| {
            batches.sort_by(f64::total_cmp);
            format!("{:.0} / {:.0}", batches[batches.len() / 2] * 1e3, batches[batches.len() - 1] * 1e3)
        });
        println!("| {} | {:.0} | {longest} |", self.name, self.rate());
        let compared_to = beside.map(|other| (other.name, self.rate() / other.rate()));
        record_figure("opensearch", self.name, self.rate(), "items/s", compared_to);
    }
}

#[tokio::main]
async fn main() {
    let engine = Engine::start_to_measure();
    let items: Vec<Value> = (0..ITEMS).map(item).collect();
    let batches = messages(&items);
    let bytes = items.iter().map(|item| item.to_string().len()).sum::<usize>() / ITEMS;
    println!("{ITEMS} items of {bytes} bytes, {BATCH} a batch\n");
    println!("| way | items/s | ms a batch, median / longest |\n|---|---|---|");
    // A Java machine is slow at first.
    let corner = engine.corner();
    load_all(&corner.index(), &batches).await;
    let prepared = async || {
        let corner = engine.corner();
        load_all(&corner.index(), &batches[..1]).await;
        corner
    };
    let seconds = plain(&prepared().await, &items, false).as_secs_f64();
    Way { name: "a plain _bulk, not to be found at once", seconds }.tell(None, None);
    let seconds = plain(&prepared().await, &items, true).as_secs_f64();
    let bulk = Way { name: "a plain _bulk", seconds };
    bulk.tell(None, None);
    let seconds = python(&prepared().await, &items, true);
    let helpers = Way { name: "helpers.bulk of opensearch-py", seconds };
    helpers.tell(None, Some(&bulk));

    let corner = prepared().await;
    let index = corner.index();
    let start = Instant::now();
    let mut each = load_all(&index, &batches).await;
    let one = Way { name: "one loader", seconds: start.elapsed().as_secs_f64() };
    one.tell(Some(&mut each), Some(&helpers));
    for (loaders, name) in [(2, "2 loaders at once"), (4, "4 loaders at once")] {
        let corner = prepared().await;
        let indexes: Vec<OpenSearch> = (0..loaders).map(|_| corner.index()).collect();
        let start = Instant::now();
        let parts = batches.chunks(batches.len().div_ceil(loaders));
        let all = futures::future::join_all(indexes.iter().zip(parts).map(|(index, part)| load_all(index, part))).await;
        let seconds = start.elapsed().as_secs_f64();
        Way { name, seconds }.tell(Some(&mut all.concat()), Some(&helpers));
    }
    let again = Instant::now();
    let mut each = load_all(&index, &batches).await;
    let seconds = again.elapsed().as_secs_f64();
    Way { name: "one loader, all of it once more", seconds }.tell(Some(&mut each), Some(&one));
}
