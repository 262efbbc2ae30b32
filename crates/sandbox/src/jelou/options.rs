//! How a Jelou is set up, and which of the things no page tells it is. Neighbour: world.

use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};

/// What a second start for a customer with an active conversation does. No page says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondStart {
    /// 422.
    #[default]
    Refuse,
    /// 200 with the id of the conversation that goes on, and no event.
    ReturnExisting,
    /// It starts another; both go on.
    StartAnother,
}

/// What becomes of customers that this Jelou never heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// They are known from then on. For trying things out.
    #[default]
    Welcome,
    /// 404, as documented.
    Refused,
}

/// How a Jelou is set up. The defaults are what `demo` and the tests use.
#[derive(Clone)]
pub struct JelouOptions {
    /// Where it listens; loopback only, port 0 takes a free one.
    pub listen: SocketAddr,
    /// The project.
    pub project_id: String,
    /// Bots by id and name; the first is the one that customers write to.
    pub bots: Vec<(String, String)>,
    /// Customers it knows from the start, by id and name.
    pub users: Vec<(String, String)>,
    /// What becomes of others.
    pub strangers: Strangers,
    /// The gateway's key (`x-api-key`).
    pub api_key: String,
    /// The user of Basic.
    pub client_id: String,
    /// The password of Basic.
    pub client_secret: String,
    /// Where its webhooks go.
    pub webhook_url: Option<String>,
    /// What signs them.
    pub signing_secret: String,
    /// The model of a second start.
    pub second_start: SecondStart,
    /// The seed of all chance in it.
    pub seed: u64,
}

impl Default for JelouOptions {
    fn default() -> Self {
        let bot = "7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801";
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            project_id: "01ksandbox000000000000001".to_owned(),
            bots: vec![(bot.to_owned(), "Sandbox".to_owned())],
            users: Vec::new(),
            strangers: Strangers::Welcome,
            api_key: "sandbox-api-key".to_owned(),
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            webhook_url: None,
            signing_secret: "sandbox-signing-secret".to_owned(),
            second_start: SecondStart::Refuse,
            seed: 1,
        }
    }
}

impl std::fmt::Debug for JelouOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JelouOptions")
            .field("listen", &self.listen)
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}
