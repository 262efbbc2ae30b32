//! What was said, as kept until it is relayed. Neighbours: hear, which takes it in; the store, which
//! keeps each once; to_ticket, which brings it over.

use super::{enclosed::kept_files, untold};
use crate::{
    event::{CommentAdded, Event},
    ids::{ConversationId, MessageId, TicketId},
    lane::Lane,
    message::Media,
    text::Text,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// How many waiting messages of one place a Claim loads, oldest first. A customer's flood must fit
/// into memory; the rest comes with the next Claim.
pub const MESSAGES_AT_ONCE: usize = 100;

/// Where something was said, and so in which direction it goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// By the customer in a conversation: for its ticket.
    Conversation {
        /// Which.
        id: ConversationId,
    },
    /// By an agent on a ticket: for its conversation.
    Ticket {
        /// Which.
        id: TicketId,
    },
}

impl Place {
    /// The id of the conversation or ticket.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Conversation { id } => id.as_str(),
            Self::Ticket { id } => id.as_str(),
        }
    }

    /// Which way it goes from here.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match self {
            Self::Conversation { .. } => Direction::ToTicket,
            Self::Ticket { .. } => Direction::ToConversation,
        }
    }
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the customer to the agents.
    ToTicket,
    /// From an agent to the customer.
    ToConversation,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ToTicket, Self::ToConversation];

    /// The word in tables, metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToTicket => "to_ticket",
            Self::ToConversation => "to_conversation",
        }
    }
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was brought over.
    Relayed,
    /// `mode = "observe"`: it would have been.
    Observed,
    /// The mapping does not want it, or the bridge wrote it itself.
    Unwanted,
    /// The conversation has no ticket, or none any more.
    NoTicket,
    /// The other side refused it, or nobody knows what became of it: its Intent waits for a person.
    Parked,
    /// A person gave its Intent up.
    GivenUp,
    /// No conversation was open, and the ticket was told.
    NoConversation,
    /// The customer was silent for too long, and the ticket was told.
    Window,
    /// It has no words, or nowhere to go; the ticket was told, if it can be.
    Unsendable,
}

impl Outcome {
    /// All of them, for metrics that begin at zero.
    pub const ALL: [Self; 9] = [
        Self::Relayed,
        Self::Observed,
        Self::Unwanted,
        Self::NoTicket,
        Self::Parked,
        Self::GivenUp,
        Self::NoConversation,
        Self::Window,
        Self::Unsendable,
    ];

    /// The one that a word names.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// The word in tables, metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Relayed => "relayed",
            Self::Observed => "observed",
            Self::Unwanted => "unwanted",
            Self::NoTicket => "no_ticket",
            Self::Parked => "parked",
            Self::GivenUp => "given_up",
            Self::NoConversation => "no_conversation",
            Self::Window => "window",
            Self::Unsendable => "unsendable",
        }
    }
}

/// Something that was said, kept in the order of its own time until it is relayed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Message {
    /// Where it was said.
    pub place: Place,
    /// Its own id there.
    pub id: MessageId,
    /// When it was said, by the clock of its side.
    pub at: Timestamp,
    /// `text`, `image`, ...
    pub kind: String,
    /// The text or caption.
    pub body: Option<Text>,
    /// The file, for the kinds that bring one.
    pub media: Option<Media>,
    /// `content` as received; of an agent's comment, its files.
    pub content: serde_json::Value,
    /// How it ended; `None` while it waits.
    pub outcome: Option<Outcome>,
}

impl Lane {
    /// The messages that the pending Events tell of: what the store keeps of them is loaded too, so
    /// that none is taken in twice.
    #[must_use]
    pub fn told_messages(&self) -> Vec<(Place, MessageId)> {
        let events = self.pending.iter().map(|pending| &pending.event);
        let told = events.filter_map(|event| match event {
            Event::MessageReceived(e) => {
                let id = e.conversation.id.clone();
                Some((Place::Conversation { id }, e.message.clone()))
            }
            Event::CommentAdded(e) => {
                let id = e.ticket.clone();
                Some((Place::Ticket { id }, e.comment.clone()))
            }
            Event::TicketChanged(_)
            | Event::ConversationStarted(_)
            | Event::ConversationClosed(_) => None,
        });
        told.collect()
    }
}

impl Message {
    /// What an agent said to the customer.
    pub(in crate::lane) fn of_comment(place: Place, told: CommentAdded, at: Timestamp) -> Self {
        Self {
            place,
            id: told.comment,
            at,
            kind: "text".to_owned(),
            content: match told.files_untold {
                true => untold::kept(),
                false => kept_files(&told.files),
            },
            body: Some(told.body),
            media: None,
            outcome: None,
        }
    }

    /// Whether it is still to be brought over.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.outcome.is_none()
    }
}
