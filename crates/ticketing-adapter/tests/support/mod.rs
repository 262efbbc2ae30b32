//! A remote on loopback that writes down what it is asked and answers what it was told to.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "shared by tests that each use a part"
)]

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use bridge_core::{
    effect::CreateTicket,
    ids::{ConversationId, IntentId, TicketId},
    text::Text,
    ticket::{NewTicket, Requester},
    time::Timestamp,
};
use bridge_transport::Transport;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};
use ticketing_adapter::{Client, Profile, Settings};

pub const DEADLINE: Duration = Duration::from_secs(5);

#[derive(Clone, Default)]
pub struct Remote {
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<VecDeque<Told>>>,
    pace: Arc<Mutex<Duration>>,
}

struct Told {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Remote {
    /// The next answer.
    pub fn tell(&self, status: u16, body: serde_json::Value) -> &Self {
        self.tell_with(status, &[], &body.to_string())
    }

    pub fn tell_with(&self, status: u16, headers: &[(&'static str, &str)], body: &str) -> &Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let told = Told {
            status,
            headers,
            body: body.to_owned(),
        };
        self.answers.lock().unwrap().push_back(told);
        self
    }

    /// Every answer takes this long from now on.
    pub fn takes(&self, pace: Duration) {
        *self.pace.lock().unwrap() = pace;
    }

    /// What was asked since the last time, as a text to compare with a snapshot.
    pub fn asked(&self) -> String {
        std::mem::take(&mut *self.asked.lock().unwrap()).join("\n")
    }
}

async fn answer(
    State(remote): State<Remote>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let pace = *remote.pace.lock().unwrap();
    tokio::time::sleep(pace).await;
    let mut lines = vec![format!("{method} {uri}")];
    for (name, value) in &headers {
        let ours = ["host", "user-agent", "content-length", "accept"];
        if !ours.contains(&name.as_str()) {
            lines.push(format!("  {name}: {}", value.to_str().unwrap()));
        }
    }
    if !body.is_empty() {
        let json = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let pretty = match json {
            Some(json) => serde_json::to_string_pretty(&json).unwrap(),
            None => String::from_utf8_lossy(&body).replace('\r', ""),
        };
        lines.extend(pretty.lines().map(|line| format!("  {line}")));
    }
    remote.asked.lock().unwrap().push(lines.join("\n"));
    let told = remote.answers.lock().unwrap().pop_front();
    let told = told.unwrap_or(Told {
        status: 599,
        headers: Vec::new(),
        body: String::new(),
    });
    let mut response = Response::builder().status(told.status);
    for (name, value) in told.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(told.body)).unwrap()
}

/// Starts a remote, and a client of this profile that speaks to it.
pub async fn start(profile: &str, options: &[(&str, &str)]) -> (Remote, Client) {
    let remote = Remote::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(remote.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let settings = settings(&base, options);
    let profile = Arc::new(Profile::builtin(profile).unwrap());
    let client = Client::new(
        profile,
        Arc::new(settings),
        Transport::new(|| Timestamp(1_795_255_200_000)).unwrap(),
    );
    (remote, client)
}

pub fn settings(base: &str, options: &[(&str, &str)]) -> Settings {
    let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    Settings {
        base_url: base.parse().unwrap(),
        credentials: map(&[
            ("user", "bridge@acme.com/token"),
            ("password", "pw"),
            ("token", "tok-1"),
            ("client_id", "client"),
            ("client_secret", "client secret"),
        ]),
        options: map(options),
        webhook_secrets: vec!["s3cret".to_owned(), "older".to_owned()],
    }
}

pub fn ticket() -> TicketId {
    TicketId::parse("42").unwrap()
}

pub fn conversation() -> ConversationId {
    ConversationId::parse("room-77").unwrap()
}

pub fn comment(ticket: &TicketId, text: &Text) -> bridge_core::effect::AddComment {
    bridge_core::effect::AddComment {
        ticket: ticket.clone(),
        message: bridge_core::ids::MessageId::parse("wamid.1").unwrap(),
        text: text.clone(),
        public: true,
    }
}

pub fn intent() -> IntentId {
    IntentId::parse("lane1.7").unwrap()
}

pub fn ana() -> Requester {
    Requester {
        id: None,
        name: Some(Text::new("Ana Pérez\r\nBcc: x")),
        phone: Some(Text::new("+593987654321")),
        email: None,
        external_id: Some(Text::new("593987654321")),
    }
}

/// A ticket whose words try to be more than words.
pub fn wild(requester_id: &str, field: &str) -> CreateTicket {
    CreateTicket {
        new: NewTicket {
            requester: ana(),
            subject: Text::new("Pedido\r\nX-Header: 1 {{ticket.id}}"),
            description: Text::new("Olá 👩‍👩‍👧 <b>{{7*7}}</b>\n{% include 'x' %} ${jndi}\u{0}\u{7}"),
            tags: vec!["whatsapp".to_owned(), "jelou".to_owned()],
            fields: BTreeMap::from([(field.to_owned(), Text::new("{{ticket.requester.email}}"))]),
        },
        requester_id: Some(requester_id.to_owned()),
        conversation: conversation(),
        said: Vec::new(),
        made: None,
    }
}
