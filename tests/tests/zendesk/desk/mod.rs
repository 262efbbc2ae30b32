//! A Zendesk that behaves as Zendesk's public pages say, quirks included. Neighbours: `world`, what
//! it keeps and the rules nobody can switch off; `api`, what callers are answered; `export`, its
//! lists; `hooks`, its webhooks; `acts`, what people do in it.
//!
//! It shares no line with the profile: the pages are the contract, so that a misreading of ours shows
//! as a failing story and not as two equal mistakes.

mod acts;
mod api;
mod export;
mod hooks;
mod show;
mod world;

pub use acts::NewTicket;
pub use hooks::Hook;
pub use world::Ticket;

use axum::{Router, body::Bytes, extract::State, http::Request, response::Response};
use hooks::Hooks;
use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};
use world::World;

/// The agent that the bridge writes as, and how it proves that.
pub const BRIDGE_USER: &str = "bridge@acme.com/token";
/// Its API token.
pub const TOKEN: &str = "of this Zendesk";
/// What signs webhooks, unless an account says otherwise.
pub const SECRET: &str = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==";

/// The port of a server that was stopped is free again after this at the latest.
const PORT_WITHIN: Duration = Duration::from_secs(10);

/// How this account is set up.
#[derive(Clone, Debug)]
pub struct Account {
    /// What the incremental export leaves out: at Zendesk the last minute, here less, so that no
    /// story waits for one.
    pub export_lag: Duration,
    /// How long the search index lags behind: at Zendesk up to minutes.
    pub search_lag: Duration,
    /// "Auto-assign tickets upon solve". Off, solving an unassigned ticket is refused.
    pub assign_on_solve: bool,
    /// Which webhook there is.
    pub hook: Hook,
    /// What signs its webhooks.
    pub secret: String,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            export_lag: Duration::from_millis(1_500),
            search_lag: Duration::from_secs(300),
            assign_on_solve: true,
            hook: Hook::Subscription,
            secret: SECRET.to_owned(),
        }
    }
}

/// One call as it came and as it was answered.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Its `Idempotency-Key`.
    pub key: Option<String>,
    /// The `cursor` of its query.
    pub cursor: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// When it came, ms since 1970.
    pub at_ms: i64,
    /// Whether Zendesk documents no such call.
    pub in_vain: bool,
}

/// What a coming call meets.
#[derive(Clone, Debug)]
pub enum Bad {
    /// It is done, and answered with this status all the same.
    DoneBut(u16),
    /// It is not done, and answered with this status.
    Refused(u16),
    /// 429, and this many seconds in `Retry-After`.
    TooMany(u32),
}

/// Which calls meet it: this method, and a path that holds this.
#[derive(Clone, Debug)]
struct Weather {
    method: &'static str,
    path: &'static str,
    times: u32,
    bad: Bad,
}

struct Shared {
    world: Mutex<World>,
    calls: Mutex<Vec<Call>>,
    weather: Mutex<Vec<Weather>>,
    hooks: Arc<Hooks>,
    account: Account,
    server: Mutex<Option<JoinHandle<()>>>,
}

/// A running Zendesk.
#[derive(Clone)]
pub struct Zendesk {
    shared: Arc<Shared>,
    /// Where it listens.
    pub addr: SocketAddr,
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970.
fn now_ms() -> i64 {
    jelou_bridge::clock::now().0
}

impl Zendesk {
    /// Starts one on a free port.
    pub fn start(account: Account) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = port.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            world: Mutex::new(World::new(addr)),
            calls: Mutex::default(),
            weather: Mutex::default(),
            hooks: Arc::new(Hooks::new(account.hook, &account.secret)),
            account,
            server: Mutex::default(),
        });
        let zendesk = Self { shared, addr };
        zendesk.serves(port);
        zendesk
    }

    fn serves(&self, port: TcpListener) {
        port.set_nonblocking(true).expect("as tokio wants it");
        let listener = tokio::net::TcpListener::from_std(port).expect("a listener");
        let router = Router::new().fallback(called).with_state(self.clone());
        let serving =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        *lock(&self.shared.server) = Some(serving);
    }

    /// Takes no calls any more; what it keeps stays.
    pub fn stop(&self) {
        if let Some(serving) = lock(&self.shared.server).take() {
            serving.abort();
        }
    }

    /// Takes calls again where it did before. The server that was stopped lets go of its port when it is
    /// next looked at.
    pub fn start_again(&self) {
        let give_up = Instant::now() + PORT_WITHIN;
        loop {
            match TcpListener::bind(self.addr) {
                Ok(port) => return self.serves(port),
                Err(error) => {
                    assert!(Instant::now() < give_up, "{} is taken: {error}", self.addr);
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The next `times` calls of this method whose path holds `path` meet this.
    pub fn next(&self, method: &'static str, path: &'static str, times: u32, bad: Bad) {
        lock(&self.shared.weather).push(Weather {
            method,
            path,
            times,
            bad,
        });
    }

    /// Every call it got, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// The calls that change something.
    pub fn writes(&self) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.method != "GET");
        calls
    }

    /// Its webhooks.
    pub fn hooks(&self) -> &Arc<Hooks> {
        &self.shared.hooks
    }

    /// A ticket as it is.
    pub fn ticket(&self, id: u64) -> Ticket {
        let world = lock(&self.shared.world);
        world.tickets.get(&id).cloned().expect("this ticket")
    }

    /// All tickets, oldest first.
    pub fn tickets(&self) -> Vec<Ticket> {
        lock(&self.shared.world).tickets.values().cloned().collect()
    }

    fn meet(&self, method: &str, path: &str) -> Option<Bad> {
        let mut weather = lock(&self.shared.weather);
        let met = weather
            .iter_mut()
            .find(|w| w.times > 0 && w.method == method && path.contains(w.path))?;
        met.times -= 1;
        Some(met.bad.clone())
    }
}

async fn called(State(zendesk): State<Zendesk>, request: Request<axum::body::Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let asked = api::Asked::read(&parts, body);
    let (method, path) = (asked.method.clone(), asked.path.clone());
    let at_ms = now_ms();
    let bad = zendesk.meet(&method, &path);
    let mut answer = match &bad {
        Some(Bad::Refused(status)) => api::Answer::failed(*status),
        Some(Bad::TooMany(seconds)) => api::Answer::too_many(*seconds),
        Some(Bad::DoneBut(_)) | None => api::answer(&zendesk, &asked),
    };
    if let Some(Bad::DoneBut(status)) = bad {
        answer = api::Answer::failed(status);
    }
    lock(&zendesk.shared.calls).push(Call {
        method,
        path,
        key: asked.key.clone(),
        cursor: asked.query("cursor"),
        status: answer.status,
        at_ms,
        in_vain: answer.in_vain,
    });
    answer.into_response()
}
