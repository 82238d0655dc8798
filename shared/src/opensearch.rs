//! A search index in OpenSearch, laid out as stac-fastapi-opensearch lays it out, which so serves it unchanged.
//!
//! A collection's items are in one index behind the alias `items_{id}`, collections behind the alias `collections`. A
//! document's external version is the time of the change it comes from, and the engine refuses lesser ones. It forgets
//! the version of a deleted document after a minute, so a third index, of our own, remembers what was removed.
//!
//! Layout:
//!
//! - pure code: `names` of indices and documents, their `mappings`, [`settings`] that an operator decides;
//! - `client` speaks HTTP, `bulk` sends what is written, `collections` sees to it that there is an index to write to;
//! - `apply` is the port [`crate::search::ports::IndexItems`]: start reading there; `inspect` is for audits.

mod apply;
mod bulk;
mod client;
mod collections;
mod inspect;
mod mappings;
mod names;
mod removals;
pub mod settings;

use std::collections::HashSet;
use std::sync::Mutex;

use tokio::sync::OnceCell;

use self::client::Http;
pub use self::inspect::Inspector;
use self::settings::{Connection, ConnectionError, Settings};

/// A search index in OpenSearch. It needs a tokio runtime.
#[derive(Debug)]
pub struct OpenSearch {
    http: Http,
    settings: Settings,
    /// Set when the engine is one that is known, and has the templates and indices that all collections share.
    ready: OnceCell<()>,
    /// The collections that have their index.
    known: Mutex<HashSet<String>>,
}

impl OpenSearch {
    /// An index behind this connection. No request is made yet.
    ///
    /// # Errors
    ///
    /// [`ConnectionError`].
    pub fn new(connection: &Connection, settings: Settings) -> Result<Self, ConnectionError> {
        let http = Http::new(connection, settings.patience)?;
        settings.check()?;
        Ok(Self { http, settings, ready: OnceCell::new(), known: Mutex::default() })
    }
}
