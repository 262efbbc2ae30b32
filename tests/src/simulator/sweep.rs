//! Rounds over both sides, as the daemon's `jobs::sweep` makes them. Neighbours: `router`, which
//! takes their findings like webhooks; `calls`.

use super::{
    calls::{Brought, Owner, What},
    fault::Fault,
    queue::{Happening, ReplicaId, TaskId},
    world::World,
};
use bridge_core::{
    call::CallError,
    conversation::Conversation,
    event::{ConversationClosed, Event, Side, TicketChanged},
    ids::{ConversationId, TicketId},
    ticket::{Ticket, TicketPatch, Version},
    time::Timestamp,
};
use bytes::Bytes;
use jelou_bridge::store::{NewDelivery, Source};
use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// A round is made this often.
const EVERY: Duration = Duration::from_secs(60);

/// In a silence of a day it is made this often, which saves thousands of steps.
const IDLE_EVERY: Duration = Duration::from_secs(4 * 3600);

/// The listing looks back this much further than it must.
const OVERLAP: Duration = Duration::from_secs(120);

/// A round waits this long for its place at a rate limit before it gives up until the next.
const PLACE_WAIT: Duration = Duration::from_secs(20);

/// Conversations that one round reads.
const BUDGET: u32 = 50;

/// One round.
pub struct Sweep {
    /// Which process makes it.
    pub replica: ReplicaId,
    /// Whether the tickets are still to be listed.
    tickets: bool,
    /// The conversations still to be read; none were asked for yet.
    talks: Option<VecDeque<ConversationId>>,
    /// It waits no longer than this for its place.
    give_up: Timestamp,
    calling: bool,
}

impl World {
    /// Plans a process's next round.
    pub fn plan_sweep(&mut self, replica: ReplicaId) {
        // Nobody does anything for hours: a round each minute would show nothing that these do not.
        let idle = self.next_act_at.since(self.now) > IDLE_EVERY;
        let at = self.now.plus(if idle { IDLE_EVERY } else { EVERY });
        self.queue.plan(at, Happening::SweepDue(replica));
    }

    /// A process's clock says that a round is due.
    pub fn sweep_due(&mut self, replica: ReplicaId) {
        if !self.sweeping {
            return;
        }
        self.plan_sweep(replica);
        if self.replicas[replica].alive && !self.sweeps.values().any(|s| s.replica == replica) {
            self.sweep(replica);
        }
    }

    /// Begins a round.
    pub fn sweep(&mut self, replica: ReplicaId) {
        // One process sweeps at a time. What a process listed before another one swept says nothing
        // of what that one recorded since.
        if self.sweeper != replica {
            self.sweeper = replica;
            self.replicas[replica].listed.clear();
        }
        let id = self.task();
        let sweep = Sweep {
            replica,
            tickets: self.shape.lists_changes,
            talks: None,
            give_up: self.now.plus(PLACE_WAIT),
            calling: false,
        };
        self.sweeps.insert(id, sweep);
        self.sweep_on(id);
    }

    /// Begins a round over all there is, as if nothing had ever been listed: each ticket is told of anew, also
    /// where nothing changed, and every Lane is looked at.
    pub fn sweep_all(&mut self, replica: ReplicaId) {
        self.full_sweeps += 1;
        let since = self.listed_since.0.to_string();
        self.store.set_cursor(&self.bridge, "tickets", &since);
        self.replicas[replica].listed.clear();
        self.wake_all();
        self.sweep(replica);
    }

    /// What is found anew by a round over all there is has a key of its own.
    fn key(&self, found: String) -> String {
        match self.full_sweeps {
            0 => found,
            round => format!("{found}:{round}"),
        }
    }

    /// A round goes on with its next call.
    pub fn sweep_on(&mut self, id: TaskId) {
        let Some(mut sweep) = self.sweeps.remove(&id) else {
            return;
        };
        if sweep.calling {
            self.sweeps.insert(id, sweep);
            return;
        }
        if self.faults.strikes(Fault::CrashAtSweep) {
            return self.crash(sweep.replica);
        }
        let now = self.clock(sweep.replica);
        let (side, what) = if sweep.tickets {
            let cursor = self.store.cursor(&self.bridge, "tickets");
            let cursor = cursor.and_then(|c| c.parse().ok()).map_or(now, Timestamp);
            (Side::Ticketing, What::Changes(cursor.minus(OVERLAP)))
        } else {
            let talks = sweep.talks.get_or_insert_with(|| {
                let open = self
                    .store
                    .conversations_to_look_at(&self.bridge, now, BUDGET);
                open.into_iter().map(|(_, talk)| talk).collect()
            });
            match talks.front() {
                Some(talk) => (Side::Jelou, What::Conversation(talk.clone())),
                None => return,
            }
        };
        match self.ask(sweep.replica, side, "sweep") {
            Ok(()) => {
                sweep.calling = true;
                let replica = sweep.replica;
                self.sweeps.insert(id, sweep);
                self.call(Owner::Sweep(id), replica, "sweep".to_owned(), what);
            }
            Err(blocked) => {
                let until = Timestamp(blocked.until.0 - self.replicas[sweep.replica].clock);
                if until > sweep.give_up {
                    self.pass_over(id, sweep);
                } else {
                    self.sweeps.insert(id, sweep);
                    let at = until.max(self.now.plus(Duration::from_millis(1)));
                    self.queue.plan(at, Happening::SweepOn(id));
                }
            }
        }
    }

    /// What cannot be had now is left to the next round.
    fn pass_over(&mut self, id: TaskId, mut sweep: Sweep) {
        if sweep.tickets {
            sweep.tickets = false;
            sweep.give_up = self.now.plus(PLACE_WAIT);
            self.sweeps.insert(id, sweep);
            self.queue.plan(self.now, Happening::SweepOn(id));
        }
    }

    /// A call of a round ended.
    pub fn swept(
        &mut self,
        id: TaskId,
        what: &What,
        begun: Timestamp,
        outcome: Result<Brought, CallError>,
    ) {
        let Some(mut sweep) = self.sweeps.remove(&id) else {
            return;
        };
        sweep.calling = false;
        let store_is_up = !self.store_is_down();
        match outcome {
            Ok(Brought::Changes(tickets, _)) if !store_is_up => {
                // It went down in the middle of the page: the round breaks off at a ticket.
                let taken = tickets.len() / 2;
                for (place, ticket) in tickets.into_iter().enumerate() {
                    if !self.record_ticket(sweep.replica, ticket, begun, place < taken) {
                        return;
                    }
                }
                return;
            }
            Ok(Brought::Changes(tickets, as_of)) => {
                let as_of_text = as_of.0.to_string();
                if bridge_core::planted!(CursorBeforeStore) {
                    self.store.set_cursor(&self.bridge, "tickets", &as_of_text);
                    if self.faults.strikes(Fault::CrashAtSweep) {
                        return self.crash(sweep.replica);
                    }
                }
                for ticket in tickets {
                    self.record_ticket(sweep.replica, ticket, begun, true);
                }
                self.store.set_cursor(&self.bridge, "tickets", &as_of_text);
                sweep.tickets = false;
            }
            Ok(Brought::Conversation(talk)) if store_is_up => {
                if talk.state.is_closed() {
                    self.record_closed(*talk, begun);
                }
            }
            Ok(_) => return,
            Err(_) => sweep.tickets = false,
        }
        if let What::Conversation(talk) = what {
            self.store
                .looked_at(&self.bridge, std::slice::from_ref(talk), begun);
            if let Some(talks) = &mut sweep.talks {
                talks.pop_front();
            }
        }
        sweep.give_up = self.now.plus(PLACE_WAIT);
        self.sweeps.insert(id, sweep);
        self.soon(5, Happening::SweepOn(id));
    }

    /// Records a ticket that was listed, unless it is known. Gives back whether the round goes on, which it
    /// does not where the store takes nothing.
    fn record_ticket(
        &mut self,
        replica: ReplicaId,
        ticket: Ticket,
        begun: Timestamp,
        store_takes: bool,
    ) -> bool {
        let mut hasher = DefaultHasher::new();
        ticket.hash(&mut hasher);
        let digest = hasher.finish();
        let dedup = match ticket.version {
            Version::None => {
                let seen_at = self.last_seen(&ticket.id);
                let known = self.replicas[replica].listed.get(ticket.id.as_str());
                let known = known.is_some_and(|(last, at)| {
                    *last == digest && seen_at.is_none_or(|seen| seen == *at)
                });
                if known {
                    return true;
                }
                format!("sweep:{}:{}:{digest:x}", ticket.id, begun.0)
            }
            Version::Monotonic { .. } | Version::Time { .. } => {
                format!("sweep:{}:{}:{digest:x}", ticket.id, ticket.version.key())
            }
        };
        if !store_takes {
            return false;
        }
        let listed = (ticket.version == Version::None).then(|| ticket.id.to_string());
        let dedup = self.key(dedup);
        let event = Event::TicketChanged(TicketChanged {
            ticket: ticket.id.clone(),
            version: ticket.version,
            whole: Some(Box::new(ticket)),
            patch: TicketPatch::default(),
            by_us: false,
            at: None,
            read_at: Some(begun),
            last_lane: None,
        });
        self.record(Side::Ticketing, dedup, &event, begun);
        if let Some(listed) = listed {
            let latest = (digest, begun);
            self.replicas[replica].listed.insert(listed, latest);
        }
        true
    }

    /// When the Lane of a ticket last saw it, by whatever told it.
    fn last_seen(&self, ticket: &TicketId) -> Option<Timestamp> {
        let lane = self.store.lane_of_ticket(&self.bridge, ticket)?;
        let lane = self.store.lane(&lane)?;
        lane.tickets.get(ticket)?.seen_at
    }

    fn record_closed(&mut self, conversation: Conversation, begun: Timestamp) {
        let dedup = self.key(format!("sweep:closed:{}", conversation.id));
        let at = conversation.ended_at.unwrap_or(begun);
        let event = Event::ConversationClosed(ConversationClosed {
            conversation,
            at,
            found_by_sweep: true,
        });
        self.record(Side::Jelou, dedup, &event, begun);
    }

    fn record(&mut self, side: Side, dedup: String, event: &Event, begun: Timestamp) {
        let recorded = self.store.record(NewDelivery {
            bridge: self.bridge.clone(),
            side,
            source: Source::Sweep,
            dedup: Some(dedup),
            received_at: begun,
            headers: BTreeMap::new(),
            body: Bytes::from(serde_json::to_vec(&[event]).unwrap_or_default()),
        });
        self.trace(|_| format!("sweep found: {recorded:?} {}", event.kind()));
        self.judge.acked(recorded.id());
        self.ring();
    }
}
