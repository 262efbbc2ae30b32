//! What keeps a law from being asked: each excuse for the object that it is about, and for nothing beside it.
//! Neighbours: `ending`, `afterwards` and `listener`, which ask; `acts`, where people decide.

use super::{fault::Fault, world::World};
use bridge_core::{
    effect::Operation,
    ids::{ConversationId, LaneId, TicketId, UserId},
    intent::{Intent, IntentState},
    link::Link,
};
use std::collections::BTreeSet;

impl World {
    /// Lanes with an Intent that waits for a person, or on a Link of which a person decided: then it is as
    /// that person wants it.
    pub(super) fn lanes_of_people(&self) -> BTreeSet<LaneId> {
        let waits =
            |i: &Intent| matches!(i.state, IntentState::Parked | IntentState::Observed) || i.held;
        let lanes = self.store.lanes();
        lanes
            .filter(|lane| {
                let mut links = lane.links.iter();
                lane.intents.iter().any(|i| waits(i))
                    || links.any(|l| self.judge.decided.contains(&l.id))
            })
            .map(|lane| lane.lane.id.clone())
            .collect()
    }

    /// Whether a ticket was merged into another one, or another into it.
    pub(super) fn is_merged(&self, ticket: &TicketId) -> bool {
        let into = |id: &TicketId| {
            let record = self.desk.records.get(id);
            record.and_then(|r| r.ticket.merged_into.as_ref())
        };
        into(ticket).is_some() || self.desk.records.keys().any(|id| into(id) == Some(ticket))
    }

    /// Whether a ticket was given to another customer, by its requester or by a merge.
    pub(super) fn was_given_away(&self, ticket: &TicketId) -> bool {
        self.judge.given.contains(ticket) || self.is_merged(ticket)
    }

    /// Whether Jelou knows a customer under another spelling too: then two Lanes are one customer until
    /// it shows that.
    pub(super) fn is_spelled_twice(&self, user: &UserId) -> bool {
        let (one, other) = (user.as_str(), self.jelou.canonical(user.as_str()));
        one != other || self.jelou.spelled.values().any(|known| known == one)
    }

    /// Whether a ticket was made for a conversation whose create was tried again although it may have worked: the
    /// Link got another one of them, and this one is flagged.
    pub(super) fn may_be_doubled(&self, ticket: &TicketId) -> bool {
        let lanes = self.store.lanes();
        let mut creates =
            lanes.flat_map(|lane| lane.intents.into_iter().map(move |i| (lane.lane, i)));
        creates.any(|(lane, i)| {
            let creates = i.operation() == Operation::Create && i.possible_duplicate;
            let gets = lane
                .link(&i.link)
                .is_some_and(|l| l.ticket_id() == Some(ticket));
            creates && !gets && self.judge.all_made_for(&i.link).contains(ticket)
        })
    }

    /// Whether a ticket was denied so often that it counts as gone, although it is there.
    pub(super) fn counts_as_gone(&self, ticket: &TicketId) -> bool {
        let missed = self.judge.missed.get(&format!("ticket {ticket}"));
        missed.is_some_and(|times| *times > 1)
    }

    /// Whether a conversation was denied so often that it counts as over, although it goes on.
    pub(super) fn counts_as_over(&self, talk: &ConversationId) -> bool {
        let missed = self.judge.missed.get(&format!("conversation {talk}"));
        missed.is_some_and(|times| *times > 1)
    }

    /// Whether a person decided of one of these Links.
    pub(super) fn was_decided_of(&self, is_meant: impl Fn(&Link) -> bool) -> bool {
        let mut links = self.store.lanes().flat_map(|lane| lane.links);
        links.any(|l| self.judge.decided.contains(&l.id) && is_meant(l))
    }

    /// Whether a person decided of a Link of this customer, however they are spelled.
    pub(super) fn was_decided_for(&self, user: &UserId) -> bool {
        let user = self.jelou.canonical(user.as_str());
        let mut lanes = self.store.lanes();
        lanes.any(|lane| {
            let mut links = lane.links.iter();
            self.jelou.canonical(lane.lane.user.as_str()) == user
                && links.any(|l| self.judge.decided.contains(&l.id))
        })
    }

    /// Whether every change at the desk is heard of: by a list, or by webhooks and reads none of which
    /// was lost (law 7 of the design).
    pub(super) fn hears_of_tickets(&self) -> bool {
        let silent = [
            Fault::HookLost,
            Fault::NotFound,
            Fault::Forbidden,
            Fault::BackupRestored,
        ];
        let fired = |fault: &Fault| self.faults.fired[*fault as usize] > 0;
        let lost = self.gave_up || silent.iter().any(fired);
        self.shape.lists_changes || !lost && self.shape.second_clock == 0
    }
}
