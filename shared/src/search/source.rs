//! Where a document that a message only refers to is read.

use std::fmt;

use percent_encoding::percent_decode_str;

/// The longest address that is looked at, in bytes: a key of S3 with every byte encoded, and its bucket.
const LONGEST_ADDRESS: usize = 4 * 1024;

/// The host names of S3's own service, behind the bucket's name: `bucket.s3.us-east-1.amazonaws.com`.
const S3_HOST_END: &str = ".amazonaws.com";

/// The address of a document. Its text is what the index remembers, to know what a removed object was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An object of S3.
    S3 {
        /// The bucket.
        bucket: String,
        /// The key, decoded.
        key: String,
    },
    /// A document behind https.
    Https {
        /// The host, with its port when that is not the usual one; small letters.
        host: String,
        /// Everything behind the host, with the slash it starts with.
        path: String,
    },
}

/// Which sources may be read. No request is made to any other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// The buckets.
    pub buckets: Vec<String>,
    /// The hosts, `data.example.com` or `data.example.com:8443`.
    pub hosts: Vec<String>,
}

impl Source {
    /// Reads an address: `s3://BUCKET/KEY`, or `https://`; the https addresses of S3's own hosts are read as those of
    /// S3, so that an object has one address only.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(href: &str) -> Result<Self, &'static str> {
        if href.len() > LONGEST_ADDRESS {
            return Err("it is too long");
        }
        if href.chars().any(|character| character.is_control() || character == '\\') {
            return Err("it holds a control character or a backslash");
        }
        if let Some(rest) = href.strip_prefix("s3://") {
            let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
            return Self::s3(bucket, key);
        }
        let Some(rest) = href.strip_prefix("https://") else {
            return Err("expected an address that starts with s3:// or https://");
        };
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if host.is_empty() {
            return Err("it has no host");
        }
        if host.contains('@') {
            return Err("it holds a user name");
        }
        let host = host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase();
        if let Some(bucket) = s3_bucket(&host) {
            let key = percent_decode_str(path.trim_start_matches('/')).decode_utf8();
            return Self::s3(bucket, &key.map_err(|_| "its key is not UTF-8 when decoded")?);
        }
        Ok(Self::Https { host, path: path.to_owned() })
    }

    fn s3(bucket: &str, key: &str) -> Result<Self, &'static str> {
        if bucket.is_empty() || key.is_empty() {
            return Err("it has no bucket or no key");
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    /// Whether this may be read.
    #[must_use]
    pub fn is_allowed(&self, allowed: &Allowed) -> bool {
        match self {
            Self::S3 { bucket, .. } => allowed.buckets.contains(bucket),
            Self::Https { host, .. } => allowed.hosts.contains(host),
        }
    }

    /// Whether its name is that of a document that may hold an item or a collection: a bucket's events tell of
    /// catalogs and images as well, and those need not be read.
    #[must_use]
    pub fn may_be_loaded(&self) -> bool {
        let Self::S3 { key, .. } = self else { return true };
        let name = key.rsplit_once('/').map_or(key.as_str(), |(_, name)| name);
        name != "catalog.json" && (name.ends_with(".json") || name.ends_with(".geojson"))
    }
}

/// The bucket of a virtual-hosted address of S3.
fn s3_bucket(host: &str) -> Option<&str> {
    let (bucket, service) = host.strip_suffix(S3_HOST_END)?.rsplit_once(".s3").or_else(|| {
        // Older regions write the region behind a hyphen: bucket.s3-us-west-2.amazonaws.com.
        host.strip_suffix(S3_HOST_END)?.rsplit_once(".s3-")
    })?;
    let is_region = service.is_empty() || service.starts_with(['.', '-']);
    (is_region && !bucket.is_empty()).then_some(bucket)
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Https { host, path } => write!(f, "https://{host}{path}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_object_of_s3_has_one_address() {
        for href in [
            "s3://a-bucket/a/b c.json",
            "https://a-bucket.s3.amazonaws.com/a/b%20c.json",
            "https://a-bucket.s3.us-east-1.amazonaws.com/a/b%20c.json",
            "https://a-bucket.s3-us-west-2.amazonaws.com/a/b%20c.json",
            "https://A-Bucket.S3.Amazonaws.com:443/a/b%20c.json",
        ] {
            assert_eq!(Source::parse(href).unwrap().to_string(), "s3://a-bucket/a/b c.json", "{href}");
        }
    }

    #[test]
    fn addresses_that_could_lead_elsewhere_are_refused() {
        for href in [
            "http://example.com/a.json",
            "file:///etc/passwd",
            "https://",
            "https:///a.json",
            "https://good.example@evil.example/a.json",
            "https://good.example\\@evil.example/a.json",
            "s3://bucket",
            "s3:///key",
            "https://x/\n",
            "",
        ] {
            assert!(Source::parse(href).is_err(), "{href:?}");
        }
        assert!(Source::parse(&format!("https://x/{}", "a".repeat(LONGEST_ADDRESS))).is_err());
    }

    #[test]
    fn only_what_is_listed_is_allowed() {
        let allowed = Allowed { buckets: vec!["mine".into()], hosts: vec!["data.example.com".into()] };
        let is_allowed = |href| Source::parse(href).unwrap().is_allowed(&allowed);
        assert!(is_allowed("s3://mine/a.json"));
        assert!(is_allowed("https://mine.s3.amazonaws.com/a.json"));
        assert!(is_allowed("https://data.example.com/a.json"));
        for href in [
            "s3://yours/a.json",
            "https://yours.s3.amazonaws.com/a.json",
            "https://data.example.com.evil.example/a.json",
            "https://data.example.com:8443/a.json",
            "https://169.254.169.254/latest",
            "https://mine.s3.amazonaws.com.evil.example/a.json",
        ] {
            assert!(!is_allowed(href), "{href}");
        }
    }

    #[test]
    fn catalogs_and_images_of_a_bucket_are_not_loaded() {
        let may = |href| Source::parse(href).unwrap().may_be_loaded();
        assert!(may("s3://b/a/item.json") && may("s3://b/a/collection.json") && may("s3://b/item.geojson"));
        assert!(!may("s3://b/a/catalog.json") && !may("s3://b/catalog.json") && !may("s3://b/a/image.tif"));
    }
}
