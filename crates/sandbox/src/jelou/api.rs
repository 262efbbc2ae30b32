//! Jelou's HTTP side as its pages show it, quirks included: two prefixes, five ways to log in, six
//! envelopes, `_id` and capital `User` and `Bot` in one answer only. Conversations are here; the
//! rest is in place, talk, listing and integration. Neighbour: world.

use super::{
    Inner,
    answer::{failed, fields_of, invalid, succeeded, text},
    integration, listing, lock, place,
    record::{Conversation, EndShown, Start, Started},
    route::Route,
    talk,
    world::World,
};
use crate::{
    clock::iso,
    stage::{self, Answer, Asked, House, Stage},
};
use serde_json::{Map, Value, json};

impl House for Inner {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn perform(&self, asked: &Asked) -> Answer {
        let world = &mut *stage::lock(&self.world);
        let hooks = &self.stage.hooks;
        let route = Route::of(&asked.method, &asked.path);
        if let Some(refused) = lock::refused(world, &hooks.secret(), &route, asked) {
            return refused;
        }
        match route {
            Route::Start { project } => self.start(world, &project, asked),
            Route::Close { project } => self.close(world, &project, asked),
            Route::Conversation { project, id } => read(world, &project, &id),
            Route::CreateIntegration { project } => {
                integration::create(world, hooks, &project, asked)
            }
            Route::Integration { project } => integration::read(world, hooks, &project),
            Route::UpdateIntegration { project } => {
                integration::update(world, hooks, &project, asked)
            }
            Route::RemoveIntegration { project } => integration::remove(world, hooks, &project),
            Route::RotateSecret { project } => integration::rotate(world, hooks, &project),
            Route::ReadCache { user } => place::read_cache(world, &user, asked),
            Route::WriteCache { user } => place::write_cache(world, &user, asked),
            Route::SetMemory => place::set_memory(world, asked),
            Route::AgentMessage => talk::agent_message(world, asked),
            Route::BotMessage { bot } => talk::bot_message(world, &bot, asked),
            Route::Template { bot } => talk::template(world, &bot, asked),
            Route::Report => listing::report(world, asked),
            Route::History { bot } => listing::history(world, &bot, asked),
            Route::UserState { user } => place::user_state(world, &user),
            Route::SetUserState => place::set_user_state(world, asked),
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
    let told = world.ends_shown.get(&conversation.id).copied();
    let told = told.unwrap_or_default();
    let end = conversation.end_at_ms.filter(|_| told != EndShown::NotYet);
    let mut data = json!({
        "_id": conversation.id,
        "roomId": conversation.room,
        "state": if end.is_none() { "active" } else { "closed" },
        "startAt": iso(conversation.start_at_ms),
        "User": {
            "id": conversation.user,
            "names": user.map(|user| &user.name),
            "referenceId": conversation.user,
            "createdAt": iso(user.map_or(0, |user| user.created_at_ms)),
        },
        "Bot": {"id": conversation.bot, "name": world.bot_name(&conversation.bot), "type": "Whatsapp"},
    });
    if let (Some(fields), Some(end)) = (data.as_object_mut(), end) {
        if told == EndShown::Whole {
            fields.insert("endAt".to_owned(), json!(iso(end)));
        }
        fields.insert("endedReason".to_owned(), json!(conversation.ended_reason));
    }
    data
}

fn missing_bot(world: &World, project: &str, bot: &str) -> Option<Answer> {
    if project != world.options.project_id {
        return Some(failed(404, "Project not found", None));
    }
    let missing = world.bot_name(bot).is_none();
    missing.then(|| failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND"))))
}
