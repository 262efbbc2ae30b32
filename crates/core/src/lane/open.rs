//! Tickets that ask for a conversation (the ticket-first half of the flow). Neighbours: hear tells
//! of tickets; merge takes over once there is a Link.

use super::{
    ours::OUR_CLOCKS_APART,
    state::{EntryKind, TicketMemory},
    step::Turn,
};
use crate::{
    effect::{Effect, Operation, Read},
    ids::{LinkId, TicketId},
    intent::{Intent, IntentState},
    link::{Agreed, ConversationSide, Origin, TicketSide},
    mapping::TicketReopened,
    ticket::Ticket,
    time::Timestamp,
};
use std::time::Duration;

/// What was told of a ticket is too old after this to begin a conversation with: a Lane that was not
/// worked on for so long may not have been told what another one was. What this Lane read itself counts from
/// when it came, so that a slow system is not read again and again.
pub(super) const FRESH: Duration = Duration::from_secs(5);

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
        if memory.hint_at.is_some() || (memory.partial && !planted!(PartialTrusted)) {
            self.want_ticket(id);
            return;
        }
        let Some(ticket) = memory.seen.clone() else {
            return;
        };
        if self.is_merge_target(id) || ticket.merged_into.is_some() {
            return;
        }
        if self.confirm_create_by(&memory, &ticket) {
            return;
        }
        self.keep_double(&ticket);
        let open = self.judge(&memory, &ticket);
        if self.is_awaited(&ticket) {
            // It was made for a conversation of which the database has forgotten that it has a ticket.
            return self.remember_asks(id, open);
        }
        if let Some(memory) = self.lane.tickets.get_mut(id).filter(|_| !open) {
            memory.came_back = None;
        }
        let mapping = self.rules.mapping;
        if mapping.closes(&ticket.status) || mapping.vocabulary().is_final(&ticket.status) {
            return self.see_closed(id, open);
        }
        let again = self
            .reopened(id)
            .filter(|_| mapping.ticket_reopened == TicketReopened::Start);
        let wanted = if open && (!memory.open_when || planted!(OpenWhenAsksAgain)) {
            Some((1, "mapping.conversation.open_when"))
        } else {
            again.map(|generation| (generation, "mapping.conversation.ticket_reopened"))
        };
        let told = memory.told && !memory.anothers;
        if wanted.is_some() && !told && !planted!(UntoldTicketAsks) {
            return;
        }
        if wanted.is_some() && memory.came_back.is_some() {
            return self.ask_who_holds(id);
        }
        if wanted.is_some() && memory.held_elsewhere.is_some() {
            let known = memory
                .holder_asked_at
                .is_some_and(|at| Some(at) >= memory.seen_at);
            if !known {
                return self.ask_who_holds(id);
            }
            // A changed requester counts only for the next conversation (rule 10).
            return self.remember_asks(id, open);
        }
        if wanted.is_some() && self.is_old(&memory) {
            if let Some(memory) = self.lane.tickets.get_mut(id) {
                // Another Lane may have had it since that was told, and with it what it asks for.
                memory.shared = true;
                let asked = memory.holder_asked_at >= memory.seen_at;
                memory.came_back = memory.came_back.or(memory.seen_at.filter(|_| !asked));
            }
            return self.want_ticket(id);
        }
        self.remember_asks(id, open);
        if let Some((generation, rule)) = wanted {
            self.open_link(&ticket, generation, rule);
        }
    }

    fn remember_asks(&mut self, id: &TicketId, open: bool) {
        if let Some(memory) = self.lane.tickets.get_mut(id) {
            memory.open_when = open;
        }
    }

    /// A closed ticket asks for nothing. Its last Link agrees on that, so that opening it again is
    /// seen as such; and where a reopened ticket starts, one that never had a Link does too.
    fn see_closed(&mut self, id: &TicketId, open: bool) {
        let waits = self.rules.mapping.ticket_reopened == TicketReopened::Wait;
        self.remember_asks(id, open && waits);
        if let Some(memory) = self.lane.tickets.get_mut(id).filter(|_| !waits) {
            // Opened again it asks by itself, whoever had it.
            memory.came_back = None;
        }
        let status = self.lane.tickets.get(id).and_then(|m| m.seen.as_ref());
        let Some(status) = status.map(|seen| seen.status.clone()) else {
            return;
        };
        let last = self.latest_link_of_ticket(id).map(|link| link.id.clone());
        if let Some(link) = last.and_then(|last| self.lane.link_mut(&last))
            && let Some(agreed) = &mut link.agreed
        {
            agreed.status = status;
        }
    }

    /// A ticket whose link field names a conversation for which a create is in question: that one
    /// was done.
    fn confirm_create_by(&mut self, memory: &TicketMemory, ticket: &Ticket) -> bool {
        let Some(talk) = &ticket.link_field else {
            return false;
        };
        let never_linked = self.latest_link_of_ticket(&ticket.id).is_none();
        let done = self.lane.intents.iter().find(|i| {
            let unsettled = i.state.is_open() || i.state == IntentState::Parked;
            let link = self.lane.link(&i.link);
            let wanted = link.is_some_and(|l| l.ticket == TicketSide::Wanted);
            // It went out, and was taken back when its Link ended: what was said on its ticket is told of all
            // the same.
            let taken_back = i.state == IntentState::Withdrawn
                && link.is_some_and(|l| !l.is_live())
                && never_linked
                && !memory.anothers;
            (unsettled || taken_back)
                && i.attempts > 0
                && wanted
                && !self.was_there_before(i, &ticket.id)
                && matches!(&i.effect, Effect::CreateTicket(c) if &c.conversation == talk)
        });
        let Some(id) = done.map(|i| i.id.clone()) else {
            return false;
        };
        let at = memory.seen_at.unwrap_or(self.now);
        let rest = self.rules.capabilities.create_follows;
        self.created(&id, ticket.id.clone(), None, None, (at, rest));
        // What told of it may be late, and what came after that went to the Lane of whoever it was given to.
        if let Some(memory) = self.lane.tickets.get_mut(&ticket.id) {
            memory.hint_at = memory.hint_at.max(Some(self.now));
        }
        true
    }

    /// Whether it names a conversation whose Link has no ticket yet.
    fn is_awaited(&self, ticket: &Ticket) -> bool {
        let named = ticket.link_field.as_ref();
        let mut live = self.lane.links.iter().filter(|link| link.is_live());
        named.is_some()
            && live.any(|l| l.ticket == TicketSide::Wanted && l.conversation_id() == named)
    }

    /// Whether a Link of this Lane is about to follow its merged ticket to this one.
    fn is_merge_target(&self, id: &TicketId) -> bool {
        self.lane.tickets.iter().any(|(old, m)| {
            let into = m.seen.as_ref().and_then(|seen| seen.merged_into.as_ref());
            into == Some(id) && self.live_link_of_ticket(old).is_some()
        })
    }

    /// `open_when`. A rule that fails says neither: nothing asks by it, and what asked before does not ask anew
    /// once it is mended. That is told once for each state of the ticket.
    fn judge(&mut self, memory: &TicketMemory, ticket: &Ticket) -> bool {
        match self.asks_for_conversation(memory, ticket) {
            Ok(open) => open,
            Err(error) => {
                if memory.misjudged_at != Some(memory.changes) {
                    let sentence = format!("Ticket {} was not judged: {error}", ticket.id);
                    self.note_ticket(EntryKind::Alarm, sentence, &ticket.id);
                }
                if let Some(memory) = self.lane.tickets.get_mut(&ticket.id) {
                    memory.misjudged_at = Some(memory.changes);
                }
                memory.open_when
            }
        }
    }

    /// `open_when`; for a ticket that the bridge made, without the tags that the bridge put on it.
    pub(super) fn asks_for_conversation(
        &self,
        memory: &TicketMemory,
        ticket: &Ticket,
    ) -> Result<bool, crate::mapping::MappingError> {
        let mapping = self.rules.mapping;
        if memory.made_by_us || self.is_double(ticket) {
            mapping.open_when_without(ticket, mapping.own_tags())
        } else {
            mapping.open_when(ticket)
        }
    }

    /// Whether another try of a create of ours made this ticket: it names the create's conversation, and no
    /// Link ever had it.
    fn is_double(&self, ticket: &Ticket) -> bool {
        let of_talk = |i: &Intent| match &i.effect {
            Effect::CreateTicket(create) => {
                ticket.link_field.as_ref() == Some(&create.conversation)
            }
            _ => false,
        };
        let mut tried = self.lane.intents.iter().filter(|i| i.attempts > 0);
        self.latest_link_of_ticket(&ticket.id).is_none() && tried.any(of_talk)
    }

    /// That a create of ours made this ticket is kept: what shows it is written over by its first Link, and the
    /// create itself is loaded no more once this customer has had enough others.
    fn keep_double(&mut self, ticket: &Ticket) {
        let double = self.is_double(ticket);
        if let Some(memory) = self.lane.tickets.get_mut(&ticket.id) {
            memory.made_by_us |= double;
        }
    }

    /// A ticket that was there before gets a Link: it asks for none from now on.
    pub(super) fn takes(&mut self, id: &TicketId) {
        if let Some(ticket) = self.lane.tickets.get(id).and_then(|m| m.seen.clone()) {
            self.keep_double(&ticket);
        }
        if let Some(memory) = self.lane.tickets.get_mut(id) {
            memory.open_when = true;
        }
    }

    /// The next generation, if the ticket's last Link ended with the ticket closed: it is open again.
    pub(super) fn reopened(&self, id: &TicketId) -> Option<u32> {
        let last = self.latest_link_of_ticket(id)?;
        let agreed = last.agreed.as_ref()?;
        let closed = last.ended.is_some() && self.rules.mapping.closes(&agreed.status);
        closed.then(|| last.generation.saturating_add(1))
    }

    pub(super) fn open_link(&mut self, ticket: &Ticket, generation: u32, rule: &str) {
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
        self.hear_early(&ticket.id);
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

    fn is_old(&self, memory: &TicketMemory) -> bool {
        let seen_at = memory.seen_at.unwrap_or(self.now);
        self.now
            .since(seen_at.max(memory.looked_at.unwrap_or(seen_at)))
            > FRESH
    }

    /// Wants the ticket read, no sooner than its failing reads allow.
    pub(super) fn want_ticket(&mut self, id: &TicketId) {
        self.want_ticket_since(id, None);
    }

    /// As above, where the read is to show what is there since a moment: by another process's clock that may
    /// be ahead, and till then each read would seem to be of before.
    pub(super) fn want_ticket_since(&mut self, id: &TicketId, since: Option<Timestamp>) {
        let memory = self.lane.tickets.get(id);
        let retry = memory.and_then(|m| m.retry.due_at).unwrap_or(self.now);
        let latest = self.now.plus(OUR_CLOCKS_APART);
        let due = since.map_or(retry, |since| retry.max(since.min(latest)));
        self.want_read(Read::Ticket { id: id.clone() }, due);
    }

    /// Tells the agents something, once: an internal note that is never relayed.
    pub(super) fn tell(&mut self, link: &LinkId, key: &str, text: &str) {
        let ticket = self.lane.link(link).and_then(|l| l.ticket_id().cloned());
        if let Some(ticket) = ticket {
            self.tell_about(link, &ticket, key, text);
        }
    }

    /// The same on a ticket that is not the Link's own, but that the Link has to do with.
    pub(super) fn tell_about(&mut self, link: &LinkId, ticket: &TicketId, key: &str, text: &str) {
        let Some(found) = self.lane.link_mut(link) else {
            return;
        };
        let key = format!("{key}:g{}", found.generation);
        if !found.told.insert(key.clone()) {
            return;
        }
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        let final_ = seen.is_some_and(|t| self.rules.mapping.vocabulary().is_final(&t.status));
        if final_ || self.rules.capabilities.only_creates {
            return;
        }
        let effect = Effect::AddNote {
            ticket: ticket.clone(),
            text: format!("[jelou-bridge] {text}").as_str().into(),
        };
        self.ensure(link, &format!("note:{key}"), effect, "told on the ticket");
    }

    /// Whether a kind of Effect is under way for a Link: begun, and its fate not known.
    pub(super) fn under_way(&self, link: &LinkId, operation: Operation) -> bool {
        self.lane.intents.iter().any(|i| {
            &i.link == link
                && i.operation() == operation
                && matches!(i.state, IntentState::Sent | IntentState::Unknown)
        })
    }
}
