//! Queues as in SQS: standard, with a visibility time-out, receive counts and dead letters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{Dice, Letters, Requests, Time, lock, yield_now};
use crate::message::{DeadLetter, LevelMessage};
use crate::ports::{Clock, Delivery, PortResult, PutBackLetters, ReceiveMessages, SendLevels, SendMessages};

/// The most messages that one receive gives.
pub(super) const MOST_A_RECEIVE: usize = 10;

/// One standard queue. Clones share it.
///
/// A receive gives at least one of the visible messages, at most ten, in any order.
#[derive(Debug, Clone)]
pub struct Queue {
    name: &'static str,
    shared: Arc<Mutex<Shared>>,
    letters: Letters,
    time: Time,
    dice: Dice,
    requests: Requests,
}

#[derive(Debug)]
struct Shared {
    messages: BTreeMap<u64, Message>,
    last: u64,
    visibility_milliseconds: i64,
    most_receives: Option<u32>,
}

#[derive(Debug, Clone)]
struct Message {
    body: String,
    sent: i64,
    visible_at: i64,
    receives: u32,
}

impl Queue {
    pub(super) fn new(name: &'static str, time: Time, dice: Dice, requests: Requests) -> Self {
        let shared =
            Shared { messages: BTreeMap::new(), last: 0, visibility_milliseconds: 300_000, most_receives: None };
        Self {
            name,
            shared: Arc::new(Mutex::new(shared)),
            letters: Letters::new(name, time.clone(), dice.clone(), requests.clone()),
            time,
            dice,
            requests,
        }
    }

    /// From now on a received message stays invisible for this long.
    pub fn set_visibility_seconds(&self, seconds: u32) {
        lock(&self.shared).visibility_milliseconds = i64::from(seconds) * 1_000;
    }

    /// From now on a message that was received this often becomes a dead letter when it would be received once more:
    /// one with an empty reason, as SQS moves it.
    pub fn set_most_receives(&self, receives: Option<u32>) {
        lock(&self.shared).most_receives = receives;
    }

    /// The dead letters of this queue.
    #[must_use]
    pub fn letters(&self) -> Letters {
        self.letters.clone()
    }

    /// What sends levels to this queue.
    #[must_use]
    pub fn level_sender(&self) -> LevelSender {
        LevelSender(self.clone())
    }

    /// The bodies of all messages, visible or not, in the order in which they were sent.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        let shared = lock(&self.shared);
        shared.messages.values().map(|message| message.body.clone()).collect()
    }

    /// Whether there is no message, visible or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        lock(&self.shared).messages.is_empty()
    }

    /// How many messages could be received now.
    #[must_use]
    pub fn visible(&self) -> usize {
        let now = self.time.milliseconds();
        lock(&self.shared).messages.values().filter(|message| message.visible_at <= now).count()
    }

    /// Makes all messages visible, as when every time-out has passed.
    pub fn release_all(&self) {
        for message in lock(&self.shared).messages.values_mut() {
            message.visible_at = 0;
        }
    }

    async fn send_all(&self, bodies: impl Iterator<Item = String> + Send) -> Vec<PortResult<()>> {
        self.send_as_of(bodies.map(|body| (body, None))).await
    }

    /// Sends bodies, each as if at that time, or now.
    async fn send_as_of(&self, bodies: impl Iterator<Item = (String, Option<i64>)> + Send) -> Vec<PortResult<()>> {
        self.requests.add_for("send", self.name);
        let mut results = Vec::new();
        for (body, sent) in bodies {
            yield_now().await;
            let sent = sent.unwrap_or_else(|| self.time.milliseconds());
            let mut shared = lock(&self.shared);
            shared.last += 1;
            let id = shared.last;
            let message = Message { body, sent, visible_at: 0, receives: 0 };
            shared.messages.insert(id, message);
            results.push(Ok(()));
        }
        yield_now().await;
        results
    }

    fn take(&self, most: usize) -> Vec<Delivery> {
        let now = self.time.milliseconds();
        let mut shared = lock(&self.shared);
        self.move_the_dead(&mut shared, now);
        let mut visible: Vec<u64> =
            shared.messages.iter().filter(|(_, message)| message.visible_at <= now).map(|(id, _)| *id).collect();
        let most = visible.len().min(most).min(MOST_A_RECEIVE);
        if most == 0 {
            return Vec::new();
        }
        let count = 1 + self.dice.below(most);
        let until = now + shared.visibility_milliseconds;
        let mut deliveries = Vec::with_capacity(count);
        for _ in 0..count {
            let id = visible.swap_remove(self.dice.below(visible.len()));
            let Some(message) = shared.messages.get_mut(&id) else {
                continue;
            };
            message.receives += 1;
            message.visible_at = until;
            deliveries.push(Delivery {
                id: format!("{}-{id}", self.name),
                body: message.body.clone(),
                receives: message.receives,
                sent: Some(Time::at(message.sent)),
                receipt: format!("{id}/{}", message.receives),
            });
        }
        deliveries
    }

    fn move_the_dead(&self, shared: &mut Shared, now: i64) {
        let Some(most) = shared.most_receives else {
            return;
        };
        let dead = shared.messages.extract_if(.., |_, message| message.visible_at <= now && message.receives >= most);
        for (id, message) in dead {
            self.letters.keep(DeadLetter {
                id: format!("{}-{id}", self.name),
                body: message.body,
                reason: String::new(),
                detail: String::new(),
                first: Time::at(message.sent),
                last: self.time.now(),
                attempts: message.receives,
            });
        }
    }

    /// The message whose latest delivery has this receipt.
    fn delivered(receipt: &str, shared: &Shared) -> Option<u64> {
        let (id, receives) = receipt.split_once('/')?;
        let id: u64 = id.parse().ok()?;
        let message = shared.messages.get(&id)?;
        (receives.parse() == Ok(message.receives)).then_some(id)
    }
}

impl SendMessages for Queue {
    async fn send(&self, bodies: &[String]) -> Vec<PortResult<()>> {
        self.send_all(bodies.iter().cloned()).await
    }
}

impl PutBackLetters for Queue {
    async fn put_back(&self, letters: &[DeadLetter]) -> Vec<PortResult<()>> {
        self.send_as_of(letters.iter().map(|letter| (letter.body.clone(), Some(letter.first.timestamp_millis())))).await
    }
}

/// Sends levels to a queue. Clones share it.
#[derive(Debug, Clone)]
pub struct LevelSender(Queue);

impl SendLevels for LevelSender {
    async fn send(&self, levels: &[LevelMessage]) -> Vec<PortResult<()>> {
        self.0.send_all(levels.iter().map(LevelMessage::encode)).await
    }
}

impl ReceiveMessages for Queue {
    async fn receive(&self, most: usize) -> PortResult<Vec<Delivery>> {
        yield_now().await;
        self.requests.add_for("receive", self.name);
        let deliveries = self.take(most);
        yield_now().await;
        Ok(deliveries)
    }

    async fn acknowledge(&self, receipts: &[String]) -> PortResult<()> {
        self.requests.add_for("acknowledge", self.name);
        for receipt in receipts {
            yield_now().await;
            let mut shared = lock(&self.shared);
            if let Some(id) = Self::delivered(receipt, &shared) {
                shared.messages.remove(&id);
            }
        }
        yield_now().await;
        Ok(())
    }

    async fn release(&self, receipts: &[String], seconds: u32) -> PortResult<()> {
        self.requests.add_for("release", self.name);
        for receipt in receipts {
            yield_now().await;
            let at = self.time.milliseconds() + i64::from(seconds) * 1_000;
            let mut shared = lock(&self.shared);
            let id = Self::delivered(receipt, &shared);
            if let Some(message) = id.and_then(|id| shared.messages.get_mut(&id)) {
                message.visible_at = at;
            }
        }
        yield_now().await;
        Ok(())
    }
}
