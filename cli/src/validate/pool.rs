//! Work that begets work, over all cores.

use std::num::NonZero;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Locks what only this program's threads touch; a thread that panicked ends the run anyway, when it is joined.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Pool<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    /// The last pushed is taken first, so that a tree is walked to its leaves before the next branch is opened: what
    /// waits stays few.
    waiting: Vec<T>,
    running: usize,
}

/// Runs tasks, and those that they push, until none is left.
pub(super) fn run<T: Send>(first: Vec<T>, work: impl Fn(T, &mut Vec<T>) + Sync) {
    let pool = Pool { state: Mutex::new(State { waiting: first, running: 0 }), changed: Condvar::new() };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(task) = pool.take() {
                    // Given back when dropped, so that a panic in one thread does not leave the others waiting.
                    let mut done = Done { pool: &pool, more: Vec::new() };
                    work(task, &mut done.more);
                }
            });
        }
    });
}

impl<T> Pool<T> {
    fn take(&self) -> Option<T> {
        let mut state = lock(&self.state);
        loop {
            if let Some(task) = state.waiting.pop() {
                state.running += 1;
                return Some(task);
            }
            if state.running == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Done<'a, T> {
    pool: &'a Pool<T>,
    more: Vec<T>,
}

impl<T> Drop for Done<'_, T> {
    fn drop(&mut self) {
        let mut state = lock(&self.pool.state);
        state.waiting.append(&mut self.more);
        state.running -= 1;
        drop(state);
        self.pool.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn every_task_runs_once_whoever_pushed_it() {
        let sum = AtomicU64::new(0);
        run(vec![1000_u64], |task, more| {
            sum.fetch_add(1, Ordering::Relaxed);
            if task > 1 {
                more.push(task / 2);
                more.push(task - task / 2);
            }
        });
        assert_eq!(sum.into_inner(), 1999);
    }

    #[test]
    fn no_task_is_no_work() {
        run(Vec::<()>::new(), |(), _| {});
    }
}
