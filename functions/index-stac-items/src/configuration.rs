//! What the function is told by its environment.

use lazycat::opensearch::settings::Settings;
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::loader::Loader;

/// The secret of a user and a password.
const SECRET: &str = "LAZYCAT_OPENSEARCH_SECRET";

/// Everything that is decided outside.
pub(crate) struct Configuration {
    pub(crate) endpoint: String,
    pub(crate) user: User,
    pub(crate) loader: Loader,
    pub(crate) opensearch: Settings,
}

/// As whom to speak to OpenSearch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum User {
    /// As nobody.
    Nobody,
    /// As the function's role.
    #[default]
    Role,
    /// As the user of this secret.
    Secret(String),
}

impl Configuration {
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let loader = Loader::read(&mut reader);
        let opensearch = Settings::default();
        let secret = reader.optional(SECRET, "the ARN of a secret", |arn| Ok::<_, &str>(arn.to_owned()));
        let configuration = Self {
            endpoint: reader.required("LAZYCAT_OPENSEARCH_URL", "https://HOST or https://HOST:PORT", |url| {
                Ok::<_, &str>(url.to_owned())
            }),
            user: reader.required("LAZYCAT_OPENSEARCH_ACCESS", "role, secret or open", |value| {
                match (value, &secret) {
                    ("role", None) => Ok(User::Role),
                    ("open", None) => Ok(User::Nobody),
                    ("secret", Some(secret)) => Ok(User::Secret(secret.clone())),
                    ("secret", None) => Err(format!("{SECRET} is missing")),
                    ("role" | "open", Some(_)) => Err(format!("{SECRET} is there, too")),
                    _ => Err("it is none of them".to_owned()),
                }
            }),
            opensearch: Settings {
                collections: reader
                    .optional("LAZYCAT_COLLECTIONS_INDEX", "the alias of collections", name)
                    .unwrap_or(opensearch.collections),
                items: reader
                    .optional("LAZYCAT_ITEMS_INDEX_PREFIX", "what the aliases of items begin with", name)
                    .unwrap_or(opensearch.items),
                memory: reader
                    .optional("LAZYCAT_MEMORY_INDEX", "the index that remembers removals", name)
                    .unwrap_or(opensearch.memory),
                unknown_collection: loader.unknown_collection,
                // A batch makes a handful of requests, and some may have to be tried again.
                patience: loader.time_out / 6,
                ..opensearch
            },
            loader,
        };
        reader.finish(configuration)
    }
}

fn name(value: &str) -> Result<String, &'static str> {
    Ok(value.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use lazycat::search::ports::UnknownCollection;

    use super::*;

    const GOOD: [(&str, &str); 6] = [
        ("LAZYCAT_OPENSEARCH_URL", "https://search.example"),
        ("LAZYCAT_OPENSEARCH_ACCESS", "role"),
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
        assert_eq!((configuration.endpoint.as_str(), configuration.user), ("https://search.example", User::Role));
        assert_eq!(configuration.opensearch.items, "items_");
        assert_eq!(configuration.opensearch.patience, Duration::from_secs(20));
    }

    #[test]
    fn all_of_it_can_be_said() {
        let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:search";
        let configuration = with(&[
            (SECRET, secret),
            ("LAZYCAT_OPENSEARCH_ACCESS", "secret"),
            ("LAZYCAT_COLLECTIONS_INDEX", "all-collections"),
            ("LAZYCAT_ITEMS_INDEX_PREFIX", "all-items_"),
            ("LAZYCAT_MEMORY_INDEX", "memory"),
            ("LAZYCAT_UNKNOWN_COLLECTION", "make"),
        ])
        .ok()
        .unwrap();
        assert_eq!(configuration.user, User::Secret(secret.to_owned()));
        let opensearch = configuration.opensearch;
        assert_eq!((opensearch.collections.as_str(), opensearch.items.as_str()), ("all-collections", "all-items_"));
        assert_eq!((opensearch.memory.as_str(), opensearch.unknown_collection), ("memory", UnknownCollection::Make));
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let error = with(&[("LAZYCAT_OPENSEARCH_ACCESS", "secret"), ("LAZYCAT_UNKNOWN_COLLECTION", "perhaps")]);
        let error = error.err().unwrap().to_string();
        for says in ["LAZYCAT_OPENSEARCH_SECRET is missing", "LAZYCAT_UNKNOWN_COLLECTION"] {
            assert!(error.contains(says), "{error}");
        }
        assert!(with(&[(SECRET, "arn")]).err().unwrap().to_string().contains("is there, too"));
    }
}
