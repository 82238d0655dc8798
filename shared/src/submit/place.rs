//! Where a layout files what was sent: pure.

use super::document::{Document, step};
use super::{Fault, Place, PlaceItems};
use crate::layout::{Layout, PlaceError};

/// The name of a collection's document in its level.
const COLLECTION: &str = "collection.json";

impl PlaceItems for Layout {
    fn place(&self, item: &Document<'_>) -> Result<Place, Vec<Fault>> {
        let fault = |error: PlaceError| vec![Fault::new(pointer(&error, item), error.to_string())];
        let placed = Self::place(self, item.text).map_err(fault)?;
        let collection_key = match &placed.collection {
            Some(id) => Some(self.collection_level(id).map_err(fault)?.object_key(COLLECTION)),
            None => None,
        };
        Ok(Place { key: placed.key, collection_key })
    }

    fn collection_key(&self, item: &Document<'_>) -> Option<String> {
        let id = item.value.get("collection")?.as_str()?;
        Some(self.collection_level(id).ok()?.object_key(COLLECTION))
    }
}

/// Where the field is that keeps an item from having a place.
fn pointer(error: &PlaceError, item: &Document<'_>) -> String {
    match error {
        PlaceError::Json(_) | PlaceError::Level(_) => String::new(),
        PlaceError::NoCollection { .. } | PlaceError::UnexpectedCollection { .. } => "/collection".to_owned(),
        PlaceError::Satellite { .. } => String::new(),
        PlaceError::Missing { field, .. } | PlaceError::Value { field, .. } | PlaceError::TooLong { field, .. } => {
            let path = field.split(' ').next().unwrap_or_default();
            // A name may hold dots: as long as nothing is there, only the first of them is surely a step.
            let (mut every, mut first) = (String::new(), String::new());
            path.split('.').for_each(|name| step(&mut every, name));
            path.splitn(2, '.').for_each(|name| step(&mut first, name));
            if item.value.pointer(&every).is_some() { every } else { first }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::submit::document;

    fn placed(layout: &str, item: &str) -> Result<Place, String> {
        let document = document::read(item.as_bytes(), 100_000).unwrap();
        let layout = Layout::parse(layout).unwrap();
        PlaceItems::place(&layout, &document).map_err(|faults| {
            assert_eq!(faults.len(), 1, "{faults:?}");
            faults[0].to_string()
        })
    }

    #[test]
    fn an_item_and_its_collection_have_their_keys() {
        let item = r#"{"id": "a/../b", "collection": "../c", "properties": {"datetime": "2024-05-01T00:00:00Z"}}"#;
        let place = placed("x/{collection}/{year}", item).unwrap();
        assert!(place.key.starts_with("x/") && place.key.ends_with(".json"), "{}", place.key);
        assert!(!place.key.contains("/../") && place.key.matches('/').count() == 3, "{}", place.key);
        let collection = place.collection_key.unwrap();
        assert!(collection.ends_with("/collection.json") && collection.matches('/').count() == 2, "{collection}");
        let undated = item.replace("2024-05-01T00:00:00Z", "yesterday");
        assert!(placed("x/{collection}/{year}", &undated).is_err());
        let layout = Layout::parse("x/{collection}/{year}").unwrap();
        let document = document::read(undated.as_bytes(), 100_000).unwrap();
        assert_eq!(PlaceItems::collection_key(&layout, &document), Some(collection));
        assert_eq!(placed("{year}", &item.replace("\"collection\": \"../c\",", "")).unwrap().collection_key, None);
    }

    #[test]
    fn what_is_missing_or_names_no_folder_is_pointed_at() {
        for (layout, item, says) in [
            ("{collection}", r#"{"id": "a"}"#, "/collection: collection is missing"),
            ("{year}", r#"{"id": "a", "collection": "c"}"#, "/collection: collection is \"c\""),
            ("{year}", r#"{"id": "a", "properties": {}}"#, "/properties/datetime: "),
            (
                "{properties.a:b}",
                r#"{"id": "a", "properties": {"a:b": 1.5}}"#,
                "/properties/a:b: properties.a:b is 1.5",
            ),
            ("{properties.a.b}", r#"{"id": "a", "properties": {"a": {"b": {}}}}"#, "/properties/a/b: "),
            ("{properties.a.b}", r#"{"id": "a", "properties": {"a.b": []}}"#, "/properties/a.b: "),
            ("{properties.a.b}", r#"{"id": "a", "properties": {}}"#, "/properties/a.b: "),
        ] {
            let told = placed(layout, item).unwrap_err();
            assert!(told.starts_with(says), "{told:?} is not {says:?}");
        }
        let long = format!(r#"{{"id": "{}"}}"#, "x".repeat(10_000));
        assert!(placed("all", &long).unwrap_err().starts_with("/id: "));
    }
}
