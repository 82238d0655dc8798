//! The dirty levels as the items of a table.

use aws_sdk_dynamodb::Client;

use crate::level::{Level, Mark, Token};
use crate::ports::{MarkLevels, MarkPage, PageToken, PortError, PortResult, TakeMarks};

/// The table of dirty levels. Clones share the client.
#[derive(Debug, Clone)]
pub struct DirtyLevels {
    dynamodb: Client,
    table: String,
}
impl DirtyLevels {
    /// The dirty levels in this table.
    #[must_use]
    pub fn new(dynamodb: Client, table: impl Into<String>) -> Self {
        Self { dynamodb, table: table.into() }
    }
    fn none<T>(&self) -> PortResult<T> {
        let _ = &self.dynamodb;
        Err(PortError::Unavailable { what: self.table.clone(), source: "not yet".into() })
    }
}
impl MarkLevels for DirtyLevels {
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        marks.iter().map(|_| self.none()).collect()
    }
}
impl TakeMarks for DirtyLevels {
    async fn scan(&self, _: Option<&PageToken>) -> PortResult<MarkPage> {
        self.none()
    }
    async fn remove(&self, marks: &[(Level, Token)]) -> Vec<PortResult<bool>> {
        marks.iter().map(|_| self.none()).collect()
    }
}
