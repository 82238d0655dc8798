//! The table of dirty levels.

use super::{State, again, count, time};
use crate::level::{Level, Mark, Token};
use crate::ports::{MarkLevels, MarkPage, PageToken, PortResult, ReadMarks, RemoveMarks};
use crate::status::Marks;

impl MarkLevels for State {
    async fn mark(&self, marks: &[Mark]) -> Vec<PortResult<()>> {
        let result = self.write("marking levels", |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT INTO marks (level, token, since) VALUES (?1, ?2, ?3)
                 ON CONFLICT (level) DO UPDATE SET token = excluded.token",
            )?;
            for mark in marks {
                statement.execute((mark.level.wire(), &mark.token.0, mark.since.timestamp_micros()))?;
            }
            Ok(())
        });
        super::each(marks.len(), result)
    }
}

impl ReadMarks for State {
    /// By level, ascending. A token is the last level of the page before.
    async fn scan(&self, from: Option<&PageToken>) -> PortResult<MarkPage> {
        let size = self.shared.options.marks_a_page.max(1);
        // No level is written as an empty text, so this is before all of them.
        let from = from.map_or("", |token| token.0.as_str());
        let mut marks = self.read_one("scanning the marks", |connection| {
            connection
                .prepare_cached("SELECT level, token, since FROM marks WHERE level > ?1 ORDER BY level LIMIT ?2")?
                .query_map((from, size as i64 + 1), |row| {
                    Ok(Mark {
                        level: level(row.get_ref(0)?.as_str()?)?,
                        token: Token(row.get(1)?),
                        since: time(row.get(2)?),
                    })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let more = marks.len() > size;
        marks.truncate(size);
        let next = match marks.last() {
            Some(last) if more => Some(PageToken(last.level.wire().to_owned())),
            _ => None,
        };
        Ok(MarkPage { marks, next })
    }
}

impl RemoveMarks for State {
    async fn remove(&self, marks: &[(Level, Token)]) -> Vec<PortResult<bool>> {
        let result = self.write("removing marks", |connection| {
            let mut statement = connection.prepare_cached("DELETE FROM marks WHERE level = ?1 AND token = ?2")?;
            marks
                .iter()
                .map(|(level, token)| Ok(statement.execute((level.wire(), &token.0))? > 0))
                .collect::<rusqlite::Result<Vec<bool>>>()
        });
        match result {
            Ok(removed) => removed.into_iter().map(Ok).collect(),
            Err(error) => marks.iter().map(|_| Err(again(&error))).collect(),
        }
    }
}

impl State {
    /// How many levels are marked, and since when.
    ///
    /// # Errors
    ///
    /// When the state file cannot be read.
    pub fn marks(&self) -> PortResult<Marks> {
        self.read_one("counting the marks", |connection| {
            connection.prepare_cached("SELECT count(*), min(since) FROM marks")?.query_row([], |row| {
                Ok(Marks { count: count(row, 0)?, oldest: row.get::<_, Option<i64>>(1)?.map(time) })
            })
        })
    }
}

/// A level from the file.
fn level(key: &str) -> rusqlite::Result<Level> {
    Level::from_wire(key)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))
}
