//! What extensions ask of a document: their schemas, those that somebody has brought along.
//!
//! Nothing is ever fetched. A schema that refers to another one that was not brought along is refused when it is
//! compiled, not when a document comes.

use std::collections::BTreeMap;
use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Registry, ValidationError, Validator};
use serde_json::Value;

use super::quote::{cut, quote};

/// How deep alternatives of a schema are followed to the fault behind them.
const DEEPEST: usize = 16;

/// A schema that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema {address}: {detail}")]
pub struct BadSchema {
    /// Its address.
    pub address: String,
    /// What is wrong with it.
    pub detail: String,
}

/// Schemas of extensions, ready to be applied, by the addresses that documents name them by.
#[derive(Default)]
pub struct Extensions {
    validators: BTreeMap<String, Validator>,
}

impl Extensions {
    /// Compiles schemas, each with its address. They may refer to each other, and to no others.
    ///
    /// # Errors
    ///
    /// The first schema that is none, or that refers to one that is not among them.
    pub fn compile(schemas: BTreeMap<String, Value>) -> Result<Self, BadSchema> {
        let schemas: BTreeMap<String, Value> = schemas
            .into_iter()
            .map(|(address, mut schema)| {
                // Some are published at several addresses, or say another one than they are published at.
                if let Some(members) = schema.as_object_mut() {
                    members.insert("$id".to_owned(), address.clone().into());
                }
                (address, schema)
            })
            .collect();
        let mut registry = Registry::new();
        for (address, schema) in &schemas {
            registry = registry.add(address, schema).map_err(|error| bad(address, &error))?;
        }
        let registry = registry.prepare().map_err(|error| bad("of an extension", &error))?;
        let mut validators = BTreeMap::new();
        for (address, schema) in &schemas {
            let options = jsonschema::options().offline().with_registry(&registry);
            let validator = options.build(schema).map_err(|error| bad(address, &error))?;
            validators.insert(address.clone(), validator);
        }
        Ok(Self { validators })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.validators.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.validators.is_empty()
    }

    /// Holds a document against the schema of this address; gives pointers and messages, the first `most` of them.
    /// None when no such schema was brought along.
    #[must_use]
    pub fn check(&self, address: &str, document: &Value, most: usize) -> Option<Vec<(String, String)>> {
        let validator = self.validators.get(address.trim_end_matches('#'))?;
        let mut found = Vec::new();
        for error in validator.iter_errors(document) {
            collect(&error, 0, &mut found);
            if found.len() >= most {
                break;
            }
        }
        found.truncate(most);
        Some(found.into_iter().map(|(pointer, message)| (pointer, format!("{message} ({})", cut(address)))).collect())
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.validators.keys()).finish()
    }
}

fn bad(address: &str, error: &dyn fmt::Display) -> BadSchema {
    BadSchema { address: address.to_owned(), detail: cut(&error.to_string()) }
}

/// Collects what an error comes down to. Where none of several alternatives holds, it is the faults of the one that the
/// document is nearest to.
fn collect(error: &ValidationError<'_>, depth: usize, found: &mut Vec<(String, String)>) {
    if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } = error.kind()
        && depth < DEEPEST
    {
        let wanted: Option<Vec<String>> =
            context.iter().map(|branch| only_wanting(branch, error.instance_path().as_str())).collect();
        match (wanted, nearest(context)) {
            (Some(wanted), _) if wanted.len() > 1 => {
                let message = format!("found no field {}, expected one of them", wanted.join(" or "));
                push(found, error.instance_path().as_str(), cut(&message));
            }
            (_, Some(branch)) => branch.iter().for_each(|error| collect(error, depth + 1, found)),
            (_, None) => push(found, error.instance_path().as_str(), message(error)),
        }
    } else {
        push(found, &place(error), message(error));
    }
}

/// Where an error is: that a field is missing, where it should be.
fn place(error: &ValidationError<'_>) -> String {
    let at = error.instance_path();
    match error.kind() {
        ValidationErrorKind::Required { property: Value::String(name) } => at.join(name.as_str()).as_str().to_owned(),
        _ => at.as_str().to_owned(),
    }
}

fn push(found: &mut Vec<(String, String)>, pointer: &str, message: String) {
    let fault = (pointer.to_owned(), message);
    if !found.contains(&fault) {
        found.push(fault);
    }
}

/// The field that is all that an alternative wants at this place.
fn only_wanting(branch: &[ValidationError<'_>], at: &str) -> Option<String> {
    match branch {
        [error] if error.instance_path().as_str() == at => match error.kind() {
            ValidationErrorKind::Required { property } => Some(quote(Some(property))),
            _ => None,
        },
        _ => None,
    }
}

/// The alternative that is not for another kind of document or value, and has the fewest faults.
fn nearest<'a, 'b>(branches: &'a [Vec<ValidationError<'b>>]) -> Option<&'a [ValidationError<'b>]> {
    let is_for_others = |error: &ValidationError<'_>| match error.kind() {
        ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. } => {
            error.instance_path().as_str().ends_with("/type")
        }
        ValidationErrorKind::Type { .. } => true,
        _ => false,
    };
    let branches = branches.iter().filter(|branch| !branch.is_empty());
    branches
        .min_by_key(|branch| (branch.iter().filter(|error| is_for_others(error)).count(), branch.len()))
        .map(Vec::as_slice)
}

fn message(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            format!("found no field {}, expected one", quote(Some(property)))
        }
        ValidationErrorKind::Constant { expected_value } => {
            format!("found {}, expected {}", quote(Some(error.instance())), quote(Some(expected_value)))
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            format!("found {}, expected no such fields", cut(&unexpected.join(", ")))
        }
        ValidationErrorKind::FalseSchema => {
            format!("found {}, expected nothing there", quote(Some(error.instance())))
        }
        _ => format!("found {}, but {}", quote(Some(error.instance())), cut(&error.masked_with("it").to_string())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    const TREES: &str = "https://a.example/trees/v1.0.0/schema.json";
    const LEAVES: &str = "https://a.example/leaves/v1.0.0/schema.json";

    /// Laid out as the extensions of STAC are: one alternative for items, one for collections.
    fn trees() -> Value {
        json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "https://elsewhere.example/trees.json#",
            "oneOf": [
                {"type": "object", "required": ["type", "properties"], "properties": {
                    "type": {"const": "Feature"},
                    "properties": {"allOf": [
                        {"anyOf": [{"required": ["trees:count"]}, {"required": ["trees:kind"]}]},
                        {"$ref": "#/definitions/fields"}
                    ]}
                }},
                {"type": "object", "required": ["type", "summaries"], "properties": {"type": {"const": "Collection"}}}
            ],
            "definitions": {"fields": {"properties": {
                "trees:count": {"type": "integer", "minimum": 1},
                "trees:kind": {"enum": ["oak", "elm"]},
                "trees:leaf": {"$ref": LEAVES}
            }}}
        })
    }

    fn compiled() -> Extensions {
        let leaves = json!({"$schema": "http://json-schema.org/draft-07/schema#", "required": ["shape"]});
        Extensions::compile(BTreeMap::from([(TREES.to_owned(), trees()), (LEAVES.to_owned(), leaves)])).unwrap()
    }

    fn faults(properties: Value) -> Vec<(String, String)> {
        let item = json!({"type": "Feature", "properties": properties});
        let faults = compiled().check(TREES, &item, 20).unwrap();
        faults
            .into_iter()
            .map(|(pointer, message)| (pointer, message.strip_suffix(&format!(" ({TREES})")).unwrap().to_owned()))
            .collect()
    }

    #[test]
    fn an_item_that_obeys_has_no_fault() {
        assert_eq!(faults(json!({"trees:count": 3, "trees:leaf": {"shape": "oval"}})), vec![]);
        assert_eq!(compiled().len(), 2);
    }

    #[test]
    fn a_fault_is_told_where_it_is_and_not_that_an_item_is_no_collection() {
        let cases = [
            (json!({"trees:count": 0}), "/properties/trees:count", "found 0, but it is less than the minimum of 1"),
            (json!({"trees:kind": "ash"}), "/properties/trees:kind", "found \"ash\", but it is not one of"),
            (
                json!({"trees:kind": "oak", "trees:leaf": {}}),
                "/properties/trees:leaf/shape",
                "found no field \"shape\"",
            ),
            (json!({}), "/properties", "found no field \"trees:count\" or \"trees:kind\", expected one of them"),
        ];
        for (properties, pointer, says) in cases {
            let found = faults(properties);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].0 == pointer && found[0].1.starts_with(says), "{found:?}");
        }
    }

    #[test]
    fn every_fault_is_told() {
        assert_eq!(faults(json!({"trees:count": "many", "trees:kind": 5})).len(), 2);
    }

    #[test]
    fn what_was_not_brought_along_is_not_checked() {
        assert_eq!(compiled().check("https://a.example/other.json", &json!({}), 20), None);
    }

    #[test]
    fn a_schema_that_refers_to_what_is_not_there_is_refused_and_nothing_is_fetched() {
        let error = Extensions::compile(BTreeMap::from([(TREES.to_owned(), trees())])).unwrap_err();
        assert!(error.to_string().contains("leaves"), "{error}");
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": 5});
        let error = Extensions::compile(BTreeMap::from([(TREES.to_owned(), schema)])).unwrap_err();
        assert_eq!(error.address, TREES);
    }
}
