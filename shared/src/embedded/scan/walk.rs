//! Walking through folders.

use std::collections::HashSet;
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::generate::Refusal;
use crate::scene::MetadataName;

use super::entries::Entries;
use super::watch::Seen;
use super::{DEEPEST, Found, UNREADABLE, names};

/// One walk through a folder and all below it.
pub(super) struct Walk<'a> {
    pub(super) source: &'a Path,
    pub(super) found: &'a mut dyn FnMut(Found) -> bool,
    pub(super) trouble: &'a mut dyn FnMut(Refusal),
    /// In a watch, what the walks before have seen.
    pub(super) seen: Option<&'a mut Seen>,
    /// Device and inode of the folders that this walk has been in.
    pub(super) entered: HashSet<(u64, u64)>,
    /// Files of documents are looked for, not scene metadata.
    pub(super) documents: bool,
    /// Where scenes are only counted, what is told the number of each folder.
    pub(super) counting: Option<&'a mut dyn FnMut(u64)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        source: &'a Path,
        found: &'a mut dyn FnMut(Found) -> bool,
        trouble: &'a mut dyn FnMut(Refusal),
    ) -> Self {
        Self { source, found, trouble, seen: None, entered: HashSet::new(), documents: false, counting: None }
    }

    /// A walk that gives files that may hold items, but for those in the folder `not_in`.
    pub(super) fn of_documents(
        source: &'a Path,
        not_in: &Path,
        found: &'a mut dyn FnMut(Found) -> bool,
        trouble: &'a mut dyn FnMut(Refusal),
    ) -> Self {
        // As if it had been there already.
        let entered = identity(not_in).into_iter().collect();
        Self { documents: true, entered, ..Self::new(source, found, trouble) }
    }

    pub(super) fn start(&mut self) -> io::Result<()> {
        let source = self.source;
        let identity = identity(source)?;
        let entries = self.read(source)?;
        self.entered.insert(identity);
        self.folder(source, entries, 1);
        Ok(())
    }

    /// Gives what stands in a folder and below it. Whether to go on.
    fn folder(&mut self, folder: &Path, entries: Entries, depth: usize) -> bool {
        if !self.files(folder, &entries) {
            return false;
        }
        for child in entries.folders {
            match self.enter(&child, depth) {
                Ok(None) => {}
                Ok(Some(entries)) => {
                    if !self.folder(&child, entries, depth + 1) {
                        return false;
                    }
                }
                Err(detail) => (self.trouble)(Refusal {
                    scene: child.display().to_string(),
                    reason: UNREADABLE.to_owned(),
                    detail: format!("the folder cannot be read: {detail}"),
                }),
            }
        }
        true
    }

    /// What stands in a folder; none where this walk has been in it. A link may lead to any folder, also to one that
    /// holds it: each is entered once, whichever way it is reached first.
    fn enter(&mut self, folder: &Path, depth: usize) -> Result<Option<Entries>, String> {
        let identity = identity(folder).map_err(|error| error.to_string())?;
        if self.entered.contains(&identity) {
            return Ok(None);
        }
        if depth >= DEEPEST {
            return Err(format!("it stands more than {DEEPEST} folders deep"));
        }
        match self.read(folder) {
            Ok(entries) => {
                self.entered.insert(identity);
                Ok(Some(entries))
            }
            // A watch forgets its files: they will be new when it can be read again.
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether a file is one that is looked for, by its name.
    fn is_wanted(&self, name: &str) -> bool {
        const DOCUMENTS: [&str; 5] = [".json", ".geojson", ".ndjson", ".jsonl", ".geojsonl"];
        let endings: &[&str] = if self.documents { &DOCUMENTS } else { &[".xml"] };
        endings.iter().any(|ending| name.ends_with(ending))
    }

    fn read(&mut self, folder: &Path) -> io::Result<Entries> {
        let mut entries = Entries::default();
        let mut scenes = HashSet::new();
        if let Some(seen) = &mut self.seen {
            seen.begin_folder();
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let Some(name) = name.to_str() else {
                let is_wanted = self.is_wanted(&name.to_string_lossy());
                let what = if kind(&entry).is_some_and(|kind| kind.is_dir()) { "folder" } else { "file" };
                if is_wanted || what == "folder" {
                    (self.trouble)(Refusal {
                        scene: entry.path().display().to_string(),
                        reason: "name".to_owned(),
                        detail: format!("the {what}'s name is not UTF-8, so that no message can name it; rename it"),
                    });
                }
                continue;
            };
            let Some(kind) = kind(&entry) else { continue };
            if kind.is_dir() {
                entries.folders.push(entry.path());
            } else if self.is_wanted(name) {
                match (&mut self.counting, &mut self.seen) {
                    (Some(_), _) => _ = scenes.insert(names::hash(&names::scene_part(name))),
                    (None, Some(seen)) => entries.push(name, seen.is_new(&entry.path()))?,
                    (None, None) => entries.push(name, true)?,
                }
            } else if name.ends_with(".jpg") || name.ends_with(".png") {
                entries.has_quicklooks = true;
            }
        }
        entries.sort();
        if let Some(counted) = &mut self.counting {
            counted(scenes.len() as u64);
        }
        if let Some(seen) = &mut self.seen {
            seen.end_folder();
        }
        Ok(entries)
    }

    /// Gives the scenes of a folder: of each the file that describes it best, where that one is new. A lesser file that
    /// comes later changes nothing.
    pub(super) fn files(&mut self, folder: &Path, entries: &Entries) -> bool {
        if self.documents {
            return entries.files.iter().all(|file| self.give_nameless(folder, entries.name(file), file.is_new));
        }
        let mut best: Option<(MetadataName, bool)> = None;
        for file in &entries.files {
            let name = entries.name(file);
            let Ok(name) = MetadataName::parse(name) else {
                if !self.give_best(folder, best.take(), entries) || !self.give_nameless(folder, name, file.is_new) {
                    return false;
                }
                continue;
            };
            match &best {
                Some((known, _)) if known.scene == name.scene => {
                    if name.rank() < known.rank() {
                        best = Some((name, file.is_new));
                    }
                }
                _ => {
                    if !self.give_best(folder, best.replace((name, file.is_new)), entries) {
                        return false;
                    }
                }
            }
        }
        self.give_best(folder, best, entries)
    }

    fn give_best(&mut self, folder: &Path, best: Option<(MetadataName, bool)>, entries: &Entries) -> bool {
        match best {
            Some((name, true)) => self.give(folder, &name, entries.has_quicklooks),
            _ => true,
        }
    }

    /// Gives a file whose name is none of a scene; it will be refused for that.
    fn give_nameless(&mut self, folder: &Path, file: &str, is_new: bool) -> bool {
        if !is_new {
            return true;
        }
        let path = folder.join(file);
        let key = self.below_source(&path);
        (self.found)(Found { key, file: names::text(&path), quicklook: None, bucket: None })
    }

    fn give(&mut self, folder: &Path, name: &MetadataName, has_quicklooks: bool) -> bool {
        let path = folder.join(name.file_name());
        let below = self.below_source(&path);
        let key = if names::is_laid_out(&below) || names::names_another_scene(folder, &name.scene) {
            below
        } else {
            name.key()
        };
        let quicklook = if has_quicklooks { names::quicklook(folder, &name.scene) } else { None };
        (self.found)(Found { key, file: names::text(&path), quicklook, bucket: Some(name.scene.satellite.bucket) })
    }

    fn below_source(&self, path: &Path) -> String {
        names::text(path.strip_prefix(self.source).unwrap_or(path))
    }
}

/// What an entry is, links followed; none for what is neither file nor folder and for links that lead nowhere, but a
/// link to nowhere that is called like XML is a file: what is wrong with it is told when it is read.
fn kind(entry: &DirEntry) -> Option<FileType> {
    let kind = entry.file_type().ok()?;
    if !kind.is_symlink() {
        return Some(kind);
    }
    match fs::metadata(entry.path()) {
        Ok(metadata) => Some(metadata.file_type()),
        Err(_) => Some(kind),
    }
}

fn identity(folder: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::metadata(folder)?;
    Ok((metadata.dev(), metadata.ino()))
}
