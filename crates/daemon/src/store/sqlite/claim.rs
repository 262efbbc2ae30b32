//! Claims on Lanes: taking, renewing, taking over. Neighbours: `load` reads what is known of a
//! claimed Lane; `commit` checks the Claim at each commit and releases it.

use super::{Store, aside, engine::Turn, load, row::id, set_back, wake};
use crate::store::{
    error::{CommitError, StoreError},
    room::Room,
    types::{Claim, ClaimedLane},
};
use bridge_core::{
    ids::{BridgeName, LaneId},
    time::Timestamp,
};
use sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};
use std::{sync::Arc, time::Duration};

/// Along the index of Claims, whatever the statistics say: by its bridge it would read all customers that there are.
const TAKE_OVER: &str = "UPDATE lane SET owner = ?1, token = token + 1, claimed_at = ?2, lease_until = ?3, due_at = NULL, held_by = NULL \
     WHERE id IN (SELECT id FROM lane INDEXED BY lane_lease WHERE owner IS NOT NULL AND bridge = ?5 AND lease_until <= ?2 ORDER BY lease_until LIMIT ?4) \
     RETURNING id, bridge, bot, user, state, token";

/// Half of them the longest due, so that all have their turn, and half the latest due, so that what
/// is new is served at once however many are behind. Each half goes along the index of due Lanes.
const TAKE: &str = "UPDATE lane SET owner = ?1, token = token + 1, claimed_at = ?2, lease_until = ?3, due_at = NULL, held_by = NULL \
     WHERE id IN (SELECT id FROM (SELECT id FROM lane INDEXED BY lane_due_bridge WHERE owner IS NULL AND bridge = ?5 AND due_at <= ?2 ORDER BY due_at LIMIT (?4 + 1) / 2) \
     UNION SELECT id FROM (SELECT id FROM lane INDEXED BY lane_due_bridge WHERE owner IS NULL AND bridge = ?5 AND due_at <= ?2 ORDER BY due_at DESC LIMIT ?4 / 2)) \
     RETURNING id, bridge, bot, user, state, token";

const TAKE_ONE: &str = "UPDATE lane SET owner = ?1, token = token + 1, claimed_at = ?2, lease_until = ?3, due_at = NULL, held_by = NULL \
     WHERE id = ?4 AND (owner IS NULL OR lease_until <= ?2) RETURNING id, bridge, bot, user, state, token";

const THERE: &str = "SELECT 1 FROM lane WHERE id = ?";

const MORE: &str = "UPDATE lane SET due_at = ?2 WHERE id = ?1";

const RENEW: &str = "UPDATE lane SET lease_until = ?4 WHERE id = ?1 AND owner = ?2 AND token = ?3";

impl Store {
    /// Claims due Lanes, of each bridge its share of the room: those whose lease ran out first, then the
    /// longest and the latest due, half of each. Where the clock was set back, all that waits is due.
    ///
    /// # Errors
    /// What the database said.
    pub async fn claim_lanes(
        &self,
        room: &Room<BridgeName>,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Vec<ClaimedLane>, StoreError> {
        let args = (self.clone(), room.clone(), now, lease);
        let claimed = self
            .engine
            .write(Turn::Claim, args, |db, (store, room, now, lease)| {
                Box::pin(async move {
                    let turned = set_back::follow(&mut *db, &store.clock, *now, *lease).await?;
                    let until = now.plus(*lease);
                    Ok((
                        turned,
                        take(db, &store.owner, room.clone(), *now, until).await?,
                    ))
                })
            });
        let (turned, claimed) = claimed.await?;
        self.clock.turned(turned);
        if let Some(by) = turned.by {
            tracing::warn!(
                by_seconds = by.as_secs(),
                "The clock was set back; what waited is looked at anew"
            );
        }
        Ok(claimed)
    }

    /// Claims one Lane, due or not, for an operator's command. `None` while another holds it.
    ///
    /// # Errors
    /// [`StoreError::Gone`] if there is no such Lane, [`StoreError::Unreadable`] if it had to be set
    /// aside, or what the database said.
    pub async fn claim_lane(
        &self,
        lane: &LaneId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<ClaimedLane>, StoreError> {
        let args = (Arc::clone(&self.owner), lane.clone(), now, now.plus(lease));
        let claimed = self
            .engine
            .write(Turn::Claim, args, |db, (owner, lane, now, until)| {
                Box::pin(take_one(db, owner, lane, *now, *until))
            });
        claimed.await?
    }

    /// Keeps a Claim until a later moment.
    ///
    /// # Errors
    /// [`CommitError::Fenced`] if another took the Lane over, or what the database said.
    pub async fn renew(&self, claim: &Claim, until: Timestamp) -> Result<(), CommitError> {
        let args = (claim.clone(), until);
        self.engine
            .write(Turn::Quiet, args, |db, (claim, until)| {
                Box::pin(async move {
                    let renewed = query(RENEW)
                        .bind(claim.lane.as_str())
                        .bind(&*claim.owner)
                        .bind(claim.token)
                        .bind(until.0)
                        .execute(db)
                        .await?;
                    fenced_unless(renewed.rows_affected())
                })
            })
            .await
    }
}

/// A statement that names the Claim and touched no row was of a Claim that is over.
pub(super) fn fenced_unless(rows: u64) -> Result<(), CommitError> {
    if rows == 0 {
        Err(CommitError::Fenced)
    } else {
        Ok(())
    }
}

async fn take(
    db: &mut SqliteConnection,
    owner: &Arc<str>,
    mut room: Room<BridgeName>,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<ClaimedLane>, CommitError> {
    let due = wake::bridges_due(&mut *db).await?;
    let mut waiting: Vec<BridgeName> = due
        .into_iter()
        .filter_map(|(bridge, at)| (at <= now).then_some(bridge))
        .collect();
    waiting.sort_unstable();
    waiting.dedup();
    let mut waiting = room.in_turn(waiting, BridgeName::clone);
    let mut rows = Vec::new();
    for most in [room.share(waiting.len()), room.free] {
        let mut want_more = Vec::new();
        for bridge in waiting {
            let mut left = room.grants(&bridge, most);
            for statement in [TAKE_OVER, TAKE] {
                let taken = query(statement)
                    .bind(&**owner)
                    .bind(now.0)
                    .bind(until.0)
                    .bind(left)
                    .bind(bridge.as_str())
                    .fetch_all(&mut *db)
                    .await?;
                room.give(&bridge, taken.len());
                left = left.saturating_sub(u32::try_from(taken.len()).unwrap_or(u32::MAX));
                rows.extend(taken);
            }
            // Who got less than it might have has no more.
            if left == 0 {
                want_more.push(bridge);
            }
        }
        if room.is_over() {
            break;
        }
        waiting = want_more;
    }
    let mut claimed = Vec::with_capacity(rows.len());
    for row in &rows {
        claimed.extend(known(db, row, owner, now).await?);
    }
    Ok(claimed)
}

/// The inner error is for whoever asked: that the Lane is set aside is committed all the same.
async fn take_one(
    db: &mut SqliteConnection,
    owner: &Arc<str>,
    lane: &LaneId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Result<Option<ClaimedLane>, StoreError>, CommitError> {
    let row = query(TAKE_ONE)
        .bind(&**owner)
        .bind(now.0)
        .bind(until.0)
        .bind(lane.as_str())
        .fetch_optional(&mut *db)
        .await?;
    if let Some(row) = row {
        let known = known(db, &row, owner, now).await?;
        return Ok(known
            .map(Some)
            .ok_or_else(|| StoreError::Unreadable { lane: lane.clone() }));
    }
    let there = query(THERE).bind(lane.as_str()).fetch_optional(db).await?;
    match there {
        Some(_) => Ok(Ok(None)),
        None => Err(StoreError::Gone { what: "lane" }.into()),
    }
}

/// All that is known of a Lane just claimed; `None` if it had to be set aside.
async fn known(
    db: &mut SqliteConnection,
    row: &SqliteRow,
    owner: &Arc<str>,
    now: Timestamp,
) -> Result<Option<ClaimedLane>, CommitError> {
    let lane: LaneId = id(row, "id")?;
    let claim = Claim {
        lane: lane.clone(),
        owner: Arc::clone(owner),
        token: row.try_get("token")?,
    };
    match load::lane(db, row).await {
        Ok(loaded) => {
            if loaded.more {
                query(MORE)
                    .bind(lane.as_str())
                    .bind(now.0)
                    .execute(db)
                    .await?;
            }
            Ok(Some(ClaimedLane {
                lane: loaded.lane,
                claim,
            }))
        }
        Err(error @ StoreError::Broken { .. }) => {
            tracing::error!(lane.id = %lane, %error, "Lane {lane} is set aside: {error}");
            aside::set_aside(db, &claim, &aside::unreadable(now)).await?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
