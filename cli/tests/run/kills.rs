//! Runs that are killed, and several at once.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use lazycat_fixtures::{Benchmark, Camera, FolderLayout, SceneSpec, Size, write_scenes};

use crate::sound::{documents, must_be_sound, must_be_the_same_but_for_revisions};
use crate::world::{Ran, World};

/// The number that instants are drawn from; to repeat a test, set this variable to what it has printed.
const SEED: &str = "LAZYCAT_TEST_SEED";

/// How many scenes the longest test has.
const MANY: u64 = 2_000;

/// How many scenes the others have.
const FEW: u64 = 700;

/// How often a run is killed.
const KILLS: usize = 14;

/// Numbers that look random, the same for the same seed (splitmix64).
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one("seed"));
        eprintln!("{SEED}={seed}");
        Self(seed)
    }

    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn part_of(&mut self, whole: Duration) -> Duration {
        whole.mul_f64(self.unit())
    }
}

fn set(scenes: u64) -> Benchmark {
    Benchmark::new(scenes, 25, Size::Compact, &Camera::ALL).unwrap()
}

/// Writes those scenes of the set whose number is wanted.
fn write_set(folder: &Path, scenes: u64, wanted: impl Fn(u64) -> bool) {
    let set = set(scenes);
    let numbers: Vec<u64> = (0..scenes).filter(|number| wanted(*number)).collect();
    let scene = |number: u64| set.scene(numbers[number as usize]);
    write_scenes(folder, FolderLayout::Flat, numbers.len() as u64, scene).unwrap();
}

/// A world of so many scenes, and the catalog that nobody disturbed made of them, with how long it took.
fn undisturbed(scenes: u64) -> (World, Duration) {
    let world = World::new();
    write_set(&world.source, scenes, |_| true);
    let started = Instant::now();
    world.run(OPTIONS).must_have_made(scenes);
    (world, started.elapsed())
}

/// Marks are moved often, so that levels are rebuilt while scenes are still being made.
const OPTIONS: &[&str] = &["--tick", "0.01"];

/// Asserts that a run has brought all to an end: the same catalog as an undisturbed one's, and nothing left to do.
fn must_have_converged(world: &World, to: &World, last: &Ran, scenes: u64) {
    last.must_exit(0);
    assert_eq!(last.count("refused"), 0, "{}", last.told());
    must_be_the_same_but_for_revisions(&world.catalog, &to.catalog);
    let before = documents(&world.catalog);
    world.run(&[]).must_have_found_all_done(scenes);
    assert_eq!(documents(&world.catalog), before);
    // Only now: what a killed run has left is cleared up by the next one that starts.
    must_be_sound(&world.catalog, scenes as usize);
}

/// Every document that is there is whole, at any instant: no reader sees half a file.
fn must_be_whole(catalog: &Path) {
    for (key, bytes) in documents(catalog) {
        assert!(key.ends_with(".json"), "{key} was left behind");
        assert!(bytes.ends_with(b"}"), "{key} is cut off after {} bytes", bytes.len());
    }
}

#[test]
fn a_run_that_is_killed_again_and_again_ends_with_the_catalog_of_an_undisturbed_one() {
    let mut random = Random::new();
    let (undisturbed, took) = undisturbed(MANY);
    let mut world = World::new();
    world.source.clone_from(&undisturbed.source);
    let mut killed = 0;
    for round in 0.. {
        // Early, so that the work lasts for many rounds; each goes on where the one before was killed.
        let after = random.part_of(random_share(round, took));
        let running = world.start(OPTIONS);
        thread::sleep(after);
        killed += usize::from(running.kill());
        must_be_whole(&world.catalog);
        if round + 1 >= KILLS {
            break;
        }
    }
    assert!(killed > KILLS / 2, "only {killed} of {KILLS} were killed before their end");
    let last = world.run(OPTIONS);
    eprintln!("{killed} killed; an undisturbed run takes {took:?}; the last one made {} of {MANY}", last.count("made"));
    must_have_converged(&world, &undisturbed, &last, MANY);
}

/// Odd rounds are killed soon after their start, while the state of the one before is taken up.
fn random_share(round: usize, took: Duration) -> Duration {
    if round % 2 == 1 { took / 10 } else { took.mul_f64(0.3) }
}

/// Each run finds scenes that came since the last one was killed, in rows that are there and in new ones.
#[test]
fn scenes_that_come_between_kills_are_all_linked() {
    let mut random = Random::new();
    let (undisturbed, took) = undisturbed(FEW);
    let world = World::new();
    for round in 0..6 {
        write_set(&world.source, FEW, |number| number % 6 == round);
        let running = world.start(OPTIONS);
        thread::sleep(random.part_of(took / 3));
        running.kill();
    }
    must_have_converged(&world, &undisturbed, &world.run(OPTIONS), FEW);
}

/// A run of `--force` writes what is there already; killed, it must leave every item and link in place.
#[test]
fn a_forced_run_that_is_killed_loses_nothing() {
    let mut random = Random::new();
    let (world, took) = undisturbed(FEW);
    let copy = World::new();
    for (key, bytes) in documents(&world.catalog) {
        crate::world::write(&copy.catalog.join(key), &bytes);
    }
    for _ in 0..3 {
        let running = world.start(&["--force", "--tick", "0.01"]);
        thread::sleep(random.part_of(took));
        running.kill();
        must_be_the_same_but_for_revisions(&world.catalog, &copy.catalog);
    }
    must_have_converged(&world, &copy, &world.run(OPTIONS), FEW);
}

#[test]
fn two_runs_of_one_source_make_one_catalog() {
    let (undisturbed, _) = undisturbed(FEW);
    let mut world = World::new();
    world.source.clone_from(&undisturbed.source);
    let runs = [world.start(OPTIONS), world.start(OPTIONS)];
    let ran = runs.map(|running| running.end());
    for one in &ran {
        one.must_exit(0);
        assert_eq!(one.count("refused"), 0, "{}", one.told());
    }
    let made: u64 = ran.iter().map(|one| one.count("made") + one.count("unchanged")).sum();
    assert_eq!(made, 2 * FEW, "each has sent every scene, and each was worked on once by one of them");
    must_have_converged(&world, &undisturbed, &ran[1], FEW);
}

#[test]
fn three_runs_of_different_sources_make_one_catalog() {
    let (undisturbed, _) = undisturbed(FEW);
    let mut world = World::new();
    let sources = [0, 1, 2].map(|share| {
        let source = world.folder.path().join(format!("source-{share}"));
        // Every row gets scenes of all three.
        write_set(&source, FEW, |number| number % 3 == share);
        source
    });
    let ran = sources.each_ref().map(|source| world.start_from(source, OPTIONS)).map(|running| running.end());
    for one in &ran {
        one.must_exit(0);
    }
    let made: u64 = ran.iter().map(|one| one.count("made")).sum();
    assert_eq!(made, FEW);
    world.source.clone_from(&undisturbed.source);
    must_have_converged(&world, &undisturbed, &ran[0], FEW);
}

#[test]
fn of_three_runs_at_once_one_is_killed_and_the_others_do_its_work() {
    let mut random = Random::new();
    let (undisturbed, took) = undisturbed(FEW);
    let mut world = World::new();
    world.source.clone_from(&undisturbed.source);
    let [first, second, third] = [world.start(OPTIONS), world.start(OPTIONS), world.start(OPTIONS)];
    thread::sleep(random.part_of(took));
    first.kill();
    let ran = [second.end(), third.end()];
    ran[0].must_exit(0);
    must_have_converged(&world, &undisturbed, &ran[1], FEW);
}

/// A run that ends while a watch works on the same catalog leaves nothing half done.
#[test]
fn a_run_beside_a_watch_ends_when_all_is_done() {
    let world = World::new();
    let scenes: Vec<SceneSpec> = set(FEW).scenes().step_by(15).collect();
    for scene in &scenes {
        world.add(scene);
    }
    let watch = world.start(&["--watch", "--tick", "0.02"]);
    for _ in 0..3 {
        world.run(OPTIONS).must_exit(0);
        must_be_linked(&world, &scenes);
    }
    assert!(watch.kill());
    world.run(&[]).must_have_found_all_done(scenes.len() as u64);
    must_be_sound(&world.catalog, scenes.len());
}

fn must_be_linked(world: &World, scenes: &[SceneSpec]) {
    for scene in scenes {
        let row = world.read(&format!("{}/catalog.json", scene.row_key()));
        assert!(row.contains(&scene.id()), "{} is not linked", scene.id());
        assert!(fs::metadata(world.catalog.join(scene.row_key()).join(format!("{}.json", scene.id()))).is_ok());
    }
}
