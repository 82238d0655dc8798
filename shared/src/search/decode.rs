//! Messages about items, in every shape that is sent: from the body of a message to what it tells.
//!
//! Bare or in an envelope of SNS: an Item, a FeatureCollection, a Collection, our own Withdrawn message, `{"href"}` for
//! what is too large to be sent, an event of S3 with any number of records, S3's test event, or S3's event as
//! EventBridge has it.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::source::Source;
use crate::message::MessageError;
use crate::message::scene::LONGEST_BODY;

/// One thing that a message tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where in the message it stands, as a JSON pointer; empty when it is all of it.
    pub at: String,
    /// When it happened, as far as the message says.
    pub time: Option<DateTime<Utc>>,
    /// What orders the events of one object of S3 within a millisecond.
    pub sequencer: Option<String>,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// This document is to be found from now on: an Item, a FeatureCollection or a Collection.
    Document(String),
    /// The document at this address is new or changed.
    Written(Source),
    /// The document at this address is gone.
    Removed(Source),
    /// The item was taken out of its catalog.
    Withdrawn {
        /// The id of its collection.
        collection: String,
        /// Its id.
        id: String,
    },
}

/// The members that tell one shape from another. Anything may stand in an item beside its own members, so these are
/// read only when the shape is known.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "Message", borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(rename = "Timestamp", borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(rename = "Event", borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(rename = "Records", borrow, default)]
    records: Option<&'a RawValue>,
    #[serde(rename = "detail-type", borrow, default)]
    detail_type: Option<&'a RawValue>,
    #[serde(rename = "type", borrow, default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    href: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventSource")]
    event_source: Option<String>,
    #[serde(rename = "eventName")]
    event_name: Option<String>,
    #[serde(rename = "eventTime")]
    event_time: Option<DateTime<Utc>>,
    s3: Option<Detail>,
}

/// Bucket and object, in the words that S3 and EventBridge share.
#[derive(Deserialize)]
struct Detail {
    bucket: Option<Bucket>,
    object: Option<Object>,
}

#[derive(Deserialize)]
struct Bucket {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Object {
    key: Option<String>,
    sequencer: Option<String>,
}

#[derive(Deserialize)]
struct BridgeEvent {
    source: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: String,
    time: Option<DateTime<Utc>>,
    detail: Option<Detail>,
}

#[derive(Deserialize)]
struct Withdrawn {
    collection: Option<String>,
    id: Option<String>,
    time: Option<DateTime<Utc>>,
}

/// Reads the body of a message. S3's test event tells nothing.
///
/// # Errors
///
/// When the body is longer than [`LONGEST_BODY`], is not JSON, or has none of the shapes.
pub fn decode(body: &str) -> Result<Vec<Event>, MessageError> {
    if body.len() > LONGEST_BODY {
        return Err(refused(format!("the message is {} bytes long, expected at most {LONGEST_BODY}", body.len())));
    }
    let outer = probe(body, "the message")?;
    let Some(message) = outer.message else {
        return of_shape(body, &outer, "the message");
    };
    let message: Cow<'_, str> = inner(message, "Message of the SNS envelope")?;
    let published: Option<DateTime<Utc>> =
        outer.timestamp.map(|time| inner(time, "Timestamp of the SNS envelope")).transpose()?;
    let place = "Message of the SNS envelope";
    let mut events = of_shape(&message, &probe(&message, place)?, place)?;
    for event in &mut events {
        // A put on a topic has no other time than that of its publication; so a withdrawal must not count as earlier
        // than it was published either. An event of S3 has the time of the object's change.
        if matches!(event.what, What::Document(_) | What::Withdrawn { .. }) {
            event.time = event.time.max(published);
        } else {
            event.time = event.time.or(published);
        }
    }
    Ok(events)
}

fn of_shape(text: &str, probe: &Probe<'_>, place: &str) -> Result<Vec<Event>, MessageError> {
    let whole = |time, what| vec![Event { at: String::new(), time, sequencer: None, what }];
    if let Some(event) = probe.event
        && event.get() == "\"s3:TestEvent\""
    {
        return Ok(Vec::new());
    }
    if let Some(records) = probe.records {
        return of_records(inner(records, "Records")?);
    }
    if probe.detail_type.is_some() {
        return Ok(vec![of_bridge(parse(text, place)?)?]);
    }
    if let Some(kind) = probe.kind {
        let kind: Cow<'_, str> = inner(kind, "type")?;
        return match &*kind {
            "Feature" | "FeatureCollection" | "Collection" => {
                Ok(whole(None, What::Document(text.trim_matches(is_space).to_owned())))
            }
            "Withdrawn" => {
                let withdrawn: Withdrawn = parse(text, place)?;
                let missing = |field: &str| refused(format!("the withdrawal has no {field}"));
                let collection = withdrawn.collection.ok_or_else(|| missing("collection"))?;
                let id = withdrawn.id.ok_or_else(|| missing("id"))?;
                Ok(whole(withdrawn.time, What::Withdrawn { collection, id }))
            }
            other => Err(refused(format!(
                "type is {:?}, expected \"Feature\", \"FeatureCollection\", \"Collection\" or \"Withdrawn\"",
                shortened(other)
            ))),
        };
    }
    if let Some(href) = probe.href {
        let href: Cow<'_, str> = inner(href, "href")?;
        let source =
            Source::parse(&href).map_err(|reason| refused(format!("href is {:?}: {reason}", shortened(&href))))?;
        return Ok(whole(None, What::Written(source)));
    }
    Err(refused(format!(
        "{place} is none of: an Item, a FeatureCollection, a Collection, a withdrawal, {{\"href\"}}, an event of S3"
    )))
}

fn of_records(records: Vec<Record>) -> Result<Vec<Event>, MessageError> {
    if records.is_empty() {
        return Err(refused("the event of S3 has an empty list of Records".to_owned()));
    }
    records.into_iter().enumerate().map(|(at, record)| of_record(at, record)).collect()
}

fn of_record(at: usize, record: Record) -> Result<Event, MessageError> {
    if let Some(source) = record.event_source.filter(|source| source != "aws:s3") {
        return Err(refused(format!("Records[{at}].eventSource is {:?}, expected \"aws:s3\"", shortened(&source))));
    }
    let name = record.event_name.ok_or_else(|| refused(format!("Records[{at}] has no eventName")))?;
    let place = format!("Records[{at}].s3");
    let (bucket, key, sequencer) = object(record.s3, &place)?;
    // Like a form's field, with + for a space.
    let plain = key.replace('+', " ");
    let key = percent_decode_str(&plain)
        .decode_utf8()
        .map_err(|_| refused(format!("{place}.object.key is {key:?}, which is not UTF-8 when decoded")))?
        .into_owned();
    let source = Source::S3 { bucket, key };
    let name = name.strip_prefix("s3:").unwrap_or(&name);
    let what = if name.starts_with("ObjectCreated:") {
        What::Written(source)
    } else if name.starts_with("ObjectRemoved:") || name.starts_with("LifecycleExpiration:") {
        What::Removed(source)
    } else {
        return Err(refused(format!(
            "Records[{at}].eventName is {:?}, expected ObjectCreated:* or ObjectRemoved:*",
            shortened(name)
        )));
    };
    Ok(Event { at: format!("/Records/{at}"), time: record.event_time, sequencer, what })
}

/// An event of S3 as EventBridge has it. Its keys are not encoded.
fn of_bridge(event: BridgeEvent) -> Result<Event, MessageError> {
    if event.source.as_deref() != Some("aws.s3") {
        return Err(refused(format!(
            "source of the event is {:?}, expected \"aws.s3\"",
            shortened(&event.source.unwrap_or_default())
        )));
    }
    let (bucket, key, sequencer) = object(event.detail, "detail")?;
    let source = Source::S3 { bucket, key };
    let what = match event.detail_type.as_str() {
        "Object Created" => What::Written(source),
        "Object Deleted" => What::Removed(source),
        other => {
            return Err(refused(format!(
                "detail-type is {:?}, expected \"Object Created\" or \"Object Deleted\"",
                shortened(other)
            )));
        }
    };
    Ok(Event { at: String::new(), time: event.time, sequencer, what })
}

/// Bucket, key and sequencer.
fn object(detail: Option<Detail>, place: &str) -> Result<(String, String, Option<String>), MessageError> {
    let missing = |field: &str| refused(format!("{place} has no {field}"));
    let detail = detail.ok_or_else(|| refused(format!("{place} is missing")))?;
    let bucket = detail.bucket.and_then(|bucket| bucket.name).filter(|name| !name.is_empty());
    let object = detail.object.ok_or_else(|| missing("object"))?;
    Ok((
        bucket.ok_or_else(|| missing("bucket.name"))?,
        object.key.filter(|key| !key.is_empty()).ok_or_else(|| missing("object.key"))?,
        object.sequencer,
    ))
}

fn probe<'a>(text: &'a str, place: &str) -> Result<Probe<'a>, MessageError> {
    if !text.trim_start_matches(is_space).starts_with('{') {
        return Err(refused(format!("{place} is no JSON object")));
    }
    parse(text, place)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, place: &str) -> Result<T, MessageError> {
    serde_json::from_str(text).map_err(|error| refused(format!("{place} cannot be read: {error}")))
}

fn inner<'a, T: Deserialize<'a>>(text: &'a RawValue, place: &str) -> Result<T, MessageError> {
    parse(text.get(), place)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// What came in, cut to a readable length.
fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

fn refused(reason: String) -> MessageError {
    MessageError(reason)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const SENT: &str = "2026-03-01T12:00:05.500Z";

    fn envelope(message: &str) -> String {
        json!({"Type": "Notification", "MessageId": "1", "TopicArn": "arn", "Message": message, "Timestamp": SENT})
            .to_string()
    }

    fn event(name: &str, key: &str) -> Value {
        json!({"Records": [{
            "eventSource": "aws:s3", "eventName": name, "eventTime": "2026-03-01T12:00:00.123Z",
            "s3": {"bucket": {"name": "b"}, "object": {"key": key, "sequencer": "00A1"}}
        }]})
    }

    fn one(body: &str) -> Event {
        let mut events = decode(body).unwrap();
        assert_eq!(events.len(), 1, "{body}");
        events.remove(0)
    }

    fn s3(key: &str) -> Source {
        Source::S3 { bucket: "b".into(), key: key.into() }
    }

    #[test]
    fn documents_are_read_bare_and_in_an_envelope() {
        for document in [
            json!({"type": "Feature", "id": "a", "href": "beside", "Records": null, "properties": {"Message": "x"}}),
            json!({"type": "FeatureCollection", "features": []}),
            json!({"type": "Collection", "id": "c"}),
        ] {
            let text = document.to_string();
            let bare = one(&format!(" {text}\n"));
            assert_eq!((&bare.what, bare.time), (&What::Document(text.clone()), None));
            let enveloped = one(&envelope(&text));
            assert_eq!(enveloped.what, bare.what);
            assert_eq!(enveloped.time.unwrap().to_rfc3339(), "2026-03-01T12:00:05.500+00:00");
        }
    }

    #[test]
    fn a_withdrawal_counts_from_when_it_was_published() {
        let body = json!({"type": "Withdrawn", "collection": "c", "id": "i", "time": "2026-03-01T12:00:00Z"});
        let expected = What::Withdrawn { collection: "c".into(), id: "i".into() };
        let bare = one(&body.to_string());
        assert_eq!((&bare.what, bare.time.unwrap().timestamp()), (&expected, 1_772_366_400));
        let enveloped = one(&envelope(&body.to_string()));
        assert_eq!((&enveloped.what, enveloped.time.unwrap().timestamp()), (&expected, 1_772_366_405));
    }

    #[test]
    fn events_of_s3_are_read_and_their_keys_are_decoded() {
        let body = event("ObjectCreated:Put", "a+b/%28c%29%2B.json").to_string();
        for body in [body.clone(), envelope(&body)] {
            let event = one(&body);
            assert_eq!(event.what, What::Written(s3("a b/(c)+.json")));
            assert_eq!(event.time.unwrap().timestamp_millis(), 1_772_366_400_123);
            assert_eq!((event.at.as_str(), event.sequencer.as_deref()), ("/Records/0", Some("00A1")));
        }
        assert_eq!(one(&event("s3:ObjectRemoved:Delete", "a").to_string()).what, What::Removed(s3("a")));
    }

    #[test]
    fn several_records_are_several_events() {
        let mut body = event("ObjectCreated:Copy", "a");
        let second = event("ObjectRemoved:DeleteMarkerCreated", "b")["Records"][0].clone();
        body["Records"].as_array_mut().unwrap().push(second);
        let events = decode(&body.to_string()).unwrap();
        assert_eq!(events[0].what, What::Written(s3("a")));
        assert_eq!((&events[1].what, events[1].at.as_str()), (&What::Removed(s3("b")), "/Records/1"));
    }

    #[test]
    fn the_keys_of_eventbridge_are_taken_as_they_are() {
        let body = |kind: &str| {
            json!({"version": "0", "detail-type": kind, "source": "aws.s3", "time": "2026-03-01T12:00:00Z",
                "detail": {"bucket": {"name": "b"}, "object": {"key": "a+b%20c.json", "sequencer": "1"}}})
            .to_string()
        };
        assert_eq!(one(&body("Object Created")).what, What::Written(s3("a+b%20c.json")));
        assert_eq!(one(&envelope(&body("Object Deleted"))).what, What::Removed(s3("a+b%20c.json")));
    }

    #[test]
    fn the_test_event_of_s3_tells_nothing() {
        let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"b"}"#;
        assert_eq!(decode(test).unwrap(), []);
        assert_eq!(decode(&envelope(test)).unwrap(), []);
    }

    #[test]
    fn an_address_is_read_wherever_it_leads() {
        assert_eq!(one(r#"{"href":"s3://b/a.json"}"#).what, What::Written(s3("a.json")));
        let https = Source::Https { host: "x.example".into(), path: "/a?b".into() };
        assert_eq!(one(&envelope(r#"{"href":"https://x.example/a?b"}"#)).what, What::Written(https));
    }

    #[test]
    fn what_has_no_known_shape_is_refused_with_what_was_expected() {
        let long = " ".repeat(LONGEST_BODY + 1);
        let in_envelope = envelope("hello");
        let other_source = event("ObjectCreated:Put", "a").to_string().replace("aws:s3", "aws:sqs");
        let other_name = event("ObjectRestore:Post", "a").to_string();
        let not_utf8 = event("ObjectCreated:Put", "%ff").to_string();
        let no_key = event("ObjectCreated:Put", "").to_string();
        for (body, says) in [
            ("", "no JSON object"),
            ("hello", "no JSON object"),
            ("[]", "no JSON object"),
            ("{", "cannot be read"),
            ("{}", "none of"),
            (r#"{"type":"Catalog"}"#, "\"Catalog\""),
            (r#"{"type":7}"#, "type"),
            (r#"{"Records":[]}"#, "empty"),
            (r#"{"Records":7}"#, "Records"),
            (r#"{"Records":[{}]}"#, "eventName"),
            (r#"{"Records":[{"eventName":"ObjectCreated:Put"}]}"#, "s3 is missing"),
            (r#"{"detail-type":"Object Created","source":"aws.ec2"}"#, "aws.ec2"),
            (r#"{"detail-type":"Object Created","source":"aws.s3"}"#, "detail is missing"),
            (r#"{"type":"Withdrawn","collection":"c"}"#, "no id"),
            (r#"{"href":"file:///etc/passwd"}"#, "s3://"),
            (&in_envelope, "Message of the SNS envelope"),
            (&other_source, "aws:sqs"),
            (&other_name, "ObjectRestore"),
            (&not_utf8, "UTF-8"),
            (&no_key, "object.key"),
            (&long, "bytes long"),
        ] {
            let error = decode(body).unwrap_err().to_string();
            assert!(error.contains(says), "{error} does not say {says:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
            let _ = decode(&text);
            let _ = decode(&envelope(&text));
        }
    }
}
