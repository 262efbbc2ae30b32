//! Claims on Lanes: taking, renewing, taking over. Neighbours: `route` makes Lanes due; `commit`
//! checks the Claim and releases it.

use super::{
    Memory, length, no_lane,
    row::{Held, IntentStored, LaneRow, LinkStored},
};
use crate::store::{
    error::{CommitError, StoreError},
    room::Room,
    types::{Claim, ClaimedLane, Source},
};
use bridge_core::{
    ids::{BridgeName, LaneId},
    intent::{Intent, IntentState},
    lane::{Fate, Lane, Pending},
    link::Link,
    time::Timestamp,
};
use std::{cmp::Reverse, collections::BTreeMap, sync::Arc, time::Duration};

/// Ended Links that a Lane still sees, as in `sqlite::load`.
const ENDED_LINKS: usize = 20;

/// Settled Intents that a Lane still sees, as in `sqlite::load`.
const SETTLED_INTENTS: usize = 100;

/// Deliveries that a Lane takes in at one Claim, as in `sqlite::load`.
const PENDING_DELIVERIES: usize = 1_000;

/// Whether it is due (1) or its lease ran out (0), since when, and which.
type Due<'a> = (u8, Timestamp, &'a LaneId);

impl Memory {
    /// Claims due Lanes, of each bridge its share of the room: those whose lease ran out first, then the
    /// longest and the latest due, half of each.
    pub fn claim_lanes(
        &mut self,
        room: &Room<BridgeName>,
        now: Timestamp,
        lease: Duration,
    ) -> Vec<ClaimedLane> {
        let mut due: BTreeMap<&BridgeName, Vec<Due<'_>>> = BTreeMap::new();
        for (id, row) in &self.lanes {
            let at = match &row.held {
                Some(_) if bridge_core::planted!(LeaseNeverEnds) => None,
                Some(held) => (held.over_at() <= now).then_some((0, held.until, id)),
                None => row.due_at.filter(|at| *at <= now).map(|at| (1, at, id)),
            };
            if let Some(at) = at {
                due.entry(&row.state.bridge).or_default().push(at);
            }
        }
        let mut waiting: Vec<_> = due.into_iter().collect();
        waiting.iter_mut().for_each(|(_, due)| due.sort_unstable());
        let mut room = room.clone();
        let mut waiting = room.in_turn(waiting, |(bridge, _)| (*bridge).clone());
        let mut lanes: Vec<LaneId> = Vec::new();
        for most in [room.share(waiting.len()), room.free] {
            for (bridge, due) in &mut waiting {
                let some = taken_of(due, length(room.grants(bridge, most)));
                room.give(bridge, some.len());
                lanes.extend(some);
            }
        }
        lanes
            .iter()
            .filter_map(|lane| self.take(lane, now, lease))
            .collect()
    }

    /// Claims one Lane, due or not, for an operator's command. `None` while another holds it.
    ///
    /// # Errors
    /// [`StoreError::Gone`] if there is no such Lane.
    pub fn claim_lane(
        &mut self,
        lane: &LaneId,
        now: Timestamp,
        lease: Duration,
    ) -> Result<Option<ClaimedLane>, StoreError> {
        let row = self.lanes.get(lane).ok_or_else(no_lane)?;
        if !row.is_free(now) {
            return Ok(None);
        }
        Ok(self.take(lane, now, lease))
    }

    /// Keeps a Claim until a later moment.
    ///
    /// # Errors
    /// [`CommitError::Fenced`] if another took the Lane over.
    pub fn renew(&mut self, claim: &Claim, until: Timestamp) -> Result<(), CommitError> {
        let row = self.claimed(claim)?;
        if let Some(held) = &mut row.held {
            held.until = until;
        }
        Ok(())
    }

    /// The Lane of a Claim that still holds.
    pub(super) fn claimed(&mut self, claim: &Claim) -> Result<&mut LaneRow, CommitError> {
        self.lanes
            .get_mut(&claim.lane)
            .filter(|row| holds(row, claim))
            .ok_or(CommitError::Fenced)
    }

    fn take(&mut self, lane: &LaneId, now: Timestamp, lease: Duration) -> Option<ClaimedLane> {
        let owner = Arc::clone(&self.owner);
        let row = self.lanes.get_mut(lane)?;
        row.token += i64::from(!bridge_core::planted!(TokenNotRaised));
        row.held = Some(Held {
            owner: Arc::clone(&owner),
            at: now,
            until: now.plus(lease),
        });
        row.held_by = None;
        // More than one Claim takes in: due again when this one is over.
        row.due_at = (row.routed.len() > PENDING_DELIVERIES).then_some(now);
        let claim = Claim {
            lane: lane.clone(),
            owner,
            token: row.token,
        };
        let loaded = self.load(lane)?;
        if bridge_core::planted!(SettledWhenTaken) {
            let pending = loaded.pending.iter();
            let fates = pending.map(|p| (p.delivery, p.position, Fate::Applied));
            self.settle(lane, fates.collect(), now);
        }
        Some(ClaimedLane {
            lane: loaded,
            claim,
        })
    }

    /// All that the rules need to know of a Lane.
    pub(super) fn load(&self, lane: &LaneId) -> Option<Lane> {
        let row = self.lanes.get(lane)?;
        let mut lane = row.state.clone();
        lane.links = links(&row.links);
        lane.intents = intents(&row.intents);
        lane.pending = self.pending(row);
        self.load_talk(row, &mut lane);
        Some(lane)
    }

    fn pending(&self, row: &LaneRow) -> Vec<Pending> {
        let mut pending = Vec::new();
        for id in row.routed.iter().take(PENDING_DELIVERIES) {
            let Some(came) = self.deliveries.get(id) else {
                continue;
            };
            for (position, event) in (0_u32..).zip(&came.events) {
                if !came.fates.contains_key(&position) {
                    pending.push(Pending {
                        delivery: *id,
                        position,
                        received_at: came.came.received_at,
                        by_sweep: came.came.source == Source::Sweep,
                        event: event.clone(),
                    });
                }
            }
        }
        // Source-time order; what names no time counts as of its arrival, and ties as they came.
        pending.sort_by_key(|p| {
            let mut at = p.event.at().unwrap_or(p.received_at);
            if bridge_core::planted!(OrderOfArrival) {
                at = p.received_at;
            }
            (at, p.delivery, p.position)
        });
        pending
    }
}

/// So many of those that are due, in order: whose lease ran out, then half of the room for the longest
/// due, half for the latest.
fn taken_of(due: &mut Vec<Due<'_>>, limit: usize) -> Vec<LaneId> {
    let over = due.iter().take_while(|(free, _, _)| *free == 0).count();
    let over = over.min(limit);
    let room = limit - over;
    let longest = (over + room.div_ceil(2)).min(due.len());
    let latest = longest.max(due.len().saturating_sub(room / 2));
    let newest = due.split_off(latest);
    let rest = due.split_off(longest);
    let oldest = std::mem::replace(due, rest);
    let taken = oldest.into_iter().chain(newest);
    taken.map(|(_, _, id)| id.clone()).collect()
}

pub(super) fn holds(row: &LaneRow, claim: &Claim) -> bool {
    bridge_core::planted!(NoFencing)
        || row.token == claim.token && row.held.as_ref().is_some_and(|h| h.owner == claim.owner)
}

fn links(stored: &[LinkStored]) -> Vec<Link> {
    let (live, mut ended): (Vec<_>, Vec<_>) = stored.iter().partition(|s| s.link.is_live());
    ended.sort_unstable_by_key(|s| Reverse((s.link.created_at, s.row)));
    ended.truncate(ENDED_LINKS);
    let mut links: Vec<Link> = live
        .into_iter()
        .chain(ended)
        .map(|s| s.link.clone())
        .collect();
    links.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    links
}

fn intents(stored: &[IntentStored]) -> Vec<Intent> {
    let is_pressing =
        |s: &&IntentStored| s.intent.state.is_open() || s.intent.state == IntentState::Parked;
    let (pressing, mut settled): (Vec<_>, Vec<_>) = stored.iter().partition(is_pressing);
    settled.sort_unstable_by_key(|s| Reverse((s.intent.planned_at, s.row)));
    settled.truncate(SETTLED_INTENTS);
    let mut intents: Vec<Intent> = pressing
        .into_iter()
        .chain(settled)
        .map(|s| s.intent.clone())
        .collect();
    intents.sort_by_cached_key(|intent| (intent.planned_at, number(intent.id.as_str())));
    intents
}

/// The number at the end of an Intent's id, so that `x.10` comes after `x.9`.
fn number(id: &str) -> u64 {
    id.rsplit('.')
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}
