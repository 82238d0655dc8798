//! redrive: a letter leaves the dead letters only after its queue has taken it, and whatever was only looked at stays.

use std::collections::BTreeSet;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta};
use lazycat::memory::{Letters, Memory, Queue};
use lazycat::message::DeadLetter;
use lazycat::ports::{
    BuryLetters as _, Clock as _, HeldLetter, HoldLetters, PortError, PortResult, ReceiveMessages as _,
};
use lazycat::redrive::{Action, Kind, MOVED, Ports, Report, Selection, find, list, redrive};
use lazycat_tests::bench::{cut, level_body, run};
use lazycat_tests::faults::{Fault, Faults, Faulty};

use crate::{quicklook_record, scene};

/// Dead letters about scenes, their queue, and what goes wrong with both.
struct Desk {
    memory: Memory,
    faults: Faults,
    letters: Faulty<Letters>,
    queue: Faulty<Queue>,
}

impl Desk {
    fn seeded(seed: u64) -> Self {
        let (memory, faults) = (Memory::new(seed), Faults::default());
        let letters = Faulty::new(memory.scenes.letters(), &faults);
        let queue = Faulty::new(memory.scenes.clone(), &faults);
        Self { memory, faults, letters, queue }
    }

    /// With letters of two reasons about scenes of two rows, and one that is no message of ours.
    fn with_letters(seed: u64) -> Self {
        let desk = Self::seeded(seed);
        for day in 1..=15 {
            desk.bury(&body(121, day), "xml", day.into());
            desk.bury(&body(122, day), "not-found", day.into());
        }
        desk.bury("nonsense", "message", 99);
        desk.faults.forget();
        desk
    }

    fn bury(&self, body: &str, reason: &str, hours: i64) {
        let time = DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        let letter = DeadLetter {
            id: format!("message-{hours}"),
            body: body.to_owned(),
            reason: reason.to_owned(),
            detail: format!("{reason} of {hours}"),
            first: DateTime::UNIX_EPOCH,
            last: time,
            attempts: 5,
        };
        run(self.memory.scenes.letters().bury(&letter)).unwrap();
    }

    async fn redrive(&self, selection: &Selection, action: Action) -> PortResult<Report> {
        let ports = Ports { letters: &self.letters, queue: &self.queue };
        redrive(&ports, Kind::Scenes, selection, action, |_, _| ()).await
    }

    fn put_back(&self, selection: &Selection) -> Report {
        run(self.redrive(selection, Action::PutBack)).unwrap()
    }

    /// The bodies of the letters, sorted.
    fn kept(&self) -> Vec<String> {
        let mut bodies: Vec<String> =
            self.memory.scenes.letters().snapshot().into_iter().map(|letter| letter.body).collect();
        bodies.sort();
        bodies
    }

    /// The bodies of the messages, sorted.
    fn sent(&self) -> Vec<String> {
        let mut bodies = self.memory.scenes.bodies();
        bodies.sort();
        bodies
    }

    /// Every body that is a letter or a message.
    fn owed(&self) -> BTreeSet<String> {
        self.kept().into_iter().chain(self.sent()).collect()
    }
}

fn body(row: u32, day: u8) -> String {
    quicklook_record(&scene(row, day)).encode()
}

fn of_reason(reason: &str) -> Selection {
    Selection { reason: Some(reason.to_owned()), ..Selection::default() }
}

#[test]
fn letters_are_listed_by_reason_and_let_go_of() {
    for seed in 0..20 {
        let desk = Desk::with_letters(seed);
        let counted = Mutex::new(Vec::new());
        let listing =
            run(list(&desk.letters, Kind::Scenes, &Selection::default(), |seen| counted.lock().unwrap().push(seen)))
                .unwrap();
        assert!(listing.complete && listing.seen == 31, "seed {seed}");
        let groups: Vec<_> =
            listing.groups.iter().map(|group| (group.reason.as_str(), group.count, group.foreign)).collect();
        assert_eq!(groups, [("message", 1, 1), ("not-found", 15, 0), ("xml", 15, 0)], "seed {seed}");
        let xml = &listing.groups[2];
        assert_eq!(xml.collections, [("CBERS4-MUX".to_owned(), 15)].into());
        let hour = |hours| DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
        assert_eq!((xml.oldest, xml.newest, xml.example.detail.as_str()), (hour(1), hour(15), "xml of 15"));
        assert_eq!(xml.example.subject.as_deref(), Some(scene(121, 15).quicklook_key().as_str()));
        assert_eq!(listing.groups[0].example.subject, None);
        assert_eq!((desk.memory.scenes.letters().held(), desk.kept().len(), desk.sent().len()), (0, 31, 0), "{seed}");
        assert_eq!(counted.into_inner().unwrap().last(), Some(&31));
    }
}

#[test]
fn a_letter_that_the_queue_itself_moved_is_told_as_such() {
    let desk = Desk::seeded(1);
    desk.memory.scenes.set_most_receives(Some(2));
    let _ = run(lazycat::ports::SendMessages::send(&desk.memory.scenes, &[body(121, 18)]));
    for _ in 0..3 {
        let _ = run(desk.memory.scenes.receive(1)).unwrap();
        desk.memory.scenes.release_all();
    }
    let listing = run(list(&desk.letters, Kind::Scenes, &Selection::default(), |_| ())).unwrap();
    assert_eq!((listing.groups[0].reason.as_str(), listing.groups[0].count), (MOVED, 1));
    assert_eq!(desk.put_back(&of_reason(MOVED)).done, 1);
    assert_eq!((desk.kept().len(), desk.sent()), (0, vec![body(121, 18)]));
}

#[test]
fn a_letter_is_found_by_its_id_and_let_go_of() {
    let desk = Desk::with_letters(3);
    let listing = run(list(&desk.letters, Kind::Scenes, &of_reason("xml"), |_| ())).unwrap();
    let id = &listing.groups[0].example.id;
    let letter = run(find(&desk.letters, id)).unwrap().unwrap();
    assert_eq!((letter.body, letter.attempts), (body(121, 15), 5));
    assert_eq!(run(find(&desk.letters, "another")).unwrap(), None);
    assert_eq!(desk.memory.scenes.letters().held(), 0);
}

#[test]
fn those_that_are_meant_go_back_unchanged_and_the_others_stay() {
    for seed in 0..20 {
        let desk = Desk::with_letters(seed);
        let report = desk.put_back(&of_reason("xml"));
        assert_eq!((report.done, report.left, report.foreign, report.failed), (15, 16, 0, 0), "seed {seed}");
        let mut expected: Vec<String> = (1..=15).map(|day| body(121, day)).collect();
        expected.sort();
        assert_eq!((desk.sent(), desk.kept().len()), (expected, 16), "seed {seed}");
        assert_eq!(desk.memory.scenes.letters().held(), 0, "seed {seed}");
        let delivery = run(desk.memory.scenes.receive(1)).unwrap().remove(0);
        assert_eq!((delivery.sent, delivery.receives), (Some(DateTime::UNIX_EPOCH), 1));
    }
}

#[test]
fn what_is_no_message_of_ours_goes_back_by_its_id_only() {
    for selection in [Selection::default(), of_reason("message")] {
        let desk = Desk::with_letters(1);
        let report = desk.put_back(&selection);
        assert_eq!((report.foreign, report.foreign_ids.len()), (1, 1));
        assert!(desk.kept() == ["nonsense"] || desk.kept().len() == 31, "{:?}", desk.kept());
        let by_id = Selection { ids: report.foreign_ids, ..Selection::default() };
        assert_eq!(desk.put_back(&by_id).done, 1);
        assert!(desk.sent().contains(&"nonsense".to_owned()));
    }
}

#[test]
fn what_is_dropped_is_gone_and_nothing_is_sent() {
    let desk = Desk::with_letters(1);
    let report = run(desk.redrive(&of_reason("message"), Action::Discard)).unwrap();
    assert_eq!((report.done, report.foreign, desk.kept().len()), (1, 0, 30));
    let report = run(desk.redrive(&Selection::default(), Action::Discard)).unwrap();
    assert_eq!((report.done, desk.kept().len(), desk.sent().len()), (30, 0, 0));
    assert!(desk.faults.subjects("put back").is_empty());
}

#[test]
fn no_letter_is_removed_before_its_message_is_accepted() {
    for fault in [Fault::Unavailable, Fault::Denied, Fault::Lost] {
        for seed in 0..10 {
            let desk = Desk::with_letters(seed);
            let all = desk.owed();
            // Half of them.
            desk.faults.of("put back", "_121_", fault);
            let report = desk.put_back(&Selection::default());
            assert!(report.failed > 0 && !report.troubles.is_empty(), "{fault:?}, seed {seed}");
            let kept = desk.kept();
            assert!((1..=15).all(|day| kept.contains(&body(121, day))), "{fault:?}, seed {seed}");
            assert_eq!(desk.owed(), all, "{fault:?}, seed {seed}");
            assert_eq!(desk.memory.scenes.letters().held(), 0, "{fault:?}, seed {seed}");
            // Nothing is lost; a message too many is harmless.
            desk.faults.clear();
            desk.put_back(&Selection::default());
            assert_eq!((desk.kept(), desk.owed()), (vec!["nonsense".to_owned()], all), "{fault:?}, seed {seed}");
        }
    }
}

/// Or each entry would be asked for again, and fail again.
#[test]
fn a_queue_that_takes_nothing_is_not_asked_for_every_letter() {
    let desk = Desk::with_letters(1);
    desk.faults.of("put back", "", Fault::Unavailable);
    let report = desk.put_back(&of_reason("xml"));
    assert_eq!((report.done, report.complete), (0, false));
    assert!(report.failed <= 10, "{report:?}");
    assert_eq!(desk.kept().len(), 31);
}

#[test]
fn letters_that_cannot_be_read_removed_or_let_go_of_stay_owed() {
    for operation in ["hold letters", "remove letters", "let go of letters"] {
        for fault in [Fault::Unavailable, Fault::Lost] {
            for nth in 1..4 {
                let desk = Desk::with_letters(nth);
                let all = desk.owed();
                let faults = desk.faults.clone();
                desk.faults.before(operation, nth, move || faults.of(operation, "", fault));
                match run(desk.redrive(&of_reason("xml"), Action::PutBack)) {
                    Ok(report) => {
                        assert!(report.done == 15, "{report:?}");
                        assert!(report.troubles.is_empty() || operation == "let go of letters", "{report:?}");
                    }
                    Err(error) => assert!(matches!(error, PortError::Unavailable { .. }), "{error}"),
                }
                assert_eq!(desk.owed(), all, "{operation} {nth} {fault:?}");
                desk.faults.clear();
                // Those that were not let go of are free again.
                desk.memory.time.advance(1_000_000);
                desk.put_back(&of_reason("xml"));
                assert!(desk.kept().iter().all(|body| !body.contains("_121_")), "{operation} {nth} {fault:?}");
                assert_eq!(desk.owed(), all, "{operation} {nth} {fault:?}");
            }
        }
    }
}

#[test]
fn wherever_it_is_interrupted_every_letter_is_kept_or_sent_and_the_next_redrive_ends_it() {
    let mut waits = 0;
    loop {
        let desk = Desk::with_letters(1);
        let all = desk.owed();
        let ended = cut(desk.redrive(&Selection::default(), Action::PutBack), waits).is_some();
        assert_eq!(desk.owed(), all, "after {waits} polls");
        desk.memory.time.advance(1_000_000);
        desk.put_back(&Selection::default());
        assert_eq!((desk.kept(), desk.owed()), (vec!["nonsense".to_owned()], all), "after {waits} polls");
        if ended {
            break;
        }
        waits += 1;
    }
    assert!(waits > 60, "{waits} waits are too few for the test to mean anything");
}

#[test]
fn two_redrives_at_once_lose_nothing() {
    for nth in 1..12 {
        for operation in ["hold letters", "put back", "remove letters"] {
            let desk = Desk::with_letters(nth);
            let all = desk.owed();
            let memory = desk.memory.clone();
            desk.faults.before(operation, nth, move || {
                let (letters, queue) = (memory.scenes.letters(), memory.scenes.clone());
                let ports = Ports { letters: &letters, queue: &queue };
                let all = Selection::default();
                let _ = run(redrive(&ports, Kind::Scenes, &all, Action::PutBack, |_, _| ())).unwrap();
            });
            desk.put_back(&Selection::default());
            assert_eq!(desk.owed(), all, "{operation} {nth}");
            desk.put_back(&Selection::default());
            assert_eq!((desk.kept(), desk.owed()), (vec!["nonsense".to_owned()], all), "{operation} {nth}");
        }
    }
}

/// A function may work on what was put back, and refuse it again, before the redrive has ended.
#[test]
fn a_letter_that_comes_back_while_others_are_put_back_is_left() {
    for seed in 0..20 {
        let desk = Desk::with_letters(seed);
        let faults = desk.faults.clone();
        let letters = desk.memory.scenes.letters();
        // From the first remove on, every remove is followed by a new letter of the same body.
        let again = DeadLetter { last: desk.memory.time.now(), ..letters.snapshot()[0].clone() };
        desk.faults.before("remove letters", 1, move || {
            run(letters.bury(&again)).unwrap();
            drop(faults);
        });
        let report = desk.put_back(&of_reason("xml"));
        assert_eq!((report.done, report.again), (15, 1), "seed {seed}");
        assert_eq!((desk.sent().len(), desk.kept().len()), (15, 17), "seed {seed}");
    }
}

/// As a queue does whose receivers are slow: what was held becomes visible again.
#[test]
fn a_queue_that_gives_the_same_letters_again_and_again_comes_to_an_end() {
    struct Forgetful(Letters);

    impl HoldLetters for Forgetful {
        async fn hold(&self, most: usize) -> PortResult<Vec<HeldLetter>> {
            let held = self.0.hold(most).await?;
            self.0.let_go(&held.iter().map(|held| held.hold.clone()).collect::<Vec<_>>()).await?;
            Ok(held)
        }

        async fn remove(&self, holds: &[String]) -> PortResult<()> {
            HoldLetters::remove(&self.0, holds).await
        }

        async fn let_go(&self, holds: &[String]) -> PortResult<()> {
            self.0.let_go(holds).await
        }
    }

    let desk = Desk::with_letters(1);
    let letters = Forgetful(desk.memory.scenes.letters());
    let listing = run(list(&letters, Kind::Scenes, &Selection::default(), |_| ())).unwrap();
    assert!(listing.complete && (1..=31).contains(&listing.seen), "{listing:?}");
}

#[test]
fn levels_go_back_to_their_own_queue() {
    let memory = Memory::new(1);
    let letters = memory.levels.letters();
    for (level, reason) in [("CBERS4/MUX/057", "unavailable"), ("LANDSAT8", "level"), ("/", "unavailable")] {
        let time = DateTime::UNIX_EPOCH;
        let (body, reason, detail) = (level_body(level), reason.to_owned(), String::new());
        let letter = DeadLetter { id: "m".into(), body, reason, detail, first: time, last: time, attempts: 1 };
        run(letters.bury(&letter)).unwrap();
    }
    let ports = Ports { letters: &letters, queue: &memory.levels };
    let prefix = Selection { prefix: Some("CBERS4/MUX".into()), ..Selection::default() };
    let report = run(redrive(&ports, Kind::Levels, &prefix, Action::PutBack, |_, _| ())).unwrap();
    assert_eq!((report.done, memory.levels.bodies()), (1, vec![level_body("CBERS4/MUX/057")]));
    let report = run(redrive(&ports, Kind::Levels, &Selection::default(), Action::PutBack, |_, _| ())).unwrap();
    assert_eq!((report.done, memory.levels.bodies().len(), letters.snapshot().len()), (2, 3, 0));
}
