//! Checkpoints as the items of a table with conditional writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{Requests, lock, yield_now};
use crate::ports::{KeepCheckpoints, PortError, PortResult};

/// How far long jobs have come. Clones share it.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    documents: Arc<Mutex<BTreeMap<String, String>>>,
    requests: Requests,
}

impl Checkpoints {
    pub(super) fn new(requests: Requests) -> Self {
        Self { documents: Arc::default(), requests }
    }

    /// All documents as they stand, by name.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, String> {
        lock(&self.documents).clone()
    }

    /// Puts a document there, as a hand does that edits the table.
    pub fn insert(&self, name: impl Into<String>, document: impl Into<String>) {
        lock(&self.documents).insert(name.into(), document.into());
    }
}

impl KeepCheckpoints for Checkpoints {
    async fn checkpoint(&self, name: &str) -> PortResult<Option<String>> {
        yield_now().await;
        self.requests.add("get checkpoint");
        let found = lock(&self.documents).get(name).cloned();
        yield_now().await;
        Ok(found)
    }

    async fn keep(&self, name: &str, document: &str, expected: Option<&str>) -> PortResult<()> {
        yield_now().await;
        self.requests.add("put checkpoint");
        let kept = {
            let mut documents = lock(&self.documents);
            let stands = documents.get(name).map(String::as_str);
            if stands == expected || stands == Some(document) {
                documents.insert(name.to_owned(), document.to_owned());
                Ok(())
            } else {
                Err(changed(name))
            }
        };
        yield_now().await;
        kept
    }

    async fn forget(&self, name: &str, expected: &str) -> PortResult<()> {
        yield_now().await;
        self.requests.add("delete checkpoint");
        let forgotten = {
            let mut documents = lock(&self.documents);
            match documents.get(name) {
                Some(stands) if stands != expected => Err(changed(name)),
                _ => {
                    documents.remove(name);
                    Ok(())
                }
            }
        };
        yield_now().await;
        forgotten
    }
}

fn changed(name: &str) -> PortError {
    PortError::Precondition { what: format!("the checkpoint {name}") }
}
