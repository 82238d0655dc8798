//! A process for each request: packages of stactools.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::LOOK;
use super::child::{self, Environment, Running};
use super::folder::Folder;
use super::slots::Slots;
use super::tail::Tail;
use crate::generator::configuration::{self, Limits};
use crate::generator::ports::GeneratorError;
use crate::generator::protocol::LONGEST_ANSWER;
use crate::generator::request::StactoolsTask;
use crate::generator::stactools::{allowed, command_line, failure};

/// The name of the file that a package writes its item to.
const DESTINATION: &str = "item.json";

/// Runs packages of stactools.
#[derive(Debug)]
pub(super) struct Stactools {
    settings: configuration::Stactools,
    environment: Environment,
    limits: Limits,
    slots: Slots,
    ended: Arc<AtomicBool>,
}

impl Stactools {
    pub(super) fn new(
        settings: &configuration::Stactools,
        environment: &Environment,
        limits: Limits,
        slots: Slots,
        ended: Arc<AtomicBool>,
    ) -> Self {
        let mut environment = environment.clone();
        let mut set = |name: &str, value: std::ffi::OsString| environment.push((name.into(), value));
        set("UV_CACHE_DIR", settings.cache.clone().map_or_else(|| cache().into_os_string(), Into::into));
        // Neither a bar nor another Python than there is.
        set("UV_NO_PROGRESS", "1".into());
        set("UV_PYTHON_DOWNLOADS", "never".into());
        if settings.offline {
            set("UV_OFFLINE", "1".into());
        }
        Self { settings: settings.clone(), environment, limits, slots, ended }
    }

    /// Waits until no process runs any more, when they are being ended.
    pub(super) fn wait_for_the_end(&self) {
        self.slots.wait_until_all_are_free();
    }

    /// Runs a package; gives what it has written. It starts before `deadline`, or not at all.
    pub(super) fn run(&self, task: &StactoolsTask, deadline: Instant) -> Result<String, GeneratorError> {
        let package = allowed(&self.settings.packages, &task.package)?;
        let failed = |error: std::io::Error| {
            GeneratorError::passing("unavailable", format!("{package} cannot be started: {error}"))
        };
        let _slot = self.slots.take(deadline)?;
        if self.ended.load(Ordering::SeqCst) {
            return Err(super::ended());
        }
        let folder = Folder::new().map_err(failed)?;
        let destination = folder.path().join(DESTINATION);
        let destination = destination.to_string_lossy();
        let Self { settings, environment, limits, .. } = self;
        let mut line = vec![settings.uvx.clone()];
        line.extend(command_line(task, package, &settings.stactools, &settings.with, &destination)?);
        let mut running = Running::start(&line, environment, *limits, folder).map_err(failed)?;
        drop(running.input.take());
        // What it prints is nobody's, but must be read.
        let printed = running.output.take().map(Tail::of);
        let stopped = self.wait(&mut running);
        let ended = running.end();
        drop(printed);
        let error = match (stopped, ended.status) {
            (Some(error), _) => error,
            (None, Some(status)) if status.success() => {
                return ended.folder.read(DESTINATION, LONGEST_ANSWER).map_err(|error| ended.with_stderr(error));
            }
            (None, Some(status)) => match status.code() {
                Some(code) if code < 126 => failure(code, &ended.stderr),
                _ => child::failure(&settings.uvx, status),
            },
            (None, None) => GeneratorError::passing("failed", "it ended, and nobody knows how"),
        };
        Err(ended.with_stderr(error))
    }

    /// Waits until the process ends by itself, or must be ended: then why.
    fn wait(&self, running: &mut Running) -> Option<GeneratorError> {
        let time_out = Duration::from_secs(self.settings.time_out);
        let started = Instant::now();
        loop {
            if running.ended().is_some() {
                return None;
            }
            if self.ended.load(Ordering::SeqCst) {
                return Some(super::ended());
            }
            if started.elapsed() >= time_out {
                let seconds = time_out.as_secs();
                return Some(GeneratorError::passing(
                    "time-out",
                    format!("it gave no item within {seconds} s, and was ended"),
                ));
            }
            if let Some(error) = running.overdone() {
                return Some(error);
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// uv's own cache: a process has another home, where it would not be found.
fn cache() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("UV_CACHE_DIR")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("uv")))
        .or_else(|| Some(variable("HOME")?.join(".cache/uv")))
        .unwrap_or_else(|| std::env::temp_dir().join("lazycat-uv"))
}
