//! The tables of the index, and opening it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::OpenError;

/// The version of the tables below, in `PRAGMA user_version`. Raise it with every change: an index is built anew, not
/// converted.
pub(super) const VERSION: i64 = 2;

/// `PRAGMA application_id`: "lzix". Tells our file from any other SQLite database.
const APPLICATION: i64 = 0x6c7a_6978;

/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(30);

/// More than the statements there are, but for those of searches.
const CACHED_STATEMENTS: usize = 64;

/// Times are microseconds since 1970, UTC, those of `boxes` seconds; degrees are degrees.
const TABLES: &str = "
    -- walk: the number of the last rebuild. complete: whether one has ended. before, after: by how much the interval of any
    -- item has ever begun before its datetime, and ended after it.
    CREATE TABLE state (
        walk INTEGER NOT NULL,
        complete INTEGER NOT NULL,
        before INTEGER NOT NULL,
        after INTEGER NOT NULL
    );
    INSERT INTO state VALUES (0, 0, 0, 0);

    -- source: the key of its document in the catalog, or the address it came from. text: the document, when it is not
    -- in the catalog. A collection that is only named by items has neither.
    CREATE TABLE collections (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        version INTEGER NOT NULL DEFAULT 0,
        walk INTEGER NOT NULL DEFAULT 0,
        source TEXT,
        text TEXT
    );

    -- source, text: as above. version: of the message that it came in, in milliseconds; 0 when it was read from the
    -- catalog. walk: the last rebuild that has met it. hash: of its text. id_hash, source_hash: what the two are looked up
    -- by, as the texts themselves would make up most of what is written.
    -- west to north: its box; none when it crosses the antimeridian. properties: as JSONB.
    CREATE TABLE items (
        number INTEGER PRIMARY KEY,
        collection INTEGER NOT NULL,
        id_hash INTEGER NOT NULL,
        source_hash INTEGER,
        version INTEGER NOT NULL,
        walk INTEGER NOT NULL,
        hash INTEGER NOT NULL,
        datetime INTEGER NOT NULL,
        start INTEGER NOT NULL,
        stop INTEGER NOT NULL,
        west REAL,
        south REAL,
        east REAL,
        north REAL,
        id TEXT NOT NULL,
        source TEXT,
        geometry TEXT NOT NULL,
        properties BLOB NOT NULL,
        text TEXT
    );
    CREATE INDEX items_by_id ON items (id_hash);
    CREATE INDEX items_by_source ON items (source_hash);
    CREATE INDEX items_by_time ON items (datetime);
    CREATE INDEX items_by_collection ON items (collection, datetime);

    -- Two for each item: number * 2 and, when it crosses the antimeridian, number * 2 + 1.
    CREATE VIRTUAL TABLE boxes USING rtree (id, west, east, south, north, start, stop);

    -- What messages have removed, so that an older message does not bring it back.
    CREATE TABLE removed_items (
        id TEXT NOT NULL,
        collection TEXT NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY (id, collection)
    ) WITHOUT ROWID;
    CREATE TABLE removed_sources (
        source TEXT PRIMARY KEY,
        version INTEGER NOT NULL
    ) WITHOUT ROWID;
";

enum Problem {
    Version(i64),
    Foreign,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Opens a connection for writing, making the tables in a new file. Call it under a lock: of two processes that make the
/// same file, one would fail.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> Result<Connection, Problem> {
        let mut connection = connect(path, flags)?;
        // What a process has handed to the kernel outlives it. No more is promised, so nothing waits for the disk.
        connection.pragma_update(None, "synchronous", "off")?;
        // In pages. Moving the log into the file less often moves a page that many transactions change fewer times.
        connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        // Negative: KiB.
        connection.pragma_update(None, "cache_size", -131_072)?;
        make(&mut connection)?;
        Ok(connection)
    };
    open().map_err(|problem| explained(path, problem))
}

/// Opens a connection for reading; none when there is no file.
pub(super) fn open_reader(path: &Path) -> Result<Option<Connection>, OpenError> {
    let open = || -> Result<Option<Connection>, Problem> {
        if !path.exists() {
            return Ok(None);
        }
        // Readers share a file with the writers, so they write there too; a read-only disk has no writers.
        let both = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let only = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connect(path, both).or_else(|_| connect(path, only))?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -16_384)?;
        match identity(&connection)? {
            (APPLICATION, VERSION, _) => Ok(Some(connection)),
            // Somebody is about to make it.
            (0, 0, 0) => Ok(None),
            (APPLICATION, other, _) => Err(Problem::Version(other)),
            _ => Err(Problem::Foreign),
        }
    };
    open().map_err(|problem| explained(path, problem))
}

pub(super) fn is_complete(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT complete FROM state")?.query_row([], |row| row.get(0))
}

/// What a failure to open the file means.
pub(super) fn refused(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            OpenError::Unusable { path, source: error.into() }
        }
        _ => OpenError::Failed { path, source: error.into() },
    }
}

fn explained(path: &Path, problem: Problem) -> OpenError {
    match problem {
        Problem::Version(found) => OpenError::Version { path: path.to_owned(), found },
        Problem::Foreign => {
            OpenError::Unusable { path: path.to_owned(), source: "it is a database of something else".into() }
        }
        Problem::Sqlite(error) => refused(path, error),
    }
}

/// Whose file it is, its version, and how many tables it has.
fn identity(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok((pragma("application_id")?, pragma("user_version")?, tables))
}

fn make(connection: &mut Connection) -> Result<(), Problem> {
    match identity(connection)? {
        (APPLICATION, VERSION, _) => return Ok(()),
        (APPLICATION, other, _) => return Err(Problem::Version(other)),
        (0, 0, 0) => {}
        _ => return Err(Problem::Foreign),
    }
    // Cannot be changed inside a transaction; stays in the file.
    connection.pragma_update(None, "journal_mode", "wal")?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}
