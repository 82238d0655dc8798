//! Queues, dead letters and topics.

use chrono::DateTime;
use lazycat::aws::{Clients, DeadLetterQueue, LevelQueue, Queue, Topics};
use lazycat::level::Level;
use lazycat::message::{Audience, DeadLetter, ItemEvent, ItemMessage, LevelMessage};
use lazycat::ports::{
    BuryLetters as _, HoldLetters as _, PortError, PublishItems as _, ReceiveMessages as _, SendLevels as _,
    SendMessages as _,
};
use lazycat_tests::wire::{Answer, Request};
use serde_json::{Value, json};

use crate::{always, answering, denied, not_found, says, unavailable};

const URL: &str = "https://queues/scenes";

fn queue(clients: &Clients) -> Queue {
    Queue::new(clients.sqs.clone(), URL)
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Accepts all entries of a batch.
fn accept(request: &Request) -> Option<Answer> {
    let body = request.json();
    let entries = body["Entries"].as_array().into_iter().flatten();
    let accepted: Vec<Value> =
        entries.map(|entry| json!({"Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "5"})).collect();
    Some(Answer::new(200, json!({"Successful": accepted, "Failed": []}).to_string()))
}

#[tokio::test]
async fn messages_are_sent_ten_at_a_time() {
    let (service, clients) = answering(accept).await;
    let bodies: Vec<String> = (0..25).map(|number| number.to_string()).collect();
    let results = queue(&clients).send(&bodies).await;
    assert!(results.len() == 25 && results.iter().all(Result::is_ok));
    let mut sizes: Vec<usize> =
        service.requests().iter().map(|request| request.json()["Entries"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 10, 10]);
}

#[tokio::test]
async fn a_batch_is_no_longer_than_a_message_may_be() {
    let (service, clients) = answering(accept).await;
    let bodies: Vec<String> = (0..3).map(|_| "x".repeat(400_000)).collect();
    assert!(queue(&clients).send(&bodies).await.iter().all(Result::is_ok));
    assert_eq!(service.requests().len(), 2);
}

#[tokio::test]
async fn entries_that_failed_in_a_request_that_succeeded_have_failed() {
    let answer = json!({
        "Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "5"}],
        "Failed": [{"Id": "2", "Code": "InternalError", "Message": "try again", "SenderFault": false},
                   {"Id": "3", "Code": "InvalidMessageContents", "SenderFault": true}],
    });
    let (service, clients) = always(Answer::new(200, answer.to_string())).await;
    let levels =
        ["a", "b", "c", "d"].map(|key| LevelMessage { level: Level::parse(key).unwrap(), since: DateTime::UNIX_EPOCH });
    let mut results = LevelQueue::new(clients.sqs.clone(), URL).send(&levels).await;
    says(&unavailable(results.remove(3)), &["InvalidMessageContents", "the sender's fault"]);
    says(&unavailable(results.remove(2)), &["sending to the queue", "InternalError", "try again", "the service's"]);
    says(&unavailable(results.remove(1)), &["no answer for this entry"]);
    assert!(results.remove(0).is_ok());
    let body = service.requests()[0].json();
    assert_eq!(body["Entries"][1]["MessageBody"], levels[1].encode());
}

#[tokio::test]
async fn a_body_that_no_queue_takes_fails_alone_and_is_not_sent() {
    let (service, clients) = answering(accept).await;
    let mut bodies = strings(&["good", "", "a\u{0}b", "good, too"]);
    bodies.push("x".repeat(1024 * 1024 + 1));
    let mut results = queue(&clients).send(&bodies).await;
    let long = results.remove(4);
    assert!(matches!(long, Err(PortError::TooLarge { size: 1_048_577, limit: 1_048_576, .. })), "{long:?}");
    assert!(results[0].is_ok() && results[3].is_ok());
    says(&denied(results.remove(2)), &["a character"]);
    says(&denied(results.remove(1)), &["empty"]);
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].json()["Entries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_queue_that_is_not_there_fails_every_entry_and_is_named() {
    let gone = Answer::json_error("QueueDoesNotExist")
        .header("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender");
    let (service, clients) = always(gone).await;
    for result in queue(&clients).send(&strings(&["a", "b"])).await {
        assert_eq!(not_found(result), "the queue https://queues/scenes does not exist");
    }
    not_found(queue(&clients).receive(1).await);
    not_found(queue(&clients).acknowledge(&strings(&["r"])).await);
    assert_eq!(service.requests().len(), 3);
    let (_service, clients) = always(Answer::json_error("AccessDeniedException")).await;
    says(&denied(queue(&clients).release(&strings(&["r"]), 1).await), &["releasing messages of the queue"]);
}

#[tokio::test]
async fn an_old_receipt_is_no_error_and_anything_else_is() {
    let failed = |code: &str, message: &str| {
        let entry = json!({"Id": "0", "Code": code, "Message": message, "SenderFault": true});
        Answer::new(200, json!({"Successful": [], "Failed": [entry]}).to_string())
    };
    let receipts = strings(&["r"]);
    for (code, message) in [
        ("ReceiptHandleIsInvalid", ""),
        ("InvalidParameterValue", "Reason: Message does not exist or is not available for visibility timeout change."),
    ] {
        let (_service, clients) = always(failed(code, message)).await;
        queue(&clients).acknowledge(&receipts).await.unwrap();
        queue(&clients).release(&receipts, 0).await.unwrap();
    }
    let (_service, clients) = always(failed("InternalError", "later")).await;
    says(&unavailable(queue(&clients).acknowledge(&receipts).await), &["InternalError", "later"]);
    unavailable(queue(&clients).release(&receipts, 0).await);
}

#[tokio::test]
async fn a_letter_is_the_unchanged_body_with_its_reason() {
    let (service, clients) = always(Answer::new(200, r#"{"MessageId":"m","MD5OfMessageBody":"5"}"#)).await;
    let letter = DeadLetter {
        id: "id".to_owned(),
        body: "{\n\"é\"}".to_owned(),
        reason: "xml".to_owned(),
        detail: "é".repeat(2_000_000),
        first: DateTime::UNIX_EPOCH,
        last: DateTime::UNIX_EPOCH,
        attempts: 3,
    };
    DeadLetterQueue::new(clients.sqs.clone(), URL).bury(&letter).await.unwrap();
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    let body = requests[0].json();
    assert_eq!(body["MessageBody"], letter.body);
    let attributes = body["MessageAttributes"].as_object().unwrap();
    let mut names: Vec<&str> = attributes.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["attempts", "detail", "first", "id", "last", "reason"]);
    assert_eq!(attributes["attempts"], json!({"DataType": "Number", "StringValue": "3"}));
    assert_eq!(attributes["reason"], json!({"DataType": "String", "StringValue": "xml"}));
    let text = |value: &Value| value.as_str().unwrap().len();
    let sizes =
        attributes.iter().map(|(name, value)| name.len() + text(&value["DataType"]) + text(&value["StringValue"]));
    let size = letter.body.len() + sizes.sum::<usize>();
    assert!((1_048_570..=1_048_576).contains(&size), "{size}");
}

#[tokio::test]
async fn a_letter_that_sqs_moved_has_no_reason() {
    let message = json!({"MessageId": "m", "ReceiptHandle": "r", "Body": "b",
        "Attributes": {"ApproximateReceiveCount": "4", "SentTimestamp": "1500"}});
    let (_service, clients) = always(Answer::new(200, json!({"Messages": [message]}).to_string())).await;
    let letters = DeadLetterQueue::new(clients.sqs.clone(), URL).hold(1).await.unwrap();
    let letter = &letters[0].letter;
    assert_eq!((letter.id.as_str(), letter.reason.as_str(), letter.attempts), ("m", "", 4));
    assert_eq!((letter.first.timestamp_millis(), letter.last.timestamp_millis()), (1_500, 1_500));
    assert_eq!((letters[0].id.as_str(), letters[0].hold.as_str()), ("m", "r"));
}

fn published(audience: Audience, key: &str, title_bytes: usize) -> ItemMessage {
    let mut item = stac::Item::new(key);
    item.properties.title = Some("t".repeat(title_bytes));
    item.bbox = Some(stac::Bbox::TwoDimensional([1.0, 2.0, 3.0, 4.0]));
    ItemMessage { key: format!("{key}.json"), audience, event: ItemEvent::Put(Box::new((&item).into())) }
}

fn topics(clients: &Clients) -> Topics {
    Topics::new(clients.sns.clone(), "arn:aws:sns:r:1:items", "arn:aws:sns:r:1:again", "https://example.com/stac/")
}

/// The form of a request, decoded.
fn form(request: &Request) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned()
    };
    let text = request.text();
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// Accepts all entries of a batch but those whose message holds `never`.
fn accept_items(request: &Request) -> Option<Answer> {
    let (mut accepted, mut failed) = (String::new(), String::new());
    let form = form(request);
    for (name, id) in form.iter().filter(|(name, _)| name.ends_with(".Id")) {
        let message = name.replace(".Id", ".Message");
        if form.iter().any(|(name, value)| *name == message && value.contains("never")) {
            failed += &format!(
                "<member><Id>{id}</Id><Code>InternalError</Code><Message>later</Message><SenderFault>false</SenderFault></member>"
            );
        } else {
            accepted += &format!("<member><Id>{id}</Id><MessageId>m</MessageId></member>");
        }
    }
    let body = format!(
        "<PublishBatchResponse><PublishBatchResult><Successful>{accepted}</Successful><Failed>{failed}</Failed>\
         </PublishBatchResult></PublishBatchResponse>"
    );
    Some(Answer::new(200, body))
}

#[tokio::test]
async fn items_go_to_the_topic_of_their_audience_and_fail_each_by_itself() {
    let (service, clients) = answering(accept_items).await;
    let messages = [
        published(Audience::Internal, "one", 0),
        published(Audience::Public, "two", 0),
        published(Audience::Public, "never", 0),
        published(Audience::Internal, "four", 0),
    ];
    let mut results = topics(&clients).publish(&messages).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false, true]);
    says(&unavailable(results.remove(2)), &["arn:aws:sns:r:1:items", "InternalError: later"]);
    let requests = service.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let form = form(&request);
        let internal = form.iter().any(|(name, value)| name == "TopicArn" && value.ends_with(":again"));
        let bodies = form.iter().filter(|(name, _)| name.ends_with(".Message")).map(|(_, body)| body);
        let ids: Vec<Value> = bodies.map(|body| serde_json::from_str::<Value>(body).unwrap()["id"].clone()).collect();
        assert_eq!(ids, if internal { ["one", "four"] } else { ["two", "never"] });
    }
}

#[tokio::test]
async fn items_are_published_ten_at_a_time_and_no_more_bytes_than_a_topic_takes() {
    let (service, clients) = answering(accept_items).await;
    let small: Vec<_> = (0..25).map(|number| published(Audience::Public, &format!("i{number}"), 0)).collect();
    assert!(topics(&clients).publish(&small).await.iter().all(Result::is_ok));
    assert_eq!(service.requests().len(), 3);
    let large: Vec<_> = (0..4).map(|number| published(Audience::Public, &format!("i{number}"), 50_000)).collect();
    assert!(topics(&clients).publish(&large).await.iter().all(Result::is_ok));
    assert_eq!(service.requests().len(), 5);
}

#[tokio::test]
async fn an_item_that_is_too_long_for_a_message_is_published_by_its_address_with_its_attributes() {
    let (service, clients) = answering(accept_items).await;
    topics(&clients).publish(&[published(Audience::Public, "long", 300_000)]).await.remove(0).unwrap();
    let form = form(&service.requests()[0]);
    let body = form.iter().find(|(name, _)| name.ends_with(".Message")).map(|(_, body)| body.as_str());
    assert_eq!(body, Some(r#"{"href":"https://example.com/stac/long.json"}"#));
    let names: Vec<&str> =
        form.iter().filter(|(name, _)| name.ends_with(".Name")).map(|(_, name)| name.as_str()).collect();
    says(&names.join(" "), &["bbox.ll_lon", "bbox.ur_lat", "links.self.href"]);
}

#[tokio::test]
async fn a_topic_that_is_not_there_or_not_ours_fails_every_item() {
    let error = |status, code: &str| {
        Answer::new(
            status,
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
            ),
        )
    };
    let items = [published(Audience::Public, "one", 0), published(Audience::Public, "two", 0)];
    let (_service, clients) = always(error(404, "NotFound")).await;
    for result in topics(&clients).publish(&items).await {
        assert_eq!(not_found(result), "the topic arn:aws:sns:r:1:items does not exist");
    }
    let (_service, clients) = always(error(403, "AuthorizationError")).await;
    for result in topics(&clients).publish(&items).await {
        says(&denied(result), &["publishing to the topic", "AuthorizationError: no"]);
    }
}
