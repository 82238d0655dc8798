//! Names of scenes and of their files, as INPE writes them.
//!
//! A scene is `{MISSION}_{NUMBER}_{CAMERA}_{YYYYMMDD}_{PPP}_{RRR}_L{level}`; the XML of a band adds
//! `[_LEFT|_RIGHT]_BAND{n}.xml`.

use std::fmt;

use chrono::NaiveDate;

use crate::missions::{self, Camera, Satellite};

use super::error::{SceneError, cut};

/// The parts of a scene's name. Two scenes are the same when these are.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneId {
    /// The satellite.
    pub satellite: &'static Satellite,
    /// The camera.
    pub camera: &'static Camera,
    /// The day of the acquisition's centre, UTC.
    pub date: NaiveDate,
    /// The path of the satellite's grid.
    pub path: u16,
    /// The row of the satellite's grid.
    pub row: u16,
    /// The level of processing, without `L`: `2`, `4`, `2B`.
    pub level: String,
}

/// Which of a camera's two optics an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Optics {
    /// All the camera has.
    Whole,
    /// The left one.
    Left,
    /// The right one.
    Right,
}

impl Optics {
    /// What file names put between the level and the band.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Left => "_LEFT",
            Self::Right => "_RIGHT",
        }
    }
}

/// The name of one XML file: the scene, and which band's and optic's file it is.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataName {
    /// The scene.
    pub scene: SceneId,
    /// The optics of the image.
    pub optics: Optics,
    /// The number of the band.
    pub band: u8,
}

impl SceneId {
    /// Reads a scene's name, `CBERS_4_MUX_20170528_090_084_L2`.
    ///
    /// # Errors
    ///
    /// [`SceneError::Name`], [`SceneError::UnknownSatellite`], [`SceneError::UnknownCamera`].
    pub fn parse(name: &str) -> Result<Self, SceneError> {
        let mut parts = name.split('_');
        let scene = Self::from_parts(name, &mut parts)?;
        match parts.next() {
            None => Ok(scene),
            Some(_) => Err(bad_name(name, "nothing after the level")),
        }
    }

    /// Takes the seven parts of a scene's name from `parts`.
    fn from_parts<'a>(name: &str, parts: &mut impl Iterator<Item = &'a str>) -> Result<Self, SceneError> {
        let mut next = |expected| parts.next().ok_or_else(|| bad_name(name, expected));
        let mission = next("a mission first")?;
        let number = next("a satellite number after the mission")?;
        let camera = next("a camera after the satellite number")?;
        let date = next("a date after the camera")?;
        let path = next("a path after the date")?;
        let row = next("a row after the path")?;
        let level = next("a level after the row")?;

        let satellite = missions::satellite(mission, number)
            .ok_or_else(|| SceneError::unknown_satellite(place(name), mission, number))?;
        let camera =
            satellite.camera(camera).ok_or_else(|| SceneError::unknown_camera(place(name), satellite, camera))?;
        let date = digits(date, 8)
            .and_then(|day| NaiveDate::from_ymd_opt((day / 10_000) as i32, day / 100 % 100, day % 100))
            .ok_or_else(|| bad_name(name, "a date YYYYMMDD as fourth part"))?;
        let path = digits(path, 3).ok_or_else(|| bad_name(name, "a path of three digits as fifth part"))?;
        let row = digits(row, 3).ok_or_else(|| bad_name(name, "a row of three digits as sixth part"))?;
        let level = level
            .strip_prefix('L')
            .filter(|level| is_level(level))
            .ok_or_else(|| bad_name(name, "a level such as L2 as seventh part"))?;
        Ok(Self { satellite, camera, date, path: path as u16, row: row as u16, level: level.to_owned() })
    }

    /// The folder of the scene in the source, without slash at the end.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{}/{}", self.row_key(), self)
    }

    /// `{MISSION}{NUMBER}/{CAMERA}/{PPP}/{RRR}`, of the source and of the catalog alike.
    #[must_use]
    pub fn row_key(&self) -> String {
        format!("{}/{}/{:03}/{:03}", self.satellite.folder, self.camera.name, self.path, self.row)
    }

    /// The scene's name without its level: what quicklooks are called.
    #[must_use]
    pub fn without_level(&self) -> String {
        format!(
            "{}_{}_{}_{}_{:03}_{:03}",
            self.satellite.mission,
            self.satellite.number,
            self.camera.name,
            self.date.format("%Y%m%d"),
            self.path,
            self.row
        )
    }

    /// The id of the collection it belongs to.
    #[must_use]
    pub fn collection_id(&self) -> String {
        self.satellite.collection_id(self.camera)
    }

    /// The names of the XML files that may describe this scene, best first: the camera's own bands, of the whole
    /// image, then of the left, then of the right optic.
    #[must_use]
    pub fn candidates(&self) -> Vec<MetadataName> {
        let optics: &[Optics] =
            if self.camera.two_optics { &[Optics::Whole, Optics::Left, Optics::Right] } else { &[Optics::Whole] };
        let mut candidates = Vec::new();
        for band in self.camera.metadata_bands {
            for optics in optics {
                candidates.push(MetadataName { scene: self.clone(), optics: *optics, band: *band });
            }
        }
        candidates
    }
}

impl fmt::Display for SceneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use chrono::Datelike as _;
        write!(
            f,
            "{}_{}_{}_{:04}{:02}{:02}_{:03}_{:03}_L{}",
            self.satellite.mission,
            self.satellite.number,
            self.camera.name,
            self.date.year(),
            self.date.month(),
            self.date.day(),
            self.path,
            self.row,
            self.level
        )
    }
}

impl MetadataName {
    /// Reads the name of an XML file, `CBERS_4_MUX_20170528_090_084_L2_BAND6.xml`.
    ///
    /// # Errors
    ///
    /// As [`SceneId::parse`], and [`SceneError::UnknownBand`].
    pub fn parse(file: &str) -> Result<Self, SceneError> {
        let stem = file.strip_suffix(".xml").ok_or_else(|| bad_name(file, "the ending .xml"))?;
        let mut parts = stem.split('_');
        let scene = SceneId::from_parts(file, &mut parts)?;
        let mut part = parts.next();
        let optics = match part {
            Some("LEFT") => Optics::Left,
            Some("RIGHT") => Optics::Right,
            _ => Optics::Whole,
        };
        if optics != Optics::Whole {
            part = parts.next();
        }
        let band = part
            .and_then(|part| part.strip_prefix("BAND"))
            .filter(|_| parts.next().is_none())
            .ok_or_else(|| bad_name(file, "BAND and a number before .xml"))?;
        let band = band_number(band)
            .and_then(|number| scene.camera.band(number))
            .ok_or_else(|| SceneError::unknown_band(place(file), scene.camera, band))?;
        Ok(Self { scene, optics, band: band.number })
    }

    /// The name of the file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}{}_BAND{}.xml", self.scene, self.optics.suffix(), self.band)
    }

    /// The key in the public bucket.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.scene.folder(), self.file_name())
    }

    /// How well this file describes its scene: less is better. The camera's own metadata bands come first, a whole
    /// image before one optic, then any other band by its number.
    #[must_use]
    pub fn rank(&self) -> (usize, Optics, u8) {
        let own = self.scene.camera.metadata_bands.iter().position(|band| *band == self.band);
        (own.unwrap_or(usize::MAX), self.optics, self.band)
    }
}

/// Whether `text` may be a level of processing: one to four capital letters and digits.
pub(crate) fn is_level(text: &str) -> bool {
    (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// A band's number without leading zeros.
pub(crate) fn band_number(text: &str) -> Option<u8> {
    let canonical = text.len() == 1 || !text.starts_with('0');
    if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A number of exactly `count` digits.
pub(crate) fn digits(text: &str, count: usize) -> Option<u32> {
    if text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The place of an error in a name.
fn place(name: &str) -> String {
    format!("name {:?}", cut(name))
}

fn bad_name(name: &str, expected: &'static str) -> SceneError {
    SceneError::Name { name: cut(name), expected }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn wide_field_cameras_have_candidates_of_one_optic() {
        let scene = SceneId::parse("AMAZONIA_1_WFI_20220811_036_018_L4").unwrap();
        let candidates: Vec<_> = scene.candidates().iter().map(MetadataName::file_name).collect();
        assert_eq!(
            candidates,
            [
                "AMAZONIA_1_WFI_20220811_036_018_L4_BAND2.xml",
                "AMAZONIA_1_WFI_20220811_036_018_L4_LEFT_BAND2.xml",
                "AMAZONIA_1_WFI_20220811_036_018_L4_RIGHT_BAND2.xml"
            ]
        );
    }

    #[test]
    fn names_of_another_shape_are_refused_and_the_error_says_what_was_expected() {
        for (name, says) in [
            ("notes.xml", "satellite number"),
            ("CBERS_4_MUX_20170532_090_084_L2_BAND6.xml", "date"),
            ("CBERS_4_MUX_20170528_90_084_L2_BAND6.xml", "three digits"),
            ("CBERS_4_MUX_20170528_090_-84_L2_BAND6.xml", "three digits"),
            ("CBERS_4_MUX_20170528_090_084_2_BAND6.xml", "level"),
            ("CBERS_4_MUX_20170528_090_084_L2.xml", "BAND"),
            ("CBERS_4_MUX_20170528_090_084_L2_BAND6_2.xml", "BAND"),
            ("CBERS_4_MUX_20170528_090_084_L2_BAND99.xml", "99"),
            ("CBERS_4_MUX_20170528_090_084_L2_BAND06.xml", "06"),
            ("CBERS_4_HRC_20170528_090_084_L2_BAND6.xml", "HRC"),
            ("CBERS_2B_MUX_20170528_090_084_L2_BAND6.xml", "2B"),
        ] {
            let error = MetadataName::parse(name).unwrap_err().to_string();
            assert!(error.contains(says), "{error} does not say {says:?}");
        }
    }

    #[test]
    fn the_own_band_of_a_camera_describes_a_scene_best() {
        let rank = |file: &str| MetadataName::parse(file).unwrap().rank();
        let scene = "CBERS_4_AWFI_20170409_167_123_L4";
        assert!(rank(&format!("{scene}_BAND14.xml")) < rank(&format!("{scene}_LEFT_BAND14.xml")));
        assert!(rank(&format!("{scene}_LEFT_BAND14.xml")) < rank(&format!("{scene}_RIGHT_BAND14.xml")));
        assert!(rank(&format!("{scene}_RIGHT_BAND14.xml")) < rank(&format!("{scene}_BAND13.xml")));
        let scene = "CBERS_4_PAN10M_20150728_161_102_L2";
        assert!(rank(&format!("{scene}_BAND4.xml")) < rank(&format!("{scene}_BAND3.xml")));
        assert!(rank(&format!("{scene}_BAND3.xml")) < rank(&format!("{scene}_BAND2.xml")));
    }
}
