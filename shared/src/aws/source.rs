//! Scene metadata in the buckets of the public archive.

use aws_sdk_s3::Client;

use crate::ports::{PortError, PortResult, ReadSource, SourceObject};

/// The buckets that scenes are taken from. Clones share the client.
#[derive(Debug, Clone)]
pub struct SourceBuckets {
    s3: Client,
}
impl SourceBuckets {
    /// Any bucket; which ones are allowed is for the use case to say.
    #[must_use]
    pub fn new(s3: Client) -> Self {
        Self { s3 }
    }
}
impl ReadSource for SourceBuckets {
    async fn read(&self, objects: &[SourceObject], _: u64) -> Vec<PortResult<Vec<u8>>> {
        let _ = &self.s3;
        objects.iter().map(|_| Err(PortError::Unavailable { what: String::new(), source: "not yet".into() })).collect()
    }
}
