//! What SQL calls back: geometry, time, text and lists, as CQL2 means them.

use std::collections::HashSet;

use geo::{Geometry, Intersects, Relate};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error, Result};
use serde_json::Value;

use crate::search::cql::instant;

type Failure = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Makes the functions known to a connection.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("meets", 2, flags, |context| {
        let left = geometry(context.get_raw(0).as_str()?).map_err(Error::UserFunctionError)?;
        let right = context.get_or_create_aux(1, |value| geometry(value.as_str()?))?;
        Ok(left.intersects(&*right))
    })?;
    connection.create_scalar_function("spatial", 3, flags, spatial)?;
    connection.create_scalar_function("instant", 1, flags, |context| {
        // Anything but a text that is a time is unknown.
        Ok(context.get_raw(0).as_str().ok().and_then(instant))
    })?;
    connection.create_scalar_function("casei", 1, flags, |context| {
        Ok(context.get_raw(0).as_str().ok().map(str::to_lowercase))
    })?;
    connection.create_scalar_function("accenti", 1, flags, |context| {
        Ok(context.get_raw(0).as_str().ok().map(unaccent::unaccent))
    })?;
    connection.create_scalar_function("compute", 3, flags, compute)?;
    connection.create_scalar_function("lists", 3, flags, lists)
}

/// A geometry of GeoJSON.
fn geometry(text: &str) -> std::result::Result<Geometry<f64>, Failure> {
    let geometry: geojson::Geometry = serde_json::from_str(text)?;
    Ok(geometry.try_into()?)
}

/// `spatial(operator, left, right)`, unknown when one of the two is.
fn spatial(context: &Context<'_>) -> Result<Option<bool>> {
    let operator = context.get_raw(0).as_str()?;
    let (Ok(left), Ok(right)) = (context.get_raw(1).as_str(), context.get_raw(2).as_str()) else {
        return Ok(None);
    };
    let read = |text: &str| geometry(text).map_err(Error::UserFunctionError);
    let (left, right) = (read(left)?, read(right)?);
    let holds = match operator {
        "s_intersects" => left.intersects(&right),
        "s_disjoint" => !left.intersects(&right),
        other => {
            let relation = left.relate(&right);
            match other {
                "s_equals" => relation.is_equal_topo(),
                "s_touches" => relation.is_touches(),
                "s_within" => relation.is_within(),
                "s_overlaps" => relation.is_overlaps(),
                "s_crosses" => relation.is_crosses(),
                "s_contains" => relation.is_contains(),
                _ => return Ok(None),
            }
        }
    };
    Ok(Some(holds))
}

/// `compute(operator, left, right)`, unknown when the result is no number.
fn compute(context: &Context<'_>) -> Result<Option<f64>> {
    let operator = context.get_raw(0).as_str()?;
    let (Some(left), Some(right)) = (context.get::<Option<f64>>(1)?, context.get::<Option<f64>>(2)?) else {
        return Ok(None);
    };
    let result = match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        "^" => left.powf(right),
        "div" => (left / right).trunc(),
        _ => return Ok(None),
    };
    Ok(result.is_finite().then_some(result))
}

/// `lists(operator, left, right)` of two lists in JSON; unknown when one of the two is none.
fn lists(context: &Context<'_>) -> Result<Option<bool>> {
    let operator = context.get_raw(0).as_str()?;
    let list = |at: usize| -> Option<HashSet<String>> {
        let values: Vec<Value> = serde_json::from_str(context.get_raw(at).as_str().ok()?).ok()?;
        Some(values.iter().map(comparable).collect())
    };
    let (Some(left), Some(right)) = (list(1), list(2)) else { return Ok(None) };
    Ok(match operator {
        "a_equals" => Some(left == right),
        "a_contains" => Some(left.is_superset(&right)),
        "a_containedBy" => Some(left.is_subset(&right)),
        "a_overlaps" => Some(!left.is_disjoint(&right)),
        _ => None,
    })
}

/// A value as a text that is the same for equal ones: 1 and 1.0 are.
fn comparable(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.is_number() => format!("{number:?}"),
        _ => value.to_string(),
    }
}
