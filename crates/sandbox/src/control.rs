//! The control pages under `/sandbox/`, by which another process looks and acts. What is here is
//! the same for both servers; each adds its own acts. `GET /sandbox` shows the text below.
//!
#![doc = include_str!("control.md")]

use crate::{
    calls::Operation,
    hooks::{HookManners, Target},
    manners::Rule,
    server::Door,
    stage::{Refusal, Stage, lock},
};
use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// What `GET /sandbox` answers.
const HELP: &str = include_str!("control.md");
/// A refused port comes back after at most this long, ms: over HTTP nobody could open it again.
const REFUSE_MAX_MS: u64 = 600_000;

/// A server that can be looked at and acted on from outside.
pub(crate) trait Controlled: Clone + Send + Sync + 'static {
    fn stage(&self) -> &Stage;
    /// The whole state, to look at.
    fn state(&self) -> Value;
    /// Forgets the state.
    fn forget(&self);
}

/// The answer to an act: what it made, or 409 and why not.
pub(crate) fn acted<T: Into<Value>>(result: Result<T, Refusal>) -> Response {
    match result {
        Ok(made) => Json(made.into()).into_response(),
        Err(Refusal(why)) => (StatusCode::CONFLICT, Json(json!({"error": why}))).into_response(),
    }
}

/// The pages both servers have.
pub(crate) fn routes<S: Controlled>() -> Router<S> {
    Router::new()
        .route("/", get(async || HELP))
        .route("/state", get(async |State(s): State<S>| Json(s.state())))
        .route("/reset", post(reset::<S>))
        .route("/calls", get(calls::<S>))
        .route(
            "/manners",
            get(async |State(s): State<S>| Json(s.stage().manners.rules()))
                .post(async |State(s): State<S>, Json(rule): Json<Rule>| {
                    s.stage().manners.add(rule)
                })
                .delete(async |State(s): State<S>| s.stage().manners.clear()),
        )
        .route(
            "/webhooks",
            get(async |State(s): State<S>| Json(s.stage().hooks.all())),
        )
        .route(
            "/webhooks/manners",
            get(async |State(s): State<S>| Json(s.stage().hooks.manners())).put(
                async |State(s): State<S>, Json(manners): Json<HookManners>| {
                    s.stage().hooks.set_manners(manners);
                },
            ),
        )
        .route(
            "/webhooks/target",
            put(async |State(s): State<S>, Json(target): Json<Target>| {
                s.stage().hooks.set_target(target)
            }),
        )
        .route("/webhooks/send", post(send::<S>))
        .route("/door", post(door::<S>))
}

async fn reset<S: Controlled>(State(server): State<S>) {
    server.forget();
    let stage = server.stage();
    stage.manners.clear();
    stage.hooks.reset();
    lock(&stage.calls).clear();
}

#[derive(Deserialize)]
struct Only {
    operation: Option<Operation>,
}

async fn calls<S: Controlled>(State(server): State<S>, Query(only): Query<Only>) -> Response {
    let mut calls = lock(&server.stage().calls).all();
    calls.retain(|call| only.operation.is_none_or(|wanted| wanted == call.operation));
    Json(calls).into_response()
}

#[derive(Deserialize)]
struct Which {
    numbers: Option<Vec<u64>>,
}

async fn send<S: Controlled>(State(server): State<S>, Json(which): Json<Which>) -> Response {
    let hooks = &server.stage().hooks;
    let outcomes = match which.numbers {
        Some(numbers) => hooks.send_now(&numbers).await,
        None => hooks.release().await,
    };
    Json(outcomes).into_response()
}

#[derive(Deserialize)]
struct SetDoor {
    door: Door,
    for_ms: Option<u64>,
}

async fn door<S: Controlled>(State(server): State<S>, Json(set): Json<SetDoor>) -> Response {
    match (set.door, set.for_ms) {
        (Door::Open | Door::Unavailable, None) => server.stage().gate.set_soon(set.door),
        (Door::Refuse | Door::Unavailable, Some(for_ms)) if for_ms <= REFUSE_MAX_MS => {
            tokio::spawn(async move {
                server.stage().gate.set(set.door).await;
                tokio::time::sleep(Duration::from_millis(for_ms)).await;
                server.stage().gate.set(Door::Open).await;
            });
        }
        (Door::Open | Door::Unavailable | Door::Refuse | Door::Closed, _) => {
            return acted::<Value>(Err(Refusal(
                "open, unavailable (with or without for_ms), or refuse with for_ms of at most 600000".to_owned(),
            )));
        }
    }
    StatusCode::OK.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first piece of code on the page that begins so, with line ends as spaces.
    fn example(beginning: &str) -> String {
        let page = HELP.replace('\n', " ");
        let found = page.split('`').find(|code| code.starts_with(beginning));
        found.unwrap_or_default().to_owned()
    }

    #[test]
    fn the_examples_on_the_help_page_are_taken_as_they_stand() {
        let rule: Rule = serde_json::from_str(&example(r#"{"operation""#)).unwrap();
        assert_eq!(rule.reply, crate::Reply::Cut);
        let manners: HookManners = serde_json::from_str(&example(r#"{"off""#)).unwrap();
        assert_eq!(manners, HookManners::default());
        let ticket: crate::helpdesk::NewTicket =
            serde_json::from_str(&example(r#"{"requester_phone""#)).unwrap();
        assert_eq!(ticket.tags, ["whatsapp"]);
        let bridge: crate::helpdesk::Bridge =
            serde_json::from_str(&example(r#"{"admin""#)).unwrap();
        assert_eq!(bridge.admin, "http://127.0.0.1:9090");
    }
}
