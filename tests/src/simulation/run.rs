//! One run: a scenario under a schedule, and what came of it.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use lazycat::message::DeadLetter;

use super::actors;
use super::bad::{Bad, Shared, Variant};
use super::gate::{Gate, Ports};
use super::monitor::{CONVERGED, I8, Process, REQUESTS, Violation};
use super::reference;
use super::scenario::Scenario;
use super::schedule::{Action, Actor, Choice, InOrder, Schedule};
use super::source::Source;
use super::turns::Verdict;
use super::world::{QueueName, World};

/// How many steps a run may take before faults stop.
const MOST_STEPS: usize = 3_000;

/// How many steps it may take from there until all is quiet.
const MOST_STEPS_TO_QUIET: usize = 6_000;

/// Longer than any time-out, in milliseconds.
const BEYOND_TIME_OUTS: u32 = 1_000_000;

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What should not be, the first of each kind.
    pub violations: Vec<Violation>,
    /// How many steps it took.
    pub steps: usize,
    /// How often something went wrong.
    pub troubles: usize,
    /// What was met, and how often: so that nothing holds because it never comes about.
    pub met: BTreeMap<&'static str, usize>,
    /// The steps in words, if that was asked for.
    pub trace: Vec<String>,
}

impl Outcome {
    /// Whether this invariant was broken.
    #[must_use]
    pub fn breaks(&self, invariant: &str) -> bool {
        self.violations.iter().any(|violation| violation.invariant == invariant)
    }
}

/// A process that lives.
struct Running {
    process: Process,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Whether something went wrong with it.
    disturbed: bool,
}

struct Run<'a> {
    scenario: &'a Scenario,
    world: World,
    source: Source,
    variant: Option<Variant>,
    shared: Shared,
    running: BTreeMap<Actor, Running>,
    processes: Process,
    redrives: usize,
    next_operation: usize,
    /// How many operations may be done by now.
    operations: usize,
    /// Whether anything may go wrong now.
    troubled: bool,
    troubles: usize,
    expiries: usize,
    met: BTreeMap<&'static str, usize>,
    trace: Option<Vec<String>>,
}

/// Runs a scenario under a schedule; `variant` takes one defence out. The world's own seed decides about tokens and the
/// order in which queues deliver.
pub fn run(
    scenario: &Scenario,
    seed: u64,
    schedule: &mut dyn Schedule,
    variant: Option<Variant>,
    traced: bool,
) -> Outcome {
    let world = World::new(seed);
    world.memory.objects.set_keys_a_page(scenario.keys_a_page);
    world.memory.marks.set_marks_a_page(scenario.marks_a_page);
    for queue in [&world.memory.scenes, &world.memory.levels] {
        queue.set_most_receives(scenario.most_receives);
    }
    let mut run = Run {
        scenario,
        source: Source::default(),
        world,
        variant,
        shared: Shared::default(),
        running: BTreeMap::new(),
        processes: 0,
        redrives: 0,
        next_operation: 0,
        operations: scenario.before,
        troubled: false,
        troubles: 0,
        expiries: 0,
        met: BTreeMap::new(),
        trace: traced.then(Vec::new),
    };
    run.until_quiet(&mut InOrder, MOST_STEPS);
    run.operations = scenario.operations.len();
    run.troubled = true;
    run.until_quiet(schedule, MOST_STEPS);
    run.troubled = false;
    run.source.repair_all(&run.world);
    if !run.until_quiet(&mut InOrder, MOST_STEPS_TO_QUIET) {
        run.world.monitor().violated(CONVERGED, "there is no end to it".into());
    }
    run.judge()
}

impl Run<'_> {
    /// Goes on until nothing is left to do; whether that came in time.
    fn until_quiet(&mut self, schedule: &mut dyn Schedule, most: usize) -> bool {
        for _ in 0..most {
            let choices = self.choices();
            // What can only go wrong is no reason to go on.
            if choices.iter().all(Choice::is_trouble) {
                return true;
            }
            let choice = choices[schedule.choose(&choices)];
            self.world.monitor().step += 1;
            self.troubles += usize::from(choice.is_trouble());
            if let Some(name) = name_of(choice.action) {
                *self.met.entry(name).or_default() += 1;
            }
            let changes = self.changes_anything(choice);
            self.apply(choice);
            if changes {
                self.world.monitor().check(&self.world.memory);
            }
        }
        false
    }

    fn choices(&self) -> Vec<Choice> {
        let mut choices = Vec::new();
        let troubles = self.scenario.troubles;
        let may_fail = self.troubled && self.troubles < troubles.most;
        for (actor, running) in &self.running {
            let mut offer = |action| choices.push(Choice { actor: *actor, action });
            offer(Action::Step(Verdict::Do));
            let Some(request) = self.world.turns.waiting(running.process).filter(|_| may_fail) else { continue };
            for (allowed, verdict) in [
                (troubles.refusals, Verdict::Refuse),
                (troubles.refusals && request.of_batch, Verdict::Throttle),
                (troubles.lost_answers && request.writes, Verdict::LoseAnswer),
                (troubles.short_answers && request.of_batch, Verdict::CutShort),
                (troubles.late && request.writes, Verdict::DoLater),
            ] {
                if allowed {
                    offer(Action::Step(verdict));
                }
            }
            if troubles.deaths {
                offer(Action::Die);
            }
        }
        let memory = &self.world.memory;
        let idle = |of: fn(usize) -> Actor, most: usize| {
            // In the end somebody does all there is to do.
            let most = if self.troubled { most } else { most.max(1) };
            // Who of those that do nothing begins makes no difference.
            (0..most).map(of).find(|actor| !self.running.contains_key(actor))
        };
        let starts = [
            (memory.scenes.visible() > 0, idle(Actor::Generator, self.scenario.generators)),
            (memory.levels.visible() > 0, idle(Actor::Updater, self.scenario.updaters)),
            (!memory.marks.is_empty(), idle(Actor::Mover, self.scenario.movers)),
            (self.letter().is_some(), idle(|_| Actor::Redrive, 1)),
        ];
        for (wanted, actor) in starts {
            if let (true, Some(actor)) = (wanted, actor) {
                choices.push(Choice { actor, action: Action::Start });
            }
        }
        if self.next_operation < self.operations {
            let operation = self.scenario.operations[self.next_operation];
            let alone = !self.running.contains_key(&Actor::Redrive);
            let held = |key: &str| {
                let mut lives = self.running.values();
                lives.any(|running| self.world.ledger().holds(running.process, key))
            };
            if self.source.may(&self.world, operation, alone, held) {
                choices.push(Choice { actor: Actor::Operator, action: Action::Operate });
            }
        }
        for at in 0..self.world.turns.under_way().len() {
            choices.push(Choice { actor: Actor::Network, action: Action::Land(at) });
        }
        let queues = [&memory.scenes, &memory.levels];
        let in_flight = queues.iter().any(|queue| queue.bodies().len() > queue.visible());
        let busy = choices.iter().any(|choice| !choice.is_trouble() && choice.actor != Actor::Network);
        // Time passes when nobody is busy; or a few times, whoever is busy.
        if in_flight && (!busy || self.troubled && self.expiries < troubles.expiries) {
            choices.push(Choice { actor: Actor::Time, action: Action::Expire });
        }
        if may_fail && troubles.duplicates {
            for name in [QueueName::Scenes, QueueName::Levels] {
                if !self.world.queue(name).is_empty() {
                    choices.push(Choice { actor: Actor::Time, action: Action::Duplicate(name) });
                }
            }
        }
        choices
    }

    /// Whether a step may change what others see; a read does not.
    fn changes_anything(&self, choice: Choice) -> bool {
        let running = self.running.get(&choice.actor).filter(|_| matches!(choice.action, Action::Step(_)));
        let request = running.and_then(|running| self.world.turns.waiting(running.process));
        request.is_none_or(|request| request.writes)
    }

    fn letter(&self) -> Option<(QueueName, DeadLetter)> {
        [QueueName::Scenes, QueueName::Levels].into_iter().find_map(|name| {
            let letter = self.world.letters(name).snapshot().into_iter().next()?;
            Some((name, letter))
        })
    }

    fn say(&mut self, words: impl FnOnce(&Self) -> String) {
        if self.trace.is_some() {
            let words = format!("{:>4}. {}", self.world.monitor().step, words(self));
            self.trace.get_or_insert_default().push(words);
        }
    }

    fn apply(&mut self, Choice { actor, action }: Choice) {
        match action {
            Action::Start => {
                let running = self.start(actor);
                self.running.insert(actor, running);
                // To the first request; it is always done.
                self.poll(actor);
                self.step(actor, Verdict::Do);
            }
            Action::Step(verdict) => self.step(actor, verdict),
            Action::Die => {
                self.say(|_| format!("{actor:?} dies"));
                self.end(actor, false);
            }
            Action::Operate => {
                let operation = self.scenario.operations[self.next_operation];
                self.next_operation += 1;
                let done = self.source.operate(&self.world, operation);
                self.say(|_| format!("{operation:?}{}", if done { "" } else { ": there is nothing to do" }));
            }
            Action::Expire => {
                self.say(|_| "all time-outs pass".into());
                self.expiries += 1;
                self.world.memory.time.advance(BEYOND_TIME_OUTS);
            }
            Action::Land(at) => {
                if let Some(late) = self.world.turns.take_late(at) {
                    self.say(|_| format!("what was under way is done: {}", late.what));
                    late.land();
                }
            }
            Action::Duplicate(name) => {
                let bodies = self.world.queue(name).bodies();
                let body = &bodies[self.world.memory.dice.below(bodies.len())];
                self.say(|_| format!("a message is there twice: {body}"));
                let _ = self.world.send_back(name, body);
            }
        }
    }

    fn start(&mut self, actor: Actor) -> Running {
        self.processes += 1;
        self.redrives += usize::from(actor == Actor::Redrive);
        let letter = self.letter();
        let queue = match (actor, &letter) {
            (Actor::Generator(_), _) => QueueName::Scenes,
            (Actor::Redrive, Some((name, _))) => *name,
            _ => QueueName::Levels,
        };
        let gate = Gate { world: self.world.clone(), process: self.processes, queue };
        let letter = letter.filter(|_| actor == Actor::Redrive).map(|(_, letter)| letter);
        let working = self.scenario.working;
        let future: Pin<Box<dyn Future<Output = ()> + Send>> = match self.variant {
            None => actor_of(actor, gate, working, letter),
            Some(variant) => actor_of(actor, Bad::new(gate, variant, &self.shared), working, letter),
        };
        Running { process: self.processes, future, disturbed: false }
    }

    /// Lets the request go on that the process waits for.
    fn step(&mut self, actor: Actor, verdict: Verdict) {
        let Some(running) = self.running.get_mut(&actor) else { return };
        let process = running.process;
        running.disturbed |= verdict != Verdict::Do;
        if let Some(request) = self.world.turns.waiting(process).filter(|_| self.trace.is_some()) {
            self.say(|_| format!("{actor:?}: {} {}: {verdict:?}", request.operation, request.subject));
        }
        self.world.turns.permit(process, verdict);
        let ended = self.poll(actor);
        if verdict == Verdict::DoLater && !ended {
            self.end(actor, false);
        }
    }

    /// Whether the process has come to its end.
    fn poll(&mut self, actor: Actor) -> bool {
        let Some(running) = self.running.get_mut(&actor) else { return true };
        let mut context = Context::from_waker(Waker::noop());
        let ended = running.future.as_mut().poll(&mut context) == Poll::Ready(());
        if ended {
            self.end(actor, true);
        }
        ended
    }

    fn end(&mut self, actor: Actor, by_itself: bool) {
        let Some(running) = self.running.remove(&actor) else { return };
        self.world.turns.forget(running.process);
        let undisturbed = by_itself && !running.disturbed;
        let excesses = self.world.ledger().close(running.process, self.scenario.working.tries, undisturbed);
        for excess in excesses {
            self.world.monitor().violated(REQUESTS, format!("{actor:?}: {excess}"));
        }
    }

    /// What should hold in the end.
    fn judge(mut self) -> Outcome {
        let objects = self.world.memory.objects.snapshot();
        let differences = reference::differences(&objects, &self.source.items(), self.source.levels());
        let mut monitor = self.world.monitor();
        if let Some(difference) = differences.first() {
            monitor.violated(CONVERGED, difference.clone());
        }
        if let Some(key) = monitor.unpublished().first().cloned() {
            monitor.violated(I8, format!("{key} was never published as it is"));
        }
        let violations = monitor.violations().to_vec();
        let steps = monitor.step;
        drop(monitor);
        let conflicts = self.world.ledger().conflicts();
        for (name, count) in [("conflict", conflicts), ("redrive", self.redrives)] {
            self.met.insert(name, count);
        }
        Outcome {
            violations,
            steps,
            troubles: self.troubles,
            met: self.met,
            trace: self.trace.take().unwrap_or_default(),
        }
    }
}

/// What is worth counting.
fn name_of(action: Action) -> Option<&'static str> {
    match action {
        Action::Step(Verdict::Do) | Action::Start | Action::Operate => None,
        Action::Step(Verdict::Refuse) => Some("refusal"),
        Action::Step(Verdict::LoseAnswer) => Some("lost answer"),
        Action::Step(Verdict::Throttle) => Some("throttling"),
        Action::Step(Verdict::CutShort) => Some("short answer"),
        Action::Step(Verdict::DoLater) => Some("death with a request under way"),
        Action::Die => Some("death"),
        Action::Expire => Some("time-out"),
        Action::Land(_) => Some("late request"),
        Action::Duplicate(_) => Some("duplicate"),
    }
}

fn actor_of<P: Ports + 'static>(
    actor: Actor,
    ports: P,
    working: actors::Working,
    letter: Option<DeadLetter>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    match (actor, letter) {
        (Actor::Generator(_), _) => Box::pin(actors::generator(ports, working)),
        (Actor::Updater(_), _) => Box::pin(actors::updater(ports, working)),
        (Actor::Mover(_), _) => Box::pin(actors::mover(ports)),
        (_, Some(letter)) => Box::pin(actors::redrive(ports, letter)),
        (_, None) => Box::pin(async {}),
    }
}
