//! move-catalog-level-keys: marks become messages.
//!
//! Page by page: read marks, send their levels, and delete those marks whose message the queue accepted, on condition
//! that the token is still the one that was read. In no other order: a mark deleted before its message is accepted,
//! or deleted although it was renewed meanwhile, is an update lost.

use chrono::{DateTime, Utc};

use crate::level::{Level, Token};
use crate::message::LevelMessage;
use crate::ports::{PortResult, ReadMarks, RemoveMarks, SendLevels};

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, M, Q> {
    /// The dirty-level table.
    pub marks: &'a M,
    /// The update queue.
    pub queue: &'a Q,
}

/// What became of the marks.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Marks whose level was sent and that are gone.
    pub moved: usize,
    /// Marks that were renewed between being read and being deleted: they stay, and go with the next tick.
    pub renewed: usize,
    /// The earliest event that any of the marks stood for. For metrics only.
    pub oldest: Option<DateTime<Utc>>,
    /// Why marks stay although they should have gone.
    pub troubles: Vec<String>,
}

/// Moves all marks that stand there now.
///
/// # Errors
///
/// When the marks cannot be read. What was moved before stays moved.
pub async fn move_marks<M: ReadMarks + RemoveMarks, Q: SendLevels>(ports: &Ports<'_, M, Q>) -> PortResult<Report> {
    let mut report = Report::default();
    let mut from = None;
    loop {
        let page = ports.marks.scan(from.as_ref()).await?;
        let oldest = page.marks.iter().map(|mark| mark.since).min();
        report.oldest = report.oldest.into_iter().chain(oldest).min();
        let messages: Vec<LevelMessage> =
            page.marks.iter().map(|mark| LevelMessage { level: mark.level.clone(), since: mark.since }).collect();
        if !messages.is_empty() {
            let mut accepted: Vec<(Level, Token)> = Vec::with_capacity(messages.len());
            for (mark, sent) in page.marks.into_iter().zip(ports.queue.send(&messages).await) {
                match sent {
                    // I4: of this very entry; one without an answer is not among them.
                    Ok(()) => accepted.push((mark.level, mark.token)),
                    Err(error) => report.troubles.push(format!("level {} was not sent: {error}", mark.level)),
                }
            }
            if !accepted.is_empty() {
                // I1: only now, when a message owes the level; I4: on condition of the token that was read.
                for ((level, _), removed) in accepted.iter().zip(ports.marks.remove(&accepted).await) {
                    match removed {
                        Ok(true) => report.moved += 1,
                        Ok(false) => report.renewed += 1,
                        Err(error) => report.troubles.push(format!("the mark of {level} stays: {error}")),
                    }
                }
            }
        }
        from = page.next;
        if from.is_none() {
            return Ok(report);
        }
    }
}
