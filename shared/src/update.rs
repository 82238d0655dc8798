//! update-single-catalog: a dirty level is rebuilt from a listing.
//!
//! The steps are numbered as in the protocol. Their order is what keeps updates from being lost: the catalog is read
//! before the listing, written only over what was read, and the parent is looked at after the write, always.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt as _};

use crate::conclusion::{UNAVAILABLE, bury};
use crate::generate::Refusal;
use crate::grid::{CATALOG, COLLECTION, Grid};
use crate::level::{Level, LevelError, Mark};
use crate::message::LevelMessage;
use crate::ports::{
    BuryLetters, Chance, Clock, Delivery, ETag, Expected, MarkLevels, PortError, PortResult, ReadCatalog, WriteCatalog,
    answers,
};
use crate::stac::catalog::{self, ITEM_ENDING, Listing, ReadBack, Revision, Site};

/// How many new children are looked for at once.
const HEADS_AT_ONCE: usize = 16;

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, C, M, L, R> {
    /// The catalog.
    pub catalog: &'a C,
    /// Where parents are marked.
    pub marks: &'a M,
    /// Where messages go that cannot be worked on.
    pub letters: &'a L,
    /// Randomness and time.
    pub world: &'a R,
}

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folders of the catalog.
    pub grid: Grid,
    /// What its documents tell about it.
    pub site: Site,
    /// How often a write is tried anew, from its reads on, when somebody else has written first.
    pub tries: u32,
    /// How often a message is received before a passing trouble, too, sends it to the dead letters, with its reason.
    pub attempts: u32,
}

/// What became of one level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The revision that was written; none when nothing but the revision would have changed.
    pub written: Option<Revision>,
    /// How many times somebody else wrote first.
    pub conflicts: u32,
    /// Whether the catalog that stood there was unreadable.
    pub unreadable: bool,
    /// Whether the parent was marked.
    pub parent_marked: bool,
    /// How many items or children the listing held.
    pub entries: usize,
    /// When the earliest event that this rebuild stands for happened. For metrics only.
    pub since: DateTime<Utc>,
}

/// Why a level was not rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The level is none of the grid: no later attempt mends it.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Somebody else wrote first, each time.
    #[error("level {level}: somebody else wrote its catalog first {tries} times")]
    Contended {
        /// The level.
        level: Level,
        /// How often it was tried.
        tries: u32,
    },
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Report {
    /// For each message, whether it is done with and may be acknowledged; the others come back.
    pub acknowledged: Vec<bool>,
    /// The levels that were rebuilt.
    pub rebuilt: Vec<(Level, Rebuilt)>,
    /// The messages that went to the dead letters.
    pub refused: Vec<Refusal>,
    /// Why the messages that are not acknowledged come back.
    pub troubles: Vec<String>,
}

/// Works on a batch of messages of the update queue. A level that stands in it twice is rebuilt once: its listing is
/// taken after both were received.
pub async fn update<C, M, L, R>(ports: &Ports<'_, C, M, L, R>, settings: &Settings, deliveries: &[Delivery]) -> Report
where
    C: ReadCatalog + WriteCatalog + Sync,
    M: MarkLevels + Sync,
    L: BuryLetters + Sync,
    R: Chance + Clock + Sync,
{
    let mut report = Report { acknowledged: vec![false; deliveries.len()], ..Report::default() };
    let mut done: HashMap<Level, bool> = HashMap::new();
    for (at, delivery) in deliveries.iter().enumerate() {
        let message = match LevelMessage::decode(&delivery.body) {
            Ok(message) => message,
            Err(error) => {
                let subject = format!("message {}", delivery.id);
                report.acknowledged[at] =
                    refuse(ports, delivery, subject, "message", error.to_string(), &mut report).await;
                continue;
            }
        };
        if let Some(done) = done.get(&message.level) {
            report.acknowledged[at] = *done;
            continue;
        }
        let level = message.level;
        report.acknowledged[at] = match rebuild(ports, settings, &level, message.since).await {
            // I1, I5: only now, with the document written and the parent told.
            Ok(rebuilt) => {
                let revision = rebuilt.written.map(Revision::number);
                tracing::info!(%level, revision, entries = rebuilt.entries, conflicts = rebuilt.conflicts, "rebuilt");
                report.rebuilt.push((level.clone(), rebuilt));
                true
            }
            Err(error) => {
                let permanent = matches!(error, UpdateError::Level(_));
                if permanent || delivery.receives >= settings.attempts {
                    let reason = if permanent { "level" } else { UNAVAILABLE };
                    refuse(ports, delivery, level.to_string(), reason, error.to_string(), &mut report).await
                } else {
                    report.troubles.push(format!("{level}: {error}"));
                    false
                }
            }
        };
        done.insert(level, report.acknowledged[at]);
    }
    report
}

async fn refuse<C, M, L: BuryLetters, R: Clock>(
    ports: &Ports<'_, C, M, L, R>,
    delivery: &Delivery,
    scene: String,
    reason: &str,
    detail: String,
    report: &mut Report,
) -> bool {
    match bury(ports.letters, delivery, reason, detail.clone(), ports.world.now()).await {
        Ok(()) => {
            report.refused.push(Refusal { scene, reason: reason.to_owned(), detail });
            true
        }
        Err(trouble) => {
            report.troubles.push(trouble);
            false
        }
    }
}

/// Rebuilds one level.
///
/// # Errors
///
/// [`UpdateError`]; the message of the level must then come back or go to the dead letters.
pub async fn rebuild<C, M, L, R>(
    ports: &Ports<'_, C, M, L, R>,
    settings: &Settings,
    level: &Level,
    since: DateTime<Utc>,
) -> Result<Rebuilt, UpdateError>
where
    C: ReadCatalog + WriteCatalog + Sync,
    M: MarkLevels + Sync,
    L: Sync,
    R: Chance + Clock + Sync,
{
    settings.grid.place(level)?;
    let mut conflicts = 0;
    let mut rebuilt = loop {
        match write_once(ports, settings, level, since).await {
            Ok(rebuilt) => break rebuilt,
            Err(UpdateError::Port(PortError::Precondition { .. })) => {
                conflicts += 1;
                if conflicts >= settings.tries {
                    return Err(UpdateError::Contended { level: level.clone(), tries: conflicts });
                }
                ports.world.pause(jitter(ports.world, conflicts)).await;
            }
            Err(error) => return Err(error),
        }
    };
    rebuilt.conflicts = conflicts;
    // 5. I5: always, also when nothing was written: an earlier attempt may have died between its write and this look.
    rebuilt.parent_marked = mark_parent_unless_it_links(ports, &settings.grid, level, since).await?;
    Ok(rebuilt)
}

/// Steps 1 to 4, once.
async fn write_once<C, M, L, R>(
    ports: &Ports<'_, C, M, L, R>,
    settings: &Settings,
    level: &Level,
    since: DateTime<Utc>,
) -> Result<Rebuilt, UpdateError>
where
    C: ReadCatalog + WriteCatalog + Sync,
    R: Chance,
{
    let grid = &settings.grid;
    let key = grid.document_key(level);
    // 1. I2: the catalog that stands there, before the listing.
    let present = Present::read(ports.catalog, &key).await?;
    // 2. I2: only then the listing, at each try anew.
    let listing = if grid.holds_items(level) {
        Listing::Items(list_items(ports.catalog, level).await?)
    } else {
        let linked = present.as_ref().and_then(|present| present.read.as_ref());
        Listing::Children(list_children(ports.catalog, grid, level, linked).await?)
    };
    // 3. I7: the document, of nothing else, but for what a collection of others says itself. I3: one revision on; after an unreadable one, a revision that never was.
    let stands = present.as_ref().map(|present| present.bytes.as_slice());
    let build = |revision| catalog::build_over(grid, &settings.site, level, &listing, revision, stands);
    let (expected, revision) = match &present {
        None => (Expected::Absent, Revision::FIRST),
        Some(Present { etag, read: Some(read), .. }) => (Expected::Tag(etag.clone()), read.revision.next()),
        Some(Present { etag, read: None, .. }) => {
            tracing::warn!(%key, "the catalog is unreadable; it is written anew from its listing");
            (Expected::Tag(etag.clone()), Revision::unforeseen(ports.world.bits()))
        }
    };
    let mut rebuilt = Rebuilt {
        written: None,
        conflicts: 0,
        unreadable: matches!(&present, Some(Present { read: None, .. })),
        parent_marked: false,
        entries: match &listing {
            Listing::Items(names) | Listing::Children(names) => names.len(),
        },
        since,
    };
    // A parent may leave a catalog as it is when nothing but the revision would change. I1: a row always writes, since
    // a late write of somebody who has read the same document, but listed other items, must not find it so.
    if let (Listing::Children(_), Some(Present { bytes, read: Some(read), .. })) = (&listing, &present)
        && build(read.revision)? == *bytes
    {
        return Ok(rebuilt);
    }
    // 4. I2, I3: only over what was read; and never a deletion.
    ports.catalog.put_if(&key, &build(revision)?, &expected).await?;
    rebuilt.written = Some(revision);
    Ok(rebuilt)
}

/// A catalog document as step 1 found it.
struct Present {
    bytes: Vec<u8>,
    etag: ETag,
    /// None when it is unreadable.
    read: Option<ReadBack>,
}

impl Present {
    async fn read<C: ReadCatalog>(catalog: &C, key: &str) -> PortResult<Option<Self>> {
        let object = catalog.get(key).await?;
        Ok(object.map(|object| Self { read: ReadBack::parse(&object.bytes), bytes: object.bytes, etag: object.etag }))
    }
}

/// The files of the items directly in a row, ascending.
pub(crate) async fn list_items<C: ReadCatalog>(catalog: &C, level: &Level) -> PortResult<Vec<String>> {
    let mut files = Vec::new();
    let mut from = None;
    loop {
        let page = catalog.list(level, from.as_ref()).await?;
        let is_item = |name: &String| name.ends_with(ITEM_ENDING) && name != CATALOG && name != COLLECTION;
        files.extend(page.objects.into_iter().filter(is_item));
        from = page.next;
        if from.is_none() {
            return Ok(files);
        }
    }
}

/// The children of a level whose documents exist, ascending: those that are linked already, since a catalog is never
/// deleted, and of the other folders those where the document is found.
pub(crate) async fn list_children<C: ReadCatalog + Sync>(
    catalog: &C,
    grid: &Grid,
    level: &Level,
    linked: Option<&ReadBack>,
) -> PortResult<Vec<String>> {
    let mut folders = Vec::new();
    let mut from = None;
    loop {
        let page = catalog.list(level, from.as_ref()).await?;
        folders.extend(page.folders);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    // S3 lists folders by their names with the slash: `a-b` before `a`.
    folders.sort_unstable();
    let known = |name: &str| linked.is_some_and(|linked| linked.children.contains(name));
    let found: Vec<PortResult<Option<String>>> = stream::iter(folders)
        .map(|name| async {
            // A folder of no level of this grid is none of ours.
            let child = level.child(&name).ok().filter(|child| grid.place(child).is_ok());
            let Some(child) = child else { return Ok(None) };
            // I6: a document that was linked is never deleted; of any other it must be seen to exist.
            let exists = known(&name) || catalog.exists(&grid.document_key(&child)).await?;
            Ok(exists.then_some(name))
        })
        .buffered(HEADS_AT_ONCE)
        .collect()
        .await;
    found.into_iter().filter_map(Result::transpose).collect()
}

/// Step 5: marks the parent when it is absent, unreadable or does not link this level.
async fn mark_parent_unless_it_links<C, M, L, R>(
    ports: &Ports<'_, C, M, L, R>,
    grid: &Grid,
    level: &Level,
    since: DateTime<Utc>,
) -> PortResult<bool>
where
    C: ReadCatalog,
    M: MarkLevels,
    R: Chance,
{
    let (Some(parent), Some(name)) = (level.parent(), level.name()) else { return Ok(false) };
    let present = Present::read(ports.catalog, &grid.document_key(&parent)).await?;
    if present.and_then(|present| present.read).is_some_and(|read| read.children.contains(name)) {
        return Ok(false);
    }
    // I5: from here on the mark owes the link. I4: a fresh token.
    let mark = Mark { level: parent, token: ports.world.token(), since };
    for result in answers(ports.marks.mark(&[mark]).await, 1, "marking") {
        result?;
    }
    Ok(true)
}

/// How long to wait before the next try, in milliseconds: random, so that those who collided do not again.
fn jitter<R: Chance>(chance: &R, conflicts: u32) -> u64 {
    let most = 20_u64 << conflicts.min(6);
    chance.bits() % most + 1
}
