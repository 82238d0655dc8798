//! What the function's machine gives: randomness and the time.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use rand::RngCore;

use crate::ports::{Chance, Clock};

/// Randomness from the thread's generator, seeded by the operating system, and the clock on the wall. Waiting lets
/// the runtime's thread go.
#[derive(Debug, Clone, Copy, Default)]
pub struct World;

impl Chance for World {
    fn bits(&self) -> u64 {
        rand::rng().next_u64()
    }
}

impl Clock for World {
    fn now(&self) -> DateTime<Utc> {
        SystemTime::now().into()
    }

    async fn pause(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }
}
