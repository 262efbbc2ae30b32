//! The talk on Jelou, as the rules see it. Neighbour: link, which ties it to a ticket.

use crate::{
    ids::{BotId, ConversationId, RoomId, UserId},
    text::Text,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Whether the talk goes on. A conversation only goes from active to closed, so it needs no version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConversationState {
    /// It goes on.
    Active,
    /// It ended. The reason is Jelou's word (`closed_by_operator`, `expired`, ...), an open set.
    Closed {
        /// Jelou's `reason` or `endedReason`; `unknown` where none came.
        reason: String,
    },
}

impl ConversationState {
    /// Whether the talk is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }
}

/// Who gets the conversation at Jelou.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Assignment {
    /// `queue`, `operator` or `team` when we send it; events also say `direct`.
    pub kind: String,
    /// The queue's name, or the id of the operator or team, as a string.
    pub target: String,
}

/// A conversation as last known. What Jelou's answer or event did not carry is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The bot it runs on.
    pub bot: BotId,
    /// The customer, as Jelou spells them: the canonical spelling.
    pub user: UserId,
    /// Where messages go.
    pub room: Option<RoomId>,
    /// The customer's name as Jelou knows it.
    pub contact_name: Option<Text>,
    /// Whether it goes on.
    pub state: ConversationState,
    /// When it began, by Jelou's clock (`startAt`, or the start event's `timestamp`).
    pub started_at: Option<Timestamp>,
    /// When it ended, by Jelou's clock.
    pub ended_at: Option<Timestamp>,
    /// Who has it at Jelou.
    pub assignment: Option<Assignment>,
    /// The customer's first words, or ours.
    pub initial_message: Option<Text>,
}
