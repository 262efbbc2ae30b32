//! Both sides set up as the configuration wants them. At Jelou the integration: where its webhooks go,
//! what they show, and the secret that signs them. At the ticketing system its webhooks, by the
//! profile. Neighbours: `cli`, where a person asks for it; `http::ingest`,
//! which holds webhooks back while their secret is exchanged.
//!
//! The only room beside `perform` that writes to a remote, and only by a person's command. Jelou
//! tells a secret once. So the place where it will be kept is made before it is asked for, and that
//! place, if it is still there afterwards, tells that an answer was lost.

pub mod arrange;
pub mod doctor;
pub mod ear;
pub mod hooks;
pub mod live;
pub mod myself;
pub mod rotate;
mod secret_file;
pub mod words;

pub use secret_file::{SECRETS_KEPT, SecretFile, was_broken_off};

use crate::api::ApiError;
use bridge_core::call::CallError;

/// Why a step was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct NotDone {
    /// Whose turn it is.
    pub turn: Turn,
    /// What is the matter, in a sentence.
    pub error: String,
    /// What to do.
    pub remedy: String,
}

/// Who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The operator: the configuration, a file, or what is at Jelou stands in the way.
    Operator,
    /// Jelou, or the network: it could not be reached, or its answer was lost.
    Remote,
}

impl NotDone {
    pub(crate) fn of_operator(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            turn: Turn::Operator,
            error: error.into(),
            remedy: remedy.into(),
        }
    }

    fn of_remote(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            turn: Turn::Remote,
            error: error.into(),
            remedy: remedy.into(),
        }
    }

    /// A call that surely changed nothing, or whose outcome does not matter because the next run
    /// looks first.
    fn from_call(error: &CallError) -> Self {
        let told = format!("Jelou: {error}");
        match error {
            CallError::Later { .. } | CallError::Unknown { .. } => {
                Self::of_remote(told, "try again; it looks first at what Jelou has")
            }
            CallError::Locked { .. } | CallError::Forbidden { .. } => Self::of_operator(
                told,
                "look at api_key, or at client_id and client_secret with auth = \"basic\"",
            ),
            CallError::Gone { .. } => Self::of_operator(
                told,
                "look at project_id, gateway_url and gateway_prefix, or run `jelou-bridge setup`",
            ),
            CallError::Refused { .. } => Self::of_operator(
                told,
                "look at server.public_url, which Jelou wants public and https, and at webhook_auth",
            ),
        }
    }
}

impl From<NotDone> for ApiError {
    fn from(not: NotDone) -> Self {
        match not.turn {
            Turn::Operator => Self::conflict(not.error, not.remedy),
            Turn::Remote => Self::remote(not.error, not.remedy),
        }
    }
}
