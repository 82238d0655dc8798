//! The loader's index in a real PostgreSQL with PostGIS and pgstac.

#![allow(clippy::unwrap_used, clippy::panic)]

mod conformance;
mod inspect;
mod loaders;
mod refusals;
mod rows;
mod searches;
mod tls;
mod world;
