//! The daemon's Router, act by act: take and look up, read if need be, store its word. Neighbours:
//! `bridge_core::route`, which decides; worker, the other half of a replica.
//!
//! Between looking up and storing anything may happen: that is the race this is here for.

use super::{
    part::{Digest, Mix},
    setting::Setting,
    world::{Action, World},
};
use bridge_core::{
    call::CallError,
    event::{Event, Parsed},
    ids::DeliveryId,
    route::{Ask, Route, Told, Turn, missing, not_now},
};
use jelou_bridge::store::{Received, Room};
use std::hash::Hash;

/// A Delivery in a Router's hands.
#[derive(Clone, Debug)]
pub struct Routing {
    received: Received,
    route: Route,
    turn: Turn,
}

impl Digest for Routing {
    fn digest(&self, hasher: &mut Mix) {
        let received = &self.received;
        (&received.body, received.received_at, received.attempts).hash(hasher);
        (&self.route, &self.turn).hash(hasher);
    }
}

impl Routing {
    /// Whose Delivery it is.
    pub fn delivery(&self) -> DeliveryId {
        self.received.id
    }

    /// What is next, for a person.
    pub fn shown(&self, setting: &Setting) -> String {
        let kind = setting
            .meant(&self.received.body)
            .map_or("?", |event| event.kind());
        match &self.turn {
            Turn::Ask(_) => format!("{kind} of delivery {}: read the ticket", self.received.id),
            Turn::End(end) => format!("{kind} of delivery {}: {}", self.received.id, word(end)),
        }
    }
}

fn word(end: &bridge_core::route::RouteEnd) -> String {
    use bridge_core::route::RouteEnd;
    match end {
        RouteEnd::ToLane { .. } => "to the customer's lane".to_owned(),
        RouteEnd::ToKnownLane { lane, .. } => format!("to lane {lane}"),
        RouteEnd::Ignored { reason, .. } => format!("ignored, {reason}"),
        RouteEnd::Parked { reason, .. } => format!("parked, {reason}"),
        RouteEnd::Later { due_at, .. } => format!("later, at {due_at}"),
    }
}

impl World {
    pub(super) fn router_actions(&self, r: u8, actions: &mut Vec<Action>) -> bool {
        let Some(replica) = self.replicas.get(usize::from(r)) else {
            return false;
        };
        match replica.routing.as_ref().map(|routing| &routing.turn) {
            Some(Turn::Ask(_)) => {
                actions.push(Action::Reads(r));
                if self.left.cuts > 0 {
                    actions.push(Action::ReadFails(r));
                }
                true
            }
            Some(Turn::End(_)) => {
                actions.push(Action::Routes(r));
                true
            }
            None => {
                let waits = self.store.deliveries().any(|d| {
                    d.state == "received" && d.due_at <= self.now && !self.is_in_hand(d.id)
                });
                // Two replicas with nothing in hand are alike.
                let twin_takes = r == 1
                    && self.replicas[0].routing.is_none()
                    && self.replicas[0].worker.is_none()
                    && self.replicas[1].worker.is_none();
                if waits && !twin_takes {
                    actions.push(Action::Takes(r));
                }
                waits
            }
        }
    }

    fn is_in_hand(&self, delivery: DeliveryId) -> bool {
        let routings = self.replicas.iter().filter_map(|r| r.routing.as_ref());
        routings
            .into_iter()
            .any(|routing| routing.received.id == delivery)
    }

    pub(super) fn take(&mut self, r: usize, setting: &Setting) -> Option<Routing> {
        let _ = r;
        let now = self.now;
        let received = self.store.edit().claim_routes(&Room::of(1), now).pop()?;
        let event = setting.meant(&received.body);
        let parsed = Parsed::Events(event.into_iter().collect());
        let (route, turn) = Route::begin(parsed, setting.bridge.clone(), Some(setting.bot.clone()));
        let mut routing = Routing {
            received,
            route,
            turn,
        };
        self.look_up(&mut routing, setting);
        Some(routing)
    }

    /// Answers all that the store can answer.
    fn look_up(&self, routing: &mut Routing, setting: &Setting) {
        let (store, bridge) = (&self.store, &setting.bridge);
        loop {
            let lane = match &routing.turn {
                Turn::End(_) | Turn::Ask(Ask::ReadTicket(_)) => return,
                Turn::Ask(Ask::LaneOfIntent(id)) => store.lane_of_intent(bridge, id),
                Turn::Ask(Ask::LaneOfConversation(id)) => store.lane_of_conversation(bridge, id),
                Turn::Ask(Ask::LaneOfLiveTicket(id)) => store.lane_of_live_ticket(bridge, id),
                Turn::Ask(Ask::LaneOfTicket(id)) => store.lane_of_ticket(bridge, id),
                Turn::Ask(Ask::LaneThatWaits {
                    conversation,
                    ticket,
                }) => store.lane_that_waits(bridge, conversation, ticket),
            };
            routing.turn = routing.route.told(Told::Lane(lane), &setting.mapping);
        }
    }

    pub(super) fn read_for(&mut self, r: usize, fails: bool, setting: &Setting) {
        let now = self.now;
        let Some(mut routing) = self
            .replicas
            .get_mut(r)
            .and_then(|replica| replica.routing.take())
        else {
            return;
        };
        let hand = routing.edit();
        if let Turn::Ask(Ask::ReadTicket(id)) = &hand.turn {
            let told = match self.desk.read(id) {
                _ if fails => {
                    let cut_off = CallError::Later {
                        after: None,
                        status: None,
                        reason: "cut off".to_owned(),
                        host_wide: false,
                    };
                    let retry_for = setting.rules(false).limits.retry_for;
                    not_now(hand.received.tries("a delivery"), retry_for, &cut_off, now)
                }
                Ok(ticket) => Told::Ticket {
                    ticket: Box::new(ticket),
                    begun: now,
                },
                Err(_) => missing(hand.received.missing_since, now),
            };
            hand.turn = hand.route.told(told, &setting.mapping);
            self.look_up(hand, setting);
        }
        if let Some(replica) = self.replicas.get_mut(r) {
            replica.routing = Some(routing);
        }
    }

    pub(super) fn route(&mut self, r: usize) {
        let now = self.now;
        let Some(routing) = self
            .replicas
            .get_mut(r)
            .and_then(|replica| replica.routing.take())
        else {
            return;
        };
        if let Turn::End(end) = &routing.turn {
            // It refuses nothing here: a Lane that is gone hands the Delivery out again.
            let _ = self
                .store
                .edit()
                .routed(routing.received.id, end.clone(), now);
        }
    }
}

/// The id under which a sender sends it again.
pub fn dedup(event: &Event, number: u32, again: bool) -> String {
    let jelou = event.conversation().is_some();
    // Jelou repeats its body; the ticketing system tells the same again under another id.
    if again && !jelou {
        format!("{number} again")
    } else {
        number.to_string()
    }
}
