//! Searching: the index as a STAC API sees it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params_from_iter};
use serde_json::value::RawValue;

use super::plan::{self, COLUMNS, Failure, plan};
use super::write::hash_of;
use super::{NAME, failed, file, functions, schema, token};
use crate::local::STATE_FOLDER;
use crate::ports::{BoxError, PortError};
use crate::search::ports::{Found, FoundCollection, FoundItem, SearchError, SearchItems};
use crate::search::query::Query;

/// How many connections wait for the next search.
const KEPT: usize = 8;

/// How often SQLite asks whether a search has taken too long, in steps of its machine.
const STEPS: i32 = 10_000;

/// How many items tell which properties there are.
const SAMPLE: i64 = 200;

/// What makes an index.
const HINT: &str = "make one with `lazycat run`, or with `lazycat index rebuild`";

/// What a search may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long it may take.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(10) }
    }
}

/// A document, and its key in the catalog beside the index when it stands there.
type Document = (Box<RawValue>, Option<String>);

/// The index of a catalog directory, for reading. It need not be there yet. Clones share connections.
#[derive(Debug, Clone)]
pub struct Searcher {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    base: PathBuf,
    limits: Limits,
    idle: Mutex<Vec<Connection>>,
}

impl Searcher {
    /// The index of the catalog directory `dir`.
    #[must_use]
    pub fn new(dir: &Path, limits: Limits) -> Self {
        let path = dir.join(STATE_FOLDER).join(NAME);
        Self { shared: Arc::new(Shared { path, base: dir.to_owned(), limits, idle: Mutex::default() }) }
    }

    /// Runs `work` on a connection, within the time that a search has.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, SearchError> {
        let no_index = || SearchError::NoIndex { hint: HINT.to_owned() };
        let idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.open()?.ok_or_else(no_index)?,
        };
        let deadline = Instant::now() + self.shared.limits.time;
        let is_late = move || Instant::now() > deadline;
        let run = |connection: &mut Connection| -> Result<Option<T>, Failure> {
            connection.progress_handler(STEPS, Some(is_late))?;
            // One state of the file for all statements.
            let transaction = connection.transaction()?;
            if !schema::is_complete(&transaction)? {
                return Ok(None);
            }
            work(&transaction).map(Some)
        };
        match run(&mut connection) {
            Ok(done) => {
                self.keep(connection);
                done.ok_or_else(no_index)
            }
            Err(Failure::Search(error)) => {
                self.keep(connection);
                Err(error)
            }
            Err(Failure::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                Err(SearchError::TooSlow { seconds: self.shared.limits.time.as_secs() })
            }
            // The connection is not used again: the file may have been replaced.
            Err(Failure::Sqlite(error)) => Err(failed(&self.shared.path, "searching", error).into()),
        }
    }

    fn open(&self) -> Result<Option<Connection>, SearchError> {
        let path = &self.shared.path;
        let unavailable = |source| PortError::Unavailable { what: "the search index".to_owned(), source };
        let Some(connection) = schema::open_reader(path).map_err(|error| unavailable(error.into()))? else {
            return Ok(None);
        };
        functions::register(&connection).map_err(|error| unavailable(error.into()))?;
        Ok(Some(connection))
    }

    fn keep(&self, connection: Connection) {
        // A file that was removed, to be built anew, lives on for those who have it open.
        if !self.shared.path.exists() {
            return;
        }
        let mut idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }

    /// The document of a row: the one that was kept, or the file; none when the file has gone in the meantime.
    fn document(&self, source: Option<String>, text: Option<String>) -> Result<Option<Document>, SearchError> {
        let what = || source.clone().unwrap_or_else(|| "an item".to_owned());
        let parsed = |text: String| {
            RawValue::from_string(text).map_err(|error| PortError::Unavailable { what: what(), source: error.into() })
        };
        if let Some(text) = text {
            return Ok(Some((parsed(text)?, None)));
        }
        let Some(key) = &source else { return Ok(None) };
        let failed = |error: BoxError| PortError::Unavailable { what: what(), source: error };
        let mut bytes = Vec::new();
        if !file::read(&self.shared.base, key, &mut bytes).map_err(|error| failed(error.into()))? {
            return Ok(None);
        }
        let text = String::from_utf8(bytes).map_err(|error| failed(error.into()))?;
        Ok(Some((parsed(text)?, Some(key.clone()))))
    }

    fn found(&self, row: FoundRow) -> Result<Option<FoundItem>, SearchError> {
        let FoundRow { collection, id, source, text } = row;
        let document = self.document(source, text)?;
        Ok(document.map(|(text, key)| FoundItem { collection, id, text, key }))
    }

    fn found_collection(&self, row: FoundRow) -> Result<Option<FoundCollection>, SearchError> {
        let FoundRow { id, source, text, .. } = row;
        let document = self.document(source, text)?;
        Ok(document.map(|(text, key)| FoundCollection { id, text, key }))
    }
}

/// The columns that every search has.
struct FoundRow {
    collection: String,
    id: String,
    source: Option<String>,
    text: Option<String>,
}

fn found_row(row: &Row<'_>) -> rusqlite::Result<FoundRow> {
    Ok(FoundRow { collection: row.get(0)?, id: row.get(1)?, source: row.get(2)?, text: row.get(3)? })
}

impl SearchItems for Searcher {
    async fn ready(&self) -> Result<(), SearchError> {
        self.read(|_| Ok(()))
    }

    async fn search(&self, query: &Query) -> Result<Found, SearchError> {
        let (rows, next) = self.read(|connection| rows(connection, query))?;
        let mut found = Found { items: Vec::with_capacity(rows.len()), next, matched: None };
        for row in rows {
            found.items.extend(self.found(row)?);
        }
        Ok(found)
    }

    async fn item(&self, collection: &str, id: &str) -> Result<Option<FoundItem>, SearchError> {
        let row = self.read(|connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT c.id, i.id, i.source, i.text FROM items i INDEXED BY items_by_id
                     JOIN collections c ON c.number = i.collection
                     WHERE i.id_hash = ?1 AND i.id = ?2 AND c.id = ?3",
                )?
                .query_row((hash_of(id), id, collection), found_row)
                .optional()?)
        })?;
        row.map_or(Ok(None), |row| self.found(row))
    }

    async fn collections(&self, after: Option<&str>, most: usize) -> Result<Vec<FoundCollection>, SearchError> {
        let rows = self.read(|connection| {
            let rows = connection
                .prepare_cached(
                    "SELECT id, id, source, text FROM collections
                     WHERE (?1 IS NULL OR id > ?1) AND (source IS NOT NULL OR text IS NOT NULL) ORDER BY id LIMIT ?2",
                )?
                .query_map((after, i64::try_from(most).unwrap_or(i64::MAX)), found_row)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(rows)
        })?;
        rows.into_iter().filter_map(|row| self.found_collection(row).transpose()).collect()
    }

    async fn collection(&self, id: &str) -> Result<Option<FoundCollection>, SearchError> {
        let row = self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT id, id, source, text FROM collections WHERE id = ?1")?
                .query_row([id], found_row)
                .optional()?)
        })?;
        row.map_or(Ok(None), |row| self.found_collection(row))
    }

    async fn properties(&self, collection: Option<&str>) -> Result<Vec<(String, &'static str)>, SearchError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, max(kind) FROM (
                    SELECT p.key AS name, p.type AS kind FROM (
                        SELECT properties FROM items
                        WHERE ?1 IS NULL OR collection = (SELECT number FROM collections WHERE id = ?1)
                        ORDER BY datetime DESC LIMIT ?2
                    ) s, json_each(s.properties) p WHERE p.type <> 'null'
                 ) GROUP BY name ORDER BY name",
            )?;
            let rows = statement.query_map((collection, SAMPLE), |row| {
                let kind: String = row.get(1)?;
                Ok((row.get(0)?, json_type(&kind)))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
        })
    }
}

/// One page of rows, and the token of the next.
fn rows(
    connection: &Connection,
    query: &Query,
) -> Result<(Vec<FoundRow>, Option<crate::search::query::Token>), plan::Failure> {
    let Some(plan) = plan(connection, query)? else { return Ok((Vec::new(), None)) };
    let mut statement = connection.prepare_cached(&plan.sql)?;
    let mut read = statement.query(params_from_iter(plan.parameters.values()))?;
    let mut rows = Vec::new();
    let mut last: Vec<Value> = Vec::new();
    while let Some(row) = read.next()? {
        if rows.len() == query.limit {
            return Ok((rows, Some(token::write(&plan.order, &last))));
        }
        last = (COLUMNS..COLUMNS + plan.keys).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?;
        rows.push(found_row(row)?);
    }
    Ok((rows, None))
}

/// SQLite's name of a type as JSON schema's.
fn json_type(name: &str) -> &'static str {
    match name {
        "true" | "false" => "boolean",
        "integer" | "real" => "number",
        "array" => "array",
        "object" => "object",
        _ => "string",
    }
}
