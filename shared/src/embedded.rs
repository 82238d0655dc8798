//! The embedded engine: all the functions in one process, over one directory.
//!
//! [`run`] does what a deployed stack does: scenes are enqueued, generated and marked, marks are moved, levels are
//! rebuilt, until nothing is left to do. The use cases are the same; only the adapters and what calls them differ.
//! The threads are: a feeder that finds scenes, workers that take messages from both queues, and a ticker that moves
//! marks and notices when it is quiet. The embedded adapters block, so each worker polls its futures by itself.
//!
//! Start reading at [`run`]; [`withdraw()`] is the same for taking scenes out, [`redrive()`] for dead letters,
//! [`reprocess()`] for scenes that were made before, [`import()`] for the items of others. [`status()`] and [`mod@audit`] look: how it is doing, and where
//! source, items and catalogs do not agree. [`scan`] finds scenes; [`progress`] counts what has been done. `patience` is
//! what all threads do when the disk is full, `give_up` what becomes of a message that ends its process each time.

pub mod audit;
pub mod import;
pub mod layout;
pub mod progress;
pub mod scan;

mod feeder;
mod give_up;
mod patience;
mod redrive;
mod reprocess;
mod settings;
mod status;
mod withdraw;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;

use crate::filing;
use crate::generate;
use crate::index::{self, Index};
use crate::local::{Local, QueueName};
use crate::mover;
use crate::ports::PortError;
use crate::search::rebuild::rebuild;
use crate::stac::catalog::Site;
use crate::stac::{BucketPair, Buckets};
use crate::update;

use self::give_up::GiveUp;
use self::patience::{Patience, Patient};
use self::progress::StaleLevel;

pub use self::give_up::GAVE_UP;
pub use self::import::{Import, ImportError, import, submit, work_off};
pub use self::progress::{Progress, Summary};
pub use self::redrive::{Redriven, dead_letter, dead_letters, redrive};
pub use self::reprocess::{Reprocess, ReprocessFailure, Reprocessed, rehearse_reprocess, reprocess};
pub use self::status::status;
pub use self::withdraw::{FiledName, Withdrawal, withdraw};

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of scene metadata.
    pub source: PathBuf,
    /// How many workers there are.
    pub workers: usize,
    /// How long marks are left to gather before they are moved.
    pub tick: Duration,
    /// Make every item again, also those that are the same.
    pub force: bool,
    /// Go on after the folder is worked off, taking what comes.
    pub watch: bool,
    /// How often a watch looks at the folder, at most.
    pub look_every: Duration,
    /// The buckets that the items name in place of the public archive's.
    pub buckets: Option<BucketPair>,
    /// Where readers will find the catalog.
    pub site: Site,
    /// What becomes of the search index beside the catalog.
    pub index: SearchIndex,
}

/// What becomes of the search index beside a catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchIndex {
    /// It is kept in step where there is one.
    #[default]
    Follow,
    /// It is made where there is none, and kept in step.
    Make,
    /// It is left behind: not searched any more until it was filled anew.
    LeaveBehind,
}

impl Options {
    /// The defaults for a folder: a worker for each core, a tick of a second.
    #[must_use]
    pub fn new(source: impl Into<PathBuf>) -> Self {
        Self {
            source: source.into(),
            workers: thread::available_parallelism().map_or(2, usize::from),
            tick: Duration::from_secs(1),
            force: false,
            watch: false,
            look_every: Duration::from_secs(1),
            buckets: None,
            site: Site::default(),
            index: SearchIndex::default(),
        }
    }
}

/// Why a run failed. What was done stays done, and what was not stays in the queues for the next run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The source cannot be read.
    #[error("the source {} cannot be read: {source}", path.display())]
    Source {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The state of the catalog cannot be read or written.
    #[error("the catalog's state fails: {0}")]
    State(#[from] PortError),
    /// The search index cannot be opened.
    #[error(transparent)]
    Index(#[from] index::OpenError),
}

/// How often a message is tried before it goes to the dead letters although its trouble may pass.
const ATTEMPTS: u32 = 5;

/// How often a catalog is written anew when another process has written it first.
const TRIES: u32 = 20;

/// How long a thread that found nothing to do waits.
const NOTHING_TO_DO: Duration = Duration::from_millis(4);

/// Brings the catalog up to date with the source. What an earlier run could not do for a passing trouble is tried first.
/// A full disk is waited for. Ends when there is nothing left to do: no mark, and no message of this process or another's; with [`Options::watch`], only on failure.
///
/// # Errors
///
/// [`RunError`], when the source or the state cannot be used. A scene that is refused is no error: it is told in the
/// summary and kept with the dead letters.
pub fn run(local: &Local, options: &Options, progress: &Progress) -> Result<Summary, RunError> {
    let started = Instant::now();
    let engine = Engine::new(local, options, progress)?;
    engine.take_up()?;
    engine.patience.insist(|| settings::remember(local, options))?;
    engine.patience.insist(|| feeder::mark_root_of_another_name(local, options, &engine.update.grid))?;
    engine.work_until_quiet(!options.watch, || engine.feed())?;
    let summary = progress.summary(started.elapsed());
    // Of a folder that could not be read, no file was tried anew.
    if !summary.reasons.contains_key(scan::UNREADABLE) {
        engine.patience.insist(|| feeder::retire_older_letters(local, options, &engine.run))?;
    }
    Ok(summary)
}

/// What the threads share.
struct Engine<'a> {
    local: &'a Local,
    options: &'a Options,
    progress: &'a Progress,
    /// What follows the item topic, from when work begins.
    index: OnceLock<Index>,
    /// The id of all messages of this run.
    run: String,
    generate: generate::Settings,
    update: update::Settings,
    filing: filing::Settings,
    patience: Patience<'a>,
    give_up: GiveUp,
    /// The feeder has sent all there is.
    fed: AtomicBool,
    /// Everybody is to end.
    stopped: Arc<AtomicBool>,
    /// Why, when it was not because of quiet.
    failure: Mutex<Option<RunError>>,
}

impl<'a> Engine<'a> {
    fn new(local: &'a Local, options: &'a Options, progress: &'a Progress) -> Result<Self, PortError> {
        let grid = layout::grid(local)?;
        let mut buckets = Buckets::default();
        if let Some(pair) = &options.buckets {
            // Messages that an earlier run has left may name the public buckets.
            buckets.0.retain(|known| known.images != pair.images);
            buckets.0.insert(0, pair.clone());
        }
        let stopped = Arc::new(AtomicBool::new(false));
        let filing = filing::Settings {
            site: options.site.clone(),
            files: true,
            attempts: ATTEMPTS,
            ..filing::Settings::new(grid.clone())
        };
        Ok(Self {
            local,
            options,
            progress,
            index: OnceLock::new(),
            run: feeder::run_id(),
            generate: generate::Settings { grid: grid.clone(), buckets, attempts: ATTEMPTS },
            update: update::Settings { grid, site: options.site.clone(), tries: TRIES, attempts: ATTEMPTS },
            filing,
            patience: Patience::new(progress, Arc::clone(&stopped)),
            give_up: GiveUp::default(),
            fed: AtomicBool::new(false),
            stopped,
            failure: Mutex::new(None),
        })
    }

    /// Takes up what earlier runs have left with the dead letters although it may be done now.
    fn take_up(&self) -> Result<(), PortError> {
        // Before anything is received: who is started and killed again and again while the disk is full must not use up
        // the receives of messages that he cannot work on.
        self.patience.insist(|| self.local.directory.has_room())?;
        self.patience.insist(|| feeder::redrive(self.local))?;
        self.know_what_is_given_up()?;
        self.give_up_what_is_worn()
    }

    /// Gives up what ends its process, before anybody works: else one thread could be working on a newer message about the
    /// same while another gives up the older.
    fn give_up_what_is_worn(&self) -> Result<(), PortError> {
        for name in QueueName::ALL {
            let given_up = self.give_up.sweep(self.local, name, &self.patience)?;
            match name {
                QueueName::Levels => self.progress.stale(given_up.into_iter().map(StaleLevel::from).collect()),
                QueueName::Scenes | QueueName::Items => self.progress.refused(given_up),
            }
        }
        Ok(())
    }

    /// Learns what earlier runs have given up.
    fn know_what_is_given_up(&self) -> Result<(), PortError> {
        let stale = self.patience.insist(|| self.give_up.recall(self.local, self.options.force))?;
        self.progress.stale(stale);
        Ok(())
    }

    /// Runs all threads until there is nothing left to do, `feed` being the one that enqueues.
    fn work_until_quiet(&self, count: bool, feed: impl FnOnce()) -> Result<(), RunError> {
        if let Some(index) = self.open_index()? {
            self.index.get_or_init(|| index);
        }
        thread::scope(|scope| {
            for _ in 0..self.options.workers.max(1) {
                scope.spawn(|| self.stop_on_panic(|| self.work()));
            }
            scope.spawn(|| self.stop_on_panic(|| self.tick()));
            if count {
                scope.spawn(|| self.stop_on_panic(|| self.count()));
            }
            self.stop_on_panic(feed);
        });
        match self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Opens the search index, before anything is done that it has to be told of. One that is new, or was left behind, is
    /// filled from the catalog first.
    fn open_index(&self) -> Result<Option<Index>, RunError> {
        let dir = self.local.directory.path();
        match self.options.index {
            SearchIndex::LeaveBehind => {
                self.with_room(|| Index::leave_behind(dir))?;
                return Ok(None);
            }
            SearchIndex::Follow if !Index::is_there(dir) => return Ok(None),
            SearchIndex::Follow | SearchIndex::Make => {}
        }
        let index = self.with_room(|| Index::open(dir))?;
        if !self.patience.insist(|| index.is_complete())? {
            let filled = self.patience.insist(|| block_on(rebuild(&self.local.directory, &index, |_| {})))?;
            self.progress.troubled(filled.refused);
        }
        Ok(Some(index))
    }

    /// Does something with the search index once there is room for it.
    fn with_room<T>(&self, call: impl Fn() -> Result<T, index::OpenError>) -> Result<T, RunError> {
        let done = self.patience.insist(|| match call() {
            Ok(done) => Ok(Ok(done)),
            Err(error) => error.for_want_of_room().map_or_else(|error| Ok(Err(error)), Err),
        })?;
        Ok(done?)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Ends the run for this reason, unless it is ending already: who was waiting then has been interrupted.
    fn fail(&self, error: RunError) {
        if !self.stopped.swap(true, Ordering::Relaxed) {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        }
    }

    /// Runs a thread's work; when it panics the other threads end too, and the scope passes the panic on.
    fn stop_on_panic(&self, work: impl FnOnce()) {
        struct Guard<'b>(&'b AtomicBool);
        impl Drop for Guard<'_> {
            fn drop(&mut self) {
                if thread::panicking() {
                    self.0.store(true, Ordering::Relaxed);
                }
            }
        }
        let _guard = Guard(&self.stopped);
        work();
    }

    /// Moves marks: at every tick, and at once when no scene is left, so that the last levels are not waited for.
    fn tick(&self) {
        let mut last = Instant::now();
        while !self.is_stopped() {
            if let Err(error) = self.tick_once(&mut last) {
                return self.fail(error.into());
            }
            thread::sleep(NOTHING_TO_DO);
        }
    }

    fn tick_once(&self, last: &mut Instant) -> Result<(), PortError> {
        let state = &self.local.state;
        let fed = self.fed.load(Ordering::Acquire);
        let is_empty = |name| self.patience.insist(|| state.queue(name).is_empty());
        let drained = fed && is_empty(QueueName::Scenes)? && is_empty(QueueName::Items)?;
        if !drained && last.elapsed() < self.options.tick {
            return Ok(());
        }
        *last = Instant::now();
        let queue = state.level_sender();
        let ports = mover::Ports {
            marks: &Patient { port: state, patience: &self.patience },
            queue: &Patient { port: &queue, patience: &self.patience },
        };
        let report = self.patience.insist(|| block_on(mover::move_marks(&ports)))?;
        self.progress.troubled(report.troubles);
        if drained && report.moved == 0 && !self.options.watch && self.patience.insist(|| state.quiet())? {
            self.stopped.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
