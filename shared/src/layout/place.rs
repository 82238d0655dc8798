//! Placing items.

use std::borrow::Cow;

use chrono::{DateTime, Datelike as _, Utc};
use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::Layout;
use super::segment::{self, LONGEST_SEGMENT};
use super::template::{Field, Part, Tier};
use crate::level::{Level, LevelError};
use crate::message::complaint;
use crate::missions;

/// Where an item is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The level that holds it.
    pub level: Level,
    /// The key of its file. No other item has it: of two items with one key, collection and id are the same.
    pub key: String,
    /// Its id.
    pub id: String,
    /// The id of its collection; none under a layout without `{collection}`.
    pub collection: Option<String>,
}

/// Why an item has no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// It is no JSON object.
    #[error("it is no item in JSON: {0}")]
    Json(String),
    /// A field of the layout is missing or null.
    #[error("{field} is missing or null, and the layout {template:?} files by it")]
    Missing {
        /// The field, as a path in the item.
        field: String,
        /// The template.
        template: String,
    },
    /// A field of the layout has a value that names no folder.
    #[error("{field} is {found}, expected {expected}, as the layout files by it")]
    Value {
        /// The field, as a path in the item.
        field: String,
        /// The value, cut to a readable length.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A name would be longer than file systems take.
    #[error("{field} makes a name of {bytes} bytes, expected at most {limit}")]
    TooLong {
        /// The field, as a path in the item, or the tier of the layout.
        field: String,
        /// How long it would be; of what is very long, as much as was looked at.
        bytes: usize,
        /// What is taken.
        limit: usize,
    },
    /// The item has no collection, and the layout wants one.
    #[error("collection is missing, and the layout {template:?} files by it")]
    NoCollection {
        /// The template.
        template: String,
    },
    /// The item has a collection, and the layout no place for one.
    #[error("collection is {collection:?}, and the layout {template:?} has no {{collection}}: it takes items without")]
    UnexpectedCollection {
        /// The template.
        template: String,
        /// The collection, cut to a readable length.
        collection: String,
    },
    /// Its folder is that of one of INPE's satellites.
    #[error("it would be filed in {folder:?}, the folder of a satellite, whose scenes have a place of their own")]
    Satellite {
        /// The folder.
        folder: String,
    },
    /// All segments together are too long.
    #[error(transparent)]
    Level(#[from] LevelError),
}

impl PlaceError {
    /// A short, stable word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Json(_) => "item",
            Self::NoCollection { .. } | Self::UnexpectedCollection { .. } => "collection",
            Self::Missing { .. }
            | Self::Value { .. }
            | Self::TooLong { .. }
            | Self::Satellite { .. }
            | Self::Level(_) => "place",
        }
    }
}

/// An object whose values are not looked into.
type Object<'a> = IndexMap<Cow<'a, str>, &'a RawValue>;

pub(super) fn place(layout: &Layout, item: &str) -> Result<Placed, PlaceError> {
    let members = object(item).map_err(|error| PlaceError::Json(complaint(&error)))?;
    let found = Found { layout, members };
    let id = found.required("id")?;
    let collection = match found.members.get("collection").filter(|raw| !is_null(raw)) {
        Some(raw) => Some(text("collection", raw)?),
        None => None,
    };
    match (&collection, layout.collection_depth()) {
        (None, Some(_)) => return Err(PlaceError::NoCollection { template: layout.template().to_owned() }),
        (Some(collection), None) => {
            return Err(PlaceError::UnexpectedCollection {
                template: layout.template().to_owned(),
                collection: shortened(collection),
            });
        }
        _ => {}
    }
    let mut segments = Vec::with_capacity(layout.depth());
    for tier in &layout.shared.tiers {
        segments.push(segment(tier, |field| match (field, &collection) {
            (Field::Collection, Some(collection)) => Ok(collection.clone()),
            (field, _) => found.value(field),
        })?);
    }
    let level = level(&segments)?;
    let file = segment::file_of(&id);
    if file.len() > LONGEST_SEGMENT {
        return Err(PlaceError::TooLong { field: "id".to_owned(), bytes: file.len(), limit: LONGEST_SEGMENT });
    }
    Ok(Placed { key: level.object_key(&file), level, id, collection })
}

/// The level of these segments.
pub(super) fn level(segments: &[String]) -> Result<Level, PlaceError> {
    if let Some(folder) = segments.first().filter(|first| missions::satellite_of_folder(first).is_some()) {
        return Err(PlaceError::Satellite { folder: folder.clone() });
    }
    Ok(Level::parse(&segments.join("/"))?)
}

/// A folder's name in a tier.
pub(super) fn segment(tier: &Tier, value: impl Fn(&Field) -> Result<String, PlaceError>) -> Result<String, PlaceError> {
    let mut name = String::new();
    let mut last = String::new();
    for part in &tier.parts {
        match part {
            Part::Literal(literal) => name.push_str(literal),
            Part::Field(field) => {
                last = field.path();
                let value = value(field)?;
                if value.is_empty() {
                    return Err(wrong(&last, "an empty text", "a text that is not empty"));
                }
                name.push_str(&value);
            }
        }
        // Before it is encoded: whatever somebody has sent.
        if name.len() > LONGEST_SEGMENT {
            return Err(PlaceError::TooLong { field: last, bytes: name.len(), limit: LONGEST_SEGMENT });
        }
    }
    let name = segment::encode(&name);
    if name.len() > LONGEST_SEGMENT {
        return Err(PlaceError::TooLong { field: last, bytes: name.len(), limit: LONGEST_SEGMENT });
    }
    Ok(name)
}

impl Field {
    /// Where its value stands in an item.
    fn path(&self) -> String {
        match self {
            Self::Collection => "collection".to_owned(),
            Self::Year | Self::Month | Self::Day => "properties.datetime".to_owned(),
            Self::Path(path) => path.clone(),
        }
    }
}

/// An item that values are looked for in.
struct Found<'a> {
    layout: &'a Layout,
    members: Object<'a>,
}

impl Found<'_> {
    fn value(&self, field: &Field) -> Result<String, PlaceError> {
        match field {
            Field::Collection => self.required("collection"),
            Field::Year => Ok(format!("{:04}", self.time()?.year())),
            Field::Month => Ok(format!("{:02}", self.time()?.month())),
            Field::Day => Ok(format!("{:02}", self.time()?.day())),
            Field::Path(path) => self.required(path),
        }
    }

    fn required(&self, path: &str) -> Result<String, PlaceError> {
        match at(&self.members, path).filter(|raw| !is_null(raw)) {
            Some(raw) => text(path, raw),
            None => Err(self.missing(path)),
        }
    }

    fn missing(&self, field: &str) -> PlaceError {
        PlaceError::Missing { field: field.to_owned(), template: self.layout.template().to_owned() }
    }

    /// When the item was taken, UTC.
    fn time(&self) -> Result<DateTime<Utc>, PlaceError> {
        const EXPECTED: &str = "a time such as 2017-06-18T13:04:05Z";
        for path in ["properties.datetime", "properties.start_datetime"] {
            let Some(raw) = at(&self.members, path).filter(|raw| !is_null(raw)) else { continue };
            let text: Cow<'_, str> = serde_json::from_str(raw.get()).map_err(|_| wrong(path, raw.get(), EXPECTED))?;
            let time = DateTime::parse_from_rfc3339(&text).map_err(|_| wrong(path, raw.get(), EXPECTED))?;
            return Ok(time.to_utc());
        }
        Err(self.missing("properties.datetime (or start_datetime)"))
    }
}

/// The value at a path. Names may hold dots themselves: the longest that fits is taken.
fn at<'a>(members: &Object<'a>, path: &str) -> Option<&'a RawValue> {
    if let Some(value) = members.get(path) {
        return Some(value);
    }
    let mut names: Vec<(&str, &str)> =
        path.match_indices('.').map(|(dot, _)| (&path[..dot], &path[dot + 1..])).collect();
    names.reverse();
    names.into_iter().find_map(|(name, rest)| at(&object(members.get(name)?.get()).ok()?, rest))
}

fn object(text: &str) -> serde_json::Result<Object<'_>> {
    serde_json::from_str(text)
}

fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// A value as text: what may name a folder.
fn text(path: &str, raw: &RawValue) -> Result<String, PlaceError> {
    let raw = raw.get();
    let is_whole = || {
        let digits = raw.strip_prefix('-').unwrap_or(raw);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let text = match raw {
        "true" | "false" => raw.to_owned(),
        text if text.starts_with('"') => {
            serde_json::from_str(text).map_err(|error| PlaceError::Json(complaint(&error)))?
        }
        _ if is_whole() => raw.to_owned(),
        _ => return Err(wrong(path, raw, "a text, a whole number, true or false")),
    };
    if text.is_empty() {
        return Err(wrong(path, "an empty text", "a text that is not empty"));
    }
    Ok(text)
}

fn wrong(field: &str, found: &str, expected: &'static str) -> PlaceError {
    PlaceError::Value { field: field.to_owned(), found: shortened(found), expected }
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}
