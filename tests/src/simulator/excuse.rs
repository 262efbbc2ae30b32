//! What keeps a law from being asked: each excuse for the object that it is about, and for nothing beside it.
//! Neighbours: `ending`, `afterwards` and `listener`, which ask; `acts`, where people decide.

use super::{fault::Fault, world::World};
use bridge_core::{
    effect::{Effect, Operation},
    ids::{ConversationId, LinkId, TicketId, UserId},
    intent::{Intent, IntentState},
    lane::Place,
    link::Link,
    mapping::Mapping,
    time::Timestamp,
};
use std::{collections::BTreeSet, time::Duration};

/// Between the step that decides and the commit that lets it out: a mapping that comes into force in
/// between counts from the next step on.
const STEP_TO_COMMIT: Duration = Duration::from_millis(15);

/// Whether a Link has no second side before this is done.
pub(super) fn makes_a_side(intent: &Intent) -> bool {
    matches!(
        intent.operation(),
        Operation::Start | Operation::Create | Operation::Requester
    )
}

/// Whether a person decides by this whether a Link follows its ticket into what that was merged into: until then
/// nothing else is done to it.
fn follows_a_merge(intent: &Intent) -> bool {
    intent.operation() == Operation::LinkField && intent.cause.starts_with("merged into ")
}

/// Whether the two sides of a Link need not agree before this is done.
pub(super) fn keeps_apart(intent: &Intent) -> bool {
    let moves = matches!(
        intent.operation(),
        Operation::Start | Operation::Close | Operation::Status
    );
    moves || follows_a_merge(intent)
}

/// Whether nobody knows yet what it made: a start, or a create.
pub(super) fn is_in_question(intent: &Intent) -> bool {
    makes_a_side(intent) && matches!(intent.state, IntentState::Sent | IntentState::Unknown)
}

/// Whether what is said at a Link's places is not heard, or not told of, before this is done.
fn keeps_words(intent: &Intent) -> bool {
    let says = match intent.operation() {
        Operation::Start
        | Operation::Requester
        | Operation::Create
        | Operation::Note
        | Operation::Comment
        | Operation::File
        | Operation::Message
        | Operation::Template => true,
        Operation::Close
        | Operation::TicketId
        | Operation::LinkField
        | Operation::Fields
        | Operation::Status
        | Operation::UserState
        | Operation::BotMessage => false,
    };
    says || follows_a_merge(intent)
}

/// Whether it goes no further unless a person wants it.
fn waits_for_a_person(intent: &Intent) -> bool {
    matches!(intent.state, IntentState::Parked | IntentState::Observed) || intent.held
}

impl World {
    /// Whether a mapping that is no longer in force, and was when this was planned or later, answers otherwise.
    /// Without a moment, whichever was in force once.
    pub(super) fn was_answered_otherwise(
        &self,
        planned_at: Option<Timestamp>,
        differs: impl Fn(&Mapping) -> bool,
    ) -> bool {
        let fastest = self.replicas.iter().map(|r| r.clock).max().unwrap_or(0);
        let since = planned_at.map(|at| Timestamp(at.0 - fastest));
        let mut former = self.former.iter();
        former.any(|(until, mapping)| {
            since.is_none_or(|since| since <= until.plus(STEP_TO_COMMIT)) && differs(mapping)
        })
    }

    /// Whether a person was asked about such a write for a Link, or decided of the Link.
    pub(super) fn is_with_a_person(&self, link: &LinkId, is_meant: fn(&Intent) -> bool) -> bool {
        let mut intents = self.store.lanes().flat_map(|lane| lane.intents);
        self.judge.decided.contains(link)
            || intents.any(|i| i.link == *link && waits_for_a_person(i) && is_meant(i))
    }

    /// Whether such a write for a Link is parked.
    pub(super) fn is_parked(&self, link: &LinkId, is_meant: fn(&Intent) -> bool) -> bool {
        let mut intents = self.store.lanes().flat_map(|lane| lane.intents);
        intents.any(|i| i.link == *link && i.state == IntentState::Parked && is_meant(i))
    }

    /// Whether the two sides of a Link are as a person wants them: one was asked, or has decided.
    pub(super) fn is_as_a_person_wants(&self, link: &LinkId) -> bool {
        self.is_parked(link, keeps_apart) || self.judge.decided.contains(link)
    }

    /// Where what is said may wait for as long as a person takes, or a busy customer.
    pub(super) fn places_that_wait_for_a_person(&self) -> BTreeSet<Place> {
        let mut places = BTreeSet::new();
        let of_ticket = |id: &TicketId| Place::Ticket { id: id.clone() };
        for lane in self.store.lanes() {
            let mut intents = lane.intents.iter();
            let observed = intents.any(|i| i.state == IntentState::Observed);
            let anywhere = observed || self.is_spelled_twice(&lane.lane.user);
            for link in &lane.links {
                let waits = anywhere || self.is_with_a_person(&link.id, keeps_words);
                if waits {
                    // What was made for it, though the answer was lost.
                    places.extend(self.judge.all_made_for(&link.id).iter().map(of_ticket));
                }
                if waits || link.is_live() && !link.is_whole() {
                    places.extend(link.ticket_id().map(of_ticket));
                    let id = |id: &ConversationId| Place::Conversation { id: id.clone() };
                    places.extend(link.conversation_id().map(id));
                }
            }
            // A Link may have followed a merge since: the words are where they were said.
            let asked = lane.intents.iter().filter(|i| waits_for_a_person(i));
            for intent in asked.filter(|i| keeps_words(i)) {
                places.extend(intent.effect.entry().map(|(ticket, _)| of_ticket(ticket)));
                if let Effect::SendMessage(said) = &intent.effect {
                    places.insert(of_ticket(&said.ticket));
                }
            }
        }
        places
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
        self.was_missed_twice(&format!("ticket {ticket}"))
    }

    /// Whether a conversation was denied so often that it counts as over, although it goes on.
    pub(super) fn counts_as_over(&self, talk: &ConversationId) -> bool {
        self.was_missed_twice(&format!("conversation {talk}"))
    }

    fn was_missed_twice(&self, what: &str) -> bool {
        let missed = self.judge.missed.get(what);
        missed.is_some_and(|times| *times > 1)
    }

    /// Whether a person decided of one of these Links.
    pub(super) fn was_decided_of(&self, is_meant: impl Fn(&Link) -> bool) -> bool {
        let mut links = self.store.lanes().flat_map(|lane| lane.links);
        links.any(|l| self.judge.decided.contains(&l.id) && is_meant(l))
    }

    /// Whether a person decided of a Link that has this ticket, or for which it was made.
    pub(super) fn was_decided_of_ticket(&self, ticket: &TicketId) -> bool {
        self.was_decided_of(|l| l.ticket_id() == Some(ticket) || self.judge.made_for(&l.id, ticket))
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
