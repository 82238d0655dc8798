//! What stands in queues: S3 events, SNS envelopes, levels.

use std::fs;
use std::sync::LazyLock;

use bolero::{TypeGenerator, check};
use chrono::{DateTime, Utc};
use lazycat::level::Level;
use lazycat::message::{LevelMessage, SceneRecord};
use lazycat::ports::SourceObject;
use lazycat::scene::SourceKey;
use lazycat_tests::goldens::fixtures;
use serde_json::{Value, json};

use crate::bounds::bounded;
use crate::json::{Edit, edited};

/// The sample messages, as JSON.
static SAMPLES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let files = fs::read_dir(fixtures("events")).unwrap();
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
});

/// Reads a body as every kind of message. What is read must be read again from what is written of it.
fn read(body: &str) {
    match bounded(body.len(), || SceneRecord::decode(body)) {
        Ok(records) => {
            for record in records {
                let written = record.encode();
                assert_eq!(SceneRecord::decode(&written).unwrap(), std::slice::from_ref(&record), "{written}");
                // What is done with a record next.
                let _ = SourceKey::parse(&record.source.key);
            }
        }
        Err(refused) => must_be_short(&refused.to_string()),
    }
    match bounded(body.len(), || LevelMessage::decode(body)) {
        Ok(message) => assert_eq!(LevelMessage::decode(&message.encode()).unwrap(), message),
        Err(refused) => must_be_short(&refused.to_string()),
    }
}

fn must_be_short(told: &str) {
    assert!((1..2_000).contains(&told.len()), "{} bytes are no error to read: {told}", told.len());
}

#[test]
fn any_text_is_a_message_that_can_be_written_again_or_refused() {
    check!().with_iterations(5_000).for_each(|bytes: &[u8]| read(&String::from_utf8_lossy(bytes)));
}

#[derive(Debug, TypeGenerator)]
struct Strange {
    sample: u8,
    #[generator(bolero::produce::<Vec<Edit>>().with().len(1_usize..5))]
    edits: Vec<Edit>,
}

#[test]
fn a_message_made_strange_can_be_written_again_or_is_refused() {
    check!().with_type::<Strange>().with_iterations(5_000).for_each(|strange| {
        read(&edited(&SAMPLES[usize::from(strange.sample) % SAMPLES.len()], &strange.edits));
    });
}

#[derive(Debug, TypeGenerator)]
struct Record {
    bucket: String,
    key: String,
    file: Option<String>,
    flags: [bool; 3],
    quicklook: Option<String>,
    message_id: Option<String>,
    time: Option<(i64, u32)>,
}

/// A time within the years that RFC 3339 writes, 0 to 9999.
fn instant((seconds, nanoseconds): (i64, u32)) -> DateTime<Utc> {
    const FIRST: i64 = -62_167_219_200;
    const AFTER_THE_LAST: i64 = 253_402_300_800;
    let seconds = seconds.rem_euclid(AFTER_THE_LAST - FIRST) + FIRST;
    DateTime::from_timestamp(seconds, nanoseconds % 1_000_000_000).unwrap()
}

#[test]
fn a_record_of_any_texts_is_read_as_it_was_written() {
    check!().with_type::<Record>().with_iterations(5_000).for_each(|record| {
        let [removed, reprocess, force] = record.flags;
        let record = SceneRecord {
            source: SourceObject { bucket: record.bucket.clone(), key: record.key.clone(), file: record.file.clone() },
            removed,
            reprocess,
            force,
            quicklook: record.quicklook.clone(),
            message_id: record.message_id.clone(),
            time: record.time.map(instant),
        };
        let body = record.encode();
        let envelope = json!({ "Type": "Notification", "Message": body }).to_string();
        for body in [body, envelope] {
            assert_eq!(SceneRecord::decode(&body).unwrap(), std::slice::from_ref(&record));
        }
    });
}

#[test]
fn a_level_of_any_name_is_read_as_it_was_written() {
    check!().with_type::<(String, (i64, u32))>().with_iterations(5_000).for_each(|(key, time)| {
        if let Ok(level) = Level::parse(key) {
            let message = LevelMessage { level, since: instant(*time) };
            assert_eq!(LevelMessage::decode(&message.encode()).unwrap(), message);
        }
    });
}
