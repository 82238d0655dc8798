//! The function as Lambda runs it: the real program, as a user that is not root, a batch of SQS, and an emulator for the
//! rest.

#![allow(clippy::unwrap_used)]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use lazycat_tests::ministack::{Ministack, clients};
use lazycat_tests::wire::{Answer, Request, Service};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// An account of the emulator that no other test has.
const ACCOUNT: &str = "200000000077";

/// The secret that no generator may see.
const SECRET: &str = "open-sesame-of-the-role";

/// Nobody's number.
const NOBODY: &str = "65534";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A file where everybody may run it.
fn public(folder: &Path, file: &Path) -> PathBuf {
    let copy = folder.join(file.file_name().unwrap());
    fs::copy(file, &copy).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    copy
}

fn request(what: &Value) -> String {
    json!({"generator": "bad", "input": what, "collection_id": "c"}).to_string()
}

fn event(bodies: &[String]) -> String {
    let record = |(at, body): (usize, &String)| {
        json!({"messageId": format!("m{at}"), "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1600000000000"}})
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()}).to_string()
}

/// Lambda's side of its runtime API: gives one event, and tells what comes back.
async fn lambda(event: String) -> (Service, mpsc::UnboundedReceiver<(String, Value)>) {
    let event = std::sync::Mutex::new(Some(event));
    let (tell, told) = mpsc::unbounded_channel();
    let service = Service::start(move |request: &Request| {
        if request.target.ends_with("/invocation/next") {
            let event = event.lock().unwrap().take()?;
            return Some(
                Answer::new(200, event)
                    .header("lambda-runtime-aws-request-id", "request")
                    .header("lambda-runtime-deadline-ms", "32503680000000")
                    .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:200000000077:function:f"),
            );
        }
        let _ = tell.send((request.target.clone(), request.json()));
        Some(Answer::new(202, "{}"))
    })
    .await;
    (service, told)
}

/// The program, and what goes before it where it would be root, who sees everything.
fn command(program: &Path) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]).arg(program);
    command
}

/// All messages of a queue, taken out: bodies, and the attribute `reason` where there is one.
async fn messages(sqs: &aws_sdk_sqs::Client, url: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    loop {
        let request = sqs.receive_message().queue_url(url).max_number_of_messages(10).message_attribute_names("All");
        let received = request.message_system_attribute_names(MessageSystemAttributeName::All).send().await.unwrap();
        if received.messages().is_empty() {
            return found;
        }
        for message in received.messages() {
            let reason = message.message_attributes().and_then(|attributes| attributes.get("reason"));
            let reason = reason.and_then(|reason| reason.string_value()).map(ToOwned::to_owned);
            found.push((message.body().unwrap().to_owned(), reason));
            let receipt = message.receipt_handle().unwrap();
            sqs.delete_message().queue_url(url).receipt_handle(receipt).send().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_becomes_items_on_the_topic_and_no_generator_sees_a_secret() {
    let ministack = Ministack::shared();
    let clients = clients(&ministack.endpoint(), ACCOUNT);
    let queue = async |name: &str| clients.sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
    let (letters, items) = (queue("dead-letters").await, queue("items").await);
    let topic = clients.sns.create_topic().name("items").send().await.unwrap().topic_arn.unwrap();
    let arn = clients.sqs.get_queue_attributes().queue_url(&items).attribute_names(QueueAttributeName::QueueArn);
    let arn = arn.send().await.unwrap().attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
    let subscription = clients.sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(arn);
    subscription.attributes("RawMessageDelivery", "true").send().await.unwrap();
    clients.s3.create_bucket().bucket("long-items").send().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = public(folder.path(), Path::new(env!("CARGO_BIN_EXE_generate-from-request")));
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/generators/misbehaves.py");
    let fixture = public(folder.path(), &fixture);
    let table = json!({"generators": {"bad": {"command": ["python3", fixture], "time_out": 30}}}).to_string();
    let bodies = [
        request(&json!({"do": "good"})),
        json!({"Type": "Notification", "Message": request(&json!({"do": "wide", "bytes": 300_000}))}).to_string(),
        request(&json!({"do": "spy"})),
        "hello".to_owned(),
        request(&json!({"do": "exit", "code": 3})),
        request(&json!({"do": "no-item"})),
    ];
    let (lambda, mut told) = lambda(event(&bodies)).await;
    let log = folder.path().join("log");
    let output = File::create(&log).unwrap();
    let process = command(&program)
        .env_clear()
        .envs([
            ("PATH", "/usr/bin:/bin"),
            ("AWS_LAMBDA_RUNTIME_API", lambda.endpoint().trim_start_matches("http://")),
            ("AWS_LAMBDA_FUNCTION_NAME", "generate-from-request"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "logs"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
            ("AWS_ENDPOINT_URL", &ministack.endpoint()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCOUNT),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("LAZYCAT_STACK", "items"),
            ("LAZYCAT_TIMEOUT", "120"),
            ("LAZYCAT_ATTEMPTS", "5"),
            ("LAZYCAT_DEAD_LETTERS_URL", &letters),
            ("LAZYCAT_ITEMS_TOPIC_ARN", &topic),
            ("LAZYCAT_ITEMS_BUCKET", "long-items"),
            ("LAZYCAT_GENERATORS", &table),
        ])
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let _running = Running(process);

    let (target, answer) = told.recv().await.unwrap();
    let said = fs::read_to_string(&log).unwrap();
    assert!(target.ends_with("/response"), "{target}: {answer}\n{said}");
    // What may pass comes back, alone.
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m4"}]}), "{said}");

    let mut refused = messages(&clients.sqs, &letters).await;
    refused.sort();
    let expected = [(bodies[3].clone(), Some("message".to_owned())), (bodies[5].clone(), Some("item".to_owned()))];
    assert_eq!(refused, expected);

    let published = messages(&clients.sqs, &items).await;
    let published: Vec<Value> = published.iter().map(|(body, _)| serde_json::from_str(body).unwrap()).collect();
    assert_eq!(published.len(), 3, "{said}");
    assert!(published.iter().any(|item| item["id"] == "good" && item["collection"] == "c"));
    let spy = published.iter().find(|item| item["id"] == "spy").unwrap();
    assert_eq!(spy["properties"]["seen"], "PermissionError");
    let href = published.iter().find_map(|item| item["href"].as_str()).unwrap();
    let key = href.strip_prefix("s3://long-items/").unwrap();
    let kept = clients.s3.get_object().bucket("long-items").key(key).send().await.unwrap();
    assert_eq!(kept.content_type(), Some("application/geo+json"));
    let kept: Value = serde_json::from_slice(&kept.body.collect().await.unwrap().into_bytes()).unwrap();
    assert_eq!(kept["properties"]["text"].as_str().unwrap().len(), 300_000);
    assert!(!said.contains(SECRET));
    assert!(said.contains("\"ItemsMade\":[3"), "{said}");
}
