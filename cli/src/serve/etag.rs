//! Entity tags (RFC 9110, section 8.8.3) and the headers that compare them.

use std::fmt;
use std::time::UNIX_EPOCH;

use std::fs::Metadata;
use xxhash_rust::xxh3::Xxh3;

/// The entity tag of one representation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag {
    weak: bool,
    opaque: String,
}

impl EntityTag {
    /// A strong tag: 128 bits of the content, so equal bytes have equal tags.
    pub(crate) fn of_content(hash: &Xxh3) -> Self {
        Self { weak: false, opaque: format!("{:032x}", hash.digest128()) }
    }

    /// A weak tag from size and time of modification, for a file too large to be read for its tag.
    pub(crate) fn of_metadata(metadata: &Metadata) -> Self {
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |age| age.as_nanos());
        Self { weak: true, opaque: format!("{:x}-{modified:x}", metadata.len()) }
    }

    /// Whether an `If-None-Match` header names this tag: a list, or `*`, compared weakly.
    pub(crate) fn is_in_list(&self, header: &str) -> bool {
        header.trim() == "*" || tags(header).any(|(_, opaque)| opaque == self.opaque)
    }

    /// Whether an `If-Range` header lets a range of this representation be sent: one tag, both sides strong. A date
    /// never does, since no `Last-Modified` is sent that a client could have it from.
    pub(crate) fn allows_range(&self, if_range: &str) -> bool {
        !self.weak && tags(if_range).next() == Some((false, &self.opaque))
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque)
    }
}

/// The (weak, opaque) tags of a list; it ends at the first thing that is not a tag.
fn tags(header: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = header;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (weak, quoted) = match rest.strip_prefix("W/") {
            Some(quoted) => (true, quoted),
            None => (false, rest),
        };
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        rest = after;
        Some((weak, opaque))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tag(weak: bool, opaque: &str) -> EntityTag {
        EntityTag { weak, opaque: opaque.to_owned() }
    }

    #[test]
    fn a_list_is_compared_weakly() {
        for header in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "\"b\",W/\"a\" , \"c\"", "*", " * ", "\"x,y\",\"a\""] {
            assert!(tag(false, "a").is_in_list(header), "{header}");
            assert!(tag(true, "a").is_in_list(header), "{header}");
        }
        for header in ["", "a", "\"b\"", "\"a", "w/\"a\"", "\"aa\"", "\"*\"", "\"b,a\""] {
            assert!(!tag(false, "a").is_in_list(header), "{header}");
        }
    }

    #[test]
    fn a_range_is_allowed_by_the_same_strong_tag_only() {
        assert!(tag(false, "a").allows_range("\"a\""));
        assert!(!tag(false, "a").allows_range("W/\"a\""));
        assert!(!tag(true, "a").allows_range("W/\"a\""));
        assert!(!tag(false, "a").allows_range("\"b\""));
        assert!(!tag(false, "a").allows_range("Tue, 15 Nov 1994 12:45:26 GMT"));
    }

    #[test]
    fn equal_content_has_an_equal_strong_tag() {
        let of = |content: &[u8]| {
            let mut hash = Xxh3::new();
            hash.update(content);
            EntityTag::of_content(&hash)
        };
        assert_eq!(of(b"{}"), of(b"{}"));
        assert_ne!(of(b"{}"), of(b"{ }"));
        assert_eq!(of(b"{}").to_string().len(), 34);
        assert!(of(b"{}").is_in_list(&of(b"{}").to_string()));
    }

    proptest! {
        #[test]
        fn any_header_is_compared_without_a_panic(header in any::<String>()) {
            let _ = tag(false, "a").is_in_list(&header);
            let _ = tag(false, "a").allows_range(&header);
        }
    }
}
