//! The processes: the use cases as the functions run them, from receiving to acknowledging.

use lazycat::generate::{self, generate};
use lazycat::grid::INPE;
use lazycat::message::DeadLetter;
use lazycat::mover::{self, move_marks};
use lazycat::ports::Delivery;
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
    let settings = generate::Settings { grid: &INPE, buckets: Buckets::default(), attempts: working.attempts };
    let p =
        generate::Ports { source: &ports, items: &ports, marks: &ports, topic: &ports, letters: &ports, world: &ports };
    let report = generate(&p, &settings, &deliveries).await;
    give_back(&ports, working, &deliveries, &report.acknowledged).await;
}

/// update-single-catalog, for one batch.
pub(super) async fn updater<P: Ports>(ports: P, working: Working) {
    let Ok(deliveries) = ports.receive(working.batch).await else { return };
    let settings =
        update::Settings { grid: &INPE, site: Site::default(), tries: working.tries, attempts: working.attempts };
    let p = update::Ports { catalog: &ports, marks: &ports, letters: &ports, world: &ports };
    let report = update(&p, &settings, &deliveries).await;
    give_back(&ports, working, &deliveries, &report.acknowledged).await;
}

/// move-catalog-level-keys, for one tick.
pub(super) async fn mover<P: Ports>(ports: P) {
    let _ = move_marks(&mover::Ports { marks: &ports, queue: &ports }).await;
}

/// `lazycat redrive`, of one letter: it is sent, and only then deleted.
pub(super) async fn redrive<P: Ports>(ports: P, letter: DeadLetter) {
    if ports.send_back(&letter).await.is_ok() {
        let _ = ports.delete_letter(&letter).await;
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
