//! How far long jobs have come, beside the dirty levels in their table; and what is remembered of items that were filed, in
//! a table of its own, for a mover reads the whole table of dirty levels at each tick.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::failure::failed;
use super::table::{LEVEL, text};
use crate::ports::{KeepCheckpoints, PortError, PortResult};

/// What the key of a checkpoint starts with; its name follows. A key that starts with a dot is no level's, so a mover
/// passes it over.
const PREFIX: &str = ".checkpoint/";

const DOCUMENT: &str = "document";

/// The key of a table that holds nothing else.
const NAME: &str = "name";

/// Small documents by their names, in a table. Clones share the client.
///
/// Needs `dynamodb:GetItem`, `dynamodb:PutItem` and `dynamodb:DeleteItem` on the table.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    dynamodb: Client,
    table: String,
    /// The attribute that is the table's key.
    key: &'static str,
    /// What the key starts with, before the name.
    prefix: &'static str,
}

impl Checkpoints {
    /// Those in this table of dirty levels. An item is `{level, document}`, its key `.checkpoint/` and the name; the
    /// permissions may be on condition of leading keys that start so.
    #[must_use]
    pub fn new(dynamodb: Client, table: impl Into<String>) -> Self {
        Self { dynamodb, table: table.into(), key: LEVEL, prefix: PREFIX }
    }

    /// Those in this table, which holds nothing else. An item is `{name, document}`.
    #[must_use]
    pub fn alone(dynamodb: Client, table: impl Into<String>) -> Self {
        Self { dynamodb, table: table.into(), key: NAME, prefix: "" }
    }

    fn place(&self) -> String {
        format!("the table {}", self.table)
    }

    fn key(&self, name: &str) -> AttributeValue {
        text(format!("{}{name}", self.prefix))
    }
}

fn changed(name: &str) -> PortError {
    PortError::Precondition { what: format!("the checkpoint {name}") }
}

impl KeepCheckpoints for Checkpoints {
    async fn checkpoint(&self, name: &str) -> PortResult<Option<String>> {
        let request =
            self.dynamodb.get_item().table_name(&self.table).key(self.key, self.key(name)).consistent_read(true);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(failed(&format!("reading the checkpoint {name} from"), &self.place(), error)),
        };
        let Some(item) = answer.item else { return Ok(None) };
        match item.get(DOCUMENT) {
            Some(AttributeValue::S(document)) => Ok(Some(document.clone())),
            other => Err(PortError::Unavailable {
                what: format!("reading the checkpoint {name} from {}", self.place()),
                source: format!("its attribute {DOCUMENT:?} is {other:?}, expected text").into(),
            }),
        }
    }

    async fn keep(&self, name: &str, document: &str, expected: Option<&str>) -> PortResult<()> {
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .item(self.key, self.key(name))
            .item(DOCUMENT, text(document))
            .expression_attribute_names("#document", DOCUMENT)
            .expression_attribute_values(":document", text(document));
        let request = match expected {
            Some(expected) => request
                .condition_expression("#document = :expected OR #document = :document")
                .expression_attribute_values(":expected", text(expected)),
            None => request.condition_expression("attribute_not_exists(#document) OR #document = :document"),
        };
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(changed(name))
            }
            Err(error) => Err(failed(&format!("keeping the checkpoint {name} in"), &self.place(), error)),
        }
    }

    async fn forget(&self, name: &str, expected: &str) -> PortResult<()> {
        let request = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key(self.key, self.key(name))
            .condition_expression("attribute_not_exists(#document) OR #document = :expected")
            .expression_attribute_names("#document", DOCUMENT)
            .expression_attribute_values(":expected", text(expected));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(changed(name))
            }
            Err(error) => Err(failed(&format!("deleting the checkpoint {name} from"), &self.place(), error)),
        }
    }
}
