//! Names of indices, aliases and documents. An id is anything; a name of OpenSearch is not.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_64;

/// The longest id of a document, in bytes.
const LONGEST_DOCUMENT_ID: usize = 512;

/// The longest name of an index or alias, in bytes.
const LONGEST_NAME: usize = 255;

/// How much of a collection's id is repeated in the name of its index, for people to read.
const READABLE: usize = 100;

/// What no alias may contain, and what the server leaves out of the collection's id.
const LEFT_OUT: &[char] = &['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':'];

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The alias of a collection's items, as the server makes it: the id without what an alias may not contain.
///
/// # Errors
///
/// When there is none; one sentence.
pub(super) fn alias(prefix: &str, collection: &str) -> Result<String, String> {
    let cleaned: String = collection.chars().filter(|character| !LEFT_OUT.contains(character)).collect();
    let alias = format!("{prefix}{cleaned}");
    if cleaned.is_empty() {
        return Err(format!("the collection's id {collection:?} has no character that an index's name may have"));
    }
    if alias.len() > LONGEST_NAME {
        return Err(format!(
            "the collection's id is {} bytes long, and the alias {prefix}... of its items takes at most {LONGEST_NAME}",
            collection.len()
        ));
    }
    Ok(alias)
}

/// The index of a collection's items: always the same, so that of two loaders that make it, the second finds it made.
pub(super) fn index(prefix: &str, collection: &str) -> String {
    let readable: String = collection
        .chars()
        .map(|character| character.to_ascii_lowercase())
        .filter(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'))
        .take(READABLE)
        .collect();
    format!("{prefix}{readable}_{:016x}", xxh3_64(collection.as_bytes()))
}

/// The id of an item's document.
///
/// # Errors
///
/// When it is longer than the engine takes; one sentence.
pub(super) fn document(collection: &str, id: &str) -> Result<String, String> {
    let document = format!("{id}|{collection}");
    if document.len() > LONGEST_DOCUMENT_ID {
        return Err(format!(
            "the ids of the item and of its collection are {} bytes long together, expected at most {}",
            document.len() - 1,
            LONGEST_DOCUMENT_ID - 1
        ));
    }
    Ok(document)
}

/// The id of a collection's document.
///
/// # Errors
///
/// When it is longer than the engine takes; one sentence.
pub(super) fn collection(id: &str) -> Result<String, String> {
    if id.len() > LONGEST_DOCUMENT_ID {
        return Err(format!("the collection's id is {} bytes long, expected at most {LONGEST_DOCUMENT_ID}", id.len()));
    }
    Ok(id.to_owned())
}

/// Under which id the removal of an item is remembered.
pub(super) fn removed_item(collection: &str, id: &str) -> String {
    // No id holds a control character.
    hashed("item", &format!("{collection}\0{id}"))
}

/// Under which id the removal of whatever came from a source is remembered.
pub(super) fn removed_source(source: &str) -> String {
    hashed("source", source)
}

/// Under which id is remembered whose alias this is.
pub(super) fn owner(alias: &str) -> String {
    hashed("alias", alias)
}

/// Anything as the id of a document. Nobody can make two things whose ids are equal.
fn hashed(kind: &str, text: &str) -> String {
    format!("{kind}:{}", BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes())))
}

/// Text as one segment of a path. What need not be encoded is not: a signature is over the path as it is sent, and whoever
/// checks it may write it in its shortest form.
pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_alias_is_the_id_without_what_it_may_not_contain() {
        for (id, expected) in [
            ("CBERS4-MUX", "items_CBERS4-MUX"),
            ("a/b: \"c\" <d>|e,*?#\\", "items_abcde"),
            ("São José", "items_SãoJosé"),
            ("../..", "items_...."),
        ] {
            assert_eq!(alias("items_", id).unwrap(), expected);
        }
        for (id, says) in [("*", "no character"), ("//", "no character"), (&"é".repeat(125), "250 bytes")] {
            let error = alias("items_", id).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn an_index_has_a_name_that_tells_every_two_collections_apart() {
        assert!(index("items_", "CBERS4/MUX").starts_with("items_cbers4mux_"));
        for (one, other) in [("a/b", "ab"), ("A", "a"), ("a:b", "a/b"), ("é", "è")] {
            assert_ne!(index("items_", one), index("items_", other));
        }
    }

    #[test]
    fn what_is_longer_than_the_engine_takes_is_refused() {
        assert_eq!(document("c", "it's \"a/b\"").unwrap(), "it's \"a/b\"|c");
        assert!(document(&"c".repeat(256), &"i".repeat(255)).is_ok());
        assert!(document(&"c".repeat(256), &"i".repeat(256)).unwrap_err().contains("512 bytes"));
        assert!(collection(&"c".repeat(513)).unwrap_err().contains("513 bytes"));
    }

    #[test]
    fn a_segment_of_a_path_holds_nothing_that_means_something_in_an_address() {
        assert_eq!(segment("items_a-.~+b%é/?#"), "items_a-.~%2Bb%25%C3%A9%2F%3F%23");
    }

    proptest! {
        #[test]
        fn every_name_is_one_that_the_engine_takes(id in "\\PC{1,300}") {
            let index = index("items_", &id);
            prop_assert!(index.len() <= LONGEST_NAME && index.bytes().all(|byte| byte.is_ascii_lowercase()
                || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')), "{index}");
            if let Ok(alias) = alias("items_", &id) {
                prop_assert!(alias.len() <= LONGEST_NAME && !alias.contains(LEFT_OUT), "{alias}");
            }
        }
    }
}
