//! The figures as of one moment. Neighbour: `metrics`, which names them.

use super::{Memory, row::Stage};
use crate::store::types::Counts;
use bridge_core::{intent::IntentState, time::Timestamp};
use std::collections::BTreeMap;

impl Memory {
    /// The figures as of `now`. Nothing here can be unreadable.
    #[must_use]
    pub fn counts(&self, now: Timestamp) -> Counts {
        let mut counts = Counts::default();
        self.count_deliveries(&mut counts);
        self.count_messages(&mut counts);
        for row in self.lanes.values() {
            let bridge = row.state.bridge.as_str();
            match &row.held {
                Some(_) => counts.lanes_claimed += 1,
                None if row.due_at.is_some_and(|at| at <= now) => counts.lanes_due += 1,
                None => {}
            }
            for stored in &row.links {
                if stored.link.is_live() {
                    add(&mut counts.links, bridge, stored.link.state());
                }
            }
            for stored in &row.intents {
                let intent = &stored.intent;
                if intent.state.is_open() {
                    add(&mut counts.intents, bridge, intent.state.as_str());
                }
                if intent.state == IntentState::Parked {
                    let reason = intent.parked.as_ref().map(|p| p.reason.as_str());
                    add(&mut counts.parked, bridge, reason.unwrap_or_default());
                }
                if intent.held {
                    add(&mut counts.held, bridge, intent.operation().as_str());
                }
            }
        }
        counts
    }

    fn count_messages(&self, counts: &mut Counts) {
        let waiting = self
            .messages
            .iter()
            .filter(|(_, row)| row.outcome.is_none());
        for ((bridge, place, _), row) in waiting {
            let key = (bridge.as_str().to_owned(), place.direction());
            let oldest = counts.oldest_message.entry(key).or_insert(row.at);
            *oldest = (*oldest).min(row.at);
        }
    }

    fn count_deliveries(&self, counts: &mut Counts) {
        for row in self.deliveries.values() {
            let bridge = row.came.bridge.as_str();
            let (received, routed) = match row.stage {
                Stage::Received => (1, 0),
                Stage::Routed => (0, 1),
                Stage::Parked => {
                    let reason = row.reason.as_deref().unwrap_or_default();
                    add(&mut counts.parked, bridge, reason);
                    continue;
                }
                Stage::Settled | Stage::Ignored => continue,
            };
            *counts.received.entry(bridge.to_owned()).or_default() += received;
            *counts.routed.entry(bridge.to_owned()).or_default() += routed;
            counts
                .oldest_unsettled
                .entry(bridge.to_owned())
                .and_modify(|oldest| *oldest = (*oldest).min(row.came.received_at))
                .or_insert(row.came.received_at);
        }
    }
}

fn add(table: &mut BTreeMap<(String, String), u64>, bridge: &str, word: &str) {
    *table
        .entry((bridge.to_owned(), word.to_owned()))
        .or_default() += 1;
}
