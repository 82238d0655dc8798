//! Scenes: INPE's file names and XML, read into a [`Scene`]. Pure: no input or output but its arguments.
//!
//! Layout: [`name`] reads names of scenes and files, [`key`] keys of the public buckets, [`xml`] the texts of a document
//! in one pass, [`reading`] checks those texts and turns them into values, [`geometry`] makes footprints, [`inventory`]
//! finds the scenes in a listing of a bucket, [`error`] says why a scene is refused.

pub mod error;
pub mod geometry;
pub mod inventory;
pub mod key;
pub mod name;
pub mod reading;
pub mod xml;

use chrono::{DateTime, Utc};

pub use self::error::SceneError;
pub use self::geometry::{Footprint, FootprintError, Position};
pub use self::key::SourceKey;
pub use self::name::{MetadataName, Optics, SceneId};

use crate::missions::Band;

/// The longest scene metadata that is read, in bytes. The largest real files have 170 KB; a batch of messages holds as
/// many documents in memory as it has messages.
pub const LONGEST_METADATA: u64 = 1024 * 1024;

/// One acquisition of one camera over one path and row, as its metadata describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// The scene, and the file that described it.
    pub name: MetadataName,
    /// The bands there are, in the order of the document.
    pub bands: Vec<&'static Band>,
    /// When the acquisition began, UTC.
    pub begin: DateTime<Utc>,
    /// The middle of the acquisition, UTC.
    pub center: DateTime<Utc>,
    /// When the acquisition ended, UTC.
    pub end: DateTime<Utc>,
    /// Where the real pixels are.
    pub footprint: Footprint,
    /// The projection of the images.
    pub projection: Utm,
    /// `[west, south, east, north]` of the raster, metres of easting and northing.
    pub projected_bbox: [f64; 4],
    /// The raster that the XML describes; none where it describes two that were merged.
    pub raster: Option<Raster>,
    /// Azimuth of the sun, degrees clockwise from north, within [0, 360).
    pub sun_azimuth: f64,
    /// Elevation of the sun above the horizon, degrees.
    pub sun_elevation: f64,
    /// The angle between the view and the nadir, degrees, not negative.
    pub off_nadir: f64,
    /// Which way the satellite flew.
    pub orbit: Orbit,
    /// Who made the images and with what, as far as the XML tells.
    pub processing: Processing,
}

/// A zone of the Universal Transverse Mercator projection on WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utm {
    /// 1 to 60.
    pub zone: u8,
    /// Whether northings count from 10,000 km south of the equator.
    pub south: bool,
}

impl Utm {
    /// The EPSG code: 32600 and the zone in the north, 32700 and the zone in the south.
    #[must_use]
    pub fn epsg(self) -> u32 {
        u32::from(self.zone) + if self.south { 32_700 } else { 32_600 }
    }
}

/// The raster of one band.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Raster {
    /// Rows of pixels.
    pub lines: u32,
    /// Columns of pixels.
    pub columns: u32,
    /// Width of a pixel, metres.
    pub pixel_width: f64,
    /// Height of a pixel, metres.
    pub pixel_height: f64,
    /// Easting and northing of the upper left corner, metres.
    pub upper_left: (f64, f64),
}

/// Which way a satellite flies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orbit {
    /// Northwards.
    Ascending,
    /// Southwards.
    Descending,
}

impl Orbit {
    /// The word of the satellite extension.
    #[must_use]
    pub fn state(self) -> &'static str {
        match self {
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }
}

/// Who made the images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processing {
    /// The software and its version.
    pub software: Option<(String, String)>,
    /// Where the images were made.
    pub facility: Option<String>,
    /// Where the data were received.
    pub receiving_station: Option<String>,
}
