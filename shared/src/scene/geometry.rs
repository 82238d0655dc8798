//! Footprints on the sphere: longitudes that wrap, rings that cross the antimeridian.
//!
//! Positions are `[lon, lat]` in degrees, WGS 84, as in GeoJSON (RFC 7946).

/// `[lon, lat]`, degrees.
pub type Position = [f64; 2];

/// A footprint, ready for an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Footprint {
    /// One closed, counter-clockwise ring, or two where the antimeridian cuts the footprint (RFC 7946, 3.1.9): first
    /// the part east of 0 degrees, then the one west of it.
    pub rings: Vec<Vec<Position>>,
    /// `[west, south, east, north]`; west is greater than east where the antimeridian is crossed (RFC 7946, 5.2).
    pub bbox: [f64; 4],
}

/// Why four corners are no footprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FootprintError {
    /// They lie on a line, or on a point.
    #[error("has no area")]
    NoArea,
    /// Two sides of the border meet elsewhere than at a corner, as in a bow tie.
    #[error("crosses itself")]
    CrossesItself,
    /// As wide as half the earth: which side of its border is inside cannot be told.
    #[error("is 180 degrees wide or wider")]
    TooWide,
}

/// Twice the least area that is one, in square degrees.
const LEAST_AREA: f64 = 1e-9;

/// The footprint that four corners, in order along its border, enclose.
///
/// Between two corners the shorter way round the earth is meant, so a footprint less than 180 degrees wide is told
/// from its corners alone. The first corner of the ring is the first given; the ring is turned round when it is
/// clockwise. Of a concave one that the antimeridian cuts in three, the two parts on one side hang together along it.
///
/// # Errors
///
/// When the corners enclose nothing, or half the earth, or the border crosses itself.
pub fn footprint(corners: [Position; 4]) -> Result<Footprint, FootprintError> {
    let mut ring = unwrap_longitudes(corners);
    let [west, _, east, _] = envelope(&ring);
    if east - west >= 180.0 {
        return Err(FootprintError::TooWide);
    }
    // A ring that only touches the antimeridian, from beyond it, is not cut: one part would enclose nothing.
    for (beyond, turn) in [(180.0, -360.0), (-180.0, 360.0)] {
        if ring.iter().all(|[lon, _]| lon / beyond >= 1.0) {
            ring.iter_mut().for_each(|[lon, _]| *lon += turn);
        }
    }
    must_be_simple(&ring)?;
    if twice_signed_area(&ring) < 0.0 {
        // The first corner stays the first.
        ring[1..].reverse();
    }
    let [west, _, east, _] = envelope(&ring);
    // The cut is at 180 where the ring runs beyond it to the east, at -180 where it does to the west.
    let cut = match (west < -180.0, east > 180.0) {
        (false, false) => return Ok(whole(ring.to_vec())),
        (_, true) => 180.0,
        (true, false) => -180.0,
    };
    let part = |side, turn: f64| -> Vec<Position> {
        clip(&ring, cut, side).into_iter().map(|[lon, lat]| [rounded(lon + turn), lat]).collect()
    };
    let (eastern, western) = (part(Side::West, 180.0 - cut), part(Side::East, -180.0 - cut));
    // A ring may reach beyond the antimeridian by less than a coordinate can tell.
    match (twice_signed_area(&eastern) < LEAST_AREA, twice_signed_area(&western) < LEAST_AREA) {
        (true, true) => Err(FootprintError::NoArea),
        (true, false) => Ok(whole(western)),
        (false, true) => Ok(whole(eastern)),
        (false, false) => {
            // Of both parts: the cut is rounded, and may reach a little farther than the corners.
            let ([west, south_of_one, _, north_of_one], [_, south, east, north]) =
                (envelope(&eastern), envelope(&western));
            let bbox = [west, south.min(south_of_one), east, north.max(north_of_one)];
            Ok(Footprint { rings: vec![closed(eastern), closed(western)], bbox })
        }
    }
}

/// A footprint of one ring.
fn whole(ring: Vec<Position>) -> Footprint {
    let bbox = envelope(&ring);
    Footprint { rings: vec![closed(ring)], bbox }
}

/// Refuses four corners that enclose nothing or whose border meets itself. At a corner the border turns left or right:
/// to one side at all four when it is convex, to the other side at one when it is concave, at two in a bow tie.
fn must_be_simple(ring: &[Position; 4]) -> Result<(), FootprintError> {
    let turns = [0, 1, 2, 3].map(|at| twice_signed_area(&[ring[at], ring[(at + 1) % 4], ring[(at + 2) % 4]]));
    let left = turns.iter().filter(|turn| **turn >= LEAST_AREA).count();
    let right = turns.iter().filter(|turn| **turn <= -LEAST_AREA).count();
    match (left, right) {
        (0 | 1, 0 | 1) => Err(FootprintError::NoArea),
        (_, 0) | (0, _) | (3, 1) | (1, 3) => Ok(()),
        _ => Err(FootprintError::CrossesItself),
    }
}

/// The mean of the corners, its longitude within [-180, 180].
#[must_use]
pub fn centre(corners: [Position; 4]) -> Position {
    let ring = unwrap_longitudes(corners);
    let lon = ring.iter().map(|[lon, _]| lon).sum::<f64>() / 4.0;
    let lat = ring.iter().map(|[_, lat]| lat).sum::<f64>() / 4.0;
    [wrap_longitude(lon), lat]
}

/// The same meridian within [-180, 180].
#[must_use]
pub fn wrap_longitude(lon: f64) -> f64 {
    if (-180.0..=180.0).contains(&lon) { lon } else { (lon + 180.0).rem_euclid(360.0) - 180.0 }
}

/// The mean of two angles in degrees on the circle, within [0, 360); `a` when they are opposite.
#[must_use]
pub fn circular_mean(a: f64, b: f64) -> f64 {
    // The difference by the shorter way, so that numbers on the same side of north keep their plain mean.
    let difference = (b - a + 180.0).rem_euclid(360.0) - 180.0;
    if difference == -180.0 {
        return whole_turns_off(a);
    }
    whole_turns_off(without_noise(a + difference / 2.0))
}

/// The same direction within [0, 360) degrees.
#[must_use]
pub fn whole_turns_off(degrees: f64) -> f64 {
    let direction = degrees.rem_euclid(360.0);
    // Just below 0 the nearest number to what is left is 360 itself.
    if direction < 360.0 { direction } else { 0.0 }
}

/// A number computed of such with few decimals, without what arithmetic leaves behind the ninth: 40.03215, not
/// 40.032149999999994.
#[must_use]
pub fn without_noise(degrees: f64) -> f64 {
    (degrees * 1e9).round() / 1e9
}

/// Longitudes without jumps: each within 180 degrees of the one before it.
fn unwrap_longitudes(corners: [Position; 4]) -> [Position; 4] {
    let mut ring = corners;
    for at in 1..ring.len() {
        let before = ring[at - 1][0];
        while ring[at][0] - before > 180.0 {
            ring[at][0] -= 360.0;
        }
        while ring[at][0] - before < -180.0 {
            ring[at][0] += 360.0;
        }
    }
    ring
}

/// `[west, south, east, north]` of positions without jumps.
fn envelope(ring: &[Position]) -> [f64; 4] {
    ring.iter().fold(
        [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
        |[west, south, east, north], [lon, lat]| [west.min(*lon), south.min(*lat), east.max(*lon), north.max(*lat)],
    )
}

fn twice_signed_area(ring: &[Position]) -> f64 {
    // Relative to the first corner, so that a small ring far from the origin keeps its digits.
    let Some([x0, y0]) = ring.first() else { return 0.0 };
    let mut sum = 0.0;
    for (at, [x, y]) in ring.iter().enumerate() {
        let [next_x, next_y] = ring[(at + 1) % ring.len()];
        sum += (x - x0) * (next_y - y0) - (next_x - x0) * (y - y0);
    }
    sum
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    West,
    East,
}

/// The part of a ring on one side of a meridian (Sutherland and Hodgman's way, for one edge).
fn clip(ring: &[Position], meridian: f64, side: Side) -> Vec<Position> {
    let inside = |lon: f64| if side == Side::West { lon <= meridian } else { lon >= meridian };
    let mut part: Vec<Position> = Vec::with_capacity(ring.len() + 2);
    for (at, &[lon, lat]) in ring.iter().enumerate() {
        let [next_lon, next_lat] = ring[(at + 1) % ring.len()];
        if inside(lon) {
            part.push([lon, lat]);
        }
        if inside(lon) != inside(next_lon) && lon != meridian && next_lon != meridian {
            let share = (meridian - lon) / (next_lon - lon);
            part.push([meridian, rounded(lat + share * (next_lat - lat))]);
        }
    }
    part
}

/// To the six decimals that INPE's coordinates have.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}

fn closed(mut ring: Vec<Position>) -> Vec<Position> {
    if let Some(first) = ring.first().copied() {
        ring.push(first);
    }
    ring
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_footprint_keeps_its_corners_and_closes() {
        let footprint = footprint([[23.4, 13.8], [24.5, 13.7], [24.8, 14.7], [23.7, 14.9]]).unwrap();
        assert_eq!(footprint.rings, [vec![[23.4, 13.8], [24.5, 13.7], [24.8, 14.7], [23.7, 14.9], [23.4, 13.8]]]);
        assert_eq!(footprint.bbox, [23.4, 13.7, 24.8, 14.9]);
    }

    #[test]
    fn a_clockwise_ring_is_turned_and_starts_where_it_did() {
        let footprint = footprint([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]]).unwrap();
        assert_eq!(footprint.rings[0], [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]);
    }

    #[test]
    fn a_footprint_over_the_antimeridian_is_two_rings_and_its_west_is_greater_than_its_east() {
        for corners in [
            [[179.0, -10.0], [-179.0, -10.0], [-179.0, -9.0], [179.0, -9.0]],
            [[-179.0, -9.0], [179.0, -9.0], [179.0, -10.0], [-179.0, -10.0]],
        ] {
            let footprint = footprint(corners).unwrap();
            assert_eq!(footprint.bbox, [179.0, -10.0, -179.0, -9.0]);
            assert_eq!(footprint.rings.len(), 2);
            for ring in &footprint.rings {
                assert_eq!(ring.first(), ring.last());
                assert_eq!(ring.len(), 5);
                assert!(twice_signed_area(&ring[..4]) > 0.0);
            }
            assert!(footprint.rings[0].iter().all(|[lon, _]| (179.0..=180.0).contains(lon)));
            assert!(footprint.rings[1].iter().all(|[lon, _]| (-180.0..=-179.0).contains(lon)));
        }
    }

    #[test]
    fn the_bounding_box_holds_a_cut_that_is_rounded_away_from_the_corners() {
        let (south, north) = (-18.000_000_6, -16.999_999_4);
        let footprint = footprint([[179.0, south], [-179.0, south], [-179.0, north], [179.0, north]]).unwrap();
        assert_eq!(footprint.bbox, [179.0, -18.000_001, -179.0, -16.999_999]);
    }

    #[test]
    fn a_footprint_that_touches_the_antimeridian_is_one_ring() {
        for (corners, bbox) in [
            ([[180.0, 0.0], [-179.0, 0.0], [-179.0, 1.0], [180.0, 1.0]], [-180.0, 0.0, -179.0, 1.0]),
            ([[180.0, 0.0], [-179.0, -0.5], [-178.0, 0.5], [-179.0, 1.0]], [-180.0, -0.5, -178.0, 1.0]),
            ([[-180.0, 0.0], [-180.0, 1.0], [179.0, 1.0], [179.0, 0.0]], [179.0, 0.0, 180.0, 1.0]),
            ([[179.0, 0.0], [-180.0, 0.0], [-180.0, 1.0], [179.0, 1.0]], [179.0, 0.0, 180.0, 1.0]),
        ] {
            let footprint = footprint(corners).unwrap();
            assert_eq!((footprint.rings.len(), footprint.rings[0].len()), (1, 5), "{footprint:?}");
            assert_eq!(footprint.bbox, bbox);
        }
    }

    #[test]
    fn corners_on_a_line_enclose_nothing() {
        for corners in [
            [[1.0, 1.0]; 4],
            [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]],
            [[0.0, 0.0], [2.0, 2.0], [1.0, 1.0], [3.0, 3.0]],
            // There and back again.
            [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]],
        ] {
            assert_eq!(footprint(corners), Err(FootprintError::NoArea), "{corners:?}");
        }
    }

    #[test]
    fn a_border_that_crosses_or_meets_itself_is_no_footprint() {
        for corners in [
            [[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]],
            [[0.0, 0.0], [2.0, 2.0], [2.0, 0.0], [0.0, 2.0]],
            // Its halves do not have the same area.
            [[0.0, 0.0], [4.0, 0.0], [1.0, 2.0], [3.0, 2.0]],
            // Over the antimeridian.
            [[179.0, 0.0], [-179.0, 0.0], [179.0, 1.0], [-179.0, 1.0]],
            // The last corner lies on the first side.
            [[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [1.0, 0.0]],
        ] {
            assert_eq!(footprint(corners), Err(FootprintError::CrossesItself), "{corners:?}");
        }
    }

    #[test]
    fn a_concave_footprint_and_one_of_three_corners_are_footprints() {
        for corners in [
            [[0.0, 0.0], [3.0, 0.0], [1.0, 1.0], [0.0, 3.0]],
            [[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
            [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 1.0]],
        ] {
            assert!(footprint(corners).is_ok(), "{corners:?}");
        }
    }

    #[test]
    fn a_footprint_as_wide_as_half_the_earth_is_refused() {
        let corners = |east: f64| [[-90.0, 80.0], [0.0, 79.0], [east, 80.0], [0.0, 81.0]];
        assert!(footprint(corners(89.0)).is_ok());
        assert_eq!(footprint(corners(90.0)), Err(FootprintError::TooWide));
        // Round the pole.
        assert_eq!(footprint([[0.0, 80.0], [90.0, 80.0], [180.0, 80.0], [-90.0, 80.0]]), Err(FootprintError::TooWide));
    }

    #[test]
    fn a_footprint_that_hardly_reaches_beyond_the_antimeridian_is_one_ring() {
        for beyond in [180.000_000_01 - 360.0, -180.0 + 1e-9] {
            let footprint = footprint([[179.0, 0.0], [beyond, 0.0], [beyond, 1.0], [179.0, 1.0]]).unwrap();
            assert_eq!((footprint.rings.len(), footprint.bbox), (1, [179.0, 0.0, 180.0, 1.0]));
        }
        let footprint =
            footprint([[-179.0, 0.0], [-179.0, 1.0], [179.999_999_99, 1.0], [179.999_999_99, 0.0]]).unwrap();
        assert_eq!((footprint.rings.len(), footprint.bbox), (1, [-180.0, 0.0, -179.0, 1.0]));
    }

    #[test]
    fn the_mean_of_two_azimuths_goes_the_shorter_way() {
        assert_eq!(circular_mean(38.5279, 33.3159), 35.9219);
        assert_eq!(circular_mean(42.1307, 37.9336), 40.03215);
        assert_eq!(circular_mean(350.0, 20.0), 5.0);
        assert_eq!(circular_mean(0.0, 180.0), 0.0);
    }

    #[test]
    fn a_direction_just_below_north_is_north_and_not_360_degrees() {
        assert_eq!([-1e-320, -1e-17, 360.0, -360.0, 720.5].map(whole_turns_off), [0.0, 0.0, 0.0, 0.0, 0.5]);
        assert_eq!(circular_mean(-1e-17, -1e-17), 0.0);
        assert_eq!(circular_mean(350.0, 10.0), 0.0);
    }

    proptest! {
        #[test]
        fn a_footprint_lies_on_the_sphere_and_its_area_is_kept(
            lon in -180.0_f64..180.0, lat in -80.0_f64..80.0, width in 0.5_f64..20.0, slant in -3.0_f64..3.0,
        ) {
            let wrap = |lon: f64, lat: f64| [rounded(wrap_longitude(lon)), rounded(lat)];
            let corners = [
                wrap(lon, lat), wrap(lon + width, lat - 0.2), wrap(lon + width + slant, lat + 1.0), wrap(lon + slant, lat + 1.2),
            ];
            let footprint = footprint(corners).unwrap();
            let [west, south, east, north] = footprint.bbox;
            prop_assert!(south <= north);
            let mut area = 0.0;
            for ring in &footprint.rings {
                prop_assert_eq!(ring.first(), ring.last());
                let open = &ring[..ring.len() - 1];
                prop_assert!(twice_signed_area(open) > 0.0);
                area += twice_signed_area(open);
                for [lon, lat] in ring {
                    prop_assert!((-180.0..=180.0).contains(lon) && (-90.0..=90.0).contains(lat));
                    let within = if west <= east { west <= *lon && *lon <= east } else { *lon >= west || *lon <= east };
                    prop_assert!(within && south <= *lat && *lat <= north);
                }
            }
            prop_assert_eq!(footprint.rings.len() == 2, west > east);
            let whole = twice_signed_area(&unwrap_longitudes(corners)).abs();
            prop_assert!((area - whole).abs() < 1e-3, "{} {}", area, whole);
        }
    }
}
