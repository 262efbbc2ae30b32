//! What stopped trying and waits for a person. Neighbours: `commit` and `route` park.

use super::{
    Memory, length,
    row::{DeliveryRow, LaneRow, Stage},
};
use crate::store::{
    error::StoreError,
    types::{ParkedFilter, ParkedItem, ParkedKind},
};
use bridge_core::{
    event::Side,
    ids::{BridgeName, ConversationId, DeliveryId, TicketId},
    intent::{Intent, IntentState},
    time::Timestamp,
};

/// How a parked Delivery is named beside Intents, whose ids have a dot.
const DELIVERY_PREFIX: &str = "delivery-";

impl Memory {
    /// Lists parked Intents and Deliveries, the oldest first.
    #[must_use]
    pub fn parked(&self, filter: &ParkedFilter) -> Vec<ParkedItem> {
        let limit = length(filter.limit);
        let all = self.parked_intents().chain(self.parked_deliveries());
        let mut items: Vec<ParkedItem> = all.filter(|item| filter.lets(item)).collect();
        items.sort_by_key(|item| item.at);
        items.truncate(limit);
        items
    }

    /// One parked Intent or Delivery, by the name that the list gives it.
    #[must_use]
    pub fn parked_item(&self, name: &str) -> Option<ParkedItem> {
        self.parked_intents()
            .chain(self.parked_deliveries())
            .find(|item| item.id == name)
    }

    /// Hands a parked Delivery to the Router again.
    ///
    /// # Errors
    /// [`StoreError::Gone`] if it is not parked.
    pub fn retry_delivery(
        &mut self,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = self.unpark(delivery)?;
        row.stage = Stage::Received;
        row.at_router = false;
        row.due_at = now;
        row.attempts = 0;
        row.missing_since = None;
        row.retried_at = Some(now);
        row.reason = None;
        row.detail = None;
        row.remedy = None;
        self.received.insert(delivery);
        Ok(())
    }

    /// Settles a parked Delivery as `ignored(discarded)`.
    ///
    /// # Errors
    /// [`StoreError::Gone`] if it is not parked.
    pub fn discard_delivery(
        &mut self,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = self.unpark(delivery)?;
        row.stage = Stage::Ignored;
        row.reason = Some("discarded".to_owned());
        row.settled_at = Some(now);
        Ok(())
    }

    fn unpark(&mut self, delivery: DeliveryId) -> Result<&mut DeliveryRow, StoreError> {
        self.deliveries
            .get_mut(&delivery)
            .filter(|row| row.stage == Stage::Parked)
            .ok_or(StoreError::Gone {
                what: "parked delivery",
            })
    }

    fn parked_intents(&self) -> impl Iterator<Item = ParkedItem> {
        let mut parked: Vec<_> = self
            .lanes
            .values()
            .flat_map(|row| row.intents.iter().map(move |stored| (row, stored)))
            .filter(|(_, stored)| stored.intent.state == IntentState::Parked)
            .collect();
        parked.sort_by_key(|(_, stored)| (stored.intent.planned_at, stored.row));
        parked
            .into_iter()
            .filter_map(|(row, stored)| parked_intent(row, &stored.intent))
    }

    fn parked_deliveries(&self) -> impl Iterator<Item = ParkedItem> {
        self.deliveries
            .iter()
            .filter(|(_, row)| row.stage == Stage::Parked)
            .map(|(id, row)| self.parked_delivery(*id, row))
    }

    fn parked_delivery(&self, delivery: DeliveryId, row: &DeliveryRow) -> ParkedItem {
        let bridge = &row.came.bridge;
        let object = row.object.as_deref();
        let (ticket, conversation) = match row.came.side {
            Side::Ticketing => (object.and_then(|id| TicketId::parse(id).ok()), None),
            Side::Jelou => {
                let conversation = object.and_then(|id| ConversationId::parse(id).ok());
                let of = |id: &ConversationId| self.ticket_of(bridge, id);
                (conversation.as_ref().and_then(of), conversation)
            }
        };
        ParkedItem {
            id: format!("{DELIVERY_PREFIX}{delivery}"),
            kind: ParkedKind::Delivery {
                delivery,
                side: row.came.side,
            },
            bridge: bridge.clone(),
            reason: row.reason.clone().unwrap_or_default(),
            detail: row.detail.clone().unwrap_or_default(),
            remedy: row.remedy.clone().unwrap_or_default(),
            at: row.came.received_at,
            ticket,
            conversation,
        }
    }

    /// The ticket of a conversation's Link, of the live one first.
    fn ticket_of(&self, bridge: &BridgeName, conversation: &ConversationId) -> Option<TicketId> {
        let lanes = self.lanes.values();
        lanes
            .filter(|row| row.state.bridge == *bridge)
            .flat_map(|row| &row.links)
            .filter(|stored| stored.link.conversation_id() == Some(conversation))
            .filter(|stored| stored.link.ticket_id().is_some())
            .max_by_key(|s| (s.link.is_live(), s.link.created_at, s.row))
            .and_then(|stored| stored.link.ticket_id().cloned())
    }
}

fn parked_intent(row: &LaneRow, intent: &Intent) -> Option<ParkedItem> {
    let parked = intent.parked.clone()?;
    let link = row.links.iter().find(|s| s.link.id == intent.link)?;
    Some(ParkedItem {
        id: intent.id.as_str().to_owned(),
        kind: ParkedKind::Intent {
            intent: intent.id.clone(),
            operation: intent.operation(),
            lane: row.state.id.clone(),
            link: intent.link.clone(),
            rule: intent.rule.clone(),
            attempts: intent.attempts,
            last_error: intent.last_error.clone(),
        },
        bridge: row.state.bridge.clone(),
        reason: parked.reason,
        detail: parked.detail,
        remedy: parked.remedy,
        at: parked.at,
        ticket: link.link.ticket_id().cloned(),
        conversation: link.link.conversation_id().cloned(),
    })
}
