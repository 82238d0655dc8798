//! A service that answers as a test says, over a real connection, and remembers what it was asked.
//!
//! For what an emulator does not do, or not as the real service does: refusals, failures, answers that end early.

// A server that cannot be had ends the test.
#![allow(clippy::panic)]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a service was asked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `PUT`, ...
    pub method: String,
    /// The path and the query, as they were sent.
    pub target: String,
    /// The headers, their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, empty when there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// What a service answers.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    announced: Option<u64>,
}

impl Answer {
    /// This status and body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), announced: None }
    }

    /// An error as S3 and SNS write it.
    #[must_use]
    pub fn xml_error(status: u16, code: &str) -> Self {
        Self::new(status, format!("<Error><Code>{code}</Code><Message>made to fail</Message></Error>"))
    }

    /// An error as SQS and DynamoDB write it.
    #[must_use]
    pub fn json_error(code: &str) -> Self {
        Self::new(400, format!(r#"{{"__type":"com.amazonaws#{code}","message":"made to fail"}}"#))
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Announces a body of another length than it has, and closes the connection after what there is.
    #[must_use]
    pub fn announcing(self, length: u64) -> Self {
        Self { announced: Some(length), ..self }
    }

    fn bytes(&self, to: &Request) -> Vec<u8> {
        let length = self.announced.unwrap_or(self.body.len() as u64);
        let mut head = format!("HTTP/1.1 {} Answer\r\ncontent-length: {length}\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if to.method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

type Answering = dyn Fn(&Request) -> Option<Answer> + Send + Sync;

/// A service on a free port of this machine. It ends when this is dropped.
pub struct Service {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    task: JoinHandle<()>,
}

impl Service {
    /// A service that answers each request with what `answering` gives; with none, it never answers.
    ///
    /// # Panics
    ///
    /// When no port is to be had.
    pub async fn start(answering: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::listen(answering, None).await
    }

    /// The same behind TLS.
    ///
    /// # Panics
    ///
    /// When no port is to be had.
    pub async fn start_tls(
        tls: TlsAcceptor,
        answering: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        Self::listen(answering, Some(tls)).await
    }

    async fn listen(
        answering: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let answering: Arc<Answering> = Arc::new(answering);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answering, tls) = (Arc::clone(&seen), Arc::clone(&answering), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, seen, answering).await,
                        // A client that does not trust this service ends here.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, seen, answering).await,
                            Err(_) => {}
                        },
                    }
                });
            }
        });
        Self { address, requests, task }
    }

    /// Its address.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it was asked so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: Arc<Mutex<Vec<Request>>>,
    answering: Arc<Answering>,
) {
    let mut stream = BufReader::new(stream);
    let Ok(Some(request)) = read(&mut stream).await else {
        return;
    };
    requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    match answering(&request) {
        Some(answer) => {
            // A client may have had enough.
            let _ = stream.write_all(&answer.bytes(&request)).await;
            let _ = stream.shutdown().await;
        }
        None => std::future::pending().await,
    }
}

/// One request; none where the connection was closed before its end.
async fn read(stream: &mut BufReader<impl AsyncRead + Unpin>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut request = Request { method, target, ..Request::default() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    request.body = vec![0; request.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut request.body).await?;
    Ok(Some(request))
}
