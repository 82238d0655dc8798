//! The settings that several functions read. Each is known by one variable, whichever function reads it.

use std::time::Duration;

use lazycat::grid::{Grid, INPE};
use lazycat::layout::Layout;
use lazycat::stac::{BucketPair, Buckets};

use crate::environment::Reader;

/// The bucket of the catalog.
pub fn catalog_bucket(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_CATALOG_BUCKET", "the name of the bucket of the catalog", bucket)
}

/// The table of dirty levels.
pub fn dirty_levels_table(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_DIRTY_LEVELS_TABLE", "the name of the table of dirty levels", table)
}

/// The table of what is filed where.
pub fn filed_items_table(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_FILED_ITEMS_TABLE", "the name of the table of filed items", table)
}

/// The queue of levels to be rebuilt.
pub fn levels_queue(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_LEVELS_QUEUE_URL", "the URL of the queue of levels", url)
}

/// The queue of messages about scenes.
pub fn scenes_queue(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_SCENES_QUEUE_URL", "the URL of the queue of new scenes", url)
}

/// The queue of items to be filed.
pub fn items_queue(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_ITEMS_QUEUE_URL", "the URL of the queue of items", url)
}

/// The queue for messages of this function that cannot be worked on.
pub fn dead_letters(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_DEAD_LETTERS_URL", "the URL of the function's dead-letter queue", url)
}

/// The topic of new items.
pub fn items_topic(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_ITEMS_TOPIC_ARN", "the ARN of the topic of items", topic)
}

/// The topic of items that were made again.
pub fn reprocessed_items_topic(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_REPROCESSED_ITEMS_TOPIC_ARN", "the ARN of the topic of reprocessed items", topic)
}

/// The buckets that scenes are taken from, each with the one of its quicklooks: two lists in the same order.
pub fn source_buckets(reader: &mut Reader<'_>) -> Buckets {
    let images = reader.required("LAZYCAT_SOURCE_BUCKETS", "buckets such as cbers-pds,amazonia-pds", buckets);
    let quicklooks = reader.required(
        "LAZYCAT_METADATA_BUCKETS",
        "as many buckets, such as cbers-meta-pds,amazonia-meta-pds",
        |value| {
            let quicklooks = buckets_that_may_repeat(value)?;
            if images.is_empty() || quicklooks.len() == images.len() {
                Ok(quicklooks)
            } else {
                Err(format!("there are {} of them, and {} source buckets", quicklooks.len(), images.len()))
            }
        },
    );
    Buckets(images.into_iter().zip(quicklooks).map(|(images, quicklooks)| BucketPair { images, quicklooks }).collect())
}

/// [`source_buckets`], or none where neither list is given.
pub fn some_source_buckets(reader: &mut Reader<'_>) -> Buckets {
    let said = ["LAZYCAT_SOURCE_BUCKETS", "LAZYCAT_METADATA_BUCKETS"].iter().any(|name| reader.says(name));
    if said { source_buckets(reader) } else { Buckets(Vec::new()) }
}

/// The bucket of items that are too long for a message.
pub fn items_bucket(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_ITEMS_BUCKET", "the name of the bucket of long items", bucket)
}

/// Where readers find the catalog, with a slash at the end.
pub fn public_url(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_PUBLIC_URL", "an address that ends with a slash", |value| {
        let url = url(value)?;
        if url.ends_with('/') { Ok(url) } else { Err("it does not end with a slash") }
    })
}

/// The folders of the catalog: INPE's, and those of the layout where one is given.
pub fn grid(reader: &mut Reader<'_>) -> Grid {
    let layout = reader.optional(LAYOUT, A_LAYOUT, |value| Layout::parse(value).map(Some));
    with_layout(reader, layout.flatten())
}

/// The folders of a catalog that must have a layout.
pub fn grid_with_layout(reader: &mut Reader<'_>) -> Grid {
    let layout = reader.required(LAYOUT, A_LAYOUT, |value| Layout::parse(value).map(Some));
    with_layout(reader, layout)
}

const LAYOUT: &str = "LAZYCAT_LAYOUT";
const A_LAYOUT: &str = "a layout such as {collection}/{year}/{month}";

fn with_layout(reader: &mut Reader<'_>, layout: Option<Layout>) -> Grid {
    let title = reader.optional("LAZYCAT_CATALOG_TITLE", "a title", |value| Ok::<_, &str>(value.to_owned()));
    layout.map_or_else(|| INPE.clone(), |layout| Grid::with_layout(layout, title.as_deref()))
}

/// Whether an audit repairs what it finds.
pub fn audit_repair(reader: &mut Reader<'_>) -> bool {
    reader.required("LAZYCAT_AUDIT_REPAIR", "yes or no", |value| match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("it is neither"),
    })
}

/// How many seconds an audit leaves what looks wrong before it is looked at for the last time; the function's own when
/// missing.
pub fn audit_grace(reader: &mut Reader<'_>) -> Option<u32> {
    reader.optional("LAZYCAT_AUDIT_GRACE", "0 to 600 seconds", |value| number(value, 0, 600))
}

/// The buckets that documents may be read from; none when missing.
pub fn allowed_buckets(reader: &mut Reader<'_>) -> Vec<String> {
    reader.optional("LAZYCAT_ALLOWED_BUCKETS", "buckets such as my-catalog,another", buckets).unwrap_or_default()
}

/// The hosts that documents may be read from over https; none when missing.
pub fn allowed_hosts(reader: &mut Reader<'_>) -> Vec<String> {
    reader
        .optional("LAZYCAT_ALLOWED_HOSTS", "hosts such as data.example.com,other.example:8443", hosts)
        .unwrap_or_default()
}

/// The longest document that is read, in bytes; the loader's own when missing.
pub fn longest_document(reader: &mut Reader<'_>) -> Option<u64> {
    let expected = "1 to 1024 MiB";
    reader
        .optional("LAZYCAT_LONGEST_DOCUMENT_MIB", expected, |value| number(value, 1, 1024))
        .map(|mib| u64::from(mib) << 20)
}

/// How often a message is received before a trouble that might pass sends it to the dead letters.
pub fn attempts(reader: &mut Reader<'_>) -> u32 {
    reader.required("LAZYCAT_ATTEMPTS", "a number from 1 to 1000", |value| number(value, 1, 1000))
}

/// How long one invocation of the function may take.
pub fn time_out(reader: &mut Reader<'_>) -> Duration {
    let seconds =
        reader.required("LAZYCAT_TIMEOUT", "the function's time-out, 3 to 900 seconds", |value| number(value, 3, 900));
    Duration::from_secs(seconds.into())
}

/// Which deployment the function's metrics belong to.
pub fn stack(reader: &mut Reader<'_>) -> String {
    reader.required("LAZYCAT_STACK", "the name of the stack", |value| Ok::<_, &str>(value.to_owned()))
}

fn number(value: &str, least: u32, most: u32) -> Result<u32, String> {
    let number: u32 = value.parse().map_err(|error: std::num::ParseIntError| error.to_string())?;
    if (least..=most).contains(&number) { Ok(number) } else { Err("it is out of range".to_owned()) }
}

fn url(value: &str) -> Result<String, &'static str> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.starts_with('/') && !value.contains(char::is_whitespace) && !rest.is_empty() => {
            Ok(value.to_owned())
        }
        _ => Err("it is no http or https address"),
    }
}

fn topic(value: &str) -> Result<String, &'static str> {
    let parts: Vec<&str> = value.split(':').collect();
    match parts[..] {
        ["arn", _, "sns", region, account, name] if ![region, account, name].contains(&"") => Ok(value.to_owned()),
        _ => Err("it is not arn:PARTITION:sns:REGION:ACCOUNT:NAME"),
    }
}

/// The rules of S3 that a typing error breaks most easily: length and characters.
fn bucket(value: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    if !(3..=63).contains(&value.len()) {
        return Err("a bucket's name has 3 to 63 characters");
    }
    if !value.bytes().all(allowed) {
        return Err("a bucket's name is made of small letters, digits, hyphens and dots");
    }
    Ok(value.to_owned())
}

fn hosts(value: &str) -> Result<Vec<String>, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b':');
    let named = |host: &str| match host.trim() {
        host if !host.is_empty() && host.bytes().all(allowed) => Ok(host.to_owned()),
        host => Err(format!("{host:?}: a host is small letters, digits, hyphens and dots, with :PORT or without")),
    };
    value.split(',').map(named).collect()
}

fn table(value: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if (3..=255).contains(&value.len()) && value.bytes().all(allowed) {
        Ok(value.to_owned())
    } else {
        Err("a table's name has 3 to 255 letters, digits, hyphens, dots and underscores")
    }
}

fn buckets(value: &str) -> Result<Vec<String>, String> {
    let names = buckets_that_may_repeat(value)?;
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, twice)) => Err(format!("{twice} is named twice")),
        None => Ok(names),
    }
}

fn buckets_that_may_repeat(value: &str) -> Result<Vec<String>, String> {
    let named = |name: &str| bucket(name.trim()).map_err(|error| format!("{name:?}: {error}"));
    value.split(',').map(named).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    const GOOD: [(&str, &str); 14] = [
        ("LAZYCAT_AUDIT_REPAIR", "no"),
        ("LAZYCAT_CATALOG_BUCKET", "my-catalog"),
        ("LAZYCAT_DIRTY_LEVELS_TABLE", "lazycat-DirtyLevels-1ABC"),
        ("LAZYCAT_LEVELS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/levels"),
        ("LAZYCAT_SCENES_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/scenes"),
        ("LAZYCAT_DEAD_LETTERS_URL", "http://127.0.0.1:4566/000000000000/dead"),
        ("LAZYCAT_ITEMS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:items"),
        ("LAZYCAT_REPROCESSED_ITEMS_TOPIC_ARN", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:again"),
        ("LAZYCAT_SOURCE_BUCKETS", "cbers-pds, amazonia-pds"),
        ("LAZYCAT_METADATA_BUCKETS", "cbers-meta-pds,amazonia-meta-pds"),
        ("LAZYCAT_PUBLIC_URL", "https://my-catalog.s3.us-east-1.amazonaws.com/"),
        ("LAZYCAT_ATTEMPTS", "5"),
        ("LAZYCAT_TIMEOUT", "60"),
        ("LAZYCAT_STACK", "lazycat-dev"),
    ];

    /// Reads everything; gives the faults.
    fn faults(environment: &Environment) -> Vec<String> {
        let mut reader = environment.reader();
        let all = (
            [catalog_bucket, dirty_levels_table, levels_queue, scenes_queue, dead_letters, items_topic]
                .map(|read| read(&mut reader)),
            [reprocessed_items_topic, public_url, stack].map(|read| read(&mut reader)),
            (source_buckets(&mut reader), attempts(&mut reader), time_out(&mut reader)),
            (audit_repair(&mut reader), audit_grace(&mut reader)),
        );
        reader.finish(all).map_or_else(|error| error.0, |_| Vec::new())
    }

    fn with(name: &str, value: &str) -> Environment {
        Environment::of(GOOD.into_iter().filter(|(other, _)| *other != name).chain([(name, value)]))
    }

    #[test]
    fn a_good_configuration_is_read() {
        assert_eq!(faults(&Environment::of(GOOD)), Vec::<String>::new());
        let environment = Environment::of(GOOD);
        let mut reader = environment.reader();
        let buckets = source_buckets(&mut reader);
        let named: Vec<_> = buckets.0.iter().map(|pair| (pair.images.as_str(), pair.quicklooks.as_str())).collect();
        assert_eq!(named, [("cbers-pds", "cbers-meta-pds"), ("amazonia-pds", "amazonia-meta-pds")]);
        assert_eq!(time_out(&mut reader), Duration::from_secs(60));
        assert_eq!(attempts(&mut reader), 5);
    }

    #[test]
    fn every_missing_variable_is_told_at_once() {
        let faults = faults(&Environment::default());
        assert_eq!(faults.len(), GOOD.len());
        for (name, _) in GOOD {
            let told =
                faults.iter().filter(|fault| fault.starts_with(&format!("{name} is missing, expected "))).count();
            assert_eq!(told, 1, "{name} in {faults:?}");
        }
    }

    #[test]
    fn an_empty_variable_is_a_missing_one() {
        assert_eq!(faults(&with("LAZYCAT_STACK", "")), ["LAZYCAT_STACK is missing, expected the name of the stack"]);
    }

    #[test]
    fn a_malformed_variable_is_told_with_what_it_holds_and_what_was_expected() {
        for (name, value, says) in [
            ("LAZYCAT_CATALOG_BUCKET", "My_Catalog", "small letters"),
            ("LAZYCAT_CATALOG_BUCKET", "ab", "3 to 63"),
            ("LAZYCAT_DIRTY_LEVELS_TABLE", "a table", "3 to 255"),
            ("LAZYCAT_LEVELS_QUEUE_URL", "levels", "no http"),
            ("LAZYCAT_LEVELS_QUEUE_URL", "https:///levels", "no http"),
            ("LAZYCAT_ITEMS_TOPIC_ARN", "arn:aws:sqs:us-east-1:123456789012:items", "sns"),
            ("LAZYCAT_ITEMS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:", "sns"),
            ("LAZYCAT_SOURCE_BUCKETS", "cbers-pds,cbers-pds", "twice"),
            ("LAZYCAT_SOURCE_BUCKETS", "cbers-pds,", "3 to 63"),
            ("LAZYCAT_METADATA_BUCKETS", "cbers-meta-pds", "there are 1 of them, and 2 source buckets"),
            ("LAZYCAT_PUBLIC_URL", "https://example.com/stac", "slash"),
            ("LAZYCAT_ATTEMPTS", "0", "out of range"),
            ("LAZYCAT_ATTEMPTS", "five", "invalid digit"),
            ("LAZYCAT_TIMEOUT", "901", "out of range"),
            ("LAZYCAT_AUDIT_REPAIR", "true", "neither"),
            ("LAZYCAT_AUDIT_GRACE", "601", "out of range"),
        ] {
            let faults = faults(&with(name, value));
            assert_eq!(faults.len(), 1, "{name}={value}: {faults:?}");
            assert!(faults[0].starts_with(&format!("{name} is {value:?}, expected ")), "{faults:?}");
            assert!(faults[0].contains(says), "{} does not say {says:?}", faults[0]);
        }
    }
}
