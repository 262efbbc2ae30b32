//! Looks through a database from outside, also while a bridge works on it. Neighbour: `open`, whose
//! check is quicker and leaves the indexes out.

use super::{Store, open::path_of};
use crate::store::error::StoreError;
use sqlx::{ConnectOptions, Connection, Row, query, sqlite::SqliteConnectOptions};

impl Store {
    /// What SQLite finds damaged in the file at `sqlite:PATH`, indexes included; empty where it is
    /// whole. Takes no lock that a running bridge would notice, and reads every page.
    ///
    /// # Errors
    /// [`StoreError`] where the file cannot be read at all.
    pub async fn damage(url: &str) -> Result<Vec<String>, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path_of(url)?)
            .read_only(true)
            .disable_statement_logging();
        let mut db = options.connect().await?;
        let rows = query("PRAGMA integrity_check").fetch_all(&mut db).await?;
        let found: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
        db.close().await?;
        Ok(found?.into_iter().filter(|line| line != "ok").collect())
    }
}
