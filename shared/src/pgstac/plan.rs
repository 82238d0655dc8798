//! What a batch of changes comes to, given what is known: a plan, that can be looked at before anything is done.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::search::change::{Action, Applied, Change, Version};

/// An item's collection and id.
pub(super) type Key<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The newest that is known of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known<'a> {
    pub(super) version: i64,
    pub(super) deleted: bool,
    pub(super) source: Option<Cow<'a, str>>,
}

/// What the loaders remember, as far as a batch needs it.
#[derive(Debug, Default)]
pub(super) struct Memory<'a> {
    items: HashMap<Key<'a>, Known<'a>>,
    /// The items that came from a source and are there.
    of_source: HashMap<Cow<'a, str>, BTreeSet<Key<'a>>>,
    /// Removed sources.
    gone: HashMap<Cow<'a, str>, i64>,
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan<'a> {
    /// For each change what becomes of it; none for those that were left out.
    pub(super) results: Vec<Option<Applied>>,
    /// Every item that is touched, with what is to be remembered of it and the position of the change whose item is to
    /// stand there in the end, if any.
    pub(super) items: BTreeMap<Key<'a>, (Known<'a>, Option<usize>)>,
    /// The sources that are gone, with the version of their removal.
    pub(super) gone: BTreeMap<Cow<'a, str>, i64>,
}

impl<'a> Memory<'a> {
    pub(super) fn remember(&mut self, key: Key<'a>, known: Known<'a>) {
        if let Some(before) = self.items.get(&key)
            && let Some(source) = &before.source
            && let Some(keys) = self.of_source.get_mut(source)
        {
            keys.remove(&key);
        }
        if let (Some(source), false) = (&known.source, known.deleted) {
            self.of_source.entry(source.clone()).or_default().insert(key.clone());
        }
        self.items.insert(key, known);
    }

    pub(super) fn forget(&mut self, source: Cow<'a, str>, version: i64) {
        self.gone.insert(source, version);
    }

    fn version(&self, key: &Key<'a>) -> Option<i64> {
        self.items.get(key).map(|known| known.version)
    }

    /// The items that stand there and came from a source.
    fn items_of(&self, source: &str) -> Vec<(Key<'a>, Known<'a>)> {
        let keys = self.of_source.get(source).into_iter().flatten();
        keys.filter_map(|key| Some((key.clone(), self.items.get(key)?.clone()))).collect()
    }
}

/// Plans the changes, as if one after the other; but for those for which `is_left_out` says so, by their position.
/// Changes of collections are not for here.
pub(super) fn plan<'a>(
    mut memory: Memory<'a>,
    changes: &'a [Change<'a>],
    is_left_out: impl Fn(usize) -> bool,
) -> Plan<'a> {
    let mut plan = Plan { results: vec![None; changes.len()], ..Plan::default() };
    for (at, change) in changes.iter().enumerate().filter(|(at, _)| !is_left_out(*at)) {
        let Version(version) = change.version;
        let is_newer = |known: Option<i64>| known.is_some_and(|known| known > version);
        plan.results[at] = match &change.action {
            Action::PutCollection { .. } => None,
            Action::PutItem(item) => {
                let key: Key<'a> = (Cow::Borrowed(&item.collection), Cow::Borrowed(&item.id));
                let gone = change.source.and_then(|source| memory.gone.get(source).copied());
                if is_newer(memory.version(&key)) || is_newer(gone) {
                    Some(Applied::Superseded)
                } else {
                    // What this document held before and does not any more.
                    for (other, known) in change.source.map(|source| memory.items_of(source)).unwrap_or_default() {
                        if other != key && known.version < version {
                            take_out(&mut memory, &mut plan, other, known);
                        }
                    }
                    let source = change.source.map(Cow::Borrowed);
                    let known = Known { version, deleted: false, source };
                    memory.remember(key.clone(), known.clone());
                    plan.items.insert(key, (known, Some(at)));
                    Some(Applied::Written)
                }
            }
            Action::RemoveItem { collection, id } => {
                let key: Key<'a> = (Cow::Borrowed(collection), Cow::Borrowed(id));
                if is_newer(memory.version(&key)) {
                    Some(Applied::Superseded)
                } else {
                    take_out(&mut memory, &mut plan, key, Known { version, deleted: true, source: None });
                    Some(Applied::Removed)
                }
            }
            Action::RemoveSource => Some(match change.source {
                None => Applied::Removed,
                Some(source) if is_newer(memory.gone.get(source).copied()) => Applied::Superseded,
                Some(source) => {
                    memory.forget(Cow::Borrowed(source), version);
                    plan.gone.insert(Cow::Borrowed(source), version);
                    let mut applied = Applied::Removed;
                    for (key, known) in memory.items_of(source) {
                        if known.version > version {
                            applied = Applied::Superseded;
                        } else {
                            take_out(&mut memory, &mut plan, key, known);
                        }
                    }
                    applied
                }
            }),
        };
    }
    plan
}

/// Takes an item out. It keeps the version that is known of it: the document that held it is gone, but the item may
/// have been put elsewhere meanwhile, and the message about that may be the later one to come.
fn take_out<'a>(memory: &mut Memory<'a>, plan: &mut Plan<'a>, key: Key<'a>, known: Known<'a>) {
    let known = Known { deleted: true, ..known };
    memory.remember(key.clone(), known.clone());
    plan.items.insert(key, (known, None));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::search::item;

    fn text(id: &str) -> String {
        format!(
            r#"{{"type":"Feature","id":"{id}","collection":"c","geometry":{{"type":"Point","coordinates":[0,0]}},
                "bbox":[0,0,0,0],"properties":{{"datetime":"2020-01-01T00:00:00Z"}}}}"#
        )
    }

    fn put<'a>(text: &'a str, version: i64, source: Option<&'a str>) -> Change<'a> {
        Change { version: Version(version), source, action: Action::PutItem(item::check(text).unwrap()) }
    }

    fn remove_source(source: &str, version: i64) -> Change<'_> {
        Change { version: Version(version), source: Some(source), action: Action::RemoveSource }
    }

    fn key(id: &str) -> Key<'_> {
        ("c".into(), id.into())
    }

    fn stands(plan: &Plan<'_>, id: &'static str) -> bool {
        plan.items[&key(id)].1.is_some()
    }

    #[test]
    fn a_document_that_holds_another_item_now_takes_the_one_before_out() {
        let (a, b) = (text("a"), text("b"));
        let changes = [put(&a, 1, Some("s")), put(&b, 2, Some("s"))];
        let plan = plan(Memory::default(), &changes, |_| false);
        assert_eq!(plan.results, [Some(Applied::Written), Some(Applied::Written)]);
        assert!(!stands(&plan, "a") && stands(&plan, "b"));
        assert_eq!(plan.items[&key("a")].0.version, 1);
    }

    #[test]
    fn the_items_of_one_document_stand_beside_each_other() {
        let (a, b) = (text("a"), text("b"));
        let changes = [put(&a, 2, Some("s")), put(&b, 2, Some("s"))];
        let plan = plan(Memory::default(), &changes, |_| false);
        assert!(stands(&plan, "a") && stands(&plan, "b"));
    }

    #[test]
    fn an_item_that_moved_to_another_document_outlives_the_first() {
        let a = text("a");
        let changes = [put(&a, 1, Some("s")), put(&a, 2, Some("t")), remove_source("s", 3)];
        assert!(stands(&plan(Memory::default(), &changes, |_| false), "a"));
        // Also when the removal is heard of first.
        let changes = [put(&a, 1, Some("s")), remove_source("s", 3), put(&a, 2, Some("t")), put(&a, 2, Some("s"))];
        let plan = plan(Memory::default(), &changes, |_| false);
        assert!(stands(&plan, "a"));
        assert_eq!(plan.results[3], Some(Applied::Superseded));
    }

    #[test]
    fn what_is_left_out_has_no_effect_on_the_others() {
        let a = text("a");
        let mut memory = Memory::default();
        memory.remember(key("a"), Known { version: 1, deleted: false, source: Some("s".into()) });
        let changes = [remove_source("s", 2), put(&a, 3, None)];
        let plan = plan(memory, &changes, |at| at == 1);
        assert_eq!(plan.results, [Some(Applied::Removed), None]);
        assert!(!stands(&plan, "a"));
    }
}
