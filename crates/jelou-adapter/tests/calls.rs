//! What the client sends, and what it makes of each answer, against a server on loopback that
//! writes down what it gets and answers what it is told.
#![expect(
    clippy::unwrap_used,
    reason = "a server that cannot start fails its test"
)]

#[path = "calls/answers.rs"]
mod answers;
#[path = "calls/listing.rs"]
mod listing;
#[path = "calls/requests.rs"]
mod requests;
#[path = "calls/setup.rs"]
mod setup;
#[path = "calls/speech.rs"]
mod speech;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, Method, StatusCode, Uri,
        header::{CONTENT_LENGTH, HOST, USER_AGENT},
    },
    response::{IntoResponse, Response},
};
use bridge_core::{
    conversation::Assignment,
    effect::{CloseConversation, StartConversation, TicketIdPlace, WriteTicketId},
    ids::{BotId, ConversationId, IntentId, TicketId, UserId},
    text::Text,
    time::Timestamp,
};
use bridge_transport::Transport;
use jelou_adapter::client::{Basic, Client, ClientConfig, GatewayAuth, MetricsAuth};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::net::TcpListener;
use url::Url;

/// Long enough for loopback on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
pub(crate) const BOT: &str = "7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801";
pub(crate) const USER: &str = "593987654321";
pub(crate) const SIGNING_SECRET: &str =
    "3f9c1d7a5b2e84c06d1f9e7b8a4c2d5038e6f1a94b7c0d2e5f8a1b3c6d9e0f12";
pub(crate) const CONVERSATION: &str = "69f8a1b2c3d4e5f601234567";

/// One answer for all, and everything that was asked.
#[derive(Clone)]
pub(crate) struct Jelou {
    pub(crate) url: Url,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<String>>>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Jelou {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let jelou = Self {
            url: Url::parse(&format!("http://{address}")).unwrap(),
            answer: Arc::new(Mutex::new(Answer {
                status: 200,
                headers: Vec::new(),
                body: "{}".to_owned(),
            })),
            asked: Arc::default(),
            bodies: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(jelou.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        jelou
    }

    pub(crate) fn answers(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().unwrap() = Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
    }

    pub(crate) fn answers_with(&self, status: u16, name: &'static str, value: &str) {
        self.answers(status, "{}");
        self.answer.lock().unwrap().headers = vec![(name, value.to_owned())];
    }

    pub(crate) fn asked(&self) -> String {
        self.asked.lock().unwrap().join("\n\n")
    }

    /// The bodies alone, as the bytes came.
    pub(crate) fn asked_bodies(&self) -> String {
        self.bodies.lock().unwrap().join("\n")
    }

    pub(crate) fn last_body(&self) -> String {
        self.bodies.lock().unwrap().last().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn config(&self) -> ClientConfig {
        ClientConfig {
            gateway_url: self.url.clone(),
            gateway_prefix: "/jelouapi/v1".to_owned(),
            api_url: self.url.clone(),
            project_id: "01kbridgeproj0000000000001".to_owned(),
            gateway_auth: GatewayAuth::ApiKey(Text::from("k3y")),
            messages_url: self.url.clone(),
            api_auth: Some(basic()),
            metrics_auth: MetricsAuth::Basic,
            signing_secret: Some(Text::from(SIGNING_SECRET)),
        }
    }

    pub(crate) fn client(&self) -> Client {
        client(&self.config())
    }
}

pub(crate) fn basic() -> Basic {
    Basic {
        client_id: "bridge-client".to_owned(),
        client_secret: Text::from("s3cr3t-Example"),
    }
}

pub(crate) fn client(config: &ClientConfig) -> Client {
    let transport = Transport::new(|| Timestamp(1_776_133_797_000)).unwrap();
    Client::new(transport, config).unwrap()
}

async fn answer(
    State(jelou): State<Jelou>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut asked = format!("{method} {uri}");
    let mut lines: Vec<String> = headers
        .iter()
        // The host is a port of the day, the length is the body's, the agent is a version.
        .filter(|(name, _)| ![HOST, CONTENT_LENGTH, USER_AGENT].contains(name))
        .map(|(name, value)| format!("\n{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort_unstable();
    asked.extend(lines);
    if !body.is_empty() {
        let text = String::from_utf8(body.to_vec()).unwrap();
        jelou.bodies.lock().unwrap().push(text);
        let mut body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        body.sort_all_objects();
        asked.push_str(&format!("\n\n{body:#}"));
    }
    jelou.asked.lock().unwrap().push(asked);
    let answer = jelou.answer.lock().unwrap();
    let mut response = (
        StatusCode::from_u16(answer.status).unwrap(),
        answer.body.clone(),
    )
        .into_response();
    for (name, value) in &answer.headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

pub(crate) fn a_start() -> StartConversation {
    StartConversation {
        bot: BotId::parse(BOT).unwrap(),
        user: UserId::parse(USER).unwrap(),
        ticket: TicketId::parse("HD-8841").unwrap(),
        initial_message: Some(Text::from("Olá Ana, sobre o chamado HD-8841")),
        metadata: BTreeMap::from([("priority".to_owned(), Text::from("high"))]),
        assignment: Some(Assignment {
            kind: "queue".to_owned(),
            target: "SUPORTE".to_owned(),
        }),
    }
}

pub(crate) fn an_intent() -> IntentId {
    IntentId::parse("k3v9.1").unwrap()
}

pub(crate) fn a_close() -> CloseConversation {
    CloseConversation {
        conversation: ConversationId::parse(CONVERSATION).unwrap(),
        bot: BotId::parse(BOT).unwrap(),
        user: UserId::parse(USER).unwrap(),
        message: Some(Text::from("Encerramos o chamado HD-8841. Obrigado!")),
    }
}

pub(crate) fn a_ticket_id(place: TicketIdPlace) -> WriteTicketId {
    WriteTicketId {
        place,
        bot: BotId::parse(BOT).unwrap(),
        user: UserId::parse(USER).unwrap(),
        ticket: Some(TicketId::parse("HD-8841").unwrap()),
    }
}

pub(crate) fn a_conversation() -> ConversationId {
    ConversationId::parse(CONVERSATION).unwrap()
}
