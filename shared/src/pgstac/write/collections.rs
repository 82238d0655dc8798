//! Collections: those of the batch are put, those of its items looked up, or made.

use std::collections::{BTreeSet, HashMap};

use tokio_postgres::types::Type;
use tokio_postgres::{Error, Row};

use super::super::pipeline::{Parameter, Statement, send};
use super::super::rows::{self, Collection};
use super::super::session::Session;
use super::super::version::Format;
use super::super::{Partitions, statements};
use super::{Batch, memory};
use crate::search::change::{Action, Applied, Version};
use crate::search::ports::UnknownCollection;

impl Batch<'_> {
    /// Puts the collections of the batch, before its items.
    pub(super) async fn put_collections(&mut self, session: &mut Session) -> Result<(), Error> {
        let changes = self.changes;
        let puts: Vec<(usize, &str, &str)> = changes
            .iter()
            .enumerate()
            .filter_map(|(at, change)| match &change.action {
                Action::PutCollection { id, text } => Some((at, id.as_ref(), *text)),
                _ => None,
            })
            .collect();
        if puts.is_empty() {
            return Ok(());
        }
        let mut transaction = session.client.transaction().await?;
        transaction.query_typed(statements::LOCK, &[]).await?;
        let ids: Vec<&str> = puts.iter().map(|(_, id, _)| *id).collect();
        let known: HashMap<String, i64> = transaction
            .query_typed(statements::COLLECTION_VERSIONS, &[(&ids, Type::TEXT_ARRAY)])
            .await?
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
            .collect::<Result<_, Error>>()?;
        let sources: Vec<&str> = puts.iter().filter_map(|(at, ..)| changes[*at].source).collect();
        let gone = transaction.query_typed(statements::REMOVED_SOURCES, &[(&sources, Type::TEXT_ARRAY)]).await?;
        let gone = memory::gone(&gone)?;
        let truncation = self.settings.partitions.truncation();
        for (at, id, text) in puts {
            let Version(version) = changes[at].version;
            let gone = changes[at].source.and_then(|source| gone.get(source));
            if known.get(id).into_iter().chain(gone).any(|known| *known > version) {
                self.results[at] = Some(Applied::Superseded);
                continue;
            }
            let savepoint = transaction.transaction().await?;
            let put: [Parameter<'_>; 2] = [(&text, Type::TEXT), (&truncation, Type::TEXT)];
            match savepoint.execute_typed(statements::PUT_COLLECTION, &put).await {
                Ok(_) => {
                    let remembered: [Parameter<'_>; 2] = [(&id, Type::TEXT), (&version, Type::INT8)];
                    savepoint.execute_typed(statements::REMEMBER_COLLECTION, &remembered).await?;
                    savepoint.commit().await?;
                    self.results[at] = Some(Applied::Written);
                }
                Err(error) if self.is_data(&error) => {
                    savepoint.rollback().await?;
                    self.refuse(at, &error);
                }
                Err(error) => return Err(error),
            }
        }
        transaction.commit().await
    }

    /// The collections of the items, made where that is wanted; the items of others are refused.
    pub(super) async fn collections(&mut self, session: &mut Session) -> Result<HashMap<String, Collection>, Error> {
        let ids: BTreeSet<&str> = self.items().map(|(_, item)| item.collection.as_ref()).collect();
        let mut known = look_up(session, ids.iter().copied().collect()).await?;
        let missing: Vec<&str> = ids.into_iter().filter(|id| !known.contains_key(*id)).collect();
        if missing.is_empty() {
            return Ok(known);
        }
        if self.settings.unknown_collection == UnknownCollection::Make {
            let texts: Vec<String> = missing.iter().map(|id| rows::bare_collection(id)).collect();
            let truncation = self.settings.partitions.truncation();
            let mut together = vec![Statement::bare(statements::BEGIN), Statement::bare(statements::LOCK)];
            together.extend(texts.iter().map(|text| {
                let made: [Parameter<'_>; 2] = [(text, Type::TEXT), (&truncation, Type::TEXT)];
                Statement::new(statements::MAKE_COLLECTION, made)
            }));
            together.push(Statement::bare(statements::COMMIT));
            send(&session.client, &together).await?;
            known.extend(look_up(session, missing).await?);
        }
        let refused: Vec<(usize, String)> = self
            .items()
            .filter(|(_, item)| !known.contains_key(item.collection.as_ref()))
            .map(|(at, item)| {
                let id = &item.collection;
                (at, format!("its collection, {id:?}, is not in the database; load the collection first"))
            })
            .collect();
        self.refused.extend(refused.into_iter().map(|(at, detail)| (at, ("unknown-collection", detail))));
        Ok(known)
    }
}

async fn look_up(session: &Session, ids: Vec<&str>) -> Result<HashMap<String, Collection>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let statement = match session.format {
        Format::Tagged => statements::COLLECTIONS_TAGGED,
        Format::Plain | Format::Foreign => statements::COLLECTIONS_PLAIN,
    };
    let found = session.client.query_typed(statement, &[(&ids, Type::TEXT_ARRAY)]).await?;
    found.iter().map(collection).collect()
}

fn collection(row: &Row) -> Result<(String, Collection), Error> {
    let base: Option<&str> = row.try_get(1)?;
    // What the database gives as JSON is JSON.
    let base = base.and_then(|base| serde_json::from_str(base).ok()).unwrap_or_default();
    Ok((row.try_get(0)?, Collection::new(base, row.try_get(3)?, Partitions::of(row.try_get(2)?))))
}
