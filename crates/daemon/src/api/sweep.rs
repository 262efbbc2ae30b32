//! `sweep --now`: a round over both sides at once. Neighbour: `jobs`, which makes it.

use super::{ApiError, view::bridge_named};
use crate::jobs::{self, Jobs};
use bridge_core::ids::BridgeName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which bridges to sweep. Nothing given: all.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SweepAsked {
    /// Only this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
}

/// What the rounds found. It is worked on from here like what webhooks tell.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Sweeps {
    /// One for each bridge.
    pub sweeps: Vec<SweepView>,
}

/// One round over both sides of a bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SweepView {
    /// The bridge.
    pub bridge: String,
    /// Tickets listed as changed.
    pub tickets: u64,
    /// Of those, states not recorded before.
    pub new_states: u64,
    /// Conversations read.
    pub conversations: u64,
    /// Of those, found closed.
    pub found_closed: u64,
    /// Messages of customers that no webhook told.
    #[serde(default)]
    pub messages: u64,
    /// Comments of agents that no webhook told, where the system lists them by themselves.
    #[serde(default)]
    pub comments: u64,
    /// What broke the round off. What was found before that is kept.
    pub error: Option<String>,
}

/// Makes a round for each bridge, one after the other.
///
/// # Errors
/// 404 for a bridge that is not configured. A round that broke off is no error but says so.
pub async fn sweep(jobs: &Jobs, asked: SweepAsked) -> Result<Sweeps, ApiError> {
    let bridges: Vec<BridgeName> = {
        let runtime = jobs.runtime.borrow();
        match bridge_named(&runtime, asked.bridge.as_ref())? {
            Some(name) => vec![name],
            None => runtime.bridges.keys().cloned().collect(),
        }
    };
    let mut sweeps = Vec::new();
    for bridge in bridges {
        let (swept, error) = match jobs::sweep_now(jobs, &bridge).await {
            Ok(swept) => (swept, None),
            Err(error) => (jobs::Swept::default(), Some(error)),
        };
        sweeps.push(SweepView {
            bridge: bridge.to_string(),
            tickets: swept.tickets,
            new_states: swept.new_states,
            conversations: swept.conversations,
            found_closed: swept.found_closed,
            messages: swept.messages,
            comments: swept.comments,
            error,
        });
    }
    Ok(Sweeps { sweeps })
}
