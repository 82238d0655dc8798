//! Progress of what is counted and has no known end: a spinner on a terminal, lines elsewhere.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// How often the spinner is drawn anew.
const SPINNER_EVERY: Duration = Duration::from_millis(100);

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// A count that may be told at any time.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU64);

impl Counting {
    /// It is so many now.
    pub(crate) fn tell(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// Runs `work`, showing the count of `what` on standard error meanwhile.
    pub(crate) fn during<T: Send>(&self, what: &str, work: impl FnOnce() -> T + Send) -> T {
        let (done, waiting) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let ended = |for_at_most| waiting.recv_timeout(for_at_most) != Err(RecvTimeoutError::Timeout);
                if std::io::stderr().is_terminal() { self.spinner(what, ended) } else { self.lines(what, ended) }
            });
            let result = work();
            drop(done);
            result
        })
    }

    fn count(&self) -> HumanCount {
        HumanCount(self.0.load(Ordering::Relaxed))
    }

    fn spinner(&self, what: &str, ended: impl Fn(Duration) -> bool) {
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        while !ended(SPINNER_EVERY) {
            bar.set_message(format!("{} {what}", self.count()));
            bar.tick();
        }
        bar.finish_and_clear();
    }

    fn lines(&self, what: &str, ended: impl Fn(Duration) -> bool) {
        while !ended(LINE_EVERY) {
            eprintln!("{} {what}", self.count());
        }
    }
}
