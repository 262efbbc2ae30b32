//! What the fake Jira keeps: people, issues, what is said on them. Neighbour: `answers`, its API.

use crate::desk::{
    File,
    fake::{self, Hook, Told, now, signed},
};
use serde_json::{Map, Value, json};

/// The accountId of the bridge.
pub const BRIDGE: &str = "5b10a2844c20165700ede21g";

/// The accountId of the agent.
pub const AGENT: &str = "99:27935d01-92a7-4687-8272-a9b8d3b2ae2e";

/// Every status there is; a done issue can only be taken up again.
const STATUSES: [&str; 3] = ["Waiting for support", "In Progress", "Resolved"];

/// All of it.
#[derive(Default)]
pub struct World {
    pub issues: Vec<Issue>,
    /// accountId, mail, name.
    pub people: Vec<(String, String, String)>,
    /// Files that were brought and hang nowhere yet.
    pub brought: Vec<File>,
    secret: String,
    posted: usize,
}

/// An issue.
pub struct Issue {
    pub key: String,
    pub summary: String,
    pub description: String,
    pub status: &'static str,
    pub reporter: (String, String, String),
    pub fields: Map<String, Value>,
    pub created: i64,
    pub updated: i64,
    pub comments: Vec<Comment>,
    pub files: Vec<File>,
}

/// A comment.
pub struct Comment {
    pub id: String,
    pub author: String,
    pub body: String,
    pub public: bool,
    pub created: i64,
}

fn written(at: i64) -> String {
    fake::written(at, "%Y-%m-%dT%H:%M:%S.%3f+0000")
}

impl World {
    pub fn new(secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            ..Self::default()
        }
    }

    pub fn issue(&self, key: &str) -> &Issue {
        let found = self.issues.iter().find(|issue| issue.key == key);
        found.expect("this issue")
    }

    pub fn issue_mut(&mut self, key: &str) -> &mut Issue {
        let found = self.issues.iter_mut().find(|issue| issue.key == key);
        found.expect("this issue")
    }

    /// The person with this mail address, made if there is none.
    pub fn person(&mut self, mail: &str, name: &str) -> String {
        if let Some((id, ..)) = self.people.iter().find(|(_, m, _)| m == mail) {
            return id.clone();
        }
        let id = format!("qm:{}", self.people.len());
        self.people
            .push((id.clone(), mail.to_owned(), name.to_owned()));
        id
    }

    pub fn makes(&mut self, summary: &str, person: &str, mut fields: Map<String, Value>) -> String {
        let reporter = self.people.iter().find(|(id, ..)| id == person);
        let reporter = reporter.cloned().expect("a person");
        let text = |value: Option<Value>| match value {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let key = format!("SUP-{}", self.issues.len() + 1);
        fields.remove("summary");
        self.issues.push(Issue {
            key: key.clone(),
            summary: summary.to_owned(),
            description: text(fields.remove("description")),
            status: STATUSES[0],
            reporter,
            fields,
            created: now(),
            updated: now(),
            comments: Vec::new(),
            files: Vec::new(),
        });
        key
    }

    pub fn moves(&mut self, key: &str, status: &str) {
        let known = STATUSES
            .iter()
            .find(|known| known.to_lowercase() == status.to_lowercase());
        let issue = self.issue_mut(key);
        issue.status = known.expect("a status");
        issue.updated = now();
    }

    pub fn comments(
        &mut self,
        key: &str,
        author: &str,
        body: &str,
        public: bool,
        told: &mut Told,
    ) -> String {
        let issue = self.issue_mut(key);
        let id = format!(
            "{}-{}",
            issue.key.trim_start_matches("SUP-"),
            issue.comments.len() + 1
        );
        issue.updated = now();
        let comment = Comment {
            id: id.clone(),
            author: author.to_owned(),
            body: body.to_owned(),
            public,
            created: now(),
        };
        let body = json!({ "timestamp": now(), "webhookEvent": "comment_created", "comment": comment.shown(),
                           "issue": issue.shown_in_part() });
        issue.comments.push(comment);
        self.tells(body, told);
        id
    }

    pub fn tells_of_issue(&mut self, event: &str, key: &str, by: &str, told: &mut Told) {
        let issue = self.issue(key).shown();
        let body = json!({ "timestamp": now(), "webhookEvent": event, "issue": issue,
                           "user": { "accountId": by, "accountType": "atlassian" } });
        self.tells(body, told);
    }

    fn tells(&mut self, body: Value, told: &mut Told) {
        let body = body.to_string();
        let signature = format!("sha256={}", signed(&self.secret, &[&body]));
        self.posted += 1;
        told.push(Hook {
            path: String::new(),
            headers: vec![
                ("x-hub-signature", signature),
                (
                    "x-atlassian-webhook-identifier",
                    format!("hook-{}", self.posted),
                ),
            ],
            body,
        });
    }
}

impl Issue {
    /// The ways there are from where it is: number, name, where to.
    pub fn ways(&self) -> Vec<Value> {
        let from_here = |to: &&&str| match self.status {
            "Resolved" => **to == "In Progress",
            here => **to != here,
        };
        let way = |to: &&str| json!({ "id": format!("7{}", to.len()), "name": format!("Take it to {}", to.len()), "to": { "name": to } });
        STATUSES.iter().filter(from_here).map(way).collect()
    }

    pub fn shown(&self) -> Value {
        let (id, mail, name) = &self.reporter;
        let category = if self.status == "Resolved" {
            "done"
        } else {
            "indeterminate"
        };
        let mut fields = json!({
            "summary": self.summary, "status": { "name": self.status, "statusCategory": { "key": category } },
            "priority": { "name": "Medium" }, "labels": [], "project": { "key": "SUP" }, "assignee": null,
            "reporter": { "accountId": id, "emailAddress": mail, "displayName": name, "accountType": "customer" },
            "created": written(self.created), "updated": written(self.updated), "customfield_10050": null,
        });
        for (name, value) in &self.fields {
            fields[name] = value.clone();
        }
        json!({ "id": format!("100{}", self.key.trim_start_matches("SUP-")), "key": self.key, "fields": fields })
    }

    /// As it stands beside a comment.
    pub fn shown_in_part(&self) -> Value {
        json!({ "key": self.key, "fields": { "summary": self.summary, "status": { "name": self.status } } })
    }
}

impl Comment {
    pub fn shown(&self) -> Value {
        json!({ "id": self.id, "author": { "accountId": self.author, "accountType": "atlassian" }, "body": self.body,
                "created": written(self.created), "jsdPublic": self.public })
    }
}
