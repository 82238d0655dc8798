//! Tokens: where a page ended, so that the next can start there whatever was written in between.
//!
//! A token holds what the last item was sorted by. It is read as values and compared as values; whoever makes one up
//! gets a page that starts somewhere else, and nothing more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::types::Value;

use crate::search::ports::SearchError;
use crate::search::query::Token;

/// The longest token that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// Writes a token: the order it belongs to, and the values of the last item in it.
pub(super) fn write(order: &str, values: &[Value]) -> Token {
    let mut parts = vec![order.to_owned()];
    parts.extend(values.iter().map(|value| match value {
        Value::Integer(number) => format!("i{number}"),
        // The shortest text that is read back as the same number.
        Value::Real(number) => format!("r{number:?}"),
        Value::Text(text) => format!("t{text}"),
        Value::Null | Value::Blob(_) => "n".to_owned(),
    }));
    Token(URL_SAFE_NO_PAD.encode(serde_json::json!(parts).to_string()))
}

/// Reads a token of a search in this order, of that many values.
pub(super) fn read(token: &Token, order: &str, count: usize) -> Result<Vec<Value>, SearchError> {
    if token.0.len() > LONGEST {
        return Err(SearchError::Token);
    }
    let bytes = URL_SAFE_NO_PAD.decode(&token.0).map_err(|_| SearchError::Token)?;
    let parts: Vec<String> = serde_json::from_slice(&bytes).map_err(|_| SearchError::Token)?;
    match parts.split_first() {
        Some((of, values)) if of == order && values.len() == count => {
            values.iter().map(|value| self::value(value).ok_or(SearchError::Token)).collect()
        }
        _ => Err(SearchError::Token),
    }
}

fn value(text: &str) -> Option<Value> {
    let mut characters = text.chars();
    let kind = characters.next()?;
    let rest = characters.as_str();
    match kind {
        'i' => rest.parse().ok().map(Value::Integer),
        'r' => rest.parse::<f64>().ok().filter(|number| !number.is_nan()).map(Value::Real),
        't' => Some(Value::Text(rest.to_owned())),
        'n' if rest.is_empty() => Some(Value::Null),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_of_another_order_or_none_of_ours_is_refused() {
        let token = write("-datetime", &[Value::Integer(1)]);
        assert!(read(&token, "-datetime", 1).is_ok());
        assert!(read(&token, "+datetime", 1).is_err());
        assert!(read(&token, "-datetime", 2).is_err());
        for text in ["", "x", "AAAA", "eyJhIjoxfQ", &"A".repeat(LONGEST + 1)] {
            assert!(read(&Token(text.to_owned()), "-datetime", 1).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn values_are_read_as_they_were_written(
            integer in any::<i64>(), real in any::<f64>().prop_filter("a number", |real| !real.is_nan()), text in any::<String>()
        ) {
            let values = vec![Value::Integer(integer), Value::Real(real), Value::Text(text), Value::Null];
            prop_assert_eq!(read(&write("o", &values), "o", 4).unwrap(), values);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = read(&Token(text.clone()), "o", 1);
            let _ = read(&Token(URL_SAFE_NO_PAD.encode(text)), "o", 1);
        }
    }
}
