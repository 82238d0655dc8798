//! Whether a bbox is the envelope of a geometry (RFC 7946, section 5): pure.
//!
//! Longitudes and latitudes in degrees. A bbox whose west is greater than its east crosses the antimeridian; section
//! 3.1.9 has the geometry of such an item cut there, one part ending at 180 and another starting at -180.

use serde_json::Value;

/// Differences up to this are rounding: about ten centimetres.
const TOLERANCE: f64 = 1e-6;

/// A rectangle; `west > east` when it crosses the antimeridian.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Envelope {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Envelope {
    fn matches(self, other: Self) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= TOLERANCE;
        near(self.west, other.west)
            && near(self.south, other.south)
            && near(self.east, other.east)
            && near(self.north, other.north)
    }

    fn shown(self) -> String {
        format!("[{}, {}, {}, {}]", self.west, self.south, self.east, self.north)
    }
}

/// Holds the bbox of an item against its geometry; says what was found and expected when they differ. A bbox or a
/// geometry that is not well-formed is left to the schema.
#[must_use]
pub fn check(item: &Value) -> Option<String> {
    let found = read_bbox(item.get("bbox")?)?;
    let mut parts = Vec::new();
    collect_parts(item.get("geometry")?, &mut parts);
    let plain = envelope_of(&parts)?;
    let crossing = crossing_of_cut(&parts, plain);
    let fits = if found.west > found.east {
        crossing_of_claim(&parts, plain, found).is_some_and(|expected| found.matches(expected))
    } else {
        (found.matches(plain) && crossing.is_none()) || reaches_pole(found, plain)
    };
    if fits {
        return None;
    }
    let expected = crossing.unwrap_or(plain).shown();
    Some(format!("found {}, expected {expected}, the envelope of the geometry", found.shown()))
}

fn read_bbox(bbox: &Value) -> Option<Envelope> {
    let numbers: Vec<f64> = bbox.as_array()?.iter().map(Value::as_f64).collect::<Option<_>>()?;
    match numbers[..] {
        [west, south, east, north] | [west, south, _, east, north, _] => Some(Envelope { west, south, east, north }),
        _ => None,
    }
}

/// The positions of each connected part: of a multi-geometry, of each of its members.
fn collect_parts(geometry: &Value, parts: &mut Vec<Vec<(f64, f64)>>) {
    let coordinates = geometry.get("coordinates");
    match geometry.get("type").and_then(Value::as_str) {
        Some("GeometryCollection") => {
            for member in geometry.get("geometries").and_then(Value::as_array).into_iter().flatten() {
                collect_parts(member, parts);
            }
        }
        Some("MultiPoint" | "MultiLineString" | "MultiPolygon") => {
            for member in coordinates.and_then(Value::as_array).into_iter().flatten() {
                parts.push(positions(member));
            }
        }
        _ => parts.extend(coordinates.map(positions)),
    }
    parts.retain(|part| !part.is_empty());
}

fn positions(coordinates: &Value) -> Vec<(f64, f64)> {
    let mut found = Vec::new();
    let mut waiting = vec![coordinates];
    while let Some(Value::Array(elements)) = waiting.pop() {
        match elements.as_slice() {
            [Value::Number(lon), Value::Number(lat), ..] => found.extend(lon.as_f64().zip(lat.as_f64())),
            nested => waiting.extend(nested.iter().filter(|element| element.is_array())),
        }
    }
    found
}

fn envelope_of(parts: &[Vec<(f64, f64)>]) -> Option<Envelope> {
    parts.iter().flatten().fold(None, |envelope: Option<Envelope>, &(lon, lat)| {
        let envelope = envelope.unwrap_or(Envelope { west: lon, south: lat, east: lon, north: lat });
        Some(Envelope {
            west: envelope.west.min(lon),
            south: envelope.south.min(lat),
            east: envelope.east.max(lon),
            north: envelope.north.max(lat),
        })
    })
}

/// The crossing envelope of a geometry that is plainly cut at the antimeridian: parts end at both sides of it, and
/// more than half of the earth lies between them.
fn crossing_of_cut(parts: &[Vec<(f64, f64)>], plain: Envelope) -> Option<Envelope> {
    if plain.west > -180.0 + TOLERANCE || plain.east < 180.0 - TOLERANCE {
        return None;
    }
    let mut spans: Vec<(f64, f64)> = parts
        .iter()
        .map(|part| {
            part.iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(west, east), &(lon, _)| (west.min(lon), east.max(lon)))
        })
        .collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut reached = f64::NEG_INFINITY;
    let mut widest = (0.0, plain);
    for (west, east) in spans {
        if reached.is_finite() && west - reached > widest.0 {
            widest = (west - reached, Envelope { west, east: reached, ..plain });
        }
        reached = reached.max(east);
    }
    (widest.0 > 180.0).then_some(widest.1)
}

/// The crossing envelope when the bbox says that there is one: every position belongs to the side of its gap that it
/// is nearer to.
/// `None` when the way across is the longer one: then east and west are only exchanged.
fn crossing_of_claim(parts: &[Vec<(f64, f64)>], plain: Envelope, claim: Envelope) -> Option<Envelope> {
    let middle = f64::midpoint(claim.west, claim.east);
    let (mut west, mut east) = (f64::INFINITY, f64::NEG_INFINITY);
    for &(lon, _) in parts.iter().flatten() {
        let lon = if lon > 180.0 {
            lon - 360.0
        } else if lon < -180.0 {
            lon + 360.0
        } else {
            lon
        };
        if lon > middle {
            west = west.min(lon);
        } else {
            east = east.max(lon);
        }
    }
    let has_both_sides = west.is_finite() && east.is_finite();
    let is_shorter = 360.0 - (west - east) <= plain.east - plain.west + TOLERANCE;
    (has_both_sides && is_shorter).then_some(Envelope { west, east, ..plain })
}

/// Section 5.3: around a pole the bbox goes all around and up to it, farther than any position.
fn reaches_pole(found: Envelope, plain: Envelope) -> bool {
    let around = Envelope { west: -180.0, east: 180.0, ..plain };
    found.matches(Envelope { north: 90.0, ..around }) || found.matches(Envelope { south: -90.0, ..around })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(bbox: Value, kind: &str, coordinates: Value) -> Option<String> {
        check(&json!({"bbox": bbox, "geometry": {"type": kind, "coordinates": coordinates}}))
    }

    fn ring(west: f64, south: f64, east: f64, north: f64) -> Value {
        json!([[[west, south], [east, south], [east, north], [west, north], [west, south]]])
    }

    #[test]
    fn the_envelope_of_a_polygon_fits_with_or_without_heights() {
        assert_eq!(fault(json!([-50, -20, -48.5, -19]), "Polygon", ring(-50.0, -20.0, -48.5, -19.0)), None);
        assert_eq!(fault(json!([-50, -20, 0, -48.5, -19, 9]), "Polygon", ring(-50.0, -20.0, -48.5, -19.0)), None);
        assert_eq!(fault(json!([1, 2, 1, 2]), "Point", json!([1, 2])), None);
    }

    #[test]
    fn another_rectangle_does_not_fit() {
        assert_eq!(
            fault(json!([-50, -20, -48, -19]), "Polygon", ring(-50.0, -20.0, -48.5, -19.0)).as_deref(),
            Some("found [-50, -20, -48, -19], expected [-50, -20, -48.5, -19], the envelope of the geometry")
        );
        assert!(fault(json!([-48.5, -20, -50, -19]), "Polygon", ring(-50.0, -20.0, -48.5, -19.0)).is_some());
    }

    #[test]
    fn a_geometry_cut_at_the_antimeridian_has_a_crossing_bbox() {
        let cut = json!([ring(179.0, 0.0, 180.0, 1.0), ring(-180.0, 0.0, -178.0, 1.0)]);
        assert_eq!(fault(json!([179, 0, -178, 1]), "MultiPolygon", cut.clone()), None);
        for wrong in [json!([-180, 0, 180, 1]), json!([-178, 0, 179, 1]), json!([178, 0, -178, 1])] {
            let message = fault(wrong.clone(), "MultiPolygon", cut.clone()).unwrap_or_default();
            assert!(message.contains("expected [179, 0, -178, 1]"), "{wrong}: {message}");
        }
    }

    #[test]
    fn an_uncut_polygon_may_be_read_across_the_antimeridian() {
        let across = json!([[[179, 0], [-178, 0], [-178, 1], [179, 1], [179, 0]]]);
        assert_eq!(fault(json!([179, 0, -178, 1]), "Polygon", across), None);
        assert_eq!(fault(json!([179, 0, -178, 1]), "Polygon", ring(179.0, 0.0, 182.0, 1.0)), None);
    }

    #[test]
    fn the_whole_earth_and_a_pole_go_all_around() {
        assert_eq!(fault(json!([-180, -90, 180, 90]), "Polygon", ring(-180.0, -90.0, 180.0, 90.0)), None);
        assert_eq!(
            fault(json!([-180, 80, 180, 90]), "Polygon", json!([[[0, 80], [120, 80], [-120, 80], [0, 80]]])),
            None
        );
    }

    #[test]
    fn what_is_not_well_formed_is_left_to_the_schema() {
        assert_eq!(fault(json!([1, 2, 3]), "Point", json!([1, 2])), None);
        assert_eq!(fault(json!([1, 2, 3, 4]), "Point", json!(["a"])), None);
        assert_eq!(check(&json!({"geometry": null})), None);
    }
}
