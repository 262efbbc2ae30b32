//! The helpdesk's HTTP side: small, JSON, a bearer token. Neighbour: world.
//!
//! | call | answer |
//! |---|---|
//! | `POST /api/requesters {name?, phone?, external_id?}` | 200 `{requester}`; upsert by `external_id`, else by `phone` |
//! | `POST /api/tickets {ticket: {subject, description?, requester_id, tags?, fields?, external_id?}}` | 201 `{ticket}`; honours `Idempotency-Key` |
//! | `GET /api/tickets/{id}` | 200 `{ticket}`, 404 |
//! | `PATCH /api/tickets/{id} {ticket: {status?, external_id?, tags?, fields?}}` | 200 `{ticket}`, 404, 422 |
//! | `POST /api/tickets/{id}/comments {comment: {body, public, uploads?}}` | 201 `{comment}`; `uploads` are ids of files brought before |
//! | `POST /api/uploads?name=a.png`, the file as the body and its type as theirs | 201 `{upload: {id, ...}}` |
//! | `GET /api/tickets/{id}/comments` | 200 `{comments}` |
//! | `GET /api/tickets?external_id=X` | 200 `{tickets, next, more}`; a new one is found once it is indexed ([`HelpdeskOptions::index_lag_ms`](super::HelpdeskOptions)) |
//! | `GET /api/tickets?requester_id=X&open=true` | likewise |
//! | `GET /api/tickets?changed_since=CURSOR&limit=100` | likewise; the cursor is a version, an ISO 8601 time, or `now` |

use super::{
    Inner,
    answer::{denial, not_found, object, refused, shown, strings, text},
    list,
    record::{NewTicket, Patch, Role},
    route::Route,
    world::World,
};
use crate::stage::{Answer, Asked, House, Stage, lock};
use serde_json::{Value, json};

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
            Route::List => list::list(world, asked),
            Route::Ticket(id) => world
                .ticket(&id)
                .map_or_else(not_found, |ticket| shown(200, ticket)),
            Route::Update(id) => self.update(world, by, &id, asked),
            Route::AddComment(id) => self.comment(world, by, &id, asked),
            Route::Comments(id) => comments(world, &id),
            Route::Upload => upload(world, asked, &self.base),
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
        let Some(subject) = text(&fields, "subject") else {
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
        let body = text(&fields, "body");
        let (Some(body), Some(public)) = (body, public) else {
            return refused(422, "a comment needs a body and public");
        };
        let uploads = fields.get("uploads").and_then(strings).unwrap_or_default();
        let files = uploads.iter().map(|id| world.files.get(id));
        let files: Option<Vec<_>> = files
            .map(|file| file.map(|(file, _)| file.clone()))
            .collect();
        let Some(files) = files else {
            return refused(422, "an upload is not known");
        };
        match world.comment(&self.stage.hooks, by, id, &body, public, files) {
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

fn upload(world: &mut World, asked: &Asked, base: &str) -> Answer {
    let Some(name) = asked.query("name").filter(|name| !name.is_empty()) else {
        return refused(422, "a name is needed");
    };
    if asked.body.is_empty() {
        return refused(422, "the file is empty");
    }
    let kind = asked
        .header("content-type")
        .unwrap_or("application/octet-stream");
    let file = world.upload(base, &name, kind, asked.body.clone());
    Answer::new(201, json!({"upload": file})).with_id_at(&["/upload/id"])
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
