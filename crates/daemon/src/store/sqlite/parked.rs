//! What stopped trying and waits for a person. Neighbours: `commit` and `route` park; a parked
//! Intent is retried by its Lane's rules, a parked Delivery by the Router.

use super::{
    Store,
    engine::Turn,
    row::{at, delivery_id, id, intent, maybe_id, side},
};
use crate::store::{
    error::{CommitError, StoreError},
    types::{ParkedFilter, ParkedItem, ParkedKind},
};
use bridge_core::{
    ids::{DeliveryId, IntentId},
    time::Timestamp,
};
use sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};

const INTENTS: &str = "SELECT i.id, i.bridge, i.lane_id, i.link_id, i.body, i.held, l.ticket, l.conversation FROM intent i JOIN link l ON l.id = i.link_id \
     WHERE i.state = 'parked' AND (?1 IS NULL OR i.bridge = ?1) AND (?2 IS NULL OR i.reason = ?2) AND (?3 IS NULL OR i.id = ?3) \
     ORDER BY i.planned_at, i.rowid LIMIT ?4";

const DELIVERIES: &str = "SELECT id, bridge, side, received_at, reason, detail, remedy, object FROM delivery \
     WHERE state = 'parked' AND (?1 IS NULL OR bridge = ?1) AND (?2 IS NULL OR reason = ?2) AND (?3 IS NULL OR id = ?3) \
     ORDER BY id LIMIT ?4";

const RETRY: &str = "UPDATE delivery SET state = 'received', router = NULL, due_at = ?2, attempts = 0, reason = NULL, detail = NULL, remedy = NULL \
     WHERE id = ?1 AND state = 'parked'";

const DISCARD: &str = "UPDATE delivery SET state = 'ignored', reason = 'discarded', settled_at = ?2 WHERE id = ?1 AND state = 'parked'";

/// How a parked Delivery is named beside Intents, whose ids have a dot.
const DELIVERY_PREFIX: &str = "delivery-";

impl Store {
    /// Lists parked Intents and Deliveries, the oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn parked(&self, filter: &ParkedFilter) -> Result<Vec<ParkedItem>, StoreError> {
        let bridge = filter.bridge.as_ref().map(|b| b.as_str());
        let reason = filter.reason.as_deref();
        let mut items = self
            .parked_intents(bridge, reason, None, filter.limit)
            .await?;
        items.extend(
            self.parked_deliveries(bridge, reason, None, filter.limit)
                .await?,
        );
        items.sort_by_key(|item| item.at);
        items.truncate(usize::try_from(filter.limit).unwrap_or(usize::MAX));
        Ok(items)
    }

    /// One parked Intent or Delivery, by the name that the list gives it.
    ///
    /// # Errors
    /// What the database said.
    pub async fn parked_item(&self, name: &str) -> Result<Option<ParkedItem>, StoreError> {
        let number = name
            .strip_prefix(DELIVERY_PREFIX)
            .and_then(|n| n.parse::<i64>().ok());
        let mut found = match (number, IntentId::parse(name)) {
            (Some(number), _) => {
                self.parked_deliveries(None, None, Some(DeliveryId(number)), 1)
                    .await?
            }
            (None, Ok(intent)) => self.parked_intents(None, None, Some(&intent), 1).await?,
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
        bridge: Option<&str>,
        reason: Option<&str>,
        only: Option<&IntentId>,
        limit: u32,
    ) -> Result<Vec<ParkedItem>, StoreError> {
        let rows = query(INTENTS)
            .bind(bridge)
            .bind(reason)
            .bind(only.map(|id| id.as_str()))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(parked_intent).collect()
    }

    async fn parked_deliveries(
        &self,
        bridge: Option<&str>,
        reason: Option<&str>,
        only: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<ParkedItem>, StoreError> {
        let rows = query(DELIVERIES)
            .bind(bridge)
            .bind(reason)
            .bind(only.map(|id| id.0))
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(parked_delivery).collect()
    }
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
    Ok(ParkedItem {
        id: format!("{DELIVERY_PREFIX}{delivery}"),
        kind: ParkedKind::Delivery {
            delivery,
            side: side(row)?,
        },
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
        ticket: None,
        conversation: None,
    })
}
