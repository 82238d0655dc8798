//! What an operator decides about an index in OpenSearch.

use std::fmt;
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use rustls::ClientConfig;

use crate::search::ports::UnknownCollection;

/// Where the engine is, and as whom to speak to it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// `https://HOST` or `https://HOST:PORT`. Plain `http://` only to this machine, or without [`Access::Basic`] and
    /// [`Access::Aws`].
    pub endpoint: String,
    /// As whom.
    pub access: Access,
    /// TLS as somebody wants it; by default, certificates that the system trusts are.
    pub tls: Option<ClientConfig>,
}

/// As whom to speak to the engine.
#[derive(Clone)]
pub enum Access {
    /// As nobody.
    Open,
    /// As a user with a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// As an identity of AWS: requests are signed (Signature Version 4) for the service `es`.
    Aws {
        /// The region of the domain.
        region: String,
        /// Whose credentials.
        credentials: SharedCredentialsProvider,
    },
}

/// Secrets are not for logs.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Basic { user, .. } => f.debug_struct("Basic").field("user", user).finish_non_exhaustive(),
            Self::Aws { region, .. } => f.debug_struct("Aws").field("region", region).finish_non_exhaustive(),
        }
    }
}

/// How the index is written.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The alias of the collections; the server's `STAC_COLLECTIONS_INDEX`.
    pub collections: String,
    /// What the aliases of items begin with; the server's `STAC_ITEMS_INDEX_PREFIX`.
    pub items: String,
    /// The index that remembers what was removed.
    pub memory: String,
    /// What happens to an item of an unknown collection.
    pub unknown_collection: UnknownCollection,
    /// How much is written by one request at first, in bytes. After a refusal it is less.
    pub request_bytes: usize,
    /// How many documents are written by one request at first.
    pub request_documents: usize,
    /// The longest request that the engine takes (`http.max_content_length`), in bytes. An item that does not fit is
    /// refused.
    pub longest_request: usize,
    /// How often a request is tried when the engine is overloaded or away.
    pub attempts: u32,
    /// How long to wait before the second attempt, at most; twice as long before each further one.
    pub backoff: Duration,
    /// How long one attempt may take.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            collections: "collections".to_owned(),
            items: "items_".to_owned(),
            memory: "lazycat-memory".to_owned(),
            unknown_collection: UnknownCollection::default(),
            request_bytes: 5 * 1024 * 1024,
            request_documents: 1000,
            longest_request: 10 * 1024 * 1024,
            attempts: 5,
            backoff: Duration::from_millis(200),
            patience: Duration::from_secs(30),
        }
    }
}

/// What is wrong with a connection or with settings.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The address is none.
    #[error(
        "the address {endpoint:?} of OpenSearch is not understood: {reason}; expected https://HOST or https://HOST:PORT"
    )]
    Endpoint {
        /// The address.
        endpoint: String,
        /// Why.
        reason: String,
    },
    /// Secrets would travel in the clear.
    #[error("the address {endpoint:?} of OpenSearch begins with http://, and credentials are sent over https:// alone")]
    Clear {
        /// The address.
        endpoint: String,
    },
    /// The system has no certificates that could be read.
    #[error("the certificates that the system trusts cannot be read: {0}")]
    Certificates(std::io::Error),
    /// A name that no index may have, or that another one has.
    #[error("the name {name:?} of {what} cannot be used: {reason}")]
    Name {
        /// Of what.
        what: &'static str,
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
}

impl Settings {
    /// Checks the names.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::Name`].
    pub(super) fn check(&self) -> Result<(), ConnectionError> {
        let named = |what, name: &str, reason| Err(ConnectionError::Name { what, name: name.to_owned(), reason });
        for (what, name) in [
            ("the alias of collections", &self.collections),
            ("the prefix of items", &self.items),
            ("the memory of removals", &self.memory),
        ] {
            let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
            if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.bytes().all(sound) {
                return named(what, name, "expected small letters, digits, _ and -, a letter first");
            }
            if name.len() > 100 {
                return named(what, name, "it is longer than 100 bytes");
            }
        }
        // A template reaches every index whose name begins as it says.
        for (one, other) in [
            (&self.items, &self.collections),
            (&self.items, &self.memory),
            (&self.collections, &self.items),
            (&self.collections, &self.memory),
        ] {
            if other.starts_with(one.as_str()) {
                return named("an index", other, "it begins as the name of another kind of index");
            }
        }
        Ok(())
    }
}
