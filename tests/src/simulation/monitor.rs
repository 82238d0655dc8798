//! What must hold after every step, seen from outside: from what stands in the world and what was asked of it.

use std::collections::{BTreeMap, BTreeSet};

use lazycat::grid::{CATALOG, COLLECTION, INPE};
use lazycat::level::Level;
use lazycat::memory::Memory;
use lazycat::message::{ItemEvent, ItemMessage, LevelMessage, SceneRecord};
use lazycat::ports::StoredItem;
use lazycat::scene::SourceKey;
use lazycat::stac::Listing;
use lazycat::stac::catalog::{self, ReadBack, Revision, Site};
use serde_json::Value;

use super::scenes;

/// Who asks: every process has its own number, never given again.
pub type Process = usize;

/// I1: a stale level has an unacknowledged message, a mark, a queued message, a dead letter, or an owed child.
pub const I1: &str = "i1_owed";
/// I2: what a write replaces is what stood there when its listing began.
pub const I2: &str = "i2_read_order";
/// I3: revisions grow by one, except after an unreadable document; a document never disappears.
pub const I3: &str = "i3_chain";
/// I4: a mark is deleted only by a mover whose message for that very mark was accepted.
pub const I4: &str = "i4_token";
/// I5: a document exists: its parent links it, or the parent is owed.
pub const I5: &str = "i5_reachable";
/// I6: a parent links a level: that level's document exists.
pub const I6: &str = "i6_no_dangling";
/// I7: the bytes of items and documents are what the pure functions give.
pub const I7: &str = "i7_pure";
/// I8: an item changed since its last publish: a message for it is unacknowledged or a dead letter.
pub const I8: &str = "i8_published";
/// In the end all is quiet, and equals the reference.
pub const CONVERGED: &str = "converged";
/// Nothing is asked more often than the bound allows.
pub const REQUESTS: &str = "requests";

/// Something that should not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant is broken.
    pub invariant: &'static str,
    /// After how many steps.
    pub step: usize,
    /// What was found.
    pub detail: String,
}

/// A catalog document as it stands.
#[derive(Debug, Clone)]
struct Document {
    /// None when it is unreadable.
    revision: Option<u64>,
    /// The names of the children, or the files of the items, that it links.
    links: BTreeSet<String>,
}

/// What is known of a process.
#[derive(Debug, Default)]
struct Seen {
    /// The mark of each level that its last scan has shown.
    scanned: BTreeMap<Level, u64>,
    /// The mark of each level whose message was accepted.
    accepted: BTreeMap<Level, u64>,
    /// How often each document had changed when the last listing of its level began.
    listed: BTreeMap<Level, u64>,
}

/// What a message about scenes is about: the items' keys and their rows.
type About = Vec<(String, Level)>;

/// Watches a world.
#[derive(Debug, Default)]
pub struct Monitor {
    /// How many steps there were.
    pub step: usize,
    violations: Vec<Violation>,
    objects: BTreeMap<String, StoredItem>,
    documents: BTreeMap<Level, Document>,
    stale: BTreeSet<Level>,
    /// How often the document of a level has changed.
    changes: BTreeMap<Level, u64>,
    /// How often a level was marked.
    marks: BTreeMap<Level, u64>,
    seen: BTreeMap<Process, Seen>,
    /// The items that changed since they were last published as they are now.
    unpublished: BTreeSet<String>,
    about: BTreeMap<String, About>,
}

impl Monitor {
    /// What should not be, the first of each kind.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Notes something that should not be.
    pub fn violated(&mut self, invariant: &'static str, detail: String) {
        if self.violations.iter().all(|violation| violation.invariant != invariant) {
            self.violations.push(Violation { invariant, step: self.step, detail });
        }
    }

    /// Checks what must hold after every step.
    pub fn check(&mut self, memory: &Memory) {
        let owed = self.owed(memory);
        let mut found = Vec::new();
        if let Some(level) = self.stale.iter().find(|level| !owed.contains(*level)) {
            found.push((I1, format!("{level} is stale, and nothing is owed")));
        }
        for (level, document) in &self.documents {
            if let (Some(parent), Some(name)) = (level.parent(), level.name()) {
                let linked = self.documents.get(&parent).is_some_and(|parent| parent.links.contains(name));
                if !linked && !owed.contains(&parent) {
                    found.push((I5, format!("{level} has a document, {parent} does not link it and is not owed")));
                }
            }
            if !INPE.holds_items(level) {
                let there = |name: &String| level.child(name).is_ok_and(|child| self.documents.contains_key(&child));
                if let Some(name) = document.links.iter().find(|name| !there(name)) {
                    found.push((I6, format!("{level} links {name}, which has no document")));
                }
            }
        }
        if !self.unpublished.is_empty() {
            let announced = self.announced(memory);
            if let Some(key) = self.unpublished.iter().find(|key| !announced.contains(*key)) {
                found.push((I8, format!("{key} was changed, not published, and no message for it is left")));
            }
        }
        for (invariant, detail) in found {
            self.violated(invariant, detail);
        }
    }

    /// The levels that something will bring up to date, and those above them.
    fn owed(&mut self, memory: &Memory) -> BTreeSet<Level> {
        let mut owed: BTreeSet<Level> = memory.marks.snapshot().into_iter().map(|mark| mark.level).collect();
        let mut bodies = memory.levels.bodies();
        bodies.extend(memory.levels.letters().snapshot().into_iter().map(|letter| letter.body));
        owed.extend(bodies.iter().filter_map(|body| LevelMessage::decode(body).ok()).map(|message| message.level));
        for body in source_messages(memory) {
            owed.extend(self.about(&body).into_iter().map(|(_, row)| row));
        }
        for level in owed.clone() {
            let mut above = level.parent();
            while let Some(level) = above {
                above = level.parent();
                owed.insert(level);
            }
        }
        owed
    }

    /// The items for which there is an unacknowledged message or a dead letter.
    #[must_use]
    pub fn announced(&mut self, memory: &Memory) -> BTreeSet<String> {
        source_messages(memory).iter().flat_map(|body| self.about(body)).map(|(key, _)| key).collect()
    }

    /// What a message is about.
    pub fn about(&mut self, body: &str) -> About {
        if let Some(about) = self.about.get(body) {
            return about.clone();
        }
        let records = SceneRecord::decode(body).unwrap_or_default();
        let about: About = records
            .iter()
            .filter_map(|record| SourceKey::parse(&record.source.key).ok())
            .filter_map(|key| {
                let row = Level::parse(&key.scene().row_key()).ok()?;
                Some((row.object_key(&format!("{}.json", key.scene())), row))
            })
            .collect();
        self.about.insert(body.to_owned(), about.clone());
        about
    }

    /// Takes up what has changed among the objects, by a process or by hand.
    pub fn objects_changed(&mut self, objects: BTreeMap<String, StoredItem>, by: Option<Process>) {
        let before = std::mem::replace(&mut self.objects, objects);
        let keys: BTreeSet<String> = before.keys().chain(self.objects.keys()).cloned().collect();
        for key in keys {
            let (old, new) = (before.get(&key), self.objects.get(&key).cloned());
            if old.map(|object| &object.bytes) == new.as_ref().map(|object| &object.bytes) {
                continue;
            }
            let bytes = new.map(|object| object.bytes);
            if let Some(level) = level_of_document(&key) {
                self.document_changed(level, bytes.as_deref(), by);
            } else if let Some(scene) = scenes::of_item(&key) {
                if let Some(bytes) = bytes
                    && !scene.versions.iter().any(|(_, made)| *made == bytes)
                {
                    self.violated(I7, format!("{key} is not what the pure function gives for any of its metadata"));
                }
                self.unpublished.insert(key);
            } else {
                self.violated(I7, format!("{key} is neither an item nor a document of a level"));
            }
        }
        self.find_stale();
    }

    fn document_changed(&mut self, level: Level, bytes: Option<&[u8]>, by: Option<Process>) {
        let change = self.changes.entry(level.clone()).or_default();
        let listed = by.and_then(|by| self.seen.get(&by)).and_then(|seen| seen.listed.get(&level)).copied();
        let as_listed = listed == Some(*change);
        *change += 1;
        let before = self.documents.remove(&level);
        let Some(bytes) = bytes else {
            return self.violated(I3, format!("the document of {level} disappeared"));
        };
        let document = parse(bytes);
        if by.is_some() {
            if !as_listed {
                self.violated(I2, format!("the document of {level} is not the one that stood there at the listing"));
            }
            match (before.map(|before| before.revision), document.revision) {
                (None, Some(1)) => {}
                (Some(Some(before)), Some(after)) if after == before + 1 => {}
                (Some(None), Some(after)) if after > 1 => {}
                (before, after) => self.violated(I3, format!("{level}: revision {after:?} follows {before:?}")),
            }
            if rebuilt(&level, bytes, &document).as_deref() != Some(bytes) {
                self.violated(I7, format!("the document of {level} is not what the pure function gives"));
            }
        }
        self.documents.insert(level, document);
    }

    /// A level is stale when its document does not link what a rebuild would list now.
    fn find_stale(&mut self) {
        let mut listings: BTreeMap<Level, BTreeSet<String>> = BTreeMap::new();
        for key in self.objects.keys() {
            if let (None, Some((row, file))) = (level_of_document(key), key.rsplit_once('/')) {
                let Ok(row) = Level::parse(row) else { continue };
                listings.entry(row).or_default().insert(file.to_owned());
            }
        }
        for level in self.documents.keys() {
            listings.entry(level.clone()).or_default();
            if let (Some(parent), Some(name)) = (level.parent(), level.name()) {
                listings.entry(parent).or_default().insert(name.to_owned());
            }
        }
        let stale = |level: &Level, listing: &BTreeSet<String>| match self.documents.get(level) {
            Some(document) => document.revision.is_none() || document.links != *listing,
            None => !listing.is_empty(),
        };
        self.stale =
            listings.iter().filter(|(level, listing)| stale(level, listing)).map(|(level, _)| level.clone()).collect();
    }

    /// A process has begun to list a level.
    pub fn listing_began(&mut self, by: Process, level: &Level) {
        let change = self.changes.get(level).copied().unwrap_or(0);
        self.seen.entry(by).or_default().listed.insert(level.clone(), change);
    }

    /// A level was marked.
    pub fn marked(&mut self, level: &Level) {
        *self.marks.entry(level.clone()).or_default() += 1;
    }

    /// A process has seen the mark that stands at a level.
    pub fn scanned(&mut self, by: Process, level: &Level) {
        let mark = self.marks.get(level).copied().unwrap_or(0);
        self.seen.entry(by).or_default().scanned.insert(level.clone(), mark);
    }

    /// The queue has accepted a level from a process.
    pub fn accepted(&mut self, by: Process, level: &Level) {
        let seen = self.seen.entry(by).or_default();
        if let Some(mark) = seen.scanned.get(level) {
            seen.accepted.insert(level.clone(), *mark);
        }
    }

    /// A process has deleted the mark of a level.
    pub fn mark_deleted(&mut self, by: Process, level: &Level) {
        let stood = self.marks.get(level);
        let accepted = self.seen.get(&by).and_then(|seen| seen.accepted.get(level));
        if stood != accepted {
            let detail = format!("the mark of {level} was deleted by one whose message for it was not accepted");
            self.violated(I4, detail);
        }
    }

    /// An item was published.
    pub fn published(&mut self, message: &ItemMessage) {
        let stored = self.objects.get(&message.key).map(|object| &object.bytes);
        let as_it_is = match &message.event {
            ItemEvent::Put(item) => stored.is_some_and(|stored| item.bytes() == stored.as_slice()),
            ItemEvent::Withdrawn { .. } => stored.is_none(),
        };
        if as_it_is {
            self.unpublished.remove(&message.key);
        }
    }

    /// The items that nobody has been told of as they are.
    #[must_use]
    pub fn unpublished(&self) -> &BTreeSet<String> {
        &self.unpublished
    }
}

/// The bodies of all messages about scenes that are not done with: in the queue, being worked on, or dead letters.
fn source_messages(memory: &Memory) -> Vec<String> {
    let mut bodies = memory.scenes.bodies();
    bodies.extend(memory.scenes.letters().snapshot().into_iter().map(|letter| letter.body));
    bodies
}

/// The level whose document has this key.
#[must_use]
pub fn level_of_document(key: &str) -> Option<Level> {
    let (folder, file) = key.rsplit_once('/').unwrap_or(("", key));
    if file != CATALOG && file != COLLECTION {
        return None;
    }
    let level = Level::parse(folder).ok()?;
    (INPE.document(&level) == file).then_some(level)
}

/// Reads a document with nothing of the library.
fn parse(bytes: &[u8]) -> Document {
    let unreadable = Document { revision: None, links: BTreeSet::new() };
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return unreadable };
    let (Some(revision), Some(links)) = (value["lazycat:revision"].as_u64(), value["links"].as_array()) else {
        return unreadable;
    };
    let name = |link: &Value| {
        let href = link["href"].as_str()?.strip_prefix("./")?;
        match link["rel"].as_str()? {
            "item" => Some(href.to_owned()),
            "child" => Some(href.split_once('/')?.0.to_owned()),
            _ => None,
        }
    };
    Document { revision: Some(revision), links: links.iter().filter_map(name).collect() }
}

/// What the pure function gives for what a document says of itself.
fn rebuilt(level: &Level, bytes: &[u8], document: &Document) -> Option<Vec<u8>> {
    build(level, document.links.iter().cloned().collect(), revision_of(bytes)?)
}

/// The revision of a document, in the form in which the pure function takes it.
#[must_use]
pub fn revision_of(bytes: &[u8]) -> Option<Revision> {
    ReadBack::parse(bytes).map(|read| read.revision)
}

/// The document of a level for what stands in it, by the pure function.
#[must_use]
pub fn build(level: &Level, names: Vec<String>, revision: Revision) -> Option<Vec<u8>> {
    let listing = if INPE.holds_items(level) { Listing::Items(names) } else { Listing::Children(names) };
    catalog::build(&INPE, &Site::default(), level, &listing, revision).ok()
}
