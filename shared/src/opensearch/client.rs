//! HTTP with the engine: one kept client, and requests that carry who asks.

use std::fmt;
use std::io::Cursor;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rand::Rng as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::settings::{Access, Connection, ConnectionError};
use crate::ports::{BoxError, PortError, PortResult};

/// Who asks, for the logs of the engine.
const ASKING: &str = concat!("lazycat/", env!("CARGO_PKG_VERSION"));

/// The name of the service in signatures.
const SERVICE: &str = "es";

/// How much of an answer that is not understood is repeated.
const SHOWN: usize = 300;

type Body = Full<Cursor<Shared>>;

/// The bytes of a request, which may be sent more than once.
#[derive(Clone)]
pub(super) struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// What a request carries.
#[derive(Clone)]
pub(super) struct Content {
    kind: &'static str,
    bytes: Shared,
}

impl Content {
    pub(super) fn json(value: &Value) -> Self {
        Self { kind: "application/json", bytes: Shared(Arc::new(value.to_string().into_bytes())) }
    }

    pub(super) fn lines(bytes: Vec<u8>) -> Self {
        Self { kind: "application/x-ndjson", bytes: Shared(Arc::new(bytes)) }
    }

    fn none() -> Self {
        Self { kind: "application/json", bytes: Shared(Arc::new(Vec::new())) }
    }
}

/// What the engine answers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the same request may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        may_pass(self.status)
    }

    pub(super) fn read<T: DeserializeOwned>(&self, doing: &str) -> PortResult<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| unavailable(doing, format!("its answer is not understood: {error}")))
    }

    /// The kind of error that the engine names.
    pub(super) fn kind(&self) -> String {
        self.cause().kind
    }

    /// What the engine says is wrong, in one sentence.
    pub(super) fn reason(&self) -> String {
        let cause = self.cause();
        if cause.kind.is_empty() && cause.reason.is_empty() {
            let text: String = String::from_utf8_lossy(&self.body).chars().take(SHOWN).collect();
            return format!("status {}: {text}", self.status);
        }
        format!("status {}: {cause}", self.status)
    }

    fn cause(&self) -> Cause {
        #[derive(Deserialize)]
        struct Failure {
            error: Cause,
        }
        serde_json::from_slice::<Failure>(&self.body).map(|failure| failure.error).unwrap_or_default()
    }

    /// An answer that is no success, as a failure.
    pub(super) fn failure(&self, doing: &str) -> PortError {
        let source: BoxError = self.reason().into();
        let what = format!("OpenSearch, {doing}");
        if matches!(self.status, 401 | 403) && self.kind() != BLOCKED {
            PortError::Denied { what, source }
        } else {
            PortError::Unavailable { what, source }
        }
    }
}

/// What an index that takes no writes now answers, with status 403: a full disk, mostly.
pub(super) const BLOCKED: &str = "cluster_block_exception";

/// Whether what was answered with this status may succeed later.
pub(super) fn may_pass(status: u16) -> bool {
    status == 429 || status >= 500
}

/// An error as the engine writes it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Cause {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) caused_by: Option<Box<Cause>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.reason)?;
        match &self.caused_by {
            Some(cause) if cause.reason != self.reason => write!(f, "; {}", cause.reason),
            _ => Ok(()),
        }
    }
}

/// The client of one engine.
pub(super) struct Http {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    /// Scheme and authority.
    base: String,
    identity: Identity,
    patience: Duration,
}

/// What every request carries to say who asks.
enum Identity {
    None,
    Header(HeaderValue),
    Signature { region: String, credentials: SharedCredentialsProvider },
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Http {
    pub(super) fn new(connection: &Connection, patience: Duration) -> Result<Self, ConnectionError> {
        let endpoint = &connection.endpoint;
        let malformed =
            |reason: &str| ConnectionError::Endpoint { endpoint: endpoint.clone(), reason: reason.to_owned() };
        let uri: Uri = endpoint.parse().map_err(|error| malformed(&format!("{error}")))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(malformed("it has no scheme or no host"));
        };
        if !matches!(scheme, "http" | "https") {
            return Err(malformed("its scheme is neither"));
        }
        if authority.as_str().contains('@') {
            return Err(malformed("it holds a user name, which has its own place"));
        }
        if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") {
            return Err(malformed("it goes on behind the host"));
        }
        let is_here = matches!(authority.host(), "127.0.0.1" | "localhost" | "[::1]");
        if scheme == "http" && !is_here && !matches!(connection.access, Access::Open) {
            return Err(ConnectionError::Clear { endpoint: endpoint.clone() });
        }
        let identity = match &connection.access {
            Access::Open => Identity::None,
            Access::Basic { user, password } => {
                let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
                let mut header = HeaderValue::try_from(format!("Basic {encoded}"))
                    .map_err(|_| malformed("its password cannot be sent"))?;
                header.set_sensitive(true);
                Identity::Header(header)
            }
            Access::Aws { region, credentials } => {
                Identity::Signature { region: region.clone(), credentials: credentials.clone() }
            }
        };
        let connector = match &connection.tls {
            Some(tls) => HttpsConnectorBuilder::new().with_tls_config(tls.clone()),
            None => HttpsConnectorBuilder::new().with_native_roots().map_err(ConnectionError::Certificates)?,
        };
        let client = Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build());
        Ok(Self { client, base: format!("{scheme}://{authority}"), identity, patience })
    }

    /// A request without content, tried once.
    pub(super) async fn ask(&self, method: Method, path: &str) -> PortResult<Answer> {
        self.send(method, path, Content::none()).await
    }

    /// A request, tried once. The path is the caller's, with everything in it encoded.
    pub(super) async fn send(&self, method: Method, path: &str, content: Content) -> PortResult<Answer> {
        let doing = format!("{method} {path}");
        let asked = async {
            let request = self.request(method, path, content).await?;
            let answer = self.client.request(request).await?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await?.to_bytes().to_vec();
            Ok::<_, BoxError>(Answer { status, body })
        };
        match tokio::time::timeout(self.patience, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(unavailable(&doing, chain(error.as_ref()))),
            Err(_) => Err(unavailable(&doing, format!("no answer came within {} s", self.patience.as_secs_f32()))),
        }
    }

    async fn request(&self, method: Method, path: &str, content: Content) -> Result<Request<Body>, BoxError> {
        let address = format!("{}{path}", self.base);
        let mut request = Request::builder()
            .method(method)
            .uri(&address)
            .header(USER_AGENT, ASKING)
            .header(CONTENT_TYPE, content.kind)
            .body(Full::new(Cursor::new(content.bytes.clone())))?;
        match &self.identity {
            Identity::None => {}
            Identity::Header(header) => {
                request.headers_mut().insert(AUTHORIZATION, header.clone());
            }
            Identity::Signature { region, credentials } => {
                let credentials = credentials.provide_credentials().await?;
                sign_as(&mut request, content.bytes.as_ref(), region, credentials, SystemTime::now())?;
            }
        }
        Ok(request)
    }
}

/// Signs a request (AWS Signature Version 4).
fn sign_as<B>(
    request: &mut Request<B>,
    content: &[u8],
    region: &str,
    credentials: Credentials,
    now: SystemTime,
) -> Result<(), BoxError> {
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(SigningSettings::default())
        .build()?
        .into();
    let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    request.headers_mut().insert(HOST, HeaderValue::try_from(host)?);
    let method = request.method().as_str().to_owned();
    let address = request.uri().to_string();
    let instructions = {
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signed = SignableRequest::new(&method, &address, headers, SignableBody::Bytes(content))?;
        sign(signed, &parameters)?.into_parts().0
    };
    for (name, value) in instructions.headers() {
        request.headers_mut().insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
    }
    Ok(())
}

/// How long to wait before the attempt after `attempt`, which counts from 1: twice as long each time, at most, and a
/// random part of it, so that loaders that were refused together do not come back together.
pub(super) fn pause(backoff: Duration, attempt: u32) -> Duration {
    let longest = backoff.saturating_mul(1 << attempt.saturating_sub(1).min(6));
    longest.mul_f64(rand::rng().random_range(0.5..=1.0))
}

pub(super) fn unavailable(doing: &str, reason: String) -> PortError {
    PortError::Unavailable { what: format!("OpenSearch, {doing}"), source: reason.into() }
}

/// An error and its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
