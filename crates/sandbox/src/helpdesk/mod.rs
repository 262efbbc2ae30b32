//! A helpdesk that runs on this machine: tickets, requesters, comments, agents. Rooms: world (what
//! is true), api (its HTTP), control (ours, under `/sandbox/`).

mod api;
mod control;
#[cfg(test)]
mod tests;
mod world;

pub use world::{Comment, NewTicket, Requester, Role, STATUSES, Ticket};

use crate::{
    calls::Call,
    control::Controlled,
    hooks::{Hooks, Target},
    manners::Manners,
    server::{self, Door},
    stage::{self, Asked, Refusal, Stage, lock},
};
use axum::{Router, body::Body, extract::State, http::Request, response::Response};
use serde_json::{Value, json};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use world::{Patch, World};

/// How a helpdesk is set up. The defaults are what `demo` and the tests use.
#[derive(Clone)]
pub struct HelpdeskOptions {
    /// Where it listens; loopback only, port 0 takes a free one.
    pub listen: SocketAddr,
    /// The bridge's bearer token; what comes with it is done by [`Role::Bridge`].
    pub token: String,
    /// An agent's bearer token.
    pub agent_token: String,
    /// Where its webhooks go.
    pub webhook_url: Option<String>,
    /// What signs them.
    pub webhook_secret: String,
    /// The seed of all chance in it.
    pub seed: u64,
}

impl Default for HelpdeskOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: "sandbox-helpdesk-token".to_owned(),
            agent_token: "sandbox-agent-token".to_owned(),
            webhook_url: None,
            webhook_secret: "sandbox-webhook-secret".to_owned(),
            seed: 1,
        }
    }
}

impl std::fmt::Debug for HelpdeskOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelpdeskOptions")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub(crate) struct Inner {
    stage: Stage,
    world: Mutex<World>,
}

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
        let handle = Self(Arc::new(Inner { stage, world }));
        let router = Router::new()
            .nest("/sandbox", control::routes())
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

    /// An agent makes a ticket. Returns its id. The requester is found by phone, else made.
    #[must_use]
    pub fn agent_creates(&self, new: NewTicket) -> String {
        let world = &mut *lock(&self.0.world);
        let requester = world.upsert_requester(
            new.requester_name.clone(),
            new.requester_phone.clone(),
            None,
        );
        world
            .create(&self.0.stage.hooks, Role::Agent, new, requester, None)
            .id
    }

    /// An agent sets a ticket's status.
    ///
    /// # Errors
    /// Where there is no such ticket, it is closed, or the status is none of [`STATUSES`].
    pub fn agent_sets_status(&self, id: &str, status: &str) -> Result<(), Refusal> {
        self.change(id, |_| Patch {
            status: Some(status.to_owned()),
            ..Patch::default()
        })
    }

    /// An agent puts tags on and takes tags off.
    ///
    /// # Errors
    /// Where there is no such ticket or it is closed.
    pub fn agent_edits_tags(&self, id: &str, add: &[&str], remove: &[&str]) -> Result<(), Refusal> {
        self.change(id, |ticket| {
            let kept = ticket
                .tags
                .iter()
                .filter(|tag| !remove.contains(&tag.as_str()));
            let added = add.iter().map(|tag| (*tag).to_owned());
            Patch {
                tags: Some(kept.cloned().chain(added).collect()),
                ..Patch::default()
            }
        })
    }

    /// An agent sets a custom field.
    ///
    /// # Errors
    /// Where there is no such ticket or it is closed.
    pub fn agent_sets_field(&self, id: &str, field: &str, value: Value) -> Result<(), Refusal> {
        self.change(id, |_| Patch {
            fields: Some([(field.to_owned(), value)].into_iter().collect()),
            ..Patch::default()
        })
    }

    fn change(&self, id: &str, patch: impl FnOnce(&Ticket) -> Patch) -> Result<(), Refusal> {
        let world = &mut *lock(&self.0.world);
        let ticket = world.ticket(id).ok_or(world::Denied::Unknown)?;
        let patch = patch(ticket);
        world.change(&self.0.stage.hooks, Role::Agent, id, patch)?;
        Ok(())
    }

    /// An agent comments, in public or among agents. Returns the comment's id.
    ///
    /// # Errors
    /// Where there is no such ticket or it is closed.
    pub fn agent_comments(&self, id: &str, body: &str, public: bool) -> Result<String, Refusal> {
        self.comments_as(Role::Agent, id, body, public)
    }

    /// Anyone comments. Returns the comment's id.
    ///
    /// # Errors
    /// Where there is no such ticket or it is closed.
    pub fn comments_as(
        &self,
        by: Role,
        id: &str,
        body: &str,
        public: bool,
    ) -> Result<String, Refusal> {
        let world = &mut *lock(&self.0.world);
        Ok(world.comment(&self.0.stage.hooks, by, id, body, public)?.id)
    }

    /// An agent deletes a ticket: reads answer 404 from now on. No webhook tells.
    ///
    /// # Errors
    /// Where there is no such ticket.
    pub fn agent_deletes(&self, id: &str) -> Result<(), Refusal> {
        Ok(lock(&self.0.world).delete(id)?)
    }

    /// Every ticket, oldest first.
    #[must_use]
    pub fn tickets(&self) -> Vec<Ticket> {
        lock(&self.0.world).tickets.values().cloned().collect()
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

async fn called(State(helpdesk): State<Helpdesk>, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    let operation = api::Route::of(request.method().as_str(), &path).operation();
    let asked = Asked::read(operation, request).await;
    stage::treat(helpdesk.0, asked).await
}
