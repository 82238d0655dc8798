//! A served directory: opens what a [`Target`] names, and nothing outside. Every call here blocks; the router makes
//! it off the asynchronous threads.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use xxhash_rust::xxh3::Xxh3;

use super::etag::EntityTag;
use super::media::Media;
use super::target::{self, Target};

/// Up to this many bytes a file is read at once, and its tag is of its content. A larger document is read twice in
/// chunks, first for its tag; any other larger file has a tag of its size and time.
const READ_AT_ONCE: u64 = 1024 * 1024;

/// How much of a large file is in memory for one response.
pub(super) const CHUNK: usize = 64 * 1024;

/// A directory whose visible files may be read by anyone.
#[derive(Debug)]
pub(crate) struct Directory {
    root: PathBuf,
    media: fn(&Path) -> Media,
}

/// A file of the directory, opened once: a document that is replaced meanwhile is still served whole.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) media: Media,
    pub(super) tag: EntityTag,
    pub(super) length: u64,
    pub(super) content: Content,
}

/// Where the bytes of a file are.
#[derive(Debug)]
pub(super) enum Content {
    Read(Bytes),
    Open(File),
}

/// Why a target is not served.
#[derive(Debug)]
pub(super) enum NotServed {
    /// No visible file inside the directory has this path.
    Absent,
    /// The operating system refuses to read it.
    Forbidden,
    /// Reading failed.
    Failed(io::Error),
}

impl Directory {
    /// Opens a directory to be served; `media` tells what its files are, by their names.
    ///
    /// # Errors
    ///
    /// When the path is missing, not a directory, or may not be read.
    pub(crate) fn open(path: &Path, media: fn(&Path) -> Media) -> io::Result<Self> {
        let root = path.canonicalize()?;
        std::fs::read_dir(&root)?;
        Ok(Self { root, media })
    }

    /// Whether it holds a file of this name already.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.root.join(name).is_file()
    }

    pub(super) fn find(&self, target: &Target) -> Result<Found, NotServed> {
        let path = self.resolve(target)?;
        let media = (self.media)(target.as_path());
        let mut file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NotServed::Absent,
            io::ErrorKind::PermissionDenied => NotServed::Forbidden,
            _ => NotServed::Failed(error),
        })?;
        let metadata = file.metadata().map_err(NotServed::Failed)?;
        let length = metadata.len();
        if length <= READ_AT_ONCE {
            let bytes = read_all(&mut file, length).map_err(NotServed::Failed)?;
            let mut hash = Xxh3::new();
            hash.update(&bytes);
            let tag = EntityTag::of_content(&hash);
            return Ok(Found { media, tag, length: bytes.len() as u64, content: Content::Read(bytes) });
        }
        let tag = if media.is_document {
            EntityTag::of_content(&hash_chunks(&mut file).map_err(NotServed::Failed)?)
        } else {
            EntityTag::of_metadata(&metadata)
        };
        Ok(Found { media, tag, length, content: Content::Open(file) })
    }

    /// Follows symbolic links as far as they stay inside, and visible.
    fn resolve(&self, target: &Target) -> Result<PathBuf, NotServed> {
        let path = self.root.join(target.as_path()).canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => NotServed::Forbidden,
            // A name too long, a file where a folder is expected, a circle of links: no file has this path.
            _ => NotServed::Absent,
        })?;
        let relative = path.strip_prefix(&self.root).map_err(|_| NotServed::Absent)?;
        // A pipe or a device is not opened at all: that alone could block for ever.
        if target::is_hidden(relative) || !path.is_file() {
            return Err(NotServed::Absent);
        }
        Ok(path)
    }
}

fn read_all(file: &mut File, length: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

fn hash_chunks(file: &mut File) -> io::Result<Xxh3> {
    let mut hash = Xxh3::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => hash.update(&chunk[..read]),
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(hash)
}
