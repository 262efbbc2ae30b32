//! The laws of the store, as stories. Each file of stories is one theme and is compiled twice, under
//! `on_sqlite` and `in_memory`: one meaning, two stores. Neighbours: `comparing` plays one random
//! history on both; `sqlite::tests` holds what only a file on a disk can do wrong.

mod changing;
mod comparing;
pub mod in_memory;
pub mod on_sqlite;

use super::{NewDelivery, Room, RouteEnd, Source};
use bridge_core::{
    effect::{CloseConversation, Effect},
    event::{Event, Side, TicketChanged},
    ids::{BotId, BridgeName, ConversationId, IntentId, LinkId, MessageId, TicketId, UserId},
    intent::{Intent, IntentState},
    lane::{Lane, Message, Place},
    link::{ConversationSide, Link, Origin, TicketSide},
    ticket::{TicketPatch, Version},
    time::Timestamp,
};
use bytes::Bytes;
use std::{collections::BTreeMap, time::Duration};

pub const LEASE: Duration = Duration::from_secs(30);

pub fn at(ms: i64) -> Timestamp {
    Timestamp(ms)
}

pub fn bridge() -> BridgeName {
    BridgeName::parse("main").unwrap()
}

pub fn bot() -> BotId {
    BotId::parse("bot").unwrap()
}

pub fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

pub fn ticket(id: &str) -> TicketId {
    TicketId::parse(id).unwrap()
}

pub fn conversation(id: &str) -> ConversationId {
    ConversationId::parse(id).unwrap()
}

pub fn webhook(body: &str, dedup: Option<&str>) -> NewDelivery {
    NewDelivery {
        bridge: bridge(),
        side: Side::Ticketing,
        source: Source::Webhook,
        dedup: dedup.map(str::to_owned),
        received_at: at(1_000),
        headers: BTreeMap::new(),
        body: Bytes::from(body.to_owned()),
    }
}

pub fn changed(id: &str, when: i64) -> Event {
    Event::TicketChanged(TicketChanged {
        ticket: ticket(id),
        version: Version::None,
        whole: None,
        read_at: None,
        last_lane: None,
        patch: TicketPatch::default(),
        by_us: false,
        at: Some(at(when)),
    })
}

pub fn to_lane(customer: &str, events: Vec<Event>) -> RouteEnd {
    RouteEnd::ToLane {
        bridge: bridge(),
        bot: bot(),
        user: user(customer),
        object: events
            .first()
            .and_then(|e| e.ticket())
            .map(|t| t.as_str().to_owned()),
        events,
    }
}

pub fn link(lane: &Lane, ticket_id: Option<&str>, conversation_id: Option<&str>) -> Link {
    Link {
        id: LinkId::parse(&format!("{}-{}", lane.id, lane.next_link)).unwrap(),
        generation: 1,
        origin: Origin::Ticket,
        conversation: match conversation_id {
            Some(id) => ConversationSide::Known {
                id: conversation(id),
            },
            None => ConversationSide::Wanted,
        },
        ticket: match ticket_id {
            Some(id) => TicketSide::Known { id: ticket(id) },
            None => TicketSide::Wanted,
        },
        agreed: None,
        requester_id: None,
        looked_for_open: false,
        follows: None,
        busy_since: None,
        link_field_written: false,
        ticket_id_written_at: None,
        ticket_id_cleared: false,
        told: std::collections::BTreeSet::new(),
        diverged: Vec::new(),
        created_at: at(1_500),
        ticket_since: None,
        relays: true,
        ended: None,
    }
}

/// What a customer said in a conversation, waiting.
pub fn said(conversation_id: &str, id: &str, when: i64) -> Message {
    Message {
        place: Place::Conversation {
            id: conversation(conversation_id),
        },
        id: MessageId::parse(id).unwrap(),
        at: at(when),
        kind: "text".to_owned(),
        body: Some("Olá".into()),
        media: None,
        content: serde_json::Value::Null,
        outcome: None,
    }
}

/// A close of the Lane's first Link's conversation, planned.
pub fn close(lane: &Lane, number: u32, cause: &str) -> Intent {
    let link = &lane.links[0];
    let effect = Effect::CloseConversation(CloseConversation {
        conversation: link.conversation_id().unwrap().clone(),
        bot: lane.bot.clone(),
        user: lane.user.clone(),
        message: Some("Obrigado, Maria".into()),
    });
    Intent::planned(
        IntentId::parse(&format!("{}.{number}", lane.id)).unwrap(),
        link.id.clone(),
        cause.to_owned(),
        "close_on_status".to_owned(),
        effect,
        at(1_600 + i64::from(number)),
    )
}
