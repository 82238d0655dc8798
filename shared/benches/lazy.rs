//! Lazy beside eager: what a day's pass and a reprocess of everything ask for, and what that costs.
//!
//! The use cases run over the adapters in memory, which count what is asked of them. Lazily, rows are marked and rebuilt at
//! the next tick; eagerly, each item's row is rebuilt right after it. Nothing is timed: counts are the same on every
//! machine. Prints a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures::executor::block_on;
use lazycat::cost::{Requests, Work};
use lazycat::generate::{self, generate};
use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::memory::{Dice, Memory, Time};
use lazycat::message::SceneRecord;
use lazycat::mover::{self, move_marks};
use lazycat::ports::{Chance, Clock, Delivery, ReceiveMessages as _, SourceObject};
use lazycat::stac::Buckets;
use lazycat::stac::catalog::Site;
use lazycat::update::{self, rebuild, update};
use lazycat_fixtures::{Benchmark, Camera, SceneSpec, Size, record_figure};

/// How many messages a batch holds.
const BATCH: usize = 10;

struct World {
    memory: Memory,
    around: Around,
    rebuilds: u64,
}

struct Around {
    dice: Dice,
    time: Time,
}

impl Chance for Around {
    fn bits(&self) -> u64 {
        self.dice.bits()
    }
}

impl Clock for Around {
    fn now(&self) -> DateTime<Utc> {
        self.time.now()
    }

    async fn pause(&self, milliseconds: u64) {
        self.time.pause(milliseconds).await;
    }
}

/// What was asked for on one of the two ways.
struct Asked {
    rebuilds: u64,
    counts: BTreeMap<String, u64>,
}

fn main() {
    println!("| what | | rebuilds | requests | a scene | dollars |\n|---|---|---|---|---|---|");
    // A pass: one scene in each of many rows, each of which has ten already.
    let scenes: Vec<SceneSpec> =
        Benchmark::new(6_600, 11, Size::Compact, &[Camera::Cbers4Mux]).unwrap().scenes().collect();
    let (before, new): (Vec<_>, Vec<_>) = scenes.into_iter().enumerate().partition(|(number, _)| number % 11 != 10);
    let [before, new] = [before, new].map(|scenes| scenes.into_iter().map(|(_, scene)| scene).collect::<Vec<_>>());
    both("a day's pass: 600 scenes in rows of their own, 60 a tick", &before, &new, 60);
    // As many scenes of few rows, as when a station sends what it had kept back.
    let late: Vec<SceneSpec> =
        Benchmark::new(600, 30, Size::Compact, &[Camera::Cbers4Pan10m]).unwrap().scenes().collect();
    both("a day's backlog: 600 scenes in 20 rows, 60 a tick", &late[..1], &late, 60);
    let all: Vec<SceneSpec> =
        Benchmark::new(10_000, 40, Size::Compact, &[Camera::Cbers4Mux]).unwrap().scenes().collect();
    both("a reprocess of 10,000 scenes, 40 a row, 5,000 a tick", &all, &all, 5_000);
}

/// Takes `new` into a catalog of `before`, lazily and eagerly.
fn both(what: &str, before: &[SceneSpec], new: &[SceneSpec], per_tick: usize) {
    let [lazy, eager] = [true, false].map(|lazy| {
        let mut world = World::of(before);
        for (number, scenes) in new.chunks(BATCH).enumerate() {
            world.take(scenes);
            if !lazy {
                scenes.iter().for_each(|scene| world.rebuild(scene));
            } else if ((number + 1) * BATCH).is_multiple_of(per_tick) {
                world.tick();
            }
        }
        if lazy {
            world.settle();
        }
        world.asked(lazy)
    });
    for (name, asked, is_lazy) in [("lazy", &lazy, true), ("eager", &eager, false)] {
        let (requests, dollars) = (asked.requests(), asked.dollars(new.len(), is_lazy));
        let each = requests as f64 / new.len() as f64;
        println!("| {what} | {name} | {} | {requests} | {each:.2} | {dollars:.5} |", asked.rebuilds);
    }
    let dollars = |asked: &Asked, is_lazy| asked.dollars(new.len(), is_lazy);
    let ratio = |lazy: f64, eager: f64| Some(("eager", lazy / eager));
    let [of_lazy, of_eager] = [&lazy, &eager].map(|asked| asked.rebuilds as f64);
    record_figure("lazy", &format!("{what}, levels rebuilt"), of_lazy, "", ratio(of_lazy, of_eager));
    let [of_lazy, of_eager] = [&lazy, &eager].map(|asked| asked.requests() as f64 / new.len() as f64);
    record_figure("lazy", &format!("{what}, all requests"), of_lazy, "a scene", ratio(of_lazy, of_eager));
    for (of, operations, number) in [
        ("scene", &["read source", "get item", "put item", "publish", "put mark"][..], new.len() as u64),
        ("level rebuilt", &["get", "head", "list", "put if", "remove mark"], lazy.rebuilds),
    ] {
        let asked: u64 = operations.iter().filter_map(|operation| lazy.counts.get(*operation)).sum();
        record_figure("lazy", &format!("{what}, requests a {of}"), asked as f64 / number as f64, "", None);
    }
    let (of_lazy, of_eager) = (dollars(&lazy, true), dollars(&eager, false));
    record_figure("lazy", &format!("{what}, cost"), of_lazy, "dollars", ratio(of_lazy, of_eager));
}

impl World {
    /// A catalog of these scenes, with nothing left to do.
    fn of(scenes: &[SceneSpec]) -> Self {
        let memory = Memory::new(1);
        memory.marks.set_marks_a_page(1_000);
        let around = Around { dice: memory.dice.clone(), time: memory.time.clone() };
        let mut world = Self { memory, around, rebuilds: 0 };
        scenes.chunks(BATCH).for_each(|scenes| world.take(scenes));
        world.settle();
        world.rebuilds = 0;
        world.memory.requests.clear();
        world
    }

    /// Works on a batch of messages about scenes.
    fn take(&self, scenes: &[SceneSpec]) {
        let delivery = |scene: &SceneSpec| {
            self.memory.sources.insert(scene.bucket(), scene.source_key(), scene.xml());
            let source = SourceObject { bucket: scene.bucket().to_owned(), key: scene.source_key(), file: None };
            let record = SceneRecord {
                source,
                removed: false,
                reprocess: false,
                force: true,
                quicklook: None,
                message_id: None,
                time: None,
            };
            Delivery { id: scene.id(), body: record.encode(), receives: 1, sent: None, receipt: scene.id() }
        };
        let deliveries: Vec<Delivery> = scenes.iter().map(delivery).collect();
        let ports = generate::Ports {
            source: &self.memory.sources,
            items: &self.memory.objects,
            marks: &self.memory.marks,
            topic: &self.memory.topic,
            letters: &self.memory.scenes.letters(),
            world: &self.around,
        };
        let settings = generate::Settings { grid: INPE.clone(), buckets: Buckets::default(), attempts: 3 };
        let report = block_on(generate(&ports, &settings, &deliveries));
        assert_eq!(report.made as usize, scenes.len(), "{:?}", report.refused);
    }

    /// Moves the marks, and rebuilds what they brought.
    fn tick(&mut self) {
        let queue = self.memory.levels.level_sender();
        block_on(move_marks(&mover::Ports { marks: &self.memory.marks, queue: &queue })).expect("the marks move");
        while !self.memory.levels.is_empty() {
            let received = block_on(self.memory.levels.receive(BATCH)).expect("the queue answers");
            let letters = self.memory.levels.letters();
            let report = block_on(update(&self.update_ports(&letters), &settings(), &received));
            assert!(report.acknowledged.iter().all(|done| *done), "{:?}", report.troubles);
            self.rebuilds += report.rebuilt.len() as u64;
            let receipts: Vec<String> = received.into_iter().map(|delivery| delivery.receipt).collect();
            block_on(lazycat::ports::ReceiveMessages::acknowledge(&self.memory.levels, &receipts)).expect("it is done");
        }
    }

    fn settle(&mut self) {
        while !self.memory.marks.is_empty() {
            self.tick();
        }
    }

    /// Rebuilds a scene's row at once.
    fn rebuild(&mut self, scene: &SceneSpec) {
        let level = Level::parse(&scene.row_key()).expect("a row");
        let letters = self.memory.levels.letters();
        block_on(rebuild(&self.update_ports(&letters), &settings(), &level, self.around.now())).expect("it is rebuilt");
        self.rebuilds += 1;
    }

    fn update_ports<'a>(
        &'a self,
        letters: &'a lazycat::memory::Letters,
    ) -> update::Ports<'a, lazycat::memory::Objects, lazycat::memory::Marks, lazycat::memory::Letters, Around> {
        update::Ports { catalog: &self.memory.objects, marks: &self.memory.marks, letters, world: &self.around }
    }

    /// What was asked for. Eagerly there are no marks: those that were put here are not counted.
    fn asked(&self, lazy: bool) -> Asked {
        let mut counts = self.memory.requests.snapshot();
        counts.retain(|operation, _| !["scenes", "levels"].iter().any(|queue| operation.ends_with(queue)));
        if !lazy {
            counts.remove("put mark");
        }
        Asked { rebuilds: self.rebuilds, counts }
    }
}

fn settings() -> update::Settings {
    update::Settings { grid: INPE.clone(), site: Site::default(), tries: 3, attempts: 3 }
}

impl Asked {
    /// All requests but those to queues.
    fn requests(&self) -> u64 {
        self.counts.values().sum()
    }

    /// What these cost, with those to queues and the functions' time as the model of costs has them.
    fn dollars(&self, scenes: usize, lazy: bool) -> f64 {
        let count = |operation: &str| self.counts.get(operation).copied().unwrap_or(0) as f64;
        let ticks = count("scan marks");
        let work = Work {
            scenes: scenes as f64,
            rebuilds: self.rebuilds as f64,
            ticks,
            a_batch: 1.0,
            lazy,
            ..Work::default()
        };
        let requests = Requests {
            read_source: count("read source"),
            get_item: count("get item"),
            put_item: count("put item"),
            publish: count("publish"),
            put_mark: count("put mark"),
            scan_marks: ticks,
            remove_mark: count("remove mark"),
            get: count("get"),
            list: count("list"),
            head: count("head"),
            put_if: count("put if"),
            ..work.requests()
        };
        requests.bill().dollars
    }
}
