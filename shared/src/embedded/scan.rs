//! Finding scene metadata in a folder.
//!
//! Folders are walked one at a time, files before folders, so that memory is bounded by the largest folder; within a
//! folder scenes come in the order of their keys, which keeps the rebuilds few. Of several XML files of one scene in
//! one folder the one that describes it best is taken.
//!
//! Layout: `bucket` gives a folder's scenes as those of a bucket; `walk` goes through the folders; `entries` holds one folder's names in the order of keys; `names` tells keys
//! from names; `watch` remembers what a walk has seen, so that the next one gives what is new.

mod bucket;
mod entries;
mod names;
#[cfg(test)]
mod tests;
mod walk;
mod watch;

use std::io;
use std::path::Path;

use crate::generate::Refusal;

use self::walk::Walk;

pub use self::bucket::FolderBuckets;
pub use self::watch::Watch;

/// The reason told when a folder cannot be read: there may be scenes in it.
pub const UNREADABLE: &str = "folder";

/// How deep folders may stand in each other.
const DEEPEST: usize = 64;

/// Scene metadata that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The key that it has in the public bucket; the path below the source where its name is none of a scene, or
    /// where its folders name another scene, so that it is refused for that.
    pub key: String,
    /// The path of the file.
    pub file: String,
    /// The key of the scene's quicklook, when it stands beside it.
    pub quicklook: Option<String>,
    /// The bucket of the public archive that holds such scenes; none where the name tells no satellite.
    pub bucket: Option<&'static str>,
}

/// Gives all scene metadata below `source`, until `found` says false. What cannot be looked at is told to `trouble`.
///
/// # Errors
///
/// When `source` itself cannot be read.
pub fn scan(source: &Path, found: &mut dyn FnMut(Found) -> bool, trouble: &mut dyn FnMut(Refusal)) -> io::Result<()> {
    Walk::new(source, found, trouble).start()
}

/// Gives all files below `source` that may hold items or collections, by their names, until `found` says false; with a
/// watch, those that came since it walked before. The folder `not_in` is left out.
///
/// # Errors
///
/// When `source` itself cannot be read.
pub fn documents(
    source: &Path,
    not_in: &Path,
    watch: Option<&mut Watch>,
    found: &mut dyn FnMut(Found) -> bool,
    trouble: &mut dyn FnMut(Refusal),
) -> io::Result<()> {
    match watch {
        Some(watch) => watch.walk_documents(source, not_in, found, trouble),
        None => Walk::of_documents(source, not_in, found, trouble).start(),
    }
}

/// Tells how many scenes stand below `source`, folder by folder: about, since names are not looked into.
///
/// # Errors
///
/// As [`scan`].
pub fn count(source: &Path, counted: &mut dyn FnMut(u64)) -> io::Result<()> {
    let (found, trouble) = (&mut |_| true, &mut |_| {});
    Walk { counting: Some(counted), ..Walk::new(source, found, trouble) }.start()
}
