//! What must hold in every state, and of every call and commit. Neighbour: ending, about the states
//! in which nothing more happens.

use super::{setting::Setting, worker::Worker, world::World};
use bridge_core::{
    call::Resolve,
    effect::{Effect, Operation},
    ids::{ConversationId, IntentId, TicketId},
    intent::{Intent, IntentState},
};
use std::collections::{BTreeMap, BTreeSet};

/// A law that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub law: &'static str,
    /// How it was broken.
    pub what: String,
}

/// The laws, each with what it promises.
pub const LAWS: [(&str, &str); 17] = [
    (
        "acked",
        "a Delivery that was answered with 200 is in the store",
    ),
    (
        "not_stranded",
        "a Delivery that is not settled is at the Router, or on a Lane that is due or worked on",
    ),
    (
        "one_link",
        "a ticket and a conversation have one live Link each",
    ),
    (
        "one_talk",
        "of each start there is one conversation at most, and one of ours per customer goes on",
    ),
    (
        "one_ticket",
        "for each conversation one ticket at most is made",
    ),
    (
        "intent_before_call",
        "a call is made for an Intent that is stored as sent, with its attempt counted",
    ),
    (
        "single_writer",
        "a call or a commit is made under the Claim that holds",
    ),
    (
        "right_target",
        "a close that hits another conversation is told of in the commit that settles it",
    ),
    (
        "set_aside",
        "no Lane is set aside by the session's own checks",
    ),
    ("lane_is_json", "what a Lane knows can be stored"),
    (
        "settled",
        "in the end every Delivery is settled or of no concern",
    ),
    (
        "at_rest",
        "in the end no Intent is open, unless the safety halt holds it",
    ),
    (
        "parked",
        "nothing waits for a person where no call was cut off",
    ),
    (
        "agreed",
        "after a sweep, of a live Link neither side is over",
    ),
    (
        "served",
        "after a sweep, an open ticket that asks had its conversation, and a conversation told of has its ticket",
    ),
    ("fixpoint", "a sweep after that writes nothing"),
    ("ends", "nothing goes on for ever"),
];

impl Broken {
    /// It was broken so.
    pub fn of(law: &'static str, what: String) -> Self {
        Self { law, what }
    }
}

fn hold(law: &'static str, holds: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(Broken::of(law, what()))
    }
}

impl World {
    /// The laws of every state.
    pub(super) fn check(&self, setting: &Setting) -> Result<(), Broken> {
        self.deliveries_are_safe()?;
        self.one_link_each()?;
        self.made_once(setting)
    }

    fn deliveries_are_safe(&self) -> Result<(), Broken> {
        let mut stored = 0;
        for delivery in self.store.deliveries() {
            stored += 1;
            if delivery.state != "routed" {
                continue;
            }
            let lane = self
                .store
                .lanes()
                .find(|seen| Some(&seen.lane.id) == delivery.lane);
            let moves =
                lane.is_some_and(|lane| lane.due_at.is_some() || lane.lease_until.is_some());
            hold("not_stranded", moves, || {
                format!("delivery {} is on a lane that rests", delivery.id)
            })?;
        }
        let kept = stored + self.unstored.len();
        hold("acked", usize::from(self.answered) <= kept, || {
            format!("{} were answered, {kept} are there", self.answered)
        })
    }

    fn one_link_each(&self) -> Result<(), Broken> {
        let (mut tickets, mut talks) = (BTreeSet::new(), BTreeSet::new());
        for lane in self.store.lanes() {
            for link in lane.links.iter().filter(|link| link.is_live()) {
                let ticket = link
                    .ticket_id()
                    .is_none_or(|id| tickets.insert(id.as_str().to_owned()));
                let talk = link
                    .conversation_id()
                    .is_none_or(|id| talks.insert(id.as_str().to_owned()));
                hold("one_link", ticket && talk, || {
                    format!("link {} is a second one", link.id)
                })?;
            }
        }
        Ok(())
    }

    fn made_once(&self, setting: &Setting) -> Result<(), Broken> {
        let mut of_intent: BTreeMap<&IntentId, u32> = BTreeMap::new();
        let mut going_on = 0;
        for talk in self.jelou.talks.values() {
            if let Some(intent) = &talk.intent {
                *of_intent.entry(intent).or_default() += 1;
                going_on += u32::from(talk.is_active());
            }
        }
        let flagged = |id: &IntentId| self.stored_intent(id).is_some_and(|i| i.possible_duplicate);
        for (intent, many) in of_intent {
            hold("one_talk", many == 1 || flagged(intent), || {
                format!("{many} conversations of {intent}")
            })?;
        }
        hold("one_talk", going_on <= 1, || {
            format!("{going_on} of ours go on")
        })?;
        let mut for_talk: BTreeMap<&ConversationId, (u32, bool)> = BTreeMap::new();
        for record in self.desk.records.values() {
            if let (Some(intent), Some(talk)) = (&record.made_by, &record.ticket.link_field) {
                let entry = for_talk.entry(talk).or_default();
                entry.0 += 1;
                entry.1 |= setting.create == Resolve::None && flagged(intent);
            }
        }
        for (talk, (many, flagged)) in for_talk {
            hold("one_ticket", many == 1 || flagged, || {
                format!("{many} tickets made for {talk}")
            })?;
        }
        Ok(())
    }

    /// An Intent as stored.
    pub(super) fn stored_intent(&self, id: &IntentId) -> Option<Intent> {
        let mut lanes = self.store.lanes();
        lanes.find_map(|lane| {
            lane.intents
                .iter()
                .find(|i| i.id == *id)
                .map(|i| (*i).clone())
        })
    }

    /// A call is about to be made.
    pub(super) fn check_call(&self, worker: &Worker, intent: &Intent) -> Result<(), Broken> {
        let stored = self.stored_intent(&intent.id);
        let sent = stored.is_some_and(|stored| {
            stored.state == IntentState::Sent && stored.attempts == intent.attempts
        });
        hold("intent_before_call", sent, || {
            format!("{} is not stored as sent", intent.id)
        })?;
        hold("single_writer", worker.is_current(self), || {
            format!("{} is called for by a claim that is over", intent.id)
        })
    }

    /// A commit was just taken.
    pub(super) fn check_commit(&self, worker: &Worker) -> Result<(), Broken> {
        hold("single_writer", worker.is_current(self), || {
            "a claim that is over committed".to_owned()
        })?;
        let told = !worker.misclosed || worker.session.lane().misclosed > 0;
        hold("right_target", told, || {
            "a close hit another conversation, and nobody is told".to_owned()
        })
    }
}

/// The tickets whose conversation was told of, or that were made for one.
pub(super) fn has_ticket(world: &World, talk: &ConversationId) -> bool {
    world.store.lanes().any(|lane| {
        let links = lane.links.iter();
        links
            .into_iter()
            .any(|l| l.conversation_id() == Some(talk) && l.ticket_id().is_some())
    })
}

/// Whether a ticket has or had a conversation.
pub(super) fn had_talk(world: &World, ticket: &TicketId) -> bool {
    let started = world
        .jelou
        .talks
        .values()
        .any(|talk| talk.ticket.as_ref() == Some(ticket));
    started
        || world.store.lanes().any(|lane| {
            let links = lane.links.iter();
            links
                .into_iter()
                .any(|l| l.ticket_id() == Some(ticket) && l.conversation_id().is_some())
        })
}

/// What waits for a person, by reason.
pub(super) fn parked(world: &World) -> Vec<(Operation, String)> {
    let mut parked = Vec::new();
    for lane in world.store.lanes() {
        for intent in lane
            .intents
            .iter()
            .filter(|i| i.state == IntentState::Parked)
        {
            let reason = intent
                .parked
                .as_ref()
                .map_or(String::new(), |p| p.reason.clone());
            parked.push((intent.operation(), reason));
        }
    }
    parked
}

/// Whether an open Intent rests with good reason.
pub(super) fn may_rest(intent: &Intent) -> bool {
    intent.held
        || matches!(intent.effect, Effect::AddNote { .. }) && intent.state == IntentState::Parked
}
