//! The levels of a catalog from its keys, as they come in one flat listing.
//!
//! The keys below a folder follow each other, so a level is whole as soon as a key comes that does not stand in it. What
//! is held are the levels on the path to the last key, and their names.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::grid::{CATALOG, COLLECTION, Grid};
use crate::layout::segment;
use crate::level::Level;
use crate::scene::SceneId;
use crate::stac::catalog::ITEM_ENDING;

/// A level all of whose keys have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) level: Level,
    pub(super) has_document: bool,
    /// Ascending, as a rebuild lists them: the files of items in a row, else the names of the levels below that have a
    /// document.
    pub(super) names: Vec<String>,
    /// When the items of a row were last written, by their keys, where the store tells.
    pub(super) written: HashMap<String, DateTime<Utc>>,
}

/// What the keys tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A level is whole. One without document and without names is none.
    Level(Whole),
    /// An object belongs nowhere.
    Stray(String),
}

/// Takes the keys of a catalog in their order.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    grid: &'a Grid,
    /// The level below which everything stands.
    top: Level,
    /// The levels that the last key stands in, the topmost first.
    open: Vec<Whole>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(grid: &'a Grid, top: Level) -> Self {
        Self { grid, top, open: Vec::new() }
    }

    /// Takes the next key, and when its object was last written.
    pub(super) fn take(&mut self, key: String, written: Option<DateTime<Utc>>, events: &mut Vec<Event>) {
        while self.open.last().is_some_and(|open| !key.starts_with(&open.level.prefix())) {
            self.close(events);
        }
        let (folder, file) = key.rsplit_once('/').unwrap_or(("", &key));
        let level = Level::parse(folder).ok().filter(|level| self.grid.place(level).is_ok());
        let Some(level) = level else { return events.push(Event::Stray(key)) };
        self.open(&level);
        let Some(open) = self.open.last_mut() else { return };
        if file == self.grid.document(&level) {
            open.has_document = true;
        } else if self.grid.holds_items(&level) && is_linked_as_item(file) {
            // A row links whatever is called like a document, and so must who compares.
            open.names.push(file.to_owned());
            let is_item = if self.grid.is_filed(&level) { is_filed(file) } else { scene_of(&level, file).is_some() };
            if !is_item {
                events.push(Event::Stray(key));
            } else if let Some(written) = written {
                open.written.insert(key, written);
            }
        } else {
            events.push(Event::Stray(key));
        }
    }

    /// There are no more keys.
    pub(super) fn finish(&mut self, events: &mut Vec<Event>) {
        while !self.open.is_empty() {
            self.close(events);
        }
    }

    /// Opens the levels down to `level` that are not open.
    fn open(&mut self, level: &Level) {
        let mut missing = Vec::new();
        let mut at = Some(level.clone());
        while let Some(level) = at.filter(|level| self.open.last().is_none_or(|open| open.level != *level)) {
            at = if level == self.top { None } else { level.parent() };
            missing.push(level);
        }
        let new = |level| Whole { level, has_document: false, names: Vec::new(), written: HashMap::new() };
        self.open.extend(missing.into_iter().rev().map(new));
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        let Some(mut whole) = self.open.pop() else { return };
        if let (true, Some(parent), Some(name)) = (whole.has_document, self.open.last_mut(), whole.level.name()) {
            parent.names.push(name.to_owned());
        }
        if whole.has_document || !whole.names.is_empty() {
            // Folders come in the order of their names with the slash: `a-b` before `a`.
            whole.names.sort_unstable();
            events.push(Event::Level(whole));
        }
    }
}

/// Whether a rebuild of a row links the file.
fn is_linked_as_item(file: &str) -> bool {
    file.ends_with(ITEM_ENDING) && file != CATALOG && file != COLLECTION
}

/// Whether a file of a level of a layout is called as an item that was filed there.
pub(super) fn is_filed(file: &str) -> bool {
    segment::file_of(&segment::id_of(file)) == file
}

/// The scene whose item a file in this row is; none for a file that is no item, or one of another row.
pub(super) fn scene_of(row: &Level, file: &str) -> Option<SceneId> {
    let scene = SceneId::parse(file.strip_suffix(ITEM_ENDING)?).ok()?;
    (scene.row_key() == row.key()).then_some(scene)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::grid::INPE;

    fn events(top: &str, keys: &[&str]) -> (Vec<String>, Vec<String>) {
        let mut tree = Tree::new(&INPE, Level::parse(top).unwrap());
        let mut events = Vec::new();
        for key in keys {
            tree.take((*key).to_owned(), None, &mut events);
        }
        tree.finish(&mut events);
        let (mut levels, mut strays) = (Vec::new(), Vec::new());
        for event in events {
            match event {
                Event::Level(Whole { level, has_document, names, .. }) => {
                    levels.push(format!("{level} {has_document} {}", names.join(",")));
                }
                Event::Stray(key) => strays.push(key),
            }
        }
        (levels, strays)
    }

    const A: &str = "CBERS_4_MUX_20170618_057_121_L2.json";
    const B: &str = "CBERS_4_MUX_20170618_057_122_L2.json";

    #[test]
    fn levels_are_whole_when_their_keys_end_the_lowest_first() {
        let row = |row: &str, file: &str| format!("CBERS4/MUX/057/{row}/{file}");
        let keys = [
            "CBERS4/MUX/057/121/catalog.json".to_owned(),
            row("121", A),
            row("122", B),
            row("122", "catalog.json"),
            "CBERS4/MUX/057/catalog.json".to_owned(),
            "CBERS4/MUX/collection.json".to_owned(),
            "CBERS4/catalog.json".to_owned(),
            "catalog.json".to_owned(),
        ];
        let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        keys.sort_unstable();
        let expected = [
            format!("CBERS4/MUX/057/121 true {A}"),
            format!("CBERS4/MUX/057/122 true {B}"),
            "CBERS4/MUX/057 true 121,122".to_owned(),
            "CBERS4/MUX true 057".to_owned(),
            "CBERS4 true MUX".to_owned(),
            "/ true CBERS4".to_owned(),
        ];
        assert_eq!(events("", &keys).0, expected);
        assert_eq!(events("CBERS4/MUX/057", &keys[..5]).0, expected[..3]);
    }

    #[test]
    fn items_of_a_layout_are_no_strays_and_what_no_item_is_called_like_is() {
        let layout = crate::layout::Layout::parse("{collection}/{year}").unwrap();
        let grid = crate::grid::Grid::with_layout(layout, None);
        let mut tree = Tree::new(&grid, Level::root());
        let mut events = Vec::new();
        for key in ["a%20b/2024/catalog.json", "a%20b/2024/x y.json", "a%20b/2024/x%2Fy.json", "a/24/x.json", A] {
            tree.take(key.to_owned(), None, &mut events);
        }
        tree.finish(&mut events);
        let strays: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                Event::Stray(key) => Some(key.as_str()),
                Event::Level(_) => None,
            })
            .collect();
        assert_eq!(strays, ["a%20b/2024/x y.json", "a/24/x.json", A]);
    }

    #[test]
    fn what_belongs_nowhere_is_a_stray_and_a_row_links_it_where_a_rebuild_does() {
        let keys = [
            "CBERS4-copy/MUX/057/121/catalog.json",
            "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_122_L2.json",
            "CBERS4/MUX/057/121/collection.json",
            "CBERS4/MUX/057/121/deeper/catalog.json",
            "CBERS4/MUX/057/121/notes.txt",
            "CBERS4/MUX/057/121/other.json",
            "CBERS4/MUX/catalog.json",
            "docs/index.html",
        ];
        let (levels, strays) = events("", &keys);
        assert_eq!(levels, [format!("CBERS4/MUX/057/121 false {B},other.json")]);
        assert_eq!(strays, keys);
    }
}
