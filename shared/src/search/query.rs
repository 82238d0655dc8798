//! What a search asks for: checked and bounded, whatever way it came in and whatever index answers it.

use chrono::{DateTime, Utc};

use super::filter::Filter;
use super::geometry::Envelope;

/// How many properties a search may be sorted by.
pub const MOST_SORT_KEYS: usize = 8;

/// How long the name of a property may be, in bytes.
const LONGEST_NAME: usize = 256;

/// How deep a property may stand.
const DEEPEST_PROPERTY: usize = 8;

/// One search.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Only these items; all when empty.
    pub ids: Vec<String>,
    /// Only items of these collections; of all when empty.
    pub collections: Vec<String>,
    /// Only items whose geometry meets one of these boxes; a box over the antimeridian is two.
    pub boxes: Option<Vec<Envelope>>,
    /// Only items whose geometry meets this one.
    pub intersects: Option<geojson::Geometry>,
    /// Only items whose time, or interval, meets this one.
    pub datetime: Option<Interval>,
    /// Only items that this holds for.
    pub filter: Option<Filter>,
    /// The order; newest first when empty. What lacks a property counts as greater than what has it. Items that are
    /// equal in all of it are ordered by collection, then id, in the direction of the first key.
    pub sort: Vec<SortKey>,
    /// How many items a page has at most.
    pub limit: usize,
    /// Where the page starts.
    pub token: Option<Token>,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            collections: Vec::new(),
            boxes: None,
            intersects: None,
            datetime: None,
            filter: None,
            sort: Vec::new(),
            limit: 10,
            token: None,
        }
    }
}

/// An interval of time, closed, and open where a bound is none. One bound at least is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The earliest time.
    pub from: Option<DateTime<Utc>>,
    /// The latest time.
    pub to: Option<DateTime<Utc>>,
}

/// Where a page starts: opaque outside the index that has made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token(pub String);

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// What is compared.
    pub field: Field,
    /// The greatest first.
    pub descending: bool,
}

/// What of an item can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// Its id.
    Id,
    /// The id of its collection.
    Collection,
    /// When its acquisition began: `start_datetime` where both ends are given, else `datetime`.
    Datetime,
    /// When it ended: `end_datetime` where both ends are given, else `datetime`.
    End,
    /// Its geometry, which can be met but not sorted by.
    Geometry,
    /// A property: the names from the outermost to its own.
    Property(Vec<String>),
}

impl Field {
    /// Reads the name of a field: `id`, `collection`, `geometry`, or a property with or without `properties.` in front. A dot
    /// leads into an object. The times of an item are a start and an end, whichever of the three it tells them by.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        match name {
            "id" => return Ok(Self::Id),
            "collection" => return Ok(Self::Collection),
            "geometry" => return Ok(Self::Geometry),
            _ => {}
        }
        match name.strip_prefix("properties.").unwrap_or(name) {
            "datetime" | "start_datetime" => return Ok(Self::Datetime),
            "end_datetime" => return Ok(Self::End),
            _ => {}
        }
        if name.len() > LONGEST_NAME {
            return Err("it is too long");
        }
        let path: Vec<String> =
            name.strip_prefix("properties.").unwrap_or(name).split('.').map(str::to_owned).collect();
        if path.len() > DEEPEST_PROPERTY {
            return Err("it leads too deep");
        }
        if path.iter().any(String::is_empty) {
            return Err("a part of it is empty");
        }
        if name.chars().any(|character| character.is_control() || matches!(character, '"' | '\\')) {
            return Err("it holds a quote, a backslash or a control character");
        }
        Ok(Self::Property(path))
    }
}

impl SortKey {
    /// Reads a key as a list of them has it: `+name` or `-name`, ascending without a sign.
    ///
    /// # Errors
    ///
    /// As [`Field::parse`], and when it cannot be sorted by.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        // A plus that was not encoded arrives as a space.
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text.strip_prefix(['+', ' ']).unwrap_or(text)),
        };
        Self::new(name, descending)
    }

    /// A key of this field.
    ///
    /// # Errors
    ///
    /// As [`SortKey::parse`].
    pub fn new(name: &str, descending: bool) -> Result<Self, &'static str> {
        match Field::parse(name)? {
            Field::Geometry => Err("nothing is sorted by geometry"),
            field => Ok(Self { field, descending }),
        }
    }
}

impl Interval {
    /// Reads a time or an interval of RFC 3339: `TIME`, `FROM/TO`, with `..` or nothing for an open end.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut ends = text.split('/');
        let interval = match (ends.next(), ends.next(), ends.next()) {
            (Some(at), None, _) => {
                let at = time(at)?;
                Self { from: Some(at), to: Some(at) }
            }
            (Some(from), Some(to), None) => Self { from: end(from)?, to: end(to)? },
            _ => return Err("it has more than two ends".to_owned()),
        };
        match (interval.from, interval.to) {
            (None, None) => Err("both its ends are open".to_owned()),
            (Some(from), Some(to)) if from > to => Err(format!("its start {from} is after its end {to}")),
            _ => Ok(interval),
        }
    }
}

fn end(text: &str) -> Result<Option<DateTime<Utc>>, String> {
    if text.is_empty() || text == ".." { Ok(None) } else { time(text).map(Some) }
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let expected = |detail: &str| {
        let found: String = text.chars().take(40).collect();
        Err(format!("{found:?} is no time of RFC 3339 such as 2017-06-18T13:04:05Z{detail}"))
    };
    // The reader is more lenient than the standard: it takes a space, and years of any length.
    if text.as_bytes().get(10).is_none_or(|separator| !separator.eq_ignore_ascii_case(&b't')) {
        return expected("");
    }
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(time.to_utc()),
        Err(error) => expected(&format!(": {error}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_and_intervals_are_read() {
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        let (one, two) = ("1985-04-12T23:20:50.52Z", "1986-04-12T23:20:50.52+01:00");
        for (text, from, to) in [
            (one.to_owned(), at(one), at(one)),
            ("1985-04-12t23:20:50.520z".to_owned(), at(one), at(one)),
            (format!("{one}/{two}"), at(one), at(two)),
            (format!("../{two}"), None, at(two)),
            (format!("/{two}"), None, at(two)),
            (format!("{one}/.."), at(one), None),
            (format!("{one}/"), at(one), None),
        ] {
            assert_eq!(Interval::parse(&text).unwrap(), Interval { from, to }, "{text}");
        }
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for text in [
            "",
            "/",
            "..",
            "../..",
            "/..",
            "1985-04-12",
            "1985-04-12 23:20:50Z",
            "1985-04-12T23:20:50",
            "21985-12-12T23:20:50.52Z",
            "1985-12-01T25:20:50.52Z",
            "1985-04-12T23:20:50,52Z",
            "1986-04-12T23:20:50Z/1985-04-12T23:20:50Z",
            "/1984-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z",
        ] {
            assert!(Interval::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn fields_are_read_with_and_without_properties_in_front() {
        let property = |names: &[&str]| Ok(Field::Property(names.iter().map(|name| (*name).to_owned()).collect()));
        assert_eq!(Field::parse("eo:cloud_cover"), property(&["eo:cloud_cover"]));
        assert_eq!(Field::parse("properties.a.b"), property(&["a", "b"]));
        assert_eq!(Field::parse("properties.datetime"), Ok(Field::Datetime));
        for name in ["", "properties.", "a..b", "a\"b", "a\\b", "a\nb", "a.a.a.a.a.a.a.a.a", &"a".repeat(257)] {
            assert!(Field::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_sign_says_the_direction() {
        for (text, descending) in [("id", false), ("+id", false), (" id", false), ("-id", true)] {
            assert_eq!(SortKey::parse(text), Ok(SortKey { field: Field::Id, descending }));
        }
        assert!(SortKey::parse("-geometry").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = (Interval::parse(&text), Field::parse(&text), SortKey::parse(&text));
        }
    }
}
