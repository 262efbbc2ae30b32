//! For whom an agent's words on a ticket were: between two Links of a customer another one may have had the
//! ticket. Neighbours: to_customer, which asks before anything goes out; lookup, which asks the store.

use super::{
    Message, Outcome, Place, Way,
    since::{THEIR_CLOCK_BEHIND, latest},
};
use crate::{
    event::CommentAdded,
    ids::{LinkId, MessageId, TicketId},
    lane::step::Turn,
    link::{Link, Origin},
    read::Holder,
    time::Timestamp,
};
use std::time::Duration;

/// A time that lies this far ahead of our clock was told by one that cannot be compared with it.
const THEIR_CLOCK_AHEAD_MOST: Duration = Duration::from_secs(600);

/// For whom something was said.
enum Whose {
    Ours,
    /// Another customer had the ticket then.
    Anothers,
    /// The store is to be asked.
    NotKnown,
}

impl Turn<'_> {
    /// What becomes of words that were not for this Lane's customer, or may not have been.
    pub(super) fn not_for_us(&mut self, ticket: &TicketId, message: &Message) -> Option<Way> {
        match self.whose(ticket, message) {
            Whose::Ours => None,
            Whose::NotKnown => {
                self.ask_who_holds(ticket);
                Some(Way::Stays)
            }
            Whose::Anothers => {
                let link = self.latest_link_of_ticket(ticket).map(|l| l.id.clone());
                if let Some(link) = link {
                    self.tell_anothers(&link, &message.id);
                }
                Some(Way::Ends(Outcome::NoConversation))
            }
        }
    }

    /// Words that come to be known when a Link is there which they were not said to: of the time between two Links,
    /// or of no time that can be compared with ours. Told in time they would not have gone out either.
    pub(in crate::lane) fn end_if_late(
        &mut self,
        ticket: &TicketId,
        id: &MessageId,
        at: Timestamp,
    ) {
        let Some(link) = self.live_link_of_ticket(ticket).cloned() else {
            return;
        };
        let between = !self.had_it(ticket, at)
            && latest(at).plus(THEIR_CLOCK_BEHIND) < link.has_ticket_since()
            && self.had_it_before(ticket, at);
        let made_here = self.lane.tickets.get(ticket).is_some_and(|m| m.made_here);
        let named = link.origin == Origin::Conversation && !made_here;
        let astray = named && at > self.now.plus(THEIR_CLOCK_AHEAD_MOST);
        if between || astray {
            let text = format!(
                "The customer did not get a comment of this ticket: as far as the clocks tell, it was written before this conversation with them began. (comment {id})"
            );
            self.tell(&link.id, &format!("unsent:{id}"), &text);
            let place = Place::Ticket { id: ticket.clone() };
            self.end_message(&place, id, Outcome::NoConversation);
        }
    }

    /// Words told of only now that the ticket has another customer's conversation. Who had it then may not have
    /// heard them, and their Lane is told of nothing more.
    pub(in crate::lane) fn end_if_anothers(&mut self, e: &CommentAdded, at: Timestamp) {
        let memory = self.lane.tickets.get(&e.ticket);
        let others = memory.and_then(|m| m.others.clone());
        let had = others.iter().flatten().any(|o| may_have_had(o, at));
        // A ticket's description is said to nobody.
        let anothers = had || !e.opening && self.was_anothers_before(&e.ticket, at);
        let live = self.live_link_of_ticket(&e.ticket);
        let Some(link) = live.filter(|_| anothers) else {
            return;
        };
        let link = link.id.clone();
        if !self.is_said(e) || !self.is_wanted_out(e) {
            return;
        }
        let place = Place::Ticket {
            id: e.ticket.clone(),
        };
        if self.keep_message(Message::of_comment(place.clone(), e.clone(), at)) {
            self.tell_anothers(&link, &e.comment);
            self.end_message(&place, &e.comment, Outcome::NoConversation);
            if let Some(memory) = self.lane.tickets.get_mut(&e.ticket) {
                // Who had it is no question here.
                memory.others = others;
            }
        }
    }

    fn tell_anothers(&mut self, link: &LinkId, comment: &MessageId) {
        let text = format!(
            "The customer did not get a comment of this ticket: when it was written, another customer had the ticket. (comment {comment})"
        );
        self.tell(link, &format!("unsent:{comment}"), &text);
    }

    /// Whether a Link of this Lane had the ticket and ended before that.
    fn had_it_before(&self, ticket: &TicketId, at: Timestamp) -> bool {
        let mut links = self.lane.links.iter();
        links.any(|l| l.ticket_id() == Some(ticket) && l.created_at <= at && !l.is_live())
    }

    /// Something is said in a time that no Link of ours covers: who had the ticket then is to be asked, whatever
    /// was known before.
    pub(super) fn doubt_whose(&mut self, message: &Message) {
        let Place::Ticket { id } = &message.place else {
            return;
        };
        if !self.had_it(id, message.at)
            && let Some(memory) = self.lane.tickets.get_mut(id)
        {
            memory.others = None;
        }
    }

    /// A webhook that carries the whole ticket tells whose it was when this was said: nobody need be asked.
    pub(in crate::lane) fn is_ours_for_sure(&mut self, e: &CommentAdded) {
        let carried = e
            .change
            .whole
            .as_ref()
            .filter(|_| e.change.read_at.is_none());
        let customer = carried.and_then(|t| self.rules.mapping.user_id(t).ok().flatten());
        if customer.as_ref() == Some(&self.lane.user)
            && let Some(memory) = self.lane.tickets.get_mut(&e.ticket)
        {
            memory.others = Some(Vec::new());
        }
    }

    fn whose(&self, ticket: &TicketId, message: &Message) -> Whose {
        if self.had_it(ticket, message.at) {
            return Whose::Ours;
        }
        if self.was_anothers_before(ticket, message.at) {
            return Whose::Anothers;
        }
        let memory = self.lane.tickets.get(ticket);
        let Some(others) = memory.and_then(|m| m.others.as_ref()) else {
            return Whose::NotKnown;
        };
        match others.iter().any(|other| may_have_had(other, message.at)) {
            true => Whose::Anothers,
            false => Whose::Ours,
        }
    }

    /// Whether no Link of ours had it then, and its requester is somebody else.
    fn was_anothers_before(&self, ticket: &TicketId, at: Timestamp) -> bool {
        let live = self.live_link_of_ticket(ticket);
        let before = live.is_some_and(|link| at < link.has_ticket_since());
        let memory = self.lane.tickets.get(ticket);
        before && !self.had_it(ticket, at) && memory.is_some_and(|m| m.anothers)
    }

    /// Whether a Link of this Lane had the ticket then: two never have it at one time (rule 10). Of what lies ahead
    /// of our clock a live Link does not tell: where that was set back, it may be of before the Link.
    fn had_it(&self, ticket: &TicketId, at: Timestamp) -> bool {
        let ahead = at > self.now.plus(THEIR_CLOCK_AHEAD_MOST);
        let links = self.lane.links.iter();
        let mut links = links.filter(|l| l.ticket_id() == Some(ticket));
        links.any(|l: &Link| {
            let until = l.ended.as_ref().map(|ended| ended.at);
            let over = until.map_or(ahead, |until| latest(at).plus(THEIR_CLOCK_BEHIND) > until);
            l.has_ticket_since() <= at && !over
        })
    }
}

/// Whether it was another's then, by a clock that may differ from ours a little either way.
fn may_have_had(other: &Holder, at: Timestamp) -> bool {
    let begun = other.since <= latest(at).plus(THEIR_CLOCK_BEHIND);
    let over = other
        .until
        .is_some_and(|until| until.plus(THEIR_CLOCK_BEHIND) < at);
    begun && !over
}
