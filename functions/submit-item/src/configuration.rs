//! What the function is told by its environment.

use std::path::PathBuf;
use std::time::Duration;

use lazycat::layout::Layout;
use lazycat::search::source::Allowed;
use lazycat::submit::href::{Hrefs, scheme};
use lazycat::submit::{Rules, Unknown};
use lazycat::validation::extensions::Extensions;
use lazycat::validation::folder;
use lazycat::validation::schema::Schemas;
use lazycat_function::Failure;
use lazycat_function::environment::{ConfigurationError, Environment, Reader};
use lazycat_function::settings;

/// The longest item that can be asked for, in KiB: the longest message of a queue.
const MOST_KIB: usize = 1_024;

/// Everything that is decided outside.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) layout: Layout,
    pub(crate) items_queue: String,
    pub(crate) public_url: String,
    /// Where collections are looked for; none where those that are not there are taken, too.
    pub(crate) catalog_bucket: Option<String>,
    pub(crate) rules: RulesToBe,
    pub(crate) time_out: Duration,
}

/// Rules whose schemas are still to be read.
#[derive(Debug)]
pub(crate) struct RulesToBe {
    longest: Option<usize>,
    hrefs: Hrefs,
    schemas: Option<PathBuf>,
    unknown: Unknown,
}

impl Configuration {
    pub(crate) fn read(environment: &Environment) -> Result<Self, ConfigurationError> {
        let mut reader = environment.reader();
        let layout = reader.required("LAZYCAT_LAYOUT", "a layout such as {collection}/{year}", |text| {
            Layout::parse(text).map(Some).map_err(|error| error.reason)
        });
        let items_queue = settings::items_queue(&mut reader);
        let public_url = settings::public_url(&mut reader);
        let is_known = reader.optional("LAZYCAT_COLLECTIONS", "known or any", |text| match text {
            "known" => Ok(true),
            "any" => Ok(false),
            _ => Err("it is neither"),
        });
        let catalog_bucket = is_known.unwrap_or(true).then(|| settings::catalog_bucket(&mut reader));
        let rules = RulesToBe::read(&mut reader);
        let time_out = settings::time_out(&mut reader);
        // A layout that is none has been told.
        let configuration =
            layout.map(|layout| Self { layout, items_queue, public_url, catalog_bucket, rules, time_out });
        reader.finish(configuration)?.ok_or_else(|| ConfigurationError(vec!["LAZYCAT_LAYOUT is no layout".to_owned()]))
    }
}

impl RulesToBe {
    fn read(reader: &mut Reader<'_>) -> Self {
        let longest = reader.optional(
            "LAZYCAT_LONGEST_ITEM_KIB",
            "1 to 1024 KiB, as long as a message may be",
            |text| match text.parse::<usize>() {
                Ok(kib) if (1..=MOST_KIB).contains(&kib) => Ok(kib << 10),
                _ => Err("it is no whole number from 1 to 1024"),
            },
        );
        let schemes = reader.optional("LAZYCAT_HREF_SCHEMES", "schemes such as https,s3", |text| {
            text.split(',').map(|one| scheme(one.trim())).collect::<Result<Vec<_>, _>>()
        });
        let places = Allowed { buckets: settings::allowed_buckets(reader), hosts: settings::allowed_hosts(reader) };
        let is_listed = !(places.buckets.is_empty() && places.hosts.is_empty());
        let hrefs = Hrefs { places: is_listed.then_some(places), ..Hrefs::default() };
        let schemas =
            reader.optional("LAZYCAT_SCHEMAS", "a folder of schemas", |text| Ok::<_, &str>(PathBuf::from(text)));
        let unknown = reader
            .optional("LAZYCAT_UNKNOWN_EXTENSIONS", "told or refused", |text| match text {
                "told" => Ok(Unknown::Told),
                "refused" => Ok(Unknown::Refused),
                _ => Err("it is neither"),
            })
            .unwrap_or_default();
        let hrefs = match schemes {
            Some(schemes) => Hrefs { schemes, ..hrefs },
            None => hrefs,
        };
        Self { longest, hrefs, schemas, unknown }
    }

    /// Reads and compiles the schemas.
    pub(crate) fn build(self) -> Result<Rules, Failure> {
        let extensions = match &self.schemas {
            Some(path) => Extensions::compile(folder::read(path)?)?,
            None => Extensions::default(),
        };
        let rules = Rules::new(Schemas::compile()?, extensions);
        let longest = self.longest.unwrap_or(rules.longest);
        Ok(Rules { longest, hrefs: self.hrefs, unknown: self.unknown, ..rules })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 5] = [
        ("LAZYCAT_LAYOUT", "{collection}/{year}"),
        ("LAZYCAT_ITEMS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/items"),
        ("LAZYCAT_PUBLIC_URL", "https://stac.example.com/"),
        ("LAZYCAT_CATALOG_BUCKET", "my-catalog"),
        ("LAZYCAT_TIMEOUT", "10"),
    ];

    fn with(changes: &[(&str, &str)]) -> Result<Configuration, ConfigurationError> {
        Configuration::read(&Environment::of(GOOD.into_iter().chain(changes.iter().copied())))
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let configuration = with(&[]).unwrap();
        assert_eq!(configuration.layout.template(), "{collection}/{year}");
        assert_eq!(configuration.catalog_bucket.as_deref(), Some("my-catalog"));
        let rules = configuration.rules.build().unwrap();
        assert_eq!((rules.longest, rules.unknown, rules.hrefs), (256 * 1024, Unknown::Told, Hrefs::default()));
        assert!(rules.extensions.is_empty());
    }

    #[test]
    fn all_of_it_can_be_said() {
        let folder = tempfile::tempdir().unwrap();
        let schema = "{\"$id\": \"https://a.example/trees/schema.json\"}";
        std::fs::write(folder.path().join("trees.json"), schema).unwrap();
        let configuration = with(&[
            ("LAZYCAT_COLLECTIONS", "any"),
            ("LAZYCAT_LONGEST_ITEM_KIB", "1024"),
            ("LAZYCAT_HREF_SCHEMES", "https, gs"),
            ("LAZYCAT_ALLOWED_BUCKETS", "my-images"),
            ("LAZYCAT_SCHEMAS", folder.path().to_str().unwrap()),
            ("LAZYCAT_UNKNOWN_EXTENSIONS", "refused"),
        ])
        .unwrap();
        assert_eq!(configuration.catalog_bucket, None);
        let rules = configuration.rules.build().unwrap();
        assert_eq!((rules.longest, rules.unknown, rules.extensions.len()), (1024 * 1024, Unknown::Refused, 1));
        assert_eq!(rules.hrefs.schemes, ["https", "gs"]);
        assert_eq!(rules.hrefs.places.unwrap().buckets, ["my-images"]);
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let told = with(&[
            ("LAZYCAT_LAYOUT", "{collection"),
            ("LAZYCAT_ITEMS_QUEUE_URL", "items"),
            ("LAZYCAT_COLLECTIONS", "some"),
            ("LAZYCAT_LONGEST_ITEM_KIB", "1025"),
            ("LAZYCAT_HREF_SCHEMES", "https,file"),
            ("LAZYCAT_UNKNOWN_EXTENSIONS", "yes"),
        ])
        .unwrap_err();
        let names: Vec<&str> = told.0.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
        let expected = [
            "LAZYCAT_LAYOUT",
            "LAZYCAT_ITEMS_QUEUE_URL",
            "LAZYCAT_COLLECTIONS",
            "LAZYCAT_LONGEST_ITEM_KIB",
            "LAZYCAT_HREF_SCHEMES",
            "LAZYCAT_UNKNOWN_EXTENSIONS",
        ];
        assert_eq!(names, expected, "{told}");
    }

    #[test]
    fn a_folder_of_schemas_that_is_not_there_is_told() {
        let configuration = with(&[("LAZYCAT_SCHEMAS", "/nowhere/at/all")]).unwrap();
        assert!(configuration.rules.build().unwrap_err().to_string().contains("/nowhere/at/all"));
    }
}
