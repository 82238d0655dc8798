//! How the engine takes the fields of items and collections: as stac-fastapi-opensearch 8.0.0 has it.

use serde_json::{Value, json};

/// The member of an item's document that holds the address it came from. The server shows the members of STAC alone.
pub(super) const SOURCE: &str = "lazycat:source";

/// The template of the indices of items. The order is that in which the server sorts when nobody asks for another.
pub(super) fn items(prefix: &str) -> Value {
    json!({
        "index_patterns": [format!("{prefix}*")],
        "template": {
            "settings": {"index": {
                "sort.field": ["properties.datetime", "properties.start_datetime", "id", "collection"],
                "sort.order": ["desc", "desc", "desc", "desc"],
                "mapping.coerce": true
            }},
            "mappings": {
                "dynamic": true,
                "numeric_detection": false,
                "dynamic_templates": fields_by_name_or_type(),
                "properties": {
                    "id": {"type": "keyword"},
                    "collection": {"type": "keyword"},
                    "geometry": {"type": "geo_shape"},
                    "assets": {"type": "object", "enabled": false},
                    "links": {"type": "object", "enabled": false},
                    "properties": {"type": "object", "properties": {
                        "datetime": {"type": "date_nanos"},
                        "start_datetime": {"type": "date_nanos"},
                        "end_datetime": {"type": "date_nanos"},
                        "created": {"type": "date"},
                        "updated": {"type": "date"},
                        "sat:absolute_orbit": {"type": "integer"},
                        "sat:relative_orbit": {"type": "integer"}
                    }},
                    (SOURCE): {"type": "keyword"}
                }
            }
        }
    })
}

/// The template of the index of collections.
pub(super) fn collections(alias: &str) -> Value {
    json!({
        "index_patterns": [format!("{alias}*")],
        "template": {"mappings": {
            "dynamic": true,
            "numeric_detection": false,
            "dynamic_templates": fields_by_name_or_type(),
            "properties": {
                "id": {"type": "keyword"},
                "title": {"type": "text", "fields": {"keyword": {"type": "keyword"}}},
                "parent_ids": {"type": "keyword"},
                "bbox_shape": {"type": "geo_shape"},
                "extent.temporal.interval": {"type": "date", "format": "strict_date_optional_time||epoch_millis"},
                "providers": {"type": "object", "enabled": false},
                "links": {"type": "object", "enabled": false},
                "item_assets": {"type": "object", "enabled": false},
                "temporal": {"type": "alias", "path": "extent.temporal.interval"}
            }
        }}
    })
}

/// Our own index: nothing in it is searched.
pub(super) fn memory() -> Value {
    json!({"mappings": {"dynamic": false}})
}

/// What a field becomes that no mapping names. The first that fits.
fn fields_by_name_or_type() -> Value {
    let of_name = |name: &str, mapping: Value| json!({"match": name, "mapping": mapping});
    let of_type = |kind: &str, mapping: Value| json!({"match_mapping_type": kind, "mapping": mapping});
    let text_of_name = |name: &str| json!({"match_mapping_type": "string", "match": name, "mapping": {"type": "text"}});
    let unread = json!({"type": "object", "enabled": false});
    json!([
        {"descriptions": text_of_name("description")},
        {"titles": text_of_name("title")},
        {"proj_epsg": of_name("proj:epsg", json!({"type": "integer"}))},
        {"proj_projjson": of_name("proj:projjson", unread.clone())},
        {"proj_centroid": of_name("proj:centroid", json!({"type": "geo_point"}))},
        {"proj_geometry": of_name("proj:geometry", unread)},
        {"no_index_href": of_name("href", json!({"type": "text", "index": false}))},
        {"strings": of_type("string", json!({"type": "keyword"}))},
        {"long_to_double": of_type("long", json!({"type": "double"}))},
        {"double_to_double": of_type("double", json!({"type": "double"}))}
    ])
}
