//! Documents of the catalog beside the index.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::level::check_key;

/// The longest document that is read, in bytes; what is behind that is cut off, and is then no JSON.
const LONGEST: u64 = 64 * 1024 * 1024;

/// The longest key, in bytes: that of S3.
const LONGEST_KEY: usize = 1024;

/// Reads the document of a key; false when there is none, or when the key is none of the catalog's.
pub(super) fn read(base: &Path, key: &str, into: &mut Vec<u8>) -> io::Result<bool> {
    if check_key(key, LONGEST_KEY).is_err() {
        return Ok(false);
    }
    let path = base.join(key);
    let mut read = || -> io::Result<bool> {
        // Opening a pipe would wait for its other end.
        let about = fs::metadata(&path)?;
        if !about.is_file() {
            return Ok(false);
        }
        // One byte more tells that the end was reached, without another call that grows the buffer.
        into.reserve(usize::try_from(about.len().min(LONGEST)).unwrap_or(0) + 1);
        File::open(&path)?.take(LONGEST).read_to_end(into)?;
        Ok(true)
    };
    match read() {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        result => result,
    }
}
