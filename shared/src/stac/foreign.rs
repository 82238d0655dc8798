//! Collections that are not INPE's: given by whoever made their items, or made from the items.
//!
//! Their document itself keeps what they say. Each rebuild writes it with other structural links and the next revision,
//! and leaves all else as it stands there, value for value. So the document of such a level is a function of its level,
//! its listing, its revision, the site, and of what it said before beside these.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, SecondsFormat, Utc};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use stac::STAC_VERSION;

use super::catalog::{REVISION_FIELD, Revision};
use super::link::StructuralLink;
use super::to_bytes;

/// The field that tells a collection made from its items from one that was given.
pub const FROM_ITEMS: &str = "lazycat:from_items";

/// The relations of links that a catalog writes itself.
pub(crate) const STRUCTURAL: [&str; 6] = ["root", "parent", "self", "child", "item", "collection"];

/// How many values a summary lists: the first of all, in their order.
const MOST_VALUES: usize = 32;

/// A collection, its fields in their order, none of which is looked into before it must be.
#[derive(Debug, Clone)]
pub struct Collection {
    fields: IndexMap<String, Box<RawValue>>,
}

/// What items tell of their collection. Of two it is told together by [`Seen::add`], in any order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    bbox: Option<[f64; 4]>,
    interval: Option<(DateTime<Utc>, DateTime<Utc>)>,
    platform: Vec<Value>,
    constellation: Vec<Value>,
    instruments: Vec<Value>,
    gsd: Vec<Value>,
}

#[derive(Deserialize)]
struct Rel<'a> {
    #[serde(borrow, default)]
    rel: Option<Cow<'a, str>>,
}

/// The properties that summaries are made of. What is of another type is passed over.
#[derive(Deserialize)]
struct Properties {
    #[serde(default)]
    platform: Value,
    #[serde(default)]
    constellation: Value,
    #[serde(default)]
    instruments: Value,
    #[serde(default)]
    gsd: Value,
}

impl Collection {
    /// Reads a collection of this id; none when it is none.
    #[must_use]
    pub fn read(text: &[u8], id: &str) -> Option<Self> {
        let fields: IndexMap<String, Box<RawValue>> = serde_json::from_slice(text).ok()?;
        let says = |field: &str, value: &str| {
            fields.get(field).and_then(|raw| serde_json::from_str::<Cow<'_, str>>(raw.get()).ok()).as_deref()
                == Some(value)
        };
        let is_list = fields.get("links").is_none_or(|links| links.get().starts_with('['));
        (says("type", "Collection") && says("id", id) && is_list).then_some(Self { fields })
    }

    /// A collection of which nothing is known but its items, and not yet these: its extent is unknown, so all there is.
    #[must_use]
    pub fn unknown(id: &str, description: &str) -> Self {
        Self::of(json!({
            "type": "Collection",
            "stac_version": STAC_VERSION,
            "id": id,
            "description": description,
            "license": "other",
            "extent": {
                "spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [[null, null]]},
            },
            "links": [],
            FROM_ITEMS: true,
        }))
    }

    /// A collection made from items.
    #[must_use]
    pub fn from_items(id: &str, description: &str, seen: &Seen) -> Self {
        let mut collection = Self::unknown(id, description);
        collection.set("extent", &seen.extent(None));
        let summaries = seen.summaries(Map::new());
        if !summaries.is_empty() {
            collection.set("summaries", &Value::Object(summaries));
        }
        collection
    }

    /// Whether it was made from its items.
    #[must_use]
    pub fn is_from_items(&self) -> bool {
        self.fields.get(FROM_ITEMS).is_some_and(|raw| raw.get() == "true")
    }

    /// Widens the extent and adds to the summaries, so that they tell of these items, too. Whether anything changed. The
    /// outcome of several does not depend on their order.
    pub fn widen(&mut self, seen: &Seen) -> bool {
        let before = [self.value("extent"), self.value("summaries")];
        let extent = seen.extent(Some(&before[0]));
        let summaries = Value::Object(seen.summaries(before[1].as_object().cloned().unwrap_or_default()));
        let is_new = extent != before[0] || (summaries != before[1] && summaries != json!({}));
        if is_new {
            self.set("extent", &extent);
            if summaries != json!({}) {
                self.set("summaries", &summaries);
            }
        }
        is_new
    }

    /// Its document with these structural links in place of its own.
    pub(super) fn document(mut self, structural: Vec<StructuralLink>, revision: Revision) -> Vec<u8> {
        let mut links: Vec<Box<RawValue>> = structural.iter().filter_map(|link| to_raw_value(link).ok()).collect();
        links.extend(self.own_links());
        self.set("links", &links);
        self.with_revision(revision)
    }

    /// Its document with the links that it has.
    #[must_use]
    pub fn with_revision(mut self, revision: Revision) -> Vec<u8> {
        self.set(REVISION_FIELD, &revision.number());
        to_bytes(&self.fields)
    }

    /// This collection with the structural links of another document.
    #[must_use]
    pub fn with_structure_of(mut self, other: &Self) -> Self {
        let mut links: Vec<Box<RawValue>> = other.links().into_iter().filter(|link| is_structural(link)).collect();
        links.extend(self.own_links());
        self.set("links", &links);
        self
    }

    /// Whether it says the same as another but for structural links and the revision.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        let own = |collection: &Self| -> Vec<String> {
            collection.own_links().iter().map(|link| link.get().to_owned()).collect()
        };
        let rest = |collection: &Self| -> Vec<(String, String)> {
            let mut fields: Vec<(String, String)> = collection
                .fields
                .iter()
                .filter(|(name, _)| *name != "links" && *name != REVISION_FIELD)
                .map(|(name, raw)| (name.clone(), raw.get().to_owned()))
                .collect();
            fields.sort_unstable();
            fields
        };
        own(self) == own(other) && rest(self) == rest(other)
    }

    fn of(value: Value) -> Self {
        let fields = match value {
            Value::Object(fields) => {
                fields.into_iter().filter_map(|(name, value)| Some((name, to_raw_value(&value).ok()?))).collect()
            }
            _ => IndexMap::new(),
        };
        Self { fields }
    }

    fn set(&mut self, field: &str, value: &impl serde::Serialize) {
        if let Ok(raw) = to_raw_value(value) {
            self.fields.insert(field.to_owned(), raw);
        }
    }

    fn value(&self, field: &str) -> Value {
        self.fields.get(field).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    fn links(&self) -> Vec<Box<RawValue>> {
        self.fields.get("links").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// The links that are no catalog's.
    fn own_links(&self) -> Vec<Box<RawValue>> {
        self.links().into_iter().filter(|link| !is_structural(link)).collect()
    }
}

/// Whether a link is one that a catalog writes itself.
pub(crate) fn is_structural(link: &RawValue) -> bool {
    let rel = serde_json::from_str::<Rel<'_>>(link.get()).ok().and_then(|link| link.rel);
    rel.is_some_and(|rel| STRUCTURAL.contains(&rel.as_ref()))
}

impl Seen {
    /// What one item tells: its box (west is greater than east across the antimeridian), from when to when, its
    /// properties in JSON.
    #[must_use]
    pub fn of(bbox: Option<[f64; 4]>, interval: (DateTime<Utc>, DateTime<Utc>), properties: &str) -> Self {
        let mut seen = Self { bbox, interval: Some(interval), ..Self::default() };
        if let Ok(properties) = serde_json::from_str::<Properties>(properties) {
            let is_text = |value: &Value| value.as_str().is_some_and(|text| text.len() <= 256);
            let texts = |value: Value| if is_text(&value) { vec![value] } else { Vec::new() };
            seen.platform = texts(properties.platform);
            seen.constellation = texts(properties.constellation);
            if let Value::Array(instruments) = properties.instruments {
                merge(&mut seen.instruments, instruments.into_iter().filter(is_text).collect());
            }
            if properties.gsd.is_number() {
                seen.gsd = vec![properties.gsd];
            }
        }
        seen
    }

    /// Adds what others tell.
    pub fn add(&mut self, other: Self) {
        self.bbox = both(self.bbox, other.bbox, union);
        self.interval = both(self.interval, other.interval, |one, two| (one.0.min(two.0), one.1.max(two.1)));
        merge(&mut self.platform, other.platform);
        merge(&mut self.constellation, other.constellation);
        merge(&mut self.instruments, other.instruments);
        merge(&mut self.gsd, other.gsd);
    }

    /// An extent around another one and this; around this alone where there is none.
    fn extent(&self, before: Option<&Value>) -> Value {
        let known = before.and_then(|extent| extent.pointer("/spatial/bbox/0"));
        let known: Option<[f64; 4]> = known.and_then(|bbox| serde_json::from_value(bbox.clone()).ok());
        let bbox = both(known, self.bbox, union).unwrap_or([-180.0, -90.0, 180.0, 90.0]);
        let ends = before.and_then(|extent| extent.pointer("/temporal/interval/0")).and_then(Value::as_array);
        // An open end stays open: it is wider than any other.
        let end = |at: usize, own: Option<DateTime<Utc>>, first: Ordering| -> Value {
            let own = own.map(|time| json!(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))).unwrap_or_default();
            let Some(known) = ends.and_then(|ends| ends.get(at)) else { return own };
            let time = |value: &Value| value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            match (time(known), time(&own)) {
                (Some(there), Some(here)) if here.cmp(&there) == first => own,
                _ => known.clone(),
            }
        };
        json!({
            "spatial": {"bbox": [bbox.map(number)]},
            "temporal": {"interval": [[
                end(0, self.interval.map(|interval| interval.0), Ordering::Less),
                end(1, self.interval.map(|interval| interval.1), Ordering::Greater),
            ]]},
        })
    }

    /// Summaries, and this.
    fn summaries(&self, mut before: Map<String, Value>) -> Map<String, Value> {
        let lists = [
            ("platform", &self.platform),
            ("constellation", &self.constellation),
            ("instruments", &self.instruments),
            ("gsd", &self.gsd),
        ];
        for (name, values) in lists {
            let mut known = before.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
            merge(&mut known, values.clone());
            if !known.is_empty() {
                before.insert(name.to_owned(), Value::Array(known));
            }
        }
        before
    }
}

fn both<T>(one: Option<T>, two: Option<T>, join: impl Fn(T, T) -> T) -> Option<T> {
    match (one, two) {
        (Some(one), Some(two)) => Some(join(one, two)),
        (one, two) => one.or(two),
    }
}

/// A box around two. Around one that crosses the antimeridian and one that does not it is as wide as the earth, so that the
/// order of several makes no difference.
fn union(one: [f64; 4], two: [f64; 4]) -> [f64; 4] {
    let crosses = |bbox: [f64; 4]| bbox[0] > bbox[2];
    let (west, east) = (one[0].min(two[0]), one[2].max(two[2]));
    let (west, east) = match (crosses(one), crosses(two)) {
        (true, true) if west > east => (west, east),
        (false, false) => (west, east),
        _ => (-180.0, 180.0),
    };
    [west, one[1].min(two[1]), east, one[3].max(two[3])]
}

/// Adds values to a list that is in order, each once, and keeps the first of them.
fn merge(list: &mut Vec<Value>, values: Vec<Value>) {
    list.extend(values.into_iter().map(|value| value.as_f64().map_or(value, number)));
    list.sort_by(compare);
    list.dedup_by(|one, two| compare(one, two) == Ordering::Equal);
    list.truncate(MOST_VALUES);
}

fn compare(one: &Value, two: &Value) -> Ordering {
    match (one.as_f64(), two.as_f64()) {
        (Some(one), Some(two)) => one.total_cmp(&two),
        _ => one.as_str().cmp(&two.as_str()),
    }
}

/// A number in one notation, whatever it was written in: 10, not 10.0.
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)] // It is whole, and within what both can say.
    if value.fract() == 0.0 && value.abs() < EXACT { json!(value as i64) } else { json!(value) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(day: u32) -> DateTime<Utc> {
        DateTime::from_timestamp(i64::from(day) * 86_400, 0).unwrap()
    }

    fn parsed(collection: Collection) -> Value {
        serde_json::from_slice(&collection.with_revision(Revision::FIRST)).unwrap()
    }

    #[test]
    fn a_collection_made_from_items_tells_of_all_of_them() {
        let mut seen = Seen::of(Some([1.0, 2.0, 3.5, 4.0]), (time(2), time(2)), r#"{"platform": "b", "gsd": 10.0}"#);
        let more = r#"{"platform": "a", "instruments": ["x", 7], "gsd": 10, "constellation": null}"#;
        seen.add(Seen::of(Some([0.0, 3.0, 1.0, 5.0]), (time(1), time(3)), more));
        let made = Collection::from_items("c", "d", &seen);
        assert!(made.is_from_items());
        let made = parsed(made);
        assert_eq!(made["extent"]["spatial"]["bbox"], json!([[0, 2, 3.5, 5]]));
        assert_eq!(made["extent"]["temporal"]["interval"], json!([["1970-01-02T00:00:00Z", "1970-01-04T00:00:00Z"]]));
        assert_eq!(made["summaries"], json!({"platform": ["a", "b"], "instruments": ["x"], "gsd": [10]}));
        assert_eq!(made["license"], "other");
    }

    #[test]
    fn boxes_over_the_antimeridian_stay_narrow_among_themselves() {
        assert_eq!(union([170.0, 0.0, -170.0, 1.0], [175.0, 0.0, -160.0, 1.0]), [170.0, 0.0, -160.0, 1.0]);
        assert_eq!(union([170.0, 0.0, -170.0, 1.0], [1.0, 0.0, 2.0, 1.0]), [-180.0, 0.0, 180.0, 1.0]);
        assert_eq!(union([1.0, 0.0, 2.0, 1.0], [-3.0, -1.0, -2.0, 0.0]), [-3.0, -1.0, 2.0, 1.0]);
    }

    #[test]
    fn an_open_end_stays_open() {
        let mut collection = Collection::unknown("c", "d");
        assert!(!collection.widen(&Seen::of(Some([1.0, 2.0, 3.0, 4.0]), (time(1), time(2)), "{}")));
        assert_eq!(parsed(collection)["extent"]["temporal"]["interval"], json!([[null, null]]));
    }

    #[test]
    fn what_a_collection_says_beside_its_structure_stays() {
        let text = r#"{"type":"Collection","stac_version":"1.0.0","id":"c","odd":1.00000000000000022,
            "links":[{"rel":"root","href":"x"},{"rel":"license","href":"l","n":1.0},{"rel":"child","href":"./a/catalog.json"}]}"#;
        let collection = Collection::read(text.as_bytes(), "c").unwrap();
        let link = |rel: &'static str| StructuralLink {
            href: "../catalog.json".into(),
            rel,
            r#type: "application/json",
            title: "t".into(),
        };
        let document = String::from_utf8(collection.document(vec![link("root")], Revision::FIRST)).unwrap();
        assert!(document.contains("1.00000000000000022") && document.contains("\"n\":1.0"), "{document}");
        let value: Value = serde_json::from_str(&document).unwrap();
        let rels: Vec<&str> =
            value["links"].as_array().unwrap().iter().map(|link| link["rel"].as_str().unwrap()).collect();
        assert_eq!(rels, ["root", "license"]);
        assert_eq!((&value[REVISION_FIELD], &value["stac_version"]), (&json!(1), &json!("1.0.0")));
        for other in ["", "[]", "{}", r#"{"type":"Catalog","id":"c"}"#, r#"{"type":"Collection","id":"d"}"#] {
            assert!(Collection::read(other.as_bytes(), "c").is_none(), "{other}");
        }
    }

    fn seen() -> impl Strategy<Value = Seen> {
        let platform = prop_oneof![Just(json!({})), "[a-d]".prop_map(|name| json!({"platform": name, "gsd": 1}))];
        (-180..180_i32, -180..180_i32, -90..90_i32, 0..9_u32, platform).prop_map(
            |(west, east, south, day, properties)| {
                let bbox = [f64::from(west), f64::from(south), f64::from(east), f64::from(south + 1)];
                Seen::of(Some(bbox), (time(day), time(day + 1)), &properties.to_string())
            },
        )
    }

    proptest! {
        #[test]
        fn the_order_in_which_items_come_makes_no_difference(items in proptest::collection::vec(seen(), 1..8), turn in 0..8_usize) {
            let build = |items: &[Seen]| {
                let mut collection = Collection::from_items("c", "d", &items[0]);
                items[1..].iter().for_each(|item| { collection.widen(item); });
                prop_assert!(!collection.clone().widen(&items[0]), "it tells of it already");
                Ok(parsed(collection))
            };
            let mut turned = items.clone();
            turned.rotate_left(turn % items.len());
            let mut at_once = Seen::default();
            turned.iter().for_each(|item| at_once.add(item.clone()));
            prop_assert_eq!(build(&items)?, build(&turned)?);
            prop_assert_eq!(build(&items)?, parsed(Collection::from_items("c", "d", &at_once)));
        }
    }
}
