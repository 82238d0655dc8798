//! The dirty levels as the items of a table.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};

use super::batch::bounded;
use super::failure::failed;
use crate::level::{Level, Mark, Token};
use crate::ports::{MarkLevels, MarkPage, PageToken, PortError, PortResult, ReadMarks, RemoveMarks};

/// The attribute that is the table's key: the level as on the wire, the root being `/`.
pub(super) const LEVEL: &str = "level";
const TOKEN: &str = "token";
/// RFC 3339.
const SINCE: &str = "since";

/// The table of dirty levels: its key is the string `level`, alone. Clones share the client.
///
/// An item is `{level, token, since}`. Items whose key no level can have are passed over: others may keep something in
/// the table under a key that starts with a dot.
#[derive(Debug, Clone)]
pub struct DirtyLevels {
    dynamodb: Client,
    table: String,
    marks_a_page: Option<i32>,
}

impl DirtyLevels {
    /// The dirty levels in this table.
    #[must_use]
    pub fn new(dynamodb: Client, table: impl Into<String>) -> Self {
        Self { dynamodb, table: table.into(), marks_a_page: None }
    }

    /// Reads at most this many items a page of a scan in place of the one megabyte that DynamoDB gives.
    #[must_use]
    pub fn with_marks_a_page(self, marks: u16) -> Self {
        Self { marks_a_page: Some(marks.into()), ..self }
    }

    fn place(&self) -> String {
        format!("the table {}", self.table)
    }

    async fn mark_one(&self, mark: &Mark) -> PortResult<()> {
        let request = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .key(LEVEL, text(mark.level.wire()))
            .update_expression("SET #token = :token, #since = if_not_exists(#since, :since)")
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_names("#since", SINCE)
            .expression_attribute_values(":token", text(&mark.token.0))
            .expression_attribute_values(":since", text(mark.since.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(failed(&format!("marking {} in", mark.level), &self.place(), error)),
        }
    }

    /// A request that is sent again because its answer was lost finds no mark and says so: for a mover that is as good
    /// as a mark that was renewed.
    async fn remove_one(&self, level: &Level, token: &Token) -> PortResult<bool> {
        let request = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key(LEVEL, text(level.wire()))
            .condition_expression("#token = :token")
            .expression_attribute_names("#token", TOKEN)
            .expression_attribute_values(":token", text(&token.0));
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Ok(false)
            }
            Err(error) => Err(failed(&format!("removing the mark of {level} from",), &self.place(), error)),
        }
    }

    /// The mark that an item is; none for an item that is something else.
    fn read(&self, item: &HashMap<String, AttributeValue>) -> Option<Mark> {
        let attribute = |name| item.get(name).and_then(|value: &AttributeValue| value.as_s().ok());
        let key = attribute(LEVEL)?;
        let Ok(level) = Level::from_wire(key) else {
            // A key that starts with a dot is no level's, and meant so.
            if !key.starts_with('.') {
                tracing::warn!(table = self.table, key, "the table holds an item whose key is no level");
            }
            return None;
        };
        let Some(token) = attribute(TOKEN) else {
            tracing::warn!(table = self.table, key, "the table holds an item without token");
            return None;
        };
        let since = attribute(SINCE).and_then(|since| DateTime::parse_from_rfc3339(since).ok());
        // Only metrics read it: a mark without it is still owed.
        let since = since.map_or_else(|| SystemTime::now().into(), |since| since.with_timezone(&Utc));
        Some(Mark { level, token: Token(token.clone()), since })
    }
}

impl MarkLevels for DirtyLevels {
    /// One UpdateItem for each mark.
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        bounded(marks.iter().map(|mark| self.mark_one(mark)).collect()).await
    }
}

impl ReadMarks for DirtyLevels {
    /// A consistent read: another could miss a mark that stands throughout.
    async fn scan(&self, from: Option<&PageToken>) -> PortResult<MarkPage> {
        let start = from.map(|token| HashMap::from([(LEVEL.to_owned(), text(&token.0))]));
        let request = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .set_limit(self.marks_a_page)
            .set_exclusive_start_key(start);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(failed("scanning", &self.place(), error)),
        };
        let next = match answer.last_evaluated_key() {
            None => None,
            Some(key) => match key.get(LEVEL).and_then(|value| value.as_s().ok()) {
                Some(level) => Some(PageToken(level.clone())),
                None => {
                    return Err(PortError::Unavailable {
                        what: format!("scanning {}", self.place()),
                        source: format!("its key is not the string {LEVEL:?} alone").into(),
                    });
                }
            },
        };
        Ok(MarkPage { marks: answer.items().iter().filter_map(|item| self.read(item)).collect(), next })
    }
}

impl RemoveMarks for DirtyLevels {
    /// One conditional DeleteItem for each mark.
    async fn remove(&self, marks: &[(Level, Token)]) -> Vec<PortResult<bool>> {
        bounded(marks.iter().map(|(level, token)| self.remove_one(level, token)).collect()).await
    }
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
