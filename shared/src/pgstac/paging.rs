//! Tokens: pgstac's own, which name the item that a page ended with, bound to the order of their search.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::search::ports::SearchError;
use crate::search::query::{SortKey, Token};

/// The longest token that is read, in bytes.
const LONGEST: usize = 16 * 1024;

/// A token of ours for one of pgstac's.
pub(super) fn write(token: &str, sort: &[SortKey]) -> Token {
    Token(URL_SAFE_NO_PAD.encode(serde_json::json!([order_of(sort), token]).to_string()))
}

/// pgstac's token in one of ours of a search in this order.
pub(super) fn read(token: &Token, sort: &[SortKey]) -> Result<String, SearchError> {
    if token.0.len() > LONGEST {
        return Err(SearchError::Token);
    }
    let bytes = URL_SAFE_NO_PAD.decode(&token.0).map_err(|_| SearchError::Token)?;
    let (order, token): (String, String) = serde_json::from_slice(&bytes).map_err(|_| SearchError::Token)?;
    // Pages go forwards.
    if order == order_of(sort) && token.starts_with("next:") { Ok(token) } else { Err(SearchError::Token) }
}

fn order_of(sort: &[SortKey]) -> String {
    let keys: Vec<String> = sort
        .iter()
        .map(|SortKey { field, descending }| format!("{}{field:?}", if *descending { '-' } else { '+' }))
        .collect();
    keys.join(",")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_of_another_order_or_none_of_ours_is_refused() {
        let by_id = [SortKey::parse("id").unwrap()];
        let token = write("next:63:69", &by_id);
        assert_eq!(read(&token, &by_id).unwrap(), "next:63:69");
        assert!(read(&token, &[]).is_err());
        assert!(read(&token, &[SortKey::parse("-id").unwrap()]).is_err());
        assert!(read(&write("prev:63:69", &by_id), &by_id).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = read(&Token(text.clone()), &[]);
            let _ = read(&Token(URL_SAFE_NO_PAD.encode(text)), &[]);
        }
    }
}
