//! What both servers stand on: log, manners, webhooks, door; and the one way in which a call is
//! treated. Neighbours: jelou and helpdesk, which act on it.

use crate::{
    calls::{Call, CallLog, Operation},
    clock::now_ms,
    hooks::Hooks,
    manners::{Manners, Reply, Rule},
    server::{CutHere, Door, Gate},
};
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The largest body taken, bytes: a film and what stands around it. A limit all the same.
const BODY_MAX: usize = 20 << 20;

/// The longest body that is no JSON and is logged as it came, bytes.
const TEXT_LOGGED_MAX: usize = 4_096;

/// Why an act could not be done, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// Locks, whatever a test that panicked left behind.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Log, manners, webhooks and door of one server.
#[derive(Debug)]
pub(crate) struct Stage {
    pub calls: Mutex<CallLog>,
    pub manners: Manners,
    pub hooks: Hooks,
    pub gate: Gate,
}

/// A call taken off the wire.
#[derive(Debug)]
pub(crate) struct Asked {
    pub operation: Operation,
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Asked {
    /// Reads a request whole.
    pub(crate) async fn read(operation: Operation, request: Request<Body>) -> Self {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
        Self {
            operation,
            method: parts.method.to_string(),
            path: path.to_owned(),
            headers: parts.headers,
            body: to_bytes(body, BODY_MAX).await.unwrap_or_default(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; `None` where it is none.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A value of the query, decoded as forms are.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let value = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| (key == name).then(|| value.replace('+', " ")))?;
        let decoded = percent_encoding::percent_decode_str(&value).decode_utf8_lossy();
        Some(decoded.into_owned())
    }

    pub(crate) fn logged(&self) -> Call {
        let text = || match self.body.len() {
            // A file: the log is no place for films.
            size if size > TEXT_LOGGED_MAX => Value::String(format!("({size} bytes)")),
            _ => Value::String(String::from_utf8_lossy(&self.body).into_owned()),
        };
        let body = match self.body.is_empty() {
            true => Value::Null,
            false => self.json().unwrap_or_else(text),
        };
        Call {
            number: 0,
            at_ms: now_ms(),
            operation: self.operation,
            method: self.method.clone(),
            path: self.path.clone(),
            body,
            headers: self.headers.keys().map(ToString::to_string).collect(),
            idempotency_key: self.header("idempotency-key").map(str::to_owned),
            performed: false,
            status: None,
            took_ms: None,
        }
    }
}

/// What a server would truly answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub status: u16,
    pub body: Value,
    /// JSON pointers to the ids in it, for [`Reply::NullId`].
    pub id_at: &'static [&'static str],
}

impl Answer {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            body,
            id_at: &[],
        }
    }

    pub(crate) fn with_id_at(self, id_at: &'static [&'static str]) -> Self {
        Self { id_at, ..self }
    }
}

/// What differs between the two servers when they misbehave.
pub(crate) trait House: Send + Sync + 'static {
    /// What it stands on.
    fn stage(&self) -> &Stage;
    /// Does what was asked and answers truly.
    fn perform(&self, asked: &Asked) -> Answer;
    /// Its error envelope for a status that a rule asked for.
    fn error(&self, status: u16) -> Value;
}

/// Treats one call: log, manners, act, answer. Runs apart from the connection, because a caller
/// who hangs up does not undo what it asked for.
pub(crate) async fn treat<H: House>(house: Arc<H>, asked: Asked) -> Response {
    let treated = tokio::spawn(async move { treat_apart(house.as_ref(), &asked).await });
    treated.await.unwrap_or_else(|_| cut())
}

async fn treat_apart<H: House>(house: &H, asked: &Asked) -> Response {
    let stage = house.stage();
    let number = lock(&stage.calls).begin(asked.logged());
    let rule = match stage.gate.wanted() {
        Door::Unavailable => Rule {
            reply: Reply::Status(503),
            ..Rule::default()
        },
        Door::Open | Door::Refuse | Door::Closed => {
            let text = String::from_utf8_lossy(&asked.body);
            stage.manners.take(asked.operation, &asked.path, &text)
        }
    };
    wait(rule.slow_ms).await;
    let truth = (rule.performed || rule.reply == Reply::True).then(|| house.perform(asked));
    wait(rule.late_ms).await;
    let performed = truth.as_ref().is_some_and(|answer| answer.status < 400);
    let response = reply(house, &rule.reply, truth);
    let status = match response.extensions().get::<CutHere>() {
        Some(_) => None,
        None => Some(response.status().as_u16()),
    };
    lock(&stage.calls).end(number, performed, status, now_ms());
    response
}

fn reply<H: House>(house: &H, reply: &Reply, truth: Option<Answer>) -> Response {
    let truth = truth.unwrap_or_else(|| Answer::new(200, json!({})));
    match reply {
        Reply::True => send(truth.status, &truth.body),
        Reply::Status(status) => send(*status, &house.error(*status)),
        Reply::TooMany(after) => not_now(house, 429, after.as_deref()),
        Reply::Unavailable(after) => not_now(house, 503, Some(after)),
        Reply::Cut => cut(),
        Reply::Html => (
            [(header::CONTENT_TYPE, "text/html")],
            "<!doctype html><title>One moment</title><p>Checking your browser</p>",
        )
            .into_response(),
        Reply::Half => {
            let text: String = truth.body.to_string();
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            let mut response = send(truth.status, &truth.body);
            *response.body_mut() = Body::from(half);
            response.headers_mut().remove(header::CONTENT_LENGTH);
            response
        }
        Reply::NullId => {
            let mut body = truth.body;
            for pointer in truth.id_at {
                if let Some(id) = body.pointer_mut(pointer) {
                    *id = Value::Null;
                }
            }
            send(truth.status, &body)
        }
        Reply::StatusZero => send(
            200,
            &json!({"message": ["The request could not be processed."], "statusMessage": "failed", "status": 0}),
        ),
    }
}

fn not_now<H: House>(house: &H, status: u16, after: Option<&str>) -> Response {
    let mut response = send(status, &house.error(status));
    if let Some(value) = after.and_then(|text| text.parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

pub(crate) async fn wait(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn send(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(body)).into_response()
}

pub(crate) fn cut() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(CutHere);
    response
}
