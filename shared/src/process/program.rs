//! A program that speaks the protocol: started with the first request, and again when it has ended.
//!
//! Four threads look after one that runs: one writes requests, one reads answers, one reads its stderr, and one ends it:
//! when it has ended by itself, when a request took too long, when it wrote what is no answer, or when it is to end. It
//! then tells all requests that are open why.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::child::{self, Environment, Running};
use super::folder::Folder;
use super::slots::Slots;
use super::{Failed, LOOK};
use crate::generator::configuration::{self, Limits};
use crate::generator::ports::GeneratorError;
use crate::generator::protocol::{self, Given, LONGEST_ANSWER};

/// How long a program may take to end when its input was closed.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long the answers of a program that has ended are waited for.
const REST: Duration = Duration::from_secs(1);

/// A program of the configuration.
#[derive(Debug)]
pub(super) struct Program {
    name: String,
    command: Vec<String>,
    time_out: Duration,
    environment: Environment,
    limits: Limits,
    slots: Slots,
    /// No more are started.
    ended: Arc<AtomicBool>,
    live: Mutex<Option<Live>>,
}

/// One that was started, and may have ended.
#[derive(Debug)]
struct Live {
    desk: Arc<Desk>,
    questions: Sender<String>,
    keeper: JoinHandle<()>,
}

/// Where questions and answers meet.
#[derive(Debug)]
struct Desk {
    /// The requests without answer; none when there will be no more answers.
    open: Mutex<Option<HashMap<String, Open>>>,
    /// How many requests it was asked.
    asked: AtomicUsize,
    /// What the program wrote that it must not.
    garbage: Mutex<Option<String>>,
    /// It is to end.
    closing: AtomicBool,
}

#[derive(Debug)]
struct Open {
    deadline: Instant,
    asker: Sender<Result<String, Failed>>,
}

impl std::fmt::Debug for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.error)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Program {
    pub(super) fn new(
        name: &str,
        program: &configuration::Program,
        environment: Environment,
        limits: Limits,
        slots: Slots,
        ended: Arc<AtomicBool>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            command: program.command.clone(),
            time_out: Duration::from_secs(program.time_out),
            environment,
            limits,
            slots,
            ended,
            live: Mutex::new(None),
        }
    }

    /// Asks for an item, and waits for it. The program is asked before `deadline`, or not at all; `afresh`: one that was
    /// asked nothing else.
    pub(super) fn ask(&self, id: &str, question: String, deadline: Instant, afresh: bool) -> Result<String, Failed> {
        let _slot = self.slots.take(deadline)?;
        if afresh {
            self.end();
        }
        let (asker, answer) = mpsc::channel();
        self.put(id, question, asker)?;
        let gone = |_| Err(GeneratorError::passing("ended", "nobody is left who could answer").into());
        answer.recv().unwrap_or_else(gone)
    }

    /// Puts a question to the program that runs, or to one that is started for it.
    fn put(&self, id: &str, question: String, asker: Sender<Result<String, Failed>>) -> Result<(), GeneratorError> {
        let mut live = lock(&self.live);
        // Looked at with the lock held, which whoever ends it takes next.
        if self.ended.load(Ordering::SeqCst) {
            return Err(super::ended());
        }
        let mut open = Some(Open { deadline: Instant::now() + self.time_out, asker });
        if let Some(running) = &*live
            && running.desk.register(id, &mut open)
        {
            // When nobody writes any more, the program is just ending, and the request is told so.
            let _ = running.questions.send(question);
            return Ok(());
        }
        let started = self.start().map_err(|error| {
            let detail = format!("the generator {:?} cannot be started: {error}", self.name);
            GeneratorError::passing("unavailable", detail)
        })?;
        started.desk.register(id, &mut open);
        let _ = started.questions.send(question);
        *live = Some(started);
        Ok(())
    }

    fn start(&self) -> std::io::Result<Live> {
        let mut running = Running::start(&self.command, &self.environment, self.limits, Folder::new()?)?;
        let (Some(input), Some(output)) = (running.input.take(), running.output.take()) else {
            drop(running.end());
            return Err(std::io::ErrorKind::BrokenPipe.into());
        };
        let desk = Arc::new(Desk {
            open: Mutex::new(Some(HashMap::new())),
            asked: AtomicUsize::new(0),
            garbage: Mutex::new(None),
            closing: AtomicBool::new(false),
        });
        let (questions, asked) = mpsc::channel();
        let (read, done) = mpsc::channel();
        let keeper = Keeper { desk: Arc::clone(&desk), time_out: self.time_out, program: self.command[0].clone() };
        let thread = |name: &str| std::thread::Builder::new().name(format!("generator-{name}"));
        let reader_desk = Arc::clone(&desk);
        // When a thread cannot be started, what `running` holds is ended by the one that would have kept it.
        thread("answers").spawn(move || {
            answers(&reader_desk, output);
            let _ = read.send(());
        })?;
        thread("questions").spawn(move || write(input, &asked))?;
        let keeper = thread("keeper").spawn(move || keeper.keep(running, &done))?;
        Ok(Live { desk, questions, keeper })
    }

    /// Closes the program's input, and waits until it has ended.
    pub(super) fn end(&self) {
        if let Some(Live { desk, questions, keeper }) = lock(&self.live).take() {
            desk.closing.store(true, Ordering::SeqCst);
            drop(questions);
            // It does not panic; if it did, there would be nothing left to do here.
            let _ = keeper.join();
        }
    }
}

impl Desk {
    /// Takes a request, unless the program has ended.
    fn register(&self, id: &str, open: &mut Option<Open>) -> bool {
        match (&mut *lock(&self.open), open.take()) {
            (Some(requests), Some(request)) => {
                requests.insert(id.to_owned(), request);
                self.asked.fetch_add(1, Ordering::SeqCst);
                true
            }
            (None, request) => {
                *open = request;
                false
            }
            (Some(_), None) => false,
        }
    }

    /// Gives an answer to whoever asked.
    fn answer(&self, answer: protocol::Answer) -> Result<(), String> {
        let request = lock(&self.open).as_mut().and_then(|open| open.remove(&answer.id));
        let Some(request) = request else {
            let id = protocol::shown(answer.id.as_bytes(), 60);
            return Err(format!("it answered the request {id}, which it was not asked or has answered before"));
        };
        let given = match answer.given {
            Given::Item(item) => Ok(item),
            Given::Error { reason, detail, retry } => Err(GeneratorError { permanent: !retry, reason, detail }.into()),
        };
        // Whoever asked may have gone.
        let _ = request.asker.send(given);
        Ok(())
    }

    fn refuse(&self, why: String) {
        lock(&self.garbage).get_or_insert(why);
    }
}

/// Writes questions until there are no more, or nobody reads them.
fn write(mut input: ChildStdin, questions: &Receiver<String>) {
    for question in questions {
        if input.write_all(question.as_bytes()).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

/// Reads answers to the end of the stream, or to what is no answer.
fn answers(desk: &Desk, output: ChildStdout) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more than an answer has, so that one that is too long is told from one that is not.
        match (&mut output).take(LONGEST_ANSWER as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(read) if read > LONGEST_ANSWER => {
                return desk.refuse(format!("it printed a line of more than {LONGEST_ANSWER} bytes"));
            }
            Ok(_) => {}
        }
        let done = match protocol::answer(&line) {
            Ok(None) => Ok(()),
            Ok(Some(answer)) => desk.answer(answer),
            Err(why) => Err(why),
        };
        if let Err(why) = done {
            return desk.refuse(why);
        }
    }
}

/// Looks after a program from its start to its end.
struct Keeper {
    desk: Arc<Desk>,
    time_out: Duration,
    program: String,
}

/// Why a program is at its end.
enum Why {
    /// It ended by itself.
    Itself,
    /// It is to end.
    Closing,
    /// This request took too long.
    TimeOut(String),
    /// It did what it must not.
    Fault(GeneratorError),
}

impl Keeper {
    fn keep(self, mut running: Running, read: &Receiver<()>) {
        let why = self.watch(&mut running, read);
        let ended = running.end();
        // What it wrote before it ended is read to its end. What it should not have written may come to light by that.
        let _ = read.recv_timeout(REST);
        let garbage = lock(&self.desk.garbage).take();
        let open = lock(&self.desk.open).take().unwrap_or_default();
        // An earlier request, too, may be why it ends: one that was answered, and then something else was written.
        let shared = self.desk.asked.load(Ordering::SeqCst) > 1;
        let error = match (&why, garbage, ended.status) {
            (_, Some(garbage), _) => GeneratorError::permanent("garbage", garbage),
            (Why::Fault(error), ..) => error.clone(),
            (Why::Closing, ..) => super::ended(),
            (Why::TimeOut(_), ..) => {
                GeneratorError::passing("ended", "it was ended because another request took too long")
            }
            (Why::Itself, None, Some(status)) if status.success() => {
                GeneratorError::passing("failed", "it ended with exit code 0 and without an answer")
            }
            (Why::Itself, None, Some(status)) => child::failure(&self.program, status),
            (Why::Itself, None, None) => {
                GeneratorError::passing("failed", "it closed its output without an answer, and was ended")
            }
        };
        let error = ended.with_stderr(error);
        if !open.is_empty() {
            tracing::warn!(program = self.program, open = open.len(), %error, "a generator has ended");
        }
        for (id, request) in open {
            let failed = match &why {
                Why::TimeOut(late) if *late == id => Failed { error: ended.with_stderr(self.late()), shared: false },
                Why::Closing => Failed { error: error.clone(), shared: false },
                _ => Failed { error: error.clone(), shared },
            };
            // Whoever asked may have gone.
            let _ = request.asker.send(Err(failed));
        }
    }

    fn late(&self) -> GeneratorError {
        let seconds = self.time_out.as_secs();
        GeneratorError::passing("time-out", format!("it gave no answer within {seconds} s, and was ended"))
    }

    /// Waits for a reason to end.
    fn watch(&self, running: &mut Running, read: &Receiver<()>) -> Why {
        // Set when its output is closed, or its input for it to end; it then has a moment to end by itself.
        let mut until: Option<(Instant, bool)> = None;
        loop {
            if running.ended().is_some() {
                return Why::Itself;
            }
            if lock(&self.desk.garbage).is_some() {
                return Why::Itself;
            }
            if let Some(error) = running.overdone() {
                return Why::Fault(error);
            }
            let now = Instant::now();
            if let Some(late) = self.late_request(now) {
                return Why::TimeOut(late);
            }
            match until {
                Some((until, closing)) if until <= now => return if closing { Why::Closing } else { Why::Itself },
                Some(_) => {}
                None if self.desk.closing.load(Ordering::SeqCst) => until = Some((now + FAREWELL, true)),
                None if !matches!(read.try_recv(), Err(mpsc::TryRecvError::Empty)) => until = Some((now + REST, false)),
                None => {}
            }
            std::thread::sleep(LOOK);
        }
    }

    fn late_request(&self, now: Instant) -> Option<String> {
        let open = lock(&self.desk.open);
        let mut requests = open.as_ref()?.iter();
        requests.find(|(_, request)| request.deadline <= now).map(|(id, _)| id.clone())
    }
}
