//! What the loaders of search indexes share: most of their configuration, and what they tell CloudWatch.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lazycat::search::load::{Report, Settings};
use lazycat::search::ports::UnknownCollection;
use lazycat::search::source::Allowed;

use crate::batch::Worked;
use crate::environment::Reader;
use crate::metrics::Metrics;
use crate::settings;

/// What every loader is told by its environment, whichever index it fills.
#[derive(Debug, Clone)]
pub struct Loader {
    /// The URL of the queue for messages that cannot be worked on.
    pub dead_letters: String,
    /// How long one invocation may take.
    pub time_out: Duration,
    /// Which deployment the metrics belong to.
    pub stack: String,
    /// What the use case is told.
    pub settings: Settings,
    /// What becomes of an item whose collection the index does not know.
    pub unknown_collection: UnknownCollection,
}

impl Loader {
    /// Reads it; what is missing or malformed is with the reader.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let defaults = Settings::default();
        Self {
            dead_letters: settings::dead_letters(reader),
            time_out: settings::time_out(reader),
            stack: settings::stack(reader),
            settings: Settings {
                allowed: Allowed { buckets: settings::allowed_buckets(reader), hosts: settings::allowed_hosts(reader) },
                longest_document: settings::longest_document(reader).unwrap_or(defaults.longest_document),
                attempts: settings::attempts(reader),
            },
            unknown_collection: reader
                .optional("LAZYCAT_UNKNOWN_COLLECTION", "refuse or make", str::parse::<UnknownCollection>)
                .unwrap_or_default(),
        }
    }

    /// Counts what became of a batch; `now` is when.
    #[must_use]
    pub fn measure(&self, worked: &Worked<Report>, now: DateTime<Utc>) -> Metrics {
        Metrics::new(&self.stack, now)
            .count("ItemsLoaded", worked.sum(|report| report.written))
            .count("ItemsRemoved", worked.sum(|report| report.removed))
            .count("ItemsSuperseded", worked.sum(|report| report.superseded))
            .count("ItemsRefused", worked.sum(|report| report.refused.len()))
            .count("ItemMessagesReturned", worked.returned.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::environment::{ConfigurationError, Environment};

    const GOOD: [(&str, &str); 4] = [
        ("LAZYCAT_DEAD_LETTERS_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/dead"),
        ("LAZYCAT_TIMEOUT", "120"),
        ("LAZYCAT_STACK", "items"),
        ("LAZYCAT_ATTEMPTS", "5"),
    ];

    fn with(changes: &[(&str, &str)]) -> Result<Loader, ConfigurationError> {
        let environment = Environment::of(GOOD.into_iter().chain(changes.iter().copied()));
        let mut reader = environment.reader();
        let loader = Loader::read(&mut reader);
        reader.finish(loader)
    }

    #[test]
    fn a_loader_reads_nothing_and_makes_no_collection_unless_it_is_told_to() {
        let loader = with(&[]).unwrap();
        assert_eq!(loader.settings.allowed, Allowed::default());
        assert_eq!(loader.unknown_collection, UnknownCollection::Refuse);
        assert_eq!((loader.time_out, loader.settings.attempts), (Duration::from_secs(120), 5));
    }

    #[test]
    fn all_of_it_can_be_said() {
        let loader = with(&[
            ("LAZYCAT_ALLOWED_BUCKETS", "one, two.three"),
            ("LAZYCAT_ALLOWED_HOSTS", "data.example.com:8443"),
            ("LAZYCAT_LONGEST_DOCUMENT_MIB", "2"),
            ("LAZYCAT_UNKNOWN_COLLECTION", "make"),
        ])
        .unwrap();
        assert_eq!(loader.settings.allowed.buckets, ["one", "two.three"]);
        assert_eq!(loader.settings.allowed.hosts, ["data.example.com:8443"]);
        assert_eq!(loader.settings.longest_document, 2 * 1024 * 1024);
        assert_eq!(loader.unknown_collection, UnknownCollection::Make);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let error = with(&[
            ("LAZYCAT_ALLOWED_HOSTS", "https://data.example.com"),
            ("LAZYCAT_UNKNOWN_COLLECTION", "perhaps"),
            ("LAZYCAT_TIMEOUT", ""),
        ]);
        let ConfigurationError(faults) = error.unwrap_err();
        let named: Vec<&str> = faults.iter().filter_map(|fault| fault.split(' ').next()).collect();
        assert_eq!(named, ["LAZYCAT_TIMEOUT", "LAZYCAT_ALLOWED_HOSTS", "LAZYCAT_UNKNOWN_COLLECTION"]);
        assert!(faults[2].contains("\"perhaps\", expected refuse or make"), "{faults:?}");
    }
}
