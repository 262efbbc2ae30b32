//! What a commit rests on, kept from before it: what was shown of a ticket, since when it asks, what a person
//! untied. Neighbours: `witness`, who asks at each commit; `calls` and `hooks`, which show.

use super::{
    law::Law,
    witness::{LOOK_AGE, TAG, goes_out},
    world::World,
};
use bridge_core::{
    effect::Operation,
    ids::{LinkId, TicketId},
    intent::{Intent, IntentState},
    lane::{Lane, Mode},
    link::Link,
    mapping::OnConflict,
    ticket::Ticket,
};

/// What is wrong, if something is.
type Verdict = Option<(Law, String)>;

impl World {
    /// Whether a ticket had its conversation by another Link since it began to ask: going on to ask is not asking
    /// anew, also where it is another customer's by now.
    pub(super) fn has_had_one(&self, start: &Intent, ticket: &TicketId) -> Verdict {
        let (answered, link) = self.judge.served.get(ticket)?;
        let since = self.judge.asks_since.get(ticket)?;
        let record = self.desk.records.get(ticket)?;
        // Opened again, or written on, it may ask by another rule.
        let by_another_rule = self.judge.once_closed.contains(ticket) || !record.said.is_empty();
        let excused = by_another_rule
            || start.attempts > 1
            || *link == start.link
            || self.is_merged(ticket)
            || !self.judge.restored.is_empty()
            || self.was_decided_of(|l| l.ticket_id() == Some(ticket));
        let what = format!(
            "{} goes out, and {ticket} had a conversation since it asks",
            start.id
        );
        (!excused && answered >= since).then_some((Law::AskedFor, what))
    }

    /// A Lane is shown that a ticket asks no more: when it asks again, that is another wish, however soon it came.
    pub(super) fn asks_no_more(&mut self, before: &Lane, after: &Lane) {
        let asks = |lane: &Lane, id| {
            let seen = lane.tickets.get(id).and_then(|m| m.seen.as_ref());
            seen.is_some_and(|ticket: &Ticket| ticket.tags.iter().any(|tag| tag == TAG))
        };
        let tickets = after.tickets.keys();
        let stopped = tickets.filter(|id| asks(before, *id) && !asks(after, *id));
        for id in stopped {
            self.judge.served.remove(id);
        }
    }

    /// Whether a ticket's status is set though nothing has shown the ticket of late.
    pub(super) fn is_set_unseen(&self, ticket: &TicketId) -> Verdict {
        let shown = self.judge.shown.get(ticket);
        let lately = shown.is_some_and(|at| self.now.since(*at) <= LOOK_AGE);
        let what = format!("{ticket} is set, and nothing has shown it of late");
        let unseen = !lately && self.clocks_are_steady();
        unseen.then_some((Law::NothingOverwritten, what))
    }

    /// Where the conversation wins over its ticket, both agree that it is over after a look at the ticket: what a
    /// webhook has yet to tell must not depend on when it comes.
    pub(super) fn agreed_after_a_look(&self, before: &Lane, after: &Lane) -> Verdict {
        let wins = self.ruled_by.on_conflict == OnConflict::Conversation;
        if !wins || !self.clocks_are_steady() {
            return None;
        }
        let over = |link: &Link| link.agreed.as_ref().is_some_and(|a| a.conversation_closed);
        let now_over = |link: &&Link| {
            let had = before.link(&link.id);
            over(link) && had.is_some_and(|had| had.is_live() && !over(had))
        };
        let mut links = after.links.iter().filter(now_over);
        links.find_map(|link| {
            let (talk, ticket) = (link.conversation_id()?, link.ticket_id()?);
            let told_at = after.conversations.get(talk)?.closed_known_at?;
            let memory = after.tickets.get(ticket)?;
            // A close of ours that finds it over agrees on that: the ticket asked for it.
            let closes = |i: &Intent| i.link == link.id && i.operation() == Operation::Close;
            // So does a status of ours that it has since: what it was set over was shown lately (history 1536045).
            let sets = |i: &Intent| {
                let since = i.sent_at.is_some_and(|at| at >= told_at);
                i.link == link.id && i.operation() == Operation::Status && since
            };
            // Where the ticket refused it, a person is asked (history 1973762).
            let done = |i: &Intent| {
                let refused = sets(i) && i.state == IntentState::Parked;
                (closes(i) || sets(i)) && i.state == IntentState::Confirmed || refused
            };
            let excused = memory.gone
                || after.intents.iter().any(done)
                || self.judge.closed_by_us.contains(talk)
                || self.judge.decided.contains(&link.id)
                || !self.judge.restored.is_empty()
                || self.mode == Mode::Observe;
            if excused {
                return None;
            }
            self.judge.asks(Law::LookedFirst);
            let looked_at = self.judge.looked_at.get(ticket);
            let what = format!("{talk} is over, and {ticket} was not looked at since");
            let looked = looked_at.is_some_and(|at| *at >= told_at);
            (!looked).then_some((Law::LookedFirst, what))
        })
    }

    /// What was planned for a Link goes out no more once a person untied it.
    pub(super) fn untied(&mut self, before: &Lane, after: &Lane) -> Verdict {
        let is_untied = |id: &LinkId| {
            let live = before.link(id).is_some_and(Link::is_live);
            let ended = after.link(id).and_then(|l| l.ended.as_ref());
            live && ended.is_some_and(|ended| ended.reason == "unlinked")
        };
        let planned = |i: &&Intent| i.state == IntentState::Planned && is_untied(&i.link);
        let left = before.intents.iter().filter(planned);
        let left = left.map(|i| (i.id.clone(), i.planned_at));
        self.judge.untied.extend(left);
        if after.links.iter().any(|l| is_untied(&l.id)) {
            self.judge.asks(Law::UntiedIsLeft);
        }
        let goes = |new: &&Intent| {
            let old = before.intents.iter().find(|old| old.id == new.id);
            // What the end itself asks for is planned anew, as the clearing of the ticket's id.
            let as_planned = self.judge.untied.get(&new.id) == Some(&new.planned_at);
            as_planned && self.judge.restored.is_empty() && goes_out(old, new)
        };
        let one = after.intents.iter().find(goes)?;
        let what = format!("{} goes out for a link that a person untied", one.id);
        Some((Law::UntiedIsLeft, what))
    }
}
