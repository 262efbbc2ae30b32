//! The beginning of each bridge (rule 17). Neighbours: `app`, at the start; `reload`, when a
//! changed configuration brings or turns one.

use crate::{
    clock,
    metrics::Metrics,
    runtime::Runtime,
    store::{Store, StoreError},
};
use bridge_core::lane::Mode;

/// The first run, and the turn from observing to live, begin now (rule 17): cursors that are
/// missing are set to this moment.
///
/// # Errors
/// What the database said.
pub async fn begin(store: &Store, runtime: &Runtime, metrics: &Metrics) -> Result<(), StoreError> {
    let now = clock::now();
    for (name, bridge) in &runtime.bridges {
        metrics.begin(name);
        let observes = bridge.config.mode == Mode::Observe;
        let beginning = store.begin(name, observes, now).await?;
        tracing::info!(bridge = %name, observes, "A bridge begins: {beginning:?}");
        if store.cursor(name, "tickets").await?.is_none() {
            let cursor = bridge.ticketing.beginning(now);
            store.set_cursor(name, "tickets", &cursor, now).await?;
        }
    }
    Ok(())
}
