//! Changes to a search index, and which of them is the newest.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::item::CheckedItem;

/// When what a change tells happened, in milliseconds since 1970, UTC: the finest that S3 and SNS tell.
///
/// An index takes a change only when its version is not less than that of what it holds, be that an item or the memory
/// of a removed one. So messages may come late, twice and in any order, and the newest stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub i64);

impl From<DateTime<Utc>> for Version {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_millis())
    }
}

/// One change, ready to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// Its version.
    pub version: Version,
    /// The address that the document was read from, or that it calls its own.
    pub source: Option<&'a str>,
    /// What is to be done.
    pub action: Action<'a>,
}

/// What a change does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action<'a> {
    /// The item is to be found as it is here.
    PutItem(CheckedItem<'a>),
    /// The collection is to be as it is here.
    PutCollection {
        /// Its id.
        id: Cow<'a, str>,
        /// The document.
        text: &'a str,
    },
    /// The item is not to be found any more.
    RemoveItem {
        /// The id of its collection.
        collection: &'a str,
        /// Its id.
        id: &'a str,
    },
    /// Whatever came from the change's source is not to be found any more.
    RemoveSource,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was written.
    Written,
    /// It was taken out, or there was nothing to take out. The index will refuse older versions of it.
    Removed,
    /// The index holds something newer.
    Superseded,
}

/// What tells one thing in the index from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject<'a> {
    Item(&'a str, &'a str),
    Collection(&'a str),
    Source(&'a str),
}

impl<'a> Change<'a> {
    fn subject(&'a self) -> Subject<'a> {
        match &self.action {
            Action::PutItem(item) => Subject::Item(&item.collection, &item.id),
            Action::RemoveItem { collection, id } => Subject::Item(collection, id),
            Action::PutCollection { id, .. } => Subject::Collection(id),
            Action::RemoveSource => Subject::Source(self.source.unwrap_or_default()),
        }
    }
}

/// The order in which the changes of a batch are applied, as positions, oldest first; and the positions of those that
/// a newer one of the batch makes needless.
///
/// `sequence` breaks ties of changes of one version: the sequencer of S3, which grows with every write of a key. Where
/// it does not, the later message wins.
#[must_use]
pub fn newest_first_come_last(changes: &[(Change<'_>, Option<String>)]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..changes.len()).collect();
    order.sort_by(|left, right| {
        let ((one, first), (other, second)) = (&changes[*left], &changes[*right]);
        let by_sequence = match (first, second) {
            (Some(first), Some(second)) => by_sequencer(first, second),
            _ => std::cmp::Ordering::Equal,
        };
        one.version.cmp(&other.version).then(by_sequence).then(left.cmp(right))
    });
    let mut newest: HashMap<Subject<'_>, usize> = HashMap::with_capacity(changes.len());
    let mut needless = Vec::new();
    for at in &order {
        if let Some(older) = newest.insert(changes[*at].0.subject(), *at) {
            needless.push(older);
        }
    }
    let skipped: std::collections::HashSet<usize> = needless.iter().copied().collect();
    order.retain(|at| !skipped.contains(at));
    (order, needless)
}

/// Compares two sequencers as S3 wants it: hexadecimal digits, the shorter filled with zeros on the right.
fn by_sequencer(left: &str, right: &str) -> std::cmp::Ordering {
    let digits = left.len().max(right.len());
    let filled = |text: &str| format!("{:0<digits$}", text.to_ascii_uppercase());
    filled(left).cmp(&filled(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn removal(id: &str, version: i64) -> (Change<'_>, Option<String>) {
        let action = Action::RemoveItem { collection: "c", id };
        (Change { version: Version(version), source: None, action }, None)
    }

    #[test]
    fn the_newest_of_each_item_is_left_and_comes_in_order_of_time() {
        let changes = [removal("a", 3), removal("b", 2), removal("a", 1), removal("b", 2)];
        assert_eq!(newest_first_come_last(&changes), (vec![3, 0], vec![1, 2]));
    }

    #[test]
    fn the_sequencer_decides_within_a_millisecond() {
        let mut changes = [removal("a", 1), removal("a", 1)];
        changes[0].1 = Some("0055AED6DCD90281E6".into());
        changes[1].1 = Some("0055aed6dcd90281e5ff".into());
        assert_eq!(newest_first_come_last(&changes), (vec![0], vec![1]));
    }

    proptest! {
        #[test]
        fn every_change_is_either_applied_or_made_needless_by_a_newer_one_that_is(
            of in proptest::collection::vec((0..4_usize, 0..6_i64), 0..24)
        ) {
            let ids = ["a", "b", "c", "d"];
            let changes: Vec<_> = of.iter().map(|(id, version)| removal(ids[*id], *version)).collect();
            let (order, needless) = newest_first_come_last(&changes);
            prop_assert_eq!(order.len() + needless.len(), changes.len());
            for (at, (id, version)) in of.iter().enumerate() {
                let kept = order.iter().find(|kept| of[**kept].0 == *id);
                prop_assert!(kept.is_some_and(|kept| of[*kept].1 >= *version), "{at}");
            }
            prop_assert!(order.windows(2).all(|pair| of[pair[0]].1 <= of[pair[1]].1));
        }
    }
}
