//! Files of an agent's comment that its webhook did not tell of: the listing of the ticket's comments
//! does, and the words wait for it. Neighbours: listing, which is asked for; enclosed, which sends them.

use super::{Message, Outcome, Place, Way};
use crate::{
    effect::Read,
    event::Comment,
    ids::{MessageId, TicketId},
    lane::{
        schedule,
        state::{EntryKind, Retry},
        step::Turn,
    },
    message::Enclosed,
    time::Timestamp,
};
use std::time::Duration;

/// What the store keeps in the place of the files.
const UNTOLD: &str = "untold";

/// Words wait so long for a listing that fails, does not show them or cannot be asked for, all comments
/// of a ticket together: an answer without its picture is better than none, and an agent who is told
/// sends the picture again.
const FILES_WITHIN: Duration = Duration::from_secs(60);

/// Stands for the files of a comment until a listing tells them.
pub(super) fn kept() -> serde_json::Value {
    UNTOLD.into()
}

pub(super) fn is_untold(message: &Message) -> bool {
    message.content.as_str() == Some(UNTOLD)
}

impl Turn<'_> {
    /// The files of a comment; `None` while they are to be listed.
    pub(super) fn files_of(&self, ticket: &TicketId, message: &Message) -> Option<Vec<Enclosed>> {
        if !is_untold(message) {
            return Some(super::enclosed::told_files(message));
        }
        if !self.rules.capabilities.comments {
            return Some(Vec::new());
        }
        let comments = &self.lane.tickets.get(ticket)?.comments;
        comments.enclosed.get(&message.id).cloned()
    }

    /// Has the comments listed, for a time. What failed for other reasons before is no reason to wait.
    pub(super) fn look_for_files(&mut self, ticket: &TicketId) -> Way {
        let now = self.now;
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let files = &mut memory.comments.files;
        let until = files.since.get_or_insert(now).plus(FILES_WITHIN);
        let due = files.due_at.unwrap_or(now);
        if now >= until {
            self.go_alone(ticket);
        } else {
            let ticket = ticket.clone();
            self.want_read(Read::Comments { ticket }, due);
            self.wake(until);
        }
        Way::Stays
    }

    /// A listing shows a comment: what came with it, and whether it is for the customer still.
    pub(super) fn learn_files(&mut self, ticket: &TicketId, comment: &Comment) {
        if !self.untold_of(ticket).contains(&comment.id) {
            return;
        }
        if !comment.public {
            let place = Place::Ticket { id: ticket.clone() };
            let sentence = format!(
                "A comment on ticket {ticket} was made internal before it went to the customer"
            );
            self.note_ticket(EntryKind::Event, sentence, ticket);
            return self.end_message(&place, &comment.id, Outcome::Unwanted);
        }
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let enclosed = &mut memory.comments.enclosed;
        enclosed.insert(comment.id.clone(), comment.files.clone());
    }

    /// The listing is over. A comment that it does not show yet is looked for again.
    pub(super) fn listed_files(&mut self, ticket: &TicketId, begun: Timestamp) {
        if !self.untold_of(ticket).is_empty() {
            return self.missed_files(ticket, begun, false);
        }
        if let Some(memory) = self.lane.tickets.get_mut(ticket) {
            memory.comments.files = Retry::default();
        }
    }

    /// A listing failed, or did not show what is waited for; if it is refused, no other would do better.
    pub(super) fn missed_files(&mut self, ticket: &TicketId, at: Timestamp, for_good: bool) {
        if self.untold_of(ticket).is_empty() {
            return;
        }
        if for_good {
            return self.go_alone(ticket);
        }
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let files = &mut memory.comments.files;
        files.failures = files.failures.saturating_add(1);
        files.failed_at = Some(at);
        files.due_at = Some(schedule::retry_at(files.failures, ticket.as_str(), at));
    }

    /// All words that wait go without their files, and agents learn of it.
    fn go_alone(&mut self, ticket: &TicketId) {
        let waiting = self.untold_of(ticket);
        let place = Place::Ticket { id: ticket.clone() };
        let more = self.lane.said_since.contains_key(&place);
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        memory.comments.files = Retry {
            // What waits in the store has waited as long.
            since: memory.comments.files.since.filter(|_| more),
            ..Retry::default()
        };
        for id in &waiting {
            memory.comments.enclosed.insert(id.clone(), Vec::new());
        }
        self.changed = true;
        self.wake(self.now);
        let link = self.latest_link_of_ticket(ticket);
        let Some(link) = link.map(|link| link.id.clone()) else {
            return;
        };
        for id in &waiting {
            let text = format!(
                "Of a comment of this ticket the customer gets the words alone, if it has any: whether files came with it could not be read. (comment {id})"
            );
            self.tell(&link, &format!("untold:{id}"), &text);
        }
    }

    /// What was sent needs its files no longer.
    pub(super) fn forget_files(&mut self, place: &Place, id: &MessageId) {
        if let Place::Ticket { id: ticket } = place
            && let Some(memory) = self.lane.tickets.get_mut(ticket)
        {
            memory.comments.enclosed.remove(id);
        }
    }

    /// The comments of a ticket that wait for their files, and of which it is not settled that there
    /// are none to wait for.
    fn untold_of(&self, ticket: &TicketId) -> Vec<MessageId> {
        let memory = self.lane.tickets.get(ticket);
        let settled = |id: &MessageId| memory.is_some_and(|m| m.comments.enclosed.contains_key(id));
        let waiting = self.lane.messages.iter().filter(|m| m.waits());
        let of_ticket =
            waiting.filter(|m| matches!(&m.place, Place::Ticket { id } if id == ticket));
        let untold = of_ticket.filter(|m| is_untold(m) && !settled(&m.id));
        untold.map(|m| m.id.clone()).collect()
    }
}
