//! Workers: take messages from both queues and give them to the use cases.

use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;

use crate::generate;
use crate::local::{Dice, Folder, Queue, QueueName, WallClock};
use crate::ports::{Chance, Clock, Delivery, PortError, ReceiveMessages};
use crate::update;

use super::{Engine, NOTHING_TO_DO, RunError};

/// How many messages about scenes a worker takes at once. More save transactions; fewer save memory.
const SCENES_AT_ONCE: usize = 64;

/// How many levels a worker takes at once.
const LEVELS_AT_ONCE: usize = 16;

/// How long the state may fail before the run ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Randomness and time of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct World;

impl Chance for World {
    fn bits(&self) -> u64 {
        Dice.bits()
    }
}

impl Clock for World {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        WallClock.now()
    }

    async fn pause(&self, milliseconds: u64) {
        WallClock.pause(milliseconds).await;
    }
}

impl Engine<'_> {
    /// Works until the run ends. Levels go first: a catalog that lags behind its items is what readers see.
    pub(super) fn work(&self) {
        let mut failing_since: Option<Instant> = None;
        while !self.is_stopped() {
            let worked = self.work_on_levels().and_then(|levels| Ok(levels || self.work_on_scenes()?));
            match worked {
                Ok(true) => failing_since = None,
                Ok(false) => {
                    failing_since = None;
                    thread::sleep(NOTHING_TO_DO);
                }
                Err(error) => {
                    // A full disk may be freed; the messages are not lost.
                    let since = *failing_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > PATIENCE {
                        return self.fail(RunError::State(error));
                    }
                    self.progress.troubled(vec![error.to_string()]);
                    thread::sleep(Duration::from_secs(1));
                }
            }
        }
    }

    fn work_on_scenes(&self) -> Result<bool, PortError> {
        let state = &self.local.state;
        let queue = state.queue(QueueName::Scenes);
        let deliveries = block_on(queue.receive(SCENES_AT_ONCE))?;
        if deliveries.is_empty() {
            return Ok(false);
        }
        let ports = generate::Ports {
            source: &Folder::new(&self.options.source),
            items: &self.local.directory,
            marks: state,
            topic: &self.local.log,
            letters: &state.dead_letters(QueueName::Scenes),
            world: &World,
        };
        let report = block_on(generate::generate(&ports, &self.generate, &deliveries));
        give_back(&queue, &deliveries, &report.acknowledged)?;
        self.progress.generated(report);
        Ok(true)
    }

    fn work_on_levels(&self) -> Result<bool, PortError> {
        let state = &self.local.state;
        let queue = state.queue(QueueName::Levels);
        let deliveries = block_on(queue.receive(LEVELS_AT_ONCE))?;
        if deliveries.is_empty() {
            return Ok(false);
        }
        let ports = update::Ports {
            catalog: &self.local.directory,
            marks: state,
            letters: &state.dead_letters(QueueName::Levels),
            world: &World,
        };
        let report = block_on(update::update(&ports, &self.update, &deliveries));
        give_back(&queue, &deliveries, &report.acknowledged)?;
        self.progress.updated(report);
        Ok(true)
    }
}

/// Acknowledges what is done; the rest comes back, later each time.
fn give_back(queue: &Queue, deliveries: &[Delivery], acknowledged: &[bool]) -> Result<(), PortError> {
    let done: Vec<String> = deliveries
        .iter()
        .zip(acknowledged)
        .filter(|(_, acknowledged)| **acknowledged)
        .map(|(delivery, _)| delivery.receipt.clone())
        .collect();
    if !done.is_empty() {
        block_on(queue.acknowledge(&done))?;
    }
    for (delivery, acknowledged) in deliveries.iter().zip(acknowledged) {
        if !acknowledged {
            let seconds = 1_u32 << delivery.receives.saturating_sub(1).min(6);
            block_on(queue.release(std::slice::from_ref(&delivery.receipt), seconds))?;
        }
    }
    Ok(())
}
