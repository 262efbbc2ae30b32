//! A conversation that wants a ticket: the customer's open one, or a new one. Neighbours: links
//! asks; found takes in what is looked up here.

use super::step::{Mode, Turn};
use crate::{
    effect::{CreateTicket, Effect, Operation, Read},
    ids::{ConversationId, TicketId},
    intent::IntentState,
    link::{Ended, Link, TicketSide},
    mapping::{CustomerWritesAfterClose, Reuse},
    ticket::Status,
};

impl Turn<'_> {
    pub(super) fn has_spoken(&self, id: &ConversationId) -> bool {
        self.lane
            .conversations
            .get(id)
            .is_some_and(|m| m.start_event || m.messages > 0)
    }

    pub(super) fn plan_create(&mut self, link: &Link, id: &ConversationId) {
        let Some(memory) = self.lane.conversations.get(id).cloned() else {
            return;
        };
        let mapping = self.rules.mapping;
        let capabilities = self.rules.capabilities;
        if capabilities.upsert_requester && link.requester_id.is_none() {
            let requester = match mapping.requester(&memory.seen) {
                Ok(requester) => requester,
                Err(error) => return self.give_up_create(link, id, &error),
            };
            let effect = Effect::UpsertRequester { requester };
            self.ensure(
                &link.id,
                &format!("conversation {id}"),
                effect,
                "mapping.ticket.requester",
            );
            if self.rules.mode == Mode::Live {
                return;
            }
        }
        if self.rules.mode == Mode::Observe && memory.seen.state.is_closed() {
            return self.end_link(&link.id, Ended::OBSERVED);
        }
        if self.create_has_begun(link) {
            return;
        }
        if let Some(candidate) = memory.candidate.clone() {
            self.withdraw(&link.id, Operation::Create, None);
            return self.ask_who_holds(&candidate);
        }
        if let Some(requester_id) = link.requester_id.clone()
            && self.looks_for_open(link)
        {
            // Planned under another version of the mapping, it must not go out while this is looked up.
            self.withdraw(&link.id, Operation::Create, None);
            let due = memory.retry.due_at.unwrap_or(self.now);
            self.want_read(Read::OpenTickets { requester_id }, due);
            return;
        }
        match mapping.new_ticket(&memory.seen, link.follows.as_ref()) {
            Ok(new) => {
                let Some((new, said)) = self.with_first_words(id, new) else {
                    return;
                };
                let effect = Effect::CreateTicket(CreateTicket {
                    new,
                    requester_id: link.requester_id.clone(),
                    conversation: id.clone(),
                    said,
                    made: None,
                });
                let cause = format!("conversation {id}");
                self.ensure(&link.id, &cause, effect, "mapping.ticket.create_when");
            }
            Err(error) => self.give_up_create(link, id, &error),
        }
    }

    /// Whether an open ticket of the customer's is to be looked for, before one is made for the Link.
    pub(super) fn looks_for_open(&self, link: &Link) -> bool {
        let mapping = self.rules.mapping;
        let unasked = mapping.reuse == Reuse::Open
            && self.rules.capabilities.find_open
            && !link.looked_for_open;
        let follow_new = mapping.customer_writes_after_close == CustomerWritesAfterClose::New;
        unasked && !(follow_new && link.follows.is_some())
    }

    /// Whether a create went out that may have made the ticket: an open one is no longer looked for.
    pub(super) fn create_has_begun(&self, link: &Link) -> bool {
        let mut creates = self.lane.intents.iter();
        creates.any(|i| {
            i.link == link.id
                && i.operation() == Operation::Create
                && matches!(i.state, IntentState::Sent | IntentState::Unknown)
        })
    }

    /// The status that a ticket of ours was made with, where it is first seen when an agent may have
    /// moved it since: one that asks for a closed conversation was set, and is a move.
    pub(super) fn status_as_made(&self, ticket: &TicketId) -> Status {
        let mapping = self.rules.mapping;
        let vocabulary = mapping.vocabulary();
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        let seen = seen.map(|seen| seen.status.clone());
        let open = |s: &&Status| vocabulary.is_open(s) && !mapping.closes(s);
        let first = || vocabulary.statuses.iter().find(open).cloned();
        seen.filter(|s| !mapping.closes(s) || planted!(CreatedAsFound))
            .or_else(first)
            .unwrap_or_else(|| vocabulary.reopened.clone())
    }

    fn give_up_create(
        &mut self,
        link: &Link,
        id: &ConversationId,
        error: &crate::mapping::MappingError,
    ) {
        self.note_unmade(id, error);
        if let Some(link) = self.lane.link_mut(&link.id) {
            link.ticket = TicketSide::Unwanted {
                rule: format!("error in {error}"),
            };
        }
        self.changed = true;
    }
}
