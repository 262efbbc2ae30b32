//! Hears webhooks of a ticketing system for a moment, where no daemon does: whether one of the test's
//! ticket comes, and is proven. Neighbours: `live`, which makes the ticket; `http`, which takes webhooks in
//! earnest and stores them. Nothing is stored here.

use crate::config::Bridge;
use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
};
use bridge_core::{
    event::{Event, Parsed},
    ids::{BridgeName, TicketId},
};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use ticketing_adapter::webhook::{kept_headers, parse, verify};
use tokio::task::AbortHandle;

/// The most that is read of a body, in bytes: as much as the daemon takes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What came so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The tickets that proven webhooks were about.
    pub tickets: Vec<TicketId>,
    /// How many were not proven.
    pub refused: u32,
}

/// An open ear. It closes when it is dropped.
pub struct Ear {
    heard: Arc<Mutex<Heard>>,
    serving: AbortHandle,
}

#[derive(Clone)]
struct Listening {
    bridge: Arc<Bridge>,
    path: String,
    heard: Arc<Mutex<Heard>>,
}

impl Ear {
    /// Listens where the daemon would.
    ///
    /// # Errors
    /// Where the port is taken.
    pub async fn open(at: SocketAddr, name: &BridgeName, bridge: Bridge) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(at).await?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let listening = Listening {
            bridge: Arc::new(bridge),
            path: format!("/webhooks/{name}/ticketing"),
            heard: Arc::clone(&heard),
        };
        let app = Router::new().fallback(take).with_state(listening);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self {
            heard,
            serving: serving.abort_handle(),
        })
    }

    /// What came so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        let heard = self.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(listening): State<Listening>, request: Request) -> StatusCode {
    let Listening {
        bridge,
        path,
        heard,
    } = listening;
    if !request.uri().path().starts_with(&path) {
        return StatusCode::NOT_FOUND;
    }
    let (head, body) = request.into_parts();
    let read = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let Ok(body): Result<Bytes, _> = read else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let (profile, settings) = (&bridge.profile, &bridge.ticketing);
    let uri = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let method = head.method.as_str();
    let proven = verify(profile, settings, method, uri, &head.headers, &body);
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    if proven.is_err() {
        heard.refused += 1;
        return StatusCode::UNAUTHORIZED;
    }
    let headers: Vec<(String, String)> = kept_headers(profile)
        .into_iter()
        .filter_map(|name| {
            let value = head.headers.get(name.as_str())?.to_str().ok()?.to_owned();
            Some((name, value))
        })
        .collect();
    if let Parsed::Events(events) = parse(profile, settings, &headers, &body) {
        heard.tickets.extend(events.iter().filter_map(about));
    }
    StatusCode::OK
}

/// The ticket that an event is about.
fn about(event: &Event) -> Option<TicketId> {
    match event {
        Event::TicketChanged(change) => Some(change.ticket.clone()),
        Event::CommentAdded(comment) => Some(comment.ticket.clone()),
        // A ticketing system tells of no conversation.
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => None,
    }
}
