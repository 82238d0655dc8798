//! Pieces of a document in a message: pure.

use serde_json::Value;

/// The longest piece of a document that a message quotes, in characters.
const QUOTED: usize = 120;

/// A value as a message quotes it: compact JSON, cut to a readable length; `nothing` for what is not there.
#[must_use]
pub fn quote(value: Option<&Value>) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::Object(members)) => format!("an object of {} members", members.len()),
        Some(Value::Array(elements)) if elements.len() > 6 => {
            format!("an array of {} elements", elements.len())
        }
        Some(value) => cut(&value.to_string()),
    }
}

/// A text as a message quotes it.
#[must_use]
pub fn quote_text(text: Option<&str>) -> String {
    text.map_or_else(|| "nothing".to_owned(), |text| cut(&format!("{text:?}")))
}

/// Cuts a text to the length that a message quotes.
#[must_use]
pub fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(cut(&"é".repeat(QUOTED)), "é".repeat(QUOTED));
        assert_eq!(cut(&"é".repeat(QUOTED + 1)), format!("{}...", "é".repeat(QUOTED)));
    }
}
