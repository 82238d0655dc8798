//! Helpers for the tests of lazycat as a whole.
pub mod conformance;
