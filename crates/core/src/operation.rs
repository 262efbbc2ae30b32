//! The kinds of Effect, as one word each. Neighbour: effect, whose values are of these kinds.

#[cfg(doc)]
use crate::effect::Effect;
use crate::event::Side;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The word for a kind of Effect in keys, tables, metrics and the safety halt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// [`Effect::StartConversation`].
    Start,
    /// [`Effect::CloseConversation`].
    Close,
    /// [`Effect::WriteTicketId`].
    TicketId,
    /// [`Effect::UpsertRequester`].
    Requester,
    /// [`Effect::CreateTicket`].
    Create,
    /// [`Effect::WriteLinkField`].
    LinkField,
    /// [`Effect::SetStatus`].
    Status,
    /// [`Effect::SetFields`].
    Fields,
    /// [`Effect::AddComment`].
    Comment,
    /// [`Effect::AttachFile`].
    File,
    /// [`Effect::SendMessage`].
    Message,
    /// [`Effect::SendTemplate`].
    Template,
    /// [`Effect::SendBotMessage`].
    BotMessage,
    /// [`Effect::HandOver`].
    UserState,
    /// [`Effect::AddNote`].
    Note,
}

impl Operation {
    /// All of them, for metrics that begin at zero.
    pub const ALL: [Self; 15] = [
        Self::Start,
        Self::Close,
        Self::TicketId,
        Self::Requester,
        Self::Create,
        Self::LinkField,
        Self::Status,
        Self::Fields,
        Self::Comment,
        Self::File,
        Self::Message,
        Self::Template,
        Self::BotMessage,
        Self::UserState,
        Self::Note,
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Close => "close",
            Self::TicketId => "ticket_id",
            Self::Requester => "requester",
            Self::Create => "create",
            Self::LinkField => "link_field",
            Self::Status => "status",
            Self::Fields => "fields",
            Self::Comment => "comment",
            Self::File => "file",
            Self::Message => "message",
            Self::Template => "template",
            Self::BotMessage => "bot_message",
            Self::UserState => "user_state",
            Self::Note => "note",
        }
    }

    /// Which remote it changes.
    #[must_use]
    pub fn side(self) -> Side {
        match self {
            Self::Start
            | Self::Close
            | Self::TicketId
            | Self::Message
            | Self::Template
            | Self::BotMessage
            | Self::UserState => Side::Jelou,
            Self::Requester
            | Self::Create
            | Self::LinkField
            | Self::Status
            | Self::Fields
            | Self::Comment
            | Self::File
            | Self::Note => Side::Ticketing,
        }
    }

    /// Whether the safety halt counts it (rule 16).
    #[must_use]
    pub fn is_halted_in_bulk(self) -> bool {
        matches!(self, Self::Start | Self::Close | Self::Status)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
