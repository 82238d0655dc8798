//! What the schemas say of a document, made readable: pure.
//!
//! They say it in a sentence that quotes the value they judged, which may be the whole document. That value is cut
//! short, and where it stands is found again when there is no other like it.

use serde_json::Value;

use super::quote::{cut, quote};

/// Gives the pointer and the message of what the schemas say of a document.
pub(super) fn describe(sentence: &str, document: &Value) -> (String, String) {
    if let Some(instance) = sentence.strip_prefix("False schema does not allow ").and_then(whole) {
        return (place(&instance, document), format!("found {}, expected nothing there", quote(Some(&instance))));
    }
    let Some((value, rest)) = leading(sentence) else {
        return (String::new(), format!("found what does not obey the schema: {}", cut(sentence)));
    };
    if rest == " is a required property" {
        return (String::new(), format!("found no field {}, expected one", quote(Some(&value))));
    }
    if rest == " was expected" {
        return (String::new(), format!("found something else where {} is expected", quote(Some(&value))));
    }
    if let Some(instance) = rest.strip_prefix(" is not allowed for ").and_then(whole) {
        return (place(&instance, document), format!("found {}, which is not allowed there", quote(Some(&instance))));
    }
    (place(&value, document), format!("found {}, but it{}", quote(Some(&value)), cut(rest)))
}

/// The value that a sentence starts with, and what follows it.
fn leading(sentence: &str) -> Option<(Value, &str)> {
    let mut values = serde_json::Deserializer::from_str(sentence).into_iter::<Value>();
    let value = values.next()?.ok()?;
    let rest = sentence.get(values.byte_offset()..)?;
    Some((value, rest))
}

fn whole(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// The pointer to the only place of a document that has this value; empty when there are more, or none.
fn place(value: &Value, document: &Value) -> String {
    let mut found = Vec::new();
    search(value, document, &mut String::new(), &mut found);
    if found.len() > 1 { String::new() } else { found.pop().unwrap_or_default() }
}

/// Collects pointers to equal values, two at most.
fn search(value: &Value, within: &Value, at: &mut String, found: &mut Vec<String>) {
    if found.len() > 1 {
        return;
    }
    if within == value {
        found.push(at.clone());
    }
    let length = at.len();
    match within {
        Value::Object(members) => {
            for (name, member) in members {
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                search(value, member, at, found);
                at.truncate(length);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                at.push('/');
                at.push_str(&index.to_string());
                search(value, element, at, found);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_place_of_a_value_is_found_when_it_is_the_only_one() {
        let document = json!({"a": {"b/c": ["x", -5.5]}, "d": "y", "e": "y"});
        let cases = [
            ("-5.5 is less than the minimum of 0", "/a/b~1c/1", "found -5.5, but it is less than the minimum of 0"),
            ("\"y\" is not a \"iri\"", "", "found \"y\", but it is not a \"iri\""),
            ("False schema does not allow \"x\"", "/a/b~1c/0", "found \"x\", expected nothing there"),
            ("{\"type\":\"null\"} is not allowed for -5.5", "/a/b~1c/1", "found -5.5, which is not allowed there"),
        ];
        for (sentence, pointer, message) in cases {
            assert_eq!(describe(sentence, &document), (pointer.to_owned(), message.to_owned()));
        }
    }

    #[test]
    fn a_sentence_that_is_none_of_these_is_kept() {
        let (pointer, message) = describe("\"license\" is a required property", &json!({}));
        assert_eq!((pointer.as_str(), message.as_str()), ("", "found no field \"license\", expected one"));
        let (pointer, message) = describe("Something else is wrong", &json!({}));
        assert_eq!((pointer.as_str(), message.contains("Something else is wrong")), ("", true));
    }

    #[test]
    fn a_value_of_any_size_is_cut() {
        let document = json!({"a": ["x".repeat(100_000)], "b": [0, 0, 0, 0, 0, 0, 0, 0]});
        for value in [&document, &document["a"], &document["b"]] {
            let (_, message) = describe(&format!("{value} is not valid under any of the given schemas"), &document);
            assert!(message.len() < 300 && message.ends_with("given schemas"), "{message}");
        }
    }
}
