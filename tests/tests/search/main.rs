//! Search: the loader over the embedded index, and what its searches find.

#![allow(clippy::unwrap_used, clippy::panic)]

mod conformance;
mod filters;
mod loader;
mod races;
mod searches;
mod topic;
mod world;
