//! The file as an operator writes it. Neighbours: schema, which describes it; build, which turns it
//! into what the daemon runs on. The comments on the keys are the manual.

use super::values::{Address, BaseUrl, Rate, SecretSpec};
use bridge_core::{
    effect::TicketIdPlace,
    lane::{Mode, OnUnknown},
    mapping::{MappingSpec, Span},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

const fn seconds(n: u64) -> Span {
    Span::new(Duration::from_secs(n))
}

const DAY: u64 = 24 * 60 * 60;

/// The configuration of jelou-bridge.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigSpec {
    /// Where the daemon listens.
    #[serde(default)]
    pub server: ServerSpec,
    /// Where it remembers.
    #[serde(default)]
    pub database: DatabaseSpec,
    /// How it writes its log. The level comes from the variable `JELOU_BRIDGE_LOG`.
    #[serde(default)]
    pub log: LogSpec,
    /// How long it keeps what it no longer needs.
    #[serde(default)]
    pub retention: RetentionSpec,
    /// The bridges, each a Jelou project and a ticketing system. A name is of small letters and
    /// digits, with single underscores between: `main`, `acme_sales`.
    pub bridges: BTreeMap<String, BridgeSpec>,
}

/// Where the daemon listens.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ServerSpec {
    /// For webhooks.
    pub listen: Address,
    /// The address under which Jelou and the ticketing system reach `listen`, as the outside sees it.
    /// `jelou-bridge setup` tells it to Jelou.
    #[schemars(example = &"https://bridge.example.org")]
    pub public_url: Option<BaseUrl>,
    /// For metrics, health, the API and the console. Beyond this machine it needs `admin_token`.
    pub admin_listen: Address,
    /// The bearer token of the API. Without one the API is off.
    pub admin_token: Option<SecretSpec>,
}

impl Default for ServerSpec {
    fn default() -> Self {
        Self {
            listen: Address(([127, 0, 0, 1], 8080).into()),
            public_url: None,
            admin_listen: Address(([127, 0, 0, 1], 8081).into()),
            admin_token: None,
        }
    }
}

/// Where the daemon remembers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DatabaseSpec {
    /// `sqlite:` and the file's path, from where the daemon is started.
    #[schemars(extend("x-kind" = "database", "x-remedy" = "write \"sqlite:\" and the path of a file, such as \"sqlite:bridge.db\""))]
    pub url: String,
}

impl Default for DatabaseSpec {
    fn default() -> Self {
        Self {
            url: "sqlite:bridge.db".to_owned(),
        }
    }
}

/// How the daemon writes its log.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogSpec {
    /// For people or for machines.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum LogFormat {
    /// A sentence and its fields.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// How long the daemon keeps what it no longer needs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RetentionSpec {
    /// The bodies of settled deliveries.
    pub bodies: Span,
}

impl Default for RetentionSpec {
    fn default() -> Self {
        Self {
            bodies: seconds(30 * DAY),
        }
    }
}

fn live() -> Mode {
    Mode::Live
}

/// A Jelou project and a ticketing system.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BridgeSpec {
    /// `live`, or `observe`: read, plan and record, send nothing.
    #[serde(default = "live")]
    pub mode: Mode,
    /// The Jelou side.
    pub jelou: JelouSpec,
    /// The ticketing side.
    pub ticketing: TicketingSpec,
    /// The rules between the two.
    #[serde(default)]
    pub mapping: MappingSpec,
    /// How hard and how long the bridge tries.
    #[serde(default)]
    pub limits: LimitsSpec,
    /// When somebody is in. Without this table customers are never told that nobody is.
    #[serde(default)]
    pub hours: Option<HoursSpec>,
    /// The safety halt: when more conversations are started or closed, or statuses set, at once
    /// than is credible, the rest waits for `jelou-bridge halt release`.
    #[serde(default)]
    pub safety: SafetySpec,
    /// The periodic round over both sides that finds what no webhook said.
    #[serde(default)]
    pub sweep: SweepSpec,
}

/// How the gateway knows us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum GatewayAuthKind {
    /// By `api_key`.
    #[default]
    ApiKey,
    /// By `client_id` and `client_secret`.
    Basic,
}

/// How api.jelou.ai's metrics take the credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum MetricsAuth {
    /// As HTTP Basic.
    #[default]
    Basic,
    /// As it is.
    Raw,
}

/// The Jelou side of a bridge.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JelouSpec {
    /// The project. No two bridges may have the same.
    #[schemars(length(min = 1), example = &"01kproject0000000000000001")]
    pub project_id: String,
    /// The ids of the bots, each one channel. The first starts conversations; events of other bots
    /// are ignored.
    #[schemars(length(min = 1), example = ["7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801"])]
    pub bots: Vec<String>,
    /// How the gateway knows us: by `api_key`, or `basic` by `client_id` and `client_secret`.
    #[serde(default)]
    pub auth: GatewayAuthKind,
    /// The gateway's API key.
    #[serde(default)]
    pub api_key: Option<SecretSpec>,
    /// For api.jelou.ai: metrics, bot messages, user cache.
    #[serde(default)]
    pub client_id: Option<String>,
    /// The secret of `client_id`.
    #[serde(default)]
    pub client_secret: Option<SecretSpec>,
    /// How the report on attended conversations takes the two: as HTTP `basic`, or `raw`. Jelou's own
    /// page shows both; if one gets 401, try the other.
    #[serde(default)]
    pub metrics_auth: MetricsAuth,
    /// Secrets that sign webhooks. The first signs what we send, all are accepted. A file may hold
    /// several, one a line, the newest first. `jelou-bridge setup` writes a new one only where the
    /// first is a file.
    #[schemars(length(min = 1), example = ["{ env = \"JELOU_SIGNING_SECRET\" }"])]
    pub signing_secrets: Vec<SecretSpec>,
    /// What Jelou sends beside the signature.
    #[serde(default)]
    pub webhook_auth: WebhookAuthSpec,
    /// The gateway: conversations and user memory.
    #[serde(default = "gateway_url")]
    pub gateway_url: BaseUrl,
    /// What stands before the gateway's paths: `/jelouapi/v1` or `/platform/v1`.
    #[serde(default = "gateway_prefix")]
    #[schemars(extend("x-kind" = "path", "x-remedy" = "write a path that begins with a slash, such as \"/jelouapi/v1\""))]
    pub gateway_prefix: String,
    /// api.jelou.ai: metrics, bot messages, user cache.
    #[serde(default = "api_url")]
    pub api_url: BaseUrl,
    /// Where agents' messages to conversations go.
    #[serde(default = "messages_url")]
    pub messages_url: BaseUrl,
    /// Where the bot finds the ticket's id, as `ticketId`, in conversations that the customer
    /// started. It is cleared when the ticket closes.
    #[serde(default = "ticket_id_to_jelou")]
    pub ticket_id_to_jelou: TicketIdPlace,
}

fn gateway_url() -> BaseUrl {
    BaseUrl::known("https://gateway.jelou.ai")
}

fn gateway_prefix() -> String {
    "/jelouapi/v1".to_owned()
}

fn api_url() -> BaseUrl {
    BaseUrl::known("https://api.jelou.ai")
}

fn messages_url() -> BaseUrl {
    BaseUrl::known("https://chatbot.jelou.ai")
}

fn ticket_id_to_jelou() -> TicketIdPlace {
    TicketIdPlace::UserCache
}

/// What Jelou sends beside the signature.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookAuthSpec {
    /// Its kind, as the integration at Jelou was made.
    #[serde(rename = "type", default)]
    pub kind: WebhookAuthKind,
    /// The token, the key, or `user:password`.
    #[serde(default)]
    pub secret: Option<SecretSpec>,
}

/// The kinds of credential beside Jelou's signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum WebhookAuthKind {
    /// Nothing.
    #[default]
    None,
    /// A bearer token.
    Bearer,
    /// `X-API-Key`.
    ApiKey,
    /// HTTP Basic.
    Basic,
}

/// The ticketing side of a bridge.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketingSpec {
    /// A built-in profile's name, or the path of your own, from where this file is.
    #[schemars(length(min = 1), example = &"helpdesk.toml")]
    pub profile: String,
    /// Where the system's API is.
    #[schemars(example = &"https://support.example.org")]
    pub base_url: BaseUrl,
    /// What the profile names.
    #[serde(default)]
    pub credentials: BTreeMap<String, SecretSpec>,
    /// Secrets that prove a webhook's sender; all are accepted. A file may hold several, one a line. Where the
    /// system makes its own, `jelou-bridge setup` writes it to the first of them, if that is a file. No two
    /// bridges may have one in common.
    #[serde(default)]
    pub webhook_secrets: Vec<SecretSpec>,
    /// What the profile names: ids of custom fields, a group, a project.
    #[serde(default)]
    pub options: BTreeMap<String, OptionSpec>,
}

/// An option's value: ids are often written as numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum OptionSpec {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl JsonSchema for OptionSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Option".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}

impl std::fmt::Display for OptionSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// When somebody is in. Each day is a list of spans, such as `["09:00-12:00", "13:00-18:00"]`; a day
/// without any is free. A span ends at `24:00` at the latest.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HoursSpec {
    /// The zone of the times, by its IANA name.
    #[schemars(length(min = 1), example = &"America/Sao_Paulo")]
    pub time_zone: String,
    /// What a customer reads who writes while nobody is in: once per conversation.
    #[schemars(length(min = 1), example = &"Nosso atendimento volta às 9h.")]
    pub away_message: String,
    /// Mondays.
    #[serde(default)]
    pub monday: Vec<String>,
    /// Tuesdays.
    #[serde(default)]
    pub tuesday: Vec<String>,
    /// Wednesdays.
    #[serde(default)]
    pub wednesday: Vec<String>,
    /// Thursdays.
    #[serde(default)]
    pub thursday: Vec<String>,
    /// Fridays.
    #[serde(default)]
    pub friday: Vec<String>,
    /// Saturdays.
    #[serde(default)]
    pub saturday: Vec<String>,
    /// Sundays.
    #[serde(default)]
    pub sunday: Vec<String>,
    /// Days on which nobody is in whatever day of the week they are, such as `2026-12-25`.
    #[serde(default)]
    pub closed_on: Vec<String>,
}

/// How hard and how long the bridge tries.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LimitsSpec {
    /// Calls to Jelou.
    pub jelou_rate: Rate,
    /// Calls to the ticketing system, each counted: a profile may need several for one ticket.
    pub ticketing_rate: Rate,
    /// How long one call may take; under 15 s.
    pub call_timeout: Span,
    /// How long a failing call is tried again before it is parked for a person.
    pub retry_for: Span,
    /// Where nothing can tell what became of a call: `hold` it for a person, or `retry` it once
    /// more, flagged as a possible duplicate.
    pub on_unknown: OnUnknown,
    /// How long Jelou's event may take that confirms a start.
    pub event_confirm: Span,
}

fn rate(calls: std::num::NonZeroU32) -> Rate {
    Rate {
        calls,
        per: Duration::from_secs(1),
    }
}

impl Default for LimitsSpec {
    fn default() -> Self {
        let five = std::num::NonZeroU32::MIN.saturating_add(4);
        Self {
            jelou_rate: rate(five),
            ticketing_rate: rate(five.saturating_add(5)),
            call_timeout: seconds(10),
            retry_for: seconds(3 * DAY),
            on_unknown: OnUnknown::Hold,
            event_confirm: seconds(60),
        }
    }
}

/// When is it too much at once.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SafetySpec {
    /// More than this share of the live links, for each of start, close and status in one window.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_share: f64,
    /// What is never too much, however few links there are.
    pub min_count: u32,
    /// How far back is counted.
    pub window: Span,
}

impl Default for SafetySpec {
    fn default() -> Self {
        Self {
            max_share: 0.2,
            min_count: 20,
            window: seconds(600),
        }
    }
}

/// The periodic round over both sides.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SweepSpec {
    /// How often the ticketing system is asked what changed.
    pub every: Span,
    /// How far each question reaches back into the time of the one before.
    pub overlap: Span,
    /// The share of a host's rate that reading in turn may take.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub budget_share: f64,
}

impl Default for SweepSpec {
    fn default() -> Self {
        Self {
            every: seconds(60),
            overlap: seconds(120),
            budget_share: 0.2,
        }
    }
}
