//! What this helpdesk keeps, as values. Neighbour: world, which changes them.

use crate::stage::Refusal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The statuses of this helpdesk; the last is final.
pub const STATUSES: [&str; 5] = ["new", "open", "pending", "solved", "closed"];

/// Who acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The bridge, by its API token.
    Bridge,
    /// A person who works on tickets.
    Agent,
    /// The customer, by the helpdesk's own doors.
    Requester,
    /// A rule of the helpdesk.
    Automation,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// The helpdesk's id of them.
    pub id: String,
    /// Their name.
    pub name: Option<String>,
    /// Their phone, as it was written.
    pub phone: Option<String>,
    /// The bridge's id of them.
    pub external_id: Option<String>,
}

/// A ticket as it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id, a number as a string.
    pub id: String,
    /// One of [`STATUSES`].
    pub status: String,
    /// One line.
    pub subject: String,
    /// The first entry.
    pub description: String,
    /// `low`, `normal`, `high`, `urgent`.
    pub priority: String,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// The group's name.
    pub group: Option<String>,
    /// Who asks.
    pub requester: Requester,
    /// The link field.
    pub external_id: Option<String>,
    /// Custom fields.
    pub fields: Map<String, Value>,
    /// Who works on it.
    pub assignee: Option<String>,
    /// When it was made, ISO 8601 with milliseconds.
    pub created_at: String,
    /// When it last changed, likewise.
    pub updated_at: String,
    /// Grows with each change of any ticket, so that it is also the cursor of `changed_since`.
    pub version: u64,
    /// How many comments it has.
    pub comments_count: usize,
}

/// One comment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comment {
    /// Its id.
    pub id: String,
    /// What was written.
    pub body: String,
    /// Whether the customer may read it.
    pub public: bool,
    /// Who wrote it.
    pub author: Role,
    /// When, ISO 8601 with milliseconds.
    pub created_at: String,
    /// What hangs on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A file that hangs on a comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id, which is hard to guess.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub mime_type: String,
    /// How large it is, bytes.
    pub size: usize,
    /// Where it is; whoever has the address gets it.
    pub url: String,
}

/// A ticket that an agent makes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewTicket {
    /// The customer's phone, as an agent writes it.
    pub requester_phone: Option<String>,
    /// The customer's name.
    pub requester_name: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// The group's name.
    pub group: Option<String>,
    /// `low`, `normal`, `high`, `urgent`; empty is `normal`.
    pub priority: String,
    /// One line.
    pub subject: String,
    /// The first entry.
    pub description: String,
    /// Custom fields.
    pub fields: Map<String, Value>,
}

/// What a change may touch. `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    pub status: Option<String>,
    /// An empty string clears it.
    pub external_id: Option<String>,
    pub tags: Option<BTreeSet<String>>,
    pub fields: Option<Map<String, Value>>,
}

/// Why a change was not made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Unknown,
    Invalid(&'static str),
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => Self("there is no such ticket".to_owned()),
            Denied::Invalid(why) => Self(why.to_owned()),
        }
    }
}
