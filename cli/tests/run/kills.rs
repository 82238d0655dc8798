//! Runs that are killed, and several at once.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use chrono::DateTime;
use futures::executor::block_on;
use lazycat::level::Level;
use lazycat::local::{self, QueueName};
use lazycat::message::LevelMessage;
use lazycat::ports::{ReceiveMessages as _, SendMessages as _};
use lazycat_fixtures::{Benchmark, Camera, FolderLayout, SceneSpec, Size, write_scenes};

use crate::sound::{documents, keys, must_be_sound, must_be_the_same_but_for_revisions};
use crate::world::{FAILURE, Ran, SOME_REFUSED, SUCCESS, World, mux};

/// The number that instants are drawn from; to repeat a test, set this variable to what it has printed.
const SEED: &str = "LAZYCAT_TEST_SEED";

/// How many scenes the longest test has.
const MANY: u64 = 2_000;

/// How many scenes the others have.
pub const FEW: u64 = 700;

/// How many those have that last for hundreds of processes, each of which sends them all again.
const FEWER: u64 = 240;

/// How often a run is killed.
const KILLS: usize = 14;

/// Numbers that look random, the same for the same seed (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one("seed"));
        eprintln!("{SEED}={seed}");
        Self(seed)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn part_of(&mut self, whole: Duration) -> Duration {
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
pub fn undisturbed(scenes: u64) -> (World, Duration) {
    let world = World::new();
    write_set(&world.source, scenes, |_| true);
    let started = Instant::now();
    world.run(OPTIONS).must_have_made(scenes);
    (world, started.elapsed())
}

/// Marks are moved often, so that levels are rebuilt while scenes are still being made.
pub const OPTIONS: &[&str] = &["--tick", "0.01"];

/// Asserts that a run has brought all to an end: the same catalog as an undisturbed one's, and nothing left to do.
pub fn must_have_converged(world: &World, to: &World, last: &Ran, scenes: u64) {
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
pub fn must_be_whole(catalog: &Path) {
    for key in keys(catalog) {
        assert!(key.ends_with(".json"), "{key} was left behind");
        let bytes = match fs::read(catalog.join(&key)) {
            // Withdrawn since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            read => read.unwrap_or_else(|error| panic!("{key}: {error}")),
        };
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

/// Brings scenes of the set into the source, each file whole: somebody may be reading.
fn bring(world: &World, wanted: impl Fn(u64) -> bool) {
    let incoming = world.folder.path().join("incoming");
    write_set(&incoming, FEWER, wanted);
    for entry in fs::read_dir(&incoming).unwrap() {
        let entry = entry.unwrap();
        fs::rename(entry.path(), world.source.join(entry.file_name())).unwrap();
    }
}

/// The variable that says how often the processes of the next test are killed.
const HOW_OFTEN: &str = "LAZYCAT_KILLS";

/// Three processes work on one catalog, and at each random instant one of them, any one, is killed and another started in
/// its place: to run, to run again by force, or to withdraw scenes that the next run brings back. Meanwhile scenes come. In
/// the end all is as if nobody had been disturbed.
#[test]
fn processes_that_are_killed_some_hundred_times_lose_nothing() {
    let kills: usize = std::env::var(HOW_OFTEN).ok().and_then(|kills| kills.parse().ok()).unwrap_or(200);
    let mut random = Random::new();
    let (undisturbed, _) = undisturbed(FEWER);
    let world = World::new();
    let withdrawn: Vec<String> = set(FEWER).scenes().step_by(20).map(|scene| scene.id()).collect();
    let withdrawn: Vec<&str> = withdrawn.iter().map(String::as_str).collect();
    let start = |random: &mut Random| match random.unit() {
        part if part < 0.5 => world.start(OPTIONS),
        part if part < 0.8 => world.start(&["--force", "--tick", "0.01"]),
        _ => world.start_withdrawal(&withdrawn),
    };
    bring(&world, |number| number % 8 == 0);
    // A withdrawal wants a catalog to be there.
    world.run(OPTIONS).must_exit(0);
    let mut running = [(); 3].map(|()| Some(start(&mut random)));
    let mut killed = 0;
    for kill in 0..kills {
        let came = kill * 8 / kills;
        if (kill + 1) * 8 / kills > came {
            bring(&world, |number| number % 8 == came as u64);
        }
        // A run is over in some hundred milliseconds, and it begins with work on what others have left.
        thread::sleep(random.part_of(Duration::from_millis(100)));
        let which = (random.unit() * 3.0) as usize;
        killed += usize::from(running[which].take().unwrap().kill());
        if kill % 20 == 0 {
            must_be_whole(&world.catalog);
        }
        running[which] = Some(start(&mut random));
    }
    for running in running.into_iter().flatten() {
        running.end().must_exit(0);
    }
    assert!(killed > kills / 4, "only {killed} of {kills} were killed before their end");
    // Withdrawals may have been the last to work, and are not what the source says.
    world.run(OPTIONS).must_exit(0);
    let last = world.run(OPTIONS);
    eprintln!("{killed} of {kills} were killed before their end");
    must_have_converged(&world, &undisturbed, &last, FEWER);
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
    let mut watch = world.start(&["--watch", "--tick", "0.02"]);
    for _ in 0..3 {
        world.run(OPTIONS).must_exit(0);
        must_be_linked(&world, &scenes);
    }
    // On a busy machine the watch may only now have begun: what it takes last, it takes after all it has found first.
    let last = mux(1);
    world.add(&last);
    let item = world.catalog.join(last.row_key()).join(format!("{}.json", last.id()));
    watch.wait_until("the last scene is made", || item.exists());
    world.run(OPTIONS).must_exit(0);
    assert!(watch.kill());
    world.run(&[]).must_have_found_all_done(scenes.len() as u64 + 1);
    must_be_sound(&world.catalog, scenes.len() + 1);
}

fn must_be_linked(world: &World, scenes: &[SceneSpec]) {
    for scene in scenes {
        let row = world.read(&format!("{}/catalog.json", scene.row_key()));
        assert!(row.contains(&scene.id()), "{} is not linked", scene.id());
        assert!(fs::metadata(world.catalog.join(scene.row_key()).join(format!("{}.json", scene.id()))).is_ok());
    }
}

/// As a process of which it is the end, each time, leaves a message: received and not concluded.
fn die_of(world: &World, queue: QueueName, body: &str, times: u32) {
    let open = || local::open(&world.catalog).unwrap().state;
    block_on(open().queue(queue).send(&[body.to_owned()])).remove(0).unwrap();
    for time in 1..=times {
        let state = open();
        let received = block_on(state.queue(queue).receive(1)).unwrap();
        assert_eq!(received[0].receives, time);
    }
}

fn scene_message(file: &Path, scene: &SceneSpec) -> String {
    let file = serde_json::to_string(file).unwrap();
    format!(
        r#"{{"Records":[{{"eventName":"ObjectCreated:Put","s3":{{"bucket":{{"name":"{}"}},"object":{{"key":"{}","file":{file},"messageId":"run-0"}}}}}}]}}"#,
        scene.bucket(),
        scene.source_key(),
    )
}

/// Without a bound each start would die of it, and with a bound alone each start would bring a fresh message to die of.
#[test]
fn a_scene_that_ends_its_process_each_time_is_given_up_until_its_file_changes() {
    let world = World::with(&[mux(0)]);
    let file = world.add(&mux(1));
    world.add(&mux(2));
    die_of(&world, QueueName::Scenes, &scene_message(&file, &mux(1)), 10);
    for made in [1, 0, 0] {
        let ran = world.run(&[]);
        ran.must_exit(SOME_REFUSED);
        assert_eq!((ran.count("made"), ran.count("refused")), (made, 1), "{}", ran.told());
        let refused = &ran.refused()[0];
        assert_eq!((refused.reason.as_str(), refused.scene.as_str()), ("gave-up", file.to_str().unwrap()));
        let letters = local::open(&world.catalog).unwrap().state.dead_letters(QueueName::Scenes).page(0, 10).unwrap();
        assert_eq!(letters.len(), 1, "{letters:?}");
    }
    must_be_sound(&world.catalog, 2);
    world.add(&mux(1));
    // What was given up is sent back, and the run sends the scene, too.
    let ran = world.run(&[]);
    ran.must_exit(SUCCESS);
    assert!(ran.count("made") >= 1, "{}", ran.told());
    must_be_sound(&world.catalog, 3);
    world.run(&[]).must_have_found_all_done(3);
}

#[test]
fn a_level_that_ends_its_process_each_time_is_told_until_a_run_is_forced() {
    let world = World::with(&[mux(0)]);
    let level = LevelMessage { level: Level::parse(&mux(0).row_key()).unwrap(), since: DateTime::UNIX_EPOCH };
    die_of(&world, QueueName::Levels, &level.encode(), 10);
    world.add(&mux(1));
    for _ in 0..2 {
        let ran = world.run(&[]);
        ran.must_fail(FAILURE, &["1 could not be rebuilt", "CBERS4/MUX/057/121"]);
        assert_eq!((ran.count("refused"), ran.count("stale")), (0, 1), "{}", ran.told());
        assert_eq!(ran.summary()["stale_levels"][0]["reason"], "gave-up", "{}", ran.told());
    }
    world.run(&["--force"]).must_exit(SUCCESS);
    must_be_sound(&world.catalog, 2);
    world.run(&[]).must_have_found_all_done(2);
}

/// Nine deaths are not enough: who is killed for another reason, again and again, loses nothing.
#[test]
fn a_message_that_was_received_often_is_worked_on_all_the_same() {
    let world = World::with(&[mux(0)]);
    let file = world.add(&mux(1));
    die_of(&world, QueueName::Scenes, &scene_message(&file, &mux(1)), 9);
    let ran = world.run(&[]);
    ran.must_exit(SUCCESS);
    assert_eq!(ran.count("refused"), 0, "{}", ran.told());
    must_be_sound(&world.catalog, 2);
}
