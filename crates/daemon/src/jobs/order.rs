//! A person's order, carried out on its Lane. Neighbours: the admin API and the command line, which
//! bring it; `drive`, which does it.

use super::{Jobs, LEASE, drive};
use crate::{clock, store::StoreError};
use bridge_core::{ids::LaneId, lane::Order};
use std::{sync::atomic::Ordering, time::Duration};

/// How long an order waits for a Lane that is being worked on.
const LANE_WAIT: Duration = Duration::from_secs(15);

/// How often it asks.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The Lane was being worked on all the time.
    #[error("lane {0} is being worked on; try again in a minute")]
    Busy(LaneId),
    /// The process is stopping.
    #[error("the bridge is stopping; try again when it is up")]
    Stopping,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Claims the Lane, gives it the order, and works on it until it has nothing to do now.
///
/// # Errors
/// [`OrderError`]; then nothing was done.
pub async fn give_order(jobs: &Jobs, lane: &LaneId, order: Order) -> Result<(), OrderError> {
    let give_up = clock::now().plus(LANE_WAIT);
    loop {
        let now = clock::now();
        if jobs.stopping.load(Ordering::Relaxed) {
            return Err(OrderError::Stopping);
        }
        // As the workers do: while a bridge changes its mode no Lane is claimed.
        let pausing = jobs.pausing.load(Ordering::Relaxed);
        let claimed = match pausing {
            true => None,
            false => jobs.store.claim_lane(lane, now, LEASE).await?,
        };
        if let Some(claimed) = claimed {
            // On a task of its own: whoever asked may go away, and a call is not to be cut by that.
            let tasks = jobs.orders.clone();
            let jobs = jobs.clone();
            let work = async move { drive::drive(&jobs, claimed, now, Some(order)).await };
            let driven = tasks.spawn(work);
            // A panic in it sets the Lane aside, which is told there.
            let _ = driven.await;
            return Ok(());
        }
        if now > give_up {
            return Err(OrderError::Busy(lane.clone()));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}
