//! move-catalog-level-keys: marks become messages, and no mark goes before its message is accepted.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use lazycat::level::{Mark, Token};
use lazycat::message::LevelMessage;
use lazycat::mover::Report;
use lazycat::ports::{MarkLevels as _, PortError};
use lazycat_tests::bench::{Bench, level_of, run};
use lazycat_tests::faults::Fault;

/// Levels of every depth.
const LEVELS: [&str; 5] = ["/", "CBERS4", "CBERS4/MUX", "CBERS4/MUX/057", "CBERS4/MUX/057/121"];

fn mark(level: &str, token: &str) -> Mark {
    Mark { level: level_of(level), token: Token(token.into()), since: DateTime::UNIX_EPOCH }
}

/// A bench where these levels are marked.
fn marked(levels: &[&str]) -> Bench {
    let bench = Bench::new();
    let marks: Vec<Mark> = levels.iter().map(|level| mark(level, "old")).collect();
    let _ = run(bench.memory.marks.mark(&marks));
    bench
}

/// The levels in the update queue, sorted.
fn sent(bench: &Bench) -> Vec<String> {
    let decode = |body: String| LevelMessage::decode(&body).unwrap().level.wire().to_owned();
    let mut levels: Vec<String> = bench.memory.levels.bodies().into_iter().map(decode).collect();
    levels.sort();
    levels
}

#[test]
fn every_mark_is_sent_with_its_time_and_then_deleted() {
    let bench = marked(&LEVELS);
    assert_eq!(bench.tick().unwrap(), Report { moved: 5, oldest: Some(DateTime::UNIX_EPOCH), ..Report::default() });
    assert_eq!((sent(&bench), bench.marked()), (LEVELS.map(str::to_owned).to_vec(), vec![]));
    let body = &bench.memory.levels.bodies()[0];
    let since: DateTime<Utc> = LevelMessage::decode(body).unwrap().since;
    assert_eq!(since, DateTime::UNIX_EPOCH);
}

#[test]
fn the_oldest_mark_is_told_whichever_page_it_stands_on() {
    let bench = marked(&LEVELS);
    bench.memory.marks.set_marks_a_page(1);
    let oldest = DateTime::from_timestamp(-60, 0).unwrap();
    let _ = run(bench.memory.marks.mark(&[Mark { since: oldest, ..mark("CBERS4/MUX/057/122", "old") }]));
    assert_eq!(bench.tick().unwrap().oldest, Some(oldest));
    assert_eq!(bench.tick().unwrap().oldest, None);
}

#[test]
fn with_nothing_marked_nothing_is_sent_or_deleted() {
    let bench = Bench::new();
    assert_eq!(bench.tick().unwrap(), Report::default());
    assert_eq!(bench.faults.operations(), ["scan marks"]);
}

#[test]
fn the_marks_of_a_page_are_deleted_after_all_of_it_is_sent_and_before_the_next_is_read() {
    let bench = marked(&LEVELS);
    bench.memory.marks.set_marks_a_page(2);
    let _ = bench.tick().unwrap();
    let page = |marks: usize| [vec!["scan marks"], vec!["send"; marks], vec!["remove mark"; marks]].concat();
    assert_eq!(bench.faults.operations(), [page(2), page(2), page(1)].concat());
}

#[test]
fn marks_whose_message_the_queue_did_not_accept_stay() {
    for fault in [Fault::Unavailable, Fault::Denied, Fault::Lost] {
        let bench = marked(&LEVELS);
        bench.faults.of("send", "MUX", fault);
        let report = bench.tick().unwrap();
        assert_eq!((report.moved, report.renewed, report.troubles.len()), (2, 0, 3), "{fault:?}");
        assert_eq!(bench.marked(), LEVELS[2..], "{fault:?}");
        // They go with the next tick; a message too many is harmless.
        bench.faults.clear();
        assert_eq!(bench.tick().unwrap().moved, 3);
        let levels: BTreeSet<String> = sent(&bench).into_iter().collect();
        assert_eq!(levels, LEVELS.map(str::to_owned).into());
    }
}

#[test]
fn when_the_queue_accepts_nothing_no_mark_is_touched() {
    let bench = marked(&LEVELS);
    bench.faults.of("send", "", Fault::Unavailable);
    assert_eq!(bench.tick().unwrap().troubles.len(), 5);
    assert!(bench.faults.subjects("remove mark").is_empty());
    assert_eq!(bench.marked(), LEVELS);
}

#[test]
fn a_mark_that_is_renewed_while_its_message_is_sent_stays_with_its_new_token() {
    for (operation, nth) in [("send", 1), ("send", 5), ("remove mark", 1)] {
        let bench = marked(&LEVELS);
        let marks = bench.memory.marks.clone();
        bench.faults.before(operation, nth, move || {
            let _ = run(marks.mark(&[mark("CBERS4/MUX/057", "new")]));
        });
        let report = bench.tick().unwrap();
        assert_eq!((report.moved, report.renewed), (4, 1), "{operation} {nth}");
        let stays = bench.memory.marks.snapshot();
        assert_eq!((stays.len(), &stays[0].token.0), (1, &"new".to_owned()), "{operation} {nth}");
        assert_eq!(bench.tick().unwrap().moved, 1);
    }
}

#[test]
fn a_mark_that_another_mover_has_deleted_is_no_trouble() {
    let bench = marked(&LEVELS);
    let other = bench.clone();
    bench.faults.before("remove mark", 1, move || {
        let _ = other.tick();
    });
    let report = bench.tick().unwrap();
    assert_eq!((report.moved, report.renewed, report.troubles.len()), (0, 5, 0));
    assert!(bench.marked().is_empty());
    assert_eq!(sent(&bench).len(), 10);
}

#[test]
fn a_mark_that_cannot_be_deleted_stays_and_its_neighbours_go() {
    let bench = marked(&LEVELS);
    bench.faults.of("remove mark", "CBERS4/MUX/057/121", Fault::Unavailable);
    let report = bench.tick().unwrap();
    assert_eq!((report.moved, report.troubles.len()), (4, 1));
    assert_eq!(bench.marked(), ["CBERS4/MUX/057/121"]);
}

#[test]
fn all_marks_are_moved_page_by_page() {
    let rows: Vec<String> = (0..137).map(|row| format!("CBERS4/MUX/057/{row:03}")).collect();
    for marks_a_page in [1, 10, 100, 137, 1000] {
        let bench = marked(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        bench.memory.marks.set_marks_a_page(marks_a_page);
        assert_eq!(bench.tick().unwrap().moved, 137, "{marks_a_page} a page");
        assert_eq!(sent(&bench), rows, "{marks_a_page} a page");
        assert!(bench.marked().is_empty());
    }
}

#[test]
fn when_a_page_cannot_be_read_what_was_moved_before_stays_moved_and_the_rest_stays_marked() {
    let bench = marked(&LEVELS);
    bench.memory.marks.set_marks_a_page(2);
    let faults = bench.faults.clone();
    bench.faults.before("scan marks", 2, move || faults.of("scan marks", "", Fault::Unavailable));
    assert!(matches!(bench.tick(), Err(PortError::Unavailable { .. })));
    let (marked, sent) = (bench.marked(), sent(&bench));
    assert_eq!((marked.len(), sent.len()), (3, 2));
    assert!(marked.iter().all(|level| !sent.contains(level)));
}
