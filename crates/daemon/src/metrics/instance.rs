//! What this process counts as it happens. The rule: a figure belongs here if it is about what this
//! process did or met since its start, and nowhere else is it known; what the store knows is in
//! `service`, so that a restart does not change it.

use super::{
    labels::{
        Budget, DeliveryOutcome, EffectOutcome, EventFate, Labels, NAMED_SERIES, StatusClass, Teams,
    },
    names,
    series::{Count, Level, Seconds, Spread, count, level, render, seconds, spread},
};
use bridge_core::{
    effect::Operation,
    event::Side,
    ids::{BotId, BridgeName},
    lane::{Direction, Outcome},
    report::{ReportEnd, Reported},
    time::Timestamp,
};
use prometheus_client::registry::Registry;
use std::{borrow::Cow, sync::Arc, time::Duration};

/// The figures of this process. Clones count into the same ones.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    deliveries: Count,
    ingest: Spread,
    events_settled: Count,
    end_to_end: Spread,
    effects: Count,
    calls: Count,
    call_seconds: Spread,
    rate_wait: Seconds,
    breaker_open: Level,
    credential_paused: Level,
    drift: Count,
    sweep_seconds: Level,
    last_sweep: Level,
    webhook_silence: Level,
    misclosed: Count,
    possible_duplicates: Count,
    messages: Count,
    reports: Count,
    first_reply: Spread,
    talk_length: Spread,
    teams: Teams,
    lanes_set_aside: Count,
    store_commit: Spread,
    store_batch: Spread,
    config_reloads: Count,
}

impl Metrics {
    /// Nothing counted yet, by the version of this program.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        let mut all = Registry::default();
        let registry = &mut all;
        let budget = &Budget::of(NAMED_SERIES);
        let build_info = level(registry, budget, &names::BUILD_INFO);
        build_info.with(vec![("version", Cow::Borrowed(version))], |one| {
            one.set(1.0);
        });
        Self(Arc::new(Inner {
            deliveries: count(registry, budget, &names::DELIVERIES),
            ingest: spread(registry, budget, &names::INGEST),
            events_settled: count(registry, budget, &names::EVENTS_SETTLED),
            end_to_end: spread(registry, budget, &names::END_TO_END),
            effects: count(registry, budget, &names::EFFECTS),
            calls: count(registry, budget, &names::CALLS),
            call_seconds: spread(registry, budget, &names::CALL_SECONDS_TAKEN),
            rate_wait: seconds(registry, budget, &names::RATE_WAIT),
            breaker_open: level(registry, budget, &names::BREAKER_OPEN),
            credential_paused: level(registry, budget, &names::CREDENTIAL_PAUSED),
            drift: count(registry, budget, &names::DRIFT),
            sweep_seconds: level(registry, budget, &names::SWEEP_SECONDS),
            last_sweep: level(registry, budget, &names::LAST_SWEEP),
            webhook_silence: level(registry, budget, &names::WEBHOOK_SILENCE),
            misclosed: count(registry, budget, &names::MISCLOSED),
            possible_duplicates: count(registry, budget, &names::POSSIBLE_DUPLICATES),
            messages: count(registry, budget, &names::MESSAGES),
            reports: count(registry, budget, &names::REPORTS),
            first_reply: spread(registry, budget, &names::FIRST_REPLY),
            talk_length: spread(registry, budget, &names::TALK_LENGTH),
            teams: Teams::default(),
            lanes_set_aside: count(registry, budget, &names::LANES_SET_ASIDE),
            store_commit: spread(registry, budget, &names::STORE_COMMIT),
            store_batch: spread(registry, budget, &names::STORE_BATCH),
            config_reloads: count(registry, budget, &names::CONFIG_RELOADS),
            registry: all,
        }))
    }

    /// Begins a bridge's counters at zero, so that an alarm on their growth sees the first one.
    pub fn begin(&self, bridge: &BridgeName) {
        let all = &self.0;
        for counter in [&all.drift, &all.misclosed, &all.possible_duplicates] {
            counter.with(of(bridge), |c| {
                c.inc_by(0);
            });
        }
        self.webhook_silence(bridge, false);
        for side in [Side::Jelou, Side::Ticketing] {
            self.breaker(bridge, side, false);
            self.credential_paused(bridge, side, false);
            let new = at(bridge, side).and("outcome", DeliveryOutcome::New.as_str());
            all.deliveries.with(new, |c| {
                c.inc_by(0);
            });
        }
    }

    /// A webhook request came to its answer.
    pub fn delivery(&self, bridge: &BridgeName, side: Side, outcome: DeliveryOutcome) {
        let labels = at(bridge, side).and("outcome", outcome.as_str());
        self.0.deliveries.with(labels, inc);
    }

    /// How long that took, from its head to its answer.
    pub fn ingest(&self, took: Duration) {
        self.0
            .ingest
            .with(Vec::new(), |h| h.observe(took.as_secs_f64()));
    }

    /// An Event came to its end.
    pub fn event_settled(&self, bridge: &BridgeName, side: Side, fate: EventFate) {
        let labels = at(bridge, side).and("fate", fate.as_str());
        self.0.events_settled.with(labels, inc);
    }

    /// An Effect was confirmed so long after the Delivery that caused it came.
    pub fn end_to_end(&self, bridge: &BridgeName, took: Duration) {
        let seconds = took.as_secs_f64();
        self.0.end_to_end.with(of(bridge), |h| h.observe(seconds));
    }

    /// One try to change a remote ended.
    pub fn effect(&self, bridge: &BridgeName, operation: Operation, outcome: EffectOutcome) {
        let labels = of(bridge)
            .and("operation", operation.as_str())
            .and("outcome", outcome.as_str());
        self.0.effects.with(labels, inc);
    }

    /// A call ended, with this status if there was an answer.
    pub fn call(&self, bridge: &BridgeName, side: Side, status: Option<u16>, took: Duration) {
        let class = at(bridge, side).and("status_class", StatusClass::of(status).as_str());
        self.0.calls.with(class, inc);
        let seconds = took.as_secs_f64();
        self.0
            .call_seconds
            .with(at(bridge, side), |h| h.observe(seconds));
    }

    /// A Lane was put off for so long because the rate is used up.
    pub fn rate_wait(&self, bridge: &BridgeName, side: Side, wait: Duration) {
        self.0.rate_wait.with(at(bridge, side), |c| {
            c.inc_by(wait.as_secs_f64());
        });
    }

    /// Whether the breaker of a side is open now.
    pub fn breaker(&self, bridge: &BridgeName, side: Side, open: bool) {
        set(&self.0.breaker_open, at(bridge, side), flag(open));
    }

    /// Whether the credential of a side is paused now.
    pub fn credential_paused(&self, bridge: &BridgeName, side: Side, paused: bool) {
        set(&self.0.credential_paused, at(bridge, side), flag(paused));
    }

    /// The Sweep found so many differences that no webhook had said.
    pub fn drift(&self, bridge: &BridgeName, found: u64) {
        self.0.drift.with(of(bridge), |c| {
            c.inc_by(found);
        });
    }

    /// A full round of the Sweep ended now, after so long.
    #[allow(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 stay far below 2^52"
    )]
    pub fn sweep_finished(&self, bridge: &BridgeName, took: Duration, now: Timestamp) {
        set(&self.0.sweep_seconds, of(bridge), took.as_secs_f64());
        set(&self.0.last_sweep, of(bridge), now.0 as f64 / 1000.0);
    }

    /// Whether Jelou's webhooks seem silent (rule 5).
    pub fn webhook_silence(&self, bridge: &BridgeName, silent: bool) {
        set(&self.0.webhook_silence, of(bridge), flag(silent));
    }

    /// Jelou closed another conversation than the one meant (rule 13).
    pub fn misclosed(&self, bridge: &BridgeName) {
        self.0.misclosed.with(of(bridge), inc);
    }

    /// An Effect was tried again although an earlier try may have worked.
    pub fn possible_duplicate(&self, bridge: &BridgeName) {
        self.0.possible_duplicates.with(of(bridge), inc);
    }

    /// A message came to an end.
    pub fn message(&self, bridge: &BridgeName, direction: Direction, outcome: Outcome) {
        let labels = of(bridge).and("direction", direction.as_str());
        self.0
            .messages
            .with(labels.and("outcome", outcome.as_str()), inc);
    }

    /// Begins the count of a bridge whose conversations are reported on at zero.
    pub fn begin_reports(&self, bridge: &BridgeName) {
        for end in ReportEnd::ALL {
            let labels = of(bridge).and("result", end.as_str());
            self.0.reports.with(labels, |c| {
                c.inc_by(0);
            });
        }
    }

    /// The report on a conversation came to an end.
    pub fn reported(&self, bridge: &BridgeName, bot: &BotId, report: &Reported) {
        let all = &self.0;
        all.reports
            .with(of(bridge).and("result", report.end.as_str()), inc);
        let team = report.team.as_deref();
        for (spread, length) in [
            (&all.first_reply, report.first_reply),
            (&all.talk_length, report.duration),
        ] {
            if let Some(length) = length {
                let labels = all.teams.labels(bridge, bot, team);
                spread.with(labels, |h| h.observe(length.as_secs_f64()));
            }
        }
    }

    /// A Lane was set aside: a law would have been broken.
    pub fn lane_set_aside(&self, bridge: &BridgeName, law: &'static str) {
        self.0.lanes_set_aside.with(of(bridge).and("law", law), inc);
    }

    /// One group commit of so many members ended.
    #[allow(
        clippy::cast_precision_loss,
        reason = "a batch has thousands of members at most"
    )]
    pub fn store_commit(&self, members: usize, took: Duration) {
        let seconds = took.as_secs_f64();
        self.0.store_commit.with(Vec::new(), |h| h.observe(seconds));
        self.0
            .store_batch
            .with(Vec::new(), |h| h.observe(members as f64));
    }

    /// A changed config file was taken over, or refused.
    pub fn config_reload(&self, taken: bool) {
        let outcome = if taken { "taken" } else { "refused" };
        self.0
            .config_reloads
            .with(Labels::new().and("outcome", outcome), inc);
    }

    /// All of it as Prometheus text, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        render(&self.0.registry)
    }
}

fn inc(counter: &prometheus_client::metrics::counter::Counter) {
    counter.inc();
}

fn flag(on: bool) -> f64 {
    if on { 1.0 } else { 0.0 }
}

fn set(level: &Level, labels: Labels, value: f64) {
    level.with(labels, |gauge| {
        gauge.set(value);
    });
}

fn of(bridge: &BridgeName) -> Labels {
    vec![("bridge", Cow::Owned(bridge.as_str().to_owned()))]
}

fn at(bridge: &BridgeName, side: Side) -> Labels {
    of(bridge).and("side", side.as_str())
}

/// One label more.
trait And {
    fn and(self, label: &'static str, value: &'static str) -> Self;
}

impl And for Labels {
    fn and(mut self, label: &'static str, value: &'static str) -> Self {
        self.push((label, Cow::Borrowed(value)));
        self
    }
}
