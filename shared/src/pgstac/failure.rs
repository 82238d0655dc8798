//! What PostgreSQL answers instead of a result, as conditions that a caller acts on.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::ports::{BoxError, PortError};

/// What a failure means for whoever was writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Others were in the way: the same again, from the start, may succeed at once.
    Again,
    /// There is no connection any more.
    Lost,
    /// The data is such that it cannot be taken, or that a constraint, trigger or index of the operator's refuses it.
    Data,
    /// Anything else: it may pass, but hardly at once.
    Passing,
}

/// Deadlock, serialisation, lock not to be had, object in use; a partition whose bounds or constraints changed, or
/// that is gone. Others work on the same partitions.
const AGAIN: [SqlState; 6] = [
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::LOCK_NOT_AVAILABLE,
    SqlState::OBJECT_IN_USE,
    SqlState::CHECK_VIOLATION,
    SqlState::UNDEFINED_TABLE,
];

/// Data exception, constraint, program limit (an index row that is too long), and what PostGIS and PL/pgSQL raise.
const DATA: [&str; 5] = ["22", "23", "54", "P0", "XX000"];

/// Connection exceptions, and a server that shuts down, has crashed or is starting.
const LOST: [&str; 4] = ["08", "57P01", "57P02", "57P03"];

pub(super) fn meaning(error: &Error) -> Meaning {
    let Some(code) = error.code() else {
        // Nothing that the server said: the connection broke, or an answer was not understood.
        return Meaning::Lost;
    };
    if AGAIN.contains(code) {
        Meaning::Again
    } else if LOST.iter().any(|class| code.code().starts_with(class)) {
        Meaning::Lost
    } else if DATA.iter().any(|class| code.code().starts_with(class)) {
        Meaning::Data
    } else {
        Meaning::Passing
    }
}

/// Whether a statement took longer than it may.
pub(super) fn is_late(error: &Error) -> bool {
    error.code() == Some(&SqlState::QUERY_CANCELED)
}

/// Values that are not what they are compared with: data exceptions, program limits, what pgstac and PostGIS raise, types
/// that no operator compares, columns that are none.
const OF_REQUEST: [&str; 7] = ["22", "54", "P0", "XX000", "42804", "42883", "42703"];

/// Whether a search failed for what it asks, or for what it met on the way.
pub(super) fn is_of_request(error: &Error) -> bool {
    error.code().is_some_and(|code| OF_REQUEST.iter().any(|class| code.code().starts_with(class)))
}

/// Whether the server does not know who asks, or does not believe it.
pub(super) fn is_stranger(error: &Error) -> bool {
    matches!(error.code(), Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION))
}

/// Whether an object that was named does not exist: a schema, function or table.
pub(super) fn is_missing(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(&SqlState::INVALID_SCHEMA_NAME | &SqlState::UNDEFINED_FUNCTION | &SqlState::UNDEFINED_TABLE)
    )
}

/// The failure as callers of a port see it. `doing` says what was done, `place` in which database.
pub(super) fn failed(doing: &str, place: &str, error: &Error) -> PortError {
    let what = format!("{doing} {place}");
    let hint = match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => "; the loader's role needs the grants that docs/search.md lists",
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => "; it takes no writes: it is a replica, or was made read-only",
        Some(&SqlState::DISK_FULL) => "; its disk is full",
        Some(&SqlState::TOO_MANY_CONNECTIONS) => "; let fewer loaders work at once, or put a proxy before it",
        Some(&SqlState::UNDEFINED_DATABASE) => "; name another with dbname",
        _ => "",
    };
    let source: BoxError = format!("{}{hint}", said(error)).into();
    match error.code() {
        Some(
            &SqlState::INSUFFICIENT_PRIVILEGE
            | &SqlState::READ_ONLY_SQL_TRANSACTION
            | &SqlState::INVALID_PASSWORD
            | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            | &SqlState::UNDEFINED_DATABASE,
        ) => PortError::Denied { what, source },
        _ => PortError::Unavailable { what, source },
    }
}

/// What the server said, in one line, with its code; or why there was no answer, with all causes.
pub(super) fn said(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        let mut text = format!("{} ({})", error.message(), error.code().code());
        for more in [error.detail(), error.hint()].into_iter().flatten() {
            text.push_str("; ");
            text.push_str(more);
        }
        return text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
