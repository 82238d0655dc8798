//! The ports of search: what the loaders need of the world, and what a STAC API needs of an index.
//!
//! As in [`crate::ports`]: small traits, futures that are `Send`, batches whose entries succeed or fail each by itself.

use std::future::Future;

use serde_json::value::RawValue;

use super::change::{Applied, Change};
use super::filter::FilterError;
use super::query::{Query, Token};
use super::source::Source;
use crate::ports::{PortError, PortResult};

/// Reads documents that messages only refer to.
pub trait FetchDocuments {
    /// Reads each document whole, in order, unless it is longer than `limit` bytes; as many at once as the adapter
    /// finds good. No redirect to another host or bucket is followed.
    ///
    /// Errors: as [`crate::ports::ReadSource::read`].
    fn fetch(&self, sources: &[Source], limit: u64) -> impl Future<Output = Vec<PortResult<Vec<u8>>>> + Send;
}

/// Why an index does not take a change.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// This very change cannot be taken, and never will be.
    #[error("{detail}")]
    Refused {
        /// A short, stable word.
        reason: String,
        /// One sentence.
        detail: String,
    },
    /// A later attempt may succeed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What becomes of an item whose collection an index does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnknownCollection {
    /// It is refused: a collection is wanting, or the item names a wrong one.
    #[default]
    Refuse,
    /// A collection is made that says no more than its id. The first message about it takes its place.
    Make,
}

impl std::str::FromStr for UnknownCollection {
    type Err = &'static str;

    /// As an operator says it: `refuse` or `make`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "make" => Ok(Self::Make),
            _ => Err("it is neither"),
        }
    }
}

/// A search index as the loaders see it.
pub trait IndexItems {
    /// Applies changes as if one after the other, in the order of the slice. A change of a version less than that of
    /// what the index holds, or remembers to have removed, changes nothing; one of an equal version does, so that a
    /// repeat is harmless. What is written is found by searches that start after this has ended.
    fn apply(&self, changes: &[Change<'_>]) -> impl Future<Output = Vec<Result<Applied, IndexError>>> + Send;
}

/// An item as a search found it.
#[derive(Debug, Clone)]
pub struct FoundItem {
    /// The id of its collection.
    pub collection: String,
    /// Its id.
    pub id: String,
    /// The item as it stands in the catalog.
    pub text: Box<RawValue>,
    /// Its key in the catalog that is served beside the API, when it is there.
    pub key: Option<String>,
}

/// A collection as the index knows it.
#[derive(Debug, Clone)]
pub struct FoundCollection {
    /// Its id.
    pub id: String,
    /// The document as it stands in the catalog.
    pub text: Box<RawValue>,
    /// Its key in the catalog that is served beside the API, when it is there.
    pub key: Option<String>,
}

/// One page of a search.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The items, in the order that was asked for.
    pub items: Vec<FoundItem>,
    /// Where the next page starts; none when this is the last.
    pub next: Option<Token>,
    /// How many items there are on all pages, when the index tells.
    pub matched: Option<u64>,
}

/// Why a search gives nothing.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The filter asks for what this index cannot do.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The token is of another search, or none of ours.
    #[error("the token does not belong to this search: start again without it")]
    Token,
    /// It took longer than a search may.
    #[error("the search took longer than {seconds} s: ask for a smaller area, a shorter time or fewer properties")]
    TooSlow {
        /// How long a search may take.
        seconds: u64,
    },
    /// There is no index yet.
    #[error("there is no search index yet: {hint}")]
    NoIndex {
        /// What makes one.
        hint: String,
    },
    /// The index cannot be read.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A search index as a STAC API sees it.
pub trait SearchItems {
    /// The conformance classes of CQL2 that this index does not keep whole. What it cannot do is
    /// [`SearchError::Filter`].
    fn unkept(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether there is an index that can be searched.
    fn ready(&self) -> impl Future<Output = Result<(), SearchError>> + Send;

    /// One page of the items that a query asks for.
    fn search(&self, query: &Query) -> impl Future<Output = Result<Found, SearchError>> + Send;

    /// One item.
    fn item(&self, collection: &str, id: &str) -> impl Future<Output = Result<Option<FoundItem>, SearchError>> + Send;

    /// Up to `most` collections by id, ascending, those after `after`.
    fn collections(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> impl Future<Output = Result<Vec<FoundCollection>, SearchError>> + Send;

    /// One collection.
    fn collection(&self, id: &str) -> impl Future<Output = Result<Option<FoundCollection>, SearchError>> + Send;

    /// The properties that items have, of one collection or of all, as far as a sample tells: name and JSON type.
    fn properties(
        &self,
        collection: Option<&str>,
    ) -> impl Future<Output = Result<Vec<(String, &'static str)>, SearchError>> + Send;
}
