//! The index as an audit sees it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use serde_json::Value;

use super::write::hash_of;
use super::{NAME, OpenError, failed, schema};
use crate::audit::{Held, IndexPage, Indexed, InspectIndex, ItemName};
use crate::local::STATE_FOLDER;
use crate::ports::PortResult;
use crate::search::compare::is_same_item;
use crate::search::item;

/// How many items a page holds.
const ITEMS_A_PAGE: usize = 1_000;

/// The index of a catalog directory, for an audit.
#[derive(Debug)]
pub struct Inspector {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Inspector {
    /// The index of the catalog directory `dir`; none when there is none, or when it is not kept in step: then there is
    /// nothing to compare.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is none of this version.
    pub fn open(dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = dir.join(STATE_FOLDER).join(NAME);
        let Some(connection) = schema::open_reader(&path)? else { return Ok(None) };
        let prepare = || -> rusqlite::Result<bool> {
            // What is listed in order is sorted once, into a table of this connection, on disk.
            connection.pragma_update(None, "query_only", false)?;
            connection.pragma_update(None, "temp_store", "file")?;
            connection.execute_batch(
                "CREATE TEMP TABLE listed (key TEXT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL,
                                           PRIMARY KEY (key, collection, id)) WITHOUT ROWID",
            )?;
            schema::is_complete(&connection)
        };
        let is_complete = prepare().map_err(|error| schema::refused(&path, error))?;
        Ok(is_complete.then_some(Self { path, connection: Mutex::new(connection) }))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, doing: &str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> PortResult<T> {
        work(&self.connection()).map_err(|error| failed(&self.path, doing, error))
    }
}

/// Notes all items below a prefix, as they stand now.
fn list(connection: &Connection, prefix: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM listed", [])?;
    connection
        .execute(
            "INSERT INTO listed
             SELECT i.source, c.id, i.id FROM items i JOIN collections c ON c.number = i.collection
             WHERE i.text IS NULL AND i.source IS NOT NULL AND substr(i.source, 1, length(?1)) = ?1
             ORDER BY 1, 2, 3",
            [prefix],
        )
        .map(drop)
}

impl InspectIndex for Inspector {
    const READS_CATALOG: bool = true;

    async fn indexed(&self, prefix: &str, after: Option<&str>) -> PortResult<IndexPage> {
        self.read("listing", |connection| {
            if after.is_none() {
                list(connection, prefix)?;
            }
            let mut statement = connection.prepare_cached(
                "SELECT key, collection, id FROM listed WHERE ?1 IS NULL OR key > ?1 ORDER BY key, collection, id",
            )?;
            let mut rows = statement.query([after])?;
            let mut page = IndexPage::default();
            while let Some(row) = rows.next()? {
                let name = ItemName { key: row.get(0)?, collection: row.get(1)?, id: row.get(2)? };
                // The items of one document stay together, as the next page begins behind it.
                let is_full = page.items.len() >= ITEMS_A_PAGE;
                if is_full && page.items.last().is_some_and(|last| last.name.key != name.key) {
                    page.more = true;
                    break;
                }
                page.items.push(Indexed { name, version: None });
            }
            Ok(page)
        })
    }

    async fn holds(&self, items: &[ItemName]) -> PortResult<Vec<bool>> {
        self.read("looking for items", |connection| {
            items.iter().map(|name| Ok(find(connection, name)?.is_some())).collect()
        })
    }

    fn refuses(&self, bytes: &[u8]) -> Option<String> {
        item::why_refused(bytes)
    }

    async fn compare(&self, item: &ItemName, bytes: &[u8]) -> PortResult<Held> {
        let found = self.read("looking for an item", |connection| find(connection, item))?;
        let is_same = match found {
            None => return Ok(Held::Nothing),
            // It stands in the catalog, and the index has seen it as it is now, or has not.
            Some((hash, None)) => str::from_utf8(bytes).is_ok_and(|text| hash_of(text) == hash),
            Some((_, Some(text))) => {
                let values = (serde_json::from_slice::<Value>(bytes), serde_json::from_str::<Value>(&text));
                matches!(values, (Ok(item), Ok(indexed)) if is_same_item(&item, &indexed))
            }
        };
        Ok(if is_same { Held::Same } else { Held::Different })
    }
}

/// The hash of an item's text, and the text when it is not that of the catalog.
fn find(connection: &Connection, name: &ItemName) -> rusqlite::Result<Option<(i64, Option<String>)>> {
    connection
        .prepare_cached(
            "SELECT hash, text FROM items INDEXED BY items_by_id
             WHERE id_hash = ?1 AND id = ?2 AND collection = (SELECT number FROM collections WHERE id = ?3)",
        )?
        .query_row((hash_of(&name.id), &name.id, &name.collection), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}
