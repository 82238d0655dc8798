//! Keeps static STAC catalogs up to date, lazily.
pub mod level;
pub mod message;
pub mod ports;
