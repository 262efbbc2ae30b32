//! What makes a Lane due, other than a Delivery, and when something will next be due. Neighbours:
//! `jobs` sleeps until then; a pause that ends and an operator's command wake.

use super::{
    Store,
    engine::Turn,
    row::{at, id},
};
use crate::store::{error::StoreError, types::Wake};
use bridge_core::{
    ids::{BridgeName, LaneId},
    time::Timestamp,
};
use sqlx::{Row, SqliteConnection, query};
use std::sync::Arc;

const LANE: &str =
    "UPDATE lane SET due_at = min(coalesce(due_at, ?2), ?2), held_by = NULL WHERE id = ?1";

/// A prefix is compared byte by byte: `LIKE` would take a host's `_` for any letter.
const HELD_BY: &str = "UPDATE lane SET due_at = min(coalesce(due_at, ?2), ?2), held_by = NULL \
     WHERE held_by IS NOT NULL AND substr(held_by, 1, length(?1)) = ?1";

const BRIDGE: &str =
    "UPDATE lane SET due_at = min(coalesce(due_at, ?2), ?2), held_by = NULL WHERE bridge = ?1";

/// From bridge to bridge by leaps along the index: ten thousand due Lanes of one are one leap. Claimed
/// Lanes are few.
const BRIDGES_DUE: &str = "WITH RECURSIVE has (bridge) AS (\
     SELECT (SELECT bridge FROM lane WHERE owner IS NULL AND due_at IS NOT NULL ORDER BY bridge LIMIT 1) UNION ALL \
     SELECT (SELECT l.bridge FROM lane l WHERE l.owner IS NULL AND l.due_at IS NOT NULL AND l.bridge > has.bridge ORDER BY l.bridge LIMIT 1) \
     FROM has WHERE has.bridge IS NOT NULL) \
     SELECT has.bridge, (SELECT min(l.due_at) FROM lane l WHERE l.owner IS NULL AND l.due_at IS NOT NULL AND l.bridge = has.bridge) AS due_at \
     FROM has WHERE has.bridge IS NOT NULL \
     UNION ALL SELECT bridge, min(lease_until) FROM lane INDEXED BY lane_lease WHERE owner IS NOT NULL GROUP BY bridge";

const NEXT_DUE: &str = "SELECT min(due_at) AS due_at FROM (SELECT min(due_at) AS due_at FROM lane WHERE owner IS NULL AND due_at IS NOT NULL \
     UNION ALL SELECT min(lease_until) FROM lane WHERE owner IS NOT NULL \
     UNION ALL SELECT min(due_at) FROM delivery WHERE state = 'received' AND router IS NOT ?)";

impl Store {
    /// Makes Lanes due now; those that are claimed become due when they are released. Returns how
    /// many.
    ///
    /// # Errors
    /// What the database said.
    pub async fn wake(&self, whom: Wake, now: Timestamp) -> Result<u64, StoreError> {
        let woken = self
            .engine
            .write(Turn::Work, (whom, now), |db, (whom, now)| {
                Box::pin(async move {
                    let woken = match whom {
                        Wake::HeldBy(prefix) => query(HELD_BY).bind(prefix),
                        Wake::Lane(lane) => query(LANE).bind(lane.as_str()),
                        Wake::Bridge(bridge) => query(BRIDGE).bind(bridge.as_str()),
                    };
                    Ok(woken.bind(now.0).execute(db).await?.rows_affected())
                })
            });
        Ok(woken.await?)
    }

    /// When something is next due: a Lane, a Delivery at the Router, or a lease that runs out. It
    /// may lie in the past.
    ///
    /// # Errors
    /// What the database said.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let owner = Arc::clone(&self.owner);
        let row = query(NEXT_DUE)
            .bind(&*owner)
            .fetch_one(&self.readers)
            .await?;
        Ok(row.try_get::<Option<i64>, _>("due_at")?.map(Timestamp))
    }

    /// When a Lane is next due, or a lease runs out, of the bridges that `may` be worked on: for who claims
    /// Lanes and nothing else.
    ///
    /// # Errors
    /// What the database said.
    pub async fn next_lane_due(
        &self,
        may: impl Fn(&BridgeName) -> bool,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut db = self.readers.acquire().await?;
        let due = bridges_due(&mut db).await?;
        let of_those = due.into_iter().filter(|(bridge, _)| may(bridge));
        Ok(of_those.map(|(_, at)| at).min())
    }
}

/// Of each bridge when its next Lane is due, and when its next lease runs out.
pub(super) async fn bridges_due(
    db: &mut SqliteConnection,
) -> Result<Vec<(BridgeName, Timestamp)>, StoreError> {
    let rows = query(BRIDGES_DUE).fetch_all(db).await?;
    rows.iter()
        .map(|row| Ok((id(row, "bridge")?, at(row, "due_at")?)))
        .collect()
}

/// Makes one Lane due.
pub(super) async fn lane(
    db: &mut SqliteConnection,
    lane: &LaneId,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(LANE)
        .bind(lane.as_str())
        .bind(now.0)
        .execute(db)
        .await?;
    Ok(())
}
