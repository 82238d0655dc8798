//! Catalogs from listings, and what a rebuild reads back from them.
//!
//! The bytes of a catalog are a pure function of its level, its listing, its revision and the site.

use std::borrow::Cow;
use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use stac::{Link, STAC_VERSION, Version};

use crate::grid::{COLLECTION, Grid, Place};
use crate::level::{Level, LevelError};

use super::collection;
use super::foreign;
use super::link::{self, GEOJSON, JSON, StructuralLink};
use super::to_bytes;

/// The field that carries the revision, at the top level of every catalog and collection.
pub const REVISION_FIELD: &str = "lazycat:revision";

/// The ending of an item's file.
pub const ITEM_ENDING: &str = ".json";

/// The greatest revision: beyond it, numbers lose their last digit in readers that have only doubles.
const GREATEST_REVISION: u64 = (1 << 53) - 1;

/// The number of a catalog's version. It grows by one with each write, so that no two versions of a catalog have the
/// same content, nor the same ETag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(u64);

impl Revision {
    /// Of a catalog that was absent.
    pub const FIRST: Self = Self(1);

    /// The revision after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// A revision for the successor of a catalog whose own cannot be read: 48 random bits, never 1, so that it is
    /// none that the catalog had before.
    #[must_use]
    pub fn unforeseen(bits: u64) -> Self {
        Self((bits >> 16).max(2))
    }

    /// As a number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// What stands in a level, as a rebuild found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Names of the levels below whose documents exist, ascending.
    Children(Vec<String>),
    /// Names of the items' files, ascending: by date within a row, since ids are.
    Items(Vec<String>),
}

/// Facts about a catalog that its documents tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// Where readers find the catalog, with a slash at the end; then the root names itself.
    pub public_url: Option<String>,
}

/// What a rebuild reads from the catalog that stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBack {
    /// Its revision.
    pub revision: Revision,
    /// The names of the levels that it links as children.
    pub children: BTreeSet<String>,
}

/// What is read back of a document. Links are parsed only where they can lead to children: a row may have a hundred
/// thousand.
#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "lazycat:revision")]
    revision: u64,
    #[serde(borrow)]
    links: &'a RawValue,
}

#[derive(Deserialize)]
struct DocumentLink<'a> {
    #[serde(borrow)]
    rel: Cow<'a, str>,
    #[serde(borrow)]
    href: Cow<'a, str>,
}

/// A STAC Catalog, in the order of fields of [`stac::Catalog`], but with light links.
#[derive(Serialize)]
struct Catalog {
    r#type: &'static str,
    stac_version: Version,
    id: String,
    title: String,
    description: String,
    links: Vec<StructuralLink>,
    #[serde(rename = "lazycat:revision")]
    revision: u64,
}

impl ReadBack {
    /// Reads a catalog; none when it is unreadable: not JSON, or without a revision.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let document: Document<'_> = serde_json::from_slice(bytes).ok()?;
        if !(1..GREATEST_REVISION).contains(&document.revision) {
            return None;
        }
        // Links of items are not children; where there are many of them, that is all there is to know.
        if !document.links.get().starts_with('[') {
            return None;
        }
        let links: Vec<DocumentLink<'_>> = if document.links.get().contains("\"child\"") {
            serde_json::from_str(document.links.get()).ok()?
        } else {
            Vec::new()
        };
        let children = links
            .iter()
            .filter(|link| link.rel == "child")
            .filter_map(|link| {
                let (name, document) = link.href.strip_prefix("./")?.split_once('/')?;
                if document.contains('/') {
                    return None;
                }
                Some(percent_decode_str(name).decode_utf8().ok()?.into_owned())
            })
            .collect();
        Some(Self { revision: Revision(document.revision), children })
    }
}

/// The document of a level where none stands.
///
/// # Errors
///
/// When the level is none of the grid.
pub fn build(
    grid: &Grid,
    site: &Site,
    level: &Level,
    listing: &Listing,
    revision: Revision,
) -> Result<Vec<u8>, LevelError> {
    build_over(grid, site, level, listing, revision, None)
}

/// The document of a level. `present` is the one that stands there: a collection that is not INPE's goes on saying what it
/// says ([`foreign`]); no other document depends on it.
///
/// # Errors
///
/// When the level is none of the grid.
pub fn build_over(
    grid: &Grid,
    site: &Site,
    level: &Level,
    listing: &Listing,
    revision: Revision,
    present: Option<&[u8]>,
) -> Result<Vec<u8>, LevelError> {
    let place = grid.place(level)?;
    let mut links = upward_links(grid, site, level, &place);
    match listing {
        Listing::Children(names) => {
            links.reserve(names.len());
            for name in names {
                links.push(child_link(grid, level, name)?);
            }
        }
        Listing::Items(files) => {
            links.reserve(files.len());
            links.extend(files.iter().map(|file| item_link(grid, level, file)));
        }
    }
    let bytes = match place {
        Place::Camera(satellite, camera) => {
            let mut collection = collection::collection(satellite, camera, &place);
            collection.links.splice(0..0, links.into_iter().map(Link::from));
            collection.additional_fields.insert(REVISION_FIELD.to_owned(), Value::from(revision.number()));
            to_bytes(&collection)
        }
        Place::Filed(_) if grid.document(level) == COLLECTION => {
            let (id, description) = (place.id(), place.description());
            let said = present.and_then(|bytes| foreign::Collection::read(bytes, &id));
            said.unwrap_or_else(|| foreign::Collection::unknown(&id, &description)).document(links, revision)
        }
        _ => to_bytes(&Catalog {
            r#type: "Catalog",
            stac_version: STAC_VERSION,
            id: place.id(),
            title: place.title(),
            description: place.description(),
            links,
            revision: revision.number(),
        }),
    };
    Ok(bytes)
}

/// `self` of the root when its address is known, then root and parent.
fn upward_links(grid: &Grid, site: &Site, level: &Level, place: &Place) -> Vec<StructuralLink> {
    let title = |level: &Level| grid.place(level).map(|place| place.title()).unwrap_or_default();
    let root = Level::root();
    let mut links = Vec::new();
    if let (true, Some(url)) = (level.is_root(), &site.public_url) {
        let href = format!("{url}{}", grid.document_key(level));
        links.push(StructuralLink { href, rel: "self", r#type: JSON, title: place.title() });
    }
    links.push(link::up(grid, "root", level, &root, title(&root)));
    if let Some(parent) = level.parent() {
        links.push(link::up(grid, "parent", level, &parent, title(&parent)));
    }
    if grid.document(level) != COLLECTION
        && let Some(collection) = grid.collection_of(level)
    {
        links.push(link::up(grid, "collection", level, &collection, title(&collection)));
    }
    links
}

fn child_link(grid: &Grid, level: &Level, name: &str) -> Result<StructuralLink, LevelError> {
    let child = level.child(name)?;
    let title = grid.place(&child)?.title();
    let href = format!("./{}/{}", encoded(name), grid.document(&child));
    Ok(StructuralLink { href, rel: "child", r#type: JSON, title })
}

fn item_link(grid: &Grid, level: &Level, file: &str) -> StructuralLink {
    let title = grid.item_title(level, file);
    StructuralLink { href: format!("./{}", encoded(file)), rel: "item", r#type: GEOJSON, title }
}

/// One segment of a path, percent-encoded (RFC 3986, 3.3).
fn encoded(segment: &str) -> Cow<'_, str> {
    const NOT_IN_A_SEGMENT: &AsciiSet = &CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'%')
        .add(b'<')
        .add(b'>')
        .add(b'?')
        .add(b'`')
        .add(b'{')
        .add(b'}')
        .add(b'|')
        .add(b'\\')
        .add(b'^')
        .add(b'[')
        .add(b']');
    utf8_percent_encode(segment, NOT_IN_A_SEGMENT).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::grid::INPE;
    use proptest::prelude::*;

    fn document(key: &str, listing: &Listing, revision: u64) -> Value {
        let level = Level::parse(key).unwrap();
        let bytes = build(&INPE, &Site::default(), &level, listing, Revision(revision)).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn links(document: &Value) -> Vec<(String, String, String)> {
        let text = |link: &Value, field: &str| link[field].as_str().unwrap().to_owned();
        let links = document["links"].as_array().unwrap();
        links.iter().map(|link| (text(link, "rel"), text(link, "href"), text(link, "title"))).collect()
    }

    #[test]
    fn a_row_links_its_items_by_date_with_titles() {
        let listing = Listing::Items(vec!["CBERS_4_MUX_20170618_057_121_L2.json".into(), "other.json".into()]);
        let row = document("CBERS4/MUX/057/121", &listing, 7);
        assert_eq!(row["type"], "Catalog");
        assert_eq!(row[REVISION_FIELD], 7);
        let expected = [
            ("root", "../../../../catalog.json", "CBERS/AMAZONIA on AWS"),
            ("parent", "../catalog.json", "CBERS-4 MUX path 057"),
            ("collection", "../../collection.json", "CBERS-4 MUX"),
            ("item", "./CBERS_4_MUX_20170618_057_121_L2.json", "CBERS-4 MUX 057/121 2017-06-18 L2"),
            ("item", "./other.json", "other"),
        ];
        let expected: Vec<_> = expected.iter().map(|(a, b, c)| ((*a).into(), (*b).into(), (*c).into())).collect();
        assert_eq!(links(&row), expected);
    }

    #[test]
    fn the_root_names_itself_only_where_its_address_is_known() {
        let listing = Listing::Children(vec!["CBERS4".into()]);
        let rels = |document: &Value| links(document).into_iter().map(|link| link.0).collect::<Vec<_>>();
        assert_eq!(rels(&document("", &listing, 1)), ["root", "child"]);
        let site = Site { public_url: Some("https://example.com/stac/".into()) };
        let bytes = build(&INPE, &site, &Level::root(), &listing, Revision::FIRST).unwrap();
        let root: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(links(&root)[0].1, "https://example.com/stac/catalog.json");
    }

    #[test]
    fn a_catalog_is_read_back() {
        let listing = Listing::Children(vec!["AWFI".into(), "MUX".into()]);
        let level = Level::parse("CBERS4").unwrap();
        let bytes = build(&INPE, &Site::default(), &level, &listing, Revision(41)).unwrap();
        let read = ReadBack::parse(&bytes).unwrap();
        assert_eq!(read.revision.next(), Revision(42));
        assert_eq!(read.children.into_iter().collect::<Vec<_>>(), ["AWFI", "MUX"]);
    }

    #[test]
    fn what_is_no_catalog_of_ours_is_unreadable() {
        for text in [
            "",
            "not JSON",
            "{}",
            r#"{"links":[]}"#,
            r#"{"links":[],"lazycat:revision":"3"}"#,
            r#"{"links":[],"lazycat:revision":0}"#,
            r#"{"links":[],"lazycat:revision":-1}"#,
            r#"{"links":[],"lazycat:revision":18446744073709551615}"#,
            r#"{"links":{},"lazycat:revision":3}"#,
            r#"{"links":[],"lazycat:revision":3"#,
        ] {
            assert_eq!(ReadBack::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn links_that_leave_the_level_are_no_children() {
        let text = r#"{"lazycat:revision":3,"links":[
            {"rel":"child","href":"./A/catalog.json"},{"rel":"child","href":"../B/catalog.json"},
            {"rel":"child","href":"./C/D/catalog.json"},{"rel":"item","href":"./E/catalog.json"},
            {"rel":"child","href":"https://example.com/F/catalog.json"}]}"#;
        let read = ReadBack::parse(text.as_bytes()).unwrap();
        assert_eq!(read.children.into_iter().collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn an_unforeseen_revision_is_never_the_first() {
        assert_eq!(Revision::unforeseen(0), Revision(2));
        assert_eq!(Revision::unforeseen(u64::MAX), Revision((1 << 48) - 1));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_back_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = ReadBack::parse(&bytes);
        }

        #[test]
        fn names_survive_being_linked(names in proptest::collection::btree_set("[^/\\\\\\p{Cc}.][^/\\\\\\p{Cc}]{0,12}", 0..8)) {
            // Of the grid only the satellites can be children of the root: the names are linked as items here.
            let files: Vec<String> = names.iter().map(|name| format!("{name}.json")).collect();
            let row = document("CBERS4/MUX/057/121", &Listing::Items(files.clone()), 1);
            let linked: Vec<String> = links(&row).into_iter().filter(|link| link.0 == "item")
                .map(|link| percent_decode_str(link.1.strip_prefix("./").unwrap()).decode_utf8().unwrap().into_owned())
                .collect();
            prop_assert_eq!(linked, files);
        }
    }
}
