//! Searching: pgstac as a STAC API sees it. Its own function `search` does the work.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::failure::{Meaning, failed, is_late, is_of_request, meaning, said};
use super::properties::Properties;
use super::reader::{self, Reader};
use super::target::{Locate, Target};
use super::{paging, request, statements};
use crate::ports::PortError;
use crate::search::filter::FilterError;
use crate::search::ports::{Found, FoundCollection, FoundItem, SearchError, SearchItems};
use crate::search::query::{Field, Query};

/// How often a search is tried over a new connection, or while others are in the way.
const ATTEMPTS: u32 = 3;

/// How much longer than a search may take is waited for its answer.
const GRACE: Duration = Duration::from_secs(5);

/// What pgstac does not keep of CQL2: `%`, `^` and `div` are missing, and of two properties it must be known what they hold.
const UNKEPT: &[&str] = &[
    "http://www.opengis.net/spec/cql2/1.0/conf/property-property",
    "http://www.opengis.net/spec/cql2/1.0/conf/arithmetic",
];

/// What searches may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchLimits {
    /// How long one may take.
    pub time: Duration,
    /// How many may run at a time, each over a connection of its own; others wait, not longer than one may take.
    pub at_once: usize,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(10), at_once: 4 }
    }
}

/// A database with pgstac, for reading. Connections are made when they are needed, kept, and made anew when they broke.
/// They are read-only, so the database keeps no statistics of these searches.
#[derive(Debug)]
pub struct PgstacSearcher<L = Target> {
    database: L,
    limits: SearchLimits,
    slots: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

/// The parameters of a statement.
type Parameters<'a> = [(&'a (dyn ToSql + Sync), Type)];

/// What is asked of versions from 0.10 on, and before.
#[derive(Clone, Copy)]
struct Statement {
    newer: &'static str,
    older: &'static str,
}

/// What `search` gives, as far as it is used.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    features: Vec<Box<RawValue>>,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(rename = "numberMatched", default)]
    matched: Option<u64>,
}

#[derive(Deserialize)]
struct Link {
    rel: String,
    href: String,
}

#[derive(Deserialize)]
struct Identity<'a> {
    id: String,
    collection: String,
    #[serde(borrow)]
    properties: Times<'a>,
}

#[derive(Deserialize)]
struct Times<'a> {
    #[serde(borrow)]
    datetime: Option<&'a RawValue>,
}

impl<L: Locate + Sync> PgstacSearcher<L> {
    /// This database. Nothing is connected to before it is needed.
    pub fn new(database: L, limits: SearchLimits) -> Self {
        Self { database, limits, slots: Semaphore::new(limits.at_once.max(1)), idle: Mutex::default() }
    }

    fn too_slow(&self) -> SearchError {
        SearchError::TooSlow { seconds: self.limits.time.as_secs() }
    }

    /// A connection, and the right to use it.
    async fn reader(&self) -> Result<(SemaphorePermit<'_>, Reader), SearchError> {
        let slot = tokio::time::timeout(self.limits.time, self.slots.acquire()).await;
        let slot = match slot {
            Ok(Ok(slot)) => slot,
            Ok(Err(_)) | Err(_) => return Err(self.too_slow()),
        };
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(reader) = idle() {
            if !reader.is_closed() {
                return Ok((slot, reader));
            }
        }
        let reader = reader::connect(&self.database, self.limits.time).await?;
        Ok((slot, reader))
    }

    /// Runs a statement, in the words of the version of pgstac, over a connection; again over another one when that
    /// breaks. Gives whether the version is 0.10 or later, too. A connection is out of the pool while it is used, so that
    /// one that was left in the middle is never used again.
    async fn ask(&self, statement: Statement, parameters: &Parameters<'_>) -> Result<(Vec<Row>, bool), SearchError> {
        let mut attempt = 1;
        loop {
            let (_slot, reader) = self.reader().await?;
            let text = if reader.is_newer() { statement.newer } else { statement.older };
            let asked = reader.client.query_typed(text, parameters);
            let Ok(answer) = tokio::time::timeout(self.limits.time + GRACE, asked).await else {
                return Err(self.too_slow());
            };
            let error = match answer {
                Ok(rows) => {
                    let is_newer = reader.is_newer();
                    self.keep(reader);
                    return Ok((rows, is_newer));
                }
                Err(error) => error,
            };
            match meaning(&error) {
                _ if is_late(&error) => {
                    self.keep(reader);
                    return Err(self.too_slow());
                }
                Meaning::Again | Meaning::Lost if attempt < ATTEMPTS => {
                    tracing::info!(attempt, error = said(&error), "the search is tried again");
                    attempt += 1;
                }
                _ if is_of_request(&error) => {
                    self.keep(reader);
                    return Err(SearchError::Filter(FilterError(format!(
                        "the database does not take this search: {}",
                        said(&error)
                    ))));
                }
                _ => return Err(failed("searching", reader.place(), &error).into()),
            }
        }
    }

    fn keep(&self, reader: Reader) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }

    async fn rows(&self, statement: &'static str, parameters: &Parameters<'_>) -> Result<Vec<Row>, SearchError> {
        self.ask(Statement { newer: statement, older: statement }, parameters).await.map(|(rows, _)| rows)
    }

    /// What the database knows of the properties that a query names.
    async fn known(&self, query: &Query) -> Result<Properties, SearchError> {
        let names = request::names(query)?;
        if names.is_empty() {
            return Ok(Properties::default());
        }
        let parameters: &Parameters<'_> = &[(&names, Type::TEXT_ARRAY), (&query.collections, Type::TEXT_ARRAY)];
        let wrappers = Statement { newer: statements::WRAPPERS, older: statements::WRAPPERS_BEFORE };
        let (rows, is_newer) = self.ask(wrappers, parameters).await?;
        let mut properties = Properties::new(is_newer);
        for row in rows {
            properties.register(row.get(0), row.get(1));
        }
        if is_in_need_of_types(query) && names.iter().any(|name| properties.registered(name).is_none()) {
            for row in self.rows(statements::TYPES, parameters).await? {
                properties.see(row.get(0), &row.get::<_, Vec<String>>(1));
            }
        }
        Ok(properties)
    }
}

/// Whether what properties hold decides over more than how a literal beside them is read.
fn is_in_need_of_types(query: &Query) -> bool {
    let sorts = query.sort.iter().any(|key| matches!(key.field, Field::Property(_)));
    sorts || query.filter.as_ref().is_some_and(super::cql::compares_properties)
}

impl<L: Locate + Sync> SearchItems for PgstacSearcher<L> {
    fn unkept(&self) -> &'static [&'static str] {
        UNKEPT
    }

    async fn ready(&self) -> Result<(), SearchError> {
        let (_slot, reader) = self.reader().await?;
        self.keep(reader);
        Ok(())
    }

    async fn search(&self, query: &Query) -> Result<Found, SearchError> {
        let token = query.token.as_ref().map(|token| paging::read(token, &query.sort)).transpose()?;
        let properties = self.known(query).await?;
        let Some(mut asked) = request::request(query, &properties)? else { return Ok(Found::default()) };
        asked.insert("limit".to_owned(), query.limit.into());
        let is_later_page = token.is_some();
        if let Some(token) = token {
            asked.insert("token".to_owned(), token.into());
        }
        let text = Value::Object(asked).to_string();
        let searched = self.rows(statements::SEARCH, &[(&text, Type::TEXT)]).await;
        let rows = match searched {
            // The item that the page before ended with has gone in the meantime, or was never there.
            Err(SearchError::Filter(FilterError(reason))) if is_later_page && reason.contains("token") => {
                return Err(SearchError::Token);
            }
            other => other?,
        };
        let text: &str = rows.first().map_or("{}", |row| row.get(0));
        let page: Page = serde_json::from_str(text).map_err(|error| not_understood("a page of items", error))?;
        let items = page.features.into_iter().map(found_item).collect::<Result<_, _>>()?;
        let next = page.links.iter().find(|link| link.rel == "next").and_then(|link| link.href.split_once("token="));
        let next = next.map(|(_, token)| paging::write(token, &query.sort));
        Ok(Found { items, next, matched: page.matched })
    }

    async fn item(&self, collection: &str, id: &str) -> Result<Option<FoundItem>, SearchError> {
        if has_nul(collection) || has_nul(id) {
            return Ok(None);
        }
        let rows = self.rows(statements::ITEM, &[(&id, Type::TEXT), (&collection, Type::TEXT)]).await?;
        let text: Option<String> = rows.first().and_then(|row| row.get(0));
        text.map(|text| raw(text).and_then(found_item)).transpose()
    }

    async fn collections(&self, after: Option<&str>, most: usize) -> Result<Vec<FoundCollection>, SearchError> {
        if after.is_some_and(has_nul) {
            return Ok(Vec::new());
        }
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = self.rows(statements::COLLECTIONS, &[(&after, Type::TEXT), (&most, Type::INT8)]).await?;
        rows.iter().map(found_collection).collect()
    }

    async fn collection(&self, id: &str) -> Result<Option<FoundCollection>, SearchError> {
        if has_nul(id) {
            return Ok(None);
        }
        let rows = self.rows(statements::COLLECTION, &[(&id, Type::TEXT)]).await?;
        rows.first().map(found_collection).transpose()
    }

    async fn properties(&self, collection: Option<&str>) -> Result<Vec<(String, &'static str)>, SearchError> {
        let rows = self.rows(statements::PROPERTIES, &[(&collection, Type::TEXT)]).await?;
        // Of a property with values of several types, one of them.
        let mut names = BTreeSet::new();
        let kinds = rows.iter().map(|row| (row.get::<_, String>(0), json_type(row.get(1))));
        Ok(kinds.filter(|(name, _)| names.insert(name.clone())).collect())
    }
}

/// PostgreSQL has no texts with this character, so nothing there is called so.
fn has_nul(text: &str) -> bool {
    text.contains('\0')
}

fn raw(text: String) -> Result<Box<RawValue>, SearchError> {
    RawValue::from_string(text).map_err(|error| not_understood("a document", error))
}

fn found_item(text: Box<RawValue>) -> Result<FoundItem, SearchError> {
    let of_item = |error| not_understood("an item", error);
    let identity: Identity<'_> = serde_json::from_str(text.get()).map_err(of_item)?;
    let (collection, id) = (identity.collection, identity.id);
    if identity.properties.datetime.is_some() {
        return Ok(FoundItem { collection, id, text, key: None });
    }
    // pgstac keeps no nulls, and STAC wants this one.
    let mut item: Value = serde_json::from_str(text.get()).map_err(of_item)?;
    item["properties"]["datetime"] = Value::Null;
    let text = raw(item.to_string())?;
    Ok(FoundItem { collection, id, text, key: None })
}

fn found_collection(row: &Row) -> Result<FoundCollection, SearchError> {
    Ok(FoundCollection { id: row.get(0), text: raw(row.get(1))?, key: None })
}

fn not_understood(what: &str, error: serde_json::Error) -> SearchError {
    PortError::Unavailable { what: format!("reading {what} of pgstac"), source: error.into() }.into()
}

/// A type of JSON by its name, as JSON schema has it.
fn json_type(name: &str) -> &'static str {
    match name {
        "boolean" => "boolean",
        "number" => "number",
        "array" => "array",
        "object" => "object",
        _ => "string",
    }
}
