//! The search index of a stack, for an audit: whichever loaders feed.

use std::fmt;
use std::time::Duration;

use super::access::SearchAccess;
use super::clients::Clients;
use super::secrets::DatabaseSecret;
use crate::audit::{Held, IndexPage, InspectIndex, ItemName};
use crate::opensearch::settings::{Connection, Settings};
use crate::opensearch::{self, OpenSearch};
use crate::pgstac::{self, Locate, Target};
use crate::ports::{PortError, PortResult};
use crate::search::addresses::Addresses;

/// Where a search index is.
#[derive(Debug, Clone)]
pub enum IndexPlace {
    /// A database with pgstac.
    Pgstac {
        /// Which; where there is a secret, what that does not say.
        database: Box<Target>,
        /// The name or ARN of the secret with its user and password.
        secret: Option<String>,
    },
    /// An engine of OpenSearch.
    OpenSearch {
        /// Its address.
        endpoint: String,
        /// As whom to speak to it.
        user: IndexUser,
        /// What the aliases of items begin with, where not as usual.
        items: Option<String>,
    },
}

/// As whom to speak to OpenSearch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IndexUser {
    /// As nobody.
    Nobody,
    /// As the environment's own identity.
    #[default]
    Own,
    /// As the user of the secret of this name or ARN.
    Secret(String),
}

/// A search index that can be looked into.
#[derive(Debug)]
pub enum AuditedIndex {
    /// In PostgreSQL.
    Pgstac(Box<pgstac::Inspector<Database>>),
    /// In OpenSearch.
    OpenSearch(Box<opensearch::Inspector>),
}

/// A database, with a secret or without.
#[derive(Debug)]
pub enum Database {
    /// All of it is known.
    Known(Box<Target>),
    /// A secret says the rest.
    Secret(Box<DatabaseSecret>),
}

impl Locate for Database {
    async fn locate(&self, anew: bool) -> PortResult<Target> {
        match self {
            Self::Known(target) => target.locate(anew).await,
            Self::Secret(secret) => secret.locate(anew).await,
        }
    }
}

impl fmt::Display for IndexPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pgstac { database, .. } => write!(f, "pgstac in {database}"),
            Self::OpenSearch { endpoint, .. } => write!(f, "OpenSearch at {endpoint}"),
        }
    }
}

impl IndexPlace {
    /// What this index holds of the catalog at these addresses. A request to it may take `time_out`.
    ///
    /// # Errors
    ///
    /// When the secret of a user of OpenSearch cannot be read, or the address is none.
    pub async fn open(&self, clients: &Clients, addresses: Addresses, time_out: Duration) -> PortResult<AuditedIndex> {
        match self {
            Self::Pgstac { database, secret } => {
                let database = match secret {
                    None => Database::Known(database.clone()),
                    Some(secret) => {
                        let base = Target::clone(database);
                        Database::Secret(Box::new(DatabaseSecret::new(clients.secrets.clone(), secret.clone(), base)))
                    }
                };
                Ok(AuditedIndex::Pgstac(Box::new(pgstac::Inspector::new(database, addresses, time_out))))
            }
            Self::OpenSearch { endpoint, user, items } => {
                let access = match user {
                    IndexUser::Nobody => SearchAccess::Open,
                    IndexUser::Own => SearchAccess::Own,
                    IndexUser::Secret(secret) => {
                        SearchAccess::Secret { client: clients.secrets.clone(), secret: secret.clone() }
                    }
                };
                let connection = Connection { endpoint: endpoint.clone(), access: access.read().await?, tls: None };
                let usual = Settings::default();
                let items = items.clone().unwrap_or(usual.items);
                let settings = Settings { items, patience: time_out, ..Settings::default() };
                let engine = OpenSearch::new(&connection, settings)
                    .map_err(|error| PortError::Denied { what: "the search index".to_owned(), source: error.into() })?;
                Ok(AuditedIndex::OpenSearch(Box::new(opensearch::Inspector::new(engine, addresses))))
            }
        }
    }
}

impl InspectIndex for AuditedIndex {
    const READS_CATALOG: bool = false;

    async fn indexed(&self, prefix: &str, after: Option<&str>) -> PortResult<IndexPage> {
        match self {
            Self::Pgstac(index) => index.indexed(prefix, after).await,
            Self::OpenSearch(index) => index.indexed(prefix, after).await,
        }
    }

    async fn holds(&self, items: &[ItemName]) -> PortResult<Vec<bool>> {
        match self {
            Self::Pgstac(index) => index.holds(items).await,
            Self::OpenSearch(index) => index.holds(items).await,
        }
    }

    fn refuses(&self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Pgstac(index) => index.refuses(bytes),
            Self::OpenSearch(index) => index.refuses(bytes),
        }
    }

    async fn compare(&self, item: &ItemName, bytes: &[u8]) -> PortResult<Held> {
        match self {
            Self::Pgstac(index) => index.compare(item, bytes).await,
            Self::OpenSearch(index) => index.compare(item, bytes).await,
        }
    }
}
