//! What Jelou's report of attended conversations tells of one. Neighbours: the Jelou adapter, which
//! reads it; the ticket's note and the metrics, which show it.
//!
//! It comes late, may lack a conversation, and tells times without a zone: a hint, never the truth.

use crate::{
    ids::{ConversationId, UserId},
    text::Text,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A moment told without a zone, read as if it were UTC. It may be off by up to 14 hours: to be
/// shown, never to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Zoneless(pub Timestamp);

/// One conversation of the report. What it left out is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attended {
    /// Which conversation.
    pub conversation: ConversationId,
    /// The customer.
    pub user: Option<UserId>,
    /// The bot's name; the report does not tell its id.
    pub bot_name: Option<String>,
    /// The operator's name.
    pub operator: Option<Text>,
    /// The team that it was assigned to.
    pub team: Option<String>,
    /// `active`, `closed`, `resolved`, `expired`, or a word we do not know.
    pub state: Option<String>,
    /// Why it ended, such as `expired`: an open set.
    pub ended_reason: Option<String>,
    /// Where it came from, such as `ticket`.
    pub origin: Option<String>,
    /// When it began.
    pub started_at: Option<Zoneless>,
    /// When it ended.
    pub ended_at: Option<Zoneless>,
    /// How long the customer waited for the operator's first words (`timeRepliedOperator`).
    pub first_reply: Option<Duration>,
    /// How long it went on (`conversationDuration`).
    pub duration: Option<Duration>,
}
