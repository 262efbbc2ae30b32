//! What of the store can still matter, as a hash. Neighbour: the exhaustive search in the tests,
//! which counts two stores that differ in nothing else as one state.
//!
//! Left out: row numbers and tokens as numbers (they are only compared, for order and for being the
//! same), timelines, what became of settled Deliveries beyond that they are known, and the windows
//! of the safety halt, which such small worlds never trip.

use super::{
    Memory,
    row::{DeliveryRow, LaneRow, Stage},
};
use std::hash::{Hash, Hasher};

impl Memory {
    /// Feeds `hasher` with all that can make a difference from here on.
    pub fn digest<H: Hasher>(&self, hasher: &mut H) {
        self.lanes.len().hash(hasher);
        for row in self.lanes.values() {
            lane(row, hasher);
        }
        self.aliases.hash(hasher);
        let keys = self.by_dedup.keys();
        keys.for_each(|(_, side, key)| (side, key).hash(hasher));
        // With their numbers: a session that has one in hand tells it by its number.
        for (id, row) in &self.deliveries {
            if !matches!(row.stage, Stage::Settled | Stage::Ignored) {
                id.hash(hasher);
            }
            delivery(row, hasher);
        }
        let messages = self.messages.iter();
        messages.for_each(|(key, message)| (key, message.at, message.outcome).hash(hasher));
        (&self.cursors, &self.notes).hash(hasher);
    }
}

fn lane<H: Hasher>(row: &LaneRow, hasher: &mut H) {
    let held = row.held.as_ref().map(|held| (held.at, held.until));
    (&row.state, row.due_at, &row.held_by, held).hash(hasher);
    row.links.len().hash(hasher);
    for stored in &row.links {
        (&stored.link, stored.looked_at).hash(hasher);
    }
    row.intents.len().hash(hasher);
    for stored in &row.intents {
        (&stored.intent, stored.let_go).hash(hasher);
    }
    row.routed.len().hash(hasher);
}

fn delivery<H: Hasher>(row: &DeliveryRow, hasher: &mut H) {
    match row.stage {
        Stage::Received => {
            (
                &row.came.body,
                row.came.received_at,
                row.came.side,
                row.came.source,
            )
                .hash(hasher);
            (row.due_at, row.attempts, row.at_router, row.retried_at).hash(hasher);
            (row.routing_begun, row.missing_since, &row.object).hash(hasher);
        }
        Stage::Routed => {
            (&row.lane, &row.events, &row.fates).hash(hasher);
            (row.came.received_at, row.came.source).hash(hasher);
        }
        Stage::Parked => (&row.reason, &row.came.body).hash(hasher),
        Stage::Settled | Stage::Ignored => {}
    }
}
