//! What a generator gave: checked, put into its collection, and as a message.

use chrono::SecondsFormat;
use indexmap::IndexMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use xxhash_rust::xxh3::xxh3_128;

use crate::message::item::{Attribute, filterable};
use crate::message::{compact, listed};
use crate::search::item::{CheckedItem, Fault, check};

/// The links that tell where an item stands.
const STRUCTURAL: [&str; 4] = ["self", "root", "parent", "collection"];

/// What stays as it is in a segment of a key.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// An item that a generator has made, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    id: String,
    collection: String,
    attributes: Vec<Attribute>,
    text: String,
}

/// An object whose values are not looked into, its members in their order.
type Object = IndexMap<String, Box<RawValue>>;

impl Made {
    /// Checks what a generator gave, and puts it into `collection` where that is said.
    ///
    /// Links that say where the item stands (`self`, `root`, `parent`, `collection`) go when they are no addresses but
    /// paths: they lead into a folder that only the generator saw. All else stays as it was written.
    ///
    /// # Errors
    ///
    /// Every fault of the item, each with its place.
    pub fn new(given: &str, collection: Option<&str>) -> Result<Self, String> {
        let text = finished(given, collection).map_err(|fault| fault.to_string())?;
        let checked = check(&text).map_err(|faults| listed(&faults))?;
        // Whatever is not looked at here is read by others: what is nested as deep as nobody reads it is none.
        serde_json::from_str::<serde_json::Value>(&text)
            .map_err(|error| format!("it cannot be read whole: {error}"))?;
        let made = Self {
            id: checked.id.clone().into_owned(),
            collection: checked.collection.clone().into_owned(),
            attributes: attributes(&checked),
            text: String::new(),
        };
        Ok(Self { text, ..made })
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of its collection.
    #[must_use]
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The item as JSON.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A key for it, below a prefix of its own: collection, id, and a hash of its bytes, so that versions do not stand in
    /// each other's way.
    #[must_use]
    pub fn key(&self) -> String {
        // Neither "." nor ".." is a segment of a key that everybody reads alike.
        let segment = |text: &str| match utf8_percent_encode(text, SEGMENT).to_string() {
            dots if dots.bytes().all(|byte| byte == b'.') => dots.replace('.', "%2E"),
            encoded => encoded,
        };
        format!("{}/{}/{:032x}.json", segment(&self.collection), segment(&self.id), xxh3_128(self.text.as_bytes()))
    }

    /// The message about it: the item itself.
    #[must_use]
    pub fn message(&self) -> MadeMessage {
        MadeMessage { body: self.text.clone(), attributes: self.attributes.clone() }
    }

    /// The message about it, when it is kept at `href` because it is too long to be sent. Filters work as ever.
    #[must_use]
    pub fn reference(&self, href: &str) -> MadeMessage {
        MadeMessage { body: json!({ "href": href }).to_string(), attributes: self.attributes.clone() }
    }
}

/// A message about an item that a generator has made, as the loaders read it.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeMessage {
    /// The item, or `{"href"}`.
    pub body: String,
    /// What subscribers filter by: `collection`, `properties.datetime`, and the bounding box as in a message about an item of
    /// the catalog.
    pub attributes: Vec<Attribute>,
}

impl MadeMessage {
    /// The bytes that count towards the longest message.
    #[must_use]
    pub fn size(&self) -> usize {
        let attributes = self.attributes.iter();
        self.body.len() + attributes.map(Attribute::size).sum::<usize>()
    }
}

/// The item in its collection, without paths in its structural links.
fn finished(given: &str, collection: Option<&str>) -> Result<String, Fault> {
    // A list would be no object, and its fault a riddle.
    if !given.trim_start().starts_with('{') {
        let found = super::protocol::shown(given.trim().as_bytes(), 60);
        return Err(Fault::new("", format!("it is {found}, expected a STAC item in JSON")));
    }
    let wrong = |at: &str, error: &serde_json::Error| {
        Fault::new(at, format!("it is no item in JSON: {}", crate::message::complaint(error)))
    };
    let mut item: Object = serde_json::from_str(given).map_err(|error| wrong("", &error))?;
    for required in ["stac_version", "links", "assets"] {
        if !item.contains_key(required) {
            return Err(Fault::new(format!("/{required}"), "it is missing, as in no item of STAC"));
        }
    }
    if let Some(collection) = collection {
        let collection = to_raw_value(collection).map_err(|error| wrong("/collection", &error))?;
        item.insert("collection".to_owned(), collection);
    }
    let links = item.get("links").map_or("[]", |links| links.get());
    let links: Vec<Object> = serde_json::from_str(links).map_err(|error| wrong("/links", &error))?;
    let kept: Vec<&Object> = links.iter().filter(|link| !leads_nowhere(link)).collect();
    if kept.len() < links.len() {
        let kept = to_raw_value(&kept).map_err(|error| wrong("/links", &error))?;
        item.insert("links".to_owned(), kept);
    }
    serde_json::to_string(&item).map(|text| compact(&text)).map_err(|error| wrong("", &error))
}

/// Whether a link says where the item stands, and that is a path.
fn leads_nowhere(link: &Object) -> bool {
    let text = |member: &str| link.get(member).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    let structural = text("rel").is_some_and(|rel| STRUCTURAL.contains(&rel.as_str()));
    structural && text("href").is_none_or(|href| !href.contains("://") || href.starts_with("file:"))
}

fn attributes(item: &CheckedItem<'_>) -> Vec<Attribute> {
    let text = |name, value| Attribute { name, kind: "String", value };
    let mut attributes = vec![
        text("collection", item.collection.clone().into_owned()),
        text("properties.datetime", item.datetime.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    ];
    // The eastern box is the first of two when the item crosses the antimeridian: together from east to west.
    let bbox = match &item.boxes[..] {
        [one] => Some(*one),
        [east, west] => Some([east[0], east[1].min(west[1]), west[2], east[3].max(west[3])]),
        _ => None,
    };
    if let Some(bbox) = bbox {
        let names = ["bbox.ll_lon", "bbox.ll_lat", "bbox.ur_lon", "bbox.ur_lat"];
        let numbers = names.into_iter().zip(filterable(bbox));
        attributes.extend(numbers.map(|(name, value)| Attribute { name, kind: "Number", value }));
    }
    if let Some(own) = crate::search::item::own_address(item.text) {
        attributes.push(text("links.self.href", own.to_string()));
    }
    attributes
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn item() -> Value {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "a/b", "geometry": {"type": "Point", "coordinates": [1, 2]},
            "bbox": [1, 2, 1, 2], "properties": {"datetime": "2020-01-01T00:00:00Z"},
            "links": [
                {"rel": "self", "href": "/tmp/x/item.json"}, {"rel": "root", "href": "./catalog.json"},
                {"rel": "parent", "href": "https://example.com/c.json"}, {"rel": "license", "href": "LICENSE"}
            ],
            "assets": {}
        })
    }

    #[test]
    fn an_item_is_put_into_the_collection_that_was_asked_for() {
        let mut given = item();
        for collection in [Value::Null, "other".into()] {
            given["collection"] = collection;
            let made = Made::new(&given.to_string(), Some("c")).unwrap();
            assert_eq!((made.id(), made.collection()), ("a/b", "c"));
            assert!(made.text().contains("\"collection\":\"c\""));
        }
        assert_eq!(Made::new(&given.to_string(), None).unwrap().collection(), "other");
        let told = Made::new(&item().to_string(), None).unwrap_err();
        assert_eq!(told, "/collection: it is missing, expected a text");
    }

    #[test]
    fn links_into_the_folder_of_the_generator_go_and_all_else_stays_as_it_was_written() {
        let given = item().to_string().replace("\"bbox\":[1,2,1,2]", "\"bbox\":[1,2,1,2],\"x\":1.00000000000000022");
        let made = Made::new(&given, Some("c")).unwrap();
        assert!(made.text().contains("1.00000000000000022"), "{}", made.text());
        let links: Value = serde_json::from_str::<Value>(made.text()).unwrap()["links"].clone();
        let kept: Vec<&str> = links.as_array().unwrap().iter().map(|link| link["rel"].as_str().unwrap()).collect();
        assert_eq!(kept, ["parent", "license"]);
    }

    #[test]
    fn an_item_that_was_written_for_people_becomes_one_line() {
        let mut given = item();
        given["properties"]["title"] = "a \"quoted\" \\ and\ttabbed  text\\".into();
        let made = Made::new(&serde_json::to_string_pretty(&given).unwrap(), Some("c")).unwrap();
        assert!(!made.text().contains(['\n', '\t']), "{}", made.text());
        let read: Value = serde_json::from_str(made.text()).unwrap();
        assert_eq!(read["properties"], given["properties"]);
        assert_eq!(made.text(), Made::new(&given.to_string(), Some("c")).unwrap().text());
    }

    #[test]
    fn a_message_has_what_subscribers_filter_by() {
        let mut given = item();
        given["bbox"] = json!([179, -1, -179, 1]);
        let square = |x: f64| json!([[[x, -1.0], [x + 1.0, -1.0], [x + 1.0, 1.0], [x, 1.0], [x, -1.0]]]);
        given["geometry"] = json!({"type": "MultiPolygon", "coordinates": [square(179.0), square(-180.0)]});
        given["links"] = json!([{"rel": "self", "href": "https://example.com/a.json"}]);
        let made = Made::new(&given.to_string(), Some("c")).unwrap();
        let message = made.message();
        let told: Vec<(&str, &str)> =
            message.attributes.iter().map(|attribute| (attribute.name, attribute.value.as_str())).collect();
        assert_eq!(
            told,
            [
                ("collection", "c"),
                ("properties.datetime", "2020-01-01T00:00:00Z"),
                ("bbox.ll_lon", "-180"),
                ("bbox.ll_lat", "-1"),
                ("bbox.ur_lon", "180"),
                ("bbox.ur_lat", "1"),
                ("links.self.href", "https://example.com/a.json"),
            ]
        );
        assert!(message.size() > message.body.len());
        let reference = made.reference("s3://b/k");
        assert_eq!((reference.body.as_str(), &reference.attributes), ("{\"href\":\"s3://b/k\"}", &message.attributes));
    }

    #[test]
    fn a_key_is_made_of_collection_id_and_bytes_and_goes_nowhere_else() {
        let key = |id: &str| {
            let mut given = item();
            given["id"] = id.into();
            Made::new(&given.to_string(), Some("..")).unwrap().key()
        };
        assert!(key("a/b").starts_with("%2E%2E/a%2Fb/"), "{}", key("a/b"));
        assert_ne!(key("a").rsplit_once('/'), key("b").rsplit_once('/'));
        assert_eq!(key("a"), key("a"));
    }

    #[test]
    fn what_is_no_item_is_told_with_every_fault() {
        let told = |text: &str| Made::new(text, Some("c")).unwrap_err();
        assert!(told("hello").contains("it is \"hello\", expected a STAC item"));
        assert!(told("{").contains("no item in JSON"));
        assert!(told("{}").starts_with("/stac_version: it is missing"));
        let mut catalog = item();
        catalog["type"] = "Catalog".into();
        catalog.as_object_mut().unwrap().remove("bbox");
        let told = told(&catalog.to_string());
        assert!(told.contains("/type: ") && told.contains("/bbox: "), "{told}");
    }
}
