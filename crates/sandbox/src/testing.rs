//! What the tests of both servers share: a receiver of webhooks, and a caller.

use crate::{hooks::sign, stage::lock};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// Long enough for a loaded machine; no test waits this long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A receiver of webhooks that keeps what it got and answers as told.
#[derive(Clone, Default)]
pub(crate) struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answers: Arc<Mutex<Vec<u16>>>,
}

impl Receiver {
    /// Starts one; returns it and its URL.
    pub(crate) async fn start() -> (Self, String) {
        let receiver = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/hook", post(Self::receive))
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (receiver, url)
    }

    async fn receive(State(this): State<Self>, headers: HeaderMap, body: Bytes) -> StatusCode {
        lock(&this.got).push((headers, body));
        let status = lock(&this.answers).pop().unwrap_or(200);
        StatusCode::from_u16(status).unwrap()
    }

    /// The next webhook is answered with this status.
    pub(crate) fn answer_next(&self, status: u16) {
        lock(&self.answers).push(status);
    }

    /// The bodies, in the order in which they came; each must carry a true signature.
    pub(crate) fn bodies(&self, header: &str, secret: &str) -> Vec<Value> {
        let got = lock(&self.got);
        let bodies = got.iter().map(|(headers, body)| {
            assert_eq!(
                headers[header],
                sign(secret, body),
                "the signature is of these bytes"
            );
            serde_json::from_slice(body).unwrap()
        });
        bodies.collect()
    }
}

/// Calls `method url` and returns status and JSON; an error where no answer came.
pub(crate) async fn call(
    method: &str,
    url: &str,
    credential: (&str, &str),
    body: Option<Value>,
) -> Result<(u16, Value), reqwest::Error> {
    let method = method.parse().unwrap();
    let mut request = reqwest::Client::new()
        .request(method, url)
        .header(credential.0, credential.1)
        .header("content-type", "application/json");
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let text = answer.text().await?;
    Ok((
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    ))
}
