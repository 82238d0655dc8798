//! SQL text and its parameters, which grow together. No value that came from outside is ever written into the text.

use rusqlite::types::Value;

/// The parameters of a statement, numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    values: Vec<Value>,
}

impl Parameters {
    /// Adds a value; gives the text that stands for it, such as `?3`.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// Adds values; gives a list of what stands for them.
    pub(super) fn bind_all<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> String {
        let bound: Vec<String> = values.into_iter().map(|value| self.bind(value)).collect();
        bound.join(", ")
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }
}

/// The path of a property, for SQLite's JSON functions. The names hold no quote: [`crate::search::query::Field`].
pub(super) fn path(names: &[String]) -> String {
    names.iter().fold("$".to_owned(), |path, name| format!("{path}.\"{name}\""))
}
