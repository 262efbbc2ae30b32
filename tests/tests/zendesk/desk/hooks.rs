//! Webhooks: event subscriptions, or a trigger with a body of one's own (developer.zendesk.com, pages
//! "Ticket events", "Verifying webhooks", "Anatomy of a webhook request"). Neighbour: `world`.
//!
//! Order is not guaranteed, a delivery may come twice, and a repetition keeps its id and its
//! timestamp.

use super::{
    lock, now_ms,
    show::{precise, seconds},
    world::{Changed, Ticket, World},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// Which webhook an account has; one cannot be both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// `zen:event-type:ticket.*`, each of those that `deploy/zendesk` subscribes to.
    Subscription,
    /// A trigger on every change, with the body that `deploy/zendesk` ships.
    Trigger,
}

/// The event types that `deploy/zendesk` subscribes to.
const SUBSCRIBED: [&str; 12] = [
    "created",
    "status_changed",
    "comment_added",
    "tags_changed",
    "priority_changed",
    "group_assignment_changed",
    "agent_assignment_changed",
    "custom_field_changed",
    "requester_changed",
    "external_id_changed",
    "merged",
    "soft_deleted",
];

/// The receiver's answer is waited for this long (Zendesk says 12 s).
const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// One webhook, kept to look at and to send again.
#[derive(Clone, Debug)]
pub struct Told {
    /// `status_changed`, or `trigger`.
    pub kind: Kind,
    body: String,
    invocation: String,
    timestamp: String,
    /// What it was last answered.
    pub answered: Option<u16>,
}

/// The last word of an event's type.
pub type Kind = String;

#[derive(Default)]
struct State {
    url: Option<String>,
    off: bool,
    hold: bool,
    twice: bool,
    told: Vec<Told>,
    held: Vec<usize>,
    on_their_way: usize,
    count: u64,
}

pub struct Hooks {
    state: Mutex<State>,
    client: reqwest::Client,
    hook: Hook,
    secret: String,
    runtime: tokio::runtime::Handle,
}

impl Hooks {
    pub fn new(hook: Hook, secret: &str) -> Self {
        Self {
            state: Mutex::default(),
            client: reqwest::Client::builder()
                .no_proxy()
                .timeout(ANSWER_WITHIN)
                .build()
                .expect("a client"),
            hook,
            secret: secret.to_owned(),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    /// Where they go.
    pub fn set_url(&self, url: &str) {
        lock(&self.state).url = Some(url.to_owned());
    }

    /// All are lost from now on, or none.
    pub fn set_off(&self, off: bool) {
        lock(&self.state).off = off;
    }

    /// Each is delivered twice from now on, or once.
    pub fn set_twice(&self, twice: bool) {
        lock(&self.state).twice = twice;
    }

    /// From now on they wait, until they are sent by [`Self::release`].
    pub fn hold(&self) {
        lock(&self.state).hold = true;
    }

    /// Sends what was held, in the order that `order` puts it, one after the other; nothing is held
    /// any more. What they said in a word each is returned.
    pub async fn release(self: &Arc<Self>, order: impl FnOnce(&mut Vec<Told>)) -> Vec<Kind> {
        let mut held: Vec<Told> = {
            let mut state = lock(&self.state);
            state.hold = false;
            let held = std::mem::take(&mut state.held);
            held.iter().map(|at| state.told[*at].clone()).collect()
        };
        order(&mut held);
        for told in &held {
            assert_eq!(self.post(told).await, Some(200), "{}", told.kind);
        }
        held.into_iter().map(|told| told.kind).collect()
    }

    /// All there were.
    pub fn told(&self) -> Vec<Told> {
        lock(&self.state).told.clone()
    }

    /// Sends one again as it was: the same id, the same old timestamp.
    pub async fn again(&self, told: &Told) -> Option<u16> {
        self.post(told).await
    }

    /// Sends one again under another timestamp, as a repetition of a day ago would carry it.
    pub async fn again_with(&self, told: &Told, timestamp: &str) -> Option<u16> {
        let mut old = told.clone();
        old.timestamp = timestamp.to_owned();
        self.post(&old).await
    }

    /// Whether none is on its way.
    pub fn quiet(&self) -> bool {
        lock(&self.state).on_their_way == 0
    }

    /// A ticket was made: one act, a sequence of events.
    pub fn created(self: &Arc<Self>, world: &World, id: u64, by: u64) {
        let ticket = world.tickets.get(&id).expect("it is new");
        let mut events = vec![("created", json!({}))];
        if let Some(comment) = ticket.comments.first() {
            events.push(("comment_added", added(world, comment)));
        }
        if !ticket.tags.is_empty() {
            let tags = json!({"tags_added": ticket.tags, "tags_removed": []});
            events.push(("tags_changed", tags));
        }
        if ticket.group.is_some() {
            events.push(("group_assignment_changed", moved(None, ticket.group)));
        }
        if ticket.external_id.is_some() {
            let now = json!({"previous": null, "current": ticket.external_id});
            events.push(("external_id_changed", now));
        }
        self.happened(world, ticket, by, events);
    }

    /// A ticket changed.
    pub fn changed(self: &Arc<Self>, world: &World, id: u64, by: u64, changed: &Changed) {
        let ticket = world.tickets.get(&id).expect("it is there");
        let upper = |text: &Option<String>| text.as_ref().map(|text| text.to_uppercase());
        let mut events = Vec::new();
        if let Some(comment) = &changed.comment {
            events.push(("comment_added", added(world, comment)));
        }
        if let Some((old, new)) = &changed.status {
            let event = json!({"previous": old.to_uppercase(), "current": new.to_uppercase()});
            events.push(("status_changed", event));
        }
        if let Some((old, new)) = &changed.priority {
            let event = json!({"previous": upper(old), "current": upper(new)});
            events.push(("priority_changed", event));
        }
        if let Some((old, new)) = &changed.tags {
            let but = |all: &[String], less: &[String]| -> Vec<String> {
                let kept = all.iter().filter(|tag| !less.contains(tag));
                kept.cloned().collect()
            };
            let event = json!({"tags_added": but(new, old), "tags_removed": but(old, new)});
            events.push(("tags_changed", event));
        }
        if let Some((old, new)) = changed.group {
            events.push(("group_assignment_changed", moved(old, new)));
        }
        if let Some((old, new)) = changed.assignee {
            events.push(("agent_assignment_changed", moved(old, new)));
        }
        if let Some((old, new)) = &changed.external_id {
            let event = json!({"previous": old, "current": new});
            events.push(("external_id_changed", event));
        }
        for (field, old, new) in &changed.fields {
            let event = json!({"field": {"id": field.to_string(), "type": "text"}, "previous": old, "current": new});
            events.push(("custom_field_changed", event));
        }
        if !events.is_empty() {
            self.happened(world, ticket, by, events);
        }
    }

    fn happened(
        self: &Arc<Self>,
        world: &World,
        ticket: &Ticket,
        by: u64,
        events: Vec<(&str, Value)>,
    ) {
        match self.hook {
            Hook::Trigger => self.push("trigger", trigger(world, ticket, by)),
            Hook::Subscription => {
                let total = events.len();
                let sequence = format!("{:032X}", now_ms());
                let subscribed = events.into_iter().enumerate();
                for (at, (kind, mut event)) in
                    subscribed.filter(|(_, (k, _))| SUBSCRIBED.contains(k))
                {
                    let place = json!({"id": sequence, "position": at + 1, "total": total});
                    event["meta"] = json!({ "sequence": place });
                    let id = self.uuid();
                    self.push(kind, envelope(ticket, by, kind, &event, &id).to_string());
                }
            }
        }
    }

    fn uuid(&self) -> String {
        let mut state = lock(&self.state);
        state.count += 1;
        format!("2b24ef10-19d3-4740-93cf-{:012x}", state.count)
    }

    fn push(self: &Arc<Self>, kind: &str, body: String) {
        let invocation = self.uuid();
        let mut state = lock(&self.state);
        let told = Told {
            kind: kind.to_owned(),
            body,
            invocation,
            timestamp: seconds(now_ms()),
            answered: None,
        };
        let at = state.told.len();
        state.told.push(told.clone());
        if state.off {
            return;
        }
        if state.hold {
            state.held.push(at);
            return;
        }
        for _ in 0..=usize::from(state.twice) {
            state.on_their_way += 1;
            let (this, told) = (Arc::clone(self), told.clone());
            self.runtime.spawn(async move {
                let answered = this.post(&told).await;
                let mut state = lock(&this.state);
                state.told[at].answered = answered;
                state.on_their_way -= 1;
            });
        }
    }

    async fn post(&self, told: &Told) -> Option<u16> {
        let url = lock(&self.state).url.clone()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("any length");
        mac.update(told.timestamp.as_bytes());
        mac.update(told.body.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let sent = self
            .client
            .post(url)
            .header("content-type", "application/json; charset=utf-8")
            .header("x-zendesk-account-id", "22129848")
            .header("x-zendesk-webhook-id", "01JZ0000000000000000000000")
            .header("x-zendesk-webhook-invocation-id", &told.invocation)
            .header("x-zendesk-webhook-signature", signature)
            .header("x-zendesk-webhook-signature-timestamp", &told.timestamp)
            .body(told.body.clone());
        sent.send()
            .await
            .ok()
            .map(|answer| answer.status().as_u16())
    }
}

fn moved(old: Option<u64>, new: Option<u64>) -> Value {
    let text = |id: Option<u64>| id.map(|id| id.to_string());
    json!({"previous": text(old), "current": text(new)})
}

fn added(world: &World, comment: &super::world::Comment) -> Value {
    let author = world.users.get(&comment.author).expect("a user");
    json!({"comment": {
        "id": comment.id.to_string(), "body": comment.body, "is_public": comment.public,
        "author": {"id": author.id.to_string(), "is_staff": author.staff, "name": author.name},
    }})
}

/// Ids are text here, words are in capitals, and there are neither names nor phones.
fn envelope(ticket: &Ticket, by: u64, kind: &str, event: &Value, id: &str) -> Value {
    let text = |id: Option<u64>| id.map(|id| id.to_string());
    json!({
        "account_id": 22_129_848, "id": id, "subject": format!("zen:ticket:{}", ticket.id),
        "time": precise(now_ms()),
        "type": format!("zen:event-type:ticket.{kind}"), "zendesk_event_version": "2022-06-20",
        "event": event,
        "detail": {
            "actor_id": by.to_string(), "assignee_id": text(ticket.assignee), "brand_id": "8447346621310",
            "created_at": seconds(ticket.created_ms), "custom_status": "8447320465790",
            "description": ticket.comments.first().map(|c| c.body.clone()),
            "external_id": ticket.external_id, "form_id": "8646151517822",
            "group_id": text(ticket.group), "id": ticket.id.to_string(), "is_public": true,
            "organization_id": null, "priority": ticket.priority.as_ref().map(|p| p.to_uppercase()),
            "requester_id": ticket.requester.to_string(), "status": ticket.status.to_uppercase(),
            "subject": ticket.subject, "submitter_id": ticket.submitter.to_string(),
            "tags": ticket.tags, "type": null, "updated_at": seconds(ticket.updated_ms),
            "via": {"channel": "web_service"},
        },
    })
}

/// The shipped body with its placeholders filled in, escaped for JSON.
fn trigger(world: &World, ticket: &Ticket, by: u64) -> String {
    let requester = world.users.get(&ticket.requester).expect("a user");
    let group = ticket.group.and_then(|id| world.groups.get(&id));
    let assignee = ticket.assignee.and_then(|id| world.users.get(&id));
    let title = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_uppercase().to_string());
        first.unwrap_or_default() + chars.as_str()
    };
    let minute = |ms: i64| seconds(ms).rsplit_once(':').expect("a time").0.to_owned() + "Z";
    let values = [
        ("current_user.id", by.to_string()),
        ("ticket.id", ticket.id.to_string()),
        ("ticket.status", title(&ticket.status)),
        (
            "ticket.priority",
            ticket.priority.as_deref().map(title).unwrap_or_default(),
        ),
        ("ticket.title", ticket.subject.clone()),
        ("ticket.tags", ticket.tags.join(" ")),
        ("ticket.group.name", group.cloned().unwrap_or_default()),
        (
            "ticket.external_id",
            ticket.external_id.clone().unwrap_or_default(),
        ),
        (
            "ticket.assignee.name",
            assignee.map(|u| u.name.clone()).unwrap_or_default(),
        ),
        (
            "ticket.link",
            format!("acme.zendesk.com/agent/tickets/{}", ticket.id),
        ),
        (
            "ticket.created_at_with_timestamp",
            minute(ticket.created_ms),
        ),
        (
            "ticket.updated_at_with_timestamp",
            minute(ticket.updated_ms),
        ),
        ("ticket.requester.id", requester.id.to_string()),
        ("ticket.requester.name", requester.name.clone()),
        (
            "ticket.requester.phone",
            requester.phone.clone().unwrap_or_default(),
        ),
        (
            "ticket.requester.email",
            requester.email.clone().unwrap_or_default(),
        ),
        (
            "ticket.requester.external_id",
            requester.external_id.clone().unwrap_or_default(),
        ),
    ];
    let mut body = include_str!("../../../../deploy/zendesk/trigger-body.json").to_owned();
    for (name, value) in values {
        let quoted = json!(value).to_string();
        let escaped = quoted
            .trim_start_matches('"')
            .strip_suffix('"')
            .unwrap_or_default()
            .to_owned();
        body = body.replace(&format!("{{{{{name}}}}}"), &escaped);
    }
    assert!(
        !body.contains("{{"),
        "a placeholder that Zendesk does not have: {body}"
    );
    body
}
