//! Every fault of an item that somebody has sent: pure.

use std::collections::BTreeSet;

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::document::Document;
use super::href::Hrefs;
use super::{Fault, Faults, Findings};
use crate::search::geometry;
use crate::search::item::fault_of_id;
use crate::validation::extensions::Extensions;
use crate::validation::quote::quote;
use crate::validation::schema::{Schemas, follows};
use crate::validation::{Kind, envelope};

/// How many faults are looked for, of each kind of check; more are not counted.
const LOOKED_FOR: usize = 1_000;

/// How many extensions a document may name.
const MOST_EXTENSIONS: usize = 100;

/// What becomes of an extension whose schema was not brought along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// It is told that it was not checked.
    #[default]
    Told,
    /// It is a fault.
    Refused,
}

/// What an item has to obey.
#[derive(Debug)]
pub struct Rules {
    /// The longest item, in bytes.
    pub longest: usize,
    /// What addresses it may hold.
    pub hrefs: Hrefs,
    /// The schemas of the core.
    pub core: Schemas,
    /// The schemas of extensions.
    pub extensions: Extensions,
    /// What becomes of other extensions.
    pub unknown: Unknown,
}

impl Rules {
    /// Rules over these schemas, everything else as usual: at most 256 KiB, `https` and `s3` anywhere.
    #[must_use]
    pub fn new(core: Schemas, extensions: Extensions) -> Self {
        Self { longest: 256 * 1024, hrefs: Hrefs::default(), core, extensions, unknown: Unknown::Told }
    }

    /// Checks a document; every fault, and what could not be checked.
    pub(super) fn check(&self, document: &Document<'_>) -> Findings {
        let mut faults = Faults::default();
        faults.extend(document.twice.iter().cloned());
        let Some(members) = document.value.as_object() else {
            faults.push(Fault::new(
                "",
                format!("found {}, expected an item: a JSON object", quote(Some(&document.value))),
            ));
            return Findings { faults, warnings: Vec::new() };
        };
        if let Some(detail) = wrong_type(members.get("type")) {
            faults.push(Fault::new("/type", detail));
        }
        let item = Value::Object(as_it_will_stand(members));
        for name in ["id", "collection"] {
            let text = members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            if let Some(detail) = text.and_then(fault_of_id) {
                faults.push(Fault::new(format!("/{name}"), detail));
            }
        }
        self.core(&item, &mut faults);
        faults.add_new(place(members));
        faults.add_new(times(members));
        faults.add_new(self.hrefs.check(members));
        let mut warnings = self.extended(members, &item, &mut faults);
        if members.get("geometry").is_some_and(Value::is_null) {
            warnings.push(Fault::new("/geometry", "found null: an item without a geometry is not found by searches"));
        }
        Findings { faults, warnings }
    }

    /// What the core asks.
    fn core(&self, item: &Value, faults: &mut Faults) {
        let mut found = self.core.check(Kind::Item, item, LOOKED_FOR);
        if found.iter().any(|(pointer, _)| pointer == "/stac_version") {
            // No schema was found for it; what all versions ask is known.
            found.extend(self.core.check_fields(Kind::Item, item, LOOKED_FOR));
        }
        faults.add_new(found.into_iter().map(|(pointer, detail)| Fault::new(pointer, detail)).collect());
    }

    /// What the extensions ask that the item names; gives those that nothing is known of.
    fn extended(&self, members: &Map<String, Value>, item: &Value, faults: &mut Faults) -> Vec<Fault> {
        let mut warnings = Vec::new();
        let named = members.get("stac_extensions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if named.len() > MOST_EXTENSIONS {
            let detail = format!("found {} extensions, expected at most {MOST_EXTENSIONS}", named.len());
            faults.push(Fault::new("/stac_extensions", detail));
            return warnings;
        }
        let mut seen = BTreeSet::new();
        for (number, address) in named.iter().enumerate() {
            let Some(text) = address.as_str().filter(|text| seen.insert(*text)) else { continue };
            match (self.extensions.check(text, item, LOOKED_FOR), self.unknown) {
                (Some(found), _) => {
                    faults.add_new(found.into_iter().map(|(pointer, detail)| Fault::new(pointer, detail)).collect());
                }
                (None, unknown) => {
                    let found = quote(Some(address));
                    let fault = |detail| Fault::new(format!("/stac_extensions/{number}"), detail);
                    match unknown {
                        Unknown::Told => {
                            warnings.push(fault(format!(
                                "found {found}, whose schema is not known here: it was not checked"
                            )));
                        }
                        Unknown::Refused => {
                            faults.push(fault(format!(
                                "found {found}, expected an extension whose schema is known here"
                            )));
                        }
                    }
                }
            }
        }
        warnings
    }
}

fn wrong_type(found: Option<&Value>) -> Option<String> {
    match found.map(|found| found.as_str().ok_or(found)) {
        Some(Ok("Feature")) => None,
        Some(Ok("FeatureCollection")) => {
            Some("found \"FeatureCollection\", expected \"Feature\": items are sent one by one".to_owned())
        }
        Some(_) => Some(format!("found {}, expected \"Feature\"", quote(found))),
        None => Some("found no field \"type\", expected one".to_owned()),
    }
}

/// The item as it will stand in the catalog, as far as the schema asks: it is linked to its collection, whether who sent
/// it has done so or not. No place in what was sent is moved.
fn as_it_will_stand(members: &Map<String, Value>) -> Map<String, Value> {
    let mut item = members.clone();
    // Else the schemas would speak of another kind of document; it has been told.
    item.insert("type".to_owned(), "Feature".into());
    let is_in_one = item.get("collection").is_some_and(Value::is_string);
    if let Some(links) = item.get_mut("links").and_then(Value::as_array_mut)
        && is_in_one
        && !links.iter().any(|link| link.get("rel").is_some_and(|rel| rel == "collection"))
    {
        links.push(json!({"rel": "collection", "href": "./collection.json", "type": "application/json"}));
    }
    item
}

/// Whether the item is somewhere on earth, and its bbox around it.
fn place(members: &Map<String, Value>) -> Vec<Fault> {
    let mut faults = Vec::new();
    match members.get("geometry") {
        // The schema allows it.
        None | Some(Value::Null) => {}
        Some(found) => faults.extend(geometry::check(found, "/geometry").err().into_iter().flatten()),
    }
    if let Some(bbox) = members.get("bbox") {
        let numbers = bbox.as_array().map(|bbox| bbox.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>());
        if let Some(Some(numbers)) = numbers
            && let Err(detail) = geometry::boxes_of(&numbers)
        {
            faults.push(Fault::new("/bbox", detail));
        }
    }
    if faults.is_empty()
        && let Some(geometry) = members.get("geometry")
        && let Some(bbox) = members.get("bbox")
        && let Some(detail) = envelope::check(&json!({"geometry": geometry, "bbox": bbox}))
    {
        faults.push(Fault::new("/bbox", detail));
    }
    faults
}

/// Whether times are times, and an interval does not end before it begins.
fn times(members: &Map<String, Value>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some(properties) = members.get("properties").and_then(Value::as_object) else { return faults };
    let mut time = |name: &str| {
        let text = properties.get(name)?.as_str()?;
        let read = DateTime::parse_from_rfc3339(text);
        if let Err(error) = &read {
            let found = quote(properties.get(name));
            let detail = format!("found {found}, expected a time such as \"2017-06-18T13:04:05Z\": {error}");
            faults.push(Fault::new(format!("/properties/{name}"), detail));
        }
        read.ok()
    };
    let (_, start, end) = (time("datetime"), time("start_datetime"), time("end_datetime"));
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        let detail =
            format!("found {}, expected a time not after end_datetime, {}", start.to_rfc3339(), end.to_rfc3339());
        faults.push(Fault::new("/properties/start_datetime", detail));
    }
    faults
}

impl Faults {
    /// Adds those that are not but another word for one that is there, whatever was found in the same look.
    pub(super) fn add_new(&mut self, found: Vec<Fault>) {
        let known = self.all.len();
        for fault in found {
            if !self.all[..known].iter().any(|told| follows(&fault.pointer, &told.pointer)) {
                self.all.push(fault);
            }
        }
    }
}
