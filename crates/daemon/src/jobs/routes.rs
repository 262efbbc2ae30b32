//! The Router at work: looks up and reads what its rules ask for, and stores the end. Neighbours:
//! `bridge_core::route`, which decides; the adapters' `webhook::parse`; `read`, the one read;
//! `lanes`, which take it from here.

mod read;

use super::{
    Jobs, ROUTES_AT_ONCE,
    places::{Place, Places},
};
use crate::{
    clock,
    metrics::EventFate,
    runtime::Bridge,
    store::{NewDelivery, Received, RouteEnd, Routed, Source, StoreError},
};
use apalis::prelude::Data;
use bridge_core::{
    event::{Parsed, Side},
    ids::{BridgeName, DeliveryId},
    route::{Ask, Part, Route, Told, Turn, apart, came_with, object_of},
};
use bytes::Bytes;
use futures::{FutureExt as _, poll};
use read::{LastRead, read_ticket};
use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex, PoisonError, Weak, atomic::Ordering},
    task::Poll,
    time::Duration,
};
use tokio::{
    sync::{MutexGuard, mpsc, oneshot},
    task::JoinSet,
};

/// Even if nothing rings, Deliveries are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A failed look is tried again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The sides of a bridge, each of which has its share of the places.
const SIDES: usize = 2;

/// One Delivery to route, its turn to queue for its object's lock, and its place among those at work.
pub struct RouteTask {
    received: Received,
    objects: Arc<Objects>,
    turn: QueueTurn,
    _place: Place<(BridgeName, Side)>,
}

/// Workers take Deliveries side by side, yet queue for their locks in the order in which these were
/// handed out: of two messages of one conversation, the earlier is routed first.
struct QueueTurn {
    before: oneshot::Receiver<()>,
    queued: oneshot::Sender<()>,
}

impl QueueTurn {
    /// The turn after the last one, whose end is put in its place.
    fn after(last: &mut oneshot::Receiver<()>) -> Self {
        let (queued, behind) = oneshot::channel();
        let before = std::mem::replace(last, behind);
        Self { before, queued }
    }

    /// Queues for a lock in turn, and waits for it. One ahead that gave up, or panicked, is passed:
    /// all that those ahead do until they queue is to read their body and to record its parts.
    async fn lock(self, lock: &Lock) -> MutexGuard<'_, Option<LastRead>> {
        let Self { before, queued } = self;
        let _ = before.await;
        let mut waiting = pin!(lock.lock());
        // A first look takes the place in the lock's queue.
        let first = poll!(waiting.as_mut());
        let _ = queued.send(());
        match first {
            Poll::Ready(held) => held,
            Poll::Pending => waiting.await,
        }
    }
}

/// The lock of an object, and the last read of it.
type Lock = tokio::sync::Mutex<Option<LastRead>>;

/// Routing is serial per (bridge, side, object), so that two webhooks of one ticket cannot find two
/// customers for it.
#[derive(Default)]
struct Objects {
    locks: Mutex<HashMap<String, Weak<Lock>>>,
}

impl Objects {
    fn lock(&self, key: &str) -> Arc<Lock> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(Lock::default());
        locks.insert(key.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

/// Starts the feeder among the others and hands out its channel.
pub fn feed(jobs: Jobs, feeders: &mut JoinSet<()>) -> mpsc::Receiver<RouteTask> {
    let (tasks, feed) = mpsc::channel(ROUTES_AT_ONCE);
    feeders.spawn(hand_out(jobs, tasks));
    feed
}

async fn hand_out(jobs: Jobs, tasks: mpsc::Sender<RouteTask>) {
    let places = Places::new(ROUTES_AT_ONCE);
    let objects = Arc::new(Objects::default());
    let mut work = jobs.store.work();
    // Nobody is before the first.
    let (_, mut last) = oneshot::channel();
    loop {
        let sides = SIDES * jobs.runtime.borrow().bridges.len();
        if jobs.stopping.load(Ordering::Relaxed) || tasks.is_closed() {
            return;
        }
        let room = places.room(sides);
        if room.is_over() {
            places.freed().await;
            continue;
        }
        work.mark_unchanged();
        let batch = match jobs.store.claim_routes(&room, clock::now()).await {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(%error, "Deliveries could not be handed to the router");
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            }
        };
        let has_filled = batch.len() >= room.free as usize;
        for received in batch {
            let place = places.take((received.bridge.clone(), received.side));
            let task = RouteTask {
                received,
                objects: Arc::clone(&objects),
                turn: QueueTurn::after(&mut last),
                _place: place,
            };
            if let Err(refused) = tasks.send(task).await {
                let _ = jobs
                    .store
                    .unroute(refused.0.received.id, None, clock::now())
                    .await;
            }
        }
        if !has_filled {
            tokio::select! {
                _ = work.changed() => {}
                // A side that has all the places it may have waits for one of them.
                () = places.freed(), if places.room(sides).is_full_for_any() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// Routes one Delivery. It always ends well: what could not be stored is handed out again.
pub async fn work(task: RouteTask, jobs: Data<Jobs>) -> Result<(), std::convert::Infallible> {
    let id = task.received.id;
    let routed = AssertUnwindSafe(route(&jobs, task)).catch_unwind().await;
    // It would panic again: a person must look, and all other Deliveries go on.
    if routed.is_err() {
        tracing::error!(delivery.id = %id, "Routing a delivery panicked; it is parked");
        let bug = "routing it panicked, which is a bug".to_owned();
        let end = RouteEnd::parked("unreadable", bug, None);
        if jobs.store.routed(id, end, clock::now()).await.is_err() {
            give_back(&jobs, id, None).await;
        }
    }
    Ok(())
}

/// Gives a Delivery back, however long the store takes nothing: what was not given back would be
/// handed out by nobody until the next start.
async fn give_back(jobs: &Jobs, id: DeliveryId, object: Option<&str>) {
    while !jobs.stopping.load(Ordering::Relaxed) {
        let later = clock::now().plus(LOOK_AGAIN);
        if jobs.store.unroute(id, object, later).await.is_ok() {
            return;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn route(jobs: &Jobs, task: RouteTask) {
    let received = &task.received;
    let runtime = jobs.runtime.borrow().clone();
    let Some(bridge) = runtime.bridges.get(&received.bridge) else {
        let end = RouteEnd::Parked {
            reason: "no_bridge".to_owned(),
            detail: format!("bridge {} is no longer configured", received.bridge),
            remedy: "configure the bridge again and `parked retry`, or `parked discard`".to_owned(),
            object: None,
        };
        let settled = settle(jobs, received, end).await;
        return or_give_back(jobs, received.id, None, settled).await;
    };
    let (parsed, others) = apart(parse(bridge, received));
    let object = object_of(&parsed).map(str::to_owned);
    let key = object.clone().unwrap_or_else(|| received.id.to_string());
    let lock = task
        .objects
        .lock(&format!("{}/{}/{key}", received.bridge, received.side));
    // First: once this one is settled nobody looks at its body again, and what came later comes later.
    if let Err(error) = keep(jobs, received, others).await {
        return or_give_back(jobs, received.id, object.as_deref(), Err(error)).await;
    }
    // Held until the end is stored: whoever is next must see what came of it, if only that it is put off.
    let mut last = task.turn.lock(&lock).await;
    let routed = decide(jobs, bridge, received, &mut last, parsed).await;
    or_give_back(jobs, received.id, object.as_deref(), routed).await;
}

/// Records what a Delivery meant for further tickets, each as a Delivery of its own that came with it. Those that
/// are there from an earlier try stay as they are.
async fn keep(jobs: &Jobs, received: &Received, parts: Vec<Part>) -> Result<(), StoreError> {
    for part in parts {
        let body = serde_json::to_vec(&part.events).unwrap_or_default();
        let new = NewDelivery {
            bridge: received.bridge.clone(),
            side: received.side,
            source: Source::Part,
            dedup: Some(part.key(received.id)),
            received_at: came_with(received.received_at, clock::now()),
            headers: BTreeMap::new(),
            body: Bytes::from(body),
        };
        jobs.store.record(new).await?;
    }
    Ok(())
}

async fn or_give_back(
    jobs: &Jobs,
    id: DeliveryId,
    object: Option<&str>,
    routed: Result<(), StoreError>,
) {
    if let Err(error) = routed {
        tracing::error!(%error, delivery.id = %id, "A delivery could not be routed");
        give_back(jobs, id, object).await;
    }
}

/// Looks up and reads what the Router's rules ask for, until they know the end, and stores that.
async fn decide(
    jobs: &Jobs,
    bridge: &Bridge,
    received: &Received,
    last: &mut Option<LastRead>,
    parsed: Parsed,
) -> Result<(), StoreError> {
    let (store, name) = (&jobs.store, &bridge.name);
    let bot = bridge.config.jelou.bots.first().cloned();
    let (mut route, mut turn) = Route::begin(parsed, name.clone(), bot);
    loop {
        let told = match turn {
            Turn::End(end) => return settle(jobs, received, end).await,
            Turn::Ask(Ask::LaneOfIntent(id)) => Told::Lane(store.lane_of_intent(name, &id).await?),
            Turn::Ask(Ask::LaneOfConversation(id)) => {
                Told::Lane(store.lane_of_conversation(name, &id).await?)
            }
            Turn::Ask(Ask::LaneOfLiveTicket(id)) => {
                Told::Lane(store.lane_of_live_ticket(name, &id).await?)
            }
            Turn::Ask(Ask::LaneOfTicket(id)) => Told::Lane(store.lane_of_ticket(name, &id).await?),
            Turn::Ask(Ask::LaneThatWaits {
                conversation,
                ticket,
            }) => Told::Lane(store.lane_that_waits(name, &conversation, &ticket).await?),
            Turn::Ask(Ask::ReadTicket(id)) => read_ticket(jobs, bridge, &id, received, last).await,
        };
        turn = route.told(told, &bridge.config.mapping);
    }
}

async fn settle(jobs: &Jobs, received: &Received, end: RouteEnd) -> Result<(), StoreError> {
    let (word, reason) = told(&end);
    count(jobs, received, &end);
    let routed = jobs.store.routed(received.id, end, clock::now()).await?;
    let (word, reason) = match routed {
        Routed::Again => (
            "handed out again",
            "an earlier one waits, or its lane is gone",
        ),
        Routed::Lane(_) | Routed::Done => (word, reason.as_str()),
    };
    tracing::debug!(delivery.id = %received.id, bridge = %received.bridge, side = %received.side, reason, "A delivery was {word}");
    Ok(())
}

fn parse(bridge: &Bridge, received: &Received) -> Parsed {
    if received.source != Source::Webhook {
        return match serde_json::from_slice(&received.body) {
            Ok(events) => Parsed::Events(events),
            Err(_) => Parsed::Parked {
                reason: "unreadable",
                detail: "a finding of ours could not be read back".to_owned(),
            },
        };
    }
    match received.side {
        Side::Jelou => jelou_adapter::webhook::parse(
            &received.body,
            &bridge.config.jelou.client.project_id,
            &bridge.config.jelou.bots,
        ),
        Side::Ticketing => {
            let headers: Vec<(String, String)> = received
                .headers
                .iter()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            ticketing_adapter::webhook::parse(
                &bridge.config.profile,
                &bridge.config.ticketing,
                &headers,
                &received.body,
            )
        }
    }
}

fn count(jobs: &Jobs, received: &Received, end: &RouteEnd) {
    let fate = match end {
        RouteEnd::Ignored { .. } => EventFate::Ignored,
        RouteEnd::Parked { .. } => EventFate::Parked,
        RouteEnd::ToLane { .. } | RouteEnd::ToKnownLane { .. } | RouteEnd::Later { .. } => return,
    };
    jobs.metrics
        .event_settled(&received.bridge, received.side, fate);
}

/// How it ends, in a word, and why.
fn told(end: &RouteEnd) -> (&'static str, String) {
    match end {
        RouteEnd::ToLane { .. } | RouteEnd::ToKnownLane { .. } => ("routed", String::new()),
        RouteEnd::Ignored { reason, .. } => ("ignored", reason.clone()),
        RouteEnd::Parked { reason, .. } => ("parked", reason.clone()),
        RouteEnd::Later { error, .. } => ("put off", error.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_was_handed_out_first_is_first_at_the_lock_however_late_its_worker_begins() {
        let (_, mut last) = oneshot::channel();
        let turns: Vec<QueueTurn> = (0..3).map(|_| QueueTurn::after(&mut last)).collect();
        let lock = Arc::new(Lock::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut workers = Vec::new();
        for (number, turn) in turns.into_iter().enumerate().rev() {
            let (lock, order) = (Arc::clone(&lock), Arc::clone(&order));
            workers.push(tokio::spawn(async move {
                let _held = turn.lock(&lock).await;
                order.lock().unwrap().push(number);
            }));
            tokio::task::yield_now().await;
        }
        for worker in workers {
            worker.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 1, 2]);
    }

    #[tokio::test]
    async fn one_that_gives_up_before_it_queues_holds_nobody_up() {
        let (_, mut last) = oneshot::channel();
        let first = QueueTurn::after(&mut last);
        let second = QueueTurn::after(&mut last);
        drop(first);
        let lock = Lock::default();
        assert!(second.lock(&lock).await.is_none(), "nothing was read yet");
    }
}
