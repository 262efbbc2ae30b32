//! A person's order, carried out on its Lane. Neighbours: the admin API and the command line, which
//! bring it; `drive`, which does it.

use super::{Jobs, LEASE, drive};
use crate::{clock, store::StoreError};
use bridge_core::{ids::LaneId, lane::Order};
use std::time::Duration;

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
        if let Some(claimed) = jobs.store.claim_lane(lane, now, LEASE).await? {
            // On a task of its own: whoever asked may go away, and a call is not to be cut by that.
            let jobs = jobs.clone();
            let driven =
                tokio::spawn(async move { drive::drive(&jobs, claimed, now, Some(order)).await });
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
