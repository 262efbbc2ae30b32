//! How a helpdesk is set up. Neighbour: world.

use std::net::{Ipv4Addr, SocketAddr};

/// How a helpdesk is set up. The defaults are what `demo` and the tests use.
#[derive(Clone)]
pub struct HelpdeskOptions {
    /// Where it listens; loopback only, port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bridge's bearer token; what comes with it is done by [`Role::Bridge`](super::Role::Bridge).
    pub token: String,
    /// An agent's bearer token.
    pub agent_token: String,
    /// Where its webhooks go.
    pub webhook_url: Option<String>,
    /// What signs them.
    pub webhook_secret: String,
    /// How long a new ticket is not found by its link field, ms, as where an index follows later.
    pub index_lag_ms: i64,
    /// The seed of all chance in it.
    pub seed: u64,
}

impl Default for HelpdeskOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: "sandbox-helpdesk-token".to_owned(),
            agent_token: "sandbox-agent-token".to_owned(),
            webhook_url: None,
            webhook_secret: "sandbox-webhook-secret".to_owned(),
            index_lag_ms: 0,
            seed: 1,
        }
    }
}

impl std::fmt::Debug for HelpdeskOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelpdeskOptions")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}
