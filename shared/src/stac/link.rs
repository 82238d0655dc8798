//! Structural links: every one with relation, relative address, media type and title.

use serde::Serialize;
use serde_json::Map;
use stac::Link;

use crate::grid::Grid;
use crate::level::Level;

/// The media type of catalogs and collections.
pub const JSON: &str = "application/json";
/// The media type of items.
pub const GEOJSON: &str = "application/geo+json";

/// A link with all that a reader wants to know before it is followed.
///
/// Its fields are written in the order of [`Link`]'s. That one can hold more, which for a catalog of a hundred thousand
/// links is a burden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StructuralLink {
    /// Where it leads.
    pub href: String,
    /// What it means.
    pub rel: &'static str,
    /// The media type of what it leads to.
    pub r#type: &'static str,
    /// The title of what it leads to.
    pub title: String,
}

impl From<StructuralLink> for Link {
    fn from(link: StructuralLink) -> Self {
        Self {
            href: link.href,
            rel: link.rel.to_owned(),
            r#type: Some(link.r#type.to_owned()),
            title: Some(link.title),
            method: None,
            headers: None,
            body: None,
            merge: None,
            additional_fields: Map::new(),
        }
    }
}

/// A link from a document in `from` to the document of `to`, a level above it or the same.
#[must_use]
pub fn up(grid: &Grid, rel: &'static str, from: &Level, to: &Level, title: String) -> StructuralLink {
    let steps = from.depth().saturating_sub(to.depth());
    let mut href = if steps == 0 { "./".to_owned() } else { "../".repeat(steps) };
    href.push_str(grid.document(to));
    StructuralLink { href, rel, r#type: JSON, title }
}

/// Where `href`, found in the document `key` of the catalog at `base`, leads. `base` ends with a slash; an address
/// that is absolute stays as it is.
#[must_use]
pub fn absolute(href: &str, key: &str, base: &str) -> String {
    if has_scheme(href) {
        return href.to_owned();
    }
    let mut segments: Vec<&str> = key.split('/').collect();
    segments.pop();
    for segment in href.split('/') {
        match segment {
            "." | "" => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    format!("{base}{}", segments.join("/"))
}

/// Whether an address starts with a scheme (RFC 3986, 3.1).
pub(crate) fn has_scheme(href: &str) -> bool {
    href.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
    })
}
