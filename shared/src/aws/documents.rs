//! Documents that messages refer to, in S3 and behind https.

use std::fmt;
use std::time::Duration;

use aws_sdk_s3::Client;
use http::Request;
use http::header::{CONTENT_LENGTH, USER_AGENT};
use http_body_util::{BodyExt as _, Empty};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;

use super::batch::at_once;
use super::failure::{chain, unavailable};
use super::object;
use crate::ports::{PortError, PortResult};
use crate::search::ports::FetchDocuments;
use crate::search::source::Source;

/// How many documents are read at a time. A read mostly waits, and five hundred of them make a batch.
const AT_ONCE: usize = 64;

/// Who asks, for the logs of others.
const ASKING: &str = concat!("lazycat/", env!("CARGO_PKG_VERSION"));

type Http = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Empty<&'static [u8]>>;

/// Reads documents from buckets and from https hosts. Clones share the connections.
///
/// Which buckets and hosts are allowed is for the use case to say, and no request is made to any other: a redirect is
/// an error. Needs `s3:GetObject` on the objects, and `s3:ListBucket` on the buckets, because without it S3 answers 403
/// where an object is gone. The requester pays.
#[derive(Clone)]
pub struct Documents {
    s3: Client,
    https: Http,
    time_out: Duration,
}

impl fmt::Debug for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documents").field("time_out", &self.time_out).finish_non_exhaustive()
    }
}

impl Documents {
    /// Documents by this client; over https, a read may take `time_out`. The hosts' certificates are checked against
    /// those that the system trusts.
    ///
    /// # Errors
    ///
    /// When the system has none that could be read.
    pub fn new(s3: Client, time_out: Duration) -> PortResult<Self> {
        let roots = HttpsConnectorBuilder::new().with_native_roots();
        let connector =
            roots.map_err(|error| unavailable("reading the certificates that the system trusts", &error))?;
        Ok(Self { s3, https: http(connector.https_only().enable_http1().build()), time_out })
    }

    /// Documents with TLS as this configuration says.
    #[must_use]
    pub fn with_tls(s3: Client, time_out: Duration, tls: ClientConfig) -> Self {
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        Self { s3, https: http(connector), time_out }
    }

    async fn read(&self, source: &Source, limit: u64) -> PortResult<Vec<u8>> {
        match source {
            Source::S3 { bucket, key } => object::read(&self.s3, bucket, key, limit).await,
            Source::Https { host, path } => {
                let read = self.get(source, host, path, limit);
                tokio::time::timeout(self.time_out, read).await.unwrap_or_else(|_| {
                    let seconds = self.time_out.as_secs_f32();
                    Err(failed(source, format!("it did not come within {seconds} s")))
                })
            }
        }
    }

    async fn get(&self, source: &Source, host: &str, path: &str, limit: u64) -> PortResult<Vec<u8>> {
        // What stands behind # is for the reader alone.
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        let request = Request::get(format!("https://{host}{slash}{path}")).header(USER_AGENT, ASKING);
        let request =
            request.body(Empty::new()).map_err(|error| denied(source, format!("it is no address: {error}")))?;
        let answer = self.https.request(request).await.map_err(|error| failed(source, chain(&error)))?;
        let status = answer.status();
        match status.as_u16() {
            200 => {}
            404 | 410 => return Err(PortError::NotFound { what: source.to_string() }),
            401 | 403 => return Err(denied(source, format!("the host answers {status}"))),
            300..=399 => {
                let reason =
                    format!("the host answers {status}, and redirects are not followed: send the address itself");
                return Err(denied(source, reason));
            }
            _ => return Err(failed(source, format!("the host answers {status}"))),
        }
        let announced = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let announced: u64 = announced.and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = answer.into_body();
        if announced > limit {
            return Err(PortError::TooLarge { what: source.to_string(), size: announced, limit });
        }
        let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| failed(source, chain(&error)))?;
            let Ok(data) = frame.into_data() else { continue };
            bytes.extend_from_slice(&data);
            let size = bytes.len() as u64;
            if size > limit {
                return Err(PortError::TooLarge { what: source.to_string(), size, limit });
            }
        }
        Ok(bytes)
    }
}

impl FetchDocuments for Documents {
    async fn fetch(&self, sources: &[Source], limit: u64) -> Vec<PortResult<Vec<u8>>> {
        at_once(AT_ONCE, sources.iter().map(|source| self.read(source, limit)).collect()).await
    }
}

fn http(connector: HttpsConnector<HttpConnector>) -> Http {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector)
}

fn failed(source: &Source, reason: String) -> PortError {
    PortError::Unavailable { what: format!("reading {source}"), source: reason.into() }
}

fn denied(source: &Source, reason: String) -> PortError {
    PortError::Denied { what: source.to_string(), source: reason.into() }
}
