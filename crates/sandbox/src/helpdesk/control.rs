//! The agents' acts over HTTP. Neighbour: the crate's control, which has the common pages.

use super::{Bridge, Helpdesk, NewTicket, Role};
use crate::control::acted;
use axum::{
    Json, Router,
    extract::{Path, State},
    response::Response,
    routing::{delete, get, post, put},
};
use serde::Deserialize;
use serde_json::json;

pub(super) fn routes() -> Router<Helpdesk> {
    crate::control::routes()
        .route("/tickets", post(creates))
        .route("/tickets/{id}", delete(deletes))
        .route("/tickets/{id}/status", post(sets_status))
        .route("/tickets/{id}/comments", post(comments))
        .route("/tickets/{id}/tags", post(edits_tags))
        .route("/bridge", put(names_bridge))
        .route("/waiting", get(waiting))
}

async fn creates(
    State(helpdesk): State<Helpdesk>,
    Json(new): Json<NewTicket>,
) -> Json<serde_json::Value> {
    Json(json!({"id": helpdesk.agent_creates(new)}))
}

async fn deletes(State(helpdesk): State<Helpdesk>, Path(id): Path<String>) -> Response {
    acted(helpdesk.agent_deletes(&id).map(|()| json!({"id": id})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetStatus {
    status: String,
}

async fn sets_status(
    State(helpdesk): State<Helpdesk>,
    Path(id): Path<String>,
    Json(set): Json<SetStatus>,
) -> Response {
    acted(
        helpdesk
            .agent_sets_status(&id, &set.status)
            .map(|()| json!({"id": id})),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewComment {
    body: String,
    public: bool,
    #[serde(default = "agent")]
    role: Role,
}

fn agent() -> Role {
    Role::Agent
}

async fn comments(
    State(helpdesk): State<Helpdesk>,
    Path(id): Path<String>,
    Json(new): Json<NewComment>,
) -> Response {
    acted(
        helpdesk
            .comments_as(new.role, &id, &new.body, new.public)
            .map(|id| json!({"id": id})),
    )
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct EditTags {
    add: Vec<String>,
    remove: Vec<String>,
}

async fn edits_tags(
    State(helpdesk): State<Helpdesk>,
    Path(id): Path<String>,
    Json(edit): Json<EditTags>,
) -> Response {
    let (add, remove) = (strs(&edit.add), strs(&edit.remove));
    acted(
        helpdesk
            .agent_edits_tags(&id, &add, &remove)
            .map(|()| json!({"id": id})),
    )
}

async fn names_bridge(State(helpdesk): State<Helpdesk>, Json(bridge): Json<Bridge>) {
    helpdesk.set_bridge(bridge);
}

async fn waiting(State(helpdesk): State<Helpdesk>) -> Response {
    acted(helpdesk.waiting().await)
}

fn strs(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}
