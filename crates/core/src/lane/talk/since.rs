//! Which comments are words for the customer: an agent's, public, not ours, and said since the Link began
//! (rules 14 and 17). Neighbours: to_customer, which brings them out; whose, for a time that no Link covers; echo,
//! which knows our own by their words.

use crate::{
    event::CommentAdded,
    ids::TicketId,
    lane::{state::EntryKind, step::Turn},
    link::{Link, Origin, TicketSide},
    time::Timestamp,
};
use std::time::Duration;

/// The ticketing system's clock may be behind ours by this much: what it tells of a Link's first
/// moments is not taken for older than the Link. Longer, and what an agent said in an e-mail before
/// would be said again.
pub(super) const THEIR_CLOCK_BEHIND: Duration = Duration::from_secs(3);

/// A description that is kept as the first comment is told with a time at most this long after the
/// ticket's own: one is when it was stored, the other when it was told of, and either may be in whole
/// seconds.
pub(super) const OPENING_WITHIN: Duration = Duration::from_secs(10);

impl Turn<'_> {
    /// The Link that this ticket was made for, as the ticket says, where what became of the create is not
    /// known yet.
    pub(super) fn made_for(&self, ticket: &TicketId) -> Option<&Link> {
        let seen = self.lane.tickets.get(ticket)?.seen.as_ref()?;
        let talk = seen.link_field.as_ref()?;
        let mut links = self.lane.links.iter().filter(|l| wants_ticket(l));
        links.find(|l| l.conversation_id() == Some(talk))
    }

    /// Whether a ticket had a Link here, or may turn out to be the one that a Link is still to get.
    pub(super) fn may_be_linked(&self, ticket: &TicketId) -> bool {
        let mut links = self.lane.links.iter();
        links.any(|l| l.ticket_id() == Some(ticket) || wants_ticket(l))
    }

    /// Whether a comment is one that an agent wrote for the customer, and since the Link began (rules
    /// 14 and 17).
    pub(in crate::lane) fn is_for_customer(&mut self, e: &CommentAdded, at: Timestamp) -> bool {
        if planted!(InsideGoesOut) && e.by_agent && !e.public {
            return true;
        }
        if !self.is_said(e) {
            return false;
        }
        let links = self.lane.links.iter();
        let links = links.filter(|l| l.ticket_id() == Some(&e.ticket));
        let links = links.chain(self.made_for(&e.ticket));
        let Some(first) = links.min_by_key(|l| l.created_at) else {
            return false;
        };
        let since = first.created_at;
        // Who named somebody's ticket hears nothing that may have been said to that one.
        let taken_over = first.origin == Origin::Conversation;
        let memory = self.lane.tickets.get(&e.ticket);
        let born = memory.and_then(|m| m.seen.as_ref()?.created_at);
        let description = e.opening && born.is_none_or(|born| at <= born.plus(OPENING_WITHIN));
        // All that is said on a ticket that was made for this customer is said since. An echo alone
        // does not say whose it was.
        let ours = memory.is_some_and(|m| m.made_here) || self.made_for(&e.ticket).is_some();
        let at_most = match taken_over {
            true => at,
            false => latest(at).plus(THEIR_CLOCK_BEHIND),
        };
        if description || !ours && at_most < since {
            return false;
        }
        self.is_wanted_out(e)
    }

    /// Whether this was said while the bridge only observed, to a Link that ended with that: it is of before the
    /// beginning (rule 17). Within what their clock may be behind ours it is taken for said since.
    pub(super) fn is_of_observing(&self, ticket: &TicketId, at: Timestamp) -> bool {
        let links = self.lane.links.iter();
        let of_ticket = links.filter(|l| l.ticket_id() == Some(ticket));
        let mut ends = of_ticket.filter_map(|l| l.ended.as_ref());
        let at_most = latest(at).plus(THEIR_CLOCK_BEHIND);
        ends.any(|ended| ended.observed(at, at_most))
    }

    /// Whether an agent said this to a customer.
    pub(super) fn is_said(&self, e: &CommentAdded) -> bool {
        let by_us = e.by_us && !planted!(EchoNotKnown);
        !by_us && e.by_agent && e.public && !self.is_echo(e)
    }

    /// Whether the operator wants such a comment to go out.
    pub(super) fn is_wanted_out(&mut self, e: &CommentAdded) -> bool {
        match self.rules.mapping.to_conversation_when(e) {
            Ok(wanted) => wanted,
            Err(error) => {
                let sentence = format!("A comment was not judged: {error}");
                self.note_ticket(EntryKind::Alarm, sentence, &e.ticket);
                false
            }
        }
    }
}

fn wants_ticket(link: &Link) -> bool {
    link.is_live() && link.ticket == TicketSide::Wanted
}

/// The last moment that a time may mean: where it is told in whole seconds, the end of that second.
pub(super) fn latest(at: Timestamp) -> Timestamp {
    let whole = at.0.rem_euclid(1_000) == 0;
    at.plus(Duration::from_millis(if whole { 999 } else { 0 }))
}
