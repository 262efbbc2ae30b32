//! Files of an agent's comment that its webhook did not tell of: the listing of the ticket's comments
//! does, and the words wait for it. Neighbours: listing, which is asked for; enclosed, which sends them.

use super::{Message, Place, Way};
use crate::{
    effect::Read,
    ids::{LinkId, MessageId, TicketId},
    lane::{schedule, step::Turn},
    message::Enclosed,
    time::Timestamp,
};
use std::collections::BTreeSet;

/// What the store keeps in the place of the files.
const UNTOLD: &str = "untold";

/// Words wait for their files no longer than this many listings that fail or do not show them: some
/// seconds, and an answer without its picture is better than none.
const LISTINGS_MOST: u32 = 3;

/// Stands for the files of a comment until a listing tells them.
pub(super) fn kept() -> serde_json::Value {
    UNTOLD.into()
}

fn is_untold(message: &Message) -> bool {
    message.content.as_str() == Some(UNTOLD)
}

impl Turn<'_> {
    /// The files of a comment; `None` while they are to be listed.
    pub(super) fn files_of(&self, ticket: &TicketId, message: &Message) -> Option<Vec<Enclosed>> {
        if !is_untold(message) {
            return Some(super::enclosed::told_files(message));
        }
        let comments = &self.lane.tickets.get(ticket)?.comments;
        comments.enclosed.get(&message.id).cloned()
    }

    /// Has the comments listed, or goes on without files where that failed often.
    pub(super) fn look_for_files(
        &mut self,
        link: &LinkId,
        ticket: &TicketId,
        message: &Message,
    ) -> Way {
        let now = self.now;
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let comments = &mut memory.comments;
        if comments.unlisted >= LISTINGS_MOST || !self.rules.capabilities.comments {
            comments.enclosed.insert(message.id.clone(), Vec::new());
            comments.unlisted = 0;
            self.changed = true;
            let text = format!(
                "A comment of this ticket goes to the customer by its words alone: whether files came with it could not be read. (comment {})",
                message.id
            );
            self.tell(link, &format!("untold:{}", message.id), &text);
            self.wake(now);
            return Way::Stays;
        }
        let due = comments.retry.due_at.unwrap_or(now);
        let ticket = ticket.clone();
        self.want_read(Read::Comments { ticket }, due);
        Way::Stays
    }

    /// A listing shows what came with a comment, if anybody waits for that.
    pub(super) fn learn_files(&mut self, ticket: &TicketId, id: &MessageId, files: &[Enclosed]) {
        if self.untold_of(ticket).contains(id) {
            let memory = self.lane.tickets.entry(ticket.clone()).or_default();
            let enclosed = &mut memory.comments.enclosed;
            enclosed.insert(id.clone(), files.to_vec());
        }
    }

    /// The listing is over. A comment that it does not show yet is looked for again.
    pub(super) fn listed_files(&mut self, ticket: &TicketId, begun: Timestamp) {
        let waiting = self.untold_of(ticket);
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let comments = &mut memory.comments;
        let misses = waiting.iter().any(|id| !comments.enclosed.contains_key(id));
        if !misses {
            comments.unlisted = 0;
            return;
        }
        comments.unlisted = comments.unlisted.saturating_add(1);
        let again = schedule::retry_at(comments.unlisted, ticket.as_str(), begun);
        comments.retry.due_at = Some(again);
    }

    /// The listing failed; if it is refused, no other would do better.
    pub(in crate::lane) fn unlisted_files(&mut self, ticket: &TicketId, for_good: bool) {
        if self.untold_of(ticket).is_empty() {
            return;
        }
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let failed = memory.comments.unlisted.saturating_add(1);
        memory.comments.unlisted = if for_good { LISTINGS_MOST } else { failed };
    }

    /// What was sent needs its files no longer.
    pub(super) fn forget_files(&mut self, place: &Place, id: &MessageId) {
        if let Place::Ticket { id: ticket } = place
            && let Some(memory) = self.lane.tickets.get_mut(ticket)
        {
            memory.comments.enclosed.remove(id);
        }
    }

    /// The comments of a ticket that wait for their files.
    fn untold_of(&self, ticket: &TicketId) -> BTreeSet<MessageId> {
        let waiting = self.lane.messages.iter().filter(|m| m.waits());
        let of_ticket =
            waiting.filter(|m| matches!(&m.place, Place::Ticket { id } if id == ticket));
        let untold = of_ticket.filter(|m| is_untold(m));
        untold.map(|m| m.id.clone()).collect()
    }
}
