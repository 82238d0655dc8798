//! What the core of STAC, 1.0.0 and 1.1.0, asks of the fields of a document: pure.
//!
//! The tables say which fields there must and may be and what they hold; all that they refuse, the schemas refuse too,
//! but here the place of the fault is known. What goes beyond them is left to the schemas.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::quote::quote;
use super::{Kind, has_scheme};

/// What a value has to be.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A string, perhaps an empty one.
    String,
    /// A string that is not empty.
    Text,
    /// A point in time as RFC 3339 writes it, in UTC.
    Time,
    /// A point in time, or null.
    TimeOrNull,
    /// West, south, east, north in degrees, or the same with heights.
    Bbox,
    /// A geometry of RFC 7946 other than a collection, or null.
    Geometry,
    /// Addresses of schemas, none twice.
    Extensions,
    /// A number greater than zero.
    Positive,
    /// An array with at least so many elements of one shape.
    Array(usize, &'static Shape),
    /// Two points in time, each perhaps null.
    Interval,
    /// An object whose members have any name and one shape.
    Members(&'static Shape),
    /// An object with these fields, and any others.
    Object(&'static [Field]),
}

use Shape::{
    Array, Bbox, Extensions, Geometry, Interval, Members, Object, Positive, String as AnyString, Text, Time, TimeOrNull,
};

/// A field of an object: its name, whether it must be there, and what it holds.
type Field = (&'static str, bool, Shape);

/// The field must be there.
const MUST: bool = true;
/// The field may be there.
const MAY: bool = false;

const CATALOG: &[Field] = &[
    ("id", MUST, Text),
    ("title", MAY, AnyString),
    ("description", MUST, Text),
    ("stac_extensions", MAY, Extensions),
    ("links", MUST, LINKS),
];

const COLLECTION: &[Field] = &[
    ("id", MUST, Text),
    ("title", MAY, AnyString),
    ("description", MUST, Text),
    ("stac_extensions", MAY, Extensions),
    ("keywords", MAY, STRINGS),
    ("license", MUST, AnyString),
    ("providers", MAY, Array(0, &Object(&[("name", MUST, AnyString)]))),
    ("extent", MUST, Object(&[("spatial", MUST, Object(SPATIAL)), ("temporal", MUST, Object(TEMPORAL))])),
    ("assets", MAY, ASSETS),
    ("links", MUST, LINKS),
];

const ITEM: &[Field] = &[
    ("id", MUST, Text),
    ("stac_extensions", MAY, Extensions),
    ("geometry", MUST, Geometry),
    ("bbox", MAY, Bbox),
    ("properties", MUST, Object(PROPERTIES)),
    ("assets", MUST, ASSETS),
    ("links", MUST, LINKS),
    ("collection", MAY, Text),
];

const PROPERTIES: &[Field] = &[
    ("title", MAY, AnyString),
    ("description", MAY, AnyString),
    ("datetime", MUST, TimeOrNull),
    ("start_datetime", MAY, Time),
    ("end_datetime", MAY, Time),
    ("created", MAY, Time),
    ("updated", MAY, Time),
    ("platform", MAY, AnyString),
    ("instruments", MAY, STRINGS),
    ("constellation", MAY, AnyString),
    ("mission", MAY, AnyString),
    ("gsd", MAY, Positive),
    ("license", MAY, AnyString),
    ("providers", MAY, PROVIDERS),
];

const PROVIDERS: Shape = Array(0, &Object(&[("name", MUST, Text), ("description", MAY, AnyString)]));

const SPATIAL: &[Field] = &[("bbox", MUST, Array(1, &Bbox))];
const TEMPORAL: &[Field] = &[("interval", MUST, Array(1, &Interval))];
const STRINGS: Shape = Array(0, &AnyString);

const LINKS: Shape = Array(
    0,
    &Object(&[("rel", MUST, Text), ("href", MUST, Text), ("type", MAY, AnyString), ("title", MAY, AnyString)]),
);

const ASSETS: Shape = Members(&Object(&[
    ("href", MUST, Text),
    ("title", MAY, AnyString),
    ("description", MAY, AnyString),
    ("type", MAY, AnyString),
    ("roles", MAY, STRINGS),
]));

/// How deep the arrays of each geometry's coordinates are, from the outermost: the fewest elements of each.
const GEOMETRIES: &[(&str, &[usize])] = &[
    ("Point", &[2]),
    ("LineString", &[2, 2]),
    ("Polygon", &[0, 4, 2]),
    ("MultiPoint", &[0, 2]),
    ("MultiLineString", &[0, 2, 2]),
    ("MultiPolygon", &[0, 0, 4, 2]),
];

/// Checks the fields of a document of a known version; gives pointers and messages, at most `limit` of them.
pub(super) fn check(kind: Kind, version: &str, document: &Value, limit: usize) -> Vec<(String, String)> {
    let mut check = Check { at: String::new(), found: Vec::new(), limit };
    let Some(members) = document.as_object() else {
        check.expected(document, "an object");
        return check.found;
    };
    match kind {
        Kind::Catalog => check.fields(members, CATALOG),
        Kind::Collection => check.fields(members, COLLECTION),
        Kind::Item => {
            check.fields(members, ITEM);
            check.item(members);
        }
    }
    if version != "1.0.0" {
        check.self_links(members);
    }
    check.found
}

/// One pass over a document.
struct Check {
    /// The pointer to where it is.
    at: String,
    found: Vec<(String, String)>,
    limit: usize,
}

impl Check {
    fn say(&mut self, message: String) {
        if self.found.len() < self.limit {
            self.found.push((self.at.clone(), message));
        }
    }

    fn expected(&mut self, found: &Value, expected: &str) {
        self.say(format!("found {}, expected {expected}", quote(Some(found))));
    }

    /// Says that a field is missing, at the place where it should be. `why` follows the sentence.
    fn absent(&mut self, name: &str, why: &str) {
        self.within(name, |check| check.say(format!("found no field {name:?}, expected one{why}")));
    }

    /// Goes one step down.
    fn within(&mut self, step: &str, check: impl FnOnce(&mut Self)) {
        let length = self.at.len();
        self.at.push('/');
        for character in step.chars() {
            match character {
                '~' => self.at.push_str("~0"),
                '/' => self.at.push_str("~1"),
                other => self.at.push(other),
            }
        }
        check(self);
        self.at.truncate(length);
    }

    fn fields(&mut self, members: &Map<String, Value>, fields: &[Field]) {
        for (name, must, shape) in fields {
            match members.get(*name) {
                Some(value) => self.within(name, |check| check.value(value, *shape)),
                None if *must => self.absent(name, ""),
                None => {}
            }
        }
    }

    fn value(&mut self, value: &Value, shape: Shape) {
        match (shape, value) {
            (AnyString, Value::String(_)) | (TimeOrNull | Geometry, Value::Null) => {}
            (AnyString, _) => self.expected(value, "a string"),
            (Text, Value::String(text)) if !text.is_empty() => {}
            (Text, _) => self.expected(value, "a string that is not empty"),
            (Time | TimeOrNull, Value::String(text)) if is_time(text) => {}
            (Time, _) => self.expected(value, TIME),
            (TimeOrNull, _) => self.expected(value, &format!("{TIME}, or null")),
            (Positive, Value::Number(number)) if number.as_f64().is_some_and(|number| number > 0.0) => {}
            (Positive, _) => self.expected(value, "a number greater than 0"),
            (Bbox, Value::Array(numbers)) if matches!(numbers.len(), 4 | 6) && numbers.iter().all(Value::is_number) => {
            }
            (Bbox, _) => self.expected(value, "an array of 4 or 6 numbers"),
            (Geometry, Value::Object(members)) => self.geometry(members),
            (Geometry, _) => self.expected(value, "a geometry or null"),
            (Extensions, Value::Array(addresses)) => self.extensions(addresses),
            (Extensions, _) => self.expected(value, "an array of strings"),
            (Interval, Value::Array(ends)) if ends.len() == 2 => self.elements(ends, TimeOrNull),
            (Interval, _) => self.expected(value, "an array of a start and an end"),
            (Array(fewest, shape), Value::Array(elements)) if elements.len() >= fewest => {
                self.elements(elements, *shape);
            }
            (Array(0, _), _) => self.expected(value, "an array"),
            (Array(_, _), _) => self.expected(value, "an array that is not empty"),
            (Members(shape), Value::Object(members)) => {
                for (name, member) in members {
                    self.within(name, |check| check.value(member, *shape));
                }
            }
            (Object(fields), Value::Object(members)) => self.fields(members, fields),
            (Members(_) | Object(_), _) => self.expected(value, "an object"),
        }
    }

    fn elements(&mut self, elements: &[Value], shape: Shape) {
        for (index, element) in elements.iter().enumerate() {
            self.within(&index.to_string(), |check| check.value(element, shape));
        }
    }

    fn extensions(&mut self, addresses: &[Value]) {
        let mut seen = HashSet::new();
        for (index, address) in addresses.iter().enumerate() {
            let wrong = match address.as_str() {
                None => Some("a string"),
                Some(text) if !has_scheme(text) => Some("an absolute address"),
                Some(text) if !seen.insert(text) => Some("each address once"),
                Some(_) => None,
            };
            if let Some(expected) = wrong {
                self.within(&index.to_string(), |check| check.expected(address, expected));
            }
        }
    }

    fn geometry(&mut self, geometry: &Map<String, Value>) {
        let name = geometry.get("type");
        let known = GEOMETRIES.iter().find(|(known, _)| name.and_then(Value::as_str) == Some(known));
        let Some((_, depths)) = known else {
            let names: Vec<_> = GEOMETRIES.iter().map(|(name, _)| *name).collect();
            let message = format!("found {}, expected one of {}", quote(name), names.join(", "));
            return self.within("type", |check| check.say(message));
        };
        match geometry.get("coordinates") {
            Some(coordinates) => self.within("coordinates", |check| check.coordinates(coordinates, depths)),
            None => self.absent("coordinates", ""),
        }
    }

    fn coordinates(&mut self, value: &Value, depths: &[usize]) {
        match (depths, value) {
            ([], Value::Number(_)) => {}
            ([], _) => self.expected(value, "a number"),
            ([fewest, inner @ ..], Value::Array(elements)) if elements.len() >= *fewest => {
                // A pointer is written only where it is needed: positions are many.
                for (index, element) in elements.iter().enumerate().filter(|(_, element)| !fits(element, inner)) {
                    self.within(&index.to_string(), |check| check.coordinates(element, inner));
                }
            }
            ([0, ..], _) => self.expected(value, "an array"),
            ([fewest, ..], _) => self.expected(value, &format!("an array of {fewest} or more")),
        }
    }

    /// What the fields of an item ask of each other.
    fn item(&mut self, item: &Map<String, Value>) {
        match (item.get("geometry"), item.get("bbox")) {
            (Some(Value::Null), Some(bbox)) => {
                self.within("bbox", |check| check.expected(bbox, "none, since the geometry is null"));
            }
            (Some(Value::Object(_)), None) => self.absent("bbox", ""),
            _ => {}
        }
        let links = item.get("links").and_then(Value::as_array);
        let is_linked = links.is_some_and(|links| links.iter().any(|link| rel(link) == Some("collection")));
        match item.get("collection") {
            None if is_linked => self.absent("collection", " beside the collection link"),
            Some(id) if links.is_some() && !is_linked => {
                self.within("collection", |check| check.expected(id, "a collection link beside it"));
            }
            _ => {}
        }
        let Some(properties) = item.get("properties").and_then(Value::as_object) else { return };
        let is_null = properties.get("datetime").is_some_and(Value::is_null);
        let (has_start, has_end) = (properties.contains_key("start_datetime"), properties.contains_key("end_datetime"));
        self.within("properties", |check| {
            for (name, has, has_other) in [("start_datetime", has_start, has_end), ("end_datetime", has_end, has_start)]
            {
                if !has && has_other {
                    check.absent(name, " beside the other");
                } else if !has && is_null {
                    check.absent(name, ", since datetime is null");
                }
            }
        });
    }

    /// Since 1.1.0 a self link is absolute.
    fn self_links(&mut self, document: &Map<String, Value>) {
        let links = document.get("links").and_then(Value::as_array).into_iter().flatten();
        for (index, link) in links.enumerate().filter(|(_, link)| rel(link) == Some("self")) {
            let Some(href) = link.get("href").filter(|href| href.as_str().is_some_and(|href| !href.is_empty())) else {
                continue;
            };
            if !href.as_str().is_some_and(has_scheme) {
                let message = format!("found {}, expected an absolute address in a self link", quote(Some(href)));
                self.within("links", |check| {
                    check.within(&index.to_string(), |check| check.within("href", |check| check.say(message)));
                });
            }
        }
    }
}

const TIME: &str = "a time like \"2017-06-18T13:30:00Z\"";

/// Whether a text has the layout of RFC 3339 and says UTC; that there is such a day is left to the schemas.
fn is_time(text: &str) -> bool {
    let Some(local) = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")) else { return false };
    let (whole, fraction) = local.split_once('.').map_or((local, "0"), |(whole, fraction)| (whole, fraction));
    let layout = |pattern: &str| {
        whole.len() == pattern.len()
            && whole.bytes().zip(pattern.bytes()).all(|(byte, pattern)| match pattern {
                b'0' => byte.is_ascii_digit(),
                b'T' => byte.eq_ignore_ascii_case(&b'T'),
                other => byte == other,
            })
    };
    layout("0000-00-00T00:00:00") && !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

fn rel(link: &Value) -> Option<&str> {
    link.get("rel").and_then(Value::as_str)
}

/// Whether coordinates are arrays in arrays, so deep and so long.
fn fits(value: &Value, depths: &[usize]) -> bool {
    match (depths, value) {
        ([], value) => value.is_number(),
        ([fewest, inner @ ..], Value::Array(elements)) => {
            elements.len() >= *fewest && elements.iter().all(|element| fits(element, inner))
        }
        _ => false,
    }
}
