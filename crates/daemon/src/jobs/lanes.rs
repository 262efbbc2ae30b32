//! Claims due Lanes as fast as they can be worked on. Neighbours: `store`, where Lanes become due;
//! `drive`, which works on one.

use super::{
    Jobs, LANES_AT_ONCE, LEASE, drive,
    places::{Place, Places},
};
use crate::{
    clock,
    store::{ClaimedLane, Room, Store},
};
use apalis::prelude::Data;
use bridge_core::{ids::BridgeName, time::Timestamp};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{sync::mpsc, task::JoinSet};

/// Even if nothing rings, due Lanes are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A failed look is tried again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// One Claim to work on, and its place among those at work.
pub struct LaneTask {
    claimed: ClaimedLane,
    /// The lease counts from here, not from when a worker is free.
    claimed_at: Timestamp,
    _place: Place<BridgeName>,
}

/// Starts the feeder among the others and hands out its channel.
pub fn feed(jobs: Jobs, feeders: &mut JoinSet<()>) -> mpsc::Receiver<LaneTask> {
    let (tasks, feed) = mpsc::channel(LANES_AT_ONCE);
    feeders.spawn(claim_forever(jobs, tasks));
    feed
}

async fn claim_forever(jobs: Jobs, tasks: mpsc::Sender<LaneTask>) {
    let places = Places::new(LANES_AT_ONCE);
    let mut work = jobs.store.work();
    loop {
        let bridges = jobs.runtime.borrow().bridges.len();
        if jobs.stopping.load(Ordering::Relaxed) || tasks.is_closed() {
            return;
        }
        if places.room(bridges).is_over() {
            places.freed().await;
            continue;
        }
        if jobs.pausing.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        }
        work.mark_unchanged();
        let room = places.room(bridges);
        let now = clock::now();
        let claimed = match jobs.store.claim_lanes(&room, now, LEASE).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "Due lanes could not be claimed");
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            }
        };
        let has_filled = claimed.len() >= room.free as usize;
        for claimed in claimed {
            let place = places.take(claimed.lane.bridge.clone());
            if let Err(refused) = tasks
                .send(LaneTask {
                    claimed,
                    claimed_at: now,
                    _place: place,
                })
                .await
            {
                give_back(&jobs.store, refused.0.claimed).await;
            }
        }
        if has_filled {
            continue;
        }
        let room = places.room(bridges);
        let wait = until_due(&jobs.store, &room, now).await;
        tokio::select! {
            _ = work.changed() => {}
            // A bridge that has all the places it may have waits for one of them.
            () = places.freed(), if room.is_full_for_any() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn until_due(store: &Store, room: &Room<BridgeName>, now: Timestamp) -> Duration {
    match store
        .next_lane_due(|bridge| !room.is_full_for(bridge))
        .await
    {
        Ok(Some(due)) => due.since(now).clamp(Duration::from_millis(1), LOOK_EVERY),
        Ok(None) => LOOK_EVERY,
        Err(_) => LOOK_AGAIN,
    }
}

async fn give_back(store: &Store, claimed: ClaimedLane) {
    let now = clock::now();
    let nothing = crate::store::Changes::between(&claimed.lane, &claimed.lane);
    if let Ok(nothing) = nothing
        && let Err(error) = store
            .release(&claimed.claim, nothing, Some(now), None, now)
            .await
    {
        // The lease will end by itself.
        tracing::debug!(%error, "A claim could not be given back");
    }
}

/// Works on one Claim. It always ends well: what could not be settled is taken over when the lease
/// ends.
pub async fn work(task: LaneTask, jobs: Data<Jobs>) -> Result<(), std::convert::Infallible> {
    if jobs.stopping.load(Ordering::Relaxed) {
        give_back(&jobs.store, task.claimed).await;
    } else {
        drive::drive(&jobs, task.claimed, task.claimed_at, None).await;
    }
    Ok(())
}
