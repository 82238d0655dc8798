//! The search index of others in PostgreSQL: [pgstac](https://github.com/stac-utils/pgstac), which many STAC APIs search.
//!
//! [`PgstacSearcher`] searches it. [`Pgstac`] puts items there in step with the messages about them: the newest wins, in whatever order they come and
//! through however many loaders. For that it remembers in tables of its own, in the schema `lazycat`, what it has seen.
//!
//! A batch is written in two transactions, both under a lock that all loaders share. The first, short, makes the
//! partitions that are wanting: that locks the table of all items, against searches, too. The second writes. What comes
//! before, such as leaving out what a collection says already, is done without the lock.
//!
//! Layout:
//! - `target`, `tls`: which database, and how it is spoken to
//! - `session`: a connection to a database that was looked at
//! - `dehydrate`, `geometry`, `rows`, `plan`: pure code, from changes to what is written
//! - `write`: the two transactions, `statements`: all SQL, `pipeline`: how it is sent
//! - `inspect`: the database as an audit sees it
//! - `searcher`, `reader`: what a STAC API asks, over connections that only read
//! - `request`, `cql`, `properties`, `paging`: pure code, from a query to what pgstac's `search` takes
//! - `failure`: what the errors mean
//!
//! The futures need a tokio runtime. No SQL is ever made of what came in; all of it goes into parameters.

mod cql;
mod dehydrate;
mod failure;
mod geometry;
mod inspect;
mod paging;
mod pipeline;
mod plan;
mod properties;
mod reader;
mod request;
mod rows;
mod searcher;
mod session;
mod statements;
mod target;
mod tls;
mod version;
mod write;

use std::time::Duration;

use rand::Rng as _;
use tokio::sync::Mutex;

use self::failure::{Meaning, meaning};
pub use self::inspect::Inspector;
pub use self::searcher::{PgstacSearcher, SearchLimits};
use self::session::Session;
pub use self::target::{Locate, Target, TargetError, TlsMode};
use crate::ports::PortError;
use crate::search::change::{Action, Applied, Change};
use crate::search::ports::{IndexError, IndexItems, UnknownCollection};

/// How often a batch is tried while others are in the way.
const ATTEMPTS: u32 = 10;

/// How often a batch is tried over a new connection.
const CONNECTIONS: u32 = 2;

/// From this attempt on a constraint that refuses a row is taken at its word: until then it may be that of a partition
/// that somebody else is about to widen.
const BELIEVED: u32 = 4;

/// The longest wait before the next attempt, in milliseconds.
const LONGEST_PAUSE: u64 = 1_000;

/// The most changes, and bytes of documents, that one transaction holds.
const MOST_CHANGES: usize = 1_000;
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// How a collection that is new to the database is cut into partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Partitions {
    /// It is one partition.
    One,
    /// One a year.
    Yearly,
    /// One a month.
    #[default]
    Monthly,
}

/// Where what collections say already is left out of their items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dehydration {
    /// Here, where the version of pgstac is one whose rows are known, else in the database.
    #[default]
    WhereKnown,
    /// In the database, by the functions of pgstac.
    InDatabase,
}

/// What an operator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What becomes of an item whose collection is not in the database.
    pub unknown_collection: UnknownCollection,
    /// How a new collection is cut into partitions.
    pub partitions: Partitions,
    /// Where items are dehydrated.
    pub dehydration: Dehydration,
    /// How long a batch may take, with all its attempts. Where that is not enough, its messages come back.
    pub time_out: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unknown_collection: UnknownCollection::default(),
            partitions: Partitions::default(),
            dehydration: Dehydration::default(),
            time_out: Duration::from_secs(60),
        }
    }
}

/// A database with pgstac, as the loaders see it. It keeps one connection, and makes a new one when that broke; who
/// uses it at the same time waits.
#[derive(Debug)]
pub struct Pgstac<L = Target> {
    database: L,
    settings: Settings,
    session: Mutex<Option<Session>>,
}

impl<L: Locate + Sync> Pgstac<L> {
    /// This database. Nothing is connected to before it is needed.
    pub fn new(database: L, settings: Settings) -> Self {
        Self { database, settings, session: Mutex::new(None) }
    }

    /// Applies what fits into a transaction.
    async fn apply_some(&self, changes: &[Change<'_>]) -> Vec<Result<Applied, IndexError>> {
        let mut kept = self.session.lock().await;
        let worked = tokio::time::timeout(self.settings.time_out, self.work(&mut kept, changes)).await;
        match worked {
            Ok(Ok(results)) => results,
            Ok(Err(error)) => changes.iter().map(|_| Err(IndexError::Port(again(&error)))).collect(),
            Err(_) => {
                // Nobody knows what is still under way there.
                *kept = None;
                let seconds = self.settings.time_out.as_secs_f32();
                let late = || PortError::Unavailable {
                    what: "writing to pgstac".to_owned(),
                    source: format!("it took longer than {seconds} s").into(),
                };
                changes.iter().map(|_| Err(IndexError::Port(late()))).collect()
            }
        }
    }

    async fn work(
        &self,
        kept: &mut Option<Session>,
        changes: &[Change<'_>],
    ) -> Result<Vec<Result<Applied, IndexError>>, PortError> {
        let mut connections = 0;
        let mut attempt = 1;
        loop {
            // It stays out of there while it is used, so that one that was left in the middle is never used again.
            let mut session = match kept.take().filter(|session| !session.is_closed()) {
                Some(session) => session,
                None => {
                    connections += 1;
                    session::connect(&self.database, self.settings.time_out).await?
                }
            };
            let error = match write::write(&mut session, &self.settings, changes, attempt >= BELIEVED).await {
                Ok(results) => {
                    *kept = Some(session);
                    return Ok(results);
                }
                Err(error) => error,
            };
            let is_to_be_tried = match meaning(&error) {
                Meaning::Again => attempt < ATTEMPTS,
                Meaning::Lost => connections < CONNECTIONS,
                Meaning::Data | Meaning::Passing => false,
            };
            if !is_to_be_tried {
                return Err(failure::failed("writing to", session.place(), &error));
            }
            tracing::info!(attempt, error = failure::said(&error), "the batch is tried again");
            if meaning(&error) == Meaning::Again && session.clean().await {
                *kept = Some(session);
            }
            let longest = LONGEST_PAUSE.min(10 << attempt);
            let pause = rand::rng().random_range(0..=longest);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            attempt += 1;
        }
    }
}

impl<L: Locate + Sync> IndexItems for Pgstac<L> {
    async fn apply(&self, changes: &[Change<'_>]) -> Vec<Result<Applied, IndexError>> {
        let mut results = Vec::with_capacity(changes.len());
        let mut left = changes;
        while !left.is_empty() {
            let (some, rest) = left.split_at(fitting(left));
            results.extend(self.apply_some(some).await);
            left = rest;
        }
        results
    }
}

/// How many of the changes, one at least, fit into a transaction.
fn fitting(changes: &[Change<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |change: &&Change<'_>| {
        bytes += match &change.action {
            Action::PutItem(item) => item.text.len(),
            Action::PutCollection { text, .. } => text.len(),
            Action::RemoveItem { .. } | Action::RemoveSource => 0,
        };
        bytes <= MOST_BYTES
    };
    changes.iter().take(MOST_CHANGES).take_while(fits).count().max(1)
}

/// An error once more, for each change that it keeps from being applied.
fn again(error: &PortError) -> PortError {
    match error {
        PortError::Denied { what, source } => {
            PortError::Denied { what: what.clone(), source: source.to_string().into() }
        }
        PortError::Unavailable { what, source } => {
            PortError::Unavailable { what: what.clone(), source: source.to_string().into() }
        }
        other => PortError::Unavailable { what: "writing to pgstac".to_owned(), source: other.to_string().into() },
    }
}
