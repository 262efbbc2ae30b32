//! The figures behind the metrics page. Neighbour: `metrics`, which names them.

use super::{
    Store,
    row::{count, direction},
};
use crate::store::{error::StoreError, types::Counts};
use bridge_core::{event::Side, ids::BridgeName, time::Timestamp};
use sqlx::{Row, SqliteConnection, query};
use std::collections::BTreeMap;

pub(super) const UNSETTLED: &str = "SELECT bridge, min(received_at) AS oldest, sum(state = 'received') AS received, sum(state = 'routed') AS routed \
     FROM delivery WHERE state IN ('received', 'routed') GROUP BY bridge";

const LANES: &str = "SELECT (SELECT count(*) FROM lane WHERE owner IS NULL AND due_at <= ?) AS due, \
     (SELECT count(*) FROM lane WHERE owner IS NOT NULL) AS claimed, \
     (SELECT count(*) FROM lane WHERE held_by GLOB 'unreadable:*') AS unreadable";

const LINKS: &str = "SELECT bridge, state AS word, count(*) AS number FROM link WHERE live = 1 GROUP BY bridge, state";

const PARKED: &str = "SELECT bridge, word, sum(number) AS number FROM (SELECT bridge, reason AS word, count(*) AS number FROM intent \
     WHERE state = 'parked' GROUP BY bridge, reason UNION ALL SELECT bridge, reason, count(*) FROM delivery WHERE state = 'parked' \
     GROUP BY bridge, reason) GROUP BY bridge, word";

pub(super) const INTENTS: &str = "SELECT bridge, state AS word, count(*) AS number FROM intent \
     WHERE state IN ('planned', 'sent', 'unknown') GROUP BY bridge, state";

const HELD: &str = "SELECT bridge, operation AS word, count(*) AS number FROM intent WHERE held = 1 GROUP BY bridge, operation";

pub(super) const WAITING: &str = "SELECT bridge, direction, min(at) AS oldest FROM message INDEXED BY message_oldest WHERE outcome IS NULL GROUP BY bridge, direction";

// The plus keeps the search off the index of sender's ids, which would gather all of them first: the
// latest one is near the end.
const LAST_WEBHOOK: &str = "SELECT received_at FROM delivery WHERE +bridge = ? AND +side = ? AND source = 'webhook' \
     ORDER BY id DESC LIMIT 1";

impl Store {
    /// When the latest webhook of a side was recorded; `None` if none ever was. Deliveries stay when their
    /// bodies are pruned. Where none ever came it reads every row: for a person's question, not for metrics.
    ///
    /// # Errors
    /// What the database said.
    pub async fn last_webhook(
        &self,
        bridge: &BridgeName,
        side: Side,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut db = self.readers.acquire().await?;
        let asked = query(LAST_WEBHOOK)
            .bind(bridge.as_str())
            .bind(side.as_str());
        let row = asked.fetch_optional(&mut *db).await?;
        let at = row.map(|row| row.try_get("received_at")).transpose()?;
        Ok(at.map(Timestamp))
    }

    /// The figures as of `now`.
    ///
    /// # Errors
    /// What the database said.
    pub async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        let mut db = self.readers.acquire().await?;
        let mut counts = Counts {
            links: table(&mut db, LINKS).await?,
            parked: table(&mut db, PARKED).await?,
            intents: table(&mut db, INTENTS).await?,
            held: table(&mut db, HELD).await?,
            ..Counts::default()
        };
        counts.parked.extend(Self::aside_count(&mut db).await?);
        for row in query(UNSETTLED).fetch_all(&mut *db).await? {
            let bridge: String = row.try_get("bridge")?;
            let oldest = Timestamp(row.try_get("oldest")?);
            counts.oldest_unsettled.insert(bridge.clone(), oldest);
            counts
                .received
                .insert(bridge.clone(), count(&row, "received")?);
            counts.routed.insert(bridge, count(&row, "routed")?);
        }
        for row in query(WAITING).fetch_all(&mut *db).await? {
            let key = (row.try_get("bridge")?, direction(&row)?);
            let oldest = Timestamp(row.try_get("oldest")?);
            counts.oldest_message.insert(key, oldest);
        }
        let lanes = query(LANES).bind(now.0).fetch_one(&mut *db).await?;
        counts.lanes_due = count(&lanes, "due")?;
        counts.lanes_claimed = count(&lanes, "claimed")?;
        counts.lanes_unreadable = count(&lanes, "unreadable")?;
        Ok(counts)
    }
}

/// A figure by bridge and a word.
async fn table(
    db: &mut SqliteConnection,
    statement: &'static str,
) -> Result<BTreeMap<(String, String), u64>, StoreError> {
    let rows = query(statement).fetch_all(db).await?;
    rows.iter()
        .map(|row| {
            let word: Option<String> = row.try_get("word")?;
            let key = (row.try_get("bridge")?, word.unwrap_or_default());
            Ok((key, count(row, "number")?))
        })
        .collect()
}
