//! Tickets that ask for a conversation (the ticket-first half of the flow). Neighbours: hear tells
//! of tickets; merge takes over once there is a Link.

use super::{
    state::{EntryKind, TicketMemory},
    step::Turn,
};
use crate::{
    effect::{Effect, Operation, Read},
    ids::{LinkId, TicketId},
    link::{Agreed, ConversationSide, Origin, TicketSide},
    mapping::TicketReopened,
    ticket::Ticket,
};

impl Turn<'_> {
    pub(super) fn plan_tickets(&mut self) {
        let unlinked: Vec<TicketId> = self
            .lane
            .tickets
            .iter()
            .filter(|(id, m)| !m.gone && self.live_link_of_ticket(id).is_none())
            .map(|(id, _)| id.clone())
            .collect();
        for id in unlinked {
            self.consider_ticket(&id);
        }
    }

    fn consider_ticket(&mut self, id: &TicketId) {
        let Some(memory) = self.lane.tickets.get(id).cloned() else {
            return;
        };
        if memory.hint_at.is_some() || memory.partial {
            self.want_ticket(id);
            return;
        }
        let Some(ticket) = memory.seen.clone() else {
            return;
        };
        let open = match self.asks_for_conversation(&memory, &ticket) {
            Ok(open) => open,
            Err(error) => {
                let sentence = format!("Ticket {id} was not judged: {error}");
                self.note_ticket(EntryKind::Alarm, sentence, id);
                false
            }
        };
        if let Some(memory) = self.lane.tickets.get_mut(id) {
            memory.open_when = open;
        }
        let mapping = self.rules.mapping;
        if mapping.closes(&ticket.status) || mapping.vocabulary().is_final(&ticket.status) {
            return;
        }
        if open && !memory.open_when {
            self.open_link(&ticket, 1, "mapping.conversation.open_when");
        } else if let Some(generation) = self.reopened(id)
            && mapping.ticket_reopened == TicketReopened::Start
        {
            self.open_link(&ticket, generation, "mapping.conversation.ticket_reopened");
        }
    }

    /// `open_when`; for a ticket that the bridge made, without the tags that the bridge put on it.
    fn asks_for_conversation(
        &self,
        memory: &TicketMemory,
        ticket: &Ticket,
    ) -> Result<bool, crate::mapping::MappingError> {
        let mapping = self.rules.mapping;
        if memory.made_by_us {
            mapping.open_when_without(ticket, mapping.own_tags())
        } else {
            mapping.open_when(ticket)
        }
    }

    /// The next generation, if the ticket's last Link ended with the ticket closed: it is open again.
    fn reopened(&self, id: &TicketId) -> Option<u32> {
        let last = self.latest_link_of_ticket(id)?;
        let agreed = last.agreed.as_ref()?;
        let closed = last.ended.is_some() && self.rules.mapping.closes(&agreed.status);
        (closed && last.is_whole()).then(|| last.generation.saturating_add(1))
    }

    fn open_link(&mut self, ticket: &Ticket, generation: u32, rule: &str) {
        let id = self.new_link(
            Origin::Ticket,
            ConversationSide::Wanted,
            TicketSide::Known {
                id: ticket.id.clone(),
            },
            rule,
        );
        if let Some(link) = self.lane.link_mut(&id) {
            link.generation = generation;
            link.agreed = Some(Agreed {
                conversation_closed: false,
                status: ticket.status.clone(),
            });
        }
    }

    /// Sets a solved ticket back to the profile's status for reopened tickets.
    pub(super) fn reopen(&mut self, link: &LinkId, ticket: &TicketId, cause: &str, rule: &str) {
        let status = self.rules.mapping.vocabulary().reopened.clone();
        let effect = Effect::SetStatus {
            ticket: ticket.clone(),
            status,
        };
        self.ensure(link, &format!("reopen:{cause}"), effect, rule);
    }

    /// Wants the ticket read, no sooner than its failing reads allow.
    pub(super) fn want_ticket(&mut self, id: &TicketId) {
        let due = self
            .lane
            .tickets
            .get(id)
            .and_then(|m| m.retry.due_at)
            .unwrap_or(self.now);
        self.want_read(Read::Ticket { id: id.clone() }, due);
    }

    /// Tells the agents something, once: an internal note that is never relayed.
    pub(super) fn tell(&mut self, link: &LinkId, key: &str, text: &str) {
        let Some(found) = self.lane.link_mut(link) else {
            return;
        };
        let Some(ticket) = found.ticket_id().cloned() else {
            return;
        };
        let key = format!("{key}:g{}", found.generation);
        if !found.told.insert(key.clone()) {
            return;
        }
        let seen = self.lane.tickets.get(&ticket).and_then(|m| m.seen.as_ref());
        if seen.is_some_and(|t| self.rules.mapping.vocabulary().is_final(&t.status)) {
            return;
        }
        let effect = Effect::AddNote {
            ticket,
            text: format!("[jelou-bridge] {text}").as_str().into(),
        };
        self.ensure(link, &format!("note:{key}"), effect, "told on the ticket");
    }

    pub(super) fn tell_ticket(&mut self, ticket: &TicketId, key: &str, text: &str) {
        if let Some(link) = self
            .latest_link_of_ticket(ticket)
            .map(|link| link.id.clone())
        {
            self.tell(&link, key, text);
        }
    }

    /// Whether a kind of Effect is under way for a Link: begun, and its fate not known.
    pub(super) fn under_way(&self, link: &LinkId, operation: Operation) -> bool {
        self.lane.intents.iter().any(|i| {
            &i.link == link
                && i.operation() == operation
                && matches!(
                    i.state,
                    crate::intent::IntentState::Sent | crate::intent::IntentState::Unknown
                )
        })
    }
}
