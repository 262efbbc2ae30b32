//! The ticket's id at Jelou, where the customer's bot reads it (`ticket_id_to_jelou`). Neighbour:
//! links, which asks for each Link.

use super::{access::wish, ours::OUR_CLOCKS_APART, step::Turn};
use crate::{
    effect::{Effect, Operation, TicketIdPlace, WriteTicketId},
    ids::{LinkId, TicketId},
    intent::IntentState,
    link::{Link, Origin},
    time::Timestamp,
};
use std::time::Duration;

/// User memory ends after 24 h (Jelou's page on saving records); it is renewed well before.
const MEMORY_RENEWED_AFTER: Duration = Duration::from_secs(20 * 3600);

impl Turn<'_> {
    /// The ticket's id at Jelou, for conversations that the customer started: written when the Link
    /// is whole, renewed in memory, cleared at the end.
    pub(super) fn plan_ticket_id(&mut self, id: &LinkId) {
        let place = self.rules.ticket_id_place;
        let Some(link) = self.lane.link(id).cloned() else {
            return;
        };
        if place == TicketIdPlace::None || link.origin == Origin::Ticket {
            return;
        }
        let (Some(conversation), Some(ticket)) = (link.conversation_id(), link.ticket_id()) else {
            return;
        };
        let Some(memory) = self.lane.conversations.get(conversation) else {
            return;
        };
        let write = |ticket: Option<TicketId>| {
            Effect::WriteTicketId(WriteTicketId {
                place,
                bot: memory.seen.bot.clone(),
                user: memory.seen.user.clone(),
                ticket,
            })
        };
        let over = memory.seen.state.is_closed() || !link.is_live();
        let rule = "jelou.ticket_id_to_jelou";
        if over {
            let clear = write(None);
            return self.plan_clear(&link, clear, rule);
        }
        let effect = write(Some(ticket.clone()));
        match link.ticket_id_written_at {
            None => self.ensure(id, "set", effect, rule),
            Some(at) if place == TicketIdPlace::UserMemory => {
                let renew = at.plus(renewed_after());
                if self.now >= renew {
                    self.ensure(id, &format!("renew {}", at.0), effect, rule);
                } else {
                    self.wake(renew);
                }
            }
            Some(_) => {}
        }
    }

    /// The id is taken back, unless a later conversation of the customer has written its own over it.
    /// While that one is about to, this waits: what it is about to write may never be written.
    fn plan_clear(&mut self, link: &Link, clear: Effect, rule: &str) {
        let wrote = self.last_wrote_id(link);
        let others = self.lane.links.iter().filter(|other| other.id != link.id);
        let at_jelou: Vec<&Link> = others
            .filter(|other| !planted!(IdClearedOverNext) && self.may_write_id(other))
            .collect();
        // One whose conversation is over takes its own id back, and is waited for by nobody.
        let next: Vec<&Link> = at_jelou
            .iter()
            .copied()
            .filter(|other| !self.talk_is_over(other))
            .collect();
        let awaited = !next.is_empty();
        // An older conversation that was heard of late may have written last, by another process's clock. What
        // is too close to tell apart is written again, once.
        let again = format!("set after {}", link.id);
        let surely = wrote.map(|at| at.plus(OUR_CLOCKS_APART));
        let covered = at_jelou.iter().any(|other| {
            surely.is_some() && other.ticket_id_written_at >= surely
                || self.is_written_as(&other.id, &again)
        });
        let mut written = next.iter().rev();
        let under_it = written.find(|other| other.ticket_id_written_at.is_some());
        let under_it = under_it.map(|other| (*other).clone());
        let but = (!awaited && !covered).then_some("clear");
        self.withdraw(&link.id, Operation::TicketId, but);
        if wrote.is_none()
            || link.ticket_id_cleared
            || self.under_way(&link.id, Operation::TicketId)
        {
            return;
        }
        if covered {
            if let Some(link) = self.lane.link_mut(&link.id) {
                link.ticket_id_cleared = true;
            }
        } else if let (Some(other), Effect::WriteTicketId(write)) = (under_it, &clear) {
            let write = Effect::WriteTicketId(WriteTicketId {
                ticket: other.ticket_id().cloned(),
                ..write.clone()
            });
            self.ensure(&other.id, &again, write, rule);
        } else if !awaited {
            self.ensure(&link.id, "clear", clear, rule);
        }
    }

    fn is_written_as(&self, link: &LinkId, cause: &str) -> bool {
        let mut writes = self.lane.intents.iter().filter(|i| {
            i.link == *link
                && i.operation() == Operation::TicketId
                && i.state == IntentState::Confirmed
        });
        writes.any(|i| wish(&i.cause) == cause)
    }

    /// When this Link's id was last written, as far as is known: a write whose outcome is not known may
    /// have been done, and counts.
    fn last_wrote_id(&self, link: &Link) -> Option<Timestamp> {
        let tries = self.lane.intents.iter().filter(|i| {
            i.link == link.id && i.operation() == Operation::TicketId && i.attempts > 0
        });
        let tried = tries.filter_map(|i| i.sent_at).max();
        link.ticket_id_written_at.max(tried)
    }

    /// Whether this Link's id is at Jelou, or is to be.
    fn may_write_id(&self, link: &Link) -> bool {
        link.is_live()
            && link.is_whole()
            && link.origin != Origin::Ticket
            && !link.ticket_id_cleared
            && (link.ticket_id_written_at.is_some() || !self.talk_is_over(link))
    }

    fn talk_is_over(&self, link: &Link) -> bool {
        !link.conversation_id().is_some_and(|id| self.is_active(id))
    }
}

fn renewed_after() -> Duration {
    if planted!(RenewedByMinutes) {
        return MEMORY_RENEWED_AFTER / 60;
    }
    if planted!(RenewedByTheHour) {
        return Duration::from_secs(3600);
    }
    MEMORY_RENEWED_AFTER
}
