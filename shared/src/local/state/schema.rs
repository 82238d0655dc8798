//! The tables of the state file, and opening it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::super::OpenError;

/// The version of the tables below, in `PRAGMA user_version`. Raise it with every change.
pub(super) const VERSION: i64 = 2;

/// `PRAGMA application_id`: "lzct". Tells our file from any other SQLite database.
const APPLICATION: i64 = 0x6c7a_6374;

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(30);

/// More than the statements there are.
const CACHED_STATEMENTS: usize = 64;

/// Times are microseconds since 1970, UTC. `queue` is the number of a [`super::super::QueueName`].
const TABLES: &str = "
    -- The dirty levels, keys as on the wire.
    CREATE TABLE marks (
        level TEXT PRIMARY KEY,
        token TEXT NOT NULL,
        since INTEGER NOT NULL
    ) WITHOUT ROWID;

    -- visible_at: 0 when the message is visible, else when it becomes so. Being 0 and not a time of the past is what
    -- keeps the visible messages of a queue in the order of their ids in the index.
    -- holder: whose delivery this is while it is in flight.
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        queue INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        receives INTEGER NOT NULL,
        holder INTEGER,
        sent INTEGER NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX messages_by_visibility ON messages (queue, visible_at);

    -- The id of the last message. Ids are never given out again: an old receipt must fit no new message.
    CREATE TABLE last_message (id INTEGER NOT NULL);
    INSERT INTO last_message VALUES (0);

    -- The processes that have received messages, by the name of their lock.
    CREATE TABLE holders (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE
    );

    CREATE TABLE letters (
        id INTEGER PRIMARY KEY,
        queue INTEGER NOT NULL,
        message TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (queue, body)
    );

    -- Which message put an item. Messages of one run may share an id, so each id stands here once.
    CREATE TABLE origins (
        id INTEGER PRIMARY KEY,
        message TEXT NOT NULL UNIQUE
    );
    CREATE TABLE items (
        key TEXT PRIMARY KEY,
        origin INTEGER NOT NULL
    ) WITHOUT ROWID;
";

/// What version 2 has beside version 1.
const SINCE_VERSION_2: &str = "
    -- How far long jobs have come.
    CREATE TABLE checkpoints (
        name TEXT PRIMARY KEY,
        document TEXT NOT NULL
    ) WITHOUT ROWID;
";

/// Opens a connection for writing, making the tables in a new file. Call it under a lock: of two processes that make
/// the same file, one would fail.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    open_and_make(path).map_err(|problem| match problem {
        Problem::Newer(found) => OpenError::Newer { path: path.to_owned(), found, known: VERSION },
        Problem::Foreign => {
            OpenError::Corrupt { path: path.to_owned(), source: "it is a database of something else".into() }
        }
        Problem::Sqlite(error) => refused(path, error),
    })
}

/// Opens a further connection, for reading. It sees what the first has committed.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = connect(path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| refused(path, error))
}

/// Whether the error says that there is no room on the disk. The index of the log, shared between processes, is a file
/// that grows, too.
pub(super) fn says_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

/// What a failure to open the file means.
pub(super) fn refused(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::Corrupt { path, source: error.into() },
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::AuthorizationForStatementDenied) => {
            OpenError::Denied { path, source: error.into() }
        }
        _ if says_full(&error) => OpenError::Full { path, source: error.into() },
        _ => OpenError::State { path, source: error.into() },
    }
}

enum Problem {
    Newer(i64),
    Foreign,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn open_and_make(path: &Path) -> Result<Connection, Problem> {
    let mut connection = connect(path)?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = pragma("user_version")?;
    let application = pragma("application_id")?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (APPLICATION, VERSION) => {}
        (APPLICATION, newer) if newer > VERSION => return Err(Problem::Newer(newer)),
        (APPLICATION, 1) => upgrade(&mut connection, &[SINCE_VERSION_2])?,
        (0, 0) if tables == 0 => {
            // Cannot be changed inside a transaction; stays in the file.
            connection.pragma_update(None, "journal_mode", "wal")?;
            upgrade(&mut connection, &[TABLES, SINCE_VERSION_2])?;
        }
        _ => return Err(Problem::Foreign),
    }
    Ok(connection)
}

/// Makes the file one of this version, all at once.
fn upgrade(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    steps.iter().try_for_each(|step| transaction.execute_batch(step))?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // What a process has handed to the kernel outlives it. No more is promised, so nothing waits for the disk.
    connection.pragma_update(None, "synchronous", "off")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // Negative: KiB.
    connection.pragma_update(None, "cache_size", -65_536)?;
    // In pages. Moving the log into the file less often moves a page that many transactions change fewer times.
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    Ok(connection)
}
