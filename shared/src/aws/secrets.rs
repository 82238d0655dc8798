//! The password of a database, in Secrets Manager.

use std::fmt;

use aws_sdk_secretsmanager::Client;
use tokio::sync::Mutex;

use super::failure::{failed, wanting};
use crate::pgstac::{Locate, Target};
use crate::ports::{PortError, PortResult};

/// A database whose user and password are a secret, as RDS writes it. The secret is fetched once, and again when the
/// database does not take what it said, for secrets are rotated. It is never logged. Needs
/// `secretsmanager:GetSecretValue` on it.
pub struct DatabaseSecret {
    client: Client,
    secret: String,
    base: Target,
    known: Mutex<Option<Target>>,
}

impl DatabaseSecret {
    /// The secret of this name or ARN; `base` says what it does not, such as the host, and how to connect.
    pub fn new(client: Client, secret: impl Into<String>, base: Target) -> Self {
        Self { client, secret: secret.into(), base, known: Mutex::new(None) }
    }

    async fn fetch(&self) -> PortResult<Target> {
        let answer = self.client.get_secret_value().secret_id(&self.secret).send().await;
        let answer = answer.map_err(|error| failed("reading the secret", &self.secret, error))?;
        let text =
            answer.secret_string().ok_or_else(|| wanting(format!("reading the secret {}", self.secret), "text"))?;
        self.base.with_secret(text).map_err(|error| PortError::Denied {
            what: format!("the secret {}", self.secret),
            source: error.to_string().into(),
        })
    }
}

impl fmt::Debug for DatabaseSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSecret").field("secret", &self.secret).field("base", &self.base).finish_non_exhaustive()
    }
}

impl Locate for DatabaseSecret {
    async fn locate(&self, anew: bool) -> PortResult<Target> {
        let mut known = self.known.lock().await;
        if let (Some(target), false) = (known.as_ref(), anew) {
            return Ok(target.clone());
        }
        let target = self.fetch().await?;
        *known = Some(target.clone());
        Ok(target)
    }
}
