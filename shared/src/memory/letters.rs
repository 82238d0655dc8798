//! Dead letters as the messages of a queue of their own: who looks at one has it to himself for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::queue::MOST_A_RECEIVE;
use super::{Dice, Requests, Time, lock, yield_now};
use crate::message::DeadLetter;
use crate::ports::{BuryLetters, HeldLetter, HoldLetters, PortResult};

/// How long a letter is held when nobody lets go of it.
const HELD_FOR_MILLISECONDS: i64 = 600_000;

/// The dead letters of a queue. Clones share them. Each letter is kept, also one whose body is there already.
///
/// To hold gives at least one of the letters that nobody holds, at most ten, in any order.
#[derive(Debug, Clone)]
pub struct Letters {
    name: &'static str,
    shared: Arc<Mutex<Shared>>,
    time: Time,
    dice: Dice,
    requests: Requests,
}

#[derive(Debug, Default)]
struct Shared {
    letters: BTreeMap<u64, Kept>,
    last: u64,
}

#[derive(Debug)]
struct Kept {
    letter: DeadLetter,
    held_until: i64,
    holds: u32,
}

impl Letters {
    pub(super) fn new(name: &'static str, time: Time, dice: Dice, requests: Requests) -> Self {
        Self { name, shared: Arc::default(), time, dice, requests }
    }

    pub(super) fn keep(&self, letter: DeadLetter) {
        let mut shared = lock(&self.shared);
        shared.last += 1;
        let number = shared.last;
        shared.letters.insert(number, Kept { letter, held_until: 0, holds: 0 });
    }

    /// All letters, held or not, in the order in which they came.
    #[must_use]
    pub fn snapshot(&self) -> Vec<DeadLetter> {
        lock(&self.shared).letters.values().map(|kept| kept.letter.clone()).collect()
    }

    /// How many letters somebody holds.
    #[must_use]
    pub fn held(&self) -> usize {
        let now = self.time.milliseconds();
        lock(&self.shared).letters.values().filter(|kept| kept.held_until > now).count()
    }

    /// Takes one letter out; whether it was there.
    #[must_use]
    pub fn remove(&self, letter: &DeadLetter) -> bool {
        let mut shared = lock(&self.shared);
        let number = shared.letters.iter().find(|(_, kept)| kept.letter == *letter).map(|(number, _)| *number);
        number.and_then(|number| shared.letters.remove(&number)).is_some()
    }

    /// Takes all letters out.
    #[must_use]
    pub fn drain(&self) -> Vec<DeadLetter> {
        std::mem::take(&mut lock(&self.shared).letters).into_values().map(|kept| kept.letter).collect()
    }

    fn take(&self, most: usize) -> Vec<HeldLetter> {
        let now = self.time.milliseconds();
        let mut shared = lock(&self.shared);
        let mut free: Vec<u64> =
            shared.letters.iter().filter(|(_, kept)| kept.held_until <= now).map(|(number, _)| *number).collect();
        let most = free.len().min(most).min(MOST_A_RECEIVE);
        if most == 0 {
            return Vec::new();
        }
        let count = 1 + self.dice.below(most);
        let mut held = Vec::with_capacity(count);
        for _ in 0..count {
            let number = free.swap_remove(self.dice.below(free.len()));
            let Some(kept) = shared.letters.get_mut(&number) else {
                continue;
            };
            kept.holds += 1;
            kept.held_until = now + HELD_FOR_MILLISECONDS;
            held.push(HeldLetter {
                id: format!("{}-letter-{number}", self.name),
                letter: kept.letter.clone(),
                hold: format!("{number}/{}", kept.holds),
            });
        }
        held
    }

    /// The letter whose latest hold this is.
    fn held_by(hold: &str, shared: &Shared) -> Option<u64> {
        let (number, holds) = hold.split_once('/')?;
        let number: u64 = number.parse().ok()?;
        let kept = shared.letters.get(&number)?;
        (holds.parse() == Ok(kept.holds)).then_some(number)
    }
}

impl BuryLetters for Letters {
    async fn bury(&self, letter: &DeadLetter) -> PortResult<()> {
        yield_now().await;
        self.requests.add("bury");
        self.keep(letter.clone());
        yield_now().await;
        Ok(())
    }
}

impl HoldLetters for Letters {
    async fn hold(&self, most: usize) -> PortResult<Vec<HeldLetter>> {
        yield_now().await;
        self.requests.add("hold letters");
        let held = self.take(most);
        yield_now().await;
        Ok(held)
    }

    async fn remove(&self, holds: &[String]) -> PortResult<()> {
        self.requests.add("remove letters");
        for hold in holds {
            yield_now().await;
            let mut shared = lock(&self.shared);
            if let Some(number) = Self::held_by(hold, &shared) {
                shared.letters.remove(&number);
            }
        }
        yield_now().await;
        Ok(())
    }

    async fn let_go(&self, holds: &[String]) -> PortResult<()> {
        self.requests.add("let go of letters");
        for hold in holds {
            yield_now().await;
            let mut shared = lock(&self.shared);
            let number = Self::held_by(hold, &shared);
            if let Some(kept) = number.and_then(|number| shared.letters.get_mut(&number)) {
                kept.held_until = 0;
            }
        }
        yield_now().await;
        Ok(())
    }
}
