//! What one optic saw: the texts of its elements, checked.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::missions::{self, Band};
use crate::scene::error::{SceneError, cut};
use crate::scene::geometry::{Position, whole_turns_off};
use crate::scene::name::{MetadataName, SceneId, band_number, is_level};
use crate::scene::xml::{Corner, Corners, Optic, Text};
use crate::scene::{Orbit, Processing, Raster, Utm};

use super::fields::Fields;

/// How far, in the same units, a raster may reach: a coordinate beyond it is no easting or northing.
const FARTHEST: f64 = 20_000_000.0;

/// What one optic saw.
pub(super) struct View {
    pub(super) at: &'static str,
    pub(super) bands: Vec<&'static Band>,
    pub(super) begin: DateTime<Utc>,
    pub(super) center: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    pub(super) corners: Quadrilateral,
    pub(super) projection: Utm,
    pub(super) projected_bbox: [f64; 4],
    pub(super) raster: Raster,
    pub(super) sun_azimuth: f64,
    pub(super) sun_elevation: f64,
    pub(super) off_nadir: f64,
    pub(super) orbit: Orbit,
    pub(super) processing: Processing,
}

/// Four corners, `[lon, lat]`.
pub(super) struct Quadrilateral {
    pub(super) upper_left: Position,
    pub(super) upper_right: Position,
    pub(super) lower_right: Position,
    pub(super) lower_left: Position,
}

impl Quadrilateral {
    /// Counter-clockwise from the lower left.
    pub(super) fn in_ring_order(&self) -> [Position; 4] {
        [self.lower_left, self.lower_right, self.upper_right, self.upper_left]
    }
}

impl View {
    pub(super) fn read(optic: &Optic<'_>, name: &MetadataName) -> Result<Self, SceneError> {
        let of = Fields { at: optic.at };
        let image = &optic.image;
        of.must_be_of(optic, &name.scene)?;

        let begin = of.time(&optic.begin, "viewing/begin")?;
        let center = of.time(&optic.center, "viewing/center")?;
        let end = of.time(&optic.end, "viewing/end")?;
        if end < begin {
            return Err(of.value(
                "viewing/end",
                &end.to_rfc3339(),
                &format!("a time not before viewing/begin {}", begin.to_rfc3339()),
            ));
        }
        if !(begin..=end).contains(&center) {
            return Err(of.value(
                "viewing/center",
                &center.to_rfc3339(),
                &format!("a time from viewing/begin {} to viewing/end {}", begin.to_rfc3339(), end.to_rfc3339()),
            ));
        }
        if center.date_naive() != name.scene.date {
            return Err(SceneError::Disagreement {
                field: "the date of viewing/center",
                found: center.format("%Y%m%d").to_string(),
                expected: name.scene.date.format("%Y%m%d").to_string(),
                against: FILE_NAME,
            });
        }

        let box_corners = of.projected(&image.bounding_box)?;
        let roll = of.number(&image.roll, "image/attitudes/attitude/roll", -90.0, 90.0)?;
        let vz = of.number(&image.vz, "image/ephemerides/ephemeris/vz", -20_000.0, 20_000.0)?;
        let azimuth = of.number(&image.sun_azimuth, "image/sunPosition/sunAzimuth", -360.0, 360.0)?;
        Ok(Self {
            at: optic.at,
            bands: of.bands(&optic.bands, &name.scene)?,
            begin,
            center,
            end,
            corners: of.geographic(&image.data)?,
            projection: of.utm(&image.projection, &image.datum, &image.origin_longitude, &image.false_northing)?,
            projected_bbox: envelope(&box_corners),
            raster: Raster {
                lines: of.count(&image.lines, "image/lines")?,
                columns: of.count(&image.columns, "image/columns")?,
                pixel_width: of.number(&image.horizontal_pixel_size, "image/horizontalPixelSize", 0.01, 100_000.0)?,
                pixel_height: of.number(&image.vertical_pixel_size, "image/verticalPixelSize", 0.01, 100_000.0)?,
                upper_left: box_corners[0],
            },
            sun_azimuth: whole_turns_off(azimuth),
            sun_elevation: of.number(&image.sun_elevation, "image/sunPosition/elevation", -90.0, 90.0)?,
            off_nadir: roll.abs(),
            orbit: if vz < 0.0 { Orbit::Descending } else { Orbit::Ascending },
            processing: of.processing(optic)?,
        })
    }

    pub(super) fn must_agree_with(&self, right: &Self) -> Result<(), SceneError> {
        let disagreement = |field, found: String, expected: String| {
            Err(SceneError::Disagreement { field, found, expected, against: "leftCamera" })
        };
        if right.projection != self.projection {
            return disagreement(
                "the UTM zone of rightCamera",
                format!("EPSG:{}", right.projection.epsg()),
                format!("EPSG:{}", self.projection.epsg()),
            );
        }
        if right.bands != self.bands {
            let keys = |bands: &[&Band]| bands.iter().map(|band| band.key).collect::<Vec<_>>().join(" ");
            return disagreement("availableBands of rightCamera", keys(&right.bands), keys(&self.bands));
        }
        Ok(())
    }
}

/// What a scene's metadata is compared with.
const FILE_NAME: &str = "the file's name";

/// The fields that stand for more than themselves.
impl Fields {
    /// The scene that the XML describes must be the one that its file is named after.
    fn must_be_of(&self, optic: &Optic<'_>, scene: &SceneId) -> Result<(), SceneError> {
        let mission = self.text(&optic.mission, "satellite/name", "a mission")?;
        let number = self.text(&optic.number, "satellite/number", "a satellite number")?;
        let satellite = missions::satellite(mission, number)
            .ok_or_else(|| SceneError::unknown_satellite(self.place("satellite"), mission, number))?;
        let instrument = self.text(&optic.instrument, "satellite/instrument", "a camera")?;
        let camera = satellite
            .camera(instrument)
            .ok_or_else(|| SceneError::unknown_camera(self.place("satellite/instrument"), satellite, instrument))?;
        let level = self.text(&optic.image.level, "image/level", "a level of processing")?;
        if !is_level(level) {
            return Err(self.value("image/level", level, "one to four capital letters and digits"));
        }
        let path = self.grid_number(&optic.image.path, "image/path")?;
        let row = self.grid_number(&optic.image.row, "image/row")?;
        let same = |field, found: &str, expected: &str| {
            if found == expected {
                return Ok(());
            }
            Err(SceneError::Disagreement {
                field,
                found: cut(found),
                expected: expected.to_owned(),
                against: FILE_NAME,
            })
        };
        same("satellite", satellite.title, scene.satellite.title)?;
        same("satellite/instrument", camera.name, scene.camera.name)?;
        if (path, row) != (scene.path, scene.row) {
            same("image/path", &format!("{path:03}"), &format!("{:03}", scene.path))?;
            same("image/row", &format!("{row:03}"), &format!("{:03}", scene.row))?;
        }
        same("image/level", level, &scene.level)
    }

    fn bands(&self, texts: &[Cow<'_, str>], scene: &SceneId) -> Result<Vec<&'static Band>, SceneError> {
        const FIELD: &str = "availableBands/band";
        if texts.is_empty() {
            return Err(SceneError::Missing { element: self.path(FIELD) });
        }
        let mut bands: Vec<&'static Band> = Vec::with_capacity(texts.len());
        for text in texts {
            let band = band_number(text)
                .and_then(|number| scene.camera.band(number))
                .ok_or_else(|| SceneError::unknown_band(self.place(FIELD), scene.camera, text))?;
            if bands.contains(&band) {
                return Err(self.value(FIELD, text, "each band once"));
            }
            bands.push(band);
        }
        Ok(bands)
    }

    fn geographic(&self, corners: &Corners<'_>) -> Result<Quadrilateral, SceneError> {
        let position = |corner: &Corner<'_>, name: &str| {
            let lon =
                self.number(&corner.longitude, format_args!("image/imageData/{name}/longitude"), -180.0, 180.0)?;
            let lat = self.number(&corner.latitude, format_args!("image/imageData/{name}/latitude"), -90.0, 90.0)?;
            Ok::<_, SceneError>([lon, lat])
        };
        Ok(Quadrilateral {
            upper_left: position(&corners.upper_left, "UL")?,
            upper_right: position(&corners.upper_right, "UR")?,
            lower_right: position(&corners.lower_right, "LR")?,
            lower_left: position(&corners.lower_left, "LL")?,
        })
    }

    /// Easting and northing of the bounding box's corners, the upper left one first.
    fn projected(&self, corners: &Corners<'_>) -> Result<[(f64, f64); 4], SceneError> {
        let position = |corner: &Corner<'_>, name: &str| {
            let easting = format_args!("image/boundingBox/{name}/easting");
            let northing = format_args!("image/boundingBox/{name}/northing");
            Ok::<_, SceneError>((
                self.number(&corner.easting, easting, -FARTHEST, FARTHEST)?,
                self.number(&corner.northing, northing, -FARTHEST, FARTHEST)?,
            ))
        };
        Ok([
            position(&corners.upper_left, "UL")?,
            position(&corners.upper_right, "UR")?,
            position(&corners.lower_right, "LR")?,
            position(&corners.lower_left, "LL")?,
        ])
    }

    fn utm(
        &self,
        projection: &Text<'_>,
        datum: &Text<'_>,
        origin_longitude: &Text<'_>,
        false_northing: &Text<'_>,
    ) -> Result<Utm, SceneError> {
        let projection = self.text(projection, "image/projectionName", "UTM")?;
        if projection != "UTM" {
            return Err(self.value("image/projectionName", projection, "UTM"));
        }
        let datum = self.text(datum, "image/datumName", "WGS84")?;
        if datum != "WGS84" {
            return Err(self.value("image/datumName", datum, "WGS84"));
        }
        let meridian = self.number(origin_longitude, "image/originLongitude", -177.0, 177.0)?;
        let zone = (meridian + 183.0) / 6.0;
        if zone.fract() != 0.0 {
            return Err(self.value(
                "image/originLongitude",
                &meridian.to_string(),
                "the central meridian of a UTM zone",
            ));
        }
        let northing = self.number(false_northing, "image/falseNorthing", 0.0, 10_000_000.0)?;
        if northing != 0.0 && northing != 10_000_000.0 {
            return Err(self.value("image/falseNorthing", &northing.to_string(), "0 or 10000000"));
        }
        Ok(Utm { zone: zone as u8, south: northing != 0.0 })
    }

    fn processing(&self, optic: &Optic<'_>) -> Result<Processing, SceneError> {
        let image = &optic.image;
        // INPE writes some stations in quotation marks, and "Unknown location" where it does not know them.
        let optional = |text: &Text<'_>| {
            let text = text.as_deref().unwrap_or_default().trim_matches('"').trim();
            if text.is_empty() || text == "Unknown location" { None } else { Some(text.to_owned()) }
        };
        Ok(Processing {
            software: optional(&optic.software).zip(optional(&optic.version)),
            facility: optional(&image.processing_station),
            receiving_station: optional(&image.receiving_station),
        })
    }
}

fn envelope(corners: &[(f64, f64); 4]) -> [f64; 4] {
    corners.iter().fold(
        [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
        |[west, south, east, north], (easting, northing)| {
            [west.min(*easting), south.min(*northing), east.max(*easting), north.max(*northing)]
        },
    )
}
