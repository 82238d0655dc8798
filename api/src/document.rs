//! From documents as they stand in the catalog to documents as the API gives them.
//!
//! Links are the API's, absolute: self, root, parent, collection. What else a document links stays, made absolute;
//! its place in the static catalog is an alternate.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use lazycat::search::ports::{FoundCollection, FoundItem};
use lazycat::stac::link::{self, GEOJSON, JSON};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::address::Addresses;
use crate::error::ApiError;

/// The relation of what can be filtered by.
pub(crate) const QUERYABLES: &str = "http://www.opengis.net/def/rel/ogc/1.0/queryables";

/// The media type of a JSON schema.
pub(crate) const SCHEMA: &str = "application/schema+json";

/// How long an answer may be kept: items are found seconds after they were made.
pub(crate) const SHORT: &str = "public, max-age=5";

/// Links that the API makes itself.
const OURS: [&str; 8] = ["self", "root", "parent", "collection", "child", "item", "items", "next"];

/// An answer in JSON.
pub(crate) fn answer(kind: &'static str, body: &Value) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, SHORT)], body.to_string()).into_response()
}

/// An item with the API's links.
pub(crate) fn item(found: &FoundItem, addresses: &Addresses) -> Result<Value, ApiError> {
    let mut item = read(&found.text)?;
    let title = item.pointer("/properties/title").and_then(Value::as_str).unwrap_or(&found.id).to_owned();
    let collection = addresses.collection(&found.collection);
    let links = vec![
        json!({"rel": "self", "href": addresses.item(&found.collection, &found.id), "type": GEOJSON, "title": title}),
        json!({"rel": "root", "href": addresses.root(), "type": JSON}),
        json!({"rel": "parent", "href": collection, "type": JSON}),
        json!({"rel": "collection", "href": collection, "type": JSON}),
    ];
    relink(&mut item, links, found.key.as_deref(), GEOJSON, addresses);
    Ok(item)
}

/// A collection with the API's links.
pub(crate) fn collection(found: &FoundCollection, addresses: &Addresses) -> Result<Value, ApiError> {
    let mut collection = read(&found.text)?;
    let title = title_of(&found.text).unwrap_or_else(|| found.id.clone());
    let here = addresses.collection(&found.id);
    let links = vec![
        json!({"rel": "self", "href": here, "type": JSON, "title": title}),
        json!({"rel": "root", "href": addresses.root(), "type": JSON}),
        json!({"rel": "parent", "href": addresses.root(), "type": JSON}),
        json!({"rel": "items", "href": addresses.items(&found.id), "type": GEOJSON, "title": "Items"}),
        json!({"rel": QUERYABLES, "href": format!("{here}/queryables"), "type": SCHEMA,
            "title": "What can be filtered by"}),
    ];
    relink(&mut collection, links, found.key.as_deref(), JSON, addresses);
    Ok(collection)
}

/// The title of a catalog or collection.
pub(crate) fn title_of(text: &RawValue) -> Option<String> {
    let document: Map<String, Value> = serde_json::from_str(text.get()).ok()?;
    document.get("title").and_then(Value::as_str).map(str::to_owned)
}

fn read(text: &RawValue) -> Result<Value, ApiError> {
    // What is in the index was checked when it got there; a file may have been damaged since.
    serde_json::from_str(text.get()).map_err(|_| ApiError::absent("the document is damaged"))
}

fn relink(document: &mut Value, mut links: Vec<Value>, key: Option<&str>, kind: &str, addresses: &Addresses) {
    let place = key.zip(addresses.catalog());
    let resolve = |href: &str| match place {
        Some((key, base)) => Some(link::absolute(href, key, base)),
        None => href.contains("://").then(|| href.to_owned()),
    };
    if let Some(found) = document["links"].as_array() {
        for link in found {
            let rel = link["rel"].as_str().unwrap_or_default();
            let href = link["href"].as_str().and_then(resolve);
            // One whose target cannot be known is no link.
            if let (false, Some(href)) = (OURS.contains(&rel), href) {
                let mut link = link.clone();
                link["href"] = href.into();
                links.push(link);
            }
        }
    }
    if let Some(static_address) = key.and_then(|key| addresses.document(key)) {
        links.push(json!({"rel": "alternate", "href": static_address, "type": kind, "title": "In the static catalog"}));
    }
    document["links"] = links.into();
    if let Some(assets) = document.get_mut("assets").and_then(Value::as_object_mut) {
        for asset in assets.values_mut() {
            if let Some(href) = asset["href"].as_str().and_then(resolve) {
                asset["href"] = href.into();
            }
        }
    }
}
