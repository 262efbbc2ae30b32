//! Reads Jelou's answers. Neighbours: `json` below, `client` above; `error` reads the refusals.
//!
//! Four envelopes are about: `{message, statusMessage, status: 1, data}`, the same without `data`
//! (the schemas on the same pages), `{message, status: "success", ..}`, and a bare `{message}`.

use crate::wire::{
    dates::moment,
    json::{self, at, first, id, text},
};
use bridge_core::{
    conversation::{Conversation, ConversationState},
    ids::{BotId, ConversationId, MessageId, RoomId, UserId},
    text::Text,
};
use serde_json::Value;

/// The names of a conversation's id: `conversationId` (start, close), `_id` (read, reports), `id`.
const CONVERSATION: &[&str] = &["conversationId", "_id", "id", "conversation_id"];

/// The longest word taken as a reason or a state, in characters; the longest known has 18.
const WORD_CHARACTERS_MAX: usize = 64;

/// The object that holds the answer's fields.
///
/// # Errors
/// Why a success status is no success: HTML or anything else that is no JSON object, or an
/// envelope that says it failed. Without any of the content.
pub(crate) fn data(body: &[u8]) -> Result<Value, String> {
    let mut root = json::read(body)?;
    if !root.is_object() {
        return Err("the answer is no JSON object".to_owned());
    }
    if says_failed(&root) {
        return Err("the answer's envelope says failed".to_owned());
    }
    match root.get_mut("data").map(Value::take) {
        Some(data) if data.is_object() => Ok(data),
        Some(_) | None => Ok(root),
    }
}

/// Whether an answer that needs no field is a success: empty, or JSON that does not say failed.
///
/// # Errors
/// As [`data`].
pub(crate) fn accepted(body: &[u8]) -> Result<(), String> {
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    if says_failed(&json::read(body)?) {
        return Err("the answer's envelope says failed".to_owned());
    }
    Ok(())
}

/// The id of a message that was sent: `messageId` at the root or under `data`, or the `id` of the
/// one element of a bare list (templates).
///
/// # Errors
/// As [`data`], and that it brings no id.
pub(crate) fn message_id(body: &[u8]) -> Result<MessageId, String> {
    let root = json::read(body)?;
    if says_failed(&root) {
        return Err("the answer's envelope says failed".to_owned());
    }
    let holders = [
        Some(&root),
        at(&root, &["data"]),
        root.get(0),
        root.get("data").and_then(|data| data.get(0)),
    ];
    holders
        .into_iter()
        .flatten()
        .find_map(|holder| first(holder, &["messageId", "message_id", "id"]).and_then(id))
        .and_then(|id| MessageId::parse(&id).ok())
        .ok_or_else(|| "the answer names no message".to_owned())
}

/// Whether the envelope says no, in any of the ways it has for it. `status` is a number in one
/// envelope, a word in another, and the conversation's own state where the envelope is missing.
fn says_failed(root: &Value) -> bool {
    let no = |value: &Value| match value {
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(word) => ["0", "failed", "fail", "error"]
            .iter()
            .any(|no| word.trim().eq_ignore_ascii_case(no)),
        Value::Bool(yes) => !yes,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    };
    ["status", "statusMessage", "success"]
        .iter()
        .filter_map(|name| root.get(name))
        .any(no)
}

/// The conversation that an answer to a start or close names.
///
/// # Errors
/// That it names none, or one that is no id.
pub(crate) fn conversation_id(data: &Value) -> Result<ConversationId, String> {
    first(data, CONVERSATION)
        .and_then(id)
        .and_then(|id| ConversationId::parse(&id).ok())
        .ok_or_else(|| "the answer names no conversation".to_owned())
}

/// The customer that an answer to a start names, in Jelou's spelling.
pub(crate) fn user_id(data: &Value) -> Option<UserId> {
    let flat = first(data, &["userId", "user_id"]).and_then(id);
    let nested = || {
        let user = first(data, &["User", "user", "contact"])?;
        first(user, &["id", "_id"]).and_then(id)
    };
    UserId::parse(&flat.or_else(nested)?).ok()
}

/// A conversation as read.
///
/// # Errors
/// Which of the fields that we act on is missing.
pub(crate) fn conversation(data: &Value) -> Result<Conversation, String> {
    let user = first(data, &["User", "user", "contact"]).unwrap_or(&Value::Null);
    Ok(Conversation {
        id: conversation_id(data)?,
        bot: bot_id(data).ok_or("the answer names no bot")?,
        user: user_id(data).ok_or("the answer names no user")?,
        room: first(data, &["roomId", "room_id"])
            .and_then(id)
            .and_then(|id| RoomId::parse(&id).ok()),
        contact_name: first(user, &["names", "name"])
            .and_then(text)
            .map(Text::new),
        state: state(data).ok_or("the answer names no state")?,
        started_at: first(data, &["startAt", "start_at"]).and_then(moment),
        ended_at: first(data, &["endAt", "end_at"]).and_then(moment),
        assignment: None,
        initial_message: None,
    })
}

fn bot_id(data: &Value) -> Option<BotId> {
    let flat = first(data, &["botId", "bot_id"]).and_then(id);
    let nested = || first(first(data, &["Bot", "bot"])?, &["id", "_id"]).and_then(id);
    BotId::parse(&flat.or_else(nested)?).ok()
}

/// `state` on the pages that read, `status` on those that write. Over is what is known to be over:
/// a state we never heard of must not make us forget a customer who is still talking.
fn state(data: &Value) -> Option<ConversationState> {
    let state = first(data, &["state"])
        .and_then(word)
        .or_else(|| first(data, &["status"]).and_then(word))?
        .to_lowercase();
    if !matches!(state.as_str(), "closed" | "resolved" | "expired") {
        return Some(ConversationState::Active);
    }
    let reason = first(data, &["endedReason", "ended_reason"]).and_then(word);
    Some(ConversationState::Closed {
        reason: reason.unwrap_or(state),
    })
}

/// A word of Jelou's vocabulary, cut where it is none.
pub(crate) fn word(value: &Value) -> Option<String> {
    let word: String = text(value)?
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(WORD_CHARACTERS_MAX)
        .collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = include_str!("../../fixtures/answers/start.json");
    const READ: &str = include_str!("../../fixtures/answers/conversation-closed.json");
    const ID: &str = "69f8a1b2c3d4e5f601234567";

    fn id_in(body: &[u8]) -> Result<ConversationId, String> {
        conversation_id(&data(body)?)
    }

    #[test]
    fn an_answer_cut_anywhere_is_no_success() {
        for whole in [START, READ] {
            let whole = whole.trim_end().as_bytes();
            assert_eq!(id_in(whole).unwrap().as_str(), ID);
            for at in 0..whole.len() {
                assert!(id_in(&whole[..at]).is_err(), "cut at {at}");
            }
        }
    }

    #[test]
    fn an_answer_with_a_broken_byte_is_read_or_refused_but_never_breaks_us() {
        let mut tried = 0;
        for whole in [START, READ] {
            for at in 0..whole.len() {
                for put in [
                    b'"', b'{', b'}', b'[', b']', b'\\', b':', b',', b'0', b'-', 0, 0xff,
                ] {
                    let mut broken = whole.as_bytes().to_vec();
                    broken[at] = put;
                    if let Ok(data) = data(&broken) {
                        let _ = (conversation(&data), user_id(&data));
                    }
                    let _ = accepted(&broken);
                    tried += 1;
                }
            }
        }
        assert!(tried > 10_000, "{tried}");
    }
}
