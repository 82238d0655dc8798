//! audit-catalog: where source, items and catalogs do not agree.
//!
//! One flat listing of the catalog is gone through in the order of keys, beside one of the source. Each level is whole
//! once its last key has come: its document is read and compared with the one that a rebuild would make of these keys.
//! A row's items are compared with the scenes that the source has for it; of some or all items the content, too. Memory
//! is bounded by the names of the levels on one path and the scenes of one row.
//!
//! A catalog that is being worked on is not wrong. What looks wrong is looked at twice more, a grace apart, in the order
//! in which a rebuild reads. It is drift when both looks see the same, and nothing is owed: no mark of the level or of
//! one directly below it, and no message all the while. Else it is pending.
//!
//! A search index may be gone through beside both, in the same order: what it lists of the catalog is compared with the
//! items, and of some or all the content.
//!
//! Nothing is written here but marks and messages, and those only where a [`Mend`] is given that does.
//!
//! Layout: `course` is the way through the listings, `confirm` the second look and what follows from it. `tree` makes
//! levels of keys, `scenes` rows of a source, `beside` and `indexed` go through an index; `look` says what is wrong with one
//! thing; `finding` is what is reported, `repair` what is done about it, `retell` what an index is told; `ports` is what is
//! asked of one.

mod beside;
mod confirm;
mod course;
mod finding;
mod indexed;
mod look;
mod ports;
mod repair;
mod retell;
mod scenes;
mod tree;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::grid::Grid;
use crate::level::Level;
use crate::ports::{
    Clock, InspectCatalog, ListSource, PortError, PortResult, ReadCatalog, ReadMarks, ReadSource, WatchQueues,
};
use crate::stac::Buckets;
use crate::stac::catalog::Site;

pub use self::finding::{
    Class, EXAMPLES_KEPT, Example, Finding, Group, Looked, PREFIXES_TOLD, Prefix, Remedy, Repairs, Report, Spared,
};
pub use self::ports::{Held, IndexPage, Indexed, InspectIndex, ItemName, NoIndex};
pub use self::repair::{Leave, Mend, Repair};
pub use self::retell::{Retell, TellIndex};

use self::course::Audit;

/// How many objects are looked at at once.
const AT_ONCE: usize = 16;

/// How many levels are marked, and how many items made, by one audit at most: what is to be repaired is held in memory.
/// The next audit finds the rest.
pub const MOST_REPAIRS: usize = 50_000;

/// How often a call that fails is made in all.
const TRIES: u32 = 4;

/// The pause before a call is made again, in milliseconds; doubled each time.
const FIRST_PAUSE: u64 = 250;

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, C, S, M, W, R, I> {
    /// The catalog.
    pub catalog: &'a C,
    /// The buckets of the source.
    pub source: &'a S,
    /// The table of dirty levels.
    pub marks: &'a M,
    /// The queues of scenes and levels.
    pub queues: &'a W,
    /// The time.
    pub clock: &'a R,
    /// The search index, where one is audited, too: see [`NoIndex`].
    pub index: Option<Fed<'a, I, W>>,
}

/// A search index, and what feeds it.
#[derive(Debug)]
pub struct Fed<'a, I, W> {
    /// The index.
    pub index: &'a I,
    /// The queues of messages about items that wait for it.
    pub queues: &'a W,
}

/// Of which items the content is compared with what their source gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// So many, that the seed chooses: the same seed chooses the same of the same items.
    Sample {
        /// How many; none with 0.
        items: usize,
        /// What chooses them.
        seed: u64,
    },
    /// Of all.
    Full,
}

/// What is to be audited.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folders of the catalog.
    pub grid: Grid,
    /// What its documents tell about it.
    pub site: Site,
    /// The buckets that items name.
    pub buckets: Buckets,
    /// The buckets whose scenes are compared with the items; without any, the items have no source to be compared with.
    pub sources: Vec<String>,
    /// Whether the items of scenes are compared with source and index. Without, they are counted, and only items of others
    /// are compared, with the index; every catalog is looked at all the same.
    pub scenes: bool,
    /// The level at and below which is audited: the root for all.
    pub top: Level,
    /// Of which items the content is compared.
    pub content: Content,
    /// How long what looks wrong is left before it is looked at for the last time, in milliseconds: longer than a change
    /// takes from the queue into the catalog.
    pub grace: u64,
    /// Withdraw items without source, where their share of all items is not greater than this.
    pub prune: Option<f64>,
    /// The collections whose items the search index is to hold; those of all when there are none.
    pub indexed: BTreeSet<String>,
}

/// How far an audit has come, safe to read at any time.
#[derive(Debug, Default)]
pub struct Progress {
    objects: AtomicU64,
    levels: AtomicU64,
    scenes: AtomicU64,
    suspects: AtomicU64,
}

impl Progress {
    /// Objects of the catalog that were listed.
    #[must_use]
    pub fn objects(&self) -> u64 {
        self.objects.load(Ordering::Relaxed)
    }

    /// Levels that were looked at.
    #[must_use]
    pub fn levels(&self) -> u64 {
        self.levels.load(Ordering::Relaxed)
    }

    /// Scenes of the source that were compared.
    #[must_use]
    pub fn scenes(&self) -> u64 {
        self.scenes.load(Ordering::Relaxed)
    }

    /// What looked wrong at first.
    #[must_use]
    pub fn suspects(&self) -> u64 {
        self.suspects.load(Ordering::Relaxed)
    }
}

/// Why an audit could not be made, or not to its end. What was marked and sent before stays so.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// There is nothing to be audited.
    #[error("no key of the catalog or its source stands in the level {top}; levels are named as in CBERS4/MUX/057/121")]
    Nothing {
        /// The level.
        top: Level,
    },
    /// Something could not be read, or a repair not sent.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Audits a catalog. What is found is given to `mend`.
///
/// # Errors
///
/// [`AuditError`]; each call is made four times before.
pub async fn audit<C, S, M, W, R, D, I>(
    ports: &Ports<'_, C, S, M, W, R, I>,
    settings: &Settings,
    mend: &D,
    progress: &Progress,
) -> Result<Report, AuditError>
where
    C: InspectCatalog + ReadCatalog + Sync,
    S: ListSource + ReadSource + Sync,
    M: ReadMarks + Sync,
    W: WatchQueues + Sync,
    R: Clock + Sync,
    D: Mend + Sync,
    I: InspectIndex + Sync,
{
    let mut audit = Audit::new(ports, settings, mend, progress);
    // Boxed, here and where it comes to the second look, because futures that hold each other as deep as these are more
    // than the compiler lays out.
    Box::pin(audit.all()).await?;
    Ok(audit.report)
}

/// Makes a call again, a few times, while it fails for a passing trouble.
async fn insist<R: Clock, T, F: Future<Output = PortResult<T>>>(clock: &R, call: impl Fn() -> F) -> PortResult<T> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match call().await {
            Err(PortError::Unavailable { .. }) => clock.pause(pause).await,
            done => return done,
        }
        pause *= 2;
    }
    call().await
}
