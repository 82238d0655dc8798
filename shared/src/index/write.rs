//! Puts and removals, each a few statements inside a transaction of the caller's.

use rusqlite::{Connection, OptionalExtension};
use xxhash_rust::xxh3::xxh3_64;

use super::Index;
use crate::local::again;
use crate::search::change::{Action, Applied, Change, Version};
use crate::search::item::CheckedItem;
use crate::search::ports::{IndexError, IndexItems};

// Which index a statement looks an item up by is said in each of them: SQLite would have to guess, and one guess in a
// hundred thousand items is that all of a collection are few.

/// Where an item or collection comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The key in the catalog, or the address.
    pub(super) source: Option<&'a str>,
    /// Whether the document is in the catalog and need not be kept.
    pub(super) in_catalog: bool,
    /// The version of the message; 0 for what is read from the catalog.
    pub(super) version: i64,
    /// The rebuild that has met it.
    pub(super) walk: i64,
}

impl IndexItems for Index {
    async fn apply(&self, changes: &[Change<'_>]) -> Vec<Result<Applied, IndexError>> {
        let result = self.write("applying changes", |connection| {
            changes.iter().map(|change| apply(connection, change)).collect::<rusqlite::Result<Vec<_>>>()
        });
        match result {
            Ok(applied) => applied.into_iter().map(Ok).collect(),
            // Nothing in a checked change can offend SQLite: what fails is the file, for all of them.
            Err(error) => changes.iter().map(|_| Err(IndexError::Port(again(&error)))).collect(),
        }
    }
}

fn apply(connection: &Connection, change: &Change<'_>) -> rusqlite::Result<Applied> {
    let Version(version) = change.version;
    let origin = Origin { source: change.source, in_catalog: false, version, walk: 0 };
    match &change.action {
        Action::PutItem(item) => {
            let newest = [
                version_of_item(connection, &item.id, &item.collection)?,
                tombstone(connection, &item.id, &item.collection)?,
                source_tombstone(connection, change.source)?,
            ];
            if newest.into_iter().flatten().any(|known| known > version) {
                return Ok(Applied::Superseded);
            }
            put_item(connection, item, origin)?;
            Ok(Applied::Written)
        }
        Action::PutCollection { id, text } => {
            let known: Option<i64> = connection
                .prepare_cached("SELECT version FROM collections WHERE id = ?1")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            if known.into_iter().chain(source_tombstone(connection, change.source)?).any(|known| known > version) {
                return Ok(Applied::Superseded);
            }
            put_collection(connection, id, Some(text), origin)?;
            Ok(Applied::Written)
        }
        Action::RemoveItem { collection, id } => {
            let newest = version_of_item(connection, id, collection)?.max(tombstone(connection, id, collection)?);
            if newest.is_some_and(|known| known > version) {
                return Ok(Applied::Superseded);
            }
            remove_item(connection, id, collection)?;
            bury_item(connection, id, collection, version)?;
            Ok(Applied::Removed)
        }
        Action::RemoveSource => {
            let Some(source) = change.source else { return Ok(Applied::Removed) };
            remove_source(connection, source, version)
        }
    }
}

/// Removes what came from a source, and remembers that it is gone: a loader that has read the object before it was
/// removed may write it later.
fn remove_source(connection: &Connection, source: &str, version: i64) -> rusqlite::Result<Applied> {
    if source_tombstone(connection, Some(source))?.is_some_and(|known| known > version) {
        return Ok(Applied::Superseded);
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO removed_sources (source, version) VALUES (?1, ?2)")?
        .execute((source, version))?;
    let rows: Vec<(String, String, i64)> = connection
        .prepare_cached(
            "SELECT i.id, c.id, i.version FROM items i INDEXED BY items_by_source JOIN collections c ON c.number = i.collection
             WHERE i.source_hash = ?1 AND i.source = ?2",
        )?
        .query_map((hash_of(source), source), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut applied = Applied::Removed;
    for (id, collection, known) in rows {
        if known > version {
            applied = Applied::Superseded;
            continue;
        }
        remove_item(connection, &id, &collection)?;
        // Not with the removal's version: the item may stand at another address, and its message come later.
        bury_item(connection, &id, &collection, known)?;
    }
    Ok(applied)
}

/// Puts an item over whatever is there. Gives whether anything had to be written.
pub(super) fn put_item(connection: &Connection, item: &CheckedItem<'_>, origin: Origin<'_>) -> rusqlite::Result<bool> {
    let collection = collection_number(connection, &item.collection)?;
    let hash = hash_of(item.text);
    let known: Option<(i64, i64, Option<String>, bool)> = connection
        .prepare_cached(
            "SELECT number, hash, source, text IS NULL FROM items INDEXED BY items_by_id
             WHERE id_hash = ?1 AND id = ?2 AND collection = ?3",
        )?
        .query_row((hash_of(&item.id), &item.id, collection), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let is_as_it_was = known.as_ref().is_some_and(|(_, same, source, in_catalog)| {
        *same == hash && source.as_deref() == origin.source && *in_catalog == origin.in_catalog
    });
    // A file of the catalog whose item is as it was holds no other.
    if let Some(source) = origin.source
        && !(is_as_it_was && origin.in_catalog)
    {
        drop_others_of(connection, source, &item.id, collection, origin.version)?;
    }
    if let (Some((number, ..)), true) = (&known, is_as_it_was) {
        connection
            .prepare_cached("UPDATE items SET version = max(version, ?2), walk = max(walk, ?3) WHERE number = ?1")?
            .execute((number, origin.version, origin.walk))?;
        return Ok(false);
    }
    let micros = |time: chrono::DateTime<chrono::Utc>| time.timestamp_micros();
    let (start, stop) = (micros(item.interval.0), micros(item.interval.1));
    let only = match item.boxes.as_slice() {
        [only] => only.map(Some),
        _ => [None; 4],
    };
    connection
        .prepare_cached(
            "INSERT INTO items (number, collection, id, version, walk, hash, datetime, start, stop, west, south, east,
                                north, source, geometry, properties, text, id_hash, source_hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, jsonb(?16), ?17, ?18, ?19)
             ON CONFLICT (number) DO UPDATE SET
                version = excluded.version, walk = max(walk, excluded.walk), hash = excluded.hash,
                datetime = excluded.datetime, start = excluded.start, stop = excluded.stop, west = excluded.west,
                south = excluded.south, east = excluded.east, north = excluded.north, source = excluded.source,
                geometry = excluded.geometry, properties = excluded.properties, text = excluded.text,
                source_hash = excluded.source_hash",
        )?
        .execute(rusqlite::params![
            known.as_ref().map(|(number, ..)| number),
            collection,
            item.id,
            origin.version,
            origin.walk,
            hash,
            micros(item.datetime),
            start,
            stop,
            only[0],
            only[1],
            only[2],
            only[3],
            origin.source,
            item.geometry,
            item.properties,
            (!origin.in_catalog).then_some(item.text),
            hash_of(&item.id),
            origin.source.map(hash_of),
        ])?;
    let number = known.as_ref().map_or_else(|| connection.last_insert_rowid(), |(number, ..)| *number);
    if known.is_some() {
        drop_boxes(connection, number)?;
    }
    let datetime = micros(item.datetime);
    let (before, after) = (datetime.saturating_sub(start), stop.saturating_sub(datetime));
    connection
        .prepare_cached(
            "UPDATE state SET before = max(before, ?1), after = max(after, ?2) WHERE before < ?1 OR after < ?2",
        )?
        .execute((before, after))?;
    let mut insert = connection.prepare_cached("INSERT INTO boxes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for (half, [west, south, east, north]) in (0..).zip(&item.boxes) {
        insert.execute((number * 2 + half, west, east, south, north, seconds(start), seconds(stop)))?;
    }
    if origin.version > 0 {
        connection
            .prepare_cached("DELETE FROM removed_items WHERE id = ?1 AND collection = ?2")?
            .execute((&item.id, &item.collection))?;
    }
    Ok(true)
}

/// Puts a collection over whatever is there. Gives whether anything had to be written.
pub(super) fn put_collection(
    connection: &Connection,
    id: &str,
    text: Option<&str>,
    origin: Origin<'_>,
) -> rusqlite::Result<bool> {
    let is_the_same: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM collections WHERE id = ?1 AND source IS ?2 AND text IS ?3)")?
        .query_row((id, origin.source, text), |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO collections (id, version, walk, source, text) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET version = max(version, excluded.version), walk = max(walk, excluded.walk),
                source = excluded.source, text = excluded.text",
        )?
        .execute((id, origin.version, origin.walk, origin.source, text))?;
    Ok(!is_the_same)
}

/// Removes an item. Gives whether it was there.
pub(super) fn remove_item(connection: &Connection, id: &str, collection: &str) -> rusqlite::Result<bool> {
    let number: Option<i64> = connection
        .prepare_cached(
            "DELETE FROM items INDEXED BY items_by_id
             WHERE id_hash = ?1 AND id = ?2 AND collection = (SELECT number FROM collections WHERE id = ?3)
             RETURNING number",
        )?
        .query_row((hash_of(id), id, collection), |row| row.get(0))
        .optional()?;
    if let Some(number) = number {
        drop_boxes(connection, number)?;
    }
    Ok(number.is_some())
}

/// Removes the items whose document is at this key or address, but for the item `id` of `collection` and those that came
/// with this version or a later one: a document may hold many items. A file of the catalog, of version 0, holds one. Gives
/// how many.
pub(super) fn drop_others_of(
    connection: &Connection,
    source: &str,
    id: &str,
    collection: i64,
    version: i64,
) -> rusqlite::Result<usize> {
    let numbers: Vec<i64> = connection
        .prepare_cached(
            "SELECT number FROM items INDEXED BY items_by_source
             WHERE source_hash = ?1 AND source = ?2 AND NOT (id = ?3 AND collection = ?4)
                AND (version < ?5 OR ?5 = 0)",
        )?
        .query_map((hash_of(source), source, id, collection, version), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for number in &numbers {
        connection.prepare_cached("DELETE FROM items WHERE number = ?1")?.execute([number])?;
        drop_boxes(connection, *number)?;
    }
    Ok(numbers.len())
}

fn drop_boxes(connection: &Connection, number: i64) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM boxes WHERE id = ?1")?;
    delete.execute([number * 2])?;
    delete.execute([number * 2 + 1])?;
    Ok(())
}

fn collection_number(connection: &Connection, id: &str) -> rusqlite::Result<i64> {
    let known = connection
        .prepare_cached("SELECT number FROM collections WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    if let Some(number) = known {
        return Ok(number);
    }
    connection.prepare_cached("INSERT INTO collections (id) VALUES (?1)")?.execute([id])?;
    Ok(connection.last_insert_rowid())
}

fn version_of_item(connection: &Connection, id: &str, collection: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT version FROM items INDEXED BY items_by_id
             WHERE id_hash = ?1 AND id = ?2 AND collection = (SELECT number FROM collections WHERE id = ?3)",
        )?
        .query_row((hash_of(id), id, collection), |row| row.get(0))
        .optional()
}

fn tombstone(connection: &Connection, id: &str, collection: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT version FROM removed_items WHERE id = ?1 AND collection = ?2")?
        .query_row((id, collection), |row| row.get(0))
        .optional()
}

fn source_tombstone(connection: &Connection, source: Option<&str>) -> rusqlite::Result<Option<i64>> {
    let Some(source) = source else { return Ok(None) };
    connection
        .prepare_cached("SELECT version FROM removed_sources WHERE source = ?1")?
        .query_row([source], |row| row.get(0))
        .optional()
}

fn bury_item(connection: &Connection, id: &str, collection: &str, version: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO removed_items (id, collection, version) VALUES (?1, ?2, ?3)")?
        .execute((id, collection, version))
        .map(drop)
}

/// What a text is looked up by. Two texts may have one, so the text is compared as well.
pub(super) fn hash_of(text: &str) -> i64 {
    xxh3_64(text.as_bytes()).cast_signed()
}

/// Microseconds as the seconds of an R*Tree, which rounds its bounds outward.
pub(super) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}
