//! Turns an Effect into its call. The only module that writes to a remote.
//!
//! It makes no choices: whether, when and what is decided in `bridge_core::lane`, and an Intent is
//! committed as `sent` before it comes here. Neighbours: observe, which only reads; media, which fetches
//! what a customer's file holds.

use crate::runtime::Bridge;
use bridge_core::{
    call::CallError,
    effect::{Answer, Effect},
    intent::Intent,
};
use bridge_transport::Fetched;
use std::time::Duration;

/// Does one Effect, once, within `deadline`; `file` is what `media` fetched for it.
///
/// # Errors
/// [`CallError`], sorted by what must happen next; [`CallError::Unknown`] when it may have been done.
pub async fn perform(
    bridge: &Bridge,
    intent: &Intent,
    file: Option<Fetched>,
    deadline: Duration,
) -> Result<Answer, CallError> {
    let (id, again) = (&intent.id, intent.attempts > 1);
    match &intent.effect {
        Effect::StartConversation(start) => bridge.jelou.start(start, id, deadline).await,
        Effect::CloseConversation(close) => bridge.jelou.close(close, deadline).await,
        Effect::WriteTicketId(write) => bridge.jelou.write_ticket_id(write, deadline).await,
        Effect::UpsertRequester { requester } => {
            bridge.ticketing.upsert_requester(requester, deadline).await
        }
        Effect::CreateTicket(create) => bridge.ticketing.create(create, id, again, deadline).await,
        Effect::WriteLinkField {
            ticket,
            conversation,
        } => {
            bridge
                .ticketing
                .write_link_field(ticket, conversation, deadline)
                .await
        }
        Effect::SetStatus { ticket, status } => {
            bridge.ticketing.set_status(ticket, status, deadline).await
        }
        Effect::SetFields { ticket, fields } => {
            bridge.ticketing.set_fields(ticket, fields, deadline).await
        }
        Effect::AddComment(comment) => bridge.ticketing.add_comment(comment, id, deadline).await,
        Effect::AttachFile(attach) => {
            let bytes = file.as_ref().map(|file| file.bytes.clone());
            let bytes = bytes.unwrap_or_default();
            bridge.ticketing.attach(attach, bytes, id, deadline).await
        }
        Effect::SendMessage(message) => bridge
            .jelou
            .send_message(&message.message, deadline)
            .await
            .map(|()| Answer::Done { whole: None }),
        Effect::SendTemplate(send) => bridge
            .jelou
            .send_template(&send.template, deadline)
            .await
            .map(|_| Answer::Done { whole: None }),
        Effect::SendBotMessage(send) => bridge
            .jelou
            .send_bot_message(&send.message, deadline)
            .await
            .map(|_| Answer::Done { whole: None }),
        Effect::HandOver(to) => bridge
            .jelou
            .hand_over(to, deadline)
            .await
            .map(|()| Answer::Done { whole: None }),
        Effect::AddNote { ticket, text } => {
            bridge.ticketing.add_note(ticket, text, id, deadline).await
        }
    }
}
