use axum::body::Body;
use axum::http::Method;
use axum::http::header::HOST;
use lazycat::ports::PortError;
use lazycat::submit::{Fault, Place};
use tower::ServiceExt as _;

use super::*;

const TOKEN: &str = "a-token-of-some-length";

/// Answers by what is sent, and remembers what was taken.
#[derive(Clone, Default)]
struct Items {
    taken: Arc<Mutex<Vec<Bytes>>>,
}

impl TakeItems for Items {
    fn longest(&self) -> usize {
        100
    }

    async fn take(&self, sent: Bytes) -> Result<Submission, Refused> {
        let submission = self.examine(sent.clone()).await?;
        self.taken.lock().unwrap().push(sent);
        Ok(submission)
    }

    async fn examine(&self, sent: Bytes) -> Result<Submission, Refused> {
        match &sent[..] {
            b"down" => {
                Err(Refused::Unavailable(PortError::Unavailable { what: "/secret/place".into(), source: "x".into() }))
            }
            b"hello" => Err(Refused::NoJson("it is no JSON: line 1".into())),
            b"bad" => Err(Refused::Faulty(Faults::from(vec![Fault::new("/id", "found 7"), Fault::new("/a~1b", "x")]))),
            other => Ok(Submission {
                id: String::from_utf8(other.to_vec()).unwrap(),
                collection: Some("c".into()),
                place: Place { key: "c/a%2Fb ü.json".into(), collection_key: None },
                warnings: vec![Fault::new("/stac_extensions/0", "not checked")],
                text: String::new(),
            }),
        }
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn open(settings: impl FnOnce(&mut DoorSettings)) -> (Router, Items) {
    let items = Items::default();
    let mut usual = DoorSettings {
        catalog: Base::OfRequest { scheme: "http" },
        token: Some(Token::new(TOKEN).unwrap()),
        rate: None,
        body_time: Duration::from_secs(30),
    };
    settings(&mut usual);
    (door(items.clone(), usual), items)
}

fn request(path: &str, body: impl Into<Body>) -> Request {
    axum::http::Request::post(path)
        .header(HOST, "127.0.0.1:8000")
        .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(CONTENT_TYPE, "application/geo+json; charset=utf-8")
        .body(body.into())
        .unwrap()
}

async fn ask(door: &Router, request: Request) -> Answer {
    let (parts, body) = door.clone().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{body:?}: {error}"));
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

#[tokio::test]
async fn an_item_is_taken_and_it_is_said_where_it_will_be() {
    let (door, items) = open(|_| ());
    let answer = ask(&door, request("/items", "a")).await;
    let href = "http://127.0.0.1:8000/c/a%252Fb%20%C3%BC.json";
    assert_eq!((answer.status, answer.header(&LOCATION)), (202, href));
    let expected = json!({
        "id": "a", "collection": "c", "key": "c/a%2Fb ü.json", "href": href,
        "warnings": [{"pointer": "/stac_extensions/0", "detail": "not checked"}]
    });
    assert_eq!(answer.body, expected);
    assert_eq!(items.taken.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn validating_takes_nothing() {
    let (door, items) = open(|settings| settings.catalog = Base::At("https://x.example/".into()));
    let answer = ask(&door, request("/validate", "a")).await;
    assert_eq!((answer.status, &answer.body["valid"], answer.header(&LOCATION)), (200, &json!(true), ""));
    assert_eq!(answer.body["href"], "https://x.example/c/a%252Fb%20%C3%BC.json");
    assert!(items.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_fault_is_told_as_a_problem() {
    let (door, _) = open(|_| ());
    for path in ["/items", "/validate"] {
        let answer = ask(&door, request(path, "bad")).await;
        assert_eq!((answer.status, answer.header(&CONTENT_TYPE)), (422, "application/problem+json"));
        let expected = json!({
            "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "the item has 2 faults",
            "errors": [{"pointer": "/id", "detail": "found 7"}, {"pointer": "/a~1b", "detail": "x"}], "error_count": 2
        });
        assert_eq!(answer.body, expected);
    }
}

#[tokio::test]
async fn what_is_no_json_or_cannot_be_taken_now_is_told_apart() {
    let (door, _) = open(|_| ());
    let answer = ask(&door, request("/items", "hello")).await;
    assert_eq!((answer.status, answer.body["detail"].as_str()), (400, Some("it is no JSON: line 1")));
    let answer = ask(&door, request("/items", "down")).await;
    assert_eq!((answer.status, answer.header(&RETRY_AFTER)), (503, "5"));
    assert!(!answer.body.to_string().contains("secret"));
}

#[tokio::test]
async fn who_does_not_know_the_token_is_not_let_in() {
    let (door, items) = open(|_| ());
    let other = TOKEN.replace('a', "b");
    for (given, challenge) in [
        (None, "Bearer realm=\"lazycat\""),
        (Some(TOKEN.to_owned()), "Bearer realm=\"lazycat\""),
        (Some(format!("Basic {TOKEN}")), "Bearer realm=\"lazycat\""),
        (Some("Bearer".to_owned()), "Bearer realm=\"lazycat\""),
        (Some("Bearer ".to_owned()), "Bearer realm=\"lazycat\", error=\"invalid_token\""),
        (Some(format!("Bearer {other}")), "Bearer realm=\"lazycat\", error=\"invalid_token\""),
        (Some(format!("Bearer {TOKEN}x")), "Bearer realm=\"lazycat\", error=\"invalid_token\""),
    ] {
        for path in ["/items", "/validate"] {
            let mut request = request(path, "a");
            request.headers_mut().remove(AUTHORIZATION);
            if let Some(given) = &given {
                request.headers_mut().insert(AUTHORIZATION, given.parse().unwrap());
            }
            let answer = ask(&door, request).await;
            assert_eq!((answer.status, answer.header(&WWW_AUTHENTICATE)), (401, challenge), "{given:?}");
            assert!(!answer.body.to_string().contains(TOKEN));
        }
    }
    let mut twice = request("/items", "a");
    twice.headers_mut().append(AUTHORIZATION, "Bearer x".parse().unwrap());
    assert_eq!(ask(&door, twice).await.status, 401);
    assert!(items.taken.lock().unwrap().is_empty());
    let mut small = request("/items", "a");
    small.headers_mut().insert(AUTHORIZATION, format!("bearer {TOKEN}").parse().unwrap());
    assert_eq!(ask(&door, small).await.status, 202);
}

#[tokio::test]
async fn where_nobody_has_to_know_a_token_all_are_let_in() {
    let (door, _) = open(|settings| settings.token = None);
    let mut request = request("/items", "a");
    request.headers_mut().remove(AUTHORIZATION);
    assert_eq!(ask(&door, request).await.status, 202);
}

#[test]
fn a_token_is_long_and_can_be_sent_and_is_not_shown() {
    for bad in ["", "short", &"x".repeat(LONGEST_TOKEN + 1), "a token with spaces in it", "a-token-with-\u{fc}mlauts"] {
        let error = Token::new(bad).unwrap_err();
        assert!(bad.is_empty() || !error.contains(bad), "{error}");
    }
    assert_eq!(format!("{:?}", Token::new(TOKEN).unwrap()), "Token");
}

#[tokio::test]
async fn what_is_too_long_is_not_read() {
    let (door, items) = open(|_| ());
    let answer = ask(&door, request("/items", vec![b'x'; 101])).await;
    assert_eq!(answer.status, 413);
    assert!(answer.body["detail"].as_str().unwrap().contains("100 bytes"));
    let mut declared = request("/items", "a");
    declared.headers_mut().insert(CONTENT_LENGTH, "999999999999999999".parse().unwrap());
    assert_eq!(ask(&door, declared).await.status, 413);
    assert!(items.taken.lock().unwrap().is_empty());
    assert_eq!(ask(&door, request("/items", vec![b'x'; 100])).await.status, 202);
}

#[tokio::test]
async fn an_item_is_json_and_says_so() {
    let (door, _) = open(|_| ());
    for given in [None, Some("text/plain"), Some("application/jsonx"), Some("multipart/form-data; boundary=x")] {
        let mut request = request("/items", "a");
        request.headers_mut().remove(CONTENT_TYPE);
        if let Some(given) = given {
            request.headers_mut().insert(CONTENT_TYPE, given.parse().unwrap());
        }
        let answer = ask(&door, request).await;
        assert_eq!(
            (answer.status, answer.header(&ACCEPT)),
            (415, "application/json, application/geo+json"),
            "{given:?}"
        );
    }
    let mut compressed = request("/items", "a");
    compressed.headers_mut().insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    let answer = ask(&door, compressed).await;
    assert_eq!((answer.status, answer.header(&ACCEPT_ENCODING)), (415, "identity"));
}

#[tokio::test]
async fn more_than_the_rate_are_told_when_to_come_back_and_strangers_take_nothing_of_it() {
    let (door, _) = open(|settings| settings.rate = Some(TokenBucket::new(0.001, 2)));
    for _ in 0..5 {
        let mut stranger = request("/items", "a");
        stranger.headers_mut().remove(AUTHORIZATION);
        assert_eq!(ask(&door, stranger).await.status, 401);
    }
    assert_eq!(ask(&door, request("/items", "a")).await.status, 202);
    assert_eq!(ask(&door, request("/validate", "a")).await.status, 200);
    let answer = ask(&door, request("/items", "a")).await;
    assert_eq!(answer.status, 429);
    let seconds: u64 = answer.header(&RETRY_AFTER).parse().unwrap();
    assert!((1..=1_000).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn other_methods_and_hosts_that_are_none_are_refused() {
    let (door, items) = open(|_| ());
    let mut get = request("/items", "");
    *get.method_mut() = Method::GET;
    let answer = ask(&door, get).await;
    assert_eq!((answer.status, answer.header(&ALLOW)), (405, "POST"));
    let mut host = request("/items", "a");
    host.headers_mut().insert(HOST, "a\"b".parse().unwrap());
    assert_eq!(ask(&door, host).await.status, 400);
    assert!(items.taken.lock().unwrap().is_empty());
}
