//! Geometries as PostGIS takes them fastest: EWKB, made of GeoJSON.

use serde::Deserialize;
use serde_json::value::RawValue;

/// WGS 84, as all of GeoJSON is.
const SRID: u32 = 4326;

/// What an integer says that a geometry's kind is kept in: that the SRID follows.
const WITH_SRID: u32 = 0x2000_0000;

const LITTLE_ENDIAN: u8 = 1;

/// A geometry that says nothing but its kind and where it is: a `crs`, for one, is for the database to understand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Geometry<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(borrow)]
    coordinates: &'a RawValue,
}

#[derive(Deserialize, Clone, Copy)]
enum Kind {
    Point = 1,
    LineString = 2,
    Polygon = 3,
    MultiPoint = 4,
    MultiLineString = 5,
    MultiPolygon = 6,
}

type Position = [Number; 2];

/// A number, read to the nearest double, as the database reads it.
#[derive(Deserialize, Clone, Copy)]
#[serde(try_from = "&RawValue")]
struct Number(f64);

impl TryFrom<&RawValue> for Number {
    type Error = std::num::ParseFloatError;

    fn try_from(raw: &RawValue) -> Result<Self, Self::Error> {
        raw.get().parse().map(Self)
    }
}

/// A checked geometry in EWKB; none when it is of a kind that is better left to the database: one of three dimensions,
/// with an empty part, or made of others.
pub(super) fn well_known_binary(geometry: &str) -> Option<Vec<u8>> {
    let geometry: Geometry<'_> = serde_json::from_str(geometry).ok()?;
    let coordinates = geometry.coordinates.get();
    let mut to = Vec::with_capacity(coordinates.len());
    to.push(LITTLE_ENDIAN);
    integer(&mut to, geometry.kind as u32 | WITH_SRID);
    integer(&mut to, SRID);
    match geometry.kind {
        Kind::Point => position(&mut to, read(coordinates)?),
        Kind::LineString => positions(&mut to, &read::<Vec<Position>>(coordinates)?)?,
        Kind::Polygon => rings(&mut to, &read::<Vec<Vec<Position>>>(coordinates)?)?,
        Kind::MultiPoint => parts(&mut to, Kind::Point, &read::<Vec<Position>>(coordinates)?, |to, part| {
            position(to, *part);
            Some(())
        })?,
        Kind::MultiLineString => {
            parts(&mut to, Kind::LineString, &read::<Vec<Vec<Position>>>(coordinates)?, |to, part| {
                positions(to, part)
            })?;
        }
        Kind::MultiPolygon => {
            parts(&mut to, Kind::Polygon, &read::<Vec<Vec<Vec<Position>>>>(coordinates)?, |to, part| rings(to, part))?;
        }
    }
    Some(to)
}

fn read<'a, T: Deserialize<'a>>(coordinates: &'a str) -> Option<T> {
    serde_json::from_str(coordinates).ok()
}

fn integer(to: &mut Vec<u8>, number: u32) {
    to.extend_from_slice(&number.to_le_bytes());
}

/// How many follow; none when there is nothing.
fn count(to: &mut Vec<u8>, count: usize) -> Option<()> {
    integer(to, u32::try_from(count).ok().filter(|count| *count > 0)?);
    Some(())
}

fn position(to: &mut Vec<u8>, position: Position) {
    for Number(number) in position {
        to.extend_from_slice(&number.to_le_bytes());
    }
}

fn positions(to: &mut Vec<u8>, all: &[Position]) -> Option<()> {
    count(to, all.len())?;
    all.iter().for_each(|one| position(to, *one));
    Some(())
}

fn rings(to: &mut Vec<u8>, rings: &[Vec<Position>]) -> Option<()> {
    count(to, rings.len())?;
    rings.iter().try_for_each(|ring| positions(to, ring))
}

fn parts<T>(to: &mut Vec<u8>, kind: Kind, parts: &[T], write: impl Fn(&mut Vec<u8>, &T) -> Option<()>) -> Option<()> {
    count(to, parts.len())?;
    parts.iter().try_for_each(|part| {
        to.push(LITTLE_ENDIAN);
        integer(to, kind as u32);
        write(to, part)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_its_kind_its_srid_and_two_doubles() {
        let mut expected = vec![1, 1, 0, 0, 0x20, 0xe6, 0x10, 0, 0];
        expected.extend_from_slice(&(-47.5_f64).to_le_bytes());
        expected.extend_from_slice(&0.1_f64.to_le_bytes());
        assert_eq!(well_known_binary(r#"{"type":"Point","coordinates":[-47.5, 1e-1]}"#).unwrap(), expected);
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_left_to_the_database() {
        for text in [
            r#"{"type":"Point","coordinates":[1,2,3]}"#,
            r#"{"type":"Point","coordinates":[]}"#,
            r#"{"type":"Polygon","coordinates":[]}"#,
            r#"{"type":"Polygon","coordinates":[[]]}"#,
            r#"{"type":"Point","coordinates":[1,2],"crs":{"type":"name","properties":{"name":"EPSG:3857"}}}"#,
            r#"{"type":"GeometryCollection","geometries":[]}"#,
            "null",
        ] {
            assert_eq!(well_known_binary(text), None, "{text}");
        }
    }
}
