//! A batch of changes becomes rows, in a few transactions.
//!
//! Layout: `collections` and `partitions` see to it that there is something to write to, `items` writes, `memory` is
//! what is remembered of items and sources.

mod collections;
mod items;
mod memory;
mod partitions;

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::Error;

use self::items::Prepared;
use super::failure::{Meaning, meaning, said};
use super::rows::{self, Collection};
use super::session::Session;
use super::version::Format;
use super::{Dehydration, Settings};
use crate::search::change::{Action, Applied, Change};
use crate::search::item::CheckedItem;
use crate::search::ports::IndexError;

/// What is refused, by the position of its change: a word and a sentence.
type Refused = BTreeMap<usize, (&'static str, String)>;

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

    /// Brings the items into the form that the database wants.
    fn prepare(&mut self, collections: &HashMap<String, Collection>, format: Format) -> HashMap<usize, Prepared<'a>> {
        let mut prepared = HashMap::new();
        let mut refused = Vec::new();
        for (at, item) in self.items() {
            let Some(collection) = collections.get(item.collection.as_ref()) else { continue };
            match format {
                Format::Foreign => drop(prepared.insert(at, Prepared::Text(item.text))),
                Format::Plain | Format::Tagged => match rows::content(item, collection) {
                    Ok(content) => drop(prepared.insert(at, Prepared::row(item, content))),
                    Err(error) => refused.push((at, ("item", format!("it is no item in JSON: {error}")))),
                },
            }
        }
        self.refused.extend(refused);
        prepared
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
