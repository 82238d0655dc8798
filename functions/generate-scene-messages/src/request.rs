//! What the function is invoked with.

use std::num::NonZeroU32;

use chrono::{DateTime, Utc};
use lazycat::reprocess::Job;
use serde::Deserialize;
use serde_json::Value;

/// The event. All of its members may be missing, but not all at once.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Request {
    /// Goes on with the job that is under way; nothing else may stand beside it.
    resume: bool,
    /// The bucket of the scenes' metadata. It may be left out where only one is configured.
    bucket: Option<String>,
    /// Keys start with it.
    prefix: Option<String>,
    /// Only scenes whose metadata was written then or later, RFC 3339.
    since: Option<DateTime<Utc>>,
    /// Items are made also where they are there already, unchanged.
    force: Option<bool>,
    /// Messages a second, at most.
    rate: Option<NonZeroU32>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Start this job, or go on with it.
    Start(Job),
    /// Go on with whatever is under way.
    Resume,
}

/// Why an event is no request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum RequestError {
    /// Not even its form.
    #[error(
        "the event is not understood: {0}; expected such as {{\"bucket\": \"cbers-pds\", \"prefix\": \"CBERS4/MUX/057/\"}}, \
         with \"since\", \"force\" and \"rate\" where they are wanted, or {{\"resume\": true}}"
    )]
    Form(String),
    /// Neither what to do nor that something is to be resumed.
    #[error(
        "the event asks for nothing; expected a \"bucket\" or a \"prefix\" (\"\" for all scenes), or \"resume\": true"
    )]
    Nothing,
    /// Two things at once.
    #[error("the event holds \"resume\" and something else; a job is resumed as it was started")]
    Both,
    /// Which bucket?
    #[error("the event names no bucket, and there are several: expected one of {0}")]
    NoBucket(String),
    /// Items of its scenes would be refused.
    #[error("the bucket is {found:?}, expected one of the stack's source buckets: {expected}")]
    Bucket {
        /// The bucket.
        found: String,
        /// Those that are configured.
        expected: String,
    },
}

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    ///
    /// [`RequestError::Form`].
    pub(crate) fn read(event: Value) -> Result<Self, RequestError> {
        serde_json::from_value(event).map_err(|error| RequestError::Form(error.to_string()))
    }

    /// What it asks for, of these buckets.
    ///
    /// # Errors
    ///
    /// [`RequestError`], when that is nothing that can be done.
    pub(crate) fn task(self, buckets: &[String]) -> Result<Task, RequestError> {
        let Self { resume, bucket, prefix, since, force, rate } = self;
        let is_bare = since.is_none() && force.is_none() && rate.is_none();
        let nothing = bucket.is_none() && prefix.is_none();
        match (resume, nothing) {
            (true, true) if is_bare => return Ok(Task::Resume),
            (true, _) => return Err(RequestError::Both),
            (false, true) => return Err(RequestError::Nothing),
            (false, false) => {}
        }
        let bucket = match (bucket, buckets) {
            (Some(bucket), _) if buckets.contains(&bucket) => bucket,
            (Some(found), _) => return Err(RequestError::Bucket { found, expected: buckets.join(", ") }),
            (None, [only]) => only.clone(),
            (None, _) => return Err(RequestError::NoBucket(buckets.join(", "))),
        };
        let prefix = prefix.unwrap_or_default();
        Ok(Task::Start(Job { bucket, prefix, since, force: force.unwrap_or(false), rate }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(event: Value, buckets: &[&str]) -> Result<Task, RequestError> {
        let buckets: Vec<String> = buckets.iter().map(|bucket| (*bucket).to_owned()).collect();
        Request::read(event)?.task(&buckets)
    }

    fn job(bucket: &str, prefix: &str) -> Job {
        Job { bucket: bucket.to_owned(), prefix: prefix.to_owned(), since: None, force: false, rate: None }
    }

    #[test]
    fn a_bucket_and_a_prefix_start_a_job() {
        let event = json!({
            "bucket": "a", "prefix": "CBERS4/", "since": "2024-05-01T00:00:00Z", "force": true, "rate": 500,
        });
        let expected = Job {
            since: Some("2024-05-01T00:00:00Z".parse().unwrap()),
            force: true,
            rate: NonZeroU32::new(500),
            ..job("a", "CBERS4/")
        };
        assert_eq!(task(event, &["a", "b"]), Ok(Task::Start(expected)));
        assert_eq!(task(json!({ "bucket": "b" }), &["a", "b"]), Ok(Task::Start(job("b", ""))));
    }

    #[test]
    fn the_only_bucket_need_not_be_named() {
        assert_eq!(task(json!({ "prefix": "" }), &["a"]), Ok(Task::Start(job("a", ""))));
        assert_eq!(task(json!({ "prefix": "" }), &["a", "b"]), Err(RequestError::NoBucket("a, b".to_owned())));
    }

    #[test]
    fn a_schedule_resumes() {
        assert_eq!(task(json!({ "resume": true }), &["a", "b"]), Ok(Task::Resume));
        assert_eq!(task(json!({ "resume": true, "prefix": "" }), &["a"]), Err(RequestError::Both));
        assert_eq!(task(json!({ "resume": true, "force": true }), &["a"]), Err(RequestError::Both));
    }

    #[test]
    fn an_event_that_asks_for_nothing_is_refused() {
        assert_eq!(task(json!({}), &["a"]), Err(RequestError::Nothing));
        assert_eq!(task(json!({ "force": true }), &["a"]), Err(RequestError::Nothing));
    }

    #[test]
    fn a_bucket_of_somebody_else_is_refused() {
        let error = task(json!({ "bucket": "elsewhere" }), &["a", "b"]).unwrap_err();
        let expected = "the bucket is \"elsewhere\", expected one of the stack's source buckets: a, b";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn what_is_not_understood_is_told_with_what_was_expected() {
        for (event, says) in [
            (json!({ "bucket": "a", "prefx": "CBERS4/" }), "prefx"),
            (json!({ "bucket": "a", "since": "yesterday" }), "input"),
            (json!({ "bucket": "a", "rate": 0 }), "nonzero"),
            (json!(["a"]), "expected"),
            (json!("a"), "string"),
        ] {
            let error = task(event.clone(), &["a"]).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("{\"resume\": true}"), "{event}: {error}");
        }
    }
}
