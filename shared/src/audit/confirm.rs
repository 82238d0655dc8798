//! Looking again at what does not look right, and what follows from it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use futures::stream::{self, StreamExt as _};
use serde::Deserialize;

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
    NotIndexed(SceneId),
    /// The index holds another item, which may be known to be an older one.
    Indexed {
        scene: SceneId,
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
        let before = self.look(&suspects).await?;
        for _ in 0..SLICES {
            self.ports.clock.pause(self.settings.grace / SLICES).await;
            // Sampled, because a queue that is fed slowly is empty now and then.
            self.look_at_queues(&mut drained).await?;
        }
        let owed = self.owed(&suspects).await?;
        let found = self.look(&suspects).await?;
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
            Remedy::Withdraw(_) => {}
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
    async fn look(&self, suspects: &[Suspect]) -> PortResult<Vec<Vec<Finding>>> {
        // Once a batch the source is listed from the beginning, which some remember.
        let first = suspects.iter().position(|suspect| matches!(suspect, Suspect::NoSource(_)));
        let looks = stream::iter(suspects.iter().enumerate())
            .map(|(at, suspect)| self.look_at(suspect, Some(at) == first))
            .buffered(AT_ONCE);
        looks.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn look_at(&self, suspect: &Suspect, anew: bool) -> PortResult<Vec<Finding>> {
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
            Suspect::NotIndexed(scene) => {
                let name = ItemName::from(scene);
                if !insist(clock, || catalog.exists(&name.key)).await? || self.index_holds(&name).await? {
                    return Ok(Vec::new());
                }
                let remedy = self.remedy_of_index(scene).await?;
                let detail = "it is not in the search index".to_owned();
                Ok(vec![Finding { class: Class::IndexMissing, subject: name.key, detail, remedy }])
            }
            Suspect::Indexed { scene, is_older } => {
                if self.held(scene).await? != Some(Held::Different) {
                    return Ok(Vec::new());
                }
                let (class, detail) = match is_older {
                    true => (Class::IndexStale, "the search index holds an item that is older than this one"),
                    false => (Class::IndexDiffers, "the search index holds another item than this one"),
                };
                let remedy = self.remedy_of_index(scene).await?;
                Ok(vec![Finding { class, subject: ItemName::from(scene).key, detail: detail.to_owned(), remedy }])
            }
            Suspect::Extra(name) => {
                if self.stands(name).await? || !self.index_holds(name).await? {
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

    /// Whether the document of this key is the item of this name.
    async fn stands(&self, name: &ItemName) -> PortResult<bool> {
        #[derive(Deserialize)]
        struct Item {
            id: String,
            collection: Option<String>,
        }
        let Ports { catalog, clock, .. } = *self.ports;
        let Some(found) = insist(clock, || catalog.inspect(&name.key)).await? else { return Ok(false) };
        let item = serde_json::from_slice::<Item>(&found.bytes);
        Ok(item.is_ok_and(|item| item.id == name.id && item.collection.is_none_or(|id| id == name.collection)))
    }

    async fn index_holds(&self, name: &ItemName) -> PortResult<bool> {
        let Some(fed) = &self.ports.index else { return Ok(false) };
        let names = std::slice::from_ref(name);
        Ok(insist(self.ports.clock, || fed.index.holds(names)).await?.contains(&true))
    }

    /// What brings an item of the catalog into the index: the index reads it, or its scene is sent through all again.
    async fn remedy_of_index(&self, scene: &SceneId) -> PortResult<Remedy> {
        if I::READS_CATALOG {
            return Ok(Remedy::Read(ItemName::from(scene).key));
        }
        let found = self.sourced(scene).await?;
        Ok(found.map_or(Remedy::Hand, |sourced| Remedy::Send(Box::new(sourced.record(true)))))
    }

    /// What takes an item out of the index that the catalog does not have. One whose scene is in the source is found to
    /// be missing as well, and made.
    async fn remedy_of_extra(&self, name: &ItemName) -> PortResult<Remedy> {
        if I::READS_CATALOG {
            return Ok(Remedy::Read(name.key.clone()));
        }
        let scene = SceneId::parse(&name.id).ok().filter(|scene| ItemName::from(scene) == *name);
        let Some(scene) = scene.filter(|_| !self.settings.sources.is_empty()) else { return Ok(Remedy::Hand) };
        Ok(if self.sourced(&scene).await?.is_some() { Remedy::Hand } else { Remedy::Withdraw(scene) })
    }

    async fn sourced(&self, scene: &SceneId) -> PortResult<Option<Sourced>> {
        let Ports { source, clock, .. } = *self.ports;
        Ok(scenes::find(source, clock, &self.settings.sources, scene, false).await?.into_iter().next())
    }

    /// Notes to withdraw the items without source, where they are few enough.
    pub(super) fn prune(&mut self) {
        let scenes = std::mem::take(&mut self.without_source);
        let Some(allowed) = self.settings.prune.filter(|_| !scenes.is_empty()) else { return };
        let share = scenes.len() as f64 / self.report.looked.items.max(1) as f64;
        if share > allowed {
            self.report.spared = Some(Spared { items: scenes.len() as u64, share, allowed });
            return;
        }
        let bucket = self.settings.sources.first().cloned().unwrap_or_default();
        self.mending.withdraw(scenes.iter().map(|scene| SceneRecord::removal(scene, bucket.clone(), None)));
    }
}
