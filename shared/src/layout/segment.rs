//! Names of folders and files from values that anybody has written.
//!
//! A value becomes one segment of a key: percent-encoded (RFC 3986), all but unreserved characters, and a dot in the
//! first place, too. So it holds no slash, no control character and no backslash, is never `.`, `..` or hidden, and two
//! values never give one segment: what is encoded can be decoded.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::grid::{CATALOG, COLLECTION};
use crate::stac::catalog::ITEM_ENDING;

/// The longest name of a folder or file, in bytes: what file systems take.
pub const LONGEST_SEGMENT: usize = 255;

/// All but the unreserved characters of RFC 3986, 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value as one segment of a key. Only the empty value has an empty one.
#[must_use]
pub fn encode(value: &str) -> String {
    let encoded = utf8_percent_encode(value, RESERVED).to_string();
    match encoded.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => encoded,
    }
}

/// The value of a segment; the segment itself where it is none that [`encode`] gives.
#[must_use]
pub fn decode(segment: &str) -> Cow<'_, str> {
    percent_decode_str(segment).decode_utf8().unwrap_or(Cow::Borrowed(segment))
}

/// Whether [`encode`] gives this segment.
#[must_use]
pub fn is_encoded(segment: &str) -> bool {
    !segment.is_empty() && percent_decode_str(segment).decode_utf8().is_ok_and(|value| encode(&value) == segment)
}

/// The name of an item's file. None is called like the document of a level, whatever the id.
#[must_use]
pub fn file_of(id: &str) -> String {
    let file = format!("{}{ITEM_ENDING}", encode(id));
    // Both begin with the same letter, which then is encoded although it need not be.
    if file == CATALOG || file == COLLECTION { format!("%63{}", &file[1..]) } else { file }
}

/// The id of the item whose file has this name.
#[must_use]
pub fn id_of(file: &str) -> Cow<'_, str> {
    decode(file.strip_suffix(ITEM_ENDING).unwrap_or(file))
}
