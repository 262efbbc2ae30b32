//! The beginning of each bridge (rule 17). Neighbours: `app`, at the start; `reload`, when a
//! changed configuration brings or turns one.

use crate::{
    clock,
    metrics::Metrics,
    runtime::Runtime,
    store::{Beginning, Store, StoreError},
};
use bridge_core::{lane::Mode, mapping::Report};
use ticketing_adapter::Listing;

/// The first run, and the turn from observing to live, begin now (rule 17): cursors that are
/// missing are set to this moment.
///
/// # Errors
/// What the database said.
pub async fn begin(store: &Store, runtime: &Runtime, metrics: &Metrics) -> Result<(), StoreError> {
    let now = clock::now();
    for (name, bridge) in &runtime.bridges {
        metrics.begin(name);
        if bridge.config.mapping.report != Report::None {
            metrics.begin_reports(name);
        }
        let observes = bridge.config.mode == Mode::Observe;
        let beginning = store.begin(name, observes, now).await?;
        tracing::info!(bridge = %name, observes, "{}", words(beginning, observes));
        for listing in Listing::ALL.map(Listing::name) {
            if store.cursor(name, listing).await?.is_none() {
                let cursor = bridge.ticketing.beginning(now);
                store.set_cursor(name, listing, &cursor, now).await?;
            }
        }
    }
    Ok(())
}

fn words(beginning: Beginning, observes: bool) -> String {
    let does = if observes {
        "it observes: everything is planned and recorded, nothing is sent"
    } else {
        "it is live"
    };
    match beginning {
        Beginning::First => format!("The bridge begins now, for the first time; {does}"),
        Beginning::Again => format!("The bridge goes on; {does}"),
        Beginning::TurnedLive { dropped } => {
            format!("The bridge goes live and begins now; {dropped} half links were dropped")
        }
        Beginning::TurnedObserve => format!("The bridge stops writing; {does}"),
    }
}
