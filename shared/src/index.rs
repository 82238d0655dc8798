//! The embedded search index: one SQLite file with an R*Tree, `DIR/.lazycat/index.sqlite`.
//!
//! It is derived: everything in it is in the catalog beside it, or came in messages. [`Index`] writes it and keeps the
//! promises of [`crate::search::ports::IndexItems`] and [`crate::search::rebuild::FollowCatalog`]; [`Searcher`] reads it
//! and answers a STAC API. Any number of processes may do either at once; readers never wait for writers.
//!
//! Items of the catalog beside it are not copied: the index holds what is searched by, and the address of the file. An
//! item that came in a message is kept whole.
//!
//! The `async` functions block the thread that polls them. Layout: `schema` has the tables, `write` puts and removes,
//! `follow` makes the index equal to files, `topic` follows what is published; `search` and `plan` find, `filter` turns CQL2
//! into SQL, `functions` is what SQL calls back, `token` remembers where a page ended; `inspect` is for audits.

mod file;
mod filter;
mod follow;
mod functions;
mod inspect;
mod plan;
mod schema;
mod search;
mod sql;
mod token;
mod topic;
mod write;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

pub use self::inspect::Inspector;
pub use self::search::{Limits, Searcher};
pub use self::topic::Topic;

use crate::local::{STATE_FOLDER, is_full, locks};
use crate::ports::{BoxError, PortError, PortResult};

/// The name of the file.
const NAME: &str = "index.sqlite";

/// The search index of a catalog directory, for writing. Clones share it.
#[derive(Debug, Clone)]
pub struct Index {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// The catalog directory.
    base: PathBuf,
    writer: Mutex<Connection>,
}

/// Why an index could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was written by another version of the program.
    #[error("{} has version {found}, this program knows {}; remove it and build it anew: lazycat index rebuild", path.display(), schema::VERSION)]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// It is damaged, or something else.
    #[error("{} is no usable search index: {source}; remove it and build it anew: lazycat index rebuild", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: BoxError,
    },
    /// It could not be read or written for another reason.
    #[error("opening the search index {}: {source}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: BoxError,
    },
}

impl OpenError {
    /// The failure of a port, when it was for want of room, which may be waited for; else itself.
    ///
    /// # Errors
    ///
    /// All other reasons.
    pub(crate) fn for_want_of_room(self) -> Result<PortError, Self> {
        match self {
            Self::Failed { path, source } => {
                let error = PortError::Unavailable { what: format!("opening {}", path.display()), source };
                match error {
                    full if is_full(&full) => Ok(full),
                    PortError::Unavailable { source, .. } => Err(Self::Failed { path, source }),
                    other => Err(Self::Failed { path, source: other.into() }),
                }
            }
            other => Err(other),
        }
    }
}

impl Index {
    /// Opens the index of the catalog directory `dir`, making it when there is none. A new one is not complete until a
    /// rebuild has ended: see [`Index::is_complete`].
    ///
    /// # Errors
    ///
    /// When it cannot be read or written, or is none of this version.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let base = std::path::absolute(dir)
            .map_err(|error| OpenError::Failed { path: dir.to_owned(), source: error.into() })?;
        let folder = base.join(STATE_FOLDER);
        let path = folder.join(NAME);
        let writer = open_for_writing(&folder, &path)?;
        functions::register(&writer).map_err(|error| schema::refused(&path, error))?;
        Ok(Self { shared: Arc::new(Shared { path, base, writer: Mutex::new(writer) }) })
    }

    /// Whether the catalog directory `dir` has an index, usable or not.
    #[must_use]
    pub fn is_there(dir: &Path) -> bool {
        dir.join(STATE_FOLDER).join(NAME).exists()
    }

    /// Says that the index of the catalog directory `dir`, if there is one, is not kept in step any more: it is not
    /// searched until it was rebuilt.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn leave_behind(dir: &Path) -> Result<(), OpenError> {
        let folder = dir.join(STATE_FOLDER);
        let path = folder.join(NAME);
        if !Self::is_there(dir) {
            return Ok(());
        }
        let leave = || {
            open_for_writing(&folder, &path)?
                .execute("UPDATE state SET complete = 0", [])
                .map(drop)
                .map_err(|error| schema::refused(&path, error))
        };
        leave()
    }

    /// Removes the index of the catalog directory `dir`, usable or not. Nobody may have it open.
    ///
    /// # Errors
    ///
    /// When a file of it cannot be removed.
    pub fn remove(dir: &Path) -> Result<(), OpenError> {
        let path = dir.join(STATE_FOLDER).join(NAME);
        for ending in ["-wal", "-shm", ""] {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(OpenError::Failed { path, source: error.into() });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Whether everything that is in the catalog is in the index, but for what is being told to it: a rebuild has ended
    /// since it was made.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn is_complete(&self) -> PortResult<bool> {
        let connection = self.writer();
        schema::is_complete(&connection).map_err(|error| failed(&self.shared.path, "reading", error))
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic in a transaction rolls it back; nothing is left half done.
        self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in a transaction that may write, and waits its turn for that.
    fn write<T>(&self, doing: &str, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> PortResult<T> {
        let mut connection = self.writer();
        let transact = || {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        transact().map_err(|error| failed(&self.shared.path, doing, error))
    }
}

/// Opens `path` in the state folder, one process after the other: of two that turn a new file to its journal mode at
/// once, SQLite lets one fail without waiting.
fn open_for_writing(folder: &Path, path: &Path) -> Result<Connection, OpenError> {
    let lock = || -> std::io::Result<File> {
        let locks = folder.join("locks");
        std::fs::create_dir_all(&locks)?;
        let opening = locks::lock_file(&locks.join("index"))?;
        locks::lock(&opening)?;
        Ok(opening)
    };
    // Closing the file lets go of the lock.
    let _opening = lock().map_err(|error| OpenError::Failed { path: path.to_owned(), source: error.into() })?;
    schema::open(path)
}

/// What a failure of SQLite means to the caller of a port.
fn failed(path: &Path, doing: &str, error: rusqlite::Error) -> PortError {
    let what = format!("{doing} in {}", path.display());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => PortError::Unavailable {
            what: format!("{what}, which is damaged (remove it and build it anew: lazycat index rebuild)"),
            source: error.into(),
        },
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => PortError::Denied { what, source: error.into() },
        _ => PortError::Unavailable { what, source: error.into() },
    }
}
