//! What the fake HubSpot keeps: objects, and what a search knows of each. Neighbour: `answers`, which shows
//! them.

use crate::desk::{
    File,
    fake::{Hook, Told, now, signed, written},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Duration};

/// The access token of the app.
pub const TOKEN: &str = "pat-of-this-test";
/// The unique property of tickets for the conversation.
pub const TALK: &str = "jelou_conversation_id";
/// The unique property of contacts for the customer.
pub const CUSTOMER: &str = "jelou_customer_id";
/// How far a search is behind: seconds at HubSpot, here less, so that no story waits long for one.
pub const LAG: Duration = Duration::from_millis(300);

/// The stages of the first pipeline.
pub const STAGES: [(&str, &str); 4] = [
    ("new", "1"),
    ("waiting on contact", "2"),
    ("waiting on us", "3"),
    ("closed", "4"),
];

/// The properties that a site has, beside those that HubSpot fills in.
const PROPERTIES: [(Kind, &[&str]); 3] = [
    (
        Kind::Ticket,
        &[
            "subject",
            "content",
            "hs_pipeline",
            "hs_pipeline_stage",
            "hs_ticket_priority",
            "hubspot_owner_id",
            TALK,
        ],
    ),
    (
        Kind::Contact,
        &[
            "firstname",
            "lastname",
            "email",
            "phone",
            "mobilephone",
            CUSTOMER,
        ],
    ),
    (
        Kind::Note,
        &["hs_timestamp", "hs_note_body", "hs_attachment_ids"],
    ),
];

/// A time as HubSpot writes it.
const ISO: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ticket,
    Contact,
    Note,
}

/// Whose hand it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    Agent,
    Bridge,
}

#[derive(Clone, Debug)]
pub struct Object {
    pub kind: Kind,
    pub id: String,
    pub properties: Map<String, Value>,
    /// The contact of a ticket, the ticket of a note.
    pub associated: Option<String>,
    pub created: i64,
    pub updated: i64,
    /// What it was before, each with when it became so: a search goes by what is old enough.
    before: Vec<Object>,
}

impl Object {
    pub fn text(&self, property: &str) -> &str {
        let value = self.properties.get(property).and_then(Value::as_str);
        value.unwrap_or_default()
    }

    /// What a search knows of it.
    pub fn indexed(&self) -> Option<&Object> {
        let lag = i64::try_from(LAG.as_millis()).expect("less than a second");
        let until = now() - lag;
        let mut versions = std::iter::once(self).chain(self.before.iter().rev());
        versions.find(|version| version.updated <= until)
    }

    /// With the properties that are asked for, and those that always come.
    pub fn shown(&self, asked: &[&str]) -> Value {
        let mut properties = Map::new();
        for name in
            asked
                .iter()
                .copied()
                .chain(["createdate", "hs_lastmodifieddate", "hs_object_id"])
        {
            let value = self.properties.get(name).cloned();
            properties.insert(name.to_owned(), value.unwrap_or_default());
        }
        json!({
            "id": self.id, "properties": properties, "createdAt": written(self.created, ISO),
            "updatedAt": written(self.updated, ISO), "archived": false,
        })
    }
}

/// A refusal's status, category and code.
pub type Refused = (u16, &'static str, &'static str);

pub struct World {
    pub objects: Vec<Object>,
    /// What lies in the files tool, by its ids.
    pub files: BTreeMap<String, File>,
    hooks: String,
    secret: String,
    last: u64,
}

impl World {
    /// The address is part of what is signed.
    pub fn new(hooks: &str, secret: &str) -> Self {
        Self {
            objects: Vec::new(),
            files: BTreeMap::new(),
            hooks: hooks.to_owned(),
            secret: secret.to_owned(),
            last: 80,
        }
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub fn keeps_file(&mut self, file: File) -> String {
        let id = self.next().to_string();
        self.files.insert(id.clone(), file);
        id
    }

    pub fn object(&self, id: &str) -> &Object {
        self.objects.iter().find(|o| o.id == id).expect("this one")
    }

    pub fn of(&self, kind: Kind, id: &str) -> Option<&Object> {
        self.objects.iter().find(|o| o.kind == kind && o.id == id)
    }

    /// The one with this value of a property.
    pub fn with(&self, kind: Kind, property: &str, value: &str) -> Option<&Object> {
        let mut of_kind = self.objects.iter().filter(|o| o.kind == kind);
        of_kind.find(|o| o.text(property) == value)
    }

    pub fn notes(&self, ticket: &str) -> impl Iterator<Item = &Object> {
        let notes = self.objects.iter().filter(|o| o.kind == Kind::Note);
        notes.filter(move |o| o.associated.as_deref() == Some(ticket))
    }

    /// Whether a site would take these properties for an object of this kind, which may be there already.
    pub fn takes(&self, kind: Kind, id: Option<&str>, asked: &Value) -> Result<(), Refused> {
        let known = PROPERTIES.iter().find(|(of, _)| *of == kind);
        let (_, known) = known.expect("each kind has some");
        for (name, value) in asked.as_object().into_iter().flatten() {
            if !known.contains(&name.as_str()) {
                return Err((400, "VALIDATION_ERROR", "PROPERTY_DOESNT_EXIST"));
            }
            let value = value.as_str().unwrap_or_default();
            let is_stage = STAGES.iter().any(|(_, stage)| *stage == value);
            if name == "hs_pipeline_stage" && !is_stage {
                return Err((400, "VALIDATION_ERROR", "INVALID_OPTION"));
            }
            let unique = name == TALK || name == CUSTOMER;
            let other = self.with(kind, name, value).map(|o| o.id.as_str());
            if unique && other.is_some() && other != id {
                return Err((400, "VALIDATION_ERROR", "CONFLICTING_UNIQUE_VALUE"));
            }
        }
        Ok(())
    }

    pub fn makes(&mut self, kind: Kind, asked: &Value, by: Writer) -> String {
        let (id, at) = (self.next().to_string(), now());
        let (source, user) = match by {
            Writer::Agent => ("CRM_UI", json!("7")),
            Writer::Bridge => ("INTEGRATION", Value::Null),
        };
        let mut properties = Map::new();
        properties.insert("hs_object_id".to_owned(), json!(id));
        properties.insert("createdate".to_owned(), json!(written(at, ISO)));
        properties.insert("hs_createdate".to_owned(), json!(written(at, ISO)));
        properties.insert("hs_object_source".to_owned(), json!(source));
        properties.insert("hs_created_by_user_id".to_owned(), user);
        self.objects.push(Object {
            kind,
            id: id.clone(),
            properties,
            associated: None,
            created: at,
            // Not there yet: no search knows it as it is now.
            updated: i64::MAX,
            before: Vec::new(),
        });
        self.changes(&id, asked);
        id
    }

    pub fn changes(&mut self, id: &str, asked: &Value) {
        let found = self.objects.iter_mut().find(|o| o.id == id);
        let object = found.expect("this one");
        let mut old = object.clone();
        old.before.clear();
        object.before.push(old);
        object.updated = now();
        for (name, value) in asked.as_object().into_iter().flatten() {
            object.properties.insert(name.clone(), value.clone());
        }
        let at = json!(written(object.updated, ISO));
        object
            .properties
            .insert("hs_lastmodifieddate".to_owned(), at);
    }

    pub fn associates(&mut self, from: &str, to: &str) {
        self.changes(from, &json!({}));
        let found = self.objects.iter_mut().find(|o| o.id == from);
        found.expect("this one").associated = Some(to.to_owned());
    }

    /// A note on a ticket, which stays as it was: no page says that anything of it moves.
    pub fn writes_note(&mut self, ticket: &str, body: &str, by: Writer) -> String {
        let note = self.makes(Kind::Note, &json!({ "hs_note_body": body }), by);
        self.associates(&note, ticket);
        note
    }

    /// One body with all of it: that a ticket was made, and which properties changed.
    pub fn tells_of(&mut self, id: &str, changed: &[&str], made: bool, told: &mut Told) {
        let mut events = Vec::new();
        let at = now();
        let mut happened = |event: u64, kind: &str, more: Value| {
            let mut body = json!({
                "eventId": event, "subscriptionId": 3_866_305, "portalId": 47_289_184, "appId": 5_315_783,
                "occurredAt": at, "subscriptionType": kind, "attemptNumber": 0,
                "objectId": id.parse::<u64>().expect("a number"), "changeSource": "CRM_UI",
            });
            for (name, value) in more.as_object().into_iter().flatten() {
                body[name] = value.clone();
            }
            events.push(body);
        };
        if made {
            happened(
                self.next(),
                "ticket.creation",
                json!({ "changeFlag": "NEW" }),
            );
        }
        for name in changed {
            let value = self.object(id).text(name).to_owned();
            let more = json!({ "propertyName": name, "propertyValue": value });
            happened(self.next(), "ticket.propertyChange", more);
        }
        told.push(self.posted(&Value::Array(events).to_string()));
    }

    /// All that these bodies tell, in one.
    pub fn gathered(&self, told: &Told) -> Hook {
        let events = told.iter().flat_map(|hook| {
            let events: Vec<Value> = serde_json::from_str(&hook.body).expect("a list");
            events
        });
        self.posted(&Value::Array(events.collect()).to_string())
    }

    fn posted(&self, body: &str) -> Hook {
        let at = now().to_string();
        let host = self.hooks.trim_start_matches("http://");
        let address = format!("https://{host}/webhooks/desk/ticketing");
        let hex = signed(&self.secret, &["POST", &address, body, &at]);
        let pairs = hex.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).expect("digits");
            u8::from_str_radix(pair, 16).expect("a byte")
        });
        let proof = STANDARD.encode(pairs.collect::<Vec<u8>>());
        Hook {
            path: String::new(),
            headers: vec![
                ("X-HubSpot-Signature-v3", proof),
                ("X-HubSpot-Request-Timestamp", at),
            ],
            body: body.to_owned(),
        }
    }
}
