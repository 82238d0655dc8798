//! Messages about scenes: S3 events, bare or in an SNS envelope.
//!
//! A record names an object of a scene, its quicklook or its XML. Our own additions stand beside the key:
//! `s3.object.reprocess`, `force`, `quicklook`, `messageId` and, where the source is a folder, `file`.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::complaint;
use crate::ports::SourceObject;
use crate::scene::SceneId;

/// The longest body that is read, in bytes: as much as SQS delivers.
pub const LONGEST_BODY: usize = 1024 * 1024;

/// One record of a message: something happened to a scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SceneRecord {
    /// The object that the event names: the scene's quicklook or its XML.
    pub source: SourceObject,
    /// The object was removed: the scene is to be withdrawn.
    pub removed: bool,
    /// The item goes to the internal topic.
    pub reprocess: bool,
    /// Never skipped as unchanged.
    pub force: bool,
    /// The key of the scene's quicklook, when the event names the XML.
    pub quicklook: Option<String>,
    /// The id of the message; it survives redelivery and redrive. A message without one is never skipped.
    pub message_id: Option<String>,
    /// When the event happened.
    pub time: Option<DateTime<Utc>>,
}

/// Why a message was refused: what was found where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MessageError(pub String);

/// The outermost object: an SNS envelope, an S3 event, or S3's test event.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(rename = "Message", borrow)]
    message: Option<Cow<'a, str>>,
    #[serde(rename = "Type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(rename = "Event", borrow)]
    event: Option<Cow<'a, str>>,
    #[serde(rename = "Records")]
    records: Option<Vec<Record>>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventSource")]
    event_source: Option<String>,
    #[serde(rename = "eventName")]
    event_name: Option<String>,
    #[serde(rename = "eventTime")]
    event_time: Option<DateTime<Utc>>,
    s3: Option<S3>,
}

#[derive(Deserialize)]
struct S3 {
    bucket: Option<Bucket>,
    object: Option<ObjectRecord>,
}

#[derive(Deserialize)]
struct Bucket {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ObjectRecord {
    key: Option<String>,
    #[serde(default)]
    reprocess: bool,
    #[serde(default)]
    force: bool,
    quicklook: Option<String>,
    message_id: Option<String>,
    file: Option<String>,
}

impl SceneRecord {
    /// The message that the removal of a scene's metadata from `bucket` sends. What is taken out is found by its name
    /// alone, so any of the buckets will do.
    #[must_use]
    pub fn removal(scene: &SceneId, bucket: String, time: Option<DateTime<Utc>>) -> Self {
        let key = format!("{}/{}.{}", scene.folder(), scene.without_level(), scene.camera.quicklook.extension());
        Self {
            source: SourceObject { bucket, key, file: None },
            removed: true,
            reprocess: false,
            force: false,
            quicklook: None,
            message_id: None,
            time,
        }
    }

    /// Reads the body of a message. S3's test event holds no records.
    ///
    /// # Errors
    ///
    /// When the body is longer than [`LONGEST_BODY`], is not JSON, or is neither an S3 event nor an SNS envelope of
    /// one.
    pub fn decode(body: &str) -> Result<Vec<Self>, MessageError> {
        if body.len() > LONGEST_BODY {
            return Err(refused(format!("the message is {} bytes long, expected at most {LONGEST_BODY}", body.len())));
        }
        let outer: Body<'_> = serde_json::from_str(body)
            .map_err(|error| refused(format!("the message is no S3 event in JSON: {}", complaint(&error))))?;
        if outer.kind.is_none() && outer.message.is_none() {
            return Self::of_event(outer);
        }
        let Some(message) = outer.message else {
            return Err(refused("the SNS envelope has no Message".to_owned()));
        };
        let inner: Body<'_> = serde_json::from_str(&message).map_err(|error| {
            refused(format!("Message of the SNS envelope is no S3 event in JSON: {}", complaint(&error)))
        })?;
        Self::of_event(inner)
    }

    fn of_event(event: Body<'_>) -> Result<Vec<Self>, MessageError> {
        if event.event.as_deref() == Some("s3:TestEvent") {
            return Ok(Vec::new());
        }
        let records = event.records.ok_or_else(|| refused("the S3 event has no Records".to_owned()))?;
        if records.is_empty() {
            return Err(refused("the S3 event has an empty list of Records".to_owned()));
        }
        records.into_iter().enumerate().map(|(at, record)| Self::of_record(at, record)).collect()
    }

    fn of_record(at: usize, record: Record) -> Result<Self, MessageError> {
        let missing = |field: &str| refused(format!("Records[{at}] has no {field}"));
        if let Some(source) = record.event_source.filter(|source| source != "aws:s3") {
            return Err(refused(format!("Records[{at}].eventSource is {source:?}, expected \"aws:s3\"")));
        }
        let name = record.event_name.ok_or_else(|| missing("eventName"))?;
        let removed = match name.strip_prefix("s3:").unwrap_or(&name) {
            name if name.starts_with("ObjectCreated:") => false,
            name if name.starts_with("ObjectRemoved:") => true,
            _ => {
                return Err(refused(format!(
                    "Records[{at}].eventName is {name:?}, expected ObjectCreated:* or ObjectRemoved:*"
                )));
            }
        };
        let s3 = record.s3.ok_or_else(|| missing("s3"))?;
        let bucket = s3.bucket.and_then(|bucket| bucket.name).ok_or_else(|| missing("s3.bucket.name"))?;
        let object = s3.object.ok_or_else(|| missing("s3.object"))?;
        let key = object.key.ok_or_else(|| missing("s3.object.key"))?;
        let key = url_decoded(&key).ok_or_else(|| {
            refused(format!("Records[{at}].s3.object.key is {key:?}, which is not UTF-8 when decoded"))
        })?;
        Ok(Self {
            source: SourceObject { bucket, key, file: object.file },
            removed,
            reprocess: object.reprocess,
            force: object.force,
            quicklook: object.quicklook,
            message_id: object.message_id,
            time: record.event_time,
        })
    }

    /// The body of a message of this one record, in the form of S3's own.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut object = Map::new();
        object.insert("key".to_owned(), url_encoded(&self.source.key).into());
        if self.reprocess {
            object.insert("reprocess".to_owned(), true.into());
        }
        if self.force {
            object.insert("force".to_owned(), true.into());
        }
        for (name, value) in
            [("quicklook", &self.quicklook), ("messageId", &self.message_id), ("file", &self.source.file)]
        {
            if let Some(value) = value {
                object.insert(name.to_owned(), value.as_str().into());
            }
        }
        let mut record = json!({
            "eventSource": "aws:s3",
            "eventName": if self.removed { "ObjectRemoved:Delete" } else { "ObjectCreated:Put" },
        });
        if let Some(time) = &self.time {
            record["eventTime"] = time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true).into();
        }
        record["s3"] = json!({ "bucket": { "name": self.source.bucket }, "object": Value::Object(object) });
        json!({ "Records": [record] }).to_string()
    }
}

fn refused(reason: String) -> MessageError {
    MessageError(reason)
}

/// What S3 leaves as it is in the keys of its events.
const ENCODED_IN_KEYS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*');

/// A key as S3 writes it in events: like a form's field, with `+` for a space.
fn url_encoded(key: &str) -> String {
    utf8_percent_encode(key, ENCODED_IN_KEYS).to_string().replace("%20", "+")
}

/// The id that all messages of a run carry: the time, then randomness. Ids grow from run to run, so that what an earlier
/// run has made is skipped; should the clock have been put back, it is only made once more.
#[must_use]
pub fn run_id(now: DateTime<Utc>, bits: u64) -> String {
    format!("run-{:012x}-{bits:016x}", now.timestamp_millis())
}

/// A key as S3 writes it in events and listings. None when it is not UTF-8.
pub(crate) fn url_decoded(key: &str) -> Option<String> {
    let key = key.replace('+', " ");
    Some(percent_decode_str(&key).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENT: &str = r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1",
        "eventTime":"2017-06-10T13:00:00.123Z","eventName":"ObjectCreated:Put","s3":{"s3SchemaVersion":"1.0",
        "bucket":{"name":"cbers-pds","arn":"arn:aws:s3:::cbers-pds"},
        "object":{"key":"CBERS4/MUX/a+b%28c%29.jpg","size":1,"eTag":"x"}}}]}"#;

    fn envelope(message: &str) -> String {
        json!({"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": message}).to_string()
    }

    #[test]
    fn an_event_is_read_bare_and_in_an_envelope_and_its_key_is_decoded() {
        let bare = SceneRecord::decode(EVENT).unwrap();
        assert_eq!(bare, SceneRecord::decode(&envelope(EVENT)).unwrap());
        assert_eq!(bare[0].source.bucket, "cbers-pds");
        assert_eq!(bare[0].source.key, "CBERS4/MUX/a b(c).jpg");
        assert!(!bare[0].removed && !bare[0].reprocess && !bare[0].force);
        assert_eq!(bare[0].time.unwrap().timestamp_subsec_millis(), 123);
    }

    #[test]
    fn several_records_of_one_message_are_all_read() {
        let mut event: Value = serde_json::from_str(EVENT).unwrap();
        let mut second = event["Records"][0].clone();
        second["eventName"] = "ObjectRemoved:Delete".into();
        event["Records"].as_array_mut().unwrap().push(second);
        let records = SceneRecord::decode(&event.to_string()).unwrap();
        assert_eq!(records.iter().map(|record| record.removed).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn the_test_event_of_s3_holds_no_records() {
        let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"b"}"#;
        assert_eq!(SceneRecord::decode(test).unwrap(), []);
        assert_eq!(SceneRecord::decode(&envelope(test)).unwrap(), []);
    }

    #[test]
    fn a_long_text_in_a_wrong_place_is_told_by_its_beginning_with_what_was_expected() {
        for name in ["Records", "Message"] {
            let body = json!({ name: ["é".repeat(5_000)], "Type": 1 }).to_string();
            let refused = SceneRecord::decode(&body).unwrap_err().to_string();
            assert!(refused.len() < 1_000, "{refused}");
            assert!(refused.contains("expected") && refused.contains("line 1 column"), "{refused}");
        }
    }

    #[test]
    fn what_is_no_event_is_refused_with_what_was_expected() {
        let long = " ".repeat(LONGEST_BODY + 1);
        let without_message = r#"{"Type":"Notification","MessageId":"1"}"#;
        let envelope_of_text = envelope("hello");
        let other_source = EVENT.replace("aws:s3\"", "aws:sqs\"");
        let other_name = EVENT.replace("ObjectCreated:Put", "ObjectRestore:Post");
        let not_utf8 = EVENT.replace("%28", "%ff");
        for (body, says) in [
            ("", "JSON"),
            ("hello", "JSON"),
            ("[]", "JSON"),
            ("{}", "no Records"),
            (r#"{"Records":[]}"#, "empty"),
            (r#"{"Records":[{}]}"#, "eventName"),
            (r#"{"Records":[{"eventName":"ObjectCreated:Put"}]}"#, "no s3"),
            (without_message, "no Message"),
            (&envelope_of_text, "Message of the SNS envelope"),
            (&other_source, "aws:sqs"),
            (&other_name, "ObjectRestore"),
            (&not_utf8, "UTF-8"),
            (&long, "bytes long"),
        ] {
            let error = SceneRecord::decode(body).unwrap_err().to_string();
            assert!(error.contains(says), "{error} does not say {says:?}");
        }
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            key in "[ -~é]{1,40}", flags in any::<[bool; 3]>(), id in proptest::option::of("[a-z0-9-]{1,12}"),
            file in proptest::option::of("/[ -~]{1,20}"),
        ) {
            let record = SceneRecord {
                source: SourceObject { bucket: "cbers-pds".into(), key, file },
                removed: flags[0], reprocess: flags[1], force: flags[2],
                quicklook: id.clone().map(|id| format!("{id}.png")), message_id: id,
                time: DateTime::from_timestamp_millis(1_500_000_000_123),
            };
            prop_assert_eq!(SceneRecord::decode(&record.encode()).unwrap(), vec![record.clone()]);
            prop_assert_eq!(SceneRecord::decode(&envelope(&record.encode())).unwrap(), vec![record]);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = SceneRecord::decode(&text);
        }
    }
}
