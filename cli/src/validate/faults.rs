//! Faults, and a bounded collection of them.

use std::collections::BTreeSet;

pub(super) use lazycat::validation::quote::{quote, quote_text};
use serde::Serialize;

/// Something that is wrong in one document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Fault {
    /// The document, relative to the catalog directory.
    pub(super) path: String,
    /// Where in the document: a JSON pointer, empty for the whole of it.
    pub(super) pointer: String,
    /// What was found and what was expected.
    pub(super) message: String,
}

/// The first faults in the order of their paths, so many as are shown, and the number of all: the same whatever the
/// order in which documents were read.
#[derive(Debug)]
pub(super) struct Faults {
    shown: BTreeSet<Fault>,
    limit: usize,
    total: u64,
}

impl Faults {
    pub(super) fn new(limit: usize) -> Self {
        Self { shown: BTreeSet::new(), limit, total: 0 }
    }

    pub(super) fn add(&mut self, fault: Fault) {
        self.total += 1;
        if self.shown.len() < self.limit || self.shown.last().is_some_and(|last| fault < *last) {
            self.shown.insert(fault);
        }
        if self.shown.len() > self.limit {
            self.shown.pop_last();
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn shown(&self) -> &BTreeSet<Fault> {
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(path: &str) -> Fault {
        Fault { path: path.to_owned(), pointer: String::new(), message: String::new() }
    }

    #[test]
    fn the_first_by_path_are_shown_and_all_are_counted() {
        let mut faults = Faults::new(2);
        for path in ["c", "a", "d", "b"] {
            faults.add(fault(path));
        }
        let shown: Vec<_> = faults.shown().iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!((shown, faults.total()), (vec!["a", "b"], 4));
    }

    #[test]
    fn none_are_kept_when_none_are_shown() {
        let mut faults = Faults::new(0);
        faults.add(fault("a"));
        assert_eq!((faults.shown().len(), faults.total()), (0, 1));
    }
}
