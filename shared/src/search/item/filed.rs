//! Items that are to be filed: what a catalog wants of them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Fault, Members, Times, bbox_of, id_of, kept, time_of, times_of, value};
use crate::search::geometry;

/// An item that may be filed in a catalog, which wants less than an index: it may be of no collection, and of no place. It
/// borrows from its own text.
#[derive(Debug, Clone, PartialEq)]
pub struct FiledItem<'a> {
    /// `properties.datetime`.
    pub datetime: Option<DateTime<Utc>>,
    /// From `start_datetime` to `end_datetime` where both are given, else `datetime` twice.
    pub interval: (DateTime<Utc>, DateTime<Utc>),
    /// `[west, south, east, north]`, degrees; west is greater than east across the antimeridian.
    pub bbox: Option<[f64; 4]>,
    /// The properties, a JSON object.
    pub properties: &'a str,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, default)]
    stac_version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    links: Option<&'a RawValue>,
    #[serde(borrow, default)]
    assets: Option<&'a RawValue>,
}

/// What a link or an asset must have so that its address can be written anew.
#[derive(Deserialize)]
struct Addressed<'a> {
    #[serde(borrow, default)]
    href: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    rel: Option<Cow<'a, str>>,
}

/// Checks an item that is to be filed: of STAC 1.0 or 1.1, and otherwise as [`check`](super::check), but that it may have
/// no collection, and no geometry.
///
/// # Errors
///
/// Every fault that it has, each with its place.
pub fn check_to_file(text: &str) -> Result<FiledItem<'_>, Vec<Fault>> {
    let broken = |error| vec![Fault::new("", format!("it is no item in JSON: {error}"))];
    let members: Members<'_> = serde_json::from_str(text).map_err(broken)?;
    let shape: Shape<'_> = serde_json::from_str(text).map_err(broken)?;
    let mut faults = Vec::new();
    if members.kind.map(RawValue::get) != Some("\"Feature\"") {
        faults.push(Fault::new("/type", "it is not \"Feature\", as an item's is"));
    }
    kept(version_of(shape.stac_version), &mut faults);
    kept(id_of(members.id, "/id"), &mut faults);
    if members.collection.is_some() {
        kept(id_of(members.collection, "/collection"), &mut faults);
    }
    if let Some(Err(found)) = members.geometry.map(|raw| geometry::check(&value(raw), "/geometry")) {
        faults.extend(found);
    }
    let bbox = match (members.bbox, members.geometry) {
        (None, None) => None,
        (bbox, _) => kept(bbox_of(bbox), &mut faults)
            .and_then(|boxes| Some([boxes.first()?[0], boxes.first()?[1], boxes.last()?[2], boxes.last()?[3]])),
    };
    let times = kept(times_of(members.properties), &mut faults);
    kept(links_of(shape.links), &mut faults);
    kept(assets_of(shape.assets), &mut faults);
    match (members.properties, times) {
        (Some(properties), Some((_, interval))) if faults.is_empty() => {
            let times: Times<'_> = serde_json::from_str(properties.get()).map_err(broken)?;
            let datetime = time_of(times.datetime, "/properties/datetime").unwrap_or_default();
            Ok(FiledItem { datetime, interval, bbox, properties: properties.get() })
        }
        _ => Err(faults),
    }
}

fn version_of(raw: Option<&RawValue>) -> Result<(), Fault> {
    const AT: &str = "/stac_version";
    let raw = raw.ok_or_else(|| Fault::new(AT, "it is missing, expected 1.0 or 1.1 with what follows"))?;
    let version: Cow<'_, str> = serde_json::from_str(raw.get()).unwrap_or_default();
    if version.starts_with("1.0.") || version.starts_with("1.1.") {
        return Ok(());
    }
    let found: String = raw.get().chars().take(40).collect();
    Err(Fault::new(AT, format!("it is {found}, expected 1.0 or 1.1 with what follows")))
}

fn links_of(raw: Option<&RawValue>) -> Result<(), Fault> {
    let Some(raw) = raw else { return Ok(()) };
    let links: Vec<Addressed<'_>> = serde_json::from_str(raw.get())
        .map_err(|_| Fault::new("/links", "it is no list of objects with texts as rel and href"))?;
    match links.iter().position(|link| link.rel.is_none() || link.href.is_none()) {
        Some(at) => Err(Fault::new(format!("/links/{at}"), "it has no rel or no href")),
        None => Ok(()),
    }
}

fn assets_of(raw: Option<&RawValue>) -> Result<(), Fault> {
    let Some(raw) = raw else { return Ok(()) };
    serde_json::from_str::<std::collections::HashMap<String, Addressed<'_>>>(raw.get())
        .map(drop)
        .map_err(|_| Fault::new("/assets", "it is no object of objects with a text as href"))
}
