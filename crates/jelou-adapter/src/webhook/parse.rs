//! What a delivery means. Neighbours: `wire::json` below; the Router above, which hands the Events
//! to their Lane.
//!
//! Two questions, asked apart: which kind of body is it ([`Kind`]), and does it hold what that kind
//! must hold ([`Told`])? Only then is it looked at whether it concerns this bridge.

use crate::wire::{
    answer::word,
    dates::moment,
    json::{self, first, id, text, without_nul},
};
use bridge_core::{
    conversation::{Assignment, Conversation, ConversationState},
    event::{ConversationClosed, ConversationStarted, Event, MessageReceived, Parsed},
    ids::{BadId, BotId, ConversationId, IntentId, MessageId, RoomId, TicketId, UserId},
    text::Text,
    time::Timestamp,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What Jelou's events are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Start,
    Close,
    Message,
    /// One of our own signed messages, played back at us: same secret in both directions.
    Reflection,
    /// An event we never heard of.
    Unknown,
    /// A body that names no event at all.
    Unnamed,
}

/// What every event of ours must hold.
struct Told<'a> {
    body: &'a Value,
    value: &'a Value,
    project: &'a str,
    conversation: ConversationId,
    bot: BotId,
    user: UserId,
    at: Timestamp,
    message: Option<MessageId>,
}

/// What a delivery means for the bridge of this project and these bots. Total: any bytes have a
/// meaning, if only that they are parked.
#[must_use]
pub fn parse(raw: &[u8], project_id: &str, bots: &[BotId]) -> Parsed {
    let body = match json::read(raw) {
        Ok(body) if body.is_object() => body,
        Ok(_) => return unreadable("the body is no JSON object"),
        Err(why) => return unreadable(why),
    };
    match project(&body) {
        Some(other) if other != project_id => {
            return Parsed::Parked {
                reason: "wrong_project",
                detail: "its project_id is not the one of this bridge".to_owned(),
            };
        }
        Some(_) | None => {}
    }
    let kind = kind(&body);
    match kind {
        Kind::Reflection => Parsed::Ignored("reflection"),
        Kind::Unknown => Parsed::Ignored("unknown_event"),
        Kind::Unnamed => unreadable("nothing in it says which event it is"),
        Kind::Start | Kind::Close | Kind::Message => match Told::read(&body, kind) {
            Err(why) => unreadable(why),
            Ok(told) if !bots.contains(&told.bot) => Parsed::Ignored("other_bot"),
            Ok(told) => Parsed::Events(vec![told.event(kind)]),
        },
    }
}

/// The key under which a repetition of a delivery is known as one.
///
/// A conversation starts once and ends once, and a message has an id: those join the first even if
/// their bytes differ. Any other body is its own key: Jelou's bodies carry a `timestamp`, so equal
/// bytes are the same delivery. A body that cannot be read never takes the place of a readable one.
#[must_use]
pub fn dedup_key(raw: &[u8]) -> String {
    json::read(raw)
        .ok()
        .and_then(|body| semantic_key(&body))
        .unwrap_or_else(|| body_key(raw))
}

fn semantic_key(body: &Value) -> Option<String> {
    let kind = kind(body);
    let told = Told::read(body, kind).ok()?;
    let what = match kind {
        Kind::Start => "start",
        Kind::Close => "close",
        Kind::Message => told.message.as_ref()?.as_str(),
        Kind::Reflection | Kind::Unknown | Kind::Unnamed => return None,
    };
    let sort = if kind == Kind::Message {
        "message"
    } else {
        "conversation"
    };
    // As JSON, since ids may hold any separator.
    let parts = [sort, told.project, told.conversation.as_str(), what];
    serde_json::to_string(&parts).ok()
}

fn body_key(raw: &[u8]) -> String {
    let mut key = "sha256:".to_owned();
    for byte in Sha256::digest(raw) {
        for nibble in [byte >> 4, byte & 15] {
            key.extend(char::from_digit(u32::from(nibble), 16));
        }
    }
    key
}

fn unreadable(why: impl Into<String>) -> Parsed {
    Parsed::Parked {
        reason: "unreadable",
        detail: why.into(),
    }
}

fn project(body: &Value) -> Option<&str> {
    let project = first(body, &["project_id", "projectId", "brainId"])?.as_str()?;
    (!project.is_empty()).then_some(project)
}

/// `object` and `event_type` decide: message events have no `event`. Where one of the two is
/// missing, `event` does, and at last `field`, which can only tell a message.
fn kind(body: &Value) -> Kind {
    let said = |name| {
        first(body, &[name])
            .and_then(Value::as_str)
            .map(|word| word.trim().to_ascii_lowercase())
    };
    let (object, event_type) = (said("object"), said("event_type"));
    if event_type.as_deref() == Some("incoming_message") {
        return Kind::Reflection;
    }
    if let (Some(object), Some(event_type)) = (&object, &event_type) {
        return match (object.as_str(), event_type.as_str()) {
            ("conversation_event", "start") => Kind::Start,
            ("conversation_event", "close") => Kind::Close,
            ("message_event", "message") => Kind::Message,
            _ => Kind::Unknown,
        };
    }
    if let Some(event) = said("event") {
        return match event.as_str() {
            "conversation.start" => Kind::Start,
            "conversation.close" => Kind::Close,
            "message" => Kind::Message,
            _ => Kind::Unknown,
        };
    }
    match said("field").as_deref() {
        Some("messages") => Kind::Message,
        Some(_) => Kind::Unknown,
        None if object.is_some() || event_type.is_some() => Kind::Unknown,
        None => Kind::Unnamed,
    }
}

impl<'a> Told<'a> {
    /// # Errors
    /// What is missing or unusable, without any of the content.
    fn read(body: &'a Value, kind: Kind) -> Result<Self, String> {
        let value = first(body, &["value"]).unwrap_or(&Value::Null);
        let message = match kind {
            Kind::Message => Some(needed("value.id", first(value, &["id"]), MessageId::parse)?),
            Kind::Start | Kind::Close | Kind::Reflection | Kind::Unknown | Kind::Unnamed => None,
        };
        let conversation = nested(body, "conversation", &["id", "_id"])
            .or_else(|| first(body, &["conversation_id", "conversationId"]));
        let bot = nested(body, "bot", &["id"]).or_else(|| first(body, &["bot_id", "botId"]));
        let user = nested(body, "contact", &["id"]).or_else(|| first(body, &["user_id", "userId"]));
        Ok(Self {
            body,
            value,
            project: project(body).ok_or("project_id is missing or unusable")?,
            conversation: needed("conversation.id", conversation, ConversationId::parse)?,
            bot: needed("bot.id", bot, BotId::parse)?,
            user: needed("contact.id", user, UserId::parse)?,
            at: first(body, &["timestamp"])
                .and_then(moment)
                .ok_or("timestamp is missing or unusable")?,
            message,
        })
    }

    fn event(self, kind: Kind) -> Event {
        match (kind, self.message.clone()) {
            (_, Some(message)) => Event::MessageReceived(self.message_received(message)),
            (Kind::Close, None) => Event::ConversationClosed(self.closed()),
            (
                Kind::Start | Kind::Message | Kind::Reflection | Kind::Unknown | Kind::Unnamed,
                None,
            ) => Event::ConversationStarted(self.started()),
        }
    }

    fn started(self) -> ConversationStarted {
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

    fn closed(self) -> ConversationClosed {
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

    fn message_received(self, message: MessageId) -> MessageReceived {
        let content = self.content();
        let said = |names| first(&content, names).and_then(text).map(Text::new);
        MessageReceived {
            conversation: self.conversation(ConversationState::Active),
            message,
            kind: first(self.value, &["type"])
                .and_then(word)
                .map_or_else(|| "unknown".to_owned(), |kind| kind.to_lowercase()),
            body: match &content {
                Value::String(words) => Some(Text::from(words.as_str())),
                _ => said(&["body", "text", "caption"]),
            },
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
            target: first(assignment, &["target"]).and_then(id)?,
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
