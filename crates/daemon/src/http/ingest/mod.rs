//! Takes webhooks in: proves the sender, stores the bytes, answers. Neighbours: `verified`, which
//! proves; the store, which wakes the Router by itself.
//!
//! What a body means is read later, at our own pace. So an authentic body that nobody can read is
//! stored and answered 200 like any other, and a slow remote never slows its own webhooks down.

mod body;
mod hold;
mod verified;

pub use hold::{HELD_BYTES_MAX, HELD_MAX, Hold, Open};

use super::refuse::Refusal;
use crate::{
    clock,
    config::{Bridge, Config},
    metrics::{DeliveryOutcome, Metrics},
    store::{NewDelivery, Recorded, Source, Store, StoreError},
};
use axum::{
    Router,
    body::Bytes,
    extract::{RawPathParams, Request, State, rejection::RawPathParamsRejection},
    response::{IntoResponse, Response},
    routing::post,
};
use bridge_core::{event::Side, ids::BridgeName};
use http::{
    HeaderValue, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
    request::Parts,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use ticketing_adapter::{Refused, webhook::challenged};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tracing::{debug, error, info};
use verified::{Unproven, Verified};

/// From a request's head to our answer. Jelou gives up on a webhook after 10 s and sends it again;
/// half of that leaves time for the way.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Of that, for the body to come, so that it can still be stored.
const BODY_WITHIN: Duration = Duration::from_secs(4);

/// What the public listener works with.
#[derive(Clone)]
pub struct Ingest {
    store: Store,
    config: watch::Receiver<Arc<Config>>,
    metrics: Metrics,
    hold: Hold,
    /// Whether the store failed last time, so that the log says it once.
    failing: Arc<AtomicBool>,
}

impl Ingest {
    /// Webhooks of the bridges in `config`, as it is at each request, go into this store; those
    /// whose secret is being exchanged wait in `hold`.
    #[must_use]
    pub fn new(
        store: Store,
        config: watch::Receiver<Arc<Config>>,
        metrics: Metrics,
        hold: Hold,
    ) -> Self {
        Self {
            store,
            config,
            metrics,
            hold,
            failing: Arc::default(),
        }
    }
}

/// What the public listener answers.
pub fn router(ingest: Ingest) -> Router {
    Router::new()
        .route("/webhooks/{bridge}/jelou", post(jelou))
        .route(
            "/webhooks/{bridge}/ticketing",
            post(ticketing).get(challenge),
        )
        // Where a system can put a secret only into the URL; the adapter looks for it there.
        .route("/webhooks/{bridge}/ticketing/{token}", post(ticketing))
        .with_state(ingest)
}

type Params = Result<RawPathParams, RawPathParamsRejection>;

async fn jelou(State(ingest): State<Ingest>, params: Params, request: Request) -> Response {
    ingest.answer(Side::Jelou, params, request).await
}

async fn ticketing(State(ingest): State<Ingest>, params: Params, request: Request) -> Response {
    ingest.answer(Side::Ticketing, params, request).await
}

/// A question that some systems ask before they send. It is no webhook, and nothing is stored.
async fn challenge(State(ingest): State<Ingest>, params: Params, request: Request) -> Response {
    let config = Arc::clone(&ingest.config.borrow());
    let Some((name, bridge)) = named(&config, params) else {
        return Refusal::UnknownBridge.into_response();
    };
    let query = request.uri().query().unwrap_or_default();
    match challenged(&bridge.profile, &bridge.ticketing, query) {
        Ok(answer) => {
            debug!(bridge = %name, "Answered the challenge that comes before webhooks");
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            ([(CONTENT_TYPE, plain)], answer).into_response()
        }
        Err(Refused::Unexpected) => {
            let allow = HeaderValue::from_static("POST");
            (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, allow)]).into_response()
        }
        Err(Refused::Missing | Refused::Malformed | Refused::Wrong) => {
            debug!(bridge = %name, "Refused a challenge that no known secret made");
            Refusal::Proof.into_response()
        }
    }
}

impl Ingest {
    async fn answer(&self, side: Side, params: Params, request: Request) -> Response {
        let began = Instant::now();
        let config = Arc::clone(&self.config.borrow());
        let Some((name, bridge)) = named(&config, params) else {
            return Refusal::UnknownBridge.into_response();
        };
        let taken = self.take(began, name, bridge, side, request).await;
        self.metrics.ingest(began.elapsed());
        let outcome = match &taken {
            Ok(Recorded::New(_)) => Some(DeliveryOutcome::New),
            Ok(Recorded::Known(_)) => Some(DeliveryOutcome::Known),
            Err(refusal) => refusal.outcome(),
        };
        if let Some(outcome) = outcome {
            self.metrics.delivery(name, side, outcome);
        }
        match taken {
            Ok(recorded) => {
                let (id, outcome) = (recorded.id(), outcome.map(DeliveryOutcome::as_str));
                debug!(bridge = %name, %side, delivery.id = %id, outcome, "Stored delivery {id}");
                (
                    [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
                    "{}",
                )
                    .into_response()
            }
            Err(refusal) => {
                debug!(bridge = %name, %side, reason = ?refusal, "Refused a webhook");
                refusal.into_response()
            }
        }
    }

    /// The order matters: what can be refused unread is refused first, and nothing of a body is
    /// looked at before its sender is proven.
    async fn take(
        &self,
        began: Instant,
        name: &BridgeName,
        bridge: &Bridge,
        side: Side,
        request: Request,
    ) -> Result<Recorded, Refusal> {
        let received_at = clock::now();
        body::check_head(request.headers())?;
        let (head, body) = request.into_parts();
        let raw = timeout_at(began + BODY_WITHIN, body::read(body))
            .await
            .map_err(|_| Refusal::Slow)??;
        let delivery = match side {
            Side::Jelou => self.prove_jelou(began, name, &head, raw).await,
            Side::Ticketing => Verified::from_ticketing(bridge, &head, raw),
        }?;
        let new = NewDelivery {
            bridge: name.clone(),
            side,
            source: Source::Webhook,
            dedup: delivery.dedup,
            received_at,
            headers: delivery.headers,
            body: delivery.body,
        };
        // If time runs out, the store may finish all the same: the sender comes again, and the
        // delivery is known then.
        match timeout_at(began + ANSWER_WITHIN, self.store.record(new)).await {
            Ok(Ok(recorded)) => {
                self.store_is_back();
                Ok(recorded)
            }
            Ok(Err(error)) => {
                self.store_failed(&error);
                Err(Refusal::Unavailable)
            }
            Err(_) => Err(Refusal::Unavailable),
        }
    }

    /// While the secret is exchanged, what it may yet verify waits, at most until the time that a body
    /// has: then there is still time to store it.
    async fn prove_jelou(
        &self,
        began: Instant,
        name: &BridgeName,
        head: &Parts,
        raw: Bytes,
    ) -> Result<Verified, Refusal> {
        let mut place = None;
        loop {
            let mut changes = self.hold.changes();
            // Looked at before the configuration: an exchange that ended has left it the new secret.
            let (open, fresh) = self.hold.look(name);
            let config = Arc::clone(&self.config.borrow());
            let bridge = config.bridges.get(name).ok_or(Refusal::UnknownBridge)?;
            match Verified::from_jelou(&bridge.jelou, &fresh, head, raw.clone()) {
                Ok(verified) => return Ok(verified),
                Err(Unproven::Secret) if open => {}
                Err(Unproven::Secret | Unproven::Sender) => return Err(Refusal::Proof),
            }
            if place.is_none() {
                let found = self.hold.place(name, raw.len());
                place = Some(found.ok_or(Refusal::Unavailable)?);
            }
            let moved = timeout_at(began + BODY_WITHIN, changes.changed()).await;
            if !matches!(moved, Ok(Ok(()))) {
                return Err(Refusal::Proof);
            }
        }
    }

    /// Said once for each time that it begins: senders come again and again.
    fn store_failed(&self, why: &StoreError) {
        if !self.failing.swap(true, Ordering::Relaxed) {
            error!(error = %why, "Webhooks are answered 503: {why}");
        }
    }

    fn store_is_back(&self) {
        if self.failing.load(Ordering::Relaxed) && self.failing.swap(false, Ordering::Relaxed) {
            info!("Webhooks are stored again");
        }
    }
}

/// The bridge that the path names, if there is one.
fn named(config: &Config, params: Params) -> Option<(&BridgeName, &Bridge)> {
    let params = params.ok()?;
    let (_, name) = params.iter().find(|(param, _)| *param == "bridge")?;
    let name = BridgeName::parse(name).ok()?;
    config.bridges.get_key_value(&name)
}
