//! `lazycat run`, end to end, beside a plain loop that writes the same files.
//!
//! Each row is a run of the real binary over generated scenes, 40 a row, in a fresh directory. The plain loop writes the
//! files of the finished catalog once more, one after the other, in one thread, nothing else. Both are compared twice:
//! until the last write returned, which is a race against memory, and, on a disk, until the files are on it. Prints a
//! table.
//!
//! LAZYCAT_BENCH_SCENES sets the sizes of the compact runs (default 1000,10000,100000; 1000000 takes minutes and 13 GB of
//! memory), LAZYCAT_BENCH_TMPFS and LAZYCAT_BENCH_DISK the folders (default /dev/shm and the target folder). From one size
//! to the next, the growth exponent says how time grows with scenes: 1 is in proportion.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::panic)]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lazycat_fixtures::{Benchmark, Camera, FolderLayout, Size, record_figure, write_scenes};

/// Cameras whose scenes have one optic, so that compact files stay below 3 KB; one has too few rows for a million.
const ONE_OPTIC: [Camera; 5] =
    [Camera::Cbers4Mux, Camera::Cbers4Pan5m, Camera::Cbers4Pan10m, Camera::Cbers4aMux, Camera::Cbers4aWpm];

/// Scenes a row.
const PER_ROW: u32 = 40;

fn main() {
    let tmpfs = folder("LAZYCAT_BENCH_TMPFS", "/dev/shm");
    let disk = folder("LAZYCAT_BENCH_DISK", env!("CARGO_TARGET_TMPDIR"));
    let sizes = std::env::var("LAZYCAT_BENCH_SCENES").unwrap_or_else(|_| "1000,10000,100000".to_owned());
    println!(
        "| scenes | XML | where | seconds | scenes/s | again, unchanged, scenes/s | MB resident | times the plain loop | \
         until on the disk, seconds | times the plain loop |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    row(&tmpfs, "tmpfs", 10_000, Size::Full);
    row(&disk, "disk", 10_000, Size::Full);
    let sizes = sizes.split(',').map(|count| count.trim().parse().expect("LAZYCAT_BENCH_SCENES holds numbers"));
    let spent: Vec<(u64, f64)> = sizes.map(|count| (count, row(&tmpfs, "tmpfs", count, Size::Compact))).collect();
    println!("\n| from | to scenes | growth exponent of the time |\n|---|---|---|");
    for pair in spent.windows(2) {
        let [(few, short), (many, long)] = pair else { continue };
        let exponent = (long / short).ln() / (*many as f64 / *few as f64).ln();
        println!("| {few} | {many} | {exponent:.2} |");
        record_figure("run", &format!("growth exponent from {few} to {many} scenes"), exponent, "", None);
    }
}

fn folder(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| PathBuf::from(default), PathBuf::from)
}

/// Runs over so many scenes; the seconds that the run took.
fn row(under: &Path, place: &str, count: u64, size: Size) -> f64 {
    let dir = under.join(format!("lazycat-bench-{}", std::process::id()));
    let (source, catalog, copy) = (dir.join("source"), dir.join("catalog"), dir.join("copy"));
    let benchmark = Benchmark::new(count, PER_ROW, size, &ONE_OPTIC).expect("there are rows enough");
    write_scenes(&source, FolderLayout::Flat, count, |number| benchmark.scene(number)).expect("the scenes are written");
    let on_disk = place == "disk";
    flush(&dir);
    let run = run(&source, &catalog);
    let flushed = if on_disk { flush(&dir) } else { Duration::ZERO };
    assert_eq!(run.made, count, "every scene is made");
    let again = run_again(&source, &catalog, count);
    flush(&dir);
    let plain = plain_loop(&catalog, &copy, on_disk);
    let plain_flushed = if on_disk { flush(&dir) } else { Duration::ZERO };
    let until_on_disk = if on_disk {
        let (ours, theirs) = (run.seconds + flushed.as_secs_f64(), plain + plain_flushed);
        format!("{ours:.1} | **{:.2}**", ours / theirs.as_secs_f64())
    } else {
        " | ".to_owned()
    };
    let xml = bytes_a_scene(&source);
    let case = format!("{count} scenes of {} KB, {place}", xml / 1000);
    let plainly = ("a plain loop that writes the same files, times its time", run.seconds / plain.as_secs_f64());
    record_figure("run", &case, count as f64 / run.seconds, "scenes/s", Some(plainly));
    let first = ("the first run, as a part of its rate", run.seconds / again.seconds);
    record_figure("run", &format!("{case}, again, unchanged"), count as f64 / again.seconds, "scenes/s", Some(first));
    record_figure("run", &format!("{case}, memory"), run.resident as f64 / 1e6, "MB", None);
    if on_disk {
        let (ours, theirs) = (run.seconds + flushed.as_secs_f64(), (plain + plain_flushed).as_secs_f64());
        let plainly = ("the plain loop until on the disk, times its time", ours / theirs);
        record_figure("run", &format!("{case}, until on the disk"), count as f64 / ours, "scenes/s", Some(plainly));
    }
    println!(
        "| {count} | {} B | {place} | {:.1} | **{:.0}** | {:.0} | {:.0} | {:.2} | {until_on_disk} |",
        xml,
        run.seconds,
        count as f64 / run.seconds,
        count as f64 / again.seconds,
        run.resident as f64 / 1e6,
        run.seconds / plain.as_secs_f64(),
    );
    fs::remove_dir_all(&dir).expect("the folder is removed");
    run.seconds
}

/// Waits until what was written to the file system of `dir` is on the disk.
fn flush(dir: &Path) -> Duration {
    let started = Instant::now();
    let status = Command::new("sync").arg("--file-system").arg(dir).status().expect("sync starts");
    assert!(status.success(), "sync ended with {status}");
    started.elapsed()
}

fn bytes_a_scene(source: &Path) -> u64 {
    let first = fs::read_dir(source).unwrap().next().unwrap().unwrap();
    first.metadata().unwrap().len()
}

struct Run {
    made: u64,
    seconds: f64,
    resident: u64,
}

fn run(source: &Path, catalog: &Path) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lazycat"))
        .arg("run")
        .arg(source)
        .arg("--catalog")
        .arg(catalog)
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("lazycat starts");
    let resident = wait(&mut child);
    let mut summary = String::new();
    child.stdout.take().unwrap().read_to_string(&mut summary).unwrap();
    let number = |field: &str| -> f64 {
        let rest = summary.split(&format!("\"{field}\":")).nth(1).expect("the summary has the field");
        rest.split([',', '}']).next().unwrap().parse().unwrap()
    };
    Run { made: number("made") as u64, seconds: number("seconds"), resident }
}

fn run_again(source: &Path, catalog: &Path, count: u64) -> Run {
    let again = run(source, catalog);
    assert_eq!(again.made, 0, "nothing is made twice, of {count}");
    again
}

/// Waits for the child; its greatest resident size in bytes.
fn wait(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut resident = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kilobytes) = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()) {
            resident = resident.max(kilobytes * 1024);
        }
        if let Some(status) = child.try_wait().expect("the child is waited for") {
            assert!(status.success(), "lazycat run ended with {status}");
            return resident;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Writes every file of the catalog once more, folder by folder, and nothing else. The time is that of the writes.
fn plain_loop(catalog: &Path, copy: &Path, keep: bool) -> Duration {
    let mut spent = Duration::ZERO;
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let mut files = Vec::new();
        for entry in fs::read_dir(catalog.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if entry.file_type().unwrap().is_dir() {
                if name != ".lazycat" {
                    folders.push(folder.join(name));
                }
            } else {
                files.push((name, fs::read(entry.path()).unwrap()));
            }
        }
        let started = Instant::now();
        let folder = copy.join(folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes).unwrap();
        }
        spent += started.elapsed();
        // A million files twice would not fit into memory.
        if !keep {
            fs::remove_dir_all(copy).unwrap();
        }
    }
    spent
}
