//! Documents: which items and collections a text holds.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::item::Fault;

/// One part of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'a> {
    /// An item, not yet checked, and where it stands.
    Item {
        /// A JSON pointer, empty for the whole document.
        at: String,
        /// The item.
        text: &'a str,
    },
    /// A collection.
    Collection {
        /// Its id.
        id: Cow<'a, str>,
        /// The document.
        text: &'a str,
    },
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Features<'a> {
    #[serde(borrow, default)]
    features: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Collection<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

/// The items and the collection of a document; none for a catalog.
///
/// # Errors
///
/// When it is no STAC document.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, Fault> {
    let broken = |error: serde_json::Error| Fault::new("", format!("it is no STAC document in JSON: {error}"));
    let kind: Kind<'_> = serde_json::from_str(text).map_err(broken)?;
    match kind.kind.as_deref() {
        Some("Feature") => Ok(vec![Part::Item { at: String::new(), text }]),
        Some("FeatureCollection") => {
            let collection: Features<'_> = serde_json::from_str(text).map_err(broken)?;
            let features = collection
                .features
                .ok_or_else(|| Fault::new("/features", "it is missing, expected a list of items"))?;
            Ok(features
                .into_iter()
                .enumerate()
                .map(|(at, feature)| Part::Item { at: format!("/features/{at}"), text: feature.get() })
                .collect())
        }
        Some("Collection") => {
            let collection: Collection<'_> = serde_json::from_str(text).map_err(broken)?;
            let id = super::item::id_of(collection.id, "/id")?;
            Ok(vec![Part::Collection { id, text }])
        }
        Some("Catalog") => Ok(Vec::new()),
        Some(other) => {
            let found: String = other.chars().take(120).collect();
            Err(Fault::new("/type", format!("it is {found:?}, expected a type of STAC such as \"Feature\"")))
        }
        None => Err(Fault::new("/type", "it is missing, expected a type of STAC such as \"Feature\"")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_of_a_collection_of_features_is_an_item_with_its_place() {
        let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"a"}, {"id":"b"}]}"#;
        assert_eq!(
            parts(text).unwrap(),
            [
                Part::Item { at: "/features/0".into(), text: r#"{"type":"Feature","id":"a"}"# },
                Part::Item { at: "/features/1".into(), text: r#"{"id":"b"}"# },
            ]
        );
    }

    #[test]
    fn a_catalog_holds_nothing_and_a_collection_itself() {
        assert_eq!(parts(r#"{"type":"Catalog"}"#).unwrap(), []);
        let text = r#"{"type":"Collection","id":"c"}"#;
        assert_eq!(parts(text).unwrap(), [Part::Collection { id: "c".into(), text }]);
    }

    #[test]
    fn what_is_no_document_is_a_fault_with_its_place() {
        for (text, pointer) in [
            ("", ""),
            ("{}", "/type"),
            (r#"{"type":"Point"}"#, "/type"),
            (r#"{"type":"FeatureCollection"}"#, "/features"),
            (r#"{"type":"FeatureCollection","features":7}"#, ""),
            (r#"{"type":"Collection"}"#, "/id"),
        ] {
            assert_eq!(parts(text).unwrap_err().pointer, pointer, "{text}");
        }
    }
}
