//! Filters in CQL2, and what they find.

use lazycat::search::filter::Filter;
use lazycat::search::ports::SearchItems;
use lazycat::search::query::Query;

use super::{ALL, filter, same, try_found};

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
