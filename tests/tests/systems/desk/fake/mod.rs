//! The ground that every fake system stands on: its server, the posting of its webhooks, an agent's hands.
//! What makes it a certain vendor's is a [`Vendor`]. Neighbours: `http`, requests and answers; `mod` above,
//! which the suite speaks to.
//!
//! A vendor is a plain value behind one lock: it is asked, answers, and says what is to be posted. The
//! webhooks go out before whoever caused them has an answer, once each: what a vendor would send again the
//! sweep has to find. The agent works on what the vendor keeps, as people do in a browser.

mod http;

pub use http::{Answer, Asked, Hook, Part, Told, paged, quoted, signed};

use super::{Agent, Config, Doing, File, Seen};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use ticketing_adapter::profile::Profile;
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};

/// Whoever takes a webhook has so long; the bridge answers in milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The port of a server that was stopped is free again after this at the latest.
const PORT_WITHIN: Duration = Duration::from_secs(10);

/// What differs between one fake and another. Whatever changes something pushes its webhooks to `told`.
pub trait Vendor: Send + 'static {
    /// What the config says of it.
    fn config(&self) -> Config;

    /// The common rules, as this system has them.
    fn rules(&self, common: &str) -> String {
        common.to_owned()
    }

    /// Answers one request of the bridge; `None` where the vendor documents no such call.
    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer>;

    /// What it answers where it has no such call.
    fn knows_no_such_call(&self) -> Answer {
        Answer::from((404, serde_json::json!({})))
    }

    /// An agent opens a ticket for a customer, and tells its number.
    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String;

    /// An agent sets a ticket's status and opens one for another customer in the same moment.
    fn sets_and_opens(
        &mut self,
        ticket: &str,
        status: &str,
        [user, subject]: [&str; 2],
        told: &mut Told,
    ) -> String {
        self.sets_status(ticket, status, told);
        self.opens(user, subject, told)
    }

    /// All tickets, as an agent sees them.
    fn tickets(&self) -> Vec<Seen>;

    /// An agent sets a ticket's status, given in the profile's word.
    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told);

    /// An agent writes on a ticket, to the customer or for other agents alone.
    fn says(&mut self, ticket: &str, text: &str, public: bool, told: &mut Told);

    /// All texts on a ticket, oldest first.
    fn reads(&self, ticket: &str) -> Vec<String>;

    /// The customers on a ticket, by the bridge's ids for them; `None` where nobody looks.
    fn customers(&self, _ticket: &str) -> Option<Vec<String>> {
        None
    }

    /// The files on a ticket.
    fn files(&self, ticket: &str) -> Vec<File>;

    /// How many internal notes the bridge wrote on a ticket.
    fn notes_by_bridge(&self, ticket: &str) -> usize;
}

/// A vendor with its server, which ends when this is dropped.
pub struct Fake<V> {
    addr: SocketAddr,
    site: Arc<Site<V>>,
    server: Mutex<Option<JoinHandle<()>>>,
}

/// What the server and the agent share.
struct Site<V> {
    vendor: Mutex<V>,
    in_vain: Mutex<Vec<String>>,
    hooks: String,
    client: reqwest::Client,
}

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "a fake of a system with a clock of its own"
)]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let since = since.expect("after 1970").as_millis();
    i64::try_from(since).expect("a time of these days")
}

/// A time in milliseconds, in a vendor's spelling.
pub fn written(at: i64, spelling: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(at).expect("a time");
    at.strftime(spelling).to_string()
}

/// A profile that is built in, as a file, with another wait for the vendor's search index: its lag is
/// minutes, which no story waits.
pub fn hurried(name: &str, folder: &Path, lag_seconds: u64) -> PathBuf {
    let profile = Profile::builtin(name).expect("a profile");
    let (before, after) = profile.text().split_once("lag_seconds = ").expect("a lag");
    let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
    std::fs::create_dir_all(folder).expect("a folder");
    let path = folder.join(format!("{name}.toml"));
    let text = format!("{before}lag_seconds = {lag_seconds}{after}");
    std::fs::write(&path, text).expect("the profile written");
    path
}

/// The words of the little HTML there is here.
pub fn plain(html: &str) -> String {
    let signs = [
        ("<p>", ""),
        ("</p>", ""),
        ("<div>", ""),
        ("</div>", ""),
        ("<br>", "\n"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    let text = html.to_owned();
    signs
        .iter()
        .fold(text, |text, (sign, letter)| text.replace(sign, letter))
}

impl<V: Vendor> Fake<V> {
    /// Starts a server that posts its webhooks to the bridge named `desk` behind `hooks`.
    pub fn start(vendor: V, hooks: &str) -> Box<dyn Agent> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let fake = Self {
            addr: port.local_addr().expect("its number"),
            site: Arc::new(Site {
                vendor: Mutex::new(vendor),
                in_vain: Mutex::default(),
                hooks: format!("{hooks}/webhooks/desk/ticketing"),
                client: reqwest::Client::new(),
            }),
            server: Mutex::default(),
        };
        fake.serves(port);
        Box::new(fake)
    }

    fn serves(&self, port: std::net::TcpListener) {
        port.set_nonblocking(true).expect("as tokio wants it");
        let listener = TcpListener::from_std(port).expect("a listener");
        let app = http::router(Arc::clone(&self.site));
        let serving =
            tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(serving);
    }
}

impl<V: Vendor> Site<V> {
    fn on<T>(&self, look: impl FnOnce(&mut V) -> T) -> T {
        look(&mut self.vendor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets something happen, then posts what is to be told of it. Nobody may be there to take it.
    async fn does<T>(&self, act: impl FnOnce(&mut V, &mut Told) -> T) -> T {
        let mut told = Told::new();
        let outcome = self.on(|vendor| act(vendor, &mut told));
        for hook in told {
            let url = format!("{}{}", self.hooks, hook.path);
            let mut posted = self.client.post(url).timeout(ANSWER_WITHIN);
            posted = posted.header("content-type", "application/json");
            for (name, value) in hook.headers {
                posted = posted.header(name, value);
            }
            let _ = posted.body(hook.body).send().await;
        }
        outcome
    }

    fn asked_in_vain(&self) -> Vec<String> {
        let in_vain = self.in_vain.lock();
        in_vain.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<V: Vendor> Agent for Fake<V> {
    fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn config(&self) -> Config {
        self.site.on(|vendor| vendor.config())
    }

    fn rules(&self, common: &str) -> String {
        self.site.on(|vendor| vendor.rules(common))
    }

    fn stop(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(serving) = server.take() {
            serving.abort();
        }
    }

    /// The server that was stopped lets go of its port when it is next looked at.
    fn start_again(&self) {
        let give_up = Instant::now() + PORT_WITHIN;
        loop {
            match std::net::TcpListener::bind(self.addr) {
                Ok(port) => return self.serves(port),
                Err(error) => {
                    assert!(Instant::now() < give_up, "{} is taken: {error}", self.addr);
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn log(&self) -> String {
        let mut log = self.site.asked_in_vain();
        for seen in self.site.on(|vendor| vendor.tickets()) {
            let said = self.site.on(|vendor| vendor.reads(&seen.id));
            log.push(format!("{seen:?} {said:?}"));
        }
        log.join("\n")
    }

    fn asked_in_vain(&self) -> Vec<String> {
        self.site.asked_in_vain()
    }

    fn opens<'a>(&'a self, user: &'a str, subject: &'a str) -> Doing<'a, String> {
        let opens = |vendor: &mut V, told: &mut Told| vendor.opens(user, subject, told);
        Box::pin(self.site.does(opens))
    }

    fn sets_and_opens<'a>(
        &'a self,
        ticket: &'a str,
        status: &'a str,
        user: &'a str,
        subject: &'a str,
    ) -> Doing<'a, String> {
        let does = move |vendor: &mut V, told: &mut Told| {
            vendor.sets_and_opens(ticket, status, [user, subject], told)
        };
        Box::pin(self.site.does(does))
    }

    fn sees<'a>(&'a self, ticket: &'a str) -> Doing<'a, Seen> {
        Box::pin(async move {
            let mut all = self.site.on(|vendor| vendor.tickets());
            all.retain(|seen| seen.id == ticket);
            all.pop().expect("this ticket")
        })
    }

    fn tickets(&self) -> Doing<'_, Vec<Seen>> {
        Box::pin(async move { self.site.on(|vendor| vendor.tickets()) })
    }

    fn sets_status<'a>(&'a self, ticket: &'a str, status: &'a str) -> Doing<'a> {
        let sets = |vendor: &mut V, told: &mut Told| vendor.sets_status(ticket, status, told);
        Box::pin(self.site.does(sets))
    }

    fn replies<'a>(&'a self, ticket: &'a str, text: &'a str, status: Option<&'a str>) -> Doing<'a> {
        Box::pin(async move {
            let says = |vendor: &mut V, told: &mut Told| vendor.says(ticket, text, true, told);
            self.site.does(says).await;
            if let Some(status) = status {
                self.sets_status(ticket, status).await;
            }
        })
    }

    fn comments<'a>(&'a self, ticket: &'a str, text: &'a str) -> Doing<'a> {
        let says = |vendor: &mut V, told: &mut Told| vendor.says(ticket, text, false, told);
        Box::pin(self.site.does(says))
    }

    fn reads<'a>(&'a self, ticket: &'a str) -> Doing<'a, Vec<String>> {
        Box::pin(async move { self.site.on(|vendor| vendor.reads(ticket)) })
    }

    fn customers(&self, ticket: &str) -> Option<Vec<String>> {
        self.site.on(|vendor| vendor.customers(ticket))
    }

    fn files<'a>(&'a self, ticket: &'a str) -> Doing<'a, Vec<File>> {
        Box::pin(async move { self.site.on(|vendor| vendor.files(ticket)) })
    }

    fn notes_by_bridge<'a>(&'a self, ticket: &'a str) -> Doing<'a, usize> {
        Box::pin(async move { self.site.on(|vendor| vendor.notes_by_bridge(ticket)) })
    }
}

impl<V> Drop for Fake<V> {
    fn drop(&mut self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(serving) = server.take() {
            serving.abort();
        }
    }
}
