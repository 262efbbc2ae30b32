//! What Jelou keeps for a customer on a bot: the cache, the memory, and who answers. Neighbour: api.

use super::{
    answer::{failed, fields_of, invalid, succeeded, text},
    record::Record,
    world::World,
};
use crate::{
    clock::now_ms,
    stage::{Answer, Asked},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// User memory ends after at most a day (page on saving memory records).
const MEMORY_TTL_MAX_SECS: i64 = 86_400;
/// One call sets at most so many records (same page).
const MEMORY_KEYS_MAX: usize = 20;

/// Who answers a customer.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Answering {
    /// Whether a person does, and the bot is silent.
    pub by_person: bool,
    /// When the bot does again by itself, ms since 1970.
    pub until_ms: Option<i64>,
}

/// Under which name the world keeps what belongs to a customer on a bot.
pub(super) fn place(bot: &str, user: &str) -> String {
    format!("{bot} {user}")
}

impl World {
    /// The memory of a customer that has not ended yet.
    pub(crate) fn memory_of(&self, bot: &str, user: &str) -> BTreeMap<String, Value> {
        let now = now_ms();
        let records = self.memory.get(&place(bot, user)).into_iter().flatten();
        let alive = records.filter(|(_, record)| record.expires_at_ms.is_none_or(|end| end > now));
        alive
            .map(|(key, record)| (key.clone(), record.value.clone()))
            .collect()
    }
}

/// The page shows the cache bare, without any envelope.
pub(super) fn read_cache(world: &mut World, user: &str, asked: &Asked) -> Answer {
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

pub(super) fn write_cache(world: &mut World, user: &str, asked: &Asked) -> Answer {
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

pub(super) fn set_memory(world: &mut World, asked: &Asked) -> Answer {
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

/// The call takes no bot; it is answered for the first one where the customer was handed over, else
/// for the first.
pub(super) fn user_state(world: &mut World, user: &str) -> Answer {
    let Some(user) = world.canonical(user) else {
        return failed(404, "User not found", None);
    };
    let bots = || world.options.bots.iter().map(|(bot, _)| bot);
    let by_person = |bot: &&String| world.is_answered_by_person(bot, &user);
    let bot = bots().find(by_person).or_else(|| bots().next()).cloned();
    state_of(world, &bot.unwrap_or_default(), &user)
}

pub(super) fn set_user_state(world: &mut World, asked: &Asked) -> Answer {
    let fields = fields_of(asked).unwrap_or_default();
    let ttl = fields.get("ttl").map(Value::as_i64);
    let (Some(bot), Some(user), Some(state)) = (
        text(&fields, "botId"),
        text(&fields, "userId"),
        text(&fields, "state").filter(|state| ["auto", "manual"].contains(state)),
    ) else {
        return not_set();
    };
    if ttl.is_some_and(|ttl| ttl.is_none_or(|ttl| ttl < 1)) {
        return not_set();
    }
    if world.bot_name(bot).is_none() {
        return failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND")));
    }
    let Some(user) = world.canonical(user) else {
        return failed(404, "User not found", None);
    };
    let answering = Answering {
        by_person: state == "manual",
        until_ms: ttl.flatten().map(|ttl| now_ms() + ttl * 1_000),
    };
    world.answering.insert(place(bot, &user), answering);
    state_of(world, bot, &user)
}

/// An older page shows this, and a 400.
fn not_set() -> Answer {
    Answer::new(
        400,
        json!({"message": ["The user's state could not be set."], "status": "failed"}),
    )
}

/// Bare, without any envelope.
fn state_of(world: &World, bot: &str, user: &str) -> Answer {
    let manual = world.is_answered_by_person(bot, user);
    Answer::new(
        200,
        json!({
            "id": user, "names": world.users.get(user).map(|user| &user.name), "botId": bot,
            "groupId": "sandbox", "state": if manual { "manual" } else { "auto" },
        }),
    )
}

impl World {
    /// Whether a person answers the customer, and the bot is silent.
    pub(crate) fn is_answered_by_person(&self, bot: &str, user: &str) -> bool {
        self.answering
            .get(&place(bot, user))
            .filter(|state| state.until_ms.is_none_or(|until| until > now_ms()))
            .is_some_and(|state| state.by_person)
    }
}
