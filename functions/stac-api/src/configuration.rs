//! What the function is told by its environment.

use std::time::Duration;

use lazycat::pgstac::{SearchLimits, Target};
use lazycat_api::{Base, Settings};
use lazycat_function::database;
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::settings;

/// How many items a page has at most when nothing is said: of most catalogs as many fit into an answer of Lambda.
const GREATEST_LIMIT: usize = 250;

/// What is left of the function's time for all but the search.
const REST: Duration = Duration::from_secs(3);

/// Everything that is decided outside.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) database: Target,
    pub(crate) secret: Option<String>,
    pub(crate) time_out: Duration,
    pub(crate) api: Settings,
    pub(crate) limits: SearchLimits,
}

impl Configuration {
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let time_out = settings::time_out(&mut reader);
        let usual = Settings::default();
        let text = |text: &str| Ok::<_, &str>(text.to_owned());
        let secret = database::secret(&mut reader);
        let longest = time_out.saturating_sub(REST).max(Duration::from_secs(1));
        let searched = reader
            .optional("LAZYCAT_SEARCH_SECONDS", "how long a search may take, less than the function", |text| match text
                .parse()
                .map(Duration::from_secs)
            {
                Ok(time) if time >= Duration::from_secs(1) && time <= longest => Ok(time),
                _ => Err(format!("it is no whole number from 1 to {}", longest.as_secs())),
            })
            .unwrap_or(longest);
        let greatest_limit =
            reader.optional("LAZYCAT_GREATEST_LIMIT", "a number of items", limit).unwrap_or(GREATEST_LIMIT);
        let api = Settings {
            id: reader.optional("LAZYCAT_API_ID", "an id", text).unwrap_or(usual.id),
            title: reader.optional("LAZYCAT_API_TITLE", "a title", text).unwrap_or(usual.title),
            description: reader
                .optional("LAZYCAT_API_DESCRIPTION", "a description", text)
                .unwrap_or_else(|| "A STAC API over pgstac.".to_owned()),
            base: reader
                .optional("LAZYCAT_PUBLIC_URL", "an address such as https://stac.example.com/", public_url)
                .flatten()
                .unwrap_or(Base::OfRequest { scheme: "https" }),
            catalog: None,
            usual_limit: usual.usual_limit.min(greatest_limit),
            greatest_limit,
            ..Settings::default()
        };
        let limits = SearchLimits { time: searched, ..SearchLimits::default() };
        let configuration = |database| Self { database, secret: secret.clone(), time_out, api: api.clone(), limits };
        let (target, fault) = database::target(environment, secret.is_some());
        database::finish(reader, configuration(target), fault)
    }
}

fn limit(text: &str) -> Result<usize, &'static str> {
    match text.parse() {
        Ok(limit) if (1..=10_000).contains(&limit) => Ok(limit),
        _ => Err("it is no whole number from 1 to 10000"),
    }
}

fn public_url(text: &str) -> Result<Option<Base>, &'static str> {
    if !(text.starts_with("https://") || text.starts_with("http://")) {
        return Err("it begins with neither https:// nor http://");
    }
    if text.contains(['?', '#', ' ']) {
        return Err("it has a query, a fragment or a space");
    }
    Ok(Some(Base::At(format!("{}/", text.trim_end_matches('/')))))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 2] =
        [("LAZYCAT_DATABASE", "host=db.example dbname=postgis user=reader password=hush"), ("LAZYCAT_TIMEOUT", "29")];

    fn with(changes: &[(&str, &str)]) -> Result<Configuration, ConfigurationError> {
        Configuration::read(&Environment::of(GOOD.into_iter().chain(changes.iter().copied())))
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let configuration = with(&[]).unwrap();
        assert_eq!(configuration.database.to_string(), "postgis at db.example:5432");
        assert_eq!(configuration.secret, None);
        assert_eq!(configuration.api.base, Base::OfRequest { scheme: "https" });
        assert_eq!((configuration.api.usual_limit, configuration.api.greatest_limit), (10, GREATEST_LIMIT));
        assert_eq!(configuration.limits.time, Duration::from_secs(26));
    }

    #[test]
    fn all_of_it_can_be_said() {
        let configuration = with(&[
            ("LAZYCAT_DATABASE_SECRET", "arn:aws:secretsmanager:us-east-1:123456789012:secret:db"),
            ("LAZYCAT_DATABASE", ""),
            ("LAZYCAT_PUBLIC_URL", "https://stac.example.com/v1"),
            ("LAZYCAT_GREATEST_LIMIT", "5"),
            ("LAZYCAT_SEARCH_SECONDS", "7"),
            ("LAZYCAT_API_TITLE", "Scenes"),
        ])
        .unwrap();
        assert!(configuration.secret.unwrap().ends_with(":db"));
        assert_eq!(configuration.api.base, Base::At("https://stac.example.com/v1/".to_owned()));
        assert_eq!((configuration.api.usual_limit, configuration.api.greatest_limit), (5, 5));
        assert_eq!(configuration.limits.time, Duration::from_secs(7));
        assert_eq!(configuration.api.title, "Scenes");
    }

    #[test]
    fn every_fault_is_told_at_once_and_no_password() {
        let error = with(&[
            ("LAZYCAT_DATABASE", "host=db.example password='hush"),
            ("LAZYCAT_PUBLIC_URL", "stac.example.com"),
            ("LAZYCAT_GREATEST_LIMIT", "0"),
            ("LAZYCAT_SEARCH_SECONDS", "29"),
        ])
        .unwrap_err()
        .to_string();
        for says in ["LAZYCAT_DATABASE is no connection", "LAZYCAT_PUBLIC_URL", "LAZYCAT_GREATEST_LIMIT", "1 to 26"] {
            assert!(error.contains(says), "{error}");
        }
        assert!(!error.contains("hush"), "{error}");
        assert!(with(&[("LAZYCAT_DATABASE", "")]).unwrap_err().to_string().contains("LAZYCAT_DATABASE_SECRET"));
    }
}
