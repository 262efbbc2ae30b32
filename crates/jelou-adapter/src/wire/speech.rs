//! The bodies of what we say to customers. Neighbour: the client's `say`. Strict: these are the
//! documented fields and no others (pages "enviar-mensajes" of the external support panel,
//! "envio-individual" of the campaigns, "texto" and "llamada" of the messages).

use super::request::words;
use bridge_core::{
    ids::{BotId, MessageId, RoomId, UserId},
    message::{AgentMessage, BotMessage, BotSays, Content, Media, MediaKind, Template},
    text::Text,
};
use serde::Serialize;

/// An agent's message. The order of the fields is that of the page.
#[derive(Serialize)]
pub(crate) struct Message<'a> {
    field: &'static str,
    object: &'static str,
    event_type: &'static str,
    project_id: &'a str,
    room_id: &'a RoomId,
    bot_id: &'a BotId,
    user_id: &'a UserId,
    value: Value<'a>,
}

#[derive(Serialize)]
struct Value<'a> {
    id: &'a MessageId,
    r#type: &'static str,
    content: Said<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
    Text {
        body: &'a str,
    },
    File {
        url: &'a str,
        mime_type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        caption: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'a str>,
    },
}

impl<'a> Message<'a> {
    pub(crate) fn new(project_id: &'a str, message: &'a AgentMessage) -> Self {
        let (kind, content) = match &message.content {
            Content::Text { body } => (
                "text",
                Said::Text {
                    body: body.reveal(),
                },
            ),
            Content::Media(media) => (media.kind.as_str(), file(media)),
        };
        Self {
            field: "messages",
            object: "message_event",
            event_type: "incoming_message",
            project_id,
            room_id: &message.room,
            bot_id: &message.bot,
            user_id: &message.user,
            value: Value {
                id: &message.id,
                r#type: kind,
                content,
            },
        }
    }
}

/// Pictures and films take a caption, documents a name; the page knows neither for the others.
fn file(media: &Media) -> Said<'_> {
    let (takes_caption, takes_name) = match media.kind {
        MediaKind::Image | MediaKind::Video => (true, false),
        MediaKind::Audio => (false, false),
        MediaKind::Document => (false, true),
    };
    Said::File {
        url: media.url.reveal(),
        mime_type: &media.mime_type,
        caption: words(media.caption.as_ref()).filter(|_| takes_caption),
        filename: words(media.filename.as_ref()).filter(|_| takes_name),
    }
}

/// A template of text. `destinations` is a list with one customer: one Intent, one message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateMessage<'a> {
    element_name: &'a str,
    destinations: [&'a UserId; 1],
    language: &'a str,
    r#type: &'static str,
    parameters: Vec<&'a str>,
}

impl<'a> TemplateMessage<'a> {
    pub(crate) fn new(template: &'a Template) -> Self {
        Self {
            element_name: &template.name,
            destinations: [&template.user],
            language: &template.language,
            r#type: "text",
            parameters: template.parameters.iter().map(Text::reveal).collect(),
        }
    }
}

/// A message of the bot.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FromBot<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'a str>,
    text: &'a str,
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Button<'a>>,
}

#[derive(Serialize)]
struct Button<'a> {
    display_text: &'a str,
}

impl<'a> FromBot<'a> {
    pub(crate) fn new(message: &'a BotMessage) -> Self {
        match &message.what {
            BotSays::Text { text } => Self {
                r#type: "text",
                header: None,
                text: text.reveal(),
                user_id: &message.user,
                parameters: None,
            },
            BotSays::VoiceCall {
                header,
                text,
                display_text,
            } => Self {
                r#type: "voice_call",
                header: words(header.as_ref()),
                text: text.reveal(),
                user_id: &message.user,
                parameters: Some(Button {
                    display_text: display_text.reveal(),
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::sign;

    const SECRET: &str = "3f9c1d7a5b2e84c06d1f9e7b8a4c2d5038e6f1a94b7c0d2e5f8a1b3c6d9e0f12";

    fn a_message(words: &str) -> AgentMessage {
        let bot = "7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801";
        AgentMessage {
            id: MessageId::parse("hd-8841-3").unwrap(),
            bot: BotId::parse(bot).unwrap(),
            user: UserId::parse("593987654321").unwrap(),
            room: RoomId::parse(&format!("G:{bot}:593987654321")).unwrap(),
            content: Content::Text {
                body: Text::from(words),
            },
        }
    }

    #[test]
    fn a_message_is_byte_for_byte_the_worked_one_and_so_is_its_signature() {
        let message = a_message("Olá Ana, já resolvemos o chamado ✅");
        let body =
            serde_json::to_vec(&Message::new("01kbridgeproj0000000000001", &message)).unwrap();
        assert_eq!(body.len(), 357);
        assert_eq!(
            sign(SECRET, &body),
            "sha256=1284b166ed7612ffe274a16cdd872c789e287d1c1bf1e6a34bf707a3e23703c3"
        );
    }

    #[test]
    fn the_same_words_escaped_have_another_signature() {
        let message = a_message("Olá Ana, já resolvemos o chamado ✅");
        let body = serde_json::to_string(&Message::new("01kbridgeproj0000000000001", &message));
        let escaped: String = body
            .unwrap()
            .chars()
            .map(|c| match c.is_ascii() {
                true => c.to_string(),
                false => format!("\\u{:04x}", u32::from(c)),
            })
            .collect();
        assert_eq!(escaped.len(), 368);
        assert_eq!(
            sign(SECRET, escaped.as_bytes()),
            "sha256=0978597db9e9473e3d649c50c49ee74d46d9758172f9110d28e298828f95ba7e"
        );
    }
}
