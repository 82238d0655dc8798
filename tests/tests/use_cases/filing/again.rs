//! What is filed already comes again: the same, otherwise, elsewhere, from another source, or to be taken out.

use lazycat::filing::filed_at;
use lazycat::message::ItemEvent;
use lazycat_tests::bench::run;

use super::files::{Files, body, item, request, seconds, withdrawal};
use super::{JUNE, MAY};

#[test]
fn an_item_whose_date_was_corrected_leaves_its_old_place() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    files.must_take(&body(&item("i", "2024-06-01"), "/a", 2, "m2"));
    assert_eq!(files.marked(), ["c", "c/2024/05", "c/2024/06"]);
    files.settle();
    assert!(!files.keys().contains(&MAY.to_owned()) && files.keys().contains(&JUNE.to_owned()));
    assert_eq!(files.links("c/2024/05/catalog.json", "item"), [""; 0]);
    assert_eq!(files.links("c/2024/06/catalog.json", "item"), ["./i.json"]);
    // An earlier message that comes late changes nothing.
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    assert!(!files.keys().contains(&MAY.to_owned()) && files.keys().contains(&JUNE.to_owned()));
}

#[test]
fn an_older_message_that_comes_late_makes_no_level_that_never_was() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-06-01"), "/a", 2, "m2"));
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    assert!(!files.keys().iter().any(|key| key.starts_with("c/2024/05")), "{:?}", files.keys());
    assert_eq!(files.links("c/2024/catalog.json", "child"), ["./06/catalog.json"]);
}

#[test]
fn what_another_message_has_filed_is_skipped_and_what_a_hand_has_changed_is_not() {
    let files = Files::new();
    let one = item("i", "2024-05-01");
    files.must_take(&body(&one, "/a", 1, "m1"));
    files.settle();
    let report = files.must_take(&body(&one, "/a", 2, "m2"));
    assert_eq!((report.unchanged, report.made, files.marked().len()), (1, 0, 0));
    // Its own message, once more: the earlier attempt may have died behind its put.
    assert_eq!(files.must_take(&body(&one, "/a", 1, "m1")).made, 1);
    files.settle();
    files.memory.objects.remove(MAY);
    assert_eq!(files.must_take(&body(&one, "/a", 3, "m3")).made, 1);
    assert!(files.keys().contains(&MAY.to_owned()));
    let mut forced = request(&one, "/a", 4, "m4");
    forced.force = true;
    assert_eq!(files.must_take(&forced.encode()).made, 1);
}

#[test]
fn a_second_source_of_one_id_is_refused_by_name_unless_it_says_the_same_is_forced_or_the_first_is_gone() {
    let mut files = Files::new();
    files.settings.files = true;
    files.memory.sources.insert("", "/a", "still there");
    let (one, mut other) = (item("i", "2024-05-01"), item("i", "2024-05-01"));
    other["properties"]["platform"] = "q".into();
    files.must_take(&body(&one, "/a", 1, "m1"));
    assert_eq!(files.must_take(&body(&one, "/b", 2, "m2")).unchanged, 1);
    // The sources of a test know no files, so that the first one's is as good as gone.
    assert_eq!(files.must_take(&body(&other, "/b", 3, "m3")).made, 1);
    files.settings.files = false;
    let (reason, detail) = files.refusal(&body(&one, "/a", 4, "m4"));
    assert_eq!(reason, "twice");
    assert!(detail.contains("/a") && detail.contains("/b") && detail.contains("--force"), "{detail}");
    assert_eq!(files.json(MAY)["properties"]["platform"], "q");
    let mut forced = request(&one, "/a", 5, "m5");
    forced.force = true;
    assert_eq!(files.must_take(&forced.encode()).made, 1);
    assert_eq!(files.json(MAY)["properties"]["platform"], "p");
}

#[test]
fn a_withdrawn_item_is_gone_subscribers_are_told_and_older_messages_do_not_bring_it_back() {
    let files = Files::new();
    files.must_take(&body(&item("i", "2024-05-01"), "/a", 1, "m1"));
    files.settle();
    assert_eq!(files.must_take(&withdrawal("i", 3)).withdrawn, 1);
    assert_eq!(files.marked(), ["c/2024/05"]);
    let published = files.memory.topic.snapshot().pop().unwrap();
    assert_eq!(published.key, MAY);
    assert_eq!(published.event, ItemEvent::Withdrawn { collection: "c".into(), id: "i".into(), time: seconds(3) });
    files.settle();
    assert!(!files.keys().contains(&MAY.to_owned()));
    assert_eq!(files.links("c/2024/05/catalog.json", "item"), [""; 0]);
    assert_eq!(files.must_take(&withdrawal("i", 4)).withdrawn, 0, "twice does no harm");
    assert_eq!(files.must_take(&withdrawal("never", 4)).withdrawn, 0);
    assert_eq!(files.must_take(&body(&item("i", "2024-05-01"), "/a", 2, "m2")).made, 0, "it is older");
    assert_eq!(files.must_take(&body(&item("i", "2024-05-01"), "/b", 5, "m5")).made, 1, "and nobody's");
    assert_eq!(run(filed_at(&files.memory.checkpoints, Some("c"), "i")).unwrap().as_deref(), Some(MAY));
}
