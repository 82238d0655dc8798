//! What a run has done so far, for those who watch it, and what it has done in all.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::generate::{self, Refusal};
use crate::update;

/// How many refusals, and how many stale levels, are kept word for word. The others are counted; all of them are with
/// the dead letters.
pub const REFUSALS_KEPT: usize = 1_000;

/// How many troubles are kept.
const TROUBLES_KEPT: usize = 20;

/// Counters of a run, safe to read at any time.
#[derive(Debug, Default)]
pub struct Progress {
    expected: AtomicU64,
    expected_is_final: AtomicBool,
    made: AtomicU64,
    unchanged: AtomicU64,
    withdrawn: AtomicU64,
    refused: AtomicU64,
    rebuilt: AtomicU64,
    stale: AtomicU64,
    conflicts: AtomicU64,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    refusals: Vec<Refusal>,
    reasons: BTreeMap<String, u64>,
    stale_levels: Vec<StaleLevel>,
    troubles: Vec<String>,
    /// What nobody has been told yet.
    news: Vec<News>,
}

/// Something that a watch tells when it happens, since it has no summary to tell it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A scene was refused.
    Refused(Refusal),
    /// A level could not be rebuilt.
    Stale(StaleLevel),
}

/// A level that could not be rebuilt: its document lags behind what stands there, and is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaleLevel {
    /// The level, `/` for the root.
    pub level: String,
    /// A short, stable word.
    pub reason: String,
    /// One sentence.
    pub detail: String,
}

/// What a run has done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Items that were written.
    pub made: u64,
    /// Scenes whose item was there already, the same.
    pub unchanged: u64,
    /// Items that were taken out.
    pub withdrawn: u64,
    /// Scenes that were refused.
    pub refused: u64,
    /// How many for which reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first of them, each with its reason.
    pub refusals: Vec<Refusal>,
    /// Catalogs and collections that were written.
    pub rebuilt: u64,
    /// Levels that could not be rebuilt. Each is with the dead letters until it is.
    pub stale: u64,
    /// The first of them, each with its reason.
    pub stale_levels: Vec<StaleLevel>,
    /// How often another process had written one first.
    pub conflicts: u64,
    /// Passing troubles that were overcome, the last of them.
    pub troubles: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

impl From<Refusal> for StaleLevel {
    fn from(Refusal { scene, reason, detail }: Refusal) -> Self {
        Self { level: scene, reason, detail }
    }
}

impl Progress {
    /// How many scenes the source has, as far as they have been counted, and whether that is all.
    #[must_use]
    pub fn expected(&self) -> (u64, bool) {
        (self.expected.load(Ordering::Relaxed), self.expected_is_final.load(Ordering::Acquire))
    }

    /// How many scenes are done with: made, unchanged or refused.
    #[must_use]
    pub fn scenes_done(&self) -> u64 {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        of(&self.made) + of(&self.unchanged) + of(&self.withdrawn) + of(&self.refused)
    }

    /// How many scenes were refused.
    #[must_use]
    pub fn scenes_refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many catalogs and collections were written.
    #[must_use]
    pub fn levels_rebuilt(&self) -> u64 {
        self.rebuilt.load(Ordering::Relaxed)
    }

    /// How many levels could not be rebuilt.
    #[must_use]
    pub fn levels_stale(&self) -> u64 {
        self.stale.load(Ordering::Relaxed)
    }

    /// What went wrong for good since this was last asked, at most [`REFUSALS_KEPT`] of it.
    #[must_use]
    pub fn news(&self) -> Vec<News> {
        std::mem::take(&mut self.kept().news)
    }

    /// All of it.
    #[must_use]
    pub fn summary(&self, elapsed: Duration) -> Summary {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let kept = self.kept();
        Summary {
            made: of(&self.made),
            unchanged: of(&self.unchanged),
            withdrawn: of(&self.withdrawn),
            refused: of(&self.refused),
            reasons: kept.reasons.clone(),
            refusals: kept.refusals.clone(),
            rebuilt: of(&self.rebuilt),
            stale: of(&self.stale),
            stale_levels: kept.stale_levels.clone(),
            conflicts: of(&self.conflicts),
            troubles: kept.troubles.clone(),
            seconds: elapsed.as_secs_f64(),
        }
    }

    pub(super) fn expect(&self, scenes: u64, is_final: bool) {
        self.expected.store(scenes, Ordering::Relaxed);
        self.expected_is_final.store(is_final, Ordering::Release);
    }

    pub(super) fn generated(&self, report: generate::Report) {
        self.made.fetch_add(report.made as u64, Ordering::Relaxed);
        self.unchanged.fetch_add(report.unchanged as u64, Ordering::Relaxed);
        self.withdrawn.fetch_add(report.withdrawn as u64, Ordering::Relaxed);
        self.refused(report.refused);
        self.troubled(report.troubles);
    }

    pub(super) fn updated(&self, report: update::Report) {
        let written = report.rebuilt.iter().filter(|(_, rebuilt)| rebuilt.written.is_some()).count();
        let conflicts: u64 = report.rebuilt.iter().map(|(_, rebuilt)| u64::from(rebuilt.conflicts)).sum();
        self.rebuilt.fetch_add(written as u64, Ordering::Relaxed);
        self.conflicts.fetch_add(conflicts, Ordering::Relaxed);
        self.stale(report.refused.into_iter().map(StaleLevel::from).collect());
        self.troubled(report.troubles);
    }

    pub(super) fn refused(&self, refusals: Vec<Refusal>) {
        if refusals.is_empty() {
            return;
        }
        self.refused.fetch_add(refusals.len() as u64, Ordering::Relaxed);
        let mut kept = self.kept();
        for refusal in refusals {
            *kept.reasons.entry(refusal.reason.clone()).or_default() += 1;
            if kept.news.len() < REFUSALS_KEPT {
                kept.news.push(News::Refused(refusal.clone()));
            }
            if kept.refusals.len() < REFUSALS_KEPT {
                kept.refusals.push(refusal);
            }
        }
    }

    pub(super) fn stale(&self, levels: Vec<StaleLevel>) {
        self.stale.fetch_add(levels.len() as u64, Ordering::Relaxed);
        let mut kept = self.kept();
        for level in levels {
            if kept.news.len() < REFUSALS_KEPT {
                kept.news.push(News::Stale(level.clone()));
            }
            if kept.stale_levels.len() < REFUSALS_KEPT {
                kept.stale_levels.push(level);
            }
        }
    }

    pub(super) fn troubled(&self, troubles: Vec<String>) {
        if troubles.is_empty() {
            return;
        }
        let mut kept = self.kept();
        for trouble in troubles {
            tracing::warn!("{trouble}");
            if kept.troubles.len() == TROUBLES_KEPT {
                kept.troubles.remove(0);
            }
            kept.troubles.push(trouble);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
