//! Generators as processes of this machine: programs that speak the protocol stay up for many requests, a package of
//! stactools is a process for each.
//!
//! What every process gets: a process group of its own, which is ended whole; limits, before its program starts; an
//! environment of a few variables and none of ours; a folder of its own for what it writes, which is removed afterwards;
//! and readers for its output that keep a bounded part of it. This keeps mistakes from doing harm. It is no prison: a
//! program may read and write what the user may that it runs as, so what runs is on a list.
//!
//! Layout: `child` starts processes and ends them, with `limits` and `group`; `folder` is what they write into;
//! `program` keeps one running and matches answers to requests; `once` runs one for a request; `slots` bounds how many.

mod child;
mod folder;
mod group;
mod limits;
mod once;
mod program;
mod slots;
mod tail;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::join_all;

use self::program::Program;
use self::slots::Slots;
use crate::generator::configuration::Configuration;
use crate::generator::ports::{GeneratorError, Job, RunGenerators};
use crate::generator::protocol;
use crate::generator::request::Task;

pub use self::limits::hide_environment;

/// How often a process is looked after.
const LOOK: Duration = Duration::from_millis(20);

/// Why a request failed, and whether that may be for another that the same program was asked.
struct Failed {
    error: GeneratorError,
    shared: bool,
}

impl From<GeneratorError> for Failed {
    fn from(error: GeneratorError) -> Self {
        Self { error, shared: false }
    }
}

/// The generators of a configuration. Dropping it ends all of their processes.
#[derive(Debug)]
pub struct Generators {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    programs: BTreeMap<String, Program>,
    stactools: Option<once::Stactools>,
    /// For how long a request may wait for others before it is started.
    patience: Duration,
    ended: Arc<AtomicBool>,
}

impl Generators {
    /// The generators of this configuration. A request that cannot be started within `patience` fails, and may come
    /// again.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the configuration.
    pub fn new(configuration: &Configuration, patience: Duration) -> Result<Self, Vec<String>> {
        let faults = configuration.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        let ended = Arc::new(AtomicBool::new(false));
        let environment = child::environment(configuration);
        let slots = || Slots::new(configuration.at_once.0);
        let programs = configuration.generators.iter().map(|(name, program)| {
            let program =
                Program::new(name, program, environment.clone(), configuration.limits, slots(), Arc::clone(&ended));
            (name.clone(), program)
        });
        let stactools = configuration.stactools.as_ref().map(|stactools| {
            once::Stactools::new(stactools, &environment, configuration.limits, slots(), Arc::clone(&ended))
        });
        let shared = Shared { programs: programs.collect(), stactools, patience, ended: Arc::clone(&ended) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Ends every process that runs, at once or a moment after its input was closed, and starts no more. What was asked
    /// for fails.
    pub fn end(&self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for program in self.shared.programs.values() {
            program.end();
        }
        if let Some(stactools) = &self.shared.stactools {
            stactools.wait_for_the_end();
        }
    }
}

impl Drop for Generators {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    /// Works on one job, on this thread; `afresh`: with a program that was asked nothing else.
    fn work(&self, job: &Job, deadline: Instant, afresh: bool) -> Result<String, Failed> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(ended().into());
        }
        match &job.task {
            Task::Stactools(task) => match &self.stactools {
                Some(stactools) => Ok(stactools.run(task, deadline)?),
                None => Err(GeneratorError::permanent(
                    "not-allowed",
                    "no package of stactools is allowed; whoever runs this can allow some, each in a version",
                )
                .into()),
            },
            Task::Generator { name, input } => match self.programs.get(name) {
                Some(program) => {
                    let question = protocol::question(&job.id, job.collection.as_deref(), input);
                    program.ask(&job.id, question, deadline, afresh)
                }
                None => Err(self.unknown(name).into()),
            },
        }
    }

    fn unknown(&self, name: &str) -> GeneratorError {
        let known: Vec<&str> = self.programs.keys().map(String::as_str).collect();
        let known =
            if known.is_empty() { "there are none".to_owned() } else { format!("these are: {}", known.join(", ")) };
        let name: String = name.chars().take(120).collect();
        GeneratorError::permanent("unknown-generator", format!("there is no generator {name:?}; {known}"))
    }
}

fn ended() -> GeneratorError {
    GeneratorError::passing("ended", "the generators are being ended")
}

/// Works on jobs, each on a thread of its own.
async fn on_threads(
    shared: &Arc<Shared>,
    jobs: &[&Job],
    deadline: Instant,
    afresh: bool,
) -> Vec<Result<String, Failed>> {
    let receivers = jobs.iter().map(|job| {
        let (answer, answered) = oneshot::channel();
        let (shared, job) = (Arc::clone(shared), (*job).clone());
        let work = move || {
            // Nobody waits any more when the receiver is gone.
            let _ = answer.send(shared.work(&job, deadline, afresh));
        };
        let started = std::thread::Builder::new().name("generator".to_owned()).spawn(work);
        async move {
            let failed = |detail: String| Err(GeneratorError::passing("unavailable", detail).into());
            match started {
                Ok(_) => answered.await.unwrap_or_else(|_| failed("the thread for this request panicked".to_owned())),
                Err(error) => failed(format!("no thread could be started: {error}")),
            }
        }
    });
    join_all(receivers).await
}

impl RunGenerators for Generators {
    async fn run(&self, jobs: &[Job]) -> Vec<Result<String, GeneratorError>> {
        let deadline = Instant::now() + self.shared.patience;
        let all: Vec<&Job> = jobs.iter().collect();
        let mut given = on_threads(&self.shared, &all, deadline, false).await;
        // A program that was asked several things and ended did so for one of them. Asked alone, that one fails for itself,
        // and its neighbours do not.
        for (at, job) in jobs.iter().enumerate() {
            if matches!(&given[at], Err(failed) if failed.shared)
                && let Some(alone) = on_threads(&self.shared, &[job], deadline, true).await.pop()
            {
                given[at] = alone;
            }
        }
        given.into_iter().map(|given| given.map_err(|failed| failed.error)).collect()
    }
}
