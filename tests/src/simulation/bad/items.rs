//! Bad generators.

use std::collections::BTreeSet;

use lazycat::level::{Level, Mark};
use lazycat::message::{ItemMessage, SceneRecord};
use lazycat::ports::{
    Chance as _, Clock as _, ItemPut, MarkLevels as _, PortResult, PublishItems, ReadCatalog as _, ReadItems,
    StoredItem, WriteItems,
};

use super::{Bad, Variant, all_good};
use crate::simulation::scenes;

/// The row of an item.
fn row_of(key: &str) -> Option<Level> {
    Level::parse(key.rsplit_once('/')?.0).ok()
}

impl Bad {
    /// Marks the rows of items that are not written yet.
    async fn mark_early(&self, keys: impl Iterator<Item = &str> + Send) {
        let rows: BTreeSet<Level> = keys.filter_map(row_of).collect();
        let since = self.now();
        let marks: Vec<Mark> = rows.into_iter().map(|level| Mark { level, token: self.gate.token(), since }).collect();
        let _ = self.gate.mark(&marks).await;
    }

    /// Whether this variant holds what follows the put of an item for superfluous.
    async fn seems_superfluous(&self, put: &ItemPut) -> bool {
        let equal = match self.gate.stored(std::slice::from_ref(&put.key)).await.pop() {
            Some(Ok(Some(stored))) => stored.bytes == put.bytes,
            _ => false,
        };
        match self.variant {
            Variant::SkipMarkOnEqualBytes | Variant::SkipPublishOnEqualBytes => equal,
            Variant::SkipMarkOnFirstReceive => {
                let memory = self.memory();
                let scene = scenes::of_item(&put.key);
                let about = |body: &str| scene.is_some_and(|scene| scene.is_named_in(body));
                let mut mine = memory.deliveries.iter().filter(|delivery| about(&delivery.body));
                equal && mine.all(|delivery| delivery.receives == 1)
            }
            Variant::SkipMarkWhenLinked => {
                let Some((row, file)) = put.key.rsplit_once('/') else { return false };
                match self.gate.get(&format!("{row}/catalog.json")).await {
                    Ok(Some(object)) => String::from_utf8_lossy(&object.bytes).contains(&format!("\"./{file}\"")),
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn looks_before_it_puts(&self) -> bool {
        matches!(
            self.variant,
            Variant::SkipMarkOnEqualBytes
                | Variant::SkipPublishOnEqualBytes
                | Variant::SkipMarkOnFirstReceive
                | Variant::SkipMarkWhenLinked
        )
    }

    /// What follows the write of this item is needed.
    fn is_fresh(&self, key: &str) {
        let mut memory = self.memory();
        memory.fresh_rows.extend(row_of(key));
        memory.fresh_keys.insert(key.to_owned());
    }
}

impl ReadItems for Bad {
    async fn stored(&self, keys: &[String]) -> Vec<PortResult<Option<StoredItem>>> {
        let mut results = self.gate.stored(keys).await;
        if self.is(Variant::SkipOnAnyOtherId) {
            let memory = self.memory();
            let bodies = memory.deliveries.iter().map(|delivery| delivery.body.as_str());
            let records: Vec<SceneRecord> =
                bodies.flat_map(|body| SceneRecord::decode(body).unwrap_or_default()).collect();
            for (key, result) in keys.iter().zip(&mut results) {
                let Ok(Some(stored)) = result else { continue };
                let scene = scenes::of_item(key);
                let names = |record: &&SceneRecord| scene.is_some_and(|scene| scene.is_named_by(&record.source.key));
                let mine = records.iter().find(names).and_then(|record| record.message_id.clone());
                // The least of all ids, for any that is another's.
                if stored.message_id.is_some() && stored.message_id != mine {
                    stored.message_id = Some(String::new());
                }
            }
        }
        results
    }
}

impl WriteItems for Bad {
    async fn put(&self, items: &[ItemPut]) -> Vec<PortResult<()>> {
        if self.is(Variant::MarkBeforePut) {
            self.mark_early(items.iter().map(|put| put.key.as_str())).await;
        }
        for put in items {
            if !self.looks_before_it_puts() || !self.seems_superfluous(put).await {
                self.is_fresh(&put.key);
            }
        }
        let results = self.gate.put(items).await;
        if self.is(Variant::IgnoreFailedPut) { all_good(results, items.len()) } else { results }
    }

    async fn delete(&self, keys: &[String]) -> Vec<PortResult<()>> {
        if self.is(Variant::MarkBeforePut) {
            self.mark_early(keys.iter().map(String::as_str)).await;
        }
        keys.iter().for_each(|key| self.is_fresh(key));
        self.gate.delete(keys).await
    }
}

impl PublishItems for Bad {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        if self.is(Variant::SkipPublishOnEqualBytes) {
            let mut results = Vec::with_capacity(messages.len());
            for message in messages {
                let fresh = self.memory().fresh_keys.contains(&message.key);
                results.push(if fresh {
                    self.gate.publish(std::slice::from_ref(message)).await.pop().unwrap_or(Ok(()))
                } else {
                    Ok(())
                });
            }
            return results;
        }
        let results = self.gate.publish(messages).await;
        if self.is(Variant::IgnoreFailedPublish) { all_good(results, messages.len()) } else { results }
    }
}
