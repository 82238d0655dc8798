//! Dead letters: what cannot be worked on is kept with its reason, and nothing is acknowledged before it is kept.

use lazycat::ports::Clock as _;
use lazycat_tests::bench::{ATTEMPTS, Bench, delivery, level_body, record, run};
use lazycat_tests::faults::Fault;
use serde_json::Value;

use crate::{announced, quicklook_record, scene};

#[test]
fn a_letter_carries_the_unchanged_body_the_reason_and_when_it_was_tried() {
    let bench = Bench::new();
    let mut unknown = quicklook_record(&scene(121, 18));
    unknown.source.bucket = "somebody-elses".into();
    // Not as this program would write it.
    let body = unknown.encode().replace(',', " ,\n ");
    let delivery = delivery("the-id", &body, 2);
    bench.memory.time.advance(60_000);
    let report = run(bench.generate(std::slice::from_ref(&delivery)));
    assert_eq!(report.acknowledged, [true]);
    let letters = bench.memory.scenes.letters().snapshot();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.id.as_str(), letter.body.as_str()), ("the-id", body.as_str()));
    assert_eq!((letter.reason.as_str(), letter.attempts), ("unknown-bucket", 2));
    assert!(
        letter.detail.contains("somebody-elses") && letter.detail.contains(&unknown.source.key),
        "{}",
        letter.detail
    );
    assert_eq!((letter.first, letter.last), (delivery.sent.unwrap(), bench.memory.time.now()));
}

#[test]
fn a_message_that_the_dead_letters_do_not_take_is_not_acknowledged() {
    for fault in [Fault::Unavailable, Fault::Lost, Fault::Denied] {
        let bench = Bench::new();
        bench.faults.of("bury", "", fault);
        let good = announced(&bench, &scene(121, 18));
        let report = bench.take(&["nonsense".into(), good]);
        assert_eq!((report.acknowledged, report.refused.len()), (vec![false, true], 0), "{fault:?}");
        assert!(report.troubles[0].contains("dead letters"), "{}", report.troubles[0]);

        let messages = [delivery("a", &level_body("LANDSAT8"), 1), delivery("b", &level_body("CBERS4"), 1)];
        let report = run(bench.update(&messages));
        assert_eq!((report.acknowledged, report.refused.len()), (vec![false, true], 0), "{fault:?}");
    }
}

#[test]
fn a_passing_trouble_comes_back_until_its_last_attempt_and_then_is_kept_with_its_reason() {
    for (operation, reason) in [
        ("read source", "unreadable"),
        ("put item", "unavailable"),
        ("put mark", "unavailable"),
        ("publish", "unavailable"),
    ] {
        let bench = Bench::new();
        let body = announced(&bench, &scene(121, 18));
        bench.faults.of(operation, "", Fault::Unavailable);
        for receives in 1..=ATTEMPTS + 1 {
            let report = run(bench.generate(&[delivery("m", &body, receives)]));
            let letters = bench.memory.scenes.letters().drain();
            let last = receives >= ATTEMPTS;
            assert_eq!((report.acknowledged, letters.len()), (vec![last], usize::from(last)), "{operation} {receives}");
            for letter in letters {
                assert_eq!((letter.reason.as_str(), letter.attempts, &letter.body), (reason, receives, &body));
                assert!(letter.detail.contains(operation), "{}", letter.detail);
            }
        }
    }
}

#[test]
fn a_letter_of_an_item_that_is_owed_its_mark_says_so_although_another_scene_of_the_message_is_hopeless() {
    let bench = Bench::new();
    let bodies = [record("no/scene.jpg").encode(), announced(&bench, &scene(121, 18))];
    let [mut both, other] = bodies.map(|body| serde_json::from_str::<Value>(&body).unwrap());
    both["Records"].as_array_mut().unwrap().extend(other["Records"].as_array().unwrap().clone());
    bench.faults.of("put mark", "", Fault::Unavailable);
    let report = run(bench.generate(&[delivery("m", &both.to_string(), ATTEMPTS)]));
    let refused: Vec<&str> = report.refused.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!((report.acknowledged, refused), (vec![true], vec!["name", "unavailable"]));
    let letters = bench.memory.scenes.letters().snapshot();
    assert_eq!((letters.len(), letters[0].reason.as_str()), (1, "unavailable"));
    for refusal in &report.refused {
        assert!(letters[0].detail.contains(&refusal.detail), "{refusal:?}: {}", letters[0].detail);
    }
}

#[test]
fn a_passing_trouble_of_an_update_comes_back_until_its_last_attempt_too() {
    for operation in ["get", "list", "put if", "put mark"] {
        let bench = Bench::new();
        bench.faults.of(operation, "", Fault::Unavailable);
        for receives in 1..=ATTEMPTS + 1 {
            let report = run(bench.update(&[delivery("m", &level_body("CBERS4"), receives)]));
            let letters = bench.memory.levels.letters().drain();
            let last = receives >= ATTEMPTS;
            assert_eq!((report.acknowledged, letters.len()), (vec![last], usize::from(last)), "{operation} {receives}");
            for letter in letters {
                assert_eq!((letter.reason.as_str(), letter.body), ("unavailable", level_body("CBERS4")));
                assert!(letter.detail.contains(operation), "{}", letter.detail);
            }
        }
    }
}

#[test]
fn a_hopeless_message_is_kept_at_its_first_attempt() {
    let bench = Bench::new();
    let report = bench.take(&["nonsense".into(), record("no/scene.jpg").encode()]);
    assert_eq!(report.acknowledged, [true, true]);
    let reasons: Vec<_> = bench.memory.scenes.letters().snapshot().into_iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons, ["message", "name"]);
}

#[test]
fn a_message_of_no_level_of_the_grid_is_kept_and_nothing_is_written_for_it() {
    let bench = Bench::new();
    let bodies = [
        level_body("LANDSAT8"),
        level_body("CBERS4/MUX/57"),
        level_body("CBERS4/MUX/057/121/x"),
        r#"{"level":"","since":"2026-01-01T00:00:00Z"}"#.to_owned(),
        r#"{"level":"../CBERS4","since":"2026-01-01T00:00:00Z"}"#.to_owned(),
        "CBERS4".to_owned(),
        level_body("CBERS4"),
    ];
    let messages: Vec<_> = bodies.iter().map(|body| delivery("m", body, 1)).collect();
    let report = run(bench.update(&messages));
    assert_eq!(report.acknowledged, [true; 7]);
    let letters = bench.memory.levels.letters().snapshot();
    let kept: Vec<(&str, &str)> = letters.iter().map(|letter| (letter.reason.as_str(), letter.body.as_str())).collect();
    let reasons = ["level", "level", "level", "message", "message", "message"];
    assert_eq!(kept, reasons.into_iter().zip(bodies.iter().map(String::as_str)).collect::<Vec<_>>());
    assert_eq!(bench.memory.objects.snapshot().into_keys().collect::<Vec<_>>(), ["CBERS4/catalog.json"]);
    assert_eq!(bench.marked(), ["/"]);
}
