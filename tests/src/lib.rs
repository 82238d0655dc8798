//! Helpers for the tests of lazycat as a whole.
