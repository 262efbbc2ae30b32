//! The operator's listener: health, metrics, and the way to the API. Neighbours: `token`, which
//! guards the API; `workers`, who tell whether they live; the API itself, which is handed in.

mod token;
mod workers;

pub use workers::{Workers, Working};

use crate::{
    clock,
    config::Config,
    metrics::{Metrics, render_store},
    store::{Store, StoreError},
};
use axum::{
    Json, Router,
    extract::State,
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};
use tracing::warn;

/// How long a question to the database may take here. Probes give up after a few seconds.
const STORE_WITHIN: Duration = Duration::from_secs(2);

/// The text format's version that Prometheus, and what reads like it, is told.
const PROMETHEUS_TEXT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What the admin listener works with.
#[derive(Clone)]
pub struct Admin {
    /// Asked for its health and its figures.
    pub store: Store,
    /// Its token guards the API, as it is at each request.
    pub config: watch::Receiver<Arc<Config>>,
    /// Shown at `/metrics`.
    pub metrics: Metrics,
    /// Asked whether they live.
    pub workers: Workers,
}

/// What the admin listener answers: `/healthz`, `/readyz` and `/metrics` to everyone who reaches
/// it, and `api`, whose paths begin with `/api/`, to who has the token.
pub fn router(admin: Admin, api: Router) -> Router {
    let guard = middleware::from_fn_with_state(admin.config.clone(), token::guard);
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(admin)
        .merge(api)
        // Around all of it, and by path: no route or fallback of the API can stand outside.
        .layer(guard)
}

/// 200 as long as the process can answer at all.
async fn healthz() -> &'static str {
    "ok\n"
}

/// The parts that must work for a webhook to be taken and worked on. The remotes are none of them.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    /// `ok`, or what it said.
    database: String,
    /// Each with `ok` or `not running`.
    workers: BTreeMap<&'static str, &'static str>,
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let database = within(admin.store.check()).await;
    let workers = admin.workers.all();
    let ready = database.is_ok() && workers.values().all(|alive| *alive);
    let word = |alive| if alive { "ok" } else { "not running" };
    let body = Readiness {
        ready,
        database: database.map_or_else(|error| error.to_string(), |()| "ok".to_owned()),
        workers: workers
            .into_iter()
            .map(|(name, alive)| (name, word(alive)))
            .collect(),
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body)).into_response()
}

/// What this process counted, and what the store knows; without the latter while the store does
/// not answer, since the former is most wanted then.
async fn metrics(State(admin): State<Admin>) -> Response {
    let now = clock::now();
    let mut text = admin.metrics.render();
    let known = within(async {
        Ok((
            admin.store.counts(now).await?,
            admin.store.halts(None).await?,
        ))
    });
    match known.await {
        Ok((counts, halts)) => {
            let config = Arc::clone(&admin.config.borrow());
            text += &render_store(config.bridges.keys(), &counts, &halts, now);
        }
        Err(error) => warn!(%error, "Metrics are shown without the store's: {error}"),
    }
    ([(CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response()
}

async fn within<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let answer = timeout(STORE_WITHIN, asked).await;
    answer.unwrap_or_else(|_| {
        Err(StoreError::Busy {
            reason: format!("it did not answer within {} s", STORE_WITHIN.as_secs()),
        })
    })
}
