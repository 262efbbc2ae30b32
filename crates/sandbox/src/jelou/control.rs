//! The acts at Jelou over HTTP. Neighbour: the crate's control, which has the common pages.

use super::{AfterSilence, CustomerFile, EndShown, Jelou, SameId, SecondStart};
use crate::{control::acted, stage::Refusal};
use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::Response,
    routing::{get, post, put},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Jelou> {
    crate::control::routes()
        .route(
            "/users",
            post(async |State(j): State<Jelou>, Json(u): Json<NewUser>| j.add_user(&u.id, &u.name)),
        )
        .route(
            "/aliases",
            post(async |State(j): State<Jelou>, Json(a): Json<Alias>| {
                j.alias(&a.asked, &a.canonical)
            }),
        )
        .route(
            "/second-start",
            put(
                async |State(j): State<Jelou>, Json(m): Json<Chosen<SecondStart>>| {
                    j.set_second_start(m.model)
                },
            ),
        )
        .route(
            "/same-id",
            put(
                async |State(j): State<Jelou>, Json(m): Json<Chosen<SameId>>| {
                    j.set_same_id(m.model)
                },
            ),
        )
        .route(
            "/after-silence",
            put(
                async |State(j): State<Jelou>, Json(m): Json<Chosen<AfterSilence>>| {
                    j.set_after_silence(m.model)
                },
            ),
        )
        .route(
            "/calling",
            put(async |State(j): State<Jelou>, Json(c): Json<Calling>| j.set_calling(c.on)),
        )
        .route(
            "/report-lag",
            put(async |State(j): State<Jelou>, Json(l): Json<Lag>| j.set_report_lag(l.ms)),
        )
        .route(
            "/silence",
            post(async |State(j): State<Jelou>, Json(s): Json<Silent>| j.falls_silent(&s.user)),
        )
        .route(
            "/spoken",
            get(async |State(j): State<Jelou>| Json(j.spoken())),
        )
        .route(
            "/chat",
            get(async |State(j): State<Jelou>, Query(whose): Query<Whose>| {
                Json(j.chat(&whose.user))
            }),
        )
        .route("/conversations", post(starts))
        .route("/conversations/{id}/files", post(sends_file))
        .route("/conversations/{id}/messages", post(writes))
        .route("/conversations/{id}/close", post(closes))
        .route("/conversations/{id}/expire", post(expires))
        .route("/conversations/{id}/end-shown", put(shows_end))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewUser {
    id: String,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    user: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Alias {
    asked: String,
    canonical: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen<T> {
    model: T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calling {
    on: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lag {
    ms: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Silent {
    user: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    user: String,
    #[serde(default)]
    text: String,
    bot: Option<String>,
}

async fn starts(State(jelou): State<Jelou>, Json(begin): Json<Begin>) -> Response {
    let started = match begin.bot {
        Some(bot) => jelou.customer_starts_on(&bot, &begin.user, &begin.text),
        None => jelou.customer_starts(&begin.user, &begin.text),
    };
    acted(started.map(|id| json!({"id": id})))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text { text: String },
    Other { kind: String, content: Value },
}

async fn writes(
    State(jelou): State<Jelou>,
    Path(id): Path<String>,
    Json(words): Json<Words>,
) -> Response {
    let sent = match words {
        Words::Text { text } => jelou.customer_writes(&id, &text),
        Words::Other { kind, content } => jelou.customer_sends(&id, &kind, &content),
    };
    acted(sent.map(|id| json!({"id": id})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    kind: String,
    mime_type: String,
    name: String,
    caption: Option<String>,
    base64: String,
}

async fn sends_file(
    State(jelou): State<Jelou>,
    Path(id): Path<String>,
    Json(sent): Json<Sent>,
) -> Response {
    let Ok(bytes) = STANDARD.decode(&sent.base64) else {
        return acted::<Value>(Err(Refusal("the file is not base64".to_owned())));
    };
    let file = CustomerFile {
        kind: sent.kind,
        mime_type: sent.mime_type,
        name: sent.name,
        caption: sent.caption,
        bytes: bytes.into(),
    };
    let sent = jelou.customer_sends_file(&id, file);
    acted(sent.map(|id| json!({"id": id})))
}

#[derive(Deserialize)]
struct Reason {
    reason: Option<String>,
}

async fn closes(
    State(jelou): State<Jelou>,
    Path(id): Path<String>,
    Json(reason): Json<Reason>,
) -> Response {
    let reason = reason.reason.as_deref().unwrap_or("closed_by_operator");
    acted(
        jelou
            .operator_closes(&id, reason)
            .map(|()| json!({"id": id})),
    )
}

async fn expires(State(jelou): State<Jelou>, Path(id): Path<String>) -> Response {
    acted(jelou.expires(&id).map(|()| json!({"id": id})))
}

async fn shows_end(
    State(jelou): State<Jelou>,
    Path(id): Path<String>,
    Json(chosen): Json<Chosen<EndShown>>,
) -> Response {
    acted(
        jelou
            .shows_end(&id, chosen.model)
            .map(|()| json!({"id": id})),
    )
}
