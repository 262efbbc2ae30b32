//! The helpdesk's HTTP side: small, JSON, a bearer token. Neighbour: world.
//!
//! | call | answer |
//! |---|---|
//! | `POST /api/requesters {name?, phone?, external_id?}` | 200 `{requester}`; upsert by `external_id`, else by `phone` |
//! | `POST /api/tickets {ticket: {subject, description?, requester_id, tags?, fields?, external_id?}}` | 201 `{ticket}`; honours `Idempotency-Key` |
//! | `GET /api/tickets/{id}` | 200 `{ticket}`, 404 |
//! | `PATCH /api/tickets/{id} {ticket: {status?, external_id?, tags?, fields?}}` | 200 `{ticket}`, 404, 422 |
//! | `POST /api/tickets/{id}/comments {comment: {body, public}}` | 201 `{comment}` |
//! | `GET /api/tickets/{id}/comments` | 200 `{comments}` |
//! | `GET /api/tickets?external_id=X` | 200 `{tickets, next, more}` |
//! | `GET /api/tickets?requester_id=X&open=true` | likewise |
//! | `GET /api/tickets?changed_since=CURSOR&limit=100` | likewise; the cursor is a version, an ISO 8601 time, or `now` |

use super::{
    Inner,
    world::{Denied, NewTicket, Patch, Role, Ticket, World},
};
use crate::{
    calls::Operation,
    clock::parse_iso,
    stage::{Answer, Asked, House, Stage, lock},
};
use serde_json::{Map, Value, json};

/// A listing shows at most so many tickets at once.
const PAGE_MAX: usize = 100;

/// Where a call goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    UpsertRequester,
    Create,
    List,
    Ticket(String),
    Update(String),
    AddComment(String),
    Comments(String),
    Unknown,
}

impl Route {
    pub(super) fn of(method: &str, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["api", "requesters"]) => Self::UpsertRequester,
            ("POST", ["api", "tickets"]) => Self::Create,
            ("GET", ["api", "tickets"]) => Self::List,
            ("GET", ["api", "tickets", id]) => Self::Ticket((*id).to_owned()),
            ("PATCH", ["api", "tickets", id]) => Self::Update((*id).to_owned()),
            ("POST", ["api", "tickets", id, "comments"]) => Self::AddComment((*id).to_owned()),
            ("GET", ["api", "tickets", id, "comments"]) => Self::Comments((*id).to_owned()),
            _ => Self::Unknown,
        }
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::UpsertRequester => Operation::UpsertRequester,
            Self::Create => Operation::CreateTicket,
            Self::List => Operation::Tickets,
            Self::Ticket(_) => Operation::Ticket,
            Self::Update(_) => Operation::UpdateTicket,
            Self::AddComment(_) => Operation::AddComment,
            Self::Comments(_) => Operation::Comments,
            Self::Unknown => Operation::Unknown,
        }
    }
}

impl House for Inner {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn perform(&self, asked: &Asked) -> Answer {
        let world = &mut *lock(&self.world);
        let token = asked
            .header("authorization")
            .and_then(|value| value.strip_prefix("Bearer "));
        let by = match token {
            Some(token) if token == world.options.token => Role::Bridge,
            Some(token) if token == world.options.agent_token => Role::Agent,
            Some(_) | None => return refused(401, "the token is missing or wrong"),
        };
        match Route::of(&asked.method, &asked.path) {
            Route::UpsertRequester => upsert(world, asked),
            Route::Create => self.create(world, by, asked),
            Route::List => list(world, asked),
            Route::Ticket(id) => world
                .ticket(&id)
                .map_or_else(not_found, |ticket| shown(200, ticket)),
            Route::Update(id) => self.update(world, by, &id, asked),
            Route::AddComment(id) => self.comment(world, by, &id, asked),
            Route::Comments(id) => comments(world, &id),
            Route::Unknown => not_found(),
        }
    }

    fn error(&self, status: u16) -> Value {
        refused(status, "told to fail").body
    }
}

impl Inner {
    fn create(&self, world: &mut World, by: Role, asked: &Asked) -> Answer {
        let key = asked.header("idempotency-key").map(str::to_owned);
        if let Some((body, ticket)) = key.as_ref().and_then(|key| world.keys.get(key)) {
            if *body != asked.body {
                return refused(422, "this idempotency key came with another request before");
            }
            return match world.tickets.get(ticket) {
                Some(ticket) => shown(201, ticket),
                None => not_found(),
            };
        }
        let fields = match object(asked, "ticket") {
            Ok(fields) => fields,
            Err(answer) => return answer,
        };
        let known = [
            "subject",
            "description",
            "requester_id",
            "tags",
            "fields",
            "external_id",
        ];
        if fields.keys().any(|key| !known.contains(&key.as_str())) {
            return refused(422, "a field of the ticket is not known");
        }
        let requester = text(&fields, "requester_id").and_then(|id| world.requester(&id).cloned());
        let Some(requester) = requester else {
            return refused(422, "requester_id names nobody");
        };
        let Some(subject) = text(&fields, "subject").filter(|subject| !subject.is_empty()) else {
            return refused(422, "a subject is needed");
        };
        let new = NewTicket {
            subject,
            description: text(&fields, "description").unwrap_or_default(),
            tags: fields.get("tags").and_then(strings).unwrap_or_default(),
            fields: fields
                .get("fields")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            ..NewTicket::default()
        };
        let ticket = world.create(
            &self.stage.hooks,
            by,
            new,
            requester,
            text(&fields, "external_id"),
        );
        if let (Some(key), Ok(id)) = (key, ticket.id.parse()) {
            world.keys.insert(key, (asked.body.to_vec(), id));
        }
        shown(201, &ticket)
    }

    fn update(&self, world: &mut World, by: Role, id: &str, asked: &Asked) -> Answer {
        let fields = match object(asked, "ticket") {
            Ok(fields) => fields,
            Err(answer) => return answer,
        };
        let Ok(patch) = serde_json::from_value::<Patch>(Value::Object(fields)) else {
            return refused(
                422,
                "the ticket holds a field that cannot be set, or a value of another kind",
            );
        };
        match world.change(&self.stage.hooks, by, id, patch) {
            Ok(ticket) => shown(200, &ticket),
            Err(denied) => denial(&denied),
        }
    }

    fn comment(&self, world: &mut World, by: Role, id: &str, asked: &Asked) -> Answer {
        let fields = match object(asked, "comment") {
            Ok(fields) => fields,
            Err(answer) => return answer,
        };
        let public = fields.get("public").and_then(Value::as_bool);
        let body = text(&fields, "body").filter(|body| !body.is_empty());
        let (Some(body), Some(public)) = (body, public) else {
            return refused(422, "a comment needs a body and public");
        };
        match world.comment(&self.stage.hooks, by, id, &body, public) {
            Ok(comment) => {
                Answer::new(201, json!({"comment": comment})).with_id_at(&["/comment/id"])
            }
            Err(denied) => denial(&denied),
        }
    }
}

fn upsert(world: &mut World, asked: &Asked) -> Answer {
    let Some(Value::Object(fields)) = asked.json() else {
        return refused(422, "the body is not a JSON object");
    };
    let (phone, external_id) = (text(&fields, "phone"), text(&fields, "external_id"));
    if phone.is_none() && external_id.is_none() {
        return refused(422, "a phone or an external_id is needed");
    }
    let requester = world.upsert_requester(text(&fields, "name"), phone, external_id);
    Answer::new(200, json!({"requester": requester})).with_id_at(&["/requester/id"])
}

fn list(world: &World, asked: &Asked) -> Answer {
    let all = world.tickets.values();
    if let Some(external_id) = asked.query("external_id") {
        return page(
            all.filter(|t| t.external_id.as_ref() == Some(&external_id))
                .collect(),
        );
    }
    if let Some(requester) = asked.query("requester_id") {
        let only_open = asked.query("open").as_deref() == Some("true");
        let is_open = |t: &Ticket| t.status != "solved" && t.status != "closed";
        let fits = |t: &&Ticket| t.requester.id == requester && (!only_open || is_open(t));
        return page(all.filter(fits).collect());
    }
    match asked.query("changed_since") {
        Some(cursor) => changed_since(world, &cursor, asked),
        None => refused(422, "external_id, requester_id or changed_since is needed"),
    }
}

/// Tickets changed after the cursor, in the order of their last changes.
fn changed_since(world: &World, cursor: &str, asked: &Asked) -> Answer {
    let last = world.last_version();
    let mut tickets: Vec<&Ticket> = match (cursor.parse::<u64>(), parse_iso(cursor)) {
        (Ok(version), _) => world
            .tickets
            .values()
            .filter(|t| t.version > version)
            .collect(),
        (Err(_), Some(since)) => {
            let changed = |t: &&Ticket| parse_iso(&t.updated_at).is_some_and(|at| at >= since);
            world.tickets.values().filter(changed).collect()
        }
        (Err(_), None) if cursor == "now" => Vec::new(),
        (Err(_), None) => return refused(422, "changed_since is a version, a time or `now`"),
    };
    tickets.sort_by_key(|ticket| ticket.version);
    let limit = asked.query("limit").and_then(|limit| limit.parse().ok());
    let limit = limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let more = tickets.len() > limit;
    tickets.truncate(limit);
    // What is shown moves the cursor; where all is shown, it moves to the last change of all.
    let shown_last = tickets.last().map(|ticket| ticket.version).filter(|_| more);
    let next = shown_last.unwrap_or(last).to_string();
    Answer::new(200, json!({"tickets": tickets, "next": next, "more": more}))
}

fn page(tickets: Vec<&Ticket>) -> Answer {
    Answer::new(
        200,
        json!({"tickets": tickets, "next": null, "more": false}),
    )
}

fn comments(world: &World, id: &str) -> Answer {
    let Some(ticket) = world.ticket(id) else {
        return not_found();
    };
    let key: u64 = ticket.id.parse().unwrap_or_default();
    Answer::new(
        200,
        json!({"comments": world.comments.get(&key).cloned().unwrap_or_default()}),
    )
}

fn object(asked: &Asked, name: &str) -> Result<Map<String, Value>, Answer> {
    match asked
        .json()
        .and_then(|mut body| body.get_mut(name).map(Value::take))
    {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(refused(422, "the body does not hold what this call needs")),
    }
}

fn text(fields: &Map<String, Value>, key: &str) -> Option<String> {
    fields.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let all = value.as_array()?.iter();
    all.map(|one| one.as_str().map(str::to_owned)).collect()
}

fn shown(status: u16, ticket: &Ticket) -> Answer {
    Answer::new(status, json!({"ticket": ticket})).with_id_at(&["/ticket/id"])
}

fn denial(denied: &Denied) -> Answer {
    match denied {
        Denied::Unknown => not_found(),
        Denied::Invalid(why) => refused(422, why),
    }
}

fn not_found() -> Answer {
    refused(404, "there is no such thing")
}

fn refused(status: u16, message: &str) -> Answer {
    let code = match status {
        401 => "unauthorized",
        404 => "not_found",
        422 => "invalid",
        429 => "too_many_requests",
        _ => "failed",
    };
    Answer::new(status, json!({"error": {"code": code, "message": message}}))
}
