//! Workers: take messages from both queues and give them to the use cases.

use std::thread;

use futures::executor::block_on;

use crate::filing;
use crate::generate;
use crate::grid::Grid;
use crate::index::Topic;
use crate::local::{Dice, Folder, Queue, QueueName, WallClock};
use crate::ports::{Chance, Clock, Delivery, PortError, PortResult, ReceiveMessages};
use crate::search::ports::FetchDocuments;
use crate::search::rebuild::FollowCatalog as _;
use crate::search::source::Source;
use crate::update;

use super::patience::Patient;
use super::progress::StaleLevel;
use super::{Engine, NOTHING_TO_DO, RunError, layout};

/// How many messages about scenes a worker takes at once. More save transactions; fewer save memory.
const SCENES_AT_ONCE: usize = 64;

/// How many messages about items of others a worker takes at once: one may name a large file.
const ITEMS_AT_ONCE: usize = 32;

/// How many levels a worker takes at once.
const LEVELS_AT_ONCE: usize = 16;

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

/// Where the documents are that messages only refer to: nothing is fetched from elsewhere.
#[derive(Debug, Clone, Copy)]
struct Nowhere;

impl FetchDocuments for Nowhere {
    async fn fetch(&self, sources: &[Source], _limit: u64) -> Vec<PortResult<Vec<u8>>> {
        let denied = |source: &Source| PortError::Denied {
            what: format!("reading {source}"),
            source: "nothing is fetched from elsewhere".into(),
        };
        sources.iter().map(|source| Err(denied(source))).collect()
    }
}

impl Engine<'_> {
    /// Works until the run ends. Levels go first: a catalog that lags behind its items is what readers see.
    pub(super) fn work(&self) {
        while !self.is_stopped() {
            match self
                .work_on_levels()
                .and_then(|levels| Ok(levels || self.work_on_items()? || self.work_on_scenes()?))
            {
                Ok(true) => {}
                Ok(false) => thread::sleep(NOTHING_TO_DO),
                Err(error) => return self.fail(RunError::State(error)),
            }
        }
    }

    fn work_on_scenes(&self) -> Result<bool, PortError> {
        let state = &self.local.state;
        let queue = state.queue(QueueName::Scenes);
        let letters = state.dead_letters(QueueName::Scenes);
        let received = self.patience.insist(|| block_on(queue.receive(SCENES_AT_ONCE)))?;
        if received.is_empty() {
            return Ok(false);
        }
        let (deliveries, given_up) = self.give_up.sort_out(&queue, &letters, &self.patience, received)?;
        self.progress.refused(given_up);
        let topic = Topic::new(&self.local.log, self.index.get());
        let ports = generate::Ports {
            source: &Folder::new(&self.options.source),
            items: &self.patient(&self.local.directory),
            marks: &self.patient(state),
            topic: &self.patient(&topic),
            letters: &self.patient(&letters),
            world: &World,
        };
        let settings = generate::Settings { grid: self.grid()?, ..self.generate.clone() };
        let report = block_on(generate::generate(&ports, &settings, &deliveries));
        self.give_back(&queue, &deliveries, &report.acknowledged)?;
        self.progress.generated(report);
        Ok(true)
    }

    fn work_on_items(&self) -> Result<bool, PortError> {
        let state = &self.local.state;
        let queue = state.queue(QueueName::Items);
        let letters = state.dead_letters(QueueName::Items);
        let received = self.patience.insist(|| block_on(queue.receive(ITEMS_AT_ONCE)))?;
        if received.is_empty() {
            return Ok(false);
        }
        let (deliveries, given_up) = self.give_up.sort_out(&queue, &letters, &self.patience, received)?;
        self.progress.refused(given_up);
        let topic = Topic::new(&self.local.log, self.index.get());
        let ports = filing::Ports {
            files: &Folder::new(&self.options.source),
            documents: &Nowhere,
            items: &self.patient(&self.local.directory),
            catalog: &self.patient(&self.local.directory),
            records: &self.patient(state),
            marks: &self.patient(state),
            topic: &self.patient(&topic),
            letters: &self.patient(&letters),
            world: &World,
        };
        let settings = filing::Settings { grid: self.grid()?, ..self.filing.clone() };
        let report = block_on(filing::file(&ports, &settings, &deliveries));
        self.give_back(&queue, &deliveries, &report.acknowledged)?;
        self.progress.generated(report);
        Ok(true)
    }

    fn work_on_levels(&self) -> Result<bool, PortError> {
        let state = &self.local.state;
        let queue = state.queue(QueueName::Levels);
        let letters = state.dead_letters(QueueName::Levels);
        let received = self.patience.insist(|| block_on(queue.receive(LEVELS_AT_ONCE)))?;
        if received.is_empty() {
            return Ok(false);
        }
        let (deliveries, given_up) = self.give_up.sort_out(&queue, &letters, &self.patience, received)?;
        self.progress.stale(given_up.into_iter().map(StaleLevel::from).collect());
        let ports = update::Ports {
            catalog: &self.patient(&self.local.directory),
            marks: &self.patient(state),
            letters: &self.patient(&letters),
            world: &World,
        };
        let settings = update::Settings { grid: self.grid()?, ..self.update.clone() };
        let report = block_on(update::update(&ports, &settings, &deliveries));
        self.follow_collections(&settings.grid, &report)?;
        self.give_back(&queue, &deliveries, &report.acknowledged)?;
        self.progress.updated(report);
        Ok(true)
    }

    /// Tells the search index of the collections among the levels that were looked after, before their messages are
    /// acknowledged: whether they were written now or by an attempt that has died since.
    fn follow_collections(&self, grid: &Grid, report: &update::Report) -> Result<(), PortError> {
        let Some(index) = self.index.get() else { return Ok(()) };
        let levels = report.rebuilt.iter().map(|(level, _)| level);
        let keys: Vec<String> = levels
            .filter(|level| grid.collection_of(level).as_ref() == Some(level))
            .map(|level| grid.document_key(level))
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        self.patience.insist(|| block_on(index.follow(&keys, 0))).map(drop)
    }

    /// The folders of the catalog as they are now: the first import may come while a watch goes on.
    fn grid(&self) -> Result<Grid, PortError> {
        self.patience.insist(|| layout::grid(self.local))
    }

    fn patient<'b, P>(&'b self, port: &'b P) -> Patient<'b, P> {
        Patient { port, patience: &self.patience }
    }

    /// Acknowledges what is done; the rest comes back, later each time.
    fn give_back(&self, queue: &Queue, deliveries: &[Delivery], acknowledged: &[bool]) -> Result<(), PortError> {
        let done: Vec<String> = deliveries
            .iter()
            .zip(acknowledged)
            .filter(|(_, acknowledged)| **acknowledged)
            .map(|(delivery, _)| delivery.receipt.clone())
            .collect();
        if !done.is_empty() {
            self.patience.insist(|| block_on(queue.acknowledge(&done)))?;
        }
        for (delivery, acknowledged) in deliveries.iter().zip(acknowledged) {
            if !acknowledged {
                let seconds = 1_u32 << delivery.receives.saturating_sub(1).min(6);
                let receipt = std::slice::from_ref(&delivery.receipt);
                self.patience.insist(|| block_on(queue.release(receipt, seconds)))?;
            }
        }
        Ok(())
    }
}
