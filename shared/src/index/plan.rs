//! From a query to one SELECT.
//!
//! There are three ways in: by ids; by the boxes in space and time, when few items are in them; by time, newest first,
//! until the page is full. Which one is taken changes how long it takes and nothing else: the conditions are the same,
//! and they are exact. The R*Tree keeps its bounds as small floating-point numbers, rounded outward, so it is asked for
//! candidates only.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::filter;
use super::sql::{Parameters, path};
use super::token;
use super::write::{hash_of, seconds};
use crate::search::cql::boxes_as_geojson;
use crate::search::geometry::{self, Envelope};
use crate::search::ports::SearchError;
use crate::search::query::{Field, Interval, Query, SortKey};

/// Up to how many candidates the boxes are the way in. Looking at that many takes some milliseconds.
const FEW: usize = 2_000;

/// A statement ready to be run, and the order that its token belongs to.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) sql: String,
    pub(super) parameters: Parameters,
    pub(super) order: String,
    /// How many values of the order each row has, behind the item's own columns.
    pub(super) keys: usize,
}

/// How many columns a row has before the values of its order.
pub(super) const COLUMNS: usize = 4;

/// The plan of a query; none when it can have no results.
pub(super) fn plan(connection: &Connection, query: &Query) -> Result<Option<Plan>, Failure> {
    let mut parameters = Parameters::default();
    let mut conditions = Vec::new();
    let collections = match collection_numbers(connection, query)? {
        Some(numbers) if numbers.is_empty() => return Ok(None),
        other => other,
    };
    let sort = order_of(query);
    let by_time = matches!(sort.as_slice(), [SortKey { field: Field::Datetime, .. }]);
    let way = way_in(connection, query)?;

    if !query.ids.is_empty() {
        conditions.push(format!("i.id_hash IN ({})", parameters.bind_all(query.ids.iter().map(|id| hash_of(id)))));
        conditions.push(format!("i.id IN ({})", parameters.bind_all(query.ids.iter().cloned())));
    }
    match collections.as_deref() {
        // One collection has its items in the order of time.
        Some([one]) if way == Way::Time && by_time => {
            conditions.push(format!("i.collection = {}", parameters.bind(*one)));
        }
        // With the sign in front, the index of ids or of time is used.
        Some(numbers) => conditions.push(format!("+i.collection IN ({})", parameters.bind_all(numbers.to_vec()))),
        None => {}
    }
    if let (Some(interval), Way::Time, true) = (query.datetime, way, by_time) {
        conditions.extend(reach(connection, interval, &mut parameters)?);
    }
    if let Some(Interval { from, to }) = query.datetime {
        if let Some(to) = to {
            conditions.push(format!("i.start <= {}", parameters.bind(to.timestamp_micros())));
        }
        if let Some(from) = from {
            conditions.push(format!("i.stop >= {}", parameters.bind(from.timestamp_micros())));
        }
    }
    if let Some(boxes) = &query.boxes {
        conditions.push(meets_boxes(boxes, &mut parameters));
    }
    if let Some(intersects) = &query.intersects {
        let text = parameters.bind(intersects.to_string());
        conditions.push(format!("meets(i.geometry, {text})"));
    }
    if let Some(filter) = &query.filter {
        conditions.push(filter::condition(filter, &mut parameters).map_err(SearchError::Filter)?);
    }

    let expressions: Vec<(String, bool)> =
        sort.iter().map(|key| (expression(&key.field, &mut parameters), key.descending)).collect();
    let order = written(&sort);
    let is_descending = sort.first().is_some_and(|key| key.descending);
    let mut keys: Vec<(&str, bool)> =
        expressions.iter().map(|(text, descending)| (text.as_str(), *descending)).collect();
    keys.extend([("c.id", is_descending), ("i.id", is_descending)]);
    if let Some(token) = &query.token {
        let last = token::read(token, &order, keys.len())?;
        conditions.push(after(&keys, &last, &mut parameters));
        if by_time && let Value::Integer(time) = last[0] {
            // Says nothing new, but SQLite can start there.
            let bound = if keys[0].1 { "<=" } else { ">=" };
            conditions.push(format!("i.datetime {bound} {}", parameters.bind(time)));
        }
    }

    let from = match way {
        Way::Boxes => {
            let candidates = candidates(query, &mut parameters);
            format!(
                "(SELECT DISTINCT id >> 1 AS number FROM boxes WHERE {candidates}) b CROSS JOIN items i ON i.number = b.number"
            )
        }
        Way::Ids => "items i INDEXED BY items_by_id".to_owned(),
        Way::Time if by_time && collections.as_ref().is_some_and(|numbers| numbers.len() == 1) => {
            "items i INDEXED BY items_by_collection".to_owned()
        }
        Way::Time if by_time => "items i INDEXED BY items_by_time".to_owned(),
        Way::Time => "items i".to_owned(),
    };
    let columns: String = keys.iter().map(|(text, _)| format!(", {text}")).collect();
    let ordered: Vec<String> = keys
        .iter()
        .map(|(text, descending)| {
            let direction = if *descending { "DESC" } else { "ASC" };
            if is_never_null(text) {
                format!("{text} {direction}")
            } else {
                format!("{text} IS NULL {direction}, {text} {direction}")
            }
        })
        .collect();
    let limit = parameters.bind(i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1));
    let conditions = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
    let sql = format!(
        "SELECT c.id, i.id, i.source, i.text{columns} FROM {from} CROSS JOIN collections c ON c.number = i.collection
         WHERE {conditions} ORDER BY {} LIMIT {limit}",
        ordered.join(", ")
    );
    Ok(Some(Plan { sql, parameters, order, keys: keys.len() }))
}

/// Why there is no plan.
#[derive(Debug)]
pub(super) enum Failure {
    Search(SearchError),
    Sqlite(rusqlite::Error),
}

impl From<SearchError> for Failure {
    fn from(error: SearchError) -> Self {
        Self::Search(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Ids,
    Boxes,
    Time,
}

fn way_in(connection: &Connection, query: &Query) -> rusqlite::Result<Way> {
    if !query.ids.is_empty() {
        return Ok(Way::Ids);
    }
    if areas(query).is_empty() && query.datetime.is_none() {
        return Ok(Way::Time);
    }
    let mut parameters = Parameters::default();
    let candidates = candidates(query, &mut parameters);
    let limit = parameters.bind(FEW as i64);
    let count: i64 = connection
        .prepare_cached(&format!("SELECT count(*) FROM (SELECT 1 FROM boxes WHERE {candidates} LIMIT {limit})"))?
        .query_row(params_from_iter(parameters.values()), |row| row.get(0))?;
    Ok(if count < FEW as i64 { Way::Boxes } else { Way::Time })
}

/// Between which datetimes an item must lie whose interval meets this one: the intervals of no item reach further from its
/// datetime than is written down. So the way along time has an end.
fn reach(
    connection: &Connection,
    Interval { from, to }: Interval,
    parameters: &mut Parameters,
) -> rusqlite::Result<Vec<String>> {
    let (before, after): (i64, i64) = connection
        .prepare_cached("SELECT before, after FROM state")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let latest = to.map(|to| to.timestamp_micros().saturating_add(before));
    let earliest = from.map(|from| from.timestamp_micros().saturating_sub(after));
    let mut conditions = Vec::new();
    conditions.extend(latest.map(|latest| format!("i.datetime <= {}", parameters.bind(latest))));
    conditions.extend(earliest.map(|earliest| format!("i.datetime >= {}", parameters.bind(earliest))));
    Ok(conditions)
}

/// Lists of boxes; an item that is sought meets one of each.
fn areas(query: &Query) -> Vec<Vec<Envelope>> {
    let mut areas = Vec::new();
    areas.extend(query.boxes.clone());
    if let Some(geometry) = &query.intersects
        && let Ok(value) = serde_json::to_value(geometry)
        && let Ok(parts) = geometry::check(&value, "")
    {
        areas.extend(geometry::union(&parts).map(|envelope| vec![envelope]));
    }
    areas.extend(query.filter.as_ref().and_then(filter::area));
    areas
}

/// The condition on `boxes` that every item sought meets.
fn candidates(query: &Query, parameters: &mut Parameters) -> String {
    let mut all = Vec::new();
    if let Some(Interval { from, to }) = query.datetime {
        if let Some(to) = to {
            all.push(format!("start <= {}", parameters.bind(seconds(to.timestamp_micros()))));
        }
        if let Some(from) = from {
            all.push(format!("stop >= {}", parameters.bind(seconds(from.timestamp_micros()))));
        }
    }
    for area in areas(query) {
        // The tree is descended by one box only: several are one around them, and then looked at.
        if let Some([west, south, east, north]) = geometry::union(&area) {
            let [west, south, east, north] = [west, south, east, north].map(|degrees| parameters.bind(degrees));
            all.push(format!("west <= {east} AND east >= {west} AND south <= {north} AND north >= {south}"));
        }
        if area.len() > 1 {
            let each: Vec<String> = area
                .iter()
                .map(|[west, _, east, _]| {
                    let (west, east) = (parameters.bind(*west), parameters.bind(*east));
                    format!("(+west <= {east} AND +east >= {west})")
                })
                .collect();
            all.push(format!("({})", each.join(" OR ")));
        }
    }
    if all.is_empty() { "1".to_owned() } else { all.join(" AND ") }
}

/// That an item's geometry meets one of these boxes. The geometry itself is looked at only when its own box does not
/// decide.
fn meets_boxes(boxes: &[Envelope], parameters: &mut Parameters) -> String {
    let each: Vec<String> = boxes
        .iter()
        .map(|envelope| {
            let [w, s, e, n] = envelope.map(|degrees| parameters.bind(degrees));
            let shape = parameters.bind(boxes_as_geojson(&[*envelope]));
            format!(
                "((i.west IS NULL OR (i.west <= {e} AND i.east >= {w} AND i.south <= {n} AND i.north >= {s}))
                 AND ((i.west >= {w} AND i.east <= {e} AND i.south >= {s} AND i.north <= {n})
                      OR meets(i.geometry, {shape})))"
            )
        })
        .collect();
    format!("({})", each.join(" OR "))
}

/// The numbers of the collections that are asked for; none when all are.
fn collection_numbers(connection: &Connection, query: &Query) -> rusqlite::Result<Option<Vec<i64>>> {
    if query.collections.is_empty() {
        return Ok(None);
    }
    let mut parameters = Parameters::default();
    let ids = parameters.bind_all(query.collections.iter().cloned());
    connection
        .prepare_cached(&format!("SELECT number FROM collections WHERE id IN ({ids})"))?
        .query_map(params_from_iter(parameters.values()), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()
        .map(Some)
}

/// The keys of the order, without what follows them always.
fn order_of(query: &Query) -> Vec<SortKey> {
    if query.sort.is_empty() {
        return vec![SortKey { field: Field::Datetime, descending: true }];
    }
    query.sort.clone()
}

/// The order as a text, for the token.
fn written(sort: &[SortKey]) -> String {
    let keys: Vec<String> = sort
        .iter()
        .map(|SortKey { field, descending }| format!("{}{field:?}", if *descending { '-' } else { '+' }))
        .collect();
    keys.join(",")
}

fn expression(field: &Field, parameters: &mut Parameters) -> String {
    match field {
        Field::Id => "i.id".to_owned(),
        Field::Collection => "c.id".to_owned(),
        Field::Datetime => "i.datetime".to_owned(),
        Field::End => "i.stop".to_owned(),
        Field::Property(names) => {
            let path = parameters.bind(path(names));
            format!("json_extract(i.properties, {path})")
        }
        // Refused where the key was read.
        Field::Geometry => "NULL".to_owned(),
    }
}

fn is_never_null(expression: &str) -> bool {
    matches!(expression, "i.id" | "c.id" | "i.datetime" | "i.stop")
}

/// That a row comes after the one with these values. What lacks a value is greater than what has one.
fn after(keys: &[(&str, bool)], last: &[Value], parameters: &mut Parameters) -> String {
    let mut either = Vec::new();
    let mut equal: Vec<String> = Vec::new();
    for ((expression, descending), value) in keys.iter().zip(last) {
        let (past, same) = match value {
            Value::Null => {
                let past = if *descending { format!("{expression} IS NOT NULL") } else { "0".to_owned() };
                (past, format!("{expression} IS NULL"))
            }
            value => {
                let bound = parameters.bind(value.clone());
                let sign = if *descending { "<" } else { ">" };
                let past = if is_never_null(expression) || *descending {
                    format!("{expression} {sign} {bound}")
                } else {
                    format!("({expression} {sign} {bound} OR {expression} IS NULL)")
                };
                (past, format!("{expression} = {bound}"))
            }
        };
        let mut term = equal.clone();
        term.push(past);
        either.push(format!("({})", term.join(" AND ")));
        equal.push(same);
    }
    format!("({})", either.join(" OR "))
}
