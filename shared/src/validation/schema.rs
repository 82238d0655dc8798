//! Whether a document is STAC: held against the tables of `structure`, which know the place of a fault, and then
//! against the JSON schemas of the core, 1.0.0 and 1.1.0, which the crate `stac-validate` carries.
//!
//! Nothing is ever fetched. That crate would fetch the schema of each extension that a document names, and that of a
//! version it does not carry: so it is given neither. What an extension asks of a document is not checked.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use serde_json::Value;
use stac_validate::{Error, Validator};

use super::quote::{cut, quote};
use super::{Kind, structure, verdict};

/// The most that is said of one document.
pub const FAULTS_OF_A_DOCUMENT: usize = 20;

/// The versions of the core whose schemas the program carries.
const VERSIONS: [&str; 2] = ["1.0.0", "1.1.0"];

/// The schemas of the core, ready to be applied.
pub struct Schemas {
    /// A validator can be used by one thread at a time; so there come to be as many as threads.
    idle: Mutex<Vec<Validator>>,
}

impl Schemas {
    /// Compiles the schemas.
    ///
    /// # Errors
    ///
    /// When the validator cannot be made. Since it could fetch, it wants the certificates of the system, although they
    /// are never used.
    pub fn compile() -> Result<Self, String> {
        Ok(Self { idle: Mutex::new(vec![validator()?]) })
    }

    /// Holds a document against the schema of its kind and of the version it says it has; gives pointers and messages, the
    /// first `most` of them.
    pub fn check(&self, kind: Kind, document: &Value, most: usize) -> Vec<(String, String)> {
        let said = document.get("stac_version");
        let Some(version) = VERSIONS.into_iter().find(|version| said.and_then(Value::as_str) == Some(version)) else {
            let known = VERSIONS.map(|version| format!("{version:?}")).join(" or ");
            return vec![("/stac_version".to_owned(), format!("found {}, expected {known}", quote(said)))];
        };
        let mut faults = structure::check(kind, version, document, most);
        let known = faults.len();
        for (pointer, message) in self.judge(document, most) {
            // What the tables have found, the schemas find too, and mostly say it of something around it.
            if faults.len() < most && !faults[..known].iter().any(|(told, _)| follows(&pointer, told)) {
                faults.push((pointer, message));
            }
        }
        faults
    }

    /// What the tables alone say of a document: for one that says no version that is known.
    #[must_use]
    pub fn check_fields(&self, kind: Kind, document: &Value, most: usize) -> Vec<(String, String)> {
        structure::check(kind, VERSIONS[0], document, most)
    }

    /// What the schemas say of a document.
    fn judge(&self, document: &Value, most: usize) -> Vec<(String, String)> {
        let idle = lock(&self.idle).pop();
        let mut validator = match idle.map_or_else(validator, Ok) {
            Ok(validator) => validator,
            Err(error) => return vec![unjudged(&error)],
        };
        let given = without_extensions(document);
        // Without a runtime nothing can be fetched, and nothing has to be waited for.
        let judged = validator.validate_value(given).now_or_never();
        lock(&self.idle).push(validator);
        match judged {
            Some(Ok(_)) => Vec::new(),
            Some(Err(Error::Validation(errors))) => {
                let mut faults: Vec<_> = Vec::new();
                for error in errors.into_iter().take(most) {
                    let sentence = error.into_json()["error"].take();
                    let fault = verdict::describe(sentence.as_str().unwrap_or_default(), document);
                    if !faults.contains(&fault) {
                        faults.push(fault);
                    }
                }
                faults
            }
            Some(Err(error)) => vec![unjudged(&error.to_string())],
            None => vec![unjudged("the validator waits")],
        }
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").finish_non_exhaustive()
    }
}

/// Whether a fault at `pointer` may be but another word for one that was told at `told`: when one of them is the other's
/// place, or around it.
pub(crate) fn follows(pointer: &str, told: &str) -> bool {
    let around = |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    pointer == told || around(pointer, told) || (!told.is_empty() && around(told, pointer))
}

/// The lock of what only a thread that panicked, which ends nothing here, could have left.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn validator() -> Result<Validator, String> {
    match Validator::new().now_or_never() {
        Some(made) => made.map_err(|error| {
            std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": ")
        }),
        None => Err("the validator waits".to_owned()),
    }
}

/// A copy of a document without the schemas it names, which would be fetched.
fn without_extensions(document: &Value) -> Value {
    match document {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "stac_extensions")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        other => other.clone(),
    }
}

fn unjudged(error: &str) -> (String, String) {
    (String::new(), format!("found what could not be held against the schema: {}", cut(error)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use proptest::sample::Index;
    use serde_json::json;

    use super::*;

    fn item() -> Value {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "a", "bbox": [0, 0, 1, 1],
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
            "properties": {"datetime": "2017-06-18T13:30:00Z", "title": "A", "created": "2017-06-19T00:00:00.5Z"},
            "links": [{"rel": "collection", "href": "./c.json", "type": "application/json", "title": "C"},
                {"rel": "self", "href": "https://a.example/a.json"}],
            "assets": {"a/b": {"href": "./a.tif", "roles": ["data"], "title": "B", "type": "image/tiff"}},
            "collection": "C"
        })
    }

    fn collection() -> Value {
        json!({
            "type": "Collection", "stac_version": "1.1.0", "id": "C", "title": "C", "description": "c",
            "license": "CC-BY-SA-3.0", "keywords": ["a"], "providers": [{"name": "INPE", "roles": ["host"]}],
            "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [["2014-12-07T00:00:00Z", null]]}},
            "summaries": {"gsd": {"minimum": 5, "maximum": 20}}, "assets": {}, "links": []
        })
    }

    fn catalog() -> Value {
        json!({
            "type": "Catalog", "stac_version": "1.1.0", "id": "c", "title": "C", "description": "c",
            "links": [{"rel": "root", "href": "./catalog.json"}]
        })
    }

    fn faults(change: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
        let mut item = item();
        change(&mut item);
        Schemas::compile().unwrap().check(Kind::Item, &item, FAULTS_OF_A_DOCUMENT)
    }

    fn only_pointer(change: impl FnOnce(&mut Value)) -> String {
        let faults = faults(change);
        assert!(!faults.is_empty() && faults.iter().all(|(pointer, _)| *pointer == faults[0].0), "{faults:?}");
        faults[0].0.clone()
    }

    #[test]
    fn documents_of_either_version_are_valid() {
        let schemas = Schemas::compile().unwrap();
        for (kind, document) in [(Kind::Item, item()), (Kind::Collection, collection()), (Kind::Catalog, catalog())] {
            for version in VERSIONS {
                let mut document = document.clone();
                document["stac_version"] = json!(version);
                assert_eq!(schemas.check(kind, &document, FAULTS_OF_A_DOCUMENT), vec![], "{kind:?} {version}");
            }
        }
    }

    #[test]
    fn an_extension_is_neither_fetched_nor_an_error() {
        assert_eq!(faults(|item| item["stac_extensions"] = json!(["https://a.example/absent/schema.json"])), vec![]);
    }

    #[test]
    fn the_names_of_extensions_are_addresses_and_differ() {
        let address = "https://a.example/schema.json";
        for (extensions, pointer) in [
            (json!(address), "/stac_extensions"),
            (json!([address, 5]), "/stac_extensions/1"),
            (json!(["projection"]), "/stac_extensions/0"),
            (json!([address, address]), "/stac_extensions/1"),
        ] {
            assert_eq!(only_pointer(|item| item["stac_extensions"] = extensions), pointer);
        }
    }

    #[test]
    fn the_fault_is_pointed_at() {
        for (changed, value, pointer) in [
            ("/properties/datetime", json!("yesterday"), "/properties/datetime"),
            ("/properties/datetime", json!("2017-13-01T00:00:00Z"), "/properties/datetime"),
            ("/properties/created", json!("2017-06-18T13:30:00-03:00"), "/properties/created"),
            ("/bbox", json!([0, 0, 1]), "/bbox"),
            ("/links/1", json!({"rel": "root"}), "/links/1/href"),
            ("/links/1/href", json!("./a.json"), "/links/1/href"),
            ("/stac_version", json!("0.9.0"), "/stac_version"),
            ("/geometry/coordinates/0/2/1", json!("1"), "/geometry/coordinates/0/2/1"),
            ("/geometry/type", json!("GeometryCollection"), "/geometry/type"),
            ("/assets/a~1b/href", json!(7), "/assets/a~1b/href"),
            ("/properties/gsd", json!(-30.5), "/properties/gsd"),
            ("/properties/instruments", json!("MUX"), "/properties/instruments"),
        ] {
            let change = |item: &mut Value| match item.pointer_mut(changed) {
                Some(place) => *place = value.clone(),
                None => item["properties"][changed.rsplit_once('/').unwrap().1] = value.clone(),
            };
            assert_eq!(only_pointer(change), pointer, "{value}");
        }
    }

    #[test]
    fn a_missing_field_is_named() {
        let faults = faults(|item| {
            item.as_object_mut().unwrap().remove("bbox");
        });
        assert_eq!(faults, vec![("/bbox".to_owned(), "found no field \"bbox\", expected one".to_owned())]);
    }

    #[test]
    fn a_collection_is_named_beside_its_link_and_nowhere_else() {
        let without_field = faults(|item| {
            item.as_object_mut().unwrap().remove("collection");
        });
        assert_eq!(without_field.len(), 1, "{without_field:?}");
        assert!(without_field[0].1.contains("no field \"collection\""), "{without_field:?}");
        assert_eq!(only_pointer(|item| item["links"] = json!([])), "/collection");
    }

    #[test]
    fn a_verdict_on_the_whole_is_short() {
        let schemas = Schemas::compile().unwrap();
        let mut collection = collection();
        collection["summaries"]["gsd"] = json!({"type": 5, "padding": "x".repeat(5000)});
        let faults = schemas.check(Kind::Collection, &collection, FAULTS_OF_A_DOCUMENT);
        assert!(!faults.is_empty() && faults.iter().all(|(_, message)| message.len() < 300), "{faults:?}");
        assert_eq!(faults[0].0, "/summaries/gsd");
    }

    /// Pointers to every value of a document but its type and version.
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        let mut visit = |step: &str, value: &Value| {
            let place = format!("{at}/{}", step.replace('~', "~0").replace('/', "~1"));
            if place != "/type" && place != "/stac_version" {
                found.push(place.clone());
                places(value, &place, found);
            }
        };
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| visit(name, member)),
            Value::Array(elements) => {
                elements.iter().enumerate().for_each(|(index, element)| visit(&index.to_string(), element));
            }
            _ => {}
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!(0),
            json!(-1.5),
            json!(""),
            json!("a"),
            json!("./a.json"),
            json!([]),
            json!({}),
            json!([0, 0, 1, 1]),
            json!(["a"]),
            json!([null, null]),
            json!("2017-06-18T13:30:00Z"),
            json!("2017-06-18t13:30:00Z"),
            json!("2017-06-18 13:30:00Z"),
            json!("2017-06-18T13:30:60Z"),
            json!("2017-06-18T13:30Z"),
            json!("2017-06-18T13:30:00.Z"),
            json!("2017-06-18T13:30:00z"),
            json!({"type": "Point", "coordinates": [0, 0]}),
            json!({"type": "Point"}),
            json!({"href": "a"}),
            json!({"rel": "collection", "href": "a"}),
            json!({"rel": "self", "href": "a"}),
        ])
    }

    proptest! {
        /// The tables refuse nothing that the schemas allow: else a valid document would have faults.
        #[test]
        fn what_the_tables_refuse_the_schemas_refuse(
            which in 0..3_usize, version in prop::sample::select(VERSIONS.to_vec()),
            changes in prop::collection::vec((any::<Index>(), prop::option::of(any_value())), 1..3),
        ) {
            let (kind, mut document) =
                [(Kind::Item, item()), (Kind::Collection, collection()), (Kind::Catalog, catalog())][which].clone();
            document["stac_version"] = json!(version);
            for (index, change) in changes {
                let mut found = Vec::new();
                places(&document, "", &mut found);
                let Some(place) = (!found.is_empty()).then(|| index.get(&found)) else { continue };
                let (above, name) = place.rsplit_once('/').unwrap();
                match (document.pointer_mut(above).unwrap(), change) {
                    (Value::Object(members), None) => {
                        members.remove(&name.replace("~1", "/"));
                    }
                    (Value::Array(elements), None) => {
                        elements.remove(name.parse().unwrap());
                    }
                    (_, Some(value)) => *document.pointer_mut(place).unwrap() = value,
                    _ => {}
                }
            }
            let pointed = structure::check(kind, version, &document, FAULTS_OF_A_DOCUMENT);
            thread_local! {
                static SCHEMAS: Schemas = Schemas::compile().unwrap();
            }
            let judged = SCHEMAS.with(|schemas| schemas.judge(&document, FAULTS_OF_A_DOCUMENT));
            prop_assert!(pointed.is_empty() || !judged.is_empty(), "{pointed:?} in {document}");
            prop_assert!(judged.iter().all(|(_, message)| message.len() < 400), "{judged:?}");
        }
    }
}
