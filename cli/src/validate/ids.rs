//! The ids that were met, compactly: of a million items, a hash of each and the link that leads to it.

use xxhash_rust::xxh3::Xxh3;

use super::document::{Document, Kind};
use super::href;
use super::walk::Walk;

/// Stands for the document itself, where otherwise the place of a link stands.
const ITSELF: u32 = u32::MAX;

/// One id: 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Met {
    /// Of the scope and the id.
    hash: [u64; 2],
    /// The catalog or collection that links the document, and the place of the link.
    level: u32,
    link: u32,
}

/// All ids, and the paths of the catalogs and collections.
#[derive(Debug, Default)]
pub(super) struct Ids {
    met: Vec<Met>,
    levels: Vec<Box<str>>,
}

impl Ids {
    /// Takes note of a catalog or collection; gives its number.
    pub(super) fn level(&mut self, document: &Document) -> u32 {
        let number = u32::try_from(self.levels.len()).unwrap_or(u32::MAX);
        self.levels.push(document.path.as_str().into());
        if document.kind == Kind::Collection {
            self.met.push(Met { hash: hash("collection", document.id()), level: number, link: ITSELF });
        }
        number
    }

    /// Takes note of an item of a collection.
    pub(super) fn item(&mut self, collection: &str, id: &str, level: u32, link: usize) {
        let link = u32::try_from(link).unwrap_or(ITSELF);
        self.met.push(Met { hash: hash(&format!("item {collection}"), id), level, link });
    }

    /// Finds ids that more than one document has, and says so at each but the first by path.
    pub(super) fn check(mut self, walk: &Walk<'_>) {
        self.met.sort_unstable();
        for same in self.met.chunk_by(|a, b| a.hash == b.hash).filter(|same| same.len() > 1) {
            let mut paths: Vec<String> = same.iter().filter_map(|met| self.path(walk, *met)).collect();
            paths.sort_unstable();
            let Some((first, others)) = paths.split_first() else {
                continue;
            };
            for path in others {
                walk.fault(path, "/id", format!("found the id that {first} has, expected one of its own"));
            }
        }
    }

    /// Reads the level again for the path: rarely needed, so it was not kept.
    fn path(&self, walk: &Walk<'_>, met: Met) -> Option<String> {
        let level = self.levels.get(met.level as usize)?;
        if met.link == ITSELF {
            return Some(level.to_string());
        }
        let document = walk.reader.read(level).ok()?;
        let link = document.links().find(|link| link.index == met.link as usize)?;
        href::resolve(level, link.href, walk.published.as_deref()).ok()
    }
}

fn hash(scope: &str, id: &str) -> [u64; 2] {
    let mut hash = Xxh3::new();
    hash.update(scope.as_bytes());
    hash.update(b"\0");
    hash.update(id.as_bytes());
    let digest = hash.digest128();
    [(digest >> 64) as u64, digest as u64]
}
