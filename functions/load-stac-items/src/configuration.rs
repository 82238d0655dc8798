//! What the function is told by its environment.

use lazycat::pgstac::{self, Dehydration, Partitions, Target};
use lazycat_function::database;
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::loader::Loader;

/// Everything that is decided outside.
pub(crate) struct Configuration {
    pub(crate) database: Target,
    pub(crate) secret: Option<String>,
    pub(crate) loader: Loader,
    pub(crate) pgstac: pgstac::Settings,
}

impl Configuration {
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let loader = Loader::read(&mut reader);
        let secret = database::secret(&mut reader);
        let (target, fault) = database::target(environment, secret.is_some());
        let configuration = Self {
            pgstac: pgstac::Settings {
                unknown_collection: loader.unknown_collection,
                partitions: reader
                    .optional("LAZYCAT_PARTITIONS", "one, yearly or monthly", partitions)
                    .unwrap_or_default(),
                dehydration: reader
                    .optional("LAZYCAT_DEHYDRATION", "where-known or in-database", dehydration)
                    .unwrap_or_default(),
                // What is left is for reading documents and for dead letters.
                time_out: loader.time_out / 2,
            },
            loader,
            database: target,
            secret,
        };
        database::finish(reader, configuration, fault)
    }
}

fn partitions(value: &str) -> Result<Partitions, &'static str> {
    match value {
        "one" => Ok(Partitions::One),
        "yearly" => Ok(Partitions::Yearly),
        "monthly" => Ok(Partitions::Monthly),
        _ => Err("it is none of them"),
    }
}

fn dehydration(value: &str) -> Result<Dehydration, &'static str> {
    match value {
        "where-known" => Ok(Dehydration::WhereKnown),
        "in-database" => Ok(Dehydration::InDatabase),
        _ => Err("it is neither"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use lazycat::search::ports::UnknownCollection;
    use lazycat_function::database::DATABASE;

    use super::*;

    const GOOD: [(&str, &str); 5] = [
        (DATABASE, "host=db.example dbname=postgis user=loader password=hush"),
        ("LAZYCAT_DEAD_LETTERS_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/dead"),
        ("LAZYCAT_TIMEOUT", "120"),
        ("LAZYCAT_STACK", "items"),
        ("LAZYCAT_ATTEMPTS", "5"),
    ];

    fn with(changes: &[(&str, &str)]) -> Result<Configuration, ConfigurationError> {
        Configuration::read(&Environment::of(GOOD.into_iter().chain(changes.iter().copied())))
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let configuration = with(&[]).ok().unwrap();
        assert_eq!(configuration.database.to_string(), "postgis at db.example:5432");
        assert_eq!(configuration.pgstac.partitions, Partitions::Monthly);
        assert_eq!(configuration.pgstac.time_out, Duration::from_secs(60));
        assert_eq!(configuration.secret, None);
    }

    #[test]
    fn all_of_it_can_be_said() {
        let configuration = with(&[
            ("LAZYCAT_DATABASE_SECRET", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"),
            (DATABASE, ""),
            ("LAZYCAT_UNKNOWN_COLLECTION", "make"),
            ("LAZYCAT_PARTITIONS", "yearly"),
            ("LAZYCAT_DEHYDRATION", "in-database"),
        ])
        .ok()
        .unwrap();
        assert!(configuration.secret.unwrap().ends_with(":db"));
        assert_eq!(configuration.pgstac.unknown_collection, UnknownCollection::Make);
        assert_eq!(configuration.pgstac.partitions, Partitions::Yearly);
        assert_eq!(configuration.pgstac.dehydration, Dehydration::InDatabase);
    }

    #[test]
    fn every_fault_is_told_at_once_and_no_password() {
        let error = with(&[
            (DATABASE, "host=db.example password='hush"),
            ("LAZYCAT_ALLOWED_HOSTS", "https://data.example.com"),
            ("LAZYCAT_PARTITIONS", "daily"),
        ])
        .err()
        .unwrap()
        .to_string();
        for says in ["LAZYCAT_DATABASE is no connection string", "LAZYCAT_ALLOWED_HOSTS", "LAZYCAT_PARTITIONS"] {
            assert!(error.contains(says), "{error}");
        }
        assert!(!error.contains("hush"), "{error}");
        assert!(with(&[(DATABASE, "")]).err().unwrap().to_string().contains("LAZYCAT_DATABASE_SECRET"));
    }
}
