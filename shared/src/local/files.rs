//! Files: read whole and only when regular, written beside and renamed into place.

use std::fs::{self, File, FileType};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ports::PortError;

/// What a failed call means to the caller of a port.
pub(super) fn failed(doing: &str, path: &Path, error: io::Error) -> PortError {
    let what = format!("{doing} {}", path.display());
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => PortError::Denied { what, source: error.into() },
        _ => PortError::Unavailable { what, source: error.into() },
    }
}

/// The number by which the system says that a link leads round in circles.
const LINK_LOOP: i32 = if cfg!(target_os = "linux") { 40 } else { 62 };

/// Whether the error says that there is no room on the disk, or none for this user. It passes when somebody makes room.
pub(super) fn says_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// What was found where a file was looked for.
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// Something that is no regular file, and what.
    Other(&'static str),
    /// A file of this size, longer than the bound; it was not read.
    TooLarge(u64),
    /// The content.
    Bytes(Vec<u8>),
}

/// Whether the error says that no file of this name is there. A name that the file system cannot hold names none.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename)
}

/// Whether a regular file stands there, symbolic links followed.
pub(super) fn is_file(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if is_absent(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads a regular file of at most `limit` bytes.
///
/// What is there is looked at before it is opened, because opening a pipe waits for its other end; and once more
/// when it is open, because it may have been exchanged in between.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Found> {
    match read_if_regular(path, limit) {
        Err(error) if is_absent(&error) || error.raw_os_error() == Some(LINK_LOOP) => {
            let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
            Ok(if is_link { Found::Other("a link that leads nowhere") } else { Found::Nothing })
        }
        result => result,
    }
}

/// What a thing is that is no regular file, in a word for people.
fn describe(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

fn read_if_regular(path: &Path, limit: u64) -> io::Result<Found> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Ok(Found::Other(describe(metadata.file_type())));
    }
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Found::Other(describe(metadata.file_type())));
    }
    if metadata.len() > limit {
        return Ok(Found::TooLarge(metadata.len()));
    }
    // One byte more than expected, so that the end is seen without growing the buffer.
    let expected = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(expected.saturating_add(1)).map_err(|_| ErrorKind::OutOfMemory)?;
    (&mut file).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    // It may have grown since its size was asked for.
    let size = bytes.len() as u64;
    Ok(if size > limit { Found::TooLarge(size) } else { Found::Bytes(bytes) })
}

/// Where files are written before they are renamed into place.
///
/// Names start with the id of the holder, a living process, so that the files of the dead can be told and removed.
#[derive(Debug)]
pub(super) struct Temporaries {
    folder: PathBuf,
    holder: String,
    next: AtomicU64,
}

impl Temporaries {
    pub(super) fn new(folder: PathBuf, holder: &str) -> Self {
        Self { folder, holder: holder.to_owned(), next: AtomicU64::new(0) }
    }

    /// Whose file this is, by its name; none when it is not one of these.
    pub(super) fn owner(name: &str) -> Option<&str> {
        let (holder, _) = name.split_once('.')?;
        (!holder.is_empty()).then_some(holder)
    }

    /// Writes a new file of these bytes.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<Temporary> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{}.{number}", self.holder));
        let mut file = File::create_new(&path)?;
        // From here on the file is removed again unless it reaches its place.
        let temporary = Temporary { path, placed: false };
        file.write_all(bytes)?;
        Ok(temporary)
    }
}

/// A written file that has not reached its place yet; removed when dropped.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    placed: bool,
}

impl Temporary {
    /// Renames it to `target`, over whatever file stands there. Folders above are made when they are missing.
    pub(super) fn place(mut self, target: &Path) -> io::Result<()> {
        if let Err(error) = fs::rename(&self.path, target) {
            let (ErrorKind::NotFound, Some(folder)) = (error.kind(), target.parent()) else {
                return Err(error);
            };
            fs::create_dir_all(folder)?;
            fs::rename(&self.path, target)?;
        }
        self.placed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed now goes when the next process starts.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_placed_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let temporaries = Temporaries::new(folder.path().to_owned(), "me");
        let target = folder.path().join("taken");
        fs::create_dir_all(target.join("by a folder")).unwrap();
        assert!(temporaries.write(b"x").unwrap().place(&target).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_permission_and_a_read_only_disk_are_denied_and_a_full_one_is_unavailable() {
        let path = Path::new("a.json");
        for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
            let error = failed("writing", path, kind.into());
            assert!(matches!(error, PortError::Denied { .. }), "{error}");
        }
        let error = failed("writing", path, ErrorKind::StorageFull.into());
        assert!(matches!(error, PortError::Unavailable { .. }), "{error}");
        assert!(error.to_string().starts_with("writing a.json: "), "{error}");
    }
}
