//! What a search index promises a STAC API: the same items to the same question, whatever engine answers.
//!
//! Properties hold values of one kind each. Where they do not, engines differ: some take a text that reads as a number
//! for one.

use lazycat::search::change::{Action, Change, Version};
use lazycat::search::filter::Filter;
use lazycat::search::geometry;
use lazycat::search::item;
use lazycat::search::ports::{IndexItems, SearchError, SearchItems};
use lazycat::search::query::{Interval, MOST_SORT_KEYS, Query, SortKey, Token};
use serde_json::{Value, json};

/// One test for each promise. The expression makes, each time, what runs futures, an index that `fill` has filled, and
/// whatever must live as long. `but for old engines` are the promises that pgstac 0.9 does not keep.
#[macro_export]
macro_rules! search_conformance {
    ($world:expr) => {
        $crate::search_conformance! { $world, but for old engines }
        $crate::search_conformance! { @ $world;
            times_of_properties_are_compared_as_times,
            pages_by_id_go_on_between_items_of_one_id,
        }
    };
    ($world:expr, but for old engines) => {
        $crate::search_conformance! { @ $world;
            all_items_are_found_newest_first,
            pages_go_on_where_the_one_before_ended,
            an_order_puts_what_lacks_a_value_behind_the_greatest,
            a_time_finds_what_begins_before_it_ends_and_ends_after_it_begins,
            a_place_finds_what_meets_it_also_over_the_antimeridian,
            ids_and_collections_are_what_they_say,
            everything_that_is_asked_must_hold,
            a_filter_means_what_it_says,
            a_filter_in_json_means_what_it_says_in_text,
            what_is_unknown_is_neither_so_nor_not,
            what_cannot_be_is_refused_and_nothing_breaks,
            names_and_values_that_look_like_sql_are_names_and_values,
            a_token_of_another_search_is_refused,
            an_item_is_found_by_its_ids_as_it_was_put,
            collections_are_found_by_id_and_in_order,
            properties_are_told_with_their_types,
        }
    };
    (@ $world:expr; $($law:ident,)*) => { $(
        #[test]
        fn $law() {
            let (runtime, index, _keep) = $world;
            runtime.run($crate::conformance::searches::$law(&index));
        }
    )* };
}

/// The only property with numbers that the suite sorts by, where an engine must be told.
pub const SORTED_NUMBER: &str = "gsd";

const ODD: &str = "it's/%\"odd\" ?";

fn square([west, south, east, north]: [f64; 4]) -> Value {
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
fn items() -> Vec<Value> {
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

fn collection(id: &str) -> Value {
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

/// The items by the names that the tests give them: the id, and `beta/a1` for the second of that id.
fn name_of(collection: &str, id: &str) -> String {
    match (collection, id) {
        ("beta", "a1") => "beta/a1".to_owned(),
        (_, ODD) => "odd".to_owned(),
        (_, id) => id.to_owned(),
    }
}

const ALL: [&str; 9] = ["beta/a1", "odd", "a3", "a2", "a4", "a5", "b1", "a1", "b2"];

/// Which items a query finds on all its pages. Every page but the last is full.
async fn try_found(index: &impl SearchItems, query: &Query) -> Result<Vec<String>, SearchError> {
    let mut query = query.clone();
    let mut names = Vec::new();
    loop {
        let page = index.search(&query).await?;
        assert!(
            page.items.len() <= query.limit && (page.next.is_none() || page.items.len() == query.limit),
            "{query:?}"
        );
        names.extend(page.items.iter().map(|item| name_of(&item.collection, &item.id)));
        assert!(names.len() <= ALL.len(), "the pages have no end: {names:?}");
        match page.next {
            Some(token) => query.token = Some(token),
            None => return Ok(names),
        }
    }
}

#[track_caller]
fn same(found: Result<Vec<String>, SearchError>, expected: &[&str], what: &dyn std::fmt::Display) {
    match found {
        Ok(found) => assert_eq!(found, expected, "{what}"),
        Err(error) => panic!("{what}: {error}"),
    }
}

fn sorted_by(keys: &str) -> Vec<SortKey> {
    let keys = keys.split(',').filter(|key| !key.is_empty());
    keys.map(|key| SortKey::parse(key).unwrap_or_else(|reason| panic!("{key}: {reason}"))).collect()
}

fn filter(text: &str) -> Filter {
    Filter::from_text(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Nothing asked is everything found.
pub async fn all_items_are_found_newest_first(index: &impl SearchItems) {
    index.ready().await.unwrap_or_else(|error| panic!("{error}"));
    same(try_found(index, &Query { limit: 100, ..Query::default() }).await, &ALL, &"all");
}

/// However long a page is, and whatever the order: nothing is lost, nothing comes twice.
pub async fn pages_go_on_where_the_one_before_ended(index: &impl SearchItems) {
    for keys in
        ["", "datetime", "collection,id", "-collection,gsd", "gsd", "-gsd", "title,-gsd", "-unknown", "end_datetime"]
    {
        let sort = sorted_by(keys);
        let whole = try_found(index, &Query { sort: sort.clone(), limit: 100, ..Query::default() }).await;
        let whole = whole.unwrap_or_else(|error| panic!("{keys}: {error}"));
        assert_eq!(whole.len(), ALL.len(), "{keys}");
        let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
        for limit in [1, 2, 4, 8, 9, 10] {
            let query = Query { sort: sort.clone(), limit, ..Query::default() };
            same(try_found(index, &query).await, &whole, &format!("{keys} by {limit}"));
        }
    }
    let query = Query {
        filter: Some(filter("gsd >= 2.5")),
        collections: vec!["alpha".to_owned()],
        limit: 1,
        ..Query::default()
    };
    same(try_found(index, &query).await, &["a2", "a4", "a1"], &"pages of a filter");
}

/// Two items of one id, in two collections, are two for an order by id, too.
pub async fn pages_by_id_go_on_between_items_of_one_id(index: &impl SearchItems) {
    for (keys, expected) in [("id", ["a1", "beta/a1", "a2"]), ("-id,datetime", ["odd", "b2", "b1"])] {
        let whole = Query { sort: sorted_by(keys), limit: 100, ..Query::default() };
        let whole = try_found(index, &whole).await.unwrap_or_else(|error| panic!("{keys}: {error}"));
        assert_eq!(whole[..3], expected, "{keys}");
        let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
        let query = Query { sort: sorted_by(keys), limit: 1, ..Query::default() };
        same(try_found(index, &query).await, &whole, &keys);
    }
}

/// Several keys count one after the other; what is equal in all of them is ordered by collection and id, in the direction of
/// the first key.
pub async fn an_order_puts_what_lacks_a_value_behind_the_greatest(index: &impl SearchItems) {
    for (keys, expected) in [
        ("datetime", ["b2", "a1", "b1", "a5", "a4", "a2", "a3", "odd", "beta/a1"]),
        ("start_datetime", ["b2", "a1", "b1", "a5", "a4", "a2", "a3", "odd", "beta/a1"]),
        ("properties.end_datetime", ["b2", "a1", "b1", "a2", "a5", "a4", "a3", "odd", "beta/a1"]),
        ("id", ["a1", "beta/a1", "a2", "a3", "a4", "a5", "b1", "b2", "odd"]),
        ("-id", ["odd", "b2", "b1", "a5", "a4", "a3", "a2", "beta/a1", "a1"]),
        ("collection,-id", ["a5", "a4", "a3", "a2", "a1", "odd", "b2", "b1", "beta/a1"]),
        ("-collection", ["odd", "b2", "b1", "beta/a1", "a5", "a4", "a3", "a2", "a1"]),
        ("gsd", ["b1", "a2", "a1", "b2", "a4", "a3", "a5", "beta/a1", "odd"]),
        ("-gsd", ["odd", "beta/a1", "a5", "a3", "a4", "b2", "a1", "a2", "b1"]),
        ("properties.gsd,-id", ["b1", "a2", "b2", "a1", "a4", "odd", "a5", "a3", "beta/a1"]),
        ("title", ["a4", "a2", "a1", "odd", "b1", "a3", "a5", "beta/a1", "b2"]),
        ("platform,-title", ["beta/a1", "b1", "a5", "a3", "b2", "odd", "a1", "a2", "a4"]),
        ("deep.level", ["a1", "a2", "a3", "a4", "a5", "beta/a1", "b1", "b2", "odd"]),
        ("-unknown", ["odd", "b2", "b1", "beta/a1", "a5", "a4", "a3", "a2", "a1"]),
    ] {
        // An engine may refuse to sort by numbers that nobody has told it of, but not sort them as something else.
        let query = Query { sort: sorted_by(keys), limit: 100, ..Query::default() };
        match try_found(index, &query).await {
            Err(SearchError::Filter(error)) if keys == "deep.level" && error.0.contains("queryable") => {}
            found => same(found, &expected, &keys),
        }
    }
    let most = vec![SortKey::parse("-title").unwrap_or_else(|reason| panic!("{reason}")); MOST_SORT_KEYS];
    let found = try_found(index, &Query { sort: most, limit: 3, ..Query::default() }).await;
    same(found, &["b2", "beta/a1", "a5", "a3", "b1", "odd", "a1", "a2", "a4"], &"the most keys");
}

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

/// Filters, and what they find.
const FILTERS: &[(&str, &[&str])] = &[
    ("gsd = 20", &["a1", "b2"]),
    ("20 = gsd", &["a1", "b2"]),
    ("gsd <> 20", &["a2", "a4", "b1"]),
    ("NOT gsd = 20", &["a2", "a4", "b1"]),
    ("gsd < 10.5", &["a2", "b1"]),
    ("gsd <= 10", &["a2", "b1"]),
    ("gsd > 20", &["a4"]),
    ("gsd >= 64.5", &["a4"]),
    ("properties.gsd > 20", &["a4"]),
    ("gsd BETWEEN 10 AND 20", &["a2", "a1", "b2"]),
    ("gsd NOT BETWEEN 10 AND 20", &["a4", "b1"]),
    ("gsd IN (10, 2.5, 7)", &["a2", "b1"]),
    ("gsd NOT IN (10, 20)", &["a4", "b1"]),
    ("gsd IN (20) AND NOT collection IN ('alpha')", &["b2"]),
    ("gsd IS NULL", &["beta/a1", "odd", "a3", "a5"]),
    ("gsd IS NOT NULL", &["a2", "a4", "b1", "a1", "b2"]),
    ("\"eo:cloud_cover\" < 10.7", &["a3", "a2"]),
    ("\"eo:cloud_cover\" <= 10", &["a3"]),
    ("gsd + 5 > 24 AND gsd * 2 <= 40", &["a1", "b2"]),
    ("(gsd + 10) * 2 = 60", &["a1", "b2"]),
    ("gsd - (5 - 3) - 1 = 17 OR gsd / 4 / 5 = 0.125", &["b1", "a1", "b2"]),
    ("100 / (gsd + 5) = 4", &["a1", "b2"]),
    ("2 * gsd > gsd + 15", &["a4", "a1", "b2"]),
    ("\"view:sun_elevation\" > gsd", &["a1"]),
    ("\"view:sun_elevation\" < gsd * 2", &["a4"]),
    ("deep.level = 2", &["a1"]),
    ("is_day = TRUE", &["a1"]),
    ("is_day", &["a1"]),
    ("NOT is_day", &["a2"]),
    ("is_day <> TRUE", &["a2"]),
    ("is_day IS NULL AND collection = 'alpha'", &["a3", "a4", "a5"]),
    ("title = 'Under the Sea'", &["a1"]),
    ("title > 'U'", &["odd", "b1", "a1"]),
    ("title IN ('under the sea', 'x')", &["b1"]),
    ("title LIKE 'Under%'", &["a1"]),
    ("title NOT LIKE 'Under%'", &["odd", "a2", "a4", "b1"]),
    ("title LIKE '_nder%sea'", &["b1"]),
    ("title LIKE '100\\% of\\_%'", &["a2"]),
    ("title LIKE '*?[x]%'", &["a4"]),
    ("title LIKE '%]\\'", &["a4"]),
    ("title LIKE 'x%'", &[]),
    ("CASEI(title) = CASEI('UNDER THE SEA')", &["b1", "a1"]),
    ("CASEI(title) LIKE CASEI('unDER%')", &["b1", "a1"]),
    ("ACCENTI(title) = ACCENTI('Zoé')", &["odd"]),
    ("ACCENTI(title) LIKE ACCENTI('zo%') OR ACCENTI(CASEI(title)) LIKE ACCENTI(CASEI('ZO%'))", &["odd"]),
    ("id = 'a1'", &["beta/a1", "a1"]),
    ("id <> 'a1' AND collection = 'beta'", &["odd", "b1", "b2"]),
    ("id IN ('b1', 'b2', 'none')", &["b1", "b2"]),
    ("id LIKE 'b%'", &["b1", "b2"]),
    ("CASEI(id) = CASEI('B1')", &["b1"]),
    ("id = 'it''s/%\"odd\" ?'", &["odd"]),
    ("datetime >= TIMESTAMP('2020-02-01T00:00:00Z')", &["beta/a1", "odd", "a3"]),
    ("datetime > TIMESTAMP('2020-02-01T00:00:00Z')", &["beta/a1", "odd"]),
    ("datetime = '2020-01-01T01:00:00+01:00'", &["b1", "a1"]),
    ("datetime < DATE('2020-01-01')", &["b2"]),
    ("datetime <> TIMESTAMP('2020-01-01T00:00:00Z') AND gsd = 20", &["b2"]),
    ("datetime BETWEEN TIMESTAMP('2020-01-01T06:00:00Z') AND TIMESTAMP('2020-01-01T12:00:00Z')", &["a4", "a5"]),
    ("datetime IN (TIMESTAMP('2020-01-01T00:00:00Z'), TIMESTAMP('2022-01-01T00:00:00Z'))", &["beta/a1", "b1", "a1"]),
    ("start_datetime = TIMESTAMP('2020-01-01T06:00:00Z')", &["a5"]),
    (
        "end_datetime > TIMESTAMP('2020-01-02T00:00:00Z') AND datetime < TIMESTAMP('2020-01-02T00:00:00Z')",
        &["a4", "a5"],
    ),
    ("datetime < end_datetime", &["a4", "a5"]),
    ("end_datetime IS NULL OR datetime IS NULL OR id IS NULL", &[]),
    ("T_BEFORE(datetime, DATE('2020-01-01'))", &["b2"]),
    ("T_AFTER(datetime, TIMESTAMP('2020-02-01T00:00:00Z'))", &["beta/a1", "odd"]),
    ("T_AFTER(datetime, INTERVAL('..', '2021-01-01T00:00:00Z'))", &["beta/a1", "odd"]),
    (
        "T_DURING(INTERVAL(start_datetime, end_datetime), INTERVAL('2020-01-01T00:00:00Z', '2020-01-03T00:00:00Z'))",
        &["a2", "a5"],
    ),
    ("T_CONTAINS(INTERVAL(start_datetime, end_datetime), TIMESTAMP('2020-01-02T00:00:00Z'))", &["a4", "a5"]),
    ("T_INTERSECTS(INTERVAL(datetime, end_datetime), DATE('2020-01-02'))", &["a2", "a4", "a5"]),
    ("NOT T_INTERSECTS(INTERVAL(datetime, end_datetime), INTERVAL('2020-01-01T00:00:00Z', '..'))", &["b2"]),
    ("T_DISJOINT(INTERVAL(datetime, end_datetime), INTERVAL('2020-01-01T00:00:00Z', '..'))", &["b2"]),
    ("NOT T_DISJOINT(datetime, INTERVAL('..', '1999-12-31T23:59:59.999999Z'))", &["b2"]),
    ("T_EQUALS(datetime, TIMESTAMP('2020-01-02T00:00:00Z'))", &["a2"]),
    ("T_EQUALS(INTERVAL(datetime, end_datetime), INTERVAL('2020-01-01T12:00:00Z', '2020-01-03T00:00:00Z'))", &["a4"]),
    ("T_MEETS(INTERVAL(datetime, end_datetime), INTERVAL('2020-01-03T00:00:00Z', '..'))", &["a4"]),
    ("T_METBY(INTERVAL(datetime, end_datetime), INTERVAL('..', '2020-01-01T06:00:00Z'))", &["a5"]),
    ("T_STARTS(INTERVAL(datetime, end_datetime), INTERVAL('2020-01-01T12:00:00Z', '..'))", &["a4"]),
    ("T_STARTEDBY(INTERVAL(datetime, end_datetime), TIMESTAMP('2020-01-01T12:00:00Z'))", &["a4"]),
    ("T_FINISHES(INTERVAL(datetime, end_datetime), INTERVAL('..', '2020-01-03T00:00:00Z'))", &["a4"]),
    ("T_FINISHEDBY(INTERVAL(datetime, end_datetime), TIMESTAMP('2020-01-03T00:00:00Z'))", &["a4"]),
    ("T_OVERLAPS(INTERVAL(datetime, end_datetime), INTERVAL('2020-01-02T00:00:00Z', '2020-01-02T12:00:00Z'))", &["a5"]),
    (
        "T_OVERLAPPEDBY(INTERVAL(datetime, end_datetime), INTERVAL('2020-01-01T08:00:00Z', '2020-01-01T13:00:00Z'))",
        &["a4"],
    ),
    ("S_INTERSECTS(geometry, POINT(0.5 0.5))", &["beta/a1", "b1", "a1"]),
    ("S_INTERSECTS(POINT(0.75 0.75), geometry)", &["beta/a1", "b1", "a1"]),
    ("S_INTERSECTS(geometry, BBOX(40, 40, 60, 60))", &["a2"]),
    ("S_INTERSECTS(geometry, BBOX(170, -5, -170, 5))", &["a3"]),
    ("S_DISJOINT(geometry, POLYGON((-20 -90, 60 -90, 60 60, -20 60, -20 -90)))", &["a3", "a5"]),
    ("S_WITHIN(geometry, POLYGON((-1 -1, 1.5 -1, 1.5 1.5, -1 1.5, -1 -1)))", &["beta/a1", "a1"]),
    ("S_CONTAINS(geometry, POINT(1.5 1.5))", &["b1"]),
    ("S_CONTAINS(POLYGON((-1 -1, 1.5 -1, 1.5 1.5, -1 1.5, -1 -1)), geometry)", &["beta/a1", "a1"]),
    ("S_TOUCHES(geometry, POINT(1 0.25))", &["beta/a1", "a1"]),
    ("S_EQUALS(geometry, POINT(50 50))", &["a2"]),
    ("S_EQUALS(geometry, POLYGON((0 0, 0 1, 1 1, 1 0, 0 0)))", &["beta/a1", "a1"]),
    ("S_OVERLAPS(geometry, POLYGON((0.9 0.9, 3 0.9, 3 3, 0.9 3, 0.9 0.9)))", &["beta/a1", "b1", "a1"]),
    ("S_CROSSES(geometry, LINESTRING(20 22, 22 20))", &["b2"]),
    ("S_CROSSES(geometry, LINESTRING(-1 0.25, 3 0.25))", &["beta/a1", "a1"]),
    ("A_CONTAINS(instruments, ('MUX'))", &["a1"]),
    ("A_CONTAINS(instruments, ('PAN'))", &["a2", "a1"]),
    ("A_OVERLAPS(instruments, ('MUX', 'X'))", &["a1"]),
    ("A_CONTAINEDBY(instruments, ('PAN', 'X'))", &["a2", "b2"]),
    ("A_EQUALS(instruments, ('PAN', 'MUX'))", &["a1"]),
    ("NOT A_EQUALS(instruments, ('PAN', 'MUX'))", &["a2", "b2"]),
    ("A_CONTAINS(('PAN', 'X'), instruments)", &["a2", "b2"]),
    ("TRUE", &ALL),
    ("FALSE", &[]),
    ("(gsd = 20) = TRUE", &["a1", "b2"]),
    ("(gsd = 20) = FALSE", &["a2", "a4", "b1"]),
    ("unknown = 1 OR id = 'a2'", &["a2"]),
    ("gsd = 20 AND (title LIKE 'U%' OR title IS NULL) AND NOT (collection = 'beta' AND id = 'b2')", &["a1"]),
];

/// Each filter finds what it says, in the usual order.
pub async fn a_filter_means_what_it_says(index: &impl SearchItems) {
    for (text, expected) in FILTERS {
        let query = Query { filter: Some(filter(text)), limit: 100, ..Query::default() };
        same(try_found(index, &query).await, expected, text);
    }
}

/// The same as JSON.
pub async fn a_filter_in_json_means_what_it_says_in_text(index: &impl SearchItems) {
    for (text, expected) in FILTERS {
        let value = serde_json::to_value(filter(text).expr()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let read = Filter::from_json(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}"));
        let query = Query { filter: Some(read), limit: 100, ..Query::default() };
        same(try_found(index, &query).await, expected, &value);
    }
}

/// Of what an item lacks nothing holds, nor its opposite.
pub async fn what_is_unknown_is_neither_so_nor_not(index: &impl SearchItems) {
    for text in [
        "unknown = 1",
        "unknown <> 1",
        "unknown < 'x'",
        "unknown BETWEEN 1 AND 2",
        "unknown IN ('a', 'b')",
        "unknown IN (1)",
        "unknown LIKE '%'",
        "unknown = TRUE",
        "unknown + 1 = 2",
        "CASEI(unknown) = 'x'",
        "A_CONTAINS(unknown, ('x'))",
        "gsd = NULL",
        "NULL",
        "gsd / 0 = 1",
        "gsd = 20 AND NULL AND unknown = 1",
    ] {
        for text in [text.to_owned(), format!("NOT ({text})")] {
            let query = Query { filter: Some(filter(&text)), limit: 100, ..Query::default() };
            let found = try_found(index, &query).await;
            // The rest of a conjunction may be false, and then its opposite holds.
            let expected: &[&str] = if text.starts_with("NOT (gsd = 20 AND") { &["a2", "a4", "b1"] } else { &[] };
            same(found, expected, &text);
        }
    }
    for (text, expected) in [
        ("unknown = 1 OR TRUE", &ALL[..]),
        ("NOT (unknown = 1 AND id = 'none')", &ALL),
        ("NOT (unknown = 1 OR id = 'none')", &[]),
        ("unknown IS NULL", &ALL),
        ("unknown + 1 IS NULL AND NULL IS NULL", &ALL),
    ] {
        let query = Query { filter: Some(filter(text)), limit: 100, ..Query::default() };
        same(try_found(index, &query).await, expected, &text);
    }
}

/// What no index can do ends in one clear error, and the next search is answered.
pub async fn what_cannot_be_is_refused_and_nothing_breaks(index: &impl SearchItems) {
    let wildcards = format!("title LIKE '{}'", "%a".repeat(20));
    for (text, says) in [
        ("frobnicate(gsd) = 1", "frobnicate"),
        ("gsd + 1", "no condition"),
        ("'text'", "condition"),
        ("geometry = 1", "geometry"),
        ("S_INTERSECTS(geometry, gsd)", "no geometry"),
        ("S_INTERSECTS(geometry, POINT(500 0))", "longitude"),
        ("datetime > 'yesterday'", "yesterday"),
        ("title LIKE gsd", "LIKE"),
        ("\"a\"\"b\" = 1", "quote"),
        (&wildcards, "wildcards"),
    ] {
        let error = match Filter::from_text(text) {
            Ok(filter) => match index.search(&Query { filter: Some(filter), ..Query::default() }).await {
                Err(SearchError::Filter(error)) => error.0,
                other => panic!("{text}: {other:?}"),
            },
            Err(error) => error.0,
        };
        assert!(error.contains(says), "{text}: {error}");
    }
    // Numbers where an item has a text, and the other way round: refused or unknown, as the engine has it.
    for text in ["title < 5", "gsd < 'x'", "created + 1 > 2", "instruments = 7", "deep > 1"] {
        let query = Query { filter: Some(filter(text)), ..Query::default() };
        match index.search(&query).await {
            Ok(_) | Err(SearchError::Filter(_)) => {}
            Err(error) => panic!("{text}: {error}"),
        }
    }
    same(try_found(index, &Query { limit: 100, ..Query::default() }).await, &ALL, &"after all of these");
}

/// Nothing that was written by whoever asks is anything but a name or a value.
pub async fn names_and_values_that_look_like_sql_are_names_and_values(index: &impl SearchItems) {
    for nasty in [
        "' OR 1=1 --",
        "x'); DROP TABLE items; --",
        "\\'; --",
        "?1",
        "$1",
        "$.gsd",
        "%s %L %I",
        "a''b",
        "\u{0}",
        "𒍟※",
        "to_text(content)",
        "%1$s",
        "{\"op\":\"or\"}",
    ] {
        let empty: &[&str] = &[];
        let answered = |found: Result<Vec<String>, SearchError>, expected: &[&str]| match found {
            // Some engines have no texts with a NUL.
            Err(SearchError::Filter(_)) if nasty == "\u{0}" => {}
            found => same(found, expected, &format!("{nasty:?}")),
        };
        for property in ["title", "id", "unknown"] {
            for op in ["=", "like"] {
                let value = json!({"op": op, "args": [{"property": property}, nasty]});
                let read = Filter::from_json(value).unwrap_or_else(|error| panic!("{nasty:?}: {error}"));
                answered(try_found(index, &Query { filter: Some(read), ..Query::default() }).await, empty);
            }
        }
        let named = json!({"op": "isNull", "args": [{"property": nasty}]});
        if let Ok(read) = Filter::from_json(named) {
            match try_found(index, &Query { filter: Some(read), limit: 100, ..Query::default() }).await {
                Err(SearchError::Filter(_)) => {}
                found => answered(found, &ALL),
            }
        }
        answered(try_found(index, &Query { ids: vec![nasty.to_owned()], ..Query::default() }).await, empty);
        answered(try_found(index, &Query { collections: vec![nasty.to_owned()], ..Query::default() }).await, empty);
        for (collection, id) in [("alpha", nasty), (nasty, "a1")] {
            let found = index.item(collection, id).await.unwrap_or_else(|error| panic!("{nasty:?}: {error}"));
            assert!(found.is_none(), "{nasty:?}");
        }
        let found = index.collection(nasty).await.unwrap_or_else(|error| panic!("{nasty:?}: {error}"));
        assert!(found.is_none(), "{nasty:?}");
        if let Ok(key) = SortKey::parse(nasty) {
            match try_found(index, &Query { sort: vec![key], limit: 100, ..Query::default() }).await {
                Ok(found) => assert_eq!(found.len(), ALL.len(), "{nasty:?}"),
                Err(SearchError::Filter(_)) => {}
                Err(error) => panic!("{nasty:?}: {error}"),
            }
        }
    }
    same(try_found(index, &Query { limit: 100, ..Query::default() }).await, &ALL, &"after all of these");
}

/// A token belongs to its order, and is none that anybody can make up.
pub async fn a_token_of_another_search_is_refused(index: &impl SearchItems) {
    let mut query = Query { limit: 2, ..Query::default() };
    let found = index.search(&query).await.unwrap_or_else(|error| panic!("{error}"));
    let token = found.next.unwrap_or_else(|| panic!("there is a second page"));
    query.token = Some(token.clone());
    query.limit = 3;
    let found = index.search(&query).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(found.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a3", "a2", "a4"]);
    query.sort = sorted_by("id");
    for token in
        [token, Token(String::new()), Token("next:a:b".to_owned()), Token("WyIiLCJuZXh0OjYxOjYxIl0".to_owned())]
    {
        query.token = Some(token);
        match index.search(&query).await {
            Err(SearchError::Token) => {}
            other => panic!("{:?}: {other:?}", query.token),
        }
    }
}

/// An item is what was put, found by its collection and id, and by nothing else.
pub async fn an_item_is_found_by_its_ids_as_it_was_put(index: &impl SearchItems) {
    for put in items() {
        let (collection, id) = (put["collection"].as_str().unwrap_or_default(), put["id"].as_str().unwrap_or_default());
        let found = index.item(collection, id).await.unwrap_or_else(|error| panic!("{id}: {error}"));
        let found = found.unwrap_or_else(|| panic!("{id} is not found"));
        assert_eq!((found.collection.as_str(), found.id.as_str()), (collection, id));
        let text: Value = serde_json::from_str(found.text.get()).unwrap_or_default();
        for member in ["type", "stac_version", "id", "collection", "links", "assets"] {
            assert_eq!(text[member], put[member], "{id}: {member}");
        }
        // Nulls need not be kept, but for the one that STAC wants.
        for (name, value) in put["properties"].as_object().into_iter().flatten() {
            assert_eq!(text["properties"][name.as_str()], *value, "{id}: {name}");
        }
        assert!(text["properties"].get("datetime").is_some(), "{id}");
    }
    for (collection, id) in [("alpha", "b1"), ("none", "a1"), ("alpha", ""), ("", "a1"), ("ALPHA", "a1")] {
        let found = index.item(collection, id).await.unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!(found.is_none(), "{collection}/{id}");
    }
}

/// Collections are listed by id, in the order of bytes, from any place on.
pub async fn collections_are_found_by_id_and_in_order(index: &impl SearchItems) {
    for (after, most, expected) in [
        (None, 100, &["Zeta", "alpha", "beta"][..]),
        (None, 2, &["Zeta", "alpha"]),
        (Some("Zeta"), 100, &["alpha", "beta"]),
        (Some("a"), 1, &["alpha"]),
        (Some("beta"), 100, &[]),
    ] {
        let found = index.collections(after, most).await.unwrap_or_else(|error| panic!("{error}"));
        let ids: Vec<&str> = found.iter().map(|collection| collection.id.as_str()).collect();
        assert_eq!(ids, expected, "after {after:?}");
    }
    let found = index.collection("alpha").await.unwrap_or_else(|error| panic!("{error}"));
    let found = found.unwrap_or_else(|| panic!("there is a collection alpha"));
    let text: Value = serde_json::from_str(found.text.get()).unwrap_or_default();
    assert_eq!(text, collection("alpha"));
    assert!(index.collection("gamma").await.unwrap_or_else(|error| panic!("{error}")).is_none());
}

/// What can be filtered by, of one collection or all.
pub async fn properties_are_told_with_their_types(index: &impl SearchItems) {
    let all = index.properties(None).await.unwrap_or_else(|error| panic!("{error}"));
    for expected in
        [("gsd", "number"), ("is_day", "boolean"), ("instruments", "array"), ("deep", "object"), ("title", "string")]
    {
        assert!(all.contains(&(expected.0.to_owned(), expected.1)), "{expected:?}: {all:?}");
    }
    assert!(all.is_sorted(), "{all:?}");
    let some = index.properties(Some("beta")).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(some.iter().any(|(name, _)| name == "gsd") && !some.iter().any(|(name, _)| name == "is_day"), "{some:?}");
    assert!(index.properties(Some("none")).await.unwrap_or_else(|error| panic!("{error}")).is_empty());
}

/// A property that holds a time is compared as one with a time that is written down.
pub async fn times_of_properties_are_compared_as_times(index: &impl SearchItems) {
    for (text, expected) in [
        ("created > '2021-04-30T22:00:00Z' AND created < TIMESTAMP('2021-04-30T22:00:01Z')", &["a1"][..]),
        ("created = TIMESTAMP('2021-04-30T22:00:00.500Z')", &["a1"]),
        ("created <> TIMESTAMP('2021-04-30T22:00:00.500Z')", &[]),
        ("created BETWEEN DATE('2021-04-30') AND DATE('2021-05-01')", &["a1"]),
        ("NOT created < TIMESTAMP('2021-05-01T00:00:00Z')", &[]),
        ("T_BEFORE(created, updated)", &["a1"]),
        ("T_AFTER(created, datetime)", &["a1"]),
        ("T_INTERSECTS(INTERVAL(created, updated), DATE('2021-04-30'))", &["a1"]),
        ("T_DURING(created, INTERVAL('2021-01-01T00:00:00Z', '..'))", &["a1"]),
        ("NOT T_DURING(created, INTERVAL('2021-01-01T00:00:00Z', '..'))", &[]),
    ] {
        let query = Query { filter: Some(filter(text)), limit: 100, ..Query::default() };
        same(try_found(index, &query).await, expected, &text);
    }
}
