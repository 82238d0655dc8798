//! Keeps static STAC catalogs up to date, lazily.
//!
//! Scene metadata arrives; an item is written for each scene; the level it belongs to is only marked; a timer later has
//! each marked level rebuilt from a listing, once, however many scenes touched it.
//!
//! Layout, in four rooms:
//!
//! - pure code: [`scene`] reads metadata, [`stac`] makes documents, [`grid`], [`layout`] and [`level`] name folders, [`missions`] is
//!   the table of satellites, [`message`] holds the wire formats, [`status`] what is told of a catalog,
//!   [`cost`] what one costs on AWS, `validation` whether a document is STAC;
//! - use cases, the only place where order matters: [`generate`], [`mover`], [`update`], [`reprocess`], [`audit`],
//!   [`redrive`], over the traits of [`ports`]; `generator` has items made by whoever makes them, `filing` files those of
//!   others, `submit` takes them in by HTTP; `conclusion` is how a batch of messages ends;
//! - adapters: [`local`] over a directory and one SQLite file, [`aws`] over the services of AWS, [`memory`] for tests,
//!   `process` for generators;
//! - wiring: [`embedded`], all functions in one process.
//!
//! Two features choose the adapters: `local` (a default; it brings [`embedded`], too) and `aws`.
//!
//! Start reading at [`ports`], then [`update`].

pub mod audit;
#[cfg(feature = "aws")]
pub mod aws;
mod conclusion;
pub mod cost;
#[cfg(feature = "local")]
pub mod embedded;
#[cfg(feature = "search")]
pub mod filing;
pub mod generate;
#[cfg(feature = "generators")]
pub mod generator;
pub mod grid;
#[cfg(feature = "local")]
pub mod index;
pub mod layout;
pub mod level;
#[cfg(feature = "local")]
pub mod local;
pub mod memory;
pub mod message;
pub mod missions;
pub mod mover;
#[cfg(feature = "opensearch")]
pub mod opensearch;
#[cfg(feature = "pgstac")]
pub mod pgstac;
pub mod ports;
#[cfg(all(feature = "generators", unix))]
pub mod process;
pub mod redrive;
pub mod reprocess;
pub mod scene;
#[cfg(feature = "search")]
pub mod search;
pub mod stac;
pub mod status;
#[cfg(feature = "validation")]
pub mod submit;
pub mod update;
#[cfg(feature = "validation")]
pub mod validation;
