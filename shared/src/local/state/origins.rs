//! The origins of items: which message put each, by its id.
//!
//! A file and its row are not written at once, and the row is what allows a message to skip an item: "the bytes are
//! what I would write, and an earlier message put them, so an earlier message marks and publishes". The rule that must
//! hold whenever a process dies, and for every reader, is therefore: *a row names the message of the last rename, or
//! one whose own rename is still to come*. Either way that message has not skipped at this put; it is acknowledged only
//! after it has marked and published, or, when it comes again, because of a message earlier still.
//!
//! * The row is written before the bytes: first for a whole batch ([`State::claim`]). Then, for each file, under the
//!   lock of its folder, the row is looked at again and, if another writer has changed it, set once more
//!   ([`State::confirm`]); then the file is renamed, under the same lock. Without the second look a slow writer could
//!   leave its bytes under the id of a faster one that is done.
//! * A reader reads the bytes first and the row after them, so the row is never older than the bytes. The other way
//!   round a message could see its own bytes with the id of an earlier message, and skip what it still owes.
//! * A message without id clears the row in the same way. No row, no skip.

use rusqlite::{Connection, OptionalExtension};

use super::State;
use crate::ports::PortResult;

const FIND: &str = "SELECT message FROM items JOIN origins ON origins.id = items.origin WHERE key = ?1";

impl State {
    /// Writes the rows of a batch of puts, before the bytes of any.
    pub(in crate::local) fn claim<'a>(&self, puts: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> PortResult<()> {
        let (named, nameless): (Vec<_>, Vec<_>) = puts.partition(|(_, message)| message.is_some());
        // Mostly there is nothing to clear, and then there is nothing to wait for.
        let rows = self.origins(nameless.iter().map(|(key, _)| *key))?;
        let cleared = nameless.into_iter().zip(rows).filter(|(_, row)| row.is_some()).map(|(put, _)| put);
        let writes: Vec<_> = named.into_iter().chain(cleared).collect();
        if writes.is_empty() {
            return Ok(());
        }
        self.write("writing the origins of items", |connection| set(connection, &writes))
    }

    /// Sees to it that the row is still the put's own. Call it under the lock of the folder, before the rename.
    pub(in crate::local) fn confirm(&self, key: &str, message: Option<&str>) -> PortResult<()> {
        let own = self.read_one("reading the origin of an item", |connection| {
            let mut statement = connection.prepare_cached(FIND)?;
            let mut rows = statement.query([key])?;
            Ok(match rows.next()? {
                Some(row) => Some(row.get_ref(0)?.as_str()?) == message,
                None => message.is_none(),
            })
        })?;
        if own {
            return Ok(());
        }
        self.write("writing the origin of an item", |connection| set(connection, &[(key, message)]))
    }

    /// The ids in the rows of these keys. Call it after the bytes were read.
    pub(in crate::local) fn origins<'a>(&self, keys: impl Iterator<Item = &'a str>) -> PortResult<Vec<Option<String>>> {
        let mut keys = keys.peekable();
        if keys.peek().is_none() {
            return Ok(Vec::new());
        }
        self.read("reading the origins of items", |connection| {
            let mut statement = connection.prepare_cached(FIND)?;
            keys.map(|key| statement.query_row([key], |row| row.get(0)).optional()).collect()
        })
    }
}

/// Writes rows, the last one of a key for good.
fn set(connection: &Connection, rows: &[(&str, Option<&str>)]) -> rusqlite::Result<()> {
    let mut find = connection.prepare_cached("SELECT id FROM origins WHERE message = ?1")?;
    let mut add = connection.prepare_cached("INSERT INTO origins (message) VALUES (?1)")?;
    let mut put = connection.prepare_cached(
        "INSERT INTO items (key, origin) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET origin = excluded.origin WHERE origin <> excluded.origin",
    )?;
    let mut clear = connection.prepare_cached("DELETE FROM items WHERE key = ?1")?;
    // The messages of a run mostly share their id.
    let mut last: Option<(&str, i64)> = None;
    for (key, message) in rows {
        let Some(message) = message else {
            clear.execute([key])?;
            continue;
        };
        let origin = match last {
            Some((same, origin)) if same == *message => origin,
            _ => match find.query_row([message], |row| row.get(0)).optional()? {
                Some(origin) => origin,
                None => add.insert([message])?,
            },
        };
        last = Some((message, origin));
        put.execute((key, origin))?;
    }
    Ok(())
}
