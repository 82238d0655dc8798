//! Auditing an embedded catalog, and working off what was found.
//!
//! The audit is that of a deployed stack, over the directory and its state, and over the search index where one is kept in
//! step. Repairs are marks and messages on the same queues; the workers of a run take them up when the audit has ended.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use serde::Serialize;

use crate::audit::{self, AuditError, Content, Fed, ItemName, Leave, Repair, Report, Settings, TellIndex};
use crate::index::{Index, Inspector};
use crate::level::Level;
use crate::local::{Folder, Local, QueueName, WallClock};
use crate::ports::{ListSource, PortResult, ReadSource, SourceObject, SourcePage};
use crate::search::rebuild::FollowCatalog as _;

use super::patience::{Patience, Patient};
use super::scan::FolderBuckets;
use super::worker::World;
use super::{Engine, Progress, RunError, Summary, settings};

/// What is to be audited, and what done about it.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The folder of scene metadata; without one, only catalogs and items are compared.
    pub source: Option<PathBuf>,
    /// The level at and below which is audited.
    pub top: Level,
    /// Of which items the content is compared.
    pub content: Content,
    /// How long what looks wrong is left before it is looked at for the last time.
    pub grace: Duration,
    /// Mark levels and make items again.
    pub repair: bool,
    /// With `repair`: withdraw items without source, where their share of all is not greater than this.
    pub prune: Option<f64>,
    /// Do not repair, but count what would be.
    pub dry_run: bool,
}

/// What an audit found, and what was done about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audited {
    /// What was found.
    #[serde(flatten)]
    pub report: Report,
    /// Whether the search index was compared: there is one, and it is kept in step.
    pub searched: bool,
    /// What working off the repairs did; none where nothing was repaired.
    pub repaired: Option<Summary>,
    /// How long the audit took.
    pub seconds: f64,
}

/// Why an audit failed.
#[derive(Debug, thiserror::Error)]
pub enum AuditFailure {
    /// It could not be made.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The repairs could not be worked off; they are in the queues, for the next run.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Audits the catalog with the options of its last run. With [`AuditOptions::repair`], ends when there is nothing left to
/// do.
///
/// # Errors
///
/// [`AuditFailure`].
pub fn audit(
    local: &Local,
    options: &AuditOptions,
    looked: &audit::Progress,
    worked: &Progress,
) -> Result<Audited, AuditFailure> {
    let started = Instant::now();
    let run = settings::recall(local).map_err(RunError::State)?;
    let source = Source::new(options.source.clone(), run.buckets.as_ref().map(|pair| pair.images.clone()));
    let engine = Engine::new(local, &run, worked).map_err(RunError::State)?;
    let settings = Settings {
        grid: engine.update.grid.clone(),
        site: run.site.clone(),
        buckets: engine.generate.buckets.clone(),
        sources: source.names(),
        scenes: true,
        top: options.top.clone(),
        content: options.content,
        grace: u64::try_from(options.grace.as_millis()).unwrap_or(u64::MAX),
        prune: options.prune,
        indexed: BTreeSet::new(),
    };
    let dir = local.directory.path();
    let inspector = engine.with_room(|| Inspector::open(dir))?;
    let ports = audit::Ports {
        catalog: &local.directory,
        source: &source,
        marks: &local.state,
        queues: &local.state,
        clock: &WallClock,
        index: inspector.as_ref().map(|index| Fed { index, queues: &local.state }),
    };
    let is_repaired = options.repair && !options.dry_run;
    let report = if is_repaired {
        let queue = local.state.queue(QueueName::Scenes);
        let patience = &engine.patience;
        let index = match &inspector {
            Some(_) => Some(engine.with_room(|| Index::open(dir))?),
            None => None,
        };
        let marks = Patient { port: &local.state, patience };
        let queue = Patient { port: &queue, patience };
        let index = Following { index: index.as_ref(), patience };
        let repair = Repair { marks: &marks, queue: &queue, world: &World, index };
        block_on(audit::audit(&ports, &settings, &repair, looked))?
    } else {
        block_on(audit::audit(&ports, &settings, &Leave, looked))?
    };
    let seconds = started.elapsed().as_secs_f64();
    let repaired = if is_repaired {
        let started = Instant::now();
        engine.take_up().map_err(RunError::State)?;
        engine.work_until_quiet(false, || engine.fed.store(true, Ordering::Release))?;
        Some(worked.summary(started.elapsed()))
    } else {
        None
    };
    Ok(Audited { report, searched: inspector.is_some(), repaired, seconds })
}

/// An index that reads the catalog itself. A full disk is waited for.
struct Following<'a> {
    index: Option<&'a Index>,
    patience: &'a Patience<'a>,
}

impl TellIndex for Following<'_> {
    async fn tell(&self, items: &[ItemName]) -> PortResult<()> {
        let Some(index) = self.index else { return Ok(()) };
        let keys: Vec<String> = items.iter().map(|item| item.key.clone()).collect();
        loop {
            // Walk 0: none has met them.
            let followed = index.follow(&keys, 0).await;
            if !self.patience.again(&followed) {
                return followed.map(drop);
            }
        }
    }
}

/// The source of an audit: a folder, or none.
struct Source {
    listed: Option<FolderBuckets>,
    read: Folder,
}

impl Source {
    fn new(folder: Option<PathBuf>, only: Option<String>) -> Self {
        // Every object says where its file is.
        let read = Folder::new(folder.clone().unwrap_or_default());
        Self { listed: folder.map(|folder| FolderBuckets::new(folder, only)), read }
    }

    fn names(&self) -> Vec<String> {
        self.listed.as_ref().map(FolderBuckets::names).unwrap_or_default()
    }
}

impl ListSource for Source {
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> PortResult<SourcePage> {
        match &self.listed {
            Some(listed) => listed.list(bucket, prefix, after).await,
            None => Ok(SourcePage::default()),
        }
    }
}

impl ReadSource for Source {
    async fn read(&self, objects: &[SourceObject], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        self.read.read(objects, limit).await
    }
}
