//! What must hold of every commit, whatever the rules decided: cheap enough to be asked each time,
//! in production too. Neighbour: the session, which stores nothing of a Lane that breaks it.

use super::{Came, Phase};
use crate::{
    effect::Operation,
    ids::IntentId,
    intent::{Intent, IntentState},
    lane::{Lane, Message},
    link::Link,
    time::Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

/// How the name of what holds a Lane begins where a law would have been broken; the law and the moment follow.
pub const BROKEN: &str = "broken:";

/// A law that would be broken, which is a bug of ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{law}: {what}")]
pub struct Broken {
    /// The law in a word, as in metrics and in `parked list`.
    pub law: &'static str,
    /// What broke it, without content.
    pub what: String,
}

impl Broken {
    fn of(law: &'static str, what: String) -> Self {
        Self { law, what }
    }

    /// A step panicked.
    #[must_use]
    pub fn panicked() -> Self {
        Self::of("panic", "a step panicked".to_owned())
    }

    /// What the Lane waits for since `now`, as the store names it.
    #[must_use]
    pub fn held_by(&self, now: Timestamp) -> String {
        format!("{BROKEN}{}:{}", self.law, now.0)
    }

    pub(super) fn no_such_intent(id: &IntentId) -> Self {
        Self::of("intent_known", format!("intent {id} is not on the lane"))
    }

    pub(super) fn driver(phase: &Phase, came: &Came) -> Self {
        let asked = match phase {
            Phase::Observing(_) => "a read",
            Phase::Asking(_) => "the gate",
            Phase::Admitting(..) => "the safety halt",
            Phase::Calling(_) => "a call",
            Phase::Keeping(_) | Phase::Releasing | Phase::Settling => "a commit",
            Phase::Joining { .. } => "a join",
            Phase::Ended => "nothing",
        };
        let told = match came {
            Came::Observed { .. } => "a read",
            Came::Blocked(_) | Came::Open | Came::Recalled => "the gate",
            Came::Committed(_) => "a commit",
            Came::Admitted(_) => "the safety halt",
            Came::Performed(_) => "a call",
            Came::Joined(_) => "a join",
        };
        Self::of(
            "driver",
            format!("asked for {asked}, it was told of {told}"),
        )
    }
}

/// Whether `after` may follow the stored `before`.
///
/// # Errors
/// The first law that would be broken.
pub fn check(before: &Lane, after: &Lane) -> Result<(), Broken> {
    one_link_each(after)?;
    let intents: BTreeMap<_, _> = before.intents.iter().map(|i| (&i.id, i)).collect();
    let links: BTreeMap<_, _> = before.links.iter().map(|l| (&l.id, l)).collect();
    let mut wanted = BTreeSet::new();
    for intent in &after.intents {
        whole(intent)?;
        if let Some(old) = intents.get(&intent.id) {
            follows(old, intent)?;
        }
        if !wanted.insert((&intent.link, intent.operation(), intent.cause.as_str())) {
            return Err(Broken::of(
                "intent_once",
                format!("intent {} is planned twice", intent.id),
            ));
        }
    }
    for link in &after.links {
        if let Some(old) = links.get(&link.id) {
            goes_on(old, link)?;
        }
    }
    said_in_turn(after)?;
    ends_once(before, after)?;
    remembers(before, after)?;
    settles_once(after)
}

/// A ticket or a conversation has one live Link (law 3).
fn one_link_each(lane: &Lane) -> Result<(), Broken> {
    let live = || lane.links.iter().filter(|link| link.is_live());
    let mut tickets = BTreeSet::new();
    let mut talks = BTreeSet::new();
    for link in live() {
        if link.ticket_id().is_some_and(|id| !tickets.insert(id))
            || link.conversation_id().is_some_and(|id| !talks.insert(id))
        {
            let what = format!("link {} shares a side with another live one", link.id);
            return Err(Broken::of("one_link", what));
        }
    }
    Ok(())
}

/// What was sent says when; what is parked says why.
fn whole(intent: &Intent) -> Result<(), Broken> {
    let known = match intent.state {
        IntentState::Sent => {
            intent.first_sent_at.is_some() && intent.sent_at.is_some() && intent.attempts > 0
        }
        IntentState::Parked => intent.parked.is_some(),
        IntentState::Planned
        | IntentState::Unknown
        | IntentState::Confirmed
        | IntentState::Refused
        | IntentState::Withdrawn
        | IntentState::Observed => true,
    };
    if known {
        return Ok(());
    }
    let what = format!(
        "intent {} is {} and does not say how",
        intent.id,
        intent.state.as_str()
    );
    Err(Broken::of("intent_whole", what))
}

/// What was done stays done, and serves what it served (law 2).
fn follows(old: &Intent, new: &Intent) -> Result<(), Broken> {
    let final_ = match old.state {
        IntentState::Confirmed | IntentState::Observed => true,
        IntentState::Planned
        | IntentState::Sent
        | IntentState::Unknown
        | IntentState::Refused
        | IntentState::Withdrawn
        | IntentState::Parked => false,
    };
    let same = old.link == new.link && old.operation() == new.operation() && old.cause == new.cause;
    // A call that surely did nothing is taken back: that one, and no other.
    let kept = match old.state {
        IntentState::Sent => old.attempts.saturating_sub(1),
        IntentState::Planned
        | IntentState::Unknown
        | IntentState::Confirmed
        | IntentState::Refused
        | IntentState::Withdrawn
        | IntentState::Parked
        | IntentState::Observed => old.attempts,
    };
    if (final_ && old.state != new.state) || !same || new.attempts < kept {
        let what = format!(
            "intent {} was {} and would be {}",
            new.id,
            old.state.as_str(),
            new.state.as_str()
        );
        return Err(Broken::of("intent_final", what));
    }
    Ok(())
}

/// A Link that ended does not live again, and its generation does not shrink (rule 4). One that
/// ended without a conversation does, with the one that its start turns out to have begun after all:
/// somebody must see to that.
fn goes_on(old: &Link, new: &Link) -> Result<(), Broken> {
    let begun = old.conversation_id().is_none() && new.conversation_id().is_some();
    if (!old.is_live() && new.is_live() && !begun) || new.generation < old.generation {
        let what = format!("link {} would live again", new.id);
        return Err(Broken::of("link_ends", what));
    }
    Ok(())
}

/// A conversation goes from active to closed only (rule 3); numbers are never given twice.
fn remembers(before: &Lane, after: &Lane) -> Result<(), Broken> {
    for (id, old) in &before.conversations {
        let opened_again = after
            .conversations
            .get(id)
            .is_some_and(|new| old.seen.state.is_closed() && !new.seen.state.is_closed());
        if opened_again {
            let what = format!("conversation {id} was closed and would be active");
            return Err(Broken::of("conversation_closes", what));
        }
    }
    if after.next_link < before.next_link || after.next_intent < before.next_intent {
        let what = "a number would be given twice".to_owned();
        return Err(Broken::of("numbers", what));
    }
    Ok(())
}

/// Of one Link and direction one message is on its way at a time: so their order holds (rule 12).
fn said_in_turn(lane: &Lane) -> Result<(), Broken> {
    let on_its_way = lane.intents.iter().filter(|i| {
        matches!(i.state, IntentState::Sent | IntentState::Unknown)
            && matches!(
                i.operation(),
                Operation::Comment
                    | Operation::Message
                    | Operation::Template
                    | Operation::BotMessage
            )
    });
    let mut taken = BTreeSet::new();
    for intent in on_its_way {
        if !taken.insert((&intent.link, intent.operation())) {
            let what = format!("intent {} is sent beside another message", intent.id);
            return Err(Broken::of("said_in_turn", what));
        }
    }
    Ok(())
}

/// A message ends once, in one way.
fn ends_once(before: &Lane, after: &Lane) -> Result<(), Broken> {
    let ended = before.messages.iter().filter(|m| !m.waits());
    for old in ended {
        let known = |m: &&Message| m.place == old.place && m.id == old.id;
        let new = after.messages.iter().find(known);
        if new.is_some_and(|new| new.outcome != old.outcome) {
            let what = format!("message of {} would end again", old.place.id());
            return Err(Broken::of("message_once", what));
        }
    }
    Ok(())
}

/// Each Event is settled once (law 1).
fn settles_once(after: &Lane) -> Result<(), Broken> {
    let mut settled = BTreeSet::new();
    for (delivery, position, _) in &after.fates {
        if !settled.insert((delivery, position)) {
            let what = format!("event {position} of delivery {delivery} is settled twice");
            return Err(Broken::of("settled_once", what));
        }
    }
    Ok(())
}
