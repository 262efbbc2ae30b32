//! What a Delivery, or a finding of the Sweep, meant: in our words. Neighbours: the adapters make
//! Events, the Lane takes them in.

use crate::{
    conversation::Conversation,
    ids::{ConversationId, IntentId, LaneId, MessageId, TicketId},
    message::{Enclosed, Media},
    text::Text,
    ticket::{Ticket, TicketPatch, Version},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What happened, as one side tells it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A ticket was made or changed.
    TicketChanged(TicketChanged),
    /// A comment was added to a ticket.
    CommentAdded(CommentAdded),
    /// A conversation began.
    ConversationStarted(ConversationStarted),
    /// A conversation ended, or was found ended.
    ConversationClosed(ConversationClosed),
    /// A customer wrote.
    MessageReceived(MessageReceived),
}

/// A ticket was made or changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketChanged {
    /// Which.
    pub ticket: TicketId,
    /// Which state of it was told of.
    pub version: Version,
    /// The whole ticket, if the Delivery carried every field that the rules may ask for.
    pub whole: Option<Box<Ticket>>,
    /// What it told otherwise.
    pub patch: TicketPatch,
    /// Whether our own API user made the change.
    pub by_us: bool,
    /// When the source says it happened.
    pub at: Option<Timestamp>,
    /// When the read that brought `whole` began, where the Router or the Sweep read it; `None` for
    /// what a webhook carried.
    #[serde(default)]
    pub read_at: Option<Timestamp>,
    /// The Lane of the ticket's latest Link, where that has ended: the Router asks the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_lane: Option<LaneId>,
}

/// A comment was added to a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CommentAdded {
    /// On which ticket.
    pub ticket: TicketId,
    /// Its id.
    pub comment: MessageId,
    /// What it says.
    pub body: Text,
    /// Whether the customer may see it.
    pub public: bool,
    /// Whether an agent wrote it (neither we, nor the requester, nor an automation).
    pub by_agent: bool,
    /// Whether our own API user wrote it.
    pub by_us: bool,
    /// Whether it may be the ticket's description, which some systems keep as the first comment.
    #[serde(default)]
    pub opening: bool,
    /// The files that came with it.
    #[serde(default)]
    pub files: Vec<Enclosed>,
    /// Whether files may have come with it that the source does not tell of here, but in a listing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub files_untold: bool,
    /// When, by the source.
    pub at: Option<Timestamp>,
    /// The state of the ticket told along with it.
    pub change: Box<TicketChanged>,
}

/// A comment as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Comment {
    /// Its id, the same as a webhook's.
    pub id: MessageId,
    /// What it says.
    pub body: Text,
    /// Whether the customer may see it.
    pub public: bool,
    /// Whether an agent wrote it (neither we, nor the requester, nor an automation).
    pub by_agent: bool,
    /// Whether our own API user wrote it.
    pub by_us: bool,
    /// Whether it may be the ticket's description, which some systems keep as the first comment.
    #[serde(default)]
    pub opening: bool,
    /// The files that came with it.
    #[serde(default)]
    pub files: Vec<Enclosed>,
    /// When, by the source.
    pub at: Option<Timestamp>,
}

impl Comment {
    /// In which order two comments of one ticket were written: of one moment the lower number comes
    /// first, where ids are numbers.
    #[must_use]
    pub fn in_turn(&self, other: &Self) -> std::cmp::Ordering {
        let key = |c: &Self| (c.at, c.id.as_str().len());
        key(self).cmp(&key(other)).then(self.id.cmp(&other.id))
    }
}

/// A conversation began.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConversationStarted {
    /// The conversation, active.
    pub conversation: Conversation,
    /// `metadata.ticketId`, if it was a readable id.
    pub ticket_id: Option<TicketId>,
    /// `metadata.intentId`, if it was a readable id: this start answers one of our Intents.
    pub intent_id: Option<IntentId>,
    /// The event's own `timestamp`.
    pub at: Timestamp,
}

/// A conversation ended, or was found ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConversationClosed {
    /// The conversation, closed.
    pub conversation: Conversation,
    /// The event's own `timestamp`, or `endAt` where it was read.
    pub at: Timestamp,
    /// Whether this came from a read of the Sweep and not from a webhook.
    pub found_by_sweep: bool,
}

/// A customer wrote.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageReceived {
    /// The conversation it belongs to, taken as active when the message was written.
    pub conversation: Conversation,
    /// The message's own id, `value.id`.
    pub message: MessageId,
    /// `text`, `image`, `video`, `audio`, `document`, or what else Jelou sent.
    pub kind: String,
    /// What can be read of it: the text, the caption, the content of a kind that we do not know, or
    /// nothing.
    pub body: Option<Text>,
    /// The file, for the kinds that bring one.
    #[serde(default)]
    pub media: Option<Media>,
    /// `content` as received, for kinds that are more than text.
    pub content: serde_json::Value,
    /// The event's own `timestamp`.
    pub at: Timestamp,
}

impl Event {
    /// When the source says it happened; what says nothing sorts by arrival.
    #[must_use]
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::TicketChanged(e) => e.at,
            Self::CommentAdded(e) => e.at,
            Self::ConversationStarted(e) => Some(e.at),
            Self::ConversationClosed(e) => Some(e.at),
            Self::MessageReceived(e) => Some(e.at),
        }
    }

    /// The ticket it speaks of, if its side is the ticketing system.
    #[must_use]
    pub fn ticket(&self) -> Option<&TicketId> {
        match self {
            Self::TicketChanged(e) => Some(&e.ticket),
            Self::CommentAdded(e) => Some(&e.ticket),
            Self::ConversationStarted(_)
            | Self::ConversationClosed(_)
            | Self::MessageReceived(_) => None,
        }
    }

    /// Whether the Lane that it was routed to shows whose the ticket was: what tells of a change of ours without
    /// the ticket goes to whose it was last.
    #[must_use]
    pub fn shows_whose(&self) -> bool {
        match self {
            Self::TicketChanged(e) => !e.by_us || e.whole.is_some(),
            Self::CommentAdded(e) => !e.change.by_us || e.change.whole.is_some(),
            Self::ConversationStarted(_)
            | Self::ConversationClosed(_)
            | Self::MessageReceived(_) => true,
        }
    }

    /// When the read that it carries began; `None` for what a webhook carried itself.
    #[must_use]
    pub fn read_at(&self) -> Option<Timestamp> {
        match self {
            Self::TicketChanged(e) => e.read_at,
            Self::CommentAdded(e) => e.change.read_at,
            Self::ConversationStarted(_)
            | Self::ConversationClosed(_)
            | Self::MessageReceived(_) => None,
        }
    }

    /// The conversation it speaks of, if its side is Jelou.
    #[must_use]
    pub fn conversation(&self) -> Option<&Conversation> {
        match self {
            Self::ConversationStarted(e) => Some(&e.conversation),
            Self::ConversationClosed(e) => Some(&e.conversation),
            Self::MessageReceived(e) => Some(&e.conversation),
            Self::TicketChanged(_) | Self::CommentAdded(_) => None,
        }
    }

    /// The conversation's id, if its side is Jelou.
    #[must_use]
    pub fn conversation_id(&self) -> Option<&ConversationId> {
        self.conversation().map(|c| &c.id)
    }

    /// The word for it in timelines and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TicketChanged(_) => "ticket_changed",
            Self::CommentAdded(_) => "comment_added",
            Self::ConversationStarted(_) => "conversation_started",
            Self::ConversationClosed(_) => "conversation_closed",
            Self::MessageReceived(_) => "message_received",
        }
    }
}

/// Which side of a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The conversation platform.
    Jelou,
    /// The ticketing system.
    Ticketing,
}

impl Side {
    /// The word in URLs, tables, metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jelou => "jelou",
            Self::Ticketing => "ticketing",
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A webhook body whose sender is proven but whose meaning is not (law 1: it is kept and parked).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Parsed {
    /// What it meant. One body may carry several Events.
    Events(Vec<Event>),
    /// Nothing that concerns us, with the reason in a word (`reflection`, `other_bot`, `unknown_event`).
    Ignored(&'static str),
    /// Authentic, but not to be read, or not ours: parked for a person.
    Parked {
        /// `unreadable` or `wrong_project`.
        reason: &'static str,
        /// What is wrong, without any of the content.
        detail: String,
    },
}
