//! How the public listener says no: a status and nothing else. Neighbour: `ingest`, which decides.
//!
//! No answer has a body, so that none tells a stranger more than its status does.

use crate::metrics::DeliveryOutcome;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};

/// When a sender may come again after 503, in seconds. A full queue is written in less; a full disk
/// takes longer whatever we say.
const RETRY_AFTER_SECONDS: u16 = 5;

/// Why a webhook is not taken. Nothing of it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 404: no bridge of that name.
    UnknownBridge,
    /// 415: a `Content-Encoding`. The signature is over the bytes as sent, and unpacking would let
    /// a small body become a large one.
    Encoding,
    /// 413: over the size limit.
    Size,
    /// 400: the body broke off.
    Broken,
    /// 408: the body came too slowly.
    Slow,
    /// 401: nothing proves its sender.
    Proof,
    /// 503: it could not be stored in time.
    Unavailable,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::UnknownBridge => StatusCode::NOT_FOUND,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Size => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Proof => StatusCode::UNAUTHORIZED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// How it counts; an unknown bridge has no name to count under.
    pub(super) fn outcome(self) -> Option<DeliveryOutcome> {
        match self {
            Self::UnknownBridge => None,
            Self::Encoding => Some(DeliveryOutcome::RefusedEncoding),
            Self::Size => Some(DeliveryOutcome::RefusedSize),
            Self::Broken | Self::Slow => Some(DeliveryOutcome::RefusedBroken),
            Self::Proof => Some(DeliveryOutcome::RefusedProof),
            Self::Unavailable => Some(DeliveryOutcome::Unavailable),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if self == Self::Unavailable {
            let wait = HeaderValue::from(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(RETRY_AFTER, wait);
        }
        response
    }
}
