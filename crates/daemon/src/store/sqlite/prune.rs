//! Takes away what retention says is too old: contents go, ids and hashes stay, so that a replay is
//! still known (S15). Neighbour: `jobs`, which asks for it once an hour.

use super::{
    Store,
    engine::Turn,
    row::{intent, to_json},
};
use crate::store::{
    blank::blank,
    error::{CommitError, StoreError},
    types::Pruned,
};
use bridge_core::{intent::Intent, time::Timestamp};
use sqlx::{SqliteConnection, query};

/// Rows taken at a time: a group with one such step in it still commits within some ten ms.
const ROWS_AT_A_TIME: u32 = 500;

/// Parked Deliveries keep their bodies: a person still has to read them. A message that waits keeps
/// its words: they are still to be brought over.
const DELIVERIES: &str = "UPDATE delivery SET body = NULL, headers = '{}', events = NULL WHERE id IN \
     (SELECT id FROM delivery WHERE body IS NOT NULL AND settled_at IS NOT NULL AND settled_at <= ? ORDER BY settled_at LIMIT ?)";

const MESSAGES: &str = "UPDATE message SET body = NULL, media = NULL, content = NULL WHERE id IN \
     (SELECT id FROM message WHERE outcome IS NOT NULL AND (body IS NOT NULL OR media IS NOT NULL OR content IS NOT NULL) \
     AND at <= ? ORDER BY at LIMIT ?)";

const INTENTS: &str = "SELECT body, held FROM intent WHERE pruned = 0 AND state IN ('confirmed', 'refused', 'withdrawn', 'observed') \
     AND planned_at <= ? LIMIT ?";

const SET_INTENT: &str = "UPDATE intent SET body = ?2, pruned = 1 WHERE id = ?1";

impl Store {
    /// Takes the contents of what was settled, written or planned no later than `before`, in steps
    /// that let other work through.
    ///
    /// # Errors
    /// What the database said; what was taken until then is gone.
    pub async fn prune(&self, before: Timestamp) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        loop {
            let step = self.engine.write(Turn::Quiet, before, |db, before| {
                Box::pin(step(db, *before))
            });
            let step = step.await?;
            if step == Pruned::default() {
                return Ok(pruned);
            }
            pruned.deliveries += step.deliveries;
            pruned.messages += step.messages;
            pruned.intents += step.intents;
        }
    }

    /// Lets the database look at its tables again, so that its plans fit them. Once an hour is
    /// often enough.
    ///
    /// # Errors
    /// What the database said.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let tidied = self.engine.write(Turn::Quiet, (), |db, ()| {
            Box::pin(async move {
                query("PRAGMA optimize").execute(db).await?;
                Ok(())
            })
        });
        Ok(tidied.await?)
    }
}

async fn step(db: &mut SqliteConnection, before: Timestamp) -> Result<Pruned, CommitError> {
    let mut rows = [0; 2];
    for (statement, rows) in [DELIVERIES, MESSAGES].into_iter().zip(&mut rows) {
        *rows = query(statement)
            .bind(before.0)
            .bind(ROWS_AT_A_TIME)
            .execute(&mut *db)
            .await?
            .rows_affected();
    }
    let [deliveries, messages] = rows;
    let old = query(INTENTS)
        .bind(before.0)
        .bind(ROWS_AT_A_TIME)
        .fetch_all(&mut *db)
        .await?;
    let mut intents = 0;
    for row in &old {
        let mut old: Intent = intent(row)?;
        blank(&mut old);
        query(SET_INTENT)
            .bind(old.id.as_str())
            .bind(to_json(&old, "intent")?)
            .execute(&mut *db)
            .await?;
        intents += 1;
    }
    Ok(Pruned {
        deliveries,
        messages,
        intents,
    })
}
