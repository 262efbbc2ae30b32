//! The statuses that a site really has: what stands for them is learnt at the start, and `doctor` tells which
//! of those that the rules name are unknown there. Neighbours: the ticketing adapter's client, which lists
//! them; `app` and `reload`, after which they are asked for.

use super::doctor::{Look, of_call};
use crate::runtime::{Bridge, Runtime};
use bridge_core::{call::CallError, ticket::Status};
use std::{sync::Arc, time::Duration};

/// How often a list is asked for after a start. Until it is known, such a status is named by its id.
const TRIES: u32 = 5;

/// Between two tries: what is away at the start is often back in a minute.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Asks every system whose statuses have codes of the site's own for its list. Nothing waits for it.
pub fn learn(runtime: &Runtime) {
    for bridge in runtime.bridges.values() {
        if bridge.config.profile.learns_codes() {
            tokio::spawn(learn_one(Arc::clone(bridge)));
        }
    }
}

async fn learn_one(bridge: Arc<Bridge>) {
    for tried in 1..=TRIES {
        match bridge.ticketing.statuses(bridge.call_timeout()).await {
            Ok(_) => return,
            Err(CallError::Later { .. }) if tried < TRIES => {
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
            Err(error) => {
                let name = &bridge.name;
                return tracing::warn!(bridge = %name, reason = %error, "The system's statuses were not listed; those without a code in the profile go by their ids: {error}");
            }
        }
    }
}

/// Which of the statuses that the rules name the site does not know.
pub async fn examine(bridge: &Bridge) -> Option<Look> {
    const WHAT: &str = "statuses";
    if !bridge.config.profile.lists_statuses() {
        return None;
    }
    let there = match bridge.ticketing.statuses(bridge.call_timeout()).await {
        Ok(there) => there,
        Err(error) => {
            let remedy = "let the user of `credentials` list the site's statuses";
            return Some(of_call(WHAT, &error, remedy));
        }
    };
    let named = bridge.config.mapping.statuses_named();
    let unknown = named.into_iter().filter(|status| !there.contains(status));
    let unknown: Vec<&str> = unknown.map(Status::as_str).collect();
    if unknown.is_empty() {
        return Some(Look::fine(WHAT, "the site has all that the rules name"));
    }
    let has: Vec<&str> = there.iter().map(Status::as_str).collect();
    Some(Look::wrong(
        WHAT,
        format!("the site has no {}", unknown.join(", no ")),
        format!(
            "name the site's own in close_on_status and status_on_close, or in the profile's vocabulary; it has {}",
            has.join(", ")
        ),
    ))
}
