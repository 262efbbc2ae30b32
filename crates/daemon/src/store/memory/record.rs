//! Takes Deliveries in. Neighbour: `route` hands them on.

use super::{
    Memory,
    row::{DeliveryRow, Stage},
};
use crate::store::types::{NewDelivery, Recorded};
use bridge_core::ids::DeliveryId;
use std::collections::{BTreeMap, btree_map::Entry};

impl Memory {
    /// Stores a Delivery, or finds that it is here already (rule 2). A new one is due at the Router.
    pub fn record(&mut self, mut new: NewDelivery) -> Recorded {
        if bridge_core::planted!(DeliveryStoredTwice) {
            new.dedup = None;
        }
        if new.dedup.is_none()
            && let Some(earlier) = self.joinable(&new)
        {
            return Recorded::Known(earlier);
        }
        // As in SQLite, one that is known by its id uses up a number.
        self.last_delivery += 1;
        let id = DeliveryId(self.last_delivery);
        if let Some(dedup) = &new.dedup {
            let key = (new.bridge.clone(), new.side, dedup.clone());
            match self.by_dedup.entry(key) {
                Entry::Occupied(known) => return Recorded::Known(*known.get()),
                Entry::Vacant(place) => place.insert(id),
            };
        }
        self.received.insert(id);
        let row = DeliveryRow {
            due_at: new.received_at,
            came: new,
            stage: Stage::Received,
            reason: None,
            detail: None,
            remedy: None,
            lane: None,
            events: Vec::new(),
            fates: BTreeMap::new(),
            object: None,
            attempts: 0,
            at_router: false,
            missing_since: None,
            retried_at: None,
            routing_begun: false,
            settled_at: None,
            pruned: false,
        };
        self.deliveries.insert(id, row);
        Recorded::New(id)
    }

    /// The earlier one that an identical body without an id joins: no read for it can have begun.
    fn joinable(&self, new: &NewDelivery) -> Option<DeliveryId> {
        let says_the_same = |row: &&DeliveryRow| {
            !row.routing_begun
                && row.came.dedup.is_none()
                && row.came.bridge == new.bridge
                && row.came.side == new.side
                && row.came.body == new.body
        };
        self.received
            .iter()
            .find(|id| self.deliveries.get(id).filter(says_the_same).is_some())
            .copied()
    }
}
