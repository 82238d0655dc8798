//! The source and the operator: what they do, and what should therefore be there.

use std::collections::{BTreeMap, BTreeSet};

use lazycat::grid::INPE;
use lazycat::level::{Level, Mark};
use lazycat::message::SceneRecord;
use lazycat::ports::{Chance as _, Clock as _, MarkLevels as _};
use serde_json::json;

use super::scenario::{Damage, Event, Operation};
use super::scenes::{self, SceneNumber, Version};
use super::world::{QueueName, World};
use crate::bench::run;

/// What the source has said so far; at first, nothing.
#[derive(Debug, Default)]
pub struct Source {
    /// The version of each scene that is there.
    versions: BTreeMap<SceneNumber, Version>,
    /// The levels that anything was said about.
    levels: BTreeSet<Level>,
    broken: BTreeSet<SceneNumber>,
    damages: usize,
}

impl Source {
    /// The items that should be there, by key.
    #[must_use]
    pub fn items(&self) -> BTreeMap<String, Vec<u8>> {
        let item = |(scene, version): (&SceneNumber, &Version)| {
            let scene = &scenes::all()[*scene];
            (scene.item_key.clone(), scene.versions[*version].1.clone())
        };
        self.versions.iter().map(item).collect()
    }

    /// The levels that should have a document, with all above them.
    #[must_use]
    pub fn levels(&self) -> &BTreeSet<Level> {
        &self.levels
    }

    /// Whether an operation may be done now. `alone` says that no redrive is going on, `held` that a process has
    /// received a message about an item.
    pub fn may(&self, world: &World, operation: Operation, alone: bool, held: impl Fn(&str) -> bool) -> bool {
        let scene = match operation {
            Operation::Announce(scene, version, _) if self.versions.get(&scene) != Some(&version) => scene,
            Operation::Withdraw(scene) => scene,
            _ => return true,
        };
        let key = &scenes::all()[scene].item_key;
        let announced = world.monitor().announced(&world.memory).contains(key);
        // A letter that is on its way back is a message about nobody knows what.
        let under_way = world.turns.under_way();
        let under_way = under_way.iter().any(|subject| subject == key || subject.starts_with("scenes-"));
        alone && !announced && !under_way && !held(key)
    }

    /// Does an operation; whether there was anything to do.
    pub fn operate(&mut self, world: &World, operation: Operation) -> bool {
        match operation {
            Operation::Announce(scene, version, event) => {
                self.versions.insert(scene, version);
                self.broken.remove(&scene);
                self.supply(world, scene);
                self.announce(world, scene, event);
            }
            Operation::Repeat(scene, event) => {
                if !self.versions.contains_key(&scene) {
                    return false;
                }
                self.announce(world, scene, event);
            }
            Operation::Withdraw(scene) => {
                self.versions.remove(&scene);
                self.broken.remove(&scene);
                self.supply(world, scene);
                let mut record = scenes::all()[scene].record(false);
                record.removed = true;
                self.send(world, scene, &record, false);
            }
            Operation::Break(scene, gone) => {
                if !self.versions.contains_key(&scene) {
                    return false;
                }
                self.broken.insert(scene);
                let scene = &scenes::all()[scene];
                if gone {
                    world.memory.sources.remove(scene.bucket, &scene.source_key);
                } else {
                    world.memory.sources.insert(scene.bucket, &scene.source_key, "<no scene");
                }
            }
            Operation::Repair(scene) => {
                self.broken.remove(&scene);
                self.supply(world, scene);
            }
            Operation::Damage(scene, above, damage) => {
                let Some(level) = level_above(scene, above) else { return false };
                return self.damage(world, &level, damage);
            }
            Operation::Mark(scene, above) => {
                let Some(level) = level_above(scene, above) else { return false };
                mark_by_hand(world, &level);
                self.levels.insert(level);
            }
        }
        true
    }

    /// All metadata is as it should be.
    pub fn repair_all(&mut self, world: &World) {
        for scene in std::mem::take(&mut self.broken) {
            self.supply(world, scene);
        }
    }

    /// Puts the metadata there that should be there.
    fn supply(&self, world: &World, number: SceneNumber) {
        let scene = &scenes::all()[number];
        match self.versions.get(&number) {
            Some(version) => {
                let xml = scene.versions[*version].0.clone();
                world.memory.sources.insert(scene.bucket, &scene.source_key, xml);
            }
            None => world.memory.sources.remove(scene.bucket, &scene.source_key),
        }
    }

    fn announce(&mut self, world: &World, scene: SceneNumber, event: Event) {
        let mut record = scenes::all()[scene].record(event.of_quicklook);
        record.reprocess = event.reprocess.is_some();
        record.message_id = event.reprocess.map(|id| format!("id-{id}"));
        record.force = event.force;
        self.send(world, scene, &record, event.enveloped);
    }

    fn send(&mut self, world: &World, scene: SceneNumber, record: &SceneRecord, enveloped: bool) {
        let mut body = record.encode();
        if enveloped {
            body = json!({ "Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": body }).to_string();
        }
        self.levels.insert(scenes::all()[scene].row.clone());
        let _ = world.send_back(QueueName::Scenes, &body);
    }

    /// Makes a document unreadable, never twice in the same way; the audit, which is not part of this, marks it.
    fn damage(&mut self, world: &World, level: &Level, damage: Damage) -> bool {
        let key = INPE.document_key(level);
        let Some(found) = world.memory.objects.snapshot().remove(&key) else { return false };
        self.damages += 1;
        let bytes = match damage {
            Damage::Half => found.bytes[..found.bytes.len() / 2].to_vec(),
            Damage::Text => format!("no JSON, {}", self.damages).into_bytes(),
            Damage::NoRevision => json!({ "type": "Catalog", "links": [], "edit": self.damages }).to_string().into(),
        };
        world.memory.objects.insert(key, bytes);
        mark_by_hand(world, level);
        world.edited_by_hand();
        true
    }
}

fn level_above(scene: SceneNumber, above: usize) -> Option<Level> {
    std::iter::successors(Some(scenes::all()[scene].row.clone()), Level::parent).nth(above)
}

fn mark_by_hand(world: &World, level: &Level) {
    world.monitor().marked(level);
    let mark = Mark { level: level.clone(), token: world.memory.dice.token(), since: world.memory.time.now() };
    let _ = run(world.memory.marks.mark(&[mark]));
}
