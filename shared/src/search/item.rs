//! Items as an index wants them: checked, with every fault told, and what is searched by taken out.

mod filed;

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub use self::filed::{FiledItem, check_to_file};

use super::geometry::{self, Envelope};
use super::source::Source;
use crate::message::listed;

/// The longest id, in bytes.
const LONGEST_ID: usize = 1024;

/// Something in a document that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole document.
    pub pointer: String,
    /// What was found, and what was expected.
    pub detail: String,
}

impl Fault {
    /// A fault.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() { f.write_str(&self.detail) } else { write!(f, "{}: {}", self.pointer, self.detail) }
    }
}

/// An item that may go into an index. It borrows from its own text.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckedItem<'a> {
    /// Its id.
    pub id: Cow<'a, str>,
    /// The id of its collection.
    pub collection: Cow<'a, str>,
    /// When its acquisition began: `start_datetime` where both ends are given, else `datetime`.
    pub datetime: DateTime<Utc>,
    /// From `start_datetime` to `end_datetime` where both are given, else `datetime` twice.
    pub interval: (DateTime<Utc>, DateTime<Utc>),
    /// Boxes that cover its geometry: one, or two when it crosses the antimeridian, the eastern one first.
    pub boxes: Vec<Envelope>,
    /// The geometry, GeoJSON.
    pub geometry: &'a str,
    /// The properties, a JSON object.
    pub properties: &'a str,
    /// The links, as they stand there, if at all.
    links: Option<&'a str>,
    /// All of it.
    pub text: &'a str,
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    collection: Option<&'a RawValue>,
    #[serde(borrow, default)]
    geometry: Option<&'a RawValue>,
    #[serde(borrow, default)]
    bbox: Option<&'a RawValue>,
    #[serde(borrow, default)]
    properties: Option<&'a RawValue>,
    #[serde(borrow, default)]
    links: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Times<'a> {
    #[serde(borrow, default)]
    datetime: Option<&'a RawValue>,
    #[serde(borrow, default)]
    start_datetime: Option<&'a RawValue>,
    #[serde(borrow, default)]
    end_datetime: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Links<'a> {
    #[serde(borrow, default)]
    links: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow, default)]
    rel: Option<&'a RawValue>,
    #[serde(borrow, default)]
    href: Option<&'a RawValue>,
}

/// Checks an item.
///
/// # Errors
///
/// Every fault that it has, each with its place.
pub fn check(text: &str) -> Result<CheckedItem<'_>, Vec<Fault>> {
    let members: Members<'_> =
        serde_json::from_str(text).map_err(|error| vec![Fault::new("", format!("it is no item in JSON: {error}"))])?;
    let mut faults = Vec::new();
    if members.kind.map(RawValue::get) != Some("\"Feature\"") {
        faults.push(Fault::new("/type", "it is not \"Feature\", as an item's is"));
    }
    let id = kept(id_of(members.id, "/id"), &mut faults);
    let collection = kept(id_of(members.collection, "/collection"), &mut faults);
    let parts = match members.geometry {
        None => {
            faults.push(Fault::new("/geometry", "it is missing or null, expected a geometry of GeoJSON"));
            None
        }
        Some(raw) => match geometry::check(&value(raw), "/geometry") {
            Ok(parts) => Some(parts),
            Err(found) => {
                faults.extend(found);
                None
            }
        },
    };
    let bbox = kept(bbox_of(members.bbox), &mut faults);
    let times = kept(times_of(members.properties), &mut faults);
    match (id, collection, members.geometry, parts, bbox, members.properties, times) {
        (Some(id), Some(collection), Some(geometry), Some(parts), Some(bbox), Some(properties), Some(times))
            if faults.is_empty() =>
        {
            let (datetime, interval) = times;
            Ok(CheckedItem {
                id,
                collection,
                datetime,
                interval,
                boxes: cover(&parts, bbox.len() > 1),
                geometry: geometry.get(),
                properties: properties.get(),
                links: members.links.map(RawValue::get),
                text,
            })
        }
        _ => Err(faults),
    }
}

/// Why no index takes the item in these bytes, with its first faults; none where [`check`] has none.
#[must_use]
pub fn why_refused(bytes: &[u8]) -> Option<String> {
    let Ok(text) = str::from_utf8(bytes) else { return Some("it is not UTF-8".to_owned()) };
    check(text).err().map(|faults| listed(&faults))
}

impl CheckedItem<'_> {
    /// The address that it gives as its own.
    #[must_use]
    pub fn own_address(&self) -> Option<Source> {
        self_link(self.links?)
    }
}

/// The address that an item or collection gives as its own.
#[must_use]
pub fn own_address(text: &str) -> Option<Source> {
    let links: Links<'_> = serde_json::from_str(text).ok()?;
    self_link(links.links?.get())
}

fn self_link(links: &str) -> Option<Source> {
    let links: Vec<Link<'_>> = serde_json::from_str(links).ok()?;
    let own = links.into_iter().find(|link| link.rel.and_then(text_of).as_deref() == Some("self"))?;
    Source::parse(&text_of(own.href?)?).ok()
}

/// A text; none where it is something else.
fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get() {
        // Without escapes it is its own value.
        plain if plain.starts_with('"') && !plain.contains('\\') => Some(Cow::Borrowed(&plain[1..plain.len() - 1])),
        other => serde_json::from_str(other).ok().map(Cow::Owned),
    }
}

/// An id: a text that is not empty.
pub(super) fn id_of<'a>(raw: Option<&'a RawValue>, at: &str) -> Result<Cow<'a, str>, Fault> {
    let raw = raw.ok_or_else(|| Fault::new(at, "it is missing, expected a text"))?;
    let text = text_of(raw).ok_or_else(|| {
        let found: String = raw.get().chars().take(40).collect();
        Fault::new(at, format!("it is {found}, expected a text"))
    })?;
    match fault_of_id(&text) {
        Some(detail) => Err(Fault::new(at, detail)),
        None => Ok(text),
    }
}

/// What is wrong with an id.
pub(crate) fn fault_of_id(id: &str) -> Option<String> {
    match id {
        "" => Some("it is empty".to_owned()),
        long if long.len() > LONGEST_ID => {
            Some(format!("it is {} bytes long, expected at most {LONGEST_ID}", long.len()))
        }
        odd if odd.chars().any(char::is_control) => Some("it holds a control character".to_owned()),
        _ => None,
    }
}

fn bbox_of(raw: Option<&RawValue>) -> Result<Vec<Envelope>, Fault> {
    let raw = raw.ok_or_else(|| Fault::new("/bbox", "it is missing, expected 4 or 6 numbers"))?;
    let numbers: Vec<f64> =
        serde_json::from_str(raw.get()).map_err(|_| Fault::new("/bbox", "it is no list of 4 or 6 numbers"))?;
    geometry::boxes_of(&numbers).map_err(|reason| Fault::new("/bbox", reason))
}

type Acquired = (DateTime<Utc>, (DateTime<Utc>, DateTime<Utc>));

fn times_of(raw: Option<&RawValue>) -> Result<Acquired, Fault> {
    let raw = raw.ok_or_else(|| Fault::new("/properties", "it is missing, expected an object"))?;
    let times: Times<'_> = serde_json::from_str(raw.get()).map_err(|_| Fault::new("/properties", "it is no object"))?;
    let datetime = time_of(times.datetime, "/properties/datetime")?;
    let start = time_of(times.start_datetime, "/properties/start_datetime")?;
    let end = time_of(times.end_datetime, "/properties/end_datetime")?;
    match (datetime, start, end) {
        (_, Some(start), Some(end)) if start > end => {
            Err(Fault::new("/properties/start_datetime", format!("it is {start}, after end_datetime, {end}")))
        }
        (_, Some(start), Some(end)) => Ok((start, (start, end))),
        (Some(datetime), _, _) => Ok((datetime, (datetime, datetime))),
        (None, _, _) => Err(Fault::new(
            "/properties/datetime",
            "it is missing or null, expected a time here or in both start_datetime and end_datetime",
        )),
    }
}

fn time_of(raw: Option<&RawValue>, at: &str) -> Result<Option<DateTime<Utc>>, Fault> {
    let Some(raw) = raw else { return Ok(None) };
    let text: Cow<'_, str> = serde_json::from_str(raw.get()).map_err(|_| Fault::new(at, "it is no text"))?;
    match DateTime::parse_from_rfc3339(&text) {
        Ok(time) => Ok(Some(time.to_utc())),
        Err(error) => {
            let found: String = text.chars().take(40).collect();
            Err(Fault::new(at, format!("it is {found:?}, expected a time such as 2017-06-18T13:04:05Z: {error}")))
        }
    }
}

/// Boxes around all parts: two when the item crosses the antimeridian, so that neither is as wide as the earth.
fn cover(parts: &[Envelope], crosses: bool) -> Vec<Envelope> {
    let (east, west): (Vec<Envelope>, Vec<Envelope>) = parts.iter().partition(|part| crosses && part[0] >= 0.0);
    [geometry::union(&east), geometry::union(&west)].into_iter().flatten().collect()
}

fn kept<T>(result: Result<T, Fault>, faults: &mut Vec<Fault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

/// A part of a document that has been read, so it can be read again.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item() -> Value {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "it's \"a/b\"", "collection": "c",
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]},
            "bbox": [0, 0, 2, 1],
            "properties": {"datetime": "2017-06-18T13:04:05.678Z", "title": "x"},
            "links": [{"rel": "root", "href": "../c.json"}, {"rel": "self", "href": "https://x.example/a.json"}],
            "assets": {}
        })
    }

    fn faults(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut item = item();
        change(&mut item);
        check(&item.to_string()).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_item_gives_what_is_searched_by() {
        let text = item().to_string();
        let checked = check(&text).unwrap();
        assert_eq!((&*checked.id, &*checked.collection), ("it's \"a/b\"", "c"));
        assert_eq!(checked.datetime.timestamp_subsec_millis(), 678);
        assert_eq!(checked.interval, (checked.datetime, checked.datetime));
        assert_eq!(checked.boxes, [[0.0, 0.0, 2.0, 1.0]]);
        assert!(checked.geometry.starts_with("{\"type\":\"Polygon\"") && checked.properties.contains("title"));
        assert_eq!(own_address(&text).unwrap().to_string(), "https://x.example/a.json");
    }

    #[test]
    fn an_interval_counts_when_both_ends_are_there() {
        let mut item = item();
        item["properties"]["datetime"] = Value::Null;
        item["properties"]["start_datetime"] = "2017-01-01T00:00:00Z".into();
        item["properties"]["end_datetime"] = "2017-01-02T01:00:00+01:00".into();
        let text = item.to_string();
        let checked = check(&text).unwrap();
        assert_eq!(checked.datetime, checked.interval.0);
        assert_eq!(checked.interval.1.to_rfc3339(), "2017-01-02T00:00:00+00:00");
    }

    #[test]
    fn an_item_over_the_antimeridian_is_covered_by_a_box_on_each_side() {
        let mut item = item();
        let square = |x: f64| json!([[[x, 0.0], [x + 1.0, 0.0], [x + 1.0, 2.0], [x, 2.0], [x, 0.0]]]);
        item["geometry"] = json!({"type": "MultiPolygon", "coordinates": [square(179.0), square(-180.0)]});
        item["bbox"] = json!([179, 0, -179, 2]);
        let text = item.to_string();
        assert_eq!(check(&text).unwrap().boxes, [[179.0, 0.0, 180.0, 2.0], [-180.0, 0.0, -179.0, 2.0]]);
    }

    #[test]
    fn what_is_to_be_filed_may_be_of_no_collection_and_of_no_place() {
        let mut item = item();
        item["bbox"] = json!([179, 0, 1, -179, 2, 5]);
        for member in ["collection", "geometry"] {
            item.as_object_mut().unwrap().remove(member);
        }
        let text = item.to_string();
        let filed = check_to_file(&text).unwrap();
        assert_eq!(filed.bbox, Some([179.0, 0.0, -179.0, 2.0]));
        assert_eq!((filed.datetime, filed.interval.0), (Some(filed.interval.0), filed.interval.1));
        item["bbox"] = Value::Null;
        assert_eq!(check_to_file(&item.to_string()).unwrap().bbox, None);
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 7] = [
            (|item| item["stac_version"] = "0.9.0".into(), "/stac_version: it is \"0.9.0\""),
            (|item| item["stac_version"] = Value::Null, "/stac_version: it is missing"),
            (|item| item["collection"] = 7.into(), "/collection: it is 7"),
            (|item| item["links"] = json!([{"rel": "x"}]), "/links/0: "),
            (|item| item["links"] = json!({}), "/links: "),
            (|item| item["assets"] = json!({"a": {"href": 7}}), "/assets: "),
            (|item| item["geometry"] = json!({"type": "Point", "coordinates": [0, 99]}), "/geometry"),
        ];
        for (change, says) in cases {
            let mut item = item.clone();
            item["bbox"] = json!([0, 0, 1, 1]);
            change(&mut item);
            let told: Vec<String> =
                check_to_file(&item.to_string()).unwrap_err().iter().map(ToString::to_string).collect();
            assert!(told.len() == 1 && told[0].starts_with(says), "{told:?} is not {says:?}");
        }
    }

    #[test]
    fn every_fault_of_an_item_is_told_at_once() {
        let told = faults(|item| {
            for member in ["id", "geometry", "bbox"] {
                item.as_object_mut().unwrap().remove(member);
            }
            item["properties"]["datetime"] = Value::Null;
        });
        assert_eq!(
            told,
            [
                "/id: it is missing, expected a text",
                "/geometry: it is missing or null, expected a geometry of GeoJSON",
                "/bbox: it is missing, expected 4 or 6 numbers",
                "/properties/datetime: it is missing or null, expected a time here or in both start_datetime and \
                 end_datetime",
            ]
        );
    }

    #[test]
    fn each_kind_of_fault_names_its_place() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 14] = [
            (|item| item["type"] = "Catalog".into(), "/type: "),
            (|item| item["id"] = 7.into(), "/id: it is 7"),
            (|item| item["id"] = "".into(), "/id: it is empty"),
            (|item| item["id"] = "a\u{1}".into(), "/id: it holds a control"),
            (|item| item["id"] = "a".repeat(LONGEST_ID + 1).into(), "/id: it is 1025 bytes"),
            (|item| item["collection"] = Value::Null, "/collection: it is missing"),
            (|item| item["geometry"]["coordinates"][0][1][0] = 190.into(), "/geometry/coordinates/0/1: the longitude"),
            (|item| item["geometry"]["coordinates"][0][4][0] = 0.5.into(), "/geometry/coordinates/0: the ring is open"),
            (|item| item["bbox"] = json!([1, 2]), "/bbox: it has 2 numbers"),
            (|item| item["bbox"] = json!([0, 0, 2, 99]), "/bbox: the latitude 99"),
            (|item| item["bbox"] = "x".into(), "/bbox: it is no list"),
            (|item| item["properties"] = 7.into(), "/properties: it is no object"),
            (|item| item["properties"]["datetime"] = "yesterday".into(), "/properties/datetime: it is \"yesterday\""),
            (
                |item| {
                    item["properties"]["start_datetime"] = "2017-01-02T00:00:00Z".into();
                    item["properties"]["end_datetime"] = "2017-01-01T00:00:00Z".into();
                },
                "/properties/start_datetime: ",
            ),
        ];
        for (change, says) in cases {
            let told = faults(change);
            assert!(told.len() == 1 && told[0].starts_with(says), "{told:?} is not {says:?}");
        }
        assert!(check("hello").unwrap_err()[0].detail.contains("no item in JSON"));
    }
}
