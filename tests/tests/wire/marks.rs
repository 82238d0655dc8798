//! The table of dirty levels.

use chrono::{DateTime, TimeDelta, Utc};
use lazycat::aws::{Clients, DirtyLevels};
use lazycat::level::{Level, Mark, Token};
use lazycat::ports::{MarkLevels as _, PageToken, ReadMarks as _, RemoveMarks as _};
use lazycat_tests::wire::Answer;
use serde_json::json;

use crate::{always, answering, denied, not_found, says, unavailable};

fn table(clients: &Clients) -> DirtyLevels {
    DirtyLevels::new(clients.dynamodb.clone(), "dirty")
}

fn mark(level: &str) -> Mark {
    let since: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_500);
    Mark { level: Level::from_wire(level).unwrap(), token: Token("fresh".to_owned()), since }
}

#[tokio::test]
async fn a_mark_is_one_request_that_renews_the_token_and_keeps_the_since() {
    let (service, clients) = always(Answer::new(200, "{}")).await;
    table(&clients).mark(&[mark("/")]).await.remove(0).unwrap();
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("x-amz-target"), "DynamoDB_20120810.UpdateItem");
    let body = requests[0].json();
    assert_eq!((&body["TableName"], &body["Key"]), (&json!("dirty"), &json!({"level": {"S": "/"}})));
    assert_eq!(body["UpdateExpression"], "SET #token = :token, #since = if_not_exists(#since, :since)");
    assert_eq!(body["ExpressionAttributeNames"], json!({"#token": "token", "#since": "since"}));
    let values = json!({":token": {"S": "fresh"}, ":since": {"S": "1970-01-01T00:00:01.500Z"}});
    assert_eq!(body["ExpressionAttributeValues"], values);
    assert_eq!(body.get("ConditionExpression"), None);
}

#[tokio::test]
async fn a_mark_that_fails_fails_alone() {
    let (_service, clients) = answering(|request| {
        let bad = request.text().contains("CBERS4");
        Some(if bad { Answer::json_error("ValidationException") } else { Answer::new(200, "{}") })
    })
    .await;
    let mut results = table(&clients).mark(&[mark("a"), mark("CBERS4"), mark("b")]).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    says(&unavailable(results.remove(1)), &["marking CBERS4 in the table dirty", "ValidationException"]);
}

#[tokio::test]
async fn a_mark_is_removed_on_condition_of_its_token() {
    let (service, clients) = always(Answer::new(200, "{}")).await;
    let marks = [(mark("a").level, Token("read".to_owned()))];
    assert!(table(&clients).remove(&marks).await.remove(0).unwrap());
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("x-amz-target"), "DynamoDB_20120810.DeleteItem");
    let body = requests[0].json();
    assert_eq!(body["ConditionExpression"], "#token = :token");
    assert_eq!(body["ExpressionAttributeValues"], json!({":token": {"S": "read"}}));

    let (service, clients) = always(Answer::json_error("ConditionalCheckFailedException")).await;
    assert!(!table(&clients).remove(&marks).await.remove(0).unwrap());
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn a_table_that_is_not_there_or_not_ours_is_said_to_be_so() {
    let (_service, clients) = always(Answer::json_error("ResourceNotFoundException")).await;
    assert_eq!(not_found(table(&clients).scan(None).await), "the table dirty does not exist");
    not_found(table(&clients).mark(&[mark("a")]).await.remove(0));
    let (_service, clients) = always(Answer::json_error("AccessDeniedException")).await;
    says(&denied(table(&clients).scan(None).await), &["scanning the table dirty"]);
    let key = json!({"Items": [], "LastEvaluatedKey": {"other": {"N": "1"}}});
    let (_service, clients) = always(Answer::new(200, key.to_string())).await;
    says(&unavailable(table(&clients).scan(None).await), &["level"]);
}

#[tokio::test]
async fn a_scan_is_consistent_and_passes_over_what_is_no_mark() {
    let page = json!({
        "Items": [
            {"level": {"S": "/"}, "token": {"S": "t"}, "since": {"S": "1970-01-01T00:00:01.5Z"}},
            {"level": {"S": ".checkpoint/reprocess"}, "token": {"S": "x"}},
            {"level": {"S": "../up"}, "token": {"S": "x"}, "since": {"S": "1970-01-01T00:00:00Z"}},
            {"level": {"S": "no-token"}},
            {"level": {"S": "CBERS4"}, "token": {"S": "u"}, "since": {"S": "yesterday"}},
        ],
        "LastEvaluatedKey": {"level": {"S": "CBERS4"}},
    });
    let (service, clients) = always(Answer::new(200, page.to_string())).await;
    let token = PageToken("AMAZONIA1".to_owned());
    let page = table(&clients).with_marks_a_page(5).scan(Some(&token)).await.unwrap();
    let marks: Vec<_> = page.marks.iter().map(|mark| (mark.level.wire(), mark.token.0.as_str())).collect();
    assert_eq!(marks, [("/", "t"), ("CBERS4", "u")], "a mark whose since cannot be read is owed all the same");
    assert_eq!(page.marks[0].since.timestamp_millis(), 1_500);
    assert_eq!(page.next, Some(PageToken("CBERS4".to_owned())));
    let body = service.requests()[0].json();
    assert_eq!((&body["ConsistentRead"], &body["Limit"]), (&json!(true), &json!(5)));
    assert_eq!(body["ExclusiveStartKey"], json!({"level": {"S": "AMAZONIA1"}}));
}
