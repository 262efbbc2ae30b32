//! The Router: which Lane does a Delivery belong to? By its body, else by the Link, else by one
//! read. Neighbours: the adapters' `webhook::parse`, which is pure; `lanes`, which take it from here.

use super::{Jobs, ROUTES_AT_ONCE};
use crate::{
    clock,
    metrics::EventFate,
    runtime::Bridge,
    store::{Received, RouteEnd, Source, StoreError},
};
use apalis::prelude::Data;
use bridge_core::{
    call::CallError,
    event::{Event, Parsed, Side, TicketChanged},
    ids::{LaneId, TicketId},
    lane::retry_at,
    ticket::Ticket,
    time::Timestamp,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Even if nothing rings, Deliveries are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A failed look is tried again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// One Delivery to route, its place among those at work, and the lock of its object.
pub struct RouteTask {
    received: Received,
    objects: Arc<Objects>,
    _place: OwnedSemaphorePermit,
}

/// Routing is serial per (bridge, side, object), so that two webhooks of one ticket cannot find two
/// customers for it.
#[derive(Default)]
struct Objects {
    locks: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

impl Objects {
    fn lock(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = locks.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        locks.insert(key.to_owned(), Arc::downgrade(&lock));
        lock
    }
}

/// Starts the feeder and hands out its channel.
pub fn feed(jobs: Jobs) -> mpsc::Receiver<RouteTask> {
    let (tasks, feed) = mpsc::channel(ROUTES_AT_ONCE);
    tokio::spawn(hand_out(jobs, tasks));
    feed
}

async fn hand_out(jobs: Jobs, tasks: mpsc::Sender<RouteTask>) {
    let places = Arc::new(Semaphore::new(ROUTES_AT_ONCE));
    let objects = Arc::new(Objects::default());
    let mut work = jobs.store.work();
    loop {
        let Ok(first) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        if jobs.stopping.load(Ordering::Relaxed) || tasks.is_closed() {
            return;
        }
        work.mark_unchanged();
        let want = 1 + places.available_permits();
        let limit = u32::try_from(want).unwrap_or(1);
        let batch = match jobs.store.claim_routes(limit, clock::now()).await {
            Ok(batch) => batch,
            Err(error) => {
                tracing::error!(%error, "Deliveries could not be handed to the router");
                tokio::time::sleep(LOOK_AGAIN).await;
                continue;
            }
        };
        let came = batch.len();
        let mut place = Some(first);
        for received in batch {
            let Some(held) = place
                .take()
                .or_else(|| Arc::clone(&places).try_acquire_owned().ok())
            else {
                let _ = jobs.store.unroute(received.id, clock::now()).await;
                continue;
            };
            let task = RouteTask {
                received,
                objects: Arc::clone(&objects),
                _place: held,
            };
            if let Err(refused) = tasks.send(task).await {
                let _ = jobs
                    .store
                    .unroute(refused.0.received.id, clock::now())
                    .await;
            }
        }
        drop(place);
        if came < want {
            tokio::select! {
                _ = work.changed() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

/// Routes one Delivery. It always ends well: what could not be stored is handed out again.
pub async fn work(task: RouteTask, jobs: Data<Jobs>) -> Result<(), std::convert::Infallible> {
    let id = task.received.id;
    if let Err(error) = route(&jobs, &task).await {
        tracing::error!(%error, delivery.id = %id, "A delivery could not be routed");
        let later = clock::now().plus(LOOK_AGAIN);
        let _ = jobs.store.unroute(id, later).await;
    }
    Ok(())
}

async fn route(jobs: &Jobs, task: &RouteTask) -> Result<(), StoreError> {
    let received = &task.received;
    let runtime = jobs.runtime.borrow().clone();
    let end = match runtime.bridges.get(&received.bridge) {
        Some(bridge) => {
            let parsed = parse(bridge, received);
            let key = object_of(&parsed).unwrap_or_else(|| received.id.to_string());
            let lock = task
                .objects
                .lock(&format!("{}/{}/{key}", received.bridge, received.side));
            let _serial = lock.lock().await;
            decide(jobs, bridge, received, parsed).await?
        }
        None => RouteEnd::Parked {
            reason: "no_bridge".to_owned(),
            detail: format!("bridge {} is no longer configured", received.bridge),
            remedy: "configure the bridge again and `parked retry`, or `parked discard`".to_owned(),
        },
    };
    log(received, &end);
    count(jobs, received, &end);
    jobs.store
        .routed(received.id, end, clock::now())
        .await
        .map(|_| ())
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

fn object_of(parsed: &Parsed) -> Option<String> {
    let Parsed::Events(events) = parsed else {
        return None;
    };
    let event = events.first()?;
    event
        .ticket()
        .map(|id| id.as_str().to_owned())
        .or_else(|| event.conversation_id().map(|id| id.as_str().to_owned()))
}

async fn decide(
    jobs: &Jobs,
    bridge: &Bridge,
    received: &Received,
    parsed: Parsed,
) -> Result<RouteEnd, StoreError> {
    let object = object_of(&parsed);
    let events = match parsed {
        Parsed::Events(events) => events,
        Parsed::Ignored(reason) => {
            return Ok(RouteEnd::Ignored {
                reason: reason.to_owned(),
                object,
                events: Vec::new(),
            });
        }
        Parsed::Parked { reason, detail } => return Ok(parked(reason, detail)),
    };
    let Some(first) = events.first().cloned() else {
        return Ok(RouteEnd::Ignored {
            reason: "no_event".to_owned(),
            object,
            events,
        });
    };
    match &first {
        Event::ConversationStarted(e) => {
            if let Some(intent) = &e.intent_id
                && let Some(lane) = jobs.store.lane_of_intent(&bridge.name, intent).await?
            {
                return Ok(RouteEnd::ToKnownLane {
                    lane,
                    events,
                    object,
                });
            }
            by_conversation(jobs, bridge, events, object).await
        }
        Event::ConversationClosed(_) | Event::MessageReceived(_) => {
            by_conversation(jobs, bridge, events, object).await
        }
        Event::TicketChanged(e) => {
            by_ticket(jobs, bridge, received, e, events.clone(), object).await
        }
        Event::CommentAdded(e) => {
            by_ticket(jobs, bridge, received, &e.change, events.clone(), object).await
        }
    }
}

fn parked(reason: &str, detail: String) -> RouteEnd {
    let remedy = match reason {
        "wrong_project" => "send this project's webhooks to its own bridge; check jelou.project_id",
        _ => {
            "look at it with `parked show`; if the sender changed its format, upgrade and `parked retry`"
        }
    };
    RouteEnd::Parked {
        reason: reason.to_owned(),
        detail,
        remedy: remedy.to_owned(),
    }
}

async fn by_conversation(
    jobs: &Jobs,
    bridge: &Bridge,
    events: Vec<Event>,
    object: Option<String>,
) -> Result<RouteEnd, StoreError> {
    let Some(conversation) = events.first().and_then(Event::conversation).cloned() else {
        return Ok(RouteEnd::Ignored {
            reason: "no_event".to_owned(),
            object,
            events,
        });
    };
    if let Some(lane) = jobs
        .store
        .lane_of_conversation(&bridge.name, &conversation.id)
        .await?
    {
        return Ok(RouteEnd::ToKnownLane {
            lane,
            events,
            object,
        });
    }
    Ok(RouteEnd::ToLane {
        bridge: bridge.name.clone(),
        bot: conversation.bot,
        user: conversation.user,
        events,
        object,
    })
}

/// Routing asks the Link first: a changed requester counts only for the next conversation (rule 10).
async fn by_ticket(
    jobs: &Jobs,
    bridge: &Bridge,
    received: &Received,
    told: &TicketChanged,
    mut events: Vec<Event>,
    object: Option<String>,
) -> Result<RouteEnd, StoreError> {
    let store = &jobs.store;
    if let Some(lane) = store
        .lane_of_live_ticket(&bridge.name, &told.ticket)
        .await?
    {
        return Ok(RouteEnd::ToKnownLane {
            lane,
            events,
            object,
        });
    }
    let whole = match told.whole.clone() {
        Some(whole) => *whole,
        None => match read_ticket(jobs, bridge, &told.ticket, received).await {
            Read::There { ticket, begun } => {
                fill(&mut events, &ticket, begun);
                *ticket
            }
            Read::Gone => return of_missing(jobs, bridge, &told.ticket, events, object).await,
            Read::Later { due_at, error } => return Ok(RouteEnd::Later { due_at, error }),
        },
    };
    let known = store.lane_of_ticket(&bridge.name, &told.ticket).await?;
    match bridge.config.mapping.user_id(&whole) {
        Ok(Some(user)) => Ok(match bridge.config.jelou.bots.first() {
            Some(bot) => RouteEnd::ToLane {
                bridge: bridge.name.clone(),
                bot: bot.clone(),
                user,
                events,
                object,
            },
            None => RouteEnd::Ignored {
                reason: "no_bot".to_owned(),
                object,
                events,
            },
        }),
        Ok(None) => Ok(no_customer(known, events, object)),
        Err(error) => Ok(RouteEnd::Parked {
            reason: "mapping".to_owned(),
            detail: error.to_string(),
            remedy: "mend the mapping, then `parked retry`".to_owned(),
        }),
    }
}

fn no_customer(known: Option<LaneId>, events: Vec<Event>, object: Option<String>) -> RouteEnd {
    match known {
        Some(lane) => RouteEnd::ToKnownLane {
            lane,
            events,
            object,
        },
        None => RouteEnd::Ignored {
            reason: "no_customer".to_owned(),
            object,
            events,
        },
    }
}

async fn of_missing(
    jobs: &Jobs,
    bridge: &Bridge,
    ticket: &TicketId,
    events: Vec<Event>,
    object: Option<String>,
) -> Result<RouteEnd, StoreError> {
    Ok(
        match jobs.store.lane_of_ticket(&bridge.name, ticket).await? {
            Some(lane) => RouteEnd::ToKnownLane {
                lane,
                events,
                object,
            },
            None => RouteEnd::Ignored {
                reason: "gone".to_owned(),
                object,
                events,
            },
        },
    )
}

enum Read {
    There {
        ticket: Box<Ticket>,
        begun: Timestamp,
    },
    Gone,
    Later {
        due_at: Timestamp,
        error: String,
    },
}

async fn read_ticket(jobs: &Jobs, bridge: &Bridge, ticket: &TicketId, received: &Received) -> Read {
    let target = bridge.target(Side::Ticketing);
    let who = format!("delivery {}", received.id);
    if let Err(blocked) = super::ask(jobs, &target, &who) {
        return Read::Later {
            due_at: blocked.until,
            error: format!("waiting: {}", blocked.by),
        };
    }
    let begun = clock::now();
    let found = bridge.ticketing.ticket(ticket, bridge.call_timeout()).await;
    let took = clock::now().since(begun);
    jobs.metrics.call(
        &bridge.name,
        Side::Ticketing,
        super::status_of(found.as_ref().err()),
        took,
    );
    let object = format!("ticket {ticket}");
    match super::learn(jobs, &target, &who, &object, found).await {
        Ok(ticket) => Read::There {
            ticket: Box::new(ticket),
            begun,
        },
        Err(CallError::Gone { .. }) => Read::Gone,
        Err(error) => Read::Later {
            due_at: retry_at(received.attempts, &who, clock::now()),
            error: error.to_string(),
        },
    }
}

/// The Event carries what the Router read, so that the Lane need not read it again.
fn fill(events: &mut [Event], ticket: &Ticket, begun: Timestamp) {
    for event in events {
        let change = match event {
            Event::TicketChanged(change) => change,
            Event::CommentAdded(comment) => &mut *comment.change,
            Event::ConversationStarted(_)
            | Event::ConversationClosed(_)
            | Event::MessageReceived(_) => continue,
        };
        change.whole = Some(Box::new(ticket.clone()));
        change.version = ticket.version;
        change.read_at = Some(begun);
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

fn log(received: &Received, end: &RouteEnd) {
    let (word, reason) = match end {
        RouteEnd::ToLane { .. } | RouteEnd::ToKnownLane { .. } => ("routed", ""),
        RouteEnd::Ignored { reason, .. } => ("ignored", reason.as_str()),
        RouteEnd::Parked { reason, .. } => ("parked", reason.as_str()),
        RouteEnd::Later { error, .. } => ("put off", error.as_str()),
    };
    tracing::debug!(delivery.id = %received.id, bridge = %received.bridge, side = %received.side, reason, "A delivery was {word}");
}
