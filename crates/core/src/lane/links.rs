//! What each live Link calls for: a conversation (start), a ticket (create), or the merge of both
//! (whole). Neighbours: those three; send and resolve bring out what they plan.

use super::{adopt::LEARNT_BY_ANSWER, step::Turn};
use crate::{
    ids::LinkId,
    link::{ConversationSide, Link, TicketSide},
};

impl Turn<'_> {
    pub(super) fn plan_links(&mut self) {
        let ids: Vec<LinkId> = self.lane.links.iter().map(|link| link.id.clone()).collect();
        for id in ids {
            let Some(link) = self.lane.link(&id).cloned() else {
                continue;
            };
            if link.is_live() {
                self.plan_link(&link);
            }
            self.plan_late_message(&link);
            self.plan_ticket_id(&id);
            self.plan_by_bot(&id);
            self.plan_report(&id);
        }
    }

    fn plan_link(&mut self, link: &Link) {
        if let Some(ticket) = link.ticket_id()
            && let Some(memory) = self.lane.tickets.get(ticket)
        {
            if memory.gone {
                return self.lose_ticket(link, ticket);
            }
            if let Some(into) = memory.seen.as_ref().and_then(|t| t.merged_into.clone()) {
                return self.follow_merge(link, ticket, &into);
            }
        }
        match (&link.conversation, &link.ticket) {
            (ConversationSide::Wanted, TicketSide::Known { id }) => self.plan_start(link, id),
            (ConversationSide::Known { id }, TicketSide::Wanted) => self.plan_create(link, id),
            (ConversationSide::Known { id }, TicketSide::Known { id: ticket }) => {
                self.plan_whole(link, id, ticket);
            }
            (ConversationSide::Known { id }, TicketSide::Unwanted { rule }) => {
                // What had a Link before is as that one left it: a person may have untied it.
                let mut others = self.lane.links.iter().filter(|l| l.id != link.id);
                let had_one = others.any(|l| l.conversation_id() == Some(id));
                if rule == LEARNT_BY_ANSWER && self.has_spoken(id) && !had_one {
                    self.take_in_after_all(link, id);
                } else if self
                    .lane
                    .conversations
                    .get(id)
                    .is_some_and(|m| m.seen.state.is_closed())
                {
                    self.end_link(&link.id, "closed");
                }
            }
            (ConversationSide::Unwanted { .. }, _) => self.end_link(&link.id, "unwanted"),
            (ConversationSide::Wanted, TicketSide::Wanted | TicketSide::Unwanted { .. }) => {
                self.end_link(&link.id, "withdrawn");
            }
        }
    }
}
