//! What stopped trying and waits for a person. Neighbours: `commit` and `route` park; a parked
//! Intent is retried by its Lane's rules, a parked Delivery by the Router.

use super::{
    Store,
    aside::lane_of,
    engine::Turn,
    row::{at, delivery_id, id, intent, maybe_id, side},
};
use crate::store::{
    error::{CommitError, StoreError},
    mark::ParkedMark,
    types::{ParkedFilter, ParkedItem, ParkedKind},
};
use bridge_core::{
    effect::Operation,
    event::Side,
    ids::{DeliveryId, IntentId, LaneId},
    time::Timestamp,
};
use sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};

/// The place of an Intent in a round, for a page's order and for the mark that it goes on behind: Lane by Lane, and in
/// a Lane by the number at the end of the id, which as text would put `x.10` before `x.9`. What a join brought has
/// another Lane's id; it is older than what was planned for its Links since.
macro_rules! place {
    ($lane:literal, $id:literal) => {
        concat!(
            $lane,
            ", substr(",
            $id,
            ", 1, length(",
            $lane,
            ") + 1) = ",
            $lane,
            " || '.', length(",
            $id,
            "), ",
            $id
        )
    };
}

/// A list goes by age. A round goes by place (`?9`): what is parked anew behind it is not met again.
const INTENTS: &str = concat!(
    "SELECT i.id, i.bridge, i.lane_id, i.link_id, i.body, i.held, l.ticket, l.conversation FROM intent i JOIN link l ON l.id = i.link_id \
     WHERE i.state = 'parked' AND (?1 IS NULL OR i.bridge = ?1) AND (?2 IS NULL OR i.reason = ?2) AND (?3 IS NULL OR i.id = ?3) \
     AND (?4 IS NULL OR instr(?4, ' ' || i.operation || ' ') > 0) AND (?5 IS NULL OR l.ticket = ?5) \
     AND (?6 IS NULL OR json_extract(i.body, '$.parked.at') < ?6) AND (?8 IS NULL OR (",
    place!("i.lane_id", "i.id"),
    ") > (",
    place!("?8", "?10"),
    ")) ORDER BY CASE WHEN ?9 THEN 0 ELSE json_extract(i.body, '$.parked.at') END, ",
    place!("i.lane_id", "i.id"),
    " LIMIT ?7"
);

/// What Jelou told is also about the ticket of its conversation's Link, the live one first.
const DELIVERIES: &str = "SELECT * FROM (SELECT id, bridge, side, received_at, reason, detail, remedy, object, state, \
     CASE side WHEN 'ticketing' THEN object ELSE (SELECT l.ticket FROM link l WHERE l.bridge = d.bridge AND l.conversation = d.object \
     AND l.ticket IS NOT NULL ORDER BY l.live DESC, l.created_at DESC, l.rowid DESC LIMIT 1) END AS ticket FROM delivery d) \
     WHERE state = 'parked' AND (?1 IS NULL OR bridge = ?1) AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR id = ?3) \
     AND (?4 IS NULL OR side = ?4) AND (?5 IS NULL OR ticket = ?5) AND (?6 IS NULL OR received_at < ?6) AND (?8 IS NULL OR id > ?8) \
     ORDER BY CASE WHEN ?9 THEN id ELSE received_at END, id LIMIT ?7";

const RETRY: &str = "UPDATE delivery SET state = 'received', router = NULL, due_at = ?2, attempts = 0, missing_since = NULL, retried_at = ?2, \
     reason = NULL, detail = NULL, remedy = NULL WHERE id = ?1 AND state = 'parked'";

const DISCARD: &str = "UPDATE delivery SET state = 'ignored', reason = 'discarded', settled_at = ?2 WHERE id = ?1 AND state = 'parked'";

/// How a parked Delivery is named beside Intents, whose ids have a dot.
const DELIVERY_PREFIX: &str = "delivery-";

impl Store {
    /// Lists parked Intents and Deliveries and the Lanes set aside, the oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn parked(&self, filter: &ParkedFilter) -> Result<Vec<ParkedItem>, StoreError> {
        let oldest = Pick::Oldest;
        let mut items = self.parked_intents(filter, &oldest).await?;
        items.extend(self.parked_deliveries(filter, &oldest).await?);
        items.extend(self.aside(filter, None, None).await?);
        items.sort_by_key(|item| item.at);
        items.truncate(usize::try_from(filter.limit).unwrap_or(usize::MAX));
        Ok(items)
    }

    /// The next of a round through all that the filter leaves, each once: Intents Lane by Lane, each Lane's in the
    /// order in which they were planned, then Deliveries as they came, then Lanes by their ids. `after` is the mark
    /// of the last one of before.
    ///
    /// # Errors
    /// What the database said.
    pub async fn next_parked(
        &self,
        filter: &ParkedFilter,
        after: Option<&ParkedMark>,
    ) -> Result<Vec<ParkedItem>, StoreError> {
        let (intent, number, lane) = match after {
            None => (None, None, None),
            Some(ParkedMark::Intent { lane, intent }) => (Some((lane, intent)), None, None),
            Some(ParkedMark::Delivery(delivery)) => (None, Some(delivery.0), None),
            Some(ParkedMark::Lane(lane)) => (None, None, Some(lane)),
        };
        let mut items = Vec::new();
        if number.is_none() && lane.is_none() {
            let next = Pick::NextIntent(intent);
            items = self.parked_intents(filter, &next).await?;
        }
        let taken = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let room = ParkedFilter {
            limit: filter.limit.saturating_sub(taken),
            ..filter.clone()
        };
        if room.limit > 0 && lane.is_none() {
            let next = Pick::NextDelivery(number);
            items.extend(self.parked_deliveries(&room, &next).await?);
        }
        let taken = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let room = ParkedFilter {
            limit: filter.limit.saturating_sub(taken),
            ..room
        };
        if room.limit > 0 {
            items.extend(self.aside(&room, None, lane).await?);
        }
        Ok(items)
    }

    /// One parked Intent or Delivery or Lane set aside, by the name that the list gives it.
    ///
    /// # Errors
    /// What the database said.
    pub async fn parked_item(&self, name: &str) -> Result<Option<ParkedItem>, StoreError> {
        let one = ParkedFilter {
            limit: 1,
            ..ParkedFilter::default()
        };
        if let Some(lane) = lane_of(name) {
            return Ok(self.aside(&one, Some(&lane), None).await?.pop());
        }
        let mut found = match (number(name), IntentId::parse(name)) {
            (Some(number), _) => {
                self.parked_deliveries(&one, &Pick::Delivery(number))
                    .await?
            }
            (None, Ok(intent)) => self.parked_intents(&one, &Pick::Intent(&intent)).await?,
            (None, Err(_)) => Vec::new(),
        };
        Ok(found.pop())
    }

    /// Hands a parked Delivery to the Router again.
    ///
    /// # Errors
    /// [`StoreError::Gone`] if it is not parked, or what the database said.
    pub async fn retry_delivery(
        &self,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (delivery, now);
        let retried = self.engine.write(Turn::Work, args, |db, (delivery, now)| {
            Box::pin(unpark(db, RETRY, *delivery, *now))
        });
        Ok(retried.await?)
    }

    /// Settles a parked Delivery as `ignored(discarded)`.
    ///
    /// # Errors
    /// [`StoreError::Gone`] if it is not parked, or what the database said.
    pub async fn discard_delivery(
        &self,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (delivery, now);
        let discarded = self.engine.write(Turn::Quiet, args, |db, (delivery, now)| {
            Box::pin(unpark(db, DISCARD, *delivery, *now))
        });
        Ok(discarded.await?)
    }

    async fn parked_intents(
        &self,
        filter: &ParkedFilter,
        pick: &Pick<'_>,
    ) -> Result<Vec<ParkedItem>, StoreError> {
        let (only, after, by_place) = match pick {
            Pick::Oldest => (None, None, false),
            Pick::Intent(id) => (Some(id.as_str()), None, false),
            Pick::NextIntent(after) => (None, *after, true),
            Pick::Delivery(_) | Pick::NextDelivery(_) => return Ok(Vec::new()),
        };
        let rows = query(INTENTS)
            .bind(filter.bridge.as_ref().map(|b| b.as_str()))
            .bind(filter.reason.as_deref())
            .bind(only)
            .bind(operations(filter))
            .bind(filter.ticket.as_ref().map(|id| id.as_str()))
            .bind(filter.before.map(|at| at.0))
            .bind(filter.limit)
            .bind(after.map(|(lane, _)| lane.as_str()))
            .bind(by_place)
            .bind(after.map(|(_, intent)| intent.as_str()))
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(parked_intent).collect()
    }

    async fn parked_deliveries(
        &self,
        filter: &ParkedFilter,
        pick: &Pick<'_>,
    ) -> Result<Vec<ParkedItem>, StoreError> {
        let (only, after, by_id) = match pick {
            Pick::Oldest => (None, None, false),
            Pick::Delivery(number) => (Some(*number), None, false),
            Pick::NextDelivery(after) => (None, *after, true),
            Pick::Intent(_) | Pick::NextIntent(_) => return Ok(Vec::new()),
        };
        if filter.operation.is_some() {
            return Ok(Vec::new());
        }
        let rows = query(DELIVERIES)
            .bind(filter.bridge.as_ref().map(|b| b.as_str()))
            .bind(filter.reason.as_deref())
            .bind(only)
            .bind(filter.side.map(|side| side.as_str()))
            .bind(filter.ticket.as_ref().map(|id| id.as_str()))
            .bind(filter.before.map(|at| at.0))
            .bind(filter.limit)
            .bind(after)
            .bind(by_id)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(parked_delivery).collect()
    }
}

/// Which of those that the filter leaves.
enum Pick<'a> {
    Oldest,
    Intent(&'a IntentId),
    NextIntent(Option<(&'a LaneId, &'a IntentId)>),
    Delivery(i64),
    NextDelivery(Option<i64>),
}

/// A Delivery's number, if it is a Delivery's name.
fn number(name: &str) -> Option<i64> {
    name.strip_prefix(DELIVERY_PREFIX)?.parse().ok()
}

/// The words of the operations that the filter leaves, each between spaces; `None` for all.
fn operations(filter: &ParkedFilter) -> Option<String> {
    if filter.operation.is_none() && filter.side.is_none() {
        return None;
    }
    let wanted = Operation::ALL.into_iter().filter(|operation| {
        filter.operation.is_none_or(|only| only == *operation)
            && filter.side.is_none_or(|side| side == operation.side())
    });
    Some(wanted.fold(" ".to_owned(), |words, operation| {
        words + operation.as_str() + " "
    }))
}

async fn unpark(
    db: &mut SqliteConnection,
    statement: &'static str,
    delivery: DeliveryId,
    now: Timestamp,
) -> Result<(), CommitError> {
    let changed = query(statement)
        .bind(delivery.0)
        .bind(now.0)
        .execute(db)
        .await?;
    if changed.rows_affected() == 0 {
        return Err(StoreError::Gone {
            what: "parked delivery",
        }
        .into());
    }
    Ok(())
}

fn parked_intent(row: &SqliteRow) -> Result<ParkedItem, StoreError> {
    let intent = intent(row)?;
    let operation = intent.operation();
    let parked = intent
        .parked
        .ok_or_else(|| StoreError::unreadable("parked intent"))?;
    Ok(ParkedItem {
        id: intent.id.as_str().to_owned(),
        kind: ParkedKind::Intent {
            intent: intent.id,
            operation,
            lane: id(row, "lane_id")?,
            link: id(row, "link_id")?,
            rule: intent.rule,
            attempts: intent.attempts,
            last_error: intent.last_error,
        },
        bridge: id(row, "bridge")?,
        reason: parked.reason,
        detail: parked.detail,
        remedy: parked.remedy,
        at: parked.at,
        ticket: maybe_id(row, "ticket")?,
        conversation: maybe_id(row, "conversation")?,
    })
}

fn parked_delivery(row: &SqliteRow) -> Result<ParkedItem, StoreError> {
    let delivery = delivery_id(row)?;
    let side = side(row)?;
    let conversation = match side {
        Side::Ticketing => None,
        Side::Jelou => maybe_id(row, "object")?,
    };
    Ok(ParkedItem {
        id: format!("{DELIVERY_PREFIX}{delivery}"),
        kind: ParkedKind::Delivery { delivery, side },
        bridge: id(row, "bridge")?,
        reason: row
            .try_get::<Option<String>, _>("reason")?
            .unwrap_or_default(),
        detail: row
            .try_get::<Option<String>, _>("detail")?
            .unwrap_or_default(),
        remedy: row
            .try_get::<Option<String>, _>("remedy")?
            .unwrap_or_default(),
        at: at(row, "received_at")?,
        ticket: maybe_id(row, "ticket")?,
        conversation,
    })
}
