//! The catalog as the objects of a bucket.

use std::collections::HashMap;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::EncodingType;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::batch::bounded;
use super::failure::{checked, failed_on_object, is_missing_object, status, unavailable, wanting};
use super::listing::{Listing, whole};
use crate::level::{Level, check_key};
use crate::message::scene::url_decoded;
use crate::ports::{
    ETag, Expected, InspectCatalog, Inspected, ItemPut, KeyPage, Object, Page, PageToken, PortError, PortResult,
    ReadCatalog, ReadItems, StoredItem, WriteCatalog, WriteItems, answers,
};
use crate::stac::link::{GEOJSON, JSON};

/// How long readers may keep an item. Items change when they are made again.
const CACHE_ITEMS: &str = "public, max-age=300";

/// How long readers may keep a catalog: about as long as a change takes to get there anyway.
const CACHE_DOCUMENTS: &str = "public, max-age=60";

/// The metadata of an object in which the id of its message stands: `x-amz-meta-message-id`.
const MESSAGE_ID: &str = "message-id";

/// What stands in a header as it is; the rest of an id is percent-encoded, for headers are ASCII.
const ENCODED_IN_IDS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The longest name that a listing gives, in bytes: that of a whole key.
const LONGEST_NAME: usize = 1024;

/// The bucket of a catalog. Clones share the client.
///
/// Needs `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject` on its objects and `s3:ListBucket` on the bucket: without
/// the last, S3 answers 403 where an object does not exist, and that is an error here.
#[derive(Debug, Clone)]
pub struct CatalogBucket {
    s3: Client,
    bucket: String,
    keys_a_page: Option<i32>,
}

impl CatalogBucket {
    /// The catalog in this bucket.
    #[must_use]
    pub fn new(s3: Client, bucket: impl Into<String>) -> Self {
        Self { s3, bucket: bucket.into(), keys_a_page: None }
    }

    /// Asks for this many names a page of a listing in place of S3's 1,000, which are the most.
    #[must_use]
    pub fn with_keys_a_page(self, keys: u16) -> Self {
        Self { keys_a_page: Some(keys.into()), ..self }
    }

    async fn get_object(&self, key: &str) -> Result<GetObjectOutput, SdkError<GetObjectError>> {
        self.s3.get_object().bucket(&self.bucket).key(key).send().await
    }

    /// The whole body of an answer.
    async fn body(&self, key: &str, body: ByteStream) -> PortResult<Vec<u8>> {
        match body.collect().await {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(error) => Err(unavailable(format!("reading s3://{}/{key}", self.bucket), &error)),
        }
    }

    async fn stored_one(&self, key: &str) -> PortResult<Option<StoredItem>> {
        checked(key)?;
        let answer = match self.get_object(key).await {
            Ok(answer) => answer,
            Err(error) if is_missing_object(&error) => return Ok(None),
            Err(error) => return Err(failed_on_object("reading", &self.bucket, key, error)),
        };
        let message_id = answer.metadata().and_then(|metadata| metadata.get(MESSAGE_ID)).and_then(|id| decoded_id(id));
        Ok(Some(StoredItem { bytes: self.body(key, answer.body).await?, message_id }))
    }

    async fn put_one(&self, item: &ItemPut) -> PortResult<()> {
        checked(&item.key)?;
        let request = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(&item.key)
            .content_type(GEOJSON)
            .cache_control(CACHE_ITEMS)
            .set_metadata(item.message_id.as_deref().map(|id| HashMap::from([(MESSAGE_ID.to_owned(), encoded_id(id))])))
            .body(ByteStream::from(item.bytes.clone()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed_on_object("writing", &self.bucket, &item.key, error)),
        }
    }

    async fn delete_one(&self, key: &str) -> PortResult<()> {
        checked(key)?;
        match self.s3.delete_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed_on_object("deleting", &self.bucket, key, error)),
        }
    }
}

impl ReadItems for CatalogBucket {
    async fn stored(&self, keys: &[String]) -> Vec<PortResult<Option<StoredItem>>> {
        bounded(keys.iter().map(|key| self.stored_one(key)).collect()).await
    }
}

impl WriteItems for CatalogBucket {
    /// Different keys at the same time; those of one key one after the other. Bytes and message id are written at once.
    async fn put(&self, items: &[ItemPut]) -> Vec<PortResult<()>> {
        let mut positions: HashMap<&str, Vec<usize>> = HashMap::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            positions.entry(&item.key).or_default().push(at);
        }
        let in_order = positions.into_values().map(async |positions| {
            let mut results = Vec::with_capacity(positions.len());
            for at in positions {
                results.push((at, self.put_one(&items[at]).await));
            }
            results
        });
        let mut results: Vec<_> = bounded(in_order.collect()).await.into_iter().flatten().collect();
        results.sort_by_key(|(at, _)| *at);
        answers(results.into_iter().map(|(_, result)| result).collect(), items.len(), "writing items")
    }

    async fn delete(&self, keys: &[String]) -> Vec<PortResult<()>> {
        bounded(keys.iter().map(|key| self.delete_one(key)).collect()).await
    }
}

impl ReadCatalog for CatalogBucket {
    async fn get(&self, key: &str) -> PortResult<Option<Object>> {
        checked(key)?;
        let answer = match self.get_object(key).await {
            Ok(answer) => answer,
            Err(error) if is_missing_object(&error) => return Ok(None),
            Err(error) => return Err(failed_on_object("reading", &self.bucket, key, error)),
        };
        let Some(etag) = answer.e_tag().map(|tag| ETag(tag.to_owned())) else {
            return Err(wanting(format!("reading s3://{}/{key}", self.bucket), "ETag"));
        };
        Ok(Some(Object { bytes: self.body(key, answer.body).await?, etag }))
    }

    /// The answer to a HEAD has no body, so a missing bucket looks like a missing object here. A caller has read from
    /// the bucket before.
    async fn exists(&self, key: &str) -> PortResult<bool> {
        checked(key)?;
        match self.s3.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(failed_on_object("looking for", &self.bucket, key, error)),
        }
    }

    /// Names that a key of the catalog cannot have, such as those that start with a dot, are left out.
    async fn list(&self, level: &Level, from: Option<&PageToken>) -> PortResult<Page> {
        let prefix = level.prefix();
        let request = self
            .s3
            .list_objects_v2()
            .bucket(&self.bucket)
            .delimiter("/")
            .set_prefix((!prefix.is_empty()).then(|| prefix.clone()))
            // A key may hold characters that XML cannot; encoded, the page can be read all the same.
            .encoding_type(EncodingType::Url)
            .set_max_keys(self.keys_a_page)
            .set_continuation_token(from.map(|token| token.0.clone()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(failed_on_object("listing", &self.bucket, &prefix, error)),
        };
        let what = || format!("listing s3://{}/{prefix}", self.bucket);
        let name = |key: Option<&str>, ending: &str| -> PortResult<Option<String>> {
            let key = key.ok_or_else(|| wanting(what(), "key for one of its entries"))?;
            let key = url_decoded(key).ok_or_else(|| wanting(what(), "UTF-8 in one of its keys"))?;
            let name = key.strip_prefix(&prefix).and_then(|name| name.strip_suffix(ending));
            let name = name.ok_or_else(|| wanting(what(), "key of this level in one of its entries"))?;
            Ok(check_key(name, LONGEST_NAME).is_ok().then(|| name.to_owned()))
        };
        let answer = whole(answer, what)?;
        let mut page = Page::default();
        for object in answer.contents() {
            page.objects.extend(name(object.key(), "")?);
        }
        for folder in answer.common_prefixes() {
            page.folders.extend(name(folder.prefix(), "/")?);
        }
        if answer.is_truncated() == Some(true) {
            let next = answer.next_continuation_token.ok_or_else(|| wanting(what(), "token for its next page"))?;
            page.next = Some(PageToken(next));
        }
        Ok(page)
    }
}

impl InspectCatalog for CatalogBucket {
    async fn keys(&self, prefix: &str, after: Option<&str>) -> PortResult<KeyPage> {
        let mut from = after.map(str::to_owned);
        loop {
            let listing =
                Listing { s3: &self.s3, bucket: &self.bucket, prefix, payer: None, keys_a_page: self.keys_a_page };
            let page = listing.page(from.as_deref()).await?;
            from = page.objects.last().map(|object| object.key.clone());
            let objects = page.objects.into_iter().filter(|object| check_key(&object.key, LONGEST_NAME).is_ok());
            let (keys, written): (Vec<String>, Vec<_>) = objects.map(|object| (object.key, object.modified)).unzip();
            // A page with more behind it has a key.
            if !keys.is_empty() || !page.more {
                return Ok(KeyPage { keys, written, more: page.more });
            }
        }
    }

    async fn inspect(&self, key: &str) -> PortResult<Option<Inspected>> {
        checked(key)?;
        let answer = match self.get_object(key).await {
            Ok(answer) => answer,
            Err(error) if is_missing_object(&error) => return Ok(None),
            Err(error) => return Err(failed_on_object("reading", &self.bucket, key, error)),
        };
        let content_type = answer.content_type().map(str::to_owned);
        Ok(Some(Inspected { bytes: self.body(key, answer.body).await?, content_type }))
    }
}

impl WriteCatalog for CatalogBucket {
    async fn put_if(&self, key: &str, bytes: &[u8], expected: &Expected) -> PortResult<ETag> {
        checked(key)?;
        let request = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(JSON)
            .cache_control(CACHE_DOCUMENTS)
            .body(ByteStream::from(bytes.to_vec()));
        let request = match expected {
            Expected::Absent => request.if_none_match("*"),
            Expected::Tag(tag) => request.if_match(&tag.0),
        };
        match request.send().await {
            Ok(answer) => {
                let tag = answer.e_tag().map(|tag| ETag(tag.to_owned()));
                tag.ok_or_else(|| wanting(format!("writing s3://{}/{key}", self.bucket), "ETag"))
            }
            Err(error) => match status(&error) {
                Some(404 | 409 | 412) if error.code() != Some("NoSuchBucket") => {
                    Err(PortError::Precondition { what: format!("s3://{}/{key}", self.bucket) })
                }
                _ => Err(failed_on_object("writing", &self.bucket, key, error)),
            },
        }
    }
}

fn encoded_id(id: &str) -> String {
    utf8_percent_encode(id, ENCODED_IN_IDS).to_string()
}

/// None for what was not encoded here: an id that is not understood is never relied on.
fn decoded_id(text: &str) -> Option<String> {
    let id = percent_decode_str(text).decode_utf8().ok()?;
    (encoded_id(&id) == text).then(|| id.into_owned())
}
