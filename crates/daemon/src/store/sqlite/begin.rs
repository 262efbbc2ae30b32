//! How a bridge begins (rule 17). Neighbours: `cursor`, which is forgotten here; `app`, which calls
//! this once for each bridge before any Lane is claimed.

use super::{
    Store,
    cursor::SET_META,
    engine::Turn,
    row::{intent, link, to_json},
};
use crate::store::{
    error::{CommitError, StoreError},
    types::Beginning,
};
use bridge_core::{
    ids::BridgeName,
    intent::{Intent, IntentState},
    link::{Ended, Link},
    time::Timestamp,
};
use sqlx::{Row, SqliteConnection, query};

const META: &str = "SELECT value FROM meta WHERE key = ?";

const FORGET_CURSORS: &str = "DELETE FROM cursor WHERE bridge = ?";

const HALF: &str = "SELECT body FROM link WHERE bridge = ? AND live = 1 AND (ticket IS NULL OR conversation IS NULL)";

const END_LINK: &str =
    "UPDATE link SET live = 0, state = ?2, body = ?3, updated_at = ?4 WHERE id = ?1";

const OPEN_INTENTS: &str =
    "SELECT body, held FROM intent WHERE link_id = ? AND state IN ('planned', 'parked')";

const WITHDRAW: &str =
    "UPDATE intent SET state = ?2, held = 0, reason = NULL, body = ?3 WHERE id = ?1";

const OBSERVE: &str = "observe";

impl Store {
    /// Notes in which mode a bridge runs now. Where it turns from observing to live, its cursors
    /// are forgotten and its half Links dropped in the same commit: older work enters only through
    /// `backfill`. The caller then sets what cursors are missing to now.
    ///
    /// # Errors
    /// What the database said; then nothing is noted.
    pub async fn begin(
        &self,
        bridge: &BridgeName,
        observes: bool,
        now: Timestamp,
    ) -> Result<Beginning, StoreError> {
        let args = (bridge.clone(), observes, now);
        let begun = self
            .engine
            .write(Turn::Work, args, |db, (bridge, observes, now)| {
                Box::pin(begin(db, bridge, *observes, *now))
            });
        Ok(begun.await?)
    }
}

async fn begin(
    db: &mut SqliteConnection,
    bridge: &BridgeName,
    observes: bool,
    now: Timestamp,
) -> Result<Beginning, CommitError> {
    let key = format!("mode.{bridge}");
    let row = query(META).bind(&key).fetch_optional(&mut *db).await?;
    let observed: Option<bool> = row
        .map(|row| row.try_get::<&str, _>("value").map(|mode| mode == OBSERVE))
        .transpose()?;
    let mode = if observes { OBSERVE } else { "live" };
    query(SET_META)
        .bind(&key)
        .bind(mode)
        .execute(&mut *db)
        .await?;
    let since = format!("observes_since.{bridge}");
    match (observed, observes) {
        (None, _) => Ok(Beginning::First),
        (Some(false), true) => {
            query(SET_META)
                .bind(&since)
                .bind(now.0.to_string())
                .execute(&mut *db)
                .await?;
            Ok(Beginning::TurnedObserve)
        }
        (Some(true), false) => {
            query(FORGET_CURSORS)
                .bind(bridge.as_str())
                .execute(&mut *db)
                .await?;
            let row = query(META).bind(&since).fetch_optional(&mut *db).await?;
            let since = row.and_then(|row| row.try_get::<String, _>("value").ok());
            let since = since.and_then(|since| since.parse().ok()).map(Timestamp);
            let dropped = drop_half_links(db, bridge, since, now).await?;
            Ok(Beginning::TurnedLive { dropped })
        }
        (Some(true), true) | (Some(false), false) => Ok(Beginning::Again),
    }
}

async fn drop_half_links(
    db: &mut SqliteConnection,
    bridge: &BridgeName,
    observed_since: Option<Timestamp>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let rows = query(HALF)
        .bind(bridge.as_str())
        .fetch_all(&mut *db)
        .await?;
    let mut dropped = 0;
    for row in &rows {
        let mut half: Link = link(row)?;
        half.ended = Some(Ended {
            at: now,
            reason: Ended::WENT_LIVE.to_owned(),
            observed_since,
        });
        query(END_LINK)
            .bind(half.id.as_str())
            .bind(half.state())
            .bind(to_json(&half, "link")?)
            .bind(now.0)
            .execute(&mut *db)
            .await?;
        withdraw(db, &half).await?;
        dropped += 1;
    }
    Ok(dropped)
}

/// What was surely not sent for a dropped Link never will be.
async fn withdraw(db: &mut SqliteConnection, dropped: &Link) -> Result<(), StoreError> {
    let rows = query(OPEN_INTENTS)
        .bind(dropped.id.as_str())
        .fetch_all(&mut *db)
        .await?;
    for row in &rows {
        let mut open: Intent = intent(row)?;
        open.state = IntentState::Withdrawn;
        open.held = false;
        open.parked = None;
        query(WITHDRAW)
            .bind(open.id.as_str())
            .bind(open.state.as_str())
            .bind(to_json(&open, "intent")?)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
