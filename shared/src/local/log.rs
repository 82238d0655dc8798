//! The log of items: what leaves the catalog, one JSON object a line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::files::failed;
use super::locks;
use super::state::again;
use crate::message::{Audience, ItemEvent, ItemMessage};
use crate::ports::{PortError, PortResult, PublishItems};

/// The name of the log; the older part of it.
const NAME: &str = "items.ndjson";
const OLD_NAME: &str = "items.1.ndjson";

/// The item topics of a catalog directory: messages are appended to `.lazycat/items.ndjson`. Clones share it.
///
/// A log that has grown past its bound becomes `items.1.ndjson`, in place of the one before. A line may be there
/// twice, as a message may; the last line may be cut short when a process died in the middle of it, and is followed
/// by a line feed all the same.
#[derive(Debug, Clone)]
pub struct ItemLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    old: PathBuf,
    /// Past this size, in bytes, a new log is begun.
    bound: u64,
    /// Excludes the other processes, and inside the mutex the other threads.
    lock: Mutex<File>,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    event: &'static str,
    audience: &'static str,
    key: &'a str,
    collection: Option<&'a str>,
    id: &'a str,
    /// When the item was acquired. Of a put only.
    #[serde(skip_serializing_if = "Option::is_none")]
    datetime: Option<DateTime<Utc>>,
    /// West, south, east, north in degrees. Of a put only.
    #[serde(skip_serializing_if = "Option::is_none")]
    bbox: Option<[f64; 4]>,
    /// When the event happened. Of a withdrawal only.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<DateTime<Utc>>,
}

impl<'a> Line<'a> {
    fn new(message: &'a ItemMessage) -> Self {
        let audience = match message.audience {
            Audience::Public => "public",
            Audience::Internal => "internal",
        };
        match &message.event {
            ItemEvent::Put(item) => Self {
                event: "put",
                audience,
                key: &message.key,
                collection: item.collection(),
                id: item.id(),
                datetime: item.datetime(),
                bbox: item.bbox(),
                time: None,
            },
            ItemEvent::Withdrawn { collection, id, time } => Self {
                event: "withdrawn",
                audience,
                key: &message.key,
                collection: Some(collection),
                id,
                datetime: None,
                bbox: None,
                time: Some(*time),
            },
        }
    }
}

impl ItemLog {
    pub(super) fn open(folder: &Path, lock: &Path, bound: u64) -> io::Result<Self> {
        Ok(Self {
            shared: Arc::new(Shared {
                path: folder.join(NAME),
                old: folder.join(OLD_NAME),
                bound,
                lock: Mutex::new(locks::lock_file(lock)?),
            }),
        })
    }

    /// Where the log is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let lock = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        locks::lock(&lock)?;
        let result = self.append_locked(lines);
        lock.unlock()?;
        result
    }

    fn append_locked(&self, lines: &[u8]) -> io::Result<()> {
        // Opened anew each time, since another process may have begun a new log.
        let mut log = open(&self.shared.path)?;
        let mut size = log.metadata()?.len();
        if size >= self.shared.bound {
            fs::rename(&self.shared.path, &self.shared.old)?;
            log = open(&self.shared.path)?;
            size = 0;
        }
        let written = if ends_inside_a_line(&mut log, size)? {
            log.write_all(&[b"\n", lines].concat())
        } else {
            log.write_all(lines)
        };
        if written.is_err() {
            // The disk is full, say. No line of a batch that failed is left.
            log.set_len(size)?;
        }
        written
    }
}

impl PublishItems for ItemLog {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        let mut lines = Vec::with_capacity(messages.len() * 256);
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            let start = lines.len();
            let written = serde_json::to_writer(&mut lines, &Line::new(message));
            if written.is_ok() {
                lines.push(b'\n');
            } else {
                lines.truncate(start);
            }
            results.push(written.map_err(|error| PortError::Unavailable {
                what: format!("writing a line about {}", message.key),
                source: error.into(),
            }));
        }
        if lines.is_empty() {
            return results;
        }
        if let Err(error) = self.append(&lines) {
            let error = failed("appending to", &self.shared.path, error);
            for result in &mut results {
                *result = Err(again(&error));
            }
        }
        results
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).open(path)
}

/// Whether the last line was cut short: its writer died.
fn ends_inside_a_line(log: &mut File, size: u64) -> io::Result<bool> {
    if size == 0 {
        return Ok(false);
    }
    let mut last = [0];
    log.seek(SeekFrom::Start(size - 1))?;
    log.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use serde_json::{Value, json};

    fn put(id: &str) -> ItemMessage {
        let mut item = stac::Item::new(id);
        item.collection = Some("CBERS4-MUX".to_owned());
        item.properties.datetime = Some("2017-06-18T14:00:00Z".parse().unwrap());
        item.bbox = Some(stac::Bbox::TwoDimensional([-1.0, -2.0, 3.0, 4.0]));
        let event = ItemEvent::Put(Box::new((&item).into()));
        ItemMessage { key: format!("a/{id}.json"), audience: Audience::Public, event }
    }

    fn withdrawn(id: &str) -> ItemMessage {
        ItemMessage {
            key: format!("a/{id}.json"),
            audience: Audience::Internal,
            event: ItemEvent::Withdrawn {
                collection: "CBERS4-MUX".to_owned(),
                id: id.to_owned(),
                time: "2026-01-02T03:04:05Z".parse().unwrap(),
            },
        }
    }

    fn log(folder: &Path, bound: u64) -> ItemLog {
        ItemLog::open(folder, &folder.join("lock"), bound).unwrap()
    }

    fn lines(path: &Path) -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or(Value::Null)).collect()
    }

    #[test]
    fn each_message_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), u64::MAX);
        assert!(block_on(log.publish(&[put("one"), withdrawn("two")])).iter().all(Result::is_ok));
        assert_eq!(
            lines(log.path()),
            [
                json!({
                    "event": "put", "audience": "public", "key": "a/one.json", "collection": "CBERS4-MUX",
                    "id": "one", "datetime": "2017-06-18T14:00:00Z", "bbox": [-1.0, -2.0, 3.0, 4.0],
                }),
                json!({
                    "event": "withdrawn", "audience": "internal", "key": "a/two.json", "collection": "CBERS4-MUX",
                    "id": "two", "time": "2026-01-02T03:04:05Z",
                }),
            ]
        );
    }

    #[test]
    fn a_log_past_its_bound_is_put_aside_by_whichever_process_comes_next() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (log(folder.path(), 1), log(folder.path(), 1));
        for (writer, id) in [(&one, "1"), (&two, "2"), (&one, "3")] {
            assert!(block_on(writer.publish(&[put(id)]))[0].is_ok());
        }
        assert_eq!(lines(one.path())[0]["id"], "3");
        assert_eq!(lines(&folder.path().join(OLD_NAME))[0]["id"], "2");
    }

    #[test]
    fn a_line_that_was_cut_short_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), u64::MAX);
        fs::write(log.path(), r#"{"event":"pu"#).unwrap();
        assert!(block_on(log.publish(&[put("one")]))[0].is_ok());
        assert_eq!(lines(log.path())[0], Value::Null);
        assert_eq!(lines(log.path())[1]["id"], "one");
    }
}
