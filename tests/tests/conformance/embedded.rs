//! What the embedded adapters promise beyond the ports.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use lazycat::level::{Level, Mark, Token};
use lazycat::local::{self, Depth, Local, OpenError, Options, QueueName};
use lazycat::message::{DeadLetter, LevelMessage};
use lazycat::ports::{
    BuryLetters, ItemPut, KeepCheckpoints, MarkLevels, PortError, ReadCatalog, ReadItems, ReadMarks, ReceiveMessages,
    RemoveMarks, SendLevels, SendMessages, WriteItems,
};
use tempfile::TempDir;

fn folder() -> TempDir {
    TempDir::new().unwrap()
}

fn state_file(folder: &Path) -> std::path::PathBuf {
    folder.join(".lazycat/state.sqlite")
}

fn put(local: &Local, key: &str, bytes: &str) {
    let item = ItemPut { key: key.to_owned(), bytes: bytes.as_bytes().to_vec(), message_id: None };
    block_on(local.directory.put(&[item])).remove(0).unwrap();
}

#[test]
fn everything_is_there_again_after_a_restart() {
    let folder = folder();
    let since = DateTime::UNIX_EPOCH + TimeDelta::days(17_000);
    let mark = Mark { level: Level::parse("a").unwrap(), token: Token("t".to_owned()), since };
    {
        let local = local::open(folder.path()).unwrap();
        assert!(local.state.quiet().unwrap());
        put(&local, "a/1.json", "1");
        block_on(local.state.mark(std::slice::from_ref(&mark))).remove(0).unwrap();
        let level = LevelMessage { level: Level::root(), since };
        block_on(local.state.level_sender().send(&[level])).remove(0).unwrap();
    }
    let local = local::open(folder.path()).unwrap();
    assert!(!local.state.quiet().unwrap());
    let found = block_on(local.directory.stored(&["a/1.json".to_owned()])).remove(0).unwrap();
    assert_eq!(found.unwrap().bytes, b"1");
    assert_eq!(block_on(local.state.scan(None)).unwrap().marks, std::slice::from_ref(&mark));
    let levels = local.state.queue(QueueName::Levels);
    let delivery = block_on(levels.receive(1)).unwrap().remove(0);
    assert_eq!(LevelMessage::decode(&delivery.body).unwrap().level, Level::root());

    block_on(local.state.remove(&[(mark.level, mark.token)])).remove(0).unwrap();
    assert!(!local.state.quiet().unwrap(), "a message is in flight");
    block_on(levels.acknowledge(&[delivery.receipt])).unwrap();
    assert!(local.state.quiet().unwrap());
}

#[test]
fn messages_are_received_in_the_order_in_which_they_were_sent_and_keep_their_place() {
    let folder = folder();
    let local = local::open(folder.path()).unwrap();
    let queue = local.state.queue(QueueName::Scenes);
    let bodies: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    block_on(queue.send(&bodies[..5]));
    block_on(queue.send(&bodies[5..]));
    let first = block_on(queue.receive(4)).unwrap();
    let receipts: Vec<_> = first.iter().skip(1).map(|delivery| delivery.receipt.clone()).collect();
    block_on(queue.release(&receipts[..2], 0)).unwrap();
    block_on(queue.release(&receipts[2..], 500)).unwrap();
    assert_eq!(queue.depth().unwrap(), Depth { visible: 8, in_flight: 1, delayed: 1 });
    assert_eq!(local.state.queue(QueueName::Levels).depth().unwrap(), Depth::default());
    let then = block_on(queue.receive(100)).unwrap();
    let then: Vec<_> = then.into_iter().map(|delivery| delivery.body).collect();
    assert_eq!(then, ["1", "2", "4", "5", "6", "7", "8", "9"]);
}

#[test]
fn messages_of_a_holder_that_ended_are_visible_to_one_that_was_there_all_along() {
    let folder = folder();
    let options = Options { ask_for_the_gone_every: Duration::ZERO, ..Options::default() };
    let one = local::open(folder.path()).unwrap();
    let two = local::open_with(folder.path(), options).unwrap();
    let (mine, other) = (one.state.queue(QueueName::Scenes), two.state.queue(QueueName::Scenes));
    block_on(mine.send(&["a".to_owned()])).remove(0).unwrap();
    let held = block_on(mine.receive(1)).unwrap();
    assert!(block_on(other.receive(1)).unwrap().is_empty());
    drop((one, mine));
    let delivery = block_on(other.receive(1)).unwrap().remove(0);
    assert_eq!((delivery.id.as_str(), delivery.receives), (held[0].id.as_str(), 2));
}

#[test]
fn a_body_that_is_refused_again_is_one_dead_letter() {
    let folder = folder();
    let local = local::open(folder.path()).unwrap();
    let letters = local.state.dead_letters(QueueName::Scenes);
    let time = |seconds| -> DateTime<Utc> { DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds) };
    let letter = |id: &str, reason: &str, first, last| DeadLetter {
        id: id.to_owned(),
        body: "body".to_owned(),
        reason: reason.to_owned(),
        detail: format!("{reason} in detail"),
        first: time(first),
        last: time(last),
        attempts: 2,
    };
    for again in [letter("1", "xml", 50, 60), letter("2", "grid", 40, 55)] {
        block_on(letters.bury(&again)).unwrap();
    }
    let mut other = letter("3", "grid", 0, 0);
    other.body = "another".to_owned();
    block_on(letters.bury(&other)).unwrap();
    block_on(local.state.dead_letters(QueueName::Levels).bury(&other)).unwrap();

    let reasons: Vec<_> = letters.reasons().unwrap().into_iter().map(|reason| (reason.reason, reason.count)).collect();
    assert_eq!(reasons, [("grid".to_owned(), 2)]);
    let page = letters.page(0, 1).unwrap();
    let mut merged = letter("2", "grid", 40, 60);
    merged.attempts = 4;
    assert_eq!(page[0].letter, merged);
    let next = letters.page(page[0].number, 10).unwrap();
    assert_eq!(next.len(), 1);
    assert_eq!(next[0].letter, other);

    // What was refused once more since it was read must not be removed with what was put back.
    block_on(letters.bury(&other)).unwrap();
    letters.remove(&[page[0].clone(), next[0].clone()]).unwrap();
    let left = letters.page(0, 10).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].letter.attempts, 4);
    assert_eq!(local.state.dead_letters(QueueName::Levels).page(0, 10).unwrap().len(), 1);
}

#[test]
fn all_letters_are_gone_through_once_although_those_that_were_seen_are_removed() {
    let folder = folder();
    let local = local::open(folder.path()).unwrap();
    let letters = local.state.dead_letters(QueueName::Scenes);
    let now = DateTime::UNIX_EPOCH;
    // More than a page, and as many as two.
    for many in [501, 1_000] {
        let bodies: Vec<String> = (0..many).map(|number| number.to_string()).collect();
        for body in &bodies {
            let (id, reason, detail) = (body.clone(), "xml".to_owned(), String::new());
            let letter = DeadLetter { id, body: body.clone(), reason, detail, first: now, last: now, attempts: 1 };
            block_on(letters.bury(&letter)).unwrap();
        }
        let mut seen = Vec::new();
        for page in letters.pages() {
            let page = page.unwrap();
            letters.remove(&page).unwrap();
            seen.extend(page.into_iter().map(|kept| kept.letter.body));
        }
        assert_eq!(seen, bodies);
        assert!(letters.pages().next().is_none());
    }
}

#[test]
fn a_listing_shows_what_keys_can_name_and_nothing_else() {
    let folder = folder();
    let local = local::open(folder.path()).unwrap();
    put(&local, "a/1.json", "1");
    let level = folder.path().join("a");
    fs::write(level.join(".hidden"), "").unwrap();
    fs::write(level.join("line\nfeed"), "").unwrap();
    fs::create_dir(level.join("empty")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;
        fs::write(level.join(std::ffi::OsStr::from_bytes(b"\xff.json")), "").unwrap();
        symlink("1.json", level.join("2.json")).unwrap();
        symlink(".", level.join("same")).unwrap();
        symlink("nowhere", level.join("broken.json")).unwrap();
    }
    let page = block_on(local.directory.list(&Level::parse("a").unwrap(), None)).unwrap();
    assert_eq!(page.next, None);
    #[cfg(unix)]
    assert_eq!(
        (page.objects, page.folders),
        (vec!["1.json".to_owned(), "2.json".to_owned()], vec!["empty".to_owned(), "same".to_owned()])
    );
    let root = block_on(local.directory.list(&Level::root(), None)).unwrap();
    assert_eq!((root.objects, root.folders), (vec![], vec!["a".to_owned()]), "the state is no part of the catalog");
}

#[test]
fn a_write_that_cannot_be_made_names_the_file_and_leaves_nothing_behind() {
    let folder = folder();
    let local = local::open(folder.path()).unwrap();
    put(&local, "a/b.json", "1");
    let puts = ["a/b.json/c.json", "a", "d.json"].map(|key| ItemPut {
        key: key.to_owned(),
        bytes: b"2".to_vec(),
        message_id: Some("m".to_owned()),
    });
    let results = block_on(local.directory.put(&puts));
    for (result, key) in results.iter().zip(["a/b.json/c.json", "a"]) {
        let error = result.as_ref().unwrap_err();
        assert!(matches!(error, PortError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains(&folder.path().join(key).display().to_string()), "{error}");
    }
    assert!(results[2].is_ok());
    assert_eq!(fs::read_dir(folder.path().join(".lazycat/tmp")).unwrap().count(), 0);
}

#[test]
fn a_file_or_what_is_below_one_is_no_catalog_directory() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below"), file.join("below/that")] {
        let error = local::open(&path).unwrap_err();
        assert!(matches!(&error, OpenError::NotADirectory { path: named } if *named == path), "{error}");
        assert!(error.to_string().ends_with("is not a directory"), "{error}");
    }
}

/// Not even the superuser makes a folder there.
#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    let error = local::open("/sys").unwrap_err();
    assert!(matches!(error, OpenError::Denied { .. } | OpenError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("/sys"), "{error}");
}

#[test]
fn a_state_file_that_is_none_is_named_and_left_alone() {
    let folder = folder();
    drop(local::open(folder.path()).unwrap());
    let file = state_file(folder.path());
    let whole = fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    damaged[0..16].copy_from_slice(b"not an SQLite 3\n");
    let mut cut = whole.clone();
    cut.truncate(4096 + 100);
    for content in [b"{\"not\": \"a database\"}".repeat(100), damaged, cut] {
        fs::write(&file, &content).unwrap();
        let error = local::open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
        assert!(fs::read(&file).unwrap() == content);
    }
    fs::write(&file, &whole).unwrap();
    local::open(folder.path()).unwrap();
}

/// What it holds is kept.
#[test]
fn a_state_file_of_the_first_version_is_taken_over() {
    let folder = folder();
    let local = local::open(folder.path()).unwrap();
    block_on(local.state.queue(QueueName::Scenes).send(&["a message".to_owned()])).remove(0).unwrap();
    drop(local);
    let file = rusqlite::Connection::open(state_file(folder.path())).unwrap();
    file.execute_batch("DROP TABLE checkpoints; PRAGMA user_version = 1").unwrap();
    drop(file);
    for _ in 0..2 {
        let state = local::open(folder.path()).unwrap().state;
        let found = block_on(state.checkpoint("job")).unwrap();
        block_on(state.keep("job", "1", found.as_deref())).unwrap();
        assert_eq!(state.queue(QueueName::Scenes).depth().unwrap().visible, 1);
    }
}

#[test]
fn a_state_file_of_a_newer_program_is_refused() {
    let folder = folder();
    drop(local::open(folder.path()).unwrap());
    let file = state_file(folder.path());
    let mut bytes = fs::read(&file).unwrap();
    // The user version in the header of the file.
    bytes[60..64].copy_from_slice(&1_000_u32.to_be_bytes());
    fs::write(&file, bytes).unwrap();
    let error = local::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 1_000, .. }), "{error}");
}
