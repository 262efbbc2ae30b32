//! The bridge: what the daemon does with the state machine, with a store that forgets nothing and
//! refuses what the real one refuses. Neighbours: router brings events in, jelou and desk are called.

use super::World;
use bridge_core::{
    effect::{Answer, Operation},
    event::{Event, Side},
    halt::{Admit, Limits, Window},
    ids::{ConversationId, DeliveryId, IntentId, LaneId, TicketId, UserId},
    intent::{Intent, IntentState},
    lane::{Blocked, Entry, Fate, Input, Lane, Message, Next, Order, Pending, step},
    link::{Link, Origin},
    read::{Holder, RoutedTo, Written},
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The ended Links and settled Intents that a Claim loads.
const LINKS_LOADED: usize = 20;
const INTENTS_LOADED: usize = 100;

/// Waiting messages of one place that a Claim loads: few, so that a test meets the bound.
const TALK_LOADED: usize = 4;

/// A join that found the other Lane claimed is tried again after this.
const JOIN_AGAIN: Duration = Duration::from_millis(100);

/// A dead bridge's Lanes are free again after this.
const LEASE: Duration = Duration::from_secs(30);

/// A Lane as last committed.
#[derive(Clone)]
pub struct Stored {
    pub lane: Lane,
    pub links: Vec<Link>,
    pub intents: Vec<Intent>,
    pub pending: Vec<Pending>,
    pub messages: Vec<Message>,
    pub due: Option<Timestamp>,
    pub held_by: Option<String>,
}

#[derive(Default)]
pub struct Bridge {
    pub lanes: BTreeMap<LaneId, Stored>,
    pub aliases: BTreeMap<UserId, UserId>,
    pub journal: Vec<Entry>,
    pub fates: Vec<Fate>,
    pub drift: u32,
    pub crashes: u32,
    /// Reads of the remotes, in order.
    pub reads: Vec<String>,
    pub halt: Option<Limits>,
    pub windows: BTreeMap<Operation, Window>,
    let_out: BTreeSet<IntentId>,
    /// A side that takes no calls: the daemon's gate.
    pub gate: Option<Blocked>,
    /// Webhooks of Jelou that are stored and answered, and not routed yet.
    pub inbox: Vec<(Timestamp, Event)>,
    /// The other spelling's Lane is claimed, so that none is joined with it.
    pub joins_wait: bool,
    /// Whom each Delivery about a ticket went to.
    told: Vec<(TicketId, RoutedTo)>,
    /// The sweep's cursor.
    pub cursor: Timestamp,
    next_delivery: i64,
}

/// The process died.
#[derive(Debug)]
pub struct Crash;

/// Why a commit was refused.
enum Refused {
    Crash,
    Ticket(TicketId, LaneId),
    Conversation(ConversationId),
    Intent(Box<Intent>),
}

impl Bridge {
    pub fn next_due(&self) -> Option<Timestamp> {
        self.lanes.values().filter_map(|s| s.due).min()
    }

    pub fn lane_where(&self, is: impl Fn(&Stored) -> bool) -> Option<LaneId> {
        self.lanes
            .iter()
            .find(|(_, s)| is(s))
            .map(|(id, _)| id.clone())
    }

    /// Who has or had a ticket, as the store says it.
    pub fn holders(&self, ticket: &TicketId) -> Vec<Holder> {
        let lanes = self.lanes.iter();
        let links = lanes.flat_map(|(lane, stored)| stored.links.iter().map(move |l| (lane, l)));
        let of_ticket = links.filter(|(_, link)| link.ticket_id() == Some(ticket));
        of_ticket
            .map(|(lane, link)| Holder {
                lane: lane.clone(),
                since: link.has_ticket_since(),
                until: link.ended.as_ref().map(|ended| ended.at),
                asked: link.origin == Origin::Ticket,
            })
            .collect()
    }

    /// What other Lanes wrote on a ticket, as the store says it.
    pub fn written_on(&self, ticket: &TicketId, besides: &LaneId) -> BTreeSet<Written> {
        let lanes = self.lanes.iter().filter(|(lane, _)| *lane != besides);
        let intents = lanes.flat_map(|(_, stored)| {
            let links = stored.links.iter();
            let of_ticket = links.filter(|link| link.ticket_id() == Some(ticket));
            let of_ticket: Vec<_> = of_ticket.map(|link| &link.id).collect();
            let intents = stored.intents.iter();
            intents.filter(move |i| of_ticket.contains(&&i.link))
        });
        intents.filter_map(|i| i.written_on(ticket)).collect()
    }

    pub fn told_of(&self, ticket: &TicketId) -> Vec<RoutedTo> {
        let about = self.told.iter().filter(|(of, _)| of == ticket);
        about.map(|(_, told)| told.clone()).collect()
    }

    pub fn hand_over(
        &mut self,
        lane: &LaneId,
        event: Event,
        now: Timestamp,
        received_at: Timestamp,
        by_sweep: bool,
    ) {
        self.next_delivery += 1;
        if let Some(ticket) = ticket_of(&event) {
            let told = RoutedTo::of(lane.clone(), received_at, std::slice::from_ref(&event));
            self.told.push((ticket, told));
        }
        let stored = self.lanes.get_mut(lane).unwrap();
        stored.pending.push(Pending {
            delivery: DeliveryId(self.next_delivery),
            position: 0,
            received_at,
            by_sweep,
            event,
        });
        stored
            .pending
            .sort_by_key(|p| (p.event.at().unwrap_or(p.received_at), p.delivery));
        stored.due = Some(now);
    }

    fn load(&self, id: &LaneId) -> Lane {
        let stored = &self.lanes[id];
        let mut lane = stored.lane.clone();
        let ended = stored.links.iter().filter(|l| !l.is_live()).count();
        let mut skip = ended.saturating_sub(LINKS_LOADED);
        lane.links = stored.links.clone();
        lane.links.retain(|l| {
            l.is_live() || skip == 0 || {
                skip -= 1;
                false
            }
        });
        let kept = |i: &Intent| i.state.is_open() || i.state == IntentState::Parked;
        let others = stored.intents.iter().filter(|i| !kept(i)).count();
        let mut skip = others.saturating_sub(INTENTS_LOADED);
        lane.intents = stored.intents.clone();
        lane.intents.retain(|i| {
            kept(i) || skip == 0 || {
                skip -= 1;
                false
            }
        });
        lane.pending = stored.pending.clone();
        lane.messages = load_talk(&stored.messages, &mut lane);
        lane
    }
}

impl World {
    /// All that was said, as kept.
    pub fn messages(&self) -> Vec<Message> {
        let lanes = self.bridge.lanes.values();
        lanes.flat_map(|stored| stored.messages.clone()).collect()
    }

    /// Works on one Lane that is due. `false` if none is.
    pub fn work_due(&mut self) -> bool {
        let now = self.now;
        let due = self
            .bridge
            .lane_where(|s| s.due.is_some_and(|at| at <= now));
        let Some(id) = due else { return false };
        self.work(&id, None);
        true
    }

    pub fn work(&mut self, id: &LaneId, order: Option<Order>) {
        if self.claim(id, order).is_err() {
            self.bridge.crashes += 1;
            let free = self.now.plus(LEASE);
            if let Some(stored) = self.bridge.lanes.get_mut(id) {
                stored.due = Some(free);
            }
        }
    }

    fn claim(&mut self, id: &LaneId, order: Option<Order>) -> Result<(), Crash> {
        let mapping = self.mapping.clone();
        let mut lane = self.bridge.load(id);
        let mut input = order.map_or(Input::Woken, Input::Ordered);
        // What a create made, until a commit holds it.
        let mut answer = None;
        let mut refusals = Vec::new();
        for _ in 0..200 {
            if let Input::Performed {
                outcome: Ok(Answer::Created { .. }),
                ..
            } = &input
            {
                answer = Some(input.clone());
            }
            let next = step(&mut lane, input, &self.rules(&mapping), self.now);
            let committed = match &next {
                Next::Observe(_) => Ok(()),
                Next::Perform(_) | Next::Release { .. } => self.commit(&mut lane),
            };
            if let Err(refused) = committed {
                refusals.push(refused);
                lane = self.after_refusals(id, &refusals)?;
                if let Some(answer) = answer.clone() {
                    let _ = step(&mut lane, answer, &self.rules(&mapping), self.now);
                }
                input = Input::Woken;
                continue;
            }
            if !matches!(next, Next::Observe(_)) {
                answer = None;
                refusals.clear();
            }
            input = match next {
                Next::Observe(read) => self.observe(read),
                Next::Perform(intent) => self.let_out(&mut lane, &intent)?,
                Next::Release { due_at, held_by } => {
                    self.release(id, &lane, due_at, held_by);
                    return Ok(());
                }
            };
        }
        panic!("the claim does not end:\n{}", self.tale());
    }

    fn release(
        &mut self,
        id: &LaneId,
        lane: &Lane,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
    ) {
        let now = self.now;
        let stored = self.bridge.lanes.get_mut(id).unwrap();
        stored.due = if stored.pending.is_empty() {
            due_at
        } else {
            Some(now)
        };
        stored.held_by = held_by;
        let Some(canonical) = lane.canonical.clone().filter(|user| *user != lane.user) else {
            return;
        };
        if self.bridge.joins_wait {
            let stored = self.bridge.lanes.get_mut(id).unwrap();
            stored.due = Some(now.plus(JOIN_AGAIN));
        } else {
            self.join(id, canonical);
        }
    }

    /// The store refused the commit: its answers are taken into the Lane as last committed, all since then.
    fn after_refusals(&mut self, id: &LaneId, refusals: &[Refused]) -> Result<Lane, Crash> {
        let mut lane = self.bridge.load(id);
        for refused in refusals {
            match refused {
                Refused::Crash => return Err(Crash),
                Refused::Ticket(ticket, holder) => {
                    lane.ticket_is_elsewhere(ticket, Some(holder.clone()));
                }
                Refused::Conversation(conversation) => lane.conversation_is_elsewhere(conversation),
                Refused::Intent(intent) => lane.recall((**intent).clone()),
            }
        }
        Ok(lane)
    }

    fn let_out(&mut self, lane: &mut Lane, id: &IntentId) -> Result<Input, Crash> {
        let intent = lane.intent(id).expect("an intent of the lane").clone();
        assert_eq!(
            intent.state,
            IntentState::Planned,
            "only what is planned is sent"
        );
        let side = intent.operation().side();
        if let Some(blocked) = self.gate_of(Some(side)) {
            return Ok(Input::Blocked(blocked));
        }
        if self.is_held(&intent) {
            return Ok(Input::Held { intent: id.clone() });
        }
        lane.mark_sent(id, self.now, Duration::from_secs(10));
        if let Err(refused) = self.commit(lane) {
            let Refused::Crash = refused else {
                panic!("nothing but a crash can refuse what was just committed");
            };
            return Err(Crash);
        }
        let outcome = self.perform(lane.intent(id).unwrap())?;
        Ok(Input::Performed {
            intent: id.clone(),
            outcome,
        })
    }

    pub fn gate_of(&self, side: Option<Side>) -> Option<Blocked> {
        let now = self.now;
        self.bridge
            .gate
            .clone()
            .filter(|b| Some(b.side) == side && now < b.until)
    }

    fn is_held(&mut self, intent: &Intent) -> bool {
        let Some(limits) = self.bridge.halt else {
            return false;
        };
        let operation = intent.operation();
        if !operation.is_halted_in_bulk() || self.bridge.let_out.contains(&intent.id) {
            return false;
        }
        let live = self.links().iter().filter(|l| l.is_live()).count() as u64;
        let window = self.bridge.windows.entry(operation).or_default();
        let out = window.admit(self.now, &limits, || live) == Admit::Out;
        if out {
            self.bridge.let_out.insert(intent.id.clone());
        }
        !out
    }

    /// A reload: every Lane looks again, under the mapping as it is now.
    pub fn wake_all(&mut self) {
        let now = self.now;
        for stored in self.bridge.lanes.values_mut() {
            stored.due = Some(now);
        }
    }

    /// `halt release`: what is held at this moment goes, uncounted, and what is planned behind it.
    pub fn release_halt(&mut self) {
        let now = self.now;
        let windows = &mut self.bridge.windows;
        let on = windows.iter().filter(|(_, w)| w.tripped_at.is_some());
        let on: BTreeSet<Operation> = on.map(|(kind, _)| *kind).collect();
        for window in windows.values_mut() {
            window.release();
        }
        for stored in self.bridge.lanes.values_mut() {
            for intent in &mut stored.intents {
                let planned = intent.state == IntentState::Planned;
                if intent.held || planned && on.contains(&intent.operation()) {
                    intent.held = false;
                    self.bridge.let_out.insert(intent.id.clone());
                    stored.due = Some(now);
                }
            }
        }
    }

    fn commit(&mut self, lane: &mut Lane) -> Result<(), Refused> {
        if let Some(left) = &mut self.faults.crash_at_commit {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.faults.crash_at_commit = None;
                return Err(Refused::Crash);
            }
        }
        self.may_commit(lane)?;
        let stored = self.bridge.lanes.get_mut(&lane.id).unwrap();
        let settled: BTreeSet<_> = lane.fates.iter().map(|(d, p, _)| (*d, *p)).collect();
        stored
            .pending
            .retain(|p| !settled.contains(&(p.delivery, p.position)));
        put(&mut stored.links, &lane.links, |l| &l.id);
        put(&mut stored.intents, &lane.intents, |i| &i.id);
        keep(&mut stored.messages, &lane.messages);
        lane.messages.retain(Message::waits);
        if self.through_json {
            let json = serde_json::to_string(&lane).unwrap();
            stored.lane = serde_json::from_str(&json).unwrap();
        } else {
            stored.lane.next_link = lane.next_link;
            stored.lane.next_intent = lane.next_intent;
            stored.lane.tickets.clone_from(&lane.tickets);
            stored.lane.conversations.clone_from(&lane.conversations);
        }
        self.bridge
            .fates
            .extend(lane.fates.drain(..).map(|(_, _, fate)| fate));
        self.bridge.journal.append(&mut lane.journal);
        self.bridge.drift += std::mem::take(&mut lane.drift);
        Ok(())
    }

    /// What the real store's unique indexes say.
    fn may_commit(&self, lane: &Lane) -> Result<(), Refused> {
        let mut tickets = BTreeSet::new();
        let mut talks = BTreeSet::new();
        for link in lane.links.iter().filter(|l| l.is_live()) {
            if let Some(ticket) = link.ticket_id() {
                assert!(
                    tickets.insert(ticket),
                    "two live links of {ticket}:\n{}",
                    self.tale()
                );
            }
            if let Some(talk) = link.conversation_id() {
                assert!(
                    talks.insert(talk),
                    "two live links of {talk}:\n{}",
                    self.tale()
                );
            }
        }
        for (id, stored) in self.bridge.lanes.iter().filter(|(id, _)| **id != lane.id) {
            for link in stored.links.iter().filter(|l| l.is_live()) {
                if let Some(ticket) = link.ticket_id().filter(|t| tickets.contains(t)) {
                    return Err(Refused::Ticket(ticket.clone(), id.clone()));
                }
                if let Some(talk) = link.conversation_id().filter(|t| talks.contains(t)) {
                    return Err(Refused::Conversation(talk.clone()));
                }
            }
        }
        let key = |i: &Intent| (i.link.clone(), i.operation(), i.cause.clone());
        let stored = &self.bridge.lanes[&lane.id];
        for intent in &lane.intents {
            let same = |i: &&Intent| i.id != intent.id && key(i) == key(intent);
            if let Some(there) = stored.intents.iter().find(same) {
                return Err(Refused::Intent(Box::new(there.clone())));
            }
        }
        Ok(())
    }

    /// One customer, two spellings: the Lane goes over to the canonical one (rule 9).
    fn join(&mut self, id: &LaneId, canonical: UserId) {
        let now = self.now;
        let asked = self.bridge.lanes[id].lane.user.clone();
        self.bridge.aliases.insert(asked, canonical.clone());
        let other = self.bridge.lane_where(|s| s.lane.user == canonical);
        let Some(other) = other else {
            let stored = self.bridge.lanes.get_mut(id).unwrap();
            stored.lane.user = canonical;
            stored.due = Some(now);
            return;
        };
        let mut gone = self.bridge.lanes.remove(id).unwrap();
        let stored = self.bridge.lanes.get_mut(&other).unwrap();
        stored.links.append(&mut gone.links);
        stored.intents.append(&mut gone.intents);
        stored.pending.append(&mut gone.pending);
        keep(&mut stored.messages, &gone.messages);
        for (id, memory) in gone.lane.tickets {
            stored.lane.tickets.entry(id).or_insert(memory);
        }
        for (id, memory) in gone.lane.conversations {
            let Some(there) = stored.lane.conversations.get_mut(&id) else {
                stored.lane.conversations.insert(id, memory);
                continue;
            };
            there.taken_elsewhere = there.taken_elsewhere && !memory.linked;
            there.linked |= memory.linked;
            there.start_event |= memory.start_event;
            there.start_intent = there.start_intent.take().or(memory.start_intent);
            there.start_ticket = there.start_ticket.take().or(memory.start_ticket);
        }
        stored.due = Some(now);
    }
}

/// Each message once; what changes after that is how it ended.
fn keep(stored: &mut Vec<Message>, new: &[Message]) {
    for message in new {
        let known = |m: &&mut Message| m.place == message.place && m.id == message.id;
        match stored.iter_mut().find(known) {
            Some(there) if there.waits() => there.outcome = message.outcome,
            Some(_) => {}
            None => stored.push(message.clone()),
        }
    }
}

/// Of each place the earliest that wait, and what is kept of those that the pending Events tell.
fn load_talk(stored: &[Message], lane: &mut Lane) -> Vec<Message> {
    let told = lane.told_messages();
    let mut waiting: Vec<&Message> = stored.iter().filter(|m| m.waits()).collect();
    waiting.sort_by_key(|m| m.at);
    let mut loaded: Vec<Message> = Vec::new();
    for message in waiting {
        let of_place = |m: &&Message| m.place == message.place;
        if loaded.iter().filter(of_place).count() < TALK_LOADED {
            loaded.push(message.clone());
        } else if let Some(last) = loaded.iter().rfind(of_place) {
            let so_far = (last.at, last.id.clone());
            lane.said_since.insert(message.place.clone(), so_far);
        }
    }
    let is_told = |m: &&Message| !m.waits() && told.contains(&(m.place.clone(), m.id.clone()));
    loaded.extend(stored.iter().filter(is_told).cloned());
    loaded
}

fn put<T: Clone, K: PartialEq>(stored: &mut Vec<T>, new: &[T], id: impl Fn(&T) -> &K) {
    for item in new {
        match stored.iter_mut().find(|s| id(s) == id(item)) {
            Some(there) => *there = item.clone(),
            None => stored.push(item.clone()),
        }
    }
}

fn ticket_of(event: &Event) -> Option<TicketId> {
    match event {
        Event::TicketChanged(e) => Some(e.ticket.clone()),
        Event::CommentAdded(e) => Some(e.ticket.clone()),
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => None,
    }
}
