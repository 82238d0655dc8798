//! The outline of the world's land, made with Natural Earth: `land.py` beside this file derives it.

/// Rings, a line each, of longitudes and latitudes in tenths of a degree.
const LAND: &str = include_str!("land.txt");

/// The rings of the world's land, in degrees.
pub(super) fn rings() -> impl Iterator<Item = Vec<(f64, f64)>> {
    let corner = |pair: &str| {
        let (longitude, latitude) = pair.split_once(',')?;
        Some((longitude.parse::<f64>().ok()? / 10.0, latitude.parse::<f64>().ok()? / 10.0))
    };
    LAND.lines().map(move |ring| ring.split(' ').filter_map(corner).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a point lies within a ring: whether a line westward from it crosses the ring an odd number of times.
    fn holds(ring: &[(f64, f64)], (x, y): (f64, f64)) -> bool {
        let sides = ring.iter().zip(ring.iter().cycle().skip(1)).take(ring.len());
        let crosses = |((x0, y0), (x1, y1)): (&(f64, f64), &(f64, f64))| {
            (*y0 > y) != (*y1 > y) && x0 + (y - y0) / (y1 - y0) * (x1 - x0) < x
        };
        sides.filter(|side| crosses(*side)).count() % 2 == 1
    }

    #[test]
    fn every_pair_of_the_outline_is_a_place_on_earth() {
        let pairs = LAND.split_whitespace().count();
        let corners: Vec<(f64, f64)> = rings().flatten().collect();
        assert_eq!(corners.len(), pairs);
        assert!(corners.iter().all(|(x, y)| (-180.0..=180.0).contains(x) && (-90.0..=90.0).contains(y)));
        assert!(rings().all(|ring| ring.len() > 3 && ring.first() == ring.last()));
    }

    #[test]
    fn cities_are_on_land_and_oceans_are_not() {
        let is_land = |place| rings().filter(|ring| holds(ring, place)).count() % 2 == 1;
        for (city, place) in [("Brasilia", (-47.9, -15.8)), ("Madrid", (-3.7, 40.4)), ("Alice Springs", (133.9, -23.7))]
        {
            assert!(is_land(place), "{city}");
        }
        for (sea, place) in [("Atlantic", (-30.0, 0.0)), ("Pacific", (-140.0, 20.0)), ("Indian", (80.0, -20.0))] {
            assert!(!is_land(place), "{sea}");
        }
    }
}
