//! What can be asked without a filter: times, places, ids and collections.

use lazycat::search::geometry;
use lazycat::search::ports::SearchItems;
use lazycat::search::query::{Interval, Query};
use serde_json::json;

use super::contents::{ODD, square};
use super::{ALL, filter, same, sorted_by, try_found};

/// Intervals are closed, and open where they have no end.
pub async fn a_time_finds_what_begins_before_it_ends_and_ends_after_it_begins(index: &impl SearchItems) {
    for (text, expected) in [
        ("2020-01-02T00:00:00Z", &["a2", "a4", "a5"][..]),
        ("2020-01-01T00:00:00Z", &["b1", "a1"]),
        ("2020-01-01T01:00:00+01:00/2020-01-01T06:00:00Z", &["a5", "b1", "a1"]),
        ("2020-01-01T00:00:00.000001Z/2020-01-01T05:59:59.999999Z", &[]),
        ("2020-01-02T06:00:00Z/2020-01-31T00:00:00Z", &["a4", "a5"]),
        ("2020-01-02T06:00:00.000001Z/2020-01-31T00:00:00Z", &["a4"]),
        ("2021-06-01T10:20:30.123456Z", &["odd"]),
        ("2020-02-01T00:00:00Z/..", &["beta/a1", "odd", "a3"]),
        ("../1999-12-31T23:59:59.999999Z", &["b2"]),
        ("/1999-12-31T23:59:59.999998Z", &[]),
        ("1990-01-01T00:00:00Z/", &ALL),
        ("2030-01-01T00:00:00Z/..", &[]),
    ] {
        let interval = Interval::parse(text).unwrap_or_else(|reason| panic!("{text}: {reason}"));
        for limit in [2, 100] {
            let query = Query { datetime: Some(interval), limit, ..Query::default() };
            same(try_found(index, &query).await, expected, &text);
        }
    }
}

/// Boxes and geometries find by the footprint; what touches meets.
pub async fn a_place_finds_what_meets_it_also_over_the_antimeridian(index: &impl SearchItems) {
    for (numbers, expected) in [
        (&[0.0, 0.0, 1.0, 1.0][..], &["beta/a1", "b1", "a1"][..]),
        (&[0.0, 0.0, -5.0, 1.0, 1.0, 5.0], &["beta/a1", "b1", "a1"]),
        (&[1.0, 0.0, 1.5, 0.4], &["beta/a1", "a1"]),
        (&[170.0, -5.0, -170.0, 5.0], &["a3"]),
        (&[179.5, 0.0, 180.0, 0.5], &["a3"]),
        (&[-180.0, 0.0, -179.5, 0.5], &["a3"]),
        (&[-178.0, -5.0, 178.0, 0.5], &["beta/a1", "a5", "b1", "a1"]),
        (&[20.0, 21.0, 20.5, 22.0], &[]),
        (&[20.9, 20.9, 21.1, 21.1], &["b2"]),
        (&[50.0, 50.0, 50.0, 50.0], &["a2"]),
        (&[49.0, 50.0, 51.0, 50.0], &["a2"]),
        (&[-180.0, -90.0, 180.0, 90.0], &ALL),
    ] {
        let boxes = geometry::boxes_of(numbers).unwrap_or_else(|reason| panic!("{numbers:?}: {reason}"));
        let query = Query { boxes: Some(boxes), limit: 3, ..Query::default() };
        same(try_found(index, &query).await, expected, &format!("{numbers:?}"));
    }
    for (shape, expected) in [
        (json!({"type": "Point", "coordinates": [0.75, 0.75]}), &["beta/a1", "b1", "a1"][..]),
        (json!({"type": "LineString", "coordinates": [[20, 22], [22, 20]]}), &["b2"]),
        (json!({"type": "Polygon", "coordinates": square([100.9, 0.9, 102.0, 2.0])}), &["a5"]),
        (json!({"type": "MultiPoint", "coordinates": [[-180, 0], [50, 50]]}), &["a3", "a2"]),
        (
            json!({"type": "MultiPolygon", "coordinates": [square([-11.0, -11.0, -9.5, -9.5]), square([0.0, -81.0, 1.0, -79.0])]}),
            &["odd", "a4"],
        ),
        (json!({"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [20, 20]}]}), &["b2"]),
    ] {
        let what = shape.to_string();
        let intersects = serde_json::from_value(shape).unwrap_or_else(|error| panic!("{what}: {error}"));
        let query = Query { intersects: Some(intersects), limit: 2, ..Query::default() };
        same(try_found(index, &query).await, expected, &what);
    }
}

/// Ids and collections name items, whatever characters they have; those that are not there are none.
pub async fn ids_and_collections_are_what_they_say(index: &impl SearchItems) {
    for (ids, collections, expected) in [
        (&["a1"][..], &[][..], &["beta/a1", "a1"][..]),
        (&["a1"], &["beta"], &["beta/a1"]),
        (&["b2", "a3", "none"], &[], &["a3", "b2"]),
        (&[ODD], &[], &["odd"]),
        (&[], &["beta"], &["beta/a1", "odd", "b1", "b2"]),
        (&[], &["beta", "alpha"], &ALL),
        (&[], &["none"], &[]),
        (&["none"], &["alpha"], &[]),
        (&[], &["Zeta"], &[]),
    ] {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let query = Query { ids: owned(ids), collections: owned(collections), limit: 2, ..Query::default() };
        same(try_found(index, &query).await, expected, &format!("{ids:?} of {collections:?}"));
    }
}

/// A search of several parts finds what each of them finds.
pub async fn everything_that_is_asked_must_hold(index: &impl SearchItems) {
    let interval = Interval::parse("2019-01-01T00:00:00Z/2020-12-31T00:00:00Z").ok();
    let boxes = geometry::boxes_of(&[-20.0, -20.0, 60.0, 60.0]).ok();
    let here =
        serde_json::from_value(json!({"type": "Polygon", "coordinates": square([-20.0, -20.0, 40.0, 40.0])})).ok();
    let mut query = Query { datetime: interval, limit: 1, ..Query::default() };
    same(try_found(index, &query).await, &["a3", "a2", "a4", "a5", "b1", "a1"], &"a time");
    query.boxes = boxes;
    same(try_found(index, &query).await, &["a2", "a4", "b1", "a1"], &"and a box");
    query.intersects = here;
    same(try_found(index, &query).await, &["a4", "b1", "a1"], &"and a geometry");
    query.filter = Some(filter("gsd < 60"));
    same(try_found(index, &query).await, &["b1", "a1"], &"and a filter");
    query.sort = sorted_by("-gsd");
    same(try_found(index, &query).await, &["a1", "b1"], &"and an order");
    query.collections = vec!["beta".to_owned()];
    same(try_found(index, &query).await, &["b1"], &"and a collection");
    query.ids = vec!["a1".to_owned()];
    same(try_found(index, &query).await, &[], &"and ids");
}
