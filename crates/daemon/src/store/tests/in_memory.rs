//! The stories in memory. Neighbour: `on_sqlite`, the same ones.

#![allow(clippy::duplicate_mod, reason = "the stories are meant twice")]

#[path = "acts.rs"]
mod acts;
#[path = "beginning.rs"]
mod beginning;
#[path = "claiming.rs"]
mod claiming;
#[path = "committing.rs"]
mod committing;
#[path = "halting.rs"]
mod halting;
#[path = "joining.rs"]
mod joining;
#[path = "keeping.rs"]
mod keeping;
#[path = "looking.rs"]
mod looking;
#[path = "parking.rs"]
mod parking;
#[path = "recording.rs"]
mod recording;
#[path = "routing.rs"]
mod routing;
#[path = "talking.rs"]
mod talking;

pub use super::*;
use crate::store::{
    Admission, Admitted, Beginning, Changes, Claim, ClaimedLane, CommitError, Confirmed, Counts,
    HaltState, Joined, Line, LinkFilter, LinkRow, NewDelivery, ParkedFilter, ParkedItem, Pause,
    Pruned, Received, Recorded, RouteEnd, Routed, StoreError, TimelineOf, Wake, memory::Memory,
};
use bridge_core::{
    effect::Operation,
    ids::{DeliveryId, LaneId, MessageId},
    lane::Place,
    read::{Holder, RoutedTo, Written},
};
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// More sentences than any story tells.
const JOURNAL: usize = 10_000;

/// The store in memory, with the face of the other one.
pub struct Fresh(Mutex<Memory>);

pub async fn fresh() -> Fresh {
    Fresh(Mutex::new(Memory::new("first", JOURNAL)))
}

impl Fresh {
    /// The process ends, and another one opens what it left.
    pub async fn restarted(self) -> Self {
        self.memory().restart("second");
        self
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub async fn commit_sent(
        &self,
        claim: &Claim,
        if_out: Changes,
        if_held: Changes,
        admission: Admission,
        now: Timestamp,
    ) -> Result<Admitted, CommitError> {
        self.memory()
            .commit_sent(claim, if_out, if_held, &admission, now)
    }

    pub async fn set_cursor(
        &self,
        bridge: &BridgeName,
        name: &str,
        value: &str,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        self.memory().set_cursor(bridge, name, value);
        Ok(())
    }

    pub async fn wake(&self, whom: Wake, now: Timestamp) -> Result<u64, StoreError> {
        Ok(self.memory().wake(&whom, now))
    }
}

/// What memory cannot refuse.
macro_rules! answered {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Fresh {
            $(pub async fn $name(&self, $($arg: $kind),*) -> Result<$answer, StoreError> {
                Ok(self.memory().$name($($arg),*))
            })*
        }
    };
}

/// What it can.
macro_rules! judged {
    ($($name:ident($($arg:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Fresh {
            $(pub async fn $name(&self, $($arg: $kind),*) -> $answer {
                self.memory().$name($($arg),*)
            })*
        }
    };
}

answered! {
    record(new: NewDelivery) -> Recorded;
    claim_routes(room: &Room<(BridgeName, Side)>, now: Timestamp) -> Vec<Received>;
    unroute(delivery: DeliveryId, object: Option<&str>, due_at: Timestamp) -> ();
    claim_lanes(room: &Room<BridgeName>, now: Timestamp, lease: Duration) -> Vec<ClaimedLane>;
    lane(lane: &LaneId) -> Option<Lane>;
    next_due() -> Option<Timestamp>;
    lane_of_conversation(bridge: &BridgeName, conversation: &ConversationId) -> Option<LaneId>;
    lane_of_ticket(bridge: &BridgeName, ticket: &TicketId) -> Option<LaneId>;
    lane_of_live_ticket(bridge: &BridgeName, ticket: &TicketId) -> Option<LaneId>;
    lane_that_waits(bridge: &BridgeName, conversation: &ConversationId, ticket: &TicketId) -> Option<LaneId>;
    holders_of_ticket(bridge: &BridgeName, ticket: &TicketId) -> Vec<Holder>;
    routed_of_ticket(bridge: &BridgeName, ticket: &TicketId) -> Vec<RoutedTo>;
    written_on_ticket(bridge: &BridgeName, ticket: &TicketId, besides: &LaneId) -> BTreeSet<Written>;
    has_unheard(bridge: &BridgeName, lane: &LaneId, by: Timestamp, now: Timestamp) -> bool;
    lane_of_intent(bridge: &BridgeName, intent: &IntentId) -> Option<LaneId>;
    lane_of_user(bridge: &BridgeName, bot: &BotId, user: &UserId) -> Option<LaneId>;
    canonical(bridge: &BridgeName, bot: &BotId, asked: &UserId) -> UserId;
    links(filter: &LinkFilter) -> Vec<LinkRow>;
    link(link: &LinkId) -> Option<(LinkRow, Vec<Intent>)>;
    parked(filter: &ParkedFilter) -> Vec<ParkedItem>;
    parked_item(name: &str) -> Option<ParkedItem>;
    halts(bridge: Option<&BridgeName>) -> Vec<HaltState>;
    release_halt(bridge: &BridgeName, operation: Option<Operation>, now: Timestamp) -> u64;
    conversations_to_look_at(bridge: &BridgeName, before: Timestamp, limit: u32) -> Vec<(LaneId, ConversationId)>;
    looked_at(bridge: &BridgeName, conversations: &[ConversationId], now: Timestamp) -> ();
    kept_messages(bridge: &BridgeName, place: &Place, ids: &[MessageId]) -> BTreeSet<MessageId>;
    last_confirmed(bridge: &BridgeName, before: Timestamp) -> Option<Confirmed>;
    begin(bridge: &BridgeName, observes: bool, now: Timestamp) -> Beginning;
    cursor(bridge: &BridgeName, name: &str) -> Option<String>;
    meta(key: &str) -> Option<String>;
    set_meta(key: &str, value: &str) -> ();
    pauses() -> Vec<Pause>;
    pause(key: &str, until: Timestamp, reason: &str, now: Timestamp) -> ();
    resume(key: &str) -> ();
    counts(now: Timestamp) -> Counts;
    prune(before: Timestamp) -> Pruned;
    timeline(bridge: Option<&BridgeName>, of: &TimelineOf) -> Vec<Line>;
}

judged! {
    routed(delivery: DeliveryId, end: RouteEnd, now: Timestamp) -> Result<Routed, StoreError>;
    lane_for(bridge: &BridgeName, bot: &BotId, user: &UserId) -> Result<LaneId, StoreError>;
    claim_lane(lane: &LaneId, now: Timestamp, lease: Duration) -> Result<Option<ClaimedLane>, StoreError>;
    renew(claim: &Claim, until: Timestamp) -> Result<(), CommitError>;
    commit(claim: &Claim, changes: Changes, now: Timestamp) -> Result<(), CommitError>;
    release(claim: &Claim, changes: Changes, due_at: Option<Timestamp>, held_by: Option<String>, now: Timestamp) -> Result<(), CommitError>;
    set_aside(claim: &Claim, changes: Changes, held_by: String, now: Timestamp) -> Result<(), CommitError>;
    join(claim: &Claim, canonical: &UserId, now: Timestamp) -> Result<Joined, CommitError>;
    forward(claim: &Claim, delivery: DeliveryId, to: &LaneId, now: Timestamp) -> Result<(), CommitError>;
    retry_delivery(delivery: DeliveryId, now: Timestamp) -> Result<(), StoreError>;
    discard_delivery(delivery: DeliveryId, now: Timestamp) -> Result<(), StoreError>;
}
