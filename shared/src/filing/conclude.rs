//! What becomes of each message.

use std::collections::BTreeMap;

use super::Settings;
use super::task::{State, Task, Trouble};
use crate::generate::{Refusal, Report, letter};
use crate::ports::{BuryLetters, Clock, Delivery};

/// How many troubles of one message are told.
const TROUBLES_TOLD: usize = 8;

/// Decides for each message: done, back to the queue, or to the dead letters.
pub(super) async fn conclude<L: BuryLetters, R: Clock>(
    letters: &L,
    clock: &R,
    settings: &Settings,
    deliveries: &[Delivery],
    tasks: Vec<Task>,
) -> Report {
    let mut report = Report { acknowledged: vec![true; deliveries.len()], ..Report::default() };
    let mut troubles: BTreeMap<usize, Vec<(String, Trouble)>> = BTreeMap::new();
    for task in tasks {
        match task.state {
            State::Claimed { claim, .. } => {
                tracing::info!(item = task.name.1, key = claim.record.key, "the item was filed or withdrawn");
                report.events.push(task.time);
                match claim.record.key {
                    Some(_) => report.made += 1,
                    None => report.withdrawn += 1,
                }
            }
            State::Given(level) => tracing::info!(%level, "the collection was given"),
            State::Unchanged | State::Cleared(_) => report.unchanged += 1,
            State::Ignored => {}
            State::Failed(trouble) => troubles.entry(task.delivery).or_default().push((task.subject, trouble)),
            // Every task has gone through all steps by now; one that has not is not done.
            State::Put(_) | State::Withdraw | State::Give(_) => {
                let trouble = Trouble::passing(&"the task was left unfinished");
                troubles.entry(task.delivery).or_default().push((task.subject, trouble));
            }
        }
    }
    for (at, troubles) in troubles {
        let delivery = &deliveries[at];
        let passing = troubles.iter().find(|(_, trouble)| !trouble.permanent);
        if let (Some((subject, trouble)), true) = (passing, delivery.receives < settings.attempts) {
            report.acknowledged[at] = false;
            report.troubles.push(format!("{subject}: {}", trouble.detail));
            continue;
        }
        let mut detail: Vec<String> = troubles
            .iter()
            .take(TROUBLES_TOLD)
            .map(|(subject, trouble)| format!("{subject}: {}", trouble.detail))
            .collect();
        if troubles.len() > TROUBLES_TOLD {
            detail.push(format!("and {} more", troubles.len() - TROUBLES_TOLD));
        }
        // A trouble that may pass decides when the letter is tried again: what is owed must not wait for a hand.
        let (_, first) = passing.unwrap_or(&troubles[0]);
        // I1, I8: acknowledged only when the dead letters hold it.
        let letter = letter(delivery, &first.reason, detail.join("; "), clock.now());
        match letters.bury(&letter).await {
            Ok(()) => report.refused.extend(troubles.into_iter().map(|(scene, trouble)| Refusal {
                scene,
                reason: trouble.reason,
                detail: trouble.detail,
            })),
            Err(error) => {
                report.acknowledged[at] = false;
                report.troubles.push(format!("the dead letters take no message: {error}"));
            }
        }
    }
    report
}
