//! What must be seen at a remote, and what was found, as values. Neighbours: the Lane asks, the
//! daemon's `perform` looks.

use crate::{
    conversation::Conversation,
    event::{Comment, Event, Side},
    ids::{ConversationId, LaneId, TicketId},
    report::InReport,
    text::{Digest, Text},
    ticket::Ticket,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// Something that must be seen before going on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "snake_case")]
pub enum Read {
    /// A conversation's state at Jelou.
    Conversation {
        /// Which.
        id: ConversationId,
    },
    /// A ticket's state.
    Ticket {
        /// Which.
        id: TicketId,
    },
    /// The tickets of a requester that are neither solved nor final.
    OpenTickets {
        /// What `UpsertRequester` brought.
        requester_id: String,
    },
    /// The tickets whose link field names a conversation: finds out what became of a create.
    TicketsByConversation {
        /// The conversation.
        conversation: ConversationId,
    },
    /// Whether a note or comment of ours with this text is on the ticket: finds out what became of it.
    NoteOnTicket {
        /// The ticket.
        ticket: TicketId,
        /// The note's text.
        text: Text,
    },
    /// A ticket's comments, the latest at least.
    Comments {
        /// The ticket.
        ticket: TicketId,
    },
    /// Which Lanes hold or held a ticket by a Link. Answered by the store, not by a remote.
    TicketHolder {
        /// The ticket.
        ticket: TicketId,
    },
    /// What the bridge wrote on a ticket for other customers. Answered by the store, not by a remote.
    Written {
        /// The ticket.
        ticket: TicketId,
        /// Who asks: it knows its own entries.
        besides: LaneId,
    },
    /// Whether anything that Jelou told by a moment is not heard yet by a claimed Lane: it waits for
    /// the Router, or came to the Lane since the Claim. Answered by the store, not by a remote.
    Unheard {
        /// The Lane.
        lane: LaneId,
        /// Received by then, by our clock.
        by: Timestamp,
    },
    /// What Jelou's report on attended conversations says of one. Looked up for many at once, so the
    /// answer may be that it is being gathered.
    Report {
        /// Which.
        conversation: ConversationId,
        /// When it began, by Jelou's clock where Jelou told.
        began: Timestamp,
        /// When it ended, by Jelou's clock where Jelou told.
        ended: Timestamp,
        /// Which look this is, from one.
        look: u32,
    },
}

impl Read {
    /// Which remote a Lane calls for it; `None` for what the store knows, or what is read for many at once.
    #[must_use]
    pub fn side(&self) -> Option<Side> {
        match self {
            Self::Conversation { .. } => Some(Side::Jelou),
            Self::Ticket { .. }
            | Self::OpenTickets { .. }
            | Self::TicketsByConversation { .. }
            | Self::Comments { .. }
            | Self::NoteOnTicket { .. } => Some(Side::Ticketing),
            Self::TicketHolder { .. }
            | Self::Written { .. }
            | Self::Unheard { .. }
            | Self::Report { .. } => None,
        }
    }

    /// The word in metrics and timelines.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Conversation { .. } => "conversation",
            Self::Ticket { .. } => "ticket",
            Self::OpenTickets { .. } => "open_tickets",
            Self::TicketsByConversation { .. } => "tickets_by_conversation",
            Self::NoteOnTicket { .. } => "note_on_ticket",
            Self::Comments { .. } => "comments",
            Self::TicketHolder { .. } => "ticket_holder",
            Self::Written { .. } => "written",
            Self::Unheard { .. } => "unheard",
            Self::Report { .. } => "report",
        }
    }
}

/// One sentence without names, numbers or message text.
impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conversation { id } => write!(f, "read conversation {id}"),
            Self::Ticket { id } => write!(f, "read ticket {id}"),
            Self::OpenTickets { .. } => write!(f, "list the requester's open tickets"),
            Self::TicketsByConversation { conversation } => {
                write!(f, "find the ticket of conversation {conversation}")
            }
            Self::NoteOnTicket { ticket, .. } => write!(f, "look for our note on ticket {ticket}"),
            Self::Comments { ticket } => write!(f, "list the comments of ticket {ticket}"),
            Self::TicketHolder { ticket } => write!(f, "see which lane holds ticket {ticket}"),
            Self::Written { ticket, .. } => {
                write!(f, "see what other lanes wrote on ticket {ticket}")
            }
            Self::Unheard { .. } => write!(f, "see whether all that Jelou told is heard"),
            Self::Report { conversation, .. } => {
                write!(f, "look for conversation {conversation} in the report")
            }
        }
    }
}

/// The time in which a Link of a Lane had a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// Whose it was.
    pub lane: LaneId,
    /// When the Link was made.
    pub since: Timestamp,
    /// When it ended; `None` while it is live.
    pub until: Option<Timestamp>,
    /// Whether it was made because the ticket asked for a conversation.
    #[serde(default)]
    pub asked: bool,
}

/// What the bridge wrote on a ticket, without the words: a comment, a note, a file's line or the description.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Written {
    /// How it reads.
    pub words: Digest,
    /// Whether it is the ticket's description: what reads so later is an answer.
    pub describes: bool,
    /// When its latest call began.
    pub sent_at: Option<Timestamp>,
}

/// A Delivery about a ticket, and the Lane that it went to: of who had the ticket, or was its requester then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoutedTo {
    /// Whose it is.
    pub lane: LaneId,
    /// When the Delivery was received.
    pub at: Timestamp,
    /// When it was seen that the ticket is that Lane's: when the read began that showed it, else as `at`. Until
    /// then it may have been another's.
    pub shown_at: Timestamp,
    /// Whether that shows whose the ticket was then ([`Event::shows_whose`]).
    pub shows_whose: bool,
}

impl RoutedTo {
    /// What the Events of a Delivery tell of it. None are left of what was pruned: nobody knows more.
    #[must_use]
    pub fn of(lane: LaneId, at: Timestamp, events: &[Event]) -> Self {
        let read_at = events.iter().filter_map(Event::read_at).max();
        Self {
            lane,
            at,
            // A look of the Sweep is received after it began; and the clock may have been set back in between.
            shown_at: read_at.map_or(at, |read_at| read_at.max(at)),
            shows_whose: events.is_empty() || events.iter().any(Event::shows_whose),
        }
    }
}

/// What a [`Read`] found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Found {
    /// The conversation.
    Conversation(Box<Conversation>),
    /// The ticket.
    Ticket(Box<Ticket>),
    /// None, one or several tickets.
    Tickets {
        /// Those.
        tickets: Vec<Ticket>,
    },
    /// Whether the note is there.
    Note {
        /// Whether.
        there: bool,
    },
    /// Whether something that Jelou told is not heard yet.
    Unheard {
        /// Whether.
        waits: bool,
    },
    /// The comments.
    Comments {
        /// Those.
        comments: Vec<Comment>,
    },
    /// What the report says.
    Report(InReport),
    /// The Lanes that hold or held the ticket.
    Holders {
        /// The latest changed first.
        holders: Vec<Holder>,
        /// Whom the latest Deliveries about it went to, the earliest first.
        told: Vec<RoutedTo>,
    },
    /// What the bridge wrote on the ticket for other customers.
    Written {
        /// The latest of it.
        entries: BTreeSet<Written>,
    },
}
