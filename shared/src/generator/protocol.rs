//! The protocol between lazycat and a generator: lines of JSON, requests in, items or errors out.
//!
//! `docs/generators.md` tells it whole. Here are its words, its version and its bounds.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::message::complaint;

/// The version of the protocol. It stands in every line, so that neither side has to remember what was agreed on.
pub const PROTOCOL: u64 = 1;

/// The longest answer, in bytes: a line.
pub const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// The longest word for the reason of an error.
const LONGEST_REASON: usize = 40;

/// The longest detail of an error that is kept, in characters.
const LONGEST_DETAIL: usize = 2_000;

/// How much of a line that is no answer is told.
const SHOWN: usize = 120;

/// A generator's answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The id of the request.
    pub id: String,
    /// What it gave.
    pub given: Given,
}

/// An item, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The item, as JSON that was not looked into.
    Item(String),
    /// An error of the generator's own.
    Error {
        /// A short word; `generator` when it gave none that can be one.
        reason: String,
        /// What it says.
        detail: String,
        /// Whether the same request may succeed later.
        retry: bool,
    },
}

/// A line as it comes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    protocol: Option<u64>,
    id: Option<String>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    error: Option<ErrorLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorLine {
    reason: Option<String>,
    detail: String,
    #[serde(default)]
    retry: bool,
}

/// The line that asks for an item, with its line feed. It starts with `{"protocol":1,"id":"` and the id, so that a shell
/// can cut it out: ids are letters, digits and hyphens.
#[must_use]
pub fn question(id: &str, collection: Option<&str>, input: &Value) -> String {
    let line = serde_json::json!({ "protocol": PROTOCOL, "id": id, "collection": collection, "input": input });
    format!("{line}\n")
}

/// Reads a line of a generator; none of one that is blank.
///
/// # Errors
///
/// Why it is no answer, with its beginning. Whoever has written it writes something else than this protocol, and nothing
/// that follows can be relied on.
pub fn answer(line: &[u8]) -> Result<Option<Answer>, String> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    let garbage = |why: &dyn std::fmt::Display| format!("it printed what is no answer: {}: {why}", shown(line, SHOWN));
    let text = simdutf8::basic::from_utf8(line).map_err(|error| garbage(&error))?;
    // A list would be read as the members in their order.
    if !text.starts_with('{') {
        return Err(garbage(&"expected a JSON object"));
    }
    let read: Line<'_> = serde_json::from_str(text).map_err(|error| garbage(&complaint(&error)))?;
    match read.protocol {
        Some(PROTOCOL) => {}
        Some(other) => return Err(garbage(&format!("it is of protocol {other}, expected {PROTOCOL}"))),
        None => return Err(garbage(&"it does not say \"protocol\":1")),
    }
    let id = read.id.ok_or_else(|| garbage(&"it has no \"id\""))?;
    let given = match (read.item, read.error) {
        (Some(item), None) => Given::Item(item.get().to_owned()),
        (None, Some(error)) => {
            let reason = error.reason.filter(|reason| is_word(reason)).unwrap_or_else(|| "generator".to_owned());
            let detail = error.detail.chars().take(LONGEST_DETAIL).collect();
            Given::Error { reason, detail, retry: error.retry }
        }
        _ => return Err(garbage(&"it has to have either \"item\" or \"error\"")),
    };
    Ok(Some(Answer { id, given }))
}

/// Whether this can be the reason of a dead letter: small letters, digits and hyphens.
fn is_word(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST_REASON).contains(&text.len()) && text.bytes().all(allowed)
}

/// The beginning of what may be no text, quoted.
#[must_use]
pub fn shown(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let beginning: String = text.chars().take(most).collect();
    let more = if beginning.len() < text.len() { "…" } else { "" };
    format!("{beginning:?}{more}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_question_starts_so_that_a_shell_can_cut_its_id_out() {
        let line = question("a-1", Some("c"), &json!({ "id": "other", "text": "a\nb" }));
        assert!(line.starts_with("{\"protocol\":1,\"id\":\"a-1\",\"collection\":\"c\",\"input\":{"), "{line}");
        assert!(line.ends_with("}\n") && line.matches('\n').count() == 1, "{line}");
    }

    #[test]
    fn an_item_is_passed_on_as_it_was_written() {
        let item = "{\"x\": 1.00000000000000022}";
        let line = format!(" {{\"item\":{item},\"id\":\"a\",\"protocol\":1}}\r\n");
        let answer = answer(line.as_bytes()).unwrap().unwrap();
        assert_eq!(answer, Answer { id: "a".to_owned(), given: Given::Item(item.to_owned()) });
        assert_eq!(super::answer(b" \r\n").unwrap(), None);
    }

    #[test]
    fn an_error_has_a_word_for_its_reason_whatever_it_says() {
        let of = |error: Value| {
            let line = json!({ "protocol": 1, "id": "a", "error": error }).to_string();
            match answer(line.as_bytes()).unwrap().unwrap().given {
                Given::Error { reason, detail, retry } => (reason, detail.len(), retry),
                Given::Item(item) => panic!("{item}"),
            }
        };
        assert_eq!(of(json!({ "reason": "not-found", "detail": "x", "retry": true })), ("not-found".into(), 1, true));
        assert_eq!(of(json!({ "reason": "Not Found!", "detail": "x" })), ("generator".into(), 1, false));
        assert_eq!(of(json!({ "detail": "y".repeat(9_999) })), ("generator".into(), LONGEST_DETAIL, false));
    }

    #[test]
    fn what_is_no_answer_is_told_with_its_beginning() {
        for (line, says) in [
            (&b"loading model..."[..], "\"loading model...\""),
            (b"\xff\xfe", "utf-8"),
            (b"[1,\"a\",{},null]", "expected a JSON object"),
            (b"{\"id\":\"a\",\"item\":{}}", "does not say \"protocol\":1"),
            (b"{\"protocol\":2,\"id\":\"a\",\"item\":{}}", "protocol 2, expected 1"),
            (b"{\"protocol\":1,\"item\":{}}", "no \"id\""),
            (b"{\"protocol\":1,\"id\":\"a\"}", "either \"item\" or \"error\""),
            (b"{\"protocol\":1,\"id\":\"a\",\"item\":{},\"error\":{\"detail\":\"\"}}", "either \"item\" or \"error\""),
            (b"{\"protocol\":1,\"id\":\"a\",\"items\":[]}", "unknown field `items`"),
            (b"{\"protocol\":1,\"id\":\"a\",\"error\":\"x\"}", "expected struct ErrorLine"),
        ] {
            let told = answer(line).unwrap_err();
            assert!(told.starts_with("it printed what is no answer: \"") && told.contains(says), "{told}");
        }
        let long = answer("x".repeat(1000).as_bytes()).unwrap_err();
        assert!(long.len() < 300 && long.contains('…'), "{long}");
    }
}
