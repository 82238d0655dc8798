//! The state file: dirty levels, queues, dead letters and the origins of items, in one SQLite file.
//!
//! Each call is one transaction, so the entries of a batch are accepted or refused together. The log is written
//! ahead (WAL) and nothing is flushed to the disk: what is committed survives the death of the process, not that of
//! the machine. Writing and reading go over a connection each, so that readers never wait for a writer.

mod gone;
mod letters;
mod marks;
mod origins;
mod queue;
mod schema;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior};

pub use self::letters::{DeadLetters, KeptLetter, LetterReader};
pub use self::queue::{Depth, LevelSender, Queue, QueueName};

use super::holder::Holder;
use super::{OpenError, Options, files};
use crate::ports::{PortError, PortResult};

/// The state of a catalog directory. Clones share it.
///
/// It is the table of dirty levels itself ([`crate::ports::MarkLevels`], [`crate::ports::ReadMarks`], [`crate::ports::RemoveMarks`]); the queues and
/// their dead letters are handles of their own.
#[derive(Debug, Clone)]
pub struct State {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    temporaries: PathBuf,
    options: Options,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    holder: Arc<Holder>,
    /// The holder's number in its table.
    holder_id: i64,
    /// When it was last asked whether other holders are gone.
    asked: Mutex<Instant>,
}

impl State {
    /// Opens the file and gives back the messages of holders that are gone. Call it under the opening lock.
    pub(super) fn open(
        path: &Path,
        temporaries: &Path,
        holder: Arc<Holder>,
        options: Options,
    ) -> Result<Self, OpenError> {
        let writer = schema::open(path)?;
        let reader = schema::open_reader(path)?;
        writer
            .execute("INSERT INTO holders (name) VALUES (?1)", [holder.name()])
            .map_err(|error| schema::refused(path, error))?;
        let holder_id = writer.last_insert_rowid();
        let state = Self {
            shared: Arc::new(Shared {
                path: path.to_owned(),
                temporaries: temporaries.to_owned(),
                options,
                writer: Mutex::new(writer),
                reader: Mutex::new(reader),
                holder,
                holder_id,
                asked: Mutex::new(Instant::now()),
            }),
        };
        state.clear_up().map_err(|error| match is_full(&error) {
            true => OpenError::Full { path: path.to_owned(), source: error.into() },
            false => OpenError::State { path: path.to_owned(), source: error.into() },
        })?;
        Ok(state)
    }

    /// Whether nothing is left to do: no mark, and no message in any queue, be it visible, delayed or in flight.
    /// Dead letters do not count.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn quiet(&self) -> PortResult<bool> {
        self.read_one("asking for work", |connection| {
            connection
                .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM marks) AND NOT EXISTS (SELECT 1 FROM messages)")?
                .query_row([], |row| row.get(0))
        })
    }

    /// Runs `work` in a transaction that may write, and waits its turn for that.
    fn write<T>(&self, doing: &str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> PortResult<T> {
        let mut connection = lock(&self.shared.writer);
        transact(&mut connection, TransactionBehavior::Immediate, work).map_err(|error| self.failed(doing, error))
    }

    /// Runs a `work` of several statements on one state of the file.
    fn read<T>(&self, doing: &str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> PortResult<T> {
        let mut connection = lock(&self.shared.reader);
        transact(&mut connection, TransactionBehavior::Deferred, work).map_err(|error| self.failed(doing, error))
    }

    /// Runs a `work` of one statement, which needs no transaction around it.
    fn read_one<T>(&self, doing: &str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> PortResult<T> {
        work(&lock(&self.shared.reader)).map_err(|error| self.failed(doing, error))
    }

    fn failed(&self, doing: &str, error: rusqlite::Error) -> PortError {
        let what = format!("{doing} in {}", self.shared.path.display());
        match error.sqlite_error_code() {
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => PortError::Denied { what, source: error.into() },
            _ => PortError::Unavailable { what, source: error.into() },
        }
    }

    /// Now, in microseconds.
    fn now(&self) -> i64 {
        self.shared.options.now.get().timestamp_micros()
    }
}

fn transact<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in a transaction rolls it back; nothing is left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time from the file. The file holds nothing that is none.
fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// A column that counts something.
fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// The answer for each entry of a batch that succeeds or fails as one.
fn each(count: usize, result: PortResult<()>) -> Vec<PortResult<()>> {
    match result {
        Ok(()) => (0..count).map(|_| Ok(())).collect(),
        Err(error) => (0..count).map(|_| Err(again(&error))).collect(),
    }
}

/// Whether the error says that there is no room on the disk. Nothing but room helps, so that a caller had better wait
/// for it than count its attempts.
#[must_use]
pub fn is_full(error: &PortError) -> bool {
    let PortError::Unavailable { source, .. } = error else { return false };
    if let Some(error) = source.downcast_ref::<io::Error>() {
        return files::says_full(error);
    }
    source.downcast_ref::<rusqlite::Error>().is_some_and(schema::says_full)
}

/// The same error once more, for a further entry of the batch. Its source becomes a text.
pub(super) fn again(error: &PortError) -> PortError {
    match error {
        PortError::Unavailable { what, source } if is_full(error) => PortError::Unavailable {
            what: what.clone(),
            source: io::Error::new(ErrorKind::StorageFull, source.to_string()).into(),
        },
        PortError::Denied { what, source } => {
            PortError::Denied { what: what.clone(), source: source.to_string().into() }
        }
        PortError::Unavailable { what, source } => {
            PortError::Unavailable { what: what.clone(), source: source.to_string().into() }
        }
        other => PortError::Unavailable { what: "the batch".to_owned(), source: other.to_string().into() },
    }
}
