//! What a person asked for: `link`, `unlink`, `parked retry`, `parked discard`. Neighbour: the
//! admin API, which brings it.

use super::{
    state::EntryKind,
    step::{Order, Turn},
};
use crate::{
    effect::Operation,
    ids::{IntentId, LinkId},
    intent::IntentState,
    link::{Agreed, ConversationSide, Origin, TicketSide},
};

impl Turn<'_> {
    pub(super) fn obey(&mut self, order: Order) {
        match order {
            Order::Link {
                conversation,
                ticket,
            } => {
                let (now, id, ticket_id) = (self.now, conversation.id.clone(), ticket.id.clone());
                self.remember(&conversation).read_at = Some(now);
                let agreed = Agreed {
                    conversation_closed: false,
                    status: ticket.status.clone(),
                };
                self.see_ticket(*ticket, now, false);
                if let Some(memory) = self.lane.tickets.get_mut(&ticket_id) {
                    memory.open_when = true;
                }
                let waiting = self.live_link_of_ticket(&ticket_id).map(|l| l.id.clone());
                let link = match waiting {
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
            Order::Unlink { link } => {
                for operation in Operation::ALL {
                    self.withdraw(&link, operation, None);
                }
                self.end_link(&link, "unlinked");
            }
            Order::Retry { intent } => self.retry(&intent),
            Order::Discard { intent } => self.discard(&intent),
        }
    }

    /// A ticket's half Link gets the conversation that a person found for it.
    fn fill(&mut self, link: &LinkId, conversation: &crate::ids::ConversationId) -> LinkId {
        for intent in &mut self.lane.intents {
            if &intent.link == link
                && intent.operation() == Operation::Start
                && matches!(
                    intent.state,
                    IntentState::Planned | IntentState::Parked | IntentState::Unknown
                )
            {
                intent.state = IntentState::Withdrawn;
                intent.parked = None;
            }
        }
        if let Some(link) = self.lane.link_mut(link) {
            link.conversation = ConversationSide::Known {
                id: conversation.clone(),
            };
            link.busy_since = None;
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
        if intent.state != IntentState::Parked {
            return;
        }
        let anew = matches!(intent.operation(), Operation::Start | Operation::Close);
        if let Some(found) = self.lane.intent_mut(id) {
            found.parked = None;
            found.failures = 0;
            found.failing_since = None;
            found.refused_status = None;
            found.due_at = None;
            found.state = if anew {
                IntentState::Withdrawn
            } else {
                IntentState::Planned
            };
            found.possible_duplicate |= found.attempts > 0;
        }
        if let Some(link) = self.lane.link_mut(&intent.link) {
            link.diverged
                .retain(|d| d.field != intent.operation().as_str());
            if anew {
                link.generation = link.generation.saturating_add(1);
                link.busy_since = None;
            }
        }
        let sentence = format!("To be tried again by order: {}", intent.effect);
        self.lane
            .journal_intent(id, EntryKind::Decision, sentence, self.now);
    }

    fn discard(&mut self, id: &IntentId) {
        let Some(intent) = self.lane.intent(id).cloned() else {
            return;
        };
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
        if matches!(
            intent.operation(),
            Operation::Start | Operation::Create | Operation::Requester
        ) {
            self.end_link(&intent.link, "discarded");
        }
    }
}
