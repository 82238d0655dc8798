//! Patience: what every thread does when the disk is full or the state fails.
//!
//! A full disk is waited for, however long it stays full: nothing but room helps, so no attempt is counted, and nothing
//! goes to the dead letters for it. [`Patient`] puts this wait around the ports that the use cases write through;
//! [`Patience::insist`] around the engine's own calls, which in addition bear with any other failure for a while. Either
//! way the trouble is told once, however many threads meet it however often.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::level::{Level, Mark, Token};
use crate::local::is_full;
use crate::message::{DeadLetter, ItemMessage, LevelMessage};
use crate::ports::{
    BuryLetters, ETag, Expected, ItemPut, KeepCheckpoints, MarkLevels, MarkPage, Object, Page, PageToken, PortResult,
    PublishItems, ReadCatalog, ReadItems, ReadMarks, RemoveMarks, SendLevels, SendMessages, StoredItem, WriteCatalog,
    WriteItems,
};

use super::progress::Progress;

/// How long the state may fail, for another reason than a full disk, before the run ends.
const LIMIT: Duration = Duration::from_secs(60);

/// How long is waited between two attempts.
const REST: Duration = Duration::from_millis(250);

/// A trouble that nobody has met for so long is told again when it comes back.
const OVER: Duration = Duration::from_secs(60);

/// The patience of one run, shared by all its threads.
#[derive(Debug)]
pub(super) struct Patience<'a> {
    progress: &'a Progress,
    /// The run is to end: nobody waits any longer.
    stopped: Arc<AtomicBool>,
    limit: Duration,
    rest: Duration,
    met: Mutex<Met>,
}

/// When a thread last met each kind of trouble.
#[derive(Debug, Default)]
struct Met {
    full: Option<Instant>,
    other: Option<Instant>,
}

impl<'a> Patience<'a> {
    pub(super) fn new(progress: &'a Progress, stopped: Arc<AtomicBool>) -> Self {
        Self { progress, stopped, limit: LIMIT, rest: REST, met: Mutex::default() }
    }

    /// Makes a call until it succeeds, the run ends, or it has failed for too long for another reason than a full disk.
    pub(super) fn insist<T>(&self, mut call: impl FnMut() -> PortResult<T>) -> PortResult<T> {
        let mut failing_since: Option<Instant> = None;
        loop {
            let error = match call() {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let full = is_full(&error);
            if full {
                failing_since = None;
            } else if failing_since.get_or_insert_with(Instant::now).elapsed() >= self.limit {
                return Err(error);
            }
            self.tell(full, &error);
            if !self.rest() {
                return Err(error);
            }
        }
    }

    /// Whether to make a call again that has ended so: the disk was full, and there may be room now.
    pub(super) fn again<T>(&self, result: &PortResult<T>) -> bool {
        match result {
            Err(error) if is_full(error) => {
                self.tell(true, error);
                self.rest()
            }
            _ => false,
        }
    }

    /// Makes a call again for those entries of a batch that have found the disk full, until none does.
    async fn batch<E: Clone, T, F>(
        &self,
        mut results: Vec<PortResult<T>>,
        entries: &[E],
        call: impl Fn(Vec<E>) -> F,
    ) -> Vec<PortResult<T>>
    where
        F: Future<Output = Vec<PortResult<T>>>,
    {
        loop {
            let is_left = |result: &PortResult<T>| matches!(result, Err(error) if is_full(error));
            let left: Vec<usize> = (0..results.len().min(entries.len())).filter(|at| is_left(&results[*at])).collect();
            let Some(first) = left.first() else { return results };
            if !self.again(&results[*first]) {
                return results;
            }
            let called = call(left.iter().map(|at| entries[*at].clone()).collect()).await;
            for (at, result) in left.into_iter().zip(called) {
                results[at] = result;
            }
        }
    }

    /// Tells a trouble when nobody has met its kind lately.
    fn tell(&self, full: bool, error: &dyn std::fmt::Display) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let last = if full { &mut met.full } else { &mut met.other };
        let is_news = last.replace(Instant::now()).is_none_or(|last| last.elapsed() > OVER);
        drop(met);
        if is_news {
            self.progress.troubled(vec![match full {
                true => format!("the disk is full ({error}); the run goes on when there is room"),
                false => format!("{error}; it is tried again for {} s", self.limit.as_secs()),
            }]);
        }
    }

    /// Waits a little. Whether the run still goes on.
    fn rest(&self) -> bool {
        let until = Instant::now() + self.rest;
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                return false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(Duration::from_millis(20)));
        }
    }
}

/// A port that waits where the disk is full, and passes on every other answer.
#[derive(Debug)]
pub(super) struct Patient<'a, P> {
    pub(super) port: &'a P,
    pub(super) patience: &'a Patience<'a>,
}

impl<P: ReadItems + Sync> ReadItems for Patient<'_, P> {
    async fn stored(&self, keys: &[String]) -> Vec<PortResult<Option<StoredItem>>> {
        self.port.stored(keys).await
    }
}

impl<P: WriteItems + Sync> WriteItems for Patient<'_, P> {
    async fn put(&self, items: &[ItemPut]) -> Vec<PortResult<()>> {
        let put = self.port.put(items).await;
        self.patience.batch(put, items, |items: Vec<_>| async move { self.port.put(&items).await }).await
    }

    async fn delete(&self, keys: &[String]) -> Vec<PortResult<()>> {
        let deleted = self.port.delete(keys).await;
        self.patience.batch(deleted, keys, |keys: Vec<_>| async move { self.port.delete(&keys).await }).await
    }
}

impl<P: ReadCatalog + Sync> ReadCatalog for Patient<'_, P> {
    async fn get(&self, key: &str) -> PortResult<Option<Object>> {
        self.port.get(key).await
    }

    async fn exists(&self, key: &str) -> PortResult<bool> {
        self.port.exists(key).await
    }

    async fn list(&self, level: &Level, from: Option<&PageToken>) -> PortResult<Page> {
        self.port.list(level, from).await
    }
}

impl<P: WriteCatalog + Sync> WriteCatalog for Patient<'_, P> {
    async fn put_if(&self, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        loop {
            let put = self.port.put_if(key, bytes, expected).await;
            if !self.patience.again(&put) {
                return put;
            }
        }
    }
}

impl<P: KeepCheckpoints + Sync> KeepCheckpoints for Patient<'_, P> {
    async fn checkpoint(&self, name: &str) -> PortResult<Option<String>> {
        self.port.checkpoint(name).await
    }

    async fn keep(&self, name: &str, document: &str, expected: Option<&str>) -> PortResult<()> {
        loop {
            let kept = self.port.keep(name, document, expected).await;
            if !self.patience.again(&kept) {
                return kept;
            }
        }
    }

    async fn forget(&self, name: &str, expected: &str) -> PortResult<()> {
        loop {
            let forgotten = self.port.forget(name, expected).await;
            if !self.patience.again(&forgotten) {
                return forgotten;
            }
        }
    }
}

impl<P: MarkLevels + Sync> MarkLevels for Patient<'_, P> {
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        let marked = self.port.mark(marks).await;
        self.patience.batch(marked, marks, |marks: Vec<_>| async move { self.port.mark(&marks).await }).await
    }
}

impl<P: ReadMarks + Sync> ReadMarks for Patient<'_, P> {
    async fn scan(&self, from: Option<&PageToken>) -> PortResult<MarkPage> {
        self.port.scan(from).await
    }
}

impl<P: RemoveMarks + Sync> RemoveMarks for Patient<'_, P> {
    async fn remove(&self, marks: &[(Level, Token)]) -> Vec<PortResult<bool>> {
        let removed = self.port.remove(marks).await;
        self.patience.batch(removed, marks, |marks: Vec<_>| async move { self.port.remove(&marks).await }).await
    }
}

impl<P: SendLevels + Sync> SendLevels for Patient<'_, P> {
    async fn send(&self, levels: &[LevelMessage]) -> Vec<PortResult<()>> {
        let sent = self.port.send(levels).await;
        self.patience.batch(sent, levels, |levels: Vec<_>| async move { self.port.send(&levels).await }).await
    }
}

impl<P: PublishItems + Sync> PublishItems for Patient<'_, P> {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        let published = self.port.publish(messages).await;
        self.patience
            .batch(published, messages, |messages: Vec<_>| async move { self.port.publish(&messages).await })
            .await
    }
}

impl<P: SendMessages + Sync> SendMessages for Patient<'_, P> {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        let sent = self.port.send(bodies).await;
        self.patience.batch(sent, bodies, |bodies: Vec<_>| async move { self.port.send(&bodies).await }).await
    }
}

impl<P: BuryLetters + Sync> BuryLetters for Patient<'_, P> {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        loop {
            let buried = self.port.bury(letter).await;
            if !self.patience.again(&buried) {
                return buried;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Error, ErrorKind};
    use std::sync::atomic::AtomicUsize;

    use futures::executor::block_on;

    use super::*;
    use crate::local;
    use crate::ports::PortError;

    fn error(kind: ErrorKind) -> PortError {
        PortError::Unavailable { what: "writing".to_owned(), source: Error::from(kind).into() }
    }

    /// A patience that bears with nothing but a full disk, and rests for no time at all.
    fn patience(progress: &Progress) -> Patience<'_> {
        Patience {
            limit: Duration::ZERO,
            rest: Duration::ZERO,
            ..Patience::new(progress, Arc::new(AtomicBool::new(false)))
        }
    }

    #[test]
    fn a_full_disk_is_waited_for_without_limit_and_told_once_by_all_threads() {
        let progress = Progress::default();
        let patience = patience(&progress);
        let calls = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let freed = || match calls.fetch_add(1, Ordering::SeqCst) {
                        early if early < 1_000 => Err(error(ErrorKind::StorageFull)),
                        late => Ok(late),
                    };
                    assert!(patience.insist(freed).unwrap() >= 1_000);
                });
            }
        });
        let troubles = progress.summary(Duration::ZERO).troubles;
        assert_eq!(troubles.len(), 1, "{troubles:?}");
        assert!(troubles[0].starts_with("the disk is full (writing: "), "{troubles:?}");
    }

    #[test]
    fn another_failure_is_borne_with_until_the_limit() {
        let progress = Progress::default();
        let impatient = patience(&progress);
        let failed = impatient.insist(|| Err::<(), _>(error(ErrorKind::Other)));
        assert!(matches!(failed, Err(PortError::Unavailable { .. })));
        let patient = Patience { limit: Duration::from_secs(3_600), ..patience(&progress) };
        let calls = AtomicUsize::new(0);
        let passing = || match calls.fetch_add(1, Ordering::SeqCst) {
            0..50 => Err(error(ErrorKind::Other)),
            _ => Ok(()),
        };
        patient.insist(passing).unwrap();
        assert_eq!(progress.summary(Duration::ZERO).troubles.len(), 1);
    }

    #[test]
    fn nobody_waits_when_the_run_is_to_end() {
        let progress = Progress::default();
        let patience = patience(&progress);
        patience.stopped.store(true, Ordering::Relaxed);
        assert!(is_full(&patience.insist(|| Err::<(), _>(error(ErrorKind::QuotaExceeded))).unwrap_err()));
    }

    /// A port whose disk is full for the first calls.
    struct Full(AtomicUsize);

    impl MarkLevels for Full {
        async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
            let full = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            let answer = |(at, mark): (usize, &Mark)| match () {
                () if mark.token.0 == "denied" => Err(error(ErrorKind::PermissionDenied)),
                () if full && at % 2 == 0 => Err(error(ErrorKind::StorageFull)),
                () => Ok(()),
            };
            marks.iter().enumerate().map(answer).collect()
        }
    }

    #[test]
    fn only_the_entries_that_found_the_disk_full_are_tried_again() {
        let progress = Progress::default();
        let patience = patience(&progress);
        let mark = |token: &str| Mark {
            level: Level::root(),
            token: Token(token.to_owned()),
            since: chrono::DateTime::UNIX_EPOCH,
        };
        let marks = ["1", "denied", "3", "4", "5"].map(mark);
        let port = Full(AtomicUsize::new(5));
        let marked = block_on(Patient { port: &port, patience: &patience }.mark(&marks));
        assert_eq!(marked.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true, true]);
        assert!(!is_full(marked[1].as_ref().unwrap_err()), "another error is passed on");
    }

    #[test]
    fn what_the_adapters_say_of_a_full_disk_is_known_as_such() {
        assert!(local::is_full(&error(ErrorKind::StorageFull)));
        assert!(!local::is_full(&error(ErrorKind::PermissionDenied)));
        assert!(!local::is_full(&PortError::NotFound { what: "a disk".to_owned() }));
    }
}
