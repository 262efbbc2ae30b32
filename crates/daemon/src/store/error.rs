//! What can go wrong in the store, sorted by what the reader must do next. Neighbours: `sqlite`
//! makes these from the database's codes; `http` and `jobs` decide on them.

use bridge_core::{
    ids::{ConversationId, LaneId, TicketId},
    intent::Intent,
};
use std::path::PathBuf;

/// What a person does about a Lane that cannot be read.
pub const LANE_REMEDY: &str =
    "restore the row from a backup, or upgrade to the version that wrote it, then `parked retry`";

/// Why the store did not do what was asked. Nothing of it was stored, unless the variant says so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Try again shortly: too much is waiting, or another program holds the file's lock.
    #[error("the database is busy: {reason}")]
    Busy {
        /// What it waits for.
        reason: String,
    },
    /// Try again later, a person may have to act: the disk is full or read-only.
    #[error("the database cannot be written: {reason}")]
    Unavailable {
        /// What the operating system or the database said.
        reason: String,
    },
    /// The disk failed while reading or writing. Try again later; a person should look at it soon.
    #[error("the database's disk failed: {reason}")]
    Failing {
        /// What the operating system or the database said.
        reason: String,
    },
    /// The file is damaged; nothing is to be trusted to it before it is restored.
    #[error(
        "the database {path} is damaged: {detail}. Stop the bridge, and keep a copy of the file with its -wal and -shm. Then put a backup in its place, with -wal and -shm moved away first, or run `sqlite3 {path} .recover`", path = path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the check found.
        detail: String,
    },
    /// Another process has it.
    #[error(
        "the database is in use by another jelou-bridge, which holds {path}. Speak to that one, or stop it first", path = path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// There is no such file, and none was to be made.
    #[error("there is no database at {path} yet. The first `jelou-bridge run` makes it, and `jelou-bridge migrate` does without running", path = path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// The tables are not those that this version knows.
    #[error("the database's tables do not fit this version: {detail}")]
    Schema {
        /// What does not fit, and the remedy.
        detail: String,
    },
    /// The address is not one that this version can open.
    #[error("`{url}` is no database address: {remedy}")]
    Address {
        /// What was given, without its password.
        url: String,
        /// What to write.
        remedy: &'static str,
    },
    /// The store was closed; the process is stopping. What was asked may have been stored.
    #[error("the database was closed")]
    Closed,
    /// What was named is not there, or no longer in that state.
    #[error("there is no such {what}")]
    Gone {
        /// A word for it.
        what: &'static str,
    },
    /// What is stored of a Lane cannot be read. That it is set aside was stored.
    #[error("what is stored of lane {lane} cannot be read, so it is set aside")]
    Unreadable {
        /// The Lane.
        lane: LaneId,
    },
    /// A mistake of ours, or a row that no version of ours wrote.
    #[error("the store is at fault: {what}")]
    Broken {
        /// What was found, without content.
        what: String,
    },
}

impl StoreError {
    /// Whether it passes by itself or with more disk: a webhook is answered 503 with `Retry-After`.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Unavailable { .. } | Self::Failing { .. } | Self::Closed => {
                true
            }
            Self::Corrupt { .. }
            | Self::Locked { .. }
            | Self::Missing { .. }
            | Self::Schema { .. }
            | Self::Address { .. }
            | Self::Gone { .. }
            | Self::Unreadable { .. }
            | Self::Broken { .. } => false,
        }
    }

    pub(super) fn unreadable(what: &str) -> Self {
        Self::Broken {
            what: format!("a stored {what} could not be read"),
        }
    }
}

/// Why a commit under a Claim did not happen. Nothing of it was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// Another holder has the Lane; what we did under this Claim no longer counts.
    #[error("the claim was taken over")]
    Fenced,
    /// A live Link of another Lane, or another of this one, has this ticket.
    #[error("ticket {ticket} belongs to another live link")]
    TicketTaken {
        /// The ticket.
        ticket: TicketId,
    },
    /// A live Link has this conversation.
    #[error("conversation {conversation} belongs to another live link")]
    ConversationTaken {
        /// The conversation.
        conversation: ConversationId,
    },
    /// The same Link, operation and cause made an Intent before, which the Lane no longer had at
    /// hand. The Lane takes it in and is stepped again.
    #[error("intent {} was planned before", existing.id)]
    IntentTaken {
        /// The earlier one.
        existing: Box<Intent>,
    },
    /// The store itself.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommitError> for StoreError {
    /// For work that carries no Claim, where the other kinds cannot come up.
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error,
            CommitError::Fenced
            | CommitError::TicketTaken { .. }
            | CommitError::ConversationTaken { .. }
            | CommitError::IntentTaken { .. } => Self::Broken {
                what: error.to_string(),
            },
        }
    }
}
