//! Several processes on one catalog directory, and processes that are killed.
//!
//! The other process is this very test program, told by an environment variable to play a part in place of testing.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use futures::executor::block_on;
use lazycat::local::{self, Local, Options, QueueName};
use lazycat::ports::{
    Expected, ItemPut, PortError, ReadCatalog, ReadItems, ReceiveMessages, SendMessages, WriteCatalog, WriteItems,
};
use tempfile::TempDir;

/// The part to play and the catalog directory.
const PART: &str = "LAZYCAT_TEST_PART";
const FOLDER: &str = "LAZYCAT_TEST_FOLDER";

/// What a part's own lines start with; the test harness prints others.
const SAYS: &str = "says: ";

/// A running part. Killed, not ended, when dropped.
struct Player {
    child: Child,
    lines: BufReader<ChildStdout>,
    _stdin: ChildStdin,
}

impl Player {
    fn start(part: &str, folder: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "processes::play_a_part", "--nocapture", "--test-threads=1"])
            .env(PART, part)
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take().unwrap();
        Self { child, lines, _stdin: stdin }
    }

    /// Waits for the next thing that it says.
    fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the other process ended");
            // The harness may have begun the line.
            if let Some((_, said)) = line.trim_end().split_once(SAYS) {
                return said.to_owned();
            }
        }
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{SAYS}{line}").unwrap();
    out.flush().unwrap();
}

/// Until the other process goes away.
fn wait() {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

/// No test when the program was started as one.
#[test]
fn play_a_part() {
    let (Ok(part), Ok(folder)) = (env::var(PART), env::var(FOLDER)) else {
        return;
    };
    let local = local::open(folder).unwrap();
    match part.as_str() {
        "count" => say(count_in_two_threads(&local)),
        "hold" => {
            let queue = local.state.queue(QueueName::Scenes);
            let held = block_on(queue.receive(3)).unwrap();
            say(held.len());
            wait();
        }
        "write" => write_for_ever(&local),
        other => panic!("no part {other}"),
    }
}

const COUNTER: &str = "a/catalog.json";
const COUNTS: u32 = 150;

/// Adds one, `COUNTS` times in each thread. How many writes were made.
fn count_in_two_threads(local: &Local) -> u32 {
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let directory = local.directory.clone();
            std::thread::spawn(move || {
                let mut made = 0;
                while made < COUNTS {
                    let (number, expected) = match block_on(directory.get(COUNTER)).unwrap() {
                        None => (0, Expected::Absent),
                        Some(found) => {
                            let text = String::from_utf8(found.bytes).unwrap();
                            (text.parse().unwrap(), Expected::Tag(found.etag))
                        }
                    };
                    let next: u32 = number + 1;
                    match block_on(directory.put_if(COUNTER, next.to_string().as_bytes(), &expected)) {
                        Ok(_) => made += 1,
                        Err(PortError::Precondition { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                made
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).sum()
}

#[test]
fn no_conditional_write_of_two_processes_with_two_threads_each_is_lost() {
    let folder = TempDir::new().unwrap();
    let local = local::open(folder.path()).unwrap();
    let mut players = [Player::start("count", folder.path()), Player::start("count", folder.path())];
    let made: u32 = players.iter_mut().map(|player| player.hear().parse::<u32>().unwrap()).sum();
    let counter = block_on(local.directory.get(COUNTER)).unwrap().unwrap();
    assert_eq!(made, 4 * COUNTS);
    assert_eq!(counter.bytes, made.to_string().as_bytes());
}

#[test]
fn messages_of_a_killed_process_are_visible_at_once_and_those_of_a_living_one_are_not() {
    let folder = TempDir::new().unwrap();
    let options = Options { ask_for_the_gone_every: Duration::ZERO, ..Options::default() };
    let local = local::open_with(folder.path(), options).unwrap();
    let queue = local.state.queue(QueueName::Scenes);
    block_on(queue.send(&["1", "2", "3"].map(str::to_owned)));

    let mut player = Player::start("hold", folder.path());
    assert_eq!(player.hear(), "3");
    assert!(block_on(queue.receive(10)).unwrap().is_empty());
    assert!(
        block_on(local::open(folder.path()).unwrap().state.queue(QueueName::Scenes).receive(10)).unwrap().is_empty()
    );
    assert_eq!(queue.depth().unwrap().in_flight, 3);

    player.kill();
    // By a process that starts now, without a receive, and before any time-out.
    let other = local::open(folder.path()).unwrap();
    assert_eq!(queue.depth().unwrap().visible, 3);
    let bodies: Vec<_> = block_on(queue.receive(10)).unwrap().into_iter().map(|delivery| delivery.body).collect();
    assert_eq!(bodies, ["1", "2", "3"]);
    drop(other);
}

#[test]
fn unfinished_files_are_removed_when_their_process_is_gone_and_not_before() {
    let folder = TempDir::new().unwrap();
    let (holders, temporaries) = (folder.path().join(".lazycat/holders"), folder.path().join(".lazycat/tmp"));
    let mut player = Player::start("hold", folder.path());
    player.hear();
    let names: Vec<_> = fs::read_dir(&holders).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 1);
    let unfinished = temporaries.join(format!("{}.99", names[0].to_str().unwrap()));
    fs::write(&unfinished, "half a docu").unwrap();

    drop(local::open(folder.path()).unwrap());
    assert!(unfinished.exists());
    player.kill();
    drop(local::open(folder.path()).unwrap());
    assert!(!unfinished.exists());
    assert_eq!(fs::read_dir(&holders).unwrap().count(), 0, "no file of the dead is left");
}

const KEYS: usize = 20;

fn key(number: usize) -> String {
    format!("a/{number:02}/item.json")
}

/// The bytes of a put: its number, and so much more that a write takes its time.
fn content(number: usize) -> Vec<u8> {
    format!("{number:09}\n").repeat(5_000).into_bytes()
}

/// Each round puts every item, with the number of the round as its bytes and as its message id.
fn write_for_ever(local: &Local) {
    let start = first_number(local);
    for number in start.. {
        let items: Vec<_> = (0..KEYS)
            .map(|item| ItemPut { key: key(item), bytes: content(number), message_id: Some(number.to_string()) })
            .collect();
        for result in block_on(local.directory.put(&items)) {
            result.unwrap();
        }
        say(number);
    }
}

/// Above all that is stored.
fn first_number(local: &Local) -> usize {
    let keys: Vec<_> = (0..KEYS).map(key).collect();
    let stored = block_on(local.directory.stored(&keys)).into_iter().map(Result::unwrap);
    let ids = stored.flatten().filter_map(|item| item.message_id);
    ids.map(|id| id.parse::<usize>().unwrap() + 1).max().unwrap_or(1)
}

#[test]
fn a_killed_writer_leaves_whole_files_and_no_id_older_than_the_bytes() {
    let folder = TempDir::new().unwrap();
    let keys: Vec<_> = (0..KEYS).map(key).collect();
    for rounds in [1, 2, 3, 1, 4, 2] {
        let mut player = Player::start("write", folder.path());
        let mut said = 0;
        for _ in 0..rounds {
            said = player.hear().parse::<usize>().unwrap();
        }
        player.kill();
        let local = local::open(folder.path()).unwrap();
        for stored in block_on(local.directory.stored(&keys)) {
            let stored = stored.unwrap().unwrap();
            let text = String::from_utf8(stored.bytes).unwrap();
            let number: usize = text[..9].parse().unwrap();
            assert!(text.as_bytes() == content(number), "half a file");
            assert!(number >= said, "lost what was said to be written");
            let id: usize = stored.message_id.unwrap().parse().unwrap();
            assert!(id >= number, "bytes of {number} with the id of {id}");
        }
        assert_eq!(fs::read_dir(folder.path().join(".lazycat/tmp")).unwrap().count(), 0);
    }
}
