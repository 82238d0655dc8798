//! What an audit finds, and what it reports.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::level::Level;
use crate::message::SceneRecord;
use crate::scene::SceneId;

use super::ports::ItemName;

/// How many examples of each class are reported word for word.
pub const EXAMPLES_KEPT: usize = 10;

/// How many prefixes are named as the worst.
pub const PREFIXES_TOLD: usize = 10;

/// How many segments of a key make the prefix that findings are counted by: satellite, camera and path. There are no
/// more such prefixes than the grid has paths, which bounds the report.
const PREFIX_SEGMENTS: usize = 3;

/// What is wrong, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The source has a scene that the catalog has no item of.
    SourceWithoutItem,
    /// The catalog has an item whose scene's metadata the source does not have.
    ItemWithoutSource,
    /// An item or a level that its catalog does not link.
    NotLinked,
    /// A catalog links an item or a level that is not there.
    LinkWithoutObject,
    /// A level has items or levels, but no document.
    DocumentMissing,
    /// A document that is no JSON or has no revision.
    DocumentMalformed,
    /// A document that links what it should, but is not the one that a rebuild would write.
    DocumentStale,
    /// An item that is not the one that its source gives.
    ItemDiffers,
    /// An object that is served as something else than it is.
    ContentType,
    /// An object that belongs nowhere: neither a level's document nor an item in its row.
    Stray,
    /// An item that the search index does not hold.
    IndexMissing,
    /// The search index holds an item from a document that the catalog does not have.
    IndexExtra,
    /// The search index holds an item as it was before it was last written.
    IndexStale,
    /// The search index holds an item otherwise than it is, and not because it is behind.
    IndexDiffers,
    /// An item that no search index takes, such as one without geometry. It is told, and is no drift.
    Unindexable,
}

impl Class {
    /// Its name in reports and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SourceWithoutItem => "source-without-item",
            Self::ItemWithoutSource => "item-without-source",
            Self::NotLinked => "not-linked",
            Self::LinkWithoutObject => "link-without-object",
            Self::DocumentMissing => "document-missing",
            Self::DocumentMalformed => "document-malformed",
            Self::DocumentStale => "document-stale",
            Self::ItemDiffers => "item-differs",
            Self::ContentType => "content-type",
            Self::Stray => "stray",
            Self::IndexMissing => "index-missing",
            Self::IndexExtra => "index-extra",
            Self::IndexStale => "index-stale",
            Self::IndexDiffers => "index-differs",
            Self::Unindexable => "unindexable",
        }
    }

    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::SourceWithoutItem,
        Self::ItemWithoutSource,
        Self::NotLinked,
        Self::LinkWithoutObject,
        Self::DocumentMissing,
        Self::DocumentMalformed,
        Self::DocumentStale,
        Self::ItemDiffers,
        Self::ContentType,
        Self::Stray,
        Self::IndexMissing,
        Self::IndexExtra,
        Self::IndexStale,
        Self::IndexDiffers,
        Self::Unindexable,
    ];
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What kind of thing.
    pub class: Class,
    /// The key of the object that it is about.
    pub subject: String,
    /// One sentence.
    pub detail: String,
    /// What puts it right.
    pub remedy: Remedy,
}

/// What puts a finding right.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// The level is rebuilt.
    Mark(Level),
    /// The scene's item is made.
    Send(Box<SceneRecord>),
    /// The scene is withdrawn, where that is asked for.
    Withdraw(SceneId),
    /// The search index learns of the item as it stands.
    Tell(ItemName),
    /// The search index learns that the item is gone, where that is asked for.
    Forget(ItemName),
    /// Only a hand can say.
    Hand,
}

/// A finding in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The key of the object that it is about.
    pub key: String,
    /// One sentence.
    pub detail: String,
}

/// All findings of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How many there are.
    pub count: u64,
    /// The first of them, [`EXAMPLES_KEPT`] at most.
    pub examples: Vec<Example>,
}

/// How often something is wrong under a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prefix {
    /// Satellite, camera and path, as far as the key tells; `/` where it belongs to no level.
    pub prefix: String,
    /// How many findings there are.
    pub count: u64,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// Objects of the catalog.
    pub objects: u64,
    /// Levels with a document, or with something that should have one above it.
    pub levels: u64,
    /// Items.
    pub items: u64,
    /// Scenes with metadata in the source; none were looked for without a source.
    pub scenes: u64,
    /// Items that were compared with what their source gives.
    pub compared: u64,
    /// Items that were looked for in the search index; none without one.
    pub indexed: u64,
    /// Items that were compared with what the search index holds.
    pub compared_with_index: u64,
}

/// What was done, or would be, to put things right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Repairs {
    /// Marks of levels.
    pub levels: u64,
    /// Messages to make an item.
    pub scenes: u64,
    /// Messages to withdraw one.
    pub withdrawals: u64,
    /// Items that the search index learns of as they stand.
    pub told: u64,
    /// Items that it learns are gone.
    pub forgotten: u64,
    /// Findings beyond what one audit repairs: for the next.
    pub left: u64,
}

/// Why items are left that the source or the catalog does not have, although they were to be withdrawn or forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spared {
    /// How many they are.
    pub items: u64,
    /// Their share of all items.
    pub share: f64,
    /// The share up to which they would be withdrawn.
    pub allowed: f64,
}

/// What an audit found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// What was looked at.
    pub looked: Looked,
    /// What is wrong, by class; no entry where nothing is.
    pub drift: BTreeMap<Class, Group>,
    /// What looks wrong, but is being worked on: its level is marked or messages are waiting.
    pub pending: BTreeMap<Class, Group>,
    /// What cannot be otherwise, and is no drift: [`Class::Unindexable`].
    pub accepted: BTreeMap<Class, Group>,
    /// Where most is wrong, the worst first, [`PREFIXES_TOLD`] at most.
    pub worst: Vec<Prefix>,
    /// What was done to put it right; what would be, when nothing was to be done.
    pub repairs: Repairs,
    /// Why nothing was withdrawn.
    pub spared: Option<Spared>,
    #[serde(skip)]
    prefixes: BTreeMap<String, u64>,
}

impl Report {
    /// How much is wrong.
    #[must_use]
    pub fn drifted(&self) -> u64 {
        self.drift.values().map(|group| group.count).sum()
    }

    /// How much looks wrong and is being worked on.
    #[must_use]
    pub fn is_pending(&self) -> u64 {
        self.pending.values().map(|group| group.count).sum()
    }

    /// How many findings of this class there are.
    #[must_use]
    pub fn count(&self, class: Class) -> u64 {
        self.drift.get(&class).map_or(0, |group| group.count)
    }

    pub(super) fn add(&mut self, finding: &Finding, is_pending: bool) {
        let is_accepted = finding.class == Class::Unindexable;
        let groups = match (is_accepted, is_pending) {
            (true, _) => &mut self.accepted,
            (false, true) => &mut self.pending,
            (false, false) => &mut self.drift,
        };
        let group = groups.entry(finding.class).or_default();
        group.count += 1;
        if group.examples.len() < EXAMPLES_KEPT {
            group.examples.push(Example { key: finding.subject.clone(), detail: finding.detail.clone() });
        }
        if !is_pending && !is_accepted {
            *self.prefixes.entry(prefix_of(finding)).or_default() += 1;
        }
    }

    /// Names the worst prefixes.
    pub(super) fn finish(&mut self) {
        let mut worst: Vec<Prefix> =
            self.prefixes.iter().map(|(prefix, count)| Prefix { prefix: prefix.clone(), count: *count }).collect();
        worst.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.prefix.cmp(&other.prefix)));
        worst.truncate(PREFIXES_TOLD);
        self.worst = worst;
    }
}

/// Of a stray nothing is known but that it belongs nowhere, so it makes no prefix of its own.
fn prefix_of(finding: &Finding) -> String {
    let folder = finding.subject.rsplit_once('/').map_or("", |(folder, _)| folder);
    if folder.is_empty() || finding.class == Class::Stray {
        return "/".to_owned();
    }
    folder.split('/').take(PREFIX_SEGMENTS).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(subject: &str) -> Finding {
        let subject = subject.to_owned();
        Finding { class: Class::NotLinked, subject, detail: String::new(), remedy: Remedy::Hand }
    }

    #[test]
    fn a_report_counts_all_and_tells_some() {
        let mut report = Report::default();
        for number in 0..25 {
            report.add(&finding(&format!("CBERS4/MUX/05{}/121/{number}.json", number % 2)), false);
        }
        for _ in 0..20 {
            report.add(&finding("CBERS4/MUX/057/121/a.json"), true);
        }
        report.add(&finding("catalog.json"), false);
        report.finish();
        assert_eq!((report.drifted(), report.is_pending()), (26, 20));
        assert_eq!(report.drift[&Class::NotLinked].examples.len(), EXAMPLES_KEPT);
        let worst: Vec<(&str, u64)> = report.worst.iter().map(|worst| (worst.prefix.as_str(), worst.count)).collect();
        assert_eq!(worst, [("CBERS4/MUX/050", 13), ("CBERS4/MUX/051", 12), ("/", 1)]);
    }

    #[test]
    fn every_class_has_a_name_that_is_its_own_and_that_json_tells() {
        let names: std::collections::BTreeSet<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        assert_eq!(names.len(), Class::ALL.len());
        for class in Class::ALL {
            assert_eq!(serde_json::to_value(class).ok(), Some(class.name().into()));
        }
    }
}
