//! What a scene costs: the requests of the use case over all the adapters together.

use std::collections::BTreeMap;

use lazycat::aws::{CatalogBucket, Clients, DeadLetterQueue, DirtyLevels, SourceBuckets, Topics, World};
use lazycat::generate::{self, generate};
use lazycat::grid::INPE;
use lazycat::stac::Buckets;
use lazycat_fixtures::{Date, SceneSpec, Size};
use lazycat_tests::bench::{deliveries, record};
use lazycat_tests::wire::{Answer, Request};

use crate::answering;

fn scene(row: u32, day: u8) -> SceneSpec {
    SceneSpec::cbers4_mux(57, row, Date::new(2017, 6, day)).with_size(Size::Compact)
}

/// What was asked of which service.
fn name(request: &Request) -> String {
    let target = request.header("x-amz-target");
    match target.split_once('.') {
        Some((_, operation)) => operation.to_owned(),
        None if request.text().starts_with("Action=PublishBatch&") => "PublishBatch".to_owned(),
        None => request.method.clone(),
    }
}

fn answer(request: &Request, scenes: &[SceneSpec]) -> Option<Answer> {
    Some(match name(request).as_str() {
        "GET" => match scenes.iter().find(|scene| request.target.contains(&scene.source_key())) {
            Some(scene) => Answer::new(200, scene.xml()),
            None => Answer::xml_error(404, "NoSuchKey"),
        },
        "PUT" => Answer::new(200, "").header("etag", "\"t\""),
        "UpdateItem" => Answer::new(200, "{}"),
        "PublishBatch" => {
            let entries = request.text().matches(".Message=").count();
            let accepted: String =
                (0..entries).map(|id| format!("<member><Id>{id}</Id><MessageId>m</MessageId></member>")).collect();
            let result = format!("<PublishBatchResult><Successful>{accepted}</Successful></PublishBatchResult>");
            Answer::new(200, format!("<PublishBatchResponse>{result}</PublishBatchResponse>"))
        }
        other => panic!("nobody asks for {other}"),
    })
}

/// Works on the scenes in one batch; how often what was asked.
async fn asked(scenes: Vec<SceneSpec>) -> BTreeMap<String, usize> {
    let bodies: Vec<String> = scenes.iter().map(|scene| record(&scene.quicklook_key()).encode()).collect();
    let count = scenes.len();
    let (service, Clients { s3, sqs, sns, dynamodb, .. }) = answering(move |request| answer(request, &scenes)).await;
    let ports = generate::Ports {
        source: &SourceBuckets::new(s3.clone()),
        items: &CatalogBucket::new(s3, "stac"),
        marks: &DirtyLevels::new(dynamodb, "dirty"),
        topic: &Topics::new(sns, "arn:aws:sns:r:1:items", "arn:aws:sns:r:1:again", "https://example.com/stac/"),
        letters: &DeadLetterQueue::new(sqs, "https://queues/letters"),
        world: &World,
    };
    let settings = generate::Settings { grid: INPE.clone(), buckets: Buckets::default(), attempts: 3 };
    let report = generate(&ports, &settings, &deliveries(&bodies)).await;
    assert_eq!((report.made, report.troubles), (count, vec![]));
    let mut asked = BTreeMap::new();
    for request in service.requests() {
        *asked.entry(name(&request)).or_insert(0) += 1;
    }
    asked
}

fn counts<const N: usize>(counts: [(&str, usize); N]) -> BTreeMap<String, usize> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[tokio::test]
async fn a_scene_is_one_get_one_put_one_mark_and_one_publish() {
    let asked = asked(vec![scene(121, 18)]).await;
    assert_eq!(asked, counts([("GET", 1), ("PUT", 1), ("UpdateItem", 1), ("PublishBatch", 1)]));
}

#[tokio::test]
async fn ten_scenes_of_two_rows_share_their_marks_and_their_publish() {
    let scenes = (11..21).map(|day| scene(120 + u32::from(day % 2), day)).collect();
    assert_eq!(asked(scenes).await, counts([("GET", 10), ("PUT", 10), ("UpdateItem", 2), ("PublishBatch", 1)]));
}
