//! INPE's XML, read in one pass.
//!
//! A `Cursor` walks the document element by element, and `Document::read` keeps the text of those elements that a scene
//! is made of. The attitude and ephemeris lists, which are most of a file, are left behind after their first entry by
//! searching for the closing tag, and so are some lists and matrices that nothing is read of: what stands in the rest
//! of them is not looked at.

mod cursor;

use std::borrow::Cow;

use self::cursor::Cursor;
use super::error::SceneError;

/// The default namespace of every element.
pub const NAMESPACE: &str = "http://www.gisplan.com.br/xmlsat";

/// The text of an element, none while it has not been seen.
pub(super) type Text<'x> = Option<Cow<'x, str>>;

/// The texts of one document, of both optics where there are two.
#[derive(Debug)]
pub(super) enum Document<'x> {
    /// `prdf/{satellite, viewing, image, ...}`.
    Flat(Box<Optic<'x>>),
    /// `prdf/leftCamera/{...}` and `prdf/rightCamera/{...}`.
    Dual(Box<Optic<'x>>, Box<Optic<'x>>),
}

/// The texts of one optic.
#[derive(Debug, Default)]
pub(super) struct Optic<'x> {
    /// The path of the element that holds the others.
    pub(super) at: &'static str,
    pub(super) mission: Text<'x>,
    pub(super) number: Text<'x>,
    pub(super) instrument: Text<'x>,
    pub(super) software: Text<'x>,
    pub(super) version: Text<'x>,
    pub(super) bands: Vec<Cow<'x, str>>,
    pub(super) begin: Text<'x>,
    pub(super) center: Text<'x>,
    pub(super) end: Text<'x>,
    pub(super) image: Image<'x>,
}

/// The texts of `image`.
#[derive(Debug, Default)]
pub(super) struct Image<'x> {
    pub(super) receiving_station: Text<'x>,
    pub(super) processing_station: Text<'x>,
    pub(super) level: Text<'x>,
    pub(super) columns: Text<'x>,
    pub(super) lines: Text<'x>,
    pub(super) vertical_pixel_size: Text<'x>,
    pub(super) horizontal_pixel_size: Text<'x>,
    pub(super) path: Text<'x>,
    pub(super) row: Text<'x>,
    pub(super) sun_elevation: Text<'x>,
    pub(super) sun_azimuth: Text<'x>,
    pub(super) data: Corners<'x>,
    pub(super) bounding_box: Corners<'x>,
    pub(super) roll: Text<'x>,
    pub(super) vz: Text<'x>,
    pub(super) projection: Text<'x>,
    pub(super) datum: Text<'x>,
    pub(super) origin_longitude: Text<'x>,
    pub(super) false_northing: Text<'x>,
}

/// Elements that hold others, of which nothing is read, and none of their own name.
const LONG: [&str; 6] = [
    "CT",
    "absoluteCalibrationCoefficient",
    "boresightMatrix",
    "integrationTime",
    "orientationAngle",
    "sunIncidenceAngle",
];

/// The texts of four corners.
#[derive(Debug, Default)]
pub(super) struct Corners<'x> {
    pub(super) upper_left: Corner<'x>,
    pub(super) upper_right: Corner<'x>,
    pub(super) lower_right: Corner<'x>,
    pub(super) lower_left: Corner<'x>,
}

/// The texts of one corner.
#[derive(Debug, Default)]
pub(super) struct Corner<'x> {
    pub(super) latitude: Text<'x>,
    pub(super) longitude: Text<'x>,
    pub(super) northing: Text<'x>,
    pub(super) easting: Text<'x>,
}

impl<'x> Document<'x> {
    /// Reads a whole document.
    pub(super) fn read(xml: &'x [u8]) -> Result<Self, SceneError> {
        let mut cursor = Cursor::new(xml)?;
        cursor.root()?;
        let mut flat = Optic { at: "prdf", ..Optic::default() };
        let (mut left, mut right) = (None, None);
        while let Some(name) = cursor.child()? {
            match name {
                "leftCamera" => cursor.optic_once(&mut left, "prdf/leftCamera")?,
                "rightCamera" => cursor.optic_once(&mut right, "prdf/rightCamera")?,
                other => cursor.optic_child(other, &mut flat)?,
            }
        }
        cursor.nothing_more()?;
        match (left, right) {
            (None, None) => Ok(Self::Flat(Box::new(flat))),
            (Some(left), Some(right)) => Ok(Self::Dual(left, right)),
            (None, Some(_)) => Err(SceneError::Missing { element: "prdf/leftCamera".into() }),
            (Some(_), None) => Err(SceneError::Missing { element: "prdf/rightCamera".into() }),
        }
    }
}

/// The elements that a scene is made of.
impl<'x> Cursor<'x> {
    fn optic_once(&mut self, slot: &mut Option<Box<Optic<'x>>>, at: &'static str) -> Result<(), SceneError> {
        if slot.is_some() {
            return Err(SceneError::Twice { element: self.path() });
        }
        let mut optic = Box::new(Optic { at, ..Optic::default() });
        while let Some(name) = self.child()? {
            self.optic_child(name, &mut optic)?;
        }
        *slot = Some(optic);
        Ok(())
    }

    fn optic_child(&mut self, name: &str, optic: &mut Optic<'x>) -> Result<(), SceneError> {
        match name {
            "satellite" => {
                while let Some(name) = self.child()? {
                    match name {
                        "name" => self.text_once(&mut optic.mission)?,
                        "number" => self.text_once(&mut optic.number)?,
                        "instrument" => self.text_once(&mut optic.instrument)?,
                        _ => self.skip()?,
                    }
                }
                Ok(())
            }
            "software" => self.text_once(&mut optic.software),
            "version" => self.text_once(&mut optic.version),
            "availableBands" => {
                while let Some(name) = self.child()? {
                    match name {
                        "band" => {
                            let band = self.text()?;
                            optic.bands.push(band);
                        }
                        _ => self.skip()?,
                    }
                }
                Ok(())
            }
            "viewing" => {
                while let Some(name) = self.child()? {
                    match name {
                        "begin" => self.text_once(&mut optic.begin)?,
                        "center" => self.text_once(&mut optic.center)?,
                        "end" => self.text_once(&mut optic.end)?,
                        _ => self.skip()?,
                    }
                }
                Ok(())
            }
            "image" => self.image(&mut optic.image),
            other => self.pass(other),
        }
    }

    fn image(&mut self, image: &mut Image<'x>) -> Result<(), SceneError> {
        while let Some(name) = self.child()? {
            match name {
                "receivingStation" => self.text_once(&mut image.receiving_station)?,
                "processingStation" => self.text_once(&mut image.processing_station)?,
                "level" => self.text_once(&mut image.level)?,
                "columns" => self.text_once(&mut image.columns)?,
                "lines" => self.text_once(&mut image.lines)?,
                "verticalPixelSize" => self.text_once(&mut image.vertical_pixel_size)?,
                "horizontalPixelSize" => self.text_once(&mut image.horizontal_pixel_size)?,
                "path" => self.text_once(&mut image.path)?,
                "row" => self.text_once(&mut image.row)?,
                "sunPosition" => {
                    while let Some(name) = self.child()? {
                        match name {
                            "elevation" => self.text_once(&mut image.sun_elevation)?,
                            "sunAzimuth" => self.text_once(&mut image.sun_azimuth)?,
                            _ => self.skip()?,
                        }
                    }
                }
                "imageData" => self.corners(&mut image.data)?,
                "boundingBox" => self.corners(&mut image.bounding_box)?,
                "attitudes" => self.first_of("attitude", "roll", &mut image.roll)?,
                "ephemerides" => self.first_of("ephemeris", "vz", &mut image.vz)?,
                "projectionName" => self.text_once(&mut image.projection)?,
                "datumName" => self.text_once(&mut image.datum)?,
                "originLongitude" => self.text_once(&mut image.origin_longitude)?,
                "falseNorthing" => self.text_once(&mut image.false_northing)?,
                other => self.pass(other)?,
            }
        }
        Ok(())
    }

    fn corners(&mut self, corners: &mut Corners<'x>) -> Result<(), SceneError> {
        while let Some(name) = self.child()? {
            let corner = match name {
                "UL" => &mut corners.upper_left,
                "UR" => &mut corners.upper_right,
                "LR" => &mut corners.lower_right,
                "LL" => &mut corners.lower_left,
                other => {
                    self.pass(other)?;
                    continue;
                }
            };
            while let Some(name) = self.child()? {
                match name {
                    "latitude" => self.text_once(&mut corner.latitude)?,
                    "longitude" => self.text_once(&mut corner.longitude)?,
                    "northing" => self.text_once(&mut corner.northing)?,
                    "easting" => self.text_once(&mut corner.easting)?,
                    _ => self.skip()?,
                }
            }
        }
        Ok(())
    }

    /// The text of `field` in the first `entry` of the open list; the rest of the list is left behind.
    fn first_of(&mut self, entry: &str, field: &str, slot: &mut Text<'x>) -> Result<(), SceneError> {
        while let Some(name) = self.child()? {
            if name != entry {
                self.skip()?;
                continue;
            }
            while let Some(name) = self.child()? {
                if name == field { self.text_once(slot)? } else { self.skip()? }
            }
            return self.jump();
        }
        Ok(())
    }

    /// Comes out of the open element, of which nothing is read. A third of a scene's elements stand in lists and matrices
    /// that are long enough for a search for their end to be faster than a walk.
    fn pass(&mut self, name: &str) -> Result<(), SceneError> {
        if LONG.contains(&name) { self.jump() } else { self.skip() }
    }

    /// The text of the open element into `slot`, where none may stand yet.
    fn text_once(&mut self, slot: &mut Text<'x>) -> Result<(), SceneError> {
        if slot.is_some() {
            return Err(SceneError::Twice { element: self.path() });
        }
        *slot = Some(self.text()?);
        Ok(())
    }
}
