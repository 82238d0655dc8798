//! Looking again at what does not look right, and what follows from it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use futures::stream::{self, StreamExt as _};
use serde::de::IgnoredAny;

use crate::level::Level;
use crate::message::SceneRecord;
use crate::ports::{Clock, InspectCatalog, ListSource, PortResult, ReadCatalog, ReadMarks, ReadSource, WatchQueues};
use crate::scene::SceneId;

use super::course::Audit;
use super::finding::{Class, Finding, Remedy, Spared};
use super::ports::{Held, InspectIndex, ItemName};
use super::repair::Mend;
use super::scenes::{self, Sourced};
use super::{AT_ONCE, Ports, insist};

/// How many things that look wrong are gathered before they are looked at again, which costs a grace. They are held in
/// memory, some hundred bytes each.
const SUSPECTS_AT_ONCE: usize = 20_000;

/// How many times the queues are looked at during the grace.
const SLICES: u64 = 20;

/// Something that does not look right.
pub(super) enum Suspect {
    Level(Level),
    NoItem(Box<Sourced>),
    NoSource(SceneId),
    Content(Vec<Sourced>),
    /// The index does not list the item.
    NotIndexed(ItemName),
    /// The index holds another item, which may be known to be an older one.
    Indexed {
        name: ItemName,
        is_older: bool,
    },
    /// The index lists what the catalog does not have.
    Extra(ItemName),
}

impl Suspect {
    /// Whether it is about the index.
    fn is_of_index(&self) -> bool {
        matches!(self, Self::NotIndexed(_) | Self::Indexed { .. } | Self::Extra(_))
    }
}

/// Items by collection and id that the index knows from one place of the catalog, and that stand in another.
type Moved<'a> = BTreeSet<(&'a str, &'a str)>;

/// What was owed while the second look was waited for.
struct Drained {
    /// No message about a scene or a level.
    catalog: bool,
    /// And none about an item.
    index: bool,
}

impl<C, S, M, W, R, D, I> Audit<'_, C, S, M, W, R, D, I>
where
    C: InspectCatalog + ReadCatalog + Sync,
    S: ListSource + ReadSource + Sync,
    M: ReadMarks + Sync,
    W: WatchQueues + Sync,
    R: Clock + Sync,
    D: Mend + Sync,
    I: InspectIndex + Sync,
{
    pub(super) async fn suspect(&mut self, suspect: Suspect) -> PortResult<()> {
        self.progress.suspects.fetch_add(1, Ordering::Relaxed);
        self.suspects.push(suspect);
        if self.suspects.len() < SUSPECTS_AT_ONCE { Ok(()) } else { Box::pin(self.confirm()).await }
    }

    /// Looks again, and once more when the grace has passed. What both looks find is wrong, unless something is owed.
    pub(super) async fn confirm(&mut self) -> PortResult<()> {
        let suspects = std::mem::take(&mut self.suspects);
        if suspects.is_empty() {
            return Ok(());
        }
        let mut drained = Drained { catalog: true, index: suspects.iter().any(Suspect::is_of_index) };
        self.look_at_queues(&mut drained).await?;
        let moved = moved(&suspects);
        let before = self.look(&suspects, &moved).await?;
        for _ in 0..SLICES {
            self.ports.clock.pause(self.settings.grace / SLICES).await;
            // Sampled, because a queue that is fed slowly is empty now and then.
            self.look_at_queues(&mut drained).await?;
        }
        let owed = self.owed(&suspects).await?;
        let found = self.look(&suspects, &moved).await?;
        self.look_at_queues(&mut drained).await?;
        for ((suspect, before), found) in suspects.iter().zip(before).zip(found) {
            let is_owed = match suspect {
                Suspect::Level(level) => !drained.catalog || owed.contains(level),
                suspect if suspect.is_of_index() => !drained.catalog || !drained.index,
                _ => !drained.catalog,
            };
            for finding in found.into_iter().filter(|finding| before.contains(finding)) {
                self.report.add(&finding, is_owed);
                if !is_owed {
                    self.gather(finding.remedy);
                }
            }
        }
        Ok(())
    }

    /// Notes what is to be done in the end: messages that were sent while the audit goes on would look like work that is
    /// under way, and what is found after them would be pending.
    fn gather(&mut self, remedy: Remedy) {
        match remedy {
            Remedy::Withdraw(scene) if self.settings.prune.is_some() => self.without_source.push(scene),
            Remedy::Forget(name) if self.settings.prune.is_some() => self.without_document.push(name),
            Remedy::Withdraw(_) | Remedy::Forget(_) => {}
            other => self.mending.gather(other),
        }
    }

    /// Looks at queues that were empty so far; at those of the index only where that matters.
    async fn look_at_queues(&self, drained: &mut Drained) -> PortResult<()> {
        let Ports { queues, clock, index, .. } = self.ports;
        drained.catalog = drained.catalog && insist(*clock, || queues.are_drained()).await?;
        if let Some(fed) = index {
            drained.index = drained.index && insist(*clock, || fed.queues.are_drained()).await?;
        }
        Ok(())
    }

    /// Those of the suspected levels that are marked, or have a marked level directly below: that one will mark them.
    async fn owed(&self, suspects: &[Suspect]) -> PortResult<BTreeSet<Level>> {
        let levels: BTreeSet<&Level> = suspects
            .iter()
            .filter_map(|suspect| if let Suspect::Level(level) = suspect { Some(level) } else { None })
            .collect();
        let mut owed = BTreeSet::new();
        let mut from = None;
        while !levels.is_empty() {
            let page = insist(self.ports.clock, || self.ports.marks.scan(from.as_ref())).await?;
            let marked = page.marks.into_iter().flat_map(|mark| [mark.level.parent(), Some(mark.level)]);
            owed.extend(marked.flatten().filter(|level| levels.contains(level)));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        Ok(owed)
    }

    /// What is wrong with each suspect now.
    async fn look(&self, suspects: &[Suspect], moved: &Moved<'_>) -> PortResult<Vec<Vec<Finding>>> {
        // Once a batch the source is listed from the beginning, which some remember.
        let first = suspects.iter().position(|suspect| matches!(suspect, Suspect::NoSource(_)));
        let looks = stream::iter(suspects.iter().enumerate())
            .map(|(at, suspect)| self.look_at(suspect, Some(at) == first, moved))
            .buffered(AT_ONCE);
        looks.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn look_at(&self, suspect: &Suspect, anew: bool, moved: &Moved<'_>) -> PortResult<Vec<Finding>> {
        let Ports { catalog, source, clock, .. } = *self.ports;
        match suspect {
            Suspect::Level(level) => self.eye.look(level).await,
            Suspect::Content(pair) => self.eye.compare(source, &self.settings.buckets, pair).await,
            Suspect::NoItem(sourced) => {
                let key = ItemName::from(sourced.scene()).key;
                let is_there = insist(clock, || catalog.exists(&key)).await?;
                let finding = || Finding {
                    class: Class::SourceWithoutItem,
                    subject: key.clone(),
                    detail: format!("{} is in the source, and there is no item of it", sourced.source.key),
                    remedy: Remedy::Send(Box::new(sourced.record(false))),
                };
                Ok(if is_there { Vec::new() } else { vec![finding()] })
            }
            Suspect::NoSource(scene) => {
                let key = ItemName::from(scene).key;
                if !insist(clock, || catalog.exists(&key)).await?
                    || !scenes::find(source, clock, &self.settings.sources, scene, anew).await?.is_empty()
                {
                    return Ok(Vec::new());
                }
                Ok(vec![Finding {
                    class: Class::ItemWithoutSource,
                    subject: key,
                    detail: "the source has no metadata of its scene".to_owned(),
                    remedy: Remedy::Withdraw(scene.clone()),
                }])
            }
            Suspect::NotIndexed(name) => self.look_for(name, moved).await,
            Suspect::Indexed { name, is_older } => {
                if self.held(name).await? != Some(Held::Different) {
                    return Ok(Vec::new());
                }
                let (class, detail) = match is_older {
                    true => (Class::IndexStale, "the search index holds an item that is older than this one"),
                    false => (Class::IndexDiffers, "the search index holds another item than this one"),
                };
                let remedy = self.remedy_of_index(name).await?;
                Ok(vec![Finding { class, subject: name.key.clone(), detail: detail.to_owned(), remedy }])
            }
            Suspect::Extra(name) => {
                let is_elsewhere = moved.contains(&(name.collection.as_str(), name.id.as_str()));
                if is_elsewhere || self.stands(name).await? || !self.index_holds(name).await? {
                    return Ok(Vec::new());
                }
                Ok(vec![Finding {
                    class: Class::IndexExtra,
                    subject: name.key.clone(),
                    detail: format!(
                        "the search index holds {} of {}, and the catalog does not",
                        name.id, name.collection
                    ),
                    remedy: self.remedy_of_extra(name).await?,
                }])
            }
        }
    }

    /// Looks for an item of the catalog in the index.
    async fn look_for(&self, name: &ItemName, moved: &Moved<'_>) -> PortResult<Vec<Finding>> {
        let Ports { catalog, clock, .. } = *self.ports;
        let Some(fed) = &self.ports.index else { return Ok(Vec::new()) };
        let Some(found) = insist(clock, || catalog.inspect(&name.key)).await? else { return Ok(Vec::new()) };
        let name = ItemName::read(&name.key, &found.bytes).unwrap_or_else(|| name.clone());
        if self.index_holds(&name).await? {
            if !moved.contains(&(name.collection.as_str(), name.id.as_str())) {
                return Ok(Vec::new());
            }
            let detail = "the search index knows it from another place, where it is not any more".to_owned();
            let remedy = self.remedy_of_index(&name).await?;
            return Ok(vec![Finding { class: Class::IndexStale, subject: name.key, detail, remedy }]);
        }
        // An item of a scene is made again, and then is as it should be.
        let refused = match ItemName::scene_at(&name.key) {
            None => fed.index.refuses(&found.bytes),
            Some(_) => None,
        };
        let (class, detail, remedy) = match refused {
            None => {
                let detail = "it is not in the search index".to_owned();
                (Class::IndexMissing, detail, self.remedy_of_index(&name).await?)
            }
            Some(reason) if serde_json::from_slice::<IgnoredAny>(&found.bytes).is_err() => {
                (Class::DocumentMalformed, reason, Remedy::Hand)
            }
            Some(reason) => (Class::Unindexable, reason, Remedy::Hand),
        };
        Ok(vec![Finding { class, subject: name.key, detail, remedy }])
    }

    /// Whether the document of this key is the item of this name.
    async fn stands(&self, name: &ItemName) -> PortResult<bool> {
        let Ports { catalog, clock, .. } = *self.ports;
        let found = insist(clock, || catalog.inspect(&name.key)).await?;
        Ok(found.is_some_and(|found| ItemName::read(&name.key, &found.bytes).as_ref() == Some(name)))
    }

    async fn index_holds(&self, name: &ItemName) -> PortResult<bool> {
        let Some(fed) = &self.ports.index else { return Ok(false) };
        let names = std::slice::from_ref(name);
        Ok(insist(self.ports.clock, || fed.index.holds(names)).await?.contains(&true))
    }

    /// What brings an item of the catalog into the index: the index learns of it, or its scene is sent through all again.
    async fn remedy_of_index(&self, name: &ItemName) -> PortResult<Remedy> {
        if !I::READS_CATALOG
            && let Some(scene) = ItemName::scene_at(&name.key)
            && let Some(sourced) = self.sourced(&scene).await?
        {
            return Ok(Remedy::Send(Box::new(sourced.record(true))));
        }
        Ok(Remedy::Tell(name.clone()))
    }

    /// What takes an item out of the index that the catalog does not have. One whose scene is in the source is found to
    /// be missing as well, and made.
    async fn remedy_of_extra(&self, name: &ItemName) -> PortResult<Remedy> {
        if I::READS_CATALOG {
            return Ok(Remedy::Tell(name.clone()));
        }
        let is_sourced = match ItemName::scene_at(&name.key) {
            Some(scene) => self.sourced(&scene).await?.is_some(),
            None => false,
        };
        Ok(if is_sourced { Remedy::Hand } else { Remedy::Forget(name.clone()) })
    }

    async fn sourced(&self, scene: &SceneId) -> PortResult<Option<Sourced>> {
        let Ports { source, clock, .. } = *self.ports;
        Ok(scenes::find(source, clock, &self.settings.sources, scene, false).await?.into_iter().next())
    }

    /// Notes to withdraw the items without source, and to forget those that only the index has, where they are few enough.
    pub(super) fn prune(&mut self) {
        let scenes = std::mem::take(&mut self.without_source);
        let names = std::mem::take(&mut self.without_document);
        let items = (scenes.len() + names.len()) as u64;
        let Some(allowed) = self.settings.prune.filter(|_| items > 0) else { return };
        let share = items as f64 / self.report.looked.items.max(1) as f64;
        if share > allowed {
            self.report.spared = Some(Spared { items, share, allowed });
            return;
        }
        let bucket = self.settings.sources.first().cloned().unwrap_or_default();
        self.mending.withdraw(scenes.iter().map(|scene| SceneRecord::removal(scene, bucket.clone(), None)));
        self.mending.forget(names);
    }
}

fn moved(suspects: &[Suspect]) -> Moved<'_> {
    let (mut standing, mut listed) = (Moved::new(), Moved::new());
    for suspect in suspects {
        let (names, name) = match suspect {
            Suspect::NotIndexed(name) => (&mut standing, name),
            Suspect::Extra(name) => (&mut listed, name),
            _ => continue,
        };
        names.insert((&name.collection, &name.id));
    }
    standing.intersection(&listed).copied().collect()
}
