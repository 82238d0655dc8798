//! The fields extension: which members of an item are given.

use serde_json::{Map, Value};

/// How many fields may be named.
const MOST: usize = 100;

/// What is given when nothing is named.
const USUAL: [&str; 10] = [
    "type",
    "stac_version",
    "stac_extensions",
    "id",
    "collection",
    "geometry",
    "bbox",
    "links",
    "assets",
    "properties.datetime",
];

/// What is always given, without which a client could not tell what it has before it.
const ALWAYS: [&str; 4] = ["type", "stac_version", "id", "collection"];

/// Members to give and members to leave out, as paths with dots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    /// None when it was not given at all, which is not the same as an empty list.
    include: Option<Vec<String>>,
    exclude: Vec<String>,
}

impl Fields {
    /// Reads `a,+b,-c.d`.
    ///
    /// # Errors
    ///
    /// When there are too many.
    pub(crate) fn from_text(text: &str) -> Result<Self, String> {
        let mut fields = Self::default();
        for field in text.split(',').map(str::trim).filter(|field| !field.is_empty()) {
            match field.strip_prefix('-') {
                Some(excluded) => fields.exclude.push(excluded.to_owned()),
                // A plus that was not encoded arrived as a space, and was trimmed.
                None => {
                    let name = field.strip_prefix('+').unwrap_or(field);
                    fields.include.get_or_insert_default().push(name.to_owned());
                }
            }
        }
        fields.bounded()
    }

    /// Reads `{"include": [], "exclude": []}`.
    ///
    /// # Errors
    ///
    /// When it is something else, or too many.
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let members = value.as_object().ok_or("fields is no object such as {\"include\": [\"id\"]}")?;
        let list = |name: &str| match members.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(names)) => names
                .iter()
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .ok_or_else(|| format!("fields.{name} holds something else than texts")),
            Some(_) => Err(format!("fields.{name} is no list of texts")),
        };
        let include = members.contains_key("include").then(|| list("include")).transpose()?;
        Self { include, exclude: list("exclude")? }.bounded()
    }

    fn bounded(self) -> Result<Self, String> {
        let count = self.include.as_ref().map_or(0, Vec::len) + self.exclude.len();
        if count > MOST { Err(format!("{count} fields are named, expected at most {MOST}")) } else { Ok(self) }
    }

    /// The item with what is wanted of it. Members are left out of the whole item, or of the usual ones when the list of
    /// those to give is there and empty. What is named in both lists is given, and so is a part of what is left out when the
    /// part itself is named.
    pub(crate) fn apply(&self, item: &Value) -> Value {
        let include = self.include.as_deref().unwrap_or_default();
        let mut kept = match (include, self.include.is_none() && !self.exclude.is_empty()) {
            ([], true) => item.clone(),
            ([], false) => picked(item, USUAL.into_iter()),
            (named, _) => picked(item, ALWAYS.into_iter().chain(named.iter().map(String::as_str))),
        };
        let is_wanted = |path: &str| {
            let is_below =
                |wanted: &str| wanted.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            ALWAYS.contains(&path) || include.iter().any(|wanted| is_below(wanted))
        };
        for path in self.exclude.iter().filter(|path| !is_wanted(path)) {
            remove(&mut kept, &path.split('.').collect::<Vec<_>>());
        }
        kept
    }
}

/// A new item of these members, in the order of the old one.
fn picked<'a>(item: &Value, paths: impl Iterator<Item = &'a str>) -> Value {
    let paths: Vec<Vec<&str>> = paths.map(|path| path.split('.').collect()).collect();
    let wanted: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    pick(item, &wanted)
}

fn pick(value: &Value, wanted: &[&[&str]]) -> Value {
    let Some(members) = value.as_object() else { return value.clone() };
    let mut kept = Map::new();
    for (name, member) in members {
        let below: Vec<&[&str]> =
            wanted.iter().filter(|path| path.first() == Some(&name.as_str())).map(|path| &path[1..]).collect();
        if below.iter().any(|path| path.is_empty()) {
            kept.insert(name.clone(), member.clone());
        } else if !below.is_empty() && member.is_object() {
            let part = pick(member, &below);
            if part.as_object().is_some_and(|part| !part.is_empty()) {
                kept.insert(name.clone(), part);
            }
        }
    }
    Value::Object(kept)
}

fn remove(value: &mut Value, path: &[&str]) {
    match (path, value.as_object_mut()) {
        ([last], Some(members)) => {
            members.shift_remove(*last);
        }
        ([first, rest @ ..], Some(members)) => {
            if let Some(member) = members.get_mut(*first) {
                remove(member, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item() -> Value {
        json!({
            "type": "Feature", "stac_version": "1.1.0", "id": "a", "geometry": null, "bbox": [],
            "properties": {"datetime": "2020-01-01T00:00:00Z", "gsd": 20, "deep": {"one": 1, "two": 2}},
            "links": [], "assets": {}, "collection": "c", "other": 1
        })
    }

    fn applied(text: &str) -> Value {
        Fields::from_text(text).unwrap().apply(&item())
    }

    #[test]
    fn what_is_named_is_given() {
        assert_eq!(
            applied("properties.gsd,+bbox,properties.deep.one"),
            json!({"type": "Feature", "stac_version": "1.1.0", "id": "a", "bbox": [],
                "properties": {"gsd": 20, "deep": {"one": 1}}, "collection": "c"})
        );
    }

    #[test]
    fn what_is_left_out_is_not_given() {
        let mut expected = item();
        expected.as_object_mut().unwrap().shift_remove("other");
        expected["properties"]["deep"].as_object_mut().unwrap().shift_remove("two");
        assert_eq!(applied("-other,-properties.deep.two,-id,-none.such"), expected);
        let of_the_usual = json!({"include": null, "exclude": ["links", "assets"]});
        assert_eq!(
            Fields::from_json(&of_the_usual).unwrap().apply(&item()),
            json!({"type": "Feature", "stac_version": "1.1.0", "id": "a", "geometry": null, "bbox": [],
                "properties": {"datetime": "2020-01-01T00:00:00Z"}, "collection": "c"})
        );
        assert_eq!(
            applied("properties,-properties.deep"),
            json!({"type": "Feature", "stac_version": "1.1.0", "id": "a",
                "properties": {"datetime": "2020-01-01T00:00:00Z", "gsd": 20}, "collection": "c"})
        );
    }

    #[test]
    fn what_is_both_named_and_left_out_is_given() {
        let expected = json!({"type": "Feature", "stac_version": "1.1.0", "id": "a", "properties": {"gsd": 20}, "collection": "c"});
        assert_eq!(applied("-properties,+properties.gsd"), expected);
        assert_eq!(applied("properties.gsd,-properties.gsd"), expected);
    }

    #[test]
    fn nothing_named_is_the_usual() {
        let mut expected = item();
        expected.as_object_mut().unwrap().shift_remove("other");
        expected["properties"] = json!({"datetime": "2020-01-01T00:00:00Z"});
        assert_eq!(applied(""), expected);
        for value in [json!({}), json!({"include": [], "exclude": null})] {
            assert_eq!(Fields::from_json(&value).unwrap().apply(&item()), expected);
        }
    }

    #[test]
    fn lists_of_something_else_are_refused() {
        for value in [json!(null), json!([]), json!({"include": "id"}), json!({"exclude": [1]})] {
            assert!(Fields::from_json(&value).is_err(), "{value}");
        }
        assert!(Fields::from_text(&"a,".repeat(MOST + 1)).is_err());
    }
}
