//! The feeder: finds scenes and enqueues them, not faster than they are worked off.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;

use crate::conclusion::UNAVAILABLE;
use crate::grid::Grid;
use crate::level::{Level, Mark};
use crate::local::{KeptLetter, Local, QueueName};
use crate::message::filing::FileRequest;
use crate::message::{self, SceneRecord};
use crate::ports::{Chance as _, Clock as _, MarkLevels as _, PortError, ReadCatalog as _, SendMessages, SourceObject};

use super::give_up::GAVE_UP;
use super::redrive::send_back;
use super::scan::{self, Found, Watch};
use super::worker::World;
use super::{Engine, NOTHING_TO_DO, Options, RunError};

/// How many messages are sent at once.
const AT_ONCE: usize = 256;

/// How many messages may wait. A run over a million scenes needs no more room than one over twenty thousand, and one
/// that is killed again and again leaves no more behind.
pub(super) const MOST_WAITING: u64 = 16_384;

impl Engine<'_> {
    /// Sends messages about scenes, all of them.
    pub(super) fn send(&self, bodies: &[String]) -> Result<(), PortError> {
        let queue = self.local.state.queue(QueueName::Scenes);
        // As one transaction: either all are accepted or none is.
        self.patience.insist(|| block_on(queue.send(bodies)).into_iter().collect())
    }

    /// Counts the scenes, so that the remaining time can be told.
    pub(super) fn count(&self) {
        let mut scenes = 0;
        let mut more = |in_a_folder| {
            scenes += in_a_folder;
            self.progress.expect(scenes, false);
        };
        // What cannot be read is told by the feeder.
        let counted = scan::count(&self.options.source, &mut more);
        self.progress.expect(scenes, counted.is_ok());
    }

    /// Enqueues every scene of the source, and with a watch what comes after.
    pub(super) fn feed(&self) {
        let mut watch = Watch::new();
        loop {
            let started = Instant::now();
            let mut feed = match Feed::new(self) {
                Ok(feed) => feed,
                Err(error) => return self.fail(RunError::State(error)),
            };
            let mut troubles = Vec::new();
            let mut found = |scene| feed.add(scene);
            let mut trouble = |trouble| troubles.push(trouble);
            let walked = if self.options.watch {
                watch.walk(&self.options.source, &mut found, &mut trouble)
            } else {
                scan::scan(&self.options.source, &mut found, &mut trouble)
            };
            feed.send();
            if let Some(error) = feed.failure {
                return self.fail(RunError::State(error));
            }
            self.progress.refused(troubles);
            if let Err(source) = walked {
                return self.fail(RunError::Source { path: self.options.source.clone(), source });
            }
            self.fed.store(true, Ordering::Release);
            if !self.options.watch {
                return;
            }
            self.rest_of_watch(started.elapsed(), watch.is_waiting());
            if self.is_stopped() {
                return;
            }
        }
    }

    /// Rests between two walks of a watch, until the run ends at most. A folder that takes long to walk is walked less
    /// often, but not when there is something that only waits to look the same once more.
    pub(super) fn rest_of_watch(&self, took: Duration, is_waiting: bool) {
        let rest = self.options.look_every.max(if is_waiting { took } else { took * 4 });
        let until = Instant::now() + rest;
        while !self.is_stopped() && Instant::now() < until {
            thread::sleep(rest.min(Duration::from_millis(50)));
        }
    }
}

/// One walk over the source.
struct Feed<'a> {
    engine: &'a Engine<'a>,
    run: &'a str,
    bodies: Vec<String>,
    /// How many messages waited before this walk, of a run that was killed or of another one that goes on.
    found: u64,
    /// How many scenes had been done before this walk.
    done: u64,
    sent: u64,
    failure: Option<PortError>,
}

impl<'a> Feed<'a> {
    fn new(engine: &'a Engine<'a>) -> Result<Self, PortError> {
        let queue = engine.local.state.queue(QueueName::Scenes);
        let found = engine.patience.insist(|| queue.depth())?.visible;
        let done = engine.progress.scenes_done();
        let bodies = Vec::with_capacity(AT_ONCE);
        Ok(Self { engine, run: &engine.run, bodies, found, done, sent: 0, failure: None })
    }

    /// Takes a scene; whether to go on.
    fn add(&mut self, found: Found) -> bool {
        let options = self.engine.options;
        let bucket = match (&options.buckets, found.bucket) {
            (Some(pair), _) => pair.images.clone(),
            (None, Some(bucket)) => bucket.to_owned(),
            // The name tells no satellite; the scene will be refused for its name.
            (None, None) => self.engine.generate.buckets.0.first().map(|pair| pair.images.clone()).unwrap_or_default(),
        };
        let record = SceneRecord {
            source: SourceObject { bucket, key: found.key, file: Some(found.file) },
            removed: false,
            reprocess: false,
            force: options.force,
            quicklook: found.quicklook,
            message_id: Some(self.run.to_owned()),
            time: Some(World.now()),
        };
        self.bodies.push(record.encode());
        if self.bodies.len() < AT_ONCE {
            return !self.engine.is_stopped();
        }
        self.send()
    }

    /// Sends what has gathered, when there is room for it; whether to go on.
    fn send(&mut self) -> bool {
        if self.bodies.is_empty() || self.failure.is_some() {
            return self.failure.is_none();
        }
        if let Err(error) = self.wait_for_room() {
            self.failure = Some(error);
            return false;
        }
        if let Err(error) = self.engine.send(&self.bodies) {
            self.failure = Some(error);
            return false;
        }
        self.sent += self.bodies.len() as u64;
        self.bodies.clear();
        !self.engine.is_stopped()
    }

    fn wait_for_room(&self) -> Result<(), PortError> {
        // Only when many have been sent: counting the queue costs something.
        let done = self.engine.progress.scenes_done() - self.done;
        if (self.found + self.sent).saturating_sub(done) < MOST_WAITING {
            return Ok(());
        }
        let queue = self.engine.local.state.queue(QueueName::Scenes);
        while !self.engine.is_stopped() {
            let depth = self.engine.patience.insist(|| queue.depth())?;
            if depth.visible < MOST_WAITING {
                return Ok(());
            }
            thread::sleep(NOTHING_TO_DO);
        }
        Ok(())
    }
}

/// Sends back what an earlier run gave up although its trouble may pass: levels, since no scene that is unchanged would
/// mark them; and scenes that may have been written but not marked or published, since others rely on them.
pub(super) fn redrive(local: &Local) -> Result<(), PortError> {
    for name in QueueName::ALL {
        for page in local.state.dead_letters(name).pages() {
            let passing: Vec<_> = page?.into_iter().filter(|kept| kept.letter.reason == UNAVAILABLE).collect();
            send_back(local, name, &passing)?;
        }
    }
    Ok(())
}

/// Removes the dead letters about files of this source that other runs have kept: this run has looked at each of those
/// files anew, and made it or kept a letter of its own; or the file is gone. Only those are removed whose scene was
/// refused for what it is, and so never written.
pub(super) fn retire_older_letters(local: &Local, options: &Options, run: &str) -> Result<(), PortError> {
    let is_request = |body: &str| {
        let request = FileRequest::decode(body).ok().flatten();
        request.is_some_and(|request| {
            let is_of_source = request.path.is_some_and(|path| Path::new(&path).starts_with(&options.source));
            is_of_source && request.message_id.as_deref() != Some(run)
        })
    };
    let is_scene = |body: &str| {
        SceneRecord::decode(body).is_ok_and(|records| {
            !records.is_empty()
                && records.iter().all(|record| {
                    let file = record.source.file.as_deref();
                    let is_of_source = file.is_some_and(|file| Path::new(file).starts_with(&options.source));
                    is_of_source && !record.removed && record.message_id.as_deref() != Some(run)
                })
        })
    };
    retire(local, QueueName::Scenes, &is_scene)?;
    retire(local, QueueName::Items, &is_request)
}

fn retire(local: &Local, queue: QueueName, is_outlived: &dyn Fn(&str) -> bool) -> Result<(), PortError> {
    let letters = local.state.dead_letters(queue);
    for page in letters.pages() {
        let may_be_owed = |reason: &str| reason == UNAVAILABLE || reason == GAVE_UP;
        let is_over = |kept: &KeptLetter| !may_be_owed(&kept.letter.reason) && is_outlived(&kept.letter.body);
        let outlived: Vec<_> = page?.into_iter().filter(is_over).collect();
        if !outlived.is_empty() {
            letters.remove(&outlived)?;
        }
    }
    Ok(())
}

/// Marks the root when it stands and does not name itself, or call itself, as it should: nothing else would have it rebuilt.
pub(super) fn mark_root_of_another_name(local: &Local, options: &Options, grid: &Grid) -> Result<(), PortError> {
    let root = Level::root();
    let Some(object) = block_on(local.directory.get(&grid.document_key(&root)))? else { return Ok(()) };
    let document: serde_json::Value = serde_json::from_slice(&object.bytes).unwrap_or_default();
    let links = document["links"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = links.iter().find(|link| link["rel"] == "self").and_then(|link| link["href"].as_str());
    let wanted = options.site.public_url.as_ref().map(|url| format!("{url}{}", grid.document_key(&root)));
    let title = grid.place(&root).map(|place| place.title()).unwrap_or_default();
    if named == wanted.as_deref() && document["title"] == title {
        return Ok(());
    }
    let mark = Mark { level: root, token: World.token(), since: World.now() };
    block_on(local.state.mark(&[mark])).into_iter().collect()
}

/// The id that all messages of this run carry.
pub(super) fn run_id() -> String {
    message::scene::run_id(World.now(), World.bits())
}
