//! The function as Lambda runs it: the real program, a batch of SQS, a real OpenSearch, and an emulator for the rest.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use lazycat_tests::ministack::{Ministack, clients};
use lazycat_tests::opensearch::Engine;
use lazycat_tests::wire::{Answer, Request, Service};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// An account of the emulator that no other test has.
const ACCOUNT: &str = "200000000001";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn item(id: &str) -> Value {
    json!({
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": "c",
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 1], [0, 1], [0, 0]]]},
        "bbox": [0, 0, 2, 1], "properties": {"datetime": "2017-06-18T13:04:05.678Z"}, "links": [], "assets": {}
    })
}

fn event(bodies: &[String]) -> String {
    let record = |(at, body): (usize, &String)| {
        json!({"messageId": format!("m{at}"), "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1600000000000"}})
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()}).to_string()
}

/// Lambda's side of its runtime API: gives these events, one after the other, and tells what comes back.
async fn lambda(events: Vec<String>) -> (Service, mpsc::UnboundedReceiver<(String, Value)>) {
    let events = Mutex::new(VecDeque::from(events));
    let (tell, told) = mpsc::unbounded_channel();
    let service = Service::start(move |request: &Request| {
        if request.target.ends_with("/invocation/next") {
            let event = events.lock().unwrap().pop_front()?;
            return Some(
                Answer::new(200, event)
                    .header("lambda-runtime-aws-request-id", "request")
                    .header("lambda-runtime-deadline-ms", "32503680000000")
                    .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:200000000001:function:f"),
            );
        }
        let _ = tell.send((request.target.clone(), request.json()));
        Some(Answer::new(202, "{}"))
    })
    .await;
    (service, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_ends_in_the_index_and_what_is_bad_in_the_dead_letters() {
    let ministack = Ministack::shared();
    let clients = clients(&ministack.endpoint(), ACCOUNT);
    let queue = clients.sqs.create_queue().queue_name("dead-letters").send().await.unwrap();
    let letters = queue.queue_url().unwrap();
    let secret = json!({"username": "loader", "password": "hush-hush"}).to_string();
    let secret = clients.secrets.create_secret().name("search").secret_string(secret).send().await.unwrap();

    let mut open = item("open");
    open["geometry"]["coordinates"][0][4] = json!([0.5, 0]);
    let first =
        [item("a").to_string(), open.to_string(), "hello".to_owned(), json!({"href": "s3://b/a.json"}).to_string()];
    let withdrawn = json!({"type": "Withdrawn", "collection": "c", "id": "a", "time": "2026-01-01T00:00:00Z"});
    let second = [item("b").to_string(), withdrawn.to_string()];
    let (lambda, mut told) = lambda(vec![event(&first), event(&second)]).await;

    let corner = Engine::shared().corner();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let output = File::create(&log).unwrap();
    let process = Command::new(env!("CARGO_BIN_EXE_index-stac-items"))
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", lambda.endpoint().trim_start_matches("http://")),
            ("AWS_LAMBDA_FUNCTION_NAME", "index-stac-items"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "logs"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
            ("AWS_ENDPOINT_URL", &ministack.endpoint()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCOUNT),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("LAZYCAT_LOG", "debug"),
            ("LAZYCAT_STACK", "items"),
            ("LAZYCAT_TIMEOUT", "120"),
            ("LAZYCAT_ATTEMPTS", "5"),
            ("LAZYCAT_UNKNOWN_COLLECTION", "make"),
            ("LAZYCAT_DEAD_LETTERS_URL", letters),
            ("LAZYCAT_OPENSEARCH_URL", &corner.endpoint()),
            ("LAZYCAT_OPENSEARCH_ACCESS", "secret"),
            ("LAZYCAT_OPENSEARCH_SECRET", secret.arn().unwrap()),
            ("LAZYCAT_COLLECTIONS_INDEX", &corner.settings.collections),
            ("LAZYCAT_ITEMS_INDEX_PREFIX", &corner.settings.items),
            ("LAZYCAT_MEMORY_INDEX", &corner.settings.memory),
        ])
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let _running = Running(process);

    for _ in 0..2 {
        let (target, answer) = told.recv().await.unwrap();
        let said = fs::read_to_string(&log).unwrap();
        assert!(target.ends_with("/response"), "{target}: {answer}\n{said}");
        assert_eq!(answer["batchItemFailures"], json!([]), "{said}");
    }
    assert_eq!(corner.ids(), ["b|c"]);
    let buried = clients.sqs.receive_message().queue_url(letters).max_number_of_messages(10).send().await.unwrap();
    let mut bodies: Vec<&str> = buried.messages().iter().filter_map(|message| message.body()).collect();
    bodies.sort_unstable();
    let mut expected = vec![first[1].as_str(), "hello", first[3].as_str()];
    expected.sort_unstable();
    assert_eq!(bodies, expected);
    let said = fs::read_to_string(&log).unwrap();
    assert!(said.contains("ItemsLoaded") && !said.contains("hush-hush"), "{said}");
}
