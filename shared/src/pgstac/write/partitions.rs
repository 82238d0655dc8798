//! Partitions: those that are wanting are made before anything is written.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use tokio_postgres::Error;
use tokio_postgres::types::Type;

use super::super::pipeline::{Parameter, Statement, send};
use super::super::rows::{self, Collection};
use super::super::session::Session;
use super::super::statements;
use super::Batch;

/// A collection and the start of a period.
type Place<'a> = (&'a str, DateTime<Utc>);

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

impl Group {
    fn parameters<'a>(&'a self, (collection, start): &'a Place<'a>) -> [Parameter<'a>; 6] {
        [
            (collection, Type::TEXT),
            (start, Type::TIMESTAMPTZ),
            (&self.end, Type::TIMESTAMPTZ),
            (&self.first, Type::TIMESTAMPTZ),
            (&self.last, Type::TIMESTAMPTZ),
            (&self.latest, Type::TIMESTAMPTZ),
        ]
    }
}

impl Batch<'_> {
    /// Makes the partitions that are wanting, in an order that all loaders share, in a transaction of its own: while it
    /// lasts nobody can search.
    pub(super) async fn make_partitions(
        &mut self,
        session: &mut Session,
        collections: &HashMap<String, Collection>,
    ) -> Result<(), Error> {
        let mut groups = self.groups(collections);
        let key = |(collection, start): &Place<'_>| ((*collection).to_owned(), *start);
        groups.retain(|place, group| session.partitions.get(&key(place)).is_none_or(|latest| *latest < group.latest));
        if groups.is_empty() {
            return Ok(());
        }
        let mut together = vec![Statement::bare(statements::BEGIN), Statement::bare(statements::LOCK)];
        together
            .extend(groups.iter().map(|(place, group)| Statement::new(statements::PARTITION, group.parameters(place))));
        together.push(Statement::bare(statements::COMMIT));
        match send(&session.client, &together).await {
            Ok(_) => {}
            Err(error) if self.is_data(&error) => self.make_each(session, &mut groups).await?,
            Err(error) => return Err(error),
        }
        session.partitions.extend(groups.iter().map(|(place, group)| (key(place), group.latest)));
        Ok(())
    }

    /// The items by the partition that they belong into.
    fn groups<'c>(&self, collections: &'c HashMap<String, Collection>) -> BTreeMap<Place<'c>, Group> {
        let mut groups: BTreeMap<Place<'c>, Group> = BTreeMap::new();
        for (at, item) in self.items() {
            let Some((id, collection)) = collections.get_key_value(item.collection.as_ref()) else { continue };
            let (from, to) = item.interval;
            let period = collection.partitions.period(from);
            let group = groups.entry((id, period.start)).or_insert_with(|| Group {
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
        groups
    }

    /// Makes each partition by itself. The items of those that cannot be made are refused, and their groups taken out.
    async fn make_each(&mut self, session: &mut Session, groups: &mut BTreeMap<Place<'_>, Group>) -> Result<(), Error> {
        let mut transaction = session.client.transaction().await?;
        transaction.query_typed(statements::LOCK, &[]).await?;
        let mut impossible = Vec::new();
        for (place, group) in groups.iter() {
            let savepoint = transaction.transaction().await?;
            match savepoint.query_typed(statements::PARTITION, &group.parameters(place)).await {
                Ok(_) => savepoint.commit().await?,
                Err(error) if self.is_data(&error) => {
                    savepoint.rollback().await?;
                    group.items.iter().for_each(|at| self.refuse(*at, &error));
                    impossible.push(*place);
                }
                Err(error) => return Err(error),
            }
        }
        transaction.commit().await?;
        groups.retain(|place, _| !impossible.contains(place));
        Ok(())
    }
}
