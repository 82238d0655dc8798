//! The way of an audit through catalog, source and index: each is listed once, in the order of keys.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use futures::stream::{self, StreamExt as _};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ports::{Clock, InspectCatalog, ListSource, PortResult, ReadCatalog, ReadMarks, ReadSource, WatchQueues};
use crate::scene::SceneId;

use super::beside::Beside;
use super::confirm::Suspect;
use super::finding::{Class, Finding, Remedy, Report};
use super::look::Eye;
use super::ports::{InspectIndex, ItemName};
use super::repair::{Mend, Mending};
use super::scenes::{Row, Rows, Sourced};
use super::tree::{Event, Tree, Whole, scene_of};
use super::{AT_ONCE, AuditError, Content, Ports, Progress, Settings, insist};

/// Things by the number that chose them, and their names: the least numbers are the sample.
pub(super) type Sample<T> = BTreeMap<(u64, String), T>;

/// An audit under way.
pub(super) struct Audit<'a, C, S, M, W, R, D, I> {
    pub(super) ports: &'a Ports<'a, C, S, M, W, R, I>,
    pub(super) settings: &'a Settings,
    pub(super) mend: &'a D,
    pub(super) progress: &'a Progress,
    pub(super) eye: Eye<'a, C, R>,
    pub(super) report: Report,
    pub(super) suspects: Vec<Suspect>,
    /// Items to withdraw, gathered only where that is asked for.
    pub(super) without_source: Vec<SceneId>,
    /// Items that the index is to forget, gathered only where that is asked for.
    pub(super) without_document: Vec<ItemName>,
    /// What is to be done in the end.
    pub(super) mending: Mending,
    /// The items whose content is to be compared in the end with what their source gives.
    sample: Sample<Vec<Sourced>>,
    /// The items whose content is to be compared in the end with what the index holds.
    pub(super) sample_of_index: Sample<ItemName>,
}

/// The listings beside that of the catalog.
pub(super) struct Listings<'a, S, R, I> {
    rows: Rows<'a, S, R>,
    pub(super) index: Option<Beside<'a, I, R>>,
}

impl<'a, C, S, M, W, R, D, I> Audit<'a, C, S, M, W, R, D, I>
where
    C: InspectCatalog + ReadCatalog + Sync,
    S: ListSource + ReadSource + Sync,
    M: ReadMarks + Sync,
    W: WatchQueues + Sync,
    R: Clock + Sync,
    D: Mend + Sync,
    I: InspectIndex + Sync,
{
    pub(super) fn new(
        ports: &'a Ports<'a, C, S, M, W, R, I>,
        settings: &'a Settings,
        mend: &'a D,
        progress: &'a Progress,
    ) -> Self {
        let eye = Eye { catalog: ports.catalog, clock: ports.clock, grid: &settings.grid, site: &settings.site };
        Self {
            ports,
            settings,
            mend,
            progress,
            eye,
            report: Report::default(),
            suspects: Vec::new(),
            without_source: Vec::new(),
            without_document: Vec::new(),
            mending: Mending::default(),
            sample: Sample::new(),
            sample_of_index: Sample::new(),
        }
    }

    pub(super) async fn all(&mut self) -> Result<(), AuditError> {
        let top = &self.settings.top;
        let prefix = top.prefix();
        let mut tree = Tree::new(&self.settings.grid, top.clone());
        let Ports { source, clock, .. } = *self.ports;
        let mut beside = Listings {
            rows: Rows::new(source, clock, self.sources(), prefix.clone()),
            index: self.ports.index.as_ref().map(|fed| Beside::new(fed.index, clock, prefix.clone(), self.left_out())),
        };
        let mut after: Option<String> = None;
        loop {
            let page = insist(self.ports.clock, || self.ports.catalog.keys(&prefix, after.as_deref())).await?;
            let count = page.keys.len() as u64;
            self.report.looked.objects += count;
            self.progress.objects.fetch_add(count, Ordering::Relaxed);
            after = page.keys.last().cloned().or(after);
            let mut events = Vec::new();
            let mut written = page.written.into_iter();
            page.keys.into_iter().for_each(|key| tree.take(key, written.next(), &mut events));
            if !page.more {
                tree.finish(&mut events);
            }
            self.take(events, &mut beside).await?;
            if !page.more {
                break;
            }
        }
        // Rows that only the source has.
        while let Some(row) = beside.rows.next(None).await? {
            self.compare_row(&[], row).await?;
        }
        // Items that only the index has.
        while let Some(item) = beside.next_indexed(None).await? {
            self.without_document(item).await?;
        }
        self.compare_samples().await?;
        Box::pin(self.confirm()).await?;
        if self.report.looked.objects == 0 && self.report.looked.scenes == 0 {
            return Err(AuditError::Nothing { top: top.clone() });
        }
        self.prune();
        self.report.repairs = self.mending.repairs();
        self.mending.send(self.mend).await?;
        self.report.finish();
        Ok(())
    }

    /// The buckets whose scenes are compared.
    fn sources(&self) -> &'a [String] {
        if self.settings.scenes { &self.settings.sources } else { &[] }
    }

    /// Looks at the levels that are whole, and compares those that are rows with source and index.
    async fn take(&mut self, events: Vec<Event>, beside: &mut Listings<'_, S, R, I>) -> PortResult<()> {
        let mut levels = Vec::new();
        for event in events {
            match event {
                Event::Level(whole) => levels.push(whole),
                Event::Stray(key) => self.report.add(&stray(key), false),
            }
        }
        let eye = &self.eye;
        let looks = stream::iter(&levels).map(|whole| eye.is_sound(whole)).buffered(AT_ONCE);
        let sound: Vec<PortResult<bool>> = looks.collect().await;
        for (whole, is_sound) in levels.into_iter().zip(sound) {
            self.report.looked.levels += 1;
            self.progress.levels.fetch_add(1, Ordering::Relaxed);
            if !is_sound? {
                self.suspect(Suspect::Level(whole.level.clone())).await?;
            }
            if self.settings.grid.holds_items(&whole.level) {
                self.take_row(&whole, beside).await?;
            }
        }
        Ok(())
    }

    async fn take_row(&mut self, whole: &Whole, beside: &mut Listings<'_, S, R, I>) -> PortResult<()> {
        if self.settings.grid.is_filed(&whole.level) {
            return self.take_filed(whole, beside).await;
        }
        if !self.settings.scenes {
            self.report.looked.items += whole.names.len() as u64;
            return Ok(());
        }
        let key = whole.level.key();
        let items: Vec<SceneId> = whole.names.iter().filter_map(|name| scene_of(&whole.level, name)).collect();
        self.report.looked.items += items.len() as u64;
        if beside.index.is_some() {
            self.compare_with_index(whole, items.iter().map(ItemName::from).collect(), beside).await?;
        }
        if self.sources().is_empty() {
            return Ok(());
        }
        let rows = &mut beside.rows;
        let mut compared = false;
        while let Some(row) = rows.next(Some(key)).await? {
            if row.key == key {
                self.compare_row(&items, row).await?;
                compared = true;
            } else {
                self.compare_row(&[], row).await?;
            }
        }
        if !compared {
            self.compare_row(&items, Row { key: key.to_owned(), scenes: Vec::new() }).await?;
        }
        Ok(())
    }

    /// Compares the items of a row with the scenes that the source has for it.
    async fn compare_row(&mut self, items: &[SceneId], row: Row) -> PortResult<()> {
        let mut scenes: BTreeMap<String, Vec<Sourced>> = BTreeMap::new();
        for sourced in row.scenes {
            scenes.entry(sourced.scene().to_string()).or_default().push(sourced);
        }
        self.report.looked.scenes += scenes.len() as u64;
        self.progress.scenes.fetch_add(scenes.len() as u64, Ordering::Relaxed);
        let mut pairs = Vec::new();
        for item in items {
            match scenes.remove(&item.to_string()) {
                Some(sourced) => pairs.push(sourced),
                None => self.suspect(Suspect::NoSource(item.clone())).await?,
            }
        }
        for sourced in scenes.into_values().filter_map(|sourced| sourced.into_iter().next()) {
            self.suspect(Suspect::NoItem(Box::new(sourced))).await?;
        }
        match self.settings.content {
            Content::Full => self.compare(pairs).await,
            Content::Sample { items, seed } => {
                for pair in pairs {
                    let Some(scene) = pair.first().map(|sourced| sourced.scene().to_string()) else { continue };
                    choose(&mut self.sample, items, seed, scene, pair);
                }
                Ok(())
            }
        }
    }

    async fn compare_samples(&mut self) -> PortResult<()> {
        let sample = std::mem::take(&mut self.sample);
        self.compare(sample.into_values().collect()).await?;
        let sample = std::mem::take(&mut self.sample_of_index);
        self.compare_contents_with_index(sample.into_values().collect()).await
    }

    /// Compares the content of items with what their sources give.
    async fn compare(&mut self, pairs: Vec<Vec<Sourced>>) -> PortResult<()> {
        let (eye, source, buckets) = (&self.eye, self.ports.source, &self.settings.buckets);
        let looks = stream::iter(&pairs).map(|pair| eye.compare(source, buckets, pair)).buffered(AT_ONCE);
        let found: Vec<PortResult<Vec<Finding>>> = looks.collect().await;
        self.report.looked.compared += pairs.len() as u64;
        for (pair, found) in pairs.into_iter().zip(found) {
            if !found?.is_empty() {
                self.suspect(Suspect::Content(pair)).await?;
            }
        }
        Ok(())
    }
}

/// Takes a thing into a sample of so many, when the seed chooses it.
pub(super) fn choose<T>(sample: &mut Sample<T>, most: usize, seed: u64, name: String, thing: T) {
    sample.insert((xxh3_64_with_seed(name.as_bytes(), seed), name), thing);
    if sample.len() > most {
        sample.pop_last();
    }
}

fn stray(key: String) -> Finding {
    let detail = "it is neither the document of a level nor an item in its row";
    Finding { class: Class::Stray, subject: key, detail: detail.to_owned(), remedy: Remedy::Hand }
}
