//! The senders: they take a webhook by its number and make the request. Neighbour: the hooks' log.

use super::{Outcome, Shared};
use crate::{clock::now_ms, stage::lock};
use bytes::Bytes;
use std::{sync::Weak, time::Duration};
use tokio::sync::mpsc;

/// Sends one now, a single time, out of turn.
pub(super) async fn once(shared: &Shared, number: u64) -> Outcome {
    attempt(shared, number, 1).await
}

/// One sender: what it is given goes out one after the other.
pub(super) async fn in_turn(shared: Weak<Shared>, mut numbers: mpsc::UnboundedReceiver<u64>) {
    while let Some(number) = numbers.recv().await {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        promised(&shared, number).await;
    }
}

pub(super) async fn promised(shared: &Shared, number: u64) {
    let attempts = lock(&shared.inner).manners.attempts;
    attempt(shared, number, attempts).await;
    let mut inner = lock(&shared.inner);
    inner.waiting = inner.waiting.saturating_sub(1);
    drop(inner);
    shared.ended.notify_waiters();
}

async fn attempt(shared: &Shared, number: u64, attempts: u32) -> Outcome {
    let mut outcome = Outcome::Lost;
    for attempt in 1..=attempts.max(1) {
        let Some(request) = prepare(shared, number) else {
            return outcome;
        };
        outcome = match request.send().await {
            Ok(answer) => Outcome::Answered {
                status: answer.status().as_u16(),
            },
            Err(_) => Outcome::Failed,
        };
        if let Some(delivered) = lock(&shared.inner).find(number) {
            delivered.outcome = outcome.clone();
            if matches!(outcome, Outcome::Answered { status: 200..=299 }) {
                delivered.taken_at_ms.get_or_insert_with(now_ms);
            }
        }
        if matches!(outcome, Outcome::Answered { status: 200..=299 }) || attempt == attempts {
            break;
        }
        let pause = lock(&shared.inner).manners.retry_wait_ms;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    outcome
}

/// The request for a webhook, counted as sent; `None` where there is nobody to tell.
fn prepare(shared: &Shared, number: u64) -> Option<reqwest::RequestBuilder> {
    let mut inner = lock(&shared.inner);
    let url = inner.target.url.clone()?;
    let delivered = inner.find(number)?;
    delivered.sends += 1;
    delivered.sent_at_ms.get_or_insert_with(now_ms);
    let mut request = shared
        .client
        .post(url)
        .header("content-type", "application/json");
    for (name, value) in &delivered.headers {
        request = request.header(name, value);
    }
    Some(request.body(Bytes::from(delivered.body.clone())))
}
