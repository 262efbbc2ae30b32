//! Deliveries on their way to a Lane, as the daemon's `jobs::routes` does it: serial for each object,
//! with one read where it is needed. Neighbours: `bridge_core::route`, which decides; `claims`, after.

use super::{
    calls::{Brought, Owner, What},
    fault::Fault,
    hooks::{bridge, comments_in},
    law::Law,
    queue::{Happening, ReplicaId, TaskId},
    world::{PROJECT, WORKERS, World},
};
use bridge_core::{
    call::CallError,
    event::{Parsed, Side},
    ids::TicketId,
    route::{
        Ask, Part, Route, RouteEnd, Told, Turn, apart, came_with, missing, not_now, object_of,
    },
    ticket::Ticket,
    time::Timestamp,
};
use bridge_remotes::bot;
use bytes::Bytes;
use jelou_bridge::store::{NewDelivery, Received, Recorded, Room, Routed, Source};
use std::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    time::Duration,
};

/// A read waits this long for the rest of the webhooks of one act, as the daemon's does.
const GATHER: Duration = Duration::from_millis(300);

/// A Delivery that could not be settled is given back after this.
const AGAIN: Duration = Duration::from_millis(500);

/// What the Router comes to late, it comes to within so many milliseconds: longer than a start waits
/// for its event.
const BEHIND_MOST_MS: u64 = 150_000;

/// An object that is routed for: who has its lock, who waits, and its last read.
#[derive(Clone, Debug, Default)]
pub struct Object {
    holder: Option<TaskId>,
    waiting: VecDeque<TaskId>,
    last: Option<(Timestamp, Box<Ticket>)>,
}

/// One Delivery at the Router.
pub struct Routing {
    /// Which process.
    pub replica: ReplicaId,
    /// What came.
    pub received: Received,
    key: String,
    step: Step,
}

enum Step {
    /// It waits for its object's lock, or has just got it.
    Waits(Parsed, Vec<Part>),
    /// This is wanted next.
    Goes(Route, Turn),
    /// It has waited for the rest of the webhooks of one act.
    Gathered(Route, TicketId),
    /// A read is on its way.
    Reads(Route),
    /// The store took no end of it: it is given back as soon as the store takes that.
    GivesBack,
}

impl World {
    /// Takes due Deliveries. Says whether there may be more than there are workers.
    pub fn claim_routes(&mut self, replica: ReplicaId) -> bool {
        let busy = self
            .routings
            .values()
            .filter(|r| r.replica == replica)
            .count();
        let free = WORKERS.saturating_sub(busy);
        let now = self.clock(replica);
        let batch = self.store.claim_routes(&Room::of(free as u32), now);
        self.judge.is_bounded("routings", batch.len(), free);
        let full = batch.len() == free;
        for received in batch {
            if received.side == Side::Jelou && self.faults.strikes(Fault::RouterBehind) {
                let wait = self.faults.below(Fault::RouterBehind, BEHIND_MOST_MS);
                let at = self.now.plus(Duration::from_millis(wait));
                self.queue.plan(at, Happening::Unroute(received.id));
                self.unrouted.insert(received.id, None);
                continue;
            }
            let (parsed, others) = apart(parse(&received));
            let key = object_of(&parsed).map_or_else(|| received.id.to_string(), str::to_owned);
            let key = format!("{}/{key}", received.side);
            if received.source == Source::Webhook {
                let known = self.unrouted.entry(received.id);
                known.or_insert_with(|| Some(key.clone()));
            }
            let id = self.task();
            let object = self.replicas[replica]
                .objects
                .entry(key.clone())
                .or_default();
            if object.holder.is_none() {
                object.holder = Some(id);
                self.soon(2, Happening::Route(id));
            } else {
                object.waiting.push_back(id);
            }
            let routing = Routing {
                replica,
                received,
                key,
                step: Step::Waits(parsed, others),
            };
            self.routings.insert(id, routing);
        }
        full
    }

    /// A routing goes on.
    pub fn route_on(&mut self, id: TaskId) {
        let Some(routing) = self.routings.remove(&id) else {
            return;
        };
        if self.faults.strikes(Fault::CrashAtRoute) {
            let replica = routing.replica;
            self.routings.insert(id, routing);
            return self.crash(replica);
        }
        let Routing {
            replica,
            received,
            key,
            step,
        } = routing;
        let back = |step| Routing {
            replica,
            received: received.clone(),
            key: key.clone(),
            step,
        };
        match step {
            Step::Waits(parsed, others) => {
                if !self.keep(replica, &received, others) {
                    return self.give_back(id, back(Step::GivesBack));
                }
                let (route, turn) = Route::begin(parsed, bridge(), Some(bot()));
                self.follow(id, back(nothing_more()), route, turn);
            }
            Step::Goes(route, turn) => {
                self.follow(id, back(nothing_more()), route, turn);
            }
            Step::Gathered(route, ticket) => self.read_ticket(id, back, route, ticket),
            Step::Reads(route) => {
                self.routings.insert(id, back(Step::Reads(route)));
            }
            Step::GivesBack => self.give_back(id, back(Step::GivesBack)),
        }
    }

    fn read_ticket(
        &mut self,
        id: TaskId,
        back: impl Fn(Step) -> Routing,
        mut route: Route,
        ticket: TicketId,
    ) {
        let routing = back(nothing_more());
        let who = format!("delivery {}", routing.received.id);
        match self.ask(routing.replica, Side::Ticketing, &who) {
            Ok(()) => {
                self.routings.insert(id, back(Step::Reads(route)));
                self.call(Owner::Route(id), routing.replica, who, What::Ticket(ticket));
            }
            Err(blocked) => {
                let told = Told::Later {
                    due_at: blocked.until,
                    error: format!("waiting: {}", blocked.by),
                };
                let turn = route.told(told, &self.mapping);
                self.follow(id, routing, route, turn);
            }
        }
    }

    /// Records what a Delivery meant for further tickets. Says whether the store took it.
    fn keep(&mut self, replica: ReplicaId, received: &Received, parts: Vec<Part>) -> bool {
        let received_at = came_with(received.received_at, self.clock(replica));
        for part in parts {
            if self.store_is_down() {
                return false;
            }
            let dedup = Some(part.key(received.id));
            let recorded = self.store.record(NewDelivery {
                bridge: received.bridge.clone(),
                side: received.side,
                source: Source::Part,
                dedup: dedup.clone(),
                received_at,
                headers: BTreeMap::new(),
                body: Bytes::from(serde_json::to_vec(&part.events).unwrap_or_default()),
            });
            let told = Some(Rc::from(part.events.as_slice()));
            if let Recorded::New(id) = recorded {
                self.judge.recorded(received.side, dedup, &told, id);
                for (ticket, comment) in comments_in(&part.events) {
                    self.judge.ears.brought_by(&ticket, &comment, id);
                }
            }
            self.judge.answered(&told, recorded.id());
        }
        true
    }

    /// Looks up what is asked for, until a read is needed or the end is known.
    fn follow(&mut self, id: TaskId, mut routing: Routing, mut route: Route, mut turn: Turn) {
        let mapping = Rc::clone(&self.mapping);
        loop {
            let (store, name) = (&self.store, &self.bridge);
            let told = match turn {
                Turn::End(end) => return self.settle(id, routing, end),
                Turn::Ask(Ask::LaneOfIntent(id)) => Told::Lane(store.lane_of_intent(name, &id)),
                Turn::Ask(Ask::LaneOfConversation(id)) => {
                    Told::Lane(store.lane_of_conversation(name, &id))
                }
                Turn::Ask(Ask::LaneOfLiveTicket(id)) => {
                    Told::Lane(store.lane_of_live_ticket(name, &id))
                }
                Turn::Ask(Ask::LaneOfTicket(id)) => Told::Lane(store.lane_of_ticket(name, &id)),
                Turn::Ask(Ask::LaneThatWaits {
                    conversation,
                    ticket,
                }) => Told::Lane(store.lane_that_waits(name, &conversation, &ticket)),
                Turn::Ask(Ask::ReadTicket(ticket)) => {
                    let now = self.clock(routing.replica);
                    let received_at = routing.received.received_at;
                    let object = self.replicas[routing.replica].objects.get(&routing.key);
                    let last = object.and_then(|o| o.last.as_ref());
                    if let Some((begun, ticket)) = last.filter(|(begun, _)| *begun >= received_at) {
                        Told::Ticket {
                            ticket: ticket.clone(),
                            begun: *begun,
                        }
                    } else {
                        let wait = received_at.plus(GATHER).since(now).min(GATHER);
                        routing.step = Step::Gathered(route, ticket);
                        self.routings.insert(id, routing);
                        return self.queue.plan(self.now.plus(wait), Happening::Route(id));
                    }
                }
            };
            turn = route.told(told, &mapping);
        }
    }

    /// The Router's read ended.
    pub fn route_read(
        &mut self,
        id: TaskId,
        begun: Timestamp,
        outcome: Result<Brought, CallError>,
    ) {
        let Some(mut routing) = self.routings.remove(&id) else {
            return;
        };
        let Step::Reads(mut route) = std::mem::replace(&mut routing.step, nothing_more()) else {
            return;
        };
        let told = match outcome {
            Ok(Brought::Ticket(ticket)) => {
                let objects = &mut self.replicas[routing.replica].objects;
                if let Some(object) = objects.get_mut(&routing.key) {
                    object.last = Some((begun, ticket.clone()));
                }
                Told::Ticket { ticket, begun }
            }
            Ok(_) | Err(CallError::Gone { .. }) => {
                let now = self.clock(routing.replica);
                missing(routing.received.missing_since, now)
            }
            Err(error @ CallError::Refused { .. }) => Told::Never {
                reason: "refused",
                detail: error.to_string(),
            },
            Err(error) => {
                let (now, retry_for) = (self.clock(routing.replica), self.limits().retry_for);
                let who = format!("delivery {}", routing.received.id);
                not_now(routing.received.tries(&who), retry_for, &error, now)
            }
        };
        let turn = route.told(told, &self.mapping);
        routing.step = Step::Goes(route, turn);
        self.routings.insert(id, routing);
        self.soon(2, Happening::Route(id));
    }

    /// Its object's lock is held meanwhile, so that no later one about the same overtakes it.
    fn give_back(&mut self, id: TaskId, mut routing: Routing) {
        if self.store_is_down() {
            routing.step = Step::GivesBack;
            self.routings.insert(id, routing);
            let up = self.store_down_until;
            return self.queue.plan(up, Happening::Route(id));
        }
        let parsed = parse(&routing.received);
        let again = self.clock(routing.replica).plus(AGAIN);
        let delivery = routing.received.id;
        self.store.unroute(delivery, object_of(&parsed), again);
        self.ring();
        self.make_way(id, &routing);
    }

    fn settle(&mut self, id: TaskId, routing: Routing, end: RouteEnd) {
        let now = self.clock(routing.replica);
        let delivery = routing.received.id;
        if self.judge.is_traced() {
            let line = format!("delivery {delivery} routed: {end:?}");
            self.trace(|_| line.chars().take(200).collect());
        }
        if self.store_is_down() {
            return self.give_back(id, routing);
        }
        let later = matches!(end, RouteEnd::Later { .. });
        let parked = matches!(end, RouteEnd::Parked { .. });
        if let Ok(routed) = self.store.routed(delivery, end, now) {
            self.ring();
            if matches!(routed, Routed::Lane(_)) {
                self.overtakes_none(&routing);
            }
            if parked {
                // A person decides when it is tried again.
                self.unrouted.insert(delivery, None);
            } else if routed != Routed::Again && !later {
                // What it came late to is no less late when a restored backup brings it again.
                self.unrouted
                    .retain(|id, about| *id != delivery || about.is_none());
            }
        }
        self.make_way(id, &routing);
    }

    /// Two processes do not route one after the other.
    fn overtakes_none(&mut self, routing: &Routing) {
        if self.replicas.len() > 1 || routing.received.source != Source::Webhook {
            return;
        }
        self.judge.asks(Law::SaidInOrder);
        let mut earlier = self.unrouted.range(..routing.received.id);
        let same = Some(&routing.key);
        if let Some((other, _)) = earlier.find(|(_, key)| key.as_ref() == same) {
            let (delivery, other, key) = (routing.received.id, *other, &routing.key);
            let what = format!("delivery {delivery} about {key} is routed before {other}");
            self.judge.breach(Law::SaidInOrder, what);
        }
    }

    /// Whoever waits for the lock of its object is next.
    fn make_way(&mut self, id: TaskId, routing: &Routing) {
        let r = &mut self.replicas[routing.replica];
        let next = match r.objects.get_mut(&routing.key) {
            Some(object) if object.holder == Some(id) => {
                object.holder = object.waiting.pop_front();
                object.holder
            }
            Some(_) | None => None,
        };
        match next {
            Some(next) => self.soon(2, Happening::Route(next)),
            None => {
                r.objects.remove(&routing.key);
            }
        }
        self.look_by(routing.replica, self.now);
    }
}

/// Where a routing stands whose body was read.
fn nothing_more() -> Step {
    Step::Waits(Parsed::Ignored(""), Vec::new())
}

fn parse(received: &Received) -> Parsed {
    let ours = received.source != Source::Webhook || received.side == Side::Ticketing;
    if !ours {
        return jelou_adapter::webhook::parse(&received.body, PROJECT, &[bot()]);
    }
    match serde_json::from_slice(&received.body) {
        Ok(events) => Parsed::Events(events),
        Err(_) => Parsed::Parked {
            reason: "unreadable",
            detail: "it could not be read".to_owned(),
        },
    }
}
