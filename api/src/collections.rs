//! Collections, and what can be filtered by.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use lazycat::search::ports::SearchItems;
use lazycat::stac::link::JSON;
use serde_json::{Map, Value, json};

use crate::address::Addresses;
use crate::document::{self, SCHEMA};
use crate::error::ApiError;
use crate::{App, params};

/// How many collections a page has at most, and when nothing is said.
const PAGE: usize = 1_000;

/// `/collections`, by id.
pub(crate) async fn collections<B>(
    State(app): State<Arc<App<B>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let pairs = params::pairs(query.as_deref());
    let given = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let limit = match given("limit") {
        None => PAGE,
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit >= 1 => limit.min(PAGE),
            _ => return Err(ApiError::bad("limit: it is no whole number from 1 up")),
        },
    };
    app.index.ready().await?;
    let mut found = app.index.collections(given("token"), limit + 1).await?;
    let is_last = found.len() <= limit;
    found.truncate(limit);
    let here = addresses.at("collections");
    let mut links = vec![
        json!({"rel": "self", "href": here, "type": JSON}),
        json!({"rel": "root", "href": addresses.root(), "type": JSON}),
        json!({"rel": "parent", "href": addresses.root(), "type": JSON}),
    ];
    if let (false, Some(last)) = (is_last, found.last()) {
        let next: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("limit", &limit.to_string())
            .append_pair("token", &last.id)
            .finish();
        links.push(json!({"rel": "next", "href": format!("{here}?{next}"), "type": JSON}));
    }
    let collections =
        found.iter().map(|found| document::collection(found, &addresses)).collect::<Result<Vec<_>, _>>()?;
    let count = collections.len();
    Ok(document::answer(JSON, &json!({"collections": collections, "links": links, "numberReturned": count})))
}

/// `/collections/{collection}`.
pub(crate) async fn collection<B>(
    State(app): State<Arc<App<B>>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let found = app.index.collection(&id).await?.ok_or_else(|| absent(&id))?;
    Ok(document::answer(JSON, &document::collection(&found, &addresses)?))
}

/// `/queryables`.
pub(crate) async fn queryables_of_all<B>(
    State(app): State<Arc<App<B>>>,
    headers: HeaderMap,
) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let properties = app.index.properties(None).await?;
    Ok(document::answer(SCHEMA, &schema(&addresses.at("queryables"), "Queryables", properties)))
}

/// `/collections/{collection}/queryables`.
pub(crate) async fn queryables<B>(
    State(app): State<Arc<App<B>>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    app.index.collection(&id).await?.ok_or_else(|| absent(&id))?;
    let properties = app.index.properties(Some(&id)).await?;
    let here = format!("{}/queryables", addresses.collection(&id));
    Ok(document::answer(SCHEMA, &schema(&here, &format!("Queryables of {id}"), properties)))
}

/// What items can be filtered and sorted by, as a JSON schema. Any other property may be named as well.
fn schema(here: &str, title: &str, found: Vec<(String, &'static str)>) -> Value {
    let mut properties = Map::new();
    for (name, kind) in found {
        properties.insert(name, json!({"type": kind}));
    }
    for (name, schema) in [
        ("id", json!({"title": "Id of the item", "type": "string"})),
        ("collection", json!({"title": "Id of the collection", "type": "string"})),
        // By the word of OGC API Features, part 5: for a reference a reader would ask another host.
        ("geometry", json!({"title": "Footprint", "format": "geometry-any"})),
        ("datetime", json!({"title": "When it was acquired", "type": "string", "format": "date-time"})),
    ] {
        properties.insert(name.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": here,
        "type": "object",
        "title": title,
        "properties": properties,
        "additionalProperties": true,
    })
}

pub(crate) fn absent(id: &str) -> ApiError {
    let shown: String = id.chars().take(120).collect();
    ApiError::absent(format!("there is no collection {shown:?}"))
}
