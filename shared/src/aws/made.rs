//! Items that generators have made: their topic, and the bucket of those that are too long for it.

use aws_sdk_s3::primitives::ByteStream;

use super::failure::failed_on_object;
use super::topics::{MOST_BYTES, Publication, publish_all};
use crate::generator::made::{Made, MadeMessage};
use crate::generator::ports::{KeepMade, PublishMade};
use crate::ports::PortResult;
use crate::stac::link::GEOJSON;

/// The topic of items that generators have made. Clones share the client.
///
/// Needs `sns:Publish`.
#[derive(Debug, Clone)]
pub struct MadeTopic {
    sns: aws_sdk_sns::Client,
    arn: String,
}

impl MadeTopic {
    /// This topic.
    #[must_use]
    pub fn new(sns: aws_sdk_sns::Client, arn: impl Into<String>) -> Self {
        Self { sns, arn: arn.into() }
    }
}

impl PublishMade for MadeTopic {
    fn longest(&self) -> usize {
        MOST_BYTES
    }

    async fn publish(&self, messages: &[MadeMessage]) -> Vec<PortResult<()>> {
        let publication = |(at, message): (usize, &MadeMessage)| Publication {
            at,
            body: message.body.clone(),
            attributes: message.attributes.clone(),
        };
        let publications: Vec<Publication> = messages.iter().enumerate().map(publication).collect();
        publish_all(&self.sns, &self.arn, &publications).await
    }
}

/// The bucket of items that are too long for a message. Clones share the client.
///
/// Needs `s3:PutObject`. Nothing here deletes: a lifecycle rule of the bucket does, when every message about an item is
/// surely done with.
#[derive(Debug, Clone)]
pub struct MadeBucket {
    s3: aws_sdk_s3::Client,
    bucket: String,
}

impl MadeBucket {
    /// This bucket.
    #[must_use]
    pub fn new(s3: aws_sdk_s3::Client, bucket: impl Into<String>) -> Self {
        Self { s3, bucket: bucket.into() }
    }
}

impl KeepMade for MadeBucket {
    async fn keep(&self, item: &Made) -> PortResult<String> {
        let key = item.key();
        let body = ByteStream::from(item.text().as_bytes().to_vec());
        let request = self.s3.put_object().bucket(&self.bucket).key(&key).content_type(GEOJSON).body(body);
        match request.send().await {
            Ok(_) => {
                let href = format!("s3://{}/{key}", self.bucket);
                tracing::info!(
                    href,
                    size = item.text().len(),
                    "the item is too long for a message; its address is published"
                );
                Ok(href)
            }
            Err(error) => Err(failed_on_object("writing", &self.bucket, &key, error)),
        }
    }
}
