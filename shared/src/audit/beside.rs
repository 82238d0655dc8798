//! The items of a search index, in the order of keys, beside the listing of the catalog.

use std::collections::VecDeque;

use crate::ports::{Clock, PortResult};

use super::insist;
use super::ports::{Indexed, InspectIndex};

/// What an index lists below a prefix, page by page.
pub(super) struct Beside<'a, I, R> {
    index: &'a I,
    clock: &'a R,
    prefix: String,
    ready: VecDeque<Indexed>,
    after: Option<String>,
    is_read: bool,
}

impl<'a, I: InspectIndex, R: Clock> Beside<'a, I, R> {
    pub(super) fn new(index: &'a I, clock: &'a R, prefix: String) -> Self {
        Self { index, clock, prefix, ready: VecDeque::new(), after: None, is_read: false }
    }

    /// The next item, when its key is not behind `last`.
    pub(super) async fn next(&mut self, last: Option<&str>) -> PortResult<Option<Indexed>> {
        while self.ready.is_empty() && !self.is_read {
            let list = || self.index.indexed(&self.prefix, self.after.as_deref());
            let page = insist(self.clock, list).await?;
            self.is_read = !page.more || page.items.is_empty();
            self.after = page.items.last().map(|item| item.name.key.clone()).or(self.after.take());
            self.ready.extend(page.items);
        }
        Ok(self.ready.pop_front_if(|next| last.is_none_or(|last| next.name.key.as_str() <= last)))
    }
}
