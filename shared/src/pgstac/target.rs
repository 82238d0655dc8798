//! Which database, and how to speak to it.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::ports::{PortError, PortResult};

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// How long sent data may stay without an answer of the other machine, before the connection counts as broken.
const UNANSWERED: Duration = Duration::from_secs(30);

/// How the connection is protected, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// `disable`: never.
    Disable,
    /// `allow`, `prefer`: when the server can. Anybody may listen, and pretend to be the server.
    Prefer,
    /// `require`: always, with whoever answers. With root certificates given, as [`TlsMode::VerifyCa`].
    Require,
    /// `verify-ca`: with a certificate that a trusted authority has signed, whoever it is for.
    VerifyCa,
    /// `verify-full`: with such a certificate for this very host.
    VerifyFull,
}

/// A database: a connection string of libpq, either of its forms, as far as `host`, `port`, `dbname`, `user`,
/// `password`, `sslmode`, `sslrootcert` and the names that `tokio-postgres` knows go.
///
/// Without `sslmode` a connection that leaves the machine is `verify-full`; libpq takes what it gets.
///
/// ```
/// use lazycat::pgstac::Target;
///
/// let target: Target = "host=db.example.com dbname=postgis user=loader password=secret".parse().unwrap();
/// assert_eq!(target.to_string(), "postgis at db.example.com:5432");
/// assert!(!format!("{target:?}").contains("secret"));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Target {
    config: Config,
    /// What was asked for.
    mode: Option<TlsMode>,
    /// The root certificates, PEM; those that the system trusts when none is given.
    pub(super) roots: Option<PathBuf>,
}

/// Why a text names no database. It never repeats the text, for that may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(String);

/// The members of a secret, as RDS and its users write it.
#[derive(Deserialize)]
struct Secret {
    username: Option<String>,
    password: Option<String>,
    host: Option<String>,
    port: Option<Box<RawValue>>,
    dbname: Option<String>,
}

impl Target {
    /// This database with what a secret says of it: a JSON object with `username` and `password`, and where this lacks
    /// them `host`, `port` and `dbname`.
    ///
    /// # Errors
    ///
    /// What is wrong with the secret, without any of it.
    pub fn with_secret(&self, secret: &str) -> Result<Self, TargetError> {
        let error = |text: &str| TargetError(format!("the secret {text}"));
        let secret: Secret = serde_json::from_str(secret)
            .map_err(|_| error("is no JSON object with the texts username, password, host, dbname and a port"))?;
        let mut target = self.clone();
        target.config.user(secret.username.ok_or_else(|| error("has no username"))?);
        target.config.password(secret.password.ok_or_else(|| error("has no password"))?);
        if self.config.get_hosts().is_empty() {
            target
                .config
                .host(secret.host.ok_or_else(|| error("has no host, and the connection string has none either"))?);
        }
        if let (true, Some(port)) = (self.config.get_ports().is_empty(), secret.port) {
            let port = port.get().trim_matches('"').parse().map_err(|_| error("has a port that is no number"))?;
            target.config.port(port);
        }
        if let (None, Some(name)) = (self.config.get_dbname(), secret.dbname) {
            target.config.dbname(name);
        }
        Ok(target)
    }

    /// What `tokio-postgres` is told.
    pub(super) fn config(&self) -> Config {
        let mut config = self.config.clone();
        config.ssl_mode(match self.mode() {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        config.application_name("lazycat").connect_timeout(CONNECT).tcp_user_timeout(UNANSWERED);
        config
    }

    /// How the connection is protected.
    #[must_use]
    pub fn mode(&self) -> TlsMode {
        match self.mode {
            Some(TlsMode::Require) if self.roots.is_some() => TlsMode::VerifyCa,
            Some(mode) => mode,
            None if self.config.get_hosts().iter().all(is_here) => TlsMode::Prefer,
            None => TlsMode::VerifyFull,
        }
    }
}

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.config.get_dbname().or(self.config.get_user()).unwrap_or("the default database");
        write!(f, "{name} at ")?;
        match self.config.get_hosts().first() {
            None => f.write_str("no host")?,
            Some(Host::Tcp(host)) => write!(f, "{host}")?,
            Some(Host::Unix(path)) => write!(f, "{}", path.display())?,
        }
        write!(f, ":{}", self.config.get_ports().first().unwrap_or(&5432))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}, {:?})", self.mode())
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (mut mode, mut roots) = (None, None);
        let mut take = |name: &str, value: &str| -> Result<bool, TargetError> {
            match name {
                "sslmode" => mode = Some(tls_mode(value)?),
                "sslrootcert" => roots = Some(PathBuf::from(value)).filter(|_| !value.is_empty()),
                _ => return Ok(false),
            }
            Ok(true)
        };
        let left = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            without_in_url(text, &mut take)?
        } else {
            without_in_words(text, &mut take)?
        };
        // What it says of a bad text names a word of it, but never a value.
        let config = left.parse::<Config>().map_err(|error| TargetError(super::failure::said(&error)))?;
        Ok(Self { config, mode, roots })
    }
}

fn tls_mode(word: &str) -> Result<TlsMode, TargetError> {
    Ok(match word {
        "disable" => TlsMode::Disable,
        "allow" | "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        _ => {
            let words = "disable, allow, prefer, require, verify-ca or verify-full";
            return Err(TargetError(format!("sslmode is none of {words}")));
        }
    })
}

type Take<'a> = dyn FnMut(&str, &str) -> Result<bool, TargetError> + 'a;

/// A connection string in the form of a URL without the parameters that are taken.
fn without_in_url(text: &str, take: &mut Take<'_>) -> Result<String, TargetError> {
    let Some((address, query)) = text.split_once('?') else { return Ok(text.to_owned()) };
    let mut left = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8().map_err(|_| TargetError("it is not UTF-8".to_owned()))?;
        if !take(name, &value)? {
            left.push(pair);
        }
    }
    Ok(if left.is_empty() { address.to_owned() } else { format!("{address}?{}", left.join("&")) })
}

/// A connection string in the form of words, `name = value` or `name = 'value'`, without those that are taken.
fn without_in_words(text: &str, take: &mut Take<'_>) -> Result<String, TargetError> {
    let mut left = String::new();
    let mut rest = text.chars().peekable();
    loop {
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        if rest.peek().is_none() {
            return Ok(left);
        }
        let mut name = String::new();
        while let Some(character) = rest.next_if(|character| *character != '=' && !character.is_whitespace()) {
            name.push(character);
        }
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        if rest.next() != Some('=') {
            return Err(TargetError("it is neither name=value words nor postgresql://".to_owned()));
        }
        while rest.next_if(|character| character.is_whitespace()).is_some() {}
        let is_quoted = rest.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        loop {
            match rest.next() {
                Some('\'') if is_quoted => break,
                None if is_quoted => return Err(TargetError(format!("the value of {name} has no end"))),
                None => break,
                Some(character) if !is_quoted && character.is_whitespace() => break,
                Some('\\') => value.extend(rest.next()),
                Some(character) => value.push(character),
            }
        }
        if !take(&name, &value)? {
            let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
            left.push_str(&format!("{name}='{escaped}' "));
        }
    }
}

/// Gives the database to connect to. A [`Target`] gives itself.
pub trait Locate {
    /// The database. With `anew`, what was given before was not let in: where credentials change, they are read again.
    fn locate(&self, anew: bool) -> impl Future<Output = PortResult<Target>> + Send;
}

impl Locate for Target {
    async fn locate(&self, _: bool) -> PortResult<Target> {
        if self.config.get_hosts().is_empty() {
            return Err(PortError::Denied { what: "the database".to_owned(), source: "no host is named".into() });
        }
        Ok(self.clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        text.parse().unwrap()
    }

    #[test]
    fn both_forms_are_read() {
        for text in [
            "host=db.example user=u password='it''s' dbname=d port=6543 sslmode=verify-ca sslrootcert=/a/b.pem",
            "host = 'db.example' user='u' password=a\\'b dbname=d port=6543 sslmode='verify-ca' sslrootcert=/a/b.pem",
            "postgresql://u:a%27b@db.example:6543/d?sslmode=verify-ca&sslrootcert=%2Fa%2Fb.pem",
        ] {
            let text = text.replace("''s", "\\'s");
            let target = target(&text);
            assert_eq!(target.to_string(), "d at db.example:6543", "{text}");
            assert_eq!((target.mode(), target.roots.as_ref().unwrap().to_str()), (TlsMode::VerifyCa, Some("/a/b.pem")));
            assert_eq!(target.config.get_user(), Some("u"));
            assert!(!format!("{target:?}").contains("a'b"));
        }
    }

    #[test]
    fn what_leaves_the_machine_is_verified_unless_something_else_is_asked_for() {
        for (text, mode) in [
            ("host=db.example", TlsMode::VerifyFull),
            ("host=10.0.0.1", TlsMode::VerifyFull),
            ("host=127.0.0.1,db.example", TlsMode::VerifyFull),
            ("host=127.0.0.1", TlsMode::Prefer),
            ("host=localhost", TlsMode::Prefer),
            ("host=/var/run/postgresql", TlsMode::Prefer),
            ("host=127.0.0.1 sslmode=verify-full", TlsMode::VerifyFull),
            ("host=db.example sslmode=require", TlsMode::Require),
            ("host=db.example sslmode=require sslrootcert=a.pem", TlsMode::VerifyCa),
            ("host=db.example sslmode=disable", TlsMode::Disable),
        ] {
            assert_eq!(target(text).mode(), mode, "{text}");
        }
    }

    #[test]
    fn a_bad_text_is_refused_without_its_values() {
        for text in [
            "secret",
            "host=a password='secret",
            "host=a sslmode=secret",
            "host=a port=secret",
            "host=a secretname=x",
            "postgresql://a:secret@b/c?port=secret",
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(!error.contains("secret") || text.contains("secretname"), "{error}");
        }
    }

    #[test]
    fn a_secret_fills_in_what_is_not_known() {
        let secret =
            r#"{"username":"u","password":"p","host":"db.example","port":6543,"dbname":"d","engine":"postgres"}"#;
        let full = target("").with_secret(secret).unwrap();
        assert_eq!((full.to_string().as_str(), full.mode()), ("d at db.example:6543", TlsMode::VerifyFull));
        let given = target("host=proxy.example dbname=e port=5432").with_secret(secret).unwrap();
        assert_eq!(given.to_string(), "e at proxy.example:5432");
        let text = r#"{"username":"u","password":"p","host":"h","port":"6543"}"#;
        assert_eq!(target("").with_secret(text).unwrap().config.get_ports(), [6543]);
        for bad in ["secret", "{}", r#"{"username":"secret"}"#, r#"{"username":"a","password":"secret"}"#] {
            assert!(!target("").with_secret(bad).unwrap_err().to_string().contains("secret\""), "{bad}");
        }
    }
}
