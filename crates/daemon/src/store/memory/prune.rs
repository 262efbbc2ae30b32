//! Takes away what retention says is too old: contents go, ids stay, so that a replay is still known
//! (S15). Neighbour: `store::blank`, which says what goes from an Intent.

use super::{
    Memory,
    row::{DeliveryRow, IntentStored, MessageRow},
};
use crate::store::{blank::blank, types::Pruned};
use bridge_core::{intent::IntentState, time::Timestamp};
use bytes::Bytes;

impl Memory {
    /// Takes the contents of what was settled, written or planned no later than `before`. Parked
    /// Deliveries keep their bodies: a person still has to read them.
    pub fn prune(&mut self, before: Timestamp) -> Pruned {
        let intents = self.lanes.values_mut().flat_map(|row| &mut row.intents);
        Pruned {
            deliveries: counted(self.deliveries.values_mut(), |row| delivery(row, before)),
            messages: counted(self.messages.values_mut(), |row| message(row, before)),
            intents: counted(intents, |stored| intent(stored, before)),
        }
    }
}

fn counted<T>(rows: impl Iterator<Item = T>, prune: impl FnMut(T) -> bool) -> u64 {
    rows.map(prune).filter(|pruned| *pruned).count() as u64
}

fn delivery(row: &mut DeliveryRow, before: Timestamp) -> bool {
    let is_old = !row.pruned && row.settled_at.is_some_and(|at| at <= before);
    if is_old {
        row.pruned = true;
        row.came.body = Bytes::new();
        row.came.headers.clear();
        row.events.clear();
    }
    is_old
}

fn message(row: &mut MessageRow, before: Timestamp) -> bool {
    let has_words = row.body.is_some() || row.media.is_some() || row.content.is_some();
    let is_old = row.outcome.is_some() && has_words && row.at <= before;
    if is_old {
        row.body = None;
        row.media = None;
        row.content = None;
    }
    is_old
}

fn intent(stored: &mut IntentStored, before: Timestamp) -> bool {
    let is_settled = !stored.intent.state.is_open() && stored.intent.state != IntentState::Parked;
    let is_old = is_settled && !stored.pruned && stored.intent.planned_at <= before;
    if is_old {
        stored.pruned = true;
        blank(&mut stored.intent);
    }
    is_old
}
