//! generate-scene-messages: the scenes of a bucket become messages, as if each were new.
//!
//! Page by page, in the order of keys, so that a row's scenes follow each other and the row is rebuilt few times: list,
//! send a message for each scene, and only when the queue has accepted them, write down how far it came. A job that ends
//! in the middle goes on behind what was written down: every scene is sent at least once, and those of one page at most
//! are sent again.
//!
//! All messages of a job carry one id, also when it takes many runs: what an earlier job has made is then skipped, and
//! a message sent twice never is, as `docs/adr/0003` says.

mod checkpoint;

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::generate::Refusal;
use crate::message::SceneRecord;
use crate::message::scene::run_id;
use crate::ports::{
    Chance, Clock, KeepCheckpoints, ListSource, PortError, SendMessages, SourceObject, SourcePage, answers,
};
use crate::scene::inventory::{Entry, Inventory, ListedScene, Stray};

use self::checkpoint::{Checkpoint, Kept};

/// How many messages are sent at once where the rate allows it.
const AT_ONCE: usize = 100;

/// How often a message that the queue did not accept is sent before the run gives up.
const TRIES: u32 = 4;

/// The pause before a message is sent again, in milliseconds; doubled each time.
const FIRST_PAUSE: u64 = 250;

/// How many refused files a run tells, of all that it counts.
pub const MOST_TOLD: usize = 100;

/// The name of a job that was given none.
pub const UNNAMED: &str = "reprocess";

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, S, C, Q, R> {
    /// The buckets of the source.
    pub source: &'a S,
    /// Where it is written down how far a job has come.
    pub checkpoints: &'a C,
    /// The queue of messages about scenes.
    pub queue: &'a Q,
    /// Randomness and time.
    pub world: &'a R,
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The bucket of the scenes' metadata.
    pub bucket: String,
    /// Keys start with it; empty for all.
    pub prefix: String,
    /// Only scenes whose metadata was written at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Items are made also where they are there already, unchanged.
    pub force: bool,
    /// How many messages are sent in a second at most.
    pub rate: Option<NonZeroU32>,
}

/// What became of the scenes of a job, in all of its runs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Scenes a message was sent for. One that was sent again after an interruption counts once.
    pub sent: u64,
    /// Scenes whose metadata is older than asked for.
    pub older: u64,
    /// Scenes with a quicklook, but without metadata.
    pub without_metadata: u64,
    /// XML files that are none of a scene.
    pub refused: u64,
}

/// What a run has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The job's id, which all of its messages carry.
    pub message_id: String,
    /// When the job was started.
    pub started: DateTime<Utc>,
    /// What became of the scenes so far.
    pub counts: Counts,
    /// How many of the messages this run has sent.
    pub sent: u64,
    /// Whether all is sent. If not, the next run goes on behind `after`.
    pub finished: bool,
    /// The last key that was done with.
    pub after: Option<String>,
    /// The XML files that this run has refused; the first [`MOST_TOLD`] of them.
    pub refused: Vec<Refusal>,
}

/// Why a run ended early, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum ReprocessError {
    /// There is nothing to be sent, and so a prefix that was mistyped.
    #[error("no key of the bucket {bucket} starts with {prefix:?}; keys begin as in CBERS4/MUX/057/121/")]
    Nothing {
        /// The bucket.
        bucket: String,
        /// The prefix.
        prefix: String,
    },
    /// Names stand in a table and in commands.
    #[error("the job's name is {name:?}; expected 1 to 64 letters, digits, hyphens and underscores")]
    Name {
        /// The name.
        name: String,
    },
    /// A job of this name is under way that was asked something else.
    #[error("the job {name} is under way for s3://{}/{}, and not as asked for now: let it end, or name this one otherwise", .under_way.bucket, .under_way.prefix)]
    UnderWay {
        /// The name.
        name: String,
        /// What it was asked.
        under_way: Box<Job>,
    },
    /// What is written down about the job is not what this program writes.
    #[error("the checkpoint of the job {name} cannot be read: {source}")]
    Checkpoint {
        /// The name.
        name: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Another run of the same job has gone on meanwhile; this one leaves it to it.
    #[error("another run of the job {name} goes on with it")]
    Overtaken {
        /// The name.
        name: String,
    },
    /// Messages were not accepted. What was written down before holds; the next run sends this page again.
    #[error("{failed} messages were not accepted after {TRIES} tries; of the first: {first}")]
    NotAccepted {
        /// How many.
        failed: usize,
        /// Why the first was not.
        first: PortError,
    },
    /// The bucket could not be listed, or the checkpoint not read or written.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Starts a job under a name, or goes on with it when it is under way. Ends when all is sent, or soon after `stop` says
/// so.
///
/// # Errors
///
/// [`ReprocessError`]. What was written down before holds: the same call, or [`resume`], goes on behind it.
pub async fn reprocess<S, C, Q, R>(
    ports: &Ports<'_, S, C, Q, R>,
    name: &str,
    job: &Job,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Report, ReprocessError>
where
    S: ListSource + Sync,
    C: KeepCheckpoints + Sync,
    Q: SendMessages + Sync,
    R: Clock + Chance + Sync,
{
    let mut run = match Kept::read(ports.checkpoints, name).await? {
        Some(kept) if kept.checkpoint.job != *job => {
            return Err(ReprocessError::UnderWay { name: name.to_owned(), under_way: Box::new(kept.checkpoint.job) });
        }
        Some(kept) => Run::new(ports, kept, stop),
        None => {
            // Before anything is written down: a bucket or prefix that is wrong leaves nothing behind.
            let page = ports.source.list(&job.bucket, &job.prefix, None).await?;
            if page.objects.is_empty() {
                return Err(ReprocessError::Nothing { bucket: job.bucket.clone(), prefix: job.prefix.clone() });
            }
            let now = ports.world.now();
            let checkpoint = Checkpoint::new(job.clone(), run_id(now, ports.world.bits()), now);
            // Before the first message: whoever goes on after a death sends the same id.
            let kept = Kept::start(ports.checkpoints, name, checkpoint).await?;
            Run { first: Some(page), ..Run::new(ports, kept, stop) }
        }
    };
    run.all().await
}

/// Goes on with the job of this name; none when no such job is under way.
///
/// # Errors
///
/// As [`reprocess`].
pub async fn resume<S, C, Q, R>(
    ports: &Ports<'_, S, C, Q, R>,
    name: &str,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Option<Report>, ReprocessError>
where
    S: ListSource + Sync,
    C: KeepCheckpoints + Sync,
    Q: SendMessages + Sync,
    R: Clock + Chance + Sync,
{
    match Kept::read(ports.checkpoints, name).await? {
        None => Ok(None),
        Some(kept) => Run::new(ports, kept, stop).all().await.map(Some),
    }
}

/// One run of a job.
struct Run<'a, S, C, Q, R> {
    ports: &'a Ports<'a, S, C, Q, R>,
    kept: Kept<'a, C>,
    stop: &'a (dyn Fn() -> bool + Sync),
    /// The first page, where it was read already.
    first: Option<SourcePage>,
    /// What the job had sent before.
    before: u64,
    refused: Vec<Refusal>,
}

/// A message, and how far it brings the job.
struct Message {
    body: String,
    /// The last key of its scene.
    last: String,
    /// What the job counts when it is accepted.
    counts: Counts,
}

impl<'a, S, C, Q, R> Run<'a, S, C, Q, R>
where
    S: ListSource + Sync,
    C: KeepCheckpoints + Sync,
    Q: SendMessages + Sync,
    R: Clock + Chance + Sync,
{
    fn new(ports: &'a Ports<'a, S, C, Q, R>, kept: Kept<'a, C>, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        let before = kept.checkpoint.counts.sent;
        Self { ports, kept, stop, first: None, before, refused: Vec::new() }
    }

    async fn all(&mut self) -> Result<Report, ReprocessError> {
        let Job { bucket, prefix, .. } = self.kept.checkpoint.job.clone();
        let mut inventory = Inventory::new();
        // The listing goes on behind what was read; the job, after a death, behind what was sent.
        let begin = self.kept.checkpoint.after.clone();
        let mut read = begin.clone();
        loop {
            let page = match self.first.take() {
                Some(page) => page,
                None => self.ports.source.list(&bucket, &prefix, read.as_deref()).await?,
            };
            read = page.objects.last().map(|object| object.key.clone()).or(read);
            let mut entries = inventory.take(page.objects);
            if !page.more {
                entries.extend(inventory.finish());
            }
            if !self.page(entries, inventory.behind()).await? {
                return Ok(self.report(false));
            }
            if !page.more {
                self.kept.forget().await?;
                return Ok(self.report(true));
            }
            // Not before it has come further, or a job of short runs could stand still: a scene may fill many pages.
            if self.kept.checkpoint.after != begin && (self.stop)() {
                return Ok(self.report(false));
            }
        }
    }

    /// Sends the messages of a page, then writes down that it is done up to `behind`. False when it was stopped before
    /// the end of the page; then it is written down how far it came.
    async fn page(&mut self, entries: Vec<Entry>, behind: Option<&str>) -> Result<bool, ReprocessError> {
        let mut counts = self.kept.checkpoint.counts;
        let mut messages = Vec::new();
        for entry in entries {
            let last = entry.last().to_owned();
            if let Some(body) = self.message(entry, &mut counts) {
                messages.push(Message { body, last, counts });
            }
        }
        let rate = self.kept.checkpoint.job.rate;
        // No more than a second's messages at once.
        let at_once = rate.map_or(AT_ONCE, |rate| AT_ONCE.min(rate.get() as usize));
        let mut left = messages.len();
        for batch in messages.chunks(at_once) {
            self.send(batch).await?;
            left -= batch.len();
            if let Some(rate) = rate {
                self.ports.world.pause(batch.len() as u64 * 1_000 / u64::from(rate.get())).await;
            }
            if let Some(last) = batch.last().filter(|_| left > 0 && (self.stop)()) {
                self.kept.advance(&last.last, last.counts).await?;
                return Ok(false);
            }
        }
        if let Some(behind) = behind {
            self.kept.advance(behind, counts).await?;
        }
        Ok(true)
    }

    /// The message for a scene, if it is to be sent; what it is counts as.
    fn message(&mut self, entry: Entry, counts: &mut Counts) -> Option<String> {
        let scene = match entry {
            Entry::Scene(scene) => scene,
            Entry::Stray(stray) => {
                self.refuse(stray, counts);
                return None;
            }
        };
        let quicklook = scene.quicklook_key();
        let ListedScene { metadata, strays, .. } = *scene;
        for stray in strays {
            self.refuse(stray, counts);
        }
        let Some(metadata) = metadata else {
            counts.without_metadata += 1;
            return None;
        };
        let Checkpoint { job, message_id, .. } = &self.kept.checkpoint;
        if job.since.is_some_and(|since| metadata.modified < since) {
            counts.older += 1;
            return None;
        }
        counts.sent += 1;
        let record = SceneRecord {
            source: SourceObject { bucket: job.bucket.clone(), key: metadata.name.key(), file: metadata.file },
            removed: false,
            reprocess: true,
            force: job.force,
            quicklook,
            message_id: Some(message_id.clone()),
            time: Some(self.ports.world.now()),
        };
        Some(record.encode())
    }

    fn refuse(&mut self, Stray { key, error }: Stray, counts: &mut Counts) {
        counts.refused += 1;
        if self.refused.len() < MOST_TOLD {
            let reason = error.reason().to_owned();
            self.refused.push(Refusal { scene: key, reason, detail: error.to_string() });
        }
    }

    /// Sends messages; those that were not accepted again, a few times.
    async fn send(&self, messages: &[Message]) -> Result<(), ReprocessError> {
        let mut bodies: Vec<String> = messages.iter().map(|message| message.body.clone()).collect();
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let sent = answers(self.ports.queue.send(&bodies).await, bodies.len(), "sending messages about scenes");
            let mut failed = Vec::new();
            let mut first = None;
            for (body, result) in bodies.into_iter().zip(sent) {
                if let Err(error) = result {
                    failed.push(body);
                    first.get_or_insert(error);
                }
            }
            let Some(first) = first else { return Ok(()) };
            if attempt == TRIES {
                return Err(ReprocessError::NotAccepted { failed: failed.len(), first });
            }
            bodies = failed;
            self.ports.world.pause(pause).await;
            pause *= 2;
        }
        Ok(())
    }

    fn report(&mut self, finished: bool) -> Report {
        let Checkpoint { message_id, started, counts, after, .. } = self.kept.checkpoint.clone();
        let sent = counts.sent - self.before;
        Report { message_id, started, counts, sent, finished, after, refused: std::mem::take(&mut self.refused) }
    }
}
