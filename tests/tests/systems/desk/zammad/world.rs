//! What the fake Zammad keeps: users, tickets, articles, and the index behind its searches. Neighbour:
//! `answers`, its API.

use crate::desk::{
    File,
    fake::{self, Hook, Told, hurried, now},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha1::Sha1;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The id of the bridge's user.
pub const BRIDGE: u64 = 3;

/// The id of the agent.
pub const AGENT: u64 = 5;

/// The attribute that the site has beside Zammad's own.
pub const FIELD: &str = "conversation_id";

/// How long its index does not know of a change.
pub const INDEX_LAGS: Duration = Duration::from_secs(1);

/// What the bridge waits for it.
const INDEX_LAGS_SECONDS: u64 = 2;

/// The states it comes with.
const STATES: [&str; 7] = [
    "new",
    "open",
    "pending reminder",
    "pending close",
    "closed",
    "merged",
    "removed",
];

/// All of it.
pub struct World {
    pub tickets: Vec<Ticket>,
    pub users: Vec<User>,
    pub profile: PathBuf,
    last: u64,
    secret: String,
}

/// A person who is no agent.
pub struct User {
    pub id: u64,
    pub login: String,
    pub firstname: String,
    pub mobile: Option<String>,
    pub email: Option<String>,
    pub created: i64,
}

/// A ticket.
pub struct Ticket {
    pub id: u64,
    pub title: String,
    pub state: &'static str,
    pub customer: u64,
    pub tags: Vec<String>,
    pub attributes: Map<String, Value>,
    pub articles: Vec<Article>,
    pub files: Vec<File>,
    pub created: i64,
    pub updated: i64,
    updated_by: u64,
    /// What the index was given: when, and the attributes of that moment.
    indexed: Vec<(i64, Map<String, Value>)>,
}

/// What is said on a ticket.
#[derive(Clone)]
pub struct Article {
    pub id: u64,
    pub by: u64,
    pub sender: &'static str,
    pub body: String,
    pub kind: String,
    pub internal: bool,
    pub at: i64,
}

impl Article {
    pub fn by(by: u64, body: &str, kind: &str, internal: bool) -> Self {
        Self {
            id: 0,
            by,
            sender: "Agent",
            body: body.to_owned(),
            kind: kind.to_owned(),
            internal,
            at: now(),
        }
    }
}

fn written(at: i64) -> String {
    fake::written(at, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

fn lag_ms() -> i64 {
    i64::try_from(INDEX_LAGS.as_millis()).expect("little")
}

impl World {
    pub fn new(folder: &Path, secret: &str) -> Self {
        Self {
            tickets: Vec::new(),
            users: Vec::new(),
            profile: hurried("zammad", folder, INDEX_LAGS_SECONDS),
            last: 100,
            secret: secret.to_owned(),
        }
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub fn ticket(&self, id: u64) -> Option<&Ticket> {
        self.tickets.iter().find(|ticket| ticket.id == id)
    }

    pub fn ticket_mut(&mut self, id: u64) -> &mut Ticket {
        let found = self.tickets.iter_mut().find(|ticket| ticket.id == id);
        found.expect("this ticket")
    }

    pub fn adds_user(
        &mut self,
        login: &str,
        firstname: &str,
        mobile: Option<String>,
        email: Option<String>,
    ) -> u64 {
        let id = self.next();
        self.users.push(User {
            id,
            login: login.to_owned(),
            firstname: firstname.to_owned(),
            mobile,
            email,
            created: now(),
        });
        id
    }

    /// A ticket whose first article comes next.
    pub fn makes(
        &mut self,
        title: &str,
        customer: u64,
        by: u64,
        attributes: Map<String, Value>,
    ) -> u64 {
        let id = self.next();
        self.tickets.push(Ticket {
            id,
            title: title.to_owned(),
            state: "new",
            customer,
            tags: Vec::new(),
            attributes,
            articles: Vec::new(),
            files: Vec::new(),
            created: now(),
            updated: now(),
            updated_by: by,
            indexed: Vec::new(),
        });
        self.ticket_mut(id).touched(by);
        id
    }

    /// Sets a state, if there is one of this name.
    pub fn moves(&mut self, ticket: u64, state: &str, by: u64) -> bool {
        let Some(known) = STATES.iter().find(|known| **known == state) else {
            return false;
        };
        let ticket = self.ticket_mut(ticket);
        ticket.state = known;
        ticket.touched(by);
        true
    }

    pub fn adds(
        &mut self,
        ticket: u64,
        mut article: Article,
        files: Vec<File>,
        told: &mut Told,
    ) -> u64 {
        let id = self.next();
        article.id = id;
        let on = self.ticket_mut(ticket);
        on.touched(article.by);
        on.files.extend(files);
        on.articles.push(article.clone());
        self.tells(ticket, Some(&article), told);
        id
    }

    /// The trigger's webhook: the ticket with whole objects in it, and the article that the change brought.
    pub fn tells(&mut self, ticket: u64, article: Option<&Article>, told: &mut Told) {
        let person = |id: u64| json!({ "id": id, "login": "..", "roles": ["Agent"] });
        let of = self.ticket(ticket).expect("this ticket");
        let mut shown = self.shown(of);
        for key in ["owner", "customer", "group"] {
            shown[key] = json!({ "id": shown[format!("{key}_id")], "active": true });
        }
        shown["priority"] = json!({ "id": 2, "name": "2 normal" });
        shown["updated_by"] = person(of.updated_by);
        let article = article.map_or(json!({}), |article| {
            let mut shown = article.shown(ticket);
            shown["created_by"] = person(article.by);
            shown
        });
        let body = json!({ "ticket": shown, "article": article }).to_string();
        let mut mac = Hmac::<Sha1>::new_from_slice(self.secret.as_bytes()).expect("any length");
        mac.update(body.as_bytes());
        let mac = mac.finalize().into_bytes();
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        told.push(Hook {
            path: String::new(),
            headers: vec![
                ("user-agent", "Zammad User Agent".to_owned()),
                ("x-zammad-trigger", "Tell the bridge".to_owned()),
                ("x-zammad-delivery", format!("job-{}", self.next())),
                ("x-hub-signature", format!("sha1={hex}")),
            ],
            body,
        });
    }

    /// A ticket as `expand=true` shows it.
    pub fn shown(&self, ticket: &Ticket) -> Value {
        let customer = self.users.iter().find(|user| user.id == ticket.customer);
        let login = customer.map(|user| user.login.as_str());
        let mut shown = json!({
            "id": ticket.id, "number": (10_000 + ticket.id).to_string(), "title": ticket.title, "group": "Users",
            "group_id": 1, "state": ticket.state, "state_id": 2, "priority": "2 normal", "priority_id": 2,
            "owner": "-", "owner_id": 1, "customer": login, "customer_id": ticket.customer, FIELD: null,
            "article_count": ticket.articles.len(), "updated_by_id": ticket.updated_by,
            "created_at": written(ticket.created), "updated_at": written(ticket.updated),
        });
        for (name, value) in &ticket.attributes {
            shown[name] = value.clone();
        }
        shown
    }
}

impl Ticket {
    pub fn touched(&mut self, by: u64) {
        self.updated = now();
        self.updated_by = by;
        let mut known = self.attributes.clone();
        known.insert("updated_at".to_owned(), json!(self.updated));
        known.insert("customer_id".to_owned(), json!(self.customer));
        self.indexed.push((self.updated, known));
    }

    /// As the index knows it by now.
    pub fn indexed(&self) -> Option<&Map<String, Value>> {
        let over = now() - lag_ms();
        let known = self.indexed.iter().rfind(|(at, _)| *at <= over);
        known.map(|(_, attributes)| attributes)
    }
}

impl User {
    pub fn is_indexed(&self) -> bool {
        self.created <= now() - lag_ms()
    }

    pub fn shown(&self) -> Value {
        json!({ "id": self.id, "login": self.login, "firstname": self.firstname, "lastname": "", "email": self.email,
                "mobile": self.mobile, "phone": "", "active": true, "roles": ["Customer"] })
    }
}

impl Article {
    pub fn shown(&self, ticket: u64) -> Value {
        json!({
            "id": self.id, "ticket_id": ticket, "sender": self.sender, "type": "note", "internal": self.internal,
            "content_type": self.kind, "body": self.body, "created_by_id": self.by, "attachments": [],
            "created_at": written(self.at), "updated_at": written(self.at),
        })
    }
}
