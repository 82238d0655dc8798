//! What no engine does when asked: to be overloaded, to fail in part, to be another one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use lazycat::opensearch::OpenSearch;
use lazycat::opensearch::settings::{Access, Connection, ConnectionError, Settings};
use lazycat::search::change::Applied::{Removed, Superseded, Written};
use lazycat::search::ports::UnknownCollection;
use lazycat_tests::tls::Authority;
use lazycat_tests::wire::{Answer, Request, Service};
use serde_json::{Value, json};

use crate::world::{Owned, apply, item, put, remove};

/// How often a request is tried.
const ATTEMPTS: u32 = 4;

fn connection(service: &Service) -> Connection {
    Connection { endpoint: service.endpoint(), access: Access::Open, tls: None }
}

fn settings() -> Settings {
    Settings {
        backoff: Duration::from_millis(1),
        attempts: ATTEMPTS,
        unknown_collection: UnknownCollection::Make,
        ..Settings::default()
    }
}

fn index(service: &Service) -> OpenSearch {
    OpenSearch::new(&connection(service), settings()).unwrap()
}

/// The actions of a bulk request: name, what it says, and the document.
fn actions(request: &Request) -> Vec<(String, Value, Option<Value>)> {
    let text = request.text();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut actions = Vec::new();
    while let Some(line) = lines.next() {
        let (name, place) = line.as_object().unwrap().iter().next().unwrap();
        let document = (name != "delete").then(|| lines.next().unwrap());
        actions.push((name.clone(), place.clone(), document));
    }
    actions
}

fn is_bulk_of_items(request: &Request) -> bool {
    request.target.starts_with("/_bulk") && actions(request).iter().any(|(_, place, _)| place["_index"] == "items_c")
}

/// An engine that takes everything but items of the collection `c`: of those, `status` says for each how it ends.
fn engine(request: &Request, status: impl Fn(&str) -> u16) -> Answer {
    let told = |value: Value| Answer::new(200, value.to_string()).header("content-type", "application/json");
    if request.target == "/" {
        return told(json!({"version": {"distribution": "opensearch", "number": "2.19.3"}}));
    }
    if request.target.contains("/_mget") {
        let ids = request.json()["ids"].as_array().unwrap().clone();
        let docs: Vec<Value> = ids.iter().map(|id| json!({"_id": id, "found": false})).collect();
        return told(json!({"docs": docs}));
    }
    if request.target.starts_with("/_bulk") {
        let items: Vec<Value> = actions(request)
            .iter()
            .map(|(name, place, _)| {
                let status = if place["_index"] == "items_c" { status(place["_id"].as_str().unwrap()) } else { 201 };
                match status {
                    200..300 => json!({name: {"status": status}}),
                    _ => json!({name: {"status": status, "error": {"type": "made_to_fail", "reason": "told so"}}}),
                }
            })
            .collect();
        return told(json!({"items": items}));
    }
    told(json!({"acknowledged": true}))
}

fn items(ids: &[&str]) -> Vec<Owned> {
    ids.iter().map(|id| put(&item("c", id), 1)).collect()
}

#[tokio::test]
async fn what_there_is_no_room_for_is_sent_again_alone_and_less_at_a_time() {
    let asked = AtomicUsize::new(0);
    let service = Service::start(move |request| {
        let first = !is_bulk_of_items(request) || asked.fetch_add(1, Ordering::Relaxed) == 0;
        let busy = ["b|c", "c|c", "d|c"];
        Some(engine(request, |id| if first && busy.contains(&id) { 429 } else { 201 }))
    })
    .await;
    assert_eq!(apply(&index(&service), &items(&["a", "b", "c", "d", "e"])).await, vec![Ok(Written); 5]);
    let sent: Vec<Vec<String>> = service
        .requests()
        .iter()
        .filter(|request| is_bulk_of_items(request))
        .map(|request| actions(request).iter().map(|(_, place, _)| place["_id"].as_str().unwrap().to_owned()).collect())
        .collect();
    assert_eq!(sent, [vec!["a|c", "b|c", "c|c", "d|c", "e|c"], vec!["b|c"], vec!["c|c"], vec!["d|c"]]);
}

#[tokio::test]
async fn what_fails_for_good_is_not_sent_again_and_sinks_nothing_else() {
    let service = Service::start(|request| {
        Some(engine(request, |id| match id {
            "old|c" => 409,
            "bad|c" => 400,
            "denied|c" => 403,
            _ => 201,
        }))
    })
    .await;
    let told = apply(&index(&service), &items(&["old", "bad", "good", "denied"])).await;
    assert_eq!((&told[0], &told[2]), (&Ok(Superseded), &Ok(Written)));
    assert_eq!(told[1], Err("index: OpenSearch refuses it: made_to_fail: told so".to_owned()));
    assert!(told[3].as_ref().is_err_and(|error| error.starts_with("port: no permission")), "{:?}", told[3]);
    assert_eq!(service.requests().iter().filter(|request| is_bulk_of_items(request)).count(), 1);
}

#[tokio::test]
async fn an_engine_that_stays_overloaded_is_asked_only_so_often_and_the_items_come_back() {
    for status in [429, 500, 503] {
        let service = Service::start(move |request| {
            let busy = is_bulk_of_items(request);
            Some(if busy { Answer::new(status, "busy") } else { engine(request, |_| 201) })
        })
        .await;
        let told = apply(&index(&service), &items(&["a"])).await;
        assert!(told[0].as_ref().is_err_and(|error| error.starts_with("port: ")), "{told:?}");
        assert!(told[0].as_ref().is_err_and(|error| error.contains(&status.to_string())), "{told:?}");
        let asked = service.requests().iter().filter(|request| is_bulk_of_items(request)).count();
        assert_eq!(asked, ATTEMPTS as usize);
    }
}

#[tokio::test]
async fn a_request_that_is_refused_whole_is_cut_until_the_culprit_is_alone() {
    for status in [400, 413] {
        let service = Service::start(move |request| {
            let bad = is_bulk_of_items(request) && request.text().contains("\"d|c\"");
            Some(if bad { Answer::new(status, r#"{"error":"Malformed"}"#) } else { engine(request, |_| 201) })
        })
        .await;
        let told = apply(&index(&service), &items(&["a", "b", "c", "d", "e"])).await;
        let refused: Vec<usize> = (0..5).filter(|at| told[*at].is_err()).collect();
        assert_eq!(refused, [3], "{told:?}");
        let reason = if status == 413 { "too-large: " } else { "index: " };
        assert!(told[3].as_ref().is_err_and(|error| error.starts_with(reason)), "{told:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew() {
    let asked = AtomicUsize::new(0);
    let service = Service::start(move |request| {
        let answer = engine(request, |_| 201);
        let breaks = is_bulk_of_items(request) && asked.fetch_add(1, Ordering::Relaxed) == 0;
        Some(if breaks { answer.announcing(1_000_000) } else { answer })
    })
    .await;
    assert_eq!(apply(&index(&service), &items(&["a", "b"])).await, vec![Ok(Written); 2]);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for_for_ever() {
    let service = Service::start(|request| (!is_bulk_of_items(request)).then(|| engine(request, |_| 201))).await;
    let settings = Settings { patience: Duration::from_millis(300), attempts: 2, ..settings() };
    let index = OpenSearch::new(&connection(&service), settings).unwrap();
    let told = apply(&index, &items(&["a"])).await;
    assert!(told[0].as_ref().is_err_and(|error| error.contains("no answer came within 0.3 s")), "{told:?}");
}

#[tokio::test]
async fn an_engine_that_is_another_one_is_written_nothing() {
    for (distribution, number, says) in [
        ("", "7.17.0", "an unnamed engine 7.17.0"),
        ("opensearch", "1.3.0", "opensearch 1.3.0, expected opensearch 2 or 3"),
    ] {
        let about = json!({"version": {"distribution": distribution, "number": number}}).to_string();
        let service = Service::start(move |_| Some(Answer::new(200, about.clone()))).await;
        let told = apply(&index(&service), &[put(&item("c", "a"), 1), remove("c", "b", 1)]).await;
        assert!(told.iter().all(|told| told.as_ref().is_err_and(|error| error.contains(says))), "{told:?}");
        assert_eq!(service.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_removal_of_the_unknown_is_done_only_when_it_is_remembered() {
    let service = Service::start(|request| {
        let note = request.target.starts_with("/_bulk") && request.text().contains("lazycat-memory");
        Some(if note { Answer::new(503, "busy") } else { engine(request, |_| 201) })
    })
    .await;
    let told = apply(&index(&service), &[remove("c", "a", 1)]).await;
    assert!(told[0].as_ref().is_err_and(|error| error.starts_with("port: ")), "{told:?}");
    assert!(!service.requests().iter().any(is_bulk_of_items), "deleted before it is remembered");
    let service = Service::start(|request| Some(engine(request, |_| 404))).await;
    let told = apply(&index(&service), &[remove("c", "a", 1)]).await;
    assert_eq!(told, [Ok(Removed)]);
}

#[tokio::test]
async fn requests_say_who_asks_and_secrets_stay_secret() {
    let service = Service::start(|request| Some(engine(request, |_| 201))).await;
    let basic = Access::Basic { user: "loader".to_owned(), password: "s3cr\u{e9}t:x".to_owned() };
    let told = format!("{basic:?}");
    assert!(told.contains("loader") && !told.contains("s3cr"), "{told}");
    let index = OpenSearch::new(&Connection { access: basic, ..connection(&service) }, settings()).unwrap();
    assert_eq!(apply(&index, &items(&["a"])).await, [Ok(Written)]);
    let expected = "Basic bG9hZGVyOnMzY3LDqXQ6eA==";
    assert!(service.requests().iter().all(|request| request.header("authorization") == expected));
    assert!(!format!("{index:?}").contains("s3cr"));

    let service = Service::start(|request| Some(engine(request, |_| 201))).await;
    let credentials =
        aws_credential_types::Credentials::new("AKID", "s3cr\u{e9}t", Some("token".into()), None, "tests");
    let access =
        Access::Aws { region: "sa-east-1".to_owned(), credentials: SharedCredentialsProvider::new(credentials) };
    assert!(!format!("{access:?}").contains("s3cr"));
    let index = OpenSearch::new(&Connection { access, ..connection(&service) }, settings()).unwrap();
    assert_eq!(apply(&index, &items(&["a"])).await, [Ok(Written)]);
    for request in service.requests() {
        let signature = request.header("authorization");
        assert!(
            signature.starts_with("AWS4-HMAC-SHA256 Credential=AKID/") && signature.contains("/sa-east-1/es/"),
            "{signature}"
        );
        assert!(signature.contains("host;") && request.header("x-amz-security-token") == "token", "{signature}");
    }
}

#[tokio::test]
async fn an_engine_whose_certificate_nobody_trusts_is_told_nothing() {
    let authority = Authority::new();
    let service = Service::start_tls(authority.acceptor("127.0.0.1"), |request| Some(engine(request, |_| 201))).await;
    let endpoint = format!("https://127.0.0.1:{}", service.port());
    let mut connection = Connection { endpoint, access: Access::Open, tls: Some(authority.trusted()) };
    let trusting = OpenSearch::new(&connection, settings()).unwrap();
    assert_eq!(apply(&trusting, &items(&["a"])).await, [Ok(Written)]);
    let asked = service.requests().len();
    connection.tls = Some(Authority::new().trusted());
    let told = apply(&OpenSearch::new(&connection, settings()).unwrap(), &items(&["a"])).await;
    assert!(told[0].as_ref().is_err_and(|error| error.contains("certificate")), "{told:?}");
    assert_eq!(service.requests().len(), asked);
}

#[test]
fn what_cannot_be_a_connection_is_told_at_once() {
    let secret = Access::Basic { user: "u".to_owned(), password: "p".to_owned() };
    for (endpoint, access, says) in [
        ("search.example", Access::Open, "no scheme"),
        ("ftp://search.example", Access::Open, "scheme is neither"),
        ("https://u:p@search.example", Access::Open, "user name"),
        ("https://search.example/path", Access::Open, "goes on behind the host"),
        ("http://search.example", secret, "https:// alone"),
    ] {
        let connection = Connection { endpoint: endpoint.to_owned(), access, tls: None };
        let error = OpenSearch::new(&connection, settings()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let connection = Connection { endpoint: "http://127.0.0.1:1".to_owned(), access: Access::Open, tls: None };
    for (collections, items, memory) in [
        ("Collections", "items_", "m"),
        ("items_c", "items_", "m"),
        ("c", "items/", "m"),
        ("c", "i", "i-memory"),
        ("", "i", "m"),
    ] {
        let settings = Settings {
            collections: collections.to_owned(),
            items: items.to_owned(),
            memory: memory.to_owned(),
            ..settings()
        };
        let error = OpenSearch::new(&connection, settings).unwrap_err();
        assert!(matches!(error, ConnectionError::Name { .. }), "{error}");
    }
}
