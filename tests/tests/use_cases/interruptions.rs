//! What happens when a use case ends in the middle: at every point where it waits, it is dropped. Whatever it leaves
//! behind, a message that was not acknowledged brings it to its end (I1, I8).

use std::collections::BTreeSet;

use chrono::DateTime;
use lazycat::level::{Mark, Token};
use lazycat::message::{ItemEvent, LevelMessage};
use lazycat::mover::{self, move_marks};
use lazycat::ports::{Delivery, MarkLevels as _, ReceiveMessages as _};
use lazycat_fixtures::SceneSpec;
use lazycat_tests::bench::{Bench, cut, deliveries, delivery, level_body, level_of, run};

use crate::{ROW, announced, item_key, quicklook_record, scene};

/// Runs `interrupted` for 0, 1, 2 and so on polls, until it comes to its end; how many there were.
fn at_every_wait(interrupted: impl Fn(usize) -> bool) -> usize {
    (0..10_000).find(|polls| interrupted(*polls)).expect("an end")
}

#[test]
fn generate_leaves_no_mark_before_all_puts_and_nothing_published_before_its_mark_and_a_second_attempt_ends_it() {
    let scenes = [scene(121, 18), scene(122, 18), scene(121, 19)];
    let gone = scene(123, 18);
    let (uninterrupted, _) = run_generate(&scenes, usize::MAX);
    let waits = at_every_wait(|polls| {
        let (bench, ended) = run_generate(&scenes, polls);
        let all_written = scenes.iter().all(|scene| bench.has(&item_key(scene))) && !bench.has(&item_key(&gone));
        assert!(bench.marked().is_empty() || all_written, "a mark before its put, after {polls} polls");
        let published = bench.memory.topic.snapshot();
        assert!(published.is_empty() || bench.marked().len() == 3, "published before the marks, after {polls} polls");
        assert_eq!(bench.memory.scenes.letters().snapshot(), []);

        let batch = batch(&scenes, &gone);
        let report = run(bench.generate(&batch));
        assert!(report.acknowledged.iter().all(|done| *done), "after {polls} polls");
        assert_eq!(bench.memory.objects.snapshot(), uninterrupted.memory.objects.snapshot(), "after {polls} polls");
        assert_eq!(bench.marked(), uninterrupted.marked(), "after {polls} polls");
        assert_eq!(heard(&bench), heard(&uninterrupted), "after {polls} polls");
        ended
    });
    assert!(waits > 30, "{waits} waits are too few for the test to mean anything");
}

/// New scenes, and one that is withdrawn.
fn batch(scenes: &[SceneSpec], gone: &SceneSpec) -> Vec<Delivery> {
    let mut bodies: Vec<String> = scenes.iter().map(|scene| quicklook_record(scene).encode()).collect();
    let mut withdrawal = quicklook_record(gone);
    withdrawal.removed = true;
    bodies.push(withdrawal.encode());
    deliveries(&bodies)
}

/// Lets generate work on a batch for so many polls: the bench, and whether it came to its end.
fn run_generate(scenes: &[SceneSpec], polls: usize) -> (Bench, bool) {
    let bench = Bench::new();
    for scene in scenes {
        let _ = announced(&bench, scene);
    }
    let gone = scene(123, 18);
    bench.memory.objects.insert(item_key(&gone), "{}");
    let ended = cut(bench.generate(&batch(scenes, &gone)), polls).is_some();
    (bench, ended)
}

/// What subscribers have heard of, whatever how often.
fn heard(bench: &Bench) -> BTreeSet<(String, bool)> {
    let messages = bench.memory.topic.snapshot();
    messages.into_iter().map(|message| (message.key, matches!(message.event, ItemEvent::Put(_)))).collect()
}

#[test]
fn the_mover_leaves_every_level_marked_or_sent() {
    let levels = ["/", "CBERS4", "CBERS4/MUX", "CBERS4/MUX/057", ROW];
    let waits = at_every_wait(|polls| {
        let bench = Bench::new();
        bench.memory.marks.set_marks_a_page(2);
        let since = DateTime::UNIX_EPOCH;
        let marks = levels.map(|level| Mark { level: level_of(level), token: Token("t".into()), since });
        let _ = run(bench.memory.marks.mark(&marks));
        // Without the wrapper, so that a batch is a batch.
        let sender = bench.memory.levels.level_sender();
        let ports = mover::Ports { marks: &bench.memory.marks, queue: &sender };
        let ended = cut(move_marks(&ports), polls).is_some();
        let sent = |bench: &Bench| -> BTreeSet<String> {
            let decode = |body: String| LevelMessage::decode(&body).unwrap().level.wire().to_owned();
            bench.memory.levels.bodies().into_iter().map(decode).collect()
        };
        let mut owed = sent(&bench);
        owed.extend(bench.marked());
        assert_eq!(owed, levels.map(str::to_owned).into(), "after {polls} polls");
        bench.tick().unwrap();
        assert_eq!((sent(&bench), bench.marked().len()), (levels.map(str::to_owned).into(), 0), "after {polls} polls");
        ended
    });
    assert!(waits > 20, "{waits} waits are too few for the test to mean anything");
}

#[test]
fn an_update_writes_whole_catalogs_one_revision_at_a_time_and_a_second_attempt_ends_it() {
    let catalog = format!("{ROW}/catalog.json");
    let waits = at_every_wait(|polls| {
        let bench = Bench::new();
        bench.memory.objects.set_keys_a_page(2);
        for name in ["a", "b", "c"] {
            bench.memory.objects.insert(format!("{ROW}/{name}.json"), "{}");
        }
        let message = delivery("m", &level_body(ROW), 1);
        let ended = cut(bench.update(std::slice::from_ref(&message)), polls).is_some();
        let written = bench.has(&catalog);
        assert!(written || bench.marked().is_empty(), "the parent was marked before the write, after {polls} polls");
        if written {
            assert_eq!((bench.revision(&catalog), bench.hrefs(&catalog, "item").len()), (1, 3));
        }
        assert_eq!(run(bench.update(&[message])).acknowledged, [true]);
        assert_eq!(bench.revision(&catalog), 1 + u64::from(written), "after {polls} polls");
        assert_eq!(bench.marked(), ["CBERS4/MUX/057"], "after {polls} polls");
        ended
    });
    assert!(waits > 10, "{waits} waits are too few for the test to mean anything");
}

#[test]
fn a_new_branch_reaches_the_root_wherever_each_of_its_updates_is_interrupted_once() {
    let waits = at_every_wait(|polls| {
        let bench = Bench::new();
        bench.send_and_take(&[announced(&bench, &scene(121, 18))]);
        let mut ended = true;
        while !bench.memory.quiet() {
            bench.tick().unwrap();
            let received = run(bench.memory.levels.receive(10)).unwrap();
            ended &= cut(bench.update(&received), polls).is_some();
            // The one who died acknowledges nothing: the message is received again.
            bench.memory.levels.release_all();
            let _ = bench.tick_and_update();
        }
        for (key, child) in [
            ("catalog.json", "./CBERS4/catalog.json"),
            ("CBERS4/catalog.json", "./MUX/collection.json"),
            ("CBERS4/MUX/collection.json", "./057/catalog.json"),
            ("CBERS4/MUX/057/catalog.json", "./121/catalog.json"),
        ] {
            assert_eq!(bench.hrefs(key, "child"), [child], "after {polls} polls");
        }
        ended
    });
    assert!(waits > 10, "{waits} waits are too few for the test to mean anything");
}
