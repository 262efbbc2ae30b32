//! How it is found out what became of a write to Jelou (rule 5). Neighbours: the methods that
//! write, and the Lane, which asks before it tries again.

use bridge_core::{call::Resolve, effect::Operation};

/// How it is found out what became of an Effect's call. `None` for what is not written to Jelou at
/// all.
///
/// A start has no key and no list to look it up in, but its event brings our `intentId` back. A
/// closed conversation says so when it is read. The ticket's id is overwritten by itself.
#[must_use]
pub fn resolve(operation: Operation) -> Resolve {
    match operation {
        Operation::Start => Resolve::EventConfirm,
        Operation::Close => Resolve::DirectLookup,
        Operation::TicketId | Operation::UserState => Resolve::Idempotent,
        Operation::Requester
        | Operation::Create
        | Operation::LinkField
        | Operation::Status
        | Operation::Fields
        | Operation::Comment
        | Operation::File
        | Operation::Message
        | Operation::Template
        | Operation::BotMessage
        | Operation::Note => Resolve::None,
    }
}

/// A write to Jelou that is not a conversation's start, close or ticket id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Write {
    /// An agent's message.
    AgentMessage,
    /// A WhatsApp template.
    Template,
    /// A message of the bot.
    BotMessage,
    /// Who answers a customer.
    UserState,
    /// The integration is made.
    CreateIntegration,
    /// The integration is changed.
    UpdateIntegration,
    /// The integration is taken away.
    RemoveIntegration,
    /// The signing secret is made anew.
    RotateSecret,
}

impl Write {
    /// How it is found out what became of it.
    ///
    /// An agent's message carries our id, but no page says that Jelou sends the same id once, and
    /// nothing lists messages by it: a second try may be a second message, and is flagged as such.
    /// A template and a bot's message have not even that. A secret made twice is wrong only until
    /// the second answer comes, whose secret is the one that counts.
    #[must_use]
    pub fn resolve(self) -> Resolve {
        match self {
            Self::AgentMessage | Self::Template | Self::BotMessage => Resolve::None,
            Self::CreateIntegration => Resolve::DirectLookup,
            Self::UserState
            | Self::UpdateIntegration
            | Self::RemoveIntegration
            | Self::RotateSecret => Resolve::Idempotent,
        }
    }
}
