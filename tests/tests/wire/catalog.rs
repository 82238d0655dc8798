//! Items and documents.

use lazycat::aws::{CatalogBucket, Clients};
use lazycat::level::Level;
use lazycat::ports::{
    ETag, Expected, ItemPut, PageToken, PortError, ReadCatalog as _, ReadItems as _, WriteCatalog as _, WriteItems as _,
};
use lazycat_tests::wire::Answer;

use crate::{always, answering, denied, says, unavailable};

const KEY: &str = "CBERS4/catalog.json";

fn catalog(clients: &Clients) -> CatalogBucket {
    CatalogBucket::new(clients.s3.clone(), "stac")
}

#[tokio::test]
async fn a_document_is_written_only_over_what_was_expected() {
    let (service, clients) = always(Answer::new(200, "").header("etag", "\"new\"")).await;
    let tag = ETag("\"old\"".to_owned());
    for expected in [Expected::Absent, Expected::Tag(tag)] {
        let written = catalog(&clients).put_if(KEY, b"{}", &expected).await.unwrap();
        assert_eq!(written, ETag("\"new\"".to_owned()));
    }
    let requests = service.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].header("if-none-match"), requests[0].header("if-match")), ("*", ""));
    assert_eq!((requests[1].header("if-none-match"), requests[1].header("if-match")), ("", "\"old\""));
    for request in &requests {
        assert_eq!((request.method.as_str(), request.header("content-type")), ("PUT", "application/json"));
        says(request.header("cache-control"), &["max-age="]);
        assert_eq!(request.body, b"{}");
    }
}

#[tokio::test]
async fn somebody_who_wrote_first_is_no_failure_to_be_tried_again() {
    let absent = [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed")];
    for (status, code) in absent.into_iter().chain([(404, "NoSuchKey")]) {
        let (service, clients) = always(Answer::xml_error(status, code)).await;
        let result = catalog(&clients).put_if(KEY, b"{}", &Expected::Tag(ETag("\"t\"".to_owned()))).await;
        assert!(matches!(result, Err(PortError::Precondition { .. })), "{code}: {result:?}");
        assert_eq!(service.requests().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_is_never_an_object_that_is_absent() {
    let (_service, clients) = always(Answer::xml_error(404, "NoSuchBucket")).await;
    let catalog = catalog(&clients);
    let parts = ["s3://stac", "NoSuchBucket", "the bucket does not exist"];
    says(&unavailable(catalog.get(KEY).await), &parts);
    says(&unavailable(catalog.stored(&[KEY.to_owned()]).await.remove(0)), &parts);
    says(&unavailable(catalog.list(&Level::root(), None).await), &parts);
    says(&unavailable(catalog.put_if(KEY, b"{}", &Expected::Absent).await), &parts);
    let item = ItemPut { key: "a.json".to_owned(), bytes: Vec::new(), message_id: None };
    says(&unavailable(catalog.put(&[item]).await.remove(0)), &parts);
}

#[tokio::test]
async fn a_missing_object_is_absent_and_a_refusal_is_not() {
    let (_service, clients) = always(Answer::xml_error(404, "NoSuchKey")).await;
    assert_eq!(catalog(&clients).get(KEY).await.unwrap(), None);
    assert_eq!(catalog(&clients).stored(&[KEY.to_owned()]).await.remove(0).unwrap(), None);
    assert!(!catalog(&clients).exists(KEY).await.unwrap());

    let (_service, clients) = always(Answer::xml_error(403, "AccessDenied")).await;
    says(&denied(catalog(&clients).get(KEY).await), &["s3:ListBucket"]);
    says(&denied(catalog(&clients).exists(KEY).await), &["looking for s3://stac", "s3:ListBucket"]);
    denied(catalog(&clients).put_if(KEY, b"{}", &Expected::Absent).await);
}

#[tokio::test]
async fn a_body_that_ends_early_is_neither_a_document_nor_an_item() {
    let half = Answer::new(200, "{\"type\":").header("etag", "\"t\"").announcing(100);
    let (_service, clients) = always(half).await;
    unavailable(catalog(&clients).get(KEY).await);
    unavailable(catalog(&clients).stored(&[KEY.to_owned()]).await.remove(0));
}

#[tokio::test]
async fn a_document_without_tag_could_not_be_written_again() {
    let (_service, clients) = always(Answer::new(200, "{}")).await;
    says(&unavailable(catalog(&clients).get(KEY).await), &["ETag"]);
}

#[tokio::test]
async fn an_item_is_one_put_with_its_message_id_beside_it() {
    let (service, clients) = always(Answer::new(200, "").header("etag", "\"t\"")).await;
    let put = |key: &str, id: Option<&str>| ItemPut {
        key: key.to_owned(),
        bytes: b"{}".to_vec(),
        message_id: id.map(str::to_owned),
    };
    let results = catalog(&clients).put(&[put("a/1.json", Some("2026/é")), put("a/2.json", None)]).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let mut requests = service.requests();
    requests.sort_by(|one, other| one.target.cmp(&other.target));
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].header("x-amz-meta-message-id"), "2026%2F%C3%A9");
    assert!(!requests[1].headers.contains_key("x-amz-meta-message-id"));
    for request in &requests {
        assert_eq!(request.header("content-type"), "application/geo+json");
        says(request.header("cache-control"), &["max-age="]);
        assert!(!request.headers.contains_key("if-match") && !request.headers.contains_key("if-none-match"));
    }
}

#[tokio::test]
async fn items_are_written_at_the_same_time_and_fail_each_by_itself() {
    let (service, clients) = answering(|request| {
        let bad = request.target.contains("/07.json");
        Some(if bad { Answer::xml_error(403, "AccessDenied") } else { Answer::new(200, "").header("etag", "\"t\"") })
    })
    .await;
    let items: Vec<ItemPut> = (0..40)
        .map(|number| ItemPut { key: format!("{number:02}.json"), bytes: Vec::new(), message_id: None })
        .collect();
    let results = catalog(&clients).put(&items).await;
    let failed: Vec<usize> = (0..results.len()).filter(|at| results[*at].is_err()).collect();
    assert_eq!((results.len(), failed), (40, vec![7]));
    assert_eq!(service.requests().len(), 40);
}

#[tokio::test]
async fn a_page_of_a_listing_is_one_request_and_its_keys_are_decoded() {
    let page = "<ListBucketResult><KeyCount>6</KeyCount><IsTruncated>true</IsTruncated>\
        <NextContinuationToken>go/on=</NextContinuationToken>\
        <Contents><Key>a/b+c/</Key></Contents>\
        <Contents><Key>a/b+c/%01.json</Key></Contents>\
        <Contents><Key>a/b+c/.hidden</Key></Contents>\
        <Contents><Key>a/b+c/1%2B%C3%A9+%25.json</Key></Contents>\
        <CommonPrefixes><Prefix>a/b+c/%E6%97%A5+2/</Prefix></CommonPrefixes>\
        <CommonPrefixes><Prefix>a/b+c//</Prefix></CommonPrefixes></ListBucketResult>";
    let (service, clients) = always(Answer::new(200, page)).await;
    let level = Level::parse("a/b c").unwrap();
    let token = PageToken("from here/=".to_owned());
    let page = catalog(&clients).with_keys_a_page(7).list(&level, Some(&token)).await.unwrap();
    assert_eq!(page.objects, ["1+é %.json"]);
    assert_eq!(page.folders, ["日 2"]);
    assert_eq!(page.next, Some(PageToken("go/on=".to_owned())));
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    says(
        &requests[0].target,
        &[
            "list-type=2",
            "delimiter=%2F",
            "encoding-type=url",
            "max-keys=7",
            "prefix=a%2Fb%20c%2F",
            "continuation-token=from%20here%2F%3D",
        ],
    );
}

#[tokio::test]
async fn a_listing_that_is_cut_off_is_no_listing() {
    let entry = "<Contents><Key>a.json</Key></Contents>";
    for page in [
        format!("<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>true</IsTruncated>{entry}</ListBucketResult>"),
        format!("<ListBucketResult><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>{entry}</ListBucketResult>"),
        format!("<ListBucketResult><KeyCount>3</KeyCount><IsTruncated>false</IsTruncated>{entry}<Contents><Key>a"),
        format!("<ListBucketResult><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>{entry}<Contents>"),
        format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entry}</ListBucketResult>"),
        format!("<ListBucketResult><KeyCount>1</KeyCount>{entry}</ListBucketResult>"),
        String::from("<ListBucketResult>"),
    ] {
        let (_service, clients) = always(Answer::new(200, page)).await;
        says(&unavailable(catalog(&clients).list(&Level::root(), None).await), &["listing s3://stac/"]);
    }
}
