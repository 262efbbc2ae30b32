//! A person who works in Request Tracker, over its REST: makes tickets, answers, resolves, merges,
//! looks. Neighbour: `instance`, where they work. They do not come through the bridge's door.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A ticket as the agent sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its number.
    pub id: String,
    /// Its status.
    pub status: String,
    /// The conversation in its link field.
    pub conversation: Option<String>,
    /// The name of its first requestor.
    pub requestor: Option<String>,
}

/// One entry of a ticket's history.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `Create`, `Status`, `CustomField`, `Comment`, ...
    pub kind: String,
    /// Who did it.
    pub by: String,
}

/// The agent.
pub struct Agent {
    client: reqwest::Client,
    base: String,
    token: String,
}

impl Agent {
    /// Logs in.
    pub fn new(rt: SocketAddr, token: String) -> Self {
        Self {
            client: reqwest::Client::new(),
            base: format!("http://{rt}/REST/2.0"),
            token,
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let method = method.parse().expect("a method");
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header("authorization", format!("token {}", self.token));
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a whole answer");
        assert!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Makes a customer known to Request Tracker, under this name and with this phone.
    pub async fn adds_person(&self, name: &str, real_name: &str, phone: &str) {
        let person =
            json!({"Name": name, "RealName": real_name, "MobilePhone": phone, "Privileged": 0});
        self.ask("POST", "/user", Some(person)).await;
    }

    /// Opens a ticket for a customer, and tells its number.
    pub async fn opens_ticket(&self, requestor: &str, subject: &str) -> String {
        let ticket = json!({"Queue": "WhatsApp", "Subject": subject, "Requestor": [requestor], "Content": "By an agent."});
        let made = self.ask("POST", "/ticket", Some(ticket)).await;
        made["id"].as_str().expect("its number").to_owned()
    }

    /// Changes a ticket; gives back Request Tracker's sentences.
    pub async fn changes(&self, ticket: &str, change: Value) -> String {
        let path = format!("/ticket/{ticket}");
        self.ask("PUT", &path, Some(change)).await.to_string()
    }

    /// Sets a ticket's status.
    pub async fn sets_status(&self, ticket: &str, status: &str) {
        let said = self.changes(ticket, json!({"Status": status})).await;
        assert!(said.contains(&format!("to '{status}'")), "{said}");
    }

    /// Answers on a ticket; a status may go along.
    pub async fn replies(&self, ticket: &str, text: &str, status: Option<&str>) {
        let mut reply = json!({"Content": text, "ContentType": "text/plain"});
        if let Some(status) = status {
            reply["Status"] = json!(status);
        }
        let path = format!("/ticket/{ticket}/correspond");
        self.ask("POST", &path, Some(reply)).await;
    }

    /// Answers on a ticket with a file.
    pub async fn replies_with_file(&self, ticket: &str, text: &str, name: &str) {
        let file = json!({"FileName": name, "FileType": "application/pdf", "FileContent": STANDARD.encode(b"%PDF-")});
        let reply = json!({"Content": text, "ContentType": "text/plain", "Attachments": [file]});
        let path = format!("/ticket/{ticket}/correspond");
        self.ask("POST", &path, Some(reply)).await;
    }

    /// Writes on a ticket for other agents alone.
    pub async fn comments(&self, ticket: &str, text: &str) {
        let comment = json!({"Content": text, "ContentType": "text/plain"});
        let path = format!("/ticket/{ticket}/comment");
        self.ask("POST", &path, Some(comment)).await;
    }

    /// All texts on a ticket, oldest first.
    pub async fn reads(&self, ticket: &str) -> Vec<String> {
        let path = format!(
            "/ticket/{ticket}/attachments?fields=ContentType,Content&per_page=100&orderby=id"
        );
        let found = self.ask("GET", &path, None).await;
        let items = found["items"].as_array().expect("a list").iter();
        let texts = items.filter(|item| item["ContentType"] == "text/plain");
        let words = |item: &Value| item["Content"].as_str().unwrap_or_default().to_owned();
        texts.map(words).collect()
    }

    /// The files on a ticket, oldest first: name, type, bytes.
    pub async fn files(&self, ticket: &str) -> Vec<(String, String, Vec<u8>)> {
        let path = format!(
            "/ticket/{ticket}/attachments?fields=ContentType,Filename&per_page=100&orderby=id"
        );
        let found = self.ask("GET", &path, None).await;
        let items = found["items"].as_array().expect("a list").iter();
        let mut files = Vec::new();
        for item in items.filter(|item| item["Filename"].as_str().is_some_and(|n| !n.is_empty())) {
            let id = &item["id"];
            let id = id.as_str().map_or(id.to_string(), str::to_owned);
            let whole = self.ask("GET", &format!("/attachment/{id}"), None).await;
            let text = |key: &str| whole[key].as_str().unwrap_or_default().to_owned();
            let packed: String = text("Content").split_whitespace().collect();
            let bytes = STANDARD.decode(packed).expect("base64");
            files.push((text("Filename"), text("ContentType"), bytes));
        }
        files
    }

    /// Looks at a ticket.
    pub async fn sees(&self, ticket: &str) -> Seen {
        seen(&self.ask("GET", &format!("/ticket/{ticket}"), None).await)
    }

    /// The tickets that a search of Request Tracker's own kind finds.
    pub async fn finds(&self, search: &str) -> Vec<Seen> {
        let query = url_encoded(search);
        let path = format!(
            "/tickets?query={query}&fields=Status,CustomFields,Requestor&per_page=100&orderby=id"
        );
        let found = self.ask("GET", &path, None).await;
        let items = found["items"].as_array().expect("a list");
        assert!(items.len() < 100, "one page holds all tickets of this test");
        items.iter().map(seen).collect()
    }

    /// The phone of a user of Request Tracker.
    pub async fn phone_of(&self, user: &str) -> Value {
        let found = self.ask("GET", &format!("/user/{user}"), None).await;
        found["MobilePhone"].clone()
    }

    /// How many entries a user has made in all histories.
    pub async fn entries_by(&self, user: &str) -> usize {
        let query = url_encoded(&format!("Creator = '{user}'"));
        let mut entries = 0;
        for page in 1.. {
            let path = format!("/transactions?query={query}&orderby=id&per_page=100&page={page}");
            let found = self.ask("GET", &path, None).await;
            let items = found["items"].as_array().expect("a list").len();
            // A page may be short of what the agent may not see; the last is empty.
            if items == 0 {
                break;
            }
            entries += items;
        }
        entries
    }

    /// What was done on a ticket, oldest first.
    pub async fn history(&self, ticket: &str) -> Vec<Entry> {
        let path = format!("/ticket/{ticket}/history?fields=Type,Creator&per_page=100");
        let found = self.ask("GET", &path, None).await;
        let items = found["items"].as_array().expect("a list");
        assert!(items.len() < 100, "one page holds a history of this test");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entry = |item: &Value| Entry {
            kind: text(&item["Type"]),
            by: text(&item["Creator"]["id"]),
        };
        items.iter().map(entry).collect()
    }

    /// How many entries of a kind the bridge made on a ticket.
    pub async fn made_by_bridge(&self, ticket: &str, kind: &str) -> usize {
        let history = self.history(ticket).await;
        let ours = |entry: &&Entry| entry.by == "bridge" && entry.kind == kind;
        history.iter().filter(ours).count()
    }
}

fn seen(ticket: &Value) -> Seen {
    let id = &ticket["id"];
    let fields = ticket["CustomFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let link = fields.iter().find(|f| f["name"] == "ConversationId");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Seen {
        id: text(id).unwrap_or_else(|| id.to_string()),
        status: text(&ticket["Status"]).unwrap_or_default(),
        conversation: link.and_then(|field| text(&field["values"][0])),
        requestor: text(&ticket["Requestor"][0]["id"]),
    }
}

fn url_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
