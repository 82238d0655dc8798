//! Collections: one for each camera.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};
use stac::{Bbox, Collection, Extent, ItemAsset, Link, Provider, SpatialExtent, TemporalExtent};

use crate::grid::Place;
use crate::missions::{Camera, Satellite};

use super::feature::{Band, COG, Number};
use super::link::StructuralLink;

/// The licence of the images (SPDX).
const LICENSE: &str = "CC-BY-SA-3.0";

/// The extension whose fields a collection itself has: those of its bands.
const EO: &str = "https://stac-extensions.github.io/eo/v2.0.0/schema.json";

/// `[west, south, east, north]`: as far as the satellites' orbits reach. A rebuild reads a listing, not the items.
const WHOLE_EARTH: [f64; 4] = [-180.0, -83.0, 180.0, 83.0];

/// The collection of a camera, without structural links and without revision.
#[must_use]
pub fn collection(satellite: &Satellite, camera: &Camera, place: &Place) -> Collection {
    let mut collection = Collection::new(place.id(), place.description());
    collection.title = Some(place.title());
    collection.extensions = vec![EO.to_owned()];
    collection.keywords = Some(keywords(satellite, camera));
    collection.license = LICENSE.to_owned();
    collection.providers = Some(providers(satellite));
    collection.extent = Extent {
        spatial: SpatialExtent { bbox: vec![Bbox::TwoDimensional(WHOLE_EARTH)] },
        temporal: TemporalExtent { interval: vec![[since(satellite), None]] },
        additional_fields: Map::new(),
    };
    collection.summaries = Some(summaries(satellite, camera));
    collection.item_assets = item_assets(camera);
    collection.links = vec![license_link()];
    collection
}

fn since(satellite: &Satellite) -> Option<DateTime<Utc>> {
    let day = satellite.since.parse::<NaiveDate>().ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

fn keywords(satellite: &Satellite, camera: &Camera) -> Vec<String> {
    let mut keywords = vec![satellite.title, camera.name, "INPE", "Brazil", "satellite imagery", "Earth observation"];
    if camera.bands.len() > 1 {
        keywords.push("multispectral");
    }
    if camera.bands.iter().any(|band| band.common_name == "pan") {
        keywords.push("panchromatic");
    }
    keywords.push("COG");
    keywords.into_iter().map(str::to_owned).collect()
}

fn providers(satellite: &Satellite) -> Vec<Provider> {
    let provider = |name: &str, role: &str, url: Option<&str>| Provider {
        name: name.to_owned(),
        description: None,
        roles: Some(vec![role.to_owned()]),
        url: url.map(str::to_owned),
        additional_fields: Map::new(),
    };
    vec![
        provider("Instituto Nacional de Pesquisas Espaciais, INPE", "producer", Some("http://www.inpe.br")),
        provider("AMS Kepler", "processor", Some("https://amskepler.com")),
        provider("Amazon Web Services", "host", Some(satellite.registry)),
    ]
}

fn summaries(satellite: &Satellite, camera: &Camera) -> Map<String, Value> {
    let mut gsds: Vec<f64> = camera.bands.iter().map(|band| band.gsd).collect();
    gsds.push(camera.gsd);
    gsds.sort_by(f64::total_cmp);
    gsds.dedup();
    let mut summaries = Map::new();
    summaries.insert("platform".to_owned(), json!([satellite.platform]));
    summaries.insert("constellation".to_owned(), json!([satellite.constellation]));
    summaries.insert("instruments".to_owned(), json!([camera.name]));
    summaries.insert("gsd".to_owned(), gsds.into_iter().map(|gsd| json!(Number(gsd))).collect());
    summaries
}

fn item_assets(camera: &Camera) -> IndexMap<String, ItemAsset> {
    let asset = |title: &str, media_type: &str, role: &str, fields: Map<String, Value>| ItemAsset {
        title: Some(title.to_owned()),
        description: None,
        r#type: Some(media_type.to_owned()),
        roles: vec![role.to_owned()],
        additional_fields: fields,
    };
    let mut assets = IndexMap::new();
    assets.insert("thumbnail".to_owned(), asset("Quicklook", camera.quicklook.media_type(), "thumbnail", Map::new()));
    assets.insert("metadata".to_owned(), asset("INPE original metadata", "text/xml", "metadata", Map::new()));
    for band in camera.bands {
        let mut fields = Map::new();
        fields.insert("bands".to_owned(), json!([Band::new(band, camera.gsd)]));
        assets.insert(band.key.to_owned(), asset(&format!("{} ({})", band.title, band.key), COG, "data", fields));
    }
    assets
}

fn license_link() -> Link {
    StructuralLink {
        href: "https://creativecommons.org/licenses/by-sa/3.0/".to_owned(),
        rel: "license",
        r#type: "text/html",
        title: "Creative Commons Attribution-ShareAlike 3.0".to_owned(),
    }
    .into()
}
