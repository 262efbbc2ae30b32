//! How it is found out what became of a write of which no answer came: by its operation and by what the
//! system offers (rule 8). Neighbours: `resolve`, which does it; `outcome` and `obey`, which ask whether a
//! write may simply be done again, or be looked for.

use super::{follow::is_made, step::Turn};
use crate::{
    call::Resolve,
    effect::{Effect, Operation},
    intent::Intent,
};

impl Turn<'_> {
    /// Of any write. [`Resolve::None`] where a rule of its own decides, as for a start or a close.
    pub(super) fn resolve_of(&self, intent: &Intent) -> Resolve {
        match intent.operation() {
            Operation::Create => self.resolve_of_create(intent),
            Operation::Note | Operation::Comment | Operation::File => self.resolve_of_words(intent),
            Operation::Status if planted!(StatusLeftUnresolved) => Resolve::Idempotent,
            Operation::Start
            | Operation::Close
            | Operation::Status
            | Operation::Message
            | Operation::Template
            | Operation::BotMessage => Resolve::None,
            Operation::TicketId
            | Operation::Requester
            | Operation::LinkField
            | Operation::Fields
            | Operation::UserState => Resolve::Idempotent,
        }
    }

    /// How it is found out what became of a create. What follows one may be done twice.
    pub(super) fn resolve_of_create(&self, intent: &Intent) -> Resolve {
        if is_made(intent) {
            Resolve::Idempotent
        } else {
            self.rules.capabilities.create
        }
    }

    /// How it is found out what became of a note, a comment or a file. Among agents a message is a note.
    pub(super) fn resolve_of_words(&self, intent: &Intent) -> Resolve {
        match &intent.effect {
            Effect::AddComment(comment) if comment.public => self.rules.capabilities.comment,
            Effect::AttachFile(_) => self.rules.capabilities.attach.unwrap_or(Resolve::None),
            Effect::StartConversation(_)
            | Effect::CloseConversation(_)
            | Effect::WriteTicketId(_)
            | Effect::UpsertRequester { .. }
            | Effect::CreateTicket(_)
            | Effect::WriteLinkField { .. }
            | Effect::SetStatus { .. }
            | Effect::SetFields { .. }
            | Effect::AddComment(_)
            | Effect::SendMessage(_)
            | Effect::SendTemplate(_)
            | Effect::SendBotMessage(_)
            | Effect::HandOver(_)
            | Effect::AddNote { .. } => self.rules.capabilities.note,
        }
    }
}
