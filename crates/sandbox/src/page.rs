//! The pages on which a person plays along: the customer at Jelou, an agent at the helpdesk.
//! Neighbour: control, whose acts they call.

use axum::{
    http::{HeaderName, header},
    response::{Html, IntoResponse},
};

/// A page may call its own server and show the other side's page, which is on this machine too. What
/// customers and agents write is put into it as text only.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    connect-src 'self'; img-src 'self' data:; media-src 'self'; frame-src http://127.0.0.1:* http://localhost:*; \
    base-uri 'none'; form-action 'none'";

/// Answers with a page.
pub(crate) fn shown(page: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 2] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(page))
}
