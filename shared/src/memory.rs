//! Strict adapters in memory, for tests: no kinder than S3, SQS, SNS and DynamoDB.
//!
//! Listings and scans are taken page by page from the live state, a scan in no useful order, and a page may be one
//! entry. A receive gives some of what is visible, in any order. Each call lets others run before its effect, between
//! the entries of a batch, and between its effect and its answer: a scheduler can put anything in between, and a
//! future that is dropped leaves a part of its batch done, or all of it with nobody told.
//!
//! All choices come from a seed, and time stands still until the test moves it ([`Time::advance`]): the same test
//! makes the same run. What the services do beyond this, such as delivering twice or answering late, is for
//! decorators over the same ports.

mod checkpoints;
mod letters;
mod objects;
mod queue;
mod table;
mod world;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::ports::{PortResult, WatchQueues};

pub use self::checkpoints::Checkpoints;
pub use self::letters::Letters;
pub use self::objects::Objects;
pub use self::queue::{LevelSender, Queue};
pub use self::table::Marks;
pub use self::world::{Dice, Requests, Sources, Time, Topic};

/// One of each adapter, over the same clock and the same seed. Clones share everything.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The catalog.
    pub objects: Objects,
    /// The dirty levels.
    pub marks: Marks,
    /// Messages about scenes.
    pub scenes: Queue,
    /// Levels to rebuild.
    pub levels: Queue,
    /// The item topics.
    pub topic: Topic,
    /// Scene metadata.
    pub sources: Sources,
    /// How far long jobs have come.
    pub checkpoints: Checkpoints,
    /// The time.
    pub time: Time,
    /// Randomness.
    pub dice: Dice,
    /// What was asked of all of them.
    pub requests: Requests,
}

impl Memory {
    /// An empty world. The seed decides about orders and random values.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let requests = Requests::default();
        let time = Time::default();
        let dice = Dice::new(seed);
        let queue = |name| Queue::new(name, time.clone(), Dice::new(seed ^ 1), requests.clone());
        Self {
            objects: Objects::new(requests.clone()),
            marks: Marks::new(seed, requests.clone()),
            scenes: queue("scenes"),
            levels: queue("levels"),
            topic: Topic::new(requests.clone()),
            sources: Sources::new(requests.clone()),
            checkpoints: Checkpoints::new(requests.clone()),
            time,
            dice,
            requests,
        }
    }

    /// Whether nothing is left to do: no mark, and no message in any queue. Dead letters do not count.
    #[must_use]
    pub fn quiet(&self) -> bool {
        self.marks.is_empty() && self.scenes.is_empty() && self.levels.is_empty()
    }
}

impl WatchQueues for Memory {
    async fn are_drained(&self) -> PortResult<bool> {
        yield_now().await;
        Ok(self.scenes.is_empty() && self.levels.is_empty())
    }
}

/// Lets others run: the future is ready when it is polled for the second time.
pub fn yield_now() -> impl Future<Output = ()> + Send {
    YieldNow { yielded: false }
}

struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
