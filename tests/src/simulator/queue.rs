//! What will happen when: the scheduler's heart. Neighbour: `world`, which takes the next thing out.

use super::{calls::CallId, hooks::Hook};
use bridge_core::{
    ids::{DeliveryId, LaneId},
    lane::Order,
    time::Timestamp,
};
use std::{cmp::Reverse, collections::BinaryHeap};

/// A process, by its number.
pub type ReplicaId = usize;

/// A Claim at work, a routing, or a sweep, by its number.
pub type TaskId = u32;

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Happening {
    /// The n-th act of the history.
    Act(usize),
    /// A webhook arrives.
    Hook(Box<Hook>),
    /// The desk sends what it gathered.
    Gathered,
    /// A process looks for work.
    Look(ReplicaId),
    /// A Claim goes on.
    Turn(TaskId),
    /// A routing goes on.
    Route(TaskId),
    /// A sweep goes on.
    SweepOn(TaskId),
    /// A call reaches its remote.
    Arrive(CallId),
    /// A call's answer, or its failure, is there.
    Answer(CallId),
    /// A process that was told to stop has ended what was under way, or has not in time.
    Stopped(ReplicaId),
    /// A dead process is started again.
    Rise(ReplicaId),
    /// What a dead process routed is handed out again.
    Unroute(DeliveryId),
    /// A process's clock says that a sweep is due.
    SweepDue(ReplicaId),
    /// A person's order is tried.
    Order(LaneId, Box<Order>, u8),
}

#[derive(Clone, Debug)]
struct Item {
    at: Timestamp,
    number: u64,
    what: Happening,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What will happen, the earliest first; of one moment, what was planned first.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    items: BinaryHeap<Reverse<Item>>,
    planned: u64,
}

impl Queue {
    /// Plans something.
    pub fn plan(&mut self, at: Timestamp, what: Happening) {
        self.planned += 1;
        self.items.push(Reverse(Item {
            at,
            number: self.planned,
            what,
        }));
    }

    /// When the last of what will happen of some kind does.
    pub fn latest(&self, is_meant: impl Fn(&Happening) -> bool) -> Option<Timestamp> {
        let items = self.items.iter().map(|Reverse(item)| item);
        let meant = items.filter(|item| is_meant(&item.what));
        meant.map(|item| item.at).max()
    }

    /// The next thing, if it happens by then.
    pub fn next_by(&mut self, until: Timestamp) -> Option<(Timestamp, Happening)> {
        if self.items.peek()?.0.at > until {
            return None;
        }
        let Reverse(item) = self.items.pop()?;
        Some((item.at, item.what))
    }
}
