//! Events find their Lane, and the sweep finds what no webhook said. Neighbour: bridge, which works
//! on the Lanes.

use super::{CALL, World, bridge::Stored};
use bridge_core::{
    conversation::Conversation,
    event::{ConversationClosed, Event, Side, TicketChanged},
    ids::{BridgeName, ConversationId, LaneId, TicketId, UserId},
    lane::Lane,
    link::TicketSide,
    ticket::TicketPatch,
    time::Timestamp,
};
use std::time::Duration;

/// The sweep looks back this much further than it must.
const OVERLAP: Duration = Duration::from_secs(120);

impl World {
    /// Takes in one webhook that has arrived. `false` if none has.
    pub fn deliver_due(&mut self) -> bool {
        let Some(event) = self.net.land(self.now) else {
            return false;
        };
        self.route(event, self.now, false);
        true
    }

    /// Hands a webhook over now.
    pub fn deliver(&mut self, event: Event) {
        self.route(event, self.now, false);
    }

    /// Stores a webhook; the Router does not come to it yet.
    pub fn store_only(&mut self, event: Event) {
        self.bridge.inbox.push((self.now, event));
    }

    /// The Router comes to what is stored.
    pub fn route_what_is_stored(&mut self) {
        for (received_at, event) in std::mem::take(&mut self.bridge.inbox) {
            self.route(event, received_at, false);
        }
    }

    fn route(&mut self, event: Event, received_at: Timestamp, by_sweep: bool) {
        let routed = match event {
            Event::TicketChanged(e) => self
                .lane_of_change(e)
                .map(|(l, e)| (l, Event::TicketChanged(e))),
            Event::CommentAdded(mut comment) => {
                let routed = self.lane_of_change((*comment.change).clone());
                routed.map(|(lane, change)| {
                    *comment.change = change;
                    (lane, Event::CommentAdded(comment))
                })
            }
            event => Some((self.lane_of_talk(&event), event)),
        };
        if let Some((lane, event)) = routed {
            self.bridge
                .hand_over(&lane, event, self.now, received_at, by_sweep);
        }
    }

    fn lane_of_talk(&mut self, event: &Event) -> LaneId {
        let conversation = event.conversation().expect("Jelou's side").clone();
        if let Event::ConversationStarted(e) = event
            && let Some(intent) = &e.intent_id
            && let Some(lane) = self
                .bridge
                .lane_where(|s| s.intents.iter().any(|i| &i.id == intent))
        {
            return lane;
        }
        let linked = |s: &Stored| {
            s.links
                .iter()
                .any(|l| l.conversation_id() == Some(&conversation.id))
        };
        match self.bridge.lane_where(linked) {
            Some(lane) => lane,
            None => self.lane_of_user(&conversation.user),
        }
    }

    fn lane_of_change(&mut self, mut e: TicketChanged) -> Option<(LaneId, TicketChanged)> {
        let ticket = e.ticket.clone();
        let linked = |s: &Stored| {
            s.links
                .iter()
                .any(|l| l.is_live() && l.ticket_id() == Some(&ticket))
        };
        if let Some(lane) = self.bridge.lane_where(linked) {
            return Some((lane, e));
        }
        let had = |s: &Stored| s.links.iter().any(|l| l.ticket_id() == Some(&ticket));
        e.last_lane = self.bridge.lane_where(had);
        if e.whole.is_none() {
            let begun = self.now;
            if self.faults.whole_side(Side::Ticketing).is_some()
                || self.faults.of("ticket").is_some()
            {
                let again = self.now.plus(Duration::from_secs(5));
                self.net.fly(again, Event::TicketChanged(e));
                return None;
            }
            let read = self.desk.read(&ticket).ok()?;
            self.now = self.now.plus(CALL);
            self.bridge.reads.push(format!("route {ticket}"));
            e.version = read.version;
            e.whole = Some(Box::new(read));
            e.read_at = Some(begun);
        }
        let whole = e.whole.as_ref()?;
        let waits = |s: &Stored| {
            s.links.iter().any(|l| {
                l.is_live()
                    && l.ticket == TicketSide::Wanted
                    && l.conversation_id().is_some()
                    && l.conversation_id() == whole.link_field.as_ref()
            })
        };
        if let Some(lane) = self.bridge.lane_where(waits) {
            e.last_lane = None;
            return Some((lane, e));
        }
        let user = self.mapping.user_id(whole).ok()??;
        Some((self.lane_of_user(&user), e))
    }

    pub fn lane_of_user(&mut self, user: &UserId) -> LaneId {
        let user = self.bridge.aliases.get(user).unwrap_or(user).clone();
        if let Some(id) = self.bridge.lane_where(|s| s.lane.user == user) {
            return id;
        }
        let id = LaneId::parse(&format!("L{}", self.bridge.lanes.len() + 1)).unwrap();
        let name = BridgeName::parse("main").unwrap();
        let stored = Stored {
            lane: Lane::new(id.clone(), name, Self::bot(), user),
            links: vec![],
            intents: vec![],
            pending: vec![],
            messages: vec![],
            due: None,
            held_by: None,
        };
        self.bridge.lanes.insert(id.clone(), stored);
        id
    }

    /// One full round over both sides, and all that comes of it.
    pub fn sweep(&mut self) {
        self.look_round();
        self.settle();
    }

    /// One full round over both sides; nobody has worked on what it found.
    pub fn look_round(&mut self) {
        let begun = self.now;
        if self.faults.whole_side(Side::Ticketing).is_none() {
            let since = self.bridge.cursor.minus(OVERLAP);
            let changed: Vec<TicketId> = self
                .desk
                .records
                .values()
                .filter(|r| !r.gone && r.changed_at >= since)
                .map(|r| r.ticket.id.clone())
                .collect();
            self.now = self.now.plus(CALL);
            for id in changed {
                self.sweep_ticket(&id, begun);
            }
            self.bridge.cursor = begun;
        }
        if self.faults.whole_side(Side::Jelou).is_none() {
            for id in self.open_links() {
                self.sweep_talk(&id);
            }
        }
    }

    fn sweep_ticket(&mut self, id: &TicketId, begun: Timestamp) {
        let record = &self.desk.records[id];
        let event = Event::TicketChanged(TicketChanged {
            ticket: id.clone(),
            version: record.ticket.version,
            whole: Some(Box::new(record.ticket.clone())),
            patch: TicketPatch::default(),
            by_us: false,
            at: Some(record.changed_at),
            read_at: Some(begun),
            last_lane: None,
        });
        self.route(event, begun, true);
    }

    fn open_links(&self) -> Vec<ConversationId> {
        self.links()
            .iter()
            .filter(|l| l.is_live())
            .filter_map(|l| l.conversation_id().cloned())
            .collect()
    }

    fn sweep_talk(&mut self, id: &ConversationId) {
        let begun = self.now;
        self.now = self.now.plus(CALL);
        self.bridge.reads.push(format!("sweep {id}"));
        let Ok(conversation) = self.jelou.read(id) else {
            return;
        };
        if conversation.state.is_closed() {
            let at = conversation.ended_at.unwrap();
            let event = Event::ConversationClosed(ConversationClosed {
                conversation: Conversation::clone(&conversation),
                at,
                found_by_sweep: true,
            });
            self.route(event, begun, true);
        }
    }
}
