//! cost: what a catalog on AWS asks of the services, what that costs, and which of their limits it meets first. Pure.
//!
//! Two steps, so that each can be checked by itself: [`Work`] says how often each service is asked for work that is
//! known exactly (tests compare it with what the use cases ask for), and [`Workload`] estimates the work of a month and
//! of a reprocess.
//!
//! Layout: `prices`, the table of prices; `limits`, the table of limits; `workload`, the estimates.

mod limits;
mod prices;
mod workload;

use serde::Serialize;

pub use self::limits::{Limit, limits};
pub use self::prices::{AS_OF, FIXED, PRICES, Price, REGION, Standing, Unit};
pub use self::workload::{DAYS_A_MONTH, Workload};

/// How many keys S3 gives a page of a listing.
pub const KEYS_A_PAGE: u64 = 1_000;

/// What an invocation of a function is taken to last for each scene, and for each level: an assumption, in seconds.
pub const SECONDS_EACH: f64 = 0.1;

/// The memory of the functions, as the template has it: of those about scenes and marks, and of the one about levels,
/// in gigabytes.
pub const MEMORY: (f64, f64) = (0.25, 0.5);

/// An amount of work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Work {
    /// Scenes whose items are written and published.
    pub scenes: f64,
    /// Of those, the ones that are looked up before they are written: those of a reprocess.
    pub looked_up: f64,
    /// Marks put: one for each row of a batch, and one for each level that is new, over its parent.
    pub marks: f64,
    /// Levels rebuilt.
    pub rebuilds: f64,
    /// Of those, rebuilds of the root, which has no parent to look at.
    pub roots: f64,
    /// Pages of their listings, of a thousand keys.
    pub pages: f64,
    /// Levels that a parent finds in its listing and does not link yet.
    pub new_levels: f64,
    /// Ticks of the mover.
    pub ticks: f64,
    /// How many messages go with one request to a queue; 1 at the dearest, 10 where queues are full.
    pub a_batch: f64,
    /// Pages of the listing of a source, of a thousand keys.
    pub source_pages: f64,
    /// Whether levels are rebuilt by way of marks; else right after each item, by the function that has made it.
    pub lazy: bool,
}

/// What is asked for, by the names that [`crate::memory::Requests`] gives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Requests {
    /// Metadata read.
    pub read_source: f64,
    /// Pages of the source listed.
    pub list_source: f64,
    /// Stored items read.
    pub get_item: f64,
    /// Items written.
    pub put_item: f64,
    /// Items published.
    pub publish: f64,
    /// Marks put.
    pub put_mark: f64,
    /// Scans of the marks.
    pub scan_marks: f64,
    /// Marks removed.
    pub remove_mark: f64,
    /// Documents read: the level's own and its parent's.
    pub get: f64,
    /// Pages of levels listed.
    pub list: f64,
    /// Looks whether a child that is not linked yet has a document.
    pub head: f64,
    /// Documents written, on condition.
    pub put_if: f64,
    /// Messages about scenes and levels sent, received and acknowledged, as requests to queues.
    pub queue: f64,
    /// Invocations of functions.
    pub invocations: f64,
    /// What the functions take, in gigabytes times seconds.
    pub gigabyte_seconds: f64,
}

impl Work {
    /// What this work asks for.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let lazily = |count: f64| if self.lazy { count } else { 0.0 };
        let batches = |messages: f64| messages / self.a_batch.max(1.0);
        // A scene's message is received and deleted; a level's is sent, too.
        let queue = batches(2.0 * self.scenes + lazily(3.0 * self.rebuilds));
        let invocations = batches(self.scenes + lazily(self.rebuilds)) + lazily(self.ticks);
        let (small, large) = MEMORY;
        Requests {
            read_source: self.scenes,
            list_source: self.source_pages,
            get_item: self.looked_up,
            put_item: self.scenes,
            publish: self.scenes,
            put_mark: lazily(self.marks),
            scan_marks: lazily(self.ticks),
            // However often it was put, a mark is removed once for the rebuild that it brings.
            remove_mark: lazily(self.rebuilds),
            get: 2.0 * self.rebuilds - self.roots,
            list: self.pages,
            head: self.new_levels,
            put_if: self.rebuilds,
            queue,
            invocations,
            gigabyte_seconds: SECONDS_EACH * (small * (self.scenes + lazily(self.ticks)) + large * self.rebuilds),
        }
    }
}

impl Requests {
    /// How much of what has a price this is.
    #[must_use]
    pub fn of(&self, unit: Unit) -> f64 {
        match unit {
            Unit::Get => self.read_source + self.get_item + self.get + self.head,
            Unit::Put => self.put_item + self.put_if,
            Unit::List => self.list + self.list_source,
            Unit::TableWrite => self.put_mark + self.remove_mark,
            Unit::TableRead | Unit::Tick => self.scan_marks,
            Unit::Publish => self.publish,
            Unit::Queue => self.queue,
            Unit::Invocation => self.invocations,
            Unit::GigabyteSecond => self.gigabyte_seconds,
        }
    }

    /// What it costs.
    #[must_use]
    pub fn bill(&self) -> Bill {
        let line = |price: &'static Price| {
            let count = self.of(price.of);
            Line { service: price.service, what: price.what, count, dollars: count * price.a_million / 1e6 }
        };
        let lines: Vec<Line> = PRICES.iter().map(line).collect();
        Bill { dollars: lines.iter().map(|line| line.dollars).sum(), lines }
    }
}

/// What is asked of the services, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    /// One for each price.
    pub lines: Vec<Line>,
    /// All of them together, in US dollars.
    pub dollars: f64,
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The service.
    pub service: &'static str,
    /// What it is asked for.
    pub what: &'static str,
    /// How many of them.
    pub count: f64,
    /// Their price, in US dollars.
    pub dollars: f64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_the_sum_of_its_lines_and_has_one_for_each_price() {
        let work = Work { scenes: 1e6, a_batch: 1.0, lazy: true, ..Work::default() };
        let bill = work.requests().bill();
        assert_eq!(bill.lines.len(), PRICES.len());
        let line = |service: &str, what: &str| {
            bill.lines.iter().find(|line| line.service == service && line.what == what).unwrap().dollars
        };
        // A million GET, PUT, publications and two million messages to and from a queue, at the table's prices.
        let priced = [("S3", "GET, HEAD"), ("S3", "PUT"), ("SNS", "publications"), ("SQS", "requests")];
        let [get, put, published, queue] = priced.map(|(service, what)| line(service, what));
        assert_eq!((get, put, published, queue), (0.4, 5.0, 0.5, 0.8));
        assert!((bill.dollars - bill.lines.iter().map(|line| line.dollars).sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn no_work_costs_nothing() {
        assert_eq!(Work::default().requests().bill().dollars, 0.0);
    }

    #[test]
    fn a_rebuild_right_after_its_item_needs_no_mark_message_or_tick() {
        let work = Work { scenes: 10.0, marks: 10.0, rebuilds: 10.0, ticks: 5.0, a_batch: 1.0, ..Work::default() };
        let eager = work.requests();
        assert_eq!((eager.put_mark, eager.remove_mark, eager.scan_marks), (0.0, 0.0, 0.0));
        assert_eq!((eager.queue, eager.put_if), (20.0, 10.0));
    }
}
