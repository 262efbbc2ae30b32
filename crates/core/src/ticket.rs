//! The record in the ticketing system, as the rules see it. Neighbour: link, which ties it to a
//! conversation.

use crate::{
    ids::{ConversationId, NOBODY, TicketId},
    text::Text,
    time::Timestamp,
};
use serde::{Deserialize, Serialize, Serializer};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A status in the ticketing system's own word, lower case. The profile turns numbers and per-site
/// ids into words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub struct Status(Arc<str>);

impl Status {
    /// Takes a vendor's word; case and surrounding space do not count.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self(word.trim().to_lowercase().into())
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Status {
    fn from(word: String) -> Self {
        Self::new(&word)
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a source says which of two states is the later one (rule 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Version {
    /// It does not say.
    None,
    /// A number that grows with each change, such as a transaction id.
    Monotonic {
        /// The number.
        number: i64,
    },
    /// A time that is equal for changes within one granule.
    Time {
        /// The time of the change by the remote's clock.
        at: Timestamp,
        /// How fine the source's clock is, in milliseconds.
        granule_ms: u32,
    },
}

/// What comparing two versions can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// The other is the later one, surely.
    Newer,
    /// The other is the earlier one, surely.
    Older,
    /// The same version, or two changes that the source cannot tell apart.
    Same,
    /// Nothing can be said.
    Unknown,
}

impl Version {
    /// How long the moment may last that it names, in which other changes bear the same.
    #[must_use]
    pub fn granule(&self) -> Option<Duration> {
        match self {
            Self::None | Self::Monotonic { .. } => None,
            Self::Time { granule_ms, .. } => Some(Duration::from_millis(u64::from(*granule_ms))),
        }
    }

    /// How `other` stands to `self`.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Order {
        let (mine, theirs) = match (self, other) {
            (Self::Monotonic { number: mine }, Self::Monotonic { number: theirs }) => {
                (*mine, *theirs)
            }
            (
                Self::Time {
                    at: mine,
                    granule_ms: a,
                },
                Self::Time {
                    at: theirs,
                    granule_ms: b,
                },
            ) => {
                let granule = i64::from((*a).max(*b).max(1));
                (mine.0.div_euclid(granule), theirs.0.div_euclid(granule))
            }
            (Self::None | Self::Monotonic { .. } | Self::Time { .. }, _) => return Order::Unknown,
        };
        match theirs.cmp(&mine) {
            std::cmp::Ordering::Greater => Order::Newer,
            std::cmp::Ordering::Less => Order::Older,
            std::cmp::Ordering::Equal => Order::Same,
        }
    }

    /// The text under which causes and dedup keys name this version; empty for [`Version::None`].
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Monotonic { number } => format!("n{number}"),
            Self::Time { at, .. } => format!("t{}", at.0),
        }
    }
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Requester {
    /// The ticketing system's id of this person, or what its API takes in its place.
    pub id: Option<String>,
    /// Their name.
    pub name: Option<Text>,
    /// Their phone as the ticketing system wrote it.
    pub phone: Option<Text>,
    /// Their mail address.
    pub email: Option<Text>,
    /// Our own id for them, where the system keeps one.
    pub external_id: Option<Text>,
}

impl Requester {
    /// Whether this is [`NOBODY`], for whom `profile check --live` makes its ticket, perhaps beside a running bridge.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        let known = [&self.phone, &self.external_id];
        let mut known = known.into_iter().flatten();
        known.any(|id| id.reveal().trim_start_matches('+') == NOBODY)
    }
}

/// A whole ticket as read or as a complete Delivery carried it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// Which state of it this is.
    pub version: Version,
    /// Its status.
    pub status: Status,
    /// Its subject.
    pub subject: Option<Text>,
    /// Its priority in the vendor's word, lower case.
    pub priority: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The group's or queue's name.
    pub group: Option<String>,
    /// Who asked.
    pub requester: Requester,
    /// Who works on it, by name or id as the vendor shows it.
    pub assignee: Option<Text>,
    /// The conversation written into the profile's link field.
    pub link_field: Option<ConversationId>,
    /// Custom fields, by the name or id the profile gives them.
    pub fields: BTreeMap<String, serde_json::Value>,
    /// Where an agent opens it.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// The ticket that took this one in, if it was merged away.
    pub merged_into: Option<TicketId>,
}

/// What a Delivery told of a ticket, when it did not carry all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketPatch {
    /// The status, if told.
    pub status: Option<Status>,
    /// The priority, if told.
    pub priority: Option<String>,
    /// The tags, if told.
    pub tags: Option<Vec<String>>,
}

/// The words of one ticketing system that the mapping's rules are checked against. A profile gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vocabulary {
    /// Every status, in the vendor's words.
    pub statuses: Vec<Status>,
    /// Those that mean solved: the work is done, though a customer may still come back.
    pub solved: Vec<Status>,
    /// Those that never change again.
    pub final_: Vec<Status>,
    /// The status a ticket gets when a customer's words reopen it.
    pub reopened: Status,
    /// Whether any other status word is accepted, for systems with per-site vocabularies.
    pub open_ended: bool,
    /// The fields a mapping may set; `None` where the profile takes any.
    pub fields: Option<Vec<String>>,
}

impl Vocabulary {
    /// Whether the customer's ticket in this status is still an open one (`reuse = "open"`).
    #[must_use]
    pub fn is_open(&self, status: &Status) -> bool {
        !self.solved.contains(status) && !self.final_.contains(status)
    }

    /// Whether nothing can be changed any more.
    #[must_use]
    pub fn is_final(&self, status: &Status) -> bool {
        self.final_.contains(status)
    }
}

/// A ticket about to be made, as the mapping wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NewTicket {
    /// Who asks.
    pub requester: Requester,
    /// One line.
    pub subject: Text,
    /// The first entry.
    pub description: Text,
    /// Tags to put on.
    pub tags: Vec<String>,
    /// Fields to set, by the names the profile gives them.
    pub fields: BTreeMap<String, Text>,
}

/// Notes of the bridge that agents read stop at this many characters: long enough for a reason and
/// a remedy, short enough for every system.
pub const NOTE_CHARACTERS_MAX: usize = 2_000;

/// How far apart two reads of a missing ticket must lie before it counts as gone (F33).
pub const GONE_READS_APART: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Version {
        Version::Time {
            at: Timestamp(ms),
            granule_ms: 1_000,
        }
    }

    #[test]
    fn each_version_has_a_key_of_its_own() {
        let time = |at| Version::Time {
            at: Timestamp(at),
            granule_ms: 1_000,
        };
        let number = |number| Version::Monotonic { number };
        let keys = [Version::None, number(7), number(8), time(7), time(8)].map(|v| v.key());
        assert_eq!(keys, ["", "n7", "n8", "t7", "t8"]);
    }

    #[test]
    fn two_changes_within_one_second_cannot_be_told_apart() {
        assert_eq!(at(1_000).compare(&at(1_999)), Order::Same);
        assert_eq!(at(1_000).compare(&at(2_000)), Order::Newer);
        assert_eq!(at(2_000).compare(&at(1_999)), Order::Older);
    }

    #[test]
    fn a_number_says_nothing_of_a_time() {
        let number = Version::Monotonic { number: 7 };
        assert_eq!(number.compare(&at(0)), Order::Unknown);
        assert_eq!(Version::None.compare(&Version::None), Order::Unknown);
    }
}
