//! Following the catalog: the index is made equal to the files.
//!
//! A file is read inside the transaction that writes its row, and of those there is one at a time. So whatever the order
//! in which writers publish, the last to look at a file sees its last bytes, and what the index holds of it in the end is
//! what stands there. A writer tells of every change after it was made and before its message is acknowledged; one that
//! dies in between is told again. So no clock and no version is needed here.

use rusqlite::{Connection, OptionalExtension};

use super::write::{self, Origin};
use super::{Index, file};
use crate::ports::{PortError, PortResult};
use crate::search::document::{self, Part};
use crate::search::item;
use crate::search::rebuild::{FollowCatalog, Followed};

/// How many documents are followed in one transaction: others may write in between.
const IN_ONE_TRANSACTION: usize = 256;

impl FollowCatalog for Index {
    async fn begin(&self) -> PortResult<i64> {
        self.write("beginning a rebuild", |connection| {
            connection.query_row("UPDATE state SET walk = walk + 1 RETURNING walk", [], |row| row.get(0))
        })
    }

    async fn follow(&self, keys: &[String], walk: i64) -> PortResult<Followed> {
        let mut followed = Followed::default();
        for keys in keys.chunks(IN_ONE_TRANSACTION) {
            self.follow_in_one(keys.iter().map(String::as_str), walk, &mut followed)?;
        }
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
    /// Makes the rows of these keys equal to the files, in one transaction.
    pub(super) fn follow_in_one<'a>(
        &self,
        keys: impl Iterator<Item = &'a str>,
        walk: i64,
        followed: &mut Followed,
    ) -> PortResult<()> {
        let mut unreadable = None;
        let mut done = Followed::default();
        self.write("following the catalog", |connection| {
            let mut bytes = Vec::new();
            for key in keys {
                bytes.clear();
                match self.read(key, &mut bytes) {
                    Ok(is_there) => {
                        follow_one(connection, key, is_there.then_some(bytes.as_slice()), walk, &mut done)?;
                    }
                    // What was written so far is right, and stays.
                    Err(error) => {
                        unreadable = Some(error);
                        break;
                    }
                }
            }
            Ok(())
        })?;
        followed.add(done);
        unreadable.map_or(Ok(()), Err)
    }

    /// Reads the document of a key; false when there is none.
    fn read(&self, key: &str, into: &mut Vec<u8>) -> PortResult<bool> {
        file::read(&self.shared.base, key, into)
            .map_err(|error| PortError::Unavailable { what: format!("reading {key}"), source: error.into() })
    }
}

fn follow_one(
    connection: &Connection,
    key: &str,
    bytes: Option<&[u8]>,
    walk: i64,
    done: &mut Followed,
) -> rusqlite::Result<()> {
    let origin = Origin { source: Some(key), in_catalog: true, version: 0, walk };
    let Some(bytes) = bytes else {
        done.removed += forget(connection, key)?;
        return Ok(());
    };
    let refuse = |done: &mut Followed, detail: String| -> rusqlite::Result<()> {
        done.refused.push(format!("{key}: {detail}"));
        done.removed += forget(connection, key)?;
        Ok(())
    };
    let Ok(text) = str::from_utf8(bytes) else {
        return refuse(done, "it is not UTF-8".to_owned());
    };
    match document::parts(text).as_deref() {
        Ok([Part::Collection { id, .. }]) => {
            let is_changed = write::put_collection(connection, id, None, origin)?;
            done.collections += 1;
            done.changed += u64::from(is_changed);
            Ok(())
        }
        Ok([Part::Item { at, text }]) if at.is_empty() => match item::check(text) {
            Ok(item) => {
                let is_changed = write::put_item(connection, &item, origin)?;
                done.items += 1;
                done.changed += u64::from(is_changed);
                Ok(())
            }
            Err(faults) => {
                let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
                refuse(done, told.join("; "))
            }
        },
        // A catalog under another name, or a list of items, which a static catalog does not have.
        Ok(_) => {
            done.removed += forget(connection, key)?;
            Ok(())
        }
        Err(fault) => refuse(done, fault.to_string()),
    }
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
