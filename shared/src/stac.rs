//! STAC documents: items from scenes, catalogs and collections from listings. Pure.
//!
//! Layout: [`item`], [`catalog`], [`collection`], and [`link`] for what they share. The specification followed is
//! STAC 1.1.0.

pub mod catalog;
pub mod collection;
pub mod item;
pub mod link;

pub use self::catalog::{Listing, ReadBack, Revision};
pub use self::item::{BucketPair, Buckets};

/// The JSON of a document. Text, finite numbers and maps with text for keys are written to memory: nothing of that
/// can fail.
pub(crate) fn to_bytes(document: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(6 * 1024);
    let written = serde_json::to_writer(&mut bytes, document);
    debug_assert!(written.is_ok(), "{written:?}");
    bytes
}
