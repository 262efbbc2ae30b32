//! Takes questions in: unknown fields are refused, and every refusal is JSON with a remedy.
//! Neighbour: `routes`, whose handlers take these.

use super::ApiError;
use axum::{
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::request::Parts,
};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// The question in a URL.
pub(super) struct Ask<T>(pub T);

/// The question in a body. No body at all is an empty one.
pub(super) struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Ask<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(asked)| Self(asked))
            .map_err(|error| {
                ApiError::wrong(
                    error.body_text(),
                    "/api/v1/openapi.json lists the parameters",
                )
            })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let raw = Bytes::from_request(request, state)
            .await
            .map_err(|error| ApiError::wrong(error.body_text(), "send a small JSON object"))?;
        let raw: &[u8] = if raw.is_empty() { b"{}" } else { &raw };
        serde_json::from_slice(raw).map(Self).map_err(|error| {
            // serde_json names fields and places; a value it quotes is one that the asker sent.
            ApiError::wrong(
                format!("the body does not fit: {error}"),
                "/api/v1/openapi.json describes the body",
            )
        })
    }
}
