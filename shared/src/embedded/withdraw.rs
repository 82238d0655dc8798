//! Withdrawing scenes from an embedded catalog.
//!
//! The messages are those that the removal of a scene's metadata would send, on the same queue, worked on by the same use
//! cases. What waits there already goes first: a message to make a scene that is worked on after the scene's withdrawal
//! would bring it back.

use std::fmt;
use std::sync::atomic::Ordering;
use std::thread;

use futures::executor::block_on;
use serde::Serialize;
use serde_json::json;

use crate::filing;
use crate::grid::INPE;
use crate::level::Level;
use crate::local::{Local, QueueName, State};
use crate::message::SceneRecord;
use crate::ports::{Clock as _, PortError, PortResult, ReadCatalog as _};
use crate::scene::SceneId;

use super::worker::World;
use super::{Engine, NOTHING_TO_DO, Progress, RunError, Summary, settings};

/// How many messages are sent at once.
const AT_ONCE: usize = 256;

/// What became of a withdrawal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Withdrawal {
    /// The ids of the items that were taken out.
    pub items: Vec<String>,
    /// Those of items that were not there. Where their row is, it was brought up to date all the same, and subscribers
    /// were told: an earlier withdrawal may have been interrupted.
    pub absent: Vec<String>,
    /// Those of items that stand there all the same: the withdrawal failed, or another process has made them again.
    pub remaining: Vec<String>,
    /// All that was done meanwhile, also of what an earlier run had left.
    #[serde(flatten)]
    pub summary: Summary,
}

/// An item of others, as it is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledName {
    /// Its collection; none under a layout without collections.
    pub collection: Option<String>,
    /// Its id.
    pub id: String,
}

impl FiledName {
    /// The key under which it is filed; none when it is not.
    ///
    /// # Errors
    ///
    /// When the state cannot be read.
    pub async fn filed_at(&self, state: &State) -> PortResult<Option<String>> {
        filing::filed_at(state, self.collection.as_deref(), &self.id).await
    }

    /// The message that withdraws it.
    fn withdrawal(&self) -> String {
        let collection = self.collection.as_deref().unwrap_or_default();
        json!({"type": "Withdrawn", "collection": collection, "id": self.id, "time": World.now()}).to_string()
    }
}

impl fmt::Display for FiledName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.collection {
            Some(collection) => write!(f, "{collection}/{}", self.id),
            None => f.write_str(&self.id),
        }
    }
}

/// Takes scenes and items of others out of the catalog and brings its levels up to date. Ends when there is nothing left to do, like
/// [`super::run`]; what an earlier run has left is done, too, with the options of the last run.
///
/// # Errors
///
/// [`RunError`], when the state cannot be used.
pub fn withdraw(
    local: &Local,
    scenes: &[SceneId],
    filed: &[FiledName],
    progress: &Progress,
) -> Result<Withdrawal, RunError> {
    let started = std::time::Instant::now();
    let options = settings::recall(local)?;
    let engine = Engine::new(local, &options, progress)?;
    engine.take_up()?;
    progress.expect((scenes.len() + filed.len()) as u64, true);
    let (mut found, mut were_filed) = (Vec::with_capacity(scenes.len()), Vec::with_capacity(filed.len()));
    engine.work_until_quiet(false, || match engine.send_withdrawals(scenes, filed) {
        Ok(were_there) => (found, were_filed) = were_there,
        Err(error) => engine.fail(RunError::State(error)),
    })?;
    let (mut items, mut absent, mut remaining) = (Vec::new(), Vec::new(), Vec::new());
    for (scene, was_there) in scenes.iter().zip(found) {
        let list = if engine.patience.insist(|| exists(local, &item_key(scene)))? {
            &mut remaining
        } else if was_there {
            &mut items
        } else {
            &mut absent
        };
        list.push(scene.to_string());
    }
    for (name, was_there) in filed.iter().zip(were_filed) {
        let is_there = engine.patience.insist(|| block_on(name.filed_at(&local.state)))?.is_some();
        let list = match (is_there, was_there) {
            (true, _) => &mut remaining,
            (false, true) => &mut items,
            (false, false) => &mut absent,
        };
        list.push(name.to_string());
    }
    Ok(Withdrawal { items, absent, remaining, summary: progress.summary(started.elapsed()) })
}

impl Engine<'_> {
    /// Waits until what is queued has been worked on, and then enqueues the withdrawals. Gives for each scene and each item
    /// of others whether its item was there.
    fn send_withdrawals(&self, scenes: &[SceneId], filed: &[FiledName]) -> Result<(Vec<bool>, Vec<bool>), PortError> {
        let (mut found, mut were_filed) = (Vec::with_capacity(scenes.len()), Vec::with_capacity(filed.len()));
        for name in [QueueName::Scenes, QueueName::Items] {
            let queue = self.local.state.queue(name);
            while !self.patience.insist(|| queue.is_empty())? {
                if self.is_stopped() {
                    return Ok((found, were_filed));
                }
                thread::sleep(NOTHING_TO_DO);
            }
        }
        for batch in filed.chunks(AT_ONCE) {
            for name in batch {
                were_filed.push(self.patience.insist(|| block_on(name.filed_at(&self.local.state)))?.is_some());
            }
            self.send_items(&batch.iter().map(FiledName::withdrawal).collect::<Vec<_>>())?;
        }
        let bucket = self.generate.buckets.0.first().map(|pair| pair.images.clone()).unwrap_or_default();
        for batch in scenes.chunks(AT_ONCE) {
            let mut bodies = Vec::with_capacity(batch.len());
            for scene in batch {
                let was_there = self.patience.insist(|| exists(self.local, &item_key(scene)))?;
                // The row may still link an item that is gone; a row that never was is not to be made for it.
                if was_there || self.patience.insist(|| has_row(self.local, scene))? {
                    bodies.push(SceneRecord::removal(scene, bucket.clone(), Some(World.now())).encode());
                }
                found.push(was_there);
            }
            self.send(&bodies)?;
        }
        self.fed.store(true, Ordering::Release);
        Ok((found, were_filed))
    }
}

/// Whether the row of the scene has a document.
fn has_row(local: &Local, scene: &SceneId) -> PortResult<bool> {
    match Level::parse(&scene.row_key()) {
        Ok(row) => exists(local, &INPE.document_key(&row)),
        Err(_) => Ok(false),
    }
}

fn item_key(scene: &SceneId) -> String {
    format!("{}/{scene}.json", scene.row_key())
}

fn exists(local: &Local, key: &str) -> PortResult<bool> {
    block_on(local.directory.exists(key))
}
