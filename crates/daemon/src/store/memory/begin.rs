//! How a bridge begins (rule 17). Neighbour: `notes`, whose cursors are forgotten here.

use super::{Memory, row::LaneRow};
use crate::store::types::Beginning;
use bridge_core::{
    ids::{BridgeName, LinkId},
    intent::IntentState,
    link::Ended,
    time::Timestamp,
};

const OBSERVE: &str = "observe";
const LIVE: &str = "live";

impl Memory {
    /// Notes in which mode a bridge runs now. Where it turns from observing to live, its cursors
    /// are forgotten and its half Links dropped: older work enters only through `backfill`.
    pub fn begin(&mut self, bridge: &BridgeName, observes: bool, now: Timestamp) -> Beginning {
        let mode = if observes { OBSERVE } else { LIVE };
        let before = self.notes.insert(format!("mode.{bridge}"), mode.to_owned());
        let since = format!("observes_since.{bridge}");
        match (before.map(|mode| mode == OBSERVE), observes) {
            (None, _) => Beginning::First,
            (Some(false), true) => {
                self.notes.insert(since, now.0.to_string());
                Beginning::TurnedObserve
            }
            (Some(true), false) => {
                self.cursors.remove(bridge);
                let since = self.notes.get(&since).and_then(|since| since.parse().ok());
                let observed_since = since.map(Timestamp);
                let dropped = self
                    .lanes
                    .values_mut()
                    .filter(|row| row.state.bridge == *bridge)
                    .map(|row| drop_half_links(row, observed_since, now))
                    .sum();
                Beginning::TurnedLive { dropped }
            }
            (Some(true), true) | (Some(false), false) => Beginning::Again,
        }
    }
}

fn drop_half_links(row: &mut LaneRow, observed_since: Option<Timestamp>, now: Timestamp) -> u64 {
    let mut dropped: Vec<LinkId> = Vec::new();
    for stored in &mut row.links {
        if stored.link.is_live() && !stored.link.is_whole() && !bridge_core::planted!(HalfLinkKept)
        {
            stored.link.ended = Some(Ended {
                at: now,
                reason: Ended::WENT_LIVE.to_owned(),
                observed_since,
            });
            stored.updated_at = now;
            dropped.push(stored.link.id.clone());
        }
    }
    for stored in &mut row.intents {
        let open = &mut stored.intent;
        let is_unsent = matches!(open.state, IntentState::Planned | IntentState::Parked);
        if is_unsent && dropped.contains(&open.link) {
            open.state = IntentState::Withdrawn;
            open.held = false;
            open.parked = None;
        }
    }
    dropped.len() as u64
}
