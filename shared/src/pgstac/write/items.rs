//! Items: the old rows go and the new ones come, under a lock that all loaders share, in two round trips.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

use super::super::pipeline::{Statement, send};
use super::super::plan::{Plan, plan};
use super::super::session::Session;
use super::super::{geometry, statements};
use super::Batch;
use super::memory::{Remembered, Remembering};
use crate::search::change::{Action, Change};
use crate::search::item::CheckedItem;

/// What is to be written at a position, in the form that the database wants it.
pub(super) enum Prepared<'a> {
    /// A row of the table of items, but for what the item itself says.
    Row {
        /// None for one that the database must read itself.
        geometry: Option<Vec<u8>>,
        content: String,
    },
    /// An item that the database takes apart.
    Text(&'a str),
}

impl<'a> Prepared<'a> {
    pub(super) fn row(item: &CheckedItem<'a>, content: String) -> Self {
        Self::Row { geometry: geometry::well_known_binary(item.geometry), content }
    }
}

/// What the items of a batch become, by the positions of their changes.
type AllPrepared<'a> = HashMap<usize, Prepared<'a>>;

impl<'a> Batch<'a> {
    /// Puts and removes items, each only where nothing newer is known.
    pub(super) async fn put_items(&mut self, session: &mut Session, prepared: &AllPrepared<'a>) -> Result<(), Error> {
        let is_about_items = |change: &Change<'_>| !matches!(change.action, Action::PutCollection { .. });
        if !self.changes.iter().any(is_about_items) {
            return Ok(());
        }
        // Once, and once more each time that something was refused: without that others may stand where it would have.
        loop {
            let known = Remembered::begin(&session.client, self.changes).await?;
            let plan = self.plan(&known);
            match put(&session.client, self.changes, &plan, prepared).await {
                Ok(()) => {
                    for (result, planned) in self.results.iter_mut().zip(plan.results) {
                        *result = planned.or(*result);
                    }
                    return Ok(());
                }
                Err(error) if self.is_data(&error) => {
                    if !self.find_culprits(session, prepared).await? {
                        // Each of them is taken alone. Only together they are not.
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn plan<'b>(&self, known: &'b Remembered) -> Plan<'b>
    where
        'a: 'b,
    {
        plan(known.memory(), self.changes, |at| self.refused.contains_key(&at))
    }

    /// Finds, by halves, the items that the database refuses, and refuses them. Gives whether there were any. Nothing is
    /// written.
    async fn find_culprits(&mut self, session: &Session, prepared: &AllPrepared<'a>) -> Result<bool, Error> {
        let client = &session.client;
        let known = Remembered::begin(client, self.changes).await?;
        let plan = self.plan(&known);
        let cleared = Clearing::of(&plan);
        send(client, &cleared.statements().collect::<Vec<_>>()).await?;
        let everything: Vec<usize> = standing(&plan).collect();
        let mut found = false;
        let mut suspects = vec![everything.as_slice()];
        while let Some(some) = suspects.pop() {
            if some.is_empty() {
                continue;
            }
            let rows = Rows::of(self.changes, some, prepared);
            let mut together = vec![Statement::bare(statements::SAVEPOINT)];
            together.extend(rows.statements());
            let inserted = send(client, &together).await;
            let undone = [statements::ROLLBACK_TO_SAVEPOINT, statements::RELEASE_SAVEPOINT].map(Statement::bare);
            send(client, &undone).await?;
            match inserted {
                Ok(_) => {}
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
        send(client, &[Statement::bare(statements::ROLLBACK)]).await?;
        Ok(found)
    }
}

/// The positions of the items that are to stand in the end.
fn standing(plan: &Plan<'_>) -> impl Iterator<Item = usize> {
    plan.items.values().filter_map(|(_, at)| *at)
}

/// Carries the plan out and ends the transaction. With an error that was rolled back.
async fn put(
    client: &Client,
    changes: &[Change<'_>],
    plan: &Plan<'_>,
    prepared: &AllPrepared<'_>,
) -> Result<(), Error> {
    let clearing = Clearing::of(plan);
    let rows = Rows::of(changes, &standing(plan).collect::<Vec<_>>(), prepared);
    let remembering = Remembering::of(plan);
    let mut together: Vec<Statement<'_>> = clearing.statements().collect();
    together.extend(rows.statements());
    together.extend(remembering.statements());
    together.push(Statement::bare(statements::COMMIT));
    send(client, &together).await.map(drop)
}

/// What goes: every item that the plan touches, from whichever partition it is in, for one that moves to another month
/// must not be there twice.
struct Clearing<'a>(Vec<(&'a str, Vec<&'a str>)>);

impl<'a> Clearing<'a> {
    fn of(plan: &'a Plan<'_>) -> Self {
        let mut ids: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (collection, id) in plan.items.keys() {
            ids.entry(collection).or_default().push(id);
        }
        Self(ids.into_iter().collect())
    }

    fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        self.0.iter().map(|(collection, ids)| {
            Statement::new(statements::DELETE, [(collection as _, Type::TEXT), (ids as _, Type::TEXT_ARRAY)])
        })
    }
}

/// What comes, by columns.
#[derive(Default)]
struct Rows<'a> {
    texts: Vec<&'a str>,
    ids: Vec<&'a str>,
    collections: Vec<&'a str>,
    starts: Vec<DateTime<Utc>>,
    ends: Vec<DateTime<Utc>>,
    /// One of the two for each row.
    geometries: (Vec<Option<&'a [u8]>>, Vec<Option<&'a str>>),
    contents: Vec<&'a str>,
}

impl<'a> Rows<'a> {
    fn of(changes: &'a [Change<'_>], positions: &[usize], prepared: &'a AllPrepared<'_>) -> Self {
        let mut rows = Self::default();
        for at in positions {
            match (&changes[*at].action, prepared.get(at)) {
                (_, Some(Prepared::Text(text))) => rows.texts.push(text),
                (Action::PutItem(item), Some(Prepared::Row { geometry, content })) => {
                    rows.ids.push(&item.id);
                    rows.collections.push(&item.collection);
                    rows.starts.push(item.interval.0);
                    rows.ends.push(item.interval.1);
                    rows.geometries.0.push(geometry.as_deref());
                    rows.geometries.1.push(geometry.is_none().then_some(item.geometry));
                    rows.contents.push(content);
                }
                _ => {}
            }
        }
        rows
    }

    fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        let foreign = (!self.texts.is_empty())
            .then(|| Statement::new(statements::INSERT_FOREIGN, [(&self.texts as _, Type::TEXT_ARRAY)]));
        let rows = (!self.ids.is_empty()).then(|| {
            Statement::new(
                statements::INSERT,
                [
                    (&self.ids as _, Type::TEXT_ARRAY),
                    (&self.collections as _, Type::TEXT_ARRAY),
                    (&self.starts as _, Type::TIMESTAMPTZ_ARRAY),
                    (&self.ends as _, Type::TIMESTAMPTZ_ARRAY),
                    (&self.geometries.0 as _, Type::BYTEA_ARRAY),
                    (&self.geometries.1 as _, Type::TEXT_ARRAY),
                    (&self.contents as _, Type::TEXT_ARRAY),
                ],
            )
        });
        foreign.into_iter().chain(rows)
    }
}
