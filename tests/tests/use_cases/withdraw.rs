//! Withdrawing: an item is taken out in the same steps in which one is put in.

use chrono::DateTime;
use lazycat::generate::Report;
use lazycat::message::ItemEvent;
use lazycat_fixtures::SceneSpec;
use lazycat_tests::bench::Bench;
use lazycat_tests::faults::Fault;

use crate::{ROW, announced, item_key, quicklook_record, reprocess_record, scene, supply};

fn withdrawal(scene: &SceneSpec) -> String {
    let mut record = quicklook_record(scene);
    record.removed = true;
    record.time = DateTime::from_timestamp(1_600_000_000, 0);
    record.encode()
}

/// A bench where the scene's item stands and is linked.
fn with_item() -> (Bench, SceneSpec) {
    let (bench, scene) = (Bench::new(), scene(121, 18));
    let _ = bench.take(&[announced(&bench, &scene)]);
    bench.settle();
    bench.faults.forget();
    (bench, scene)
}

#[test]
fn a_withdrawn_item_is_deleted_its_row_marked_and_its_withdrawal_published() {
    let (bench, scene) = with_item();
    let report = bench.take(&[withdrawal(&scene)]);
    let events = vec![DateTime::from_timestamp(1_600_000_000, 0).unwrap()];
    assert_eq!(report, Report { acknowledged: vec![true], withdrawn: 1, events, ..Report::default() });
    assert_eq!(bench.faults.operations(), ["delete item", "put mark", "publish"]);
    assert!(!bench.has(&item_key(&scene)));
    let published = bench.memory.topic.snapshot().pop().unwrap();
    assert_eq!(published.key, item_key(&scene));
    let time = DateTime::from_timestamp(1_600_000_000, 0).unwrap();
    let event = ItemEvent::Withdrawn { collection: "CBERS4-MUX".into(), id: scene.id(), time };
    assert_eq!(published.event, event);
    bench.settle();
    let row = format!("{ROW}/catalog.json");
    assert!(bench.hrefs(&row, "item").is_empty(), "the row links what is no more");
    assert!(bench.has(&row), "an emptied level keeps its catalog");
}

#[test]
fn withdrawing_twice_and_before_anything_was_added_does_no_harm() {
    let (bench, scene) = with_item();
    for _ in 0..2 {
        assert_eq!(bench.take(&[withdrawal(&scene)]).withdrawn, 1);
        assert_eq!(bench.marked(), [ROW]);
        bench.settle();
    }
    let (bench, scene) = (Bench::new(), crate::scene(121, 18));
    assert_eq!(bench.take(&[withdrawal(&scene)]).acknowledged, [true]);
    bench.settle();
    assert_eq!(bench.take(&[announced(&bench, &scene)]).made, 1);
    bench.settle();
    assert_eq!(bench.hrefs(&format!("{ROW}/catalog.json"), "item"), [format!("./{}.json", scene.id())]);
}

#[test]
fn a_delete_that_fails_comes_back_and_marks_and_publishes_nothing() {
    for fault in [Fault::Unavailable, Fault::Lost] {
        let (bench, scene) = with_item();
        let published = bench.memory.topic.snapshot().len();
        bench.faults.of("delete item", "", fault);
        assert_eq!(bench.take(&[withdrawal(&scene)]).acknowledged, [false]);
        assert_eq!((bench.marked().len(), bench.memory.topic.snapshot().len()), (0, published));
        // Also when it is gone already: the row still links it.
        bench.faults.clear();
        assert_eq!(bench.take(&[withdrawal(&scene)]).acknowledged, [true]);
        assert_eq!((bench.marked().len(), bench.memory.topic.snapshot().len()), (1, published + 1));
    }
}

#[test]
fn a_withdrawal_needs_no_metadata_and_takes_the_key_of_the_xml_too() {
    let (bench, scene) = with_item();
    bench.memory.sources.remove(scene.bucket(), &scene.source_key());
    let mut record = reprocess_record(&scene, "id");
    record.removed = true;
    assert_eq!(bench.take(&[record.encode()]).withdrawn, 1);
    assert!(!bench.has(&item_key(&scene)));
}

#[test]
fn puts_and_withdrawals_of_one_key_in_a_batch_run_in_the_order_of_their_messages() {
    let (one, other) = (scene(121, 18), scene(121, 19));
    // For each batch: whether the item stands at the end.
    for (batch, stands) in [
        ("put", true),
        ("out", false),
        ("put out", false),
        ("out put", true),
        ("put out put", true),
        ("out put out", false),
        ("put put", true),
    ] {
        for stood_before in [true, false] {
            let bench = Bench::new();
            supply(&bench, &one);
            if stood_before {
                let _ = bench.take(&[quicklook_record(&one).encode()]);
                bench.faults.forget();
            }
            let mut bodies = vec![announced(&bench, &other)];
            for word in batch.split(' ') {
                bodies.push(if word == "put" { quicklook_record(&one).encode() } else { withdrawal(&one) });
            }
            let report = bench.take(&bodies);
            assert!(report.acknowledged.iter().all(|done| *done), "{batch}");
            assert_eq!(bench.has(&item_key(&one)), stands, "{batch}");
            assert!(bench.has(&item_key(&other)), "{batch}");
            // Subscribers hear of them in the same order.
            let heard: Vec<&str> = bench
                .memory
                .topic
                .snapshot()
                .iter()
                .skip(usize::from(stood_before))
                .filter(|message| message.key == item_key(&one))
                .map(|message| if matches!(message.event, ItemEvent::Put(_)) { "put" } else { "out" })
                .collect();
            assert_eq!(heard.join(" "), batch);
            // All of them before the one mark.
            let operations = bench.faults.operations();
            let first_mark = operations.iter().position(|operation| *operation == "put mark").unwrap();
            let last_write =
                operations.iter().rposition(|operation| ["put item", "delete item"].contains(operation)).unwrap();
            assert!(last_write < first_mark, "{operations:?}");
            assert_eq!(bench.faults.subjects("put mark").len(), 1, "{batch}");
        }
    }
}
