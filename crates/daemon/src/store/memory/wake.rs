//! What makes a Lane due, other than a Delivery, and when something will next be due. Neighbour:
//! `claim`, which takes what is due.

use super::Memory;
use crate::store::types::Wake;
use bridge_core::time::Timestamp;

impl Memory {
    /// Makes Lanes due now; those that are claimed become due when they are released. Returns how
    /// many.
    pub fn wake(&mut self, whom: &Wake, now: Timestamp) -> u64 {
        let mut woken = 0;
        for (id, row) in &mut self.lanes {
            let is_meant = match whom {
                Wake::HeldBy(prefix) => row
                    .held_by
                    .as_ref()
                    .is_some_and(|name| name.starts_with(prefix)),
                Wake::Lane(lane) => lane == id,
                Wake::Bridge(bridge) => *bridge == row.state.bridge,
            };
            if is_meant {
                row.wake(now);
                woken += 1;
            }
        }
        woken
    }

    /// When something is next due: a Lane, a Delivery at the Router, or a lease that runs out. It
    /// may lie in the past.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let lanes = self.lanes.values().filter_map(|row| match &row.held {
            Some(held) => Some(held.over_at()),
            None => row.due_at,
        });
        let deliveries = self
            .received
            .iter()
            .filter_map(|id| self.deliveries.get(id))
            .filter(|row| !row.at_router)
            .map(|row| row.due_at);
        lanes.chain(deliveries).min()
    }
}
