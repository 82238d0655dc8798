//! The database as an audit sees it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Row};

use super::session::{self, Session};
use super::target::{Locate, Target};
use super::{failure, statements};
use crate::audit::{Held, IndexPage, Indexed, InspectIndex, ItemName};
use crate::ports::PortResult;
use crate::search::addresses::{self, Addresses, Range};
use crate::search::compare::is_same_item;
use crate::search::item;

/// How many items a page holds.
const ITEMS_A_PAGE: i64 = 1_000;

/// A database with pgstac, and what its loaders remember, for an audit. It keeps one connection, and makes a new one
/// after a failure. Its role needs to read pgstac's items and the tables of the schema `lazycat`.
#[derive(Debug)]
pub struct Inspector<L = Target> {
    database: L,
    addresses: Addresses,
    time_out: Duration,
    session: Mutex<Option<Session>>,
}

impl<L: Locate + Sync> Inspector<L> {
    /// What this database holds of the catalog at these addresses. A statement may take `time_out`. Nothing is connected
    /// to before it is needed.
    pub fn new(database: L, addresses: Addresses, time_out: Duration) -> Self {
        Self { database, addresses, time_out, session: Mutex::new(None) }
    }

    /// Does something over the connection, which is left where that fails.
    async fn with<T>(&self, doing: &str, work: impl AsyncFnOnce(&Session) -> Result<T, Error>) -> PortResult<T> {
        let mut kept = self.session.lock().await;
        let session = match kept.take().filter(|session| !session.is_closed()) {
            Some(session) => session,
            None => session::connect(&self.database, self.time_out).await?,
        };
        match work(&session).await {
            Ok(done) => {
                *kept = Some(session);
                Ok(done)
            }
            Err(error) => Err(failure::failed(doing, session.place(), &error)),
        }
    }
}

/// The items of a range that are there.
async fn list(session: &Session, range: Range<'_>) -> Result<IndexPage, Error> {
    let mut from = range.from;
    loop {
        let asked = [(&from as _, Type::TEXT), (&range.to as _, Type::TEXT), (&ITEMS_A_PAGE as _, Type::INT8)];
        let rows = session.client.query_typed(statements::LISTED, &asked).await?;
        let items = rows.iter().map(|row| indexed(row, range.root)).collect::<Result<Vec<_>, Error>>()?;
        let mut page = addresses::page(items, usize::try_from(ITEMS_A_PAGE).unwrap_or(usize::MAX));
        if let Some(last) = page.items.last() {
            from = format!("{}{}", range.root, last.name.key);
        }
        let names: Vec<&ItemName> = page.items.iter().map(|item| &item.name).collect();
        let present = present(session, &names).await?;
        let mut present = present.into_iter();
        page.items.retain(|_| present.next() == Some(true));
        if !page.items.is_empty() || !page.more {
            return Ok(page);
        }
    }
}

fn indexed(row: &Row, root: &str) -> Result<Indexed, Error> {
    let source: &str = row.try_get(0)?;
    let key = source.strip_prefix(root).unwrap_or(source).to_owned();
    let name = ItemName { key, collection: row.try_get(1)?, id: row.try_get(2)? };
    Ok(Indexed { name, version: DateTime::from_timestamp_millis(row.try_get(3)?) })
}

/// Whether each item is there.
async fn present(session: &Session, items: &[&ItemName]) -> Result<Vec<bool>, Error> {
    let mut by_collection: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in items {
        by_collection.entry(&name.collection).or_default().push(&name.id);
    }
    let mut found: HashSet<(&str, String)> = HashSet::new();
    for (collection, ids) in by_collection {
        let asked = [(&collection as _, Type::TEXT), (&ids as _, Type::TEXT_ARRAY)];
        for row in session.client.query_typed(statements::PRESENT, &asked).await? {
            found.insert((collection, row.try_get(0)?));
        }
    }
    Ok(items.iter().map(|name| found.contains(&(name.collection.as_str(), name.id.clone()))).collect())
}

impl<L: Locate + Sync> InspectIndex for Inspector<L> {
    const READS_CATALOG: bool = false;

    async fn indexed(&self, prefix: &str, after: Option<&str>) -> PortResult<IndexPage> {
        let mut pages = Vec::new();
        for range in self.addresses.ranges(prefix, after) {
            pages.push(self.with("listing the items of", async |session| list(session, range).await).await?);
        }
        Ok(addresses::merged(pages))
    }

    async fn holds(&self, items: &[ItemName]) -> PortResult<Vec<bool>> {
        let items: Vec<&ItemName> = items.iter().collect();
        self.with("looking for items in", async |session| present(session, &items).await).await
    }

    fn refuses(&self, bytes: &[u8]) -> Option<String> {
        item::why_refused(bytes)
    }

    async fn compare(&self, item: &ItemName, bytes: &[u8]) -> PortResult<Held> {
        let found: Option<String> = self
            .with("reading an item of", async |session| {
                let asked = [(&item.collection as _, Type::TEXT), (&item.id as _, Type::TEXT)];
                let rows = session.client.query_typed(statements::HYDRATED, &asked).await?;
                rows.first().map(|row| row.try_get(0)).transpose()
            })
            .await?;
        let Some(found) = found else { return Ok(Held::Nothing) };
        let values = (serde_json::from_slice::<Value>(bytes), serde_json::from_str::<Value>(&found));
        let is_same = matches!(values, (Ok(item), Ok(indexed)) if is_same_item(&item, &indexed));
        Ok(if is_same { Held::Same } else { Held::Different })
    }
}
