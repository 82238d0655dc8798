//! What is in the index that is searched.

use lazycat::search::change::{Action, Change, Version};
use lazycat::search::item;
use lazycat::search::ports::IndexItems;
use serde_json::{Value, json};

/// The only property with numbers that the suite sorts by, where an engine must be told.
pub const SORTED_NUMBER: &str = "gsd";

/// An id of characters that mean something elsewhere.
pub(super) const ODD: &str = "it's/%\"odd\" ?";

pub(super) fn square([west, south, east, north]: [f64; 4]) -> Value {
    json!([[[west, south], [east, south], [east, north], [west, north], [west, south]]])
}

fn new_item(collection: &str, id: &str, geometry: Value, bbox: [f64; 4], properties: Value) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": collection, "geometry": geometry,
        "bbox": bbox, "properties": properties, "links": [], "assets": {"red": {"href": "r.tif", "type": "image/tiff"}}
    })
}

fn boxed(collection: &str, id: &str, bbox: [f64; 4], properties: Value) -> Value {
    new_item(collection, id, json!({"type": "Polygon", "coordinates": square(bbox)}), bbox, properties)
}

/// The items: newest first, by collection and id where they are of one time.
pub(super) fn items() -> Vec<Value> {
    let point = |[x, y]: [f64; 2]| json!({"type": "Point", "coordinates": [x, y]});
    let halves = json!({"type": "MultiPolygon", "coordinates": [
        square([179.0, -1.0, 180.0, 1.0]), square([-180.0, -1.0, -179.0, 1.0])
    ]});
    let line = json!({"type": "LineString", "coordinates": [[20.0, 20.0], [22.0, 22.0]]});
    vec![
        boxed("beta", "a1", [0.0, 0.0, 1.0, 1.0], json!({"datetime": "2022-01-01T00:00:00Z", "platform": "x"})),
        new_item(
            "beta",
            ODD,
            point([0.0, -80.0]),
            [0.0, -80.0, 0.0, -80.0],
            json!({"datetime": "2021-06-01T10:20:30.123456Z", "title": "Zoë"}),
        ),
        new_item(
            "alpha",
            "a3",
            halves,
            [179.0, -1.0, -179.0, 1.0],
            json!({"datetime": "2020-02-01T00:00:00Z", "gsd": null, "eo:cloud_cover": 0}),
        ),
        new_item(
            "alpha",
            "a2",
            point([50.0, 50.0]),
            [50.0, 50.0, 50.0, 50.0],
            json!({
                "datetime": "2020-01-02T00:00:00Z", "gsd": 10, "title": "100% of_it", "is_day": false, "instruments": ["PAN"],
                "eo:cloud_cover": 10.5
            }),
        ),
        boxed(
            "alpha",
            "a4",
            [-10.0, -10.0, -9.0, -9.0],
            json!({
                "datetime": null, "start_datetime": "2020-01-01T12:00:00Z", "end_datetime": "2020-01-03T00:00:00Z",
                "gsd": 64.5, "title": "*?[x]\\", "view:sun_elevation": 10, "eo:cloud_cover": 99.9
            }),
        ),
        boxed(
            "alpha",
            "a5",
            [100.0, 0.0, 101.0, 1.0],
            json!({
                "datetime": "2020-01-01T18:00:00Z", "start_datetime": "2020-01-01T06:00:00Z",
                "end_datetime": "2020-01-02T06:00:00Z", "platform": "y"
            }),
        ),
        boxed(
            "beta",
            "b1",
            [0.5, 0.5, 2.0, 2.0],
            json!({"datetime": "2020-01-01T00:00:00Z", "gsd": 2.5, "title": "under the sea", "platform": "x"}),
        ),
        boxed(
            "alpha",
            "a1",
            [0.0, 0.0, 1.0, 1.0],
            json!({
                "datetime": "2020-01-01T01:00:00+01:00", "gsd": 20, "title": "Under the Sea", "is_day": true,
                "instruments": ["MUX", "PAN"], "deep": {"level": 2}, "view:sun_elevation": 64.5,
                "created": "2021-05-01T00:00:00.5+02:00", "updated": "2021-05-01T00:00:00Z"
            }),
        ),
        new_item(
            "beta",
            "b2",
            line,
            [20.0, 20.0, 22.0, 22.0],
            json!({"datetime": "1999-12-31T23:59:59.999999Z", "gsd": 20, "instruments": []}),
        ),
    ]
}

pub(super) fn collection(id: &str) -> Value {
    json!({
        "type": "Collection", "stac_version": "1.1.0", "id": id, "title": id, "description": "x", "license": "other",
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["1999-01-01T00:00:00Z", null]]}},
        "item_assets": {"red": {"type": "image/tiff"}}, "links": []
    })
}

/// Puts the collections and items of the suite into an empty index.
pub async fn fill(index: &impl IndexItems) {
    let collections = ["beta", "alpha", "Zeta"].map(|id| (id, collection(id).to_string()));
    let put = collections.iter().map(|(id, text)| Action::PutCollection { id: (*id).into(), text });
    let changes: Vec<Change<'_>> = put.map(|action| Change { version: Version(1), source: None, action }).collect();
    for result in index.apply(&changes).await {
        result.unwrap_or_else(|error| panic!("{error}"));
    }
    let texts: Vec<String> = items().iter().map(Value::to_string).collect();
    let change = |text| {
        let item = item::check(text).unwrap_or_else(|faults| panic!("{faults:?}"));
        Change { version: Version(1), source: None, action: Action::PutItem(item) }
    };
    let changes: Vec<Change<'_>> = texts.iter().map(|text| change(text)).collect();
    for result in index.apply(&changes).await {
        result.unwrap_or_else(|error| panic!("{error}"));
    }
}
