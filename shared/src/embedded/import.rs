//! Importing: items that others have made are filed in an embedded catalog.
//!
//! The feeder walks the source and enqueues a request for each file, or for each line of one with an item a line; the workers
//! file what they name. Everything else is as in [`super::run`].

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use futures::executor::block_on;

use super::feeder::MOST_WAITING;
use super::layout::{self, ChooseError};
use super::scan::{self, Watch};
use super::worker::World;
use super::{Engine, NOTHING_TO_DO, Options, Progress, RunError, Summary, feeder, settings};
use crate::grid::CATALOG;
use crate::local::{Local, QueueName};
use crate::message::filing::FileRequest;
use crate::ports::{Clock as _, PortError, PortResult, SendMessages as _};

/// How many messages are sent at once.
const AT_ONCE: usize = 256;

/// The longest line that is taken for an item, in bytes.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;

/// What is to be imported, beside what [`Options`] say of any run.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// The template of the folders; that of the catalog when none.
    pub layout: Option<String>,
    /// The title of the catalog's root; what it is when none.
    pub title: Option<String>,
    /// Files of collections that are to be taken as they are, over those that are found in the source.
    pub collections: Vec<PathBuf>,
}

/// Why an import failed. What was done stays done, and what was not stays in the queues for the next one.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no layout, or it is not that of the catalog.
    #[error(transparent)]
    Layout(#[from] ChooseError),
    /// A file or folder was named that is not there, or is the catalog's own.
    #[error("{}: {reason}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// As any run.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Files all items of a folder, or of a file, and keeps the catalog up to date. Ends when there is nothing left to do; with
/// [`Options::watch`], only on failure. Items are added, changed and moved, never taken out.
///
/// # Errors
///
/// [`ImportError`]. An item that is refused is no error: it is told in the summary and kept with the dead letters.
pub fn import(local: &Local, options: &Options, import: &Import, progress: &Progress) -> Result<Summary, ImportError> {
    let started = Instant::now();
    must_be_of_others(local, &options.source)?;
    for path in &import.collections {
        File::open(path).map_err(|error| ImportError::Path { path: path.clone(), reason: error.to_string() })?;
    }
    layout::choose(local, import.layout.as_deref(), import.title.as_deref())?;
    let engine = Engine::new(local, options, progress).map_err(RunError::State)?;
    engine.take_up().map_err(RunError::State)?;
    let prepared = || -> PortResult<()> {
        settings::remember_site(local, options)?;
        feeder::mark_root_of_another_name(local, options, &engine.update.grid)
    };
    engine.patience.insist(prepared).map_err(RunError::State)?;
    engine.work_until_quiet(false, || engine.feed_items(import))?;
    let summary = progress.summary(started.elapsed());
    // Of a folder that could not be read, no file was tried anew.
    if !summary.reasons.contains_key(scan::UNREADABLE) {
        let retire = || feeder::retire_older_letters(local, options, &engine.run);
        engine.patience.insist(retire).map_err(RunError::State)?;
    }
    Ok(summary)
}

/// Where readers find the catalog, as the last run has said.
///
/// # Errors
///
/// When the state cannot be read.
pub fn public_url(local: &Local) -> PortResult<Option<String>> {
    Ok(settings::recall(local)?.site.public_url)
}

/// Sends a document to be filed: an item, an ItemCollection or a collection. It is filed by whoever works on the catalog,
/// such as [`super::run`], or [`work_off`].
///
/// # Errors
///
/// When the state cannot be written; nothing was sent then.
pub fn submit(local: &Local, document: &str) -> PortResult<()> {
    let mut request = FileRequest::of_document(document);
    request.time = Some(World.now());
    let sent = block_on(local.state.queue(QueueName::Items).send(&[request.encode()]));
    sent.into_iter().collect()
}

/// Works on all that is queued, until there is nothing left to do, with the options of the last run.
///
/// # Errors
///
/// [`RunError`], when the state cannot be used. Nothing is lost.
pub fn work_off(local: &Local, progress: &Progress) -> Result<Summary, RunError> {
    let started = Instant::now();
    let options = settings::recall(local)?;
    let engine = Engine::new(local, &options, progress)?;
    engine.know_what_is_given_up()?;
    engine.work_until_quiet(false, || engine.fed.store(true, Ordering::Release))?;
    Ok(progress.summary(started.elapsed()))
}

/// A catalog is not imported into itself: its items would be filed once more, from another source.
fn must_be_of_others(local: &Local, source: &Path) -> Result<(), ImportError> {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if real(source).starts_with(real(local.directory.path())) {
        let reason = "it is in the catalog directory itself; name a source outside of it".to_owned();
        return Err(ImportError::Path { path: source.to_owned(), reason });
    }
    Ok(())
}

impl Engine<'_> {
    /// Enqueues every document of the source, and with a watch what comes after.
    fn feed_items(&self, import: &Import) {
        let mut feed = Feed { engine: self, bodies: Vec::with_capacity(AT_ONCE), failure: None };
        for path in &import.collections {
            let mut request = feed.request(&path.to_string_lossy());
            request.given = true;
            feed.add(&request);
        }
        let source = self.options.source.as_path();
        let mut watch = Watch::new();
        loop {
            let started = Instant::now();
            let mut troubles = Vec::new();
            let walked = if source.is_dir() {
                let mut found = |found: scan::Found| feed.add_file(&found.file);
                let mut trouble = |trouble| troubles.push(trouble);
                let watch = self.options.watch.then_some(&mut watch);
                scan::documents(source, self.local.directory.path(), watch, &mut found, &mut trouble)
            } else {
                feed.add_file(&source.to_string_lossy());
                Ok(())
            };
            feed.send();
            if let Some(error) = feed.failure.take() {
                return self.fail(RunError::State(error));
            }
            self.progress.refused(troubles);
            if let Err(error) = walked {
                return self.fail(RunError::Source { path: source.to_owned(), source: error });
            }
            self.fed.store(true, Ordering::Release);
            if !self.options.watch || !source.is_dir() {
                return;
            }
            self.rest_of_watch(started.elapsed(), watch.is_waiting());
            if self.is_stopped() {
                return;
            }
        }
    }
}

/// Requests on their way into the queue.
struct Feed<'a> {
    engine: &'a Engine<'a>,
    bodies: Vec<String>,
    failure: Option<PortError>,
}

impl Feed<'_> {
    fn request(&self, path: &str) -> FileRequest {
        let mut request = FileRequest::of_file(path);
        request.message_id = Some(self.engine.run.clone());
        request.force = self.engine.options.force;
        request.time = Some(World.now());
        request
    }

    /// Takes a file; whether to go on.
    fn add_file(&mut self, path: &str) -> bool {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        if name == CATALOG {
            return !self.engine.is_stopped();
        }
        let has_lines = [".ndjson", ".jsonl", ".geojsonl"].iter().any(|ending| name.ends_with(ending));
        // What is wrong with a file is told by whoever is to read it.
        if has_lines && let Ok(goes_on) = self.add_lines(path) {
            return goes_on;
        }
        self.add(&self.request(path))
    }

    /// Takes each line of a file; whether to go on.
    fn add_lines(&mut self, path: &str) -> io::Result<bool> {
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut lines = BufReader::new(File::open(path)?);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&line);
            if text.trim().is_empty() {
                continue;
            }
            let mut request = self.request(path);
            request.line = Some(number);
            request.document = Some(text.trim().to_owned());
            if !self.add(&request) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes a request; whether to go on.
    fn add(&mut self, request: &FileRequest) -> bool {
        self.bodies.push(request.encode());
        if self.bodies.len() < AT_ONCE { !self.engine.is_stopped() } else { self.send() }
    }

    /// Sends what has gathered, when there is room for it; whether to go on.
    fn send(&mut self) -> bool {
        if !self.bodies.is_empty() && self.failure.is_none() {
            match self.engine.send_items(&self.bodies) {
                Ok(()) => self.bodies.clear(),
                Err(error) => self.failure = Some(error),
            }
        }
        self.failure.is_none() && !self.engine.is_stopped()
    }
}

impl Engine<'_> {
    /// Sends requests to file, all of them, when there is room for them.
    pub(super) fn send_items(&self, bodies: &[String]) -> PortResult<()> {
        let queue = self.local.state.queue(QueueName::Items);
        while !self.is_stopped() && self.patience.insist(|| queue.depth())?.visible >= MOST_WAITING {
            thread::sleep(NOTHING_TO_DO);
        }
        // As one transaction: either all are accepted or none is.
        self.patience.insist(|| block_on(queue.send(bodies)).into_iter().collect())
    }
}
