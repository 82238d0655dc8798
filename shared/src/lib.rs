//! Keeps static STAC catalogs up to date, lazily.
