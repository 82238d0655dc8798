//! A disk that is full, and is freed.
//!
//! The disk is a small tmpfs, mounted in a mount namespace of a process of its own: this very test program, told by an
//! environment variable to play a part in place of testing. It goes with that process, however that ends.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::kills::{FEW, OPTIONS, Random, must_be_whole, must_have_converged, undisturbed};
use crate::world::{FAILURE, Running, World};

/// The part to play, and the folder for all that it makes.
const PART: &str = "LAZYCAT_TEST_PART";
const FOLDER: &str = "LAZYCAT_TEST_FOLDER";

/// Set by those who know that nothing can be mounted where they test.
const WITHOUT: &str = "LAZYCAT_WITHOUT_MOUNT";

/// What a run says when the disk is full.
const TOLD: &str = "the disk is full";

#[test]
fn a_run_waits_while_the_disk_is_full_and_goes_on_when_there_is_room() {
    on_a_disk_of_its_own("freed");
}

#[test]
fn a_run_that_is_killed_while_the_disk_is_full_loses_nothing() {
    on_a_disk_of_its_own("killed");
}

/// Not a test of its own: the parts of those above.
#[test]
fn play_a_part() {
    match env::var(PART).as_deref() {
        Ok("freed") => freed(),
        Ok("killed") => killed(),
        Ok(other) => panic!("unknown part {other}"),
        Err(_) => {}
    }
}

/// Plays a part where a file system can be mounted that nobody else sees.
fn on_a_disk_of_its_own(part: &str) {
    let folder = TempDir::new().unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(if is_root { &["--mount"][..] } else { &["--user", "--map-root-user", "--mount"] });
        command
    };
    // Told apart from a part that fails.
    let tried = unshare().args(["mount", "-t", "tmpfs", "-o", "size=64k", "lazycat"]).arg(folder.path()).output();
    let refusal = match &tried {
        Ok(Output { status, .. }) if status.success() => None,
        Ok(Output { stderr, .. }) => Some(String::from_utf8_lossy(stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    };
    if let Some(refusal) = refusal {
        let told = format!("no file system can be mounted here ({refusal}), so a full disk cannot be tested");
        assert!(
            env::var_os(WITHOUT).is_some(),
            "{told}; run the tests as root or where user namespaces are allowed, or set {WITHOUT}=1 to go without"
        );
        // Past the harness, which keeps to itself what a test that passes has printed with a macro.
        io::stderr().write_all(format!("NOT TESTED: {told}\n").as_bytes()).unwrap();
        return;
    }
    let played = unshare()
        .arg(env::current_exe().unwrap())
        .args(["--exact", "full::play_a_part", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    eprintln!("{told}");
    assert!(played.status.success() && told.contains("1 passed"), "{part}: {}", played.status);
}

/// A small disk. Unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf) -> Self {
        fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=48m", "lazycat"]).arg(&at).status();
        assert!(mounted.unwrap().success());
        Self(at)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Fills it up but for so many bytes.
    fn fill(&self, but_for: u64) {
        let mut filler = File::create(self.filler()).unwrap();
        let mut size = 0;
        loop {
            match filler.write(&[0; 4096]) {
                Ok(written) => size += written as u64,
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
        filler.set_len(size - but_for).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A world whose catalog is on a small disk, with room for so many bytes, and whose source is the other one's.
fn on_a_small_disk(source: &Path, room: u64) -> (Disk, World) {
    let mut world = World::new_in(Path::new(&env::var_os(FOLDER).unwrap()));
    world.source = source.to_owned();
    let disk = Disk::mount(world.folder.path().join("disk"));
    world.catalog = disk.0.join("catalog");
    disk.fill(room);
    (disk, world)
}

/// Waits until the run says that the disk is full. False when it has ended before: there was no room even to begin.
fn waits(running: &mut Running) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !running.output.stderr().contains(TOLD) {
        if running.child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(Instant::now() < deadline, "the disk never filled up: {}", running.output);
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Room for a part of the catalog: less than the items of the set take, sometimes hardly any. Never the same.
fn rooms(random: &mut Random, how_many: usize) -> Vec<u64> {
    let most = FEW as f64 * 4096.0;
    (0..how_many).map(|_| (random.unit().powi(2) * most) as u64 + 128 * 1024).collect()
}

fn freed() {
    let mut random = Random::new();
    let (undisturbed, _) = undisturbed(FEW);
    let mut waited = 0;
    for room in rooms(&mut random, 6) {
        let (disk, world) = on_a_small_disk(&undisturbed.source, room);
        let mut running = world.start(OPTIONS);
        if !waits(&mut running) {
            running.end().must_fail(FAILURE, &["full disk", "make room"]);
            disk.free();
            must_have_converged(&world, &undisturbed, &world.run(OPTIONS), FEW);
            continue;
        }
        waited += 1;
        must_be_whole(&world.catalog);
        assert!(running.child.try_wait().unwrap().is_none(), "it does not wait: {}", running.output);
        disk.free();
        let last = running.end();
        eprintln!("room for {room} bytes, {} made: {}", last.count("made"), last.stderr.trim());
        // Once, whatever found it full and however often: neither the state nor any scene is told beside.
        let warnings = last.stderr.lines().filter(|line| line.contains("WARN")).count();
        assert_eq!((last.stderr.matches(TOLD).count(), warnings), (1, 1), "{}", last.told());
        assert_eq!(last.count("made"), FEW, "{}", last.told());
        must_have_converged(&world, &undisturbed, &last, FEW);
        must_have_published_all(&world);
    }
    assert!(waited >= 3, "only {waited} runs have waited");
}

/// Each item stands in the log, and no line of a batch that found the disk full is left in part.
fn must_have_published_all(world: &World) {
    let log = fs::read_to_string(world.catalog.join(".lazycat/items.ndjson")).unwrap();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    let ids: BTreeSet<String> = log.lines().map(id).collect();
    assert_eq!(ids.len() as u64, FEW);
}

fn killed() {
    let mut random = Random::new();
    let (undisturbed, _) = undisturbed(FEW);
    for room in rooms(&mut random, 3) {
        let (disk, world) = on_a_small_disk(&undisturbed.source, room);
        // More often than a message may end its process.
        for _ in 0..12 {
            let mut running = world.start(OPTIONS);
            if waits(&mut running) {
                running.kill();
            } else {
                // On a disk as full as that no state can be opened.
                running.end().must_fail(FAILURE, &["full disk", "make room"]);
            }
            must_be_whole(&world.catalog);
        }
        disk.free();
        must_have_converged(&world, &undisturbed, &world.run(OPTIONS), FEW);
    }
}
