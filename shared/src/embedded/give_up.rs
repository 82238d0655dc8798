//! Giving up: messages that end the process that works on them, each time.
//!
//! A panic is contained, and a message whose work fails is counted by its use case. What is left is work that ends the
//! whole process: out of memory, out of stack. Such a message would be taken up by the next process, and the next. The
//! queue counts a receive before it gives the message out, and gives out alone what it has counted often; what has
//! been received too often goes to the dead letters, *before* anybody works on it, with the reason [`GAVE_UP`].
//!
//! A run sends every scene again, so that letter must also stand for the messages about the same subject that come
//! later, or each start would bring a fresh message to die of. It does so until the scene's file is changed or a run is
//! told to force: then it is sent back. It is never dropped: what it is about may have been written and not marked. When
//! the letter's own message comes again, an operator has put it back, perhaps from another process: it is tried once
//! more, and the letter, which may be gone, stands for nothing any longer.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::executor::block_on;
use xxhash_rust::xxh3::xxh3_64;

use crate::conclusion::letter;
use crate::generate::Refusal;
use crate::local::{DeadLetters, KeptLetter, Local, Queue, QueueName};
use crate::message::filing::FileRequest;
use crate::message::{LevelMessage, SceneRecord};
use crate::ports::{BuryLetters as _, Clock as _, Delivery, PortError, ReceiveMessages as _};

use super::patience::Patience;
use super::progress::StaleLevel;
use super::redrive::send_back;
use super::worker::World;

/// The reason of the dead letters about messages that end their process.
pub const GAVE_UP: &str = "gave-up";

/// How often a message is received before it is given up. A use case that lives concludes sooner; and a process that is
/// killed for another reason again and again must not make a message look guilty that only happened to be in its hands.
const MOST_RECEIVES: u32 = 10;

/// How many messages are given up at once, when work begins.
const SWEPT_AT_ONCE: usize = 100;

/// The subjects that are given up.
#[derive(Debug, Default)]
pub(super) struct GiveUp {
    subjects: Mutex<HashMap<String, GivenUp>>,
}

/// What is known of a subject that is given up.
#[derive(Debug, Default)]
struct GivenUp {
    /// The bodies of its letters, hashed.
    bodies: HashSet<u64>,
    /// Whether this run has told so.
    told: bool,
}

impl GiveUp {
    /// What earlier runs have given up. With `force`, and where a scene's file has changed since, it is sent back to be
    /// tried once more. Gives the levels that stay given up.
    pub(super) fn recall(&self, local: &Local, force: bool) -> Result<Vec<StaleLevel>, PortError> {
        let mut stale = Vec::new();
        for name in QueueName::ALL {
            for page in local.state.dead_letters(name).pages() {
                let given_up = page?.into_iter().filter(|kept| kept.letter.reason == GAVE_UP);
                let (tried, left): (Vec<_>, Vec<_>) = given_up.partition(|kept| force || has_changed(kept));
                send_back(local, name, &tried)?;
                for KeptLetter { letter, .. } in left {
                    let subject = subject(name, &letter.body);
                    let body = xxh3_64(letter.body.as_bytes());
                    let is_level = name == QueueName::Levels;
                    if is_level {
                        stale.push(StaleLevel { level: subject.clone(), reason: letter.reason, detail: letter.detail });
                    }
                    let mut subjects = self.subjects();
                    let given_up = subjects.entry(subject).or_default();
                    given_up.bodies.insert(body);
                    given_up.told |= is_level;
                }
            }
        }
        Ok(stale)
    }

    /// Gives up all messages of a queue that were received too often; gives what is to be told.
    pub(super) fn sweep(
        &self,
        local: &Local,
        name: QueueName,
        patience: &Patience<'_>,
    ) -> Result<Vec<Refusal>, PortError> {
        let (queue, letters) = (local.state.queue(name), local.state.dead_letters(name));
        let mut told = Vec::new();
        loop {
            let received = patience.insist(|| queue.receive_worn(SWEPT_AT_ONCE, MOST_RECEIVES))?;
            if received.is_empty() {
                return Ok(told);
            }
            let (_, given_up) = self.sort_out(&queue, &letters, patience, received)?;
            told.extend(given_up);
        }
    }

    /// Sorts out what is given up, and gives what is to be worked on, and what was given up, to be told.
    pub(super) fn sort_out(
        &self,
        queue: &Queue,
        letters: &DeadLetters,
        patience: &Patience<'_>,
        received: Vec<Delivery>,
    ) -> Result<(Vec<Delivery>, Vec<Refusal>), PortError> {
        if self.subjects().is_empty() && received.iter().all(|delivery| delivery.receives <= MOST_RECEIVES) {
            return Ok((received, Vec::new()));
        }
        let (mut deliveries, mut given_up) = (Vec::with_capacity(received.len()), Vec::new());
        for delivery in received {
            let subject = subject(queue.name(), &delivery.body);
            let body = xxh3_64(delivery.body.as_bytes());
            let too_often = delivery.receives > MOST_RECEIVES;
            if !too_often && !self.is_given_up(&subject, body) {
                deliveries.push(delivery);
                continue;
            }
            let detail = match too_often {
                true => format!("given up after {MOST_RECEIVES} attempts, of which none ended: what works on it dies"),
                false => {
                    "an earlier message about it was given up: what worked on it died; --force tries it again".into()
                }
            };
            // The letter before the acknowledgement. A letter that stands already stands for this message, too.
            if too_often {
                let letter = letter(&delivery, GAVE_UP, detail.clone(), World.now());
                patience.insist(|| block_on(letters.bury(&letter)))?;
            }
            patience.insist(|| block_on(queue.acknowledge(std::slice::from_ref(&delivery.receipt))))?;
            let mut subjects = self.subjects();
            let known = subjects.entry(subject.clone()).or_default();
            if too_often {
                known.bodies.insert(body);
            }
            if !std::mem::replace(&mut known.told, true) {
                given_up.push(Refusal { scene: subject, reason: GAVE_UP.to_owned(), detail });
            }
        }
        Ok((deliveries, given_up))
    }

    /// Whether a letter stands for this message. Not when it is the letter's own: then that was put back.
    fn is_given_up(&self, subject: &str, body: u64) -> bool {
        let mut subjects = self.subjects();
        if subjects.get(subject).is_some_and(|given_up| given_up.bodies.contains(&body)) {
            subjects.remove(subject);
        }
        subjects.contains_key(subject)
    }

    fn subjects(&self) -> MutexGuard<'_, HashMap<String, GivenUp>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a message is about: the file or key of its first scene, or its level.
fn subject(queue: QueueName, body: &str) -> String {
    let subject = match queue {
        QueueName::Scenes => SceneRecord::decode(body).ok().and_then(|records| {
            let source = records.into_iter().next()?.source;
            Some(source.file.unwrap_or(source.key))
        }),
        QueueName::Levels => LevelMessage::decode(body).ok().map(|message| message.level.wire().to_owned()),
        QueueName::Items => FileRequest::decode(body)
            .ok()
            .flatten()
            .filter(|request| request.path.is_some())
            .map(|request| request.subject()),
    };
    subject.unwrap_or_else(|| body.to_owned())
}

/// Whether a letter is about a file that was changed, or removed, since the letter was written.
fn has_changed(kept: &KeptLetter) -> bool {
    let body = &kept.letter.body;
    let file = match FileRequest::decode(body) {
        Ok(Some(request)) => request.path,
        _ => SceneRecord::decode(body).unwrap_or_default().into_iter().next().and_then(|record| record.source.file),
    };
    file.is_some_and(|file| match fs::metadata(file) {
        Ok(metadata) => {
            metadata.ctime() * 1_000_000 + metadata.ctime_nsec() / 1_000 > kept.letter.last.timestamp_micros()
        }
        Err(_) => true,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::embedded::Progress;
    use crate::level::Level;
    use crate::ports::{PutBackLetters as _, SendMessages as _};

    /// An operator has put the letter back from another process, and the letter is gone: nobody else owes the work.
    #[test]
    fn the_own_message_of_a_letter_is_tried_once_more_and_another_about_the_same_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let local = crate::local::open(folder.path()).unwrap();
        let (queue, letters) = (local.state.queue(QueueName::Levels), local.state.dead_letters(QueueName::Levels));
        let body = |since| LevelMessage { level: Level::root(), since }.encode();
        let [given_up_body, other] = [World.now(), chrono::DateTime::UNIX_EPOCH].map(body);
        block_on(queue.send(std::slice::from_ref(&given_up_body))).remove(0).unwrap();
        let delivery = block_on(queue.receive(1)).unwrap().remove(0);
        let buried = letter(&delivery, GAVE_UP, "it dies".to_owned(), World.now());
        block_on(letters.bury(&buried)).unwrap();
        block_on(queue.acknowledge(&[delivery.receipt])).unwrap();

        let progress = Progress::default();
        let patience = Patience::new(&progress, std::sync::Arc::default());
        let give_up = GiveUp::default();
        assert_eq!(give_up.recall(&local, false).unwrap().len(), 1);
        let sorted_out = |bodies: &[&String]| {
            let bodies: Vec<String> = bodies.iter().map(|body| (*body).clone()).collect();
            assert!(block_on(queue.send(&bodies)).iter().all(Result::is_ok));
            let received = block_on(queue.receive(10)).unwrap();
            let (deliveries, _) = give_up.sort_out(&queue, &letters, &patience, received).unwrap();
            deliveries.into_iter().map(|delivery| delivery.body).collect::<Vec<_>>()
        };
        assert_eq!(sorted_out(&[&other]), [""; 0], "the letter stands for it");
        letters.remove(&letters.page(0, 1).unwrap()).unwrap();
        block_on(queue.put_back(&[buried])).remove(0).unwrap();
        let deliveries = sorted_out(&[]);
        assert_eq!(deliveries, [given_up_body]);
        assert_eq!(sorted_out(&[&other]), [other], "nothing stands for it any longer");
    }

    /// Wherever in the queue it stands, and before anybody is given anything.
    #[test]
    fn what_was_received_too_often_is_given_up_before_work_begins_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let open = || crate::local::open(folder.path()).unwrap();
        let level = |key: &str| {
            let level = Level::parse(key).unwrap();
            LevelMessage { level, since: World.now() }.encode()
        };
        let bodies = ["CBERS4", "CBERS4A"].map(level);
        let send = |body: &String| block_on(open().state.queue(QueueName::Levels).send(std::slice::from_ref(body)));
        send(&bodies[1]).remove(0).unwrap();
        for _ in 0..MOST_RECEIVES {
            // Whoever receives it is gone.
            assert_eq!(block_on(open().state.queue(QueueName::Levels).receive(10)).unwrap().len(), 1);
        }
        let local = open();
        let queue = local.state.queue(QueueName::Levels);
        send(&bodies[0]).remove(0).unwrap();
        let progress = Progress::default();
        let patience = Patience::new(&progress, std::sync::Arc::default());
        let give_up = GiveUp::default();
        let told = give_up.sweep(&local, QueueName::Levels, &patience).unwrap();
        assert_eq!(told.iter().map(|refusal| refusal.scene.as_str()).collect::<Vec<_>>(), ["CBERS4A"]);
        assert_eq!(give_up.sweep(&local, QueueName::Levels, &patience).unwrap(), []);
        assert_eq!(local.state.dead_letters(QueueName::Levels).page(0, 10).unwrap().len(), 1);
        let left = block_on(queue.receive(10)).unwrap();
        assert_eq!((left.len(), left[0].body == bodies[0], left[0].receives), (1, true, 1));
    }
}
