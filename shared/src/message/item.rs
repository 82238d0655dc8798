//! Messages on the item topics: an item that is new or changed, or one that was withdrawn.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use crate::stac::StoredItem;

mod published;

/// Who may see a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody who has subscribed: the topic of new items.
    Public,
    /// The loaders only: the topic of reprocessed items, so that a reprocess does not flood the subscribers.
    Internal,
}

/// What happened to an item.
#[derive(Debug, Clone, PartialEq)]
pub enum ItemEvent {
    /// It was written.
    Put(Box<StoredItem>),
    /// It was taken out of the catalog.
    Withdrawn {
        /// The id of its collection.
        collection: String,
        /// Its id.
        id: String,
        /// When the event that withdrew it happened.
        time: DateTime<Utc>,
    },
}

/// An item leaving the catalog. A hint: a subscriber that must be exact re-reads the item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemMessage {
    /// The key of the item in the catalog.
    pub key: String,
    /// Who may see it.
    pub audience: Audience,
    /// What happened.
    pub event: ItemEvent,
}

/// A message attribute, which subscribers filter by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name, `bbox.ll_lon`.
    pub name: &'static str,
    /// The type of SNS: `String` or `Number`.
    pub kind: &'static str,
    /// The value, a number in plain notation.
    pub value: String,
}

impl Attribute {
    /// The bytes that a topic counts.
    #[must_use]
    pub fn size(&self) -> usize {
        self.name.len() + self.kind.len() + self.value.len()
    }
}

impl ItemMessage {
    /// The body: the item with absolute links, `self` first, or a withdrawal. `base` is the address of the catalog's
    /// root folder, with a slash at the end.
    #[must_use]
    pub fn body(&self, base: &str) -> String {
        match &self.event {
            ItemEvent::Put(item) => published::body(item, &self.key, base),
            ItemEvent::Withdrawn { collection, id, time } => json!({
                "type": "Withdrawn",
                "collection": collection,
                "id": id,
                "time": time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            })
            .to_string(),
        }
    }

    /// The attributes that subscribers filter by: at most ten, or raw delivery to SQS drops them.
    #[must_use]
    pub fn attributes(&self, base: &str) -> Vec<Attribute> {
        let text = |name, value| Attribute { name, kind: "String", value };
        let number = |name, value| Attribute { name, kind: "Number", value };
        let mut attributes = Vec::with_capacity(6);
        match &self.event {
            ItemEvent::Put(item) => {
                if let Some(time) = item.datetime() {
                    attributes.push(text("properties.datetime", time.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
                }
                if let Some(bbox) = item.bbox() {
                    let [west, south, east, north] = filterable(bbox);
                    attributes.push(number("bbox.ll_lon", west));
                    attributes.push(number("bbox.ll_lat", south));
                    attributes.push(number("bbox.ur_lon", east));
                    attributes.push(number("bbox.ur_lat", north));
                }
            }
            ItemEvent::Withdrawn { .. } => attributes.push(text("event", "withdrawn".to_owned())),
        }
        attributes.push(text("links.self.href", format!("{base}{}", self.key)));
        attributes
    }
}

/// A bounding box as numbers that SNS compares: it looks at five decimals, so the box is widened to them. One that
/// crosses the antimeridian is as wide as the earth: a filter may let through too much, never too little.
pub(crate) fn filterable([west, south, east, north]: [f64; 4]) -> [String; 4] {
    let (west, east) = if west > east { (-180.0, 180.0) } else { (west, east) };
    [
        five_decimals(west, f64::floor),
        five_decimals(south, f64::floor),
        five_decimals(east, f64::ceil),
        five_decimals(north, f64::ceil),
    ]
}

/// In plain notation with at most five decimals, rounded by `round`.
fn five_decimals(degrees: f64, round: fn(f64) -> f64) -> String {
    let scaled = degrees * 1e5;
    // A number that has at most five decimals stays what it is, although its product may be off by a little.
    let nearest = scaled.round();
    let whole = if (scaled - nearest).abs() < 1e-6 { nearest } else { round(scaled) };
    let text = format!("{:.5}", whole / 1e5);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stac::{Bbox, Item};

    fn message(bbox: [f64; 4]) -> ItemMessage {
        let mut item = Item::new("an-id");
        item.bbox = Some(Bbox::TwoDimensional(bbox));
        let event = ItemEvent::Put(Box::new(StoredItem::from(&item)));
        ItemMessage { key: "a/b/an-id.json".into(), audience: Audience::Public, event }
    }

    fn numbers(bbox: [f64; 4]) -> Vec<String> {
        let attributes = message(bbox).attributes("https://example.com/");
        attributes.into_iter().filter(|attribute| attribute.kind == "Number").map(|attribute| attribute.value).collect()
    }

    #[test]
    fn bounding_boxes_are_widened_to_five_decimals_in_plain_notation() {
        assert_eq!(
            numbers([-63.086835, -24.479624, -53.007893, -16.425778]),
            ["-63.08684", "-24.47963", "-53.00789", "-16.42577"]
        );
        assert_eq!(numbers([0.0000001, -0.0000001, 1e-7, 12.5]), ["0", "-0.00001", "0.00001", "12.5"]);
        assert_eq!(numbers([-43.1, -22.90685, -43.0, -22.1]), ["-43.1", "-22.90685", "-43", "-22.1"]);
    }

    #[test]
    fn a_box_over_the_antimeridian_is_as_wide_as_the_earth() {
        assert_eq!(numbers([179.0, -10.0, -179.0, -9.0]), ["-180", "-10", "180", "-9"]);
    }
}
