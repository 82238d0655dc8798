//! The scenes of a source, row by row, in the order of keys.

use std::collections::VecDeque;

use crate::message::SceneRecord;
use crate::ports::{Clock, ListSource, PortResult, SourceObject};
use crate::scene::inventory::{Entry, Inventory, ListedScene};
use crate::scene::{MetadataName, SceneId};

use super::insist;

/// A scene with metadata, and where that is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sourced {
    pub(super) source: SourceObject,
    pub(super) name: MetadataName,
    pub(super) quicklook: Option<String>,
}

impl Sourced {
    pub(super) fn scene(&self) -> &SceneId {
        &self.name.scene
    }

    /// The message that has its item made.
    pub(super) fn record(&self, reprocess: bool) -> SceneRecord {
        SceneRecord {
            source: self.source.clone(),
            removed: false,
            reprocess,
            force: true,
            quicklook: self.quicklook.clone(),
            message_id: None,
            time: None,
        }
    }
}

/// The scenes of a row.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// The key of the row.
    pub(super) key: String,
    pub(super) scenes: Vec<Sourced>,
}

/// The scenes of one bucket.
struct Bucket {
    name: String,
    after: Option<String>,
    inventory: Inventory,
    ready: VecDeque<Sourced>,
    is_read: bool,
}

/// The scenes of all buckets together.
pub(super) struct Rows<'a, S, R> {
    source: &'a S,
    clock: &'a R,
    prefix: String,
    buckets: Vec<Bucket>,
}

impl<'a, S: ListSource, R: Clock> Rows<'a, S, R> {
    pub(super) fn new(source: &'a S, clock: &'a R, buckets: &[String], prefix: String) -> Self {
        let bucket = |name: &String| Bucket {
            name: name.clone(),
            after: None,
            inventory: Inventory::new(),
            ready: VecDeque::new(),
            is_read: false,
        };
        Self { source, clock, prefix, buckets: buckets.iter().map(bucket).collect() }
    }

    /// The next row, when it is not behind the row `last`.
    pub(super) async fn next(&mut self, last: Option<&str>) -> PortResult<Option<Row>> {
        for at in 0..self.buckets.len() {
            self.read_a_row(at).await?;
        }
        let first = self.buckets.iter().filter_map(|bucket| bucket.ready.front()).map(|next| next.scene().row_key());
        let Some(key) = first.min().filter(|key| last.is_none_or(|last| key.as_str() <= last)) else {
            return Ok(None);
        };
        let mut scenes = Vec::new();
        for bucket in &mut self.buckets {
            while let Some(scene) = bucket.ready.pop_front_if(|next| next.scene().row_key() == key) {
                scenes.push(scene);
            }
        }
        Ok(Some(Row { key, scenes }))
    }

    /// Reads on until the first row of what is ready is whole.
    async fn read_a_row(&mut self, at: usize) -> PortResult<()> {
        loop {
            let bucket = &self.buckets[at];
            let is_whole = match (bucket.ready.front(), bucket.ready.back()) {
                (Some(first), Some(last)) => first.scene().row_key() != last.scene().row_key(),
                _ => false,
            };
            if bucket.is_read || is_whole {
                return Ok(());
            }
            let (name, after) = (bucket.name.clone(), bucket.after.clone());
            let list = || self.source.list(&name, &self.prefix, after.as_deref());
            let page = insist(self.clock, list).await?;
            let bucket = &mut self.buckets[at];
            bucket.after = page.objects.last().map(|object| object.key.clone()).or(after);
            let mut entries = bucket.inventory.take(page.objects);
            if !page.more {
                bucket.is_read = true;
                entries.extend(bucket.inventory.finish());
            }
            bucket.ready.extend(entries.into_iter().filter_map(|entry| sourced(&name, entry)));
        }
    }
}

/// A scene with metadata; other files give no item.
fn sourced(bucket: &str, entry: Entry) -> Option<Sourced> {
    let Entry::Scene(scene) = entry else { return None };
    let quicklook = scene.quicklook_key();
    let ListedScene { metadata, .. } = *scene;
    let metadata = metadata?;
    let source = SourceObject { bucket: bucket.to_owned(), key: metadata.name.key(), file: metadata.file };
    Some(Sourced { source, name: metadata.name, quicklook })
}

/// The scene in any of the buckets, as they stand now; with `anew` also where a source remembers what it has listed, and
/// looks again only when a listing begins.
pub(super) async fn find<S: ListSource, R: Clock>(
    source: &S,
    clock: &R,
    buckets: &[String],
    scene: &SceneId,
    anew: bool,
) -> PortResult<Vec<Sourced>> {
    let folder = format!("{}/", scene.folder());
    let mut rows = Rows::new(source, clock, buckets, folder.clone());
    if !anew {
        rows.buckets.iter_mut().for_each(|bucket| bucket.after = Some(folder.clone()));
    }
    Ok(rows.next(None).await?.map(|row| row.scenes).unwrap_or_default())
}
