//! Small memories: how far a listing was read, who takes no calls now, and the bridge's own notes.
//! Neighbours: the Sweep moves cursors; the daemon's gate keeps pauses.

use super::{Store, engine::Turn, row::at};
use crate::store::{error::StoreError, types::Pause};
use bridge_core::{
    ids::BridgeName,
    time::{Timestamp, Wait},
};
use sqlx::{Row, query};

const META: &str = "SELECT value FROM meta WHERE key = ?";

pub(super) const SET_META: &str = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

const CURSOR: &str = "SELECT value FROM cursor WHERE bridge = ? AND name = ?";

const SET_CURSOR: &str = "INSERT INTO cursor (bridge, name, value, updated_at) VALUES (?, ?, ?, ?) \
     ON CONFLICT (bridge, name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at";

const PAUSES: &str = "SELECT key, until, reason, since FROM pause ORDER BY key";

/// How long it is to last counts from when it was last asked for, so that a clock that is set back
/// makes it no longer than that.
const PAUSE: &str = "INSERT INTO pause (key, until, reason, since) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (key) DO UPDATE SET until = excluded.until, reason = excluded.reason, \
     since = excluded.since";

const RESUME: &str = "DELETE FROM pause WHERE key = ?";

impl Store {
    /// A note of the bridge to itself.
    ///
    /// # Errors
    /// What the database said.
    pub async fn meta(&self, key: &str) -> Result<Option<String>, StoreError> {
        let row = query(META).bind(key).fetch_optional(&self.readers).await?;
        Ok(row.map(|row| row.try_get("value")).transpose()?)
    }

    /// Writes a note of the bridge to itself.
    ///
    /// # Errors
    /// What the database said.
    pub async fn set_meta(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let args = (key.to_owned(), value.to_owned());
        let set = self.engine.write(Turn::Quiet, args, |db, (key, value)| {
            Box::pin(async move {
                query(SET_META).bind(key).bind(value).execute(db).await?;
                Ok(())
            })
        });
        Ok(set.await?)
    }

    /// How far a listing was read, in the listing's own words.
    ///
    /// # Errors
    /// What the database said.
    pub async fn cursor(
        &self,
        bridge: &BridgeName,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = query(CURSOR)
            .bind(bridge.as_str())
            .bind(name)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.map(|row| row.try_get("value")).transpose()?)
    }

    /// Moves a cursor.
    ///
    /// # Errors
    /// What the database said.
    pub async fn set_cursor(
        &self,
        bridge: &BridgeName,
        name: &str,
        value: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (bridge.clone(), name.to_owned(), value.to_owned(), now);
        let set = self
            .engine
            .write(Turn::Quiet, args, |db, (bridge, name, value, now)| {
                Box::pin(async move {
                    query(SET_CURSOR)
                        .bind(bridge.as_str())
                        .bind(name)
                        .bind(value)
                        .bind(now.0)
                        .execute(db)
                        .await?;
                    Ok(())
                })
            });
        Ok(set.await?)
    }

    /// Who takes no calls before a moment. Some of it may lie in the past.
    ///
    /// # Errors
    /// What the database said.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let rows = query(PAUSES).fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| {
                Ok(Pause {
                    key: row.try_get("key")?,
                    wait: Wait {
                        since: at(row, "since")?,
                        until: at(row, "until")?,
                    },
                    reason: row.try_get("reason")?,
                })
            })
            .collect()
    }

    /// Lets a host or credential take no calls until a moment; longer or shorter than before.
    ///
    /// # Errors
    /// What the database said.
    pub async fn pause(
        &self,
        key: &str,
        until: Timestamp,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (key.to_owned(), until, reason.to_owned(), now);
        let paused = self
            .engine
            .write(Turn::Quiet, args, |db, (key, until, reason, now)| {
                Box::pin(async move {
                    query(PAUSE)
                        .bind(key)
                        .bind(until.0)
                        .bind(reason)
                        .bind(now.0)
                        .execute(db)
                        .await?;
                    Ok(())
                })
            });
        Ok(paused.await?)
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// What the database said.
    pub async fn resume(&self, key: &str) -> Result<(), StoreError> {
        let resumed = self.engine.write(Turn::Quiet, key.to_owned(), |db, key| {
            Box::pin(async move {
                query(RESUME).bind(key).execute(db).await?;
                Ok(())
            })
        });
        Ok(resumed.await?)
    }
}
