//! Items: one, those of a collection, and those that a search finds.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use lazycat::search::ports::{Found, SearchItems};
use lazycat::search::query::Token;
use lazycat::stac::link::{GEOJSON, JSON};
use serde_json::{Value, json};

use crate::address::Addresses;
use crate::collections::absent;
use crate::document;
use crate::error::ApiError;
use crate::fields::Fields;
use crate::params::{self, Search};
use crate::{App, body};

/// `/search`, GET.
pub(crate) async fn search_by_get<B>(
    State(app): State<Arc<App<B>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let pairs = params::pairs(query.as_deref());
    let search = params::of_get(&pairs, &app.settings)?;
    let found = app.index.search(&search.query).await?;
    let here = addresses.at("search");
    let links = vec![
        json!({"rel": "self", "href": with_pairs(&here, &pairs), "type": GEOJSON}),
        json!({"rel": "root", "href": addresses.root(), "type": JSON}),
    ];
    let next = found.next.clone().map(|token| next_by_get(&here, pairs, token));
    features(&found, &search, links, next, &addresses)
}

/// `/search`, POST.
pub(crate) async fn search_by_post<B>(
    State(app): State<Arc<App<B>>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let bytes = body(request, &app.settings).await?;
    let asked: Value =
        serde_json::from_slice(&bytes).map_err(|error| ApiError::bad(format!("the body is no JSON: {error}")))?;
    let search = params::of_post(&asked, &app.settings)?;
    let found = app.index.search(&search.query).await?;
    let here = addresses.at("search");
    let links = vec![
        json!({"rel": "self", "href": here, "type": GEOJSON, "method": "POST", "body": asked}),
        json!({"rel": "root", "href": addresses.root(), "type": JSON}),
    ];
    let next = found.next.clone().map(|Token(token)| {
        let mut asked = asked;
        asked["token"] = token.into();
        json!({"rel": "next", "href": here, "type": GEOJSON, "method": "POST", "body": asked, "merge": false})
    });
    features(&found, &search, links, next, &addresses)
}

/// `/collections/{collection}/items`: a search in one collection.
pub(crate) async fn items_of_collection<B>(
    State(app): State<Arc<App<B>>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let pairs: Vec<(String, String)> =
        params::pairs(query.as_deref()).into_iter().filter(|(name, _)| name != "collections").collect();
    let mut search = params::of_get(&pairs, &app.settings)?;
    app.index.collection(&id).await?.ok_or_else(|| absent(&id))?;
    search.query.collections = vec![id.clone()];
    let found = app.index.search(&search.query).await?;
    let here = addresses.items(&id);
    let collection = addresses.collection(&id);
    let links = vec![
        json!({"rel": "self", "href": with_pairs(&here, &pairs), "type": GEOJSON}),
        json!({"rel": "root", "href": addresses.root(), "type": JSON}),
        json!({"rel": "parent", "href": collection, "type": JSON}),
        json!({"rel": "collection", "href": collection, "type": JSON}),
    ];
    let next = found.next.clone().map(|token| next_by_get(&here, pairs, token));
    features(&found, &search, links, next, &addresses)
}

/// `/collections/{collection}/items/{item}`.
pub(crate) async fn item<B>(
    State(app): State<Arc<App<B>>>,
    Path((collection, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let fields = params::pairs(query.as_deref()).into_iter().find(|(name, _)| name == "fields");
    let found = app.index.item(&collection, &id).await?.ok_or_else(|| {
        let shown: String = format!("{collection}/{id}").chars().take(120).collect();
        ApiError::absent(format!("there is no item {shown:?}"))
    })?;
    let item = document::item(&found, &addresses)?;
    let item = match fields {
        Some((_, text)) => Fields::from_text(&text).map_err(ApiError::bad)?.apply(&item),
        None => item,
    };
    Ok(document::answer(GEOJSON, &item))
}

/// A page of items.
fn features(
    found: &Found,
    search: &Search,
    mut links: Vec<Value>,
    next: Option<Value>,
    addresses: &Addresses,
) -> Result<Response, ApiError> {
    let mut features = Vec::with_capacity(found.items.len());
    for item in &found.items {
        let item = document::item(item, addresses)?;
        features.push(match &search.fields {
            Some(fields) => fields.apply(&item),
            None => item,
        });
    }
    links.extend(next);
    let count = features.len();
    let mut page = json!({
        "type": "FeatureCollection",
        "features": features,
        "links": links,
        "numberReturned": count,
    });
    if let Some(matched) = found.matched {
        page["numberMatched"] = matched.into();
    }
    Ok(document::answer(GEOJSON, &page))
}

/// The link to the next page: the same parameters with another token.
fn next_by_get(here: &str, mut pairs: Vec<(String, String)>, Token(token): Token) -> Value {
    pairs.retain(|(name, _)| name != "token");
    pairs.push(("token".to_owned(), token));
    json!({"rel": "next", "href": with_pairs(here, &pairs), "type": GEOJSON, "method": "GET"})
}

fn with_pairs(here: &str, pairs: &[(String, String)]) -> String {
    if pairs.is_empty() {
        return here.to_owned();
    }
    let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{here}?{query}")
}
