//! The texts of a document, checked and turned into a [`Scene`].
//!
//! `fields` reads single values, `view` what one optic saw, and [`Scene::read`] puts the views together.

mod fields;
mod view;

use self::view::View;
use super::error::SceneError;
use super::geometry::{self, Position};
use super::name::MetadataName;
use super::xml::Document;
use super::{Scene, Utm};

impl Scene {
    /// Reads the XML of the file called `name`.
    ///
    /// # Errors
    ///
    /// The first [`SceneError`] found: not INPE's XML, an element missing or with a value out of range, or a scene
    /// other than the one the file is named after.
    pub fn read(xml: &[u8], name: &MetadataName) -> Result<Self, SceneError> {
        match Document::read(xml)? {
            Document::Flat(optic) => {
                let whole = View::read(&optic, name)?;
                let corners = whole.corners.in_ring_order();
                Self::from_views(name, &whole, None, corners)
            }
            Document::Dual(left, right) => {
                let left = View::read(&left, name)?;
                let right = View::read(&right, name)?;
                left.must_agree_with(&right)?;
                let corners = [
                    left.corners.lower_left,
                    right.corners.lower_right,
                    right.corners.upper_right,
                    left.corners.upper_left,
                ];
                Self::from_views(name, &left, Some(&right), corners)
            }
        }
    }

    /// A scene from the view of the whole camera, or of its left and right optics.
    fn from_views(
        name: &MetadataName,
        view: &View,
        right: Option<&View>,
        corners: [Position; 4],
    ) -> Result<Self, SceneError> {
        let footprint = geometry::footprint(corners)
            .map_err(|fault| SceneError::Footprint { fault, corners: format!("{corners:?}") })?;
        zone_must_be_near(view.projection, geometry::centre(corners), view.at)?;
        let (sun_azimuth, sun_elevation, projected_bbox) = match right {
            None => (view.sun_azimuth, view.sun_elevation, view.projected_bbox),
            Some(right) => (
                geometry::circular_mean(view.sun_azimuth, right.sun_azimuth),
                geometry::without_noise((view.sun_elevation + right.sun_elevation) / 2.0),
                union(view.projected_bbox, right.projected_bbox),
            ),
        };
        Ok(Self {
            name: name.clone(),
            bands: view.bands.clone(),
            begin: view.begin,
            center: view.center,
            end: view.end,
            footprint,
            projection: view.projection,
            projected_bbox,
            raster: if right.is_some() { None } else { Some(view.raster) },
            sun_azimuth,
            sun_elevation,
            off_nadir: view.off_nadir,
            orbit: view.orbit,
            processing: view.processing.clone(),
        })
    }
}

/// A scene lies in its zone or in one beside it.
fn zone_must_be_near(utm: Utm, centre: Position, at: &str) -> Result<(), SceneError> {
    let [lon, _] = centre;
    let zone = ((lon + 180.0) / 6.0).floor().clamp(0.0, 59.0) as i32 + 1;
    let apart = (zone - i32::from(utm.zone)).rem_euclid(60);
    if apart.min(60 - apart) > 1 {
        return Err(SceneError::Value {
            element: format!("{at}/image/originLongitude"),
            found: format!("the central meridian of zone {}", utm.zone),
            expected: format!("zone {zone} or one beside it, as the footprint's centre lies at longitude {lon}"),
        });
    }
    Ok(())
}

fn union(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}
