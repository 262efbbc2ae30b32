//! What the Sweep asks: which conversations to look at, and whether webhooks went silent.
//! Neighbours: the daemon's sweep; `cursor`, which holds how far listings were read.

use super::{
    Store,
    engine::Turn,
    row::{at, id, intent},
};
use crate::store::{error::StoreError, types::Confirmed};
use bridge_core::{
    ids::{BridgeName, ConversationId, LaneId},
    time::Timestamp,
};
use sqlx::query;

const TO_LOOK_AT: &str = "SELECT lane_id, conversation FROM link WHERE bridge = ? AND live = 1 AND conversation IS NOT NULL \
     AND looked_at <= ? ORDER BY looked_at, id LIMIT ?";

const LOOKED: &str =
    "UPDATE link SET looked_at = ?3 WHERE bridge = ?1 AND conversation = ?2 AND live = 1";

const CONFIRMED: &str = "SELECT body, held, confirmed_at FROM intent WHERE bridge = ? AND operation IN ('start', 'close') AND state = 'confirmed' \
     AND confirmed_at <= ? ORDER BY confirmed_at DESC LIMIT 1";

impl Store {
    /// Conversations of live Links that were last looked at no later than `before`, the oldest look
    /// first (rule 18).
    ///
    /// # Errors
    /// What the database said.
    pub async fn conversations_to_look_at(
        &self,
        bridge: &BridgeName,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<(LaneId, ConversationId)>, StoreError> {
        let rows = query(TO_LOOK_AT)
            .bind(bridge.as_str())
            .bind(before.0)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Ok((id(row, "lane_id")?, id(row, "conversation")?)))
            .collect()
    }

    /// Notes that conversations were looked at.
    ///
    /// # Errors
    /// What the database said.
    pub async fn looked_at(
        &self,
        bridge: &BridgeName,
        conversations: &[ConversationId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let args = (bridge.clone(), conversations.to_vec(), now);
        let noted = self
            .engine
            .write(Turn::Quiet, args, |db, (bridge, conversations, now)| {
                Box::pin(async move {
                    for conversation in conversations {
                        query(LOOKED)
                            .bind(bridge.as_str())
                            .bind(conversation.as_str())
                            .bind(now.0)
                            .execute(&mut *db)
                            .await?;
                    }
                    Ok(())
                })
            });
        Ok(noted.await?)
    }

    /// The latest start or close of a bridge confirmed no later than `before`. If its event has not
    /// come by then, the webhooks are silent (rule 5).
    ///
    /// # Errors
    /// What the database said.
    pub async fn last_confirmed(
        &self,
        bridge: &BridgeName,
        before: Timestamp,
    ) -> Result<Option<Confirmed>, StoreError> {
        let row = query(CONFIRMED)
            .bind(bridge.as_str())
            .bind(before.0)
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let intent = intent(&row)?;
        Ok(Some(Confirmed {
            at: at(&row, "confirmed_at")?,
            event_seen: intent.event_seen,
            intent,
        }))
    }
}
