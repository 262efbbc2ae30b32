//! What this Jelou keeps, as values. Neighbour: world, which changes them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A conversation as it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id: 24 hex digits, as Jelou's look.
    pub id: String,
    /// The bot it runs on.
    pub bot: String,
    /// The customer, in Jelou's own spelling.
    pub user: String,
    /// The customer as the caller spelled them, where the API started it.
    pub asked_user: Option<String>,
    /// Its room.
    pub room: String,
    /// Whether it goes on.
    pub active: bool,
    /// When it began, ms since 1970.
    pub start_at_ms: i64,
    /// When it ended.
    pub end_at_ms: Option<i64>,
    /// Why it ended.
    pub ended_reason: Option<String>,
    /// What the caller of start gave; never readable over the API, as at Jelou.
    pub metadata: Option<Map<String, Value>>,
    /// Who got it.
    pub assignment: Option<Value>,
    /// The first words.
    pub initial_message: Option<String>,
    /// What was sent to the customer at the end.
    pub redirect_payload: Option<Value>,
    /// The ids of what the customer wrote in it.
    pub messages: Vec<String>,
    /// When an agent first wrote in it, ms since 1970.
    pub first_reply_at_ms: Option<i64>,
}

/// How much a read of a conversation that is over tells of its end. The answer may come from a replica
/// that lags, and no page says that it always tells when a conversation ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndShown {
    /// That it is over, why, and when it ended.
    #[default]
    Whole,
    /// That it is over and why, and not when it ended.
    WithoutTime,
    /// Nothing yet: it is shown as active.
    NotYet,
}

/// A customer that this Jelou knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Their id, in Jelou's own spelling.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Since when, ms since 1970.
    pub created_at_ms: i64,
}

/// One record of user memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The value; an empty string where it came bare.
    pub value: Value,
    /// When it ends by itself, ms since 1970.
    pub expires_at_ms: Option<i64>,
}

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The customer.
    User,
    /// A person, through the bridge.
    Operator,
    /// The bot, or Jelou in its name.
    Bot,
}

/// Something that was said, in either direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spoken {
    /// Jelou's id of it.
    pub id: String,
    /// The id that the caller gave it, for agents' messages.
    pub given_id: Option<String>,
    /// The conversation it belongs to; none for what the bot says by itself.
    pub conversation: Option<String>,
    /// The bot.
    pub bot: String,
    /// The customer.
    pub user: String,
    /// Who said it.
    pub by: Speaker,
    /// `text`, `image`, ..., `voice_call`, `template`.
    pub kind: String,
    /// What it holds, as it was sent.
    pub content: Value,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// Whether it reached whom it was meant for.
    pub arrived: bool,
}

/// What a webhook shows beside its signature, and since when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Integration {
    /// `no_auth`, `bearer`, `api_key` or `basic`.
    pub auth_type: String,
    /// The credential.
    #[serde(skip)]
    pub authorization: Option<String>,
    /// Since when, ms since 1970.
    pub created_at_ms: i64,
    /// When it was changed last.
    pub updated_at_ms: i64,
}

/// A customer's file.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Its type.
    pub mime_type: String,
    /// Its bytes.
    #[serde(skip)]
    pub bytes: bytes::Bytes,
}

/// What a start asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    pub bot: String,
    pub user: String,
    pub initial_message: Option<String>,
    pub metadata: Option<Map<String, Value>>,
    pub assignment: Option<Value>,
    pub by_api: bool,
}

/// How a start ended.
#[derive(Debug)]
pub(crate) enum Started {
    New(Conversation),
    Existing(Conversation),
    Busy,
    UnknownUser,
}
