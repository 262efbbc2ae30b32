//! What the store knows, read at each scrape. The rule: a figure belongs here if another process on
//! the same database would report the same; what only this process met is in `instance`.

use super::{
    labels::{
        Budget, INTENT_STATES, LINK_STATES, Labels, PARKED_REASONS, RESERVED_SERVICE_SERIES,
        SERVICE_SERIES, listed,
    },
    names,
    series::{Level, level, render},
};
use crate::store::{Counts, HaltState};
use bridge_core::{effect::Operation, ids::BridgeName, time::Timestamp};
use prometheus_client::registry::Registry;
use std::borrow::Cow;

/// The store's figures as Prometheus text, version 0.0.4, as of `now`. The configured bridges have
/// an age of zero where nothing waits, and a zero for each halt that counts nothing, so that an alarm
/// on them can end.
#[must_use]
pub fn render_store<'a>(
    bridges: impl Iterator<Item = &'a BridgeName>,
    counts: &Counts,
    halts: &[HaltState],
    now: Timestamp,
) -> String {
    let mut registry = Registry::default();
    let budget = Budget::of(SERVICE_SERIES - RESERVED_SERVICE_SERIES);
    let mut gauge = |name| level(&mut registry, &budget, name);

    let oldest = gauge(&names::OLDEST_UNSETTLED);
    let unsettled = gauge(&names::UNSETTLED);
    for (bridge, waiting) in &counts.received {
        add(&unsettled, bridge, "stage", "router", *waiting);
    }
    for (bridge, waiting) in &counts.routed {
        add(&unsettled, bridge, "stage", "lane", *waiting);
    }
    let bridges: Vec<&BridgeName> = bridges.collect();
    let idle = bridges.iter().map(|bridge| (bridge.as_str(), 0.0));
    let waiting = counts.oldest_unsettled.iter();
    let waiting = waiting.map(|(bridge, at)| (bridge.as_str(), now.since(*at).as_secs_f64()));
    for (bridge, age) in idle.chain(waiting) {
        oldest.with(vec![("bridge", Cow::Owned(bridge.to_owned()))], |g| {
            g.set(g.get().max(age));
        });
    }
    let said = gauge(&names::OLDEST_MESSAGE);
    for ((bridge, direction), at) in &counts.oldest_message {
        let labels = vec![
            ("bridge", Cow::Owned(bridge.clone())),
            ("direction", Cow::Borrowed(direction.as_str())),
        ];
        let age = now.since(*at).as_secs_f64();
        said.with(labels, |g| {
            g.set(g.get().max(age));
        });
    }
    let alone = |level: &Level, value: u64| level.with(Vec::new(), |g| plus(g, value));
    alone(&gauge(&names::LANES_DUE), counts.lanes_due);
    alone(&gauge(&names::LANES_CLAIMED), counts.lanes_claimed);

    let links = gauge(&names::LINKS);
    for ((bridge, state), live) in &counts.links {
        add(&links, bridge, "state", listed(state, LINK_STATES), *live);
    }
    let intents = gauge(&names::INTENTS);
    for ((bridge, state), open) in &counts.intents {
        add(
            &intents,
            bridge,
            "state",
            listed(state, INTENT_STATES),
            *open,
        );
    }
    let parked = gauge(&names::PARKED);
    for ((bridge, reason), waiting) in &counts.parked {
        add(
            &parked,
            bridge,
            "reason",
            listed(reason, PARKED_REASONS),
            *waiting,
        );
    }
    let (tripped, held) = (gauge(&names::HALT_TRIPPED), gauge(&names::HALT_HELD));
    add_halts(&tripped, &held, halts, &bridges);
    render(&registry)
}

/// A release leaves nothing stored of a halt, so each of a configured bridge is there with a zero.
fn add_halts(tripped: &Level, held: &Level, halts: &[HaltState], bridges: &[&BridgeName]) {
    for halt in halts {
        let (bridge, operation) = (halt.bridge.as_str(), halt.operation.as_str());
        let holds = u64::from(halt.window.tripped_at.is_some());
        add(tripped, bridge, "operation", operation, holds);
        add(held, bridge, "operation", operation, halt.held);
    }
    for bridge in bridges {
        for kind in Operation::ALL.into_iter().filter(|o| o.is_halted_in_bulk()) {
            for gauge in [tripped, held] {
                add(gauge, bridge.as_str(), "operation", kind.as_str(), 0);
            }
        }
    }
}

/// Adds, since several bridges may share the name `other`.
fn add(level: &Level, bridge: &str, label: &'static str, value: &'static str, more: u64) {
    let labels: Labels = vec![
        ("bridge", Cow::Owned(bridge.to_owned())),
        (label, Cow::Borrowed(value)),
    ];
    level.with(labels, |gauge| plus(gauge, more));
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a count of rows stays far below 2^52"
)]
fn plus(
    gauge: &prometheus_client::metrics::gauge::Gauge<f64, std::sync::atomic::AtomicU64>,
    more: u64,
) {
    gauge.inc_by(more as f64);
}
