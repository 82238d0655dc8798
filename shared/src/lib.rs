//! Keeps static STAC catalogs up to date, lazily.
pub mod embedded;
pub mod generate;
pub mod grid;
pub mod level;
pub mod local;
pub mod memory;
pub mod message;
pub mod missions;
pub mod mover;
pub mod ports;
pub mod scene;
pub mod stac;
pub mod update;
