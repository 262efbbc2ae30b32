//! What an agent said is heard of. Neighbours: hear, which hears of all else; to_customer, which says it.

use super::{Message, Place};
use crate::{
    event::CommentAdded,
    ids::TicketId,
    lane::{
        state::{EntryKind, Fate, Pending},
        step::Turn,
    },
    time::Timestamp,
};

impl Turn<'_> {
    /// A comment tells of its ticket; and what an agent says to the customer in it waits to be sent.
    pub(in crate::lane) fn hear_comment(&mut self, e: &CommentAdded, pending: &Pending) -> Fate {
        let fate = self.hear_ticket(&e.change, pending);
        let at = e.at.unwrap_or(pending.received_at);
        if !self.is_for_customer(e, at) {
            if e.by_agent && self.latest_link_of_ticket(&e.ticket).is_none() {
                // A Link may turn out to be this ticket's: then it is looked once more.
                self.hint_at_comments(&e.ticket);
                self.early.push((e.clone(), at));
            }
            self.end_if_anothers(e, at);
            return fate;
        }
        match self.keep_comment(e, at) {
            true => Fate::Applied,
            false => fate,
        }
    }

    /// A Link is made of what came together with comments on its ticket: those are said since it began, as far as
    /// rule 17 goes by their time.
    pub(in crate::lane) fn hear_early(&mut self, ticket: &TicketId) {
        let (of_ticket, others) = std::mem::take(&mut self.early)
            .into_iter()
            .partition(|(e, _)| e.ticket == *ticket);
        self.early = others;
        let of_ticket: Vec<(CommentAdded, Timestamp)> = of_ticket;
        for (e, at) in of_ticket {
            if self.is_for_customer(&e, at) {
                self.keep_comment(&e, at);
            }
        }
    }

    /// What an agent says to the customer waits to be sent. Says whether it is new.
    fn keep_comment(&mut self, e: &CommentAdded, at: Timestamp) -> bool {
        let place = Place::Ticket {
            id: e.ticket.clone(),
        };
        // Listed before: it waits, or came to its end.
        let memory = self.lane.tickets.get(&e.ticket);
        let listed = memory.is_some_and(|m| m.comments.known.contains_key(&e.comment));
        self.know_comment(&e.ticket, &e.comment, at);
        if listed || !self.keep_message(Message::of_comment(place, e.clone(), at)) {
            return false;
        }
        self.is_ours_for_sure(e);
        let sentence = format!("An agent wrote to the customer on ticket {}", e.ticket);
        self.note_ticket(EntryKind::Event, sentence, &e.ticket);
        self.end_if_late(&e.ticket, &e.comment, at);
        true
    }
}
