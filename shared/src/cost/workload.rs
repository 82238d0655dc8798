//! How much work a month brings, and a reprocess of everything: estimates.

use serde::Serialize;

use super::{KEYS_A_PAGE, Work, limits};

/// A month, in days.
pub const DAYS_A_MONTH: f64 = 30.0;

/// How many objects a bucket of scenes holds for each: bands, their XML, quicklooks. An assumption, for the listing that
/// a reprocess begins with.
const OBJECTS_A_SCENE: f64 = 10.0;

/// What a catalog has to cope with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Workload {
    /// New scenes a day.
    pub scenes_per_day: u64,
    /// Scenes in the catalog.
    pub scenes: u64,
    /// How many of those a row has, on average.
    pub scenes_per_row: u64,
    /// Minutes between two ticks of the mover.
    pub tick: f64,
    /// How many batches are worked on at once, as the stack's parameter says.
    pub concurrency: u64,
}

impl Workload {
    /// Rows of the catalog; at least one.
    #[must_use]
    pub fn rows(&self) -> f64 {
        (self.scenes as f64 / self.scenes_per_row.max(1) as f64).ceil().max(1.0)
    }

    /// Pages of a row's listing: of its items and its catalog.
    #[must_use]
    pub fn pages_a_row(&self) -> f64 {
        (self.scenes_per_row + 1).div_ceil(KEYS_A_PAGE) as f64
    }

    /// A month of new scenes, each in any row alike, spread over the day. Scenes that come within a tick into one row
    /// share its rebuild; those of a real pass fall into rows of their own, so that few do.
    #[must_use]
    pub fn month(&self) -> Work {
        let scenes = self.scenes_per_day as f64 * DAYS_A_MONTH;
        let ticks = self.ticks_a_month();
        let rebuilds = (ticks * distinct(self.rows(), scenes / ticks)).min(scenes);
        self.work(scenes, rebuilds, ticks, 1.0)
    }

    /// The same month, had each item its row rebuilt at once.
    #[must_use]
    pub fn eager_month(&self) -> Work {
        let scenes = self.scenes_per_day as f64 * DAYS_A_MONTH;
        Work { lazy: false, ..self.work(scenes, scenes, 0.0, 1.0) }
    }

    /// A reprocess of all scenes, in the order of their keys, as fast as the limits let it, with the mover going on: each
    /// row is rebuilt once, and those that a tick finds half done once more.
    #[must_use]
    pub fn reprocess(&self) -> Work {
        let scenes = self.scenes as f64;
        let ticks = (self.reprocess_seconds() / (self.tick * 60.0)).ceil();
        let halfway = ticks * self.concurrency as f64;
        let rebuilds = (self.rows() + halfway).min(scenes);
        self.reprocessed(self.work(scenes, rebuilds, ticks, 10.0))
    }

    /// The same reprocess, had each item its row rebuilt at once.
    #[must_use]
    pub fn eager_reprocess(&self) -> Work {
        let scenes = self.scenes as f64;
        self.reprocessed(Work { lazy: false, ..self.work(scenes, scenes, 0.0, 10.0) })
    }

    /// How long a reprocess takes at least, in seconds: as long as the lowest of the limits makes it.
    #[must_use]
    pub fn reprocess_seconds(&self) -> f64 {
        let lowest = limits(self).first().map_or(f64::INFINITY, |limit| limit.scenes_a_second);
        self.scenes as f64 / lowest
    }

    fn ticks_a_month(&self) -> f64 {
        DAYS_A_MONTH * 24.0 * 60.0 / self.tick
    }

    fn work(&self, scenes: f64, rebuilds: f64, ticks: f64, a_batch: f64) -> Work {
        Work {
            scenes,
            // At the dearest no two scenes of a batch share their row.
            marks: scenes,
            rebuilds,
            pages: rebuilds * self.pages_a_row(),
            ticks,
            a_batch,
            lazy: true,
            ..Work::default()
        }
    }

    fn reprocessed(&self, work: Work) -> Work {
        let source_pages = (work.scenes * OBJECTS_A_SCENE / KEYS_A_PAGE as f64).ceil();
        // In the order of keys, a batch is of one row, or of two.
        let marks = if work.lazy { (work.scenes / work.a_batch + work.rebuilds).min(work.scenes) } else { 0.0 };
        Work { looked_up: work.scenes, marks, source_pages, ..work }
    }
}

/// How many of `rows` are touched by `scenes` that fall into any of them alike, on average.
fn distinct(rows: f64, scenes: f64) -> f64 {
    // With exp_m1 and ln_1p nothing is lost where a row is touched once in a million times.
    if rows <= 1.0 { scenes.min(1.0) } else { (-(scenes * (-1.0 / rows).ln_1p()).exp_m1() * rows).min(scenes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Dice;

    const CBERS: Workload =
        Workload { scenes_per_day: 600, scenes: 1_000_000, scenes_per_row: 40, tick: 1.0, concurrency: 10 };

    #[test]
    fn the_rows_that_scenes_touch_are_as_many_as_when_they_are_drawn() {
        for (seed, (rows, scenes)) in [(10, 5), (100, 100), (1_000, 300), (50, 1_000)].into_iter().enumerate() {
            let dice = Dice::new(seed as u64);
            let draws = 2_000;
            let mut touched = 0;
            for _ in 0..draws {
                let drawn: std::collections::HashSet<usize> = (0..scenes).map(|_| dice.below(rows)).collect();
                touched += drawn.len();
            }
            let (found, expected) = (touched as f64 / draws as f64, distinct(rows as f64, scenes as f64));
            assert!((found / expected - 1.0).abs() < 0.01, "seed {seed}: {found} of {rows}, estimated {expected}");
        }
    }

    #[test]
    fn no_more_rows_are_rebuilt_than_scenes_came_and_a_longer_tick_rebuilds_fewer() {
        let rebuilt = |tick| Workload { tick, ..CBERS }.month().rebuilds;
        let ticks = [0.5, 1.0, 60.0, 1_440.0].map(rebuilt);
        assert!(ticks[0] <= CBERS.month().scenes);
        assert!(ticks.windows(2).all(|pair| pair[1] <= pair[0]) && ticks[3] < ticks[2], "{ticks:?}");
    }

    #[test]
    fn a_reprocess_rebuilds_each_row_and_hardly_any_twice_where_eagerness_does_it_for_each_scene() {
        let (lazy, eager) = (CBERS.reprocess(), CBERS.eager_reprocess());
        assert_eq!(CBERS.rows(), 25_000.0);
        assert!(lazy.rebuilds >= 25_000.0 && lazy.rebuilds < 1.1 * 25_000.0, "{}", lazy.rebuilds);
        assert_eq!(eager.rebuilds, 1e6);
        assert!(lazy.requests().bill().dollars < eager.requests().bill().dollars);
    }

    #[test]
    fn of_scenes_in_rows_of_their_own_laziness_saves_nothing_and_costs_its_marks() {
        let (lazy, eager) = (CBERS.month(), CBERS.eager_month());
        assert!(lazy.rebuilds > 0.999 * eager.rebuilds);
        assert!(lazy.requests().bill().dollars > eager.requests().bill().dollars);
    }

    #[test]
    fn a_row_of_a_thousand_items_and_its_catalog_are_two_pages() {
        let pages = |scenes_per_row| Workload { scenes_per_row, ..CBERS }.pages_a_row();
        assert_eq!([1, 999, 1_000].map(pages), [1.0, 1.0, 2.0]);
    }
}
