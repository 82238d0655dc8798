//! Watching: walking a folder again and again, and giving what is new.
//!
//! No clock is asked, neither this machine's nor that of the machine whose disk it is: a file is new when it does not
//! look as it did, and has settled when it looks the same in two walks. What a file looks like is kept as one number of
//! 64 bits, so a watch needs some 20 to 40 bytes for each XML file below the source, and forgets those that are gone.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::mem;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::generate::Refusal;

use super::Found;
use super::names::hash;
use super::walk::Walk;

/// Walks a folder again and again; each walk gives what is new since the one before.
#[derive(Debug, Default)]
pub struct Watch {
    seen: Seen,
    /// Troubles that have been told: the next walk meets them again.
    told: HashSet<u64>,
}

/// What files looked like, path included.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Those that have been given.
    given: HashSet<u64>,
    /// Those that the last walk has met first: they may still be being written.
    unsettled: HashSet<u64>,
    /// The same of the walk that goes on.
    given_now: HashSet<u64>,
    unsettled_now: HashSet<u64>,
    /// Those of the folder that is being read. They count when it has been read to its end: of a folder that could not
    /// be, nothing is given.
    folder: Vec<u64>,
}

impl Watch {
    /// A watch that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives what came since it was walked before, once it looks the same in two walks. Let some time pass between
    /// them: a file that is being written must have changed in between.
    ///
    /// # Errors
    ///
    /// As [`super::scan`].
    pub fn walk(
        &mut self,
        source: &Path,
        found: &mut dyn FnMut(Found) -> bool,
        trouble: &mut dyn FnMut(Refusal),
    ) -> io::Result<()> {
        let mut once = once(&mut self.told, trouble);
        Walk { seen: Some(&mut self.seen), ..Walk::new(source, found, &mut once) }.start()?;
        self.seen.turn_over();
        Ok(())
    }

    /// The same for files that may hold items, but for those in the folder `not_in`.
    pub(super) fn walk_documents(
        &mut self,
        source: &Path,
        not_in: &Path,
        found: &mut dyn FnMut(Found) -> bool,
        trouble: &mut dyn FnMut(Refusal),
    ) -> io::Result<()> {
        let mut once = once(&mut self.told, trouble);
        Walk { seen: Some(&mut self.seen), ..Walk::of_documents(source, not_in, found, &mut once) }.start()?;
        self.seen.turn_over();
        Ok(())
    }

    /// How many files are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.seen.given.len() + self.seen.unsettled.len()
    }

    /// Whether the next walk may give what this one has only met.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.seen.unsettled.is_empty()
    }
}

/// Tells each trouble once.
fn once<'a>(told: &'a mut HashSet<u64>, trouble: &'a mut dyn FnMut(Refusal)) -> impl FnMut(Refusal) + 'a {
    |refusal| {
        if told.insert(hash(&refusal.scene)) {
            trouble(refusal);
        }
    }
}

impl Seen {
    /// Begins with a folder.
    pub(super) fn begin_folder(&mut self) {
        self.folder.clear();
    }

    /// Whether a file of the folder is to be given now. To be asked once a file and walk.
    pub(super) fn is_new(&mut self, file: &Path) -> bool {
        let Some(look) = look(file) else { return false };
        self.folder.push(look);
        !self.given.contains(&look) && self.unsettled.contains(&look)
    }

    /// The folder has been read.
    pub(super) fn end_folder(&mut self) {
        for look in self.folder.drain(..) {
            if self.given.contains(&look) || self.unsettled.contains(&look) {
                self.given_now.insert(look);
            } else {
                self.unsettled_now.insert(look);
            }
        }
    }

    fn turn_over(&mut self) {
        self.given = mem::take(&mut self.given_now);
        self.unsettled = mem::take(&mut self.unsettled_now);
    }
}

/// What a file looks like: where it is, which one it is, how large, and when it was last changed by its own account. None
/// when it is gone. Of a link that leads nowhere it is the link that counts.
fn look(path: &Path) -> Option<u64> {
    let metadata = fs::metadata(path).or_else(|_| fs::symlink_metadata(path)).ok()?;
    Some(hash(&(path, metadata.dev(), metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What was met in a folder that then could not be read to its end has not been given.
    #[test]
    fn a_file_stays_new_until_its_folder_has_been_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file.xml");
        fs::write(&file, "").unwrap();
        let mut seen = Seen::default();
        let walk = |seen: &mut Seen, to_its_end: bool| {
            seen.begin_folder();
            let is_new = seen.is_new(&file);
            if to_its_end {
                seen.end_folder();
            }
            seen.turn_over();
            is_new
        };
        assert!(!walk(&mut seen, true), "not settled");
        assert!(walk(&mut seen, true));
        assert!(!walk(&mut seen, true), "given");
        assert!(!walk(&mut seen, false));
        // Forgotten, and so met as if for the first time.
        assert_eq!([walk(&mut seen, true), walk(&mut seen, true)], [false, true]);
    }
}
