//! An item as it leaves the catalog: every link and asset absolute, and `self` first.
//!
//! Only the addresses are read and written anew. All else is passed on as the text that is stored, so that no number can
//! change on the way.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::stac::StoredItem;
use crate::stac::link::{self, GEOJSON, StructuralLink};

/// An object whose values are not looked into, its fields in their order.
type Object = IndexMap<String, Box<RawValue>>;

/// What the link to the item itself says.
#[derive(Default, Deserialize)]
struct Properties {
    title: Option<String>,
}

/// The body of a message about the item `key` of the catalog at `base`, which ends with a slash.
pub(super) fn body(item: &StoredItem, key: &str, base: &str) -> String {
    let published = absolute(item, key, base);
    // A stored item is an item in JSON: nothing of this can fail.
    debug_assert!(published.is_ok(), "{published:?}");
    published.unwrap_or_else(|_| String::from_utf8_lossy(item.bytes()).into_owned())
}

fn absolute(item: &StoredItem, key: &str, base: &str) -> serde_json::Result<String> {
    let mut fields: Object = serde_json::from_slice(item.bytes())?;
    let Properties { title } = read(&fields, "properties")?;
    let this = StructuralLink {
        href: format!("{base}{key}"),
        rel: "self",
        r#type: GEOJSON,
        title: title.unwrap_or_else(|| item.id().to_owned()),
    };
    let mut links = vec![to_raw_value(&this)?];
    let mut stored: Vec<Object> = read(&fields, "links")?;
    for link in &mut stored {
        make_absolute(link, key, base)?;
        links.push(to_raw_value(link)?);
    }
    let mut assets: IndexMap<String, Object> = read(&fields, "assets")?;
    for asset in assets.values_mut() {
        make_absolute(asset, key, base)?;
    }
    fields.insert("links".to_owned(), to_raw_value(&links)?);
    fields.insert("assets".to_owned(), to_raw_value(&assets)?);
    serde_json::to_string(&fields)
}

/// One field of an object, or its default.
fn read<T: Default + for<'de> Deserialize<'de>>(object: &Object, field: &str) -> serde_json::Result<T> {
    object.get(field).map_or_else(|| Ok(T::default()), |value| serde_json::from_str(value.get()))
}

/// Makes the `href` of a link or an asset of the item `key` absolute.
fn make_absolute(object: &mut Object, key: &str, base: &str) -> serde_json::Result<()> {
    if let Some(href) = object.get_mut("href") {
        let stored: String = serde_json::from_str(href.get())?;
        *href = to_raw_value(&link::absolute(&stored, key, base))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use stac::{Asset, Item, Link};

    #[test]
    fn an_item_leaves_the_catalog_with_absolute_addresses_and_names_itself() {
        let mut item = Item::new("an-id");
        item.links = vec![Link::new("../../catalog.json", "root"), Link::new("https://example.com/x", "about")];
        item.assets.insert("near".to_owned(), Asset::new("./near.tif"));
        item.assets.insert("far".to_owned(), Asset::new("s3://bucket/far.tif"));
        let body = body(&StoredItem::from(&item), "a/b/an-id.json", "https://example.com/stac/");
        let body: Value = serde_json::from_str(&body).unwrap();
        let hrefs = |of: &Value| -> Vec<Value> {
            let each =
                of.as_array().into_iter().flatten().chain(of.as_object().into_iter().flat_map(|map| map.values()));
            each.map(|object| object["href"].clone()).collect()
        };
        let stac = "https://example.com/stac";
        let links =
            [format!("{stac}/a/b/an-id.json"), format!("{stac}/catalog.json"), "https://example.com/x".to_owned()];
        assert_eq!(hrefs(&body["links"]), links);
        assert_eq!(body["links"][0]["title"], "an-id");
        assert_eq!(hrefs(&body["assets"]), ["https://example.com/stac/a/b/near.tif", "s3://bucket/far.tif"]);
    }

    #[test]
    fn what_is_not_an_address_is_passed_on_as_it_is_stored() {
        let mut item = Item::new("an-id");
        // Parsing it and writing it again may change its last digit.
        let exact = "1.00000000000000022";
        item.additional_fields.insert("exact".to_owned(), json!(0));
        let mut item = StoredItem::from(&item);
        item.bytes =
            String::from_utf8(item.bytes).unwrap().replace("\"exact\":0", &format!("\"exact\":{exact}")).into();
        assert!(body(&item, "an-id.json", "https://example.com/").contains(exact));
    }
}
