//! A helpdesk that runs on this machine: tickets, requesters, comments, agents. Rooms: world (what
//! is true, made of records), route, api, list and answer (its HTTP), acts and control (by hand, and
//! under `/sandbox/` and on the page at `/`), waiting (what the bridge tells that page).

mod acts;
mod answer;
mod api;
mod control;
mod list;
mod options;
mod record;
mod route;
#[cfg(test)]
mod tests;
mod waiting;
mod world;

pub use options::HelpdeskOptions;
pub use record::{Attachment, Comment, NewTicket, Requester, Role, STATUSES, Ticket};
pub use waiting::Bridge;

use crate::{
    calls::Call,
    control::Controlled,
    hooks::{Hooks, Target},
    manners::Manners,
    page,
    server::{self, Door},
    stage::{self, Asked, Stage, lock},
};
use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{Request, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::{
    io,
    net::SocketAddr,
    ops::Bound,
    sync::{Arc, Mutex},
};
use world::World;

#[derive(Debug)]
pub(crate) struct Inner {
    stage: Stage,
    /// Where it is, for the addresses of files.
    base: String,
    world: Mutex<World>,
    /// Asked why a ticket does not move, once one is named.
    bridge: Mutex<Option<Bridge>>,
}

/// The page on which a person plays the agent: `GET /`.
const PAGE: &str = include_str!("desk.html");

/// The handle on a running helpdesk: to look and to act.
#[derive(Clone, Debug)]
pub struct Helpdesk(Arc<Inner>);

/// A helpdesk that runs; it stops when this is dropped.
#[derive(Debug)]
pub struct RunningHelpdesk {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The handle.
    pub handle: Helpdesk,
}

impl RunningHelpdesk {
    /// `http://127.0.0.1:PORT`, for `base_url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }
}

impl Drop for RunningHelpdesk {
    fn drop(&mut self) {
        self.handle.0.stage.gate.set_soon(Door::Closed);
    }
}

impl Helpdesk {
    /// Starts one.
    ///
    /// # Errors
    /// Where the address is not loopback or cannot be listened on.
    pub async fn start(options: HelpdeskOptions) -> io::Result<RunningHelpdesk> {
        let (listener, addr, gate, opened) = server::open(options.listen).await?;
        let target = Target {
            url: options.webhook_url.clone(),
            secret: options.webhook_secret.clone(),
        };
        let stage = Stage {
            calls: Mutex::default(),
            manners: Manners::new(options.seed),
            hooks: Hooks::new(target, options.seed)?,
            gate,
        };
        let world = Mutex::new(World::new(options));
        let handle = Self(Arc::new(Inner {
            stage,
            base: format!("http://{addr}"),
            world,
            bridge: Mutex::default(),
        }));
        let router = Router::new()
            .nest("/sandbox", control::routes())
            .route("/files/{id}/{name}", get(file))
            .route("/", get(async || page::shown(PAGE)))
            .fallback(called)
            .with_state(handle.clone());
        opened.serve(listener, router);
        Ok(RunningHelpdesk { addr, handle })
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

    /// Every ticket, oldest first.
    #[must_use]
    pub fn tickets(&self) -> Vec<Ticket> {
        lock(&self.0.world).tickets.values().cloned().collect()
    }

    /// The number of the latest ticket; 0 while there is none.
    #[must_use]
    pub fn last_ticket(&self) -> u64 {
        let world = lock(&self.0.world);
        world.tickets.last_key_value().map_or(0, |(id, _)| *id)
    }

    /// The tickets whose ids come after this number, oldest first.
    #[must_use]
    pub fn tickets_after(&self, id: u64) -> Vec<Ticket> {
        let later = (Bound::Excluded(id), Bound::Unbounded);
        let world = lock(&self.0.world);
        world.tickets.range(later).map(|(_, t)| t.clone()).collect()
    }

    /// One ticket.
    #[must_use]
    pub fn ticket(&self, id: &str) -> Option<Ticket> {
        lock(&self.0.world).ticket(id).cloned()
    }

    /// The tickets whose link field names this conversation, oldest first.
    #[must_use]
    pub fn tickets_of_conversation(&self, conversation: &str) -> Vec<Ticket> {
        let mut all = self.tickets();
        all.retain(|ticket| ticket.external_id.as_deref() == Some(conversation));
        all
    }

    /// What a comment's attachment holds.
    #[must_use]
    pub fn file(&self, id: &str) -> Option<Bytes> {
        let world = lock(&self.0.world);
        world.files.get(id).map(|(_, bytes)| bytes.clone())
    }

    /// A ticket's comments, oldest first.
    #[must_use]
    pub fn comments(&self, id: &str) -> Vec<Comment> {
        let key: u64 = id.parse().unwrap_or_default();
        let world = lock(&self.0.world);
        world.comments.get(&key).cloned().unwrap_or_default()
    }
}

impl Controlled for Helpdesk {
    fn stage(&self) -> &Stage {
        &self.0.stage
    }

    fn state(&self) -> Value {
        json!({"world": &*lock(&self.0.world)})
    }

    fn forget(&self) {
        let world = &mut *lock(&self.0.world);
        *world = World::new(world.options.clone());
    }
}

/// A file of a comment: whoever has the address gets it, as on most helpdesks.
async fn file(State(helpdesk): State<Helpdesk>, Path((id, _)): Path<(String, String)>) -> Response {
    match lock(&helpdesk.0.world).files.get(&id).cloned() {
        Some((file, bytes)) => ([(CONTENT_TYPE, file.mime_type)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn called(State(helpdesk): State<Helpdesk>, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    let operation = route::Route::of(request.method().as_str(), &path).operation();
    let asked = Asked::read(operation, request).await;
    stage::treat(helpdesk.0, asked).await
}
