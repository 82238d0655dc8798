//! What the loaders remember of items and sources, as far as a batch needs it: read, and written.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

use super::super::pipeline::{Statement, send};
use super::super::plan::{Key, Known, Memory, Plan};
use super::super::statements;
use crate::search::change::{Action, Change};

/// What the tables remember.
pub(super) struct Remembered {
    items: Vec<(String, String, i64, bool, Option<String>)>,
    gone: HashMap<String, i64>,
}

impl Remembered {
    /// Begins a transaction in which nobody else writes, and reads what is remembered of what these changes are about.
    pub(super) async fn begin(client: &Client, changes: &[Change<'_>]) -> Result<Self, Error> {
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
        let together = [
            Statement::bare(statements::BEGIN),
            Statement::bare(statements::LOCK),
            Statement::new(
                statements::MEMORY,
                [
                    (&collections as _, Type::TEXT_ARRAY),
                    (&ids as _, Type::TEXT_ARRAY),
                    (&sources as _, Type::TEXT_ARRAY),
                ],
            ),
            Statement::new(statements::REMOVED_SOURCES, [(&sources as _, Type::TEXT_ARRAY)]),
        ];
        let mut answers = send(client, &together).await?.into_iter().skip(2);
        let items = answers.next().unwrap_or_default();
        let items = items
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?)))
            .collect::<Result<_, Error>>()?;
        Ok(Self { items, gone: gone(&answers.next().unwrap_or_default())? })
    }

    pub(super) fn memory(&self) -> Memory<'_> {
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

/// Which sources are gone, and since which version.
pub(super) fn gone(rows: &[Row]) -> Result<HashMap<String, i64>, Error> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// What is to be remembered, by columns.
#[derive(Default)]
pub(super) struct Remembering<'a> {
    collections: Vec<&'a str>,
    ids: Vec<&'a str>,
    versions: Vec<i64>,
    deleted: Vec<bool>,
    sources: Vec<Option<&'a str>>,
    gone: (Vec<&'a str>, Vec<i64>),
}

impl<'a> Remembering<'a> {
    pub(super) fn of(plan: &'a Plan<'_>) -> Self {
        let mut columns = Self::default();
        for ((collection, id), (known, _)) in &plan.items {
            columns.collections.push(collection);
            columns.ids.push(id);
            columns.versions.push(known.version);
            columns.deleted.push(known.deleted);
            columns.sources.push(known.source.as_deref());
        }
        columns.gone = plan.gone.iter().map(|(source, version)| (source.as_ref(), *version)).unzip();
        columns
    }

    pub(super) fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        let items = (!self.ids.is_empty()).then(|| {
            Statement::new(
                statements::REMEMBER_ITEMS,
                [
                    (&self.collections as _, Type::TEXT_ARRAY),
                    (&self.ids as _, Type::TEXT_ARRAY),
                    (&self.versions as _, Type::INT8_ARRAY),
                    (&self.deleted as _, Type::BOOL_ARRAY),
                    (&self.sources as _, Type::TEXT_ARRAY),
                ],
            )
        });
        let (sources, versions) = &self.gone;
        let gone = (!sources.is_empty()).then(|| {
            Statement::new(
                statements::REMEMBER_SOURCES,
                [(sources as _, Type::TEXT_ARRAY), (versions as _, Type::INT8_ARRAY)],
            )
        });
        items.into_iter().chain(gone)
    }
}
