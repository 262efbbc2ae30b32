//! A Conversation and a Ticket that belong together. Neighbours: plan, which merges its two sides;
//! lane, which holds a customer's Links.

use crate::{
    ids::{ConversationId, LinkId, TicketId},
    ticket::Status,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The conversation's place in a Link.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ConversationSide {
    /// One is to be started.
    Wanted,
    /// None will be started by us.
    Unwanted {
        /// The rule that says so.
        rule: String,
    },
    /// This one.
    Known {
        /// Its id.
        id: ConversationId,
    },
}

/// The ticket's place in a Link.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TicketSide {
    /// One is to be found or made.
    Wanted,
    /// None will be made.
    Unwanted {
        /// The rule that says so.
        rule: String,
    },
    /// This one.
    Known {
        /// Its id.
        id: TicketId,
    },
}

/// Which side was there first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The ticket; we start the conversation.
    Ticket,
    /// The conversation; we find or make the ticket.
    Conversation,
    /// An operator's `link` command.
    Operator,
}

/// What both sides last settled on: the base of the three-way merge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Agreed {
    /// Whether the conversation was closed.
    pub conversation_closed: bool,
    /// The ticket's status.
    pub status: Status,
}

/// A field on which a side refused for good. It is not planned again until a side or the mapping changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diverged {
    /// `status`, `link_field`, `ticket_id`, ...
    pub field: String,
    /// What was wanted.
    pub wanted: String,
    /// What the side said.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// The end of a Link.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ended {
    /// Since when.
    pub at: Timestamp,
    /// Why, in a word: `closed`, `withdrawn`, `unlinked`, `gone`, `merged`, or one of the two below.
    pub reason: String,
    /// Since when the bridge had observed, where it ended with that; `None` where it did from its first run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_since: Option<Timestamp>,
}

impl Ended {
    /// The reason where the bridge went live and the Link was half (rule 17).
    pub const WENT_LIVE: &str = "went_live";

    /// The reason where what the Link waited for was only observed.
    pub const OBSERVED: &str = "observed";

    /// Whether it ended because the bridge had only observed, and had so in all of this time: what was said then is
    /// over too.
    #[must_use]
    pub fn observed(&self, from: Timestamp, until: Timestamp) -> bool {
        let observed = [Self::WENT_LIVE, Self::OBSERVED].contains(&self.reason.as_str());
        observed && self.observed_since <= Some(from) && until <= self.at
    }
}

/// A Conversation and a Ticket that belong together; a half one lacks a side.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// Grows with each reopening and each retry of a parked start or close (rule 4).
    pub generation: u32,
    /// Which side was there first.
    pub origin: Origin,
    /// The conversation's side.
    pub conversation: ConversationSide,
    /// The ticket's side.
    pub ticket: TicketSide,
    /// What both sides last settled on; none while a side is missing.
    pub agreed: Option<Agreed>,
    /// The requester's id, once made sure of.
    pub requester_id: Option<String>,
    /// Whether the customer's open tickets were looked for (`reuse = "open"`).
    pub looked_for_open: bool,
    /// The ticket that this one follows, where the mapping says a new one names the old.
    pub follows: Option<TicketId>,
    /// Since when another conversation of the customer keeps this one waiting.
    pub busy_since: Option<Timestamp>,
    /// Whether the ticket's link field names the conversation.
    pub link_field_written: bool,
    /// When the ticket's id was last written to Jelou; `None` before that, and after it was cleared.
    pub ticket_id_written_at: Option<Timestamp>,
    /// Whether it was cleared after the close.
    pub ticket_id_cleared: bool,
    /// What agents were told, once each, by the note's key.
    pub told: BTreeSet<String>,
    /// Fields on which a side refused for good.
    pub diverged: Vec<Diverged>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it has this ticket, where that is later than the Link: it followed a merge, or came back after
    /// its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_since: Option<Timestamp>,
    /// Made by a version that brings messages over: what was said since its beginning was meant to be.
    #[serde(default)]
    pub relays: bool,
    /// Its end.
    pub ended: Option<Ended>,
}

impl Link {
    /// Since when it has its ticket.
    #[must_use]
    pub fn has_ticket_since(&self) -> Timestamp {
        self.ticket_since.unwrap_or(self.created_at)
    }

    /// The conversation, if it has one.
    #[must_use]
    pub fn conversation_id(&self) -> Option<&ConversationId> {
        match &self.conversation {
            ConversationSide::Known { id } => Some(id),
            ConversationSide::Wanted | ConversationSide::Unwanted { .. } => None,
        }
    }

    /// The ticket, if it has one.
    #[must_use]
    pub fn ticket_id(&self) -> Option<&TicketId> {
        match &self.ticket {
            TicketSide::Known { id } => Some(id),
            TicketSide::Wanted | TicketSide::Unwanted { .. } => None,
        }
    }

    /// Whether both sides are there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.conversation_id().is_some() && self.ticket_id().is_some()
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.ended.is_none()
    }

    /// The word for its state in tables, metrics and on the command line.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (&self.ended, &self.conversation, &self.ticket) {
            (Some(_), _, _) => "ended",
            (None, ConversationSide::Known { .. }, TicketSide::Known { .. }) => "linked",
            (None, ConversationSide::Wanted, _) if self.busy_since.is_some() => "waiting_busy",
            (None, ConversationSide::Wanted, _) => "conversation_wanted",
            (None, _, TicketSide::Wanted) => "ticket_wanted",
            (None, ConversationSide::Unwanted { .. }, _)
            | (None, _, TicketSide::Unwanted { .. }) => "unwanted",
        }
    }
}
