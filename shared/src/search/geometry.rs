//! Geometries of GeoJSON: checked member by member, and their boxes.

use serde_json::Value;

use super::item::Fault;

/// West, south, east, north, in degrees; west is never past east.
pub type Envelope = [f64; 4];

/// How deep geometry collections may stand in each other.
const DEEPEST_COLLECTION: usize = 4;

/// How many positions a ring has at least (RFC 7946, 3.1.6).
const SHORTEST_RING: usize = 4;

/// How many faults of one geometry are told: a list in the wrong order breaks every position.
const FAULTS_TOLD: usize = 10;

/// Checks a geometry and measures it: the envelope of each of its connected parts.
///
/// # Errors
///
/// Every fault, each with its place below `at`; past ten the rest is counted.
pub fn check(geometry: &Value, at: &str) -> Result<Vec<Envelope>, Vec<Fault>> {
    let mut check = Check { faults: Vec::new(), more: 0, parts: Vec::new() };
    check.geometry(geometry, at, 0);
    if check.more > 0 {
        let more = check.more;
        check.faults.push(Fault::new(at, format!("it has {more} more faults")));
    }
    if check.faults.is_empty() { Ok(check.parts) } else { Err(check.faults) }
}

/// The envelope of several.
#[must_use]
pub fn union(envelopes: &[Envelope]) -> Option<Envelope> {
    envelopes.iter().copied().reduce(|[west, south, east, north], other| {
        [west.min(other[0]), south.min(other[1]), east.max(other[2]), north.max(other[3])]
    })
}

/// The boxes that a bounding box in the order of STAC stands for: two when it crosses the antimeridian. A third
/// dimension is left out.
///
/// # Errors
///
/// What is wrong with it, as the end of a sentence.
pub fn boxes_of(numbers: &[f64]) -> Result<Vec<Envelope>, String> {
    let [west, south, east, north] = match *numbers {
        [west, south, east, north] => [west, south, east, north],
        [west, south, low, east, north, high] => {
            if low > high {
                return Err(format!("its lowest height {low} is above its highest {high}"));
            }
            [west, south, east, north]
        }
        _ => return Err(format!("it has {} numbers, expected 4 or 6", numbers.len())),
    };
    for longitude in [west, east] {
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(format!("the longitude {longitude} is out of range, expected -180 to 180"));
        }
    }
    for latitude in [south, north] {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(format!("the latitude {latitude} is out of range, expected -90 to 90"));
        }
    }
    if south > north {
        return Err(format!("its south {south} is north of its north {north}"));
    }
    Ok(if west > east {
        vec![[west, south, 180.0, north], [-180.0, south, east, north]]
    } else {
        vec![[west, south, east, north]]
    })
}

struct Check {
    faults: Vec<Fault>,
    more: usize,
    parts: Vec<Envelope>,
}

impl Check {
    fn fault(&mut self, at: &str, detail: impl Into<String>) {
        if self.faults.len() < FAULTS_TOLD {
            self.faults.push(Fault::new(at, detail));
        } else {
            self.more += 1;
        }
    }

    fn geometry(&mut self, geometry: &Value, at: &str, depth: usize) {
        let Some(object) = geometry.as_object() else {
            return self.fault(at, "it is no object, expected a geometry of GeoJSON");
        };
        let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "GeometryCollection" {
            return self.collection(object.get("geometries"), at, depth);
        }
        let at = format!("{at}/coordinates");
        let Some(coordinates) = object.get("coordinates") else {
            return self.fault(&at, "it is missing");
        };
        match kind {
            "Point" => self.whole(coordinates, &at, |check, value, at| check.position(value, at).into_iter().collect()),
            "MultiPoint" => self.each(coordinates, &at, |check, value, at| {
                check.whole(value, at, |check, value, at| check.position(value, at).into_iter().collect());
            }),
            "LineString" => self.whole(coordinates, &at, |check, value, at| check.line(value, at, 2)),
            "MultiLineString" => self.each(coordinates, &at, |check, value, at| {
                check.whole(value, at, |check, value, at| check.line(value, at, 2));
            }),
            "Polygon" => self.whole(coordinates, &at, Self::polygon),
            "MultiPolygon" => {
                self.each(coordinates, &at, |check, value, at| check.whole(value, at, Self::polygon));
            }
            _ => {
                let place = at.trim_end_matches("/coordinates");
                let found: String = kind.chars().take(40).collect();
                self.fault(&format!("{place}/type"), format!("it is {found:?}, expected a geometry of GeoJSON"));
            }
        }
    }

    fn collection(&mut self, geometries: Option<&Value>, at: &str, depth: usize) {
        let place = format!("{at}/geometries");
        if depth >= DEEPEST_COLLECTION {
            return self.fault(&place, "geometry collections stand in each other too deeply");
        }
        let Some(geometries) = geometries else {
            return self.fault(&place, "it is missing");
        };
        self.each(geometries, &place, |check, value, at| check.geometry(value, at, depth + 1));
    }

    /// Measures one connected part by its positions.
    fn whole(&mut self, value: &Value, at: &str, read: impl FnOnce(&mut Self, &Value, &str) -> Vec<(f64, f64)>) {
        let points = read(self, value, at);
        let boxes: Vec<Envelope> = points.into_iter().map(|(lon, lat)| [lon, lat, lon, lat]).collect();
        self.parts.extend(union(&boxes));
    }

    fn each(&mut self, value: &Value, at: &str, mut check: impl FnMut(&mut Self, &Value, &str)) {
        match value.as_array() {
            Some(values) if values.is_empty() => self.fault(at, "it is empty"),
            Some(values) => {
                for (number, value) in values.iter().enumerate() {
                    check(self, value, &format!("{at}/{number}"));
                }
            }
            None => self.fault(at, "it is no list"),
        }
    }

    /// The positions of the outer ring; the holes are checked.
    fn polygon(&mut self, value: &Value, at: &str) -> Vec<(f64, f64)> {
        let mut outer = None;
        self.each(value, at, |check, ring, at| {
            let points = check.line(ring, at, SHORTEST_RING);
            if points.len() >= SHORTEST_RING && points.first() != points.last() {
                check.fault(at, "the ring is open, expected its last position to be its first");
            }
            outer.get_or_insert(points);
        });
        outer.unwrap_or_default()
    }

    fn line(&mut self, value: &Value, at: &str, shortest: usize) -> Vec<(f64, f64)> {
        let Some(positions) = value.as_array() else {
            self.fault(at, "it is no list of positions");
            return Vec::new();
        };
        if positions.len() < shortest {
            self.fault(at, format!("it has {} positions, expected at least {shortest}", positions.len()));
        }
        let mut points = Vec::with_capacity(positions.len());
        for (number, position) in positions.iter().enumerate() {
            match point(position) {
                Ok(point) => points.push(point),
                Err(detail) => self.fault(&format!("{at}/{number}"), detail),
            }
        }
        points
    }

    fn position(&mut self, value: &Value, at: &str) -> Option<(f64, f64)> {
        point(value).map_err(|detail| self.fault(at, detail)).ok()
    }
}

/// Longitude and latitude of a position, in degrees.
fn point(value: &Value) -> Result<(f64, f64), String> {
    let numbers = value.as_array().map(|values| values.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
    let Some(Some(numbers)) = numbers else {
        return Err("it is no position, expected a list of numbers".to_owned());
    };
    let (lon, lat) = match *numbers {
        [lon, lat] | [lon, lat, _] => (lon, lat),
        _ => return Err(format!("the position has {} numbers, expected 2 or 3", numbers.len())),
    };
    if !(-180.0..=180.0).contains(&lon) {
        return Err(format!("the longitude {lon} is out of range, expected -180 to 180"));
    }
    if !(-90.0..=90.0).contains(&lat) {
        return Err(format!("the latitude {lat} is out of range, expected -90 to 90"));
    }
    Ok((lon, lat))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(geometry: Value) -> Vec<String> {
        check(&geometry, "/geometry").unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_part_has_its_own_envelope() {
        let square = |x: f64| json!([[[x, 0.0], [x + 1.0, 0.0], [x + 1.0, 2.0], [x, 2.0], [x, 0.0]]]);
        let geometry = json!({"type": "MultiPolygon", "coordinates": [square(179.0), square(-180.0)]});
        assert_eq!(check(&geometry, "").unwrap(), [[179.0, 0.0, 180.0, 2.0], [-180.0, 0.0, -179.0, 2.0]]);
        let geometry = json!({"type": "GeometryCollection", "geometries": [
            {"type": "Point", "coordinates": [1, 2, 3]}, {"type": "LineString", "coordinates": [[4, 5], [6, 3]]}]});
        assert_eq!(check(&geometry, "").unwrap(), [[1.0, 2.0, 1.0, 2.0], [4.0, 3.0, 6.0, 5.0]]);
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let geometry = json!({"type": "Polygon", "coordinates": [[[0, 0], [181, 0], [1, -91], [0, 1], [0, 0.5]]]});
        assert_eq!(
            faults(geometry),
            [
                "/geometry/coordinates/0/1: the longitude 181 is out of range, expected -180 to 180",
                "/geometry/coordinates/0/2: the latitude -91 is out of range, expected -90 to 90",
            ]
        );
        let open = json!({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]});
        assert_eq!(
            faults(open),
            ["/geometry/coordinates/0: the ring is open, expected its last position to be its first"]
        );
    }

    #[test]
    fn what_is_no_geometry_is_refused() {
        for (geometry, says) in [
            (json!(7), "no object"),
            (json!({}), "missing"),
            (json!({"type": "Circle", "coordinates": []}), "/type"),
            (json!({"type": "Polygon", "coordinates": []}), "empty"),
            (json!({"type": "Polygon", "coordinates": [[]]}), "0 positions"),
            (json!({"type": "Point", "coordinates": ["a", 1]}), "no position"),
            (json!({"type": "Point", "coordinates": [1]}), "1 numbers"),
            (json!({"type": "GeometryCollection"}), "geometries: it is missing"),
        ] {
            let told = faults(geometry.clone());
            assert!(told[0].contains(says), "{geometry}: {told:?}");
        }
        let mut deep = json!({"type": "Point", "coordinates": [0, 0]});
        for _ in 0..8 {
            deep = json!({"type": "GeometryCollection", "geometries": [deep]});
        }
        assert!(faults(deep)[0].contains("too deeply"));
    }

    #[test]
    fn a_thousand_faults_are_counted_not_told() {
        let positions = vec![json!([999, 0]); 1_000];
        let told = faults(json!({"type": "LineString", "coordinates": positions}));
        assert_eq!((told.len(), told[10].as_str()), (11, "/geometry: it has 990 more faults"));
    }

    #[test]
    fn a_box_over_the_antimeridian_is_two() {
        assert_eq!(boxes_of(&[1.0, 2.0, 3.0, 4.0]).unwrap(), [[1.0, 2.0, 3.0, 4.0]]);
        assert_eq!(boxes_of(&[1.0, 2.0, -9.0, 3.0, 4.0, 9.0]).unwrap(), [[1.0, 2.0, 3.0, 4.0]]);
        assert_eq!(
            boxes_of(&[179.0, -1.0, -179.0, 1.0]).unwrap(),
            [[179.0, -1.0, 180.0, 1.0], [-180.0, -1.0, -179.0, 1.0]]
        );
        for numbers in [&[1.0][..], &[0.0, 5.0, 1.0, 4.0], &[-181.0, 0.0, 0.0, 0.0], &[0.0, 0.0, 0.0, f64::NAN]] {
            assert!(boxes_of(numbers).is_err(), "{numbers:?}");
        }
    }
}
