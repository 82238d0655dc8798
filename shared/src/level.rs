//! Levels: the folders of a catalog, and the marks that say which of them must be rebuilt.
//!
//! A [`Level`] is named by its key, the path of its folder without a slash at either end: `CBERS4/MUX/057/121`
//! for a row, the empty string for the root. On the wire and in the dirty-level table the root is `/`, because
//! neither a queue nor a table key takes an empty string.

use std::fmt;

use chrono::{DateTime, Utc};

/// The longest level key, in bytes. An S3 key has at most 1,024; this leaves room for a document's name.
pub const LONGEST_LEVEL_KEY: usize = 512;

/// How the root is written where an empty string is not allowed.
const ROOT_ON_THE_WIRE: &str = "/";

/// One folder of a catalog, by its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(String);

/// A text that is no level key, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key:?} is no level key: {reason}")]
pub struct LevelError {
    /// The text as it came, cut to a readable length.
    pub key: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Level {
    /// The root of the catalog.
    #[must_use]
    pub fn root() -> Self {
        Self(String::new())
    }

    /// Reads a level key, the root being the empty string.
    ///
    /// # Errors
    ///
    /// When a segment is empty, starts with a dot, or holds a backslash or a control character, or when the key is
    /// longer than [`LONGEST_LEVEL_KEY`]. A key that passes can be joined to a directory or a bucket prefix safely.
    pub fn parse(key: &str) -> Result<Self, LevelError> {
        if key.is_empty() {
            return Ok(Self::root());
        }
        check_key(key, LONGEST_LEVEL_KEY)
            .map_err(|reason| LevelError { key: key.chars().take(120).collect(), reason })?;
        Ok(Self(key.to_owned()))
    }

    /// Reads a level key as queues and the dirty-level table hold it, the root being `/`.
    ///
    /// # Errors
    ///
    /// As [`Level::parse`]; the empty string is refused here.
    pub fn from_wire(text: &str) -> Result<Self, LevelError> {
        match text {
            ROOT_ON_THE_WIRE => Ok(Self::root()),
            "" => Err(LevelError { key: String::new(), reason: "it is empty; the root is written as /" }),
            key => Self::parse(key),
        }
    }

    /// The key as queues and the dirty-level table hold it.
    #[must_use]
    pub fn wire(&self) -> &str {
        if self.is_root() { ROOT_ON_THE_WIRE } else { &self.0 }
    }

    /// The level key, empty for the root.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The segments of the key, none for the root.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// How many segments the key has: 0 for the root.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.segments().count()
    }

    /// The last segment, none for the root.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.segments().last()
    }

    /// The level above, none for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let parent = self.0.rsplit_once('/').map_or("", |(parent, _)| parent);
        Some(Self(parent.to_owned()))
    }

    /// The level `name` below this one.
    ///
    /// # Errors
    ///
    /// As [`Level::parse`], and when `name` holds a slash.
    pub fn child(&self, name: &str) -> Result<Self, LevelError> {
        if name.is_empty() || name.contains('/') {
            return Err(LevelError {
                key: name.chars().take(120).collect(),
                reason: "a child's name is one segment, not empty",
            });
        }
        Self::parse(&self.object_key(name))
    }

    /// The prefix that the keys of this level's objects share: empty for the root, else the key and a slash.
    #[must_use]
    pub fn prefix(&self) -> String {
        if self.is_root() { String::new() } else { format!("{}/", self.0) }
    }

    /// The key of the object `name` in this level's folder.
    #[must_use]
    pub fn object_key(&self, name: &str) -> String {
        if self.is_root() { name.to_owned() } else { format!("{}/{name}", self.0) }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire())
    }
}

/// Whether `key` may name an object or a level: safe to join to a directory, and the same key everywhere.
///
/// # Errors
///
/// The first rule that it breaks.
pub(crate) fn check_key(key: &str, longest: usize) -> Result<(), &'static str> {
    if key.len() > longest {
        return Err("it is too long");
    }
    if key.bytes().any(|byte| byte.is_ascii_control()) {
        return Err("it holds a control character");
    }
    if key.contains('\\') {
        return Err("it holds a backslash");
    }
    for segment in key.split('/') {
        if segment.is_empty() {
            return Err("it has an empty segment");
        }
        if segment.starts_with('.') {
            return Err("a segment starts with a dot");
        }
    }
    Ok(())
}

/// A fresh random value that tells one mark of a level from every other: 128 bits as 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Token(pub String);

/// The row of the dirty-level table: this level must be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The level to rebuild.
    pub level: Level,
    /// The token that a mover must have read to delete this mark.
    pub token: Token,
    /// When the earliest event that the mark was first put for happened. For metrics only: no decision reads it.
    pub since: DateTime<Utc>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_row_knows_its_parents_up_to_the_root() {
        let row = Level::parse("CBERS4/MUX/057/121").unwrap();
        assert_eq!(row.depth(), 4);
        assert_eq!(row.name(), Some("121"));
        let mut above = Vec::new();
        let mut level = row;
        while let Some(parent) = level.parent() {
            above.push(parent.wire().to_owned());
            level = parent;
        }
        assert_eq!(above, ["CBERS4/MUX/057", "CBERS4/MUX", "CBERS4", "/"]);
    }

    #[test]
    fn the_root_is_a_slash_on_the_wire_and_nothing_in_a_key() {
        let root = Level::root();
        assert_eq!(root.wire(), "/");
        assert_eq!(Level::from_wire("/").unwrap(), root);
        assert_eq!(root.object_key("catalog.json"), "catalog.json");
        assert_eq!(root.prefix(), "");
        assert!(Level::from_wire("").is_err());
    }

    #[test]
    fn keys_that_could_leave_the_catalog_are_refused() {
        for key in ["/a", "a/", "a//b", "..", "a/../b", ".lazycat", "a/.hidden", "a\0b", "a\\b", "a\nb"] {
            assert!(Level::parse(key).is_err(), "{key:?}");
        }
        assert!(Level::parse(&"a".repeat(LONGEST_LEVEL_KEY + 1)).is_err());
        assert!(Level::root().child("a/b").is_err());
    }
}
