//! Jelou's HTTP side as its pages show it, quirks included: two prefixes, two ways to log in, three
//! envelopes, `_id` and capital `User` and `Bot` in one answer only. Neighbour: world.

use super::{
    Inner,
    world::{Conversation, Record, Start, Started, World, place},
};
use crate::{
    calls::Operation,
    clock::{iso, now_ms},
    stage::{Answer, Asked, House, Stage, lock},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

/// User memory ends after at most a day (page on saving memory records).
const MEMORY_TTL_MAX_SECS: i64 = 86_400;
/// One call sets at most so many records (same page).
const MEMORY_KEYS_MAX: usize = 20;

/// Where a call goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Start { project: String },
    Close { project: String },
    Conversation { project: String, id: String },
    ReadCache { user: String },
    WriteCache { user: String },
    SetMemory,
    Unknown,
}

impl Route {
    pub(super) fn of(method: &str, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let decode = |part: &str| {
            percent_encoding::percent_decode_str(part)
                .decode_utf8_lossy()
                .into_owned()
        };
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            (
                _,
                [
                    "jelouapi" | "platform",
                    "v1",
                    "external-support",
                    project,
                    "conversations",
                    last,
                ],
            ) => {
                let project = decode(project);
                match (method, *last) {
                    ("POST", "start") => Self::Start { project },
                    ("POST", "close") => Self::Close { project },
                    ("GET", id) => Self::Conversation {
                        project,
                        id: decode(id),
                    },
                    _ => Self::Unknown,
                }
            }
            ("GET", ["v1", "users", user, "cache"]) => Self::ReadCache { user: decode(user) },
            ("POST", ["v1", "users", user, "cache"]) => Self::WriteCache { user: decode(user) },
            ("POST", ["workflows", "v2", "memory", "users", "set"]) => Self::SetMemory,
            _ => Self::Unknown,
        }
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Start { .. } => Operation::Start,
            Self::Close { .. } => Operation::Close,
            Self::Conversation { .. } => Operation::Conversation,
            Self::ReadCache { .. } => Operation::ReadCache,
            Self::WriteCache { .. } => Operation::WriteCache,
            Self::SetMemory => Operation::SetMemory,
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
        let route = Route::of(&asked.method, &asked.path);
        let key_ok = asked.header("x-api-key") == Some(world.options.api_key.as_str());
        let basic_ok = asked.header("authorization") == Some(basic(world).as_str());
        let both =
            asked.headers.contains_key("x-api-key") && asked.headers.contains_key("authorization");
        // Nothing says what Jelou makes of two credentials; here it is an error, so that it is found.
        let let_in = !both
            && match route {
                Route::Start { .. } | Route::Close { .. } | Route::Conversation { .. } => {
                    key_ok || basic_ok
                }
                Route::ReadCache { .. } | Route::WriteCache { .. } => basic_ok,
                Route::SetMemory => key_ok,
                Route::Unknown => return failed(404, "Not found", None),
            };
        if !let_in {
            return Answer::new(401, json!({"message": "Authentication failed"}));
        }
        match route {
            Route::Start { project } => self.start(world, &project, asked),
            Route::Close { project } => self.close(world, &project, asked),
            Route::Conversation { project, id } => read(world, &project, &id),
            Route::ReadCache { user } => read_cache(world, &user, asked),
            Route::WriteCache { user } => write_cache(world, &user, asked),
            Route::SetMemory => set_memory(world, asked),
            Route::Unknown => failed(404, "Not found", None),
        }
    }

    fn error(&self, status: u16) -> Value {
        match status {
            401 | 403 => json!({"message": "Authentication failed"}),
            429 => json!({"message": "Rate limit exceeded"}),
            400 | 422 => invalid("The values entered are not correct.").body,
            404 => failed(404, "Not found", None).body,
            _ => json!({
                "message": ["We are having trouble processing your request. Please try again later."],
                "statusMessage": "failed", "status": 0
            }),
        }
    }
}

impl Inner {
    fn start(&self, world: &mut World, project: &str, asked: &Asked) -> Answer {
        let Some(fields) = fields_of(asked) else {
            return invalid("The body is not a JSON object.");
        };
        let start = match read_start(&fields) {
            Ok(start) => start,
            Err(what) => return invalid(what),
        };
        if let Some(missing) = missing_bot(world, project, &start.bot) {
            return missing;
        }
        let bot = start.bot.clone();
        let conversation = match world.start(&self.stage.hooks, start) {
            Started::New(conversation) | Started::Existing(conversation) => conversation,
            Started::Busy => return invalid("The user already has an active conversation."),
            Started::UnknownUser => return failed(404, "User not found", None),
        };
        let data = json!({
            "conversationId": conversation.id, "botId": bot, "userId": conversation.user, "status": "active",
        });
        succeeded("Conversation started successfully", data).with_id_at(&["/data/conversationId"])
    }

    fn close(&self, world: &mut World, project: &str, asked: &Asked) -> Answer {
        let Some(fields) = fields_of(asked) else {
            return invalid("The body is not a JSON object.");
        };
        let (Some(bot), Some(user)) = (text(&fields, "botId"), text(&fields, "userId")) else {
            return invalid("botId and userId are required.");
        };
        let redirect = fields.get("redirectPayload").cloned();
        let kind = redirect
            .as_ref()
            .map(|payload| payload.get("type").and_then(Value::as_str));
        if !matches!(kind, None | Some(Some("text" | "edge"))) {
            return invalid("redirectPayload.type must be text or edge.");
        }
        if let Some(missing) = missing_bot(world, project, bot) {
            return missing;
        }
        let Some(user) = world.canonical(user) else {
            return failed(404, "User not found", None);
        };
        let Some(id) = world.active(bot, &user).map(|active| active.id.clone()) else {
            return failed(404, "No active conversation for this user", None);
        };
        world.close(&self.stage.hooks, &id, "closed_by_operator", redirect);
        let data =
            json!({"conversationId": id, "status": "closed", "endedReason": "closed_by_operator"});
        succeeded("Conversation closed successfully", data).with_id_at(&["/data/conversationId"])
    }
}

fn read_start(fields: &Map<String, Value>) -> Result<Start, &'static str> {
    let bot = text(fields, "botId").ok_or("botId is required.")?;
    let user = text(fields, "userId").ok_or("userId is required.")?;
    let initial_message = match fields.get("initialMessage") {
        None => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => return Err("initialMessage must be a string."),
    };
    let metadata = match fields.get("metadata") {
        None => None,
        Some(Value::Object(metadata)) => Some(metadata.clone()),
        Some(_) => return Err("metadata must be an object."),
    };
    let assignment = fields.get("assignment").cloned();
    if let Some(assignment) = &assignment {
        let kind = assignment.get("type").and_then(Value::as_str);
        let target = assignment.get("target").and_then(Value::as_str);
        if !matches!(kind, Some("queue" | "operator" | "team")) || target.is_none_or(str::is_empty)
        {
            return Err(
                "assignment needs a type (queue, operator, team) and a target, both strings.",
            );
        }
    }
    Ok(Start {
        bot: bot.to_owned(),
        user: user.to_owned(),
        initial_message,
        metadata,
        assignment,
        by_api: true,
    })
}

fn read(world: &World, project: &str, id: &str) -> Answer {
    let found = world
        .conversation(id)
        .filter(|_| project == world.options.project_id);
    match found {
        Some(conversation) => succeeded(
            "Conversation retrieved successfully",
            shown(world, conversation),
        )
        .with_id_at(&["/data/_id"]),
        None => failed(404, "Conversation not found", None),
    }
}

/// No metadata, no assignment, no messages: Jelou shows none here.
fn shown(world: &World, conversation: &Conversation) -> Value {
    let user = world.users.get(&conversation.user);
    let mut data = json!({
        "_id": conversation.id,
        "roomId": conversation.room,
        "state": if conversation.active { "active" } else { "closed" },
        "startAt": iso(conversation.start_at_ms),
        "User": {
            "id": conversation.user,
            "names": user.map(|user| &user.name),
            "referenceId": conversation.user,
            "createdAt": iso(user.map_or(0, |user| user.created_at_ms)),
        },
        "Bot": {"id": conversation.bot, "name": world.bot_name(&conversation.bot), "type": "Whatsapp"},
    });
    if let (Some(fields), Some(end)) = (data.as_object_mut(), conversation.end_at_ms) {
        fields.insert("endAt".to_owned(), json!(iso(end)));
        fields.insert("endedReason".to_owned(), json!(conversation.ended_reason));
    }
    data
}

/// The page shows the cache bare, without any envelope.
fn read_cache(world: &mut World, user: &str, asked: &Asked) -> Answer {
    let bot = asked.query("botId");
    let Some(bot) = bot.filter(|bot| world.bot_name(bot).is_some()) else {
        return failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND")));
    };
    match world.canonical(user) {
        Some(user) => Answer::new(
            200,
            json!(
                world
                    .cache
                    .get(&place(&bot, &user))
                    .cloned()
                    .unwrap_or_default()
            ),
        ),
        None => failed(404, "User not found", None),
    }
}

fn write_cache(world: &mut World, user: &str, asked: &Asked) -> Answer {
    let fields = fields_of(asked).unwrap_or_default();
    let (Some(bot), Some(Value::Object(params))) = (text(&fields, "botId"), fields.get("params"))
    else {
        return invalid("botId and params are required.");
    };
    if world.bot_name(bot).is_none() {
        return failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND")));
    }
    let Some(user) = world.canonical(user) else {
        return failed(404, "User not found", None);
    };
    let cache = world.cache.entry(place(bot, &user)).or_default();
    cache.extend(params.clone());
    let cache = json!(cache);
    succeeded("User cache updated successfully", cache)
}

fn set_memory(world: &mut World, asked: &Asked) -> Answer {
    let fields = fields_of(asked).unwrap_or_default();
    let (Some(bot), Some(user)) = (text(&fields, "botId"), text(&fields, "userReferenceId")) else {
        return invalid("userReferenceId and botId are required.");
    };
    let Some(Value::Object(values)) = fields
        .get("values")
        .filter(|v| v.as_object().is_some_and(|v| v.len() <= MEMORY_KEYS_MAX))
    else {
        return invalid("values must be an object of at most 20 keys.");
    };
    let ttl = |record: &Value| record.get("ttl").and_then(Value::as_i64);
    if values
        .values()
        .any(|record| ttl(record).is_some_and(|ttl| !(1..=MEMORY_TTL_MAX_SECS).contains(&ttl)))
    {
        return invalid("ttl must be between 1 and 86400 seconds.");
    }
    if world.bot_name(bot).is_none() {
        return failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND")));
    }
    let Some(user) = world.canonical(user) else {
        return failed(404, "User not found", None);
    };
    let memory = world.memory.entry(place(bot, &user)).or_default();
    for (key, record) in values {
        // A bare value is stored empty: the page warns of it.
        let value = record.get("value").cloned().unwrap_or_else(|| json!(""));
        let expires_at_ms = ttl(record).map(|ttl| now_ms() + ttl * 1_000);
        memory.insert(
            key.clone(),
            Record {
                value,
                expires_at_ms,
            },
        );
    }
    succeeded("Records saved successfully", json!({}))
}

fn missing_bot(world: &World, project: &str, bot: &str) -> Option<Answer> {
    if project != world.options.project_id {
        return Some(failed(404, "Project not found", None));
    }
    let missing = world.bot_name(bot).is_none();
    missing.then(|| failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND"))))
}

fn basic(world: &World) -> String {
    let pair = format!(
        "{}:{}",
        world.options.client_id, world.options.client_secret
    );
    format!("Basic {}", STANDARD.encode(pair))
}

fn fields_of(asked: &Asked) -> Option<Map<String, Value>> {
    match asked.json() {
        Some(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

/// A string that is there and not empty.
fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    fields
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

fn succeeded(message: &str, data: Value) -> Answer {
    Answer::new(
        200,
        json!({"message": [message], "statusMessage": "success", "status": 1, "data": data}),
    )
}

fn invalid(what: &str) -> Answer {
    failed(422, what, Some(("E0422", "VALIDATOR_ERROR")))
}

fn failed(status: u16, message: &str, error: Option<(&str, &str)>) -> Answer {
    let mut body = json!({"message": [message], "statusMessage": "failed", "status": 0});
    if let (Some(fields), Some((code, key))) = (body.as_object_mut(), error) {
        fields.insert("error".to_owned(), json!({"code": code, "key": key}));
    }
    Answer::new(status, body)
}
