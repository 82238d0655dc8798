//! What somebody has sent, as JSON: read strictly and within bounds; pure.
//!
//! A member that stands twice in an object is read by some as the first and by others as the last: it would pass the
//! check as one thing and be stored as another. So it is a fault.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Fault;
use crate::validation::quote::cut;

/// How deep objects and lists may stand in each other. Items need about ten.
pub const DEEPEST: usize = 64;

/// The longest name of a member, in bytes. Every pointer to what is in it repeats it.
pub const LONGEST_NAME: usize = 512;

/// How many members that stand twice are told.
const TWICE_TOLD: usize = 100;

/// Why what was sent is not looked at any further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It is longer than it may be.
    TooLong {
        /// The most bytes it may have.
        longest: usize,
    },
    /// It is no JSON in UTF-8: one sentence with the place.
    NoJson(String),
    /// It is JSON, but goes beyond the bounds.
    Unbounded(Fault),
}

/// A document that was read, and the members that stand twice in it.
#[derive(Debug, PartialEq)]
pub struct Document<'a> {
    /// As it was sent.
    pub text: &'a str,
    /// What it says; of a member that stands twice, the last.
    pub value: Value,
    /// The members that stand twice.
    pub twice: Vec<Fault>,
}

/// Reads a document of at most `longest` bytes.
///
/// # Errors
///
/// When it is too long, no JSON, or nested or named beyond all bounds.
pub fn read(bytes: &[u8], longest: usize) -> Result<Document<'_>, Unreadable> {
    if bytes.len() > longest {
        return Err(Unreadable::TooLong { longest });
    }
    let text = simdutf8::compat::from_utf8(bytes)
        .map_err(|error| Unreadable::NoJson(format!("it is not UTF-8 from byte {} on", error.valid_up_to())))?;
    let mut place = Place { at: String::new(), depth: 0, twice: Vec::new(), unbounded: None };
    let mut source = serde_json::Deserializer::from_str(text);
    let read = Any(&mut place).deserialize(&mut source).and_then(|value| source.end().map(|()| value));
    match (read, place.unbounded) {
        (_, Some(fault)) => Err(Unreadable::Unbounded(fault)),
        (Ok(value), None) => Ok(Document { text, value, twice: place.twice }),
        (Err(error), None) => Err(Unreadable::NoJson(format!("it is no JSON: {}", cut(&error.to_string())))),
    }
}

/// Adds a step to a JSON pointer (RFC 6901).
pub(super) fn step(at: &mut String, name: &str) {
    at.push('/');
    for character in name.chars() {
        match character {
            '~' => at.push_str("~0"),
            '/' => at.push_str("~1"),
            other => at.push(other),
        }
    }
}

/// Where the reader is.
struct Place {
    at: String,
    depth: usize,
    twice: Vec<Fault>,
    unbounded: Option<Fault>,
}

impl Place {
    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.beyond(format!("found a value {} deep, expected at most {DEEPEST}", self.depth)));
        }
        Ok(())
    }

    fn beyond<E: serde::de::Error>(&mut self, detail: String) -> E {
        self.unbounded = Some(Fault::new(self.at.clone(), detail));
        E::custom("beyond the bounds")
    }
}

/// Any value, read at a place.
struct Any<'a>(&'a mut Place);

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let place = self.0;
        place.enter()?;
        let (length, mut values) = (place.at.len(), Vec::new());
        loop {
            step(&mut place.at, &values.len().to_string());
            let Some(value) = list.next_element_seed(Any(&mut *place))? else { break };
            values.push(value);
            place.at.truncate(length);
        }
        place.at.truncate(length);
        place.depth -= 1;
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let place = self.0;
        place.enter()?;
        let (length, mut members) = (place.at.len(), Map::new());
        while let Some(name) = object.next_key::<String>()? {
            if name.len() > LONGEST_NAME {
                let bytes = name.len();
                return Err(place.beyond(format!(
                    "found a field whose name has {bytes} bytes, {:?}, expected at most {LONGEST_NAME}",
                    cut(&name)
                )));
            }
            step(&mut place.at, &name);
            let value = object.next_value_seed(Any(&mut *place))?;
            if members.insert(name, value).is_some() && place.twice.len() < TWICE_TOLD {
                place.twice.push(Fault::new(place.at.clone(), "found this field twice, expected it once"));
            }
            place.at.truncate(length);
        }
        place.depth -= 1;
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_stands_twice_is_told_with_its_place() {
        let text = r#"{"a": 1, "b": [{"c/d": 1, "c/d": 2}], "a": {"e": 1, "e": 1}}"#;
        let document = read(text.as_bytes(), 1000).unwrap();
        assert_eq!(document.value, json!({"a": {"e": 1}, "b": [{"c/d": 2}]}));
        let places: Vec<&str> = document.twice.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(places, ["/b/0/c~1d", "/a/e", "/a"]);
    }

    #[test]
    fn what_is_no_json_is_told_with_its_place() {
        for (bytes, says) in [
            (&b"hello"[..], "line 1 column 1"),
            (b"", "EOF"),
            (b"{\"a\": 1} x", "trailing"),
            (b"{\"a\": 1,}", "line 1"),
            (b"{\"a\": NaN}", "line 1"),
            (b"{\"a\": 1e999}", "out of range"),
            (b"{\"a\": \"\\ud800\"}", "line 1"),
            (b"{\"a\": \"\xff\"}", "not UTF-8 from byte 7"),
            (b"\xef\xbb\xbf{}", "line 1"),
        ] {
            match read(bytes, 1000) {
                Err(Unreadable::NoJson(detail)) => assert!(detail.contains(says), "{detail}"),
                other => panic!("{bytes:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_goes_beyond_the_bounds_is_not_read_on() {
        assert_eq!(read(b"[1, 2]", 5), Err(Unreadable::TooLong { longest: 5 }));
        let deep = |depth: usize| format!("{{\"a\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(read(deep(DEEPEST - 1).as_bytes(), 1000).is_ok());
        for depth in [DEEPEST, 300] {
            let Err(Unreadable::Unbounded(fault)) = read(deep(depth).as_bytes(), 1000) else { panic!("{depth}") };
            assert_eq!(fault.pointer, format!("/a{}", "/0".repeat(DEEPEST - 1)));
        }
        let long = format!("{{\"a\": {{\"{}\": 1}}}}", "x".repeat(10_000));
        let Err(Unreadable::Unbounded(fault)) = read(long.as_bytes(), 100_000) else { panic!() };
        assert!(fault.pointer == "/a" && fault.detail.contains("10000 bytes") && fault.detail.len() < 300, "{fault}");
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_document_is_read_as_others_read_it(value in any_json()) {
            let text = value.to_string();
            let document = read(text.as_bytes(), usize::MAX).unwrap();
            prop_assert_eq!(document.value, serde_json::from_str::<Value>(&text).unwrap());
            prop_assert_eq!(document.twice, vec![]);
        }

        #[test]
        fn any_bytes_are_read_or_refused_as_others_do(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(read(&bytes, 64).is_ok(), serde_json::from_slice::<Value>(&bytes).is_ok());
        }
    }
}
