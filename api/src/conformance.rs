//! What the API promises, and its description.

use serde_json::{Value, json};

/// The conformance classes that are kept.
pub const CLASSES: &[&str] = &[
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#fields",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#sort",
    "https://api.stacspec.org/v1.0.0/ogcapi-features#query",
    "https://api.stacspec.org/v1.0.0-rc.3/ogcapi-features#filter",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#fields",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "https://api.stacspec.org/v1.0.0/item-search#query",
    "https://api.stacspec.org/v1.0.0-rc.3/item-search#filter",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/accent-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/array-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
];

/// The media type of [`description`].
pub const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";

/// A parameter of a search: name, whether its schema is a list of this type, type, what it means.
const PARAMETERS: &[(&str, &str, &str)] = &[
    ("limit", "integer", "How many items a page has at most."),
    ("bbox", "string", "Four or six numbers: west, south, (low,) east, north, (high). West may be past east."),
    ("datetime", "string", "A time of RFC 3339, or two with a slash between; .. is an open end."),
    ("intersects", "string", "A geometry of GeoJSON."),
    ("ids", "string", "Ids of items, with commas between."),
    ("collections", "string", "Ids of collections, with commas between."),
    ("filter", "string", "A filter in CQL2."),
    ("filter-lang", "string", "cql2-text or cql2-json."),
    ("query", "string", "Comparisons of properties, in JSON."),
    ("sortby", "string", "Properties with + or - in front and commas between."),
    ("fields", "string", "Members of an item, with - in front of those to leave out, and commas between."),
    ("token", "string", "Where the page starts: from the link to the next page."),
];

/// The service in OpenAPI 3.0. `base` is its address, with a slash at the end.
#[must_use]
pub fn description(base: &str, title: &str, greatest_limit: usize) -> Value {
    let parameters: Vec<Value> = PARAMETERS
        .iter()
        .map(|(name, kind, meaning)| {
            let schema = match *name {
                "limit" => json!({"type": kind, "minimum": 1, "maximum": greatest_limit, "default": 10}),
                _ => json!({"type": kind}),
            };
            json!({"name": name, "in": "query", "required": false, "description": meaning, "schema": schema})
        })
        .collect();
    let of_collection: Vec<&Value> = parameters
        .iter()
        .filter(|parameter| !matches!(parameter["name"].as_str(), Some("ids" | "collections")))
        .collect();
    let in_path = |name: &str| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
    let answers = |kind: &str, what: &str| {
        json!({
            "200": {"description": what, "content": {kind: {"schema": {"type": "object"}}}},
            "default": {"description": "an error", "content": {"application/json": {"schema": {
                "type": "object", "required": ["code", "description"],
                "properties": {"code": {"type": "string"}, "description": {"type": "string"}}
            }}}}
        })
    };
    let read = |what: &str, kind: &str, parameters: Value| json!({"get": {"summary": what, "parameters": parameters, "responses": answers(kind, what)}});
    let (plain, features) = ("application/json", "application/geo+json");
    let mut search = read("Items of all collections", features, json!(parameters));
    search["post"] = json!({
        "summary": "Items of all collections",
        "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": answers(features, "Items of all collections")
    });
    let mut items_parameters = vec![in_path("collection")];
    items_parameters.extend(of_collection.into_iter().cloned());
    json!({
        "openapi": "3.0.3",
        "info": {"title": title, "version": env!("CARGO_PKG_VERSION")},
        "servers": [{"url": base.trim_end_matches('/')}],
        "paths": {
            "/": read("The landing page", plain, json!([])),
            "/conformance": read("What is promised", plain, json!([])),
            "/queryables": read("What can be filtered by", "application/schema+json", json!([])),
            "/collections": read("All collections", plain, json!([])),
            "/collections/{collection}": read("A collection", plain, json!([in_path("collection")])),
            "/collections/{collection}/queryables":
                read("What can be filtered by", "application/schema+json", json!([in_path("collection")])),
            "/collections/{collection}/items": read("Items of a collection", features, json!(items_parameters)),
            "/collections/{collection}/items/{item}":
                read("An item", features, json!([in_path("collection"), in_path("item")])),
            "/search": search,
        }
    })
}
