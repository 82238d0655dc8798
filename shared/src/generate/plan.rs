//! What a batch of messages asks for: one task a scene, and how far it has come.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};

use crate::conclusion::Trouble;
use crate::level::Level;
use crate::message::{ItemEvent, SceneRecord};
use crate::missions::Quicklook;
use crate::ports::{Delivery, PortError, PortResult, ReadSource, SourceObject, answers};
use crate::scene::{LONGEST_METADATA, MetadataName, SceneError, SceneId, SourceKey};
use crate::stac::{BucketPair, StoredItem, item};

use super::Settings;

/// One scene of one message.
pub(super) struct Task {
    /// Which message it came with.
    pub(super) delivery: usize,
    /// What people know it by: the key of its metadata.
    pub(super) subject: String,
    /// The key of its item.
    pub(super) key: String,
    /// The row of its item.
    pub(super) level: Level,
    /// When its event happened.
    pub(super) time: DateTime<Utc>,
    pub(super) reprocess: bool,
    pub(super) force: bool,
    pub(super) message_id: Option<String>,
    pub(super) state: State,
}

/// How far a task has come.
pub(super) enum State {
    /// The metadata is to be read: the first candidate that exists.
    Read { buckets: BucketPair, candidates: VecDeque<MetadataName>, file: Option<String>, quicklook: Option<Quicklook> },
    /// The item is to be put.
    Put(Box<StoredItem>),
    /// The item is to be deleted.
    Withdraw { collection: String, id: String },
    /// Written or deleted; to be marked and published.
    Written(ItemEvent),
    /// Put, marked and published.
    Made,
    /// Deleted, marked and published.
    Withdrawn,
    /// Another message has done all of it.
    Unchanged,
    /// Something went wrong.
    Failed(Trouble),
}

impl From<SceneError> for Trouble {
    fn from(error: SceneError) -> Self {
        Self::permanent(error.reason(), error.to_string())
    }
}

impl Task {
    pub(super) fn fail(&mut self, trouble: Trouble) {
        self.state = State::Failed(trouble);
    }

    /// The bytes to be put, until [`Task::written`] brings them back.
    pub(super) fn take_bytes(&mut self) -> Option<Vec<u8>> {
        match &mut self.state {
            State::Put(item) => Some(std::mem::take(&mut item.bytes)),
            _ => None,
        }
    }

    /// Notes how the put of `bytes` went, or the delete.
    pub(super) fn written(&mut self, result: PortResult<()>, bytes: Vec<u8>) {
        if let Err(error) = result {
            return self.fail(Trouble::passing(&error));
        }
        let state = std::mem::replace(&mut self.state, State::Made);
        self.state = match state {
            State::Put(mut item) => {
                item.bytes = bytes;
                State::Written(ItemEvent::Put(item))
            }
            State::Withdraw { collection, id } => {
                State::Written(ItemEvent::Withdrawn { collection, id, time: self.time })
            }
            other => other,
        };
    }

    /// The event to be published; the task is done unless the publishing fails.
    pub(super) fn take_event(&mut self) -> Option<ItemEvent> {
        if !matches!(self.state, State::Written(_)) {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Made) {
            State::Written(event) => {
                if matches!(event, ItemEvent::Withdrawn { .. }) {
                    self.state = State::Withdrawn;
                }
                Some(event)
            }
            _ => None,
        }
    }
}

/// One task for every record of every message; a message that cannot be read is one failed task.
pub(super) fn plan(deliveries: &[Delivery], settings: &Settings, now: DateTime<Utc>) -> Vec<Task> {
    let mut tasks = Vec::with_capacity(deliveries.len());
    for (at, delivery) in deliveries.iter().enumerate() {
        match SceneRecord::decode(&delivery.body) {
            Ok(records) => tasks.extend(records.into_iter().map(|record| task(at, record, settings, now))),
            Err(error) => tasks.push(Task {
                delivery: at,
                subject: format!("message {}", delivery.id),
                key: String::new(),
                level: Level::root(),
                time: now,
                reprocess: false,
                force: false,
                message_id: None,
                state: State::Failed(Trouble::permanent("message", error.to_string())),
            }),
        }
    }
    tasks
}

pub(super) fn task(delivery: usize, record: SceneRecord, settings: &Settings, now: DateTime<Utc>) -> Task {
    let mut task = Task {
        delivery,
        subject: record.source.file.clone().unwrap_or_else(|| record.source.key.clone()),
        key: String::new(),
        level: Level::root(),
        time: record.time.unwrap_or(now),
        reprocess: record.reprocess,
        force: record.force,
        message_id: record.message_id.clone(),
        state: State::Unchanged,
    };
    if let Err(trouble) = target(&mut task, record, settings) {
        task.fail(trouble);
    }
    task
}

/// What a record asks for, and where its item stands.
fn target(task: &mut Task, record: SceneRecord, settings: &Settings) -> Result<(), Trouble> {
    let SourceObject { bucket, key, file } = record.source;
    let buckets = settings.buckets.pair(&bucket).ok_or_else(|| {
        let known: Vec<&str> = settings.buckets.0.iter().map(|pair| pair.images.as_str()).collect();
        Trouble::permanent(
            "unknown-bucket",
            format!("bucket {bucket:?} is not configured; expected one of {}", known.join(", ")),
        )
    })?;
    let source = SourceKey::parse(&key)?;
    let scene = source.scene();
    let level = row_of(scene)?;
    task.key = level.object_key(&format!("{scene}.json"));
    task.level = level;
    if record.removed {
        task.state = State::Withdraw { collection: scene.collection_id(), id: scene.to_string() };
        return Ok(());
    }
    let (candidates, quicklook) = match source {
        SourceKey::Metadata(name) => {
            let quicklook = record.quicklook.as_deref().and_then(|key| key.rsplit_once('.'));
            (VecDeque::from([name]), quicklook.and_then(|(_, extension)| Quicklook::from_extension(extension)))
        }
        SourceKey::Quicklook(scene, quicklook) => (scene.candidates().into(), Some(quicklook)),
    };
    task.state = State::Read { buckets: buckets.clone(), candidates, file, quicklook };
    Ok(())
}

fn row_of(scene: &SceneId) -> Result<Level, Trouble> {
    Level::parse(&scene.row_key()).map_err(|error| Trouble::permanent("key", error.to_string()))
}

/// Reads the metadata of every task that waits for it and makes its item. Only "not found" moves on to the next
/// candidate: any other error is that error.
pub(super) async fn read_and_make<S: ReadSource>(source: &S, settings: &Settings, tasks: &mut [Task]) {
    loop {
        let mut waiting = Vec::new();
        let mut objects = Vec::new();
        for (at, task) in tasks.iter().enumerate() {
            if let State::Read { buckets, candidates, file, .. } = &task.state
                && let Some(name) = candidates.front()
            {
                waiting.push(at);
                objects.push(SourceObject { bucket: buckets.images.clone(), key: name.key(), file: file.clone() });
            }
        }
        if waiting.is_empty() {
            return;
        }
        let read = answers(source.read(&objects, LONGEST_METADATA).await, objects.len(), "reading the source");
        for (at, xml) in waiting.into_iter().zip(read) {
            let task = &mut tasks[at];
            let State::Read { buckets, candidates, file, quicklook } = &mut task.state else { continue };
            let Some(name) = candidates.pop_front() else { continue };
            match xml {
                Err(PortError::NotFound { .. }) if !candidates.is_empty() => {}
                Err(error) => {
                    let in_a_folder = file.is_some();
                    task.fail(Trouble::reading(&error, in_a_folder));
                }
                Ok(xml) => match make(settings, &xml, &name, buckets, *quicklook) {
                    Ok(made) => task.state = State::Put(Box::new(made.item)),
                    Err(trouble) => task.fail(trouble),
                },
            }
        }
    }
}

/// Makes an item.
fn make(
    settings: &Settings,
    xml: &[u8],
    name: &MetadataName,
    buckets: &BucketPair,
    quicklook: Option<Quicklook>,
) -> Result<item::StoredForm, Trouble> {
    contained(|| item::generate(&settings.grid, xml, name, buckets, quicklook))
}

/// What `work` gives. A panic there is a fault of ours, but of one scene: its neighbours go on.
fn contained<T>(work: impl FnOnce() -> Result<T, SceneError>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Ok(result?),
        Err(_) => Err(Trouble::permanent("panic", "making the item panicked, which is a fault of the program")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_permanent_trouble_of_its_own_scene() {
        let trouble = contained::<()>(|| panic!("as if the item could not be made")).unwrap_err();
        assert!(trouble.permanent);
        assert_eq!(trouble.reason, "panic");
        assert_eq!(contained(|| Ok(1)).unwrap(), 1);
        assert_eq!(contained::<()>(|| Err(SceneError::Empty)).unwrap_err().reason, "empty");
    }
}
