//! Whether the ticketing system takes the credential for a user of its own: some show a stranger what is public,
//! and call that a yes. Neighbours: the ticketing adapter's client, which asks; `app` and `reload`, after which
//! it is asked once; `doctor`, which asks too.

use super::doctor::{Look, of_call};
use crate::runtime::{Bridge, Runtime};
use bridge_core::call::CallError;
use std::sync::Arc;
use ticketing_adapter::client::Myself;

/// What is looked at.
const WHAT: &str = "ticketing system";

/// Asks every system that tells. Nothing waits for it; who is away is asked again by the work itself.
pub fn ask(runtime: &Runtime) {
    for bridge in runtime.bridges.values() {
        if bridge.config.profile.knows_myself() {
            tokio::spawn(ask_one(Arc::clone(bridge)));
        }
    }
}

async fn ask_one(bridge: Arc<Bridge>) {
    let asked = bridge.ticketing.myself(bridge.call_timeout()).await;
    let name = &bridge.name;
    match asked {
        Ok(Myself { other: None, .. }) | Err(CallError::Later { .. }) => {}
        Ok(Myself {
            other: Some(option),
            ..
        }) => {
            tracing::warn!(bridge = %name, "The ticketing system's credential is another user's than options.{option} says; `doctor` tells whose");
        }
        Err(error) => {
            tracing::warn!(bridge = %name, reason = %error, "The ticketing system does not know its credential: {error}");
        }
    }
}

/// What is wrong with the credential, where the system tells.
pub async fn examine(bridge: &Bridge) -> Option<Look> {
    if !bridge.config.profile.knows_myself() {
        return None;
    }
    let remedy = "look at base_url and credentials";
    match bridge.ticketing.myself(bridge.call_timeout()).await {
        Ok(Myself { other: None, .. }) => None,
        Ok(Myself {
            id,
            other: Some(option),
        }) => Some(Look::wrong(
            WHAT,
            format!("it answers, and knows us as another user than options.{option} says"),
            format!("set {option} = \"{id}\" in options, or give that user's credential"),
        )),
        Err(error) => Some(of_call(WHAT, &error, remedy)),
    }
}
