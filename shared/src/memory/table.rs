//! The dirty-level table as in DynamoDB: scanned in the order of a hash.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Requests, lock, yield_now};
use crate::level::{Level, Mark, Token};
use crate::ports::{MarkLevels, MarkPage, PageToken, PortResult, ReadMarks, RemoveMarks};

/// The dirty levels. Clones share them.
#[derive(Debug, Clone)]
pub struct Marks {
    shared: Arc<Mutex<Shared>>,
    seed: u64,
    requests: Requests,
}

/// Where a level stands in a scan.
type Place = (u64, String);

#[derive(Debug)]
struct Shared {
    marks: BTreeMap<Place, Mark>,
    marks_a_page: usize,
}

impl Marks {
    pub(super) fn new(seed: u64, requests: Requests) -> Self {
        let shared = Shared { marks: BTreeMap::new(), marks_a_page: 100 };
        Self { shared: Arc::new(Mutex::new(shared)), seed, requests }
    }

    /// From now on a page of a scan holds this many marks, at least one.
    pub fn set_marks_a_page(&self, marks: usize) {
        lock(&self.shared).marks_a_page = marks.max(1);
    }

    /// All marks as they stand, by level.
    #[must_use]
    pub fn snapshot(&self) -> Vec<Mark> {
        let mut marks: Vec<_> = lock(&self.shared).marks.values().cloned().collect();
        marks.sort_by(|one, other| one.level.cmp(&other.level));
        marks
    }

    /// Whether no level is marked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        lock(&self.shared).marks.is_empty()
    }

    fn place(&self, level: &str) -> Place {
        (xxh3_64_with_seed(level.as_bytes(), self.seed), level.to_owned())
    }
}

impl MarkLevels for Marks {
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        let mut results = Vec::with_capacity(marks.len());
        for mark in marks {
            yield_now().await;
            self.requests.add("put mark");
            let mut shared = lock(&self.shared);
            let stands = shared.marks.entry(self.place(mark.level.wire())).or_insert_with(|| mark.clone());
            stands.token = mark.token.clone();
            results.push(Ok(()));
        }
        yield_now().await;
        results
    }
}

impl ReadMarks for Marks {
    /// A full page always names a next one, though that may be empty: so does DynamoDB.
    async fn scan(&self, from: Option<&PageToken>) -> PortResult<MarkPage> {
        yield_now().await;
        self.requests.add("scan marks");
        let page = {
            let shared = lock(&self.shared);
            let start = from.map_or(Bound::Unbounded, |token| Bound::Excluded(self.place(&token.0)));
            let marks: Vec<Mark> = shared
                .marks
                .range((start, Bound::Unbounded))
                .take(shared.marks_a_page)
                .map(|(_, mark)| mark.clone())
                .collect();
            let next = match marks.last() {
                Some(last) if marks.len() == shared.marks_a_page => Some(PageToken(last.level.wire().to_owned())),
                _ => None,
            };
            MarkPage { marks, next }
        };
        yield_now().await;
        Ok(page)
    }
}

impl RemoveMarks for Marks {
    async fn remove(&self, marks: &[(Level, Token)]) -> Vec<PortResult<bool>> {
        let mut results = Vec::with_capacity(marks.len());
        for (level, token) in marks {
            yield_now().await;
            self.requests.add("remove mark");
            let mut shared = lock(&self.shared);
            let place = self.place(level.wire());
            let stands = shared.marks.get(&place).is_some_and(|mark| mark.token == *token);
            if stands {
                shared.marks.remove(&place);
            }
            results.push(Ok(stands));
        }
        yield_now().await;
        results
    }
}
