//! HTTP as Lambda has it: events of a function URL or an HTTP API of API Gateway, both in payload format 2.0, and of a REST
//! API, in format 1.0.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{HOST, HeaderName};
use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::{LambdaEvent, run, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use tower::ServiceExt as _;

use crate::Failure;

/// What may stand in a path as it is. API Gateway gives paths decoded, function URLs as they came, so `%` is kept where
/// it begins an encoded byte.
const ENCODED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}').add(b'#');

/// The longest answer, in bytes: Lambda takes 6 MB of JSON, in which a text grows by what must be escaped.
const LONGEST_ANSWER: usize = 5 * 1024 * 1024;

/// An event.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Event {
    Two(EventTwo),
    One(EventOne),
}

/// An event in format 1.0, as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventOne {
    http_method: String,
    /// Without the stage.
    path: String,
    #[serde(default)]
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// An event in format 2.0, as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventTwo {
    raw_path: String,
    #[serde(default)]
    raw_query_string: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request_context: Context,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    http: Http,
    #[serde(default)]
    domain_name: Option<String>,
    #[serde(default)]
    stage: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Http {
    method: String,
}

/// What Lambda answers with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    headers: BTreeMap<String, String>,
    body: String,
    is_base64_encoded: bool,
}

/// Answers requests with these routes until the runtime ends. Each is logged, with its status and its time.
///
/// # Errors
///
/// When the runtime is lost.
pub async fn serve(router: Router) -> Result<(), Failure> {
    let router = &router;
    run(service_fn(|event: LambdaEvent<Event>| async move { answer(router, event.payload).await })).await
}

async fn answer(router: &Router, event: Event) -> Result<Answer, Failure> {
    let (name, begun) = (event.name(), Instant::now());
    let response = router.clone().oneshot(event.into_request()?).await?;
    let answer = Answer::of(response).await?.unwrap_or_else(Answer::too_long);
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(request = name, status = answer.status_code, milliseconds, "answered");
    Ok(answer)
}

impl Event {
    /// The method and the path, for the logs.
    fn name(&self) -> String {
        match self {
            Self::Two(event) => format!("{} {}", event.request_context.http.method, event.raw_path),
            Self::One(event) => format!("{} {}", event.http_method, event.path),
        }
    }

    /// The request that the event stands for.
    ///
    /// # Errors
    ///
    /// When it cannot be one: the event was made by hand.
    fn into_request(self) -> Result<Request<Body>, Failure> {
        match self {
            Self::Two(event) => event.into_request(),
            Self::One(event) => event.into_request(),
        }
    }
}

impl EventOne {
    fn into_request(self) -> Result<Request<Body>, Failure> {
        // Names and values come decoded.
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = self.multi_value_query_string_parameters.unwrap_or_default();
        let pairs = pairs.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        let query: Vec<String> = pairs.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let headers = self.multi_value_headers.unwrap_or_default();
        let headers = headers
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)).collect::<Vec<_>>());
        request(&self.http_method, &self.path, &query.join("&"), headers, bytes(self.body, self.is_base64_encoded)?)
    }
}

impl EventTwo {
    fn into_request(self) -> Result<Request<Body>, Failure> {
        let context = self.request_context;
        let mut path = self.raw_path.as_str();
        // A stage that is not the default one stands in front of the path.
        if let Some(stage) = context.stage.filter(|stage| stage != "$default")
            && let Some(rest) = path.strip_prefix('/').and_then(|path| path.strip_prefix(stage.as_str()))
            && (rest.is_empty() || rest.starts_with('/'))
        {
            path = rest;
        }
        let body = bytes(self.body, self.is_base64_encoded)?;
        let mut request = request(&context.http.method, path, &self.raw_query_string, self.headers, body)?;
        if let (false, Some(Ok(host))) =
            (request.headers().contains_key(HOST), context.domain_name.map(HeaderValue::try_from))
        {
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
    }
}

fn bytes(body: Option<String>, is_base64_encoded: bool) -> Result<Vec<u8>, Failure> {
    Ok(match (body, is_base64_encoded) {
        (None, _) => Vec::new(),
        (Some(text), false) => text.into_bytes(),
        (Some(text), true) => STANDARD.decode(text)?,
    })
}

fn request(
    method: &str,
    path: &str,
    query: &str,
    headers: impl IntoIterator<Item = (String, String)>,
    body: Vec<u8>,
) -> Result<Request<Body>, Failure> {
    let mut address = String::from(if path.starts_with('/') { "" } else { "/" });
    address.extend(utf8_percent_encode(path, ENCODED));
    if !query.is_empty() {
        address.push('?');
        address.extend(utf8_percent_encode(query, QUERY));
    }
    let method = Method::from_bytes(method.as_bytes())?;
    let mut request = Request::builder().method(method).uri(address).body(Body::from(body))?;
    for (name, value) in headers {
        // What is no header of HTTP says nothing to us.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            request.headers_mut().append(name, value);
        }
    }
    Ok(request)
}

/// What may stand in a query as it is.
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'#');

impl Answer {
    /// The answer that a response stands for; none when it is longer than Lambda gives.
    ///
    /// # Errors
    ///
    /// When its body cannot be read.
    async fn of(response: Response) -> Result<Option<Self>, Failure> {
        let (parts, body) = response.into_parts();
        let Ok(bytes) = to_bytes(body, LONGEST_ANSWER).await else { return Ok(None) };
        let headers = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let (body, is_base64_encoded) = match String::from_utf8(bytes.into()) {
            Ok(text) => (text, false),
            Err(error) => (STANDARD.encode(error.as_bytes()), true),
        };
        Ok(Some(Self { status_code: parts.status.as_u16(), headers: headers.collect(), body, is_base64_encoded }))
    }

    /// What is said in place of an answer that is too long.
    fn too_long() -> Self {
        let description = "the answer is longer than a function may give: ask for fewer items or fields";
        Self {
            status_code: 400,
            headers: BTreeMap::from([
                ("content-type".to_owned(), "application/json".to_owned()),
                ("cache-control".to_owned(), "no-store".to_owned()),
            ]),
            body: serde_json::json!({"code": "TooLong", "description": description}).to_string(),
            is_base64_encoded: false,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn request(event: Value) -> Request<Body> {
        serde_json::from_value::<Event>(event).unwrap().into_request().unwrap()
    }

    async fn body(request: Request<Body>) -> Vec<u8> {
        to_bytes(request.into_body(), usize::MAX).await.unwrap().to_vec()
    }

    /// As a function URL sends it, shortened by what nobody reads.
    fn of_function_url() -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/collections/a%20b/items", "rawQueryString": "limit=5&bbox=1%2C2",
            "headers": {"host": "abc.lambda-url.us-east-1.on.aws", "accept": "*/*", "x-forwarded-proto": "https"},
            "queryStringParameters": {"limit": "5"},
            "requestContext": {
                "accountId": "anonymous", "apiId": "abc", "domainName": "abc.lambda-url.us-east-1.on.aws", "stage": "$default",
                "http": {"method": "GET", "path": "/collections/a%20b/items", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"},
                "requestId": "r", "timeEpoch": 1_600_000_000_000_i64
            },
            "isBase64Encoded": false
        })
    }

    #[tokio::test]
    async fn an_event_of_a_function_url_is_a_request() {
        let request = request(of_function_url());
        assert_eq!(request.method(), Method::GET);
        assert_eq!(request.uri(), "/collections/a%20b/items?limit=5&bbox=1%2C2");
        assert_eq!(request.headers()[HOST], "abc.lambda-url.us-east-1.on.aws");
        assert_eq!(body(request).await, b"");
    }

    #[tokio::test]
    async fn an_event_of_api_gateway_is_a_request_without_its_stage() {
        let mut event = of_function_url();
        event["requestContext"]["stage"] = "prod".into();
        event["requestContext"]["http"]["method"] = "POST".into();
        event["rawPath"] = "/prod/search".into();
        event["rawQueryString"] = "".into();
        event["headers"].as_object_mut().unwrap().remove("host");
        event["body"] = STANDARD.encode("{\"limit\": 1}").into();
        event["isBase64Encoded"] = true.into();
        let asked = request(event.clone());
        assert_eq!((asked.method(), asked.uri().to_string().as_str()), (&Method::POST, "/search"));
        assert_eq!(asked.headers()[HOST], "abc.lambda-url.us-east-1.on.aws");
        assert_eq!(body(asked).await, b"{\"limit\": 1}");
        for (raw, path) in
            [("/prod", "/"), ("/prod/", "/"), ("/production/x", "/production/x"), ("/a b/ü", "/a%20b/%C3%BC")]
        {
            event["rawPath"] = raw.into();
            event["isBase64Encoded"] = false.into();
            assert_eq!(request(event.clone()).uri(), path, "{raw}");
        }
    }

    #[tokio::test]
    async fn an_event_of_a_rest_api_is_a_request() {
        let event = json!({
            "resource": "/{proxy+}", "path": "/items", "httpMethod": "POST", "headers": {"Host": "x.example", "X": "b"},
            "multiValueHeaders": {"Host": ["x.example"], "X": ["a", "b"], "Content-Type": ["application/json"]},
            "queryStringParameters": {"a b": "2"}, "multiValueQueryStringParameters": {"a b": ["1&", "2"]},
            "requestContext": {"stage": "items", "path": "/items/items", "httpMethod": "POST", "identity": {"apiKey": "hush"}},
            "body": "{\"a\": 1}", "isBase64Encoded": false
        });
        let asked = request(event.clone());
        assert_eq!((asked.method(), asked.uri().to_string().as_str()), (&Method::POST, "/items?a%20b=1%26&a%20b=2"));
        assert_eq!(asked.headers()[HOST], "x.example");
        assert_eq!(asked.headers().get_all("x").iter().count(), 2);
        assert_eq!(body(asked).await, b"{\"a\": 1}");
        let mut bare = event;
        for absent in ["multiValueHeaders", "multiValueQueryStringParameters", "body"] {
            bare[absent] = Value::Null;
        }
        let asked = request(bare);
        assert_eq!((asked.uri().to_string().as_str(), asked.headers().len()), ("/items", 0));
    }

    #[test]
    fn an_event_that_is_no_request_is_an_error() {
        let mut event = of_function_url();
        event["requestContext"]["http"]["method"] = "G E T".into();
        assert!(serde_json::from_value::<Event>(event).unwrap().into_request().is_err());
        let mut event = of_function_url();
        event["body"] = "no base64!".into();
        event["isBase64Encoded"] = true.into();
        assert!(serde_json::from_value::<Event>(event).unwrap().into_request().is_err());
    }

    #[tokio::test]
    async fn a_response_is_an_answer_or_too_long() {
        let made = Response::builder()
            .status(404)
            .header("content-type", "application/json")
            .body(Body::from("{\"a\":\"ü\"}"));
        let answer = serde_json::to_value(Answer::of(made.unwrap()).await.unwrap().unwrap()).unwrap();
        let expected = json!({
            "statusCode": 404, "headers": {"content-type": "application/json"}, "body": "{\"a\":\"ü\"}", "isBase64Encoded": false
        });
        assert_eq!(answer, expected);
        let bytes = Answer::of(Response::new(Body::from(vec![0xff_u8, 0]))).await.unwrap().unwrap();
        assert_eq!((bytes.body.as_str(), bytes.is_base64_encoded), ("/wA=", true));
        assert!(Answer::of(Response::new(Body::from(vec![b' '; LONGEST_ANSWER + 1]))).await.unwrap().is_none());
        assert_eq!(Answer::too_long().status_code, 400);
    }

    proptest! {
        #[test]
        fn any_path_query_and_header_is_a_request_or_an_error(
            path in any::<String>(), query in any::<String>(), header in any::<String>(), body in any::<String>()
        ) {
            let mut event = of_function_url();
            event["rawPath"] = path.into();
            event["rawQueryString"] = query.into();
            event["headers"]["x"] = header.into();
            event["body"] = body.into();
            let _ = serde_json::from_value::<Event>(event).unwrap().into_request();
        }
    }
}
