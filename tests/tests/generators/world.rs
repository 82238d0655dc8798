//! Generators of the fixtures, and ports that remember.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::executor::block_on;
use lazycat::generator::configuration::Configuration;
use lazycat::generator::from_request::{Ports, Report, Settings, from_request};
use lazycat::generator::made::{Made, MadeMessage};
use lazycat::generator::ports::{GeneratorError, Job, KeepMade, PublishMade, RunGenerators};
use lazycat::generator::request::{Setting, StactoolsTask, Task};
use lazycat::message::DeadLetter;
use lazycat::ports::{BuryLetters, Chance, Clock, Delivery, PortError, PortResult};
use lazycat::process::Generators;
use serde_json::{Value, json};

/// Longer than any test takes that does not wait for a time-out.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// The folder of the generators.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/generators").canonicalize().unwrap()
}

pub(crate) fn fixture(name: &str) -> String {
    fixtures().join(name).to_str().unwrap().to_owned()
}

/// A configuration of these members, with a search path that has Python.
pub(crate) fn configured(members: Value) -> Configuration {
    let mut all = json!({ "path": std::env::var("PATH").unwrap() });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let configuration: Configuration = serde_json::from_value(all).unwrap();
    assert_eq!(configuration.faults(), Vec::<String>::new());
    configuration
}

pub(crate) fn generators(members: Value) -> Generators {
    Generators::new(&configured(members), PATIENCE).unwrap()
}

/// One generator, `bad`, that does what its input says.
pub(crate) fn misbehaving(time_out: u64, limits: Value) -> Generators {
    generators(json!({
        "generators": {"bad": {"command": ["python3", fixture("misbehaves.py")], "time_out": time_out}},
        "limits": limits,
    }))
}

pub(crate) fn job(id: &str, generator: &str, input: Value) -> Job {
    let task = Task::Generator { name: generator.to_owned(), input };
    Job { id: id.to_owned(), task, collection: None }
}

/// A job of a package of stactools.
pub(crate) fn package_job(package: &str, group: &str, arguments: &[&str], options: &[(&str, Setting)]) -> Job {
    let task = Task::Stactools(StactoolsTask {
        package: package.to_owned(),
        group: group.to_owned(),
        arguments: arguments.iter().map(ToString::to_string).collect(),
        options: options.iter().map(|(name, setting)| ((*name).to_owned(), setting.clone())).collect(),
    });
    Job { id: "1".to_owned(), task, collection: None }
}

/// Asks for one item.
pub(crate) fn ask(generators: &Generators, job: Job) -> Result<Value, GeneratorError> {
    let given = block_on(generators.run(&[job])).pop().unwrap();
    given.map(|text| serde_json::from_str(&text).unwrap())
}

/// Has one generator do something that is not right.
pub(crate) fn refusal(generators: &Generators, what: Value) -> GeneratorError {
    ask(generators, job("1", "bad", what)).unwrap_err()
}

/// Waits until a process is gone.
pub(crate) fn wait_until_gone(pid: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    // One that has ended and that nobody has asked for yet is still there, but runs no more.
    let runs = || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        status.is_some_and(|status| !status.contains(") Z "))
    };
    while runs() {
        assert!(Instant::now() < deadline, "the process {pid} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A topic, a store, dead letters and a clock in one.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) published: Mutex<Vec<MadeMessage>>,
    pub(crate) kept: Mutex<Vec<Made>>,
    pub(crate) letters: Mutex<Vec<DeadLetter>>,
    pub(crate) fails: Mutex<Vec<&'static str>>,
    numbers: Mutex<u64>,
}

impl World {
    fn does(&self, what: &'static str) -> PortResult<()> {
        match self.fails.lock().unwrap().contains(&what) {
            true => Err(PortError::Unavailable { what: what.to_owned(), source: "out of order".into() }),
            false => Ok(()),
        }
    }

    /// Sends bodies through the use case.
    pub(crate) fn work(&self, generators: &(impl RunGenerators + Sync), bodies: &[String], receives: u32) -> Report {
        let deliveries: Vec<Delivery> = bodies
            .iter()
            .enumerate()
            .map(|(at, body)| Delivery {
                id: format!("message-{at}"),
                body: body.clone(),
                receives,
                sent: None,
                receipt: String::new(),
            })
            .collect();
        let ports = Ports { generators, topic: self, store: self, letters: self, world: self };
        block_on(from_request(&ports, Settings { attempts: 3 }, &deliveries))
    }

    pub(crate) fn reasons(&self) -> Vec<String> {
        self.letters.lock().unwrap().iter().map(|letter| letter.reason.clone()).collect()
    }
}

impl PublishMade for World {
    fn longest(&self) -> usize {
        10_000
    }

    async fn publish(&self, messages: &[MadeMessage]) -> Vec<PortResult<()>> {
        messages
            .iter()
            .map(|message| {
                self.does("publish")?;
                self.published.lock().unwrap().push(message.clone());
                Ok(())
            })
            .collect()
    }
}

impl KeepMade for World {
    async fn keep(&self, item: &Made) -> PortResult<String> {
        self.does("keep")?;
        self.kept.lock().unwrap().push(item.clone());
        Ok(format!("s3://kept/{}", item.key()))
    }
}

impl BuryLetters for World {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        self.does("bury")?;
        self.letters.lock().unwrap().push(letter.clone());
        Ok(())
    }
}

impl Chance for World {
    fn bits(&self) -> u64 {
        let mut numbers = self.numbers.lock().unwrap();
        *numbers += 1;
        *numbers
    }
}

impl Clock for World {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    async fn pause(&self, _: u64) {}
}
