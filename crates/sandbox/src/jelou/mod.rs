//! A Jelou that runs on this machine. Rooms: world (what is true, made of records), route, lock, api,
//! place, talk, listing, integration and answer (their HTTP), event (their webhooks), files (what
//! customers sent), acts, control and chat (ours: by hand, under `/sandbox/` and on the page at `/`).

mod acts;
mod answer;
mod api;
mod chat;
mod control;
mod event;
mod files;
mod integration;
mod listing;
mod lock;
mod options;
mod place;
mod record;
mod route;
mod talk;
#[cfg(test)]
mod tests;
mod world;

pub use acts::CustomerFile;
pub use options::{AfterSilence, JelouOptions, ReportTakes, SameId, SecondStart, Strangers};
pub use record::{Conversation, EndShown, Record, Speaker, Spoken, User};

use crate::{
    calls::Call,
    control::Controlled,
    hooks::{Hooks, Target},
    manners::Manners,
    page,
    server::{self, Door},
    stage::{self, Asked, Stage, lock},
};
use axum::{Router, body::Body, extract::State, http::Request, response::Response, routing::get};
use place::place;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use world::World;

#[derive(Debug)]
pub(crate) struct Inner {
    stage: Stage,
    world: Mutex<World>,
    /// Where it is, for the addresses of files.
    base: String,
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
        let base = format!("http://{addr}");
        let handle = Self(Arc::new(Inner { stage, world, base }));
        let router = Router::new()
            .nest("/sandbox", control::routes())
            .route("/", get(async || page::shown(chat::PAGE)))
            .route("/media/{id}/{name}", get(files::fetch))
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

    /// How many calls it ever got.
    #[must_use]
    pub fn call_count(&self) -> u64 {
        lock(&self.0.stage.calls).count()
    }

    /// The calls it got after the one of this number, oldest first.
    #[must_use]
    pub fn calls_after(&self, number: u64) -> Vec<Call> {
        lock(&self.0.stage.calls).after(number)
    }

    /// Every conversation, oldest first.
    #[must_use]
    pub fn conversations(&self) -> Vec<Conversation> {
        lock(&self.0.world).conversations.clone()
    }

    /// How many conversations there ever were.
    #[must_use]
    pub fn conversation_count(&self) -> usize {
        lock(&self.0.world).conversations.len()
    }

    /// The conversations but the first so many, oldest first.
    #[must_use]
    pub fn conversations_after(&self, count: usize) -> Vec<Conversation> {
        let world = lock(&self.0.world);
        world.conversations.iter().skip(count).cloned().collect()
    }

    /// The conversation of a customer on the first bot that goes on.
    #[must_use]
    pub fn active_conversation(&self, user: &str) -> Option<Conversation> {
        let world = lock(&self.0.world);
        let (bot, _) = world.options.bots.first()?;
        world.active(bot, user).cloned()
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

    /// Everything that was said in either direction, in order.
    #[must_use]
    pub fn spoken(&self) -> Vec<Spoken> {
        lock(&self.0.world).spoken.clone()
    }

    /// How much was ever said, in both directions.
    #[must_use]
    pub fn spoken_count(&self) -> usize {
        lock(&self.0.world).spoken.len()
    }

    /// What was said but the first so many, in order.
    #[must_use]
    pub fn spoken_after(&self, count: usize) -> Vec<Spoken> {
        let world = lock(&self.0.world);
        world.spoken.iter().skip(count).cloned().collect()
    }

    /// What a customer has on the phone: what reached them, in order.
    #[must_use]
    pub fn heard_by(&self, user: &str) -> Vec<Spoken> {
        let mut spoken = self.spoken();
        spoken.retain(|one| one.user == user && one.by != Speaker::User && one.arrived);
        spoken
    }

    /// Whether a person answers the customer and the bot is silent (`manual`).
    #[must_use]
    pub fn is_answered_by_person(&self, bot: &str, user: &str) -> bool {
        lock(&self.0.world).is_answered_by_person(bot, user)
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
    let operation = route::Route::of(request.method().as_str(), &path).operation();
    let asked = Asked::read(operation, request).await;
    stage::treat(jelou.0, asked).await
}
