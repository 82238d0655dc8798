//! As whom a function of AWS speaks to OpenSearch.

use std::fmt;

use aws_sdk_secretsmanager::Client;
use serde::Deserialize;

use super::clients::behaviour;
use super::failure::{failed, wanting};
use crate::opensearch::settings::Access;
use crate::ports::{PortError, PortResult};

/// As whom to speak to OpenSearch.
pub enum SearchAccess {
    /// As nobody.
    Open,
    /// As the environment's own identity: the function's role.
    Own,
    /// As the user that a secret names, as Secrets Manager has those of databases: an object with `username` and
    /// `password`. Needs `secretsmanager:GetSecretValue` on it.
    Secret {
        /// Reads it.
        client: Client,
        /// Its name or ARN.
        secret: String,
    },
}

#[derive(Deserialize)]
struct User {
    username: String,
    password: String,
}

impl SearchAccess {
    /// The access as it is now: a secret is read anew each time, for secrets are rotated.
    ///
    /// # Errors
    ///
    /// When the secret cannot be read or is none, or the environment has no region or no credentials.
    pub async fn read(&self) -> PortResult<Access> {
        match self {
            Self::Open => Ok(Access::Open),
            Self::Own => {
                let config = aws_config::defaults(behaviour()).load().await;
                let what = "the environment's own identity";
                let region = config.region().ok_or_else(|| wanting(what, "region"))?.to_string();
                let credentials = config.credentials_provider().ok_or_else(|| wanting(what, "credentials"))?;
                Ok(Access::Aws { region, credentials })
            }
            Self::Secret { client, secret } => {
                let answer = client.get_secret_value().secret_id(secret).send().await;
                let answer = answer.map_err(|error| failed("reading the secret", secret, error))?;
                let text =
                    answer.secret_string().ok_or_else(|| wanting(format!("reading the secret {secret}"), "text"))?;
                user(text).ok_or_else(|| PortError::Denied {
                    what: format!("the secret {secret}"),
                    source: "it is no JSON object with the texts username and password".into(),
                })
            }
        }
    }
}

/// The user of a secret. What is wrong with it is not told: it would repeat a part of it.
fn user(text: &str) -> Option<Access> {
    let User { username, password } = serde_json::from_str(text).ok()?;
    Some(Access::Basic { user: username, password })
}

impl fmt::Debug for SearchAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Own => f.write_str("Own"),
            Self::Secret { secret, .. } => f.debug_struct("Secret").field("secret", secret).finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_user_and_a_password_and_whatever_else() {
        let text = r#"{"username":"loader","password":"hush","engine":"opensearch"}"#;
        assert!(matches!(user(text), Some(Access::Basic { user, password }) if user == "loader" && password == "hush"));
        for none in ["", "hush", r#"{"username":"loader"}"#, r#"{"username":"loader","password":7}"#] {
            assert!(user(none).is_none(), "{none}");
        }
    }
}
