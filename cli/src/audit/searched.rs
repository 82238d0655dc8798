//! The search index of a stack, as a command is told of it.

use std::collections::BTreeSet;

use lazycat::aws::{IndexPlace, IndexUser};
use lazycat::pgstac::Target;

/// The variable that names a database.
const DATABASE: &str = "LAZYCAT_DATABASE";

/// Which index, and what it is to hold.
#[derive(Debug, clap::Args)]
pub(super) struct Searched {
    /// With --stack: compare the items in pgstac, too. The database is named by the variable LAZYCAT_DATABASE, a connection
    /// string of libpq, as it may hold a password; --database-secret says what that does not.
    #[arg(long, requires = "stack", conflicts_with = "opensearch")]
    pgstac: bool,

    /// With --pgstac: the name or ARN of a secret with user and password, as RDS writes it.
    #[arg(long, value_name = "ARN", requires = "pgstac")]
    database_secret: Option<String>,

    /// With --stack: compare the items in OpenSearch at this address, too. Requests are signed as from these credentials of
    /// AWS, unless it is said otherwise.
    #[arg(long, value_name = "URL", requires = "stack")]
    opensearch: Option<String>,

    /// With --opensearch: the name or ARN of a secret with username and password.
    #[arg(long, value_name = "ARN", requires = "opensearch", conflicts_with = "opensearch_open")]
    opensearch_secret: Option<String>,

    /// With --opensearch: send no credentials.
    #[arg(long, requires = "opensearch")]
    opensearch_open: bool,

    /// With --opensearch: what the aliases of items begin with, where not items_.
    #[arg(long, value_name = "PREFIX", requires = "opensearch")]
    opensearch_items: Option<String>,

    /// The collections whose items the search index is to hold, where it is not to hold all.
    #[arg(long = "indexed", value_name = "COLLECTION", requires = "stack")]
    indexed: Vec<String>,

    /// The address of a queue that feeds the search index: while messages wait there, what the index lacks is pending.
    #[arg(long = "loader-queue", value_name = "URL", requires = "stack")]
    pub(super) queues: Vec<String>,
}

impl Searched {
    /// The collections whose items the index is to hold.
    pub(super) fn collections(&self) -> BTreeSet<String> {
        self.indexed.iter().cloned().collect()
    }

    /// Where the index is, when one is to be compared.
    pub(super) fn place(&self) -> Result<Option<IndexPlace>, String> {
        if self.pgstac {
            let text = std::env::var(DATABASE).unwrap_or_default();
            if text.is_empty() && self.database_secret.is_none() {
                return Err(format!(
                    "--pgstac: {DATABASE} is not set, expected a connection string of libpq; or give --database-secret"
                ));
            }
            let database = text
                .parse::<Target>()
                .map_err(|error| format!("{DATABASE} is no connection string of libpq: {error}"))?;
            return Ok(Some(IndexPlace::Pgstac { database: Box::new(database), secret: self.database_secret.clone() }));
        }
        let Some(endpoint) = self.opensearch.clone() else { return Ok(None) };
        let user = match &self.opensearch_secret {
            Some(secret) => IndexUser::Secret(secret.clone()),
            None if self.opensearch_open => IndexUser::Nobody,
            None => IndexUser::Own,
        };
        Ok(Some(IndexPlace::OpenSearch { endpoint, user, items: self.opensearch_items.clone() }))
    }
}
