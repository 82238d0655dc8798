//! Pure parts of writing: periods of partitions, rows of items, collections that say no more than their id.

use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::Partitions;
use super::dehydrate;
use crate::search::item::CheckedItem;

/// What is known of a collection in the database.
#[derive(Debug, Clone)]
pub(super) struct Collection {
    /// What its items are put together with.
    base: Map<String, Value>,
    /// The number of that.
    tag: Option<i32>,
    /// How it is cut.
    pub(super) partitions: Partitions,
}

impl Collection {
    pub(super) fn new(base: Map<String, Value>, tag: Option<i32>, partitions: Partitions) -> Self {
        Self { base: dehydrate::base(base), tag, partitions }
    }
}

/// Some time in which a partition has its items, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

impl Partitions {
    /// As pgstac has it in `partition_trunc`.
    pub(super) fn truncation(self) -> Option<&'static str> {
        match self {
            Self::One => None,
            Self::Yearly => Some("year"),
            Self::Monthly => Some("month"),
        }
    }

    pub(super) fn of(truncation: Option<&str>) -> Self {
        match truncation {
            Some("month") => Self::Monthly,
            Some(_) => Self::Yearly,
            None => Self::One,
        }
    }

    /// The period of a time: all of its month or year, and that is as much as a partition is asked to hold at a time
    /// where there is but one.
    pub(super) fn period(self, time: DateTime<Utc>) -> Period {
        let (month, months) = if self == Self::Monthly { (time.month(), 1) } else { (1, 12) };
        let first = NaiveDate::from_ymd_opt(time.year(), month, 1).unwrap_or_default();
        // A microsecond is the finest that PostgreSQL has.
        let end = start_of(first.checked_add_months(Months::new(months)).unwrap_or(first)) - TimeDelta::microseconds(1);
        Period { start: start_of(first), end }
    }
}

/// The end of the month of a time.
pub(super) fn end_of_month(time: DateTime<Utc>) -> DateTime<Utc> {
    Partitions::Monthly.period(time).end
}

fn start_of(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// The content of an item's row.
pub(super) fn content(item: &CheckedItem<'_>, collection: &Collection) -> serde_json::Result<String> {
    dehydrate::content(item.text, &collection.base, collection.tag)
}

/// A collection that says no more than its id.
pub(super) fn bare_collection(id: &str) -> String {
    json!({
        "type": "Collection", "stac_version": "1.1.0", "id": id,
        "description": "Made for its first item; nothing else is known of it yet.", "license": "other", "links": [],
        "extent": {
            "spatial": {"bbox": [[-180, -90, 180, 90]]},
            "temporal": {"interval": [[null, null]]}
        }
    })
    .to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_a_month_or_a_year() {
        let december = Partitions::Monthly.period(time("2020-12-31T23:59:59.999999Z"));
        assert_eq!(december.start, time("2020-12-01T00:00:00Z"));
        assert_eq!(december.end, time("2020-12-31T23:59:59.999999Z"));
        for partitions in [Partitions::Yearly, Partitions::One] {
            let year = partitions.period(time("2020-02-29T12:00:00Z"));
            assert_eq!((year.start, year.end), (time("2020-01-01T00:00:00Z"), december.end));
        }
    }

    proptest! {
        #[test]
        fn a_time_is_within_its_period(seconds in -62_000_000_000_i64..250_000_000_000, micros in 0..1_000_000_u32) {
            let time = DateTime::from_timestamp(seconds, micros * 1_000).unwrap();
            for partitions in [Partitions::One, Partitions::Yearly, Partitions::Monthly] {
                let period = partitions.period(time);
                prop_assert!(period.start <= time && time <= period.end, "{period:?}");
                prop_assert_eq!(partitions.period(period.start), period);
                prop_assert_eq!(partitions.period(period.end), period);
            }
        }
    }
}
