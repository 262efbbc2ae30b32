//! Two ticketing systems as far as the set-up sees them, by their vendors' pages: what is registered
//! there, and webhooks signed with it. Neighbours: `hooks`, the stories; `bench`, the program beside them.

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// Which vendor's ways it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// It makes the secret, shows it, and lists by a cursor.
    Zendesk,
    /// It takes the secret, hides it, and sends only what a trigger asks for.
    Zammad,
}

#[derive(Default)]
struct Kept {
    webhooks: BTreeMap<u32, Value>,
    triggers: BTreeMap<u32, Value>,
    secrets: BTreeMap<u32, String>,
    writes: Vec<String>,
    made: u32,
    /// The next write is done, and its answer is cut off.
    cuts: bool,
    /// Whether it lists anything.
    forbids: bool,
}

/// A running one.
#[derive(Clone)]
pub struct Desk {
    ways: Ways,
    kept: Arc<Mutex<Kept>>,
    pub url: String,
}

type Answer = (StatusCode, Value);

impl Desk {
    pub async fn start(ways: Ways) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let desk = Self {
            ways,
            kept: Arc::default(),
            url: format!("http://{}", listener.local_addr().unwrap()),
        };
        let app = Router::new().fallback(answer).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        desk
    }

    /// Somebody's own webhook.
    pub fn has_a_webhook_to(&self, url: &str) -> u32 {
        let body = json!({ "name": "theirs", "endpoint": url, "active": true, "status": "active", "subscriptions": [] });
        self.make("webhooks", body)
    }

    /// Somebody's own trigger.
    pub fn has_a_trigger(&self, trigger: Value) -> u32 {
        self.make("triggers", trigger)
    }

    pub fn trigger(&self, id: u32) -> Value {
        self.kept.lock().unwrap().triggers[&id].clone()
    }

    pub fn change(&self, id: u32, key: &str, value: Value) {
        self.kept.lock().unwrap().webhooks.get_mut(&id).unwrap()[key] = value;
    }

    pub fn cut_the_next_answer(&self) {
        self.kept.lock().unwrap().cuts = true;
    }

    pub fn forbid(&self) {
        self.kept.lock().unwrap().forbids = true;
    }

    pub fn webhooks_to(&self, url: &str) -> Vec<u32> {
        let kept = self.kept.lock().unwrap();
        let to = kept.webhooks.iter().filter(|(_, w)| w["endpoint"] == url);
        to.map(|(id, _)| *id).collect()
    }

    pub fn secret_of(&self, id: u32) -> String {
        self.kept.lock().unwrap().secrets[&id].clone()
    }

    pub fn counts(&self) -> (usize, usize) {
        let kept = self.kept.lock().unwrap();
        (kept.webhooks.len(), kept.triggers.len())
    }

    /// What was changed since the last time.
    pub fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.kept.lock().unwrap().writes)
    }

    /// An agent changes a ticket: each webhook that is to hear of it is sent. The statuses it was
    /// answered with.
    pub async fn changes_a_ticket(&self) -> Vec<u16> {
        let mut answered = Vec::new();
        for (endpoint, secret) in self.hearers() {
            let body = match self.ways {
                Ways::Zendesk => json!({ "id": format!("event-{}", answered.len()),
                    "type": "zen:event-type:ticket.status_changed", "time": "2026-11-21T10:00:05Z",
                    "detail": { "id": "5158", "status": "OPEN", "updated_at": "2026-11-21T10:00:05Z" } }),
                Ways::Zammad => json!({ "ticket": { "id": 81, "state": { "name": "open" } } }),
            };
            let body = body.to_string();
            let request = reqwest::Client::new().post(endpoint);
            let request = match self.ways {
                Ways::Zendesk => {
                    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
                    mac.update(format!("2026-11-21T10:00:05Z{body}").as_bytes());
                    let signature = STANDARD.encode(mac.finalize().into_bytes());
                    request
                        .header("X-Zendesk-Webhook-Signature", signature)
                        .header(
                            "X-Zendesk-Webhook-Signature-Timestamp",
                            "2026-11-21T10:00:05Z",
                        )
                }
                Ways::Zammad => {
                    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap();
                    mac.update(body.as_bytes());
                    let hash = mac.finalize().into_bytes();
                    let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
                    request.header("X-Hub-Signature", format!("sha1={hex}"))
                }
            };
            let sent = request.body(body).send().await.unwrap();
            answered.push(sent.status().as_u16());
        }
        answered
    }

    /// Addresses and secrets of the webhooks that hear of a change.
    fn hearers(&self) -> Vec<(String, String)> {
        let kept = self.kept.lock().unwrap();
        let called = |id: u32| {
            kept.triggers.values().any(|t| {
                t["active"] == true
                    && t["condition"]["ticket.action"]["value"] == "update"
                    && t["perform"]["notification.webhook"]["webhook_id"] == id
            })
        };
        let hears = |id: u32, webhook: &Value| match self.ways {
            Ways::Zendesk => webhook["status"] == "active",
            Ways::Zammad => webhook["active"] == true && called(id),
        };
        let heard = kept.webhooks.iter().filter(|(id, w)| hears(**id, w));
        heard
            .map(|(id, w)| {
                let url = w["endpoint"].as_str().unwrap().to_owned();
                (url, kept.secrets.get(id).cloned().unwrap_or_default())
            })
            .collect()
    }

    fn make(&self, kind: &str, mut body: Value) -> u32 {
        let mut kept = self.kept.lock().unwrap();
        kept.made += 1;
        let id = kept.made;
        let secret = match self.ways {
            Ways::Zendesk => format!("made by the desk {id}"),
            Ways::Zammad => hidden(&mut body).unwrap_or_default(),
        };
        body["id"] = id.into();
        if kind == "webhooks" {
            kept.secrets.insert(id, secret);
            kept.webhooks.insert(id, body);
        } else {
            kept.triggers.insert(id, body);
        }
        id
    }

    fn ask(&self, method: &Method, path: &[&str], query: &str, body: Value) -> Answer {
        match (self.ways, method.as_str(), path) {
            (Ways::Zendesk, "GET", ["incremental", ..]) => (
                StatusCode::OK,
                json!({ "tickets": [], "end_of_stream": true, "after_cursor": "c" }),
            ),
            (Ways::Zammad, "GET", ["tickets", "search"]) => (StatusCode::OK, json!([])),
            (Ways::Zammad, "GET", ["ticket_states"]) => {
                let states = ["new", "open", "pending", "closed"];
                let states = states.map(|name| json!({ "name": name }));
                (StatusCode::OK, json!(states))
            }
            _ if self.kept.lock().unwrap().forbids => (StatusCode::FORBIDDEN, json!({})),
            (Ways::Zendesk, "GET", ["webhooks"]) => (StatusCode::OK, self.page(query)),
            (Ways::Zendesk, "GET", ["webhooks", id, "signing_secret"]) => {
                let secret = self.secret_of(id.parse().unwrap());
                let told = json!({ "signing_secret": { "algorithm": "SHA256", "secret": secret } });
                (StatusCode::OK, told)
            }
            (Ways::Zammad, "GET", [kind]) => {
                let kept = self.kept.lock().unwrap();
                let all = if *kind == "webhooks" {
                    &kept.webhooks
                } else {
                    &kept.triggers
                };
                (StatusCode::OK, all.values().cloned().collect())
            }
            (_, "POST", [kind]) => {
                let body = unwrapped(body);
                self.make(kind, body.clone());
                (StatusCode::CREATED, body)
            }
            (_, "PATCH" | "PUT", [kind, id]) => self.mend(kind, id.parse().unwrap(), body),
            (_, "DELETE", [kind, id]) => self.remove(kind, id.parse().unwrap()),
            asked => panic!("no such call: {asked:?}"),
        }
    }

    /// Two a page, by a cursor.
    fn page(&self, query: &str) -> Value {
        let after = query.split("page%5Bafter%5D=").nth(1).unwrap_or("0");
        let after: u32 = after.split('&').next().unwrap().parse().unwrap();
        let kept = self.kept.lock().unwrap();
        let rest: Vec<_> = kept.webhooks.range(after + 1..).collect();
        let page: Vec<_> = rest.iter().take(2).collect();
        let last = page.last().map_or(after, |(id, _)| **id);
        let shown: Vec<Value> = page.iter().map(|(_, w)| (*w).clone()).collect();
        json!({ "webhooks": shown, "meta": { "has_more": rest.len() > 2, "after_cursor": last.to_string() } })
    }

    fn mend(&self, kind: &str, id: u32, body: Value) -> Answer {
        let mut body = unwrapped(body);
        let mut kept = self.kept.lock().unwrap();
        if let Some(secret) = hidden(&mut body) {
            kept.secrets.insert(id, secret);
        }
        let all = if kind == "webhooks" {
            &mut kept.webhooks
        } else {
            &mut kept.triggers
        };
        let there = all.get_mut(&id).unwrap();
        for (key, value) in body.as_object().unwrap() {
            there[key] = value.clone();
        }
        match self.ways {
            Ways::Zendesk => (StatusCode::NO_CONTENT, Value::Null),
            Ways::Zammad => (StatusCode::OK, there.clone()),
        }
    }

    fn remove(&self, kind: &str, id: u32) -> Answer {
        let mut kept = self.kept.lock().unwrap();
        let uses = |t: &Value| t["perform"]["notification.webhook"]["webhook_id"] == id;
        if kind == "webhooks" && kept.triggers.values().any(uses) {
            return (StatusCode::UNPROCESSABLE_ENTITY, json!({}));
        }
        if kind == "webhooks" {
            kept.webhooks.remove(&id);
        } else {
            kept.triggers.remove(&id);
        }
        match self.ways {
            Ways::Zendesk => (StatusCode::NO_CONTENT, Value::Null),
            Ways::Zammad => (StatusCode::OK, json!({})),
        }
    }
}

/// The token of a body, which is never shown again.
fn hidden(body: &mut Value) -> Option<String> {
    let token = body.get("signature_token")?.as_str()?.to_owned();
    body["signature_token"] = "**********".into();
    Some(token)
}

fn unwrapped(body: Value) -> Value {
    body.get("webhook").cloned().unwrap_or(body)
}

async fn answer(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !headers.contains_key("authorization") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let path: Vec<&str> = uri.path().split('/').skip(3).collect();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let (status, told) = desk.ask(&method, &path, uri.query().unwrap_or_default(), body);
    if method != Method::GET {
        let mut kept = desk.kept.lock().unwrap();
        kept.writes.push(format!("{method} {}", path.join("/")));
        if std::mem::take(&mut kept.cuts) {
            return StatusCode::BAD_GATEWAY.into_response();
        }
    }
    (status, Json(told)).into_response()
}
