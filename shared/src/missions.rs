//! The missions: satellites, cameras and bands, as one table.
//!
//! A new satellite or camera is a new entry here. Figures are those that INPE publishes: wavelengths in nanometres, ground sample distances in metres.

/// A satellite, one folder of the catalog.
#[derive(Debug, PartialEq)]
pub struct Satellite {
    /// The mission as file names and metadata write it, `CBERS`.
    pub mission: &'static str,
    /// The number within the mission, a string: `4A`.
    pub number: &'static str,
    /// The folder, and the first part of its collections' ids: `CBERS4A`.
    pub folder: &'static str,
    /// For people: `CBERS-4A`.
    pub title: &'static str,
    /// STAC `platform`.
    pub platform: &'static str,
    /// STAC `constellation`.
    pub constellation: &'static str,
    /// The prefix of custom fields, without colon.
    pub prefix: &'static str,
    /// International designator (COSPAR), for `sat:platform_international_designator`.
    pub designator: &'static str,
    /// The launch or the day from which on there are scenes, `YYYY-MM-DD`.
    pub since: &'static str,
    /// The bucket of the public archive that holds its scenes' images and XML.
    pub bucket: &'static str,
    /// The bucket that holds their quicklooks.
    pub quicklooks: &'static str,
    /// The page of the archive in the Registry of Open Data on AWS.
    pub registry: &'static str,
    /// Its cameras.
    pub cameras: &'static [Camera],
}

/// A camera, one collection.
#[derive(Debug, PartialEq)]
pub struct Camera {
    /// The name as file names and metadata write it, `MUX`.
    pub name: &'static str,
    /// For people: `Multispectral Camera`.
    pub title: &'static str,
    /// What it is for, one or two sentences.
    pub description: &'static str,
    /// Ground sample distance of the collection, metres.
    pub gsd: f64,
    /// Its bands, in the order of their numbers.
    pub bands: &'static [Band],
    /// The band numbers whose XML describes a scene, best first.
    pub metadata_bands: &'static [u8],
    /// Whether scenes of one of two optics occur (`_LEFT`, `_RIGHT`).
    pub two_optics: bool,
    /// The kind of its quicklooks.
    pub quicklook: Quicklook,
}

/// A band of a camera.
#[derive(Debug, PartialEq)]
pub struct Band {
    /// The number in file names: `6` of `_BAND6`.
    pub number: u8,
    /// The key of its asset and its name: `B6`.
    pub key: &'static str,
    /// For people, `Green`.
    pub title: &'static str,
    /// `eo:common_name`.
    pub common_name: &'static str,
    /// From and to, nanometres.
    pub nanometres: (u16, u16),
    /// Ground sample distance, metres.
    pub gsd: f64,
}

impl Band {
    /// The middle of the band, micrometres, rounded to a nanometre's half.
    #[must_use]
    pub fn center_wavelength(&self) -> f64 {
        (f64::from(self.nanometres.0) + f64::from(self.nanometres.1)) / 2000.0
    }
}

/// The kind of a quicklook file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quicklook {
    /// `.jpg`
    Jpeg,
    /// `.png`
    Png,
}

impl Quicklook {
    /// The kind that a file name's extension tells, without dot.
    #[must_use]
    pub fn from_extension(extension: &str) -> Option<Self> {
        match extension {
            "jpg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            _ => None,
        }
    }

    /// The extension, without dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
        }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }
}

const fn band(
    number: u8,
    key: &'static str,
    common_name: &'static str,
    title: &'static str,
    nanometres: (u16, u16),
    gsd: f64,
) -> Band {
    Band { number, key, title, common_name, nanometres, gsd }
}

/// The four colour bands that most cameras of CBERS have.
const fn four_bands(keys: [(u8, &'static str); 4], gsd: f64) -> [Band; 4] {
    [
        band(keys[0].0, keys[0].1, "blue", "Blue", (450, 520), gsd),
        band(keys[1].0, keys[1].1, "green", "Green", (520, 590), gsd),
        band(keys[2].0, keys[2].1, "red", "Red", (630, 690), gsd),
        band(keys[3].0, keys[3].1, "nir", "Near infrared", (770, 890), gsd),
    ]
}

const B5_TO_B8: [(u8, &str); 4] = [(5, "B5"), (6, "B6"), (7, "B7"), (8, "B8")];
const B13_TO_B16: [(u8, &str); 4] = [(13, "B13"), (14, "B14"), (15, "B15"), (16, "B16")];

const WIDE_FIELD: &str =
    "Wide swath and short revisit, for watching vegetation, water and land cover over whole regions.";
const MULTISPECTRAL: &str =
    "Four bands from blue to near infrared at medium resolution, for mapping land use and land cover.";

static CBERS4_CAMERAS: [Camera; 4] = [
    Camera {
        name: "MUX",
        title: "Multispectral Camera",
        description: MULTISPECTRAL,
        gsd: 20.0,
        bands: &four_bands(B5_TO_B8, 20.0),
        metadata_bands: &[6],
        two_optics: false,
        quicklook: Quicklook::Jpeg,
    },
    Camera {
        name: "AWFI",
        title: "Advanced Wide Field Imager",
        description: WIDE_FIELD,
        gsd: 64.0,
        bands: &four_bands(B13_TO_B16, 64.0),
        metadata_bands: &[14],
        two_optics: true,
        quicklook: Quicklook::Jpeg,
    },
    Camera {
        name: "PAN5M",
        title: "Panchromatic Camera, 5 m",
        description: "One panchromatic band at high resolution, for mapping in detail.",
        gsd: 5.0,
        bands: &[band(1, "B1", "pan", "Panchromatic", (510, 850), 5.0)],
        metadata_bands: &[1],
        two_optics: false,
        quicklook: Quicklook::Jpeg,
    },
    Camera {
        name: "PAN10M",
        title: "Panchromatic and Multispectral Camera, 10 m",
        description: "Green, red and near infrared bands at 10 m, for mapping vegetation in detail.",
        gsd: 10.0,
        bands: &[
            band(2, "B2", "green", "Green", (520, 590), 10.0),
            band(3, "B3", "red", "Red", (630, 690), 10.0),
            band(4, "B4", "nir", "Near infrared", (770, 890), 10.0),
        ],
        metadata_bands: &[4, 3],
        two_optics: false,
        quicklook: Quicklook::Jpeg,
    },
];

static CBERS4A_CAMERAS: [Camera; 3] = [
    Camera {
        name: "MUX",
        title: "Multispectral Camera",
        description: MULTISPECTRAL,
        gsd: 16.5,
        bands: &four_bands(B5_TO_B8, 16.5),
        metadata_bands: &[6],
        two_optics: false,
        quicklook: Quicklook::Png,
    },
    Camera {
        name: "WFI",
        title: "Wide Field Imager",
        description: WIDE_FIELD,
        gsd: 55.0,
        bands: &four_bands(B13_TO_B16, 55.0),
        metadata_bands: &[14],
        two_optics: true,
        quicklook: Quicklook::Png,
    },
    Camera {
        name: "WPM",
        title: "Wide Scan Multispectral and Panchromatic Camera",
        description: "A panchromatic band at 2 m and four colour bands at 8 m, for mapping in detail.",
        gsd: 2.0,
        bands: &[
            band(0, "B0", "pan", "Panchromatic", (450, 900), 2.0),
            band(1, "B1", "blue", "Blue", (450, 520), 8.0),
            band(2, "B2", "green", "Green", (520, 590), 8.0),
            band(3, "B3", "red", "Red", (630, 690), 8.0),
            band(4, "B4", "nir", "Near infrared", (770, 890), 8.0),
        ],
        metadata_bands: &[2],
        two_optics: false,
        quicklook: Quicklook::Png,
    },
];

static AMAZONIA1_CAMERAS: [Camera; 1] = [Camera {
    name: "WFI",
    title: "Wide Field Imager",
    description: WIDE_FIELD,
    gsd: 64.0,
    bands: &[
        band(1, "B1", "blue", "Blue", (450, 500), 64.0),
        band(2, "B2", "green", "Green", (520, 570), 64.0),
        band(3, "B3", "red", "Red", (630, 690), 64.0),
        band(4, "B4", "nir", "Near infrared", (760, 900), 64.0),
    ],
    metadata_bands: &[2],
    two_optics: true,
    quicklook: Quicklook::Png,
}];

/// The bucket that since 2024 holds the scenes of all satellites, images, XML and quicklooks together, at the same keys.
pub const COMMON_BUCKET: &str = "brazil-eosats";

/// All satellites, in the order of their folders.
pub static SATELLITES: [Satellite; 3] = [
    Satellite {
        mission: "AMAZONIA",
        number: "1",
        folder: "AMAZONIA1",
        title: "Amazonia-1",
        platform: "amazonia-1",
        constellation: "amazonia",
        prefix: "amazonia",
        designator: "2021-015A",
        since: "2021-02-28",
        bucket: "amazonia-pds",
        quicklooks: "amazonia-meta-pds",
        registry: "https://registry.opendata.aws/amazonia/",
        cameras: &AMAZONIA1_CAMERAS,
    },
    Satellite {
        mission: "CBERS",
        number: "4",
        folder: "CBERS4",
        title: "CBERS-4",
        platform: "cbers-4",
        constellation: "cbers",
        prefix: "cbers",
        designator: "2014-079A",
        since: "2014-12-08",
        bucket: "cbers-pds",
        quicklooks: "cbers-meta-pds",
        registry: "https://registry.opendata.aws/cbers/",
        cameras: &CBERS4_CAMERAS,
    },
    Satellite {
        mission: "CBERS",
        number: "4A",
        folder: "CBERS4A",
        title: "CBERS-4A",
        platform: "cbers-4a",
        constellation: "cbers",
        prefix: "cbers",
        designator: "2019-093E",
        since: "2019-12-20",
        bucket: "cbers-pds",
        quicklooks: "cbers-meta-pds",
        registry: "https://registry.opendata.aws/cbers/",
        cameras: &CBERS4A_CAMERAS,
    },
];

/// The satellite of a mission and number, as file names and metadata write them.
#[must_use]
pub fn satellite(mission: &str, number: &str) -> Option<&'static Satellite> {
    SATELLITES.iter().find(|satellite| satellite.mission == mission && satellite.number == number)
}

/// The satellite whose folder this is.
#[must_use]
pub fn satellite_of_folder(folder: &str) -> Option<&'static Satellite> {
    SATELLITES.iter().find(|satellite| satellite.folder == folder)
}

impl Satellite {
    /// The camera of this name.
    #[must_use]
    pub fn camera(&'static self, name: &str) -> Option<&'static Camera> {
        self.cameras.iter().find(|camera| camera.name == name)
    }

    /// The id of a camera's collection, `CBERS4-MUX`.
    #[must_use]
    pub fn collection_id(&self, camera: &Camera) -> String {
        format!("{}-{}", self.folder, camera.name)
    }
}

impl Camera {
    /// The band of this number.
    #[must_use]
    pub fn band(&'static self, number: u8) -> Option<&'static Band> {
        self.bands.iter().find(|band| band.number == number)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn there_are_eight_collections_with_distinct_ids() {
        let mut ids: Vec<_> = SATELLITES
            .iter()
            .flat_map(|satellite| satellite.cameras.iter().map(|camera| satellite.collection_id(camera)))
            .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(
            ids,
            [
                "AMAZONIA1-WFI",
                "CBERS4-AWFI",
                "CBERS4-MUX",
                "CBERS4-PAN10M",
                "CBERS4-PAN5M",
                "CBERS4A-MUX",
                "CBERS4A-WFI",
                "CBERS4A-WPM"
            ]
        );
    }

    #[test]
    fn every_camera_names_its_metadata_band_among_its_bands_and_keys_follow_numbers() {
        for camera in SATELLITES.iter().flat_map(|satellite| satellite.cameras) {
            for number in camera.metadata_bands {
                assert!(camera.band(*number).is_some(), "{} {number}", camera.name);
            }
            for band in camera.bands {
                assert_eq!(band.key, format!("B{}", band.number));
                assert!(band.nanometres.0 < band.nanometres.1);
            }
        }
    }

    #[test]
    fn the_middle_of_a_band_is_in_micrometres() {
        let camera = satellite("CBERS", "4").unwrap().camera("MUX").unwrap();
        assert_eq!(camera.band(5).unwrap().center_wavelength(), 0.485);
    }
}
