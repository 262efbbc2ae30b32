//! Between rows and values. Neighbours: every file of this room.

use crate::store::error::{CommitError, StoreError};
use bridge_core::{
    effect::Operation, event::Side, ids::DeliveryId, intent::Intent, lane::Direction, link::Link,
    time::Timestamp,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row, sqlite::SqliteRow};

use crate::store::types::Source;

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
mod code {
    pub const BUSY: i32 = 5;
    pub const LOCKED: i32 = 6;
    pub const NOMEM: i32 = 7;
    pub const READONLY: i32 = 8;
    pub const IOERR: i32 = 10;
    pub const CORRUPT: i32 = 11;
    pub const FULL: i32 = 13;
    pub const CANTOPEN: i32 = 14;
    pub const NOLFS: i32 = 22;
    pub const NOTADB: i32 = 26;
}

/// The primary code within an extended one is its low byte.
const PRIMARY_CODE_MASK: i32 = 0xff;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(e) => {
                let number = e.code().and_then(|c| c.parse::<i32>().ok()).unwrap_or(0);
                from_code(number & PRIMARY_CODE_MASK, e.message())
            }
            sqlx::Error::Io(e) => Self::Failing {
                reason: e.to_string(),
            },
            sqlx::Error::WorkerCrashed => Self::Failing {
                reason: "the connection broke off".to_owned(),
            },
            sqlx::Error::PoolTimedOut => Self::Busy {
                reason: "every reading connection is in use".to_owned(),
            },
            sqlx::Error::PoolClosed => Self::Closed,
            // The text of the others may quote a value, and values are customers' data.
            _ => Self::Broken {
                what: "a row was not as expected".to_owned(),
            },
        }
    }
}

fn from_code(number: i32, message: &str) -> StoreError {
    let text = message.to_owned();
    match number {
        code::BUSY | code::LOCKED => StoreError::Busy { reason: text },
        code::IOERR => StoreError::Failing { reason: text },
        code::NOMEM | code::READONLY | code::FULL | code::CANTOPEN | code::NOLFS => {
            StoreError::Unavailable { reason: text }
        }
        code::CORRUPT | code::NOTADB => StoreError::Corrupt {
            path: std::path::PathBuf::from("(file)"),
            detail: text,
        },
        _ => StoreError::Broken { what: text },
    }
}

impl From<sqlx::Error> for CommitError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Whether a statement failed because a unique key is taken.
pub(super) fn is_taken(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|e| e.is_unique_violation())
}

/// An id, or another word that can be checked, from a column.
pub(super) fn id<T: TryFrom<String>>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, StoreError> {
    T::try_from(row.try_get(column)?).map_err(|_| StoreError::unreadable(column))
}

/// The same from a column that may be empty.
pub(super) fn maybe_id<T: TryFrom<String>>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let text: Option<String> = row.try_get(column)?;
    text.map(|t| T::try_from(t).map_err(|_| StoreError::unreadable(column)))
        .transpose()
}

/// A moment from a column.
pub(super) fn at(row: &SqliteRow, column: &'static str) -> Result<Timestamp, StoreError> {
    Ok(Timestamp(row.try_get(column)?))
}

/// A count from a column.
pub(super) fn count(row: &SqliteRow, column: &'static str) -> Result<u64, StoreError> {
    let number: i64 = row.try_get(column)?;
    Ok(u64::try_from(number).unwrap_or(0))
}

/// A value from a column of JSON. The parser's own words may quote content, so they are dropped.
pub(super) fn json<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<T, StoreError> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|_| StoreError::unreadable(column))
}

/// A value as JSON for a column.
pub(super) fn to_json<T: Serialize>(value: &T, what: &str) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| StoreError::Broken {
        what: format!("a {what} could not be put into JSON"),
    })
}

/// A side from its word.
pub(super) fn side(row: &SqliteRow) -> Result<Side, StoreError> {
    match row.try_get("side")? {
        "jelou" => Ok(Side::Jelou),
        "ticketing" => Ok(Side::Ticketing),
        _ => Err(StoreError::unreadable("side")),
    }
}

/// A source from its word.
pub(super) fn source(row: &SqliteRow) -> Result<Source, StoreError> {
    match row.try_get("source")? {
        "webhook" => Ok(Source::Webhook),
        "sweep" => Ok(Source::Sweep),
        "backfill" => Ok(Source::Backfill),
        "part" => Ok(Source::Part),
        _ => Err(StoreError::unreadable("source")),
    }
}

/// An operation from its word.
pub(super) fn operation(row: &SqliteRow) -> Result<Operation, StoreError> {
    let word: &str = row.try_get("operation")?;
    Operation::ALL
        .into_iter()
        .find(|o| o.as_str() == word)
        .ok_or_else(|| StoreError::unreadable("operation"))
}

/// A direction from its word.
pub(super) fn direction(row: &SqliteRow) -> Result<Direction, StoreError> {
    let word: &str = row.try_get("direction")?;
    Direction::ALL
        .into_iter()
        .find(|one| one.as_str() == word)
        .ok_or_else(|| StoreError::unreadable("direction"))
}

/// A Delivery's row number.
pub(super) fn delivery_id(row: &SqliteRow) -> Result<DeliveryId, StoreError> {
    Ok(DeliveryId(row.try_get("id")?))
}

/// A Link from its body.
pub(super) fn link(row: &SqliteRow) -> Result<Link, StoreError> {
    json(row, "body")
}

/// An Intent from its body. Whether it is held is the column's word: a release changes only that.
pub(super) fn intent(row: &SqliteRow) -> Result<Intent, StoreError> {
    let mut intent: Intent = json(row, "body")?;
    intent.held = row.try_get::<i64, _>("held")? != 0;
    Ok(intent)
}
