//! Claims due Lanes as fast as they can be worked on. Neighbours: `store`, where Lanes become due;
//! `drive`, which works on one.

use super::{Jobs, LANES_AT_ONCE, LEASE, drive};
use crate::{
    clock,
    store::{ClaimedLane, Store},
};
use apalis::prelude::Data;
use bridge_core::time::Timestamp;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Even if nothing rings, due Lanes are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A failed look is tried again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// One Claim to work on, and its place among those at work.
pub struct LaneTask {
    claimed: ClaimedLane,
    /// The lease counts from here, not from when a worker is free.
    claimed_at: Timestamp,
    _place: OwnedSemaphorePermit,
}

/// Starts the feeder and hands out its channel.
pub fn feed(jobs: Jobs) -> mpsc::Receiver<LaneTask> {
    let (tasks, feed) = mpsc::channel(LANES_AT_ONCE);
    tokio::spawn(claim_forever(jobs, tasks));
    feed
}

async fn claim_forever(jobs: Jobs, tasks: mpsc::Sender<LaneTask>) {
    let places = Arc::new(Semaphore::new(LANES_AT_ONCE));
    let mut work = jobs.store.work();
    loop {
        // One place at least; then as many as are free.
        let Ok(first) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        if jobs.stopping.load(Ordering::Relaxed) || tasks.is_closed() {
            return;
        }
        if jobs.pausing.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        }
        work.mark_unchanged();
        let want = 1 + places.available_permits();
        let now = clock::now();
        let limit = u32::try_from(want).unwrap_or(1);
        let claimed = match jobs.store.claim_lanes(limit, now, LEASE).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::error!(%error, "Due lanes could not be claimed");
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            }
        };
        let came = claimed.len();
        let mut place = Some(first);
        for claimed in claimed {
            let Some(held) = place
                .take()
                .or_else(|| Arc::clone(&places).try_acquire_owned().ok())
            else {
                give_back(&jobs.store, claimed).await;
                continue;
            };
            if let Err(refused) = tasks
                .send(LaneTask {
                    claimed,
                    claimed_at: now,
                    _place: held,
                })
                .await
            {
                give_back(&jobs.store, refused.0.claimed).await;
            }
        }
        drop(place);
        if came < want {
            let wait = until_due(&jobs.store, now).await;
            tokio::select! {
                _ = work.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

async fn until_due(store: &Store, now: Timestamp) -> Duration {
    match store.next_lane_due().await {
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
