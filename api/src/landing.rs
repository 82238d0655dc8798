//! The landing page, and what describes the service.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use lazycat::search::ports::{SearchError, SearchItems};
use lazycat::stac::link::{GEOJSON, JSON};
use serde_json::{Value, json};

use crate::address::Addresses;
use crate::conformance::{self, CLASSES, OPENAPI};
use crate::document::{QUERYABLES, SCHEMA, title_of};
use crate::error::ApiError;
use crate::{App, document};

/// The STAC version of the landing page, and of nothing else: items and collections have their own.
const STAC_VERSION: &str = "1.1.0";

/// How many collections the landing page links; /collections has them all.
const CHILDREN: usize = 1_000;

/// `/`: the root catalog of the API.
pub(crate) async fn landing<B>(State(app): State<Arc<App<B>>>, headers: HeaderMap) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let root = addresses.root();
    let link = |rel: &str, href: &str, kind: &str, title: &str| json!({"rel": rel, "href": href, "type": kind, "title": title});
    let mut links = vec![
        link("self", root, JSON, &app.settings.title),
        link("root", root, JSON, &app.settings.title),
        link("conformance", &addresses.at("conformance"), JSON, "What is promised"),
        link("data", &addresses.at("collections"), JSON, "Collections"),
        with_method(link("search", &addresses.at("search"), GEOJSON, "Search"), "GET"),
        with_method(link("search", &addresses.at("search"), GEOJSON, "Search"), "POST"),
        link(QUERYABLES, &addresses.at("queryables"), SCHEMA, "What can be filtered by"),
        link("service-desc", &addresses.at("api"), OPENAPI, "The service in OpenAPI"),
        link("service-doc", &addresses.at("api.html"), "text/html", "The service in words"),
    ];
    if let Some(catalog) = addresses.catalog() {
        links.push(link("alternate", &format!("{catalog}catalog.json"), JSON, "The static catalog"));
    }
    match app.index.collections(None, CHILDREN).await {
        Ok(collections) => links.extend(collections.iter().map(|collection| {
            let title = title_of(&collection.text).unwrap_or_else(|| collection.id.clone());
            link("child", &addresses.collection(&collection.id), JSON, &title)
        })),
        // The service is there all the same; whoever searches is told what is missing.
        Err(SearchError::NoIndex { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let page = json!({
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": app.settings.id,
        "title": app.settings.title,
        "description": app.settings.description,
        "conformsTo": kept(&app.index),
        "links": links,
    });
    Ok(document::answer(JSON, &page))
}

fn with_method(mut link: Value, method: &str) -> Value {
    link["method"] = method.into();
    link
}

/// `/conformance`.
pub(crate) async fn conformance<B>(State(app): State<Arc<App<B>>>) -> Response
where
    B: SearchItems + Send + Sync + 'static,
{
    document::answer(JSON, &json!({"conformsTo": kept(&app.index)}))
}

/// The conformance classes that are kept over this index.
fn kept(index: &impl SearchItems) -> Vec<&'static str> {
    let unkept = index.unkept();
    CLASSES.iter().copied().filter(|class| !unkept.contains(class)).collect()
}

/// `/api`: the service in OpenAPI.
pub(crate) async fn description<B>(State(app): State<Arc<App<B>>>, headers: HeaderMap) -> Result<Response, ApiError>
where
    B: SearchItems + Send + Sync + 'static,
{
    let addresses = Addresses::of(&app.settings, &headers)?;
    let description = conformance::description(addresses.root(), &app.settings.title, app.settings.greatest_limit);
    Ok(document::answer(OPENAPI, &description))
}

/// `/api.html`: the service in words.
pub(crate) async fn documentation() -> Response {
    let description = conformance::description("", "", 0);
    let mut rows = String::new();
    for (path, methods) in description["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            rows.push_str(&format!(
                "<tr><td>{}</td><td><code>{path}</code></td><td>{summary}</td></tr>\n",
                method.to_uppercase()
            ));
        }
    }
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>STAC API</title></head>\n<body>\n\
         <h1>STAC API</h1>\n<p>All of it in <a href=\"api\">OpenAPI</a>; what is promised in \
         <a href=\"conformance\">/conformance</a>.</p>\n<table>\n{rows}</table>\n</body></html>\n"
    );
    ([(CONTENT_TYPE, "text/html"), (CACHE_CONTROL, document::SHORT)], page).into_response()
}
