//! Which event a body is. Neighbours: `parse`, which asks; `told`, which then reads it.

use crate::wire::json::first;
use serde_json::Value;

/// What a body says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of the three that concern us.
    Ours(Sort),
    /// One of our own signed messages, played back at us: the secret is the same both ways.
    Reflection,
    /// An event we never heard of.
    Unknown,
    /// Nothing in it names an event.
    Unnamed,
}

/// The events that concern us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// `conversation.start`.
    Start,
    /// `conversation.close`.
    Close,
    /// A message of a customer.
    Message,
}

/// `object` and `event_type` decide: message events have no `event`. Where one of the two is
/// missing, `event` does, and at last `field`, which can only tell a message.
pub(super) fn kind(body: &Value) -> Kind {
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
            ("conversation_event", "start") => Kind::Ours(Sort::Start),
            ("conversation_event", "close") => Kind::Ours(Sort::Close),
            ("message_event", "message") => Kind::Ours(Sort::Message),
            _ => Kind::Unknown,
        };
    }
    if let Some(event) = said("event") {
        return match event.as_str() {
            "conversation.start" => Kind::Ours(Sort::Start),
            "conversation.close" => Kind::Ours(Sort::Close),
            "message" => Kind::Ours(Sort::Message),
            _ => Kind::Unknown,
        };
    }
    match said("field").as_deref() {
        Some("messages") => Kind::Ours(Sort::Message),
        Some(_) => Kind::Unknown,
        None if object.is_some() || event_type.is_some() => Kind::Unknown,
        None => Kind::Unnamed,
    }
}
