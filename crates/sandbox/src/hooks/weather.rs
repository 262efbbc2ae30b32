//! How webhooks travel and what became of them, as values. Neighbour: send, which obeys.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where webhooks go and what signs them.
#[derive(Clone, Serialize, Deserialize)]
pub struct Target {
    /// The receiver. `None`: nobody is told.
    pub url: Option<String>,
    /// The signing secret, as its ASCII bytes.
    pub secret: String,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// How webhooks travel. The default is good weather.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HookManners {
    /// Off: they are made and never sent.
    pub off: bool,
    /// Hold: they wait until they are released.
    pub hold: bool,
    /// The next so many are lost.
    pub lose_next: u32,
    /// This share is lost, 0 to 1.
    pub lose_share: f64,
    /// The next so many are sent twice.
    pub repeat_next: u32,
    /// This share is sent twice, 0 to 1.
    pub repeat_share: f64,
    /// Each waits this long, ms.
    pub delay_ms: u64,
    /// Each waits up to this long more, by chance, ms: later ones overtake earlier ones.
    pub jitter_ms: u64,
    /// How often one is sent until a 2xx comes. 1: once.
    pub attempts: u32,
    /// How long to wait between attempts, ms.
    pub retry_wait_ms: u64,
}

impl Default for HookManners {
    fn default() -> Self {
        Self {
            off: false,
            hold: false,
            lose_next: 0,
            lose_share: 0.0,
            repeat_next: 0,
            repeat_share: 0.0,
            delay_ms: 0,
            jitter_ms: 0,
            attempts: 1,
            retry_wait_ms: 200,
        }
    }
}

/// What became of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// On its way.
    Waiting,
    /// Waiting to be released.
    Held,
    /// Lost on purpose, or nobody was to be told.
    Lost,
    /// Answered.
    Answered {
        /// With this status, the last one.
        status: u16,
    },
    /// No answer came.
    Failed,
}

/// One webhook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivered {
    /// The how manyth since start or reset, from 1.
    pub number: u64,
    /// Its kind: `start`, `close`, `message`, `ticket.changed`, `comment.added`.
    pub kind: String,
    /// The conversation or ticket it is about.
    pub about: String,
    /// When it was made, ms since 1970.
    pub made_at_ms: i64,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Its body, as the bytes go out.
    pub body: String,
    /// How often it was sent.
    pub sends: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// When it first left, ms since 1970: nobody was told of it before.
    #[serde(default)]
    pub sent_at_ms: Option<i64>,
    /// When it was first answered 2xx, ms since 1970: it was told of by then.
    pub taken_at_ms: Option<i64>,
}
