//! Reads what was said and waits to be relayed. Neighbour: `load`, for all else that a claimed Lane
//! needs.

use super::{
    Store,
    row::{at, direction, id, json},
};
use crate::store::error::StoreError;
use bridge_core::{
    ids::{BridgeName, LaneId, MessageId},
    lane::{Direction, Lane, MESSAGES_AT_ONCE, Message, Outcome, Place},
};
use sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};
use std::collections::{BTreeMap, BTreeSet};

const WAITING: &str = "SELECT direction, place, remote_id, at, kind, body, media, content, outcome, lane_id, nth FROM \
     (SELECT id AS row, row_number() OVER (PARTITION BY direction, place ORDER BY at, id) AS nth \
     FROM message WHERE lane_id = ?1 AND outcome IS NULL) JOIN message ON message.id = row WHERE nth <= ?2 ORDER BY at, message.id";

const KEPT: &str = "SELECT direction, place, remote_id, at, kind, body, media, content, outcome, lane_id FROM message \
     WHERE bridge = ?1 AND direction = ?2 AND place = ?3 AND remote_id = ?4";

const IS_KEPT: &str =
    "SELECT 1 FROM message WHERE bridge = ?1 AND direction = ?2 AND place = ?3 AND remote_id = ?4";

impl Store {
    /// Which of these messages of a place are kept, waiting or ended.
    ///
    /// # Errors
    /// What the database said.
    pub async fn kept_messages(
        &self,
        bridge: &BridgeName,
        place: &Place,
        ids: &[MessageId],
    ) -> Result<BTreeSet<MessageId>, StoreError> {
        let mut kept = BTreeSet::new();
        for id in ids {
            let row = query(IS_KEPT)
                .bind(bridge.as_str())
                .bind(place.direction().as_str())
                .bind(place.id())
                .bind(id.as_str())
                .fetch_optional(&self.readers)
                .await?;
            if row.is_some() {
                kept.insert(id.clone());
            }
        }
        Ok(kept)
    }
}

/// Loads of each place the earliest that wait, and what is kept of those that the pending Events tell.
pub(super) async fn load(db: &mut SqliteConnection, lane: &mut Lane) -> Result<(), StoreError> {
    let limit = i64::try_from(MESSAGES_AT_ONCE).unwrap_or(i64::MAX);
    let rows = query(WAITING)
        .bind(lane.id.as_str())
        .bind(limit.saturating_add(1))
        .fetch_all(&mut *db)
        .await?;
    let mut last = BTreeMap::new();
    for row in &rows {
        let message = message(row, &lane.id)?;
        if row.try_get::<i64, _>("nth")? > limit {
            // One more than is loaded: so far, and there are more.
            if let Some(order) = last.remove(&message.place) {
                lane.said_since.insert(message.place, order);
            }
            continue;
        }
        last.insert(message.place.clone(), (message.at, message.id.clone()));
        lane.messages.push(message);
    }
    for (place, id) in lane.told_messages() {
        let row = query(KEPT)
            .bind(lane.bridge.as_str())
            .bind(place.direction().as_str())
            .bind(place.id())
            .bind(id.as_str())
            .fetch_optional(&mut *db)
            .await?;
        let known = |m: &Message| m.place == place && m.id == id;
        if let Some(row) = row.filter(|_| !lane.messages.iter().any(known)) {
            lane.messages.push(message(&row, &lane.id)?);
        }
    }
    Ok(())
}

/// A message from its row. What another Lane has is not this one's to relay.
fn message(row: &SqliteRow, lane: &LaneId) -> Result<Message, StoreError> {
    let ours = row.try_get::<Option<&str>, _>("lane_id")? == Some(lane.as_str());
    let outcome: Option<&str> = row.try_get("outcome")?;
    let outcome = outcome
        .map(|word| Outcome::of_word(word).ok_or_else(|| StoreError::unreadable("outcome")))
        .transpose()?;
    let body: Option<String> = row.try_get("body")?;
    Ok(Message {
        place: place(row)?,
        id: id(row, "remote_id")?,
        at: at(row, "at")?,
        kind: row.try_get("kind")?,
        body: body.map(bridge_core::text::Text::new),
        media: maybe_json(row, "media")?,
        content: maybe_json(row, "content")?.unwrap_or_default(),
        outcome: outcome.or((!ours).then_some(Outcome::NoTicket)),
    })
}

fn place(row: &SqliteRow) -> Result<Place, StoreError> {
    match direction(row)? {
        Direction::ToTicket => Ok(Place::Conversation {
            id: id(row, "place")?,
        }),
        Direction::ToConversation => Ok(Place::Ticket {
            id: id(row, "place")?,
        }),
    }
}

fn maybe_json<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    match row.try_get::<Option<&str>, _>(column)? {
        Some(_) => json(row, column).map(Some),
        None => Ok(None),
    }
}
