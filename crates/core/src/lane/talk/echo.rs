//! What the bridge itself wrote on a ticket is no agent's word, however its author is told: the second net of
//! rule 14. Neighbours: since, which asks when a comment is heard; to_customer, which asks before it goes out.
//!
//! A Lane knows its own entries, as far as the store loads them. What another one wrote is asked of the store once the comment is there: it was
//! committed before it was on the ticket, so an answer of then shows it.

use super::{Message, Outcome, Place, Way, since::OPENING_WITHIN};
use crate::{
    effect::{Effect, Read},
    event::CommentAdded,
    ids::{MessageId, TicketId},
    intent::Intent,
    lane::{state::EntryKind, step::Turn},
    link::Link,
    read::Written,
    text::Text,
    time::Timestamp,
};
use std::collections::BTreeSet;

impl Turn<'_> {
    /// Whether this Lane wrote it.
    pub(super) fn is_echo(&self, e: &CommentAdded) -> bool {
        let Some(body) = e.body.digest() else {
            // Nothing that the bridge writes is empty.
            return false;
        };
        let at = e.at.unwrap_or(self.now);
        self.lane.intents.iter().any(|i| {
            // The first entry of a ticket counts as a comment in some systems, and says so or not.
            let may_be = |wrote: &Written| e.opening || self.may_read_so(&e.ticket, wrote, at);
            self.is_about(i, &e.ticket)
                && i.written_on(&e.ticket)
                    .is_some_and(|wrote| wrote.words == body && may_be(&wrote))
        })
    }

    /// Whether an entry is on this ticket, or a create made it or may turn out to have.
    fn is_about(&self, intent: &Intent, ticket: &TicketId) -> bool {
        let Effect::CreateTicket(_) = &intent.effect else {
            return true;
        };
        let its = self.lane.link(&intent.link).and_then(Link::ticket_id);
        its == Some(ticket) || self.made_for(ticket).is_some_and(|l| l.id == intent.link)
    }

    /// Whether what was said at a moment may be this entry. Later than the description it is an answer, though it
    /// reads like the customer's first words.
    fn may_read_so(&self, ticket: &TicketId, wrote: &Written, at: Timestamp) -> bool {
        let memory = self.lane.tickets.get(ticket);
        let born = memory.and_then(|m| m.seen.as_ref()?.created_at);
        let until = born.or(wrote.sent_at).map(|at| at.plus(OPENING_WITHIN));
        !wrote.describes || until.is_none_or(|until| at <= until)
    }

    /// Words on a ticket that another Lane had wait until they are compared with what that one wrote.
    pub(super) fn not_compared(&mut self, ticket: &TicketId, message: &Message) -> Option<Way> {
        self.lane.tickets.get(ticket).filter(|m| m.shared)?;
        let due = self.store_is_due(ticket);
        let compared = (ticket.clone(), message.id.clone());
        if self.lane.compared.contains(&compared) || self.is_begun(ticket, &message.id) {
            return None;
        }
        let read = Read::Written {
            ticket: ticket.clone(),
            besides: self.lane.id.clone(),
        };
        self.want_read(read, due);
        Some(Way::Stays)
    }

    /// Whether some of it went out, or may have.
    fn is_begun(&self, ticket: &TicketId, comment: &MessageId) -> bool {
        let of_comment = |i: &Intent| match &i.effect {
            Effect::SendMessage(said) => said.comment == *comment && said.ticket == *ticket,
            _ => false,
        };
        let mut intents = self.lane.intents.iter();
        intents.any(|i| i.attempts > 0 && of_comment(i))
    }

    pub(in crate::lane) fn found_written(&mut self, read: &Read, entries: &BTreeSet<Written>) {
        let Read::Written { ticket, .. } = read else {
            return;
        };
        let place = Place::Ticket { id: ticket.clone() };
        let waiting = self.lane.messages.iter().filter(|m| m.waits());
        let waiting = waiting.filter(|m| m.place == place).cloned();
        let waiting: Vec<Message> = waiting.collect();
        for message in waiting {
            let compared = (ticket.clone(), message.id.clone());
            self.lane.compared.insert(compared);
            let body = message.body.as_ref().and_then(Text::digest);
            let reads_so = |wrote: &Written| {
                Some(wrote.words) == body && self.may_read_so(ticket, wrote, message.at)
            };
            if entries.iter().any(reads_so) && !self.is_begun(ticket, &message.id) {
                let sentence =
                    "A message was not relayed: the bridge wrote it for another customer";
                self.note_ticket(EntryKind::Decision, sentence.to_owned(), ticket);
                self.end_message(&place, &message.id, Outcome::Unwanted);
            }
        }
    }
}
