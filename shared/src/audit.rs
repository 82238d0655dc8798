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
//! Nothing is written here but marks and messages, and those only where a [`Mend`] is given that does.
//!
//! Layout: `tree` makes levels of keys, `scenes` rows of a source; `look` says what is wrong with one thing; `finding` is
//! what is reported, `repair` what is done about it.

mod finding;
mod look;
mod repair;
mod scenes;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{self, StreamExt as _};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::grid::Grid;
use crate::level::Level;
use crate::message::SceneRecord;
use crate::ports::{
    Clock, InspectCatalog, ListSource, PortError, PortResult, ReadCatalog, ReadMarks, ReadSource, WatchQueues,
};
use crate::scene::SceneId;
use crate::stac::Buckets;
use crate::stac::catalog::Site;

pub use self::finding::{
    Class, EXAMPLES_KEPT, Example, Finding, Group, Looked, PREFIXES_TOLD, Prefix, Remedy, Repairs, Report, Spared,
};
pub use self::repair::{Leave, Mend, Repair};

use self::look::Eye;
use self::scenes::{Row, Rows, Sourced};
use self::tree::{Event, Tree, Whole};

/// How many objects are looked at at once.
const AT_ONCE: usize = 16;

/// How many things that look wrong are gathered before they are looked at again, which costs a grace. They are held in
/// memory, some hundred bytes each.
const SUSPECTS_AT_ONCE: usize = 20_000;

/// How many levels are marked, and how many items made, by one audit at most: what is to be repaired is held in memory.
/// The next audit finds the rest.
pub const MOST_REPAIRS: usize = 50_000;

/// How often a call that fails is made in all.
const TRIES: u32 = 4;

/// The pause before a call is made again, in milliseconds; doubled each time.
const FIRST_PAUSE: u64 = 250;

/// How many times the queues are looked at during the grace.
const SLICES: u64 = 20;

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, C, S, M, W, R> {
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
    pub grid: &'static Grid,
    /// What its documents tell about it.
    pub site: Site,
    /// The buckets that items name.
    pub buckets: Buckets,
    /// The buckets whose scenes are compared with the items; without any, only catalogs and items are.
    pub sources: Vec<String>,
    /// The level at and below which is audited: the root for all.
    pub top: Level,
    /// Of which items the content is compared.
    pub content: Content,
    /// How long what looks wrong is left before it is looked at for the last time, in milliseconds: longer than a change
    /// takes from the queue into the catalog.
    pub grace: u64,
    /// Withdraw items without source, where their share of all items is not greater than this.
    pub prune: Option<f64>,
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
pub async fn audit<C, S, M, W, R, D>(
    ports: &Ports<'_, C, S, M, W, R>,
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
{
    let eye = Eye { catalog: ports.catalog, clock: ports.clock, grid: settings.grid, site: &settings.site };
    let mut audit = Audit {
        ports,
        settings,
        mend,
        progress,
        eye,
        report: Report::default(),
        suspects: Vec::new(),
        sample: BTreeMap::new(),
        without_source: Vec::new(),
        levels: BTreeSet::new(),
        records: Vec::new(),
    };
    // Boxed, here and below, because futures that hold each other as deep as these are more than the compiler lays out.
    Box::pin(audit.all()).await?;
    Ok(audit.report)
}

/// Something that does not look right.
enum Suspect {
    Level(Level),
    NoItem(Box<Sourced>),
    NoSource(SceneId),
    Content(Vec<Sourced>),
}

struct Audit<'a, C, S, M, W, R, D> {
    ports: &'a Ports<'a, C, S, M, W, R>,
    settings: &'a Settings,
    mend: &'a D,
    progress: &'a Progress,
    eye: Eye<'a, C, R>,
    report: Report,
    suspects: Vec<Suspect>,
    /// The items whose content is to be compared in the end, by the number that chose them.
    sample: BTreeMap<(u64, String), Vec<Sourced>>,
    /// Items to withdraw, gathered only where that is asked for.
    without_source: Vec<SceneId>,
    /// Levels to mark and messages to send in the end, no more than [`MOST_REPAIRS`] of each.
    levels: BTreeSet<Level>,
    records: Vec<SceneRecord>,
}

impl<C, S, M, W, R, D> Audit<'_, C, S, M, W, R, D>
where
    C: InspectCatalog + ReadCatalog + Sync,
    S: ListSource + ReadSource + Sync,
    M: ReadMarks + Sync,
    W: WatchQueues + Sync,
    R: Clock + Sync,
    D: Mend + Sync,
{
    async fn all(&mut self) -> Result<(), AuditError> {
        let top = &self.settings.top;
        let prefix = top.prefix();
        let mut tree = Tree::new(self.settings.grid, top.clone());
        let mut rows = Rows::new(self.ports.source, self.ports.clock, &self.settings.sources, prefix.clone());
        let mut after: Option<String> = None;
        loop {
            let page = insist(self.ports.clock, || self.ports.catalog.keys(&prefix, after.as_deref())).await?;
            let count = page.keys.len() as u64;
            self.report.looked.objects += count;
            self.progress.objects.fetch_add(count, Ordering::Relaxed);
            after = page.keys.last().cloned().or(after);
            let mut events = Vec::new();
            page.keys.into_iter().for_each(|key| tree.take(key, &mut events));
            if !page.more {
                tree.finish(&mut events);
            }
            self.take(events, &mut rows).await?;
            if !page.more {
                break;
            }
        }
        // Rows that only the source has.
        while let Some(row) = rows.next(None).await? {
            self.compare_row(&[], row).await?;
        }
        self.compare_sample().await?;
        Box::pin(self.confirm()).await?;
        if self.report.looked.objects == 0 && self.report.looked.scenes == 0 {
            return Err(AuditError::Nothing { top: top.clone() });
        }
        self.prune();
        self.report.repairs.levels = self.levels.len() as u64;
        self.report.repairs.scenes = self.records.iter().filter(|record| !record.removed).count() as u64;
        self.report.repairs.withdrawals = self.records.len() as u64 - self.report.repairs.scenes;
        self.mend.mark(&self.levels.iter().cloned().collect::<Vec<_>>()).await?;
        self.mend.send(&self.records).await?;
        self.report.finish();
        Ok(())
    }

    /// Looks at the levels that are whole, and compares those that are rows with the source.
    async fn take(&mut self, events: Vec<Event>, rows: &mut Rows<'_, S, R>) -> PortResult<()> {
        let mut levels = Vec::new();
        for event in events {
            match event {
                Event::Level(whole) => levels.push(whole),
                Event::Stray(key) => self.report.add(&stray(key), false),
            }
        }
        let eye = &self.eye;
        let looks = stream::iter(&levels).map(|whole| eye.is_sound(whole)).buffered(AT_ONCE);
        let sound: Vec<PortResult<bool>> = looks.collect().await;
        for (whole, is_sound) in levels.into_iter().zip(sound) {
            self.report.looked.levels += 1;
            self.progress.levels.fetch_add(1, Ordering::Relaxed);
            if !is_sound? {
                self.suspect(Suspect::Level(whole.level.clone())).await?;
            }
            if self.settings.grid.holds_items(&whole.level) {
                self.take_row(&whole, rows).await?;
            }
        }
        Ok(())
    }

    async fn take_row(&mut self, whole: &Whole, rows: &mut Rows<'_, S, R>) -> PortResult<()> {
        let key = whole.level.key();
        let items: Vec<SceneId> = whole.names.iter().filter_map(|name| tree::scene_of(&whole.level, name)).collect();
        self.report.looked.items += items.len() as u64;
        if self.settings.sources.is_empty() {
            return Ok(());
        }
        let mut compared = false;
        while let Some(row) = rows.next(Some(key)).await? {
            if row.key == key {
                self.compare_row(&items, row).await?;
                compared = true;
            } else {
                self.compare_row(&[], row).await?;
            }
        }
        if !compared {
            self.compare_row(&items, Row { key: key.to_owned(), scenes: Vec::new() }).await?;
        }
        Ok(())
    }

    /// Compares the items of a row with the scenes that the source has for it.
    async fn compare_row(&mut self, items: &[SceneId], row: Row) -> PortResult<()> {
        let mut scenes: BTreeMap<String, Vec<Sourced>> = BTreeMap::new();
        for sourced in row.scenes {
            scenes.entry(sourced.scene().to_string()).or_default().push(sourced);
        }
        self.report.looked.scenes += scenes.len() as u64;
        self.progress.scenes.fetch_add(scenes.len() as u64, Ordering::Relaxed);
        let mut pairs = Vec::new();
        for item in items {
            match scenes.remove(&item.to_string()) {
                Some(sourced) => pairs.push(sourced),
                None => self.suspect(Suspect::NoSource(item.clone())).await?,
            }
        }
        for sourced in scenes.into_values().filter_map(|sourced| sourced.into_iter().next()) {
            self.suspect(Suspect::NoItem(Box::new(sourced))).await?;
        }
        match self.settings.content {
            Content::Full => self.compare(pairs).await,
            Content::Sample { items, seed } => {
                for pair in pairs {
                    let Some(scene) = pair.first().map(|sourced| sourced.scene().to_string()) else { continue };
                    self.sample.insert((xxh3_64_with_seed(scene.as_bytes(), seed), scene), pair);
                    if self.sample.len() > items {
                        self.sample.pop_last();
                    }
                }
                Ok(())
            }
        }
    }

    async fn compare_sample(&mut self) -> PortResult<()> {
        let sample = std::mem::take(&mut self.sample);
        self.compare(sample.into_values().collect()).await
    }

    /// Compares the content of items with what their sources give.
    async fn compare(&mut self, pairs: Vec<Vec<Sourced>>) -> PortResult<()> {
        let (eye, source, buckets) = (&self.eye, self.ports.source, &self.settings.buckets);
        let looks = stream::iter(&pairs).map(|pair| eye.compare(source, buckets, pair)).buffered(AT_ONCE);
        let found: Vec<PortResult<Vec<Finding>>> = looks.collect().await;
        self.report.looked.compared += pairs.len() as u64;
        for (pair, found) in pairs.into_iter().zip(found) {
            if !found?.is_empty() {
                self.suspect(Suspect::Content(pair)).await?;
            }
        }
        Ok(())
    }

    async fn suspect(&mut self, suspect: Suspect) -> PortResult<()> {
        self.progress.suspects.fetch_add(1, Ordering::Relaxed);
        self.suspects.push(suspect);
        if self.suspects.len() < SUSPECTS_AT_ONCE { Ok(()) } else { Box::pin(self.confirm()).await }
    }

    /// Looks again, and once more when the grace has passed. What both looks find is wrong, unless something is owed.
    async fn confirm(&mut self) -> PortResult<()> {
        let suspects = std::mem::take(&mut self.suspects);
        if suspects.is_empty() {
            return Ok(());
        }
        let mut drained = self.are_drained().await?;
        let before = self.look(&suspects).await?;
        for _ in 0..SLICES {
            self.ports.clock.pause(self.settings.grace / SLICES).await;
            // Sampled, because a queue that is fed slowly is empty now and then.
            drained = drained && self.are_drained().await?;
        }
        let owed = self.owed(&suspects).await?;
        let found = self.look(&suspects).await?;
        drained = drained && self.are_drained().await?;
        for ((suspect, before), found) in suspects.iter().zip(before).zip(found) {
            let is_owed = !drained || matches!(suspect, Suspect::Level(level) if owed.contains(level));
            for finding in found.into_iter().filter(|finding| before.contains(finding)) {
                self.report.add(&finding, is_owed);
                if !is_owed {
                    self.gather(finding.remedy);
                }
            }
        }
        Ok(())
    }

    /// Notes what is to be done in the end: messages that were sent while the audit goes on would look like work that is
    /// under way, and what is found after them would be pending.
    fn gather(&mut self, remedy: Remedy) {
        let is_full = |count: usize| count >= MOST_REPAIRS;
        match remedy {
            Remedy::Mark(level) if !is_full(self.levels.len()) || self.levels.contains(&level) => {
                self.levels.insert(level);
            }
            Remedy::Send(record) if !is_full(self.records.len()) => self.records.push(*record),
            Remedy::Withdraw(scene) if self.settings.prune.is_some() => self.without_source.push(scene),
            Remedy::Mark(_) | Remedy::Send(_) => self.report.repairs.left += 1,
            Remedy::Withdraw(_) | Remedy::Hand => {}
        }
    }

    async fn are_drained(&self) -> PortResult<bool> {
        insist(self.ports.clock, || self.ports.queues.are_drained()).await
    }

    /// Those of the suspected levels that are marked, or have a marked level directly below: that one will mark them.
    async fn owed(&self, suspects: &[Suspect]) -> PortResult<BTreeSet<Level>> {
        let levels: BTreeSet<&Level> = suspects
            .iter()
            .filter_map(|suspect| if let Suspect::Level(level) = suspect { Some(level) } else { None })
            .collect();
        let mut owed = BTreeSet::new();
        let mut from = None;
        while !levels.is_empty() {
            let page = insist(self.ports.clock, || self.ports.marks.scan(from.as_ref())).await?;
            let marked = page.marks.into_iter().flat_map(|mark| [mark.level.parent(), Some(mark.level)]);
            owed.extend(marked.flatten().filter(|level| levels.contains(level)));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        Ok(owed)
    }

    /// What is wrong with each suspect now.
    async fn look(&self, suspects: &[Suspect]) -> PortResult<Vec<Vec<Finding>>> {
        // Once a batch the source is listed from the beginning, which some remember.
        let first = suspects.iter().position(|suspect| matches!(suspect, Suspect::NoSource(_)));
        let looks = stream::iter(suspects.iter().enumerate())
            .map(|(at, suspect)| self.look_at(suspect, Some(at) == first))
            .buffered(AT_ONCE);
        looks.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn look_at(&self, suspect: &Suspect, anew: bool) -> PortResult<Vec<Finding>> {
        let Ports { catalog, source, clock, .. } = *self.ports;
        match suspect {
            Suspect::Level(level) => self.eye.look(level).await,
            Suspect::Content(pair) => self.eye.compare(source, &self.settings.buckets, pair).await,
            Suspect::NoItem(sourced) => {
                let key = item_key(sourced.scene());
                let is_there = insist(clock, || catalog.exists(&key)).await?;
                let finding = || Finding {
                    class: Class::SourceWithoutItem,
                    subject: key.clone(),
                    detail: format!("{} is in the source, and there is no item of it", sourced.source.key),
                    remedy: Remedy::Send(Box::new(sourced.record(false))),
                };
                Ok(if is_there { Vec::new() } else { vec![finding()] })
            }
            Suspect::NoSource(scene) => {
                let key = item_key(scene);
                if !insist(clock, || catalog.exists(&key)).await?
                    || !scenes::find(source, clock, &self.settings.sources, scene, anew).await?.is_empty()
                {
                    return Ok(Vec::new());
                }
                Ok(vec![Finding {
                    class: Class::ItemWithoutSource,
                    subject: key,
                    detail: "the source has no metadata of its scene".to_owned(),
                    remedy: Remedy::Withdraw(scene.clone()),
                }])
            }
        }
    }

    /// Notes to withdraw the items without source, where they are few enough.
    fn prune(&mut self) {
        let scenes = std::mem::take(&mut self.without_source);
        let Some(allowed) = self.settings.prune.filter(|_| !scenes.is_empty()) else { return };
        let share = scenes.len() as f64 / self.report.looked.items.max(1) as f64;
        if share > allowed {
            self.report.spared = Some(Spared { items: scenes.len() as u64, share, allowed });
            return;
        }
        let bucket = self.settings.sources.first().cloned().unwrap_or_default();
        self.records.extend(scenes.iter().map(|scene| SceneRecord::removal(scene, bucket.clone(), None)));
    }
}

fn stray(key: String) -> Finding {
    let detail = "it is neither the document of a level nor an item in its row";
    Finding { class: Class::Stray, subject: key, detail: detail.to_owned(), remedy: Remedy::Hand }
}

fn item_key(scene: &SceneId) -> String {
    format!("{}/{scene}.json", scene.row_key())
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
