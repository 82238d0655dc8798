//! The buckets of the public archive.

use crate::missions::{COMMON_BUCKET, SATELLITES};

/// Two buckets of the public archive that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPair {
    /// The bucket of images and XML.
    pub images: String,
    /// The bucket of quicklooks.
    pub quicklooks: String,
}

/// The buckets that scenes are taken from. A bucket that is not among them is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets(pub Vec<BucketPair>);

impl Default for Buckets {
    /// The public archive's: those of each satellite, and the one that they have in common.
    fn default() -> Self {
        let common = (COMMON_BUCKET, COMMON_BUCKET);
        let names = SATELLITES.iter().map(|satellite| (satellite.bucket, satellite.quicklooks)).chain([common]);
        let mut buckets = Self(Vec::new());
        for (images, quicklooks) in names {
            if buckets.pair(images).is_none() {
                buckets.0.push(BucketPair { images: images.to_owned(), quicklooks: quicklooks.to_owned() });
            }
        }
        buckets
    }
}

impl Buckets {
    /// The pair whose bucket of images is this.
    #[must_use]
    pub fn pair(&self, images: &str) -> Option<&BucketPair> {
        self.0.iter().find(|pair| pair.images == images)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_are_those_of_the_satellites_and_the_common_one_each_once() {
        let named = Buckets::default().0;
        let named: Vec<(&str, &str)> =
            named.iter().map(|pair| (pair.images.as_str(), pair.quicklooks.as_str())).collect();
        let expected = [
            ("amazonia-pds", "amazonia-meta-pds"),
            ("cbers-pds", "cbers-meta-pds"),
            ("brazil-eosats", "brazil-eosats"),
        ];
        assert_eq!(named, expected);
    }
}
