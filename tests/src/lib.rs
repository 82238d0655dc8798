//! Helpers for the tests of lazycat as a whole.
pub mod bench;
pub mod conformance;
pub mod faults;
pub mod goldens;
pub mod ministack;
pub mod model;
pub mod opensearch;
pub mod postgres;
pub mod simulation;
pub mod tls;
pub mod wire;
