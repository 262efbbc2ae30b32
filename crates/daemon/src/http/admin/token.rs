//! The guard of the API. Neighbour: `admin`, which puts it around everything it answers.

use crate::config::Config;
use axum::{
    Json,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tokio::sync::watch;

/// Lets a request for the API pass only with the operator's token.
pub(super) async fn guard(
    State(config): State<watch::Receiver<Arc<Config>>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if path != "/api" && !path.starts_with("/api/") {
        return next.run(request).await;
    }
    let config = Arc::clone(&config.borrow());
    let Some(token) = &config.server.admin_token else {
        return refuse(
            "the API is closed because no token is set",
            "set server.admin_token in the config, for example to { env = \"BRIDGE_ADMIN_TOKEN\" }",
        );
    };
    if !is_shown(token.reveal(), request.headers()) {
        return refuse(
            "the token is missing or wrong",
            "give the token that server.admin_token names: --admin-token or JELOU_BRIDGE_ADMIN_TOKEN on the command line, `Authorization: Bearer TOKEN` over HTTP",
        );
    }
    next.run(request).await
}

/// Compared by their hashes, so that the time tells neither where they differ nor how long the
/// right one is.
fn is_shown(token: &str, headers: &HeaderMap) -> bool {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (Some(shown), None) = (shown.next(), shown.next()) else {
        return false;
    };
    let Some((scheme, shown)) = shown.to_str().ok().and_then(|value| value.split_once(' ')) else {
        return false;
    };
    let same = Sha256::digest(shown.trim()).ct_eq(&Sha256::digest(token));
    scheme.eq_ignore_ascii_case("bearer") && bool::from(same) && !token.is_empty()
}

fn refuse(error: &str, remedy: &str) -> Response {
    let body = Json(json!({ "error": error, "remedy": remedy }));
    let scheme = [(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    (StatusCode::UNAUTHORIZED, scheme, body).into_response()
}
