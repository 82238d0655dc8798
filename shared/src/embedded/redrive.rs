//! Dead letters of an embedded catalog: looked at, put back, dropped.

use std::sync::atomic::Ordering;
use std::time::Instant;

use futures::executor::block_on;
use serde::Serialize;

use crate::local::{KeptLetter, Local, QueueName};
use crate::message::DeadLetter;
use crate::ports::{PortResult, SendMessages as _};
use crate::redrive::{self, Action, Kind, Listing, Report, Selection};

use super::{Engine, Progress, RunError, Summary, settings};

/// What became of dead letters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Redriven {
    /// What became of the letters of each queue.
    pub queues: Vec<Report>,
    /// What was done with the messages that were put back, and with what an earlier run had left. None when no letter
    /// was put back.
    #[serde(flatten)]
    pub summary: Option<Summary>,
}

impl From<Kind> for QueueName {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Scenes => Self::Scenes,
            Kind::Levels => Self::Levels,
            Kind::Items => Self::Items,
        }
    }
}

/// Puts letters back into their queue.
pub(super) fn send_back(local: &Local, queue: QueueName, letters: &[KeptLetter]) -> PortResult<()> {
    if letters.is_empty() {
        return Ok(());
    }
    let bodies: Vec<String> = letters.iter().map(|kept| kept.letter.body.clone()).collect();
    // In this order: duplicates are harmless.
    for result in block_on(local.state.queue(queue).send(&bodies)) {
        result?;
    }
    local.state.dead_letters(queue).remove(letters)
}

/// Lists the dead letters that are meant, of each of these queues. `seen` is told how many were looked at.
///
/// # Errors
///
/// When the state cannot be read.
pub fn dead_letters(
    local: &Local,
    queues: &[Kind],
    selection: &Selection,
    seen: impl Fn(u64) + Send + Sync,
) -> PortResult<Vec<Listing>> {
    let mut before = 0;
    let list = |queue: &Kind| {
        let reader = local.state.dead_letters((*queue).into()).reader();
        let listing = block_on(redrive::list(&reader, *queue, selection, |here| seen(before + here)))?;
        before += listing.seen;
        Ok(listing)
    };
    queues.iter().map(list).collect()
}

/// The dead letter of this id, whole, and whose it is.
///
/// # Errors
///
/// When the state cannot be read.
pub fn dead_letter(local: &Local, queues: &[Kind], id: &str) -> PortResult<Option<(Kind, DeadLetter)>> {
    for queue in queues {
        let reader = local.state.dead_letters((*queue).into()).reader();
        if let Some(letter) = block_on(redrive::find(&reader, id))? {
            return Ok(Some((*queue, letter)));
        }
    }
    Ok(None)
}

/// Puts dead letters back, or drops them. When any was put back, all that is queued is then worked on, until there is
/// nothing left to do, like [`super::run`] and with the options of the last run.
///
/// # Errors
///
/// [`RunError`], when the state cannot be used. Nothing is lost.
pub fn redrive(
    local: &Local,
    queues: &[Kind],
    selection: &Selection,
    action: Action,
    progress: &Progress,
) -> Result<Redriven, RunError> {
    let started = Instant::now();
    let mut reports = Vec::with_capacity(queues.len());
    for queue in queues {
        let name = QueueName::from(*queue);
        let (letters, messages) = (local.state.dead_letters(name).reader(), local.state.queue(name));
        let ports = redrive::Ports { letters: &letters, queue: &messages };
        reports.push(block_on(redrive::redrive(&ports, *queue, selection, action, |_, _| ()))?);
    }
    let put_back: u64 = reports.iter().map(|report| report.done).sum();
    if action == Action::Discard || put_back == 0 {
        return Ok(Redriven { queues: reports, summary: None });
    }
    let options = settings::recall(local)?;
    let engine = Engine::new(local, &options, progress)?;
    // Only now: a subject whose letter was put back is given up no longer.
    engine.know_what_is_given_up()?;
    let scenes = reports.iter().filter(|report| report.queue != Kind::Levels).map(|report| report.done).sum();
    progress.expect(scenes, true);
    engine.work_until_quiet(false, || engine.fed.store(true, Ordering::Release))?;
    Ok(Redriven { queues: reports, summary: Some(progress.summary(started.elapsed())) })
}
