//! django-helpdesk and an agent in it. Neighbours: `tests/django-helpdesk`, whose scripts install and start
//! it; `mod`, which the suite speaks to.
//!
//! Where nobody takes its webhooks it answers 500, and does what it was asked for: the agent looks again.

use super::{Config, File, Seen, is_an_agent};
use serde_json::{Value, json};
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tokio::time::Instant;

/// Where `tests/run` installs it.
const VENV: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/django-helpdesk");

/// A server told to end is gone after this.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// The profile's words, by their numbers less one.
const WORDS: [&str; 5] = ["open", "reopened", "resolved", "closed", "duplicate"];

/// Whether it is on this machine.
pub fn is_installed() -> bool {
    Path::new(VENV).join("bin/waitress-serve").exists()
}

/// The system and the agent.
pub struct Desk {
    addr: SocketAddr,
    folder: PathBuf,
    webhook_url: String,
    client: reqwest::Client,
}

impl Desk {
    pub fn start(folder: &Path, hooks: &str, secret: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let desk = Self {
            addr: port.local_addr().expect("its number"),
            folder: folder.to_owned(),
            webhook_url: format!("{hooks}/webhooks/desk/ticketing/{secret}"),
            client: reqwest::Client::new(),
        };
        drop(port);
        desk.start_again();
        desk
    }

    pub fn start_again(&self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/django-helpdesk/start.sh");
        let started = Command::new(script)
            .args([VENV.as_ref(), self.folder.as_os_str()])
            .arg(self.addr.port().to_string())
            .env("HELPDESK_WEBHOOK_URL", &self.webhook_url)
            .output()
            .expect("start.sh runs");
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "start.sh: {said}");
    }

    pub fn stop(&self) {
        let pid = self.folder.join("pid");
        let Ok(number) = std::fs::read_to_string(&pid) else {
            return;
        };
        let tell = |signal: &str| {
            let told = Command::new("kill").args([signal, number.trim()]).output();
            told.is_ok_and(|told| told.status.success())
        };
        tell("-TERM");
        let give_up = Instant::now() + GONE_WITHIN;
        while tell("-0") {
            if Instant::now() > give_up {
                tell("-KILL");
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = std::fs::remove_file(pid);
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The id and the token of one of its people.
    fn person(&self, name: &str) -> (String, String) {
        let people = std::fs::read_to_string(self.folder.join("people")).expect("the people");
        let words = people.lines().find_map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            (words.next()? == name).then_some((words.next()?, words.next()?))
        });
        words.expect("this person")
    }

    pub fn config(&self) -> Config {
        let (id, token) = self.person("bridge");
        let (queue, _) = self.person("queue");
        Config {
            profile: "django-helpdesk".to_owned(),
            credentials: format!("token = \"{token}\""),
            options: format!(r#"{{ queue = "{queue}", bridge_user_id = "{id}" }}"#),
            creates_at: "/api/tickets/",
            logs_in_at: None,
            solved: "resolved",
            open_again: "reopened",
            lag: Duration::ZERO,
            webhooks: true,
        }
    }

    /// The answer, if the agent got one that means yes.
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Option<Value> {
        let method = method.parse().expect("a method");
        let (_, token) = self.person("agent1");
        let mut request = self
            .client
            .request(method, format!("http://{}/api{path}", self.addr))
            .header("authorization", format!("Token {token}"));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a whole answer");
        assert!(
            (200..300).contains(&status) || status == 500,
            "{path}: {status}: {text}"
        );
        serde_json::from_str(&text).ok()
    }

    async fn reads_all(&self) -> Vec<Value> {
        let found = self.ask("GET", "/tickets/?page_size=1000", None).await;
        let found = found.expect("a list");
        found["results"].as_array().cloned().expect("a list")
    }

    pub async fn opens(&self, user: &str, subject: &str) -> String {
        let (queue, _) = self.person("queue");
        let queue: u64 = queue.parse().expect("a number");
        let mail = format!("wa-{user}@wa.invalid");
        let ticket = json!({ "queue": queue, "title": subject, "description": "By an agent.",
                             "submitter_email": mail, "priority": 3 });
        let made = match self.ask("POST", "/tickets/", Some(ticket)).await {
            Some(made) => made,
            None => {
                let all = self.reads_all().await;
                let made = all
                    .into_iter()
                    .rfind(|t| t["submitter_email"] == mail.as_str());
                made.expect("it is there although it said no")
            }
        };
        made["id"].to_string()
    }

    async fn ticket(&self, ticket: &str) -> Value {
        let shown = self.ask("GET", &format!("/tickets/{ticket}/"), None).await;
        shown.expect("a ticket")
    }

    pub async fn sees(&self, ticket: &str) -> Seen {
        seen(&self.ticket(ticket).await)
    }

    pub async fn tickets(&self) -> Vec<Seen> {
        self.reads_all().await.iter().map(seen).collect()
    }

    async fn follows_up(&self, ticket: &str, text: &str, public: bool, status: Option<&str>) {
        let id: u64 = ticket.parse().expect("a number");
        let mut entry = json!({ "ticket": id, "comment": text, "public": public });
        if let Some(word) = status {
            let index = WORDS.iter().position(|known| *known == word);
            entry["new_status"] = json!(index.expect("a status") + 1);
        }
        self.ask("POST", "/followups/", Some(entry)).await;
        if let Some(word) = status {
            assert_eq!(self.sees(ticket).await.status, word);
        }
    }

    pub async fn sets_status(&self, ticket: &str, status: &str) {
        self.follows_up(ticket, "", false, Some(status)).await;
    }

    pub async fn replies(&self, ticket: &str, text: &str, status: Option<&str>) {
        self.follows_up(ticket, text, true, status).await;
    }

    pub async fn comments(&self, ticket: &str, text: &str) {
        self.follows_up(ticket, text, false, None).await;
    }

    async fn log_of(&self, ticket: &str) -> Vec<Value> {
        let shown = self.ticket(ticket).await;
        shown["followup_set"].as_array().cloned().expect("a log")
    }

    pub async fn reads(&self, ticket: &str) -> Vec<String> {
        let log = self.log_of(ticket).await;
        let words = |entry: &Value| entry["comment"].as_str().map(str::to_owned);
        log.iter().filter_map(words).collect()
    }

    pub async fn files(&self, ticket: &str) -> Vec<File> {
        let mut files = Vec::new();
        for entry in self.log_of(ticket).await {
            for file in entry["followupattachment_set"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
                let (_, path) = text("file")
                    .split_once("/media/")
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
                    .expect("its place");
                let held = std::fs::read(self.folder.join("media").join(path));
                files.push((text("filename"), text("mime_type"), held.expect("the file")));
            }
        }
        files
    }

    pub async fn notes_by_bridge(&self, ticket: &str) -> usize {
        let (bridge, _) = self.person("bridge");
        let bridge = bridge.parse::<u64>().ok();
        let log = self.log_of(ticket).await;
        let ours = |entry: &&Value| entry["user"].as_u64() == bridge && entry["public"] == false;
        log.iter().filter(ours).count()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop();
    }
}

is_an_agent!(Desk);

fn seen(ticket: &Value) -> Seen {
    let status = ticket["status"]
        .as_u64()
        .and_then(|n| usize::try_from(n).ok());
    let word = status.and_then(|n| WORDS.get(n.checked_sub(1)?));
    let conversation = ticket["custom_conversation_id"].as_str();
    Seen {
        id: ticket["id"].to_string(),
        status: word.copied().unwrap_or_default().to_owned(),
        conversation: conversation.filter(|id| !id.is_empty()).map(str::to_owned),
    }
}
