//! How far long jobs have come.

use rusqlite::{Connection, OptionalExtension as _};

use super::State;
use crate::ports::{KeepCheckpoints, PortError, PortResult};

impl State {
    /// Whether there is any document whose name starts so.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn has_checkpoints(&self, prefix: &str) -> PortResult<bool> {
        self.read_one("looking for checkpoints", |connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM checkpoints WHERE name >= ?1 AND name < ?1 || ?2)")?
                .query_row((prefix, char::MAX.to_string()), |row| row.get(0))
        })
    }
}

impl KeepCheckpoints for State {
    async fn checkpoint(&self, name: &str) -> PortResult<Option<String>> {
        self.read_one("reading a checkpoint", |connection| find(connection, name))
    }

    async fn keep(&self, name: &str, document: &str, expected: Option<&str>) -> PortResult<()> {
        let kept = self.write("keeping a checkpoint", |connection| {
            let stands = find(connection, name)?;
            if stands.as_deref() != expected && stands.as_deref() != Some(document) {
                return Ok(false);
            }
            connection
                .prepare_cached(
                    "INSERT INTO checkpoints (name, document) VALUES (?1, ?2)
                     ON CONFLICT (name) DO UPDATE SET document = excluded.document",
                )?
                .execute((name, document))?;
            Ok(true)
        })?;
        if kept { Ok(()) } else { Err(changed(name)) }
    }

    async fn forget(&self, name: &str, expected: &str) -> PortResult<()> {
        let forgotten = self.write("forgetting a checkpoint", |connection| {
            if find(connection, name)?.is_some_and(|stands| stands != expected) {
                return Ok(false);
            }
            connection.prepare_cached("DELETE FROM checkpoints WHERE name = ?1")?.execute([name])?;
            Ok(true)
        })?;
        if forgotten { Ok(()) } else { Err(changed(name)) }
    }
}

fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT document FROM checkpoints WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn changed(name: &str) -> PortError {
    PortError::Precondition { what: format!("the checkpoint {name}") }
}
