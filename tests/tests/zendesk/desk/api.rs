//! What callers are answered (developer.zendesk.com, pages "Tickets", "Users", "Attachments",
//! "Introduction"). Neighbours: `world`, where it takes effect; `export`, for lists.

use super::{
    BRIDGE_USER, TOKEN, Zendesk, export, lock,
    show::{self, side_load},
    world::{Change, Comment, File, Invalid, World},
};
use axum::{
    body::{Body, Bytes},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// A call.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub key: Option<String>,
    authorization: Option<String>,
    kind: String,
    query: BTreeMap<String, String>,
    pub body: Value,
    bytes: Bytes,
}

impl Asked {
    pub fn read(parts: &Parts, bytes: Bytes) -> Self {
        let header = |name: &str| {
            let value = parts.headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let uri = format!("http://zendesk{}", parts.uri);
        let uri = reqwest::Url::parse(&uri).expect("a path");
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            key: header("idempotency-key"),
            authorization: header("authorization"),
            kind: header("content-type").unwrap_or_default(),
            query: uri.query_pairs().into_owned().collect(),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            bytes,
        }
    }

    pub fn query(&self, key: &str) -> Option<String> {
        self.query.get(key).cloned()
    }
}

/// What is answered.
pub struct Answer {
    pub status: u16,
    /// Whether Zendesk documents no such call.
    pub in_vain: bool,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Answer {
    pub fn ok(body: Value) -> Self {
        Self::new(200, body)
    }

    fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            in_vain: false,
            headers: Vec::new(),
            body,
        }
    }

    pub fn error(status: u16, error: &str, description: &str) -> Self {
        Self::new(status, json!({"error": error, "description": description}))
    }

    pub fn failed(status: u16) -> Self {
        Self::new(
            status,
            json!({"error": {"title": "Sorry", "message": "Something went wrong"}}),
        )
    }

    pub fn too_many(seconds: u32) -> Self {
        let mut answer = Self::error(429, "TooManyRequests", "You exceeded the limit");
        answer.headers = vec![
            ("retry-after", seconds.to_string()),
            ("x-rate-limit", "700".to_owned()),
            ("x-rate-limit-remaining", "0".to_owned()),
        ];
        answer
    }

    fn invalid(Invalid(field, why): &Invalid) -> Self {
        let mut body = json!({"error": "RecordInvalid", "description": "Record validation errors", "details": {}});
        body["details"][*field] = json!([{"description": why}]);
        Self::new(422, body)
    }

    fn missing() -> Self {
        Self::error(404, "RecordNotFound", "Not found")
    }

    fn no_such_call() -> Self {
        let answer = Self::error(404, "InvalidEndpoint", "Not found");
        Self {
            in_vain: true,
            ..answer
        }
    }

    pub fn into_response(self) -> Response {
        let mut response = Response::builder()
            .status(self.status)
            .header("content-type", "application/json; charset=utf-8");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let response = response.body(Body::from(self.body.to_string()));
        response.expect("a response").into_response()
    }
}

/// Answers a call.
pub fn answer(zendesk: &Zendesk, asked: &Asked) -> Answer {
    let proof = format!(
        "Basic {}",
        STANDARD.encode(format!("{BRIDGE_USER}:{TOKEN}"))
    );
    if asked.authorization.as_deref() != Some(&proof) {
        return Answer::new(401, json!({"error": "Couldn't authenticate you"}));
    }
    let path = asked.path.strip_prefix("/api/v2/").unwrap_or_default();
    let path: Vec<&str> = path.split('/').collect();
    match (asked.method.as_str(), path.as_slice()) {
        ("POST", ["tickets"]) => create(zendesk, asked),
        ("GET", ["tickets"]) => by_external_id(zendesk, asked),
        ("GET", ["incremental", "tickets", "cursor"]) => export::incremental(zendesk, asked),
        ("POST", ["uploads" | "uploads.json"]) => upload(zendesk, asked),
        ("GET", ["search"]) => export::search(zendesk, asked),
        ("GET", ["groups"]) => groups(zendesk),
        ("POST", ["users", "create_or_update"]) => create_or_update(zendesk, asked),
        ("GET", ["users", "me"]) => {
            let me = lock(&zendesk.shared.world).bridge;
            user(zendesk, me)
        }
        (method, [what, id, rest @ ..]) => {
            let Ok(id) = id.parse() else {
                return Answer::error(400, "InvalidValue", "id must be an integer");
            };
            match (method, *what, rest) {
                ("GET", "tickets", []) => ticket(zendesk, asked, id),
                ("PUT", "tickets", []) => update(zendesk, asked, id),
                ("GET", "tickets", ["comments"]) => comments(zendesk, asked, id),
                ("GET", "users", []) => user(zendesk, id),
                ("GET", "users", ["tickets", "requested"]) => requested(zendesk, asked, id),
                _ => Answer::no_such_call(),
            }
        }
        _ => Answer::no_such_call(),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|t| !t.is_empty()).map(str::to_owned)
}

/// A file waits under a token for the comment that names it. It has the name and the type that the call
/// says.
fn upload(zendesk: &Zendesk, asked: &Asked) -> Answer {
    let Some(name) = asked.query("filename").filter(|name| !name.is_empty()) else {
        return Answer::error(400, "ParameterMissing", "filename is required");
    };
    let world = &mut *lock(&zendesk.shared.world);
    let id = world.new_id();
    let token = format!("6bk3gql82em5nmf{id}");
    let attachment = json!({
        "id": id, "file_name": name, "content_type": asked.kind, "size": asked.bytes.len(),
    });
    let file = File {
        name,
        kind: asked.kind.clone(),
        bytes: asked.bytes.to_vec(),
    };
    world.uploads.insert(token.clone(), file);
    let upload = json!({"token": token, "attachment": attachment, "attachments": [attachment]});
    Answer::new(201, json!({ "upload": upload }))
}

/// The files that a comment names. A token is used up by that.
fn named_files(world: &mut World, told: &Value) -> Vec<File> {
    let tokens = told["comment"]["uploads"].as_array().into_iter().flatten();
    let tokens = tokens.filter_map(Value::as_str);
    tokens
        .filter_map(|token| world.uploads.remove(token))
        .collect()
}

fn change(told: &Value) -> Change {
    let tags = told["tags"].as_array().map(|tags| {
        let tags = tags.iter().filter_map(Value::as_str);
        tags.map(str::to_owned).collect()
    });
    let fields = told["custom_fields"].as_array().into_iter().flatten();
    let fields = fields.filter_map(|f| Some((f["id"].as_u64()?, f["value"].clone())));
    let comment = text(&told["comment"]["body"]);
    Change {
        status: text(&told["status"]),
        priority: text(&told["priority"]),
        tags,
        group: told["group_id"].as_u64(),
        assignee: told["assignee_id"].as_u64(),
        external_id: told.get("external_id").map(text),
        fields: fields.collect(),
        comment: comment.map(|body| (body, told["comment"]["public"] != json!(false))),
        files: Vec::new(),
    }
}

/// With a key that came before, what that call made is shown, and nothing is made. Another body
/// under the same key is refused (page "Introduction", Idempotency).
fn create(zendesk: &Zendesk, asked: &Asked) -> Answer {
    let world = &mut *lock(&zendesk.shared.world);
    if let Some((body, made)) = asked.key.as_ref().and_then(|key| world.keys.get(key)) {
        if *body != asked.body {
            return Answer::error(
                400,
                "IdempotentRequestError",
                "Request parameters have changed",
            );
        }
        let ticket = world.tickets.get(made).expect("it was made");
        let mut answer = Answer::new(201, json!({"ticket": show::ticket(world, ticket)}));
        answer
            .headers
            .push(("x-idempotency-lookup", "hit".to_owned()));
        return answer;
    }
    let told = &asked.body["ticket"];
    let Some(description) = text(&told["comment"]["body"]) else {
        return Answer::invalid(&Invalid("base", "Description: cannot be blank"));
    };
    let requester = match requester(world, told) {
        Ok(requester) => requester,
        Err(invalid) => return Answer::invalid(&invalid),
    };
    let by = world.bridge;
    let subject = text(&told["subject"]).unwrap_or_default();
    let id = world.add_ticket(&subject, requester, by).id;
    let change = Change {
        comment: None,
        files: Vec::new(),
        ..change(told)
    };
    let first = Comment {
        id: world.new_id(),
        author: by,
        body: world.expanded(&description, id),
        public: told["comment"]["public"] != json!(false),
        at_ms: super::now_ms(),
        files: named_files(world, told),
    };
    let ticket = world.tickets.get_mut(&id).expect("it is new");
    ticket.comments.push(first);
    if let Err(invalid) = world.change(id, by, change, zendesk.shared.account.assign_on_solve) {
        world.tickets.remove(&id);
        return Answer::invalid(&invalid);
    }
    if let Some(key) = &asked.key {
        world.keys.insert(key.clone(), (asked.body.clone(), id));
    }
    zendesk.shared.hooks.created(world, id, by);
    let ticket = world.tickets.get(&id).expect("it is new");
    let audit = json!({"id": id * 10, "ticket_id": id, "events": []});
    let mut answer = Answer::new(
        201,
        json!({"ticket": show::ticket(world, ticket), "audit": audit}),
    );
    if asked.key.is_some() {
        answer
            .headers
            .push(("x-idempotency-lookup", "miss".to_owned()));
    }
    answer
}

fn requester(world: &mut World, told: &Value) -> Result<u64, Invalid> {
    if let Some(id) = told["requester_id"].as_u64() {
        let known = world.users.contains_key(&id);
        return known
            .then_some(id)
            .ok_or(Invalid("requester", "Requester: is invalid"));
    }
    let Some(name) = text(&told["requester"]["name"]) else {
        return Ok(world.bridge);
    };
    Ok(world.add_user(&name, None, None, false))
}

fn update(zendesk: &Zendesk, asked: &Asked, id: u64) -> Answer {
    let world = &mut *lock(&zendesk.shared.world);
    if !world.tickets.contains_key(&id) {
        return Answer::missing();
    }
    let by = world.bridge;
    let told = &asked.body["ticket"];
    let change = Change {
        files: named_files(world, told),
        ..change(told)
    };
    match world.change(id, by, change, zendesk.shared.account.assign_on_solve) {
        Err(invalid) => Answer::invalid(&invalid),
        Ok(changed) => {
            zendesk.shared.hooks.changed(world, id, by, &changed);
            let ticket = world.tickets.get(&id).expect("it is there");
            let audit = json!({"id": id * 10, "ticket_id": id, "events": []});
            Answer::ok(json!({"ticket": show::ticket(world, ticket), "audit": audit}))
        }
    }
}

fn ticket(zendesk: &Zendesk, asked: &Asked, id: u64) -> Answer {
    let world = lock(&zendesk.shared.world);
    let Some(ticket) = world.tickets.get(&id) else {
        return Answer::missing();
    };
    let mut body = json!({"ticket": show::ticket(&world, ticket)});
    let include = asked.query("include").unwrap_or_default();
    side_load(&world, &include, &[ticket], &mut body);
    Answer::ok(body)
}

fn by_external_id(zendesk: &Zendesk, asked: &Asked) -> Answer {
    let world = lock(&zendesk.shared.world);
    let wanted = asked.query("external_id");
    let all = world.tickets.values();
    let found = all.filter(|t| wanted.is_none() || t.external_id == wanted);
    export::page(&world, asked, "tickets", found.collect())
}

fn requested(zendesk: &Zendesk, asked: &Asked, user: u64) -> Answer {
    let world = lock(&zendesk.shared.world);
    if !world.users.contains_key(&user) {
        return Answer::missing();
    }
    let found = world.tickets.values().filter(|t| t.requester == user);
    export::page(&world, asked, "tickets", found.collect())
}

fn comments(zendesk: &Zendesk, asked: &Asked, id: u64) -> Answer {
    let world = lock(&zendesk.shared.world);
    let Some(ticket) = world.tickets.get(&id) else {
        return Answer::missing();
    };
    let mut shown: Vec<Value> = ticket.comments.iter().map(show::comment).collect();
    if asked.query("sort_order").as_deref() == Some("desc") {
        shown.reverse();
    }
    shown.truncate(100);
    let count = shown.len();
    let mut body = json!({"comments": shown, "next_page": null, "count": count});
    if asked.query("include").as_deref() == Some("users") {
        let authors: BTreeSet<u64> = ticket.comments.iter().map(|c| c.author).collect();
        let users = authors.iter().filter_map(|id| world.users.get(id));
        body["users"] = users.map(show::user).collect();
    }
    Answer::ok(body)
}

fn groups(zendesk: &Zendesk) -> Answer {
    let world = lock(&zendesk.shared.world);
    let groups = world.groups.iter();
    let groups: Vec<Value> = groups
        .map(|(id, name)| json!({"id": id, "name": name}))
        .collect();
    Answer::ok(json!({"groups": groups}))
}

fn user(zendesk: &Zendesk, id: u64) -> Answer {
    let world = lock(&zendesk.shared.world);
    match world.users.get(&id) {
        Some(user) => Answer::ok(json!({"user": show::user(user)})),
        None => Answer::missing(),
    }
}

/// By external id, else by mail address; a new user needs a name.
fn create_or_update(zendesk: &Zendesk, asked: &Asked) -> Answer {
    let world = &mut *lock(&zendesk.shared.world);
    let told = &asked.body["user"];
    let (name, email) = (text(&told["name"]), text(&told["email"]));
    let external_id = text(&told["external_id"]);
    let known = world.users.values().find(|user| {
        (external_id.is_some() && user.external_id == external_id)
            || (email.is_some() && user.email == email)
    });
    let (id, status) = match (known, &name) {
        (Some(user), _) => (user.id, 200),
        (None, Some(name)) => (world.add_user(name, None, None, false), 201),
        (None, None) => {
            return Answer::invalid(&Invalid(
                "name",
                "Name: is too short (minimum is one character)",
            ));
        }
    };
    let user = world.users.get_mut(&id).expect("it is there");
    user.name = name.unwrap_or_else(|| user.name.clone());
    user.phone = text(&told["phone"]).or(user.phone.take());
    user.email = email.or(user.email.take());
    user.external_id = external_id.or(user.external_id.take());
    Answer::new(status, json!({"user": show::user(user)}))
}
