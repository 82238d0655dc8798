//! generate-stac-item: new scenes become items, marks and messages, in this order, each scene by itself.

use chrono::DateTime;
use lazycat::generate::{Ports, Report, Settings, generate};
use lazycat::grid::INPE;
use lazycat::level::{Mark, Token};
use lazycat::memory::{Dice, Memory, Time, yield_now};
use lazycat::message::{Audience, ItemEvent};
use lazycat::ports::{Chance, Clock, MarkLevels as _, PortResult, ReadSource, SourceObject};
use lazycat::stac::Buckets;
use lazycat_fixtures::{Camera, Date, Optics, SceneSpec, Size, variation};
use lazycat_tests::bench::{ATTEMPTS, BUCKET, Bench, cut, deliveries, delivery, level_of, record, run};
use lazycat_tests::faults::Fault;
use serde_json::{Value, json};

use crate::{ROW, announced, item_key, quicklook_record, reprocess_record, scene, supply};

/// The reasons with which scenes were refused.
fn reasons(report: &Report) -> Vec<&str> {
    report.refused.iter().map(|refusal| refusal.reason.as_str()).collect()
}

#[test]
fn a_new_scene_is_put_marked_and_published_and_its_message_is_done_with() {
    let bench = Bench::new();
    let scene = scene(121, 18);
    let report = bench.take(&[announced(&bench, &scene)]);
    // The message tells no time: its event is taken to happen now.
    let events = vec![bench.memory.time.now()];
    assert_eq!(report, Report { acknowledged: vec![true], made: 1, events, ..Report::default() });
    assert_eq!(bench.document(&item_key(&scene))["id"], scene.id());
    assert_eq!(bench.marked(), [ROW]);
    let published = bench.memory.topic.snapshot();
    assert_eq!(published.len(), 1);
    assert_eq!((published[0].key.as_str(), published[0].audience), (item_key(&scene).as_str(), Audience::Public));
    assert!(matches!(&published[0].event, ItemEvent::Put(item) if item.id() == scene.id()));
}

#[test]
fn rows_are_marked_after_all_puts_of_the_batch_and_items_published_after_all_marks() {
    let bench = Bench::new();
    let bodies: Vec<String> = (118..123).map(|row| announced(&bench, &scene(row, 18))).collect();
    let _ = bench.take(&bodies);
    let phases = ["read source", "put item", "put mark", "publish"].map(|operation| vec![operation; bodies.len()]);
    assert_eq!(bench.faults.operations(), phases.concat());
}

#[test]
fn only_rows_of_puts_that_succeeded_are_marked_and_only_their_items_published() {
    for fault in [Fault::Unavailable, Fault::Denied, Fault::Lost] {
        let bench = Bench::new();
        let bodies: Vec<String> = (120..123).map(|row| announced(&bench, &scene(row, 18))).collect();
        bench.faults.of("put item", "057/121", fault);
        let report = bench.take(&bodies);
        assert_eq!((report.acknowledged, report.made), (vec![true, false, true], 2), "{fault:?}");
        assert_eq!(report.troubles.len(), 1);
        assert_eq!(bench.marked(), ["CBERS4/MUX/057/120", "CBERS4/MUX/057/122"]);
        assert_eq!(bench.memory.topic.snapshot().len(), 2);
    }
}

#[test]
fn a_row_is_marked_for_the_put_that_succeeded_although_its_neighbour_in_the_row_failed() {
    let bench = Bench::new();
    let (good, bad) = (scene(121, 18), scene(121, 19));
    let bodies = [announced(&bench, &bad), announced(&bench, &good)];
    bench.faults.of("put item", &bad.id(), Fault::Unavailable);
    assert_eq!(bench.take(&bodies).acknowledged, [false, true]);
    assert_eq!(bench.marked(), [ROW]);
}

#[test]
fn a_mark_overwrites_the_token_of_the_one_that_stands_there() {
    let bench = Bench::new();
    let stands = Mark { level: level_of(ROW), token: Token("stands".into()), since: DateTime::UNIX_EPOCH };
    let _ = run(bench.memory.marks.mark(std::slice::from_ref(&stands)));
    let body = announced(&bench, &scene(121, 18));
    let mut tokens = vec![stands.token];
    for _ in 0..3 {
        let _ = bench.take(std::slice::from_ref(&body));
        let marks = bench.memory.marks.snapshot();
        assert_eq!((marks.len(), marks[0].since), (1, DateTime::UNIX_EPOCH));
        assert!(!tokens.contains(&marks[0].token), "a token came back");
        assert_eq!(marks[0].token.0.len(), 32);
        tokens.push(marks[0].token.clone());
    }
}

#[test]
fn a_row_is_marked_once_for_all_its_scenes_of_a_batch_since_the_earliest() {
    let bench = Bench::new();
    let bodies: Vec<String> = [20, 18, 19]
        .map(|day| {
            supply(&bench, &scene(121, day));
            let mut record = quicklook_record(&scene(121, day));
            record.time = DateTime::from_timestamp(1_497_700_000 + i64::from(day), 0);
            record.encode()
        })
        .to_vec();
    let _ = bench.take(&bodies);
    assert_eq!(bench.faults.subjects("put mark"), [ROW]);
    assert_eq!(bench.memory.marks.snapshot()[0].since.timestamp(), 1_497_700_018);
}

#[test]
fn a_mark_that_fails_fails_all_scenes_of_its_row_and_none_of_them_is_published() {
    let bench = Bench::new();
    let scenes = [scene(121, 18), scene(122, 18), scene(121, 19)];
    let bodies = scenes.clone().map(|scene| announced(&bench, &scene));
    bench.faults.of("put mark", ROW, Fault::Lost);
    let report = bench.take(&bodies);
    assert_eq!((report.acknowledged, report.made), (vec![false, true, false], 1));
    assert_eq!(bench.faults.subjects("publish"), [item_key(&scenes[1])]);
}

#[test]
fn a_publish_that_fails_fails_its_record_alone() {
    let bench = Bench::new();
    let scenes = [scene(121, 18), scene(121, 19), scene(122, 18)];
    let bodies = scenes.clone().map(|scene| announced(&bench, &scene));
    bench.faults.of("publish", &scenes[1].id(), Fault::Unavailable);
    let report = bench.take(&bodies);
    assert_eq!((report.acknowledged, report.made), (vec![true, false, true], 2));
    assert!(report.troubles[0].contains(&scenes[1].quicklook_key()), "{}", report.troubles[0]);
    // When it comes back it is made wholly once more: put and mark are no proof that it was published.
    bench.faults.clear();
    bench.faults.forget();
    assert_eq!(bench.take(&bodies[1..2]).made, 1);
    assert_eq!(bench.faults.operations(), ["read source", "put item", "put mark", "publish"]);
}

#[test]
fn a_bad_record_does_not_fail_its_neighbours_and_says_what_is_wrong() {
    let good = scene(121, 18);
    let bad = scene(122, 18);
    let dtd = bad.xml().replacen("?>", "?><!DOCTYPE prdf>", 1);
    let nan = bad.xml().replacen("<sunAzimuth>", "<sunAzimuth>nan", 1);
    let other_row = bad.xml().replace("<row>122</row>", "<row>123</row>");
    let cut_off = bad.xml()[..1_000].to_owned();
    for (xml, reason) in [
        (String::new(), "empty"),
        ("<html></html>".to_owned(), "other-document"),
        (dtd, "doctype"),
        (nan, "bad-value"),
        (other_row, "disagreement"),
        (cut_off, "not-xml"),
        (bad.xml().replace("satellite>", "planet>"), "missing-element"),
        (bad.xml().replace("<band gain=\"2\">5</band>", "<band>99</band>"), "unknown-band"),
        (format!("{}{}", bad.xml(), " ".repeat(8 * 1024 * 1024)), "too-large"),
    ] {
        let bench = Bench::new();
        let bodies = [announced(&bench, &good), quicklook_record(&bad).encode()];
        bench.memory.sources.insert(BUCKET, bad.source_key(), xml);
        let report = bench.take(&bodies);
        assert_eq!(reasons(&report), [reason]);
        assert_eq!((report.acknowledged, report.made), (vec![true, true], 1), "{reason}");
        assert_eq!(bench.marked(), [ROW]);
        let letters = bench.memory.scenes.letters().snapshot();
        assert_eq!((letters.len(), letters[0].reason.as_str()), (1, reason));
        assert!(letters[0].detail.contains(&bad.quicklook_key()), "{}", letters[0].detail);
    }
}

#[test]
fn metadata_cut_or_changed_anywhere_fail_at_most_their_own_scene() {
    let (good, bad) = (scene(121, 18), scene(122, 18));
    let xml = bad.xml().into_bytes();
    for at in (0..xml.len()).step_by(7) {
        let bench = Bench::new();
        let bodies = [announced(&bench, &good), quicklook_record(&bad).encode()];
        let mut changed = xml.clone();
        if at % 2 == 0 {
            changed.truncate(at);
        } else {
            changed[at] ^= 0x15;
        }
        bench.memory.sources.insert(BUCKET, bad.source_key(), changed);
        let report = bench.take(&bodies);
        assert_eq!(report.acknowledged, [true, true], "byte {at}");
        assert_eq!(report.made + report.refused.len(), 2, "byte {at}");
        assert!(!reasons(&report).contains(&"panic"), "byte {at}");
        assert!(bench.has(&item_key(&good)), "byte {at}");
    }
}

#[test]
fn a_message_that_is_none_does_not_fail_its_neighbours() {
    let bench = Bench::new();
    let good = announced(&bench, &scene(121, 18));
    let bodies = ["nonsense".to_owned(), good, "{\"Records\":[]}".to_owned()];
    let report = bench.take(&bodies);
    assert_eq!(reasons(&report), ["message", "message"]);
    assert_eq!((report.acknowledged, report.made), (vec![true, true, true], 1));
}

/// One message of several records.
fn joined(bodies: &[String]) -> String {
    let records: Vec<Value> =
        bodies.iter().map(|body| serde_json::from_str::<Value>(body).unwrap()["Records"][0].clone()).collect();
    json!({ "Records": records }).to_string()
}

#[test]
fn all_records_of_one_message_are_made() {
    let bench = Bench::new();
    let bodies: Vec<String> = (118..122).map(|row| announced(&bench, &scene(row, 18))).collect();
    let report = bench.take(&[joined(&bodies)]);
    assert_eq!((report.acknowledged, report.made), (vec![true], 4));
    assert_eq!(bench.marked().len(), 4);
}

#[test]
fn one_bad_record_of_a_message_goes_to_the_dead_letters_with_it_after_the_others_are_made() {
    let bench = Bench::new();
    let bodies = [announced(&bench, &scene(120, 18)), record("nothing").encode(), announced(&bench, &scene(122, 18))];
    let message = joined(&bodies);
    let report = bench.take(std::slice::from_ref(&message));
    assert_eq!((report.acknowledged.as_slice(), report.made), ([true].as_slice(), 2));
    assert_eq!(bench.memory.scenes.letters().snapshot()[0].body, message);
}

#[test]
fn a_message_comes_back_while_one_of_its_records_may_still_succeed_also_beside_a_hopeless_one() {
    let bench = Bench::new();
    let passing = scene(120, 18);
    let message = joined(&[announced(&bench, &passing), record("nothing").encode()]);
    bench.faults.of("put item", &passing.id(), Fault::Unavailable);
    let report = bench.take(std::slice::from_ref(&message));
    assert_eq!(report.acknowledged, [false]);
    assert!(bench.memory.scenes.letters().snapshot().is_empty());
    bench.faults.clear();
    let report = bench.take(std::slice::from_ref(&message));
    assert_eq!((reasons(&report), &report.acknowledged, report.made), (vec!["key"], &vec![true], 1));
}

#[test]
fn the_test_event_of_s3_is_done_with_and_asks_for_nothing() {
    let bench = Bench::new();
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET}).to_string();
    let report = bench.take(&[test]);
    assert_eq!(report, Report { acknowledged: vec![true], ..Report::default() });
    assert_eq!(bench.faults.operations(), [""; 0]);
}

#[test]
fn a_bucket_that_is_not_configured_is_refused_by_its_name_and_not_read() {
    let bench = Bench::new();
    let mut record = quicklook_record(&scene(121, 18));
    record.source.bucket = "somebody-elses".into();
    let report = bench.take(&[record.encode()]);
    assert_eq!((reasons(&report), &report.acknowledged), (vec!["unknown-bucket"], &vec![true]));
    let detail = &report.refused[0].detail;
    assert!(detail.contains("somebody-elses") && detail.contains(BUCKET), "{detail}");
    assert_eq!(bench.faults.operations(), ["bury"]);
}

/// Takes the quicklook's event of a scene in whose folder only this file stands; the names of the files that were
/// asked for.
fn asked_for(bench: &Bench, scene: &SceneSpec) -> (Report, Vec<String>) {
    let report = bench.take(&[announced(bench, scene)]);
    let keys = bench.faults.subjects("read source");
    let files = keys.iter().map(|key| key.rsplit_once('/').unwrap().1.split_once("_L").unwrap().1.to_owned()).collect();
    (report, files)
}

#[test]
fn the_quicklooks_event_leads_to_the_first_metadata_file_that_there_is() {
    let awfi = SceneSpec::cbers4_awfi(157, 118, Date::new(2017, 1, 25)).with_size(Size::Compact);
    let wfi = SceneSpec::amazonia1_wfi(34, 19, Date::new(2022, 3, 5)).with_size(Size::Compact);
    let pan = SceneSpec::cbers4_pan10m(154, 127, Date::new(2017, 1, 8)).with_size(Size::Compact);
    for (scene, files) in [
        (awfi.clone(), vec!["2_BAND14.xml"]),
        (awfi.clone().with_optics(Optics::Left), vec!["2_BAND14.xml", "2_LEFT_BAND14.xml"]),
        (awfi.with_optics(Optics::Right), vec!["2_BAND14.xml", "2_LEFT_BAND14.xml", "2_RIGHT_BAND14.xml"]),
        (wfi.clone(), vec!["4_BAND2.xml"]),
        (wfi.with_optics(Optics::Right), vec!["4_BAND2.xml", "4_LEFT_BAND2.xml", "4_RIGHT_BAND2.xml"]),
        (pan.clone(), vec!["2_BAND4.xml"]),
        (pan.with_band(3), vec!["2_BAND4.xml", "2_BAND3.xml"]),
        (scene(121, 18), vec!["2_BAND6.xml"]),
    ] {
        let bench = Bench::new();
        let (report, asked) = asked_for(&bench, &scene);
        assert_eq!((report.made, asked), (1, files.into_iter().map(str::to_owned).collect()), "{}", scene.file_name());
        let href = bench.document(&item_key(&scene))["assets"]["metadata"]["href"].as_str().unwrap().to_owned();
        assert!(href.ends_with(&scene.file_name()), "{href}");
    }
}

#[test]
fn only_not_found_moves_on_to_the_next_metadata_file() {
    let left = SceneSpec::cbers4_awfi(157, 118, Date::new(2017, 1, 25)).with_optics(Optics::Left);
    for (fault, reason) in [(Fault::Denied, "no-permission"), (Fault::Unavailable, "unreadable")] {
        let bench = Bench::new();
        bench.faults.of("read source", "L2_BAND14.xml", fault);
        let (report, asked) = asked_for(&bench, &left);
        assert_eq!((asked, report.acknowledged), (vec!["2_BAND14.xml".to_owned()], vec![false]), "{fault:?}");
        let last = delivery("m", &quicklook_record(&left).encode(), ATTEMPTS);
        assert_eq!(reasons(&run(bench.generate(&[last]))), [reason]);
        assert!(!bench.has(&item_key(&left)));
    }
    // Too large is that error too: the next candidate is another scene's description, not a smaller one.
    let bench = Bench::new();
    let whole = left.clone().with_optics(Optics::Single);
    bench.memory.sources.insert(BUCKET, whole.source_key(), vec![b' '; 9 * 1024 * 1024]);
    let (report, asked) = asked_for(&bench, &left);
    assert_eq!((asked.len(), reasons(&report)), (1, vec!["too-large"]));
}

#[test]
fn candidates_of_several_scenes_are_read_side_by_side_and_none_takes_anothers() {
    let bench = Bench::new();
    let scenes =
        [variation("left-only"), variation("right-only"), variation("band-3-only"), variation("dual")].concat();
    let bodies: Vec<String> = scenes.iter().map(|scene| announced(&bench, scene)).collect();
    let report = bench.take(&bodies);
    assert_eq!((report.made, report.refused.len()), (scenes.len(), 0));
    for scene in &scenes {
        assert_eq!(bench.document(&item_key(scene))["id"], scene.id());
    }
}

#[test]
fn the_key_of_an_xml_names_the_only_file_that_is_read() {
    let bench = Bench::new();
    let right = SceneSpec::cbers4_awfi(157, 118, Date::new(2017, 1, 25)).with_optics(Optics::Right);
    supply(&bench, &right);
    let report = bench.take(&[record(&right.source_key()).encode()]);
    assert_eq!((report.made, bench.faults.subjects("read source")), (1, vec![right.source_key()]));
}

#[test]
fn metadata_that_are_not_there_yet_may_come_until_the_attempts_are_used_up() {
    let bench = Bench::new();
    let scene = scene(121, 18);
    let body = quicklook_record(&scene).encode();
    for receives in 1..ATTEMPTS {
        let report = run(bench.generate(&[delivery("m", &body, receives)]));
        assert_eq!(report.acknowledged, [false], "receive {receives}");
    }
    let report = run(bench.generate(&[delivery("m", &body, ATTEMPTS)]));
    assert_eq!((reasons(&report), &report.acknowledged), (vec!["not-found"], &vec![true]));
    assert!(report.refused[0].detail.contains(&scene.source_key()), "{}", report.refused[0].detail);
    assert!(bench.marked().is_empty());
}

#[test]
fn the_quicklook_that_there_is_decides_about_the_thumbnail() {
    let scene = scene(121, 18);
    let mut by_quicklook = quicklook_record(&scene);
    by_quicklook.source.key = scene.quicklook_key().replace(".jpg", ".png");
    let mut by_field = reprocess_record(&scene, "r");
    by_field.quicklook = Some(scene.quicklook_key().replace(".jpg", ".png"));
    for (record, kind) in [
        (quicklook_record(&scene), ("jpg", "image/jpeg")),
        (by_quicklook, ("png", "image/png")),
        (by_field, ("png", "image/png")),
        (reprocess_record(&scene, "r"), ("jpg", "image/jpeg")),
    ] {
        let bench = Bench::new();
        supply(&bench, &scene);
        let _ = bench.take(&[record.encode()]);
        let thumbnail = bench.document(&item_key(&scene))["assets"]["thumbnail"].clone();
        assert!(thumbnail["href"].as_str().unwrap().ends_with(kind.0), "{thumbnail}");
        assert_eq!(thumbnail["type"], kind.1);
    }
}

#[test]
fn every_camera_is_made_from_its_quicklooks_event() {
    let bench = Bench::new();
    let scenes = Camera::ALL.map(|camera| SceneSpec::new(camera, 150, 110, Date::new(2022, 3, 5)));
    let bodies = scenes.clone().map(|scene| announced(&bench, &scene));
    assert_eq!(bench.take(&bodies).made, Camera::ALL.len());
    for scene in &scenes {
        assert_eq!(bench.document(&item_key(scene))["collection"], scene.camera.collection());
    }
}

/// A source that answers nothing at all.
struct Silent;

impl ReadSource for Silent {
    async fn read(&self, _objects: &[SourceObject], _limit: u64) -> Vec<PortResult<Vec<u8>>> {
        yield_now().await;
        Vec::new()
    }
}

/// Randomness and time.
struct Surroundings(Dice, Time);

impl Chance for Surroundings {
    fn bits(&self) -> u64 {
        self.0.bits()
    }
}

impl Clock for Surroundings {
    fn now(&self) -> DateTime<chrono::Utc> {
        self.1.now()
    }

    async fn pause(&self, milliseconds: u64) {
        self.1.pause(milliseconds).await;
    }
}

#[test]
fn a_source_that_answers_for_fewer_scenes_than_it_was_asked_for_is_not_asked_again_and_again() {
    let memory = Memory::new(1);
    let ports = Ports {
        source: &Silent,
        items: &memory.objects,
        marks: &memory.marks,
        topic: &memory.topic,
        letters: &memory.scenes.letters(),
        world: &Surroundings(memory.dice.clone(), memory.time.clone()),
    };
    let settings = Settings { grid: INPE.clone(), buckets: Buckets::default(), attempts: ATTEMPTS };
    let batch = deliveries(&[quicklook_record(&scene(121, 18)).encode()]);
    let report = cut(generate(&ports, &settings, &batch), 1_000).expect("an end");
    assert_eq!(report.acknowledged, [false]);
    assert!(report.troubles[0].contains("no answer"), "{}", report.troubles[0]);
}
