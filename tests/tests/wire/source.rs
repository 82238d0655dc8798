//! Scene metadata.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use lazycat::aws::{Clients, SourceBuckets, TimeOuts};
use lazycat::ports::{PortError, PortResult, ReadSource as _, SourceObject};
use lazycat_tests::wire::{Answer, Service};

use crate::{always, answering, denied, not_found, says, unavailable};

const LIMIT: u64 = 1_000;

fn object(key: &str) -> SourceObject {
    SourceObject { bucket: "archive".to_owned(), key: key.to_owned(), file: None }
}

async fn read(clients: &Clients) -> PortResult<Vec<u8>> {
    SourceBuckets::new(clients.s3.clone()).read(&[object("CBERS4/a b.xml")], LIMIT).await.remove(0)
}

#[tokio::test]
async fn a_read_is_one_get_that_the_requester_pays_for() {
    let (service, clients) = always(Answer::new(200, "xml")).await;
    assert_eq!(read(&clients).await.unwrap(), b"xml");
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "GET");
    says(&requests[0].target, &["/archive/CBERS4/a%20b.xml"]);
    assert_eq!(requests[0].header("x-amz-request-payer"), "requester");
}

#[tokio::test]
async fn only_an_object_that_is_missing_is_not_found() {
    let (_service, clients) = always(Answer::xml_error(404, "NoSuchKey")).await;
    assert_eq!(not_found(read(&clients).await), "s3://archive/CBERS4/a b.xml does not exist");

    let (_service, clients) = always(Answer::xml_error(404, "NoSuchBucket")).await;
    says(&unavailable(read(&clients).await), &["s3://archive/CBERS4/a b.xml", "NoSuchBucket", "made to fail"]);

    let (_service, clients) = always(Answer::new(404, "")).await;
    unavailable(read(&clients).await);
}

#[tokio::test]
async fn a_refusal_says_that_the_object_may_be_missing() {
    let (service, clients) = always(Answer::xml_error(403, "AccessDenied").header("x-amz-request-id", "4711")).await;
    says(&denied(read(&clients).await), &["AccessDenied", "s3:ListBucket", "request 4711", "status 403"]);
    assert_eq!(service.requests().len(), 1, "a refusal is not tried again");
}

#[tokio::test]
async fn a_read_that_is_slowed_down_is_tried_again() {
    let asked = AtomicUsize::new(0);
    let (service, clients) = answering(move |_| {
        Some(match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Answer::xml_error(503, "SlowDown"),
            _ => Answer::new(200, "xml"),
        })
    })
    .await;
    assert_eq!(read(&clients).await.unwrap(), b"xml");
    assert_eq!(service.requests().len(), 2);
}

#[tokio::test]
async fn a_service_that_fails_for_good_is_tried_four_times() {
    let (service, clients) = always(Answer::xml_error(500, "InternalError")).await;
    says(&unavailable(read(&clients).await), &["InternalError", "status 500"]);
    assert_eq!(service.requests().len(), 4);
}

#[tokio::test]
async fn an_object_that_is_too_long_is_not_read() {
    // Nothing of it ever comes.
    let (_service, clients) = always(Answer::new(200, "").announcing(10_000_000_000)).await;
    let result = read(&clients).await;
    assert!(matches!(result, Err(PortError::TooLarge { size: 10_000_000_000, limit: LIMIT, .. })), "{result:?}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_no_object() {
    let (_service, clients) = always(Answer::new(200, "half of").announcing(100)).await;
    says(&unavailable(read(&clients).await), &["reading s3://archive/CBERS4/a b.xml", ": "]);
}

#[tokio::test]
async fn a_file_is_refused_without_asking() {
    let (service, clients) = always(Answer::new(200, "xml")).await;
    let file = SourceObject { file: Some("/etc/passwd".to_owned()), ..object("CBERS4/a.xml") };
    let mut read = SourceBuckets::new(clients.s3.clone()).read(&[file, object("b.xml")], LIMIT).await;
    assert!(read.remove(1).is_ok());
    says(&denied(read.remove(0)), &["/etc/passwd", "CBERS4/a.xml"]);
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn a_service_that_does_not_answer_or_is_not_there_is_unavailable_with_all_causes() {
    let service = Service::start(|_| None).await;
    let impatient = |endpoint: &str| {
        let credentials = Credentials::new("test", "secret", None, None, "tests");
        let config = SdkConfig::builder()
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint)
            .build();
        Clients::new(&config, TimeOuts::within(Duration::from_millis(900)))
    };
    says(&unavailable(read(&impatient(&service.endpoint())).await), &["reading s3://archive", "time"]);

    let gone = service.endpoint();
    drop(service);
    says(&unavailable(read(&impatient(&gone)).await), &["reading s3://archive", ": "]);
}
