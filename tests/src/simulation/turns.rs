//! Whose turn it is: a process asks for one thing, waits, and is let go on by whoever schedules.
//!
//! Between two requests a process touches nothing that others see. So a schedule that decides before each request, and
//! nowhere else, leaves out no order that matters.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::monitor::Process;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is done and answered.
    Do,
    /// It is not done, and the process is told so; of a batch, this entry.
    Refuse,
    /// It is done, but the process is told that it was not.
    LoseAnswer,
    /// Nothing more of this batch is done, and the process is told so.
    Throttle,
    /// Nothing more of this batch is done, and the answer ends here.
    CutShort,
    /// The process dies; the request is under way and is done at some later time.
    DoLater,
}

/// What a process waits for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation.
    pub operation: &'static str,
    /// What it is on.
    pub subject: String,
    /// Whether it changes anything.
    pub writes: bool,
    /// Whether it is an entry of a batch.
    pub of_batch: bool,
}

/// A request whose process is dead.
pub struct Late {
    /// In words.
    pub what: String,
    /// The key or level that it is on.
    pub subject: String,
    work: Box<dyn FnOnce() + Send>,
}

impl Late {
    /// It is done now.
    pub fn land(self) {
        (self.work)();
    }
}

#[derive(Default)]
struct State {
    permit: Option<(Process, Verdict)>,
    waiting: BTreeMap<Process, Request>,
    late: Vec<Late>,
}

/// Turns of all processes of a world. Clones share them.
#[derive(Clone, Default)]
pub struct Turns {
    state: Arc<Mutex<State>>,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the request may go on, and how.
    pub(super) fn turn(&self, process: Process, request: Request) -> impl Future<Output = Verdict> + Send {
        Turn { turns: self.clone(), process, request: Some(request) }
    }

    /// The next request of this process goes on when it is polled.
    pub fn permit(&self, process: Process, verdict: Verdict) {
        self.lock().permit = Some((process, verdict));
    }

    /// What a process waits for.
    #[must_use]
    pub fn waiting(&self, process: Process) -> Option<Request> {
        self.lock().waiting.get(&process).cloned()
    }

    /// A process is no more.
    pub fn forget(&self, process: Process) {
        self.lock().waiting.remove(&process);
    }

    pub(super) fn postpone(&self, what: String, subject: String, work: impl FnOnce() + Send + 'static) {
        self.lock().late.push(Late { what, subject, work: Box::new(work) });
    }

    /// What the requests under way are on.
    #[must_use]
    pub fn under_way(&self) -> Vec<String> {
        self.lock().late.iter().map(|late| late.subject.clone()).collect()
    }

    /// Takes one of the requests under way.
    #[must_use]
    pub fn take_late(&self, at: usize) -> Option<Late> {
        let mut state = self.lock();
        (at < state.late.len()).then(|| state.late.remove(at))
    }
}

struct Turn {
    turns: Turns,
    process: Process,
    /// Until it was announced.
    request: Option<Request>,
}

impl Future for Turn {
    type Output = Verdict;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Verdict> {
        let process = self.process;
        let request = self.request.take();
        let mut state = self.turns.lock();
        if let Some((permitted, verdict)) = state.permit
            && permitted == process
        {
            state.permit = None;
            return Poll::Ready(verdict);
        }
        if let Some(request) = request {
            state.waiting.insert(process, request);
        }
        // Requests that a process makes at once are polled by a wake only.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
