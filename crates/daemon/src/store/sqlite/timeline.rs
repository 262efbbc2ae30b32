//! What happened to a ticket, a conversation or a customer. Neighbours: `commit` writes the
//! sentences; the admin API and `timeline` show them.

use super::{
    Store,
    row::{at, delivery_id, id, maybe_id, side, source},
};
use crate::store::{
    error::StoreError,
    types::{Line, TimelineOf},
};
use bridge_core::ids::BridgeName;
use sqlx::{Row, query, sqlite::SqliteRow};

/// A timeline shows its latest thousand sentences and its latest thousand Deliveries: more than a
/// person reads, and less than a busy customer collects in years.
const LINES_MAX: u32 = 1_000;

const ENTRIES_OF_TICKET: &str = "SELECT id, at, bridge, kind, sentence, rule, link_id, ticket, conversation FROM audit WHERE (?2 IS NULL OR bridge = ?2) \
     AND id IN (SELECT id FROM audit WHERE ticket = ?1 \
     UNION SELECT id FROM audit WHERE link_id IN (SELECT id FROM link WHERE ticket = ?1 AND (?2 IS NULL OR bridge = ?2))) \
     ORDER BY id DESC LIMIT ?3";

const DELIVERIES_OF_TICKET: &str = "SELECT id, received_at, bridge, side, source, state, reason FROM delivery WHERE (?2 IS NULL OR bridge = ?2) \
     AND id IN (SELECT id FROM delivery WHERE object = ?1 AND side = 'ticketing' UNION SELECT id FROM delivery WHERE side = 'jelou' \
     AND object IN (SELECT conversation FROM link WHERE ticket = ?1 AND (?2 IS NULL OR bridge = ?2))) \
     ORDER BY id DESC LIMIT ?3";

const ENTRIES_OF_CONVERSATION: &str = "SELECT id, at, bridge, kind, sentence, rule, link_id, ticket, conversation FROM audit WHERE (?2 IS NULL OR bridge = ?2) \
     AND id IN (SELECT id FROM audit WHERE conversation = ?1 \
     UNION SELECT id FROM audit WHERE link_id IN (SELECT id FROM link WHERE conversation = ?1 AND (?2 IS NULL OR bridge = ?2))) \
     ORDER BY id DESC LIMIT ?3";

const DELIVERIES_OF_CONVERSATION: &str = "SELECT id, received_at, bridge, side, source, state, reason FROM delivery WHERE (?2 IS NULL OR bridge = ?2) \
     AND id IN (SELECT id FROM delivery WHERE object = ?1 AND side = 'jelou' UNION SELECT id FROM delivery WHERE side = 'ticketing' \
     AND object IN (SELECT ticket FROM link WHERE conversation = ?1 AND (?2 IS NULL OR bridge = ?2))) \
     ORDER BY id DESC LIMIT ?3";

const ENTRIES_OF_USER: &str = "SELECT id, at, bridge, kind, sentence, rule, link_id, ticket, conversation FROM audit WHERE (?2 IS NULL OR bridge = ?2) \
     AND lane_id IN (SELECT id FROM lane WHERE user = ?1 OR user IN (SELECT canonical FROM alias WHERE asked = ?1)) \
     ORDER BY id DESC LIMIT ?3";

const DELIVERIES_OF_USER: &str = "SELECT id, received_at, bridge, side, source, state, reason FROM delivery WHERE (?2 IS NULL OR bridge = ?2) \
     AND lane_id IN (SELECT id FROM lane WHERE user = ?1 OR user IN (SELECT canonical FROM alias WHERE asked = ?1)) \
     ORDER BY id DESC LIMIT ?3";

impl Store {
    /// The lines of a timeline, the oldest first; a Delivery before what it led to.
    ///
    /// # Errors
    /// What the database said.
    pub async fn timeline(
        &self,
        bridge: Option<&BridgeName>,
        of: &TimelineOf,
    ) -> Result<Vec<Line>, StoreError> {
        let (entries, deliveries, key) = match of {
            TimelineOf::Ticket(id) => (ENTRIES_OF_TICKET, DELIVERIES_OF_TICKET, id.as_str()),
            TimelineOf::Conversation(id) => (
                ENTRIES_OF_CONVERSATION,
                DELIVERIES_OF_CONVERSATION,
                id.as_str(),
            ),
            TimelineOf::User(id) => (ENTRIES_OF_USER, DELIVERIES_OF_USER, id.as_str()),
        };
        let mut lines = Vec::new();
        for (statement, line) in [
            (
                deliveries,
                delivery as fn(&SqliteRow) -> Result<Line, StoreError>,
            ),
            (entries, entry),
        ] {
            let rows = query(statement)
                .bind(key)
                .bind(bridge.map(|b| b.as_str()))
                .bind(LINES_MAX)
                .fetch_all(&self.readers)
                .await?;
            for row in rows.iter().rev() {
                lines.push(line(row)?);
            }
        }
        // Stable: within one millisecond the order of writing stays.
        lines.sort_by_key(Line::at);
        Ok(lines)
    }
}

fn delivery(row: &SqliteRow) -> Result<Line, StoreError> {
    Ok(Line::Delivery {
        at: at(row, "received_at")?,
        bridge: id(row, "bridge")?,
        id: delivery_id(row)?,
        side: side(row)?,
        source: source(row)?,
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
    })
}

fn entry(row: &SqliteRow) -> Result<Line, StoreError> {
    Ok(Line::Entry {
        at: at(row, "at")?,
        bridge: id(row, "bridge")?,
        kind: row.try_get("kind")?,
        sentence: row.try_get("sentence")?,
        rule: row.try_get("rule")?,
        link: maybe_id(row, "link_id")?,
        ticket: maybe_id(row, "ticket")?,
        conversation: maybe_id(row, "conversation")?,
    })
}
