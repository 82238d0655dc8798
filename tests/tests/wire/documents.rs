//! Documents that messages refer to.

use std::time::Duration;

use lazycat::aws::Documents;
use lazycat::ports::{PortError, PortResult};
use lazycat::search::ports::FetchDocuments as _;
use lazycat::search::source::Source;
use lazycat_tests::ministack::clients;
use lazycat_tests::tls::Authority;
use lazycat_tests::wire::{Answer, Request, Service};

use crate::{always, answering, denied, not_found, says, unavailable};

const LIMIT: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn s3(key: &str) -> Source {
    Source::S3 { bucket: "archive".to_owned(), key: key.to_owned() }
}

/// A host behind TLS, and documents by somebody who trusts it.
struct Host {
    service: Service,
    documents: Documents,
}

impl Host {
    async fn answering(
        time_out: Duration,
        answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        let authority = Authority::new();
        let service = Service::start_tls(authority.acceptor("127.0.0.1"), answer).await;
        let s3 = clients("http://127.0.0.1:1", "test").s3;
        Self { service, documents: Documents::with_tls(s3, time_out, authority.trusted()) }
    }

    async fn read(&self, path: &str) -> PortResult<Vec<u8>> {
        let host = format!("127.0.0.1:{}", self.service.port());
        self.documents.fetch(&[Source::Https { host, path: path.to_owned() }], LIMIT).await.remove(0)
    }
}

async fn from_host(answer: Answer) -> PortResult<Vec<u8>> {
    Host::answering(PATIENCE, move |_| Some(answer.clone())).await.read("/a.json").await
}

#[tokio::test]
async fn each_document_is_answered_for_in_order() {
    let (service, clients) = answering(|request| {
        Some(match request.target.contains("gone") {
            true => Answer::xml_error(404, "NoSuchKey"),
            false => Answer::new(200, request.target.clone()),
        })
    })
    .await;
    let documents = Documents::new(clients.s3, PATIENCE).unwrap();
    let mut read = documents.fetch(&[s3("a b.json"), s3("gone.json"), s3("c+d.json")], LIMIT).await.into_iter();
    says(&String::from_utf8(read.next().unwrap().unwrap()).unwrap(), &["/archive/a%20b.json"]);
    assert_eq!(not_found(read.next().unwrap()), "s3://archive/gone.json does not exist");
    says(&String::from_utf8(read.next().unwrap().unwrap()).unwrap(), &["/archive/c%2Bd.json"]);
    assert!(service.requests().iter().all(|request| request.header("x-amz-request-payer") == "requester"));
}

#[tokio::test]
async fn many_documents_are_read_at_a_time_but_not_any_number() {
    // Nobody is ever answered.
    let host = Host::answering(PATIENCE, |_| None).await;
    let name = format!("127.0.0.1:{}", host.service.port());
    let sources: Vec<Source> =
        (0..200).map(|at| Source::Https { host: name.clone(), path: format!("/{at}") }).collect();
    let mut most = 0;
    let asked = async {
        // Whoever is to ask has asked when so many looks have found nobody else.
        let mut idle = 0;
        while most < 64 || idle < 1_000 {
            tokio::task::yield_now().await;
            let asked = host.service.requests().len();
            idle = if asked > most { 0 } else { idle + 1 };
            most = asked;
        }
    };
    tokio::select! {
        _ = host.documents.fetch(&sources, LIMIT) => panic!("it was answered"),
        () = asked => {}
    }
    assert_eq!(most, 64);
}

#[tokio::test]
async fn a_document_that_is_too_long_is_not_read() {
    // Nothing of it ever comes.
    let endless = Answer::new(200, "").announcing(10_000_000_000);
    let (_service, clients) = always(endless.clone()).await;
    let documents = Documents::new(clients.s3, PATIENCE).unwrap();
    for result in [documents.fetch(&[s3("a.json")], LIMIT).await.remove(0), from_host(endless).await] {
        assert!(matches!(result, Err(PortError::TooLarge { size: 10_000_000_000, limit: LIMIT, .. })), "{result:?}");
    }
    assert_eq!(from_host(Answer::new(200, vec![b'x'; 1_000])).await.unwrap().len(), 1_000);
}

#[tokio::test]
async fn a_read_over_https_is_one_get_of_the_path_as_it_was_given() {
    let host = Host::answering(PATIENCE, |_| Some(Answer::new(200, "{}"))).await;
    assert_eq!(host.read("/a%20b.json?version=1#part").await.unwrap(), b"{}");
    assert_eq!(host.read("?all").await.unwrap(), b"{}");
    let requests = host.service.requests();
    let targets: Vec<&str> = requests.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(targets, ["/a%20b.json?version=1", "/?all"]);
    says(requests[0].header("user-agent"), &["lazycat/"]);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let host = Host::answering(PATIENCE, |_| Some(Answer::new(302, "").header("location", "/elsewhere.json"))).await;
    says(&denied(host.read("/a.json").await), &["302", "redirects are not followed"]);
    assert_eq!(host.service.requests().len(), 1);
}

#[tokio::test]
async fn each_answer_of_a_host_has_its_meaning() {
    says(&not_found(from_host(Answer::new(404, "")).await), &["https://127.0.0.1:", "/a.json does not exist"]);
    not_found(from_host(Answer::new(410, "")).await);
    says(&denied(from_host(Answer::new(403, "")).await), &["403"]);
    says(&unavailable(from_host(Answer::new(503, "")).await), &["503"]);
    // It ends early.
    unavailable(from_host(Answer::new(200, "half").announcing(8)).await);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_given_up() {
    let host = Host::answering(Duration::from_millis(50), |_| None).await;
    says(&unavailable(host.read("/a.json").await), &["did not come within 0.05 s"]);
}

#[tokio::test]
async fn a_host_that_cannot_prove_its_name_is_sent_no_request() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for acceptor in [authority.acceptor("another.example"), stranger.acceptor("127.0.0.1")] {
        let service = Service::start_tls(acceptor, |_| Some(Answer::new(200, "{}"))).await;
        let s3 = clients("http://127.0.0.1:1", "test").s3;
        let documents = Documents::with_tls(s3, PATIENCE, authority.trusted());
        let source = Source::Https { host: format!("127.0.0.1:{}", service.port()), path: "/a.json".to_owned() };
        says(&unavailable(documents.fetch(&[source], LIMIT).await.remove(0)), &["certificate"]);
        assert_eq!(service.requests().len(), 0);
    }
}
