//! The laws of the store, as stories. Neighbours: each file here is one theme; `sqlite::tests`
//! holds what only a file on a disk can do wrong.

mod beginning;
mod claiming;
mod committing;
mod halting;
mod joining;
mod keeping;
mod looking;
mod parking;
mod recording;
mod routing;

use super::{
    Changes, Claim, ClaimedLane, NewDelivery, Options, Received, RouteEnd, Routed, Source, Store,
};
use bridge_core::{
    effect::{CloseConversation, Effect},
    event::{Event, Side, TicketChanged},
    ids::{
        BotId, BridgeName, ConversationId, DeliveryId, IntentId, LaneId, LinkId, TicketId, UserId,
    },
    intent::{Intent, IntentState},
    lane::Lane,
    link::{ConversationSide, Link, Origin, TicketSide},
    ticket::{TicketPatch, Version},
    time::Timestamp,
};
use bytes::Bytes;
use std::{collections::BTreeMap, ops::Deref, time::Duration};

pub const LEASE: Duration = Duration::from_secs(30);

/// A store on a disk of its own, gone when the story ends.
pub struct Disk {
    store: Store,
    pub url: String,
    _folder: tempfile::TempDir,
}

impl Deref for Disk {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

pub async fn disk() -> Disk {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
    Disk {
        store: open(&url).await,
        url,
        _folder: folder,
    }
}

pub async fn open(url: &str) -> Store {
    let options = Options {
        migrate: true,
        create: true,
    };
    Store::open(url, options).await.unwrap()
}

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

impl Disk {
    /// Records a body, and hands it to the Router.
    pub async fn received(&self, body: &str) -> Received {
        let id = self.record(webhook(body, None)).await.unwrap().id();
        let mut claimed = self.claim_routes(100, at(1_000)).await.unwrap();
        claimed.retain(|r| r.id == id);
        claimed.pop().unwrap()
    }

    /// Brings an Event to a customer's Lane.
    pub async fn told(&self, customer: &str, event: Event) -> (LaneId, DeliveryId) {
        let body = format!("{customer} {}", rand::random::<u64>());
        let id = self.received(&body).await.id;
        match self
            .routed(id, to_lane(customer, vec![event]), at(1_000))
            .await
            .unwrap()
        {
            Routed::Lane(lane) => (lane, id),
            other => panic!("{other:?}"),
        }
    }

    /// The one Lane that is due.
    pub async fn claimed(&self, now: i64) -> ClaimedLane {
        let mut lanes = self.claim_lanes(10, at(now), LEASE).await.unwrap();
        assert_eq!(lanes.len(), 1);
        lanes.pop().unwrap()
    }

    /// A customer's Lane with one live Link, claimed.
    pub async fn linked(&self, customer: &str, ticket: &str, conversation: &str) -> ClaimedLane {
        self.told(customer, changed(ticket, 1)).await;
        let mut claimed = self.claimed(1_000).await;
        let link = link(&claimed.lane, Some(ticket), Some(conversation));
        let before = claimed.lane.clone();
        claimed.lane.links.push(link);
        claimed.lane.next_link += 1;
        self.keep(&claimed.claim, &before, &claimed.lane).await;
        claimed
    }

    pub async fn keep(&self, claim: &Claim, before: &Lane, after: &Lane) {
        let changes = Changes::between(before, after).unwrap();
        self.commit(claim, changes, at(2_000)).await.unwrap();
    }

    pub async fn give_back(&self, claimed: &ClaimedLane) {
        let nothing = Changes::between(&claimed.lane, &claimed.lane).unwrap();
        self.release(&claimed.claim, nothing, None, None, at(2_000))
            .await
            .unwrap();
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
        ended: None,
    }
}

/// A close of the Lane's first Link's conversation, planned.
pub fn close(lane: &Lane, number: u32, cause: &str) -> Intent {
    let link = &lane.links[0];
    Intent {
        id: IntentId::parse(&format!("{}.{number}", lane.id)).unwrap(),
        link: link.id.clone(),
        cause: cause.to_owned(),
        rule: "close_on_status".to_owned(),
        effect: Effect::CloseConversation(CloseConversation {
            conversation: link.conversation_id().unwrap().clone(),
            bot: lane.bot.clone(),
            user: lane.user.clone(),
            message: Some("Obrigado, Maria".into()),
        }),
        state: IntentState::Planned,
        planned_at: at(1_600 + i64::from(number)),
        first_sent_at: None,
        sent_at: None,
        deadline_at: None,
        confirmed_at: None,
        due_at: None,
        attempts: 0,
        failures: 0,
        failing_since: None,
        answered: None,
        answered_at: None,
        event_seen: false,
        last_error: None,
        parked: None,
        possible_duplicate: false,
        refused_status: None,
        held: false,
    }
}
