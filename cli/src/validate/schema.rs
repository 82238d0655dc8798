//! The JSON schemas of the STAC core, 1.0.0 and 1.1.0, which the program carries: nothing is ever fetched. What an
//! extension asks of a document is not checked.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, Registry, Resource, ValidationError, Validator};
use serde_json::Value;

use super::document::Kind;
use super::faults::{cut, quote};

/// The most that is said of one document.
const FAULTS_OF_A_DOCUMENT: usize = 20;

macro_rules! schemas {
    ($($address:literal => $file:literal),* $(,)?) => {
        &[$(($address, include_str!(concat!("schemas/", $file)))),*]
    };
}

/// Every schema of the core by the address under which the others refer to it.
const FILES: &[(&str, &str)] = schemas! {
    "http://json-schema.org/draft-07/schema" => "json-schema/draft-07.json",
    "https://geojson.org/schema/Feature.json" => "geojson/Feature.json",
    "https://geojson.org/schema/Geometry.json" => "geojson/Geometry.json",
    "https://schemas.stacspec.org/v1.0.0/catalog-spec/json-schema/catalog.json" => "v1.0.0/catalog.json",
    "https://schemas.stacspec.org/v1.0.0/collection-spec/json-schema/collection.json" => "v1.0.0/collection.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/item.json" => "v1.0.0/item.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/basics.json" => "v1.0.0/basics.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/datetime.json" => "v1.0.0/datetime.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/instrument.json" => "v1.0.0/instrument.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/licensing.json" => "v1.0.0/licensing.json",
    "https://schemas.stacspec.org/v1.0.0/item-spec/json-schema/provider.json" => "v1.0.0/provider.json",
    "https://schemas.stacspec.org/v1.1.0/catalog-spec/json-schema/catalog.json" => "v1.1.0/catalog.json",
    "https://schemas.stacspec.org/v1.1.0/collection-spec/json-schema/collection.json" => "v1.1.0/collection.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json" => "v1.1.0/item.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/bands.json" => "v1.1.0/bands.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/basics.json" => "v1.1.0/basics.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/common.json" => "v1.1.0/common.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/data-values.json" => "v1.1.0/data-values.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/datetime.json" => "v1.1.0/datetime.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/instrument.json" => "v1.1.0/instrument.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/licensing.json" => "v1.1.0/licensing.json",
    "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/provider.json" => "v1.1.0/provider.json",
};

/// The schemas of one version of the core, ready to be applied.
#[derive(Debug)]
struct Version {
    name: &'static str,
    catalog: Validator,
    collection: Validator,
    item: Validator,
}

/// The schemas of all versions that are known.
#[derive(Debug)]
pub(super) struct Schemas(Vec<Version>);

impl Schemas {
    /// Compiles the schemas.
    ///
    /// # Errors
    ///
    /// When one of them is not a schema or refers to one that is not here: a mistake in the program.
    pub(super) fn compile() -> Result<Self, String> {
        let mut registry = Registry::new();
        for (address, text) in FILES {
            let schema: Value = serde_json::from_str(text).map_err(|error| format!("{address}: {error}"))?;
            registry = registry
                .add(*address, Resource::from_contents(schema))
                .map_err(|error| format!("{address}: {error}"))?;
        }
        let registry = registry.prepare().map_err(|error| error.to_string())?;
        let compile = |name: &'static str, kind: &str| {
            let address = format!("https://schemas.stacspec.org/v{name}/{kind}-spec/json-schema/{kind}.json");
            jsonschema::draft7::options()
                .offline()
                .should_validate_formats(true)
                .with_registry(&registry)
                .build(&serde_json::json!({ "$ref": address }))
                .map_err(|error| format!("{address}: {error}"))
        };
        let version = |name| {
            Ok::<_, String>(Version {
                name,
                catalog: compile(name, "catalog")?,
                collection: compile(name, "collection")?,
                item: compile(name, "item")?,
            })
        };
        Ok(Self(vec![version("1.0.0")?, version("1.1.0")?]))
    }

    /// Holds a document against the schema of its kind and of the version it says it has; gives pointers and messages.
    pub(super) fn check(&self, kind: Kind, document: &Value) -> Vec<(String, String)> {
        let said = document.get("stac_version");
        let Some(version) = self.0.iter().find(|version| said.and_then(Value::as_str) == Some(version.name)) else {
            let known: Vec<_> = self.0.iter().map(|version| format!("{:?}", version.name)).collect();
            return vec![(
                "/stac_version".to_owned(),
                format!("found {}, expected {}", quote(said), known.join(" or ")),
            )];
        };
        let schema = match kind {
            Kind::Catalog => &version.catalog,
            Kind::Collection => &version.collection,
            Kind::Item => &version.item,
        };
        if schema.is_valid(document) {
            return Vec::new();
        }
        schema.iter_errors(document).take(FAULTS_OF_A_DOCUMENT).map(|error| describe(&error)).collect()
    }
}

/// Where the core of an error is, and what it is: inside alternatives, that of the one which was most likely meant.
fn describe(error: &ValidationError<'_>) -> (String, String) {
    let alternatives = match error.kind() {
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => context.as_slice(),
        _ => &[],
    };
    let meant = alternatives.iter().filter(|errors| !errors.is_empty()).min_by_key(|errors| {
        let other = errors.iter().any(is_another_alternative);
        let depth = errors.iter().map(|error| error.instance_path().as_str().matches('/').count()).max();
        (other, std::cmp::Reverse(depth))
    });
    match meant.and_then(|errors| errors.first()) {
        Some(error) => describe(error),
        None => (error.instance_path().as_str().to_owned(), message(error)),
    }
}

/// Whether an error says that the document chose another alternative, rather than that it failed in this one.
fn is_another_alternative(error: &ValidationError<'_>) -> bool {
    match error.kind() {
        ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } | ValidationErrorKind::Not { .. } => {
            true
        }
        ValidationErrorKind::Type { kind: TypeKind::Single(expected) } => *expected == JsonType::Null,
        _ => false,
    }
}

fn message(error: &ValidationError<'_>) -> String {
    let found = quote(Some(error.instance()));
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("found no field {property}, expected one")
        }
        ValidationErrorKind::Constant { expected_value } => {
            format!("found {found}, expected {}", quote(Some(expected_value)))
        }
        ValidationErrorKind::Enum { options } => {
            format!("found {found}, expected one of {}", cut(&options.to_string()))
        }
        ValidationErrorKind::Format { format } => {
            format!("found {found}, expected a value of the format {format:?}")
        }
        ValidationErrorKind::Pattern { pattern } => {
            format!("found {found}, expected it to match {pattern}")
        }
        ValidationErrorKind::Type { kind: TypeKind::Single(expected) } => {
            format!("found {found}, expected a value of the type {expected}")
        }
        _ => format!("found {found}, but {}", cut(&error.masked_with("it").to_string())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn item() -> Value {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "a", "bbox": [0, 0, 1, 1],
            "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]},
            "properties": {"datetime": "2017-06-18T13:30:00Z"}, "links": [], "assets": {}
        })
    }

    fn faults(change: impl FnOnce(&mut Value)) -> Vec<(String, String)> {
        let mut item = item();
        change(&mut item);
        Schemas::compile().unwrap().check(Kind::Item, &item)
    }

    fn only_pointer(change: impl FnOnce(&mut Value)) -> String {
        let faults = faults(change);
        assert!(!faults.is_empty() && faults.iter().all(|(pointer, _)| *pointer == faults[0].0), "{faults:?}");
        faults[0].0.clone()
    }

    #[test]
    fn an_item_of_either_version_is_valid() {
        assert_eq!(faults(|_| {}), vec![]);
        assert_eq!(faults(|item| item["stac_version"] = json!("1.0.0")), vec![]);
    }

    #[test]
    fn an_extension_is_neither_fetched_nor_an_error() {
        assert_eq!(faults(|item| item["stac_extensions"] = json!(["https://a.example/absent/schema.json"])), vec![]);
    }

    #[test]
    fn the_fault_is_pointed_at() {
        assert_eq!(only_pointer(|item| item["properties"]["datetime"] = json!("yesterday")), "/properties/datetime");
        assert_eq!(only_pointer(|item| item["bbox"] = json!([0, 0, 1])), "/bbox");
        assert_eq!(only_pointer(|item| item["links"] = json!([{"rel": "root"}])), "/links/0");
        assert_eq!(only_pointer(|item| item["stac_version"] = json!("0.9.0")), "/stac_version");
    }

    #[test]
    fn a_missing_field_is_named() {
        let faults = faults(|item| {
            item.as_object_mut().unwrap().remove("bbox");
        });
        assert_eq!(faults, vec![(String::new(), "found no field \"bbox\", expected one".to_owned())]);
    }
}
