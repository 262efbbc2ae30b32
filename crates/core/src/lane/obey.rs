//! What a person asked for: `link`, `unlink`, `parked retry`, `parked discard`. Neighbour: the
//! admin API, which brings it.

use super::{
    follow::is_made,
    hear::Sight,
    ours::UNLINKED,
    state::EntryKind,
    step::{Order, Turn},
};
use crate::{
    call::Resolve,
    conversation::Conversation,
    effect::{Effect, Operation},
    ids::{ConversationId, IntentId, LinkId},
    intent::{Intent, IntentState},
    link::{Agreed, ConversationSide, Origin, TicketSide},
    ticket::Ticket,
};

impl Turn<'_> {
    pub(super) fn obey(&mut self, order: Order) {
        match order {
            Order::Link {
                conversation,
                ticket,
            } => self.tie(&conversation, *ticket),
            Order::Unlink { link } => {
                for operation in Operation::ALL {
                    if !planted!(UnlinkLeavesIntents) {
                        self.withdraw(&link, operation, None);
                    }
                }
                self.end_link(&link, UNLINKED);
            }
            Order::Retry { intent } => self.retry(&intent),
            Order::Discard { intent } => self.discard(&intent),
        }
    }

    fn tie(&mut self, conversation: &Conversation, ticket: Ticket) {
        let (now, id, ticket_id) = (self.now, conversation.id.clone(), ticket.id.clone());
        self.remember(conversation).read_at = Some(now);
        let agreed = Agreed {
            conversation_closed: false,
            status: ticket.status.clone(),
        };
        self.see_ticket(ticket, now, Sight::Read);
        self.takes(&ticket_id);
        let before = self.live_link_of_ticket(&ticket_id).map(|l| l.id.clone());
        self.untie(&id, before.as_ref());
        let link = match before {
            Some(link) => self.fill(&link, &id),
            None => self.new_link(
                Origin::Operator,
                ConversationSide::Known { id },
                TicketSide::Known { id: ticket_id },
                "link command",
            ),
        };
        if let Some(link) = self.lane.link_mut(&link) {
            link.agreed = Some(agreed);
        }
    }

    /// The conversation leaves the Link it had: it belongs to one ticket.
    fn untie(&mut self, conversation: &ConversationId, but: Option<&LinkId>) {
        let other = self.lane.links.iter().find(|l| {
            l.is_live() && Some(&l.id) != but && l.conversation_id() == Some(conversation)
        });
        if let Some(other) = other.map(|l| l.id.clone()) {
            for operation in Operation::ALL {
                self.withdraw(&other, operation, None);
            }
            self.end_link(&other, "linked to another ticket");
        }
    }

    /// A ticket's Link gets the conversation that a person found for it.
    fn fill(&mut self, link: &LinkId, conversation: &ConversationId) -> LinkId {
        for intent in &mut self.lane.intents {
            if &intent.link == link
                && matches!(intent.operation(), Operation::Start | Operation::Close)
                && (intent.state.is_open() || intent.state == IntentState::Parked)
            {
                intent.state = IntentState::Withdrawn;
                intent.parked = None;
            }
        }
        if let Some(memory) = self.lane.conversations.get_mut(conversation) {
            memory.linked = true;
        }
        if let Some(link) = self.lane.link_mut(link)
            && link.conversation_id() != Some(conversation)
        {
            link.conversation = ConversationSide::Known {
                id: conversation.clone(),
            };
            link.busy_since = None;
            link.link_field_written = false;
        }
        self.changed = true;
        link.clone()
    }

    /// Only the failed step is done again: a start or close under the Link's next generation, the
    /// rest as it was planned. Asking twice is asking once, as only a parked Intent is taken.
    fn retry(&mut self, id: &IntentId) {
        let Some(intent) = self.lane.intent(id).cloned() else {
            return;
        };
        for part in self.parts_behind(&intent) {
            self.retry_one(&part);
        }
        self.retry_one(&intent);
    }

    /// The parked parts of the same comment that come after this one.
    fn parts_behind(&self, first: &Intent) -> Vec<Intent> {
        let Effect::SendMessage(said) = &first.effect else {
            return Vec::new();
        };
        let behind = |i: &&Intent| {
            matches!(&i.effect, Effect::SendMessage(other)
                if other.comment == said.comment
                    && other.ticket == said.ticket
                    && other.conversation == said.conversation
                    && other.part > said.part)
        };
        self.lane.intents.iter().filter(behind).cloned().collect()
    }

    fn retry_one(&mut self, intent: &Intent) {
        let id = &intent.id;
        if intent.state != IntentState::Parked && !planted!(RetryTwice) {
            return;
        }
        if planted!(RetryRepeatsDone) {
            let done = |i: &&mut crate::intent::Intent| {
                i.link == intent.link && i.state == IntentState::Confirmed
            };
            for other in self.lane.intents.iter_mut().filter(done) {
                other.state = IntentState::Planned;
            }
        }
        let now = self.now;
        let anew = matches!(intent.operation(), Operation::Start | Operation::Close);
        let state = match (anew, self.can_be_looked_up(intent)) {
            (true, _) => IntentState::Withdrawn,
            // What failed was the look, or a look tells what became of the last try.
            (false, true) => IntentState::Unknown,
            (false, false) => IntentState::Planned,
        };
        if let Some(found) = self.lane.intent_mut(id) {
            found.parked = None;
            found.failures = 0;
            found.failing_since = None;
            // Whether a start was surely refused is asked again when a conversation turns up.
            found.refused_status = found.refused_status.filter(|_| anew);
            found.due_at = None;
            found.state = state;
            if intent.operation() == Operation::Status {
                // The halt counts it like a new one, and the ticket is looked at first.
                found.planned_at = now;
            }
            // What follows a create may be done twice; a look tells what became of the rest.
            let blind = state != IntentState::Unknown;
            found.possible_duplicate |= found.attempts > 0 && !is_made(found) && blind;
        }
        if let Some(link) = self.lane.link_mut(&intent.link) {
            link.diverged
                .retain(|d| d.field != intent.operation().as_str());
            if anew {
                link.generation = link.generation.saturating_add(1);
                link.busy_since = None;
            }
        }
        self.forget_holder(intent);
        let sentence = format!("To be tried again by order: {}", intent.effect);
        self.lane
            .journal_intent(id, EntryKind::Decision, sentence, self.now);
    }

    /// Whether a look at the remote tells what became of an Intent that went out.
    pub(super) fn can_be_looked_up(&self, intent: &Intent) -> bool {
        let how = self.resolve_of(intent);
        let looks = matches!(how, Resolve::DirectLookup | Resolve::LaggingSearch { .. });
        // Of words to one ticket only one may be in question.
        let beside = |i: &Intent| {
            i.id != intent.id
                && i.link == intent.link
                && i.operation() == intent.operation()
                && matches!(i.state, IntentState::Sent | IntentState::Unknown)
        };
        looks && intent.attempts > 0 && !self.lane.intents.iter().any(beside)
    }

    fn discard(&mut self, id: &IntentId) {
        let Some(intent) = self.lane.intent(id).cloned() else {
            return;
        };
        for part in self.parts_behind(&intent) {
            self.discard_one(&part);
        }
        self.discard_one(&intent);
    }

    fn discard_one(&mut self, intent: &Intent) {
        let id = &intent.id;
        if intent.state != IntentState::Parked {
            return;
        }
        if let Some(found) = self.lane.intent_mut(id) {
            found.state = IntentState::Refused;
            found.last_error = found
                .parked
                .take()
                .map(|p| format!("discarded: {}", p.reason));
        }
        let sentence = format!("Given up by order: {}", intent.effect);
        self.lane
            .journal_intent(id, EntryKind::Decision, sentence, self.now);
        let begins_link = matches!(
            intent.operation(),
            Operation::Start | Operation::Create | Operation::Requester
        );
        if begins_link && !is_made(intent) {
            self.end_link(&intent.link, "discarded");
        }
    }
}
