//! A webhook's body, within bounds. Neighbour: `ingest`, which asks before and while it reads.

use super::super::refuse::Refusal;
use axum::body::{Body, Bytes};
use bytes::BytesMut;
use futures::StreamExt;
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};

/// The largest body taken. The largest webhook we know of is a ticket with a long description,
/// under 100 KiB.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Refuses what the head alone tells. A size that is told too large is refused before a byte of it
/// is read or waited for.
pub(super) fn check_head(headers: &HeaderMap) -> Result<(), Refusal> {
    let encodings = headers.get_all(CONTENT_ENCODING);
    if !encodings
        .iter()
        .all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Refusal::Encoding);
    }
    match told_length(headers) {
        Some(bytes) if bytes > MAX_BODY_BYTES as u64 => Err(Refusal::Size),
        Some(_) | None => Ok(()),
    }
}

fn told_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads the body to its end, or to the limit.
pub(super) async fn read(body: Body) -> Result<Bytes, Refusal> {
    let mut parts = body.into_data_stream();
    let mut read = BytesMut::new();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Refusal::Broken)?;
        if read.len() + part.len() > MAX_BODY_BYTES {
            return Err(Refusal::Size);
        }
        read.extend_from_slice(&part);
    }
    Ok(read.freeze())
}
