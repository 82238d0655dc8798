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
    /// Folders whose items are passed over.
    left_out: Vec<String>,
    ready: VecDeque<Indexed>,
    after: Option<String>,
    is_read: bool,
}

impl<'a, I: InspectIndex, R: Clock> Beside<'a, I, R> {
    /// `left_out` are prefixes whose items are passed over, without listing them all.
    pub(super) fn new(index: &'a I, clock: &'a R, prefix: String, left_out: Vec<String>) -> Self {
        Self { index, clock, prefix, left_out, ready: VecDeque::new(), after: None, is_read: false }
    }

    /// The next item, when its key is not behind `last`.
    pub(super) async fn next(&mut self, last: Option<&str>) -> PortResult<Option<Indexed>> {
        while self.ready.is_empty() && !self.is_read {
            let list = || self.index.indexed(&self.prefix, self.after.as_deref());
            let page = insist(self.clock, list).await?;
            self.is_read = !page.more || page.items.is_empty();
            self.after = page.items.last().map(|item| item.name.key.clone()).or(self.after.take());
            let folder = |item: &Indexed| self.left_out.iter().find(|folder| item.name.key.starts_with(*folder));
            // Behind all of the folder that the page ends in.
            let behind = page.items.last().and_then(folder).map(|folder| format!("{folder}{}", char::MAX));
            self.ready.extend(page.items.into_iter().filter(|item| folder(item).is_none()));
            self.after = behind.or(self.after.take());
        }
        Ok(self.ready.pop_front_if(|next| last.is_none_or(|last| next.name.key.as_str() <= last)))
    }
}
