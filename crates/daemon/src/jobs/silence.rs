//! Whether a bridge's webhooks are silent: its last confirmed start or close got no event in time
//! (rule 5), so that a missing event proves nothing. Neighbours: `drive`, whose steps go by it;
//! `sweep`, which puts it on the metrics page.

use super::Jobs;
use crate::{clock, runtime::Bridge, store::StoreError};
use bridge_core::{effect::Operation, intent::IntentState, lane::Lane};

/// Whether they are silent now.
///
/// # Errors
/// What the database said.
pub(super) async fn is(jobs: &Jobs, bridge: &Bridge) -> Result<bool, StoreError> {
    let before = clock::now().minus(bridge.config.limits.rules.event_confirm);
    let last = jobs.store.last_confirmed(&bridge.name, before).await?;
    Ok(last.is_some_and(|confirmed| !confirmed.event_seen))
}

/// The same, asked only for a Lane with a start whose fate is unknown: for others it decides nothing.
///
/// # Errors
/// What the database said: then nobody knows, and the start is not sent again on a guess.
pub(super) async fn matters_and_is(
    jobs: &Jobs,
    bridge: &Bridge,
    lane: &Lane,
) -> Result<bool, StoreError> {
    let asks = lane
        .intents
        .iter()
        .any(|i| i.operation() == Operation::Start && i.state == IntentState::Unknown);
    if !asks {
        return Ok(false);
    }
    is(jobs, bridge).await
}
