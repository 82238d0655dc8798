//! The processes: the use cases as the functions run them, from receiving to acknowledging.

use std::sync::{Mutex, PoisonError};

use lazycat::generate::{self, generate};
use lazycat::grid::INPE;
use lazycat::message::DeadLetter;
use lazycat::mover::{self, move_marks};
use lazycat::ports::{Delivery, HeldLetter, HoldLetters, PortResult, PutBackLetters};
use lazycat::redrive::{self, Action, Kind, Selection};
use lazycat::stac::Buckets;
use lazycat::stac::catalog::Site;
use lazycat::update::{self, update};

use super::gate::Ports;

/// How the processes work.
#[derive(Debug, Clone, Copy)]
pub struct Working {
    /// How many messages one takes at once.
    pub batch: usize,
    /// How often a message is received before it is given up.
    pub attempts: u32,
    /// How often a write of a document is tried.
    pub tries: u32,
    /// Whether a message that failed is visible at once, and not only after its time-out.
    pub releases: bool,
}

/// generate-stac-item, for one batch.
pub(super) async fn generator<P: Ports>(ports: P, working: Working) {
    let Ok(deliveries) = ports.receive(working.batch).await else { return };
    let settings = generate::Settings { grid: INPE.clone(), buckets: Buckets::default(), attempts: working.attempts };
    let p =
        generate::Ports { source: &ports, items: &ports, marks: &ports, topic: &ports, letters: &ports, world: &ports };
    let report = generate(&p, &settings, &deliveries).await;
    give_back(&ports, working, &deliveries, &report.acknowledged).await;
}

/// update-single-catalog, for one batch.
pub(super) async fn updater<P: Ports>(ports: P, working: Working) {
    let Ok(deliveries) = ports.receive(working.batch).await else { return };
    let settings = update::Settings {
        grid: INPE.clone(),
        site: Site::default(),
        tries: working.tries,
        attempts: working.attempts,
    };
    let p = update::Ports { catalog: &ports, marks: &ports, letters: &ports, world: &ports };
    let report = update(&p, &settings, &deliveries).await;
    give_back(&ports, working, &deliveries, &report.acknowledged).await;
}

/// move-catalog-level-keys, for one tick.
pub(super) async fn mover<P: Ports>(ports: P) {
    let _ = move_marks(&mover::Ports { marks: &ports, queue: &ports }).await;
}

/// `lazycat redrive`, of one letter.
pub(super) async fn redrive<P: Ports>(ports: P, letter: DeadLetter) {
    let held = HeldLetter { id: letter.id.clone(), letter: letter.clone(), hold: letter.id.clone() };
    let one = OneLetter { ports: &ports, letter, held: Mutex::new(Some(held)) };
    // By its id: also what is no message of ours goes back.
    let selection = Selection { ids: vec![one.letter.id.clone()], ..Selection::default() };
    let p = redrive::Ports { letters: &one, queue: &one };
    let _ = redrive::redrive(&p, Kind::Scenes, &selection, Action::PutBack, |_, _| ()).await;
}

/// A letter as the only one of its queue.
struct OneLetter<'a, P> {
    ports: &'a P,
    letter: DeadLetter,
    held: Mutex<Option<HeldLetter>>,
}

impl<P: Ports> HoldLetters for OneLetter<'_, P> {
    async fn hold(&self, _most: usize) -> PortResult<Vec<HeldLetter>> {
        Ok(self.held.lock().unwrap_or_else(PoisonError::into_inner).take().into_iter().collect())
    }

    async fn remove(&self, _holds: &[String]) -> PortResult<()> {
        self.ports.delete_letter(&self.letter).await
    }

    async fn let_go(&self, _holds: &[String]) -> PortResult<()> {
        Ok(())
    }
}

impl<P: Ports> PutBackLetters for OneLetter<'_, P> {
    async fn put_back(&self, letters: &[DeadLetter]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(letters.len());
        for letter in letters {
            results.push(self.ports.send_back(letter).await);
        }
        results
    }
}

async fn give_back<P: Ports>(ports: &P, working: Working, deliveries: &[Delivery], acknowledged: &[bool]) {
    let receipts = |wanted: bool| -> Vec<String> {
        let these = deliveries.iter().zip(acknowledged).filter(|(_, done)| **done == wanted);
        these.map(|(delivery, _)| delivery.receipt.clone()).collect()
    };
    let _ = ports.acknowledge(&receipts(true)).await;
    if working.releases {
        let _ = ports.release(&receipts(false)).await;
    }
}
