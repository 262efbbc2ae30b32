//! A customer's Lane for a person's command: found or made, and read without a Claim. Neighbours:
//! `route`, which finds Lanes for Deliveries; `claim`, which takes them.

use super::{Store, engine::Turn, load, route::lane_for};
use crate::store::error::StoreError;
use bridge_core::{
    ids::{BotId, BridgeName, LaneId, UserId},
    lane::Lane,
};
use sqlx::query;

const ONE: &str = "SELECT id, bridge, bot, user, state FROM lane WHERE id = ?";

impl Store {
    /// The Lane of a customer under any known spelling; made if there is none.
    ///
    /// # Errors
    /// What the database said.
    pub async fn lane_for(
        &self,
        bridge: &BridgeName,
        bot: &BotId,
        user: &UserId,
    ) -> Result<LaneId, StoreError> {
        let args = (bridge.clone(), bot.clone(), user.clone());
        let found = self
            .engine
            .write(Turn::Quiet, args, |db, (bridge, bot, user)| {
                Box::pin(lane_for(db, bridge, bot, user))
            });
        Ok(found.await?)
    }

    /// A Lane as known now, for looking only.
    ///
    /// # Errors
    /// What the database said.
    pub async fn lane(&self, lane: &LaneId) -> Result<Option<Lane>, StoreError> {
        // One snapshot: a Lane, its Links and its Intents belong together.
        let mut db = self.readers.begin().await?;
        let row = query(ONE)
            .bind(lane.as_str())
            .fetch_optional(&mut *db)
            .await?;
        match row {
            Some(row) => Ok(Some(load::lane(&mut db, &row).await?.lane)),
            None => Ok(None),
        }
    }
}
