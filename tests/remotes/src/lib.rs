//! A Jelou and a ticketing system as plain values: no network, no clock, no chance of their own.
//! Neighbours: the stories of core, which tell of one Lane; the simulator, which lets everything
//! happen at once. The sandbox crate is the same two as servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod chance;
pub mod desk;
pub mod jelou;

use bridge_core::{
    ids::BotId,
    mapping::{self, Mapping, MappingSpec},
    ticket::{Status, Vocabulary},
};
use serde_json::{Value, json};

/// The bot of every conversation.
pub const BOT: &str = "bot-1";

/// The bot of every conversation.
#[must_use]
pub fn bot() -> BotId {
    BotId::parse(BOT).unwrap()
}

/// The words of the ticketing system.
#[must_use]
pub fn vocabulary() -> Vocabulary {
    let words = |words: &[&str]| words.iter().map(|w| Status::new(w)).collect();
    Vocabulary {
        statuses: words(&["new", "open", "pending", "solved", "closed"]),
        solved: words(&["solved"]),
        final_: words(&["closed"]),
        reopened: Status::new("open"),
        open_ended: false,
        fields: None,
    }
}

/// The mapping of the manual, with parts replaced: `over` is merged in, key by key.
#[must_use]
pub fn mapping(over: &Value) -> Mapping {
    let mut written = json!({
        "conversation": {
            "open_when": "'whatsapp' in ticket.tags",
            "user_id": "{{ ticket.requester.phone | digits }}",
            "initial_message": "About ticket {{ ticket.id }}.",
            "close_message": "Ticket {{ ticket.id }} is done.",
        },
        "ticket": {
            "tags": ["whatsapp"],
            "status_on_close": {"closed_by_operator": "solved", "expired": "pending", "default": "open"},
        },
    });
    overlay(&mut written, over);
    let spec: MappingSpec = serde_json::from_value(written).unwrap();
    mapping::compile(&spec, &vocabulary()).unwrap()
}

/// Merges `over` into `base`, key by key.
pub fn overlay(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                overlay(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}
