//! STAC documents: items from scenes, catalogs and collections from listings. Pure.
//!
//! Layout: [`item`] with its JSON in `feature`, [`catalog`], [`collection`], [`foreign`] for the collections of others,
//! [`link`] for what they share, and [`buckets`], where the assets are. The specification followed is STAC 1.1.0.

pub mod buckets;
pub mod catalog;
pub mod collection;
pub(crate) mod feature;
pub mod foreign;
pub mod item;
pub mod link;

pub use self::buckets::{BucketPair, Buckets};
pub use self::catalog::{Listing, ReadBack, Revision};
pub use self::item::StoredItem;

/// The JSON of a document. Text, finite numbers and maps with text for keys are written to memory: nothing of that
/// can fail.
pub(crate) fn to_bytes(document: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(6 * 1024);
    let written = serde_json::to_writer(&mut bytes, document);
    debug_assert!(written.is_ok(), "{written:?}");
    bytes
}
