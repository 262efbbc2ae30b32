//! What must be true of both sides when all is healed and quiet, beyond what each Link says of
//! itself. Neighbours: `ending`, which asks; `witness`, who watched the commits.

use super::{
    excuse::{keeps_apart, makes_a_side},
    fault::Fault,
    law::Law,
    world::World,
};
use bridge_core::{
    effect::{Operation, TicketIdPlace},
    ids::{LinkId, TicketId},
    intent::{Intent, IntentState},
    link::{ConversationSide, Link, Origin, TicketSide},
};
use std::collections::BTreeSet;

/// The tag that asks for a conversation, as in the mapping of all histories.
const TAG: &str = "whatsapp";

/// What is asked here.
const AFTERWARDS: [Law; 7] = [
    Law::NoLinkHalf,
    Law::FieldNamesTalk,
    Law::AskedIsAnswered,
    Law::IdWhereRead,
    Law::SaidIsHeard,
    Law::FilesArrive,
    Law::FollowsDone,
];

/// What is wrong, if something is.
type Verdict = Option<(Law, String)>;

impl World {
    /// Asks all of it, once all is quiet.
    pub fn afterwards(&mut self) {
        // What was known is lost: then it is as it is.
        if !self.judge.restored.is_empty() {
            for law in AFTERWARDS {
                self.judge.excuses(law);
            }
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

    /// Whether anything was only observed: what is, is never sent (rule 17).
    fn observed_once(&self) -> bool {
        self.faults.has(Fault::ObserveFirst)
    }

    fn no_link_is_half(&self) -> Verdict {
        for lane in self.store.lanes() {
            if self.is_spelled_twice(&lane.lane.user) {
                self.judge.excuses(Law::NoLinkHalf);
                continue;
            }
            let talks = self.jelou.talks.values();
            let going = talks.filter(|t| t.is_active());
            let customers: BTreeSet<&str> = going.map(|t| t.conversation.user.as_str()).collect();
            let user = self.jelou.canonical(lane.lane.user.as_str());
            let busy = customers.contains(user.as_str());
            for link in lane.links.iter().filter(|l| l.is_live()) {
                if self.is_with_a_person(&link.id, makes_a_side) {
                    self.judge.excuses(Law::NoLinkHalf);
                    continue;
                }
                self.judge.asks(Law::NoLinkHalf);
                let waits = link.conversation == ConversationSide::Wanted && !busy;
                if waits || link.ticket == TicketSide::Wanted {
                    let what = format!("{} is {} and nobody works on it", link.id, link.state());
                    return Some((Law::NoLinkHalf, what));
                }
            }
        }
        None
    }

    fn fields_name_talks(&self) -> Verdict {
        let links = self.store.lanes().flat_map(|lane| lane.links);
        for link in links.filter(|l| l.is_live()) {
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
            let decided = self.was_decided_of(|l| l.ticket_id() == Some(ticket));
            if of_ticket.count() > 1 || self.was_given_away(ticket) || decided {
                self.judge.excuses(Law::FieldNamesTalk);
                continue;
            }
            self.judge.asks(Law::FieldNamesTalk);
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
        if !self.hears_of_tickets() || self.observed_once() {
            self.judge.excuses(Law::AskedIsAnswered);
            return None;
        }
        let lanes = self.store.lanes();
        let linked: BTreeSet<String> = lanes
            .flat_map(|lane| lane.links.into_iter())
            .filter_map(|link| link.ticket_id().map(ToString::to_string))
            .collect();
        let asking = self.desk.records.iter().filter(|(id, r)| {
            !r.gone
                && !self.mapping.closes(&r.ticket.status)
                && r.ticket.tags.iter().any(|tag| tag == TAG)
                && r.ticket.link_field.is_none()
                && !self.judge.once_closed.contains(*id)
                && !self.is_merged(id)
        });
        // What was twice not found is gone until something speaks of it again (history 1235391).
        let (gone, asking): (Vec<_>, Vec<_>) = asking.partition(|(id, _)| self.counts_as_gone(id));
        if !gone.is_empty() {
            self.judge.excuses(Law::AskedIsAnswered);
        }
        let mut asking = asking
            .into_iter()
            .inspect(|_| self.judge.asks(Law::AskedIsAnswered));
        let (id, _) = asking.find(|(id, _)| !linked.contains(id.as_str()))?;
        Some((Law::AskedIsAnswered, format!("{id} asks in vain")))
    }

    /// The customer's bot reads the id of the ticket of the conversation that goes on, and none
    /// after its end.
    fn ids_are_where_they_are_read(&self) -> Verdict {
        if self.shape.place == TicketIdPlace::None {
            return None;
        }
        for lane in self.store.lanes() {
            // There is one such id of a customer.
            let decided = self.was_decided_for(&lane.lane.user);
            if decided || self.is_spelled_twice(&lane.lane.user) {
                self.judge.excuses(Law::IdWhereRead);
                continue;
            }
            let links = || lane.links.iter().filter(|l| l.origin != Origin::Ticket);
            let spoilt = links().any(|l| {
                let moved = |id| self.is_merged(id) || self.counts_as_gone(id);
                self.was_not_to_be(&l.id, Operation::TicketId)
                    || self.is_with_a_person(&l.id, keeps_apart)
                    || l.ticket_id().is_some_and(moved)
            });
            if spoilt {
                self.judge.excuses(Law::IdWhereRead);
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
            self.judge.asks(Law::IdWhereRead);
            let right = wanted.contains(there) || (wanted.is_empty() && there.is_empty());
            if !right {
                let what = format!("the bot reads '{there}' and the ticket is {wanted:?}");
                return Some((Law::IdWhereRead, what));
            }
        }
        None
    }
}
