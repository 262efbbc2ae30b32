//! A Jira Service Management that behaves as Atlassian's pages say, and an agent in it. Neighbours: `world`,
//! what it keeps; `answers`, what it answers; `mod`, which the suite speaks to.
//!
//! The agent works on what it keeps, as people do in a browser. A webhook is sent once: what Jira would
//! send again the sweep has to find.

mod answers;
mod world;

use super::{Config, Seen};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64, atomic::Ordering},
};
use tokio::{net::TcpListener, task::JoinHandle};
use world::{AGENT, BRIDGE, Issue, World};

/// The system and the agent.
pub struct Desk {
    addr: SocketAddr,
    site: Site,
    server: Mutex<Option<JoinHandle<()>>>,
}

/// What the server and the agent share.
#[derive(Clone)]
struct Site {
    world: Arc<Mutex<World>>,
    client: reqwest::Client,
    hook: String,
    secret: String,
    sent: Arc<AtomicU64>,
}

impl Site {
    fn on<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Posts one webhook, signed. Nobody may be there to take it.
    async fn tells(&self, body: Value) {
        let body = body.to_string();
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.secret.as_bytes());
        let mut mac = mac.expect("any key will do");
        mac.update(body.as_bytes());
        let bytes = mac.finalize().into_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let posted = self
            .client
            .post(&self.hook)
            .header("content-type", "application/json")
            .header("x-hub-signature", format!("sha256={hex}"))
            .header("x-atlassian-webhook-identifier", format!("hook-{number}"))
            .body(body);
        let _ = posted.send().await;
    }

    async fn tells_of_issue(&self, event: &str, key: &str, by: &str) {
        let issue = self.on(|world| world.issue(key).shown());
        let told = json!({ "timestamp": world::now(), "webhookEvent": event, "issue": issue,
                           "user": { "accountId": by, "accountType": "atlassian" } });
        self.tells(told).await;
    }

    async fn tells_of_comment(&self, key: &str) {
        let (issue, comment) = self.on(|world| {
            let issue = world.issue(key);
            let comment = issue.comments.last().expect("a comment");
            (issue.shown_in_part(), comment.shown())
        });
        let told = json!({ "timestamp": world::now(), "webhookEvent": "comment_created", "comment": comment,
                           "issue": issue });
        self.tells(told).await;
    }
}

impl Desk {
    pub async fn start(hooks: &str, secret: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let desk = Self {
            addr: listener.local_addr().expect("its number"),
            site: Site {
                world: Arc::default(),
                client: reqwest::Client::new(),
                hook: format!("{hooks}/webhooks/desk/ticketing"),
                secret: secret.to_owned(),
                sent: Arc::default(),
            },
            server: Mutex::default(),
        };
        desk.serves(listener);
        desk
    }

    fn serves(&self, listener: TcpListener) {
        let app = answers::router(self.site.clone());
        let serving =
            tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(serving);
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn config(&self) -> Config {
        Config {
            profile: "jira-sm",
            credentials: r#"user = "bridge@example.org", token = "of this test""#.to_owned(),
            options: format!(
                r#"{{ project = "SUP", service_desk_id = "4", request_type_id = "11", conversation_field = "10050", bridge_user_id = "{BRIDGE}" }}"#
            ),
            reuse: "open",
        }
    }

    pub fn stop(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(serving) = server.take() {
            serving.abort();
        }
    }

    pub fn start_again(&self) {
        self.serves(super::bound_again(self.addr));
    }

    pub fn log(&self) -> String {
        self.asked_in_vain().join("\n")
    }

    pub fn asked_in_vain(&self) -> Vec<String> {
        self.site.on(|world| world.strange.clone())
    }

    pub fn creates_at(&self) -> &'static str {
        "/rest/servicedeskapi/request"
    }

    pub fn open_again(&self) -> &'static str {
        "in progress"
    }

    pub async fn opens(&self, user: &str, subject: &str) -> String {
        let key = self.site.on(|world| {
            let person = world.person(&format!("wa-{user}@wa.invalid"), "Ana Lima");
            world.makes(subject, &person, serde_json::Map::new())
        });
        self.site
            .tells_of_issue("jira:issue_created", &key, AGENT)
            .await;
        key
    }

    pub async fn sees(&self, ticket: &str) -> Seen {
        self.site.on(|world| seen(world.issue(ticket)))
    }

    pub async fn tickets(&self) -> Vec<Seen> {
        self.site
            .on(|world| world.issues.iter().map(seen).collect())
    }

    pub async fn sets_status(&self, ticket: &str, status: &str) {
        self.site.on(|world| world.moves(ticket, status));
        self.site
            .tells_of_issue("jira:issue_updated", ticket, AGENT)
            .await;
    }

    pub async fn replies(&self, ticket: &str, text: &str, status: Option<&str>) {
        self.site.on(|world| world.says(ticket, AGENT, text, true));
        self.site.tells_of_comment(ticket).await;
        if let Some(status) = status {
            self.sets_status(ticket, status).await;
        }
    }

    pub async fn comments(&self, ticket: &str, text: &str) {
        self.site.on(|world| world.says(ticket, AGENT, text, false));
        self.site.tells_of_comment(ticket).await;
    }

    pub async fn reads(&self, ticket: &str) -> Vec<String> {
        self.site.on(|world| {
            let issue = world.issue(ticket);
            let said = issue.comments.iter().map(|comment| comment.body.clone());
            std::iter::once(issue.description.clone())
                .chain(said)
                .collect()
        })
    }

    pub async fn files(&self, ticket: &str) -> Vec<(String, String, Vec<u8>)> {
        self.site.on(|world| world.issue(ticket).files.clone())
    }

    pub async fn notes_by_bridge(&self, ticket: &str) -> usize {
        self.site.on(|world| {
            let comments = world.issue(ticket).comments.iter();
            comments.filter(|c| c.author == BRIDGE && !c.public).count()
        })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop();
    }
}

fn seen(issue: &Issue) -> Seen {
    let conversation = issue
        .fields
        .get("customfield_10050")
        .and_then(Value::as_str);
    Seen {
        id: issue.key.clone(),
        status: issue.status.to_lowercase(),
        conversation: conversation.map(str::to_owned),
    }
}
