//! Reads that search: the customer's open tickets, who holds one, and what became of a create or a
//! note. Neighbours: create and resolve ask for them.

use super::{follow::is_made, hear::Sight, state::EntryKind, step::Turn};
use crate::{
    effect::{Effect, Operation, Read},
    ids::{ConversationId, IntentId, LaneId, LinkId, TicketId},
    intent::{Intent, IntentState},
    link::{Agreed, Link, TicketSide},
    read::{Holder, RoutedTo},
    ticket::Ticket,
    time::Timestamp,
};
use std::time::Duration;

/// A store that failed is asked again after this.
const STORE_AGAIN: Duration = Duration::from_secs(1);

impl Turn<'_> {
    /// The customer's open tickets: the latest that nobody has is taken (`reuse = "open"`), once the
    /// store has said that no other Lane holds it (rule 10).
    pub(super) fn found_open(
        &mut self,
        requester_id: &str,
        tickets: Vec<Ticket>,
        begun: Timestamp,
    ) {
        let waiting = self.link_looking_for_open(requester_id);
        let Some((link, since, Some(conversation))) =
            waiting.map(|l| (l.id.clone(), l.created_at, l.conversation_id().cloned()))
        else {
            return;
        };
        let mut free: Vec<Ticket> = tickets
            .into_iter()
            .filter(|t| self.rules.mapping.vocabulary().is_open(&t.status))
            .filter(|t| self.live_link_of_ticket(&t.id).is_none() && t.merged_into.is_none())
            .filter(|t| !self.is_elsewhere(&t.id, since) && !self.is_being_made(t))
            .collect();
        free.sort_by_key(|t| t.created_at);
        if let Some((create, ticket)) = self.made_unheard(&link, &conversation, &free) {
            let rest = self.rules.capabilities.create_follows;
            return self.created(
                &create,
                ticket.id.clone(),
                Some(ticket),
                None,
                (begun, rest),
            );
        }
        let Some(ticket) = free.pop() else {
            if let Some(link) = self.lane.link_mut(&link) {
                link.looked_for_open = true;
            }
            return;
        };
        let id = ticket.id.clone();
        self.see_ticket(ticket, begun, Sight::Read);
        if let Some(memory) = self.lane.tickets.get_mut(&id) {
            memory.open_when = true;
            memory.holder_asked_at = None;
        }
        if let Some(memory) = self.lane.conversations.get_mut(&conversation) {
            memory.candidate = Some(id);
        }
    }

    /// What a create of this Link made whose answer was lost: it went out before open tickets were to be
    /// looked for, and one of them names the conversation.
    fn made_unheard(
        &self,
        link: &LinkId,
        conversation: &ConversationId,
        open: &[Ticket],
    ) -> Option<(IntentId, Ticket)> {
        let mut intents = self.lane.intents.iter();
        let create = intents.find(|i| {
            i.link == *link
                && i.operation() == Operation::Create
                && i.state == IntentState::Withdrawn
                && i.attempts > 0
        })?;
        let mut open = open.iter();
        let made = open.find(|t| {
            t.link_field.as_ref() == Some(conversation) && !self.was_there_before(create, &t.id)
        })?;
        Some((create.id.clone(), made.clone()))
    }

    /// The Link for which a requester's open tickets are being looked up.
    pub(super) fn link_looking_for_open(&self, requester_id: &str) -> Option<&Link> {
        self.lane.links.iter().find(|l| {
            l.is_live()
                && l.ticket == TicketSide::Wanted
                && l.requester_id.as_deref() == Some(requester_id)
                && !self.create_has_begun(l)
                && self.looks_for_open(l)
                && !self.has_candidate(l)
        })
    }

    /// Whether an open ticket was found for the Link's conversation, and it is asked who has it.
    fn has_candidate(&self, link: &Link) -> bool {
        let talk = link.conversation_id();
        let memory = talk.and_then(|id| self.lane.conversations.get(id));
        memory.is_some_and(|m| m.candidate.is_some())
    }

    /// Whether the store said, since a moment or when it last refused a commit, that another Lane
    /// holds the ticket.
    fn is_elsewhere(&self, ticket: &TicketId, since: Timestamp) -> bool {
        self.lane.tickets.get(ticket).is_some_and(|m| {
            m.held_elsewhere.is_some() && m.holder_asked_at.is_none_or(|at| at >= since)
        })
    }

    /// Whether this is the ticket of a create of ours whose answer is not known yet.
    fn is_being_made(&self, ticket: &Ticket) -> bool {
        self.lane.intents.iter().any(|i| {
            let begun = i.attempts > 0 && (i.state.is_open() || i.state == IntentState::Parked);
            begun
                && !is_made(i)
                && !self.was_there_before(i, &ticket.id)
                && matches!(&i.effect, Effect::CreateTicket(c) if Some(&c.conversation) == ticket.link_field.as_ref())
        })
    }

    /// Asks the store which Lanes have or had a Link to a ticket.
    pub(super) fn ask_who_holds(&mut self, ticket: &TicketId) {
        let due = self.store_is_due(ticket);
        let ticket = ticket.clone();
        self.want_read(Read::TicketHolder { ticket }, due);
    }

    /// When the store may be asked about a ticket: whatever its system does, and soon again after a failure.
    pub(super) fn store_is_due(&self, ticket: &TicketId) -> Timestamp {
        let memory = self.lane.tickets.get(ticket);
        let failed_at = memory.and_then(|m| m.retry.failed_at);
        let again = failed_at.map_or(self.now, |at| at.plus(STORE_AGAIN));
        again.max(self.now)
    }

    pub(super) fn found_holders(
        &mut self,
        read: &Read,
        mut holders: Vec<Holder>,
        told: &[RoutedTo],
        begun: Timestamp,
    ) {
        let Read::TicketHolder { ticket } = read else {
            return;
        };
        holders.retain(|holder| holder.lane != self.lane.id);
        let live = holders.iter().find(|holder| holder.until.is_none());
        let elsewhere = live.map(|holder| holder.lane.clone());
        let free = elsewhere.is_none();
        let has_asked = |since: Timestamp| {
            let mut links = holders.iter().filter(|holder| holder.asked);
            links.any(|link| link.until.is_none_or(|until| until >= since))
        };
        let came_back = self.lane.tickets.get(ticket).and_then(|m| m.came_back);
        let has_asked = came_back.is_some_and(has_asked);
        holders.extend(spans_of_others(told, &self.lane.id, begun));
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        // It has asked before, and had its conversation: staying true is not turning true.
        memory.open_when |= has_asked && !planted!(ForeignTicketAsks);
        memory.came_back = None;
        memory.held_elsewhere = elsewhere;
        memory.holder_asked_at = Some(begun);
        memory.shared |= !holders.is_empty();
        memory.others = Some(holders);
        let status = memory.seen.as_ref().map(|seen| seen.status.clone());
        let asking = self
            .lane
            .conversations
            .iter_mut()
            .find(|(_, m)| m.candidate.as_ref() == Some(ticket));
        let Some((conversation, memory)) = asking else {
            return;
        };
        memory.candidate = None;
        let conversation = conversation.clone();
        // While the store was asked, the ticket may have got a Link here: it was reopened.
        let free = free && self.live_link_of_ticket(ticket).is_none();
        if let Some(status) = status.filter(|_| free) {
            self.take_open(&conversation, ticket, status);
        }
    }

    fn take_open(
        &mut self,
        conversation: &ConversationId,
        ticket: &TicketId,
        status: crate::ticket::Status,
    ) {
        let now = self.now;
        let waits = |l: &Link| {
            l.is_live()
                && l.ticket == TicketSide::Wanted
                && l.conversation_id() == Some(conversation)
        };
        if !self.lane.links.iter().any(waits) {
            return;
        }
        self.takes(ticket);
        let Some(link) = self.lane.links.iter_mut().find(|l| waits(l)) else {
            return;
        };
        link.looked_for_open = true;
        link.ticket = TicketSide::Known { id: ticket.clone() };
        // Until now it may have been another customer's.
        link.ticket_since = Some(now);
        link.agreed = Some(Agreed {
            conversation_closed: false,
            status,
        });
        let id = link.id.clone();
        self.changed = true;
        let sentence = format!("The customer's open ticket {ticket} is taken");
        self.note_link(
            EntryKind::Decision,
            sentence,
            &id,
            Some("mapping.ticket.reuse"),
        );
    }

    /// What became of a create whose answer was lost: found, it was done; not found, it was not.
    pub(super) fn found_created(
        &mut self,
        conversation: &ConversationId,
        mut tickets: Vec<Ticket>,
        begun: Timestamp,
    ) {
        let Some(intent) = self.lane.intents.iter().find(|i| {
            i.state == IntentState::Unknown
                && matches!(&i.effect, Effect::CreateTicket(c) if &c.conversation == conversation)
        }) else {
            return;
        };
        let id = intent.id.clone();
        tickets.retain(|t| !self.was_there_before(intent, &t.id));
        tickets.sort_by_key(|t| t.created_at);
        if tickets.is_empty() {
            self.send_again_later(&id, "a look-up shows that it was not done");
            return;
        }
        let ticket = tickets.remove(0);
        let rest = self.rules.capabilities.create_follows;
        self.created(&id, ticket.id.clone(), Some(ticket), None, (begun, rest));
    }

    /// Whether another Link had the ticket before a create first went out: it names the create's conversation
    /// because the bridge itself wrote that on it, when the conversation went over to it.
    pub(super) fn was_there_before(&self, create: &Intent, ticket: &TicketId) -> bool {
        let mut links = self.lane.links.iter();
        links.any(|l| {
            l.id != create.link
                && l.ticket_id() == Some(ticket)
                && Some(l.has_ticket_since()) <= create.first_sent_at
        })
    }

    pub(super) fn found_note(&mut self, read: &Read, there: bool) {
        let Read::NoteOnTicket { ticket, text } = read else {
            return;
        };
        let Some(id) = self
            .lane
            .intents
            .iter()
            .find(|i| i.state == IntentState::Unknown && i.effect.entry() == Some((ticket, text)))
            .map(|i| i.id.clone())
        else {
            return;
        };
        if there && !planted!(NoteSentAgain) {
            self.confirm(&id, "it is on the ticket");
        } else {
            self.send_again_later(&id, "it is not on the ticket");
        }
    }
}

/// From when to when other Lanes were told of a ticket: of one that nobody had by a Link, it tells whose it was.
/// What waited for the Router shows by a later read only that it is the next one's: until then it may have been theirs.
fn spans_of_others(told: &[RoutedTo], ours: &LaneId, now: Timestamp) -> Vec<Holder> {
    let told: Vec<&RoutedTo> = told.iter().filter(|told| told.shows_whose).collect();
    let runs = told.chunk_by(|one, next| one.lane == next.lane);
    let ends = runs
        .clone()
        .skip(1)
        .map(|next| next.iter().map(|next| next.shown_at).min().unwrap_or(now));
    let spans = runs.zip(ends.chain([now])).filter_map(|(run, until)| {
        let (first, last) = (run.first()?, run.last()?);
        Some(Holder {
            lane: first.lane.clone(),
            since: first.at,
            // The next one's may have come when the clock had been set back.
            until: Some(until.max(last.at)),
            asked: false,
        })
    });
    spans.filter(|span| span.lane != *ours).collect()
}
