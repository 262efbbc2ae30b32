//! The only room that knows apalis: workers that take Claims, route Deliveries and make rounds.
//! Neighbours: `store`, whose tables are the queue; `perform` and `observe`, which call the remotes.
//!
//! A task is one Claim, one routing or one round, and its handler ends well, having settled. There
//! is no retry layer and no timeout layer around it: deadlines are per call, and the schedule is in
//! the tables (docs/decisions tells why apalis' own backends are not used).

mod count;
mod drive;
mod feed;
mod history;
mod lanes;
mod listed;
mod objects;
mod order;
mod places;
mod prune;
mod reports;
mod routes;
mod silence;
mod sweep;

pub use listed::Listed;
pub use order::{OrderError, give_order};
pub use reports::{Board, Wish};
pub use sweep::{Swept, sweep_now};

use crate::{
    gate::Gate,
    metrics::Metrics,
    runtime::Runtime,
    store::{Store, Wake},
};
use apalis::{
    layers::WorkerBuilderExt,
    prelude::{Monitor, ParallelizeExt, WorkerBuilder},
};
use bridge_core::{call::CallError, lane::Blocked};
use feed::Feed;
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::task::TaskTracker;

/// Lanes worked on at the same time: enough to keep both remotes busy at any allowed rate, few
/// enough that a Claim's state in memory stays small.
pub const LANES_AT_ONCE: usize = 64;

/// Deliveries routed at the same time.
pub const ROUTES_AT_ONCE: usize = 32;

/// How long a Claim lasts unless it is renewed. Twice the longest allowed call and more.
pub const LEASE: Duration = Duration::from_secs(30);

/// A handler still running this long after the signal to stop is left to the lease.
pub const STOP_WITHIN: Duration = Duration::from_secs(8);

/// What every job needs.
#[derive(Clone)]
pub struct Jobs {
    /// Our tables.
    pub store: Store,
    /// The bridges as configured now.
    pub runtime: watch::Receiver<Arc<Runtime>>,
    /// Whether a side takes calls.
    pub gate: Arc<Gate>,
    /// The figures.
    pub metrics: Metrics,
    /// What the Sweep last recorded of tickets whose system tells no version.
    pub listed: Arc<Listed>,
    /// Who waits for Jelou's report, and what it told.
    pub reports: Arc<Board>,
    /// Whether no Lane is to be claimed for a moment: a bridge changes its mode.
    pub pausing: Arc<AtomicBool>,
    /// Whether the process is stopping: no new Claims, and no new calls under those that there are.
    pub stopping: Arc<AtomicBool>,
    /// Persons' orders at work: the stop waits for them as for the workers.
    pub orders: TaskTracker,
}

/// Runs all workers until `stop` says true. Calls in flight end; what was claimed and not begun is
/// given back.
///
/// # Errors
/// What apalis' Monitor said, if a worker could not be kept.
pub async fn run(
    jobs: Jobs,
    stop: watch::Receiver<bool>,
) -> Result<(), apalis::prelude::MonitorError> {
    let mut feeders = JoinSet::new();
    let lanes = Feed::new(lanes::feed(jobs.clone(), &mut feeders));
    let routes = Feed::new(routes::feed(jobs.clone(), &mut feeders));
    let rounds = Feed::new(sweep::feed(jobs.clone(), &mut feeders));
    let (for_lanes, for_routes, for_rounds) = (jobs.clone(), jobs.clone(), jobs.clone());
    let stopping = Arc::clone(&jobs.stopping);
    Monitor::new()
        .register(move |_| {
            WorkerBuilder::new("lanes")
                .backend(lanes.clone())
                .data(for_lanes.clone())
                .concurrency(LANES_AT_ONCE)
                .catch_panic()
                .parallelize(tokio::spawn)
                .build(lanes::work)
        })
        .register(move |_| {
            WorkerBuilder::new("routes")
                .backend(routes.clone())
                .data(for_routes.clone())
                .concurrency(ROUTES_AT_ONCE)
                .catch_panic()
                .parallelize(tokio::spawn)
                .build(routes::work)
        })
        .register(move |_| {
            WorkerBuilder::new("rounds")
                .backend(rounds.clone())
                .data(for_rounds.clone())
                .concurrency(sweep::ROUNDS_AT_ONCE)
                .catch_panic()
                .parallelize(tokio::spawn)
                .build(sweep::work)
        })
        .shutdown_timeout(STOP_WITHIN)
        .should_restart(|_, _| true)
        .run_with_signal(async move {
            until_over(stop, feeders).await;
            stopping.store(true, std::sync::atomic::Ordering::Relaxed);
            Ok(())
        })
        .await
}

/// Until the process is to stop. Without a feeder nothing of its kind would be begun any more while all else looked
/// well: its end is the workers' end, and so the process'.
async fn until_over(mut stop: watch::Receiver<bool>, mut feeders: JoinSet<()>) {
    tokio::select! {
        // A closed channel means that the process is going down without saying so.
        _ = stop.wait_for(|stop| *stop) => {}
        Some(ended) = feeders.join_next() => {
            let error = ended.err().map(|error| error.to_string());
            tracing::error!(error, "What hands work to the workers ended, which is a bug; the process ends");
        }
    }
    // They give back what they claimed last.
    feeders.detach_all();
}

/// Lets the gate take in how a call went, keeps what must hold over a restart, and rings the alarm
/// for a credential. Gives back the outcome as the Lane is to see it.
async fn learn<T>(
    jobs: &Jobs,
    target: &crate::gate::Target,
    who: &str,
    object: &str,
    outcome: Result<T, CallError>,
) -> Result<T, CallError> {
    let now = crate::clock::now();
    let lesson = jobs
        .gate
        .learn(target, who, object, outcome.as_ref().err(), now);
    if let Some((key, until, reason)) = lesson.pause {
        if key.starts_with("credential:") {
            tracing::error!(bridge = %target.bridge, side = %target.side, reason, "The credential was refused; calls of this side wait, one a minute asks again");
        }
        if let Err(error) = jobs.store.pause(&key, until, reason, now).await {
            tracing::error!(%error, "A pause could not be stored");
        }
    }
    if let Some(key) = lesson.resumed {
        tracing::info!(bridge = %target.bridge, side = %target.side, "The credential works again");
        let held = format!("credential.{}", target.side);
        let woken = async {
            jobs.store.resume(&key).await?;
            jobs.store.wake(Wake::HeldBy(held), now).await
        };
        if let Err(error) = woken.await {
            tracing::error!(%error, "Held lanes could not be woken");
        }
    }
    let (breaker, credential) = jobs.gate.condition(&target.bridge, target.side, now);
    jobs.metrics.breaker(&target.bridge, target.side, breaker);
    jobs.metrics
        .credential_paused(&target.bridge, target.side, credential);
    outcome.map_err(|error| lesson.error.unwrap_or(error))
}

/// Asks the gate for one call, and counts what its rate makes wait.
fn ask(jobs: &Jobs, target: &crate::gate::Target, who: &str) -> Result<(), Blocked> {
    ask_for(jobs, target, who, 1)
}

/// The same for several calls in a row, of which each rests on the one before.
fn ask_for(
    jobs: &Jobs,
    target: &crate::gate::Target,
    who: &str,
    calls: u32,
) -> Result<(), Blocked> {
    let now = crate::clock::now();
    let asked = jobs.gate.ask_for(target, who, calls, now);
    counted(jobs, target, asked, now)
}

/// The same for one operation of several calls.
fn ask_whole(
    jobs: &Jobs,
    target: &crate::gate::Target,
    who: &str,
    calls: u32,
) -> Result<(), Blocked> {
    let now = crate::clock::now();
    let asked = jobs.gate.ask_whole(target, who, calls, now);
    counted(jobs, target, asked, now)
}

fn counted(
    jobs: &Jobs,
    target: &crate::gate::Target,
    asked: Result<(), Blocked>,
    now: bridge_core::time::Timestamp,
) -> Result<(), Blocked> {
    if let Err(blocked) = &asked
        && blocked.by == "rate"
    {
        let wait = blocked.until.since(now);
        jobs.metrics.rate_wait(&target.bridge, target.side, wait);
    }
    asked
}

/// What a call was answered, for the metrics.
fn status_of(error: Option<&CallError>) -> Option<u16> {
    error.map_or(Some(200), CallError::status)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Found by a reader: nobody watched it, and due lanes would have waited for the next start.
    #[tokio::test]
    async fn a_feeder_that_panics_ends_the_workers() {
        let (_running, stop) = watch::channel(false);
        let mut feeders = JoinSet::new();
        feeders.spawn(std::future::pending());
        feeders.spawn(async { panic!("a bug") });
        let over = until_over(stop, feeders);
        let ended = tokio::time::timeout(Duration::from_secs(10), over).await;
        assert!(ended.is_ok());
    }
}
