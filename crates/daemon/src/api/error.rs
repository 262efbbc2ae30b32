//! Why an operation was not done, as the API answers it. Neighbours: the operations, which return
//! these; `cli`, which turns them into an exit code.

use crate::{
    jobs::OrderError,
    store::{LANE_REMEDY, StoreError},
};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bridge_core::ids::BadId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why an order that was given to its Lane changed nothing.
pub(super) const NOT_TAKEN: &str =
    "its customer is set aside, its bridge is not configured, or the store was in trouble";

/// One sentence that names the thing, and what to do about it. Never a name, a number or a text of
/// a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// What is the matter.
    pub error: String,
    /// What to do.
    pub remedy: String,
}

/// Why an operation was not done: nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", trouble.error)]
pub struct ApiError {
    /// The HTTP status: 400 wrong use, 404 not there, 409 something is in the way, 502 a remote did
    /// not answer, 503 try again.
    pub status: StatusCode,
    /// What and what to do.
    pub trouble: Trouble,
}

impl ApiError {
    fn new(status: StatusCode, error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            status,
            trouble: Trouble {
                error: error.into(),
                remedy: remedy.into(),
            },
        }
    }

    /// The question itself is wrong.
    pub fn wrong(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, remedy)
    }

    /// What was named is not there.
    pub fn missing(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error, remedy)
    }

    /// Something is in the way.
    pub fn conflict(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, error, remedy)
    }

    /// A remote did not say what was needed.
    pub fn remote(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, error, remedy)
    }

    /// It may work a little later.
    pub fn later(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, remedy)
    }

    /// A text that is no id, with the name of the field it stood in.
    pub(super) fn id(field: &str, bad: &BadId) -> Self {
        Self::wrong(
            format!("{field}: {bad}"),
            "copy the id as the system shows it",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.trouble)).into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Gone { .. } => Self::missing(
                error.to_string(),
                "it was settled, retried or discarded meanwhile; list again",
            ),
            StoreError::Unreadable { .. } => Self::conflict(error.to_string(), LANE_REMEDY),
            StoreError::Busy { .. }
            | StoreError::Unavailable { .. }
            | StoreError::Failing { .. }
            | StoreError::Closed => Self::later(
                error.to_string(),
                "try again; if it stays so, look at the disk",
            ),
            StoreError::Corrupt { .. }
            | StoreError::Locked { .. }
            | StoreError::Missing { .. }
            | StoreError::Schema { .. }
            | StoreError::Address { .. }
            | StoreError::Broken { .. } => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                error.to_string(),
                "the daemon's log says more",
            ),
        }
    }
}

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Busy(_) => Self::later(
                error.to_string(),
                "try again in a minute; nothing was changed",
            ),
            OrderError::Stopping => Self::later(
                error.to_string(),
                "try again when it is up; nothing was changed",
            ),
            OrderError::Store(error) => error.into(),
        }
    }
}
