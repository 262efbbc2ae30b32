//! Tickets that go away: deleted, or merged into another (rule 10). Neighbour: links, which asks.

use super::{access::wish, state::EntryKind, step::Turn};
use crate::{
    effect::{Effect, Operation},
    ids::{ConversationId, IntentId, LinkId, TicketId},
    intent::{Intent, IntentState},
    link::{Agreed, ConversationSide, Link, TicketSide},
    ticket::{Status, Ticket},
    time::Timestamp,
};

const RULE: &str = "merged tickets";

/// The end of a Link whose ticket is no more.
const GONE: &str = "gone";

impl Turn<'_> {
    pub(super) fn lose_ticket(&mut self, link: &Link, ticket: &TicketId) {
        for operation in Operation::ALL {
            self.withdraw(&link.id, operation, None);
        }
        if !self.under_way(&link.id, Operation::Start) {
            self.note_ticket(EntryKind::Alarm, format!("Ticket {ticket} is gone"), ticket);
            self.end_link(&link.id, GONE);
            if let Some(talk) = link.conversation_id() {
                self.watch_to_its_end(talk, GONE);
            }
        }
    }

    /// A conversation whose ticket is gone keeps the customer busy: without a live Link nobody would
    /// look whether it has ended.
    fn watch_to_its_end(&mut self, talk: &ConversationId, rule: &str) {
        let mut links = self.lane.links.iter();
        let watched = links.any(|l| l.is_live() && l.conversation_id() == Some(talk));
        if self.is_active(talk) && !watched {
            self.link_without_ticket(talk, rule);
        }
    }

    /// The ticket was merged away: the Link follows if the customer is the same, else a person
    /// decides.
    pub(super) fn follow_merge(&mut self, link: &Link, ticket: &TicketId, into: &TicketId) {
        if planted!(MergeNotFollowed) {
            return;
        }
        let Some(target) = self.lane.tickets.get(into).cloned() else {
            return self.want_ticket(into);
        };
        let known = self.is_seen_since_merge(ticket, into);
        let Some(seen) = target.seen.filter(|_| known) else {
            if target.gone {
                self.lose_ticket(link, ticket);
            } else {
                self.want_ticket_since(into, self.merge_seen_at(ticket));
            }
            return;
        };
        let asked = target
            .holder_asked_at
            .is_some_and(|at| at >= link.created_at);
        if !asked {
            return self.ask_who_holds(into);
        }
        let same = target.held_elsewhere.is_none() && self.same_customer(ticket, &seen);
        if (same || planted!(MergeFollowedToAnother)) && self.make_room(into) {
            self.move_link(&link.id, into, seen.status);
        } else {
            self.leave_merge_to_a_person(link, into);
        }
    }

    /// Whether what a ticket was merged into was seen since: what is known of it may be older than the merge, and
    /// its changes be told to whose it is.
    pub(super) fn is_seen_since_merge(&self, ticket: &TicketId, into: &TicketId) -> bool {
        let merged_at = self.merge_seen_at(ticket);
        let target = self.lane.tickets.get(into);
        target.is_some_and(|target| target.seen.is_some() && target.seen_at >= merged_at)
    }

    fn merge_seen_at(&self, ticket: &TicketId) -> Option<Timestamp> {
        self.lane.tickets.get(ticket).and_then(|m| m.seen_at)
    }

    /// Whether the ticket has no live Link; one that only waits for a conversation gives way to the
    /// one that comes with the merge.
    fn make_room(&mut self, into: &TicketId) -> bool {
        let Some(waiting) = self.live_link_of_ticket(into).cloned() else {
            return true;
        };
        let idle = waiting.conversation == ConversationSide::Wanted
            && !self.under_way(&waiting.id, Operation::Start);
        if idle {
            for operation in Operation::ALL {
                self.withdraw(&waiting.id, operation, None);
            }
            self.end_link(&waiting.id, "merged");
        }
        idle
    }

    fn same_customer(&self, ticket: &TicketId, target: &Ticket) -> bool {
        let mapping = self.rules.mapping;
        let theirs = mapping.user_id(target).ok().flatten();
        let old = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        let ours = old.and_then(|old| mapping.user_id(old).ok().flatten());
        let same_requester = old.is_some_and(|old| {
            old.requester.id.is_some() && old.requester.id == target.requester.id
        });
        // The spelling asked for may differ from the Lane's canonical one: the old ticket's counts too.
        let same_user = theirs.is_some_and(|user| user == self.lane.user || Some(user) == ours);
        same_requester || same_user
    }

    /// Whether the ticket to which a Link moves is another customer's, or what it had was.
    fn is_anothers(&self, link: &LinkId, into: &TicketId) -> bool {
        let left = self.lane.link(link).and_then(Link::ticket_id);
        let target = self.lane.tickets.get(into).and_then(|m| m.seen.as_ref());
        let (Some(left), Some(target)) = (left, target) else {
            return false;
        };
        let was = self.lane.tickets.get(left).is_some_and(|m| m.anothers);
        was || !self.same_customer(left, target)
    }

    /// The Link belongs to another ticket from now.
    pub(super) fn move_link(&mut self, link: &LinkId, into: &TicketId, status: Status) {
        for operation in [Operation::LinkField, Operation::Status, Operation::Note] {
            self.withdraw(link, operation, None);
        }
        let anothers = self.is_anothers(link, into);
        self.takes(into);
        if let Some(memory) = self.lane.tickets.get_mut(into) {
            // This conversation follows; the customer's next one is no business of another's ticket.
            memory.anothers = anothers;
        }
        let now = self.now;
        if let Some(link) = self.lane.link_mut(link) {
            link.ticket = TicketSide::Known { id: into.clone() };
            link.ticket_since = Some(now);
            link.link_field_written = false;
            link.agreed = Some(Agreed {
                conversation_closed: false,
                status,
            });
        }
        self.changed = true;
        let sentence = format!("The ticket was merged into {into}: the link follows");
        self.note_link(EntryKind::Decision, sentence, link, Some(RULE));
    }

    /// Another customer's ticket, or one that has a conversation: nothing is done by itself. `parked
    /// retry` makes the Link follow nevertheless.
    fn leave_merge_to_a_person(&mut self, link: &Link, into: &TicketId) {
        let Some(conversation) = link.conversation_id().cloned() else {
            for operation in Operation::ALL {
                self.withdraw(&link.id, operation, None);
            }
            if !self.under_way(&link.id, Operation::Start) {
                self.end_link(&link.id, "merged");
            }
            return;
        };
        if self.is_over(&conversation) {
            return self.end_link(&link.id, "merged");
        }
        let cause = format!("merged into {into}");
        let effect = Effect::WriteLinkField {
            ticket: into.clone(),
            conversation,
        };
        self.ensure(&link.id, &cause, effect, RULE);
        let fresh = |i: &&Intent| {
            i.link == link.id
                && wish(&i.cause) == cause
                && i.state == IntentState::Planned
                && i.attempts == 0
                && i.last_error.is_none()
        };
        if let Some(id) = self.lane.intents.iter().find(fresh).map(|i| i.id.clone()) {
            self.park_merge(&id, into);
        }
    }

    fn park_merge(&mut self, id: &IntentId, into: &TicketId) {
        let detail = format!(
            "the ticket was merged into {into}, which is another customer's or has a conversation"
        );
        if let Some(intent) = self.lane.intent_mut(id) {
            intent.last_error = Some(detail.clone());
        }
        self.park(
            id,
            "merged",
            detail,
            "`parked retry` ties the conversation to the other ticket; or `link` it by hand, or `unlink`",
        );
    }

    /// `parked retry` of a merge: the other ticket's holder is asked for anew.
    pub(super) fn forget_holder(&mut self, intent: &Intent) {
        if let Some(into) = self.merge_target(intent)
            && let Some(memory) = self.lane.tickets.get_mut(&into)
        {
            memory.held_elsewhere = None;
            memory.holder_asked_at = None;
        }
    }

    /// A merge that a person ordered to follow is not written to a ticket that has a live Link: that
    /// one would show a conversation that is not its own, and the store would refuse the move.
    /// Whether the write must wait or was parked again.
    pub(super) fn is_merge_barred(&mut self, intent: &Intent) -> bool {
        let Some(into) = self.merge_target(intent) else {
            return false;
        };
        let memory = self.lane.tickets.get(&into);
        let held = memory.is_some_and(|m| m.held_elsewhere.is_some());
        if held || self.live_link_of_ticket(&into).is_some() {
            self.park_merge(&intent.id, &into);
            return true;
        }
        let asked = memory.is_some_and(|m| m.holder_asked_at.is_some());
        if !asked {
            self.ask_who_holds(&into);
        }
        !asked
    }

    /// Whether it is still being asked who holds the ticket that this one's was merged into: what the
    /// old ticket called for waits for the answer.
    pub(super) fn is_merge_open(&self, intent: &Intent) -> bool {
        let by_state = matches!(
            intent.operation(),
            Operation::Start | Operation::Status | Operation::Close
        );
        let link = self.lane.link(&intent.link).filter(|l| l.is_live());
        let Some((link, ticket)) = link.and_then(|l| Some((l, l.ticket_id()?))) else {
            return false;
        };
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        let Some(into) = seen.and_then(|seen| seen.merged_into.as_ref()) else {
            return false;
        };
        let asked_at = self.lane.tickets.get(into).and_then(|m| m.holder_asked_at);
        let asked = asked_at.is_some_and(|at| at >= link.created_at);
        by_state && !asked && !planted!(MergeNotFollowed)
    }

    /// The ticket that a Link is about to follow its merged one to, if that is what this write is.
    fn merge_target(&self, intent: &Intent) -> Option<TicketId> {
        let Effect::WriteLinkField { ticket, .. } = &intent.effect else {
            return None;
        };
        let own = self.lane.link(&intent.link)?.ticket_id()?;
        (own != ticket && intent.rule == RULE).then(|| ticket.clone())
    }

    fn is_over(&self, id: &ConversationId) -> bool {
        let memory = self.lane.conversations.get(id);
        memory.is_some_and(|m| m.seen.state.is_closed())
    }
}
