//! Hands Deliveries to the Router and takes its word on them. Neighbours: `record` before, `load`
//! after; `jobs` routes.

use super::{
    Store,
    engine::Turn,
    row::{at, delivery_id, id, json, side, source, to_json},
};
use crate::store::{
    changes::state_of,
    error::{CommitError, StoreError},
    room::Room,
    types::{Received, Routed, Source},
};
use bridge_core::{
    event::{Event, Side},
    ids::{BotId, BridgeName, DeliveryId, LaneId, UserId},
    lane::Lane,
    route::{RouteEnd, behind},
    time::Timestamp,
};
use bytes::Bytes;
use sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};
use std::sync::Arc;

/// The oldest due ones of a source that this process has not in hand already.
const CLAIM: &str = "UPDATE delivery SET router = ?1, routing_begun_at = coalesce(routing_begun_at, ?2), attempts = attempts + 1 \
     WHERE id IN (SELECT id FROM delivery WHERE state = 'received' AND bridge = ?4 AND side = ?5 AND source = ?6 AND due_at <= ?2 AND router IS NOT ?1 \
     ORDER BY due_at, id LIMIT ?3) \
     RETURNING id, bridge, side, source, received_at, headers, body, attempts, due_at, missing_since, retried_at";

/// From where anything waits, by leaps along the index: a million webhooks of one side are one leap. One column at a
/// time, as of a comparison of three SQLite takes only the first along an index.
const SOURCES: &str = "WITH RECURSIVE first (id) AS (\
     SELECT (SELECT id FROM delivery WHERE state = 'received' ORDER BY bridge, side, source LIMIT 1) UNION ALL \
     SELECT coalesce(\
     (SELECT d.id FROM delivery d WHERE d.state = 'received' AND d.bridge = p.bridge AND d.side = p.side AND d.source > p.source ORDER BY d.source LIMIT 1), \
     (SELECT d.id FROM delivery d WHERE d.state = 'received' AND d.bridge = p.bridge AND d.side > p.side ORDER BY d.side, d.source LIMIT 1), \
     (SELECT d.id FROM delivery d WHERE d.state = 'received' AND d.bridge > p.bridge ORDER BY d.bridge, d.side, d.source LIMIT 1)) \
     FROM first JOIN delivery p ON p.id = first.id) \
     SELECT d.bridge, d.side, d.source FROM first JOIN delivery d ON d.id = first.id";

/// What it is about stays with it where that is known: no later one about the same overtakes it.
const GIVE_BACK: &str = "UPDATE delivery SET router = NULL, due_at = ?2, object = coalesce(?3, object) WHERE id = ?1 AND state = 'received'";

const PUT_OFF: &str = "UPDATE delivery SET router = NULL, due_at = ?2, object = coalesce(?3, object), detail = ?4, \
     missing_since = coalesce(?5, missing_since) WHERE id = ?1 AND state = 'received'";

/// Until when the first of those about the same object is put off that came before. Whatever the statistics say
/// of a backlog, it goes along the index of those that are put off.
const AHEAD: &str = "SELECT ahead.due_at FROM delivery d JOIN delivery ahead INDEXED BY delivery_put_off ON ahead.state = 'received' \
     AND ahead.bridge = d.bridge AND ahead.side = d.side AND ahead.object = ?2 AND ahead.id < d.id WHERE d.id = ?1 ORDER BY ahead.id LIMIT 1";

/// Who only waits for another is as new as before.
const WAIT: &str = "UPDATE delivery SET router = NULL, due_at = ?2, object = ?3, attempts = attempts - 1 WHERE id = ?1 AND state = 'received'";

const TO_LANE: &str = "UPDATE delivery SET state = 'routed', router = NULL, detail = NULL, lane_id = ?2, events = ?3, object = ?4 \
     WHERE id = ?1 AND state = 'received'";

const END: &str = "UPDATE delivery SET state = ?2, router = NULL, reason = ?3, detail = ?4, remedy = ?5, events = ?6, object = coalesce(?7, object), settled_at = ?8 \
     WHERE id = ?1 AND state = 'received'";

const LANE_DUE: &str =
    "UPDATE lane SET due_at = min(coalesce(due_at, ?2), ?2), held_by = NULL WHERE id = ?1";

/// Along the index of what is not settled, as far as that moment: there is much only while the Router
/// is behind. A Lane's due moment is empty from its Claim on until something wakes it.
const UNHEARD: &str = "SELECT EXISTS (SELECT 1 FROM delivery WHERE bridge = ?1 AND state = 'received' AND state IN ('received', 'routed') \
     AND received_at <= ?3 AND side = 'jelou') OR EXISTS (SELECT 1 FROM delivery WHERE bridge = ?1 AND state = 'received' \
     AND state IN ('received', 'routed') AND received_at > ?4 AND side = 'jelou') OR EXISTS (SELECT 1 FROM lane WHERE id = ?2 AND due_at IS NOT NULL)";

const CANONICAL: &str = "SELECT canonical FROM alias WHERE bridge = ? AND bot = ? AND asked = ?";

const LANE_OF: &str = "SELECT id FROM lane WHERE bridge = ? AND bot = ? AND user = ?";

const NEW_LANE: &str = "INSERT INTO lane (id, bridge, bot, user, state) VALUES (?, ?, ?, ?, ?)";

impl Store {
    /// Hands out due Deliveries, each to one caller at a time: of each bridge, side and source its share of the
    /// room, the oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn claim_routes(
        &self,
        room: &Room<(BridgeName, Side)>,
        now: Timestamp,
    ) -> Result<Vec<Received>, StoreError> {
        let args = (Arc::clone(&self.owner), room.clone(), now);
        let claimed = self
            .engine
            .write(Turn::Claim, args, |db, (owner, room, now)| {
                Box::pin(claim(db, owner, room.clone(), *now))
            });
        Ok(claimed.await?)
    }

    /// Takes the Router's word on a Delivery. "It belongs to that Lane" and "that Lane is due" are
    /// one commit. A Delivery that is no longer at the Router stays as it is.
    ///
    /// # Errors
    /// What the database said; then it is still at the Router.
    pub async fn routed(
        &self,
        delivery: DeliveryId,
        end: RouteEnd,
        now: Timestamp,
    ) -> Result<Routed, StoreError> {
        let args = (delivery, end, now);
        let routed = self
            .engine
            .write(Turn::Work, args, |db, (delivery, end, now)| {
                Box::pin(finish(db, *delivery, end, *now))
            });
        Ok(routed.await?)
    }

    /// Whether anything that Jelou told of a bridge until a moment has not come to a claimed Lane yet: it
    /// waits for the Router, or came since the Claim, as whatever wakes the Lane may have. What was received ahead
    /// of `now` came before the clock was set back, so before that moment.
    ///
    /// # Errors
    /// What the database said.
    pub async fn has_unheard(
        &self,
        bridge: &BridgeName,
        lane: &LaneId,
        by: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = query(UNHEARD)
            .bind(bridge.as_str())
            .bind(lane.as_str())
            .bind(by.0)
            .bind(now.0)
            .fetch_one(&self.readers)
            .await?;
        Ok(row.try_get::<i64, _>(0)? != 0)
    }

    /// Gives a Delivery back untouched, to be handed out from `due_at` on: routing it broke off. No later one
    /// about the same object overtakes it, if it is told which that is.
    ///
    /// # Errors
    /// What the database said.
    pub async fn unroute(
        &self,
        delivery: DeliveryId,
        object: Option<&str>,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (delivery, object.map(str::to_owned), due_at);
        let given_back = self
            .engine
            .write(Turn::Work, args, |db, (delivery, object, due_at)| {
                Box::pin(give_back(db, *delivery, object.as_deref(), *due_at))
            });
        Ok(given_back.await?)
    }
}

/// A bridge, a side, a source.
struct From {
    party: (BridgeName, Side),
    source: Source,
}

async fn claim(
    db: &mut SqliteConnection,
    owner: &str,
    mut room: Room<(BridgeName, Side)>,
    now: Timestamp,
) -> Result<Vec<Received>, CommitError> {
    let sources = query(SOURCES).fetch_all(&mut *db).await?;
    let sources = sources.iter().map(|row| {
        Ok(From {
            party: (id(row, "bridge")?, side(row)?),
            source: source(row)?,
        })
    });
    let sources = sources.collect::<Result<Vec<From>, StoreError>>()?;
    let sources = room.in_turn(sources, |from| from.party.clone());
    let mut rows = Vec::new();
    // An equal share each, so that neither a side's flood nor a long listing of the Sweep makes the
    // others wait; then what is left.
    for most in [room.share(sources.len()), room.free] {
        for From { party, source } in &sources {
            let left = room.grants(party, most);
            if left == 0 {
                continue;
            }
            let some = query(CLAIM)
                .bind(owner)
                .bind(now.0)
                .bind(left)
                .bind(party.0.as_str())
                .bind(party.1.as_str())
                .bind(source.as_str())
                .fetch_all(&mut *db)
                .await?;
            room.give(party, some.len());
            rows.extend(some);
        }
    }
    let mut claimed = rows
        .iter()
        .map(|row| Ok((row.try_get::<i64, _>("due_at")?, received(row)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    claimed.sort_by_key(|(due_at, delivery)| (*due_at, delivery.id));
    Ok(claimed.into_iter().map(|(_, delivery)| delivery).collect())
}

fn received(row: &SqliteRow) -> Result<Received, StoreError> {
    let body: Option<Vec<u8>> = row.try_get("body")?;
    Ok(Received {
        id: delivery_id(row)?,
        bridge: id(row, "bridge")?,
        side: side(row)?,
        source: source(row)?,
        received_at: at(row, "received_at")?,
        headers: json(row, "headers")?,
        body: Bytes::from(body.unwrap_or_default()),
        attempts: row.try_get("attempts")?,
        missing_since: maybe_at(row, "missing_since")?,
        retried_at: maybe_at(row, "retried_at")?,
    })
}

fn maybe_at(row: &SqliteRow, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Timestamp))
}

async fn finish(
    db: &mut SqliteConnection,
    delivery: DeliveryId,
    end: &RouteEnd,
    now: Timestamp,
) -> Result<Routed, CommitError> {
    match end {
        RouteEnd::ToLane {
            bridge,
            bot,
            user,
            events,
            object,
        } => {
            let lane = lane_for(db, bridge, bot, user).await?;
            put(db, delivery, &lane, events, object.as_deref(), now).await
        }
        RouteEnd::ToKnownLane {
            lane,
            events,
            object,
        } => put(db, delivery, lane, events, object.as_deref(), now).await,
        RouteEnd::Ignored {
            reason,
            object,
            events,
        } => {
            let end = Settling {
                state: "ignored",
                reason,
                detail: None,
                remedy: None,
                settled_at: Some(now),
            };
            settle(db, delivery, &end, events, object.as_deref()).await
        }
        RouteEnd::Parked {
            reason,
            detail,
            remedy,
            object,
        } => {
            let end = Settling {
                state: "parked",
                reason,
                detail: Some(detail),
                remedy: Some(remedy),
                settled_at: None,
            };
            settle(db, delivery, &end, &[], object.as_deref()).await
        }
        RouteEnd::Later {
            due_at,
            error,
            object,
            missing_since,
        } => {
            query(PUT_OFF)
                .bind(delivery.0)
                .bind(due_at.0)
                .bind(object)
                .bind(error)
                .bind(missing_since.map(|since| since.0))
                .execute(db)
                .await?;
            Ok(Routed::Done)
        }
    }
}

async fn give_back(
    db: &mut SqliteConnection,
    delivery: DeliveryId,
    object: Option<&str>,
    due_at: Timestamp,
) -> Result<(), CommitError> {
    query(GIVE_BACK)
        .bind(delivery.0)
        .bind(due_at.0)
        .bind(object)
        .execute(db)
        .await?;
    Ok(())
}

/// Until when an earlier Delivery about the same object is put off: this one waits as long.
async fn ahead(
    db: &mut SqliteConnection,
    delivery: DeliveryId,
    object: Option<&str>,
) -> Result<Option<Timestamp>, CommitError> {
    let Some(object) = object else {
        return Ok(None);
    };
    let row = query(AHEAD)
        .bind(delivery.0)
        .bind(object)
        .fetch_optional(db)
        .await?;
    let due_at = row.map(|row| row.try_get::<i64, _>(0)).transpose()?;
    Ok(due_at.map(Timestamp))
}

/// Puts a Delivery on a Lane and makes the Lane due, unless it would overtake an earlier one.
async fn put(
    db: &mut SqliteConnection,
    delivery: DeliveryId,
    lane: &LaneId,
    events: &[Event],
    object: Option<&str>,
    now: Timestamp,
) -> Result<Routed, CommitError> {
    if events.is_empty() {
        let end = Settling {
            state: "ignored",
            reason: "no_events",
            detail: None,
            remedy: None,
            settled_at: Some(now),
        };
        return settle(db, delivery, &end, events, object).await;
    }
    if let Some(put_off) = ahead(&mut *db, delivery, object).await? {
        query(WAIT)
            .bind(delivery.0)
            .bind(behind(put_off, now).0)
            .bind(object)
            .execute(db)
            .await?;
        return Ok(Routed::Again);
    }
    let woken = query(LANE_DUE)
        .bind(lane.as_str())
        .bind(now.0)
        .execute(&mut *db)
        .await?;
    if woken.rows_affected() == 0 {
        give_back(db, delivery, object, now).await?;
        return Ok(Routed::Again);
    }
    query(TO_LANE)
        .bind(delivery.0)
        .bind(lane.as_str())
        .bind(to_json(&events, "delivery's events")?)
        .bind(object)
        .execute(db)
        .await?;
    Ok(Routed::Lane(lane.clone()))
}

/// How a Delivery ends that goes to no Lane.
struct Settling<'a> {
    state: &'static str,
    reason: &'a str,
    detail: Option<&'a str>,
    remedy: Option<&'a str>,
    settled_at: Option<Timestamp>,
}

async fn settle(
    db: &mut SqliteConnection,
    delivery: DeliveryId,
    end: &Settling<'_>,
    events: &[Event],
    object: Option<&str>,
) -> Result<Routed, CommitError> {
    query(END)
        .bind(delivery.0)
        .bind(end.state)
        .bind(end.reason)
        .bind(end.detail)
        .bind(end.remedy)
        .bind(to_json(&events, "delivery's events")?)
        .bind(object)
        .bind(end.settled_at.map(|at| at.0))
        .execute(db)
        .await?;
    Ok(Routed::Done)
}

/// The customer's Lane, under their canonical spelling; made if there is none.
pub(super) async fn lane_for(
    db: &mut SqliteConnection,
    bridge: &BridgeName,
    bot: &BotId,
    asked: &UserId,
) -> Result<LaneId, CommitError> {
    let user = canonical(db, bridge, bot, asked).await?;
    let found = query(LANE_OF)
        .bind(bridge.as_str())
        .bind(bot.as_str())
        .bind(user.as_str())
        .fetch_optional(&mut *db)
        .await?;
    if let Some(row) = found {
        return Ok(id(&row, "id")?);
    }
    let lane = Lane::new(new_lane_id()?, bridge.clone(), bot.clone(), user);
    query(NEW_LANE)
        .bind(lane.id.as_str())
        .bind(lane.bridge.as_str())
        .bind(lane.bot.as_str())
        .bind(lane.user.as_str())
        .bind(state_of(&lane)?)
        .execute(db)
        .await?;
    Ok(lane.id)
}

/// The canonical spelling of a customer, or the one asked for. `join` keeps chains one step long.
pub(super) async fn canonical(
    db: &mut SqliteConnection,
    bridge: &BridgeName,
    bot: &BotId,
    asked: &UserId,
) -> Result<UserId, StoreError> {
    let row = query(CANONICAL)
        .bind(bridge.as_str())
        .bind(bot.as_str())
        .bind(asked.as_str())
        .fetch_optional(db)
        .await?;
    row.map_or_else(|| Ok(asked.clone()), |row| id(&row, "canonical"))
}

/// Sixty random bits as 12 characters: short enough for `metadata.intentId` and for reading aloud,
/// and a million Lanes meet by chance once in two million tries at having them.
fn new_lane_id() -> Result<LaneId, StoreError> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bits: u64 = rand::random();
    let text: String = (0..12)
        .filter_map(|_| {
            let letter = ALPHABET.get((bits & 31) as usize).copied();
            bits >>= 5;
            letter.map(char::from)
        })
        .collect();
    LaneId::parse(&text).map_err(|_| StoreError::Broken {
        what: "a lane id could not be made".to_owned(),
    })
}
