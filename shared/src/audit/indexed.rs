//! A search index beside the catalog: what it lists of the items of a level, and holds of some.

use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt as _};

use crate::layout::segment;
use crate::level::Level;
use crate::missions;
use crate::ports::{Clock, InspectCatalog, ListSource, PortResult, ReadCatalog, ReadMarks, ReadSource, WatchQueues};

use super::confirm::Suspect;
use super::course::{Audit, Listings, choose};
use super::finding::{Class, Finding, Remedy};
use super::ports::{Held, Indexed, InspectIndex, ItemName};
use super::repair::Mend;
use super::tree::{Whole, is_filed};
use super::{AT_ONCE, Content, Ports, insist};

/// By how much the clocks of a store and of what feeds an index may differ.
const CLOCKS_DIFFER_BY: TimeDelta = TimeDelta::seconds(5);

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
    /// The folders whose items are not looked for in the index.
    pub(super) fn left_out(&self) -> Vec<String> {
        match self.settings.scenes {
            true => Vec::new(),
            false => missions::SATELLITES.iter().map(|satellite| format!("{}/", satellite.folder)).collect(),
        }
    }

    /// Takes a level of a layout. Its items have no scenes, and are compared with the index alone.
    pub(super) async fn take_filed(&mut self, whole: &Whole, beside: &mut Listings<'_, S, R, I>) -> PortResult<()> {
        let Whole { level, names, .. } = whole;
        let files: Vec<&String> = names.iter().filter(|file| is_filed(file)).collect();
        self.report.looked.items += files.len() as u64;
        if beside.index.is_none() {
            return Ok(());
        }
        let collection = self.settings.grid.collection_of(level);
        let Some(collection) = collection.as_ref().and_then(Level::name).map(segment::decode) else {
            for file in files {
                self.report.add(&without_collection(level.object_key(file)), false);
            }
            return Ok(());
        };
        let name = |file: &&String| ItemName {
            key: level.object_key(file),
            collection: collection.clone().into_owned(),
            id: segment::id_of(file).into_owned(),
        };
        self.compare_with_index(whole, files.iter().map(name).collect(), beside).await
    }

    /// Compares the items of a level with what the index lists of them.
    pub(super) async fn compare_with_index(
        &mut self,
        whole: &Whole,
        items: Vec<ItemName>,
        beside: &mut Listings<'_, S, R, I>,
    ) -> PortResult<()> {
        let mut to_compare = Vec::new();
        for name in items {
            let mut found = None;
            while let Some(item) = beside.next_indexed(Some(&name.key)).await? {
                if item.name.key == name.key && item.name.id == name.id {
                    found = Some(item);
                } else {
                    self.without_document(item).await?;
                }
            }
            if !self.is_to_be_indexed(&name.collection) {
                continue;
            }
            match found {
                None => self.suspect(Suspect::NotIndexed(name)).await?,
                Some(item) if is_older(item.version, whole.written.get(&name.key).copied()) => {
                    self.suspect(Suspect::Indexed { name, is_older: true }).await?;
                }
                Some(_) => to_compare.push(name),
            }
            self.report.looked.indexed += 1;
        }
        match self.settings.content {
            Content::Full => self.compare_contents_with_index(to_compare).await,
            Content::Sample { items, seed } => {
                for name in to_compare {
                    choose(&mut self.sample_of_index, items, seed, name.key.clone(), name);
                }
                Ok(())
            }
        }
    }

    /// Whether the index is to hold the items of this collection.
    fn is_to_be_indexed(&self, collection: &str) -> bool {
        self.settings.indexed.is_empty() || self.settings.indexed.contains(collection)
    }

    /// The index lists an item whose document was not met.
    pub(super) async fn without_document(&mut self, item: Indexed) -> PortResult<()> {
        if !self.is_to_be_indexed(&item.name.collection) {
            return Ok(());
        }
        self.suspect(Suspect::Extra(item.name)).await
    }

    /// Compares the content of items with what the index holds of them.
    pub(super) async fn compare_contents_with_index(&mut self, names: Vec<ItemName>) -> PortResult<()> {
        let looks = stream::iter(&names).map(|name| self.held(name)).buffered(AT_ONCE);
        let found: Vec<PortResult<Option<Held>>> = looks.collect().await;
        self.report.looked.compared_with_index += names.len() as u64;
        for (name, held) in names.into_iter().zip(found) {
            if held? == Some(Held::Different) {
                self.suspect(Suspect::Indexed { name, is_older: false }).await?;
            }
        }
        Ok(())
    }

    /// What the index holds of an item as it stands in the catalog; none where it does not stand there.
    pub(super) async fn held(&self, name: &ItemName) -> PortResult<Option<Held>> {
        let Some(fed) = &self.ports.index else { return Ok(None) };
        let Ports { catalog, clock, .. } = *self.ports;
        let Some(found) = insist(clock, || catalog.inspect(&name.key)).await? else { return Ok(None) };
        insist(clock, || fed.index.compare(name, &found.bytes)).await.map(Some)
    }
}

impl<S, R: Clock, I: InspectIndex> Listings<'_, S, R, I> {
    /// The next item of the index, when its key is not behind `last`.
    pub(super) async fn next_indexed(&mut self, last: Option<&str>) -> PortResult<Option<Indexed>> {
        match &mut self.index {
            Some(index) => index.next(last).await,
            None => Ok(None),
        }
    }
}

/// Whether the index knows of a change that was before the document was last written.
fn is_older(version: Option<DateTime<Utc>>, written: Option<DateTime<Utc>>) -> bool {
    matches!((version, written), (Some(version), Some(written)) if version + CLOCKS_DIFFER_BY < written)
}

fn without_collection(key: String) -> Finding {
    let detail = "it is of no collection, and a search index takes items of collections".to_owned();
    Finding { class: Class::Unindexable, subject: key, detail, remedy: Remedy::Hand }
}
