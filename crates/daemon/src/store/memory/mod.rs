//! The store in memory: what the SQLite store means, as plain methods on a value. Neighbours:
//! `sqlite`, the same on a disk; `store::tests`, the stories and the comparison that hold both to
//! one meaning; the simulator, which drives the rules over this.
//!
//! It has no lock, clock, chance or task. The same calls in the same order give the same answers,
//! and a clone is a second world that goes its own way. A call stores all of what it says or, where
//! it is refused, nothing.

mod begin;
mod claim;
mod commit;
mod counts;
mod customer;
mod digest;
mod halt;
mod join;
mod links;
mod notes;
mod parked;
mod prune;
mod record;
mod route;
mod row;
mod sweep;
mod talk;
mod timeline;
mod wake;

pub use row::{DeliverySeen, LaneSeen};

use super::{error::StoreError, types::Pause};
use bridge_core::{
    effect::Operation,
    event::Side,
    halt::Window,
    ids::{BotId, BridgeName, DeliveryId, LaneId, MessageId, UserId},
    lane::Place,
    time::Timestamp,
};
use row::{DeliveryRow, LaneRow, Line, MessageRow};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// What the bridge knows, in memory.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The process that asks, for Claims.
    owner: Arc<str>,
    /// How many sentences of the timelines are kept: the latest.
    journal_kept: usize,
    lanes: BTreeMap<LaneId, LaneRow>,
    by_customer: BTreeMap<(BridgeName, BotId, UserId), LaneId>,
    /// What each spelling of a customer leads to.
    aliases: BTreeMap<(BridgeName, BotId, UserId), UserId>,
    deliveries: BTreeMap<DeliveryId, DeliveryRow>,
    by_dedup: BTreeMap<(BridgeName, Side, String), DeliveryId>,
    /// Deliveries that wait for the Router, in its hands or not.
    received: BTreeSet<DeliveryId>,
    messages: BTreeMap<(BridgeName, Place, MessageId), MessageRow>,
    journal: VecDeque<Line>,
    halts: BTreeMap<(BridgeName, Operation), Window>,
    cursors: BTreeMap<BridgeName, BTreeMap<String, String>>,
    pauses: BTreeMap<String, Pause>,
    notes: BTreeMap<String, String>,
    /// Rows made, of every kind: what was made later has the higher number.
    rows: u64,
    lanes_made: u64,
    last_delivery: i64,
}

impl Memory {
    /// An empty store, opened by the process `owner`. Of the timelines it keeps the latest
    /// `journal_kept` sentences; with 0, none.
    #[must_use]
    pub fn new(owner: &str, journal_kept: usize) -> Self {
        Self {
            owner: owner.into(),
            journal_kept,
            lanes: BTreeMap::new(),
            by_customer: BTreeMap::new(),
            aliases: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            by_dedup: BTreeMap::new(),
            received: BTreeSet::new(),
            messages: BTreeMap::new(),
            journal: VecDeque::new(),
            halts: BTreeMap::new(),
            cursors: BTreeMap::new(),
            pauses: BTreeMap::new(),
            notes: BTreeMap::new(),
            rows: 0,
            lanes_made: 0,
            last_delivery: 0,
        }
    }

    /// The process died, and `owner` opens what it left: the dead one's Claims are free, due since
    /// they were made, and what its Router had in hand is handed out again.
    pub fn restart(&mut self, owner: &str) {
        self.owner = owner.into();
        if bridge_core::planted!(HaltForgotten) {
            self.halts.clear();
        }
        if bridge_core::planted!(AckBeforeCommit) {
            self.lose_unwritten();
        }
        for lane in self.lanes.values_mut() {
            if let Some(held) = lane.held.take() {
                lane.due_by(held.at);
            }
        }
        for id in &self.received {
            if let Some(delivery) = self.deliveries.get_mut(id) {
                delivery.at_router = bridge_core::planted!(RoutingNeverBack) && delivery.at_router;
            }
        }
    }

    /// What lay in the writer's queue is lost with its process: the Deliveries that nobody has read back.
    fn lose_unwritten(&mut self) {
        let unread = |id: &DeliveryId| self.deliveries.get(id).is_some_and(|d| !d.routing_begun);
        let lost: Vec<DeliveryId> = self.received.iter().copied().filter(unread).collect();
        for id in lost {
            self.received.remove(&id);
            self.deliveries.remove(&id);
            self.by_dedup.retain(|_, known| *known != id);
        }
    }

    /// Every Lane with its Links and Intents, in the order in which they were made: for judging a
    /// history.
    pub fn lanes(&self) -> impl Iterator<Item = LaneSeen<'_>> {
        self.lanes.values().map(LaneRow::seen)
    }

    /// Every Delivery, in the order in which they came.
    pub fn deliveries(&self) -> impl Iterator<Item = DeliverySeen<'_>> {
        self.deliveries.iter().map(|(id, row)| row.seen(*id))
    }
}

/// What a Lane that is not there is answered with.
fn no_lane() -> StoreError {
    StoreError::Gone { what: "lane" }
}

/// The earlier of two moments, where either may be missing.
fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

/// A figure of the store's limits as a length.
fn length(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
