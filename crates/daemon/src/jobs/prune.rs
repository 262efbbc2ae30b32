//! Retention: bodies go after their time, the hashes that keep replays out stay. Neighbour: `sweep`,
//! whose clockwork calls it.

use super::Jobs;
use crate::clock;

/// Takes away what is older than `retention.bodies`.
pub async fn prune(jobs: &Jobs) {
    let runtime = jobs.runtime.borrow().clone();
    let before = clock::now().minus(runtime.config.retention.bodies);
    match jobs.store.prune(before).await {
        Ok(pruned) => tracing::info!(
            deliveries = pruned.deliveries,
            messages = pruned.messages,
            intents = pruned.intents,
            "Retention was applied"
        ),
        Err(error) => tracing::error!(%error, "Retention could not be applied"),
    }
}
