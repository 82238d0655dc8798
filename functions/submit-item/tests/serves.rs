//! The function as Lambda runs it: the real program, given requests as events, and an emulator for the rest.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use lazycat_tests::ministack::{Ministack, clients};
use lazycat_tests::wire::{Answer, Request, Service};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// An account of the emulator that no other test has.
const ACCOUNT: &str = "200000000078";

const EXTENSION: &str = "https://a.example/trees/v1.0.0/schema.json";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn item(id: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": "known", "bbox": [1, 2, 1, 2],
        "geometry": {"type": "Point", "coordinates": [1, 2]},
        "properties": {"datetime": "2024-05-01T10:00:00Z"}, "links": [],
        "assets": {"a": {"href": "https://data.example/a.tif"}}
    })
}

/// A request as a function URL gives it.
fn of_function_url(path: &str, body: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"host": "abc.lambda-url.us-east-1.on.aws", "content-type": "application/geo+json"},
        "requestContext": {"stage": "$default", "http": {"method": "POST", "path": path}},
        "body": body, "isBase64Encoded": false
    })
}

/// A request as a REST API of API Gateway gives it.
fn of_rest_api(path: &str, body: &str) -> Value {
    json!({
        "resource": path, "path": path, "httpMethod": "POST", "queryStringParameters": null,
        "headers": {"Host": "x.example", "Content-Type": "application/json"},
        "multiValueHeaders": {"Host": ["x.example"], "Content-Type": ["application/json"]},
        "requestContext": {"stage": "v1", "path": format!("/v1{path}"), "httpMethod": "POST"},
        "body": body, "isBase64Encoded": false
    })
}

/// Lambda's side of its runtime API: gives events one after the other, and tells what comes back.
async fn lambda(events: Vec<Value>) -> (Service, mpsc::UnboundedReceiver<(String, Value)>) {
    let events = Mutex::new(VecDeque::from(events));
    let (tell, told) = mpsc::unbounded_channel();
    let service = Service::start(move |request: &Request| {
        if request.target.ends_with("/invocation/next") {
            let event = events.lock().unwrap().pop_front()?;
            return Some(
                Answer::new(200, event.to_string())
                    .header("lambda-runtime-aws-request-id", "request")
                    .header("lambda-runtime-deadline-ms", "32503680000000")
                    .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:200000000078:function:f"),
            );
        }
        let _ = tell.send((request.target.clone(), request.json()));
        Some(Answer::new(202, "{}"))
    })
    .await;
    (service, told)
}

/// All messages of a queue, taken out.
async fn bodies(sqs: &aws_sdk_sqs::Client, url: &str) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let received = sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
        if received.messages().is_empty() {
            return found;
        }
        for message in received.messages() {
            found.push(serde_json::from_str(message.body().unwrap()).unwrap());
            let receipt = message.receipt_handle().unwrap();
            sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await.unwrap();
        }
    }
}

/// Events, each with the status of its answer, and what that points at.
fn cases() -> Vec<(Value, u64, Vec<&'static str>)> {
    let text = item("a/b").to_string();
    let mut faulty = item("../../x");
    faulty["properties"]["datetime"] = "yesterday".into();
    faulty["assets"]["a"]["href"] = "file:///etc/passwd".into();
    let mut extended = item("e");
    extended["stac_extensions"] = json!([EXTENSION]);
    let mut elsewhere = item("c");
    elsewhere["collection"] = "unknown".into();
    let long = item(&"x".repeat(10_000));
    let big = format!("{{\"a\": \"{}\"}}", "x".repeat(64 << 10));
    let mut get = of_function_url("/items", "");
    get["requestContext"]["http"]["method"] = "GET".into();
    vec![
        (of_function_url("/items", &text), 202, vec![]),
        (of_rest_api("/items", &text), 202, vec![]),
        (of_function_url("/validate", &item("only-checked").to_string()), 200, vec![]),
        (of_function_url("/items", &faulty.to_string()), 422, vec!["/properties/datetime", "/assets/a/href"]),
        (of_rest_api("/validate", &extended.to_string()), 422, vec!["/properties/trees:count"]),
        (of_function_url("/items", &elsewhere.to_string()), 422, vec!["/collection"]),
        (of_function_url("/items", &long.to_string()), 422, vec!["/id"]),
        (of_function_url("/items", "hello"), 400, vec![]),
        (of_function_url("/items", &big), 413, vec![]),
        (get, 405, vec![]),
        (of_function_url("/elsewhere", &text), 404, vec![]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_item_ends_in_the_queue_and_everything_else_is_told_what_is_wrong_with_it() {
    let ministack = Ministack::shared();
    let clients = clients(&ministack.endpoint(), ACCOUNT);
    let queue = clients.sqs.create_queue().queue_name("items").send().await.unwrap().queue_url.unwrap();
    clients.s3.create_bucket().bucket("submit-catalog").send().await.unwrap();
    let put = clients.s3.put_object().bucket("submit-catalog").key("known/collection.json");
    put.body(b"{}".to_vec().into()).send().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#", "$id": format!("{EXTENSION}#"),
        "properties": {"properties": {"required": ["trees:count"]}}
    });
    fs::write(folder.path().join("trees.json"), schema.to_string()).unwrap();
    let cases = cases();
    let (lambda, mut told) = lambda(cases.iter().map(|(event, ..)| event.clone()).collect()).await;
    let log = folder.path().join("log");
    let output = File::create(&log).unwrap();
    let process = Command::new(env!("CARGO_BIN_EXE_submit-item"))
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", lambda.endpoint().trim_start_matches("http://")),
            ("AWS_LAMBDA_FUNCTION_NAME", "submit-item"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_ENDPOINT_URL", &ministack.endpoint()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCOUNT),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("LAZYCAT_TIMEOUT", "60"),
            ("LAZYCAT_ITEMS_QUEUE_URL", &queue),
            ("LAZYCAT_LAYOUT", "{collection}/{year}"),
            ("LAZYCAT_PUBLIC_URL", "https://stac.example/"),
            ("LAZYCAT_CATALOG_BUCKET", "submit-catalog"),
            ("LAZYCAT_LONGEST_ITEM_KIB", "64"),
            ("LAZYCAT_SCHEMAS", folder.path().to_str().unwrap()),
        ])
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let _running = Running(process);

    for (at, (event, status, places)) in cases.iter().enumerate() {
        let (target, answer) = told.recv().await.unwrap();
        let said = || {
            let sent: String = event["body"].as_str().unwrap_or_default().chars().take(200).collect();
            format!("case {at}, {sent}: {answer}\n{}", fs::read_to_string(&log).unwrap())
        };
        assert!(target.ends_with("/response"), "{}", said());
        assert_eq!(answer["statusCode"], *status, "{}", said());
        if *status == 404 {
            continue;
        }
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        if *status >= 400 {
            assert_eq!(answer["headers"]["content-type"], "application/problem+json", "{}", said());
            let errors = body["errors"].as_array().cloned().unwrap_or_default();
            let pointers: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
            assert_eq!(pointers, *places, "{}", said());
        } else {
            let href = body["href"].as_str().unwrap();
            assert!(href.starts_with("https://stac.example/known/2024/") && href.ends_with(".json"), "{}", said());
            if *status == 202 {
                assert_eq!(answer["headers"]["location"], href, "{}", said());
            }
        }
    }
    assert_eq!(bodies(&clients.sqs, &queue).await, [item("a/b"), item("a/b")]);
}
