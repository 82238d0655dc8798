//! Typed configuration from environment variables.
//!
//! A function reads all of its variables before it says anything about them: whoever deploys it learns of every fault
//! at once.

use std::collections::BTreeMap;
use std::fmt::Display;

/// The variables a function is configured by.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Everything that is wrong with a function's configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is not usable: {}", .0.join("; "))]
pub struct ConfigurationError(pub Vec<String>);

impl Environment {
    /// The variables of this process; one whose name or value is not UTF-8 counts as missing.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// These variables.
    pub fn of<N: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Starts reading.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        Reader { environment: self, faults: Vec::new() }
    }

    /// The value of a variable; none when it is missing or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Reads variables and gathers what is wrong with them. A value that cannot be read is its type's default, which
/// nobody sees: [`Reader::finish`] gives the configuration only when there was no fault.
#[derive(Debug)]
pub struct Reader<'a> {
    environment: &'a Environment,
    faults: Vec<String>,
}

impl Reader<'_> {
    /// Whether a variable is there and not empty.
    #[must_use]
    pub fn says(&self, name: &str) -> bool {
        self.environment.get(name).is_some()
    }

    /// A variable that must be there, as `read` understands it. `expected` completes "expected ...".
    pub fn required<T: Default, E: Display>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        let Some(value) = self.environment.get(name) else {
            self.faults.push(format!("{name} is missing, expected {expected}"));
            return T::default();
        };
        self.understood(name, value, expected, read)
    }

    /// A variable that may be missing, as `read` understands it.
    pub fn optional<T: Default, E: Display>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.environment.get(name)?;
        Some(self.understood(name, value, expected, read))
    }

    fn understood<T: Default, E: Display>(
        &mut self,
        name: &str,
        value: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        read(value).unwrap_or_else(|error| {
            self.faults.push(format!("{name} is {value:?}, expected {expected}: {error}"));
            T::default()
        })
    }

    /// The configuration that was made of what was read.
    ///
    /// # Errors
    ///
    /// When anything that was read is missing or malformed.
    pub fn finish<C>(self, configuration: C) -> Result<C, ConfigurationError> {
        if self.faults.is_empty() { Ok(configuration) } else { Err(ConfigurationError(self.faults)) }
    }
}
