//! What customers, agents and operators do, and what they see. Neighbours: the stories.

use super::{ANA, World, faults::Fault, jelou::Talk, net::Weather};
use bridge_core::{
    effect::Operation,
    event::Event,
    ids::{ConversationId, TicketId},
    intent::{Intent, IntentState},
    lane::{Mode, Order},
    link::{Ended, Link},
    ticket::Status,
};
use std::time::Duration;

impl World {
    /// An agent makes a ticket that asks for a conversation with Ana.
    pub fn agent_asks(&mut self) -> TicketId {
        self.agent_makes(ANA, "open", &["whatsapp"])
    }

    /// An agent asks; what the start causes is told when the story delivers it. Everything after is told at once.
    pub fn agent_asks_and_the_start_event_is_late(&mut self) -> (TicketId, Event) {
        self.net.weather = Weather::Kept;
        let ticket = self.agent_asks();
        let asked = self.net.kept.remove(0);
        self.deliver(asked);
        self.moment();
        let started = self.net.kept.remove(0);
        self.net.weather = Weather::Fair;
        (ticket, started)
    }

    /// A start of Ana's, whom Jelou spells otherwise, was done while its answer was lost; she wrote in its conversation.
    /// Its event is still on its way.
    pub fn ana_writes_under_another_spelling(
        &mut self,
        lost: Fault,
    ) -> (TicketId, ConversationId, Event) {
        let other = "5931112223334".to_owned();
        self.jelou.spelled.insert(ANA.to_owned(), other);
        self.faults.next("start", lost);
        let (ticket, started) = self.agent_asks_and_the_start_event_is_late();
        let talk = self.only_talk();
        self.customer_writes(&talk, "m1");
        self.pass(Duration::from_secs(10));
        (ticket, talk, started)
    }

    pub fn agent_makes(&mut self, phone: &str, status: &str, tags: &[&str]) -> TicketId {
        let (id, event) = self.desk.make(phone, status, tags, false, self.now);
        self.net.send(self.now, event);
        id
    }

    pub fn agent_sets(&mut self, ticket: &TicketId, status: &str) {
        self.agent_changes(ticket, |t| t.status = Status::new(status));
        let event = self.desk.automate(ticket, self.now);
        if let Some(event) = event {
            self.net.send(self.now, event);
        }
    }

    pub fn agent_tags(&mut self, ticket: &TicketId, tags: &[&str]) {
        let tags = tags.iter().map(|t| (*t).to_owned()).collect();
        self.agent_changes(ticket, |t| t.tags = tags);
    }

    pub fn agent_changes(
        &mut self,
        ticket: &TicketId,
        change: impl FnOnce(&mut bridge_core::ticket::Ticket),
    ) {
        let event = self.desk.change(ticket, false, self.now, change);
        self.net.send(self.now, event);
    }

    /// Ana begins a conversation by herself.
    pub fn ana_starts(&mut self) -> ConversationId {
        self.customer_starts(ANA)
    }

    pub fn customer_starts(&mut self, user: &str) -> ConversationId {
        let (id, event) = self.jelou.begin(user, None, None, self.now);
        self.net.send(self.now, event);
        id
    }

    /// A conversation that names a ticket in its metadata, begun by neither Ana nor the bridge.
    pub fn someone_starts_about(&mut self, ticket: &TicketId) -> ConversationId {
        let named = Some(ticket.clone());
        let (id, event) = self.jelou.begin(ANA, named, None, self.now);
        self.net.send(self.now, event);
        id
    }

    pub fn customer_writes(&mut self, conversation: &ConversationId, message: &str) {
        let event = self.jelou.message(conversation, message, self.now);
        self.net.send(self.now, event);
    }

    /// A customer sends a picture.
    pub fn customer_shows(&mut self, conversation: &ConversationId, message: &str) {
        let event = self.jelou.picture(conversation, message, self.now);
        self.net.send(self.now, event);
    }

    /// Jelou shows a `startAt` of yesterday for a conversation.
    pub fn is_dated_yesterday(&mut self, conversation: &ConversationId) {
        let yesterday = self.now.minus(Duration::from_secs(86_400));
        let talk = self.jelou.talks.get_mut(conversation).unwrap();
        talk.conversation.started_at = Some(yesterday);
    }

    pub fn ends(&mut self, conversation: &ConversationId, reason: &str) {
        let event = self.jelou.end(conversation, reason, self.now);
        self.net.send(self.now, event);
    }

    /// A ticket of Ana's with its conversation, linked and settled.
    pub fn linked_from_ticket(&mut self) -> (TicketId, ConversationId) {
        let ticket = self.agent_asks();
        self.moment();
        let talk = self.only_talk();
        (ticket, talk)
    }

    /// A conversation of Ana's with its ticket, linked and settled.
    pub fn linked_from_conversation(&mut self) -> (ConversationId, TicketId) {
        let talk = self.ana_starts();
        self.moment();
        let ticket = self.ticket_of(&talk).expect("a ticket was made");
        (talk, ticket)
    }

    pub fn only_talk(&self) -> ConversationId {
        assert_eq!(self.jelou.talks.len(), 1, "{}", self.tale());
        self.jelou.talks.keys().next().unwrap().clone()
    }

    pub fn talks(&self) -> Vec<&Talk> {
        self.jelou.talks.values().collect()
    }

    pub fn talk_of(&self, ticket: &TicketId) -> Option<&Talk> {
        let link = self.live_link(ticket)?;
        self.jelou.talks.get(link.conversation_id()?)
    }

    /// The ticket whose live Link has this conversation.
    pub fn ticket_of(&self, conversation: &ConversationId) -> Option<TicketId> {
        self.links()
            .into_iter()
            .rfind(|l| l.conversation_id() == Some(conversation))
            .and_then(|l| l.ticket_id().cloned())
    }

    pub fn live_link(&self, ticket: &TicketId) -> Option<Link> {
        self.links()
            .into_iter()
            .find(|l| l.is_live() && l.ticket_id() == Some(ticket))
    }

    pub fn links(&self) -> Vec<Link> {
        self.bridge
            .lanes
            .values()
            .flat_map(|s| s.links.clone())
            .collect()
    }

    pub fn intents(&self, operation: Operation) -> Vec<Intent> {
        self.bridge
            .lanes
            .values()
            .flat_map(|s| s.intents.clone())
            .filter(|i| i.operation() == operation)
            .collect()
    }

    pub fn parked(&self) -> Vec<Intent> {
        self.bridge
            .lanes
            .values()
            .flat_map(|s| s.intents.clone())
            .filter(|i| i.state == IntentState::Parked)
            .collect()
    }

    /// The reasons of everything parked.
    pub fn parked_for(&self) -> Vec<String> {
        self.parked()
            .into_iter()
            .map(|i| i.parked.unwrap().reason)
            .collect()
    }

    pub fn status(&self, ticket: &TicketId) -> &str {
        self.desk.records[ticket].ticket.status.as_str()
    }

    pub fn notes(&self, ticket: &TicketId) -> &[String] {
        &self.desk.records[ticket].notes
    }

    pub fn active(&self) -> Vec<&ConversationId> {
        self.jelou
            .talks
            .values()
            .filter(|t| t.is_active())
            .map(|t| &t.conversation.id)
            .collect()
    }

    pub fn description(&self, ticket: &TicketId) -> String {
        let fields = &self.desk.records[ticket].ticket.fields;
        fields["description"].as_str().unwrap().to_owned()
    }

    /// Whether the timeline has a line with these words.
    pub fn was_told(&self, words: &str) -> bool {
        self.bridge
            .journal
            .iter()
            .any(|e| e.sentence.contains(words))
    }

    /// A person's order to the only Lane that has the Link or Intent.
    pub fn order(&mut self, order: Order) {
        let lane = match &order {
            Order::Unlink { link } => self
                .bridge
                .lane_where(|s| s.links.iter().any(|l| &l.id == link)),
            Order::Retry { intent } | Order::Discard { intent } => self
                .bridge
                .lane_where(|s| s.intents.iter().any(|i| &i.id == intent)),
            Order::Link { conversation, .. } => Some(self.lane_of_user(&conversation.user)),
        };
        let lane = lane.expect("the order concerns a known lane");
        self.work(&lane, Some(order));
    }

    /// The operator sets `mode = "observe"` while the bridge is live.
    pub fn observes(&mut self) {
        self.mode = Mode::Observe;
        self.observes_since = Some(self.now);
        self.wake_all();
    }

    /// The operator sets `mode = "live"`: the store drops the half Links, with what was not sent for them.
    pub fn goes_live(&mut self) {
        self.mode = Mode::Live;
        let (at, observed_since) = (self.now, self.observes_since);
        for stored in self.bridge.lanes.values_mut() {
            let links = stored.links.iter_mut();
            for link in links.filter(|l| l.is_live() && !l.is_whole()) {
                let reason = Ended::WENT_LIVE.to_owned();
                link.ended = Some(Ended {
                    at,
                    reason,
                    observed_since,
                });
                for intent in stored.intents.iter_mut().filter(|i| i.link == link.id) {
                    if matches!(intent.state, IntentState::Planned | IntentState::Parked) {
                        (intent.state, intent.held) = (IntentState::Withdrawn, false);
                        intent.parked = None;
                    }
                }
            }
        }
        self.wake_all();
    }

    pub fn hours(&mut self, hours: u64) {
        self.pass(Duration::from_secs(hours * 3600));
    }
}
