//! Reprocessing into an embedded catalog: every scene of a folder is made again, in the order of keys.
//!
//! Unlike a run, which looks at all files, a reprocess may be of a part; it is told to loaders only, not to all
//! subscribers; and one that was interrupted goes on where it was. The folder is listed as the buckets that its scenes
//! would stand in, with a job for each.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use futures::executor::block_on;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::generate::Refusal;
use crate::grid::INPE;
use crate::local::{Local, QueueName};
use crate::ports::{KeepCheckpoints as _, PortError, PortResult, SendMessages};
use crate::reprocess::{self, Counts, Job, ReprocessError, reprocess as work};

use super::feeder::MOST_WAITING;
use super::patience::Patient;
use super::scan::FolderBuckets;
use super::worker::World;
use super::{Engine, NOTHING_TO_DO, Progress, RunError, Summary, settings};

/// What is to be made again.
#[derive(Debug, Clone)]
pub struct Reprocess {
    /// The folder of scene metadata, absolute: messages outlive the process.
    pub source: PathBuf,
    /// What to take of it. The bucket is replaced by those that the folder stands for.
    pub job: Job,
}

/// What became of a reprocess.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reprocessed {
    /// What became of the scenes, in all runs of the jobs that ended now.
    pub scenes: Counts,
    /// The first XML files that are none of a scene.
    pub strays: Vec<Refusal>,
    /// What was done in this run, also of what an earlier one had left.
    #[serde(flatten)]
    pub summary: Summary,
}

/// Why a reprocess failed. What was sent is worked on; the same again goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum ReprocessFailure {
    /// The catalog's state cannot be used.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The jobs cannot be done.
    #[error(transparent)]
    Job(#[from] ReprocessError),
    /// There is nothing to be made.
    #[error("no scene's key in {} starts with {prefix:?}; keys begin as in CBERS4/MUX/057/121/", source_folder.display())]
    Nothing {
        /// The folder.
        source_folder: PathBuf,
        /// The prefix.
        prefix: String,
    },
}

/// Makes the scenes of a folder again and brings the levels up to date. Ends when there is nothing left to do, like
/// [`super::run`], with the options of the last run.
///
/// # Errors
///
/// [`ReprocessFailure`].
pub fn reprocess(local: &Local, wanted: &Reprocess, progress: &Progress) -> Result<Reprocessed, ReprocessFailure> {
    let started = Instant::now();
    let mut options = settings::recall(local).map_err(RunError::State)?;
    options.source.clone_from(&wanted.source);
    // Marks gather while scenes come, as in a run.
    options.tick = super::Options::new("").tick;
    let engine = Engine::new(local, &options, progress).map_err(RunError::State)?;
    engine.take_up().map_err(RunError::State)?;
    let mut sent = Ok((Counts::default(), Vec::new()));
    engine.work_until_quiet(false, || {
        sent = engine.send_again(wanted);
        // What was sent is worked off, also when the rest could not be.
        engine.fed.store(true, Ordering::Release);
    })?;
    let (scenes, strays) = sent?;
    Ok(Reprocessed { scenes, strays, summary: progress.summary(started.elapsed()) })
}

/// What a reprocess would send, and send nothing.
///
/// # Errors
///
/// [`ReprocessFailure`].
pub fn rehearse_reprocess(local: &Local, wanted: &Reprocess) -> Result<Counts, ReprocessFailure> {
    let options = settings::recall(local).map_err(RunError::State)?;
    let source = FolderBuckets::new(&wanted.source, options.buckets.map(|pair| pair.images));
    let (mut all, mut is_any) = (Counts::default(), false);
    for bucket in source.names() {
        let job = Job { bucket, ..wanted.job.clone() };
        match block_on(reprocess::rehearse(&source, &World, &job)) {
            Ok(counts) => {
                is_any = true;
                all = all + counts;
            }
            Err(ReprocessError::Nothing { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if is_any { Ok(all) } else { Err(nothing(wanted)) }
}

fn nothing(wanted: &Reprocess) -> ReprocessFailure {
    ReprocessFailure::Nothing { source_folder: wanted.source.clone(), prefix: wanted.job.prefix.clone() }
}

/// The name of the job of one bucket of a folder.
fn name(wanted: &Reprocess, bucket: &str) -> String {
    let place = format!("{}\n{bucket}", wanted.source.display());
    format!("reprocess-{:016x}", xxh3_64(place.as_bytes()))
}

impl Engine<'_> {
    /// Sends the messages of all buckets of the folder, beginning with the one whose job was interrupted: those before
    /// it were done by then.
    fn send_again(&self, wanted: &Reprocess) -> Result<(Counts, Vec<Refusal>), ReprocessFailure> {
        let source = FolderBuckets::new(&wanted.source, self.options.buckets.as_ref().map(|pair| pair.images.clone()));
        let mut buckets = source.names();
        for at in 0..buckets.len() {
            if block_on(self.local.state.checkpoint(&name(wanted, &buckets[at]))).map_err(RunError::State)?.is_some() {
                buckets.drain(..at);
                break;
            }
        }
        let (mut counts, mut strays, mut is_any) = (Counts::default(), Vec::new(), false);
        let queue = Paced { engine: self, sent: AtomicU64::new(0) };
        let ports = reprocess::Ports { source: &source, checkpoints: &self.local.state, queue: &queue, world: &World };
        for bucket in buckets {
            let (name, job) = (name(wanted, &bucket), Job { bucket, ..wanted.job.clone() });
            match block_on(work(&ports, &name, &job, &|| self.is_stopped())) {
                Ok(report) => {
                    is_any = true;
                    counts = counts + report.counts;
                    strays.extend(report.refused);
                }
                Err(ReprocessError::Nothing { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.progress.expect(queue.sent.load(Ordering::Relaxed), true);
        if !is_any {
            return Err(nothing(wanted));
        }
        let marks = Patient { port: &self.local.state, patience: &self.patience };
        let (catalog, prefix) = (&self.local.directory, &wanted.job.prefix);
        block_on(reprocess::mark_parents(catalog, &marks, &World, &INPE, prefix)).map_err(RunError::State)?;
        Ok((counts, strays))
    }
}

/// The queue of scenes, filled not faster than it is worked off.
struct Paced<'a, 'b> {
    engine: &'a Engine<'b>,
    sent: AtomicU64,
}

impl Paced<'_, '_> {
    fn wait_for_room(&self) -> Result<(), PortError> {
        let queue = self.engine.local.state.queue(QueueName::Scenes);
        while !self.engine.is_stopped() && self.engine.patience.insist(|| queue.depth())?.visible >= MOST_WAITING {
            thread::sleep(NOTHING_TO_DO);
        }
        Ok(())
    }
}

impl SendMessages for Paced<'_, '_> {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        if let Err(error) = self.wait_for_room() {
            return bodies.iter().map(|_| Err(crate::local::again(&error))).collect();
        }
        let queue = self.engine.local.state.queue(QueueName::Scenes);
        let results = Patient { port: &queue, patience: &self.engine.patience }.send(bodies).await;
        let accepted = results.iter().filter(|result| result.is_ok()).count() as u64;
        let sent = self.sent.fetch_add(accepted, Ordering::Relaxed) + accepted;
        self.engine.progress.expect(sent, false);
        results
    }
}
