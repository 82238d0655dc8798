//! generate-scene-messages: every scene of a bucket becomes a message, also when the job ends in the middle.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use futures::future::join;
use lazycat::memory::{Checkpoints, Memory, Queue, Sources};
use lazycat::message::SceneRecord;
use lazycat::ports::{Chance, Clock, PortError};
use lazycat::reprocess::{Counts, Job, Ports, Report, ReprocessError, UNNAMED, reprocess, resume};
use lazycat_tests::bench::{BUCKET, cut, run};
use lazycat_tests::faults::{Fault, Faults, Faulty};

/// Time that stands, and a note of the pauses.
#[derive(Clone)]
struct World {
    memory: Memory,
    pauses: Arc<Mutex<Vec<u64>>>,
}

impl Chance for World {
    fn bits(&self) -> u64 {
        self.memory.dice.bits()
    }
}

impl Clock for World {
    fn now(&self) -> DateTime<Utc> {
        self.memory.time.now()
    }

    async fn pause(&self, milliseconds: u64) {
        self.pauses.lock().unwrap().push(milliseconds);
        self.memory.time.pause(milliseconds).await;
    }
}

/// A bucket, a queue, and what goes wrong with them.
struct Stage {
    memory: Memory,
    faults: Faults,
    source: Faulty<Sources>,
    checkpoints: Faulty<Checkpoints>,
    queue: Faulty<Queue>,
    world: World,
}

impl Stage {
    fn new(keys: &[&str]) -> Self {
        let (memory, faults) = (Memory::new(3), Faults::default());
        for key in keys {
            memory.sources.insert(BUCKET, *key, "");
        }
        Self {
            source: Faulty::new(memory.sources.clone(), &faults),
            checkpoints: Faulty::new(memory.checkpoints.clone(), &faults),
            queue: Faulty::new(memory.scenes.clone(), &faults),
            world: World { memory: memory.clone(), pauses: Arc::default() },
            memory,
            faults,
        }
    }

    fn ports(&self) -> Ports<'_, Faulty<Sources>, Faulty<Checkpoints>, Faulty<Queue>, World> {
        Ports { source: &self.source, checkpoints: &self.checkpoints, queue: &self.queue, world: &self.world }
    }

    fn go(&self, job: &Job) -> Result<Report, ReprocessError> {
        run(reprocess(&self.ports(), UNNAMED, job, &|| false))
    }

    fn resume(&self) -> Option<Report> {
        run(resume(&self.ports(), UNNAMED, &|| false)).unwrap()
    }

    /// All messages, in the order in which they were sent.
    fn sent(&self) -> Vec<SceneRecord> {
        self.memory.scenes.bodies().iter().flat_map(|body| SceneRecord::decode(body).unwrap()).collect()
    }

    /// The names of the files that were sent.
    fn files(&self) -> Vec<String> {
        let file = |record: SceneRecord| record.source.key.rsplit('/').next().unwrap().to_owned();
        self.sent().into_iter().map(file).collect()
    }

    fn kept(&self) -> BTreeMap<String, String> {
        self.memory.checkpoints.snapshot()
    }
}

fn job() -> Job {
    Job { bucket: BUCKET.to_owned(), prefix: "CBERS4/".to_owned(), since: None, force: false, rate: None }
}

/// The keys of one scene's files: its quicklook, and XML and image of each of these bands.
fn files(row: u32, bands: &[&str]) -> Vec<String> {
    let scene = format!("CBERS_4_MUX_20170618_057_{row:03}");
    let folder = format!("CBERS4/MUX/057/{row:03}/{scene}_L2");
    let mut keys = vec![format!("{folder}/{scene}.jpg")];
    for band in bands {
        keys.extend(["tif", "xml"].map(|extension| format!("{folder}/{scene}_L2_{band}.{extension}")));
    }
    keys
}

/// A bucket with scenes in so many rows, of all bands.
fn rows(rows: std::ops::Range<u32>) -> Stage {
    let keys: Vec<String> = rows.flat_map(|row| files(row, &["BAND5", "BAND6", "BAND7", "BAND8"])).collect();
    Stage::new(&keys.iter().map(String::as_str).collect::<Vec<_>>())
}

fn best(row: u32) -> String {
    format!("CBERS_4_MUX_20170618_057_{row:03}_L2_BAND6.xml")
}

#[test]
fn every_scene_is_sent_once_in_the_order_of_keys_wherever_pages_end() {
    for keys_a_page in 1..=20 {
        let stage = rows(100..107);
        stage.memory.sources.set_keys_a_page(keys_a_page);
        let report = stage.go(&job()).unwrap();
        assert!(report.finished);
        assert_eq!(report.counts, Counts { sent: 7, ..Counts::default() }, "{keys_a_page} a page");
        assert_eq!(stage.files(), (100..107).map(best).collect::<Vec<_>>(), "{keys_a_page} a page");
        assert!(stage.kept().is_empty(), "a job that has ended leaves nothing behind");
    }
}

#[test]
fn a_message_is_an_event_of_the_metadata_that_is_marked_as_a_reprocess() {
    let stage = rows(121..122);
    let report = stage.go(&Job { force: true, ..job() }).unwrap();
    let sent = stage.sent();
    assert_eq!(sent.len(), 1);
    let folder = "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2";
    assert_eq!((sent[0].source.bucket.as_str(), &sent[0].source.key), (BUCKET, &format!("{folder}/{}", best(121))));
    assert_eq!(sent[0].quicklook, Some(format!("{folder}/CBERS_4_MUX_20170618_057_121.jpg")));
    assert!(sent[0].reprocess && sent[0].force && !sent[0].removed);
    assert_eq!(sent[0].message_id.as_ref(), Some(&report.message_id));
    // A later job's id is greater, whatever the random part.
    stage.memory.time.advance(1);
    let later = stage.go(&job()).unwrap();
    assert!(later.message_id > report.message_id, "{later:?}");
    assert!(!stage.sent()[1].force);
}

#[test]
fn of_the_files_of_a_scene_the_one_that_describes_it_best_is_sent() {
    let pan = "CBERS4/PAN10M/161/102/CBERS_4_PAN10M_20150728_161_102_L2/CBERS_4_PAN10M_20150728_161_102_L2";
    let wide = "AMAZONIA1/WFI/036/018/AMAZONIA_1_WFI_20220811_036_018_L4/AMAZONIA_1_WFI_20220811_036_018_L4";
    for (scene, bands, best) in [
        (pan, ["BAND2", "BAND3", "BAND4"], "BAND4"),
        (pan, ["BAND2", "BAND3", "BAND3"], "BAND3"),
        (wide, ["BAND2", "LEFT_BAND2", "RIGHT_BAND2"], "BAND2"),
        (wide, ["BAND1", "LEFT_BAND2", "RIGHT_BAND2"], "LEFT_BAND2"),
        (wide, ["BAND1", "BAND3", "RIGHT_BAND2"], "RIGHT_BAND2"),
    ] {
        let stage = Stage::new(&[]);
        for band in bands {
            stage.memory.sources.insert(BUCKET, format!("{scene}_{band}.xml"), "");
        }
        stage.memory.sources.set_keys_a_page(1);
        stage.go(&Job { prefix: String::new(), ..job() }).unwrap();
        let keys: Vec<String> = stage.sent().into_iter().map(|record| record.source.key).collect();
        assert_eq!(keys, [format!("{scene}_{best}.xml")]);
        assert_eq!(stage.sent()[0].quicklook, None);
    }
}

#[test]
fn what_is_no_scene_is_counted_and_told_and_stops_nothing() {
    let stage = rows(120..122);
    for key in [
        "CBERS4/MUX/057/120/CBERS_4_MUX_20170618_057_120_L2/notes.xml",
        "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_120_L2_BAND6.xml",
        "CBERS4/index.xml",
        // These say nothing about scenes.
        "CBERS4/readme.txt",
        "CBERS4/MUX/057/thumbnail.png",
    ] {
        stage.memory.sources.insert(BUCKET, key, "");
    }
    stage.memory.sources.insert(
        BUCKET,
        "CBERS4/MUX/057/122/CBERS_4_MUX_20170618_057_122_L2/CBERS_4_MUX_20170618_057_122.jpg",
        "",
    );
    for keys_a_page in [1, 3, 1_000] {
        stage.memory.sources.set_keys_a_page(keys_a_page);
        let report = stage.go(&job()).unwrap();
        assert_eq!(report.counts, Counts { sent: 2, refused: 3, without_metadata: 1, older: 0 });
        let mut told: Vec<_> = report.refused.iter().map(|refusal| refusal.reason.as_str()).collect();
        told.sort_unstable();
        assert_eq!(told, ["key", "name", "name"]);
        assert!(report.refused.iter().all(|refusal| refusal.detail.contains("expected")), "{:?}", report.refused);
    }
}

#[test]
fn with_a_date_only_scenes_whose_metadata_is_as_new_are_sent() {
    let stage = Stage::new(&[]);
    let day = |day: i64| DateTime::UNIX_EPOCH + TimeDelta::days(day);
    for row in 100..105 {
        for key in files(row, &["BAND5", "BAND6"]) {
            // Images are newer than anything; only the metadata counts.
            let modified = if key.ends_with("BAND6.xml") { day(row.into()) } else { day(900) };
            stage.memory.sources.insert_at(BUCKET, key, "", modified);
        }
    }
    let report = stage.go(&Job { since: Some(day(103)), ..job() }).unwrap();
    assert_eq!(stage.files(), [best(103), best(104)]);
    assert_eq!(report.counts, Counts { sent: 2, older: 3, ..Counts::default() });
}

#[test]
fn a_prefix_that_matches_nothing_and_a_bucket_that_cannot_be_listed_are_clear_errors_and_leave_nothing_behind() {
    let stage = rows(120..122);
    let error = stage.go(&Job { prefix: "CBERS4/MUX/58".to_owned(), ..job() }).unwrap_err();
    assert!(matches!(error, ReprocessError::Nothing { .. }));
    assert!(error.to_string().contains("\"CBERS4/MUX/58\"") && error.to_string().contains(BUCKET), "{error}");
    let error = stage.go(&Job { bucket: "cbers-pdf".to_owned(), ..job() }).unwrap_err();
    assert!(matches!(&error, ReprocessError::Port(PortError::NotFound { .. })), "{error}");
    stage.faults.of("list source", "", Fault::Denied);
    assert!(matches!(stage.go(&job()), Err(ReprocessError::Port(PortError::Denied { .. }))));
    let error = run(reprocess(&stage.ports(), "a job", &job(), &|| false)).unwrap_err();
    assert!(matches!(&error, ReprocessError::Name { .. }), "{error}");
    assert_eq!((stage.sent().len(), stage.kept().len()), (0, 0));
    assert_eq!(stage.resume(), None);
}

#[test]
fn no_more_messages_are_sent_in_a_second_than_the_rate_allows() {
    for (rate, batches) in [(1, vec![1; 7]), (3, vec![3, 3, 1]), (50, vec![7])] {
        let stage = rows(100..107);
        stage.go(&Job { rate: NonZeroU32::new(rate), ..job() }).unwrap();
        let pauses: Vec<u64> = batches.iter().map(|batch: &u64| batch * 1_000 / u64::from(rate)).collect();
        assert_eq!(*stage.world.pauses.lock().unwrap(), pauses, "{rate} a second");
    }
}

#[test]
fn a_job_that_is_stopped_goes_on_where_it_was_with_the_same_id_and_sends_nothing_twice() {
    for keys_a_page in [1, 9, 1_000] {
        for rate in [None, NonZeroU32::new(2)] {
            let stage = rows(100..107);
            stage.memory.sources.set_keys_a_page(keys_a_page);
            let asked = Job { rate, ..job() };
            let mut report = run(reprocess(&stage.ports(), UNNAMED, &asked, &|| true)).unwrap();
            let mut runs = 1;
            while !report.finished {
                stage.memory.time.advance(60_000);
                report = run(resume(&stage.ports(), UNNAMED, &|| true)).unwrap().unwrap();
                runs += 1;
                assert!(runs < 100, "every run comes further");
            }
            assert!(runs > 1 || keys_a_page == 1_000 && rate.is_none());
            assert_eq!(stage.files(), (100..107).map(best).collect::<Vec<_>>());
            assert_eq!(report.counts.sent, 7);
            assert!(stage.sent().iter().all(|record| record.message_id.as_ref() == Some(&report.message_id)));
        }
    }
}

#[test]
fn wherever_a_job_dies_the_next_run_sends_the_rest_and_one_page_at_most_again() {
    let mut waits = 0;
    for polls in 0..10_000 {
        let stage = rows(100..107);
        // Two scenes a page, the second of which ends on the next.
        stage.memory.sources.set_keys_a_page(15);
        let died = cut(reprocess(&stage.ports(), UNNAMED, &job(), &|| false), polls).is_none();
        if !died {
            waits = polls;
            break;
        }
        let before = stage.sent();
        match stage.resume() {
            Some(report) => assert!(report.finished && report.counts.sent == 7, "after {polls} polls: {report:?}"),
            // It died before it began, or after it had ended.
            None if before.is_empty() => assert!(stage.go(&job()).unwrap().finished),
            None => assert_eq!(before.len(), 7, "after {polls} polls"),
        }
        let mut files = stage.files();
        assert!(files.len() <= 7 + 2, "after {polls} polls {} messages", files.len());
        assert!(stage.sent().iter().all(|record| record.message_id == stage.sent()[0].message_id), "{polls} polls");
        files.sort();
        files.dedup();
        assert_eq!(files, (100..107).map(best).collect::<Vec<_>>(), "after {polls} polls");
        assert!(stage.kept().is_empty());
    }
    assert!(waits > 30, "{waits} waits are too few for the test to mean anything");
}

#[test]
fn a_message_that_is_not_accepted_is_sent_again_and_nothing_else() {
    let stage = rows(100..103);
    let faults = stage.faults.clone();
    stage.faults.of("send scene", "057_101", Fault::Unavailable);
    // Its second try.
    stage.faults.before("send scene", 4, move || faults.clear());
    assert_eq!(stage.go(&job()).unwrap().counts.sent, 3);
    assert_eq!(stage.files(), [best(100), best(102), best(101)]);
    assert_eq!(*stage.world.pauses.lock().unwrap(), [250]);
}

#[test]
fn a_page_whose_messages_are_never_accepted_is_not_written_down() {
    let stage = rows(100..105);
    stage.memory.sources.set_keys_a_page(18);
    stage.faults.of("send scene", "057_103", Fault::Denied);
    let error = stage.go(&job()).unwrap_err();
    assert!(matches!(&error, ReprocessError::NotAccepted { failed: 1, .. }), "{error}");
    assert!(error.to_string().contains("no permission"), "{error}");
    let sent = stage.sent().len();
    stage.faults.clear();
    let report = stage.resume().unwrap();
    assert!(report.finished);
    assert_eq!(report.counts.sent, 5);
    let mut files = stage.files();
    assert!(sent < 5 && files.len() <= 5 + 2, "{sent}, then {files:?}");
    files.sort();
    files.dedup();
    assert_eq!(files, (100..105).map(best).collect::<Vec<_>>());
}

#[test]
fn of_two_runs_of_a_job_one_ends_it_and_every_scene_is_sent() {
    let stage = rows(100..107);
    stage.memory.sources.set_keys_a_page(9);
    let (ports, asked) = (stage.ports(), job());
    // The second starts after so many of the first's stop questions, none included.
    let both = async {
        join(reprocess(&ports, UNNAMED, &asked, &|| false), reprocess(&ports, UNNAMED, &asked, &|| false)).await
    };
    let (one, other) = block_on(both);
    let ended = [&one, &other].iter().filter(|result| result.as_ref().is_ok_and(|report| report.finished)).count();
    assert!(ended >= 1, "{one:?} {other:?}");
    for result in [one, other] {
        assert!(matches!(&result, Ok(_) | Err(ReprocessError::Overtaken { .. })), "{result:?}");
    }
    let mut files = stage.files();
    files.sort();
    files.dedup();
    assert_eq!(files, (100..107).map(best).collect::<Vec<_>>());
    assert!(stage.kept().is_empty());
}

#[test]
fn a_run_that_another_one_overtakes_leaves_it_to_that_one() {
    for at in 1..=4 {
        let stage = rows(100..107);
        stage.memory.sources.set_keys_a_page(15);
        let other = Stage { source: stage.source.clone(), checkpoints: stage.checkpoints.clone(), ..rows(0..0) };
        let other = Stage { queue: stage.queue.clone(), ..other };
        let asked = Arc::new(AtomicUsize::new(0));
        // In place of an answer, the other one runs through: a stop question is asked after each page.
        let stop = || {
            if asked.fetch_add(1, Ordering::SeqCst) + 1 == at {
                assert!(other.resume().unwrap().finished);
            }
            false
        };
        let result = run(reprocess(&stage.ports(), UNNAMED, &job(), &stop));
        assert!(matches!(&result, Err(ReprocessError::Overtaken { .. })), "{at}: {result:?}");
        let mut files = stage.files();
        assert!(files.len() <= 7 + 3, "{at}: {files:?}");
        files.sort();
        files.dedup();
        assert_eq!(files, (100..107).map(best).collect::<Vec<_>>());
        assert!(stage.kept().is_empty());
    }
}

#[test]
fn a_job_under_way_is_not_taken_for_another_one_of_its_name() {
    let stage = rows(100..107);
    stage.memory.sources.set_keys_a_page(9);
    let report = run(reprocess(&stage.ports(), UNNAMED, &job(), &|| true)).unwrap();
    assert!(!report.finished);
    let error = stage.go(&Job { prefix: "CBERS4/MUX".to_owned(), ..job() }).unwrap_err();
    assert!(matches!(&error, ReprocessError::UnderWay { under_way, .. } if **under_way == job()), "{error}");
    // Under another name it may go on beside it, and the same question goes on with the first.
    let other = Job { force: true, ..job() };
    assert!(run(reprocess(&stage.ports(), "other", &other, &|| false)).unwrap().finished);
    let ended = stage.go(&job()).unwrap();
    assert_eq!((ended.message_id, ended.counts.sent, ended.finished), (report.message_id, 7, true));
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_told_and_left() {
    let stage = rows(100..101);
    stage.memory.checkpoints.insert(UNNAMED, "{\"after\": 1}");
    for result in [stage.go(&job()).map(Some), run(resume(&stage.ports(), UNNAMED, &|| false))] {
        assert!(matches!(&result, Err(ReprocessError::Checkpoint { .. })), "{result:?}");
    }
    assert_eq!((stage.sent().len(), stage.kept()[UNNAMED].as_str()), (0, "{\"after\": 1}"));
}

#[test]
fn an_answer_that_is_lost_costs_a_second_run_and_no_scene() {
    for (operation, nth) in [("put checkpoint", 1), ("put checkpoint", 2), ("delete checkpoint", 1), ("send scene", 3)]
    {
        let stage = rows(100..107);
        stage.memory.sources.set_keys_a_page(15);
        let faults = stage.faults.clone();
        stage.faults.before(operation, nth, move || faults.of(operation, "", Fault::Lost));
        let first = stage.go(&job());
        assert!(first.is_err(), "{operation} {nth}: {first:?}");
        stage.faults.clear();
        let _ = stage.resume();
        let mut files = stage.files();
        files.sort();
        files.dedup();
        assert_eq!(files, (100..107).map(best).collect::<Vec<_>>(), "{operation} {nth}");
        assert!(stage.kept().is_empty(), "{operation} {nth}");
    }
}
