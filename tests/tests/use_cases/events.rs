//! Sample messages as they stand in queues and topics: `fixtures/events`.

use std::collections::BTreeSet;
use std::fs;

use chrono::DateTime;
use lazycat::message::{Audience, ItemEvent, ItemMessage, LevelMessage, SceneRecord};
use lazycat_tests::bench::{Bench, level_of, record};
use lazycat_tests::goldens::fixtures;
use serde_json::Value;

use crate::{item_key, scene};

const QUICKLOOK: &str = "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121.jpg";
const XML: &str = "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml";

fn event(name: &str) -> String {
    fs::read_to_string(fixtures("events").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The record of an object of the bucket of CBERS that something happened to at this time.
fn at(time: &str, key: &str) -> SceneRecord {
    SceneRecord { time: Some(DateTime::parse_from_rfc3339(time).unwrap().to_utc()), ..record(key) }
}

/// The samples of messages about scenes, and what they say.
fn scenes() -> Vec<(&'static str, Vec<SceneRecord>)> {
    let quicklook = at("2017-06-19T02:11:08.417Z", QUICKLOOK);
    let wide = at(
        "2022-04-17T18:02:11.020Z",
        "CBERS4A/WFI/202/143/CBERS_4A_WFI_20220415_202_143_L4/CBERS_4A_WFI_20220415_202_143.png",
    );
    let mut amazonia = at(
        "2022-03-08T16:40:00Z",
        "AMAZONIA1/WFI/034/019/AMAZONIA_1_WFI_20220305_034_019_L4/AMAZONIA_1_WFI_20220305_034_019.png",
    );
    amazonia.source.bucket = "amazonia-pds".into();
    let ours = |id: &str| SceneRecord { message_id: Some(id.to_owned()), ..at("2026-01-01T00:00:00Z", XML) };
    let mut of_a_folder = ours("run/000001");
    of_a_folder.source.file = Some("/scenes/CBERS_4_MUX_20170618_057_121_L2_BAND6.xml".into());
    let reprocess = ours("reprocess-2026-01-01/000017");
    vec![
        ("scene-in-sns-envelope.json", vec![quicklook.clone()]),
        ("scene-raw.json", vec![quicklook.clone()]),
        ("scenes-several-records.json", vec![quicklook.clone(), wide, amazonia]),
        ("scene-removed.json", vec![SceneRecord { removed: true, ..quicklook }]),
        ("scene-key-encoded.json", vec![at("2017-06-19T02:11:08.417Z", "CBERS4/MUX/a folder/café+1.jpg")]),
        ("s3-test-event.json", vec![]),
        ("s3-test-event-in-sns-envelope.json", vec![]),
        ("ours-reprocess.json", vec![SceneRecord { reprocess: true, quicklook: Some(QUICKLOOK.into()), ..reprocess }]),
        ("ours-force.json", vec![SceneRecord { reprocess: true, force: true, ..ours("audit-2026-01-01/000002") }]),
        ("ours-withdraw.json", vec![SceneRecord { removed: true, ..ours("audit-2026-01-01/000003") }]),
        ("ours-folder.json", vec![of_a_folder]),
    ]
}

/// The samples of messages about levels.
const LEVELS: [(&str, &str); 2] = [("level-row.json", "CBERS4/MUX/057/121"), ("level-root.json", "/")];

/// The sample of a withdrawal on the item topics.
const WITHDRAWN: &str = "item-withdrawn.json";

#[test]
fn messages_about_scenes_say_what_they_are_meant_to() {
    for (name, records) in scenes() {
        assert_eq!(SceneRecord::decode(&event(name)).unwrap(), records, "{name}");
    }
}

#[test]
fn our_own_messages_are_written_as_their_samples() {
    for (name, records) in scenes().into_iter().filter(|(name, _)| name.starts_with("ours-")) {
        let sample: Value = serde_json::from_str(&event(name)).unwrap();
        assert_eq!(records[0].encode(), sample.to_string(), "{name}");
    }
}

#[test]
fn messages_about_levels_are_read_and_written_as_their_samples() {
    for (name, level) in LEVELS {
        let message = LevelMessage::decode(&event(name)).unwrap();
        assert_eq!(message.level, level_of(level), "{name}");
        let sample: Value = serde_json::from_str(&event(name)).unwrap();
        assert_eq!(message.encode(), sample.to_string(), "{name}");
    }
}

#[test]
fn a_withdrawal_is_written_as_its_sample() {
    let time = DateTime::parse_from_rfc3339("2017-06-19T02:11:08.417Z").unwrap().to_utc();
    let event_of = ItemEvent::Withdrawn { collection: "CBERS4-MUX".into(), id: scene(121, 18).id(), time };
    let message = ItemMessage { key: item_key(&scene(121, 18)), audience: Audience::Public, event: event_of };
    let sample: Value = serde_json::from_str(&event(WITHDRAWN)).unwrap();
    assert_eq!(message.body("https://example.com/"), sample.to_string());
}

#[test]
fn the_sample_events_of_scenes_are_worked_on_from_end_to_end() {
    let bench = Bench::new();
    let folder = fixtures("scenes");
    for (bucket, key) in [
        ("cbers-pds", XML),
        (
            "cbers-pds",
            "CBERS4A/WFI/202/143/CBERS_4A_WFI_20220415_202_143_L4/CBERS_4A_WFI_20220415_202_143_L4_BAND14.xml",
        ),
        (
            "amazonia-pds",
            "AMAZONIA1/WFI/034/019/AMAZONIA_1_WFI_20220305_034_019_L4/AMAZONIA_1_WFI_20220305_034_019_L4_BAND2.xml",
        ),
    ] {
        bench.memory.sources.insert(bucket, key, fs::read(folder.join(key)).unwrap());
    }
    let names = ["scenes-several-records.json", "s3-test-event-in-sns-envelope.json", "ours-reprocess.json"];
    let report = bench.take(&names.map(event));
    assert_eq!((report.acknowledged, report.made, report.refused), (vec![true; 3], 4, vec![]));
    assert_eq!(bench.take(&[event("scene-removed.json")]).withdrawn, 1);
    bench.settle();
    assert_eq!(bench.hrefs("catalog.json", "child").len(), 3);
    assert!(bench.hrefs("CBERS4/MUX/057/121/catalog.json", "item").is_empty());
}

#[test]
fn every_sample_is_used() {
    let used: BTreeSet<String> = scenes()
        .iter()
        .map(|(name, _)| *name)
        .chain(LEVELS.map(|(name, _)| name))
        .chain([WITHDRAWN])
        .map(str::to_owned)
        .collect();
    let found = fs::read_dir(fixtures("events")).unwrap();
    let found = found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(used, found);
}
