//! Telling a search index of items as they stand, by the messages that it learns of all others by.

use std::future::Future;

use crate::message::{Audience, ItemEvent, ItemMessage};
use crate::ports::{Clock, InspectCatalog, PortResult, PublishItems, answers};
use crate::stac::StoredItem;

use super::insist;
use super::ports::ItemName;

/// How many items are told of at once: they are in memory, and as many go into one batch of a topic.
const AT_ONCE: usize = 10;

/// How often an item is told of that is written anew each time. Whoever does that tells of it, too.
const TIMES: usize = 8;

/// Tells a search index of items.
pub trait TellIndex {
    /// Has the index learn of these items as they stand now, those among them that are gone as gone.
    fn tell(&self, items: &[ItemName]) -> impl Future<Output = PortResult<()>> + Send;
}

/// Publishes items as they stand, for loaders only.
///
/// An index takes the latest message for the newest. So an item that was written between being read and being published
/// is published once more: its writer's message may have come before the first.
#[derive(Debug)]
pub struct Retell<'a, C, T, R> {
    /// The catalog.
    pub catalog: &'a C,
    /// The item topics.
    pub topic: &'a T,
    /// The time.
    pub clock: &'a R,
}

impl<C, T, R> Retell<'_, C, T, R>
where
    C: InspectCatalog + Sync,
    T: PublishItems + Sync,
    R: Clock + Sync,
{
    /// The bytes under each key; none where the item of that name does not stand there.
    async fn read(&self, names: &[&ItemName]) -> PortResult<Vec<Option<Vec<u8>>>> {
        let looks = names.iter().map(|name| async {
            let found = insist(self.clock, || self.catalog.inspect(&name.key)).await?;
            let bytes = found.map(|found| found.bytes);
            Ok(bytes.filter(|bytes| ItemName::read(&name.key, bytes).as_ref() == Some(*name)))
        });
        futures::future::join_all(looks).await.into_iter().collect()
    }

    fn message(&self, name: &ItemName, bytes: Option<&Vec<u8>>) -> ItemMessage {
        let event = match bytes.and_then(|bytes| StoredItem::read(bytes.clone()).ok()) {
            Some(item) => ItemEvent::Put(Box::new(item)),
            None => ItemEvent::Withdrawn {
                collection: name.collection.clone(),
                id: name.id.clone(),
                time: self.clock.now(),
            },
        };
        ItemMessage { key: name.key.clone(), audience: Audience::Internal, event }
    }
}

impl<C, T, R> TellIndex for Retell<'_, C, T, R>
where
    C: InspectCatalog + Sync,
    T: PublishItems + Sync,
    R: Clock + Sync,
{
    async fn tell(&self, items: &[ItemName]) -> PortResult<()> {
        for items in items.chunks(AT_ONCE) {
            let mut left: Vec<&ItemName> = items.iter().collect();
            let mut stand = self.read(&left).await?;
            for _ in 0..TIMES {
                let messages: Vec<ItemMessage> =
                    left.iter().zip(&stand).map(|(name, bytes)| self.message(name, bytes.as_ref())).collect();
                // All again where one has failed: who is told twice, knows no less.
                let publish = async || {
                    let published = answers(self.topic.publish(&messages).await, messages.len(), "publishing items");
                    published.into_iter().collect::<PortResult<()>>()
                };
                insist(self.clock, publish).await?;
                let now = self.read(&left).await?;
                let changed: Vec<usize> = (0..left.len()).filter(|at| stand[*at] != now[*at]).collect();
                if changed.is_empty() {
                    break;
                }
                left = changed.iter().map(|at| left[*at]).collect();
                stand = changed.into_iter().map(|at| now[at].clone()).collect();
            }
        }
        Ok(())
    }
}
