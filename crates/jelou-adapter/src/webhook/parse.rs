//! What a delivery means, and what makes two of them one. Neighbours: `kind` and `told` below; the
//! Router above, which hands the Events to their Lane.

use super::{
    kind::{Kind, kind},
    signature::hex,
    told::{Told, project},
};
use crate::wire::json;
use bridge_core::{event::Parsed, ids::BotId};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a delivery means for the bridge of this project and these bots. Total: any bytes have a
/// meaning, if only that they are parked.
#[must_use]
pub fn parse(raw: &[u8], project_id: &str, bots: &[BotId]) -> Parsed {
    let body = match json::read(raw) {
        Ok(body) if body.is_object() => body,
        Ok(_) => return unreadable("the body is no JSON object"),
        Err(why) => return unreadable(why),
    };
    if project(&body).is_some_and(|other| other != project_id) {
        return Parsed::Parked {
            reason: "wrong_project",
            detail: "its project_id is not the one of this bridge".to_owned(),
        };
    }
    match kind(&body) {
        Kind::Reflection => Parsed::Ignored("reflection"),
        Kind::Unknown => Parsed::Ignored("unknown_event"),
        Kind::Unnamed => unreadable("nothing in it says which event it is"),
        Kind::Ours(sort) => match Told::read(&body, sort) {
            Err(why) => unreadable(why),
            Ok(told) if !bots.contains(told.bot()) => Parsed::Ignored("other_bot"),
            Ok(told) => Parsed::Events(vec![told.event()]),
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
        .filter(|_| !bridge_core::planted!(KeyIsTheBody))
        .and_then(|body| event_key(&body))
        .unwrap_or_else(|| format!("sha256:{}", hex(&Sha256::digest(raw))))
}

fn event_key(body: &Value) -> Option<String> {
    match kind(body) {
        // As JSON, since ids may hold any separator.
        Kind::Ours(sort) => serde_json::to_string(&Told::read(body, sort).ok()?.key()).ok(),
        Kind::Reflection | Kind::Unknown | Kind::Unnamed => None,
    }
}

fn unreadable(why: impl Into<String>) -> Parsed {
    Parsed::Parked {
        reason: "unreadable",
        detail: why.into(),
    }
}
