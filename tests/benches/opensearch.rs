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

/// How many items each measurement writes, and how often each is made, one after the other in turns: an engine is not
/// equally fast all the time.
const ITEMS: usize = 8_000;
const ROUNDS: usize = 3;

/// How often all items are written before anything is measured: a Java machine is slow at first.
const BEFORE: usize = 3;

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

/// A way to load all items, and how long it took each time, and each of its batches.
struct Way {
    name: &'static str,
    kind: Kind,
    /// The name of the way that it is compared to.
    beside: Option<&'static str>,
    seconds: Vec<f64>,
    batches: Vec<f64>,
}

#[derive(Clone, Copy)]
enum Kind {
    Plain { refresh: bool },
    Python,
    Loaders { count: usize, again: bool },
}

impl Way {
    fn new(name: &'static str, kind: Kind, beside: Option<&'static str>) -> Self {
        Self { name, kind, beside, seconds: Vec::new(), batches: Vec::new() }
    }

    async fn measure(&mut self, engine: &Engine, items: &[Value], batches: &[Vec<Delivery>]) {
        let corner = engine.corner();
        // The index is made before.
        load_all(&corner.index(), &batches[..1]).await;
        let seconds = match self.kind {
            Kind::Plain { refresh } => plain(&corner, items, refresh).as_secs_f64(),
            Kind::Python => python(&corner, items, true),
            Kind::Loaders { count, again } => {
                let indexes: Vec<OpenSearch> = (0..count).map(|_| corner.index()).collect();
                let parts: Vec<_> = batches.chunks(batches.len().div_ceil(count)).collect();
                let all =
                    || futures::future::join_all(indexes.iter().zip(&parts).map(|(index, part)| load_all(index, part)));
                if again {
                    all().await;
                }
                let start = Instant::now();
                let each = all().await;
                let seconds = start.elapsed().as_secs_f64();
                self.batches.extend(each.concat());
                seconds
            }
        };
        self.seconds.push(seconds);
    }

    /// Items per second, in the median.
    fn rate(&mut self) -> f64 {
        self.seconds.sort_by(f64::total_cmp);
        ITEMS as f64 / self.seconds[self.seconds.len() / 2]
    }
}

#[tokio::main]
async fn main() {
    let engine = Engine::start_to_measure();
    let items: Vec<Value> = (0..ITEMS).map(item).collect();
    let batches = messages(&items);
    let bytes = items.iter().map(|item| item.to_string().len()).sum::<usize>() / ITEMS;
    println!("{ITEMS} items of {bytes} bytes, {BATCH} a batch, medians of {ROUNDS}\n");
    const HELPERS: &str = "helpers.bulk of opensearch-py";
    const ONE: &str = "one loader";
    let loaders = |count, again| Kind::Loaders { count, again };
    let mut ways = [
        Way::new("a plain _bulk, not to be found at once", Kind::Plain { refresh: false }, None),
        Way::new("a plain _bulk", Kind::Plain { refresh: true }, None),
        Way::new(HELPERS, Kind::Python, None),
        Way::new(ONE, loaders(1, false), Some(HELPERS)),
        Way::new("2 loaders at once", loaders(2, false), Some(HELPERS)),
        Way::new("4 loaders at once", loaders(4, false), Some(HELPERS)),
        Way::new("one loader, all of it once more", loaders(1, true), Some(ONE)),
    ];
    for _ in 0..BEFORE {
        load_all(&engine.corner().index(), &batches).await;
    }
    for _ in 0..ROUNDS {
        for way in &mut ways {
            way.measure(&engine, &items, &batches).await;
        }
    }
    println!("| way | items/s | ms a batch, median / longest |\n|---|---|---|");
    let rates: Vec<(&str, f64)> = ways.iter_mut().map(|way| (way.name, way.rate())).collect();
    for (way, (name, rate)) in ways.iter_mut().zip(&rates) {
        way.batches.sort_by(f64::total_cmp);
        let longest = way.batches.last().map_or_else(String::new, |longest| {
            format!("{:.0} / {:.0}", way.batches[way.batches.len() / 2] * 1e3, longest * 1e3)
        });
        println!("| {name} | {rate:.0} | {longest} |");
        let compared_to = way.beside.map(|beside| {
            let (_, other) = rates.iter().find(|(name, _)| *name == beside).unwrap();
            (beside, rate / other)
        });
        record_figure("opensearch", name, *rate, "items/s", compared_to);
    }
}
