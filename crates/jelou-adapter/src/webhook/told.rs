//! Reads one of the three events that concern us. Neighbour: `kind`, which said that it is one.

use super::kind::Sort;
use crate::wire::{
    answer::word,
    dates::moment,
    json::{first, id, text, without_nul},
    said::{Said, said},
};
use bridge_core::{
    conversation::{Assignment, Conversation, ConversationState},
    event::{ConversationClosed, ConversationStarted, Event, MessageReceived},
    ids::{BadId, BotId, ConversationId, IntentId, MessageId, RoomId, TicketId, UserId},
    text::Text,
    time::Timestamp,
};
use serde_json::Value;

/// A body that holds what its event must hold.
pub(super) struct Told<'a> {
    body: &'a Value,
    value: &'a Value,
    what: What,
    project: &'a str,
    conversation: ConversationId,
    bot: BotId,
    user: UserId,
    at: Timestamp,
}

enum What {
    Start,
    Close,
    Message(MessageId),
}

/// The project a body names.
pub(super) fn project(body: &Value) -> Option<&str> {
    let project = first(body, &["project_id", "projectId", "brainId"])?.as_str()?;
    (!project.is_empty()).then_some(project)
}

impl<'a> Told<'a> {
    /// Reads what every event of ours must hold.
    ///
    /// # Errors
    /// What is missing or unusable, without any of the content.
    pub(super) fn read(body: &'a Value, sort: Sort) -> Result<Self, String> {
        let value = first(body, &["value"]).unwrap_or(&Value::Null);
        let conversation = nested(body, "conversation", &["id", "_id"])
            .or_else(|| first(body, &["conversation_id", "conversationId"]));
        let bot = nested(body, "bot", &["id"]).or_else(|| first(body, &["bot_id", "botId"]));
        let user = nested(body, "contact", &["id"]).or_else(|| first(body, &["user_id", "userId"]));
        Ok(Self {
            body,
            value,
            what: match sort {
                Sort::Start => What::Start,
                Sort::Close => What::Close,
                Sort::Message => {
                    What::Message(needed("value.id", first(value, &["id"]), MessageId::parse)?)
                }
            },
            project: project(body).ok_or("project_id is missing or unusable")?,
            conversation: needed("conversation.id", conversation, ConversationId::parse)?,
            bot: needed("bot.id", bot, BotId::parse)?,
            user: needed("contact.id", user, UserId::parse)?,
            at: first(body, &["timestamp"])
                .and_then(moment)
                .ok_or("timestamp is missing or unusable")?,
        })
    }

    pub(super) fn bot(&self) -> &BotId {
        &self.bot
    }

    /// What makes a repetition of this event one, whatever its other bytes.
    pub(super) fn key(&self) -> [&str; 4] {
        let (sort, what) = match &self.what {
            What::Start => ("conversation", "start"),
            What::Close => ("conversation", "close"),
            What::Message(_) if bridge_core::planted!(OneMessageEach) => ("message", "message"),
            What::Message(id) => ("message", id.as_str()),
        };
        [sort, self.project, self.conversation.as_str(), what]
    }

    pub(super) fn event(self) -> Event {
        match &self.what {
            What::Start => Event::ConversationStarted(self.started()),
            What::Close => Event::ConversationClosed(self.closed()),
            What::Message(id) => Event::MessageReceived(self.message_received(id)),
        }
    }

    fn started(&self) -> ConversationStarted {
        let metadata = first(self.value, &["metadata"]).unwrap_or(&Value::Null);
        let pick = |names: &[&str]| first(metadata, names).and_then(id);
        ConversationStarted {
            ticket_id: pick(&["ticketId", "ticket_id"]).and_then(|id| TicketId::parse(&id).ok()),
            intent_id: pick(&["intentId", "intent_id"]).and_then(|id| IntentId::parse(&id).ok()),
            at: self.at,
            conversation: Conversation {
                started_at: Some(self.at),
                assignment: self.assignment(),
                initial_message: first(self.value, &["initial_message", "initialMessage"])
                    .and_then(text)
                    .map(Text::new),
                ..self.conversation(ConversationState::Active)
            },
        }
    }

    fn closed(&self) -> ConversationClosed {
        let reason = first(self.value, &["reason", "endedReason"])
            .and_then(word)
            .unwrap_or_else(|| "unknown".to_owned());
        ConversationClosed {
            at: self.at,
            found_by_sweep: false,
            conversation: Conversation {
                ended_at: Some(self.at),
                ..self.conversation(ConversationState::Closed { reason })
            },
        }
    }

    fn message_received(&self, id: &MessageId) -> MessageReceived {
        let content = self.content();
        let Said { kind, body, media } = said(first(self.value, &["type"]), &content);
        MessageReceived {
            conversation: self.conversation(ConversationState::Active),
            message: id.clone(),
            kind,
            body,
            media,
            content,
            at: self.at,
        }
    }

    /// `content`, with the caption and file name in it, which some pages put beside it.
    fn content(&self) -> Value {
        let mut content = first(self.value, &["content"])
            .cloned()
            .unwrap_or(Value::Null);
        for name in ["caption", "filename"] {
            let beside = first(self.value, &[name]).cloned();
            if let (None, Some(beside)) = (first(&content, &[name]), beside) {
                if content.is_null() {
                    content = Value::Object(serde_json::Map::new());
                }
                if let Some(map) = content.as_object_mut() {
                    map.insert(name.to_owned(), beside);
                }
            }
        }
        without_nul(&mut content);
        content
    }

    fn conversation(&self, state: ConversationState) -> Conversation {
        Conversation {
            id: self.conversation.clone(),
            bot: self.bot.clone(),
            user: self.user.clone(),
            room: first(self.body, &["room_id", "roomId"])
                .and_then(id)
                .and_then(|id| RoomId::parse(&id).ok()),
            contact_name: nested(self.body, "contact", &["name", "names"])
                .and_then(text)
                .map(Text::new),
            state,
            started_at: None,
            ended_at: None,
            assignment: None,
            initial_message: None,
        }
    }

    fn assignment(&self) -> Option<Assignment> {
        let assignment = nested(self.body, "conversation", &["assignment"])?;
        Some(Assignment {
            kind: first(assignment, &["type"]).and_then(word)?,
            target: first(assignment, &["target"])
                .and_then(id)?
                .replace('\0', ""),
        })
    }
}

fn nested<'a>(body: &'a Value, object: &str, names: &[&str]) -> Option<&'a Value> {
    first(first(body, &[object])?, names)
}

fn needed<T>(
    name: &str,
    value: Option<&Value>,
    parse: impl Fn(&str) -> Result<T, BadId>,
) -> Result<T, String> {
    let text = value
        .and_then(id)
        .ok_or_else(|| format!("{name} is missing or no id"))?;
    parse(&text).map_err(|bad| format!("{name}: {bad}"))
}
