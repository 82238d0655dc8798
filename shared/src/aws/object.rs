//! One object of S3, read whole.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::RequestPayer;

use super::failure::{failed_on_object, is_missing_object, unavailable};
use crate::ports::{PortError, PortResult};

/// Reads an object unless it is longer than `limit` bytes, which is seen before its body is read. The requester pays.
pub(super) async fn read(s3: &Client, bucket: &str, key: &str, limit: u64) -> PortResult<Vec<u8>> {
    let what = || format!("s3://{bucket}/{key}");
    let request = s3.get_object().bucket(bucket).key(key).request_payer(RequestPayer::Requester);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if is_missing_object(&error) => return Err(PortError::NotFound { what: what() }),
        Err(error) => return Err(failed_on_object("reading", bucket, key, error)),
    };
    let size = answer.content_length().and_then(|size| u64::try_from(size).ok());
    if let Some(size) = size.filter(|size| *size > limit) {
        return Err(PortError::TooLarge { what: what(), size, limit });
    }
    let expected = usize::try_from(size.unwrap_or(0)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(expected);
    let mut body = answer.body;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| unavailable(format!("reading {}", what()), &error))?;
        bytes.extend_from_slice(&chunk);
        let read = bytes.len() as u64;
        if read > limit {
            return Err(PortError::TooLarge { what: what(), size: read, limit });
        }
    }
    Ok(bytes)
}
