//! Takes Deliveries in. Neighbours: `http` records before it answers 200; `route` hands them on.

use super::{
    Store,
    engine::Turn,
    row::{delivery_id, to_json},
};
use crate::store::{
    error::{CommitError, StoreError},
    types::{NewDelivery, Recorded},
};
use bridge_core::ids::DeliveryId;
use sha2::{Digest, Sha256};
use sqlx::{SqliteConnection, query};
use std::fmt::Write;

const KNOWN: &str = "SELECT id FROM delivery WHERE bridge = ? AND side = ? AND dedup = ?";

/// A body without an id joins an identical one only while no read for that one can have begun: the
/// same words later may tell of another change (rule 2).
const JOINABLE: &str = "SELECT id FROM delivery WHERE bridge = ? AND side = ? AND body_hash = ? \
     AND state = 'received' AND routing_begun_at IS NULL AND dedup IS NULL ORDER BY id LIMIT 1";

const INSERT: &str = "INSERT INTO delivery (bridge, side, source, dedup, body_hash, received_at, headers, body, due_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?6) ON CONFLICT (bridge, side, dedup) DO NOTHING RETURNING id";

impl Store {
    /// Stores a Delivery, or finds that it is here already. Either way it is durable on return,
    /// and a new one is due at the Router.
    ///
    /// # Errors
    /// [`StoreError::is_passing`] ones mean: stored nothing, let the sender come again.
    pub async fn record(&self, new: NewDelivery) -> Result<Recorded, StoreError> {
        let recorded = self
            .engine
            .write(Turn::Ingest, new, |db, new| Box::pin(insert(db, new)));
        Ok(recorded.await?)
    }
}

async fn insert(db: &mut SqliteConnection, new: &NewDelivery) -> Result<Recorded, CommitError> {
    let hash = hash_of(&new.body);
    if new.dedup.is_none()
        && let Some(earlier) = joinable(db, new, &hash).await?
    {
        return Ok(Recorded::Known(earlier));
    }
    let inserted = query(INSERT)
        .bind(new.bridge.as_str())
        .bind(new.side.as_str())
        .bind(new.source.as_str())
        .bind(new.dedup.as_deref())
        .bind(&hash)
        .bind(new.received_at.0)
        .bind(to_json(&new.headers, "header map")?)
        .bind(&*new.body)
        .fetch_optional(&mut *db)
        .await?;
    if let Some(row) = inserted {
        return Ok(Recorded::New(delivery_id(&row)?));
    }
    let row = query(KNOWN)
        .bind(new.bridge.as_str())
        .bind(new.side.as_str())
        .bind(new.dedup.as_deref())
        .fetch_one(&mut *db)
        .await?;
    Ok(Recorded::Known(delivery_id(&row)?))
}

async fn joinable(
    db: &mut SqliteConnection,
    new: &NewDelivery,
    hash: &str,
) -> Result<Option<DeliveryId>, StoreError> {
    let row = query(JOINABLE)
        .bind(new.bridge.as_str())
        .bind(new.side.as_str())
        .bind(hash)
        .fetch_optional(db)
        .await?;
    row.as_ref().map(delivery_id).transpose()
}

fn hash_of(body: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(body) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
