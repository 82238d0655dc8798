//! Footprints: any four corners.

use bolero::check;
use lazycat::scene::geometry::footprint;
use serde_json::{Value, json};

/// The numbers of an array.
pub(crate) fn numbers(array: &Value) -> Vec<f64> {
    array.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// What is promised of a geometry and of its bounding box (RFC 7946).
pub(crate) fn must_be_sound(geometry: &Value, bbox: &Value) {
    assert_eq!(geometry["type"], "MultiPolygon");
    let polygons = geometry["coordinates"].as_array().unwrap();
    let [west, south, east, north] = numbers(bbox).try_into().unwrap();
    assert!((1..=2).contains(&polygons.len()));
    assert_eq!(polygons.len() == 2, west > east, "{geometry} {bbox}");
    let (mut norths, mut souths) = (Vec::new(), Vec::new());
    for polygon in polygons {
        let ring: Vec<[f64; 2]> =
            polygon[0].as_array().unwrap().iter().map(|at| numbers(at).try_into().unwrap()).collect();
        assert!(ring.len() >= 4 && ring.first() == ring.last(), "{ring:?}");
        let area: f64 = ring.windows(2).map(|edge| edge[0][0] * edge[1][1] - edge[1][0] * edge[0][1]).sum();
        // An area as small as that of a pixel may drown in the digits of its coordinates.
        assert!(area > -1e-10, "{ring:?} is clockwise: {area}");
        for [lon, lat] in ring {
            assert!((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat), "{lon} {lat}");
            let within = if west <= east { (west..=east).contains(&lon) } else { lon >= west || lon <= east };
            assert!(within && (south..=north).contains(&lat), "{lon} {lat} is not in {bbox}");
            norths.push(lat);
            souths.push(lat);
        }
    }
    assert!(norths.contains(&north) && souths.contains(&south), "{bbox} is wider than {geometry}");
}

#[test]
fn any_four_corners_are_a_sound_footprint_or_refused() {
    let lon = || (0_u8..5, -180_000_000_i32..=180_000_000);
    let corner = || (lon(), -90_000_000_i32..=90_000_000);
    let corners = [corner(), corner(), corner(), corner()];
    check!().with_generator(corners).with_iterations(20_000).for_each(|corners| {
        // Some far apart, some near to each other, some on the lines that matter.
        let corners = corners.map(|((kind, lon), lat)| {
            let (lon, lat) = (f64::from(lon) * 1e-6, f64::from(lat) * 1e-6);
            match kind {
                0 => [lon, lat],
                1 => [lon / 20.0, lat / 20.0],
                2 => [if lon < 0.0 { lon / 60.0 - 177.0 } else { lon / 60.0 + 177.0 }, lat / 20.0],
                3 => [180.0_f64.copysign(lon), lat.round()],
                _ => [(lon / 60.0).round(), (lat / 60.0).round()],
            }
        });
        if let Ok(footprint) = footprint(corners) {
            let polygons: Vec<_> = footprint.rings.iter().map(|ring| [ring]).collect();
            must_be_sound(&json!({"type": "MultiPolygon", "coordinates": polygons}), &json!(footprint.bbox));
        }
    });
}
