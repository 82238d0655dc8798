//! Items on their way to the queue.

use axum::body::Bytes;
use lazycat::aws::{CatalogBucket, Queue};
use lazycat::layout::Layout;
use lazycat::submit::known::{AnyCollection, InCatalog};
use lazycat::submit::{Refused, Rules, Submission, examine, submit};
use lazycat_api::door::TakeItems;

/// The rules, and what stands behind the door.
pub(crate) struct Items {
    pub(crate) rules: Rules,
    pub(crate) layout: Layout,
    /// None where items of any collection are taken.
    pub(crate) known: Option<InCatalog<CatalogBucket>>,
    pub(crate) queue: Queue,
}

impl TakeItems for Items {
    fn longest(&self) -> usize {
        self.rules.longest
    }

    async fn take(&self, sent: Bytes) -> Result<Submission, Refused> {
        match &self.known {
            Some(known) => submit(&self.rules, &self.layout, known, &self.queue, &sent).await,
            None => submit(&self.rules, &self.layout, &AnyCollection, &self.queue, &sent).await,
        }
    }

    async fn examine(&self, sent: Bytes) -> Result<Submission, Refused> {
        match &self.known {
            Some(known) => examine(&self.rules, &self.layout, known, &sent).await,
            None => examine(&self.rules, &self.layout, &AnyCollection, &sent).await,
        }
    }
}
