//! The folder that a process writes into.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use tempfile::TempDir;

use crate::generator::ports::GeneratorError;

/// How many entries are counted. A folder with more is as good as full.
const MOST_ENTRIES: usize = 100_000;

/// What a block of [`std::fs::Metadata`] has, in bytes.
const BLOCK: u64 = 512;

/// A folder of one process, which only this user can see into. It is removed with everything in it.
#[derive(Debug)]
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> io::Result<Self> {
        tempfile::Builder::new().prefix("lazycat-generator-").tempdir().map(Self)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The name, which no other folder has.
    pub(super) fn name(&self) -> String {
        self.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Whether more than `most` bytes of the disk are taken by what is in it, or there are too many entries to tell.
    pub(super) fn holds_more_than(&self, most: u64) -> bool {
        let (mut bytes, mut entries) = (0, 0);
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                // Of a link itself, not of what it leads to. It may be gone again.
                let Ok(metadata) = entry.metadata() else { continue };
                bytes += metadata.blocks() * BLOCK;
                entries += 1;
                if bytes > most || entries > MOST_ENTRIES {
                    return true;
                }
                if metadata.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
        false
    }

    /// The text of a file in it, of at most `limit` bytes. A link is not followed and a pipe not waited for: whoever wrote
    /// here might lead to a file that only we may read.
    pub(super) fn read(&self, name: &str, limit: usize) -> Result<String, GeneratorError> {
        let no_item = |what: &str| GeneratorError::permanent("no-item", format!("it wrote no item: {what}"));
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(self.path().join(name));
        let file = match file {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(no_item("there is no file at the destination it was given"));
            }
            Err(error) => return Err(no_item(&format!("its destination cannot be read: {error}"))),
        };
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(no_item("its destination is no regular file")),
            Err(error) => return Err(no_item(&format!("its destination cannot be read: {error}"))),
        }
        let mut text = Vec::new();
        let read = file.take(limit as u64 + 1).read_to_end(&mut text);
        read.map_err(|error| no_item(&format!("its destination cannot be read: {error}")))?;
        if text.len() > limit {
            let detail = format!("the item is longer than {limit} bytes");
            return Err(GeneratorError::permanent("too-long", detail));
        }
        match String::from_utf8(text) {
            Ok(text) if text.trim().is_empty() => Err(no_item("its file is empty")),
            Ok(text) => Ok(text),
            Err(error) => Err(GeneratorError::permanent("item", format!("it is no text: {error}"))),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Folders without permissions keep their content from being removed, unless root does it.
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            // What cannot be changed cannot be removed either, and is told by nobody: the system's own cleaning is left.
            let _ = fs::set_permissions(&folder, Permissions::from_mode(0o700));
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            folders.extend(
                entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
            );
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_of_text_is_read() {
        let folder = Folder::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("good"), "text").unwrap();
        fs::write(at("empty"), " \n").unwrap();
        fs::write(at("binary"), b"\xff").unwrap();
        fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink(at("good"), at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RUSR).unwrap();
        let read = |name: &str, limit| folder.read(name, limit).map_err(|error| format!("{error}"));
        assert_eq!(read("good", 4).unwrap(), "text");
        for (name, says) in [
            ("absent", "no-item: it wrote no item: there is no file"),
            ("empty", "no-item: it wrote no item: its file is empty"),
            ("binary", "item: it is no text"),
            ("folder", "is no regular file"),
            ("link", "cannot be read"),
            ("pipe", "is no regular file"),
        ] {
            let told = read(name, 100).unwrap_err();
            assert!(told.contains(says), "{name}: {told}");
        }
        assert!(read("good", 3).unwrap_err().starts_with("too-long: "));
    }

    #[test]
    fn what_is_in_it_is_counted_and_removed_at_any_depth() {
        let folder = Folder::new().unwrap();
        let deep = folder.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), vec![1; 300_000]).unwrap();
        std::os::unix::fs::symlink("/", deep.join("link")).unwrap();
        assert!(folder.holds_more_than(200_000) && !folder.holds_more_than(1_000_000));
        fs::set_permissions(&deep, Permissions::from_mode(0o000)).unwrap();
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }
}
