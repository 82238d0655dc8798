//! What the machine itself gives: randomness and the time.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use rand::RngCore;

use crate::ports::{Chance, Clock};

/// Randomness from the thread's generator, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dice;

impl Chance for Dice {
    fn bits(&self) -> u64 {
        rand::rng().next_u64()
    }
}

/// The clock on the wall. Waiting blocks the thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> DateTime<Utc> {
        SystemTime::now().into()
    }

    async fn pause(&self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
    }
}
