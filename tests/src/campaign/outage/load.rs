//! The customers: they write over many kept connections, signed as Jelou signs, and say everything
//! again until it is answered 200. Neighbours: `customers`, who they are; `http`, how they speak.
//!
//! The memory of this is small on purpose and is not the daemon's: a webhook is made, sent and
//! forgotten.

use super::{
    customers::{self, CANARIES},
    http::Wire,
};
use bridge_sandbox::{HelpdeskOptions, JelouOptions};
use hmac::{Hmac, KeyInit, Mac};
use jelou_bridge::{clock, demo::BRIDGE};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpStream, task::JoinSet};

/// Senders at the same time. Jelou tells nothing of its own; the store's group commit is full well
/// before that.
const CONNECTIONS: usize = 64;

/// How long a sender waits before it says something again.
const SAY_AGAIN: Duration = Duration::from_millis(50);

/// Webhooks of one customer: a start, messages, and for one in ten a close at the end.
pub const EVENTS_EACH: usize = 10;

/// Messages of one customer, among those webhooks.
#[must_use]
pub fn messages(number: usize) -> usize {
    EVENTS_EACH - 1 - usize::from(is_closed(number))
}

/// Every tenth conversation is closed by an operator within the flood.
#[must_use]
pub fn is_closed(number: usize) -> bool {
    number % 10 == 3
}

/// How far the senders are.
#[derive(Debug, Default)]
pub struct Progress {
    /// Webhooks answered 200.
    pub acked: AtomicUsize,
    /// Webhooks answered otherwise or not at all, and said again.
    pub said_again: AtomicUsize,
}

/// What signs and addresses webhooks.
#[derive(Clone)]
pub struct Sender {
    /// `host:port` of the daemon's public listener.
    listen: String,
    jelou: Hmac<Sha256>,
    desk: Hmac<Sha256>,
    project: String,
    bot: String,
    bot_name: String,
}

impl Sender {
    /// As these two sign, to a daemon that listens here.
    #[must_use]
    pub fn new(listen: &str, jelou: &JelouOptions, desk: &HelpdeskOptions) -> Option<Self> {
        let key = |secret: &str| Hmac::new_from_slice(secret.as_bytes()).ok();
        let (bot, bot_name) = jelou.bots.first()?.clone();
        Some(Self {
            listen: listen.to_owned(),
            jelou: key(&jelou.signing_secret)?,
            desk: key(&desk.webhook_secret)?,
            project: jelou.project_id.clone(),
            bot,
            bot_name,
        })
    }

    /// The whole request of a webhook of Jelou's.
    fn of_jelou(&self, body: &str) -> Vec<u8> {
        let header = format!("x-jelou-signature: {}", signed(&self.jelou, body));
        self.request("jelou", &header, body)
    }

    fn request(&self, side: &str, header: &str, body: &str) -> Vec<u8> {
        let (listen, length) = (&self.listen, body.len());
        format!(
            "POST /webhooks/{BRIDGE}/{side} HTTP/1.1\r\nhost: {listen}\r\ncontent-type: application/json\r\n\
             {header}\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    /// The how manyth webhook of a customer's conversation, as Jelou's pages show it.
    fn told(&self, number: usize, conversation: &str, event: usize) -> String {
        let user = customers::user(number);
        let (object, field, kind, value) = match event {
            0 => (
                "conversation_event",
                "conversation",
                "start",
                json!({"initial_message": "Olá"}),
            ),
            _ if event + 1 == EVENTS_EACH && is_closed(number) => (
                "conversation_event",
                "conversation",
                "close",
                json!({"reason": "closed_by_operator"}),
            ),
            _ => (
                "message_event",
                "messages",
                "message",
                json!({"id": format!("wamid.{number:016X}{event:04X}"), "type": "text",
                    "content": {"body": format!("Message {event} of somebody who waits for an answer and says so.")}}),
            ),
        };
        let mut body = json!({
            "timestamp": clock::now().0,
            "field": field,
            "object": object,
            "event_type": kind,
            "project_id": self.project,
            "room_id": format!("G:{}:{user}", self.bot),
            "contact": {"id": user, "name": "Customer"},
            "conversation": {"id": conversation},
            "bot": {"id": self.bot, "name": self.bot_name},
            "value": value,
        });
        if let (Some(fields), true) = (body.as_object_mut(), field == "conversation") {
            fields.insert("event".to_owned(), json!(format!("conversation.{kind}")));
        }
        body.to_string()
    }

    /// All webhooks of all these customers, each customer's in their order, everybody's first, then
    /// everybody's second, and so on.
    pub async fn flood(&self, conversations: Arc<Vec<String>>, progress: Arc<Progress>) {
        let mut senders = JoinSet::new();
        for first in 0..CONNECTIONS {
            let (sender, conversations) = (self.clone(), Arc::clone(&conversations));
            let progress = Arc::clone(&progress);
            senders.spawn(async move {
                let mut line = Line::new(&sender.listen);
                for event in 0..EVENTS_EACH {
                    let mine = conversations.iter().enumerate().skip(first);
                    for (number, conversation) in mine.step_by(CONNECTIONS) {
                        let body = sender.told(number, conversation, event);
                        line.say(&sender.of_jelou(&body), &progress).await;
                    }
                }
            });
        }
        senders.join_all().await;
    }

    /// The helpdesk tells of a ticket that an agent made.
    pub async fn ticket_made(&self, canary: usize, ticket: &Value) -> i64 {
        let now = clock::now().0;
        let delivery = format!("canary-{now:x}-{canary}");
        let body = json!({"id": delivery, "type": "ticket.changed", "at": ticket.get("updated_at"),
            "actor": "agent", "ticket": ticket})
        .to_string();
        let header = format!(
            "x-helpdesk-delivery: {delivery}\r\nx-helpdesk-signature: {}",
            signed(&self.desk, &body)
        );
        let mut line = Line::new(&self.listen);
        let request = self.request("ticketing", &header, &body);
        line.say(&request, &Progress::default()).await;
        now
    }
}

/// The number of a canary among customers.
#[must_use]
pub fn canary(number: usize) -> usize {
    CANARIES + number
}

fn signed(key: &Hmac<Sha256>, body: &str) -> String {
    let mut mac = key.clone();
    mac.update(body.as_bytes());
    let mut text = String::from("sha256=");
    for byte in mac.finalize().into_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A connection that is made anew when it breaks.
struct Line<'a> {
    listen: &'a str,
    wire: Option<Wire>,
}

impl<'a> Line<'a> {
    fn new(listen: &'a str) -> Self {
        Self { listen, wire: None }
    }

    /// Says it until it is answered 200.
    async fn say(&mut self, request: &[u8], progress: &Progress) {
        while self.once(request).await != Some(200) {
            progress.said_again.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(SAY_AGAIN).await;
        }
        progress.acked.fetch_add(1, Ordering::Relaxed);
    }

    async fn once(&mut self, request: &[u8]) -> Option<u16> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => Wire::new(TcpStream::connect(self.listen).await.ok()?),
        };
        wire.send(request).await?;
        let status = wire.next().await?.status();
        self.wire = Some(wire);
        status
    }
}
