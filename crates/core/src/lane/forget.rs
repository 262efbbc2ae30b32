//! A Lane forgets what is long over, so that a customer of ten years is as light as a new one.
//! Neighbour: hear, which asks when a Claim begins.

use super::step::Turn;
use crate::ids::{ConversationId, TicketId};

/// Conversations kept that are over. Their late events come within days; one of before would need a
/// hundred conversations in that time.
const ENDED_CONVERSATIONS_KEPT: usize = 100;

/// Tickets kept that no live Link has. One that is forgotten is read again when it is told of.
const UNLINKED_TICKETS_KEPT: usize = 100;

impl Turn<'_> {
    pub(super) fn forget(&mut self) {
        self.forget_conversations();
        self.forget_tickets();
    }

    fn forget_conversations(&mut self) {
        let mut over: Vec<_> = self
            .lane
            .conversations
            .iter()
            .filter(|(id, m)| {
                let live = self.link_of_conversation(id).is_some_and(|l| l.is_live());
                m.seen.state.is_closed() && !live
            })
            .map(|(id, m)| (m.learnt_at, id.clone()))
            .collect();
        over.sort();
        let surplus = over.len().saturating_sub(ENDED_CONVERSATIONS_KEPT);
        let gone: Vec<ConversationId> = over.into_iter().take(surplus).map(|(_, id)| id).collect();
        for id in gone {
            self.lane.conversations.remove(&id);
        }
    }

    fn forget_tickets(&mut self) {
        let mut over: Vec<_> = self
            .lane
            .tickets
            .iter()
            .filter(|(id, m)| m.hint_at.is_none() && self.live_link_of_ticket(id).is_none())
            .map(|(id, m)| (m.seen_at, id.clone()))
            .collect();
        over.sort();
        let surplus = over.len().saturating_sub(UNLINKED_TICKETS_KEPT);
        let gone: Vec<TicketId> = over.into_iter().take(surplus).map(|(_, id)| id).collect();
        for id in gone {
            self.lane.tickets.remove(&id);
        }
    }
}
