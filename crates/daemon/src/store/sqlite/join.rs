//! Brings together what belongs to one customer: Lanes under two spellings, and an Event that came
//! to the wrong Lane. Neighbours: `route` follows the aliases written here; `claim` made the Claim.

use super::{
    Store,
    claim::fenced_unless,
    engine::Turn,
    row::{id, json},
    wake,
};
use crate::store::{
    changes::state_of,
    error::{CommitError, StoreError},
    merge::merge,
    types::{Claim, Joined},
};
use bridge_core::{
    ids::{DeliveryId, LaneId, UserId},
    lane::Lane,
    time::Timestamp,
};
use sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};

const OURS: &str =
    "SELECT id, bridge, bot, user, state FROM lane WHERE id = ? AND owner = ? AND token = ?";

const OTHER: &str = "SELECT id, bridge, bot, user, state, owner IS NULL OR lease_until <= ?4 AS free FROM lane \
     WHERE bridge = ?1 AND bot = ?2 AND user = ?3";

const ALIAS: &str = "INSERT INTO alias (bridge, bot, asked, canonical, created_at) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (bridge, bot, asked) DO UPDATE SET canonical = excluded.canonical, created_at = excluded.created_at";

/// Whoever was known by the spelling that now gives way is known by the new one: chains stay one
/// step long.
const FOLLOW: &str =
    "UPDATE alias SET canonical = ?4 WHERE bridge = ?1 AND bot = ?2 AND canonical = ?3";

/// The canonical spelling itself is nobody's alias.
const NO_LOOP: &str = "DELETE FROM alias WHERE bridge = ?1 AND bot = ?2 AND asked = ?3";

const RENAME: &str = "UPDATE lane SET user = ?2 WHERE id = ?1";

/// The other Lane's token grows, so that a holder whose lease ran out cannot write over the join.
const TAKE_IN: &str = "UPDATE lane SET state = ?2, token = token + 1, owner = NULL, claimed_at = NULL, lease_until = NULL WHERE id = ?1";

const MOVE: [&str; 5] = [
    "UPDATE link SET lane_id = ?2 WHERE lane_id = ?1",
    "UPDATE intent SET lane_id = ?2 WHERE lane_id = ?1",
    "UPDATE delivery SET lane_id = ?2 WHERE lane_id = ?1",
    "UPDATE audit SET lane_id = ?2 WHERE lane_id = ?1",
    "UPDATE message SET lane_id = ?2 WHERE lane_id = ?1 AND outcome IS NULL",
];

const DELETE: &str = "DELETE FROM lane WHERE id = ?";

const FORWARD: &str =
    "UPDATE delivery SET lane_id = ?3 WHERE id = ?1 AND lane_id = ?2 AND state = 'routed'";

const CLAIMED: &str = "SELECT 1 FROM lane WHERE id = ? AND owner = ? AND token = ?";

const THERE: &str = "SELECT 1 FROM lane WHERE id = ?";

impl Store {
    /// Gives the claimed Lane its customer's canonical spelling (rule 9). If another Lane has that
    /// name, everything moves there, if nobody works on it now. Commit first: what the Lane still
    /// has in memory is not stored by this.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is changed then.
    pub async fn join(
        &self,
        claim: &Claim,
        canonical: &UserId,
        now: Timestamp,
    ) -> Result<Joined, CommitError> {
        let args = (claim.clone(), canonical.clone(), now);
        self.engine
            .write(Turn::Work, args, |db, (claim, canonical, now)| {
                Box::pin(join(db, claim, canonical, *now))
            })
            .await
    }

    /// Moves a routed Delivery, with the Events in it that have no fate yet, from the claimed Lane
    /// to another one, which becomes due (rule 1).
    ///
    /// # Errors
    /// [`CommitError::Fenced`], [`StoreError::Gone`] if the Lane or the Delivery is not there, or
    /// what the database said.
    pub async fn forward(
        &self,
        claim: &Claim,
        delivery: DeliveryId,
        to: &LaneId,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let args = (claim.clone(), delivery, to.clone(), now);
        self.engine
            .write(Turn::Work, args, |db, (claim, delivery, to, now)| {
                Box::pin(forward(db, claim, *delivery, to, *now))
            })
            .await
    }
}

async fn join(
    db: &mut SqliteConnection,
    claim: &Claim,
    canonical: &UserId,
    now: Timestamp,
) -> Result<Joined, CommitError> {
    let row = query(OURS)
        .bind(claim.lane.as_str())
        .bind(&*claim.owner)
        .bind(claim.token)
        .fetch_optional(&mut *db)
        .await?
        .ok_or(CommitError::Fenced)?;
    let ours = remembered(&row)?;
    if ours.user == *canonical {
        return Ok(Joined::Renamed);
    }
    let other = query(OTHER)
        .bind(ours.bridge.as_str())
        .bind(ours.bot.as_str())
        .bind(canonical.as_str())
        .bind(now.0)
        .fetch_optional(&mut *db)
        .await?;
    let Some(other) = other else {
        alias(db, &ours, canonical, now).await?;
        query(RENAME)
            .bind(ours.id.as_str())
            .bind(canonical.as_str())
            .execute(db)
            .await?;
        return Ok(Joined::Renamed);
    };
    if other.try_get::<i64, _>("free")? == 0 {
        return Ok(Joined::Busy);
    }
    alias(db, &ours, canonical, now).await?;
    let theirs = remembered(&other)?;
    let into = theirs.id.clone();
    take_in(db, ours, theirs).await?;
    wake::lane(db, &into, now).await?;
    Ok(Joined::Into(into))
}

fn remembered(row: &SqliteRow) -> Result<Lane, StoreError> {
    let mut lane: Lane = json(row, "state")?;
    lane.id = id(row, "id")?;
    lane.bridge = id(row, "bridge")?;
    lane.bot = id(row, "bot")?;
    lane.user = id(row, "user")?;
    Ok(lane)
}

async fn alias(
    db: &mut SqliteConnection,
    ours: &Lane,
    canonical: &UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (bridge, bot, asked) = (ours.bridge.as_str(), ours.bot.as_str(), ours.user.as_str());
    query(FOLLOW)
        .bind(bridge)
        .bind(bot)
        .bind(asked)
        .bind(canonical.as_str())
        .execute(&mut *db)
        .await?;
    query(NO_LOOP)
        .bind(bridge)
        .bind(bot)
        .bind(canonical.as_str())
        .execute(&mut *db)
        .await?;
    query(ALIAS)
        .bind(bridge)
        .bind(bot)
        .bind(asked)
        .bind(canonical.as_str())
        .bind(now.0)
        .execute(db)
        .await?;
    Ok(())
}

/// Moves all of `ours` to `theirs`, and deletes `ours`. Ids of Links and Intents carry the Lane's
/// id they were made under, so they cannot meet.
async fn take_in(
    db: &mut SqliteConnection,
    ours: Lane,
    mut theirs: Lane,
) -> Result<(), CommitError> {
    let ours_id = ours.id.clone();
    merge(ours, &mut theirs);
    query(TAKE_IN)
        .bind(theirs.id.as_str())
        .bind(state_of(&theirs)?)
        .execute(&mut *db)
        .await?;
    for statement in MOVE {
        query(statement)
            .bind(ours_id.as_str())
            .bind(theirs.id.as_str())
            .execute(&mut *db)
            .await?;
    }
    query(DELETE).bind(ours_id.as_str()).execute(db).await?;
    Ok(())
}

async fn forward(
    db: &mut SqliteConnection,
    claim: &Claim,
    delivery: DeliveryId,
    to: &LaneId,
    now: Timestamp,
) -> Result<(), CommitError> {
    let claimed = query(CLAIMED)
        .bind(claim.lane.as_str())
        .bind(&*claim.owner)
        .bind(claim.token)
        .fetch_optional(&mut *db)
        .await?;
    fenced_unless(u64::from(claimed.is_some()))?;
    let there = query(THERE)
        .bind(to.as_str())
        .fetch_optional(&mut *db)
        .await?;
    if there.is_none() {
        return Err(StoreError::Gone { what: "lane" }.into());
    }
    let moved = query(FORWARD)
        .bind(delivery.0)
        .bind(claim.lane.as_str())
        .bind(to.as_str())
        .execute(&mut *db)
        .await?;
    if moved.rows_affected() == 0 {
        return Err(StoreError::Gone { what: "delivery" }.into());
    }
    wake::lane(db, to, now).await?;
    Ok(())
}
