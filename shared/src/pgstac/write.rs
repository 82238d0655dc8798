//! A batch of changes becomes rows, in a few transactions.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Row, Transaction};

use super::failure::{Meaning, meaning, said};
use super::plan::{Key, Known, Memory, Plan, plan};
use super::rows::{self, Collection};
use super::session::Session;
use super::version::Format;
use super::{Dehydration, Partitions, Settings, UnknownCollection, statements};
use crate::search::change::{Action, Applied, Change, Version};
use crate::search::item::CheckedItem;
use crate::search::ports::IndexError;

/// A parameter and its type, so that a statement needs no round trip to be prepared.
type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// What is refused, by the position of its change: a word and a sentence.
type Refused = BTreeMap<usize, (&'static str, String)>;

/// What is to be written at a position, in the form that the database wants it.
enum Prepared<'a> {
    Content(String),
    Item(&'a str),
}

/// A batch on its way.
struct Batch<'a> {
    changes: &'a [Change<'a>],
    settings: &'a Settings,
    /// Whether a constraint that refuses a row is the row's fault, and not that of a partition that others change.
    believes_constraints: bool,
    refused: Refused,
    results: Vec<Option<Applied>>,
}

/// Writes a batch. With an error nothing that counts is written, and all of it may be done again.
pub(super) async fn write(
    session: &mut Session,
    settings: &Settings,
    changes: &[Change<'_>],
    believes_constraints: bool,
) -> Result<Vec<Result<Applied, IndexError>>, Error> {
    let mut batch =
        Batch { changes, settings, believes_constraints, refused: Refused::new(), results: vec![None; changes.len()] };
    batch.put_collections(session).await?;
    let collections = batch.collections(session).await?;
    let format = match settings.dehydration {
        Dehydration::WhereKnown => session.format,
        Dehydration::InDatabase => Format::Foreign,
    };
    let prepared = batch.prepare(&collections, format);
    batch.make_partitions(session, &collections).await?;
    batch.put_items(session, &prepared).await?;
    Ok(batch.conclude())
}

impl<'a> Batch<'a> {
    /// The items that are to be put and that nothing speaks against so far, with their positions.
    fn items(&self) -> impl Iterator<Item = (usize, &'a CheckedItem<'a>)> {
        self.changes.iter().enumerate().filter_map(|(at, change)| match &change.action {
            Action::PutItem(item) if !self.refused.contains_key(&at) => Some((at, item)),
            _ => None,
        })
    }

    fn is_data(&self, error: &Error) -> bool {
        match meaning(error) {
            Meaning::Data => true,
            Meaning::Again => {
                self.believes_constraints && error.code() == Some(&tokio_postgres::error::SqlState::CHECK_VIOLATION)
            }
            Meaning::Lost | Meaning::Passing => false,
        }
    }

    fn refuse(&mut self, at: usize, error: &Error) {
        self.refused.insert(at, ("database", format!("the database refuses it: {}", said(error))));
    }

    /// Puts the collections of the batch, before its items.
    async fn put_collections(&mut self, session: &mut Session) -> Result<(), Error> {
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
        let gone = gone(&transaction, &sources).await?;
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
    async fn collections(&mut self, session: &mut Session) -> Result<HashMap<String, Collection>, Error> {
        let ids: BTreeSet<&str> = self.items().map(|(_, item)| item.collection.as_ref()).collect();
        let mut known = look_up(session, ids.iter().copied().collect()).await?;
        let missing: Vec<&str> = ids.into_iter().filter(|id| !known.contains_key(*id)).collect();
        if missing.is_empty() {
            return Ok(known);
        }
        if self.settings.unknown_collection == UnknownCollection::Make {
            let transaction = session.client.transaction().await?;
            transaction.query_typed(statements::LOCK, &[]).await?;
            for id in &missing {
                let (text, truncation) = (rows::bare_collection(id), self.settings.partitions.truncation());
                let made: [Parameter<'_>; 2] = [(&text, Type::TEXT), (&truncation, Type::TEXT)];
                transaction.execute_typed(statements::MAKE_COLLECTION, &made).await?;
            }
            transaction.commit().await?;
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

    /// Brings the items into the form that the database wants.
    fn prepare(&mut self, collections: &HashMap<String, Collection>, format: Format) -> HashMap<usize, Prepared<'a>> {
        let mut prepared = HashMap::new();
        let mut refused = Vec::new();
        for (at, item) in self.items() {
            let Some(collection) = collections.get(item.collection.as_ref()) else { continue };
            match format {
                Format::Foreign => drop(prepared.insert(at, Prepared::Item(item.text))),
                Format::Plain | Format::Tagged => match rows::content(item, collection) {
                    Ok(content) => drop(prepared.insert(at, Prepared::Content(content))),
                    Err(error) => refused.push((at, ("item", format!("it is no item in JSON: {error}")))),
                },
            }
        }
        self.refused.extend(refused);
        prepared
    }

    /// Makes the partitions that are wanting, in an order that all loaders share, in a transaction of its own: while it
    /// lasts nobody can search.
    async fn make_partitions(
        &mut self,
        session: &mut Session,
        collections: &HashMap<String, Collection>,
    ) -> Result<(), Error> {
        let mut groups: BTreeMap<(&str, DateTime<Utc>), Group> = BTreeMap::new();
        for (at, item) in self.items() {
            let Some(collection) = collections.get(item.collection.as_ref()) else { continue };
            let (from, to) = item.interval;
            let period = collection.partitions.period(from);
            let group = groups.entry((&item.collection, period.start)).or_insert_with(|| Group {
                end: period.end,
                first: from,
                last: from,
                latest: period.end,
                items: Vec::new(),
            });
            group.first = group.first.min(from);
            group.last = group.last.max(from);
            group.latest = group.latest.max(rows::end_of_month(to));
            group.items.push(at);
        }
        let key = |collection: &str, start: &DateTime<Utc>| (collection.to_owned(), *start);
        groups.retain(|(collection, start), group| {
            session.partitions.get(&key(collection, start)).is_none_or(|latest| *latest < group.latest)
        });
        if groups.is_empty() {
            return Ok(());
        }
        let mut made = Vec::with_capacity(groups.len());
        let mut transaction = session.client.transaction().await?;
        transaction.query_typed(statements::LOCK, &[]).await?;
        for ((collection, start), group) in &groups {
            let savepoint = transaction.transaction().await?;
            let parameters: [Parameter<'_>; 6] = [
                (collection, Type::TEXT),
                (start, Type::TIMESTAMPTZ),
                (&group.end, Type::TIMESTAMPTZ),
                (&group.first, Type::TIMESTAMPTZ),
                (&group.last, Type::TIMESTAMPTZ),
                (&group.latest, Type::TIMESTAMPTZ),
            ];
            match savepoint.query_typed(statements::PARTITION, &parameters).await {
                Ok(_) => {
                    savepoint.commit().await?;
                    made.push((key(collection, start), group.latest));
                }
                Err(error) if self.is_data(&error) => {
                    savepoint.rollback().await?;
                    group.items.iter().for_each(|at| self.refuse(*at, &error));
                }
                Err(error) => return Err(error),
            }
        }
        transaction.commit().await?;
        session.partitions.extend(made);
        Ok(())
    }

    /// Puts and removes items, each only where nothing newer is known.
    async fn put_items(&mut self, session: &mut Session, prepared: &HashMap<usize, Prepared<'a>>) -> Result<(), Error> {
        let is_about_items = |change: &Change<'_>| !matches!(change.action, Action::PutCollection { .. });
        if !self.changes.iter().any(is_about_items) {
            return Ok(());
        }
        let mut transaction = session.client.transaction().await?;
        transaction.query_typed(statements::LOCK, &[]).await?;
        let known = remembered(&transaction, self.changes).await?;
        let mut plan = self.plan(&known);
        let savepoint = transaction.transaction().await?;
        match put(&savepoint, self.changes, &plan, prepared).await {
            Ok(()) => savepoint.commit().await?,
            Err(error) if self.is_data(&error) => {
                savepoint.rollback().await?;
                if !self.find_culprits(&mut transaction, &plan, prepared).await? {
                    // Each of them is taken alone. Only together they are not.
                    return Err(error);
                }
                // Without them others may stand where they would have.
                plan = self.plan(&known);
                put(&transaction, self.changes, &plan, prepared).await?;
            }
            Err(error) => return Err(error),
        }
        remember(&transaction, &plan).await?;
        transaction.commit().await?;
        for (result, planned) in self.results.iter_mut().zip(plan.results) {
            *result = planned.or(*result);
        }
        Ok(())
    }

    fn plan<'b>(&self, known: &'b Remembered) -> Plan<'b>
    where
        'a: 'b,
    {
        plan(known.memory(), self.changes, |at| self.refused.contains_key(&at))
    }

    /// Finds, by halves, the items that the database refuses, and refuses them. Gives whether there were any.
    async fn find_culprits(
        &mut self,
        transaction: &mut Transaction<'_>,
        plan: &Plan<'_>,
        prepared: &HashMap<usize, Prepared<'a>>,
    ) -> Result<bool, Error> {
        let everything: Vec<usize> = standing(plan).collect();
        let mut found = false;
        let mut suspects = vec![everything.as_slice()];
        let mut attempt = transaction.transaction().await?;
        clear(&attempt, plan).await?;
        while let Some(some) = suspects.pop() {
            if some.is_empty() {
                continue;
            }
            let savepoint = attempt.transaction().await?;
            let inserted = insert(&savepoint, self.changes, some, prepared).await;
            savepoint.rollback().await?;
            match inserted {
                Ok(()) => {}
                Err(error) if !self.is_data(&error) => return Err(error),
                Err(error) => match some {
                    [only] => {
                        self.refuse(*only, &error);
                        found = true;
                    }
                    _ => {
                        let (left, right) = some.split_at(some.len() / 2);
                        suspects.extend([right, left]);
                    }
                },
            }
        }
        attempt.rollback().await?;
        Ok(found)
    }

    fn conclude(mut self) -> Vec<Result<Applied, IndexError>> {
        let result = |(at, result): (usize, Option<Applied>)| match (self.refused.remove(&at), result) {
            (Some((reason, detail)), _) => Err(IndexError::Refused { reason: reason.to_owned(), detail }),
            // A removal of nothing in particular.
            (None, result) => Ok(result.unwrap_or(Applied::Removed)),
        };
        self.results.into_iter().enumerate().map(result).collect()
    }
}

/// The items of a batch that belong into one partition.
struct Group {
    /// The end of the partition's period.
    end: DateTime<Utc>,
    /// The first and the last item, by their start.
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    /// No item ends later.
    latest: DateTime<Utc>,
    items: Vec<usize>,
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
    let collection = Collection {
        // What the database gives as JSON is JSON.
        base: base.and_then(|base| serde_json::from_str(base).ok()).unwrap_or_default(),
        partitions: Partitions::of(row.try_get(2)?),
        tag: row.try_get(3)?,
    };
    Ok((row.try_get(0)?, collection))
}

/// What the tables remember, as far as a batch needs it.
struct Remembered {
    items: Vec<(String, String, i64, bool, Option<String>)>,
    gone: HashMap<String, i64>,
}

impl Remembered {
    fn memory(&self) -> Memory<'_> {
        let mut memory = Memory::default();
        for (collection, id, version, deleted, source) in &self.items {
            let key: Key<'_> = (Cow::Borrowed(collection), Cow::Borrowed(id));
            let source = source.as_deref().map(Cow::Borrowed);
            memory.remember(key, Known { version: *version, deleted: *deleted, source });
        }
        for (source, version) in &self.gone {
            memory.forget(Cow::Borrowed(source), *version);
        }
        memory
    }
}

async fn remembered(transaction: &Transaction<'_>, changes: &[Change<'_>]) -> Result<Remembered, Error> {
    let keys: BTreeSet<(&str, &str)> = changes
        .iter()
        .filter_map(|change| match &change.action {
            Action::PutItem(item) => Some((item.collection.as_ref(), item.id.as_ref())),
            Action::RemoveItem { collection, id } => Some((*collection, *id)),
            Action::PutCollection { .. } | Action::RemoveSource => None,
        })
        .collect();
    let (collections, ids): (Vec<&str>, Vec<&str>) = keys.into_iter().unzip();
    let sources: BTreeSet<&str> = changes.iter().filter_map(|change| change.source).collect();
    let sources: Vec<&str> = sources.into_iter().collect();
    let parameters: [Parameter<'_>; 3] =
        [(&collections, Type::TEXT_ARRAY), (&ids, Type::TEXT_ARRAY), (&sources, Type::TEXT_ARRAY)];
    let items = transaction.query_typed(statements::MEMORY, &parameters).await?;
    let items = items
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?)))
        .collect::<Result<_, Error>>()?;
    Ok(Remembered { items, gone: gone(transaction, &sources).await? })
}

/// Which of the sources are gone, and since which version.
async fn gone(transaction: &Transaction<'_>, sources: &[&str]) -> Result<HashMap<String, i64>, Error> {
    if sources.is_empty() {
        return Ok(HashMap::new());
    }
    let found = transaction.query_typed(statements::REMOVED_SOURCES, &[(&sources, Type::TEXT_ARRAY)]).await?;
    found.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The positions of the items that are to stand in the end.
fn standing(plan: &Plan<'_>) -> impl Iterator<Item = usize> {
    plan.items.values().filter_map(|(_, at)| *at)
}

async fn put(
    transaction: &Transaction<'_>,
    changes: &[Change<'_>],
    plan: &Plan<'_>,
    prepared: &HashMap<usize, Prepared<'_>>,
) -> Result<(), Error> {
    clear(transaction, plan).await?;
    let standing: Vec<usize> = standing(plan).collect();
    insert(transaction, changes, &standing, prepared).await
}

/// Takes every item out that the plan touches, from whichever partition it is in: an item that moves to another month
/// must not be there twice.
async fn clear(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Error> {
    let mut ids: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (collection, id) in plan.items.keys() {
        ids.entry(collection).or_default().push(id);
    }
    for (collection, ids) in &ids {
        let parameters: [Parameter<'_>; 2] = [(collection, Type::TEXT), (ids, Type::TEXT_ARRAY)];
        transaction.execute_typed(statements::DELETE, &parameters).await?;
    }
    Ok(())
}

async fn insert(
    transaction: &Transaction<'_>,
    changes: &[Change<'_>],
    positions: &[usize],
    prepared: &HashMap<usize, Prepared<'_>>,
) -> Result<(), Error> {
    let mut texts: Vec<&str> = Vec::with_capacity(positions.len());
    let (mut ids, mut collections): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let (mut starts, mut ends): (Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) = (Vec::new(), Vec::new());
    let mut geometries: Vec<&str> = Vec::new();
    let mut contents: Vec<&str> = Vec::new();
    for at in positions {
        match (&changes[*at].action, prepared.get(at)) {
            (_, Some(Prepared::Item(text))) => texts.push(text),
            (Action::PutItem(item), Some(Prepared::Content(content))) => {
                ids.push(&item.id);
                collections.push(&item.collection);
                starts.push(item.interval.0);
                ends.push(item.interval.1);
                geometries.push(item.geometry);
                contents.push(content);
            }
            _ => {}
        }
    }
    if !texts.is_empty() {
        transaction.execute_typed(statements::INSERT_FOREIGN, &[(&texts, Type::TEXT_ARRAY)]).await?;
    }
    if !ids.is_empty() {
        let parameters: [Parameter<'_>; 6] = [
            (&ids, Type::TEXT_ARRAY),
            (&collections, Type::TEXT_ARRAY),
            (&starts, Type::TIMESTAMPTZ_ARRAY),
            (&ends, Type::TIMESTAMPTZ_ARRAY),
            (&geometries, Type::TEXT_ARRAY),
            (&contents, Type::TEXT_ARRAY),
        ];
        transaction.execute_typed(statements::INSERT, &parameters).await?;
    }
    Ok(())
}

async fn remember(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), Error> {
    if !plan.items.is_empty() {
        let (collections, ids): (Vec<&str>, Vec<&str>) =
            plan.items.keys().map(|(collection, id)| (collection.as_ref(), id.as_ref())).unzip();
        let known = || plan.items.values().map(|(known, _)| known);
        let versions: Vec<i64> = known().map(|known| known.version).collect();
        let deleted: Vec<bool> = known().map(|known| known.deleted).collect();
        let sources: Vec<Option<&str>> = known().map(|known| known.source.as_deref()).collect();
        let parameters: [Parameter<'_>; 5] = [
            (&collections, Type::TEXT_ARRAY),
            (&ids, Type::TEXT_ARRAY),
            (&versions, Type::INT8_ARRAY),
            (&deleted, Type::BOOL_ARRAY),
            (&sources, Type::TEXT_ARRAY),
        ];
        transaction.execute_typed(statements::REMEMBER_ITEMS, &parameters).await?;
    }
    if !plan.gone.is_empty() {
        let sources: Vec<&str> = plan.gone.keys().map(AsRef::as_ref).collect();
        let versions: Vec<i64> = plan.gone.values().copied().collect();
        let parameters: [Parameter<'_>; 2] = [(&sources, Type::TEXT_ARRAY), (&versions, Type::INT8_ARRAY)];
        transaction.execute_typed(statements::REMEMBER_SOURCES, &parameters).await?;
    }
    Ok(())
}
