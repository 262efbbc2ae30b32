//! Why a ticket does not move, as the bridge beside the helpdesk tells it: the page asks each time it looks, so it has no
//! rule of its own that could say otherwise. Neighbour: control, which serves it.

use super::Helpdesk;
use crate::stage::{Refusal, lock};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// A page that looks again in a moment waits no longer for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// As much as a bridge tells in one answer: the oldest come first, and a person looks at the latest.
const LISTED_MAX: u32 = 10_000;

/// The bridge that works between Jelou and this helpdesk.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bridge {
    /// Its admin listener, `http://127.0.0.1:PORT`.
    pub admin: String,
    /// What that one asks for.
    pub token: String,
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge")
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

impl Helpdesk {
    /// Names the bridge that the agent's page asks why a ticket does not move.
    pub fn set_bridge(&self, bridge: Bridge) {
        *lock(&self.0.bridge) = Some(bridge);
    }

    /// The bridge's own `GET /api/v1/stuck`, as it stands; nothing is stuck where no bridge is named.
    pub(super) async fn waiting(&self) -> Result<Value, Refusal> {
        let bridge = lock(&self.0.bridge).clone();
        let Some(bridge) = bridge else {
            return Ok(json!({"stuck": []}));
        };
        let untold = |error: reqwest::Error| {
            Refusal(format!("the bridge does not tell what waits: {error}"))
        };
        let url = format!("{}/api/v1/stuck?limit={LISTED_MAX}", bridge.admin);
        let asked = self.0.stage.hooks.client().get(url);
        let asked = asked.bearer_auth(&bridge.token).timeout(ANSWER_WITHIN);
        let answer = asked.send().await.map_err(untold)?;
        let answer = answer.error_for_status().map_err(untold)?;
        let text = answer.text().await.map_err(untold)?;
        serde_json::from_str(&text)
            .map_err(|error| Refusal(format!("the bridge told what is no JSON: {error}")))
    }
}
