//! Items from scenes.
//!
//! The bytes of an item are a pure function of the XML's bytes, the source key, the bucket names, the kind of the
//! quicklook and the version of this crate; nothing else goes in.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use stac::{Bbox, Item};

use crate::grid::Grid;
use crate::level::{Level, LevelError};
use crate::missions::Quicklook;
use crate::scene::{MetadataName, Scene, SceneError};

use super::buckets::BucketPair;
use super::feature::Feature;

/// An item in its stored form, with relative links and without `self`: its JSON, and what messages say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredItem {
    id: String,
    collection: Option<String>,
    datetime: Option<DateTime<Utc>>,
    bbox: Option<[f64; 4]>,
    /// Always the JSON of an item.
    pub(crate) bytes: Vec<u8>,
}

impl StoredItem {
    /// An item that stands in a catalog, from its bytes.
    ///
    /// # Errors
    ///
    /// When they are no item in JSON with an id.
    pub fn read(bytes: Vec<u8>) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Stored {
            id: String,
            collection: Option<String>,
            bbox: Option<Bbox>,
            #[serde(default)]
            properties: Properties,
        }
        #[derive(Default, Deserialize)]
        struct Properties {
            datetime: Option<DateTime<Utc>>,
        }
        let Stored { id, collection, bbox, properties } = serde_json::from_slice(&bytes)?;
        Ok(Self { id, collection, datetime: properties.datetime, bbox: bbox.map(flat), bytes })
    }

    /// An item that somebody else has made: `bytes` is its JSON in stored form, the rest what it says there.
    #[cfg(feature = "search")]
    pub(crate) fn of_others(
        id: String,
        collection: Option<String>,
        datetime: Option<DateTime<Utc>>,
        bbox: Option<[f64; 4]>,
        bytes: Vec<u8>,
    ) -> Self {
        Self { id, collection, datetime, bbox, bytes }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The id of its collection.
    #[must_use]
    pub fn collection(&self) -> Option<&str> {
        self.collection.as_deref()
    }

    /// `properties.datetime`.
    #[must_use]
    pub fn datetime(&self) -> Option<DateTime<Utc>> {
        self.datetime
    }

    /// `[west, south, east, north]`, degrees; west is greater than east across the antimeridian.
    #[must_use]
    pub fn bbox(&self) -> Option<[f64; 4]> {
        self.bbox
    }

    /// The item as JSON.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl From<&Item> for StoredItem {
    fn from(item: &Item) -> Self {
        Self {
            id: item.id.clone(),
            collection: item.collection.clone(),
            datetime: item.properties.datetime,
            bbox: item.bbox.map(flat),
            bytes: super::to_bytes(item),
        }
    }
}

/// A bounding box without its third dimension.
fn flat(bbox: Bbox) -> [f64; 4] {
    match bbox {
        Bbox::TwoDimensional(bbox) => bbox,
        Bbox::ThreeDimensional([west, south, _, east, north, _]) => [west, south, east, north],
    }
}

/// An item, and where it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredForm {
    /// The key in the catalog.
    pub key: String,
    /// The level that holds it.
    pub level: Level,
    /// The item.
    pub item: StoredItem,
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
    Ok(StoredForm { key, level, item })
}

/// The level that a scene's item stands in.
fn level_of(scene: &Scene) -> Result<Level, LevelError> {
    Level::parse(&scene.name.scene.row_key())
}

/// The item of a scene.
#[must_use]
pub fn item(
    grid: &Grid,
    level: &Level,
    scene: &Scene,
    buckets: &BucketPair,
    quicklook: Option<Quicklook>,
) -> StoredItem {
    let id = scene.name.scene.to_string();
    let collection = scene.name.scene.collection_id();
    let bytes = super::to_bytes(&Feature::new(&id, &collection, grid, level, scene, buckets, quicklook));
    StoredItem {
        id,
        collection: Some(collection),
        datetime: Some(scene.center),
        bbox: Some(scene.footprint.bbox),
        bytes,
    }
}
