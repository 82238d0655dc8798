//! The JSON of an item, field by field, borrowed from the scene.
//!
//! Fields stand in the order in which [`stac::Item`] writes them. That one owns all it holds, some hundred texts and maps
//! for an item, and an item is written as soon as it is made.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use stac::{STAC_VERSION, Version};

use crate::grid::{Grid, scene_title};
use crate::level::Level;
use crate::missions::{self, Quicklook};
use crate::scene::{Footprint, Position, Raster, Scene};

use super::buckets::BucketPair;
use super::link::{self, StructuralLink};

/// The media type of a Cloud Optimized GeoTIFF.
pub(super) const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";

/// The extensions whose fields the items have, in the order of their addresses.
const EXTENSIONS: [&str; 6] = [
    "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json",
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/sat/v1.2.0/schema.json",
    "https://stac-extensions.github.io/view/v1.1.0/schema.json",
];

/// The item of a scene.
#[derive(Serialize)]
pub(super) struct Feature<'a> {
    r#type: &'static str,
    stac_version: Version,
    stac_extensions: [&'static str; 6],
    id: &'a str,
    geometry: MultiPolygon<'a>,
    bbox: [f64; 4],
    properties: Properties<'a>,
    links: Vec<StructuralLink>,
    assets: Assets<'a>,
    collection: &'a str,
}

impl<'a> Feature<'a> {
    pub(super) fn new(
        id: &'a str,
        collection: &'a str,
        grid: &Grid,
        level: &Level,
        scene: &'a Scene,
        buckets: &'a BucketPair,
        quicklook: Option<Quicklook>,
    ) -> Self {
        let quicklook = quicklook.unwrap_or(scene.name.scene.camera.quicklook);
        Self {
            r#type: "Feature",
            stac_version: STAC_VERSION,
            stac_extensions: EXTENSIONS,
            id,
            geometry: MultiPolygon::new(&scene.footprint),
            bbox: scene.footprint.bbox,
            properties: Properties(scene),
            links: links(grid, level),
            assets: Assets { id, scene, buckets, quicklook },
            collection,
        }
    }
}

/// A GeoJSON geometry of one polygon a ring.
#[derive(Serialize)]
struct MultiPolygon<'a> {
    r#type: &'static str,
    coordinates: Vec<[&'a [Position]; 1]>,
}

impl<'a> MultiPolygon<'a> {
    fn new(footprint: &'a Footprint) -> Self {
        let coordinates = footprint.rings.iter().map(|ring| [ring.as_slice()]).collect();
        Self { r#type: "MultiPolygon", coordinates }
    }
}

/// `properties`.
struct Properties<'a>(&'a Scene);

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scene = self.0;
        let id = &scene.name.scene;
        let (satellite, processing) = (id.satellite, &scene.processing);
        let prefix = satellite.prefix;

        let mut fields = serializer.serialize_map(None)?;
        fields.serialize_entry("datetime", &scene.center)?;
        fields.serialize_entry("start_datetime", &scene.begin)?;
        fields.serialize_entry("end_datetime", &scene.end)?;
        fields.serialize_entry("title", &scene_title(id))?;
        fields.serialize_entry("platform", satellite.platform)?;
        fields.serialize_entry("constellation", satellite.constellation)?;
        fields.serialize_entry("instruments", &[id.camera.name])?;
        fields.serialize_entry("gsd", &Number(id.camera.gsd))?;
        fields.serialize_entry("proj:code", &format_args!("EPSG:{}", scene.projection.epsg()))?;
        fields.serialize_entry("proj:bbox", &scene.projected_bbox.map(Number))?;
        fields.serialize_entry("view:sun_azimuth", &Number(scene.sun_azimuth))?;
        fields.serialize_entry("view:sun_elevation", &Number(scene.sun_elevation))?;
        fields.serialize_entry("view:off_nadir", &Number(scene.off_nadir))?;
        fields.serialize_entry("sat:platform_international_designator", satellite.designator)?;
        fields.serialize_entry("sat:orbit_state", scene.orbit.state())?;
        if let Some(station) = &processing.receiving_station {
            fields.serialize_entry("sat:acquisition_station", station)?;
        }
        fields.serialize_entry("processing:level", &format_args!("L{}", id.level))?;
        if let Some((software, version)) = &processing.software {
            fields.serialize_entry("processing:software", &Software { software, version })?;
        }
        if let Some(facility) = &processing.facility {
            fields.serialize_entry("processing:facility", facility)?;
        }
        fields.serialize_entry(&format_args!("{prefix}:data_type"), &format_args!("L{}", id.level))?;
        fields.serialize_entry(&format_args!("{prefix}:path"), &id.path)?;
        fields.serialize_entry(&format_args!("{prefix}:row"), &id.row)?;
        fields.end()
    }
}

/// `{software: version}`.
struct Software<'a> {
    software: &'a str,
    version: &'a str,
}

impl Serialize for Software<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.software, self.version)])
    }
}

/// Root, parent and collection, relative, so that the catalog can be copied and served from anywhere.
pub(crate) fn links(grid: &Grid, level: &Level) -> Vec<StructuralLink> {
    let title = |level: &Level| grid.place(level).map(|place| place.title()).unwrap_or_default();
    let root = Level::root();
    let mut links =
        vec![link::up(grid, "root", level, &root, title(&root)), link::up(grid, "parent", level, level, title(level))];
    if let Some(collection) = grid.collection_of(level) {
        links.push(link::up(grid, "collection", level, &collection, title(&collection)));
    }
    links
}

/// `assets`.
struct Assets<'a> {
    id: &'a str,
    scene: &'a Scene,
    buckets: &'a BucketPair,
    quicklook: Quicklook,
}

impl Serialize for Assets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, scene, buckets: BucketPair { images, quicklooks }, quicklook } = self;
        let name = &scene.name;
        let folder = [&name.scene.row_key(), "/", id, "/"].concat();
        let stem = [id, name.optics.suffix(), "_BAND"].concat();
        let mut assets = serializer.serialize_map(Some(scene.bands.len() + 2))?;

        let file = [&name.scene.without_level(), ".", quicklook.extension()].concat();
        let href = https(quicklooks, &folder, &file);
        assets.serialize_entry("thumbnail", &Asset::new(href, "Quicklook", quicklook.media_type(), "thumbnail"))?;

        let file = [&stem, &name.band.to_string(), ".xml"].concat();
        let href = https(images, &folder, &file);
        let metadata = Asset {
            alternate: Some(Alternate::s3(images, &folder, &file)),
            ..Asset::new(href, "INPE original metadata", "text/xml", "metadata")
        };
        assets.serialize_entry("metadata", &metadata)?;

        // The raster that the XML describes is the one of its own band, and of those with the same pixels.
        let camera = name.scene.camera;
        let described_gsd = camera.band(name.band).map(|band| band.gsd);
        for band in &scene.bands {
            let file = [&stem, &band.number.to_string(), ".tif"].concat();
            let href = https(images, &folder, &file);
            let title = [band.title, " (", band.key, ")"].concat();
            let raster = scene.raster.as_ref().filter(|_| described_gsd == Some(band.gsd));
            let image = Asset {
                bands: Some([Band::new(band, camera.gsd)]),
                shape: raster.map(|raster| [raster.lines, raster.columns]),
                transform: raster.map(transform),
                alternate: Some(Alternate::s3(images, &folder, &file)),
                ..Asset::new(href, &title, COG, "data")
            };
            assets.serialize_entry(band.key, &image)?;
        }
        assets.end()
    }
}

fn https(bucket: &str, folder: &str, file: &str) -> String {
    ["https://", bucket, ".s3.amazonaws.com/", folder, file].concat()
}

/// One asset.
#[derive(Serialize)]
struct Asset<'a> {
    href: String,
    title: &'a str,
    r#type: &'static str,
    roles: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    bands: Option<[Band; 1]>,
    #[serde(rename = "proj:shape", skip_serializing_if = "Option::is_none")]
    shape: Option<[u32; 2]>,
    #[serde(rename = "proj:transform", skip_serializing_if = "Option::is_none")]
    transform: Option<[Number; 6]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alternate: Option<Alternate>,
}

impl<'a> Asset<'a> {
    fn new(href: String, title: &'a str, media_type: &'static str, role: &'static str) -> Self {
        Self {
            href,
            title,
            r#type: media_type,
            roles: [role],
            bands: None,
            shape: None,
            transform: None,
            alternate: None,
        }
    }
}

/// Other ways to the same object (alternate assets extension).
#[derive(Serialize)]
struct Alternate {
    s3: Alternative,
}

#[derive(Serialize)]
struct Alternative {
    href: String,
}

impl Alternate {
    /// For those who read S3 directly.
    fn s3(bucket: &str, folder: &str, file: &str) -> Self {
        Self { s3: Alternative { href: ["s3://", bucket, "/", folder, file].concat() } }
    }
}

/// A band, as STAC 1.1 describes one.
#[derive(Serialize)]
pub(super) struct Band {
    name: &'static str,
    #[serde(rename = "eo:common_name")]
    common_name: &'static str,
    #[serde(rename = "eo:center_wavelength")]
    center_wavelength: Number,
    /// Where it differs from the collection's.
    #[serde(skip_serializing_if = "Option::is_none")]
    gsd: Option<Number>,
}

impl Band {
    pub(super) fn new(band: &missions::Band, collection_gsd: f64) -> Self {
        Self {
            name: band.key,
            common_name: band.common_name,
            center_wavelength: Number(band.center_wavelength()),
            gsd: (band.gsd != collection_gsd).then_some(Number(band.gsd)),
        }
    }
}

/// The affine transform from pixels to metres, row by row (projection extension).
fn transform(raster: &Raster) -> [Number; 6] {
    let (easting, northing) = raster.upper_left;
    [raster.pixel_width, 0.0, easting, 0.0, -raster.pixel_height, northing].map(Number)
}

/// A number as people write it: without a fraction when it has none.
pub(super) struct Number(pub(super) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 && self.0.abs() < 1e15 {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}
