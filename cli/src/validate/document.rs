//! One document on disk: read within bounds, and what the walk needs to know of it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub(super) use lazycat::validation::Kind;
use serde_json::Value;

/// The largest document that is read, in bytes. A STAC document is a thousand times smaller.
pub(super) const LARGEST: u64 = 64 * 1024 * 1024;

/// A document that was read and says that it is STAC.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) value: Value,
}

/// One of its links, as far as it is well-formed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link<'a> {
    /// Its place in `links`.
    pub(super) index: usize,
    pub(super) rel: &'a str,
    pub(super) href: &'a str,
    pub(super) media_type: Option<&'a str>,
    pub(super) title: Option<&'a str>,
}

impl Document {
    pub(super) fn id(&self) -> &str {
        self.text("/id").unwrap_or_default()
    }

    /// Its own title: of an item, the one among its properties.
    pub(super) fn title(&self) -> Option<&str> {
        match self.kind {
            Kind::Item => self.text("/properties/title"),
            Kind::Catalog | Kind::Collection => self.text("/title"),
        }
    }

    pub(super) fn links(&self) -> impl Iterator<Item = Link<'_>> {
        let links = self.value.get("links").and_then(Value::as_array).into_iter().flatten();
        links.enumerate().filter_map(|(index, link)| {
            let text = |field: &str| link.get(field).and_then(Value::as_str);
            Some(Link { index, rel: text("rel")?, href: text("href")?, media_type: text("type"), title: text("title") })
        })
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer).and_then(Value::as_str)
    }
}

/// Why a document could not be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// Nothing has this path.
    Absent,
    /// A folder, a pipe, or a symbolic link that leaves the catalog directory.
    NotAFile(&'static str),
    /// A file, but no STAC document: what is wrong with it, and where.
    Faulty { pointer: &'static str, message: String },
}

/// Reads documents of one directory.
#[derive(Debug)]
pub(super) struct Reader {
    root: PathBuf,
}

impl Reader {
    /// Opens a catalog directory.
    ///
    /// # Errors
    ///
    /// When the path is missing, not a directory, or may not be read.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let root = path.canonicalize()?;
        std::fs::read_dir(&root)?;
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Reads a document by its path relative to the directory.
    pub(super) fn read(&self, path: &str) -> Result<Document, Unreadable> {
        let file = self.resolve(path)?;
        let bytes = read_bounded(&file)?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|error| faulty("", format!("found what is no JSON: {error}")))?;
        let kind = kind(&value)?;
        Ok(Document { path: path.to_owned(), kind, value })
    }

    fn resolve(&self, path: &str) -> Result<PathBuf, Unreadable> {
        let file = self.root.join(path).canonicalize().map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => cannot_be_read(&error),
            _ => Unreadable::Absent,
        })?;
        if !file.starts_with(&self.root) {
            return Err(Unreadable::NotAFile("is a symbolic link that leaves the catalog directory"));
        }
        // Opening a pipe could block for ever.
        if !file.is_file() {
            return Err(Unreadable::NotAFile("is not a file"));
        }
        Ok(file)
    }
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let too_large =
        |found: &str| faulty("", format!("found {found} bytes, expected at most {LARGEST}; it was not read"));
    let file = File::open(path).map_err(|error| cannot_be_read(&error))?;
    let length = file.metadata().map_err(|error| cannot_be_read(&error))?.len();
    if length > LARGEST {
        return Err(too_large(&length.to_string()));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default().saturating_add(1));
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| cannot_be_read(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large("more"));
    }
    Ok(bytes)
}

fn kind(value: &Value) -> Result<Kind, Unreadable> {
    if !value.is_object() {
        return Err(faulty("", format!("found {}, expected a JSON object", super::faults::quote(Some(value)))));
    }
    match value.get("type").and_then(Value::as_str) {
        Some("Catalog") => Ok(Kind::Catalog),
        Some("Collection") => Ok(Kind::Collection),
        Some("Feature") => Ok(Kind::Item),
        _ => {
            let found = super::faults::quote(value.get("type"));
            Err(faulty("/type", format!("found {found}, expected \"Catalog\", \"Collection\" or \"Feature\"")))
        }
    }
}

fn cannot_be_read(error: &io::Error) -> Unreadable {
    faulty("", format!("found a file that cannot be read: {error}"))
}

fn faulty(pointer: &'static str, message: String) -> Unreadable {
    Unreadable::Faulty { pointer, message }
}
