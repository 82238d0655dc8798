//! The rebuild of a row with many items, over a directory. Prints a table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::time::{Duration, Instant};

use chrono::DateTime;
use futures::executor::block_on;
use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::local::{self, Dice, QueueName, WallClock};
use lazycat::ports::{Chance, Clock};
use lazycat::stac::catalog::Site;
use lazycat::update::{self, Ports, Settings};
use lazycat_fixtures::record_figure;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct World;

impl Chance for World {
    fn bits(&self) -> u64 {
        Dice.bits()
    }
}

impl Clock for World {
    fn now(&self) -> DateTime<chrono::Utc> {
        WallClock.now()
    }

    async fn pause(&self, milliseconds: u64) {
        WallClock.pause(milliseconds).await;
    }
}

fn main() {
    println!("| items in the row | ms a rebuild | catalog bytes | times a listing and a write of as many bytes |");
    println!("|---|---|---|---|");
    for items in [10, 1_000, 10_000, 100_000] {
        row(items);
    }
}

fn row(items: u64) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let local = local::open(folder.path()).expect("the catalog opens");
    let level = Level::parse("CBERS4/MUX/057/121").expect("a level key");
    let row = folder.path().join(level.key());
    std::fs::create_dir_all(&row).unwrap();
    for item in 0..items {
        // Days since year 1, so that every name is a date.
        let day = chrono::NaiveDate::from_num_days_from_ce_opt(600_000 + item as i32).unwrap();
        let name = format!("CBERS_4_MUX_{}_057_121_L2.json", day.format("%Y%m%d"));
        std::fs::write(row.join(name), "{}").unwrap();
    }
    let ports = Ports {
        catalog: &local.directory,
        marks: &local.state,
        letters: &local.state.dead_letters(QueueName::Levels),
        world: &World,
    };
    let settings = Settings { grid: INPE.clone(), site: Site::default(), tries: 3, attempts: 3 };
    let rebuild = || {
        let rebuilt =
            block_on(update::rebuild(&ports, &settings, &level, DateTime::UNIX_EPOCH)).expect("it is rebuilt");
        assert_eq!(rebuilt.entries as u64, items);
    };
    let spent = median(rebuild);
    let catalog = std::fs::read(row.join("catalog.json")).unwrap();
    let plain = median(|| {
        assert!(std::fs::read_dir(&row).unwrap().count() as u64 >= items);
        std::fs::write(folder.path().join("plain"), &catalog).unwrap();
    });
    let (milliseconds, ratio) = (spent.as_secs_f64() * 1e3, spent.as_secs_f64() / plain.as_secs_f64());
    let compared_to = Some(("a listing and a write of as many bytes", ratio));
    record_figure("rebuild", &format!("a row of {items} items"), milliseconds, "ms", compared_to);
    println!("| {items} | **{milliseconds:.2}** | {} | {ratio:.1} |", catalog.len());
}

fn median(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..15)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}
