//! A GLPI 11 that behaves as its source says, and an agent in it. Neighbours: `world`, what it keeps; `answers`,
//! what it answers; `mod`, which the suite speaks to.
//!
//! The agent works on what it keeps, as people do in a browser. Its tokens are over after a few calls. A
//! webhook is sent once: what GLPI's queue would send again the sweep has to find.

mod answers;
mod world;

use super::{Config, Seen};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, task::JoinHandle};
use world::{AGENT, BRIDGE, Ticket, World};

/// The profile's words, by their numbers less one.
const WORDS: [&str; 6] = ["new", "assigned", "planned", "pending", "solved", "closed"];

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
}

impl Site {
    fn on<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Posts one webhook, signed. Nobody may be there to take it.
    async fn tells(&self, body: Value) {
        let body = serde_json::to_string_pretty(&body).expect("a text");
        let timestamp = (world::now() / 1000).to_string();
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.secret.as_bytes());
        let mut mac = mac.expect("any key will do");
        mac.update(body.as_bytes());
        mac.update(timestamp.as_bytes());
        let bytes = mac.finalize().into_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let posted = self
            .client
            .post(&self.hook)
            .header("content-type", "application/json")
            .header("x-glpi-signature", hex)
            .header("x-glpi-timestamp", timestamp)
            .body(body);
        let _ = posted.send().await;
    }

    async fn tells_of_ticket(&self, event: &str, id: usize) {
        let ticket = self.on(|world| world.shown(id));
        self.tells(json!({ "item": ticket, "event": event })).await;
    }

    async fn tells_of_followup(&self, id: usize) {
        let told = self.on(|world| {
            let followup = world.ticket(id).followups.last().expect("a follow-up");
            let item = followup.shown(id);
            json!({ "item": item, "event": "new", "parent_item": world.shown(id) })
        });
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
            profile: "glpi",
            credentials: r#"client_id = "client", client_secret = "of this test", user = "bridge", password = "of this test""#.to_owned(),
            options: format!(r#"{{ bridge_user_id = "{BRIDGE}" }}"#),
            reuse: "never",
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
        "/api.php/v2/Assistance/Ticket"
    }

    pub fn open_again(&self) -> &'static str {
        "assigned"
    }

    pub async fn opens(&self, user: &str, subject: &str) -> String {
        let id = self.site.on(|world| {
            let person = world.person(&format!("wa-{user}"), "Ana Lima", &format!("+{user}"));
            let id = world.makes(subject, "<p>By an agent.</p>", None);
            world.ticket(id).requester = Some(person);
            id
        });
        self.site.tells_of_ticket("new", id).await;
        id.to_string()
    }

    pub async fn sees(&self, ticket: &str) -> Seen {
        self.site.on(|world| seen(world.ticket(number(ticket))))
    }

    pub async fn tickets(&self) -> Vec<Seen> {
        self.site
            .on(|world| world.tickets.iter().map(seen).collect())
    }

    pub async fn sets_status(&self, ticket: &str, status: &str) {
        let code = WORDS
            .iter()
            .position(|word| *word == status)
            .expect("a status")
            + 1;
        self.site.on(|world| {
            let ticket = world.ticket(number(ticket));
            (ticket.status, ticket.updated) = (code, world::now());
        });
        self.site.tells_of_ticket("update", number(ticket)).await;
    }

    async fn follows_up(&self, ticket: &str, text: &str, private: bool) {
        let content = format!("<p>{text}</p>");
        self.site
            .on(|world| world.says(number(ticket), AGENT, &content, private));
        self.site.tells_of_followup(number(ticket)).await;
    }

    pub async fn replies(&self, ticket: &str, text: &str, status: Option<&str>) {
        self.follows_up(ticket, text, false).await;
        if let Some(status) = status {
            self.sets_status(ticket, status).await;
        }
    }

    pub async fn comments(&self, ticket: &str, text: &str) {
        self.follows_up(ticket, text, true).await;
    }

    pub async fn reads(&self, ticket: &str) -> Vec<String> {
        self.site.on(|world| {
            let ticket = world.ticket(number(ticket));
            let said = ticket
                .followups
                .iter()
                .map(|followup| words(&followup.content));
            std::iter::once(words(&ticket.content))
                .chain(said)
                .collect()
        })
    }

    pub async fn files(&self, _ticket: &str) -> Vec<(String, String, Vec<u8>)> {
        Vec::new()
    }

    pub async fn notes_by_bridge(&self, ticket: &str) -> usize {
        self.site.on(|world| {
            let followups = world.ticket(number(ticket)).followups.iter();
            followups.filter(|f| f.by == BRIDGE && f.private).count()
        })
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop();
    }
}

fn number(ticket: &str) -> usize {
    ticket.parse().expect("a number")
}

/// The words of the little HTML there is here.
fn words(html: &str) -> String {
    let plain = html
        .replace("<p>", "")
        .replace("</p>", "")
        .replace("<br>", "\n");
    let signs = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    signs
        .iter()
        .fold(plain, |text, (sign, letter)| text.replace(sign, letter))
}

fn seen(ticket: &Ticket) -> Seen {
    Seen {
        id: ticket.id.to_string(),
        status: WORDS[ticket.status - 1].to_owned(),
        conversation: ticket.external_id.clone(),
    }
}
