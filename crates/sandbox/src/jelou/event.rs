//! The three webhook events, field by field in the order of Jelou's pages. Neighbour: world, where
//! they happen.
//!
//! Sources: the pages on starting and closing a conversation and on receiving messages. Message
//! events carry no `event`, and their `field` is plural; that is how Jelou shows them.

use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Serialize)]
pub(super) struct Event<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<&'a str>,
    pub timestamp: i64,
    pub field: &'a str,
    pub object: &'a str,
    pub event_type: &'a str,
    pub project_id: &'a str,
    pub room_id: &'a str,
    pub contact: Named<'a>,
    pub conversation: Talk<'a>,
    pub bot: Named<'a>,
    pub value: Happened<'a>,
}

#[derive(Serialize)]
pub(super) struct Named<'a> {
    pub id: &'a str,
    pub name: &'a str,
}

#[derive(Serialize)]
pub(super) struct Talk<'a> {
    pub id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<&'a Value>,
}

/// The `value` of an event.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Happened<'a> {
    Started {
        #[serde(skip_serializing_if = "Option::is_none")]
        initial_message: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<&'a Map<String, Value>>,
    },
    Closed {
        reason: &'a str,
        #[serde(rename = "redirectPayload", skip_serializing_if = "Option::is_none")]
        redirect_payload: Option<&'a Value>,
    },
    Said {
        id: &'a str,
        #[serde(rename = "type")]
        kind: &'a str,
        content: &'a Value,
    },
}

/// The words by which an event says what it is: `event`, `field`, `object`, `event_type`.
pub(super) struct Words(
    pub Option<&'static str>,
    pub &'static str,
    pub &'static str,
    pub &'static str,
);

impl Happened<'_> {
    pub(super) fn words(&self) -> Words {
        let talk = "conversation_event";
        match self {
            Self::Started { .. } => {
                Words(Some("conversation.start"), "conversation", talk, "start")
            }
            Self::Closed { .. } => Words(Some("conversation.close"), "conversation", talk, "close"),
            Self::Said { .. } => Words(None, "messages", "message_event", "message"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_event_is_byte_for_byte_the_documented_one() {
        let value = Happened::Closed {
            reason: "closed_by_operator",
            redirect_payload: None,
        };
        let Words(event, field, object, event_type) = value.words();
        let bot = "7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801";
        let body = serde_json::to_string(&Event {
            event,
            timestamp: 1_777_992_928_697,
            field,
            object,
            event_type,
            project_id: "01kbridgeproj0000000000001",
            room_id: "G:7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801:593987654321",
            contact: Named {
                id: "593987654321",
                name: "Ana Lima",
            },
            conversation: Talk {
                id: "69f8a1b2c3d4e5f601234567",
                assignment: None,
            },
            bot: Named {
                id: bot,
                name: "Suporte BR",
            },
            value,
        })
        .unwrap();
        assert_eq!(body.len(), 447);
        let secret = "3f9c1d7a5b2e84c06d1f9e7b8a4c2d5038e6f1a94b7c0d2e5f8a1b3c6d9e0f12";
        assert_eq!(
            crate::hooks::sign(secret, body.as_bytes()),
            "sha256=eab48d2f575d3ff67912ba8dc4ff5c3d5c99d9d995464accde86d99df0824da6"
        );
    }
}
