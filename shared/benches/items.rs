//! Item generation: XML bytes to JSON bytes, on one thread.
//!
//! The scenes are the real ones in the folder that LAZYCAT_REAL_SCENES names, else full-size ones of the fixtures. Each
//! is compared with one pass over its bytes, which is the least that reading it could cost. Prints a table.
//!
//! With `--runs N` each item is made N times and nothing is timed: what a profiler, or a counter of instructions such as
//! `valgrind --tool=callgrind`, wants to see.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use lazycat::grid::INPE;
use lazycat::scene::MetadataName;
use lazycat::stac::{Buckets, item};
use lazycat_fixtures::{Benchmark, Camera, Size, record_figure};

/// How long each scene is measured.
const FOR: Duration = Duration::from_millis(1500);

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let scenes = scenes();
    let buckets = Buckets::default();
    let pair = buckets.pair("cbers-pds").expect("a bucket of the public archive");
    if let Some(runs) = runs() {
        for (name, xml) in &scenes {
            for _ in 0..runs {
                black_box(item::generate(&INPE, black_box(xml), name, pair, None).expect("the scene is valid"));
            }
        }
        return;
    }
    println!("| scene | XML bytes | item bytes | us a scene | scenes/s | times one pass over the bytes |");
    println!("|---|---|---|---|---|---|");
    let mut total = Duration::ZERO;
    for (name, xml) in &scenes {
        let made = item::generate(&INPE, xml, name, pair, None).expect("the scene is valid");
        let generating = best_of(|| {
            black_box(item::generate(&INPE, black_box(xml), name, pair, None).unwrap());
        });
        let passing = best_of(|| {
            black_box(black_box(xml).iter().fold(0_u64, |sum, byte| sum.wrapping_add(u64::from(*byte))));
        });
        total += generating;
        record_figure(
            "items",
            &format!("{} of {}, {} KB", name.scene.camera.name, name.scene.satellite.title, xml.len() / 1000),
            1.0 / generating.as_secs_f64(),
            "scenes/s",
            Some(("one pass over the bytes, times its time", generating.as_secs_f64() / passing.as_secs_f64())),
        );
        println!(
            "| {} | {} | {} | {:.1} | {:.0} | {:.1} |",
            name.scene,
            xml.len(),
            made.item.bytes().len(),
            generating.as_secs_f64() * 1e6,
            1.0 / generating.as_secs_f64(),
            generating.as_secs_f64() / passing.as_secs_f64(),
        );
    }
    let mean = total.as_secs_f64() / scenes.len() as f64;
    record_figure("items", "all, one of each", 1.0 / mean, "scenes/s", None);
    println!("| **all, one of each** | | | {:.1} | **{:.0}** | |", mean * 1e6, 1.0 / mean);
}

/// The number after `--runs`.
fn runs() -> Option<u32> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--runs");
    arguments.nth(1).map(|number| number.parse().expect("--runs takes a number"))
}

/// The median of batches of runs, which a busy machine disturbs least.
fn best_of(mut run: impl FnMut()) -> Duration {
    let mut batches = Vec::new();
    let until = Instant::now() + FOR;
    while Instant::now() < until {
        let started = Instant::now();
        for _ in 0..50 {
            run();
        }
        batches.push(started.elapsed() / 50);
    }
    batches.sort_unstable();
    batches[batches.len() / 2]
}

fn scenes() -> Vec<(MetadataName, Vec<u8>)> {
    if let Ok(folder) = std::env::var("LAZYCAT_REAL_SCENES") {
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let name = |path: &std::path::Path| MetadataName::parse(path.file_name().unwrap().to_str().unwrap()).unwrap();
        return files.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect();
    }
    let scene = |camera| {
        let scene = Benchmark::new(1, 1, Size::Full, &[camera]).unwrap().scene(0);
        (MetadataName::parse(&scene.file_name()).unwrap(), scene.xml().into_bytes())
    };
    Camera::ALL.iter().map(|camera| scene(*camera)).collect()
}
