//! The objects that calls are about, for the rule about 403: it is one object's, or the whole
//! credential's. Neighbours: `drive`, which calls; the gate, which holds objects against each other.

use bridge_core::effect::{Effect, Read};

/// The object of a read.
pub(super) fn object_of_read(read: &Read) -> String {
    match read {
        Read::Conversation { id } => format!("conversation {id}"),
        Read::Ticket { id }
        | Read::NoteOnTicket { ticket: id, .. }
        | Read::Written { ticket: id, .. }
        | Read::TicketHolder { ticket: id } => {
            format!("ticket {id}")
        }
        // A right of its own in some systems: that the ticket can be read shows whose no it was.
        Read::Comments { ticket } => format!("comments of ticket {ticket}"),
        Read::OpenTickets { .. } => "open tickets".to_owned(),
        Read::Unheard { lane, .. } => format!("what lane {lane} has not heard"),
        Read::TicketsByConversation { .. } => "search".to_owned(),
        Read::Report { .. } => "report".to_owned(),
    }
}

/// The object of an Effect.
pub(super) fn object_of_effect(effect: &Effect) -> String {
    match effect {
        Effect::StartConversation(start) => format!("start for ticket {}", start.ticket),
        Effect::CloseConversation(close) => format!("conversation {}", close.conversation),
        Effect::WriteTicketId(_) => "ticket id".to_owned(),
        Effect::UpsertRequester { .. } => "requester".to_owned(),
        Effect::CreateTicket(create) => format!("create for {}", create.conversation),
        Effect::AddComment(comment) => format!("ticket {}", comment.ticket),
        Effect::AttachFile(file) => format!("ticket {}", file.ticket),
        Effect::SendMessage(message) => format!("words for {}", message.conversation),
        Effect::SendTemplate(send) => format!("template for {}", send.ticket),
        Effect::SendBotMessage(send) => format!("bot's words for {}", send.conversation),
        Effect::HandOver(_) => "user state".to_owned(),
        Effect::WriteLinkField { ticket, .. }
        | Effect::SetStatus { ticket, .. }
        | Effect::SetFields { ticket, .. }
        | Effect::AddNote { ticket, .. } => format!("ticket {ticket}"),
    }
}
