//! What can come of a call to a remote, sorted by what must happen next (rule 15). Neighbours: the
//! adapters return these, the Lane decides on them.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why a call did not end in a confirmed answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum CallError {
    /// It surely had no effect; try again, after what the remote said if it said something.
    #[error("not now: {reason}")]
    Later {
        /// What `Retry-After` said, clamped.
        after: Option<Duration>,
        /// The status of the answer; `None` where none came.
        #[serde(default)]
        status: Option<u16>,
        /// What happened, without any content.
        reason: String,
        /// Whether the remote asked for it (429, `Retry-After`), so that the whole host must wait.
        host_wide: bool,
    },
    /// It may have had an effect: the answer did not come, broke off, or could not be read.
    #[error("outcome unknown: {reason}")]
    Unknown {
        /// The status of the answer; `None` where none came.
        #[serde(default)]
        status: Option<u16>,
        /// What happened, without any content.
        reason: String,
        /// What `Retry-After` said of the whole host, clamped: a 503 may come after it was done.
        #[serde(default)]
        after: Option<Duration>,
    },
    /// 401: the credential is wrong; nothing will work until a person acts.
    #[error("the credential was refused: {reason}")]
    Locked {
        /// What the remote said in short.
        reason: String,
    },
    /// 403: this object, or the whole credential; the next call for another object tells which.
    #[error("forbidden: {reason}")]
    Forbidden {
        /// What the remote said in short.
        reason: String,
    },
    /// 404 or 410: the thing is not there. The caller decides whether that is fine.
    #[error("not found: {reason}")]
    Gone {
        /// What the remote said in short.
        reason: String,
    },
    /// It understood and said no. Trying again says the same thing louder.
    #[error("{}: {reason}", refusal(*.status))]
    Refused {
        /// The HTTP status; 200 where a success turned out to mean no, [`NOT_SENT`] where the call never left.
        status: u16,
        /// What the remote said in short.
        reason: String,
    },
}

/// The status of a [`CallError::Refused`] that we gave ourselves: the call could not be made.
pub const NOT_SENT: u16 = 0;

/// How a refusal is told.
pub(crate) fn refusal(status: u16) -> String {
    match status {
        NOT_SENT => "not sent".to_owned(),
        status => format!("refused with {status}"),
    }
}

impl CallError {
    /// The word in metrics and timelines.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Later { .. } => "later",
            Self::Unknown { .. } => "unknown",
            Self::Locked { .. } => "locked",
            Self::Forbidden { .. } => "forbidden",
            Self::Gone { .. } => "gone",
            Self::Refused { .. } => "refused",
        }
    }

    /// The HTTP status of the answer; `None` where none came, or nothing was sent.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Later { status, .. } | Self::Unknown { status, .. } => *status,
            Self::Locked { .. } => Some(401),
            Self::Forbidden { .. } => Some(403),
            // Or 410, which says the same.
            Self::Gone { .. } => Some(404),
            Self::Refused { status, .. } => Some(*status).filter(|status| *status != NOT_SENT),
        }
    }
}

/// How it is found out what became of a write whose outcome is unknown (rule 5). Each adapter
/// declares one for each of its writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Resolve {
    /// The call carries a key under which the remote does it once: send it again.
    IdempotencyKey,
    /// Doing it twice is the same as doing it once: send it again.
    Idempotent,
    /// A read by our own mark finds it at once if it was done.
    DirectLookup,
    /// A search finds it after the index has caught up.
    LaggingSearch {
        /// How long the index may lag.
        lag: Duration,
    },
    /// An event tells, if it was done.
    EventConfirm,
    /// Nothing tells.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_the_status_of_its_answer_or_that_nothing_was_sent() {
        let refused = |status| CallError::Refused {
            status,
            reason: "why".to_owned(),
        };
        let told = |error: CallError| (error.to_string(), error.status());
        let answered = told(refused(422));
        assert_eq!(answered, ("refused with 422: why".to_owned(), Some(422)));
        let unsent = told(refused(NOT_SENT));
        assert_eq!(unsent, ("not sent: why".to_owned(), None));
    }
}
