//! Scene metadata.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use lazycat::aws::{Clients, SourceBuckets, TimeOuts};
use lazycat::ports::{ListSource as _, PortError, PortResult, ReadSource as _, SourceObject, SourcePage};
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

async fn list(clients: &Clients, after: Option<&str>) -> PortResult<SourcePage> {
    SourceBuckets::new(clients.s3.clone()).list("archive", "CBERS4/", after).await
}

fn listed(entries: &str, count: usize, more: &str) -> Answer {
    Answer::new(200, format!("<ListBucketResult><KeyCount>{count}</KeyCount>{more}{entries}</ListBucketResult>"))
}

const NO_MORE: &str = "<IsTruncated>false</IsTruncated>";

fn entry(key: &str) -> String {
    format!("<Contents><Key>{key}</Key><LastModified>2020-07-30T12:00:00.000Z</LastModified></Contents>")
}

#[tokio::test]
async fn a_page_of_a_listing_is_one_request_behind_a_key_that_the_requester_pays_for() {
    let entries = entry("CBERS4/a%20b%0A.xml") + &entry("CBERS4/%C3%A9+.xml");
    let (service, clients) = always(listed(&entries, 2, "<IsTruncated>true</IsTruncated>")).await;
    let page = list(&clients, Some("CBERS4/a b.xml")).await.unwrap();
    assert!(page.more);
    assert_eq!(
        page.objects.iter().map(|object| &*object.key).collect::<Vec<_>>(),
        ["CBERS4/a b\n.xml", "CBERS4/é .xml"]
    );
    assert_eq!(page.objects[0].modified.to_rfc3339(), "2020-07-30T12:00:00+00:00");
    let requests = service.requests();
    assert_eq!((requests.len(), &*requests[0].method), (1, "GET"));
    says(
        &requests[0].target,
        &["/archive", "list-type=2", "prefix=CBERS4%2F", "start-after=CBERS4%2Fa%20b.xml", "encoding-type=url"],
    );
    assert!(!requests[0].target.contains("delimiter"));
    assert_eq!(requests[0].header("x-amz-request-payer"), "requester");
}

#[tokio::test]
async fn an_empty_page_with_more_behind_it_is_gone_past() {
    let asked = AtomicUsize::new(0);
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>next page</NextContinuationToken>";
    let (service, clients) = answering(move |_| {
        Some(match asked.fetch_add(1, Ordering::Relaxed) {
            0 => listed("", 0, more),
            _ => listed(&entry("CBERS4/b.xml"), 1, NO_MORE),
        })
    })
    .await;
    let page = list(&clients, None).await.unwrap();
    assert_eq!((page.objects.len(), page.more), (1, false));
    says(&service.requests()[1].target, &["continuation-token=next%20page"]);
}

#[tokio::test]
async fn a_page_that_is_not_whole_is_no_page() {
    for (answer, missing) in [
        (listed(&entry("CBERS4/a.xml"), 2, NO_MORE), "2 entries"),
        (listed(&entry("CBERS4/a.xml"), 1, ""), "IsTruncated"),
        (listed("<Contents><LastModified>2020-07-30T12:00:00.000Z</LastModified></Contents>", 1, NO_MORE), "key"),
        (listed("<Contents><Key>CBERS4/a.xml</Key></Contents>", 1, NO_MORE), "LastModified of CBERS4/a.xml"),
        (listed("", 0, "<IsTruncated>true</IsTruncated>"), "next page"),
    ] {
        let (_service, clients) = always(answer).await;
        says(&unavailable(list(&clients, None).await), &["listing s3://archive/CBERS4/", missing]);
    }
}

#[tokio::test]
async fn a_listing_tells_a_bucket_that_is_missing_from_one_that_denies_it() {
    let (_service, clients) = always(Answer::xml_error(404, "NoSuchBucket")).await;
    assert_eq!(not_found(list(&clients, None).await), "the bucket archive does not exist");
    let (_service, clients) = always(Answer::xml_error(403, "AccessDenied")).await;
    says(&denied(list(&clients, None).await), &["listing s3://archive/CBERS4/", "AccessDenied"]);
}
