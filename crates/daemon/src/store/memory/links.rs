//! Finds Lanes and Links by what they hold. Neighbours: the Router asks which Lane; an operator
//! lists.

use super::{
    Memory, length,
    row::{LaneRow, LinkStored},
};
use crate::store::types::{DELIVERIES_TOLD, ENTRIES_TOLD, LinkFilter, LinkRow};
use bridge_core::{
    effect::Operation,
    event::Side,
    ids::{BotId, BridgeName, ConversationId, IntentId, LaneId, LinkId, TicketId, UserId},
    intent::Intent,
    link::{Link, TicketSide},
    read::{Holder, RoutedTo, Written},
};
use std::{cmp::Reverse, collections::BTreeSet};

impl Memory {
    /// The Lane of a conversation: by its live Link, else by its latest.
    #[must_use]
    pub fn lane_of_conversation(
        &self,
        bridge: &BridgeName,
        conversation: &ConversationId,
    ) -> Option<LaneId> {
        self.lane_by(bridge, |link| link.conversation_id() == Some(conversation))
    }

    /// The Lane of a ticket: by its live Link, else by its latest.
    #[must_use]
    pub fn lane_of_ticket(&self, bridge: &BridgeName, ticket: &TicketId) -> Option<LaneId> {
        self.lane_by(bridge, |link| link.ticket_id() == Some(ticket))
    }

    /// The Lane that holds a ticket by a live Link (rule 10).
    #[must_use]
    pub fn lane_of_live_ticket(&self, bridge: &BridgeName, ticket: &TicketId) -> Option<LaneId> {
        self.lane_by(bridge, |link| {
            link.is_live() && link.ticket_id() == Some(ticket)
        })
    }

    /// The Lane with a live Link of a conversation that waits for its ticket, or has this one.
    #[must_use]
    pub fn lane_that_waits(
        &self,
        bridge: &BridgeName,
        conversation: &ConversationId,
        ticket: &TicketId,
    ) -> Option<LaneId> {
        let of_talk = |link: &Link| link.conversation_id() == Some(conversation);
        let had =
            |link: &Link| of_talk(link) && !link.is_live() && link.ticket_id() == Some(ticket);
        if self.links_of(bridge).any(|(_, stored)| had(&stored.link)) {
            // By a field that an ended Link left on the ticket.
            return None;
        }
        self.lane_by(bridge, |link| {
            let waits = link.ticket == TicketSide::Wanted || link.ticket_id() == Some(ticket);
            link.is_live() && waits && of_talk(link)
        })
    }

    /// The Lanes that have or had a ticket by a Link, the latest changed first.
    #[must_use]
    pub fn holders_of_ticket(&self, bridge: &BridgeName, ticket: &TicketId) -> Vec<Holder> {
        let links = self.links(&LinkFilter::holders(bridge, ticket));
        links.into_iter().map(LinkRow::holder).collect()
    }

    /// Whom the latest Deliveries about a ticket went to, the earliest first.
    #[must_use]
    pub fn routed_of_ticket(&self, bridge: &BridgeName, ticket: &TicketId) -> Vec<RoutedTo> {
        let rows = self.deliveries.values().rev();
        let about = rows.filter(|row| {
            row.came.side == Side::Ticketing
                && row.came.bridge == *bridge
                && row.object.as_deref() == Some(ticket.as_str())
        });
        let told = about.filter_map(|row| {
            let lane = row.lane.clone()?;
            Some(RoutedTo::of(lane, row.came.received_at, &row.events))
        });
        let mut told: Vec<RoutedTo> = told.take(DELIVERIES_TOLD as usize).collect();
        told.reverse();
        told
    }

    /// What the bridge wrote on a ticket for other customers than this Lane's, the latest of it.
    #[must_use]
    pub fn written_on_ticket(
        &self,
        bridge: &BridgeName,
        ticket: &TicketId,
        besides: &LaneId,
    ) -> BTreeSet<Written> {
        let links = self.links_of(bridge);
        let of_ticket =
            links.filter(|(lane, s)| *lane != besides && s.link.ticket_id() == Some(ticket));
        let all = of_ticket.flat_map(|(lane, s)| {
            let intents = self
                .lanes
                .get(lane)
                .into_iter()
                .flat_map(|row| &row.intents);
            intents.filter(move |stored| stored.intent.link == s.link.id)
        });
        let mut all: Vec<_> = all.filter(|s| may_have_written(&s.intent)).collect();
        all.sort_by_key(|s| Reverse((s.intent.planned_at, s.row)));
        all.truncate(length(ENTRIES_TOLD));
        all.iter()
            .filter_map(|s| s.intent.written_on(ticket))
            .collect()
    }

    /// The Lane of an Intent of ours, however its Lanes were joined since (rule 9).
    #[must_use]
    pub fn lane_of_intent(&self, bridge: &BridgeName, intent: &IntentId) -> Option<LaneId> {
        self.lanes
            .iter()
            .filter(|(_, row)| row.state.bridge == *bridge)
            .find(|(_, row)| row.intents.iter().any(|s| s.intent.id == *intent))
            .map(|(lane, _)| lane.clone())
    }

    /// The Lane of a customer, under any known spelling.
    #[must_use]
    pub fn lane_of_user(&self, bridge: &BridgeName, bot: &BotId, user: &UserId) -> Option<LaneId> {
        let user = self.canonical(bridge, bot, user);
        self.by_customer
            .get(&(bridge.clone(), bot.clone(), user))
            .cloned()
    }

    /// Jelou's spelling of a customer, as far as learnt; else the one given.
    #[must_use]
    pub fn canonical(&self, bridge: &BridgeName, bot: &BotId, asked: &UserId) -> UserId {
        self.aliases
            .get(&(bridge.clone(), bot.clone(), asked.clone()))
            .unwrap_or(asked)
            .clone()
    }

    /// Lists Links, the latest changed first.
    #[must_use]
    pub fn links(&self, filter: &LinkFilter) -> Vec<LinkRow> {
        let mut found: Vec<(&LaneRow, &LinkStored)> = self
            .lanes
            .values()
            .flat_map(|row| row.links.iter().map(move |stored| (row, stored)))
            .filter(|(row, stored)| wanted(filter, row, &stored.link))
            .collect();
        found.sort_by_key(|(_, stored)| Reverse((stored.updated_at, stored.row)));
        found.truncate(length(filter.limit));
        found
            .into_iter()
            .map(|(row, stored)| listed(row, stored))
            .collect()
    }

    /// The ticket of a Link, without the rest of its Lane.
    #[must_use]
    pub fn ticket_of_link(&self, link: &LinkId) -> Option<&TicketId> {
        let mut all = self.lanes.values().flat_map(|row| &row.links);
        all.find(|s| s.link.id == *link)?.link.ticket_id()
    }

    /// One Link with all its Intents, the oldest first.
    #[must_use]
    pub fn link(&self, link: &LinkId) -> Option<(LinkRow, Vec<Intent>)> {
        let (row, stored) = self.lanes.values().find_map(|row| {
            let stored = row.links.iter().find(|s| s.link.id == *link)?;
            Some((row, stored))
        })?;
        let mut intents: Vec<_> = row
            .intents
            .iter()
            .filter(|s| s.intent.link == *link)
            .collect();
        intents.sort_by_key(|s| (s.intent.planned_at, s.row));
        let intents = intents.into_iter().map(|s| s.intent.clone()).collect();
        Some((listed(row, stored), intents))
    }

    /// A live Link goes before an ended one, a later before an earlier.
    fn lane_by(&self, bridge: &BridgeName, is_it: impl Fn(&Link) -> bool) -> Option<LaneId> {
        self.links_of(bridge)
            .filter(|(_, stored)| is_it(&stored.link))
            .max_by_key(|(_, s)| (s.link.is_live(), s.link.created_at, Reverse(s.row)))
            .map(|(lane, _)| lane.clone())
    }
}

fn may_have_written(intent: &Intent) -> bool {
    let writes = matches!(
        intent.operation(),
        Operation::Create | Operation::Comment | Operation::File | Operation::Note
    );
    writes && intent.attempts > 0
}

fn wanted(filter: &LinkFilter, row: &LaneRow, link: &Link) -> bool {
    fn fits<T: PartialEq>(asked: Option<&T>, has: Option<&T>) -> bool {
        asked.is_none() || asked == has
    }
    fits(filter.bridge.as_ref(), Some(&row.state.bridge))
        && fits(filter.ticket.as_ref(), link.ticket_id())
        && fits(filter.conversation.as_ref(), link.conversation_id())
        && filter.state.as_deref().is_none_or(|s| s == link.state())
        && (!filter.live_only || link.is_live())
}

fn listed(row: &LaneRow, stored: &LinkStored) -> LinkRow {
    LinkRow {
        bridge: row.state.bridge.clone(),
        lane: row.state.id.clone(),
        link: stored.link.clone(),
        updated_at: stored.updated_at,
    }
}
