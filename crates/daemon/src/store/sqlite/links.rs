//! Finds Lanes and Links by what they hold. Neighbours: the Router asks which Lane; the admin API
//! lists.

use super::{
    Store,
    route::canonical,
    row::{at, id, intent, link},
};
use crate::store::{
    error::StoreError,
    types::{DELIVERIES_TOLD, ENTRIES_TOLD, LinkFilter, LinkRow},
};
use bridge_core::{
    event::Event,
    ids::{BotId, BridgeName, ConversationId, IntentId, LaneId, LinkId, TicketId, UserId},
    intent::Intent,
    read::{Holder, RoutedTo, Written},
};
use sqlx::{Row as _, query, sqlite::SqliteRow};
use std::collections::BTreeSet;

/// A live Link goes before an ended one, a later before an earlier.
const OF_CONVERSATION: &str = "SELECT lane_id AS id FROM link WHERE bridge = ? AND conversation = ? ORDER BY live DESC, created_at DESC LIMIT 1";

const OF_TICKET: &str = "SELECT lane_id AS id FROM link WHERE bridge = ? AND ticket = ? ORDER BY live DESC, created_at DESC LIMIT 1";

const OF_LIVE_TICKET: &str =
    "SELECT lane_id AS id FROM link WHERE bridge = ? AND ticket = ? AND live = 1";

/// Not by a field that an ended Link left on the ticket.
const THAT_WAITS: &str = "SELECT lane_id AS id FROM link WHERE bridge = ?1 AND conversation = ?2 AND live = 1 \
     AND (ticket = ?3 OR ticket IS NULL AND json_extract(body, '$.ticket.is') = 'wanted') \
     AND NOT EXISTS (SELECT 1 FROM link was WHERE was.bridge = link.bridge AND was.conversation = link.conversation AND was.ticket = ?3 AND was.live = 0)";

const ROUTED_OF_TICKET: &str = "SELECT lane_id, received_at, events FROM delivery WHERE bridge = ? AND side = 'ticketing' AND object = ? \
     AND lane_id IS NOT NULL ORDER BY id DESC LIMIT ?";

const WRITTEN: &str = "SELECT intent.body AS body, intent.held AS held FROM link JOIN intent ON intent.link_id = link.id \
     WHERE link.bridge = ? AND link.ticket = ? AND link.lane_id <> ? AND intent.operation IN ('create', 'comment', 'file', 'note') \
     AND json_extract(intent.body, '$.attempts') > 0 ORDER BY intent.planned_at DESC, intent.rowid DESC LIMIT ?";

const OF_INTENT: &str = "SELECT lane_id AS id FROM intent WHERE bridge = ? AND id = ?";

const OF_CUSTOMER: &str = "SELECT id FROM lane WHERE bridge = ? AND bot = ? AND user = ?";

const LIST: &str = "SELECT bridge, lane_id, body, updated_at FROM link WHERE (?1 IS NULL OR bridge = ?1) AND (?2 IS NULL OR state = ?2) \
     AND (?3 = 0 OR live = 1) ORDER BY updated_at DESC LIMIT ?4";

/// With a statement of its own each, so that each goes by its index.
const LIST_OF_TICKET: &str = "SELECT bridge, lane_id, body, updated_at FROM link WHERE (?1 IS NULL OR bridge = ?1) AND (?2 IS NULL OR state = ?2) \
     AND (?3 = 0 OR live = 1) AND ticket = ?5 AND (?6 IS NULL OR conversation = ?6) ORDER BY updated_at DESC LIMIT ?4";

const LIST_OF_CONVERSATION: &str = "SELECT bridge, lane_id, body, updated_at FROM link WHERE (?1 IS NULL OR bridge = ?1) AND (?2 IS NULL OR state = ?2) \
     AND (?3 = 0 OR live = 1) AND conversation = ?5 ORDER BY updated_at DESC LIMIT ?4";

const ONE: &str = "SELECT bridge, lane_id, body, updated_at FROM link WHERE id = ?";

const INTENTS: &str = "SELECT body, held FROM intent WHERE link_id = ? ORDER BY planned_at, rowid";

impl Store {
    /// The Lane of a conversation: by its live Link, else by its latest.
    ///
    /// # Errors
    /// What the database said.
    pub async fn lane_of_conversation(
        &self,
        bridge: &BridgeName,
        conversation: &ConversationId,
    ) -> Result<Option<LaneId>, StoreError> {
        self.lane_by(OF_CONVERSATION, bridge, conversation.as_str())
            .await
    }

    /// The Lane of a ticket: by its live Link, else by its latest.
    ///
    /// # Errors
    /// What the database said.
    pub async fn lane_of_ticket(
        &self,
        bridge: &BridgeName,
        ticket: &TicketId,
    ) -> Result<Option<LaneId>, StoreError> {
        self.lane_by(OF_TICKET, bridge, ticket.as_str()).await
    }

    /// The Lane that holds a ticket by a live Link (rule 10).
    ///
    /// # Errors
    /// What the database said.
    pub async fn lane_of_live_ticket(
        &self,
        bridge: &BridgeName,
        ticket: &TicketId,
    ) -> Result<Option<LaneId>, StoreError> {
        self.lane_by(OF_LIVE_TICKET, bridge, ticket.as_str()).await
    }

    /// The Lane with a live Link of a conversation that waits for its ticket, or has this one.
    ///
    /// # Errors
    /// What the database said.
    pub async fn lane_that_waits(
        &self,
        bridge: &BridgeName,
        conversation: &ConversationId,
        ticket: &TicketId,
    ) -> Result<Option<LaneId>, StoreError> {
        let row = query(THAT_WAITS)
            .bind(bridge.as_str())
            .bind(conversation.as_str())
            .bind(ticket.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| id(&row, "id")).transpose()
    }

    /// The Lanes that have or had a ticket by a Link, the latest changed first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn holders_of_ticket(
        &self,
        bridge: &BridgeName,
        ticket: &TicketId,
    ) -> Result<Vec<Holder>, StoreError> {
        let links = self.links(&LinkFilter::holders(bridge, ticket)).await?;
        Ok(links.into_iter().map(LinkRow::holder).collect())
    }

    /// Whom the latest Deliveries about a ticket went to, the earliest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn routed_of_ticket(
        &self,
        bridge: &BridgeName,
        ticket: &TicketId,
    ) -> Result<Vec<RoutedTo>, StoreError> {
        let rows = query(ROUTED_OF_TICKET)
            .bind(bridge.as_str())
            .bind(ticket.as_str())
            .bind(DELIVERIES_TOLD)
            .fetch_all(&self.readers)
            .await?;
        let told = rows.iter().rev().map(|row| {
            let (lane, received_at) = (id(row, "lane_id")?, at(row, "received_at")?);
            Ok(RoutedTo::of(lane, received_at, &events(row)?))
        });
        told.collect()
    }

    /// What the bridge wrote on a ticket for other customers than this Lane's, the latest of it.
    ///
    /// # Errors
    /// What the database said.
    pub async fn written_on_ticket(
        &self,
        bridge: &BridgeName,
        ticket: &TicketId,
        besides: &LaneId,
    ) -> Result<BTreeSet<Written>, StoreError> {
        let rows = query(WRITTEN)
            .bind(bridge.as_str())
            .bind(ticket.as_str())
            .bind(besides.as_str())
            .bind(ENTRIES_TOLD)
            .fetch_all(&self.readers)
            .await?;
        let written = rows
            .iter()
            .map(|row| intent(row).map(|intent| intent.written_on(ticket)));
        written.filter_map(Result::transpose).collect()
    }

    /// The Lane of an Intent of ours, however its Lanes were joined since (rule 9).
    ///
    /// # Errors
    /// What the database said.
    pub async fn lane_of_intent(
        &self,
        bridge: &BridgeName,
        intent: &IntentId,
    ) -> Result<Option<LaneId>, StoreError> {
        self.lane_by(OF_INTENT, bridge, intent.as_str()).await
    }

    /// The Lane of a customer, under any known spelling.
    ///
    /// # Errors
    /// What the database said.
    pub async fn lane_of_user(
        &self,
        bridge: &BridgeName,
        bot: &BotId,
        user: &UserId,
    ) -> Result<Option<LaneId>, StoreError> {
        let canonical = self.canonical(bridge, bot, user).await?;
        let row = query(OF_CUSTOMER)
            .bind(bridge.as_str())
            .bind(bot.as_str())
            .bind(canonical.as_str())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| id(&row, "id")).transpose()
    }

    /// Jelou's spelling of a customer, as far as learnt; else the one given.
    ///
    /// # Errors
    /// What the database said.
    pub async fn canonical(
        &self,
        bridge: &BridgeName,
        bot: &BotId,
        asked: &UserId,
    ) -> Result<UserId, StoreError> {
        let mut db = self.readers.acquire().await?;
        canonical(&mut db, bridge, bot, asked).await
    }

    /// Lists Links, the latest changed first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn links(&self, filter: &LinkFilter) -> Result<Vec<LinkRow>, StoreError> {
        let ticket = filter.ticket.as_ref().map(|v| v.as_str());
        let conversation = filter.conversation.as_ref().map(|v| v.as_str());
        let statement = match (ticket, conversation) {
            (Some(_), _) => LIST_OF_TICKET,
            (None, Some(_)) => LIST_OF_CONVERSATION,
            (None, None) => LIST,
        };
        let listing = query(statement)
            .bind(filter.bridge.as_ref().map(|v| v.as_str()))
            .bind(filter.state.as_deref())
            .bind(filter.live_only)
            .bind(filter.limit);
        let rows = match (ticket, conversation) {
            (Some(ticket), conversation) => listing.bind(ticket).bind(conversation),
            (None, Some(conversation)) => listing.bind(conversation),
            (None, None) => listing,
        }
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(listed).collect()
    }

    /// One Link with all its Intents, the oldest first.
    ///
    /// # Errors
    /// What the database said.
    pub async fn link(&self, link: &LinkId) -> Result<Option<(LinkRow, Vec<Intent>)>, StoreError> {
        let row = query(ONE)
            .bind(link.as_str())
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let intents = query(INTENTS)
            .bind(link.as_str())
            .fetch_all(&self.readers)
            .await?;
        let intents = intents.iter().map(intent).collect::<Result<_, _>>()?;
        Ok(Some((listed(&row)?, intents)))
    }

    async fn lane_by(
        &self,
        statement: &'static str,
        bridge: &BridgeName,
        key: &str,
    ) -> Result<Option<LaneId>, StoreError> {
        let row = query(statement)
            .bind(bridge.as_str())
            .bind(key)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| id(&row, "id")).transpose()
    }
}

/// None of what was pruned, or written by a version that meant other Events.
fn events(row: &SqliteRow) -> Result<Vec<Event>, StoreError> {
    let events: Option<&str> = row.try_get("events")?;
    Ok(events
        .and_then(|events| serde_json::from_str(events).ok())
        .unwrap_or_default())
}

fn listed(row: &SqliteRow) -> Result<LinkRow, StoreError> {
    Ok(LinkRow {
        bridge: id(row, "bridge")?,
        lane: id(row, "lane_id")?,
        link: link(row)?,
        updated_at: at(row, "updated_at")?,
    })
}
