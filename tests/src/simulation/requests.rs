//! What the processes ask for, and how often they may.

use std::collections::{BTreeMap, BTreeSet};

use lazycat::grid::INPE;
use lazycat::level::Level;
use lazycat::message::{LevelMessage, SceneRecord};
use lazycat::scene::SourceKey;

use super::monitor::{Process, level_of_document};
use super::world::QueueName;

/// Who asked for what, and what it had received.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<Process, Account>,
    conflicts: usize,
}

#[derive(Debug, Default)]
struct Account {
    records: Vec<SceneRecord>,
    messages: u32,
    levels: BTreeSet<Level>,
    /// Whether somebody else wrote first.
    conflict: bool,
    counts: BTreeMap<&'static str, BTreeMap<String, u32>>,
}

impl Ledger {
    pub(super) fn asked(&mut self, by: Process, operation: &'static str, subject: &str) {
        let counts = self.accounts.entry(by).or_default().counts.entry(operation).or_default();
        match counts.get_mut(subject) {
            Some(count) => *count += 1,
            None => {
                counts.insert(subject.to_owned(), 1);
            }
        }
    }

    pub(super) fn conflict(&mut self, by: Process) {
        self.accounts.entry(by).or_default().conflict = true;
        self.conflicts += 1;
    }

    pub(super) fn received(&mut self, by: Process, queue: QueueName, body: &str) {
        let account = self.accounts.entry(by).or_default();
        account.messages += 1;
        match queue {
            QueueName::Scenes => account.records.extend(SceneRecord::decode(body).unwrap_or_default()),
            QueueName::Levels => account.levels.extend(LevelMessage::decode(body).ok().map(|message| message.level)),
        }
    }

    /// How often a write was refused, since somebody else had written first.
    #[must_use]
    pub fn conflicts(&self) -> usize {
        self.conflicts
    }

    /// Whether a process has received a message about this item.
    #[must_use]
    pub fn holds(&self, process: Process, key: &str) -> bool {
        let records = self.accounts.get(&process).into_iter().flat_map(|account| &account.records);
        let mut keys = records.filter_map(|record| SourceKey::parse(&record.source.key).ok());
        keys.any(|name| key == format!("{}/{}.json", name.scene().row_key(), name.scene()))
    }

    /// Closes the account of a process that is no more: what it asked for too often. `tries` is how often an update may
    /// try its write; `undisturbed` says that the process came to its end and that nothing it asked for failed.
    #[must_use]
    pub fn close(&mut self, process: Process, tries: u32, undisturbed: bool) -> Vec<String> {
        let Some(account) = self.accounts.remove(&process) else { return Vec::new() };
        let mut excesses = Vec::new();
        account.generated(undisturbed, &mut excesses);
        account.updated(tries, undisturbed && !account.conflict, &mut excesses);
        account.moved(&mut excesses);
        excesses
    }
}

impl Account {
    fn count(&self, operation: &str, subject: &str) -> u32 {
        self.counts.get(operation).and_then(|counts| counts.get(subject)).copied().unwrap_or(0)
    }

    fn total(&self, operation: &str) -> u32 {
        self.counts.get(operation).map_or(0, |counts| counts.values().sum())
    }

    /// A scene costs at most one read for each name its metadata may have, one look, one write, one publish, and its
    /// row one mark. One that is not skipped costs exactly one write and one publish.
    fn generated(&self, undisturbed: bool, excesses: &mut Vec<String>) {
        let mut candidates = 0;
        let mut of_key: BTreeMap<String, u32> = BTreeMap::new();
        let mut rows = BTreeSet::new();
        for record in &self.records {
            let Ok(key) = SourceKey::parse(&record.source.key) else { continue };
            candidates += match &key {
                _ if record.removed => 0,
                SourceKey::Metadata(_) => 1,
                SourceKey::Quicklook(scene, _) => scene.candidates().len(),
            };
            let row = key.scene().row_key();
            *of_key.entry(format!("{row}/{}.json", key.scene())).or_default() += 1;
            rows.insert(row);
        }
        let mut at_most = |what: String, found: u32, bound: u32| {
            if found > bound {
                excesses.push(format!("{what}: {found} times, expected at most {bound}"));
            }
        };
        if self.records.is_empty() {
            return;
        }
        at_most("read source".into(), self.total("read source"), u32::try_from(candidates).unwrap_or(u32::MAX));
        for (key, records) in &of_key {
            at_most(format!("get item {key}"), self.count("get item", key), 1);
            let written = self.count("put item", key) + self.count("delete item", key);
            at_most(format!("put and delete item {key}"), written, *records);
            at_most(format!("publish {key}"), self.count("publish", key), written);
        }
        for row in &rows {
            at_most(format!("put mark {row}"), self.count("put mark", row), 1);
        }
        at_most("bury".into(), self.total("bury"), self.messages);
        if undisturbed {
            let written = self.total("put item") + self.total("delete item");
            if self.total("publish") != written {
                excesses.push(format!("{} were written and {} published", written, self.total("publish")));
            }
            let touched = |row: &&String| {
                let of_row = |counts: &BTreeMap<String, u32>| counts.keys().any(|key| key.starts_with(row.as_str()));
                ["put item", "delete item"].iter().any(|name| self.counts.get(name).is_some_and(of_row))
            };
            let touched = rows.iter().filter(touched).count();
            if self.total("put mark") as usize != touched {
                excesses.push(format!("{touched} rows were written to and {} marked", self.total("put mark")));
            }
        }
    }

    /// A level costs at most, for each try, one read, one listing and one write; and once the look at its parent, and
    /// a mark. A row that nobody disturbs costs exactly that.
    fn updated(&self, tries: u32, undisturbed: bool, excesses: &mut Vec<String>) {
        if self.levels.is_empty() {
            return;
        }
        let mut looks: BTreeMap<Level, u32> = BTreeMap::new();
        for parent in self.levels.iter().filter_map(Level::parent) {
            *looks.entry(parent).or_default() += 1;
        }
        let mut should = |what: String, found: u32, least: u32, most: u32| {
            if found > most || undisturbed && found < least {
                excesses.push(format!("{what}: {found} times, expected from {least} to {most}"));
            }
        };
        for key in self.counts.get("get").into_iter().flat_map(BTreeMap::keys) {
            let Some(level) = level_of_document(key) else { continue };
            let own = if self.levels.contains(&level) { tries } else { 0 };
            let own_least = self.count("listing", level.wire());
            let looks = looks.get(&level).copied().unwrap_or(0);
            should(format!("get {key}"), self.count("get", key), own_least + looks, own + looks);
        }
        for level in &self.levels {
            let key = INPE.document_key(level);
            let listings = self.count("listing", level.wire());
            should(format!("listing {level}"), listings, 1, tries);
            let least = if INPE.holds_items(level) { listings } else { listings.saturating_sub(1) };
            should(format!("put if {key}"), self.count("put if", &key), least, listings);
        }
        for (parent, looks) in looks {
            should(format!("put mark {parent}"), self.count("put mark", parent.wire()), 0, looks);
        }
    }

    /// A mark costs one message and one deletion.
    fn moved(&self, excesses: &mut Vec<String>) {
        for operation in ["send level", "remove mark"] {
            for (level, count) in self.counts.get(operation).into_iter().flatten() {
                if *count > 1 {
                    excesses.push(format!("{operation} {level}: {count} times in one tick"));
                }
            }
        }
    }
}
