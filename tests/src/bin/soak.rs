//! The simulation with fresh seeds, for as long as `SOAK_SECONDS` says; `SOAK_START` is the first seed, if not one that
//! the clock gives. The first failure is told, with the line that repeats it, and ends the run with 1.

#![allow(clippy::print_stdout)]

use std::env;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lazycat_tests::simulation::{Kind, Profile, Seed};

/// How often it tells how far it is.
const TELL: Duration = Duration::from_secs(10);

const KINDS: [Kind; 2] = [Kind::Priorities, Kind::Uniform];
const PROFILES: [Profile; 5] = [Profile::Any, Profile::OneRow, Profile::Race, Profile::OneScene, Profile::Calm];

/// A number from the environment.
fn number(name: &str) -> Result<Option<u64>, String> {
    let Ok(text) = env::var(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("{name} is {text:?}, expected a number"))
}

fn soak() -> Result<(), String> {
    let seconds = number("SOAK_SECONDS")?.unwrap_or(60);
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let start = number("SOAK_START")?.unwrap_or(clock.as_millis().try_into().unwrap_or(0));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    println!("{seconds} seconds from seed {start} on, {workers} at once");
    let began = Instant::now();
    let next = AtomicU64::new(start);
    let (steps, troubles) = (AtomicU64::new(0), AtomicU64::new(0));
    let failure = Mutex::new(None);
    let told = Mutex::new(began);
    let work = || {
        while began.elapsed().as_secs() < seconds && failure.lock().is_ok_and(|failure| failure.is_none()) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            for kind in KINDS {
                for profile in PROFILES {
                    let seed = Seed::Drawn(kind, profile, number);
                    let outcome = seed.run(None, false);
                    steps.fetch_add(outcome.steps as u64, Ordering::Relaxed);
                    troubles.fetch_add(outcome.troubles as u64, Ordering::Relaxed);
                    if let (false, Ok(mut failure)) = (outcome.violations.is_empty(), failure.lock()) {
                        failure.get_or_insert(seed);
                        return;
                    }
                }
            }
            if let Ok(mut told) = told.try_lock()
                && told.elapsed() >= TELL
            {
                *told = Instant::now();
                let (seeds, steps) = (number - start + 1, steps.load(Ordering::Relaxed));
                println!("{:>6} s: {seeds} seeds, {steps} steps", began.elapsed().as_secs());
            }
        }
    };
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    if let Ok(Some(seed)) = failure.into_inner() {
        return Err(seed.story(None));
    }
    println!(
        "{} seeds, each under {} schedules: {} steps, {} troubles, nothing lost",
        next.into_inner() - start,
        KINDS.len() * PROFILES.len(),
        steps.into_inner(),
        troubles.into_inner()
    );
    Ok(())
}

fn main() -> ExitCode {
    match soak() {
        Ok(()) => ExitCode::SUCCESS,
        Err(told) => {
            println!("{told}");
            ExitCode::FAILURE
        }
    }
}
