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

/// What an agent's message with an id that came before is. No page says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameId {
    /// Another message: the customer reads it twice.
    #[default]
    Another,
    /// The same message: 200, and the customer reads it once.
    Once,
}

/// What becomes of an agent's message to a customer who was silent for 24 hours. The page of that
/// call does not say; the bot's own messages are refused in either case, as theirs does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterSilence {
    /// 400.
    #[default]
    Refused,
    /// 200, and it never arrives.
    Dropped,
}

/// How the report wants its credential. Its page shows both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportTakes {
    /// Either way.
    #[default]
    Either,
    /// HTTP Basic.
    Basic,
    /// The bare pair.
    Raw,
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
    /// The model of an agent's message whose id came before.
    pub same_id: SameId,
    /// The model of an agent's message outside the 24 hours.
    pub after_silence: AfterSilence,
    /// The status for an agent's message whose signature is wrong. The page lists 200 and 500 alone.
    pub bad_signature: u16,
    /// Whether the account may send call buttons.
    pub calling: bool,
    /// The approved templates, by name and count of parameters.
    pub templates: Vec<(String, usize)>,
    /// The name of whoever writes and closes here.
    pub operator_name: String,
    /// How long after its last change a conversation comes into the report, ms.
    pub report_lag_ms: i64,
    /// How the report wants its credential.
    pub report_takes: ReportTakes,
    /// The zone in which the report tells its times, hours from UTC.
    pub report_zone_hours: i64,
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
            same_id: SameId::default(),
            after_silence: AfterSilence::default(),
            bad_signature: 500,
            calling: true,
            templates: vec![("ticket_update".to_owned(), 2)],
            operator_name: "Sandbox Operator".to_owned(),
            report_lag_ms: 0,
            report_takes: ReportTakes::default(),
            report_zone_hours: -5,
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
