//! Names of things, each its own type. Neighbours: every module; nothing below.
//!
//! Ids of other systems are opaque: never parsed as a number or a phone, never joined into a path
//! without escaping. Parsing refuses only what no remote could mean. A clone shares the text: each
//! step copies a Lane, and most of a Lane is ids.

use serde::{Deserialize, Serialize, Serializer};
use std::{fmt, sync::Arc};

/// The longest id accepted, in bytes. The longest seen in any documented API is under 100; a
/// longer one is an attack or a mistake, and it would travel into URLs and indexes.
pub const MAX_ID_BYTES: usize = 512;

/// The number of a customer who cannot be: no country's is ten zeros. A ticket of theirs is a trial of the ticketing system,
/// and never becomes a conversation.
pub const NOBODY: &str = "0000000000";

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Nothing, or only white space.
    #[error("the id is empty")]
    Empty,
    /// Over [`MAX_ID_BYTES`].
    #[error("the id is longer than {MAX_ID_BYTES} bytes")]
    TooLong,
    /// A control character, such as a line break or NUL.
    #[error("the id has a control character in it")]
    Control,
}

/// Checks what all ids have in common.
///
/// # Errors
/// [`BadId`] when the text is empty, over [`MAX_ID_BYTES`], or holds a control character.
pub fn check_id(text: &str) -> Result<(), BadId> {
    if text.trim().is_empty() {
        Err(BadId::Empty)
    } else if text.len() > MAX_ID_BYTES {
        Err(BadId::TooLong)
    } else if text.chars().any(char::is_control) {
        Err(BadId::Control)
    } else {
        Ok(())
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses an id as a remote or an operator wrote it.
            ///
            /// # Errors
            /// See [`check_id`].
            pub fn parse(text: &str) -> Result<Self, BadId> {
                check_id(text)?;
                Ok(Self(text.into()))
            }

            /// The id as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! open_debug {
    ($($name:ident),*) => { $(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )* };
}

id!(
    /// The name of a bridge in the config: `[a-z0-9]+(_[a-z0-9]+)*`.
    BridgeName
);
id!(
    /// A Jelou bot: one channel, such as one WhatsApp number.
    BotId
);
id!(
    /// A customer as Jelou names them. Mostly a phone number without plus, hence secret in logs;
    /// since WhatsApp usernames also `BR.1340..` (facts: Jelou's page on BSUID). Opaque.
    UserId
);
id!(
    /// A conversation on Jelou.
    ConversationId
);
id!(
    /// A room on Jelou: where messages to one customer of one bot go. Holds the user id, hence
    /// secret in logs.
    RoomId
);
id!(
    /// A ticket in the ticketing system.
    TicketId
);
id!(
    /// A message of a customer on Jelou, or a comment of the ticketing system.
    MessageId
);
id!(
    /// A Lane. Made by the store, random, never seen by a remote.
    LaneId
);
id!(
    /// A Link: `{lane}-{number}`.
    LinkId
);
id!(
    /// An Intent: `{lane}.{number}`. It travels to Jelou as `metadata.intentId`.
    IntentId
);

open_debug!(
    BridgeName,
    BotId,
    ConversationId,
    TicketId,
    MessageId,
    LaneId,
    LinkId,
    IntentId
);

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(user)")
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(room)")
    }
}

impl LinkId {
    /// The `number`th Link of a Lane.
    #[must_use]
    pub fn of(lane: &LaneId, number: u32) -> Self {
        Self(format!("{lane}-{number}").into())
    }
}

impl IntentId {
    /// The `number`th Intent of a Lane.
    #[must_use]
    pub fn of(lane: &LaneId, number: u32) -> Self {
        Self(format!("{lane}.{number}").into())
    }
}

impl MessageId {
    /// The id of one part of an agent's comment: the same however often it is sent. `None` where
    /// the ids it is made of are too long together.
    #[must_use]
    pub fn of_part(ticket: &TicketId, comment: &Self, part: u32) -> Option<Self> {
        Self::parse(&format!("{ticket}-{comment}-{part}")).ok()
    }
}

/// A Delivery's row number in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryId(pub i64);

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_hold_slashes_and_dots_but_no_line_break() {
        assert!(TicketId::parse("../a/b?x#y").is_ok());
        assert_eq!(TicketId::parse("1\r\nHost: x"), Err(BadId::Control));
        assert_eq!(TicketId::parse("1\0"), Err(BadId::Control));
        assert_eq!(TicketId::parse(" "), Err(BadId::Empty));
        assert_eq!(TicketId::parse(&"9".repeat(4096)), Err(BadId::TooLong));
    }

    #[test]
    fn a_user_id_does_not_show_in_debug_output() {
        let user = UserId::parse("593987654321").unwrap();
        assert_eq!(format!("{user:?}"), "(user)");
    }
}
