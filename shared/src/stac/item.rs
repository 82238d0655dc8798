//! Items from scenes.
//!
//! The bytes of an item are a pure function of the XML's bytes, the source key, the bucket names, the kind of the
//! quicklook and the version of this crate; nothing else goes in.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use stac::{Asset, Band, Bbox, Item};

use crate::grid::{Grid, scene_title};
use crate::level::{Level, LevelError};
use crate::missions::{self, Quicklook};
use crate::scene::{MetadataName, Position, Raster, Scene, SceneError};

use super::link;

/// The media type of a Cloud Optimized GeoTIFF.
pub const COG: &str = "image/tiff; application=geotiff; profile=cloud-optimized";

/// The extensions whose fields the items have, in the order of their addresses.
pub const EXTENSIONS: [&str; 6] = [
    "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json",
    "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/sat/v1.2.0/schema.json",
    "https://stac-extensions.github.io/view/v1.1.0/schema.json",
];

/// Two buckets of the public archive that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPair {
    /// The bucket of images and XML.
    pub images: String,
    /// The bucket of quicklooks.
    pub quicklooks: String,
}

/// The buckets that scenes are taken from. A bucket that is not among them is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets(pub Vec<BucketPair>);

impl Default for Buckets {
    /// The public archive's: `cbers-pds` with `cbers-meta-pds`, `amazonia-pds` with `amazonia-meta-pds`.
    fn default() -> Self {
        let pair = |images: &str, quicklooks: &str| BucketPair { images: images.into(), quicklooks: quicklooks.into() };
        Self(vec![pair("cbers-pds", "cbers-meta-pds"), pair("amazonia-pds", "amazonia-meta-pds")])
    }
}

impl Buckets {
    /// The pair whose bucket of images is this.
    #[must_use]
    pub fn pair(&self, images: &str) -> Option<&BucketPair> {
        self.0.iter().find(|pair| pair.images == images)
    }
}

/// An item ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredForm {
    /// The key in the catalog.
    pub key: String,
    /// The level that holds it.
    pub level: Level,
    /// The item, with relative links and without `self`.
    pub item: Item,
    /// The item as JSON.
    pub bytes: Vec<u8>,
}

/// Makes the item of a scene from its metadata.
///
/// # Errors
///
/// The [`SceneError`] that says why the scene is refused.
pub fn generate(
    grid: &Grid,
    xml: &[u8],
    name: &MetadataName,
    buckets: &BucketPair,
    quicklook: Option<Quicklook>,
) -> Result<StoredForm, SceneError> {
    let scene = Scene::read(xml, name)?;
    let level =
        level_of(&scene).map_err(|error| SceneError::Key { key: error.key, reason: error.reason.to_owned() })?;
    let item = item(grid, &level, &scene, buckets, quicklook);
    let key = level.object_key(&format!("{}.json", item.id));
    let bytes = super::to_bytes(&item);
    Ok(StoredForm { key, level, item, bytes })
}

/// The level that a scene's item stands in.
fn level_of(scene: &Scene) -> Result<Level, LevelError> {
    Level::parse(&scene.name.scene.row_key())
}

/// The item of a scene, in its stored form.
#[must_use]
pub fn item(grid: &Grid, level: &Level, scene: &Scene, buckets: &BucketPair, quicklook: Option<Quicklook>) -> Item {
    let id = &scene.name.scene;
    let mut item = Item::new(id);
    item.extensions = EXTENSIONS.iter().map(|extension| (*extension).to_owned()).collect();
    item.geometry = Some(multi_polygon(&scene.footprint.rings));
    item.bbox = Some(Bbox::TwoDimensional(scene.footprint.bbox));
    item.collection = Some(id.collection_id());
    item.properties.datetime = Some(scene.center);
    item.properties.start_datetime = Some(scene.begin);
    item.properties.end_datetime = Some(scene.end);
    item.properties.title = Some(scene_title(id));
    item.properties.additional_fields = properties(scene);
    item.links = links(grid, level);
    item.assets = assets(scene, buckets, quicklook.unwrap_or(id.camera.quicklook));
    item
}

fn properties(scene: &Scene) -> Map<String, Value> {
    let id = &scene.name.scene;
    let satellite = id.satellite;
    let mut fields = Map::with_capacity(24);
    let mut put = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    put("platform", satellite.platform.into());
    put("constellation", satellite.constellation.into());
    put("instruments", Value::Array(vec![id.camera.name.into()]));
    put("gsd", number(id.camera.gsd));
    put("proj:code", format!("EPSG:{}", scene.projection.epsg()).into());
    put("proj:bbox", numbers(&scene.projected_bbox));
    put("view:sun_azimuth", number(scene.sun_azimuth));
    put("view:sun_elevation", number(scene.sun_elevation));
    put("view:off_nadir", number(scene.off_nadir));
    put("sat:platform_international_designator", satellite.designator.into());
    put("sat:orbit_state", scene.orbit.state().into());
    let processing = &scene.processing;
    if let Some(station) = &processing.receiving_station {
        put("sat:acquisition_station", station.as_str().into());
    }
    put("processing:level", format!("L{}", id.level).into());
    if let Some((software, version)) = &processing.software {
        let mut versions = Map::with_capacity(1);
        versions.insert(software.clone(), version.as_str().into());
        put("processing:software", Value::Object(versions));
    }
    if let Some(facility) = &processing.facility {
        put("processing:facility", facility.as_str().into());
    }
    put(&format!("{}:data_type", satellite.prefix), format!("L{}", id.level).into());
    put(&format!("{}:path", satellite.prefix), id.path.into());
    put(&format!("{}:row", satellite.prefix), id.row.into());
    fields
}

/// Root, parent and collection, relative, so that the catalog can be copied and served from anywhere.
fn links(grid: &Grid, level: &Level) -> Vec<stac::Link> {
    let title = |level: &Level| grid.place(level).map(|place| place.title()).unwrap_or_default();
    let root = Level::root();
    let mut links = vec![
        link::up(grid, "root", level, &root, title(&root)).into(),
        link::up(grid, "parent", level, level, title(level)).into(),
    ];
    if let Some(collection) = grid.collection_of(level) {
        links.push(link::up(grid, "collection", level, &collection, title(&collection)).into());
    }
    links
}

fn assets(scene: &Scene, buckets: &BucketPair, quicklook: Quicklook) -> IndexMap<String, Asset> {
    let name = &scene.name;
    let folder = name.scene.folder();
    let mut assets = IndexMap::with_capacity(scene.bands.len() + 2);

    let quicklook_file = format!("{folder}/{}.{}", name.scene.without_level(), quicklook.extension());
    let thumbnail =
        asset(https(&buckets.quicklooks, &quicklook_file), "Quicklook", quicklook.media_type(), "thumbnail");
    assets.insert("thumbnail".to_owned(), thumbnail);

    let xml = format!("{folder}/{}", name.file_name());
    let mut metadata = asset(https(&buckets.images, &xml), "INPE original metadata", "text/xml", "metadata");
    metadata.additional_fields.insert("alternate".to_owned(), alternate(&buckets.images, &xml));
    assets.insert("metadata".to_owned(), metadata);

    // The raster that the XML describes is the one of its own band, and of those with the same pixels.
    let described_gsd = name.scene.camera.band(name.band).map(|band| band.gsd);
    for band in &scene.bands {
        let file = format!("{folder}/{}{}_BAND{}.tif", name.scene, name.optics.suffix(), band.number);
        let mut image = asset(https(&buckets.images, &file), &format!("{} ({})", band.title, band.key), COG, "data");
        image.bands = vec![item_band(band, name.scene.camera.gsd)];
        if let Some(raster) = scene.raster.filter(|_| described_gsd == Some(band.gsd)) {
            image.additional_fields.insert("proj:shape".to_owned(), json!([raster.lines, raster.columns]));
            image.additional_fields.insert("proj:transform".to_owned(), numbers(&transform(&raster)));
        }
        image.additional_fields.insert("alternate".to_owned(), alternate(&buckets.images, &file));
        assets.insert(band.key.to_owned(), image);
    }
    assets
}

/// The band of an asset, as STAC 1.1 describes one.
pub(super) fn item_band(band: &missions::Band, collection_gsd: f64) -> Band {
    let mut fields = Map::with_capacity(3);
    fields.insert("eo:common_name".to_owned(), band.common_name.into());
    fields.insert("eo:center_wavelength".to_owned(), number(band.center_wavelength()));
    if band.gsd != collection_gsd {
        fields.insert("gsd".to_owned(), number(band.gsd));
    }
    Band {
        name: Some(band.key.to_owned()),
        description: None,
        nodata: None,
        data_type: None,
        statistics: None,
        unit: None,
        additional_fields: fields,
    }
}

/// The affine transform from pixels to metres, row by row (projection extension).
fn transform(raster: &Raster) -> [f64; 6] {
    let (easting, northing) = raster.upper_left;
    [raster.pixel_width, 0.0, easting, 0.0, -raster.pixel_height, northing]
}

fn asset(href: String, title: &str, media_type: &str, role: &str) -> Asset {
    let mut asset = Asset::new(href);
    asset.title = Some(title.to_owned());
    asset.r#type = Some(media_type.to_owned());
    asset.roles = vec![role.to_owned()];
    asset
}

fn https(bucket: &str, key: &str) -> String {
    format!("https://{bucket}.s3.amazonaws.com/{key}")
}

/// The same object for those who read S3 directly (alternate assets extension).
fn alternate(bucket: &str, key: &str) -> Value {
    let mut s3 = Map::with_capacity(1);
    s3.insert("href".to_owned(), format!("s3://{bucket}/{key}").into());
    let mut ways = Map::with_capacity(1);
    ways.insert("s3".to_owned(), Value::Object(s3));
    Value::Object(ways)
}

fn multi_polygon(rings: &[Vec<Position>]) -> geojson::Geometry {
    let polygons = rings
        .iter()
        .map(|ring| vec![ring.iter().map(|position| geojson::Position::from(*position)).collect()])
        .collect();
    geojson::Geometry::new(geojson::GeometryValue::MultiPolygon { coordinates: polygons })
}

/// A number as people write it: without a fraction when it has none.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { Value::from(value as i64) } else { Value::from(value) }
}

fn numbers(values: &[f64]) -> Value {
    Value::Array(values.iter().copied().map(number).collect())
}
