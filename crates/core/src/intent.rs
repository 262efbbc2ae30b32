//! An Effect on its way out. Neighbours: the Lane plans and settles Intents, the store keeps them.
//!
//! `planned -> sent -> confirmed / refused / unknown`. A `sent` Intent is committed before the
//! first byte of its call leaves; `planned` is known to be unsent.

use crate::{
    effect::{Effect, Operation},
    ids::{ConversationId, IntentId, LinkId, TicketId},
    read::Written,
    text::{Digest, Text},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far an Intent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// Not sent, surely. It may still be withdrawn.
    Planned,
    /// Its call was begun, and no outcome is committed yet. A start also stays here while the id it
    /// brought back is not proven new.
    Sent,
    /// Nobody knows yet what became of it.
    Unknown,
    /// It was done.
    Confirmed,
    /// The remote said no for good, and that needs nobody.
    Refused,
    /// No longer wanted, and never sent since.
    Withdrawn,
    /// It stopped trying and waits for a person.
    Parked,
    /// `mode = "observe"`: it would have been sent. It never will be.
    Observed,
}

impl IntentState {
    /// The word in tables, metrics and timelines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Confirmed => "confirmed",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Parked => "parked",
            Self::Observed => "observed",
        }
    }

    /// Whether the Lane still has something to do about it.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Planned | Self::Sent | Self::Unknown => true,
            Self::Confirmed | Self::Refused | Self::Withdrawn | Self::Parked | Self::Observed => {
                false
            }
        }
    }
}

/// Why an Intent waits for a person, and what that person can do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Parked {
    /// One word: `refused`, `unknown_outcome`, `two_conversations`, `loop`, `busy_timeout`, ...
    pub reason: String,
    /// What happened, in a sentence without content.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
    /// Since when.
    pub at: Timestamp,
}

impl Parked {
    /// What the timeline and the log say of an Effect that is parked so.
    #[must_use]
    pub fn sentence(&self, effect: &Effect) -> String {
        format!("Parked ({}): {effect}: {}", self.reason, self.detail)
    }
}

/// An Effect with its cause and its fate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Intent {
    /// Its id; Jelou's start carries it in its metadata.
    pub id: IntentId,
    /// The Link it serves.
    pub link: LinkId,
    /// What made it wanted: the source object with its version, never the Delivery (rule 4).
    /// (link, operation, cause) is unique.
    pub cause: String,
    /// The rule that made it, for `explain` and the timeline: a config key or a rule's name.
    pub rule: String,
    /// What to do.
    pub effect: Effect,
    /// How far it has come.
    pub state: IntentState,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// When its first call began.
    pub first_sent_at: Option<Timestamp>,
    /// When its latest call began.
    pub sent_at: Option<Timestamp>,
    /// When the latest call must be over; a later holder of the Lane waits for it.
    pub deadline_at: Option<Timestamp>,
    /// When it was confirmed, by answer, event or read.
    pub confirmed_at: Option<Timestamp>,
    /// Not before this moment.
    pub due_at: Option<Timestamp>,
    /// Calls begun that may have reached the remote.
    pub attempts: u32,
    /// Failed tries in a row that surely did nothing; they pace the schedule.
    pub failures: u32,
    /// When the present row of failures began; `retry_for` counts from here.
    pub failing_since: Option<Timestamp>,
    /// A start's answered conversation, while not proven new; a close's, when confirmed.
    pub answered: Option<ConversationId>,
    /// When that answer came.
    pub answered_at: Option<Timestamp>,
    /// The status of a refusal that may mean a busy customer (rule 7), while that is found out.
    pub refused_status: Option<u16>,
    /// Whether the event that a start or close causes has been seen.
    pub event_seen: bool,
    /// The last error, in a sentence without content.
    pub last_error: Option<String>,
    /// Why it waits for a person.
    pub parked: Option<Parked>,
    /// It was tried again although an earlier try may have worked.
    pub possible_duplicate: bool,
    /// The safety halt holds it.
    pub held: bool,
    /// Of a start: the conversations without a Link or a start event that were known when its first
    /// call began. It made none of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub known_before: BTreeSet<ConversationId>,
    /// What it wrote on a ticket, where retention took the words: their echo may still come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrote: Option<Digest>,
}

impl Intent {
    /// An Intent of which nothing has been sent.
    #[must_use]
    pub fn planned(
        id: IntentId,
        link: LinkId,
        cause: String,
        rule: String,
        effect: Effect,
        planned_at: Timestamp,
    ) -> Self {
        Self {
            id,
            link,
            cause,
            rule,
            effect,
            state: IntentState::Planned,
            planned_at,
            first_sent_at: None,
            sent_at: None,
            deadline_at: None,
            confirmed_at: None,
            due_at: None,
            attempts: 0,
            failures: 0,
            failing_since: None,
            answered: None,
            answered_at: None,
            refused_status: None,
            event_seen: false,
            last_error: None,
            parked: None,
            possible_duplicate: false,
            held: false,
            known_before: BTreeSet::new(),
            wrote: None,
        }
    }

    /// By what its words are known again on a ticket, if it brings any there.
    #[must_use]
    pub fn words(&self) -> Option<Digest> {
        self.effect.words().and_then(Text::digest).or(self.wrote)
    }

    /// What it wrote on this ticket, or may have; its Link has or had the ticket.
    #[must_use]
    pub fn written_on(&self, ticket: &TicketId) -> Option<Written> {
        let describes = match &self.effect {
            Effect::CreateTicket(_) => true,
            other if other.entry().is_some_and(|(on, _)| on == ticket) => false,
            _ => return None,
        };
        if self.attempts == 0 {
            return None;
        }
        Some(Written {
            words: self.words()?,
            describes,
            sent_at: self.sent_at,
        })
    }

    /// Its kind.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.effect.operation()
    }
}
