//! Items without what their collection says already, as pgstac stores them.
//!
//! pgstac keeps of an item what differs from its collection's *base item*, and puts both together when it is read. Doing
//! the first half here costs the database nothing. What is made here is understood alike by pgstac's own `merge_jsonb`
//! and by the clients that put items together themselves. All that does not stand in the base item is copied byte for
//! byte, numbers as they were written.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Stands for a member of the base item that the item does not have.
const ABSENT: &str = "\"𒍟※\"";

/// Members that have a column of their own, or that every item has alike.
const COLUMNS: [&str; 4] = ["id", "collection", "geometry", "type"];

/// The member that names the base item, where pgstac keeps several.
const TAG: &str = "pgstac:base_item";

type Members<'a> = IndexMap<Cow<'a, str>, &'a RawValue>;

/// A base item as [`content`] wants it.
pub(super) fn base(mut base: Map<String, Value>) -> Map<String, Value> {
    base.retain(|name, _| !COLUMNS.contains(&name.as_str()));
    base
}

/// The content of an item's row.
///
/// # Errors
///
/// When the text is no JSON object.
pub(super) fn content(item: &str, base: &Map<String, Value>, tag: Option<i32>) -> serde_json::Result<String> {
    let mut members = parse(item)?;
    members.retain(|name, _| !COLUMNS.contains(&name.as_ref()) && name != TAG);
    let mut out = Writer { text: String::with_capacity(item.len()) };
    out.open();
    strip_members(&members, base, &mut out)?;
    if let Some(tag) = tag {
        out.member(TAG)?;
        out.text.push_str(&tag.to_string());
    }
    out.close();
    Ok(out.text)
}

/// Whether what was written says any more than the base does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    Something,
}

/// Writes the members of an object that differ from those of the base.
fn strip_members(members: &Members<'_>, base: &Map<String, Value>, out: &mut Writer) -> serde_json::Result<Left> {
    let mut left = Left::Nothing;
    for (name, raw) in members {
        let before = out.text.len();
        out.member(name)?;
        let written = match base.get(name.as_ref()) {
            // pgstac takes a null of the base for a member that it does not have.
            None => out.raw(raw),
            Some(Value::Null) if raw.get() == "null" => Left::Nothing,
            Some(Value::Null) => out.raw(raw),
            Some(base) => strip(raw, base, out)?,
        };
        match written {
            Left::Nothing => out.text.truncate(before),
            Left::Something => left = Left::Something,
        }
    }
    for name in base.keys().filter(|name| !members.contains_key(name.as_str())) {
        out.member(name)?;
        out.text.push_str(ABSENT);
        left = Left::Something;
    }
    Ok(left)
}

/// Writes what is left of a value beside that of the base, which is no null.
fn strip(raw: &RawValue, base: &Value, out: &mut Writer) -> serde_json::Result<Left> {
    let text = raw.get();
    Ok(match base {
        // pgstac would take the base's value for a null, so it cannot be kept; it reads nulls as absent anyway.
        _ if text == "null" => {
            out.text.push_str(ABSENT);
            Left::Something
        }
        Value::Object(base) if text.starts_with('{') => strip_object(text, base, out)?,
        Value::Array(base) if text.starts_with('[') => {
            let values: Vec<&RawValue> = serde_json::from_str(text)?;
            if values.len() != base.len() {
                // Lists of another length are never put together.
                return Ok(out.raw(raw));
            }
            strip_list(&values, base, out)?
        }
        _ if is_same(text, base) => Left::Nothing,
        _ => out.raw(raw),
    })
}

/// Writes a list whose objects are without what the base's say.
fn strip_list(values: &[&RawValue], base: &[Value], out: &mut Writer) -> serde_json::Result<Left> {
    let mut left = Left::Nothing;
    out.text.push('[');
    for (at, (value, base)) in values.iter().zip(base).enumerate() {
        if at > 0 {
            out.text.push(',');
        }
        let written = match base {
            Value::Object(base) if value.get().starts_with('{') => strip_object(value.get(), base, out)?,
            base => {
                out.text.push_str(value.get());
                if is_same(value.get(), base) { Left::Nothing } else { Left::Something }
            }
        };
        if written == Left::Something {
            left = written;
        }
    }
    out.text.push(']');
    Ok(left)
}

fn strip_object(text: &str, base: &Map<String, Value>, out: &mut Writer) -> serde_json::Result<Left> {
    out.open();
    let left = strip_members(&parse(text)?, base, out)?;
    out.close();
    Ok(left)
}

/// Whether a JSON text has this value, numbers as they are written.
fn is_same(text: &str, value: &Value) -> bool {
    match value {
        Value::String(value) if !text.contains('\\') => {
            text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) == Some(value)
        }
        // By far most that are compared are texts, and of another kind there are few.
        value => serde_json::from_str::<Value>(text).is_ok_and(|found| found == *value),
    }
}

fn parse(text: &str) -> serde_json::Result<Members<'_>> {
    serde_json::from_str(text)
}

/// JSON that is being written.
#[derive(Default)]
struct Writer {
    text: String,
}

impl Writer {
    fn open(&mut self) {
        self.text.push('{');
    }

    fn close(&mut self) {
        self.text.push('}');
    }

    /// Writes a value as it is.
    fn raw(&mut self, raw: &RawValue) -> Left {
        self.text.push_str(raw.get());
        Left::Something
    }

    /// Writes the name of the next member.
    fn member(&mut self, name: &str) -> serde_json::Result<()> {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        if name.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            self.text.push_str(&serde_json::to_string(name)?);
        } else {
            self.text.extend(["\"", name, "\""]);
        }
        self.text.push(':');
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn stripped(item: &Value, base: &Value) -> Value {
        let base = super::base(base.as_object().unwrap().clone());
        serde_json::from_str(&content(&item.to_string(), &base, None).unwrap()).unwrap()
    }

    /// What pgstac's clients make of base and content: the base's members are copied where there are none.
    fn merged(content: &Value, base: &Value) -> Value {
        match (content, base) {
            (Value::Object(content), Value::Object(base)) => {
                let mut out = content.clone();
                for (name, base) in base {
                    match out.get(name).cloned() {
                        None => drop(out.insert(name.clone(), base.clone())),
                        Some(Value::String(text)) if text == "𒍟※" => drop(out.shift_remove(name)),
                        Some(value) => drop(out.insert(name.clone(), merged(&value, base))),
                    }
                }
                Value::Object(out)
            }
            (Value::Array(content), Value::Array(base)) if content.len() == base.len() => {
                let merge = |(value, base): (&Value, &Value)| match (value, base) {
                    (Value::Object(_), Value::Object(_)) => merged(value, base),
                    _ => value.clone(),
                };
                Value::Array(content.iter().zip(base).map(merge).collect())
            }
            (content, _) => content.clone(),
        }
    }

    #[test]
    fn what_the_collection_says_already_is_left_out() {
        let base = json!({"type": "Feature", "stac_version": "1.1.0", "collection": "c", "assets": {
            "a": {"type": "image/tiff", "roles": ["data"], "bands": [{"name": "B1"}, {"name": "B2"}]}, "b": {"title": "B"}
        }});
        let item = json!({"type": "Feature", "stac_version": "1.1.0", "id": "i", "collection": "c", "geometry": null,
            "bbox": [0, 0, 1, 1], "properties": {"datetime": null}, "links": [], "assets": {
            "a": {"type": "image/tiff", "roles": ["data"], "href": "x", "bands": [{"name": "B1"}, {"name": "B9"}]},
            "c": {"href": "y"}
        }});
        assert_eq!(
            stripped(&item, &base),
            json!({"bbox": [0, 0, 1, 1], "properties": {"datetime": null}, "links": [], "assets": {
                "a": {"href": "x", "bands": [{}, {"name": "B9"}]}, "c": {"href": "y"}, "b": "𒍟※"
            }})
        );
    }

    #[test]
    fn what_says_nothing_more_leaves_nothing_however_deep_it_is() {
        let base =
            json!({"assets": {"a": {"list": [{"n": 1.5, "t": "x\"y"}, [1, null], true], "none": null, "deep": {}}}});
        let mut item = base.clone();
        assert_eq!(stripped(&item, &base), json!({}));
        item["assets"]["a"]["list"][0]["t"] = "other".into();
        assert_eq!(stripped(&item, &base), json!({"assets": {"a": {"list": [{"t": "other"}, [1, null], true]}}}));
        item["assets"]["a"] = json!({"list": [], "none": 1, "odd \"name\"": null});
        assert_eq!(
            stripped(&item, &base),
            json!({"assets": {"a": {"list": [], "none": 1, "odd \"name\"": null, "deep": "𒍟※"}}})
        );
    }

    #[test]
    fn what_only_the_collection_has_is_marked_as_absent() {
        let base = json!({"stac_version": "1.1.0", "assets": null});
        assert_eq!(stripped(&json!({"id": "i"}), &base), json!({"stac_version": "𒍟※", "assets": "𒍟※"}));
        let base = json!({"assets": {"a": {"x": 1, "y": [1]}}});
        let item = json!({"assets": {"a": {"x": null, "y": []}}});
        assert_eq!(stripped(&item, &base), json!({"assets": {"a": {"x": "𒍟※", "y": []}}}));
    }

    #[test]
    fn numbers_stay_as_they_were_written_and_the_tag_is_ours() {
        let item = r#"{"a":1.10,"assets":{"x":{"n":1e400}},"pgstac:base_item":7}"#;
        let base = json!({"assets": {"x": {"m": 1}}}).as_object().unwrap().clone();
        assert_eq!(
            content(item, &base, Some(3)).unwrap(),
            r#"{"a":1.10,"assets":{"x":{"n":1e400,"m":"𒍟※"}},"pgstac:base_item":3}"#
        );
        assert!(content("[]", &base, None).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!(true)), Just(json!("1"))];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::hash_map("[a-c]", inner, 0..3).prop_map(|members| json!(members)),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_taken_apart_is_put_together_again(item in value(), base in value()) {
            let (item, base) = (json!({"assets": item, "bbox": [1]}), json!({"assets": base}));
            prop_assert_eq!(merged(&stripped(&item, &base), &base), item);
        }
    }
}
