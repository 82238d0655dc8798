//! The index in OpenSearch: against a real engine, and against a service that fails as told.

#![allow(clippy::unwrap_used, clippy::panic)]

mod api;
mod conformance;
mod failures;
mod inspect;
mod layout;
mod promises;
mod world;
