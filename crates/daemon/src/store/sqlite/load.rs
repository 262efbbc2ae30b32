//! Reads all that the rules need to know of a claimed Lane. Neighbours: `claim`, which asks;
//! `commit`, which writes it back.

use super::{
    load_talk as talk,
    row::{at, delivery_id, id, intent, json, link, source},
};
use crate::store::{error::StoreError, types::Source};
use bridge_core::{
    event::Event,
    ids::LaneId,
    intent::Intent,
    lane::{Fate, Lane, Pending},
    link::Link,
};
use sqlx::{SqliteConnection, query, sqlite::SqliteRow};
use std::collections::BTreeMap;

/// Ended Links that a Lane still sees: `reopen_within` and a message late after its close look back,
/// and no customer has twenty conversations in that time.
const ENDED_LINKS: i64 = 20;

/// Settled Intents that a Lane still sees, to know what it planned before. What lies further back
/// is found by its key at the commit ([`crate::store::CommitError::IntentTaken`]).
const SETTLED_INTENTS: i64 = 100;

/// Deliveries that a Lane takes in at one Claim: a customer's flood must fit into memory. The rest
/// makes the Lane due again at once.
pub(super) const PENDING_DELIVERIES: usize = 1_000;

const LINKS: &str = "SELECT body FROM link WHERE lane_id = ?1 AND live = 1 UNION ALL \
     SELECT body FROM (SELECT body FROM link WHERE lane_id = ?1 AND live = 0 ORDER BY created_at DESC, rowid DESC LIMIT ?2)";

const INTENTS: &str = "SELECT body, held FROM intent WHERE lane_id = ?1 AND state IN ('planned', 'sent', 'unknown', 'parked') UNION ALL \
     SELECT body, held FROM (SELECT body, held FROM intent WHERE lane_id = ?1 AND state IN ('confirmed', 'refused', 'withdrawn', 'observed') \
     ORDER BY planned_at DESC, rowid DESC LIMIT ?2)";

const PENDING: &str = "SELECT id, source, received_at, events, coalesce(fates, '{}') AS fates FROM delivery \
     WHERE lane_id = ?1 AND state = 'routed' ORDER BY id LIMIT ?2";

/// A Lane, and whether more Events wait for it than one Claim takes in.
pub(super) struct Loaded {
    pub lane: Lane,
    pub more: bool,
}

/// Reads a Lane from its row and all that hangs on it.
pub(super) async fn lane(db: &mut SqliteConnection, row: &SqliteRow) -> Result<Loaded, StoreError> {
    let mut lane: Lane = json(row, "state")?;
    // The columns are the truth: a rename or a join changes only them.
    lane.id = id(row, "id")?;
    lane.bridge = id(row, "bridge")?;
    lane.bot = id(row, "bot")?;
    lane.user = id(row, "user")?;
    lane.links = links(db, &lane.id).await?;
    lane.intents = intents(db, &lane.id).await?;
    let (pending, more) = pending(db, &lane.id).await?;
    lane.pending = pending;
    talk::load(db, &mut lane).await?;
    Ok(Loaded { lane, more })
}

async fn links(db: &mut SqliteConnection, lane: &LaneId) -> Result<Vec<Link>, StoreError> {
    let rows = query(LINKS)
        .bind(lane.as_str())
        .bind(ENDED_LINKS)
        .fetch_all(db)
        .await?;
    let mut links: Vec<Link> = rows.iter().map(link).collect::<Result<_, _>>()?;
    links.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(links)
}

async fn intents(db: &mut SqliteConnection, lane: &LaneId) -> Result<Vec<Intent>, StoreError> {
    let rows = query(INTENTS)
        .bind(lane.as_str())
        .bind(SETTLED_INTENTS)
        .fetch_all(db)
        .await?;
    let mut intents: Vec<Intent> = rows.iter().map(intent).collect::<Result<_, _>>()?;
    intents.sort_by_key(|intent| (intent.planned_at, number(intent.id.as_str())));
    Ok(intents)
}

/// The number at the end of an Intent's id, so that `x.10` comes after `x.9`.
fn number(id: &str) -> u64 {
    id.rsplit('.')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

async fn pending(
    db: &mut SqliteConnection,
    lane: &LaneId,
) -> Result<(Vec<Pending>, bool), StoreError> {
    let limit = i64::try_from(PENDING_DELIVERIES + 1).unwrap_or(i64::MAX);
    let rows = query(PENDING)
        .bind(lane.as_str())
        .bind(limit)
        .fetch_all(db)
        .await?;
    let mut pending = Vec::new();
    for row in rows.iter().take(PENDING_DELIVERIES) {
        unsettled(row, &mut pending)?;
    }
    // Source-time order; what names no time counts as of its arrival, and ties as they came.
    pending.sort_by_key(|p: &Pending| {
        (
            p.event.at().unwrap_or(p.received_at),
            p.delivery,
            p.position,
        )
    });
    Ok((pending, rows.len() > PENDING_DELIVERIES))
}

/// The Events of a Delivery that have no fate yet.
fn unsettled(row: &SqliteRow, into: &mut Vec<Pending>) -> Result<(), StoreError> {
    let events: Vec<Event> = json(row, "events")?;
    let fates: BTreeMap<u32, Fate> = json(row, "fates")?;
    let delivery = delivery_id(row)?;
    let received_at = at(row, "received_at")?;
    let by_sweep = source(row)? == Source::Sweep;
    for (position, event) in (0_u32..).zip(events) {
        if !fates.contains_key(&position) {
            into.push(Pending {
                delivery,
                position,
                received_at,
                by_sweep,
                event,
            });
        }
    }
    Ok(())
}
