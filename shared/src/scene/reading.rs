//! The texts of a document, checked and turned into a [`Scene`].

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDateTime, Timelike as _, Utc};

use crate::missions::{self, Band};

use super::error::SceneError;
use super::geometry::{self, Position};
use super::name::{MetadataName, SceneId, band_number, cut, is_level};
use super::xml::{Corner, Corners, Document, Optic, Text};
use super::{Orbit, Processing, Raster, Scene, Utm};

/// How far, in the same units, a raster may reach: a coordinate beyond it is no easting or northing.
const FARTHEST: f64 = 20_000_000.0;

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
        let footprint =
            geometry::footprint(corners).ok_or_else(|| SceneError::Footprint { corners: format!("{corners:?}") })?;
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

/// What one optic saw.
struct View {
    at: &'static str,
    bands: Vec<&'static Band>,
    begin: DateTime<Utc>,
    center: DateTime<Utc>,
    end: DateTime<Utc>,
    corners: Quadrilateral,
    projection: Utm,
    projected_bbox: [f64; 4],
    raster: Raster,
    sun_azimuth: f64,
    sun_elevation: f64,
    off_nadir: f64,
    orbit: Orbit,
    processing: Processing,
}

/// Four corners, `[lon, lat]`.
struct Quadrilateral {
    upper_left: Position,
    upper_right: Position,
    lower_right: Position,
    lower_left: Position,
}

impl Quadrilateral {
    /// Counter-clockwise from the lower left.
    fn in_ring_order(&self) -> [Position; 4] {
        [self.lower_left, self.lower_right, self.upper_right, self.upper_left]
    }
}

impl View {
    fn read(optic: &Optic<'_>, name: &MetadataName) -> Result<Self, SceneError> {
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
            sun_azimuth: azimuth.rem_euclid(360.0),
            sun_elevation: of.number(&image.sun_elevation, "image/sunPosition/elevation", -90.0, 90.0)?,
            off_nadir: roll.abs(),
            orbit: if vz < 0.0 { Orbit::Descending } else { Orbit::Ascending },
            processing: of.processing(optic)?,
        })
    }

    fn must_agree_with(&self, right: &Self) -> Result<(), SceneError> {
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

/// Reads fields of one optic; errors name them by their whole path.
struct Fields {
    at: &'static str,
}

impl Fields {
    fn path(&self, field: impl fmt::Display) -> String {
        format!("{}/{field}", self.at)
    }

    fn value(&self, field: impl fmt::Display, found: &str, expected: &str) -> SceneError {
        SceneError::Value { element: self.path(field), found: cut(found), expected: expected.to_owned() }
    }

    fn text<'a>(
        &self,
        text: &'a Text<'_>,
        field: impl fmt::Display,
        expected: &'static str,
    ) -> Result<&'a str, SceneError> {
        match text.as_deref() {
            None => Err(SceneError::Missing { element: self.path(field) }),
            Some("") => Err(SceneError::EmptyElement { element: self.path(field), expected }),
            Some(text) => Ok(text),
        }
    }

    fn number(&self, text: &Text<'_>, field: impl fmt::Display, least: f64, most: f64) -> Result<f64, SceneError> {
        let text = self.text(text, &field, "a number")?;
        // "inf" and "nan" are numbers to Rust, but not here.
        match text.parse::<f64>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(self.value(field, text, &format!("a number from {least} to {most}"))),
        }
    }

    fn count(&self, text: &Text<'_>, field: &str) -> Result<u32, SceneError> {
        const MOST: u32 = 10_000_000;
        let text = self.text(text, field, "a whole number")?;
        match text.parse::<u32>() {
            Ok(count) if (1..=MOST).contains(&count) => Ok(count),
            _ => Err(self.value(field, text, &format!("a whole number from 1 to {MOST}"))),
        }
    }

    fn time(&self, text: &Text<'_>, field: &str) -> Result<DateTime<Utc>, SceneError> {
        let text = self.text(text, field, "a time YYYY-MM-DDThh:mm:ss")?;
        let plain = text.strip_suffix('Z').unwrap_or(text);
        // The standard parser takes more forms than INPE's.
        let has_form = plain.len() >= "YYYY-MM-DDThh:mm:ss".len()
            && plain.as_bytes()[10] == b'T'
            && plain.bytes().all(|byte| byte.is_ascii_digit() || b"-:T.".contains(&byte));
        has_form
            .then(|| plain.parse::<NaiveDateTime>().ok())
            .flatten()
            // A leap second would be written as second 60, which RFC 3339 readers refuse.
            .filter(|time| time.nanosecond() < 1_000_000_000)
            // RFC 3339 writes years with four digits.
            .filter(|time| (0..=9999).contains(&time.year()))
            .map(|time| time.and_utc())
            .ok_or_else(|| self.value(field, text, "a time YYYY-MM-DDThh:mm:ss with or without a fraction, UTC"))
    }

    /// The scene that the XML describes must be the one that its file is named after.
    fn must_be_of(&self, optic: &Optic<'_>, scene: &SceneId) -> Result<(), SceneError> {
        let mission = self.text(&optic.mission, "satellite/name", "a mission")?;
        let number = self.text(&optic.number, "satellite/number", "a satellite number")?;
        let satellite = missions::satellite(mission, number)
            .ok_or_else(|| SceneError::UnknownSatellite { found: cut(&format!("{mission} {number}")) })?;
        let instrument = self.text(&optic.instrument, "satellite/instrument", "a camera")?;
        let camera = satellite
            .camera(instrument)
            .ok_or_else(|| SceneError::UnknownCamera { satellite: satellite.title, found: cut(instrument) })?;
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
        same("image/path", &format!("{path:03}"), &format!("{:03}", scene.path))?;
        same("image/row", &format!("{row:03}"), &format!("{:03}", scene.row))?;
        same("image/level", level, &scene.level)
    }

    fn grid_number(&self, text: &Text<'_>, field: &str) -> Result<u16, SceneError> {
        let text = self.text(text, field, "a whole number")?;
        match text.parse::<u16>() {
            Ok(number) if number <= 999 => Ok(number),
            _ => Err(self.value(field, text, "a whole number from 0 to 999")),
        }
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
                .ok_or_else(|| SceneError::UnknownBand { camera: scene.camera.name, found: cut(text) })?;
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

fn envelope(corners: &[(f64, f64); 4]) -> [f64; 4] {
    corners.iter().fold(
        [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY],
        |[west, south, east, north], (easting, northing)| {
            [west.min(*easting), south.min(*northing), east.max(*easting), north.max(*northing)]
        },
    )
}

fn union(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}
