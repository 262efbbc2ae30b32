//! What retention takes out of a settled Intent. Neighbours: the `prune` of either store.

use bridge_core::{
    effect::{AddComment, Effect},
    intent::Intent,
    message::{BotSays, Content},
    text::Text,
    ticket::{NewTicket, Requester},
};
use std::collections::BTreeMap;

/// What people wrote or are called goes; what was done, to which ticket, stays. Of an entry on a ticket so much
/// stays that its echo is known.
pub(super) fn blank(intent: &mut Intent) {
    intent.wrote = intent.words().filter(|_| intent.attempts > 0);
    match &mut intent.effect {
        Effect::StartConversation(start) => {
            start.initial_message = None;
            start.metadata.clear();
        }
        Effect::CloseConversation(close) => close.message = None,
        Effect::UpsertRequester { requester } => *requester = Requester::default(),
        Effect::CreateTicket(create) => {
            create.new = NewTicket {
                requester: Requester::default(),
                subject: Text::default(),
                description: Text::default(),
                tags: create.new.tags.clone(),
                fields: BTreeMap::new(),
            };
        }
        Effect::AddComment(AddComment { text, .. }) | Effect::AddNote { text, .. } => {
            *text = Text::default();
        }
        Effect::AttachFile(file) => {
            (file.name, file.text) = (Text::default(), Text::default());
            file.media.url = Text::default();
            (file.media.filename, file.media.caption) = (None, None);
        }
        Effect::SendMessage(message) => {
            message.message.content = Content::Text {
                body: Text::default(),
            };
        }
        Effect::SetFields { fields, .. } => fields.clear(),
        Effect::SendTemplate(send) => send.template.parameters.clear(),
        Effect::SendBotMessage(send) => {
            send.message.what = BotSays::Text {
                text: Text::default(),
            };
        }
        Effect::HandOver(_)
        | Effect::WriteTicketId(_)
        | Effect::WriteLinkField { .. }
        | Effect::SetStatus { .. } => {}
    }
}
