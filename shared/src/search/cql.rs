//! What the parts of a CQL2 expression are, whatever index is asked.

use chrono::DateTime;
use cql2::{Expr, Geometry};
use serde_json::Value;

use super::filter::FilterError;
use super::geometry::{self, Envelope};
use super::query::Field;

/// What values are compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Text,
    Truth,
    /// Microseconds since 1970.
    Instant,
}

/// Properties that hold a time by STAC's common metadata: a text that they are compared with is read as one.
pub(crate) const TIMES: [&str; 7] =
    ["datetime", "start_datetime", "end_datetime", "created", "updated", "published", "expires"];

pub(crate) fn is_geometry_property(expr: &Expr) -> bool {
    matches!(expr, Expr::Property { property } if Field::parse(property) == Ok(Field::Geometry))
}

/// A geometry that the filter spells out, as GeoJSON; none when the expression is something else.
pub(crate) fn literal_geometry(expr: &Expr) -> Result<Option<String>, FilterError> {
    let value = match expr {
        Expr::Geometry(Geometry::GeoJSON(geometry)) => {
            serde_json::to_value(geometry).map_err(|error| refused(format!("a geometry of the filter: {error}")))?
        }
        Expr::Geometry(wkt) => {
            serde_json::to_value(wkt).map_err(|error| refused(format!("a geometry of the filter: {error}")))?
        }
        Expr::BBox { bbox } => {
            let numbers: Option<Vec<f64>> = bbox
                .iter()
                .map(|number| match **number {
                    Expr::Float(number) => Some(number),
                    _ => None,
                })
                .collect();
            let numbers = numbers.ok_or_else(|| refused("a BBOX of the filter holds something else than numbers"))?;
            let boxes =
                geometry::boxes_of(&numbers).map_err(|reason| refused(format!("a BBOX of the filter: {reason}")))?;
            return Ok(Some(boxes_as_geojson(&boxes)));
        }
        _ => return Ok(None),
    };
    geometry::check(&value, "").map_err(|faults| {
        let fault = faults.first().map(ToString::to_string).unwrap_or_default();
        refused(format!("a geometry of the filter: {fault}"))
    })?;
    Ok(Some(value.to_string()))
}

/// Boxes as one geometry.
pub(crate) fn boxes_as_geojson(boxes: &[Envelope]) -> String {
    let polygons: Vec<Value> = boxes
        .iter()
        .map(|[west, south, east, north]| {
            serde_json::json!([[[west, south], [east, south], [east, north], [west, north], [west, south]]])
        })
        .collect();
    serde_json::json!({"type": "MultiPolygon", "coordinates": polygons}).to_string()
}

/// What operands are compared as; none when they are properties or NULL only.
pub(crate) fn kind_of(operands: &[&Expr]) -> Result<Option<Kind>, FilterError> {
    let mut kind = None;
    let mut is_time = false;
    for operand in operands {
        let found = match operand {
            Expr::Float(_) => Some(Kind::Number),
            Expr::Literal(_) => Some(Kind::Text),
            Expr::Bool(_) => Some(Kind::Truth),
            Expr::Timestamp { .. } | Expr::Date { .. } => Some(Kind::Instant),
            Expr::Operation { op, .. } if cql2::ARITHOPS.contains(&op.as_str()) => Some(Kind::Number),
            Expr::Operation { op, .. } if op == "casei" || op == "accenti" => Some(Kind::Text),
            Expr::Operation { .. } => Some(Kind::Truth),
            Expr::Property { property } => match field(property)? {
                Field::Id | Field::Collection => Some(Kind::Text),
                Field::Datetime | Field::End => Some(Kind::Instant),
                Field::Geometry => return Err(refused("geometry is compared with something that is no geometry")),
                Field::Property(names) => {
                    is_time |= matches!(names.as_slice(), [name] if TIMES.contains(&name.as_str()));
                    None
                }
            },
            Expr::Null => None,
            _ => return Err(refused("the filter compares something that is no single value")),
        };
        // What is beside a time is one, if it can be.
        kind = match (kind, found) {
            (Some(Kind::Instant), _) | (_, Some(Kind::Instant)) => Some(Kind::Instant),
            (first, found) => first.or(found),
        };
    }
    let are_times = operands.iter().all(|operand| match operand {
        Expr::Literal(text) => instant(text).is_some(),
        _ => true,
    });
    Ok(match kind {
        Some(Kind::Text) if is_time && are_times => Some(Kind::Instant),
        other => other,
    })
}

pub(crate) fn literal_instant(expr: &Expr) -> Result<i64, FilterError> {
    let text = match expr {
        Expr::Literal(text) => text,
        Expr::Timestamp { timestamp: inner } | Expr::Date { date: inner } => match &**inner {
            Expr::Literal(text) => text,
            _ => return Err(refused("a time of the filter is no text")),
        },
        _ => return Err(refused("a time of the filter is no text")),
    };
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.clone() };
    instant(&whole).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        refused(format!("{shown:?} is no time such as 2017-06-18T13:04:05Z, nor a date"))
    })
}

pub(crate) fn field(name: &str) -> Result<Field, FilterError> {
    Field::parse(name).map_err(|reason| {
        let shown: String = name.chars().take(80).collect();
        refused(format!("{shown:?} is no property that can be asked for: {reason}"))
    })
}

pub(crate) fn refused(reason: impl Into<String>) -> FilterError {
    FilterError(reason.into())
}

/// A time of RFC 3339 in microseconds since 1970.
pub(crate) fn instant(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros())
}
