//! What services answer instead of a result, as conditions that a caller acts on.

use std::error::Error;
use std::fmt::Write as _;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;

use crate::level::check_key;
use crate::ports::{PortError, PortResult};

/// The longest key of an object, in bytes.
const LONGEST_KEY: usize = 1024;

/// The codes of a service that does not let the caller do it. S3 and SNS send them with status 403, SQS and DynamoDB
/// with 400.
const DENIED: [&str; 10] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// The codes of a queue, topic or table that does not exist. That of a bucket is not among them: there, a missing
/// object must be told from a missing bucket.
const MISSING: [&str; 6] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "NotFound",
    "NotFoundException",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "TopicNotFound",
];

/// The failure of a request to SQS, SNS or DynamoDB. `doing` says what was done, `place` on which queue, topic or
/// table.
pub(super) fn failed<E>(doing: &str, place: &str, error: SdkError<E>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error.code() {
        Some(code) if MISSING.contains(&code) => PortError::NotFound { what: place.to_owned() },
        _ => failed_at(format!("{doing} {place}"), error, ""),
    }
}

/// The failure of a request to S3 about the object `key` of `bucket`. A missing object is for the caller to tell
/// before.
pub(super) fn failed_on_object<E>(doing: &str, bucket: &str, key: &str, error: SdkError<E>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let hint = match (error.code(), status(&error)) {
        (Some("NoSuchBucket"), _) => "; the bucket does not exist",
        (_, Some(403)) => "; S3 answers so, too, when the object does not exist and s3:ListBucket is not allowed",
        _ => "",
    };
    failed_at(format!("{doing} s3://{bucket}/{key}"), error, hint)
}

fn failed_at<E>(what: String, error: SdkError<E>, hint: &str) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let denied = error.code().is_some_and(|code| DENIED.contains(&code)) || status(&error) == Some(403);
    let source = (said(&error) + hint).into();
    if denied { PortError::Denied { what, source } } else { PortError::Unavailable { what, source } }
}

/// The HTTP status of an answer, where there was one.
pub(super) fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// Whether the answer is that there is no such object, in a bucket that exists.
pub(super) fn is_missing_object<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    status(error) == Some(404) && error.code() == Some("NoSuchKey")
}

/// What a service said, in one line: its code, its words, the status and the request's id; or why there was no
/// answer, with all causes.
fn said<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(status) = status(error).filter(|_| error.as_service_error().is_some()) else {
        return chain(error);
    };
    let mut text = error.code().unwrap_or("an answer without a code").to_owned();
    if let Some(message) = error.message() {
        let _ = write!(text, ": {message}");
    }
    let _ = write!(text, " (status {status}");
    if let Some(request) = error.request_id() {
        let _ = write!(text, ", request {request}");
    }
    text + ")"
}

/// An error and its causes. What a cause repeats of the one above is left out.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            let _ = write!(text, ": {next}");
        }
        cause = error.source();
    }
    text
}

/// Something that came apart while an answer was read, or an answer that is none.
pub(super) fn unavailable(what: impl Into<String>, error: &(dyn Error + 'static)) -> PortError {
    PortError::Unavailable { what: what.into(), source: chain(error).into() }
}

/// An answer in which something is wanting.
pub(super) fn wanting(what: impl Into<String>, missing: &str) -> PortError {
    PortError::Unavailable { what: what.into(), source: format!("the answer has no {missing}").into() }
}

/// An entry of a batch that failed although the request succeeded.
pub(super) fn failed_entry(what: &str, code: &str, message: Option<&str>, senders_fault: bool) -> PortError {
    let fault = if senders_fault { "the sender's" } else { "the service's" };
    let message = message.unwrap_or("no message");
    PortError::Unavailable { what: what.to_owned(), source: format!("{code}: {message} ({fault} fault)").into() }
}

/// Refuses a key that no adapter takes.
pub(super) fn checked(key: &str) -> PortResult<()> {
    check_key(key, LONGEST_KEY).map_err(|reason| PortError::Denied {
        what: format!("the key {:?}", key.chars().take(120).collect::<String>()),
        source: reason.into(),
    })
}
