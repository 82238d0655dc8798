//! Search: what leaves the catalog is put where it can be found.
//!
//! A loader takes messages about items from a queue and makes a search index agree with them. It does not care who made
//! the items. Everything a loader does is here but the index itself, which stands behind a port:
//!
//! ```text
//! messages -> decode -> (fetch what is only referenced) -> validate -> order -> IndexItems
//! ```
//!
//! Layout:
//!
//! - pure code: [`decode`] reads every shape of message, [`document`] tells items from collections, [`item`] and
//!   [`geometry`] check items, [`change`] orders changes by version, [`query`] and [`filter`] say what is searched for;
//! - [`load`]: the use case of the loaders; [`rebuild`]: an index filled from the catalog;
//! - [`ports`]: what both need of the world, and what a STAC API needs of an index.
//!
//! Adapters: `crate::index`, in one SQLite file; `crate::pgstac`, in PostgreSQL.

#[cfg(any(feature = "pgstac", feature = "opensearch"))]
pub mod addresses;
pub mod change;
pub mod compare;
pub(crate) mod cql;
pub mod decode;
pub mod document;
pub mod filter;
pub mod geometry;
pub mod item;
pub mod load;
pub mod ports;
pub mod query;
pub mod rebuild;
pub mod source;
