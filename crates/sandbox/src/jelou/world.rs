//! What is true at this Jelou: customers, conversations, caches; and how it changes.
//! Neighbours: api, which asks over HTTP, and the handle's acts.

use super::{
    AfterSilence, JelouOptions, SameId, SecondStart, Strangers,
    event::{Event, Happened, Named, Talk, Words},
    place::{Answering, place},
    record::{
        Conversation, EndShown, File, Integration, Record, Speaker, Spoken, Start, Started, User,
    },
    talk::by_bot,
};
use crate::{
    chance::Chance,
    clock::now_ms,
    hooks::{Hooks, sign},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How long before a conversation its first words were said to the bot, ms.
const HANDED_OVER_AFTER_MS: i64 = 1_000;

/// The whole state, as `/sandbox/state` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct World {
    #[serde(skip)]
    pub options: JelouOptions,
    pub second_start: SecondStart,
    pub same_id: SameId,
    pub after_silence: AfterSilence,
    pub calling: bool,
    pub users: BTreeMap<String, User>,
    pub aliases: BTreeMap<String, String>,
    pub conversations: Vec<Conversation>,
    /// How much reads tell of an end, by conversation; of one that is not here, all of it.
    pub ends_shown: BTreeMap<String, EndShown>,
    #[serde(skip)]
    index: HashMap<String, usize>,
    /// The ids of active conversations by bot and user, oldest first.
    #[serde(skip)]
    live: HashMap<String, Vec<String>>,
    /// By bot and user, joined by a space.
    pub cache: BTreeMap<String, Map<String, Value>>,
    pub memory: BTreeMap<String, BTreeMap<String, Record>>,
    /// Who answers, by bot and user.
    pub answering: BTreeMap<String, Answering>,
    /// Everything that was said, in order.
    pub spoken: Vec<Spoken>,
    /// The ids that callers gave to agents' messages.
    #[serde(skip)]
    pub given_ids: HashSet<String>,
    /// When a customer last wrote, by bot and user, ms since 1970.
    pub last_heard: BTreeMap<String, i64>,
    pub integration: Integration,
    pub files: BTreeMap<String, File>,
    #[serde(skip)]
    chance: Chance,
}

impl World {
    pub(crate) fn new(options: JelouOptions) -> Self {
        let chance = Chance::new(options.seed);
        let mut world = Self {
            second_start: options.second_start,
            same_id: options.same_id,
            after_silence: options.after_silence,
            calling: options.calling,
            options,
            users: BTreeMap::new(),
            aliases: BTreeMap::new(),
            conversations: Vec::new(),
            ends_shown: BTreeMap::new(),
            index: HashMap::new(),
            live: HashMap::new(),
            cache: BTreeMap::new(),
            memory: BTreeMap::new(),
            answering: BTreeMap::new(),
            spoken: Vec::new(),
            given_ids: HashSet::new(),
            last_heard: BTreeMap::new(),
            integration: Integration::bare(),
            files: BTreeMap::new(),
            chance,
        };
        for (id, name) in world.options.users.clone() {
            world.add_user(&id, &name);
        }
        world
    }

    pub(crate) fn add_user(&mut self, id: &str, name: &str) {
        let user = User {
            id: id.to_owned(),
            name: name.to_owned(),
            created_at_ms: now_ms(),
        };
        self.users.insert(id.to_owned(), user);
    }

    /// Jelou's own spelling of a customer it knows, or comes to know.
    pub(crate) fn canonical(&mut self, asked: &str) -> Option<String> {
        let id = self
            .aliases
            .get(asked)
            .map_or(asked, String::as_str)
            .to_owned();
        if !self.users.contains_key(&id) {
            if self.options.strangers == Strangers::Refused {
                return None;
            }
            let name = format!(
                "Customer {}",
                id.get(id.len().saturating_sub(4)..).unwrap_or(&id)
            );
            self.add_user(&id, &name);
        }
        Some(id)
    }

    pub(crate) fn bot_name(&self, id: &str) -> Option<&str> {
        let bot = self.options.bots.iter().find(|(bot, _)| bot == id);
        bot.map(|(_, name)| name.as_str())
    }

    pub(crate) fn conversation(&self, id: &str) -> Option<&Conversation> {
        self.conversations.get(*self.index.get(id)?)
    }

    /// The customer's active conversation, the newest where the model allows several.
    pub(crate) fn active(&self, bot: &str, user: &str) -> Option<&Conversation> {
        self.conversation(self.live.get(&place(bot, user))?.last()?)
    }

    pub(crate) fn start(&mut self, hooks: &Hooks, asked: Start) -> Started {
        let Some(user) = self.canonical(&asked.user) else {
            return Started::UnknownUser;
        };
        if let Some(existing) = self.active(&asked.bot, &user) {
            match self.second_start {
                SecondStart::Refuse => return Started::Busy,
                SecondStart::ReturnExisting => return Started::Existing(existing.clone()),
                SecondStart::StartAnother => {}
            }
        }
        self.first_words(&asked, &user);
        let conversation = Conversation {
            id: self.new_id(),
            room: format!("G:{}:{user}", asked.bot),
            bot: asked.bot,
            user,
            asked_user: asked.by_api.then_some(asked.user),
            active: true,
            start_at_ms: now_ms(),
            end_at_ms: None,
            ended_reason: None,
            metadata: asked.metadata,
            assignment: asked.assignment,
            initial_message: asked.initial_message,
            redirect_payload: None,
            messages: Vec::new(),
            first_reply_at_ms: None,
        };
        self.index
            .insert(conversation.id.clone(), self.conversations.len());
        self.conversations.push(conversation.clone());
        let live = self
            .live
            .entry(place(&conversation.bot, &conversation.user));
        live.or_default().push(conversation.id.clone());
        self.tell(
            hooks,
            &conversation,
            conversation.start_at_ms,
            Happened::Started {
                initial_message: conversation.initial_message.as_deref(),
                metadata: conversation.metadata.as_ref(),
            },
        );
        Started::New(conversation)
    }

    /// The words with which a conversation begins: ours to the customer, or the customer's to the
    /// bot, which handed over after them. The latter belong to no conversation yet.
    fn first_words(&mut self, asked: &Start, user: &str) {
        if !asked.by_api {
            self.last_heard.insert(place(&asked.bot, user), now_ms());
        }
        let Some(words) = &asked.initial_message else {
            return;
        };
        let first = by_bot(&asked.bot, user, "text", json!({"body": words}));
        let first = match asked.by_api {
            true => first,
            false => Spoken {
                by: Speaker::User,
                at_ms: first.at_ms - HANDED_OVER_AFTER_MS,
                ..first
            },
        };
        self.keep(first);
    }

    /// Closes a conversation; `None` where there is none or it is over.
    pub(crate) fn close(
        &mut self,
        hooks: &Hooks,
        id: &str,
        reason: &str,
        redirect_payload: Option<Value>,
    ) -> Option<Conversation> {
        let conversation = self.conversations.get_mut(*self.index.get(id)?)?;
        if !conversation.active {
            return None;
        }
        let now = now_ms();
        conversation.active = false;
        conversation.end_at_ms = Some(now);
        conversation.ended_reason = Some(reason.to_owned());
        conversation.redirect_payload = redirect_payload;
        let closed = conversation.clone();
        if let Some(live) = self.live.get_mut(&place(&closed.bot, &closed.user)) {
            live.retain(|one| one != id);
        }
        let redirect_payload = closed.redirect_payload.as_ref();
        if let Some(words) = redirect_payload.and_then(|payload| payload.get("text")) {
            let last = by_bot(&closed.bot, &closed.user, "text", json!({"body": words}));
            self.keep(last);
        }
        let happened = Happened::Closed {
            reason,
            redirect_payload,
        };
        self.tell(hooks, &closed, now, happened);
        Some(closed)
    }

    /// The customer writes in a conversation, also in one that is over; returns the message's id.
    pub(crate) fn write(
        &mut self,
        hooks: &Hooks,
        id: &str,
        kind: &str,
        content: &Value,
    ) -> Option<String> {
        let message = self.message_id("wamid.");
        let conversation = self.conversations.get_mut(*self.index.get(id)?)?;
        conversation.messages.push(message.clone());
        let conversation = conversation.clone();
        let now = now_ms();
        self.last_heard
            .insert(place(&conversation.bot, &conversation.user), now);
        self.keep(Spoken {
            id: message.clone(),
            conversation: Some(conversation.id.clone()),
            by: Speaker::User,
            at_ms: now,
            ..by_bot(&conversation.bot, &conversation.user, kind, content.clone())
        });
        let happened = Happened::Said {
            id: &message,
            kind,
            content,
        };
        self.tell(hooks, &conversation, now, happened);
        Some(message)
    }

    fn tell(&self, hooks: &Hooks, about: &Conversation, timestamp: i64, value: Happened<'_>) {
        let Words(event, field, object, event_type) = value.words();
        // Only the start event carries who got it.
        let assignment = match value {
            Happened::Started { .. } => about.assignment.as_ref(),
            Happened::Closed { .. } | Happened::Said { .. } => None,
        };
        let body = serde_json::to_string(&Event {
            event,
            timestamp,
            field,
            object,
            event_type,
            project_id: &self.options.project_id,
            room_id: &about.room,
            contact: Named {
                id: &about.user,
                name: self.users.get(&about.user).map_or("", |user| &user.name),
            },
            conversation: Talk {
                id: &about.id,
                assignment,
            },
            bot: Named {
                id: &about.bot,
                name: self.bot_name(&about.bot).unwrap_or(""),
            },
            value,
        })
        .unwrap_or_default();
        let signature = sign(&hooks.secret(), body.as_bytes());
        let mut headers = BTreeMap::from([("x-jelou-signature".to_owned(), signature)]);
        headers.extend(self.integration.header());
        hooks.push(event_type, &about.id, headers, body);
    }

    /// A new id of a message.
    pub(super) fn message_id(&mut self, prefix: &str) -> String {
        format!(
            "{prefix}{:016X}{:08X}",
            self.chance.next(),
            self.chance.next() >> 32
        )
    }

    /// A new signing secret: it looks like hexadecimal, as Jelou's do. Never used for real.
    pub(super) fn new_secret(&mut self) -> String {
        (0..4)
            .map(|_| format!("{:016x}", self.chance.next()))
            .collect()
    }

    /// The conversation that an agent wrote in for the first time.
    pub(super) fn replied(&mut self, id: &str) {
        let index = self.index.get(id).copied();
        if let Some(one) = index.and_then(|at| self.conversations.get_mut(at)) {
            one.first_reply_at_ms.get_or_insert_with(now_ms);
        }
    }

    /// Four bytes of time, five of chance, three that count: unique also across restarts.
    fn new_id(&mut self) -> String {
        let seconds = now_ms() / 1_000;
        let drawn = self.chance.next() >> 24;
        format!(
            "{seconds:08x}{drawn:010x}{:06x}",
            self.conversations.len() + 1
        )
    }

    pub(crate) fn summary(&self) -> Value {
        json!({"project_id": self.options.project_id, "bots": self.options.bots, "world": self})
    }
}
