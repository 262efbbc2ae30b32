//! What must be true of both sides when all is healed and quiet, beyond what each Link says of
//! itself. Neighbours: `ending`, which asks; `witness`, who watched the commits.

use super::{fault::Fault, law::Law, world::World};
use bridge_core::{
    effect::{Operation, TicketIdPlace},
    ids::{LaneId, LinkId, TicketId},
    intent::{Intent, IntentState},
    link::{ConversationSide, Link, Origin, TicketSide},
};
use std::collections::BTreeSet;

/// The tag that asks for a conversation, as in the mapping of all histories.
const TAG: &str = "whatsapp";

/// What is wrong, if something is.
type Verdict = Option<(Law, String)>;

impl World {
    /// Asks all of it, once all is quiet.
    pub fn afterwards(&mut self) {
        // A person decided, or what was known is lost: then it is as it is.
        let set_back = self.faults.fired[Fault::ClockSetBack as usize] > 0;
        if set_back || !self.judge.decided.is_empty() || !self.judge.restored.is_empty() {
            return;
        }
        let wrong = self
            .no_link_is_half()
            .or_else(|| self.fields_name_talks())
            .or_else(|| self.who_asks_was_answered())
            .or_else(|| self.ids_are_where_they_are_read())
            .or_else(|| self.all_is_heard())
            .or_else(|| self.all_is_finished());
        if let Some((law, what)) = wrong {
            self.judge.breach(law, what);
        }
    }

    /// Whether a write of this kind for the Link was refused, parked or only observed.
    fn was_not_to_be(&self, link: &LinkId, operation: Operation) -> bool {
        let failed = |i: &Intent| {
            matches!(
                i.state,
                IntentState::Refused | IntentState::Parked | IntentState::Observed
            )
        };
        self.store.lanes().any(|lane| {
            let mut own = lane.intents.iter().filter(|i| i.link == *link);
            own.any(|i| i.operation() == operation && failed(i))
        })
    }

    pub(super) fn lanes_that_wait_for_a_person(&self) -> BTreeSet<LaneId> {
        let waits =
            |i: &Intent| matches!(i.state, IntentState::Parked | IntentState::Observed) || i.held;
        let lanes = self.store.lanes();
        lanes
            .filter(|lane| lane.intents.iter().any(|i| waits(i)))
            .map(|lane| lane.lane.id.clone())
            .collect()
    }

    fn no_link_is_half(&self) -> Verdict {
        if self.faults.has(Fault::TwoSpellings) {
            return None;
        }
        let waiting = self.lanes_that_wait_for_a_person();
        for lane in self.store.lanes() {
            if waiting.contains(&lane.lane.id) {
                continue;
            }
            let talks = self.jelou.talks.values();
            let going = talks.filter(|t| t.is_active());
            let customers: BTreeSet<&str> = going.map(|t| t.conversation.user.as_str()).collect();
            let user = self.jelou.canonical(lane.lane.user.as_str());
            let busy = customers.contains(user.as_str());
            for link in lane.links.iter().filter(|l| l.is_live()) {
                let waits = link.conversation == ConversationSide::Wanted && !busy;
                if waits || link.ticket == TicketSide::Wanted {
                    let what = format!("{} is {} and nobody works on it", link.id, link.state());
                    return Some((Law::NoLinkHalf, what));
                }
            }
        }
        None
    }

    fn live_links(&self) -> Vec<Link> {
        let lanes = self.store.lanes();
        lanes
            .flat_map(|lane| lane.links.into_iter().cloned())
            .filter(Link::is_live)
            .collect()
    }

    fn fields_name_talks(&self) -> Verdict {
        let odd = [Fault::Merged, Fault::RequesterChanged];
        if odd.iter().any(|fault| self.faults.has(*fault)) {
            return None;
        }
        for link in self.live_links() {
            let (Some(talk), Some(ticket)) = (link.conversation_id(), link.ticket_id()) else {
                continue;
            };
            let record = self.desk.records.get(ticket).filter(|r| !r.gone);
            let Some(record) = record.filter(|r| r.ticket.status.as_str() != "closed") else {
                continue;
            };
            let lanes = self.store.lanes();
            let of_ticket = lanes.filter(|lane| {
                let mut links = lane.links.iter();
                links.any(|l| l.ticket_id() == Some(ticket))
            });
            if of_ticket.count() > 1 {
                continue;
            }
            let named = record.ticket.link_field.as_ref();
            if named != Some(talk) && !self.was_not_to_be(&link.id, Operation::LinkField) {
                let what = format!("{ticket} names {named:?} and its link has {talk}");
                return Some((Law::FieldNamesTalk, what));
            }
        }
        None
    }

    /// A ticket that asks for a conversation had a Link at least.
    fn who_asks_was_answered(&self) -> Verdict {
        let deaf = !self.hears_of_tickets();
        if deaf || self.faults.has(Fault::ObserveFirst) || self.faults.has(Fault::Merged) {
            return None;
        }
        let lanes = self.store.lanes();
        let linked: BTreeSet<String> = lanes
            .flat_map(|lane| lane.links.into_iter())
            .filter_map(|link| link.ticket_id().map(ToString::to_string))
            .collect();
        let mut asking = self.desk.records.iter().filter(|(id, r)| {
            !r.gone
                && !self.mapping.closes(&r.ticket.status)
                && r.ticket.tags.iter().any(|tag| tag == TAG)
                && !linked.contains(id.as_str())
                && r.ticket.link_field.is_none()
                && !self.judge.once_closed.contains(*id)
        });
        let (id, _) = asking.next()?;
        Some((Law::AskedIsAnswered, format!("{id} asks in vain")))
    }

    /// Whether every change at the desk is heard of.
    pub(super) fn hears_of_tickets(&self) -> bool {
        let silent = [
            Fault::HookLost,
            Fault::NotFound,
            Fault::Forbidden,
            Fault::BackupRestored,
            Fault::ClocksApart,
        ];
        self.shape.lists_changes || !silent.iter().any(|fault| self.faults.has(*fault))
    }

    /// The customer's bot reads the id of the ticket of the conversation that goes on, and none
    /// after its end.
    fn ids_are_where_they_are_read(&self) -> Verdict {
        let many = [
            Fault::TwoSpellings,
            Fault::Merged,
            Fault::Deleted,
            Fault::ObserveFirst,
        ];
        let odd = many.iter().any(|fault| self.faults.has(*fault));
        if odd || self.shape.place == TicketIdPlace::None {
            return None;
        }
        for lane in self.store.lanes() {
            let links = || lane.links.iter().filter(|l| l.origin != Origin::Ticket);
            let spoilt = links().any(|l| self.was_not_to_be(&l.id, Operation::TicketId));
            if spoilt {
                continue;
            }
            // A Link may live on with its conversation over: then nobody reads the id.
            let goes_on = |l: &&&Link| {
                let talk = l.conversation_id().and_then(|id| self.jelou.talks.get(id));
                l.is_live() && talk.is_some_and(|talk| talk.is_active())
            };
            let wanted: BTreeSet<&str> = links()
                .filter(goes_on)
                .filter_map(|l| l.ticket_id())
                .map(TicketId::as_str)
                .collect();
            let user = self.jelou.canonical(lane.lane.user.as_str());
            let there = match self.shape.place {
                TicketIdPlace::UserCache => self.jelou.cache.get(&user).map(String::as_str),
                TicketIdPlace::UserMemory => {
                    self.jelou.memory.get(&user).map(|(id, _)| id.as_str())
                }
                TicketIdPlace::None => None,
            };
            let there = there.unwrap_or_default();
            let right = wanted.contains(there) || (wanted.is_empty() && there.is_empty());
            if !right {
                let what = format!("the bot reads '{there}' and the ticket is {wanted:?}");
                return Some((Law::IdWhereRead, what));
            }
        }
        None
    }
}
