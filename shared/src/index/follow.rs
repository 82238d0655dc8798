//! Following the catalog: the index is made equal to the files.
//!
//! A file is read inside the transaction that writes its row, and of those there is one at a time. So whatever the order
//! in which writers publish, the last to look at a file sees its last bytes, and what the index holds of it in the end is
//! what stands there. A writer tells of every change after it was made and before its message is acknowledged; one that
//! dies in between is told again. So no clock and no version is needed here.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use rusqlite::{Connection, OptionalExtension};

use super::write::{self, Origin};
use super::{Index, file};
use crate::message::listed;
use crate::ports::{PortError, PortResult};
use crate::search::document::{self, Part};
use crate::search::item::{self, CheckedItem};
use crate::search::rebuild::{FollowCatalog, Followed};

/// How many documents are followed in one transaction at most, and how many bytes of them: others may write in between.
/// The more there are, the fewer times a page of an index is written.
const IN_ONE_TRANSACTION: usize = 4_000;
const BYTES_IN_ONE: usize = 64 * 1024 * 1024;

/// From how many documents on threads read ahead of the one that writes.
const WORTH_THREADS: usize = 32;

/// How many threads read ahead. Reading and checking a document takes longer than writing its row, not twice as long.
const READERS: usize = 2;

/// How many documents are read ahead of what is written.
const AHEAD: usize = 64;

impl FollowCatalog for Index {
    async fn begin(&self) -> PortResult<i64> {
        self.write("beginning a rebuild", |connection| {
            connection.query_row("UPDATE state SET walk = walk + 1 RETURNING walk", [], |row| row.get(0))
        })
    }

    async fn follow(&self, keys: &[String], walk: i64) -> PortResult<Followed> {
        let mut followed = Followed::default();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.follow_keys(&keys, walk, &mut followed)?;
        Ok(followed)
    }

    async fn not_met(&self, walk: i64, most: usize) -> PortResult<Vec<String>> {
        self.write("looking for what is left", |connection| {
            connection
                .prepare_cached(
                    "SELECT source FROM items WHERE walk < ?1 AND text IS NULL
                     UNION ALL SELECT source FROM collections
                     WHERE walk < ?1 AND text IS NULL AND source IS NOT NULL
                     LIMIT ?2",
                )?
                .query_map((walk, i64::try_from(most).unwrap_or(i64::MAX)), |row| row.get(0))?
                .collect()
        })
    }

    async fn end(&self, walk: i64) -> PortResult<()> {
        self.write("ending a rebuild", |connection| {
            connection.execute("UPDATE state SET complete = 1 WHERE walk >= ?1", [walk])?;
            // Better plans, from how many items there are of what.
            connection.execute_batch("PRAGMA analysis_limit = 1000; ANALYZE items; ANALYZE collections;")
        })
    }
}

impl Index {
    /// Makes the rows of these keys equal to the files.
    pub(super) fn follow_keys(&self, keys: &[&str], walk: i64, followed: &mut Followed) -> PortResult<()> {
        let mut left = keys;
        while !left.is_empty() {
            let some = &left[..left.len().min(IN_ONE_TRANSACTION)];
            left = &left[self.follow_in_one(some, walk, followed)?..];
        }
        Ok(())
    }

    /// Makes the rows of the first of these keys, one at least, equal to the files, in one transaction. Gives how many.
    fn follow_in_one(&self, keys: &[&str], walk: i64, followed: &mut Followed) -> PortResult<usize> {
        let base = &self.shared.base;
        let texts: Vec<OnceLock<Vec<u8>>> = keys.iter().map(|_| OnceLock::new()).collect();
        let (next, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        // Whoever asks takes the next one: those that were taken are always the first.
        let document = || {
            if bytes.load(Ordering::Relaxed) >= BYTES_IN_ONE {
                return None;
            }
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (key, text) = (*keys.get(at)?, &texts[at]);
            let seen = look(base, key, text);
            bytes.fetch_add(text.get().map_or(0, Vec::len), Ordering::Relaxed);
            Some((key, seen))
        };
        let mut unreadable = None;
        let mut done = Followed::default();
        self.write("following the catalog", |connection| {
            let mut put_all = |documents: &mut dyn Iterator<Item = (&str, PortResult<Seen<'_>>)>| {
                for (key, seen) in documents {
                    match seen {
                        Ok(seen) => follow_one(connection, key, seen, walk, &mut done)?,
                        // What was written so far is right, and stays.
                        Err(error) => {
                            unreadable = Some(error);
                            break;
                        }
                    }
                }
                Ok(())
            };
            if keys.len() < WORTH_THREADS {
                return put_all(&mut std::iter::from_fn(document));
            }
            // Some threads read and understand, this one writes.
            std::thread::scope(|scope| {
                let (send, seen) = sync_channel(AHEAD);
                for _ in 0..READERS {
                    let send = send.clone();
                    scope.spawn(move || {
                        for document in std::iter::from_fn(document) {
                            // Nobody wants more when a write has failed.
                            if send.send(document).is_err() {
                                break;
                            }
                        }
                    });
                }
                drop(send);
                put_all(&mut seen.into_iter())
            })
        })?;
        followed.add(done);
        unreadable.map_or(Ok(next.into_inner().min(keys.len())), Err)
    }
}

/// What stands under a key.
enum Seen<'a> {
    Nothing,
    Collection(Cow<'a, str>),
    Item(CheckedItem<'a>),
    /// A catalog under another name, or a list of items, which a static catalog does not have.
    Other,
    /// It cannot be searched for, and why.
    Refused(String),
}

/// Reads the document of a key into `text`, and understands it.
fn look<'a>(base: &Path, key: &str, text: &'a OnceLock<Vec<u8>>) -> PortResult<Seen<'a>> {
    let mut bytes = Vec::new();
    let is_there = file::read(base, key, &mut bytes)
        .map_err(|error| PortError::Unavailable { what: format!("reading {key}"), source: error.into() })?;
    if !is_there {
        return Ok(Seen::Nothing);
    }
    let Ok(text) = str::from_utf8(text.get_or_init(|| bytes)) else {
        return Ok(Seen::Refused("it is not UTF-8".to_owned()));
    };
    let parts = match document::parts(text) {
        Ok(parts) => parts,
        Err(fault) => return Ok(Seen::Refused(fault.to_string())),
    };
    Ok(match <[Part<'a>; 1]>::try_from(parts) {
        Ok([Part::Collection { id, .. }]) => Seen::Collection(id),
        Ok([Part::Item { at, text }]) if at.is_empty() => match item::check(text) {
            Ok(item) => Seen::Item(item),
            Err(faults) => Seen::Refused(listed(&faults)),
        },
        _ => Seen::Other,
    })
}

fn follow_one(
    connection: &Connection,
    key: &str,
    seen: Seen<'_>,
    walk: i64,
    done: &mut Followed,
) -> rusqlite::Result<()> {
    let origin = Origin { source: Some(key), in_catalog: true, version: 0, walk };
    match seen {
        Seen::Collection(id) => {
            let is_changed = write::put_collection(connection, &id, None, origin)?;
            done.collections += 1;
            done.changed += u64::from(is_changed);
            return Ok(());
        }
        Seen::Item(item) => {
            let is_changed = write::put_item(connection, &item, origin)?;
            done.items += 1;
            done.changed += u64::from(is_changed);
            return Ok(());
        }
        Seen::Refused(detail) => done.refused.push(format!("{key}: {detail}")),
        Seen::Nothing | Seen::Other => {}
    }
    done.removed += forget(connection, key)?;
    Ok(())
}

/// Removes whatever came from this key; gives how much that was. A collection keeps its number while it has items.
fn forget(connection: &Connection, key: &str) -> rusqlite::Result<u64> {
    let items = write::drop_others_of(connection, key, "", 0, 0)?;
    let collection: Option<i64> = connection
        .prepare_cached("SELECT number FROM collections WHERE source = ?1 AND text IS NULL")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    if let Some(number) = collection {
        connection.prepare_cached("UPDATE collections SET source = NULL WHERE number = ?1")?.execute([number])?;
    }
    Ok(items as u64 + u64::from(collection.is_some()))
}
