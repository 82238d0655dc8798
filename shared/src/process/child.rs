//! Starting a process, with everything that keeps it in bounds, and ending it.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::folder::Folder;
use super::group::{Group, MARKER};
use super::limits::limit;
use super::tail::Tail;
use crate::generator::configuration::{Configuration, Limits};
use crate::generator::ports::GeneratorError;

/// What is started first: it waits until the limits are set, for a line of its input, and becomes the program.
const GATE: &str = "read -r _ && exec \"$@\"";

/// The exit code of a shell that finds no such program, and of one that may not run it.
const NOT_FOUND: i32 = 127;
const NOT_RUN: i32 = 126;

/// How often the folder is looked into.
const LOOK_INTO_FOLDER: Duration = Duration::from_millis(250);

/// Variables and their values.
pub(super) type Environment = Vec<(OsString, OsString)>;

/// The variables that every generator is given.
pub(super) fn environment(configuration: &Configuration) -> Environment {
    let fixed = [("PATH", configuration.path.0.as_str()), ("LANG", "C.UTF-8")];
    let passed = configuration.environment.iter();
    let passed = passed.filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    fixed.map(|(name, value)| (name.into(), value.into())).into_iter().chain(passed).collect()
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Running {
    process: Child,
    group: Group,
    folder: Folder,
    folder_bytes: u64,
    looked: Instant,
    /// Taken by whoever writes to it; closed when this is dropped.
    pub(super) input: Option<ChildStdin>,
    /// Taken by whoever reads it.
    pub(super) output: Option<ChildStdout>,
    stderr: Tail,
}

/// How a process ended.
pub(super) struct Ended {
    /// None when it was ended by us.
    pub(super) status: Option<ExitStatus>,
    /// The end of what it wrote to its stderr.
    pub(super) stderr: String,
    /// What it has left.
    pub(super) folder: Folder,
}

impl Running {
    /// Starts a program in a folder of its own.
    ///
    /// # Errors
    ///
    /// What the system says. That there is no such program shows when it ends.
    pub(super) fn start(
        line: &[String],
        environment: &Environment,
        limits: Limits,
        folder: Folder,
    ) -> io::Result<Self> {
        let marker = folder.name();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", GATE, "sh"]).args(line).env_clear();
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.env("HOME", folder.path()).env("TMPDIR", folder.path()).env(MARKER, &marker);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut process = command.spawn()?;
        let leader = i32::try_from(process.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::Other)?;
        // From here on everything is ended when something fails.
        let mut group = Group::new(leader, marker);
        let started = process.stderr.take().ok_or_else(|| io::ErrorKind::BrokenPipe.into()).and_then(|stderr| {
            let stderr = Tail::of(stderr)?;
            limit(leader, limits)?;
            let mut input = process.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
            input.write_all(b"\n")?;
            Ok((stderr, input))
        });
        match started {
            Ok((stderr, input)) => Ok(Self {
                input: Some(input),
                output: process.stdout.take(),
                process,
                group,
                folder,
                folder_bytes: limits.folder_mib * 1024 * 1024,
                looked: Instant::now(),
                stderr,
            }),
            Err(error) => {
                group.kill();
                let _ = process.wait();
                Err(error)
            }
        }
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Why it must not go on, if there is a reason.
    pub(super) fn overdone(&mut self) -> Option<GeneratorError> {
        if self.looked.elapsed() < LOOK_INTO_FOLDER {
            return None;
        }
        let too_much = self.folder.holds_more_than(self.folder_bytes);
        self.looked = Instant::now();
        too_much.then(|| {
            let mib = self.folder_bytes / (1024 * 1024);
            GeneratorError::permanent("disk", format!("it wrote more than {mib} MiB into its folder, and was ended"))
        })
    }

    /// Ends it, and all that it has started.
    pub(super) fn end(mut self) -> Ended {
        let status = self.ended();
        self.group.kill();
        drop(self.input.take());
        let _ = self.process.wait();
        Ended { status, stderr: self.stderr.text(), folder: self.folder }
    }
}

impl Ended {
    /// The same error, with the end of stderr.
    pub(super) fn with_stderr(&self, error: GeneratorError) -> GeneratorError {
        if self.stderr.is_empty() {
            return error;
        }
        let detail = format!("{}; its stderr ends: {}", error.detail, self.stderr);
        GeneratorError { detail, ..error }
    }
}

/// Why a program ended that did not end well, without its stderr.
pub(super) fn failure(program: &str, status: ExitStatus) -> GeneratorError {
    match (status.code(), status.signal()) {
        (Some(NOT_FOUND), _) => {
            GeneratorError::passing("command", format!("exit code {NOT_FOUND}: there may be no program {program:?}"))
        }
        (Some(NOT_RUN), _) => {
            GeneratorError::passing("command", format!("exit code {NOT_RUN}: {program:?} may be no program"))
        }
        (Some(code), _) => GeneratorError::passing("failed", format!("it ended with exit code {code}")),
        (None, Some(signal)) => {
            GeneratorError::passing("killed", format!("it was ended by signal {signal}{}", meaning(signal)))
        }
        (None, None) => GeneratorError::passing("failed", format!("it ended: {status}")),
    }
}

/// What a limit, or the system's lack of memory, ends a process by.
fn meaning(signal: i32) -> &'static str {
    match Signal::from_named_raw(signal) {
        Some(Signal::XFSZ) => " (a file became longer than the limit)",
        Some(Signal::KILL) => " (as the system does when memory is short)",
        Some(Signal::SEGV | Signal::ABORT) => " (as some programs do when memory is short)",
        _ => "",
    }
}
