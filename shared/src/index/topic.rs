//! The embedded item topic with the index as its subscriber.

use super::Index;
use crate::local::{ItemLog, again};
use crate::message::ItemMessage;
use crate::ports::{PortResult, PublishItems};
use crate::search::rebuild::Followed;

/// The item log, and an index that follows what is published to it. An item is published when both have taken it:
/// only then is its scene's message acknowledged, so what one of them has missed comes again.
#[derive(Debug, Clone, Copy)]
pub struct Topic<'a> {
    log: &'a ItemLog,
    index: Option<&'a Index>,
}

impl<'a> Topic<'a> {
    /// The log, with an index or without.
    #[must_use]
    pub fn new(log: &'a ItemLog, index: Option<&'a Index>) -> Self {
        Self { log, index }
    }
}

impl PublishItems for Topic<'_> {
    async fn publish(&self, messages: &[ItemMessage]) -> Vec<PortResult<()>> {
        let mut results = self.log.publish(messages).await;
        let Some(index) = self.index else { return results };
        let mut followed = Followed::default();
        let keys: Vec<&str> = messages.iter().map(|message| message.key.as_str()).collect();
        if let Err(error) = index.follow_keys(&keys, 0, &mut followed) {
            for result in &mut results {
                *result = Err(again(&error));
            }
        }
        // The item is in the catalog whatever the index thinks of it; there is nothing to be gained by a retry.
        for refused in followed.refused {
            tracing::warn!("it cannot be searched for: {refused}");
        }
        results
    }
}
