//! Scene metadata in the buckets of an archive.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::RequestPayer;

use super::batch::bounded;
use super::listing::Listing;
use super::object;
use crate::ports::{ListSource, PortError, PortResult, ReadSource, SourceObject, SourcePage};

/// The buckets that scenes are taken from. Clones share the client.
///
/// The requester pays. Which buckets are allowed is for the use case to say. Needs `s3:GetObject` on their objects, and
/// `s3:ListBucket` on them, for listings, and because without it S3 answers 403 where an object does not exist, and no
/// other name of the scene's metadata is tried.
#[derive(Debug, Clone)]
pub struct SourceBuckets {
    s3: Client,
    keys_a_page: Option<i32>,
}

impl SourceBuckets {
    /// All buckets that this client can read.
    #[must_use]
    pub fn new(s3: Client) -> Self {
        Self { s3, keys_a_page: None }
    }

    /// Asks for this many keys a page of a listing in place of S3's 1,000, which are the most.
    #[must_use]
    pub fn with_keys_a_page(self, keys: u16) -> Self {
        Self { keys_a_page: Some(keys.into()), ..self }
    }

    async fn read_one(&self, object: &SourceObject, limit: u64) -> PortResult<Vec<u8>> {
        let SourceObject { bucket, key, file } = object;
        if let Some(file) = file {
            let shown: String = file.chars().take(120).collect();
            return Err(PortError::Denied {
                what: format!("the file {shown:?} as the source of {key}"),
                source: "scenes are read from buckets here".into(),
            });
        }
        object::read(&self.s3, bucket, key, limit).await
    }
}

impl ReadSource for SourceBuckets {
    async fn read(&self, objects: &[SourceObject], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        bounded(objects.iter().map(|object| self.read_one(object, limit)).collect()).await
    }
}

impl ListSource for SourceBuckets {
    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> PortResult<SourcePage> {
        let payer = Some(&RequestPayer::Requester);
        Listing { s3: &self.s3, bucket, prefix, payer, keys_a_page: self.keys_a_page }.page(after).await
    }
}
