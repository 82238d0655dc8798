//! What the function is told by its environment.

use std::time::Duration;

use lazycat::generate;
use lazycat::generator::configuration::Configuration as Table;
use lazycat::generator::from_request::Settings;
use lazycat::grid::INPE;
use lazycat_function::environment::{ConfigurationError, Environment};
use lazycat_function::settings;

/// The table of generators, as JSON, or the path of a file that holds it.
const GENERATORS: &str = "LAZYCAT_GENERATORS";

/// What is left of an invocation's time for everything else.
const REST: Duration = Duration::from_secs(10);

/// Everything that is decided outside.
pub(crate) struct Configuration {
    pub(crate) generators: Table,
    pub(crate) topic: String,
    pub(crate) bucket: String,
    pub(crate) dead_letters: String,
    pub(crate) time_out: Duration,
    /// For how long a request may wait for others and still be done in time.
    pub(crate) patience: Duration,
    pub(crate) stack: String,
    pub(crate) settings: Settings,
    pub(crate) scenes: generate::Settings,
}

impl Configuration {
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let time_out = settings::time_out(&mut reader);
        let generators: Table = reader.required(GENERATORS, "a table of generators in JSON, or the path of one", table);
        let longest = Duration::from_secs(generators.longest_time_out());
        let patience = time_out.saturating_sub(longest).saturating_sub(REST);
        if patience.is_zero() {
            let seconds = time_out.as_secs().saturating_sub(REST.as_secs());
            let wrong = |_: &str| {
                let found = format!("one of its time-outs is {} s", longest.as_secs());
                Err::<(), _>(format!(
                    "{found}, and a request must be done {} s before the function ends",
                    REST.as_secs()
                ))
            };
            reader.required(GENERATORS, &format!("time-outs below {seconds} s"), wrong);
        }
        let attempts = settings::attempts(&mut reader);
        let configuration = Self {
            generators,
            topic: settings::items_topic(&mut reader),
            bucket: settings::items_bucket(&mut reader),
            dead_letters: settings::dead_letters(&mut reader),
            time_out,
            patience,
            stack: settings::stack(&mut reader),
            settings: Settings { attempts },
            scenes: generate::Settings {
                grid: INPE.clone(),
                buckets: settings::some_source_buckets(&mut reader),
                attempts,
            },
        };
        reader.finish(configuration)
    }
}

/// Reads the table: what starts as an object is one, and all else a path.
fn table(value: &str) -> Result<Table, String> {
    let read = if value.trim_start().starts_with('{') { Ok(value.to_owned()) } else { std::fs::read_to_string(value) };
    let text = read.map_err(|error| error.to_string())?;
    let table: Table = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let faults = table.faults();
    if faults.is_empty() { Ok(table) } else { Err(faults.join("; ")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 7] = [
        (GENERATORS, "{\"stactools\":{\"packages\":[\"stactools-a==1\"],\"time_out\":100}}"),
        ("LAZYCAT_ITEMS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:items"),
        ("LAZYCAT_ITEMS_BUCKET", "made-items"),
        ("LAZYCAT_DEAD_LETTERS_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/dead"),
        ("LAZYCAT_TIMEOUT", "300"),
        ("LAZYCAT_STACK", "items"),
        ("LAZYCAT_ATTEMPTS", "5"),
    ];

    fn with(name: &str, value: &str) -> Result<Configuration, String> {
        let variables = GOOD.into_iter().filter(|(other, _)| *other != name).chain([(name, value)]);
        Configuration::read(&Environment::of(variables)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_request_may_wait_for_as_long_as_it_can_still_be_done() {
        let configuration = with("LAZYCAT_STACK", "items").ok().unwrap();
        assert_eq!(configuration.patience, Duration::from_secs(190));
        assert_eq!((configuration.bucket.as_str(), configuration.settings.attempts), ("made-items", 5));
        assert!(configuration.scenes.buckets.0.is_empty());
        let scenes = with("LAZYCAT_SOURCE_BUCKETS", "cbers-pds").err().unwrap();
        assert!(scenes.contains("LAZYCAT_METADATA_BUCKETS is missing"), "{scenes}");
    }

    #[test]
    fn a_table_that_cannot_be_used_says_why() {
        for (table, says) in [
            ("/nowhere/table.json", "No such file"),
            ("{\"stactools\":{\"packages\":[\"a\"]}}", "it has no =="),
            ("{\"at_once\":0}", "at_once is 0"),
            ("{\"generators\":{\"a\":{\"command\":[\"a\"],\"time_out\":290}}}", "expected time-outs below 290 s"),
            ("", "is missing, expected a table of generators"),
        ] {
            let error = with(GENERATORS, table).err().unwrap();
            assert!(error.contains(says), "{table}: {error}");
        }
    }
}
