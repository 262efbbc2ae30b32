//! What the fake Freshdesk keeps: contacts, tickets, what is said on them. Neighbour: `answers`, its API.

use crate::desk::{
    File,
    fake::{self, Hook, Told, hurried, now, plain},
};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The id of the bridge's agent.
pub const BRIDGE: u64 = 99;

/// The id of the agent.
pub const AGENT: u64 = 9;

/// The one field that the site has beside Freshdesk's own.
pub const FIELD: &str = "cf_conversation_id";

/// How long its search does not know of a change: minutes there, less here.
const INDEX_LAGS_MS: i64 = 1_500;

/// The same for the bridge, which waits for it.
const INDEX_LAGS_SECONDS: u64 = 2;

/// All of it.
pub struct World {
    pub tickets: Vec<Ticket>,
    pub contacts: Vec<Contact>,
    /// How many calls were asked for.
    pub calls: u64,
    pub profile: PathBuf,
    last: u64,
    secret: String,
}

/// A customer.
pub struct Contact {
    pub id: u64,
    pub name: String,
    pub mobile: Option<String>,
    pub email: Option<String>,
    pub external_id: Option<String>,
}

/// A ticket.
pub struct Ticket {
    pub id: u64,
    pub subject: String,
    pub description: String,
    pub status: u64,
    pub requester: u64,
    pub tags: Value,
    pub fields: Map<String, Value>,
    pub said: Vec<(Value, Said)>,
    pub files: Vec<File>,
    pub created: i64,
    pub updated: i64,
    /// The fields as its search knows them, and since when it does.
    indexed: Vec<(i64, Map<String, Value>)>,
}

/// A reply or a note.
#[derive(Clone)]
pub struct Said {
    pub user: u64,
    pub body: String,
    pub private: bool,
    pub incoming: bool,
}

fn written(at: i64) -> String {
    fake::written(at, "%Y-%m-%dT%H:%M:%SZ")
}

impl World {
    pub fn new(folder: &Path, secret: &str) -> Self {
        Self {
            tickets: Vec::new(),
            contacts: Vec::new(),
            calls: 0,
            profile: hurried("freshdesk", folder, INDEX_LAGS_SECONDS),
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

    pub fn ticket_mut(&mut self, id: u64) -> Option<&mut Ticket> {
        self.tickets.iter_mut().find(|ticket| ticket.id == id)
    }

    pub fn adds_contact(
        &mut self,
        name: &str,
        mobile: Option<String>,
        email: Option<String>,
        external_id: Option<String>,
    ) -> u64 {
        let id = self.next();
        self.contacts.push(Contact {
            id,
            name: name.to_owned(),
            mobile,
            email,
            external_id,
        });
        id
    }

    pub fn makes(
        &mut self,
        subject: &str,
        description: &str,
        requester: u64,
        fields: Map<String, Value>,
    ) -> u64 {
        let id = self.next();
        self.tickets.push(Ticket {
            id,
            subject: subject.to_owned(),
            description: description.to_owned(),
            status: 2,
            requester,
            tags: json!([]),
            indexed: vec![(now() + INDEX_LAGS_MS, fields.clone())],
            fields,
            said: Vec::new(),
            files: Vec::new(),
            created: now(),
            updated: now(),
        });
        id
    }

    pub fn adds(&mut self, ticket: u64, said: Said, files: Vec<File>, told: &mut Told) -> Value {
        let number =
            |file: &File| json!({ "name": file.0, "content_type": file.1, "size": file.2.len() });
        let shown = json!({
            "id": self.next(), "ticket_id": ticket, "user_id": said.user, "body": said.body,
            "body_text": plain(&said.body), "private": said.private, "incoming": said.incoming,
            "source": if said.private || said.incoming { 2 } else { 0 }, "created_at": written(now()),
            "updated_at": written(now()), "attachments": files.iter().map(number).collect::<Vec<_>>(),
        });
        let on = self.ticket_mut(ticket).expect("this ticket");
        on.updated = now();
        on.said.push((shown.clone(), said));
        on.files.extend(files);
        self.tells(ticket, "{note_type: ..}", told);
        shown
    }

    /// The rule's webhook: its operator's words, and the ticket's number as a text.
    pub fn tells(&self, ticket: u64, event: &str, told: &mut Told) {
        told.push(Hook {
            path: String::new(),
            headers: vec![("x-bridge-secret", self.secret.clone())],
            body: json!({ "ticket_id": ticket.to_string(), "event": event }).to_string(),
        });
    }

    /// A ticket, with its requester beside it where that was asked for.
    pub fn shown(&self, ticket: &Ticket, requester: bool) -> Value {
        let mut shown = json!({
            "id": ticket.id, "subject": ticket.subject, "status": ticket.status, "priority": 1, "source": 2,
            "type": null, "tags": ticket.tags, "requester_id": ticket.requester, "responder_id": null,
            "group_id": null, "company_id": null, "spam": false, "custom_fields": ticket.fields,
            "created_at": written(ticket.created), "updated_at": written(ticket.updated),
        });
        if requester {
            let contact = self.contacts.iter().find(|c| c.id == ticket.requester);
            let contact = contact.expect("nobody was deleted");
            shown["requester"] = json!({ "id": contact.id, "name": contact.name, "email": contact.email,
                                         "mobile": contact.mobile, "phone": null });
        }
        shown
    }
}

impl Ticket {
    pub fn sets_fields(&mut self, fields: Map<String, Value>) {
        self.fields.extend(fields);
        self.indexed
            .push((now() + INDEX_LAGS_MS, self.fields.clone()));
    }

    /// Whether its search finds this text in the field.
    pub fn is_found_by(&self, wanted: &str) -> bool {
        let known = self.indexed.iter().rfind(|(since, _)| *since <= now());
        known.is_some_and(|(_, fields)| fields.get(FIELD) == Some(&json!(wanted)))
    }
}

impl Contact {
    pub fn shown(&self) -> Value {
        json!({ "id": self.id, "name": self.name, "mobile": self.mobile, "phone": null, "email": self.email,
                "unique_external_id": self.external_id, "active": false })
    }
}
