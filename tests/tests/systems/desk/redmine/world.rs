//! What the fake Redmine keeps: issues and their journals. Neighbour: `answers`, its API.

use crate::desk::{
    File,
    fake::{self, Hook, Told, now, signed},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The id of the bridge's user.
pub const BRIDGE: u64 = 99;

/// The id of the agent.
pub const AGENT: u64 = 9;

/// The id of the issue field for the conversation.
pub const CONVERSATION: u64 = 5;

/// The id of the issue field for the customer's phone.
pub const PHONE: u64 = 6;

/// The statuses it comes with: id, name, whether an issue is over with it.
pub const STATUSES: [(u64, &str, bool); 6] = [
    (1, "New", false),
    (2, "In Progress", false),
    (3, "Resolved", false),
    (4, "Feedback", false),
    (5, "Closed", true),
    (6, "Rejected", true),
];

/// All of it.
#[derive(Default)]
pub struct World {
    pub issues: Vec<Issue>,
    /// Bytes that were brought, by their tokens; they hang nowhere yet.
    pub brought: BTreeMap<String, Vec<u8>>,
    journals: u64,
    /// Signs its webhooks; a version up to 5.0 sends none.
    pub secret: Option<String>,
}

/// An issue.
pub struct Issue {
    pub id: u64,
    pub subject: String,
    pub description: String,
    pub status: u64,
    pub author: u64,
    pub fields: BTreeMap<u64, String>,
    pub journals: Vec<Journal>,
    pub files: Vec<File>,
    pub created: i64,
    pub updated: i64,
}

/// One change of an issue, with words or without.
pub struct Journal {
    id: u64,
    pub by: u64,
    pub notes: String,
    pub private: bool,
    details: Vec<Value>,
    at: i64,
}

/// What is asked of an issue.
#[derive(Default)]
pub struct Change {
    pub notes: String,
    pub private: bool,
    pub status: Option<u64>,
    pub fields: BTreeMap<u64, String>,
    pub files: Vec<File>,
}

fn written(at: i64) -> String {
    fake::written(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// The workflow: from where to where. What was rejected stays so, and nobody goes back to `New`.
fn has_way(from: u64, to: u64) -> bool {
    from != to && from != 6 && (2..=6).contains(&to)
}

impl World {
    /// The coming version, which sends webhooks.
    pub fn with_webhooks(secret: &str) -> Self {
        Self {
            secret: Some(secret.to_owned()),
            ..Self::default()
        }
    }

    /// What is posted of a change, as `WebhookPayload` makes it: the issue, and the journal that is new.
    pub fn tells(&self, event: &str, issue: u64, told: &mut Told) {
        let (Some(secret), Some(issue)) = (&self.secret, self.issue(issue)) else {
            return;
        };
        let mut data = json!({ "issue": issue.shown(false) });
        let journal = issue.journals.last().filter(|_| event == "issue.updated");
        if let Some(journal) = journal {
            let mut shown = journal.shown();
            shown["private_notes"].take();
            data["journal"] = shown;
        }
        let body = json!({ "type": event, "timestamp": written(issue.updated), "data": data });
        let body = body.to_string();
        let proof = format!("sha256={}", signed(secret, &[&body]));
        told.push(Hook {
            path: String::new(),
            headers: vec![("x-redmine-signature-256", proof)],
            body,
        });
    }

    pub fn issue(&self, id: u64) -> Option<&Issue> {
        self.issues.iter().find(|issue| issue.id == id)
    }

    pub fn makes(
        &mut self,
        subject: &str,
        description: &str,
        author: u64,
        mut fields: BTreeMap<u64, String>,
    ) -> u64 {
        let id = u64::try_from(self.issues.len()).expect("few") + 1;
        fields.retain(|field, _| [CONVERSATION, PHONE].contains(field));
        self.issues.push(Issue {
            id,
            subject: subject.to_owned(),
            description: description.to_owned(),
            status: 1,
            author,
            fields,
            journals: Vec::new(),
            files: Vec::new(),
            created: now(),
            updated: now(),
        });
        id
    }

    /// Does what of it can be done, and tells nobody what could not: a status without a way to it, or a
    /// field that is not there, is passed over.
    pub fn changes(&mut self, issue: u64, by: u64, change: Change) {
        let found = self.issues.iter_mut().find(|known| known.id == issue);
        let issue = found.expect("this issue");
        let mut details = Vec::new();
        if let Some(status) = change.status.filter(|to| has_way(issue.status, *to)) {
            let (old, new) = (issue.status.to_string(), status.to_string());
            details.push(json!({ "property": "attr", "name": "status_id", "old_value": old, "new_value": new }));
            issue.status = status;
        }
        for (field, value) in change.fields {
            if ![CONVERSATION, PHONE].contains(&field) || issue.fields.get(&field) == Some(&value) {
                continue;
            }
            details
                .push(json!({ "property": "cf", "name": field.to_string(), "new_value": value }));
            issue.fields.insert(field, value);
        }
        for file in change.files {
            details.push(json!({ "property": "attachment", "name": "1", "new_value": file.0 }));
            issue.files.push(file);
        }
        if details.is_empty() && change.notes.is_empty() {
            return;
        }
        self.journals += 1;
        // Its times are whole seconds, and people do one thing a second.
        issue.updated = now().max(issue.updated + 1_000);
        issue.journals.push(Journal {
            id: self.journals,
            by,
            private: change.private && !change.notes.is_empty(),
            notes: change.notes,
            details,
            at: issue.updated,
        });
    }
}

impl Issue {
    pub fn is_over(&self) -> bool {
        let status = STATUSES.iter().find(|(id, ..)| *id == self.status);
        status.is_some_and(|(_, _, over)| *over)
    }

    /// As a list shows it, and with its journals where they were asked for.
    pub fn shown(&self, journals: bool) -> Value {
        let status = STATUSES.iter().find(|(id, ..)| *id == self.status);
        let (id, name, over) = status.expect("a status");
        let field = |field: u64, name: &str| {
            let value = self.fields.get(&field).map_or("", String::as_str);
            json!({ "id": field, "name": name, "value": value })
        };
        let mut shown = json!({
            "id": self.id, "project": { "id": 1, "name": "Support" }, "tracker": { "id": 3, "name": "Support" },
            "status": { "id": id, "name": name, "is_closed": over }, "priority": { "id": 2, "name": "Normal" },
            "author": { "id": self.author, "name": ".." }, "subject": self.subject, "description": self.description,
            "custom_fields": [field(CONVERSATION, "Conversation"), field(PHONE, "Phone")],
            "created_on": written(self.created), "updated_on": written(self.updated), "closed_on": null,
        });
        if journals {
            shown["journals"] = self.journals.iter().map(Journal::shown).collect();
        }
        shown
    }
}

impl Journal {
    fn shown(&self) -> Value {
        json!({ "id": self.id, "user": { "id": self.by, "name": ".." }, "notes": self.notes,
                "private_notes": self.private, "created_on": written(self.at), "details": self.details })
    }
}
