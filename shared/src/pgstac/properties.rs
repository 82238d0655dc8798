//! What a database knows of properties: the kinds of their values.

use std::collections::BTreeMap;

/// What a property is known to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Number,
    Text,
    Truth,
    Time,
    /// Lists, values of several kinds, or nothing that was seen.
    Other,
}

/// Properties by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Properties {
    /// Those that the database's operator has registered as queryables: pgstac reads them in no other way.
    registered: BTreeMap<String, Known>,
    /// What was seen in some items.
    seen: BTreeMap<String, Known>,
    /// Whether pgstac has operators that take any property for a time.
    reads_any_time: bool,
}

impl Properties {
    pub(super) fn new(reads_any_time: bool) -> Self {
        Self { reads_any_time, ..Self::default() }
    }

    /// These are registered.
    #[cfg(test)]
    pub(super) fn of<const N: usize>(registered: [(&str, Known); N]) -> Self {
        let registered = registered.into_iter().map(|(name, known)| (name.to_owned(), known)).collect();
        Self { registered, reads_any_time: true, ..Self::default() }
    }

    /// Takes down that a property is read through a wrapper of pgstac's.
    pub(super) fn register(&mut self, name: String, wrapper: &str) {
        let known = match wrapper {
            "to_int" | "to_float" => Known::Number,
            "to_text" => Known::Text,
            "to_tstz" => Known::Time,
            _ => Known::Other,
        };
        self.registered.insert(name, known);
    }

    /// Takes down of which types of JSON some of a property's values were, null left out.
    pub(super) fn see(&mut self, name: String, types: &[String]) {
        let known = match types {
            [one] => match one.as_str() {
                "number" => Known::Number,
                "string" => Known::Text,
                "boolean" => Known::Truth,
                _ => Known::Other,
            },
            _ => Known::Other,
        };
        self.seen.insert(name, known);
    }

    /// How a property is read, when it is registered.
    pub(super) fn registered(&self, name: &str) -> Option<Known> {
        self.registered.get(name).copied()
    }

    /// What a property holds, as far as anything tells.
    pub(super) fn known(&self, name: &str) -> Known {
        self.registered(name).or_else(|| self.seen.get(name).copied()).unwrap_or(Known::Other)
    }

    pub(super) fn reads_any_time(&self) -> bool {
        self.reads_any_time
    }
}
