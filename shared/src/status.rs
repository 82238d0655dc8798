//! status: how a catalog is doing, as far as its parts tell without being disturbed. Pure: adapters bring the figures.
//!
//! What was made lately, and the last scene of each camera, come from a listing of the items: from their names, and from
//! when each was written. Nothing records them, because that would be one more write for every batch and one more
//! promise; and they cannot be found by looking into the largest path or row, since scenes come in the order of orbits.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use crate::grid::INPE;
use crate::level::Level;
use crate::redrive::Kind;
use crate::scene::SceneId;
use crate::stac::catalog::ITEM_ENDING;

/// How a catalog is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// When this was asked.
    pub at: DateTime<Utc>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// The dirty levels.
    pub marks: Marks,
    /// The items; none when they were not asked for.
    pub items: Option<Items>,
    /// What is not known here, and who knows it.
    pub unknown: Vec<String>,
}

/// A queue and its dead letters.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Queue {
    /// Which queue.
    pub queue: Kind,
    /// Messages that wait.
    pub visible: u64,
    /// Messages that somebody works on.
    pub in_flight: u64,
    /// Messages that come back later.
    pub delayed: u64,
    /// When the oldest message was sent; none when there is none, or it is not known.
    pub oldest: Option<DateTime<Utc>>,
    /// How many dead letters there are.
    pub dead_letters: u64,
    /// Those, by reason, as far as they were looked at.
    pub reasons: Vec<Reason>,
}

/// Dead letters of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The reason.
    pub reason: String,
    /// How many there are.
    pub count: u64,
    /// When the first of them was refused last.
    pub oldest: DateTime<Utc>,
    /// When the latest of them was.
    pub newest: DateTime<Utc>,
}

/// Levels that are marked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Marks {
    /// How many.
    pub count: u64,
    /// The earliest event that one of them stands for.
    pub oldest: Option<DateTime<Utc>>,
}

/// What a listing of the items tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Items {
    /// How many there are.
    pub count: u64,
    /// How many of them were written in the last hour.
    pub last_hour: u64,
    /// How many of them were written in the last day.
    pub last_day: u64,
    /// The cameras that have any, by the ids of their collections.
    pub cameras: BTreeMap<String, Camera>,
    /// How many items of others there are, by the ids of their collections; those of none under an empty one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub filed: BTreeMap<String, u64>,
}

impl Items {
    /// These and the items of other cameras.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.count += others.count;
        self.last_hour += others.last_hour;
        self.last_day += others.last_day;
        self.cameras.extend(others.cameras);
        for (collection, count) in others.filed {
            *self.filed.entry(collection).or_default() += count;
        }
        self
    }
}

/// The items of one camera.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Camera {
    /// How many there are.
    pub items: u64,
    /// The id of the scene that was acquired last; of a day, the last by path and row.
    pub last_scene: String,
    /// The day of its acquisition.
    pub last_day: NaiveDate,
    /// When an item was written last.
    pub last_written: DateTime<Utc>,
}

/// Counts the items of a listing.
#[derive(Debug)]
pub struct Census {
    hour_ago: DateTime<Utc>,
    day_ago: DateTime<Utc>,
    items: Items,
}

impl Census {
    /// Nothing is counted yet; the last hour and day end `now`.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { hour_ago: now - TimeDelta::hours(1), day_ago: now - TimeDelta::days(1), items: Items::default() }
    }

    /// How many items there are so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.items.count
    }

    /// Takes an object of the catalog; what is no item, where items stand, is not counted.
    pub fn add(&mut self, key: &str, written: DateTime<Utc>) {
        let Some((row, name)) = key.rsplit_once('/') else { return };
        let Some(scene) = name.strip_suffix(ITEM_ENDING).and_then(|id| SceneId::parse(id).ok()) else { return };
        if scene.row_key() != row || !Level::parse(row).is_ok_and(|level| INPE.holds_items(&level)) {
            return;
        }
        self.count_one(written);
        let id = scene.to_string();
        let camera = self.items.cameras.entry(scene.collection_id()).or_insert_with(|| Camera {
            items: 0,
            last_scene: id.clone(),
            last_day: scene.date,
            last_written: written,
        });
        camera.items += 1;
        camera.last_written = camera.last_written.max(written);
        if (scene.date, &id) > (camera.last_day, &camera.last_scene) {
            (camera.last_day, camera.last_scene) = (scene.date, id);
        }
    }

    /// Takes an item of others, of this collection.
    pub fn add_filed(&mut self, collection: &str, written: DateTime<Utc>) {
        self.count_one(written);
        *self.items.filed.entry(collection.to_owned()).or_default() += 1;
    }

    fn count_one(&mut self, written: DateTime<Utc>) {
        self.items.count += 1;
        self.items.last_hour += u64::from(written > self.hour_ago);
        self.items.last_day += u64::from(written > self.day_ago);
    }

    /// What was counted.
    #[must_use]
    pub fn items(self) -> Items {
        self.items
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_600_000_000 + hours * 3_600, 0).unwrap()
    }

    fn item(date: &str, path: u16, row: u16) -> String {
        format!("CBERS4/MUX/{path:03}/{row:03}/CBERS_4_MUX_{date}_{path:03}_{row:03}_L2.json")
    }

    #[test]
    fn the_last_scene_of_a_camera_is_the_one_acquired_last_wherever_it_stands() {
        let mut census = Census::new(at(100));
        for (key, written) in [
            (item("20170618", 57, 121), 10),
            // Acquired last: of a small path and row, and written long ago.
            (item("20190101", 1, 2), 3),
            (item("20181231", 200, 150), 99),
            ("AMAZONIA1/WFI/036/018/AMAZONIA_1_WFI_20240321_036_018_L4.json".to_owned(), 50),
        ] {
            census.add(&key, at(written));
        }
        let items = census.items();
        let mux = &items.cameras["CBERS4-MUX"];
        assert_eq!((mux.items, mux.last_scene.as_str()), (3, "CBERS_4_MUX_20190101_001_002_L2"));
        assert_eq!((mux.last_day.to_string().as_str(), mux.last_written), ("2019-01-01", at(99)));
        assert_eq!((items.count, items.cameras["AMAZONIA1-WFI"].items), (4, 1));
    }

    #[test]
    fn what_was_written_within_an_hour_and_a_day_is_counted() {
        let mut census = Census::new(at(100));
        for (day, written) in [(1, 100), (2, 99), (3, 90), (4, 77), (5, 76), (6, 0)] {
            census.add(&item(&format!("2017060{day}"), 57, 121), at(written));
        }
        let items = census.items();
        assert_eq!((items.count, items.last_hour, items.last_day), (6, 1, 4));
    }

    #[test]
    fn documents_and_strangers_are_no_items() {
        let mut census = Census::new(at(100));
        for key in [
            "catalog.json",
            "CBERS4/MUX/collection.json",
            "CBERS4/MUX/057/121/catalog.json",
            "CBERS4/MUX/057/121/notes.json",
            "CBERS4/MUX/057/122/CBERS_4_MUX_20170618_057_121_L2.json",
            "CBERS_4_MUX_20170618_057_121_L2.json",
            "CBERS4/MUX/057/121/CBERS_4_MUX_20170618_057_121_L2.xml",
        ] {
            census.add(key, at(1));
        }
        assert_eq!(census.items(), Items::default());
    }
}
