//! A query as pgstac's `search` has it.

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::cql::{self, Truth};
use super::properties::{Known, Properties};
use crate::search::cql::refused;
use crate::search::filter::FilterError;
use crate::search::geometry::Envelope;
use crate::search::query::{Field, Interval, Query, SortKey};

/// The names of the properties that pgstac must be known to read rightly.
///
/// # Errors
///
/// When one of them cannot be asked for.
pub(super) fn names(query: &Query) -> Result<Vec<String>, FilterError> {
    let mut names = match &query.filter {
        Some(filter) => cql::names(filter)?,
        None => Vec::new(),
    };
    for key in &query.sort {
        if let Field::Property(path) = &key.field {
            names.push(cql::name_of(path)?);
        }
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// The search, without its page; none when it can have no results.
///
/// # Errors
///
/// When pgstac cannot do it.
pub(super) fn request(query: &Query, properties: &Properties) -> Result<Option<Map<String, Value>>, FilterError> {
    let mut request = Map::new();
    if !query.ids.is_empty() {
        request.insert("ids".to_owned(), json!(query.ids));
    }
    if !query.collections.is_empty() {
        request.insert("collections".to_owned(), json!(query.collections));
    }
    if let Some(interval) = query.datetime {
        request.insert("datetime".to_owned(), written(interval).into());
    }
    let mut conditions = Vec::new();
    let geometries = [
        query.boxes.as_ref().map(|boxes| Ok(boxes_as_geometry(boxes))),
        query.intersects.as_ref().map(serde_json::to_value),
    ];
    for geometry in geometries.into_iter().flatten() {
        let geometry = geometry.map_err(|error| refused(format!("intersects: {error}")))?;
        if request.contains_key("intersects") {
            conditions.push(json!({"op": "s_intersects", "args": [{"property": "geometry"}, geometry]}));
        } else {
            request.insert("intersects".to_owned(), geometry);
        }
    }
    if let Some(filter) = &query.filter {
        match cql::translate(filter, properties)? {
            Truth::Never => return Ok(None),
            Truth::Always => {}
            Truth::When(condition) => conditions.push(condition),
        }
    }
    if !conditions.is_empty() {
        let filter =
            if conditions.len() == 1 { conditions.remove(0) } else { json!({"op": "and", "args": conditions}) };
        request.insert("filter".to_owned(), filter);
        request.insert("filter-lang".to_owned(), "cql2-json".into());
    }
    request.insert("sortby".to_owned(), sort(&query.sort, properties)?.into());
    Ok(Some(request))
}

/// The order, down to what tells any two items apart.
fn sort(keys: &[SortKey], properties: &Properties) -> Result<Vec<Value>, FilterError> {
    let usual = [SortKey { field: Field::Datetime, descending: true }];
    let keys = if keys.is_empty() { &usual } else { keys };
    let is_descending = keys[0].descending;
    let mut sort = Vec::with_capacity(keys.len() + 2);
    for key in keys {
        let name = match &key.field {
            Field::Id => "id".to_owned(),
            Field::Collection => "collection".to_owned(),
            Field::Datetime => "datetime".to_owned(),
            Field::End => "end_datetime".to_owned(),
            Field::Geometry => return Err(refused("sortby: nothing is sorted by geometry")),
            Field::Property(path) => {
                let name = cql::name_of(path)?;
                if properties.registered(&name).is_none() && properties.known(&name) == Known::Number {
                    return Err(refused(format!(
                        "sortby: {name:?} holds numbers, which this database would sort as texts; its operator may \
                         register it as a queryable"
                    )));
                }
                name
            }
        };
        sort.push(key_of(&name, key.descending));
    }
    for last in ["collection", "id"] {
        if !sort.iter().any(|key| key["field"] == last) {
            sort.push(key_of(last, is_descending));
        }
    }
    Ok(sort)
}

fn key_of(field: &str, descending: bool) -> Value {
    json!({"field": field, "direction": if descending { "desc" } else { "asc" }})
}

fn written(Interval { from, to }: Interval) -> String {
    let end = |time: Option<DateTime<_>>| {
        time.map_or_else(|| "..".to_owned(), |time: DateTime<chrono::Utc>| cql::written(time.timestamp_micros()))
    };
    if from == to { end(from) } else { format!("{}/{}", end(from), end(to)) }
}

/// Boxes as one geometry. A box without a width or a height is a line or a point: PostGIS does not take it for an area.
fn boxes_as_geometry(boxes: &[Envelope]) -> Value {
    let mut geometries: Vec<Value> = boxes
        .iter()
        .map(|[west, south, east, north]| match (west == east, south == north) {
            (true, true) => json!({"type": "Point", "coordinates": [west, south]}),
            (false, false) => json!({"type": "Polygon", "coordinates":
                [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}),
            _ => json!({"type": "LineString", "coordinates": [[west, south], [east, north]]}),
        })
        .collect();
    if geometries.len() == 1 {
        return geometries.remove(0);
    }
    let polygons: Option<Vec<&Value>> =
        geometries.iter().map(|geometry| (geometry["type"] == "Polygon").then(|| &geometry["coordinates"])).collect();
    match polygons {
        Some(polygons) => json!({"type": "MultiPolygon", "coordinates": polygons}),
        None => json!({"type": "GeometryCollection", "geometries": geometries}),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::search::filter::Filter;

    #[test]
    fn a_search_is_written_whole() {
        let query = Query {
            ids: vec!["i".to_owned()],
            collections: vec!["c".to_owned()],
            boxes: Some(vec![[170.0, -1.0, 180.0, 1.0], [-180.0, -1.0, -170.0, 1.0]]),
            datetime: Some(Interval::parse("2020-01-01T00:00:00Z/..").unwrap()),
            filter: Some(Filter::from_text("a = 1").unwrap()),
            sort: vec![SortKey::parse("-name").unwrap(), SortKey::parse("id").unwrap()],
            ..Query::default()
        };
        let expected = json!({
            "ids": ["i"], "collections": ["c"], "datetime": "2020-01-01T00:00:00.000000Z/..",
            "intersects": {"type": "MultiPolygon", "coordinates": [
                [[[170.0, -1.0], [180.0, -1.0], [180.0, 1.0], [170.0, 1.0], [170.0, -1.0]]],
                [[[-180.0, -1.0], [-170.0, -1.0], [-170.0, 1.0], [-180.0, 1.0], [-180.0, -1.0]]]
            ]},
            "filter": {"filter": {"op": "=", "args": [{"property": "a"}, 1]}}, "filter-lang": "cql2-json",
            "sortby": [
                {"field": "name", "direction": "desc"}, {"field": "id", "direction": "asc"},
                {"field": "collection", "direction": "desc"}
            ]
        });
        assert_eq!(Value::Object(request(&query, &Properties::new(true)).unwrap().unwrap()), expected);
        let nothing = Query { filter: Some(Filter::from_text("FALSE").unwrap()), ..Query::default() };
        assert_eq!(request(&nothing, &Properties::new(true)).unwrap(), None);
    }

    #[test]
    fn numbers_that_would_be_sorted_as_texts_are_refused() {
        let query = Query { sort: vec![SortKey::parse("gsd").unwrap()], ..Query::default() };
        let mut properties = Properties::new(true);
        properties.see("gsd".to_owned(), &["number".to_owned()]);
        assert!(request(&query, &properties).unwrap_err().0.contains("queryable"));
        properties.register("gsd".to_owned(), "to_float");
        assert!(request(&query, &properties).is_ok());
    }

    #[test]
    fn boxes_without_an_extent_are_points_and_lines() {
        assert_eq!(boxes_as_geometry(&[[1.0, 2.0, 1.0, 2.0]])["type"], "Point");
        assert_eq!(boxes_as_geometry(&[[1.0, 2.0, 3.0, 2.0]])["type"], "LineString");
        let both = boxes_as_geometry(&[[179.0, 2.0, 180.0, 2.0], [-180.0, 2.0, -179.0, 2.0]]);
        assert_eq!(both["type"], "GeometryCollection");
    }
}
