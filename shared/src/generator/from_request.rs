//! generate-from-request: requests for items in, items on a topic.
//!
//! For a batch of messages: decode; run the generators; check what they gave; keep what is too long for a message, and
//! only then publish; only then acknowledge, each message by itself. A message that comes twice is worked on twice and
//! gives the same item: whoever takes items from a topic takes them so.

use chrono::{DateTime, Utc};

use super::made::{Made, MadeMessage};
use super::ports::{GeneratorError, Job, KeepMade, PublishMade, RunGenerators};
use super::request::{self, ItemRequest};
use crate::conclusion::{UNAVAILABLE, bury};
use crate::generate::Refusal;
use crate::ports::{BuryLetters, Chance, Clock, Delivery, PortError, answers};

/// What the use case needs of the world.
#[derive(Debug)]
pub struct Ports<'a, G, T, K, L, R> {
    /// Who makes items.
    pub generators: &'a G,
    /// Where items are published.
    pub topic: &'a T,
    /// Where items are kept that are too long for that.
    pub store: &'a K,
    /// Where messages go that cannot be worked on.
    pub letters: &'a L,
    /// Randomness and time.
    pub world: &'a R,
}

/// What an operator decides.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How often a message is received before a passing trouble, too, sends it to the dead letters, with its reason.
    pub attempts: u32,
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// For each message, whether it is done with and may be acknowledged; the others come back.
    pub acknowledged: Vec<bool>,
    /// How many items were published.
    pub made: usize,
    /// How many of these were too long for a message.
    pub kept: usize,
    /// The requests that went to the dead letters.
    pub refused: Vec<Refusal>,
    /// Why the messages that are not acknowledged come back.
    pub troubles: Vec<String>,
}

/// A request on its way.
enum State {
    Asked(ItemRequest),
    Given(Box<Made>),
    Ready { message: MadeMessage, kept: bool },
    Published { kept: bool },
    Failed(GeneratorError),
}

struct Step {
    subject: String,
    state: State,
}

/// Works on a batch of requests.
pub async fn from_request<G, T, K, L, R>(
    ports: &Ports<'_, G, T, K, L, R>,
    settings: Settings,
    deliveries: &[Delivery],
) -> Report
where
    G: RunGenerators + Sync,
    T: PublishMade + Sync,
    K: KeepMade + Sync,
    L: BuryLetters + Sync,
    R: Chance + Clock + Sync,
{
    let mut steps: Vec<Step> = deliveries.iter().map(decoded).collect();
    run(ports.generators, ports.world, &mut steps).await;
    keep(ports.store, ports.topic.longest(), &mut steps).await;
    publish(ports.topic, &mut steps).await;
    conclude(ports.letters, ports.world.now(), settings, deliveries, steps).await
}

fn decoded(delivery: &Delivery) -> Step {
    match request::decode(&delivery.body) {
        Ok(request) => Step { subject: request.task.subject(), state: State::Asked(request) },
        Err(error) => Step {
            subject: format!("message {}", delivery.id),
            state: State::Failed(GeneratorError::permanent("message", error.0)),
        },
    }
}

/// Has the items made, all at once as far as the generators allow, and checks them.
async fn run<G: RunGenerators, R: Chance>(generators: &G, chance: &R, steps: &mut [Step]) {
    let mut asked = Vec::new();
    let mut jobs = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if let State::Asked(request) = &step.state {
            asked.push(at);
            // An id of its own, also for a message that comes again: what an earlier attempt still says is not for this one.
            let id = format!("{:016x}", chance.bits());
            jobs.push(Job { id, task: request.task.clone(), collection: request.collection.clone() });
        }
    }
    if jobs.is_empty() {
        return;
    }
    let mut given = generators.run(&jobs).await.into_iter();
    for (at, job) in asked.into_iter().zip(&jobs) {
        let none = || Err(GeneratorError::passing(UNAVAILABLE, "there was no answer for this request"));
        steps[at].state = match given.next().unwrap_or_else(none) {
            Ok(text) => match Made::new(&text, job.collection.as_deref()) {
                Ok(made) => State::Given(Box::new(made)),
                Err(faults) => State::Failed(GeneratorError::permanent("item", faults)),
            },
            Err(error) => State::Failed(error),
        };
    }
}

/// Makes a message of each item; keeps what is too long for one first, so that its message leads somewhere.
async fn keep<K: KeepMade>(store: &K, longest: usize, steps: &mut [Step]) {
    for step in steps {
        let State::Given(made) = &step.state else { continue };
        let message = made.message();
        step.state = if message.size() <= longest {
            State::Ready { message, kept: false }
        } else {
            match store.keep(made).await {
                Ok(href) => State::Ready { message: made.reference(&href), kept: true },
                Err(error) => State::Failed(failure(&error)),
            }
        };
    }
}

async fn publish<T: PublishMade>(topic: &T, steps: &mut [Step]) {
    let mut ready = Vec::new();
    let mut messages = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if let State::Ready { message, kept } = &step.state {
            ready.push((at, *kept));
            messages.push(message.clone());
        }
    }
    if messages.is_empty() {
        return;
    }
    let results = answers(topic.publish(&messages).await, messages.len(), "publishing");
    for ((at, kept), result) in ready.into_iter().zip(results) {
        steps[at].state = match result {
            Ok(()) => State::Published { kept },
            Err(error) => State::Failed(failure(&error)),
        };
    }
}

/// A port that fails does not mean the request: it may be done again, however it failed.
fn failure(error: &PortError) -> GeneratorError {
    GeneratorError::passing(UNAVAILABLE, error.to_string())
}

/// Decides for each message: done, back to the queue, or to the dead letters.
async fn conclude<L: BuryLetters>(
    letters: &L,
    now: DateTime<Utc>,
    settings: Settings,
    deliveries: &[Delivery],
    steps: Vec<Step>,
) -> Report {
    let mut report = Report::default();
    for (delivery, step) in deliveries.iter().zip(steps) {
        let error = match step.state {
            State::Published { kept } => {
                tracing::info!(request = step.subject, "the item was made and published");
                report.made += 1;
                report.kept += usize::from(kept);
                report.acknowledged.push(true);
                continue;
            }
            State::Failed(error) => error,
            // Every request has gone through all steps by now; one that has not is not done.
            State::Asked(_) | State::Given(_) | State::Ready { .. } => {
                GeneratorError::passing(UNAVAILABLE, "the request was left unfinished")
            }
        };
        if !error.permanent && delivery.receives < settings.attempts {
            report.troubles.push(format!("{}: {error}", step.subject));
            report.acknowledged.push(false);
            continue;
        }
        let detail = format!("{}: {}", step.subject, error.detail);
        let buried = bury(letters, delivery, &error.reason, detail, now).await;
        report.acknowledged.push(buried.is_ok());
        match buried {
            Ok(()) => {
                report.refused.push(Refusal { scene: step.subject, reason: error.reason, detail: error.detail });
            }
            Err(trouble) => report.troubles.push(trouble),
        }
    }
    report
}
