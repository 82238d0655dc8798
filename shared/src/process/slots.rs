//! How many requests are worked on at a time.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::generator::ports::GeneratorError;

/// Places for so many.
#[derive(Debug)]
pub(super) struct Slots {
    all: usize,
    free: Mutex<usize>,
    freed: Condvar,
}

/// A place, until it is dropped.
pub(super) struct Slot<'a>(&'a Slots);

impl Slots {
    pub(super) fn new(all: usize) -> Self {
        Self { all, free: Mutex::new(all), freed: Condvar::new() }
    }

    /// Waits for a place, at most until `deadline`.
    pub(super) fn take(&self, deadline: Instant) -> Result<Slot<'_>, GeneratorError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(free, left, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // Also where a place is free: what comes too late would not be done in time.
        if *free == 0 || deadline <= Instant::now() {
            let detail = "there was no time left to start this request; others took it";
            return Err(GeneratorError::passing("busy", detail));
        }
        *free -= 1;
        Ok(Slot(self))
    }

    /// Waits until nobody has a place.
    pub(super) fn wait_until_all_are_free(&self) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.freed.wait_while(free, |free| *free < self.all));
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_all();
    }
}
