//! The door: what it takes to check an item that somebody has sent, on one thread, and to get ready for it.
//!
//! The item is one of those that lazycat makes of a scene. With `LAZYCAT_SCHEMAS`, a folder of schemas of extensions, it
//! is held against those that it names as well. Prints a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use lazycat::grid::INPE;
use lazycat::layout::Layout;
use lazycat::scene::MetadataName;
use lazycat::stac::{Buckets, item};
use lazycat::submit::known::AnyCollection;
use lazycat::submit::{Refused, Rules, examine};
use lazycat::validation::extensions::Extensions;
use lazycat::validation::folder;
use lazycat::validation::schema::Schemas;
use lazycat_fixtures::{Benchmark, Camera, Size, record_figure};
use serde_json::{Value, json};

/// How long each case is measured.
const FOR: Duration = Duration::from_millis(1_500);

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    println!("| what | ms |");
    println!("|---|---|");
    let compiled = Instant::now();
    let core = Schemas::compile().expect("the schemas of the core are sound");
    row("the schemas of the core, compiled", compiled.elapsed());
    let mut extensions = Extensions::default();
    if let Ok(path) = std::env::var("LAZYCAT_SCHEMAS") {
        let compiled = Instant::now();
        extensions = Extensions::compile(folder::read(Path::new(&path)).expect("a folder of schemas")).unwrap();
        row(&format!("{} schemas of extensions, read and compiled", extensions.len()), compiled.elapsed());
    }
    let rules = Rules::new(core, extensions);
    let layout = Layout::parse("{collection}/{year}/{month}").expect("a layout");
    let good = made();
    let mut bad = good.clone();
    bad["properties"]["datetime"] = "yesterday".into();
    bad["properties"]["gsd"] = 0.into();
    bad["assets"]["x"] = json!({"href": "./x.tif"});
    let mut long = good.clone();
    let ring: Vec<Value> = (0..4_000_i32)
        .map(|at| json!([f64::from(at) / 1e4, f64::from(at % 2) / 1e4]))
        .chain([json!([0.0, 0.0])])
        .collect();
    long["geometry"] = json!({"type": "Polygon", "coordinates": [ring]});
    long["bbox"] = json!([0, 0, 0.3999, 0.0001]);
    for (name, item, faults) in
        [("an item", &good, 0), ("one with faults", &bad, 3), ("one with a ring of 4,000 positions", &long, 0)]
    {
        let text = item.to_string();
        let checked = || block_on(examine(&rules, &layout, &AnyCollection, black_box(text.as_bytes())));
        match checked() {
            Ok(_) => assert_eq!(faults, 0, "{name}"),
            Err(Refused::Faulty(found)) => assert_eq!(found.count(), faults, "{name}: {:?}", found.told()),
            Err(other) => panic!("{name}: {other}"),
        }
        let taken = best_of(|| {
            let _ = black_box(checked());
        });
        row(&format!("{name}, {} bytes, checked", text.len()), taken);
        record_figure("submit", name, 1.0 / taken.as_secs_f64(), "items/s", None);
    }
}

/// An item that is made of a scene.
fn made() -> Value {
    let scene = Benchmark::new(1, 1, Size::Full, &[Camera::ALL[0]]).expect("one camera").scene(0);
    let name = MetadataName::parse(&scene.file_name()).expect("the name of a scene");
    let buckets = Buckets::default();
    let pair = buckets.pair("cbers-pds").expect("a bucket of the public archive");
    let made = item::generate(&INPE, scene.xml().as_bytes(), &name, pair, None).expect("the scene is valid");
    serde_json::from_slice(made.item.bytes()).expect("an item")
}

fn best_of(mut work: impl FnMut()) -> Duration {
    let (begun, mut best) = (Instant::now(), Duration::MAX);
    while begun.elapsed() < FOR {
        let started = Instant::now();
        work();
        best = best.min(started.elapsed());
    }
    best
}

fn row(what: &str, taken: Duration) {
    println!("| {what} | {:.3} |", taken.as_secs_f64() * 1e3);
}
