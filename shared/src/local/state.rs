//! The state file: dirty levels, queues, dead letters and the origins of items, in one SQLite file.
//!
//! Each call is one transaction, so the entries of a batch are accepted or refused together. The log is written
//! ahead (WAL) and nothing is flushed to the disk: what is committed survives the death of the process, not that of
//! the machine. Writing and reading go over a connection each, so that readers never wait for a writer.

mod letters;
mod marks;
mod origins;
mod queue;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior};

pub use self::letters::{DeadLetters, KeptLetter};
pub use self::queue::{Depth, LevelSender, Queue, QueueName};

use super::files::Temporaries;
use super::holder::Holder;
use super::{OpenError, Options};
use crate::ports::{PortError, PortResult};

/// The state of a catalog directory. Clones share it.
///
/// It is the table of dirty levels itself ([`crate::ports::MarkLevels`], [`crate::ports::TakeMarks`]); the queues and
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
        let failed = |source| OpenError::State {
            path: path.to_owned(),
            source,
        };
        writer
            .execute("INSERT INTO holders (name) VALUES (?1)", [holder.name()])
            .map_err(|error| failed(error.into()))?;
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
        state.clear_up().map_err(|error| failed(error.into()))?;
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

    /// Gives back what holders that are gone held: their messages are visible at once, their unfinished files are
    /// removed. Whether there was any.
    fn clear_up(&self) -> PortResult<bool> {
        let holder = &self.shared.holder;
        let known: Vec<(i64, String)> = self.read_one("reading the holders", |connection| {
            connection
                .prepare_cached("SELECT id, name FROM holders")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })?;
        let unavailable = |error: std::io::Error| PortError::Unavailable {
            what: format!("clearing up after processes that are gone, in {}", self.shared.path.display()),
            source: error.into(),
        };
        let mut gone = Vec::new();
        let mut names: Vec<&str> = known.iter().map(|(_, name)| name.as_str()).collect();
        let others = holder.others().map_err(unavailable)?;
        names.extend(others.iter().map(String::as_str));
        names.sort_unstable();
        names.dedup();
        for name in names {
            if let Some(proof) = holder.gone(name).map_err(unavailable)? {
                let id = known.iter().find(|(_, known)| known == name).map(|(id, _)| *id);
                gone.push((name, id, proof));
            }
        }
        if gone.is_empty() {
            return Ok(false);
        }
        let ids: Vec<i64> = gone.iter().filter_map(|(_, id, _)| *id).collect();
        let released = self.write("giving back messages", |connection| queue::give_back(connection, &ids))?;
        let living = |name: &str| !gone.iter().any(|(dead, _, _)| *dead == name);
        remove_unfinished(&self.shared.temporaries, living).map_err(unavailable)?;
        for (name, _, proof) in gone {
            tracing::info!(holder = name, "cleared up after a process that is gone");
            proof.forget().map_err(unavailable)?;
        }
        Ok(released > 0)
    }

    /// [`State::clear_up`] unless it was just done: it opens a file for every other holder.
    fn clear_up_sometimes(&self) -> PortResult<bool> {
        {
            let mut asked = lock(&self.shared.asked);
            if asked.elapsed() < self.shared.options.ask_for_the_gone_every {
                return Ok(false);
            }
            *asked = Instant::now();
        }
        self.clear_up()
    }

    /// Runs `work` in a transaction that may write, and waits its turn for that.
    fn write<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> PortResult<T> {
        let mut connection = lock(&self.shared.writer);
        transact(&mut connection, TransactionBehavior::Immediate, work)
            .map_err(|error| self.failed(doing, error))
    }

    /// Runs a `work` of several statements on one state of the file.
    fn read<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> PortResult<T> {
        let mut connection = lock(&self.shared.reader);
        transact(&mut connection, TransactionBehavior::Deferred, work)
            .map_err(|error| self.failed(doing, error))
    }

    /// Runs a `work` of one statement, which needs no transaction around it.
    fn read_one<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> PortResult<T> {
        work(&lock(&self.shared.reader)).map_err(|error| self.failed(doing, error))
    }

    fn failed(&self, doing: &str, error: rusqlite::Error) -> PortError {
        let what = format!("{doing} in {}", self.shared.path.display());
        match error.sqlite_error_code() {
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => PortError::Denied {
                what,
                source: error.into(),
            },
            _ => PortError::Unavailable {
                what,
                source: error.into(),
            },
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

/// The same error once more, for a further entry of the batch. Its source becomes a text.
pub(super) fn again(error: &PortError) -> PortError {
    match error {
        PortError::Denied { what, source } => PortError::Denied {
            what: what.clone(),
            source: source.to_string().into(),
        },
        PortError::Unavailable { what, source } => PortError::Unavailable {
            what: what.clone(),
            source: source.to_string().into(),
        },
        other => PortError::Unavailable {
            what: "the batch".to_owned(),
            source: other.to_string().into(),
        },
    }
}

/// Removes temporary files whose owner does not live.
fn remove_unfinished(folder: &Path, living: impl Fn(&str) -> bool) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if !living(Temporaries::owner(&name.to_string_lossy())) {
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}
