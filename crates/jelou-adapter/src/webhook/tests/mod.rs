//! The webhook's promises, told with the fixtures and the worked vectors of Jelou's scheme.

mod bad_bodies;
mod keys;
mod meaning;
mod signatures;

use bridge_core::{
    event::{Event, Parsed},
    ids::BotId,
};
use serde_json::Value;

pub(super) const PROJECT: &str = "01kbridgeproj0000000000001";
pub(super) const BOT: &str = "7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801";

pub(super) const START: &str =
    include_str!("../../../fixtures/webhooks/conversation-start-full.json");
pub(super) const CLOSE: &str = include_str!("../../../fixtures/webhooks/conversation-close.json");
pub(super) const MESSAGE: &str = include_str!("../../../fixtures/webhooks/message-text.json");
pub(super) const REFLECTION: &str = include_str!("../../../fixtures/webhooks/reflection.json");

pub(super) fn parse(raw: &[u8]) -> Parsed {
    super::parse(raw, PROJECT, &[BotId::parse(BOT).unwrap()])
}

/// The one Event of a body that means one.
pub(super) fn event(body: &Value) -> Event {
    match parse(body.to_string().as_bytes()) {
        Parsed::Events(mut events) if events.len() == 1 => events.remove(0),
        other => panic!("{other:?} from {body}"),
    }
}

pub(super) fn parked_as(parsed: &Parsed) -> Option<&'static str> {
    match parsed {
        Parsed::Parked { reason, .. } => Some(reason),
        Parsed::Events(_) | Parsed::Ignored(_) => None,
    }
}

/// A fixture with one thing changed; `null` takes it out.
pub(super) fn with(fixture: &str, pointer: &str, value: Value) -> Value {
    let mut body: Value = serde_json::from_str(fixture).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let map = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        map.remove(name);
    } else {
        map.insert(name.to_owned(), value);
    }
    body
}
