//! The door: items come in by POST, one by one.
//!
//! `POST /items` takes an item, `POST /validate` only says whether it would be taken; both ask the same of who sends it
//! and of the item, so that an answer of one is that of the other. Every refusal is a problem as RFC 9457 has it, with
//! every fault of the item and its JSON pointer (RFC 6901).

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    HeaderName, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use lazycat::submit::rate::TokenBucket;
use lazycat::submit::{Faults, Refused, Submission};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::Base;
use crate::address::{base_of, encoded_key};

/// The media types of an item.
const TYPES: [&str; 2] = ["application/json", "application/geo+json"];

/// How long who sends an item is asked to wait when it cannot be taken now, in seconds.
const LATER: u64 = 5;

/// The shortest token, in characters. One can be tried at the rate of the network.
const SHORTEST_TOKEN: usize = 16;

/// The longest token, in characters.
const LONGEST_TOKEN: usize = 1_024;

/// Takes items, or says why not.
pub trait TakeItems {
    /// The longest item, in bytes.
    fn longest(&self) -> usize;

    /// Takes an item as it was sent.
    fn take(&self, sent: Bytes) -> impl Future<Output = Result<Submission, Refused>> + Send;

    /// Says what [`Self::take`] would, and writes nothing.
    fn examine(&self, sent: Bytes) -> impl Future<Output = Result<Submission, Refused>> + Send;
}

/// What whoever opens the door decides.
#[derive(Debug)]
pub struct DoorSettings {
    /// Where the catalog is read that items are filed in.
    pub catalog: Base,
    /// What who sends items has to know. None where somebody else has asked already.
    pub token: Option<Token>,
    /// How many items are taken or checked in a time. None where somebody else counts.
    pub rate: Option<TokenBucket>,
    /// How long a client may take to send an item.
    pub body_time: Duration,
}

/// A bearer token (RFC 6750), of which only a digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// This token.
    ///
    /// # Errors
    ///
    /// Why it cannot be one, as the end of a sentence. It is not repeated.
    pub fn new(text: &str) -> Result<Self, String> {
        let length = text.chars().count();
        if !(SHORTEST_TOKEN..=LONGEST_TOKEN).contains(&length) {
            return Err(format!("it has {length} characters, expected {SHORTEST_TOKEN} to {LONGEST_TOKEN}"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)) {
            return Err("it holds what no token can: expected letters, digits and -._~+/= only".to_owned());
        }
        Ok(Self(Sha256::digest(text).into()))
    }

    /// Whether this is the token. It takes as long whatever is given.
    fn is(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0.iter().zip(given).fold(0, |differs, (mine, given)| differs | (mine ^ given)) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// What both routes know.
struct Door<D> {
    items: D,
    settings: DoorSettings,
    rate: Option<Mutex<TokenBucket>>,
    opened: Instant,
}

/// The routes of the door.
pub fn door<D>(items: D, mut settings: DoorSettings) -> Router
where
    D: TakeItems + Send + Sync + 'static,
{
    let rate = settings.rate.take().map(Mutex::new);
    let door = Arc::new(Door { items, settings, rate, opened: Instant::now() });
    Router::new()
        .route("/items", post(take::<D>))
        .route("/validate", post(examine::<D>))
        .method_not_allowed_fallback(|| async {
            let detail = "items are sent with POST";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).with(ALLOW, "POST")
        })
        .with_state(door)
}

/// `POST /items`.
async fn take<D: TakeItems>(State(door): State<Arc<Door<D>>>, request: Request) -> Result<Response, Problem> {
    let (headers, sent) = door.let_in(request).await?;
    let base = door.base(&headers)?;
    let taken = door.items.take(sent).await?;
    let href = format!("{base}{}", encoded_key(&taken.place.key));
    let mut response = answer(StatusCode::ACCEPTED, told(&taken, &href).into());
    if let Ok(href) = HeaderValue::try_from(href) {
        response.headers_mut().insert(LOCATION, href);
    }
    Ok(response)
}

/// `POST /validate`.
async fn examine<D: TakeItems>(State(door): State<Arc<Door<D>>>, request: Request) -> Result<Response, Problem> {
    let (headers, sent) = door.let_in(request).await?;
    let base = door.base(&headers)?;
    let good = door.items.examine(sent).await?;
    let mut members = Map::from_iter([("valid".to_owned(), true.into())]);
    members.extend(told(&good, &format!("{base}{}", encoded_key(&good.place.key))));
    Ok(answer(StatusCode::OK, members.into()))
}

fn answer(status: StatusCode, body: Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body.to_string()).into_response()
}

fn told(item: &Submission, href: &str) -> Map<String, Value> {
    let mut members = Map::from_iter([("id".to_owned(), item.id.as_str().into())]);
    if let Some(collection) = &item.collection {
        members.insert("collection".to_owned(), collection.as_str().into());
    }
    members.insert("key".to_owned(), item.place.key.as_str().into());
    members.insert("href".to_owned(), href.into());
    members.insert("warnings".to_owned(), json!(item.warnings));
    members
}

impl<D: TakeItems> Door<D> {
    /// What a request sends, when it may come in. What costs most is asked last.
    async fn let_in(&self, request: Request) -> Result<(HeaderMap, Bytes), Problem> {
        let (parts, body) = request.into_parts();
        self.known(&parts.headers)?;
        self.in_time()?;
        check_type(&parts.headers)?;
        let longest = self.items.longest();
        let declared = parts.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|declared| declared > longest as u64) {
            return Err(Problem::too_long(longest));
        }
        match tokio::time::timeout(self.settings.body_time, to_bytes(body, longest)).await {
            Ok(Ok(bytes)) => Ok((parts.headers, bytes)),
            Ok(Err(_)) => Err(Problem::too_long(longest)),
            Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the item was not sent in time")),
        }
    }

    fn known(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.settings.token else { return Ok(()) };
        let unknown = |detail: &str, challenge: &'static str| {
            Err(Problem::new(StatusCode::UNAUTHORIZED, detail).with(WWW_AUTHENTICATE, challenge))
        };
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(first), None) = (given.next(), given.next()) else {
            return unknown("expected one header Authorization: Bearer TOKEN", "Bearer realm=\"lazycat\"");
        };
        let bearer = first.to_str().ok().and_then(|given| given.split_once(' '));
        match bearer {
            Some((scheme, given)) if scheme.eq_ignore_ascii_case("bearer") => {
                if token.is(given.trim()) {
                    return Ok(());
                }
                unknown("the token is not the one", "Bearer realm=\"lazycat\", error=\"invalid_token\"")
            }
            _ => unknown("expected a header Authorization: Bearer TOKEN", "Bearer realm=\"lazycat\""),
        }
    }

    fn in_time(&self) -> Result<(), Problem> {
        let Some(rate) = &self.rate else { return Ok(()) };
        let now = self.opened.elapsed();
        let wait = rate.lock().unwrap_or_else(PoisonError::into_inner).take(now);
        wait.map_err(|wait| {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let detail = format!("more items come than are taken in a time; the next one in {seconds} s");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with(RETRY_AFTER, &seconds.to_string())
        })
    }

    fn base(&self, headers: &HeaderMap) -> Result<String, Problem> {
        base_of(&self.settings.catalog, headers)
            .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "the request has no Host, or one that is none"))
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |detail: String| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
        return Err(
            unsupported("the item is compressed, expected it as it is".to_owned()).with(ACCEPT_ENCODING, "identity")
        );
    }
    let expected = TYPES.join(" or ");
    let given = headers.get(CONTENT_TYPE).and_then(|given| given.to_str().ok());
    let essence = given.and_then(|given| given.split(';').next()).map(str::trim);
    match essence {
        Some(essence) if TYPES.iter().any(|known| known.eq_ignore_ascii_case(essence)) => Ok(()),
        Some(other) => {
            let shown: String = other.chars().take(80).collect();
            Err(unsupported(format!("found Content-Type {shown:?}, expected {expected}"))
                .with(ACCEPT, &TYPES.join(", ")))
        }
        None => Err(unsupported(format!("found no Content-Type, expected {expected}")).with(ACCEPT, &TYPES.join(", "))),
    }
}

/// A refusal (RFC 9457).
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    detail: String,
    faults: Option<Faults>,
    header: Option<(HeaderName, String)>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), faults: None, header: None }
    }

    fn too_long(longest: usize) -> Self {
        let detail = format!("the item cannot be read, or is longer than {longest} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    fn with(self, name: HeaderName, value: &str) -> Self {
        Self { header: Some((name, value.to_owned())), ..self }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooLong { longest } => Self::too_long(longest),
            Refused::NoJson(detail) => Self::new(StatusCode::BAD_REQUEST, detail),
            Refused::Faulty(faults) => {
                let detail = match faults.count() {
                    1 => "the item has a fault".to_owned(),
                    count => format!("the item has {count} faults"),
                };
                Self { faults: Some(faults), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
            }
            Refused::Unavailable(error) => {
                // Who sends items learns nothing of what stands behind the door; the operator does.
                tracing::warn!("an item cannot be taken now: {error}");
                let detail = "items cannot be taken at the moment; this one was not, or may be sent again without harm";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(RETRY_AFTER, &LATER.to_string())
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(faults) = &self.faults {
            body["errors"] = json!(faults.told());
            body["error_count"] = faults.count().into();
        }
        let headers = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, body.to_string()).into_response();
        if let Some((name, value)) = self.header
            && let Ok(value) = HeaderValue::try_from(value)
        {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
