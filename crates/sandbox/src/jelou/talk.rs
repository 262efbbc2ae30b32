//! What is said to customers: by agents into a room, by the bot, by a template. Neighbours: api,
//! which asks; history, which lists it.
//!
//! WhatsApp lets a business speak freely for 24 hours after a customer's last words; after that only
//! a template goes through. Which calls say so when it is too late, no page tells in full.

use super::{
    AfterSilence, SameId,
    answer::{failed, fields_of, invalid, succeeded, text},
    place::place,
    record::{Speaker, Spoken},
    world::World,
};
use crate::{
    clock::now_ms,
    stage::{Answer, Asked},
};
use serde_json::{Map, Value, json};

/// For so long after a customer's words may be spoken freely, ms (page on sending messages).
pub(super) const OPEN_MS: i64 = 24 * 60 * 60 * 1_000;

/// WhatsApp takes no longer text, characters.
const TEXT_MAX: usize = 4_096;

/// What an agent may send (page on sending messages of the external support panel).
const AGENT_KINDS: [&str; 5] = ["text", "image", "video", "audio", "document"];

/// What a bot may send, of the kinds that are a matter of words here.
const BOT_KINDS: [&str; 4] = ["text", "location_request", "cta_url", "voice_call"];

impl World {
    /// Whether the customer's last words are young enough to be answered freely. Who Jelou knows has
    /// written once: then they became known.
    pub(super) fn may_be_spoken_to(&self, bot: &str, user: &str) -> bool {
        let known = self.users.get(user).map(|user| user.created_at_ms);
        let last = self.last_heard.get(&place(bot, user)).copied().or(known);
        last.is_some_and(|last| now_ms() - last <= OPEN_MS)
    }

    /// Keeps what was said, under a new id, which is returned.
    pub(super) fn keep(&mut self, spoken: Spoken) -> String {
        let id = if spoken.id.is_empty() {
            self.message_id("msg_")
        } else {
            spoken.id.clone()
        };
        self.spoken.push(Spoken {
            id: id.clone(),
            ..spoken
        });
        id
    }
}

/// `POST v1/external-support/webhook`.
pub(super) fn agent_message(world: &mut World, asked: &Asked) -> Answer {
    let Some(fields) = fields_of(asked) else {
        return invalid("The body is not a JSON object.");
    };
    if let Err(what) = constants(&fields) {
        return invalid(what);
    }
    if text(&fields, "project_id") != Some(world.options.project_id.as_str()) {
        return failed(404, "Project not found", None);
    }
    let value = fields.get("value").and_then(Value::as_object);
    let Some((given_id, kind, content)) = value.and_then(said) else {
        return invalid("value needs an id, a type and a content of that type.");
    };
    let (Some(room), Some(bot), Some(user)) = (
        text(&fields, "room_id"),
        text(&fields, "bot_id"),
        text(&fields, "user_id"),
    ) else {
        return invalid("room_id, bot_id and user_id are required.");
    };
    let Some(active) = world.active(bot, user).filter(|one| one.room == room) else {
        return if world.conversations.iter().any(|one| one.room == room) {
            invalid("The room has no active conversation of this bot and user.")
        } else {
            failed(404, "Room not found", None)
        };
    };
    let (conversation, bot, user) = (active.id.clone(), active.bot.clone(), active.user.clone());
    if world.same_id == SameId::Once && world.given_ids.contains(given_id) {
        return succeeded("Message processed successfully", json!({}));
    }
    let arrived = world.may_be_spoken_to(&bot, &user);
    if !arrived && world.after_silence == AfterSilence::Refused {
        return too_late();
    }
    world.given_ids.insert(given_id.to_owned());
    world.replied(&conversation);
    world.keep(Spoken {
        id: String::new(),
        given_id: Some(given_id.to_owned()),
        conversation: Some(conversation),
        bot,
        user,
        by: Speaker::Operator,
        kind: kind.to_owned(),
        content: content.clone(),
        at_ms: now_ms(),
        arrived,
    });
    succeeded("Message processed successfully", json!({}))
}

fn constants(fields: &Map<String, Value>) -> Result<(), &'static str> {
    for (name, value) in [
        ("field", "messages"),
        ("object", "message_event"),
        ("event_type", "incoming_message"),
    ] {
        if text(fields, name) != Some(value) {
            return Err("field, object and event_type have one value each.");
        }
    }
    Ok(())
}

/// Id, type and content of an agent's message, if each is as the page wants it.
fn said(value: &Map<String, Value>) -> Option<(&str, &str, &Value)> {
    let (id, kind) = (text(value, "id")?, text(value, "type")?);
    let content = value.get("content")?;
    let fields = content.as_object()?;
    let fits = if kind == "text" {
        (1..=TEXT_MAX).contains(&text(fields, "body")?.chars().count())
    } else {
        can_be_fetched(text(fields, "url")?) && text(fields, "mime_type").is_some()
    };
    (AGENT_KINDS.contains(&kind) && fits).then_some((id, kind, content))
}

/// A public address, or one of this machine, where the tests are.
pub(super) fn can_be_fetched(url: &str) -> bool {
    ["https://", "http://127.0.0.1:", "http://localhost:"]
        .iter()
        .any(|start| url.starts_with(start))
}

/// `POST v1/bots/{botId}/messages`.
pub(super) fn bot_message(world: &mut World, bot: &str, asked: &Asked) -> Answer {
    let fields = fields_of(asked).unwrap_or_default();
    let (Some(kind), Some(user), Some(words)) = (
        text(&fields, "type"),
        text(&fields, "userId"),
        text(&fields, "text"),
    ) else {
        return invalid("type, userId and text are required.");
    };
    if !BOT_KINDS.contains(&kind) || words.chars().count() > TEXT_MAX {
        return invalid("The type is unknown here, or the text is too long.");
    }
    let button = fields.get("parameters").and_then(Value::as_object);
    let label = button.and_then(|button| text(button, "display_text"));
    if kind == "voice_call" && label.is_none() {
        return invalid("parameters.display_text is required.");
    }
    if world.bot_name(bot).is_none() {
        return failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND")));
    }
    let Some(user) = world.canonical(user) else {
        return failed(404, "User not found", None);
    };
    if kind == "voice_call" && !world.calling {
        return not_sent("Calling is not enabled for this account.");
    }
    if !world.may_be_spoken_to(bot, &user) {
        return too_late();
    }
    let mut content = fields.clone();
    content.retain(|name, _| ["header", "text", "parameters"].contains(&name.as_str()));
    let id = world.keep(by_bot(bot, &user, kind, Value::Object(content)));
    Answer::new(200, json!({"success": true, "messageId": id})).with_id_at(&["/messageId"])
}

/// `POST v2/whatsapp/{botId}/hsm`: a bare list in the answer, and an envelope of its own in failure.
pub(super) fn template(world: &mut World, bot: &str, asked: &Asked) -> Answer {
    let fields = fields_of(asked).unwrap_or_default();
    let list = |name| fields.get(name).and_then(Value::as_array).cloned();
    let (Some(name), Some(_), Some(destinations)) = (
        text(&fields, "elementName"),
        text(&fields, "language"),
        list("destinations").filter(|list| !list.is_empty()),
    ) else {
        return invalid("elementName, language and destinations are required.");
    };
    if world.bot_name(bot).is_none() {
        return failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND")));
    }
    let parameters = list("parameters").unwrap_or_default();
    let known = world.options.templates.iter().find(|(one, _)| one == name);
    let Some((_, count)) = known else {
        return template_failed("Template does not exist");
    };
    if parameters.len() != *count || !parameters.iter().all(Value::is_string) {
        return template_failed("The parameters do not fit the template");
    }
    let mut sent = Vec::new();
    for destination in destinations {
        let Some(user) = destination.as_str().and_then(|user| world.canonical(user)) else {
            return template_failed("A destination is no customer");
        };
        let content = json!({"elementName": name, "parameters": parameters});
        let id = world.keep(by_bot(bot, &user, "template", content));
        sent.push(json!({"id": id, "destination": destination}));
    }
    Answer::new(200, Value::Array(sent)).with_id_at(&["/0/id"])
}

pub(super) fn by_bot(bot: &str, user: &str, kind: &str, content: Value) -> Spoken {
    Spoken {
        id: String::new(),
        given_id: None,
        conversation: None,
        bot: bot.to_owned(),
        user: user.to_owned(),
        by: Speaker::Bot,
        kind: kind.to_owned(),
        content,
        at_ms: now_ms(),
        arrived: true,
    }
}

fn template_failed(what: &str) -> Answer {
    let body = json!({"message": [what], "status": "failed", "_metadata": {}});
    Answer::new(400, body)
}

fn too_late() -> Answer {
    not_sent("The user has not written in the last 24 hours.")
}

/// The intro page's code for it, in the only envelope that has a place for one.
fn not_sent(what: &str) -> Answer {
    let code = "message_could_not_be_send";
    failed(400, what, Some((code, "MESSAGE_COULD_NOT_BE_SEND")))
}
