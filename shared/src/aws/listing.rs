//! Listings of buckets in the order of keys, and whether a page of one is whole.

use std::time::SystemTime;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::{EncodingType, RequestPayer};
use chrono::{DateTime, Utc};

use super::failure::{failed_on_object, wanting};
use crate::message::scene::url_decoded;
use crate::ports::{ListedObject, PortError, PortResult, SourcePage};

/// A bucket to be listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listing<'a> {
    pub(super) s3: &'a Client,
    pub(super) bucket: &'a str,
    pub(super) prefix: &'a str,
    /// Who pays, where that is not the bucket's owner.
    pub(super) payer: Option<&'a RequestPayer>,
    /// In place of S3's 1,000, which are the most.
    pub(super) keys_a_page: Option<i32>,
}

impl Listing<'_> {
    /// The objects behind the key `after`, in the order of keys.
    pub(super) async fn page(&self, after: Option<&str>) -> PortResult<SourcePage> {
        let mut from = None;
        loop {
            let answer = self.request(after, from.take()).await?;
            let objects: PortResult<Vec<ListedObject>> =
                answer.contents().iter().map(|object| self.object(object)).collect();
            let page = SourcePage { objects: objects?, more: answer.is_truncated() == Some(true) };
            if !page.more || !page.objects.is_empty() {
                return Ok(page);
            }
            // An empty page with more behind it has no key to go on from.
            let next = answer.next_continuation_token;
            from = Some(next.ok_or_else(|| wanting(self.doing(), "token for its next page"))?);
        }
    }

    async fn request(&self, after: Option<&str>, from: Option<String>) -> PortResult<ListObjectsV2Output> {
        let request = self
            .s3
            .list_objects_v2()
            .bucket(self.bucket)
            .set_prefix(Some(self.prefix.to_owned()).filter(|prefix| !prefix.is_empty()))
            .set_start_after(after.map(str::to_owned))
            .set_continuation_token(from)
            // A key may hold characters that XML cannot; encoded, the page can be read all the same.
            .encoding_type(EncodingType::Url)
            .set_max_keys(self.keys_a_page)
            .set_request_payer(self.payer.cloned());
        match request.send().await {
            Ok(answer) => whole(answer, || self.doing()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_bucket()) => {
                Err(PortError::NotFound { what: format!("the bucket {}", self.bucket) })
            }
            Err(error) => Err(failed_on_object("listing", self.bucket, self.prefix, error)),
        }
    }

    fn object(&self, object: &aws_sdk_s3::types::Object) -> PortResult<ListedObject> {
        let key = object.key().ok_or_else(|| wanting(self.doing(), "key for one of its entries"))?;
        let key = url_decoded(key).ok_or_else(|| wanting(self.doing(), "UTF-8 in one of its keys"))?;
        let modified = object.last_modified().and_then(|time| SystemTime::try_from(*time).ok());
        let modified = modified.ok_or_else(|| wanting(self.doing(), &format!("LastModified of {key}")))?;
        Ok(ListedObject { key, modified: DateTime::<Utc>::from(modified), file: None })
    }

    fn doing(&self) -> String {
        format!("listing s3://{}/{}", self.bucket, self.prefix)
    }
}

/// The page, when it is whole: the SDK reads XML that ends early as if it were, and entries that are missing then would
/// be lost.
pub(super) fn whole(answer: ListObjectsV2Output, doing: impl Fn() -> String) -> PortResult<ListObjectsV2Output> {
    let (Some(_), Some(entries)) = (answer.is_truncated(), answer.key_count()) else {
        return Err(wanting(doing(), "IsTruncated or KeyCount"));
    };
    if usize::try_from(entries) != Ok(answer.contents().len() + answer.common_prefixes().len()) {
        return Err(wanting(doing(), &format!("{entries} entries, as its KeyCount says")));
    }
    Ok(answer)
}
