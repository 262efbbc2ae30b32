//! The rows of the tables in memory. Neighbours: every file of this room.

use super::earlier;
use crate::store::types::NewDelivery;
use bridge_core::{
    event::Event,
    ids::{BridgeName, DeliveryId, LaneId, MessageId},
    intent::{Intent, IntentState},
    lane::{Entry, Fate, Lane, Outcome, Place},
    link::Link,
    message::Media,
    text::Text,
    time::Timestamp,
};
use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc, time::Duration};

/// Who works on a Lane.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub owner: Arc<str>,
    /// When the Claim was made.
    pub at: Timestamp,
    /// When it may be taken over.
    pub until: Timestamp,
}

impl Held {
    /// From when on another may take it over.
    pub fn over_at(&self) -> Timestamp {
        match bridge_core::planted!(LeaseEndsLate) {
            true => self.until.plus(Duration::from_secs(600)),
            false => self.until,
        }
    }
}

/// A Lane, with all that is its own.
#[derive(Clone, Debug)]
pub(super) struct LaneRow {
    /// Its state, without what is kept beside it. Its bridge, bot and user are the truth; a commit
    /// does not change them.
    pub state: Lane,
    pub due_at: Option<Timestamp>,
    pub held_by: Option<String>,
    pub held: Option<Held>,
    pub token: i64,
    pub links: Vec<LinkStored>,
    pub intents: Vec<IntentStored>,
    /// Its Deliveries that are not settled.
    pub routed: BTreeSet<DeliveryId>,
    /// What was said and waits to be relayed, in order.
    pub said: BTreeMap<(Place, Timestamp, u64), MessageId>,
}

impl LaneRow {
    /// A Lane that nothing is known of.
    pub fn new(state: Lane) -> Self {
        Self {
            state,
            due_at: None,
            held_by: None,
            held: None,
            token: 0,
            links: Vec::new(),
            intents: Vec::new(),
            routed: BTreeSet::new(),
            said: BTreeMap::new(),
        }
    }

    /// Makes it due at `now` or as it was, whichever is earlier.
    pub fn due_by(&mut self, now: Timestamp) {
        self.due_at = earlier(self.due_at, Some(now));
    }

    /// Makes it due, whatever it waits for.
    pub fn wake(&mut self, now: Timestamp) {
        self.due_by(now);
        self.held_by = None;
    }

    /// Whether nobody works on it, or its holder's lease is over.
    pub fn is_free(&self, now: Timestamp) -> bool {
        self.held.as_ref().is_none_or(|held| held.over_at() <= now)
    }

    pub fn seen(&self) -> LaneSeen<'_> {
        LaneSeen {
            lane: &self.state,
            due_at: self.due_at,
            held_by: self.held_by.as_deref(),
            lease_until: self.held.as_ref().map(|held| held.until),
            token: self.token,
            links: self.links.iter().map(|stored| &stored.link).collect(),
            intents: self.intents.iter().map(|stored| &stored.intent).collect(),
        }
    }
}

/// A Lane as it stands in the store.
#[derive(Clone, Debug)]
pub struct LaneSeen<'a> {
    /// Its state, without Links, Intents and pending Events.
    pub lane: &'a Lane,
    /// When it wants to be claimed.
    pub due_at: Option<Timestamp>,
    /// What it waits for.
    pub held_by: Option<&'a str>,
    /// When the present Claim may be taken over; `None` while it is free.
    pub lease_until: Option<Timestamp>,
    /// How often it was claimed, and taken in by a join.
    pub token: i64,
    /// All its Links, in the order in which they were made.
    pub links: Vec<&'a Link>,
    /// All its Intents, likewise.
    pub intents: Vec<&'a Intent>,
}

/// A Link as stored.
#[derive(Clone, Debug)]
pub(super) struct LinkStored {
    pub row: u64,
    pub link: Link,
    pub updated_at: Timestamp,
    /// When the Sweep last read its conversation.
    pub looked_at: Timestamp,
}

/// An Intent as stored; whether it is held is the store's word.
#[derive(Clone, Debug)]
pub(super) struct IntentStored {
    pub row: u64,
    pub intent: Intent,
    /// A person released it; it goes out uncounted, until it is planned anew.
    pub let_go: bool,
    /// When the safety halt counted it.
    pub let_out_at: Option<Timestamp>,
    /// Retention took the texts.
    pub pruned: bool,
}

impl IntentStored {
    /// Whether this is another plan than the stored one, which was withdrawn meanwhile: what a person let go, and
    /// what the halt counted, was that one.
    pub fn is_planned_anew(&self, intent: &Intent) -> bool {
        let was_withdrawn = self.intent.state == IntentState::Withdrawn;
        (was_withdrawn && intent.state != IntentState::Withdrawn)
            || self.intent.planned_at < intent.planned_at
    }
}

/// How far a Delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Received,
    Routed,
    Settled,
    Ignored,
    Parked,
}

impl Stage {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Routed => "routed",
            Self::Settled => "settled",
            Self::Ignored => "ignored",
            Self::Parked => "parked",
        }
    }
}

/// A Delivery with what became of it.
#[derive(Clone, Debug)]
pub(super) struct DeliveryRow {
    pub came: NewDelivery,
    pub stage: Stage,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub remedy: Option<String>,
    pub lane: Option<LaneId>,
    pub events: Vec<Event>,
    pub fates: BTreeMap<u32, Fate>,
    pub object: Option<String>,
    /// Since when its ticket is missed, if it was when it was looked for last.
    pub missing_since: Option<Timestamp>,
    /// When a person last had it tried again.
    pub retried_at: Option<Timestamp>,
    pub attempts: u32,
    pub at_router: bool,
    /// A Router took it once: from then on no other body joins it.
    pub routing_begun: bool,
    pub due_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub pruned: bool,
}

impl DeliveryRow {
    pub fn seen(&self, id: DeliveryId) -> DeliverySeen<'_> {
        DeliverySeen {
            id,
            bridge: &self.came.bridge,
            state: self.stage.as_str(),
            reason: self.reason.as_deref(),
            lane: self.lane.as_ref(),
            received_at: self.came.received_at,
            due_at: self.due_at,
        }
    }
}

/// A Delivery as it stands in the store.
#[derive(Clone, Copy, Debug)]
pub struct DeliverySeen<'a> {
    /// Its row.
    pub id: DeliveryId,
    /// Its bridge.
    pub bridge: &'a BridgeName,
    /// `received`, `routed`, `settled`, `ignored` or `parked`.
    pub state: &'static str,
    /// Why ignored or parked, in a word.
    pub reason: Option<&'a str>,
    /// The Lane it was routed to.
    pub lane: Option<&'a LaneId>,
    /// When it came.
    pub received_at: Timestamp,
    /// Not to be routed before.
    pub due_at: Timestamp,
}

/// A message, kept once.
#[derive(Clone, Debug)]
pub(super) struct MessageRow {
    /// Its number: what became known later has the higher one.
    pub row: u64,
    pub lane: LaneId,
    pub at: Timestamp,
    pub kind: String,
    pub body: Option<Text>,
    pub media: Option<Media>,
    pub content: Option<serde_json::Value>,
    pub outcome: Option<Outcome>,
}

/// A sentence of the timelines.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub bridge: BridgeName,
    pub lane: LaneId,
    pub entry: Entry,
}
