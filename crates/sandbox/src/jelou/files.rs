//! Customers' files, served like Jelou's media: whoever has the address gets the file, no questions
//! asked. Neighbours: acts, where customers send them; the crate's stage, whose rules hold here too.

use super::{Jelou, record::File};
use crate::{
    calls::Operation,
    clock::now_ms,
    manners::Reply,
    server::Door,
    stage::{Asked, cut, lock, wait},
};
use axum::{
    body::Body,
    extract::{Path, State},
    http::{Request, StatusCode, header},
    response::{IntoResponse, Response},
};

/// `GET /media/{id}/{name}`: slow, cut, refused or halved as a rule for `file` says.
pub(super) async fn fetch(
    State(jelou): State<Jelou>,
    Path((id, _)): Path<(String, String)>,
    request: Request<Body>,
) -> Response {
    let stage = &jelou.0.stage;
    let asked = Asked::read(Operation::File, request).await;
    let number = lock(&stage.calls).begin(asked.logged());
    let rule = stage.manners.take(Operation::File, &asked.path, "");
    wait(rule.slow_ms).await;
    let file = lock(&jelou.0.world).files.get(&id).cloned();
    wait(rule.late_ms).await;
    let status = |status: u16| StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let response = match (&rule.reply, file) {
        _ if stage.gate.wanted() == Door::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        (Reply::Unavailable(_), _) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        (Reply::Cut, _) => cut(),
        (Reply::Status(code), _) => status(*code).into_response(),
        (Reply::TooMany(_), _) => StatusCode::TOO_MANY_REQUESTS.into_response(),
        (Reply::Html, _) => {
            ([(header::CONTENT_TYPE, "text/html")], "<!doctype html>").into_response()
        }
        (_, None) => StatusCode::NOT_FOUND.into_response(),
        (Reply::Half, Some(file)) => {
            let half = file.bytes.slice(..file.bytes.len() / 2);
            sent(&File {
                bytes: half,
                ..file
            })
        }
        (Reply::True | Reply::NullId | Reply::StatusZero, Some(file)) => sent(&file),
    };
    let answered = (rule.reply != Reply::Cut).then(|| response.status().as_u16());
    lock(&stage.calls).end(number, response.status().is_success(), answered, now_ms());
    response
}

fn sent(file: &File) -> Response {
    let kind = [(header::CONTENT_TYPE, file.mime_type.clone())];
    (kind, file.bytes.clone()).into_response()
}
