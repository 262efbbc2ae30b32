//! A Jelou that runs on this machine. Rooms: world (what is true), api (their HTTP), event (their
//! webhooks), control (ours, under `/sandbox/`).

mod api;
mod control;
mod event;
#[cfg(test)]
mod tests;
mod world;

pub use world::{Conversation, Record, User};

use crate::{
    calls::Call,
    control::Controlled,
    hooks::{Hooks, Target},
    manners::Manners,
    server::{self, Door},
    stage::{self, Asked, Refusal, Stage, lock},
};
use axum::{Router, body::Body, extract::State, http::Request, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use world::{Start, Started, World, place};

/// What a second start for a customer with an active conversation does. No page says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondStart {
    /// 422.
    #[default]
    Refuse,
    /// 200 with the id of the conversation that goes on, and no event.
    ReturnExisting,
    /// It starts another; both go on.
    StartAnother,
}

/// What becomes of customers that this Jelou never heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// They are known from then on. For trying things out.
    #[default]
    Welcome,
    /// 404, as documented.
    Refused,
}

/// How a Jelou is set up. The defaults are what `demo` and the tests use.
#[derive(Clone)]
pub struct JelouOptions {
    /// Where it listens; loopback only, port 0 takes a free one.
    pub listen: SocketAddr,
    /// The project.
    pub project_id: String,
    /// Bots by id and name; the first is the one that customers write to.
    pub bots: Vec<(String, String)>,
    /// Customers it knows from the start, by id and name.
    pub users: Vec<(String, String)>,
    /// What becomes of others.
    pub strangers: Strangers,
    /// The gateway's key (`x-api-key`).
    pub api_key: String,
    /// The user of Basic.
    pub client_id: String,
    /// The password of Basic.
    pub client_secret: String,
    /// Where its webhooks go.
    pub webhook_url: Option<String>,
    /// What signs them.
    pub signing_secret: String,
    /// The model of a second start.
    pub second_start: SecondStart,
    /// The seed of all chance in it.
    pub seed: u64,
}

impl Default for JelouOptions {
    fn default() -> Self {
        let bot = "7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801";
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            project_id: "01ksandbox000000000000001".to_owned(),
            bots: vec![(bot.to_owned(), "Sandbox".to_owned())],
            users: Vec::new(),
            strangers: Strangers::Welcome,
            api_key: "sandbox-api-key".to_owned(),
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            webhook_url: None,
            signing_secret: "sandbox-signing-secret".to_owned(),
            second_start: SecondStart::Refuse,
            seed: 1,
        }
    }
}

impl std::fmt::Debug for JelouOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JelouOptions")
            .field("listen", &self.listen)
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct Inner {
    stage: Stage,
    world: Mutex<World>,
}

/// The handle on a running Jelou: to look and to act.
#[derive(Clone, Debug)]
pub struct Jelou(Arc<Inner>);

/// A Jelou that runs; it stops when this is dropped.
#[derive(Debug)]
pub struct RunningJelou {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The handle.
    pub handle: Jelou,
}

impl RunningJelou {
    /// `http://127.0.0.1:PORT`, for `gateway_url` and `api_url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for RunningJelou {
    fn drop(&mut self) {
        self.handle.0.stage.gate.set_soon(Door::Closed);
    }
}

impl Jelou {
    /// Starts one.
    ///
    /// # Errors
    /// Where the address is not loopback or cannot be listened on.
    pub async fn start(options: JelouOptions) -> io::Result<RunningJelou> {
        let (listener, addr, gate, opened) = server::open(options.listen).await?;
        let target = Target {
            url: options.webhook_url.clone(),
            secret: options.signing_secret.clone(),
        };
        let stage = Stage {
            calls: Mutex::default(),
            manners: Manners::new(options.seed),
            hooks: Hooks::new(target, options.seed)?,
            gate,
        };
        let world = Mutex::new(World::new(options));
        let handle = Self(Arc::new(Inner { stage, world }));
        let router = Router::new()
            .nest("/sandbox", control::routes())
            .fallback(called)
            .with_state(handle.clone());
        opened.serve(listener, router);
        Ok(RunningJelou { addr, handle })
    }

    /// How its calls are treated.
    #[must_use]
    pub fn manners(&self) -> &Manners {
        &self.0.stage.manners
    }

    /// How its webhooks travel.
    #[must_use]
    pub fn webhooks(&self) -> &Hooks {
        &self.0.stage.hooks
    }

    /// Opens or shuts the door, and returns when it stands so.
    pub async fn door(&self, door: Door) {
        self.0.stage.gate.set(door).await;
    }

    /// Every call it got, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.0.stage.calls).all()
    }

    /// Makes a customer known.
    pub fn add_user(&self, id: &str, name: &str) {
        lock(&self.0.world).add_user(id, name);
    }

    /// From now on the customer asked for as `asked` is the one spelled `canonical`.
    pub fn alias(&self, asked: &str, canonical: &str) {
        let aliases = &mut lock(&self.0.world).aliases;
        aliases.insert(asked.to_owned(), canonical.to_owned());
    }

    /// Changes the model.
    pub fn set_second_start(&self, model: SecondStart) {
        lock(&self.0.world).second_start = model;
    }

    /// A customer writes to the first bot, and the bot hands them over: a conversation without
    /// metadata. Returns its id.
    ///
    /// # Errors
    /// Where the customer is unknown, or busy and the model refuses.
    pub fn customer_starts(&self, user: &str, text: &str) -> Result<String, Refusal> {
        let bot = lock(&self.0.world)
            .options
            .bots
            .first()
            .map(|(id, _)| id.clone());
        self.customer_starts_on(&bot.unwrap_or_default(), user, text)
    }

    /// As [`Self::customer_starts`], on this bot.
    ///
    /// # Errors
    /// Likewise.
    pub fn customer_starts_on(&self, bot: &str, user: &str, text: &str) -> Result<String, Refusal> {
        let start = Start {
            bot: bot.to_owned(),
            user: user.to_owned(),
            initial_message: Some(text.to_owned()).filter(|text| !text.is_empty()),
            ..Start::default()
        };
        match lock(&self.0.world).start(&self.0.stage.hooks, start) {
            Started::New(conversation) | Started::Existing(conversation) => Ok(conversation.id),
            Started::Busy => Err(Refusal(
                "the customer has an active conversation".to_owned(),
            )),
            Started::UnknownUser => {
                Err(Refusal("this Jelou does not know the customer".to_owned()))
            }
        }
    }

    /// The customer writes a text in a conversation, also in one that is over. Returns the message's id.
    ///
    /// # Errors
    /// Where there is no such conversation.
    pub fn customer_writes(&self, conversation: &str, text: &str) -> Result<String, Refusal> {
        self.customer_sends(conversation, "text", &json!({"body": text}))
    }

    /// The customer sends something of any kind, with its `content` as given.
    ///
    /// # Errors
    /// Where there is no such conversation.
    pub fn customer_sends(
        &self,
        conversation: &str,
        kind: &str,
        content: &Value,
    ) -> Result<String, Refusal> {
        let sent = lock(&self.0.world).write(&self.0.stage.hooks, conversation, kind, content);
        sent.ok_or_else(|| Refusal("there is no such conversation".to_owned()))
    }

    /// An operator closes a conversation at Jelou.
    ///
    /// # Errors
    /// Where there is none or it is over.
    pub fn operator_closes(&self, conversation: &str, reason: &str) -> Result<(), Refusal> {
        let closed = lock(&self.0.world).close(&self.0.stage.hooks, conversation, reason, None);
        closed
            .map(|_| ())
            .ok_or_else(|| Refusal("there is no such conversation that goes on".to_owned()))
    }

    /// A conversation ends by itself.
    ///
    /// # Errors
    /// Where there is none or it is over.
    pub fn expires(&self, conversation: &str) -> Result<(), Refusal> {
        self.operator_closes(conversation, "expired")
    }

    /// Every conversation, oldest first.
    #[must_use]
    pub fn conversations(&self) -> Vec<Conversation> {
        lock(&self.0.world).conversations.clone()
    }

    /// One conversation.
    #[must_use]
    pub fn conversation(&self, id: &str) -> Option<Conversation> {
        lock(&self.0.world).conversation(id).cloned()
    }

    /// The conversations whose metadata names this ticket, oldest first.
    #[must_use]
    pub fn conversations_of_ticket(&self, ticket: &str) -> Vec<Conversation> {
        let named = |c: &Conversation| {
            c.metadata
                .as_ref()?
                .get("ticketId")?
                .as_str()
                .map(str::to_owned)
        };
        let mut all = self.conversations();
        all.retain(|c| named(c).as_deref() == Some(ticket));
        all
    }

    /// The cache of a customer on a bot.
    #[must_use]
    pub fn user_cache(&self, bot: &str, user: &str) -> Map<String, Value> {
        let world = lock(&self.0.world);
        world
            .cache
            .get(&place(bot, user))
            .cloned()
            .unwrap_or_default()
    }

    /// The memory of a customer on a bot, as far as it has not ended.
    #[must_use]
    pub fn user_memory(&self, bot: &str, user: &str) -> BTreeMap<String, Value> {
        lock(&self.0.world).memory_of(bot, user)
    }
}

impl Controlled for Jelou {
    fn stage(&self) -> &Stage {
        &self.0.stage
    }

    fn state(&self) -> Value {
        lock(&self.0.world).summary()
    }

    fn forget(&self) {
        let world = &mut *lock(&self.0.world);
        *world = World::new(world.options.clone());
    }
}

async fn called(State(jelou): State<Jelou>, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    let operation = api::Route::of(request.method().as_str(), &path).operation();
    let asked = Asked::read(operation, request).await;
    stage::treat(jelou.0, asked).await
}
