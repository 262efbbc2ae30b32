//! One metric with its labels, and the two ways to write it: into the registry and out of it.
//! Neighbours: `instance` and `service` make these, `names` says what they are called.

use super::{
    labels::{Budget, Labels, under_other},
    names::{ALL, Kind, Name},
};
use prometheus_client::{
    encoding::{EncodeMetric, text::encode_registry},
    metrics::{
        TypedMetric,
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::Registry,
};
use std::{fmt, fmt::Write, sync::atomic::AtomicU64};

/// A counter of whole things.
pub(super) type Count = Series<Counter, fn() -> Counter>;
/// A counter of seconds.
pub(super) type Seconds = Series<Counter<f64, AtomicU64>, fn() -> Counter<f64, AtomicU64>>;
/// A value as it is now.
pub(super) type Level = Series<Gauge<f64, AtomicU64>, fn() -> Gauge<f64, AtomicU64>>;
/// A histogram.
pub(super) type Spread = Series<Histogram, Buckets>;

/// Makes the histograms of one metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buckets(&'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// One metric under all its labels.
#[derive(Clone, Debug)]
pub(super) struct Series<M, C> {
    family: Family<Labels, M, C>,
    /// How many lines one set of labels takes.
    lines: u64,
    budget: Budget,
}

impl<M, C> Series<M, C>
where
    M: EncodeMetric + TypedMetric + fmt::Debug + Send + Sync + 'static,
    C: MetricConstructor<M> + Clone + Send + Sync + 'static,
{
    fn register(registry: &mut Registry, budget: &Budget, name: &Name, constructor: C) -> Self {
        let family = Family::new_with_constructor(constructor);
        // The library adds `_total` to each counter and a full stop to each help.
        let stem = match name.kind {
            Kind::Counter => name.name.trim_end_matches("_total"),
            Kind::Gauge | Kind::Histogram(_) => name.name,
        };
        registry.register(stem, name.help, family.clone());
        let lines = match name.kind {
            Kind::Counter | Kind::Gauge => 1,
            // Each bucket, the one without bound, the sum and the count.
            Kind::Histogram(buckets) => buckets.len() as u64 + 3,
        };
        Self {
            family,
            lines,
            budget: budget.clone(),
        }
    }

    /// Does something with the metric under these labels. Once the series are used up, what was
    /// not counted before is counted under `other` in place of its bridge, so that sums stay right.
    pub(super) fn with(&self, labels: Labels, act: impl FnOnce(&M)) {
        if let Some(metric) = self.family.get(&labels) {
            act(&metric);
            return;
        }
        let of_a_bridge = labels.iter().any(|(label, _)| *label == "bridge");
        let labels = if of_a_bridge && !self.budget.take(self.lines) {
            under_other(labels)
        } else {
            labels
        };
        act(&self.family.get_or_create(&labels));
    }
}

pub(super) fn count(registry: &mut Registry, budget: &Budget, name: &Name) -> Count {
    Series::register(registry, budget, name, Counter::default)
}

pub(super) fn seconds(registry: &mut Registry, budget: &Budget, name: &Name) -> Seconds {
    Series::register(registry, budget, name, Counter::default)
}

pub(super) fn level(registry: &mut Registry, budget: &Budget, name: &Name) -> Level {
    Series::register(registry, budget, name, Gauge::default)
}

pub(super) fn spread(registry: &mut Registry, budget: &Budget, name: &Name) -> Spread {
    let buckets = match name.kind {
        Kind::Histogram(buckets) => buckets,
        Kind::Counter | Kind::Gauge => &[],
    };
    Series::register(registry, budget, name, Buckets(buckets))
}

/// The registry as Prometheus text, version 0.0.4.
///
/// The library writes OpenMetrics, where a counter's `HELP` and `TYPE` name its stem; in the older
/// text format they must name the series itself, or the type is lost.
pub(super) fn render(registry: &Registry) -> String {
    let mut open_metrics = String::new();
    // Writing into a String does not fail; metrics that did would be left out.
    let _ = encode_registry(&mut open_metrics, registry);
    let mut text = String::with_capacity(open_metrics.len() + 256);
    for line in open_metrics.lines() {
        let renamed = ["# HELP ", "# TYPE "].into_iter().find_map(|comment| {
            let (stem, rest) = line.strip_prefix(comment)?.split_once(' ')?;
            let counter = counter_of(stem)?;
            Some(format!("{comment}{counter} {rest}"))
        });
        // A series without labels is written without braces, as the simplest readers expect.
        let line = line.replacen("{} ", " ", 1);
        let _ = writeln!(text, "{}", renamed.as_deref().unwrap_or(&line));
    }
    text
}

fn counter_of(stem: &str) -> Option<&'static str> {
    ALL.iter()
        .filter(|name| name.kind == Kind::Counter)
        .map(|name| name.name)
        .find(|name| name.strip_suffix("_total") == Some(stem))
}
